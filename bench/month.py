"""A month of operations: whether memory stays flat, sampled each simulated day, and to the end of its run.

    python -m bench.month                          first-contact flown for 30 days, as `safehold run` flies it
    python -m bench.month --days 5 --settle 2      shorter
    python -m bench.month --json                   one JSON document

A day's line has the process's own resident memory (RssAnon: without files and libraries that are mapped),
the octets of the ground's state as a snapshot would hold it, what mass memory holds, and the processor time
of a step. The plant is compiled in another process first, if it has not been before. Rows of truth, frames,
and how high the satellite stood in its contacts go to files that have no name and are not counted.

Then the run is ended as `safehold run` ends it, into a folder that is thrown away: its result is made, and
files and report are written. The most of the process's own memory is told for the flight and for its end. At
the end it is bounded if it exceeds what was resident on the last day by less than `--end-allowed`.

Memory is flat if, once settled, it grows by less than `--allowed` a day: a line is laid through the days
after `--settle` by least squares. Mass memory fills for a day with the black box. What grows for good is
compact: events and contacts. Exit code 1: it grows by more, or is not bounded at the end."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safehold.code_id import prepare_numba_cache

prepare_numba_cache()  # before numba is imported

import numpy as np  # noqa: E402

from safehold.checks import shortened  # noqa: E402
from safehold.run import CHUNK_TICKS, Outing, conclude  # noqa: E402
from safehold.run_folder import write_result_folder  # noqa: E402
from safehold.scenario import load  # noqa: E402
from safehold.simulation import Simulation  # noqa: E402

DAY_NS = 86_400 * 10**9
SAMPLE_S = 0.02
FIGURES = ("flying_mb_max", "ending_mb_max", "end_mb", "ending_s", "folder_mb")


def resident_mb() -> float:
    """The process's own resident memory, MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError("/proc/self/status has no RssAnon")


@dataclass(slots=True)
class Most:
    """The most memory that was resident, MB."""

    mb: float = 0.0


@contextmanager
def most_resident() -> Iterator[Most]:
    """Look at memory fifty times a second meanwhile."""
    most, over = Most(), threading.Event()

    def look() -> None:
        while not over.wait(SAMPLE_S):
            most.mb = max(most.mb, resident_mb())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()
        most.mb = max(most.mb, resident_mb())


def compile_apart() -> None:
    """Fill the cache of compiled code: what the compiler has used, a process does not give back."""
    other = multiprocessing.get_context("spawn").Process(target=fly, args=(1, 60 * 10**9))
    other.start()
    other.join()


def sample(simulation: Simulation, day: int, steps: int, cpu_s: float) -> dict[str, float]:
    """One day's line; memory is read first, since what comes after makes copies."""
    resident = resident_mb()
    files = simulation.computer.files()
    records = [simulation.computer.record_range(stream) for stream in range(5)]
    return {
        "day": day,
        "resident_mb": resident,
        "ground_state_mb": len(simulation.ground.to_bytes()) / 1e6,
        "files": len(files),
        "files_mb": sum(one[2] for one in files) / 1e6,
        **{f"records_{stream}": next_ - first for stream, (first, next_) in enumerate(records)},
        "events": len(simulation.events),
        "cpu_us_per_step": cpu_s / steps * 1e6,
    }


@dataclass(frozen=True, slots=True)
class Month:
    """A line for each day; the most memory while flying and while ending the run, MB, and its end."""

    days: list[dict[str, float]]
    flying_mb_max: float
    ending_mb_max: float
    ending_s: float
    folder_mb: float

    @property
    def end_mb(self) -> float:
        """How much more memory the end needed than was resident on the last day."""
        return self.ending_mb_max - self.days[-1]["resident_mb"]


def fly(days: int, day_ns: int = DAY_NS, report: Any = None) -> Month:
    """Fly so many days, and end the run."""
    simulation = Simulation(shortened(load("first-contact"), days * day_ns))
    steps = day_ns // simulation.tick_ns
    rows: list[dict[str, float]] = []
    try:
        with most_resident() as flying:
            for day in range(1, days + 1):
                start = time.process_time()
                until = day * steps
                while simulation.tick < until:
                    simulation.advance(min(until, simulation.tick + CHUNK_TICKS))
                rows.append(sample(simulation, day, steps, time.process_time() - start))
                if report is not None:
                    report(rows[-1])
        with most_resident() as ending, tempfile.TemporaryDirectory(prefix="safehold-month-") as scratch:
            start = time.process_time()
            octets = end(simulation, Path(scratch))
            ending_s = time.process_time() - start
        return Month(rows, flying.mb, ending.mb, ending_s, octets / 1e6)
    finally:
        simulation.close()


def end(simulation: Simulation, scratch: Path) -> int:
    """End a run as `safehold run` does; how many octets its folder has."""
    simulation.finish()
    result = conclude(Outing(simulation), complete=True)
    write_result_folder(result, scratch / "run")
    return sum(path.stat().st_size for path in scratch.rglob("*") if path.is_file())


def growth_mb_a_day(rows: list[dict[str, float]], settle: int) -> float:
    """The slope of memory over the days after the first ones, by least squares."""
    kept = [row for row in rows if row["day"] > settle]
    if len(kept) < 2:
        raise ValueError("there must be two days or more after those in which it settles")
    return float(np.polyfit([row["day"] for row in kept], [row["resident_mb"] for row in kept], 1)[0])


def main() -> int:
    parser = argparse.ArgumentParser(description="Sample memory over a month of simulated operations.")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--settle", type=int, default=3, help="days that are not judged (default: 3)")
    parser.add_argument("--allowed", type=float, default=0.5, help="MB a day that it may grow (default: 0.5)")
    parser.add_argument(
        "--end-allowed",
        type=float,
        default=300.0,
        help="MB that the end of the run may need beyond the last day's (default: 300)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    if arguments.days < arguments.settle + 2:
        parser.error("there must be two days or more after those in which it settles")

    def line(row: dict[str, float]) -> None:
        if not arguments.json:
            print("  ".join(f"{name} {value:g}" for name, value in row.items()), flush=True)

    compile_apart()
    month = fly(arguments.days, report=line)
    grows = growth_mb_a_day(month.days, arguments.settle)
    flat, bounded = grows <= arguments.allowed, month.end_mb <= arguments.end_allowed
    if arguments.json:
        told = {name: getattr(month, name) for name in FIGURES}
        print(json.dumps({"days": month.days, "growth_mb_a_day": grows, "flat": flat, **told}, indent=2))
    else:
        verdict = "flat" if flat else "it grows"
        resident = month.days[-1]["resident_mb"]
        print(f"after day {arguments.settle}: {grows:+.2f} MB a day of {resident:.0f} MB: {verdict}")
        print(f"most while flying: {month.flying_mb_max:.0f} MB")
        print(
            f"most while the run is ended: {month.ending_mb_max:.0f} MB, {month.end_mb:.0f} more than on the "
            f"last day: {'bounded' if bounded else 'too much'}; {month.ending_s:.0f} s of processor time for "
            f"{month.folder_mb:.0f} MB of files"
        )
    return 0 if flat and bounded else 1


if __name__ == "__main__":
    raise SystemExit(main())
