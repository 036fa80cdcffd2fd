"""The closed loop, timed: microseconds a step with everything on, by part, beside Basilisk in the same run.

    python -m bench.loop                                 first-contact as shipped, 24 h, 3 repetitions
    python -m bench.loop --hours 6 --repeats 5 --json    shorter, as one JSON document
    python -m bench.loop --basilisk /path/to/python      Basilisk from another environment (else this one)

A step is one control tick of 0.1 s. Compilation, environment tables and the ground's first prediction are
not counted: the whole scenario is flown once before. Everything from the first tick to the last is, ground
and link included. All is processor time of this thread; what alternates meets the same machine: three
replicas and one, ten minutes of flight at a time, and repetitions of safehold and Basilisk. Figures are
medians.

How the parts are measured. The driver has a stopwatch that is off in a normal run: a second run of each
repetition has it on and yields plant, flight, digest and recording (truth rows, expectations, events). Its
six readings a step are part of what it shows, so the parts add up to a little more than the whole. Link and
ground are timed around their calls. Glue is what is left: Python between the driver's calls. A reading of
the processor's time would take as long as a part, so the stopwatch reads the clock, and each part is given as
its share of that run's processor time: who else is on the machine takes from all parts alike. Noise is part
of the plant and is measured by drawing what a tick draws. A further replica is half of what three take above
one: its own step and its share of the voting, without crypto stage, stores and black box, which are there
once."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from safehold.code_id import prepare_numba_cache

prepare_numba_cache()  # before numba is imported

import numba  # noqa: E402
import numpy as np  # noqa: E402

from safehold.checks import shortened  # noqa: E402
from safehold.scenario import load  # noqa: E402
from safehold.schema import Scenario  # noqa: E402
from safehold.simulation import Simulation  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
BLOCK_TICKS = 6_000  # flown on end before the other run has its turn: ten minutes
# Deviates of a stream and the ticks between its draws, as in sim/sensors.py: gyros, magnetometers, Sun
# sensors and tachometers; trackers; gyro drift, GPS and housekeeping.
DRAWS = ((12, 1), (9, 1), (12, 1), (4, 1), (6, 5), (12, 10), (12, 10), (13, 10))


class Timed:
    """Stands in for an object and adds up the time by the clock spent in its methods."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.ns = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not callable(found):
            return found

        def timed(*arguments: Any) -> Any:
            start = time.perf_counter_ns()
            try:
                return found(*arguments)
            finally:
                self.ns += time.perf_counter_ns() - start

        return timed


def fly(*scenarios: Scenario) -> list[float]:
    """Fly them in turn, a block at a time, with the stopwatch off; the whole loop of each in microseconds a
    step.
    """
    simulations = [Simulation(scenario) for scenario in scenarios]
    spent_ns = [0] * len(simulations)
    try:
        last = max(simulation.end_tick for simulation in simulations)
        for until in range(BLOCK_TICKS, last + BLOCK_TICKS, BLOCK_TICKS):
            for index, simulation in enumerate(simulations):
                start = time.thread_time_ns()
                simulation.advance(until)
                if until >= last:
                    simulation.finish()
                spent_ns[index] += time.thread_time_ns() - start
        return [ns / one.end_tick / 1e3 for ns, one in zip(spent_ns, simulations, strict=True)]
    finally:
        for simulation in simulations:
            simulation.close()


def split(scenario: Scenario) -> dict[str, float]:
    """Fly with the stopwatch on; the parts in microseconds a step."""
    simulation = Simulation(scenario)
    try:
        simulation.driver.measure(True)
        ground, link = Timed(simulation.ground), Timed(simulation.link)
        simulation.ground, simulation.link = ground, link  # type: ignore[assignment]
        start, start_clock = time.thread_time_ns(), time.perf_counter_ns()
        simulation.advance(simulation.end_tick)
        simulation.finish()
        spent, elapsed = time.thread_time_ns() - start, time.perf_counter_ns() - start_clock
        timing = simulation.driver.timing()
        clock = {name: timing[f"{name}_ns"] for name in ("plant", "flight", "digest", "record")}
        clock |= {"ground": ground.ns, "link": link.ns}
        clock["glue"] = elapsed - sum(clock.values())
        return {name: ns * (spent / elapsed) / simulation.end_tick / 1e3 for name, ns in clock.items()}
    finally:
        simulation.close()


