"""What forks and early stop save: replica bit flips, uniform over bit × tick × replica, against full re-runs.

    python -m bench.forks                             2,000 flips over a day of first-contact
    python -m bench.forks --flips 200 --hours 2       fewer, over less
    python -m bench.forks --checks 200 --json         more of them flown to the end, one JSON document

Four ways, in one process and one after the other. *Full*: every run from its beginning to its end; a sample
spread evenly over the flips is flown, the mean stands for all. *Forked*: from the flip to the end, the
fault-free run flown once; a sample likewise. *Forked and stopped early*: all flips are flown. *Check*: runs
that were stopped as reconverged, chosen by a hash of their number, are flown to the end and compared. The
reference's flight is counted apart, and so is the checked share. All are seconds of processor time of this
one process; compilation and the environment's tables are not counted."""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from safehold.code_id import prepare_numba_cache

prepare_numba_cache()  # before numba is imported

from flight.dictionary import load_native  # noqa: E402
from safehold.checks import shortened  # noqa: E402
from safehold.durations import format_duration  # noqa: E402
from safehold.forks import Forker, Reference, make_reference  # noqa: E402
from safehold.forks.check import compare  # noqa: E402
from safehold.forks.walker import Walker  # noqa: E402
from safehold.run import Outing, document  # noqa: E402
from safehold.scenario import load  # noqa: E402
from safehold.schema import Fault, Scenario  # noqa: E402
from safehold.simulation import Simulation  # noqa: E402

REPLICAS = 3


def draw(name: str, index: int, among: int) -> int:
    """A number below `among`: a function of its name and index."""
    octets = hashlib.sha256(f"bench.forks {name} {index}".encode()).digest()
    return int.from_bytes(octets[:8], "little") % among


def flipped(base: Scenario, index: int) -> Scenario:
    """The scenario with one bit flipped, drawn from all bits, ticks and replicas."""
    bits = int(load_native().FlightComputer.state_size) * 8
    fault = Fault(
        at=format_duration(draw("tick", index, base.ticks) * base.tick_ns),
        kind="replica_bit_flip",
        target=f"replica.{draw('replica', index, REPLICAS)}",
        bit=draw("bit", index, bits),
    )
    return base.model_copy(update={"name": f"{base.name}-flip-{index}", "fault": [fault]})


def in_order(base: Scenario, count: int) -> list[Scenario]:
    """The first `count` of them, by onset."""
    return sorted((flipped(base, index) for index in range(count)), key=lambda one: one.fault[0].at)


