"""`safehold campaign`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safehold.campaign import progress as displays
from safehold.campaign.execute import KEEP, Execution, Options
from safehold.campaign.folder import CampaignFolder, Identity, References, choose_folder
from safehold.campaign.selection import Part
from safehold.code_id import code_id, import_numba_lightly
from safehold.command_run import Interrupt
from safehold.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EngineError, UsageError
from safehold.folder import DEFAULT_PARENT

if TYPE_CHECKING:
    from safehold.campaign.definition import Campaign
    from safehold.campaign.fly_run import Setup
    from safehold.campaign.summary import Summary
    from safehold.campaign.task import Engine

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
    from safehold.campaign.fly_run import Setup

    overrides = {name: value for name in ("seed", "runs") if (value := getattr(options, name)) is not None}
    campaign = load_campaign(options.campaign, overrides)
    workers = options.workers or os.cpu_count() or 1
    if options.plan:
        return _print_plan(campaign, options, workers)
    if campaign.needs_confirmation and not options.yes:
        raise campaign.confirmation()
    identity = _identity(campaign, options, part)
    place = choose_folder(options.out, identity, Path(DEFAULT_PARENT))
    _check_merged(options.merge, place, identity)
    # The engine comes first: one that cannot be reached leaves no folder behind.
    CampaignFolder.check(place, identity)
    settings = Setup(campaign, options.early_stop, References(place))
    how = Options(
        part=part,
        fork=options.fork,
        stores=(*([options.store] if options.store else ()), *options.merge),
        share=options.store is not None,
        keep=options.keep_runs,
    )
    silent = options.quiet or (options.json_output and not sys.stderr.isatty())
    with (
        closing(_engine(options.engine, settings, workers)) as engine,
        CampaignFolder(place, identity, campaign.text) as folder,
        Interrupt() as interrupt,
    ):
        execution = Execution(
            campaign,
            folder,
            engine,
            how,
            progress=displays.choose(campaign.name, quiet=silent),
            stopped=lambda: interrupt.wished,
        )
        summary = execution.run()
        if summary.complete:
            _analyse(folder)
    _print_result(summary, campaign, options)
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
    engine = options.engine
    if engine not in ("local", "dask") and not engine.startswith("dask://"):
        raise UsageError("SH-CLI-002", f"--engine: {engine!r} is not local, dask or dask://HOST:PORT")
    if engine.startswith("dask://"):
        host, colon, port = engine.removeprefix("dask://").rpartition(":")
        if not (host and colon and port.isdecimal() and 0 < int(port) < 65536):
            raise UsageError("SH-CLI-002", f"--engine: {engine!r} is not of the form dask://HOST:PORT")
    return part


def _identity(campaign: Campaign, options: CampaignOptions, part: Part) -> Identity:
    return Identity(
        name=campaign.name,
        sha256=campaign.sha256(),
        seed=campaign.seed,
        runs=campaign.count,
        code_id=code_id(),
        fork=options.fork,
        early_stop=options.early_stop,
        part=str(part),
    )


def _check_merged(paths: Sequence[Path], place: Path, ours: Identity) -> None:
    """Raise EngineError for a folder whose results are not of this campaign and code."""
    for path in paths:
        theirs = Identity.read(path)
        if theirs is None:
            raise EngineError("SH-ENG-007", f"{path} holds no campaign to merge")
        ours.refuse(theirs, path)
        if path.resolve() == place.resolve():
            raise UsageError("SH-CLI-001", f"{path} cannot be merged into itself")


def _engine(name: str, setup: Setup, workers: int) -> Engine:
    """The engine that was asked for, ready to work. Raises EngineError if it cannot be reached."""
    if name == "local":
        from safehold.campaign.fly_run import Flyer, warm_up
        from safehold.campaign.pool import Pool

        warm_up(setup.campaign)
        return Pool(Flyer, setup, workers=workers)
    from safehold.campaign.dask_engine import DaskEngine

    address = name.removeprefix("dask://") if name != "dask" else None
    return DaskEngine(setup, address=address, workers=workers)


def _analyse(folder: CampaignFolder) -> None:
    """Leave campaign.json, junit.xml and report.html in a complete campaign's folder."""
    from safehold.campaign.analysis import analyse, write_campaign_json

    analysis = analyse(folder.path)
    write_campaign_json(folder.path, analysis)  # last: it says that the campaign is complete


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
    lines = [f"campaign {name}, seed {seed}: {summary.done:,} of {summary.total:,} runs"]
    outcomes = ", ".join(
        f"{outcome} {summary.outcomes[outcome]:,}"
        for outcome in ("OK", "DEGRADED", "LOST")
        if summary.outcomes[outcome]
    )
    lines.append(f"outcomes {outcomes or 'none'}; {summary.failed:,} failed")
    lines.append(_flown(summary))
    if summary.stops.keys() - {"end"}:
        stops = ", ".join(f"{kind} {count:,}" for kind, count in sorted(summary.stops.items()))
        lines.append(f"stops    {stops}; {summary.references} references flown")
    lines.append(
        f"proofs   {summary.repeated:,} flown twice, {summary.checked:,} reconverged flown on, "
        f"{len(summary.disagreements)} disagreements"
    )
    if summary.damaged:
        lines.append(f"damaged  {summary.damaged:,} result files set aside and flown again")
    if summary.deaths:
        lines.append(f"workers  {summary.deaths:,} died; their runs were tried again")
    lines.extend(f"crashed  run {index}: {text}" for index, text in summary.crashed[:CRASHED_SHOWN])
    if len(summary.crashed) > CRASHED_SHOWN:
        lines.append(f"crashed  and {len(summary.crashed) - CRASHED_SHOWN:,} more")
    lines.extend(f"differs  {text}" for text in summary.disagreements[:CRASHED_SHOWN])
    lines.append(f"folder   {summary.folder}" + (", with report.html" if summary.complete else ""))
    if summary.stopped:
        lines.append("stopped  the same command goes on from here")
    lines.extend(_replay(summary))
    return lines


def _flown(summary: Summary) -> str:
    parts = [f"{summary.flown:,} flown in {summary.wall_s:.1f} s"]
    if summary.flown and summary.wall_s > 0.0:
        parts[0] += f" ({summary.flown / summary.wall_s * 60:,.0f} a minute)"
    if summary.cached:
        taken = f", {summary.merged:,} of them from other folders" if summary.merged else ""
        parts.append(f"{summary.cached:,} were there{taken}")
    return f"flights  {', '.join(parts)}"


def _replay(summary: Summary) -> Sequence[str]:
    if summary.first_failed is None:
        if not summary.crashed:
            return []
        index, why, kind = summary.crashed[0][0], "crashed", "end"
    else:
        index, why, kind = summary.first_failed
    note = {
        "reconverged": "; it was stopped early: the replay flies to the end, with the same outcome",
        "identical": "; it was stopped early as proven equal to the fault-free run",
    }.get(kind, "")
    return [
        f"first    run {index}: {why}{note}",
        f"replay   safehold run {summary.folder / 'scenarios' / f'{index:06d}.toml'}",
    ]
