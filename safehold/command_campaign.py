"""`safehold campaign`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safehold.campaign import progress as displays
from safehold.campaign.folder import choose_folder, scenario_name
from safehold.campaign.selection import KEEP, Part
from safehold.code_id import import_numba_lightly
from safehold.command_run import Interrupt
from safehold.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from safehold.folder import DEFAULT_PARENT

if TYPE_CHECKING:
    from safehold.campaign.expand import Campaign
    from safehold.campaign.summary import Summary

CRASHED_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOptions:
    """The options of `safehold campaign`."""

    campaign: str
    plan: bool = False
    engine: str = "local"
    workers: int | None = None
    out: Path | None = None
    seed: int | None = None
    runs: int | None = None
    part: str = "1/1"
    store: Path | None = None
    merge: tuple[Path, ...] = ()
    fork: bool = True
    early_stop: bool = True
    keep_runs: str = "none"
    yes: bool = False
    json_output: bool = False
    quiet: bool = False


def campaign_command(options: CampaignOptions) -> int:
    """Plan or fly a campaign, print; returns the exit code."""
    import_numba_lightly()
    part = _checked(options)
    from safehold.campaign.definition import load_campaign
    from safehold.campaign.execute import check_engine, execute, identity_of

    check_engine(options.engine)
    overrides = {name: value for name in ("seed", "runs") if (value := getattr(options, name)) is not None}
    campaign = load_campaign(options.campaign, overrides)
    workers = options.workers or os.cpu_count() or 1
    if options.plan:
        return _print_plan(campaign, options, workers)
    if campaign.needs_confirmation and not options.yes:
        raise campaign.confirmation()
    identity = identity_of(campaign, fork=options.fork, early_stop=options.early_stop, part=part)
    silent = options.quiet or (options.json_output and not sys.stderr.isatty())
    with Interrupt() as interrupt:
        summary = execute(
            campaign,
            choose_folder(options.out, identity, Path(DEFAULT_PARENT)),
            engine=options.engine,
            workers=workers,
            part=part,
            fork=options.fork,
            early_stop=options.early_stop,
            store=options.store,
            merge=options.merge,
            keep=options.keep_runs,
            progress=displays.choose(campaign.name, quiet=silent),
            stopped=lambda: interrupt.wished,
        )
    try:
        _print_result(summary, campaign, options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has left (`| head`): what is left to say goes nowhere, the exit code stays.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if summary.stopped:
        return EXIT_INTERRUPTED
    return EXIT_OK if summary.ok else EXIT_FAILED


def _checked(options: CampaignOptions) -> Part:
    """What is wrong with the options whatever the campaign; the part."""
    try:
        part = Part.parse(options.part)
    except ValueError as error:
        raise UsageError("SH-CLI-002", f"--part: {error}") from None
    if options.keep_runs not in KEEP:
        raise UsageError("SH-CLI-002", f"--keep-runs: {options.keep_runs!r} is not one of {', '.join(KEEP)}")
    if options.merge and part.of > 1:
        raise UsageError("SH-CLI-001", "--merge makes the whole of its parts; leave out --part")
    return part


def _print_plan(campaign: Campaign, options: CampaignOptions, workers: int) -> int:
    from safehold.campaign.plan import calibrate, plan, plan_document, plan_lines

    found = plan(campaign, workers=workers, calibration=calibrate(campaign))
    if options.json_output:
        print(json.dumps(plan_document(found), indent=2, allow_nan=False))
    else:
        print("\n".join(plan_lines(found)))
    return EXIT_OK


# --- what a person is told ----------------------------------------------------------------------------------


def _print_result(summary: Summary, campaign: Campaign, options: CampaignOptions) -> None:
    lines = list(summary_lines(summary, campaign.name, campaign.seed))
    if options.json_output:
        _print_json(summary)
        if not options.quiet:
            print("\n".join(lines), file=sys.stderr)
    else:
        print("\n".join(lines))


def _print_json(summary: Summary) -> None:
    """campaign.json as it is; of a campaign that was stopped, what there is."""
    path = summary.folder / "campaign.json"
    if path.exists():
        with path.open(encoding="utf-8") as file:
            for piece in file:
                sys.stdout.write(piece)
        return
    print(json.dumps({"complete": False, "done": summary.done, "planned": summary.total, "runs": []}))


def summary_lines(summary: Summary, name: str, seed: int) -> Sequence[str]:
    """What a person is told at the end, the replay of the first failure last."""
    lines = [f"campaign {name}, seed {seed}: {summary.done:,} of {summary.total:,} runs", _flown(summary)]
    if summary.damaged:
        lines.append(
            f"damaged  {summary.damaged:,} result files not used; those of this folder are in damaged/"
        )
    if summary.unfit_lines:
        unfit = f"{summary.unfit_lines:,} lines of checks.jsonl"
        lines.append(f"damaged  {unfit} not used; what they say is found out again")
    if summary.deaths:
        lines.append(f"workers  {summary.deaths:,} died; their runs were tried again")
    lines.extend(f"crashed  run {index}: {text}" for index, text in summary.crashed[:CRASHED_SHOWN])
    if len(summary.crashed) > CRASHED_SHOWN:
        lines.append(f"crashed  and {len(summary.crashed) - CRASHED_SHOWN:,} more")
    lines.extend(f"unproven run {index} {text}" for index, text in summary.unproven[:CRASHED_SHOWN])
    if len(summary.unproven) > CRASHED_SHOWN:
        lines.append(f"unproven and {len(summary.unproven) - CRASHED_SHOWN:,} more")
    lines.extend(f"differs  {text}" for text in summary.disagreements[:CRASHED_SHOWN])
    lines.extend(summary.findings or [_so_far(summary)])
    lines.append(f"folder   {summary.folder}" + (", with report.html" if summary.findings else ""))
    if summary.stopped:
        lines.append("stopped  the same command goes on from here")
    lines.extend(_replay(summary))
    return lines


def _so_far(summary: Summary) -> str:
    outcomes = [f"{name} {count:,}" for name, count in sorted(summary.outcomes.items())]
    return f"so far   {', '.join(outcomes) or 'no results'}; {summary.failed:,} failed"


def _flown(summary: Summary) -> str:
    parts = [f"{summary.flown:,} flown in {summary.wall_s:.1f} s"]
    if summary.flown and summary.wall_s > 0.0:
        parts[0] += f" ({summary.flown / summary.wall_s * 60:,.0f} a minute)"
    if summary.cached:
        taken = f", {summary.merged:,} of them from other folders" if summary.merged else ""
        parts.append(f"{summary.cached:,} were there{taken}")
    if summary.checked_s >= 0.1:
        parts.append(f"{summary.checked_s:.1f} s of checks")
    return f"flights  {', '.join(parts)}"


def _replay(summary: Summary) -> Sequence[str]:
    if summary.first_failed is not None:
        index, why, kind = summary.first_failed
    else:
        from safehold.campaign.reading import can_replay

        crashed = [index for index, _ in [*summary.crashed, *summary.unproven]]
        found = [index for index in crashed if can_replay(summary.folder, index)]
        if not found:
            return []
        index, why, kind = found[0], "crashed", "end"
    note = {
        "reconverged": "; it was stopped early: the replay flies to the end, with the same outcome",
        "identical": "; it was stopped early as proven equal to the fault-free run",
    }.get(kind, "")
    return [
        f"first    run {index}: {why}{note}",
        f"replay   safehold run {shlex.quote(str(summary.folder / scenario_name(index)))}",
    ]