def noise_us() -> float:
    """The noise of a tick: every stream that a tick draws, compiled as in the plant."""
    from sim.noise import fill_normals, stream_key

    draws = np.array(DRAWS)
    out = np.zeros(int(draws[:, 0].sum()))
    key = stream_key(1, "bench")

    @numba.njit(cache=False)
    def many(key: int, draws: Any, out: Any, steps: int) -> float:
        total = 0.0
        for tick in range(steps):
            first = 0
            for stream in range(len(draws)):
                if tick % draws[stream, 1] == 0:
                    fill_normals(key + stream, tick, out, first, draws[stream, 0])
                first += draws[stream, 0]
            total += out[tick % len(out)]
        return total

    many(key, draws, out, 10)
    steps, best = 200_000, float("inf")
    for _ in range(3):
        start = time.thread_time_ns()
        many(key, draws, out, steps)
        best = min(best, (time.thread_time_ns() - start) / steps / 1e3)
    return best


def basilisk_config(scenario: Scenario, steps: int) -> dict[str, Any]:
    """The same orbit, body and fields as plain numbers for `bench.basilisk`."""
    from safehold.orbits import initial_orbit
    from sim.environment.constants import EARTH_GM, EARTH_GRAVITY_RADIUS_M
    from sim.environment.ephemeris import sun_moon_gcrf
    from sim.environment.gravity import gravity_coefficients
    from sim.environment.magnetic import decimal_year, read_coefficients
    from sim.environment.tables import EnvironmentTables
    from sim.spacecraft import Spacecraft

    craft = Spacecraft.with_overrides(scenario.spacecraft)
    state = [float(value) for value in initial_orbit(scenario).state_gcrf]
    cosine, sine = gravity_coefficients()
    year = decimal_year(scenario.epoch)
    epochs, g_nt, h_nt = read_coefficients()
    model = int(np.abs(epochs - year).argmin())  # the nearest epoch of the model is near enough for a timing
    moon = sun_moon_gcrf(EnvironmentTables(scenario.epoch, 3600.0).packed, 0)[3:]
    return {
        "step_s": scenario.tick_ns / 1e9,
        "steps": steps,
        "variants": ["lean", "full"],
        "mass_kg": craft.dry_mass_kg + craft.propellant_kg,
        "inertia_kg_m2": [craft.inertia_body_kg_m2[axis][axis] for axis in range(3)],
        "position_gcrf_m": state[:3],
        "velocity_gcrf_m_s": state[3:],
        "rate_body_rad_s": [0.0, 0.001, 0.0],
        "gravity_degree": scenario.environment.gravity_degree,
        "mu_m3_s2": EARTH_GM,
        "radius_m": EARTH_GRAVITY_RADIUS_M,
        "gravity_c": cosine.tolist(),
        "gravity_s": sine.tolist(),
        "au_m": 1.495978707e11,
        "moon_gcrf_m": list(moon),
        "area_m2": 0.6,
        "drag_coefficient": craft.drag_coefficient,
        "magnetic_year": year,
        "magnetic_g_nt": g_nt[model].tolist(),
        "magnetic_h_nt": h_nt[model].tolist(),
        "wheel_axes": [list(axis) for axis in craft.wheel_axis_body],
    }


