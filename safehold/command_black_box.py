"""`safehold black-box`: compute again what flew, from chunks of the black box."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safehold import parquet
from safehold.black_box import BlackBox, Recomputed, columns
from safehold.durations import parse_duration
from safehold.errors import EXIT_FAILED, EXIT_OK, BlackBoxError, FolderError, UsageError
from safehold.received_files import received_chunks

DEFAULT_EVERY = "1s"


def black_box_command(
    paths: Sequence[Path],
    *,
    at: str | None,
    parameters: Sequence[str],
    out: Path | None,
    every: str | None,
    json_output: bool,
) -> int:
    """Verify, show one tick, or write a table; 1 if a check of what flew does not hold."""
    if out is not None and (at is not None or parameters):
        raise UsageError("SH-CLI-001", "--out writes every parameter; --at and --parameter do not go with it")
    if parameters and at is None:
        raise UsageError("SH-CLI-001", "--parameter needs --at, the time to show it at")
    if every is not None and out is None:
        raise UsageError("SH-CLI-001", "--every needs --out, the file whose rows are that far apart")
    box = BlackBox([chunk for path in paths for chunk in _chunks(path)])
    if out is not None:
        return _write(box, out, DEFAULT_EVERY if every is None else every, json_output)
    if at is not None:
        return _show(box, at, parameters, json_output)
    found = box.verify()
    _print_verified(box, found, json_output)
    return EXIT_FAILED if any(one.checks_failed for one in found) else EXIT_OK


def _chunks(path: Path) -> list[Path]:
    """A chunk, or those that came down in a run whose folder it is."""
    if not path.is_dir():
        return [path]
    found = received_chunks(path)
    if not found:
        raise BlackBoxError("SH-BBX-001", f"{path}: no chunk of the black box came down in this run")
    return found


def _ticks(box: BlackBox, duration: str, option: str) -> int:
    try:
        nanoseconds = parse_duration(duration)
    except ValueError as error:
        raise UsageError("SH-CLI-002", f"{option}: {error}") from None
    tick_ns = box.chunks[0].tick_ns
    if nanoseconds % tick_ns:
        wrong = f"{option}: {duration} is not a whole number of control ticks of {tick_ns / 1e6:g} ms"
        raise UsageError("SH-CLI-002", wrong)
    return nanoseconds // tick_ns


def _write(box: BlackBox, out: Path, every: str, json_output: bool) -> int:
    step = _ticks(box, every, "--every")
    if step < 1:
        raise UsageError("SH-CLI-002", "--every: at least one control tick")
    try:
        if out.is_dir():
            raise FolderError("SH-OUT-001", f"{out} is a folder; give --out the name of a file")
        if not out.absolute().parent.is_dir():  # said before all is computed
            raise FolderError("SH-OUT-001", f"{out} cannot be written: there is no such folder")
        table = columns(box, step)
        rows = len(table["tick"])
        if not rows:
            wrong = f"--every: no chunk has a tick that is a multiple of {every}; there are {box.extent()}"
            raise UsageError("SH-CLI-002", wrong)
        parquet.write(out, table)
    except OSError as error:
        raise FolderError("SH-OUT-001", f"{out} cannot be written: {error.strerror or error}") from None
    if json_output:
        print(json.dumps({"file": str(out), "rows": rows, "columns": len(table)}))
    else:
        print(f"{out}: {rows} rows of {len(table)} columns")
    return EXIT_OK


def _show(box: BlackBox, at: str, parameters: Sequence[str], json_output: bool) -> int:
    clock_ns, telemetry, _ = box.at(_ticks(box, at, "--at"))
    unknown = [name for name in parameters if name not in telemetry]
    if unknown:
        wrong = f"no telemetry parameter {unknown[0]}; `safehold dictionary` lists them"
        raise UsageError("SH-CLI-002", wrong)
    shown: dict[str, Any] = {name: telemetry[name] for name in parameters or telemetry}
    if json_output:
        print(json.dumps({"clock_ns": clock_ns, "telemetry": shown}))
        return EXIT_OK
    width = max(len(name) for name in shown)
    print(f"{'on-board clock':<{width}}  {clock_ns / 1e9:.1f} s")
    for name, value in shown.items():
        print(f"{name:<{width}}  {_text(value)}")
    return EXIT_OK


def _print_verified(box: BlackBox, found: Sequence[Recomputed], json_output: bool) -> None:
    if json_output:
        names = [chunk.name for chunk in box.chunks]
        rows = [
            {
                "file": name,
                "first_tick": one.first_tick,
                "ticks": one.next_tick - one.first_tick,
                "checks_held": one.checks_held,
                "checks_failed": one.checks_failed,
            }
            for name, one in zip(names, found, strict=True)
        ]
        print(json.dumps({"chunks": rows}))
        return
    for chunk, one in zip(box.chunks, found, strict=True):
        seconds = chunk.tick_ns / 1e9
        verdict = f"{one.checks_held} checks held"
        if one.checks_failed:
            verdict += f", {one.checks_failed} FAILED: what flew is not what follows from its input"
        span = f"{one.first_tick * seconds:.1f} s to {one.next_tick * seconds:.1f} s"
        print(f"{chunk.name}: {span}, {one.next_tick - one.first_tick} ticks, {verdict}")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_text(element) for element in value)
    return f"{value:.9g}" if isinstance(value, float) else str(value)
