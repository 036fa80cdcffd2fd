"""`safehold run`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from safehold import display as displays
from safehold import judgement, on_board_clock, snapshot
from safehold.answers import answer_lines
from safehold.code_id import import_numba_lightly
from safehold.deployment import Deployment
from safehold.durations import format_clock, parse_duration
from safehold.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from safehold.expectations import finding, sentence
from safehold.refusals import refusal_lines
from safehold.result import Result
from safehold.run import adjusted
from safehold.run_folder import write_run
from safehold.scenario import load
from safehold.schema import Scenario

DEFAULT = "first-contact"
PASSES_SHOWN = 24


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of `safehold run`."""

    scenario: str | None
    seed: int | None
    duration: str | None
    out: Path | None
    json_output: bool
    deployment: Deployment
    snapshot_at: tuple[str, ...]
    from_snapshot: Path | None
    quiet: bool


class Interrupt:
    """Turns the first Ctrl-C (or a polite kill) into a wish to stop, so that the run's folder can still be
    written.
    """

    def __init__(self) -> None:
        self.wished = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._wish)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _wish(self, number: int, frame: FrameType | None) -> None:
        if self.wished:
            raise KeyboardInterrupt
        self.wished = True


def run_command(options: RunOptions) -> int:
    """Fly, write the folder, print; returns the exit code."""
    import_numba_lightly()
    scenario, start = _chosen(options)
    ticks = [_snapshot_tick(scenario, text) for text in options.snapshot_at]
    quiet = options.quiet or (options.json_output and not sys.stderr.isatty())
    with Interrupt() as interrupt:
        display = displays.choose(scenario.name, quiet=quiet)
        try:
            result = write_run(
                scenario,
                options.out,
                deployment=options.deployment,
                snapshot_ticks=ticks,
                display=display,
                stopped=lambda: interrupt.wished,
                start=start,
                summary=summary_lines,
            )
        finally:
            display.close()
    if options.json_output:
        print(json.dumps(result.document, indent=2, allow_nan=False))
    else:
        for line in summary_lines(result):
            print(line)
        print(f"folder   {result.folder}" + (", with report.html" if scenario.output.report else ""))
    if not result.document["complete"]:
        return EXIT_INTERRUPTED
    return EXIT_OK if result.ok else EXIT_FAILED


def _chosen(options: RunOptions) -> tuple[Scenario, bytes | None]:
    if options.from_snapshot is None:
        return adjusted(load(options.scenario or DEFAULT), seed=options.seed, duration=options.duration), None
    if (options.scenario, options.seed, options.duration) != (None, None, None):
        raise UsageError(
            "SH-CLI-001",
            "a snapshot carries its scenario, seed and duration; leave out SCENARIO, --seed and --duration",
        )
    data = snapshot.read(options.from_snapshot)
    return snapshot.scenario_of(data, str(options.from_snapshot)), data


def _snapshot_tick(scenario: Scenario, text: str) -> int:
    try:
        tick, rest = divmod(parse_duration(text), scenario.tick_ns)
    except ValueError as error:
        raise UsageError("SH-CLI-002", f"--snapshot-at: {error}") from None
    if rest or tick > scenario.ticks:
        raise UsageError("SH-CLI-002", f"--snapshot-at: {text} is not a control tick of this run")
    return tick


def summary_lines(result: Result) -> Sequence[str]:
    """What a person is told at the end."""
    document = result.document
    timing = document["timing"]
    lines = [f"scenario {document['scenario']}, seed {document['seed']}"]
    lines.extend(f"orbit    {note}" for note in document["notes"])
    lines.extend(
        f"mode     {format_clock(round(span['from_s'] * 1e9))}  {span['mode']}"
        for span in _long_modes(document["modes"])
    )
    heard = [one for one in document["passes"] if one["frames"]]
    lines.append(f"contacts {len(heard)} of {sum(one['open'] for one in document['passes'])} windows used")
    lines += pass_lines(document["passes"])
    lines += downlink_lines(document)
    lines += refusal_lines(document)
    lines += answer_lines(document["commands"])
    for entry in document["expectations"]:
        mark = "met   " if entry["met"] else "UNMET "
        lines.append(f"expect   {mark} {sentence(entry)}: {finding(entry)}")
    lines.append(f"judged   {judgement.sentence(document['judgement'])}")
    lines.append(f"outcome  {document['outcome']}: {'; '.join(document['reasons'])}")
    if not document["complete"]:
        lines.append(f"stopped  at {format_clock(round(document['sim_seconds'] * 1e9))}, before the end")
    speed, step_us = timing["real_time_factor"], timing["us_per_step"]
    if speed is not None and step_us is not None:
        lines.append(
            f"speed    {timing['wall_seconds']:.1f} s, {step_us:.2f} us a step, {speed:,.0f} x real time"
        )
    lines.append(f"digest   {document['digest']}")
    return lines