def spread(runs: list[Scenario], count: int) -> list[Scenario]:
    """Some of them, evenly."""
    count = min(count, len(runs))
    return [runs[(2 * index + 1) * len(runs) // (2 * count)] for index in range(count)]


def whole(scenario: Scenario) -> dict[str, Any]:
    """A run from its beginning to its end; its document."""
    simulation = Simulation(scenario, keep_truth=False)
    try:
        outing = Outing(simulation)
        outing.fly()
        return document(outing, True)
    finally:
        simulation.close()


def timed(task: Callable[[], Any]) -> tuple[Any, float]:
    """What a task returns, and its seconds of processor time: others may be at work on the machine."""
    start = time.process_time()
    found = task()
    return found, time.process_time() - start


def fly_all(reference: Reference, runs: list[Scenario]) -> tuple[list[dict[str, Any]], list[float]]:
    """Every run, forked and stopped early; documents and seconds."""
    forker, documents, seconds = Forker(reference), [], []
    try:
        for scenario in runs:
            found, wall_s = timed(lambda scenario=scenario: forker.fly(scenario))
            documents.append(found)
            seconds.append(wall_s)
    finally:
        forker.close()
    return documents, seconds


def fly_to_end(reference: Reference, runs: list[Scenario]) -> list[float]:
    """Some runs, forked and flown to the end; seconds."""
    forker = Forker(reference)
    try:
        return [
            timed(lambda scenario=scenario: forker.fly(scenario, early_stop=False))[1] for scenario in runs
        ]
    finally:
        forker.close()


def there_and_back(base: Scenario) -> tuple[float, int]:
    """Milliseconds of processor time to mark a run at its end and to put it back, and a state's octets."""
    walker = Walker(base)
    try:
        walker.walk_to(base.ticks)
        times = [timed(lambda: walker.rewind(walker.mark()))[1] for _ in range(9)]
        return statistics.median(times) * 1e3, len(walker.simulation.driver.state())
    finally:
        walker.close()


def check_some(
    reference: Reference, runs: list[Scenario], documents: list[dict[str, Any]], count: int
) -> tuple[list[str], int, float]:
    """Disagreements, how many were checked, and the seconds that it took."""
    stopped = [
        (scenario, found)
        for scenario, found in zip(runs, documents, strict=True)
        if found["stop"]["kind"] == "reconverged"
    ]
    chosen = sorted(
        sorted(stopped, key=lambda one: hashlib.sha256(one[0].name.encode()).digest())[:count],
        key=lambda one: one[0].fault[0].at,
    )
    forker, disagreements = Forker(reference), []
    start = time.process_time()
    try:
        for scenario, found in chosen:
            disagreements += [f"{scenario.name}: {text}" for text in compare(forker, scenario, found)]
    finally:
        forker.close()
    return disagreements, len(chosen), time.process_time() - start


def measure(flips: int, hours: float, sample: int, checks: int) -> dict[str, Any]:
    """Everything that is reported."""
    base = load("first-contact")
    base = shortened(base, round(hours * 3600) * 1_000_000_000)
    runs = in_order(base, flips)
    whole(shortened(base, 60 * 1_000_000_000))  # compiles, and makes the tables of what follows
    whole_s = [timed(lambda scenario=scenario: whole(scenario))[1] for scenario in spread(runs, sample)]
    reference, reference_s = timed(lambda: make_reference(base))
    forked_s = fly_to_end(reference, spread(runs, sample))
    fork_ms, state_octets = there_and_back(reference.scenario)
    (documents, early_s), early_all_s = timed(lambda: fly_all(reference, runs))
    disagreements, checked, check_s = check_some(reference, runs, documents, checks)
    full_s, fork_s = statistics.mean(whole_s) * flips, statistics.mean(forked_s) * flips
    kinds = Counter(found["stop"]["kind"] for found in documents)
    flown = sum(found["stop"]["ticks_flown"] for found in documents)
    return {
        "scenario": base.name,
        "hours": hours,
        "flips": flips,
        "sample": len(whole_s),
        "full_s": full_s,
        "full_run_s": statistics.mean(whole_s),
        "reference_s": reference_s,
        "reference_octets": len(reference.to_bytes()),
        "forked_s": fork_s,
        "forked_run_s": statistics.mean(forked_s),
        "fork_ms": fork_ms,
        "state_octets": state_octets,
        "early_s": early_all_s,
        "early_run_ms": early_all_s / flips * 1e3,
        "early_run_ms_median": statistics.median(early_s) * 1e3,
        "ticks_flown_mean": flown / flips,
        "stops": {kind: kinds[kind] for kind in ("identical", "reconverged", "end")},
        "checked": checked,
        "check_s": check_s,
        "disagreements": disagreements,
        "ratios": {
            "forked": full_s / (reference_s + fork_s),
            "forked and stopped early": full_s / early_all_s,
            "with the reference's flight": full_s / (reference_s + early_all_s),
            "with the check as well": full_s / (reference_s + early_all_s + check_s),
        },
    }


def lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    ratios, stops = report["ratios"], report["stops"]
    return [
        f"{report['flips']:,} bit flips over {report['hours']:g} h of {report['scenario']}, uniform over "
        f"bit × tick × replica (full and forked from a sample of {report['sample']}):",
        f"  {report['full_s']:10,.1f} s  full re-runs, {report['full_run_s']:.2f} s each",
        f"  {report['reference_s']:10,.1f} s  the reference's flight"
        f" ({report['reference_octets'] / 1e6:.1f} MB)",
        f"  {report['forked_s']:10,.1f} s  forked, flown to the end, {report['forked_run_s']:.2f} s each",
        f"  {report['fork_ms']:10,.2f} ms to mark a run at its end and put it back"
        f" (flight state of {report['state_octets'] / 1e6:.1f} MB)",
        f"  {report['early_s']:10,.1f} s  forked and stopped early, {report['early_run_ms']:.2f} ms each"
        f" (median {report['early_run_ms_median']:.2f} ms, {report['ticks_flown_mean']:.0f} ticks flown)",
        f"  {report['check_s']:10,.1f} s  checking {report['checked']} of them to the end",
        f"stopped: {stops['identical']:,} identical, {stops['reconverged']:,} reconverged,"
        f" {stops['end']:,} at the end",
        "cheaper than full re-runs by:",
        *(f"  {ratio:10,.1f} ×  {name}" for name, ratio in ratios.items()),
        f"disagreements in the check: {len(report['disagreements'])}",
        *(f"  {text}" for text in report["disagreements"]),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Time forks and early stop against full re-runs.")
    parser.add_argument("--flips", type=int, default=2000, help="how many runs (default: 2,000)")
    parser.add_argument(
        "--hours", type=float, default=24.0, help="how much of first-contact each flies (default: 24)"
    )
    parser.add_argument("--sample", type=int, default=10, help="runs flown whole, and forked to the end")
    parser.add_argument("--checks", type=int, default=100, help="reconverged runs flown to the end")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    report = measure(arguments.flips, arguments.hours, arguments.sample, arguments.checks)
    print(json.dumps(report, indent=2) if arguments.json else "\n".join(lines(report)))
    return 1 if report["disagreements"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
