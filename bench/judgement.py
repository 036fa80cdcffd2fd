"""What it costs to judge a run: the flight after the end, as a share of the run's own flight.

    python -m bench.judgement                            6,000 s of first-contact, 5 repetitions
    python -m bench.judgement --repeats 9 --json

Each case is flown and judged by turns with the others, so that a busy machine is busy for all; shares are
medians of the repetitions' own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from typing import Any

from safehold.code_id import prepare_numba_cache

prepare_numba_cache()  # before numba is imported

from safehold.judgement import judge  # noqa: E402
from safehold.run import Outing, adjusted  # noqa: E402
from safehold.scenario import load  # noqa: E402
from safehold.schema import Fault, Scenario  # noqa: E402
from safehold.simulation import Simulation  # noqa: E402

CASES: Mapping[str, tuple[dict[str, Any], ...]] = {
    "nominal": (),
    "a gyro's fault is healed": ({"kind": "gyro_stuck", "target": "gyro.0", "duration": "2h"},),
    "a wheel stays lost": ({"kind": "wheel_seize", "target": "wheel.1"},),
    "both wings stay lost": tuple(
        {"kind": "string_loss", "target": f"wing.{wing}", "share": 1.0} for wing in range(2)
    ),
}


def measure(
    duration: str, repeats: int, cases: Mapping[str, tuple[dict[str, Any], ...]] = CASES
) -> dict[str, Any]:
    """For each case: outcome, seconds flown on, and the share of the run's wall time that judging took."""
    base = adjusted(load("first-contact"), seed=None, duration=duration)
    shares: dict[str, list[float]] = {name: [] for name in cases}
    found: dict[str, Any] = {}
    for repeat in range(repeats + 1):  # the first warms up
        for name, faults in cases.items():
            keys = [{"at": "10m", **fault} for fault in faults]
            scenario = base.model_copy(update={"fault": [Fault.model_validate(one) for one in keys]})
            share, entry = _once(scenario)
            if repeat:
                shares[name].append(share)
            found[name] = entry
    for name, values in shares.items():
        found[name]["share"] = statistics.median(values)
    return {"duration": duration, "repeats": repeats, "cases": found}


def _once(scenario: Scenario) -> tuple[float, dict[str, Any]]:
    simulation = Simulation(scenario, keep_truth=False)
    start = time.perf_counter()
    Outing(simulation).fly()
    flown = time.perf_counter()
    judgement = judge(simulation, {})
    judged = time.perf_counter()
    entry = {"outcome": judgement.verdict.outcome, "flown_s": judgement.flown_s}
    return (judged - flown) / (flown - start), entry


def lines(report: Mapping[str, Any]) -> list[str]:
    """The report for people."""
    return [
        f"{name:26s} {case['outcome']:9s} {case['flown_s']:8.0f} s flown on, {case['share']:8.1%} of the run"
        for name, case in report["cases"].items()
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--duration", default="6000s")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = measure(options.duration, options.repeats)
    print(json.dumps(report, indent=2) if options.json else "\n".join(lines(report)))


if __name__ == "__main__":
    main()