def pass_lines(passes: Sequence[Mapping[str, Any]]) -> list[str]:
    """What each pass brought, the last `PASSES_SHOWN` of them; none for a result that has no such account."""
    told = [one for one in passes if one["open"] and "bytes_possible" in one]
    lines = [
        f"pass     {format_clock(round(one['aos_s'] * 1e9))}  {one['station']:<12} "
        f"{one['bytes_received'] / 1e6:>7.3f} of {one['bytes_possible'] / 1e6:>5.1f} MB on the air, "
        f"{one['frames_lost']} frames lost, {one['bytes_repeated'] / 1e6:.3f} MB repeated, "
        f"{one['commands_verified']} commands verified, {_backlog(one['backlog_records'])}"
        for one in told[-PASSES_SHOWN:]
    ]
    left_out = len(told) - len(lines)
    return [f"pass     {left_out} more before these, in result.json", *lines] if left_out else lines


def _backlog(records: int | None) -> str:
    return (
        "backlog not known" if records is None else f"{records} record{'s' if records != 1 else ''} to come"
    )


def downlink_lines(document: Mapping[str, Any]) -> list[str]:
    """What came down: yield, events, recorder, alarms; none for a result that has no such account."""
    downlink = document.get("downlink")
    if downlink is None:
        return []
    possible = sum(one.get("bytes_possible", 0) for one in document["passes"])
    share = downlink["bytes_received"] / possible if possible else 0.0
    events, alarms = downlink["events"], downlink["alarms"]
    slowest = ""
    if events["delay_s_max"] is not None:
        slowest = f", slowest {format_clock(round(events['delay_s_max'] * 1e9))}"
    as_of = downlink.get("backlog_as_of_s")
    known = "" if as_of is None else f" as of {format_clock(round(as_of * 1e9))}"
    return [
        f"downlink {downlink['bytes_received'] / 1e6:.1f} MB of frames, {share:.0%} of what the passes could "
        f"carry; {downlink['frames_missing']} frames missing, {downlink['bytes_repeated']:,} bytes repeated",
        f"events   {events['received']} of {events['made']} on the ground{_waiting(events)}, "
        f"{events['late']} later than one usable pass{slowest}",
        f"recorder {downlink['backlog_records']} records to come{known}, "
        f"{downlink['records_missing']} missing, {downlink['records_given_up']} given up",
        *file_lines(document["files"]),
        *([f"clock    {on_board_clock.sentence(document['clock'])}"] if "clock" in document else []),
        f"alarms   {alarms['raised_live']} live, {alarms['raised_stored']} stored, {alarms['open']} open",
    ]


def _waiting(events: Mapping[str, Any]) -> str:
    """Which events have not come."""
    fresh = events["waiting_since_contact"]
    others = events["waiting"] - fresh
    told = [f"{fresh} made since the last contact"] if fresh else []
    told += [f"{others} made before it have not come"] if others else []
    return f" ({', '.join(told)})" if told else ""


def file_lines(files: Mapping[str, Any]) -> list[str]:
    """Files by CFDP: what came whole and what in part, and what became of those that were to go up."""
    received, incomplete, uploads = files["received"], files["incomplete"], files["uploads"]
    line = f"files    {len(received)} received, {sum(one['octets'] for one in received) / 1e6:.1f} MB"
    line += f"; {len(incomplete)} incomplete"
    if uploads:
        up = sum(1 for one in uploads if one["state"] == "delivered")
        line += f"; {up} of {len(uploads)} sent up"
    return [line]


def _long_modes(modes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The modes to print: all, or without the contacts' comings and goings if there are many."""
    if len(modes) <= 12:
        return list(modes)
    kept: list[dict[str, Any]] = []
    for span in modes:
        routine = (
            kept and span["mode"] in ("STANDBY", "DOWNLINK") and kept[-1]["mode"] in ("STANDBY", "DOWNLINK")
        )
        if not routine:
            kept.append(span)
    return kept