def basilisk(python: str, config: dict[str, Any], script: str = "bench.basilisk") -> dict[str, Any] | None:
    """What our script that drives Basilisk finds, in a process of its own; None if there is no Basilisk."""
    if subprocess.run([python, "-c", "import Basilisk"], capture_output=True, check=False).returncode != 0:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        command = [python, "-m", script, str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def median(rows: list[dict[str, float]], key: str) -> float:
    return statistics.median(row[key] for row in rows)


def measure(hours: float, repeats: int, python: str | None, basilisk_steps: int) -> dict[str, Any]:
    """All repetitions, alternating; the report."""
    shipped = load("first-contact")
    tick_ns = shipped.tick_ns
    scenario = shortened(shipped, round(hours * 3600e9 / tick_ns) * tick_ns)
    alone = scenario.model_copy(update={"flight": scenario.flight.model_copy(update={"replicas": 1})})
    fly(scenario, alone)  # compile, import, predict, fill caches
    config = basilisk_config(scenario, basilisk_steps)
    three: list[float] = []
    one: list[float] = []
    parts_three: list[dict[str, float]] = []
    parts_one: list[dict[str, float]] = []
    others: list[dict[str, Any]] = []
    for _ in range(repeats):
        with_three, with_one = fly(scenario, alone)
        three.append(with_three)
        one.append(with_one)
        if python and (found := basilisk(python, config)):
            others.append(found)
        parts_three.append(split(scenario))
        parts_one.append(split(alone))
    names = ("plant", "flight", "digest", "record", "link", "ground", "glue")
    parts = {name: median(parts_three, name) for name in names}
    flight_one = median(parts_one, "flight")
    whole = statistics.median(three)
    report: dict[str, Any] = {
        "scenario": "first-contact",
        "steps": scenario.ticks,
        "repeats": repeats,
        "us_per_step": whole,
        "us_per_step_all": three,
        "real_time_factor": tick_ns / 1e3 / whole,
        "us_per_step_one_replica": statistics.median(one),
        "three_over_one": statistics.median(a / b for a, b in zip(three, one, strict=True)),
        "parts_us": {
            "plant": parts["plant"],
            "of which noise": noise_us(),
            "flight x 3": parts["flight"],
            "flight x 1": flight_one,
            "a further replica": (parts["flight"] - flight_one) / 2,
            "digest": parts["digest"],
            "recording": parts["record"],
            "link": parts["link"],
            "ground": parts["ground"],
            "glue": parts["glue"],
        },
    }
    if others:
        report["basilisk"] = {
            "version": others[0]["version"],
            "steps": basilisk_steps,
            **{
                variant: {
                    "us_per_step": statistics.median(row[variant]["us_per_step"] for row in others),
                    "ratio": statistics.median(
                        row[variant]["us_per_step"] / ours for row, ours in zip(others, three, strict=True)
                    ),
                    "pointing_error_deg": others[-1][variant]["pointing_error_deg"],
                }
                for variant in config["variants"]
            },
        }
    return report


def lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    steps, repeats = report["steps"], report["repeats"]
    text = [
        f"first-contact, everything on, {steps:,} steps of 0.1 s, processor time, median of {repeats}:",
        f"  {report['us_per_step']:6.2f} µs a step = {report['real_time_factor']:,.0f} × real time",
        f"  {report['us_per_step_one_replica']:6.2f} µs with one replica"
        f" (three cost {report['three_over_one']:.2f} ×)",
        "by part, µs a step:",
    ]
    text += [f"  {value:6.2f}  {name}" for name, value in report["parts_us"].items()]
    if "basilisk" in report:
        found = report["basilisk"]
        text.append(
            f"Basilisk {found['version']}, {found['steps']:,} steps of 0.1 s, alternating with the above:"
        )
        for variant in ("lean", "full"):
            row = found[variant]
            text.append(f"  {row['us_per_step']:6.2f} µs a step, {variant}: {row['ratio']:.2f} × ours")
    else:
        text.append("Basilisk is not installed here: pip install '.[bench]', or --basilisk PYTHON")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the closed loop by part, beside Basilisk.")
    parser.add_argument(
        "--hours", type=float, default=24.0, help="how much of first-contact to fly (default: 24)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="repetitions, alternating (default: 3)")
    parser.add_argument(
        "--basilisk", default=sys.executable, metavar="PYTHON", help="interpreter that has bsk"
    )
    parser.add_argument("--no-basilisk", action="store_true", help="leave Basilisk out")
    parser.add_argument(
        "--basilisk-steps", type=int, default=60_000, help="steps of each run (default: 60,000)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    python = None if arguments.no_basilisk else arguments.basilisk
    report = measure(arguments.hours, arguments.repeats, python, arguments.basilisk_steps)
    print(json.dumps(report, indent=2) if arguments.json else "\n".join(lines(report)))


if __name__ == "__main__":
    main()
