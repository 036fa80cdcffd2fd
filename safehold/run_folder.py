"""Fly a scenario into a folder: every file of the contract of names."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safehold import __version__, parquet
from safehold.clock import wall_utc
from safehold.code_id import code_id
from safehold.deployment import IN_PROCESS, Deployment
from safehold.display import Display
from safehold.dump import to_toml
from safehold.folder import FolderWriter, RunFolder
from safehold.frame_store import ARRIVALS
from safehold.received_files import as_told, files_of, write_files
from safehold.report import write_report
from safehold.result import Result
from safehold.run import fly
from safehold.schema import Scenario
from safehold.timeline import finite


def write_run(
    scenario: Scenario,
    place: Path | None,
    *,
    deployment: str | Deployment = IN_PROCESS,
    snapshot_ticks: Sequence[int] = (),
    display: Display | None = None,
    stopped: Callable[[], bool] = lambda: False,
    start: bytes | None = None,
    summary: Callable[[Result], Sequence[str]] | None = None,
) -> Result:
    """Fly and write; the folder appears whole or not at all. Raises FolderError if it cannot be written.

    `summary` makes the lines that people are shown, for run.log.
    """
    with FolderWriter(place, scenario.name) as writer:
        began = wall_utc()
        result, outing = fly(
            scenario,
            deployment=deployment,
            snapshot_ticks=snapshot_ticks,
            display=display,
            stopped=stopped,
            start=start,
        )
        differences = _write_result(writer, result)
        for tick, content in outing.snapshots.items():
            writer.write_bytes(snapshot_name(tick * scenario.tick_ns), content)
        lines = list(summary(result)) if summary is not None else []
        header = [
            f"{began.isoformat(timespec='seconds')} safehold {__version__} on {platform.platform()}",
            f"scenario {scenario.name}, seed {scenario.seed}, code {code_id()}, deployment {deployment}",
        ]
        lines += [f"files    {one}" for one in differences]
        writer.write_text("run.log", "\n".join([*header, *lines]) + "\n")
        if scenario.output.report:
            write_report(RunFolder.open(writer.path))
        place = writer.commit()
    return replace(result, folder=place)


def write_result_folder(result: Result, place: Path) -> None:
    """Write a result, with its report, into a folder; raises FolderError if it cannot be written."""
    with FolderWriter(place, result.scenario.name) as writer:
        _write_result(writer, result)
        write_report(RunFolder.open(writer.path))
        writer.commit()


def snapshot_name(time_ns: int) -> str:
    """The file of a snapshot: no two times have the same."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"snapshot-{seconds}" + (f".{rest:09d}".rstrip("0") if rest else "") + "s.bin"


def _write_result(writer: FolderWriter, result: Result) -> list[str]:
    """Writes what the run gave; returns in what its files differ from what mission control has."""
    scenario = result.scenario
    writer.write_text("scenario.toml", to_toml(scenario))
    writer.write_json("result.json", result.document)
    writer.write_json_lines("events.jsonl", result.events)
    writer.write_json_lines("reports.jsonl", result.reports)
    writer.write_json_lines("inputs.jsonl", [_origin(scenario)])
    writer.write_file("frames.tm", result.received.write_frames)
    arrivals = result.received.arrivals(result.summaries.stations)
    writer.write_file(ARRIVALS, lambda path: parquet.write_pieces(path, arrivals))
    differences: list[str] = []
    told = result.document["files"]["received"]
    write_files(writer, as_told(files_of(result.received), told, differences))
    truth = result.truth.pieces(parquet.ROWS_AT_A_TIME)
    writer.write_file("truth.parquet", lambda path: parquet.write_pieces(path, truth))
    writer.write_file("telemetry.parquet", lambda path: parquet.write_pieces(path, result.telemetry.pieces()))
    writer.write_file("summaries.parquet", lambda path: parquet.write_pieces(path, result.summaries.pieces()))
    return differences


def _origin(scenario: Scenario) -> Mapping[str, Any]:
    """The first line of inputs.jsonl: what replays the run. Nothing from outside enters a run in virtual
    time.
    """
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "code_id": code_id(),
        "duration_s": finite(scenario.duration / 1e9),
    }
