"""What link, ground, stores and black box add to a step while no station sees the satellite.

    python -m bench.link                        first-contact, 6 h, 3 repetitions
    python -m bench.link --hours 24 --json      longer, as one JSON document

*Link* and *ground* are timed around each of their calls while no station sees the satellite, and divided by
the steps that were flown so: outside contact nobody calls them at every step. Both together may cost 0.2 µs.
*Stores* (mass memory and persistence: what the recorder's records and the kept control state cost) and *black
box* are found on the flight side alone: the same recorded inputs go, ten minutes at a time and in turn,
through a computer without stores, one with them, and one with the black box too; the medians of the
differences count, over blocks in which no frame came up or went down. The recorder's own work is part of the
replicas' step. All is processor time of this thread, and is given as shares of the flight side's as well, so
that a busy machine matters little."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safehold.code_id import prepare_numba_cache

prepare_numba_cache()  # before numba is imported

from flight.dictionary import load_native  # noqa: E402
from ground.predict import forget_predictions  # noqa: E402
from safehold.checks import shortened  # noqa: E402
from safehold.scenario import load  # noqa: E402
from safehold.schema import Scenario  # noqa: E402
from safehold.simulation import Simulation  # noqa: E402

BLOCK_TICKS = 6_000
LIMIT_US = 0.2


class TimedWhile:
    """Stands in for an object; counts the calls of its methods while a condition holds, and adds up their
    processor time.
    """

    def __init__(self, inner: Any, holds: Callable[[], bool]) -> None:
        self.inner = inner
        self.holds = holds
        self.ns = 0
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not callable(found):
            return found

        def timed(*arguments: Any) -> Any:
            counts = self.holds()
            start = time.thread_time_ns()
            try:
                return found(*arguments)
            finally:
                if counts:
                    self.ns += time.thread_time_ns() - start
                    self.calls += 1

        return timed


def ticks_in_contact(simulation: Simulation) -> int:
    """Ticks in which any station saw the satellite."""
    total, reached = 0, 0
    for window in simulation.contacts.windows(simulation.tick):
        total += max(0, window.until_tick - max(window.from_tick, reached))
        reached = max(reached, window.until_tick)
    return total


def fly(scenario: Scenario, recording: Path) -> dict[str, float]:
    """Fly it; steps outside contact, calls of link and ground there, and microseconds a step for each.

    What the flight computer was given goes to `recording`.
    """
    forget_predictions()  # of the repetition before: finding the windows is the ground's work too
    simulation = Simulation(scenario)
    try:
        simulation.driver.record_inputs(recording)

        def outside() -> bool:
            return not simulation.contacts.mask

        link, ground = TimedWhile(simulation.link, outside), TimedWhile(simulation.ground, outside)
        simulation.link, simulation.ground = link, ground  # type: ignore[assignment]
        simulation.advance(simulation.end_tick)
        simulation.driver.record_inputs("")
        steps = simulation.end_tick - ticks_in_contact(simulation)
        return {
            "steps": steps,
            "calls": link.calls + ground.calls,
            "link": link.ns / steps / 1e3,
            "ground": ground.ns / steps / 1e3,
        }
    finally:
        simulation.close()


def on_board(recording: Path) -> dict[str, float]:
    """Microseconds a step of stores, black box and the whole flight side, outside contact."""
    rows = [
        row
        for row in load_native().flight_cost(recording, BLOCK_TICKS)
        if row["quiet"] and row["ticks"] == BLOCK_TICKS
    ]
    if not rows:
        raise ValueError("no ten minutes of the recording are without contact")

    def median_us(value: Callable[[dict[str, int]], int]) -> float:
        return statistics.median(value(row) for row in rows) / BLOCK_TICKS / 1e3

    return {
        "stores": median_us(lambda row: row["stores_ns"] - row["bare_ns"]),
        "black box": median_us(lambda row: row["black_box_ns"] - row["stores_ns"]),
        "flight": median_us(lambda row: row["black_box_ns"]),
    }


def measure(hours: float, repeats: int) -> dict[str, Any]:
    """All repetitions; the report."""
    shipped = load("first-contact")
    tick_ns = shipped.tick_ns
    scenario = shortened(shipped, round(hours * 3600e9 / tick_ns) * tick_ns)
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "inputs.bin"
        fly(shortened(shipped, min(36_000 * tick_ns, scenario.duration)), recording)  # compile, fill caches
        for _ in range(repeats):
            rows.append(fly(scenario, recording) | on_board(recording))
    found = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    added = found["link"] + found["ground"]
    return {
        "scenario": "first-contact",
        "steps": scenario.ticks,
        "steps_outside": round(found.pop("steps")),
        "calls_outside": round(found.pop("calls")),
        "repeats": repeats,
        "us_per_step": found,
        "link_and_ground_us": added,
        "limit_us": LIMIT_US,
        "share_of_flight": {name: found[name] / found["flight"] for name in ("stores", "black box")}
        | {"link and ground": added / found["flight"]},
    }


def lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    us, shares = report["us_per_step"], report["share_of_flight"]
    return [
        f"first-contact, {report['steps_outside']:,} of {report['steps']:,} steps outside contact, median of"
        f" {report['repeats']}; added to a step there, µs:",
        f"  {us['link']:7.4f}  link",
        f"  {us['ground']:7.4f}  ground",
        f"  {report['link_and_ground_us']:7.4f}  both, of {report['limit_us']} allowed"
        f" ({shares['link and ground']:.1%} of flight)",
        f"  {us['stores']:7.4f}  mass memory and persistence ({shares['stores']:.1%} of flight)",
        f"  {us['black box']:7.4f}  black box ({shares['black box']:.1%} of flight)",
        f"  {us['flight']:7.4f}  the whole flight side",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time what link, stores and black box add outside contact.")
    parser.add_argument("--hours", type=float, default=6.0, help="of first-contact (default: 6)")
    parser.add_argument("--repeats", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    report = measure(arguments.hours, arguments.repeats)
    print(json.dumps(report, indent=2) if arguments.json else "\n".join(lines(report)))


if __name__ == "__main__":
    main()
