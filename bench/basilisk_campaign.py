"""A Monte Carlo of the same satellite by Basilisk's own controller: the yardstick of `bench/campaign.py`.

Run as `python -m bench.basilisk_campaign CONFIG.json` in an interpreter that has `bsk` and `pandas`; the
configuration is the one of `bench/basilisk.py` with `runs`, `processes` and `variant` besides. Mass, inertia,
release rate and attitude are dispersed and every model's noise gets a seed of its own, by
`Basilisk.utilities.MonteCarlo`; each run writes where it ended up, and nothing else. No retention policy is
set: with one, the controller sleeps for a second in every run (2.12).
"""

from __future__ import annotations

import functools
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from Basilisk.utilities import macros
from Basilisk.utilities.MonteCarlo.Controller import Controller
from Basilisk.utilities.MonteCarlo.Dispersions import (
    NormalDispersion,
    NormalVectorCartDispersion,
    UniformEulerAngleMRPDispersion,
)

from bench.basilisk import Loop

RATE_SIGMA_RAD_S = 0.05


def create(config: dict[str, Any], folder: Path) -> Any:
    """A simulation whose values have yet to be dispersed."""
    loop = Loop(config, full=config["variant"] == "full", folder=folder, initialise=False)
    loop.sim.loop = loop
    return loop.sim


def fly(config: dict[str, Any], folder: Path, sim: Any) -> None:
    """Fly a run to its end and write where it ended up."""
    sim.InitializeSimulation()
    sim.ConfigureStopTime(config["steps"] * macros.sec2nano(config["step_s"]))
    sim.ExecuteSimulation()
    state = sim.loop.craft.scStateOutMsg.read()
    found = {"position_m": list(state.r_BN_N), "rate_rad_s": list(state.omega_BN_B)}
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".json", delete=False, encoding="utf-8") as file:
        json.dump(found, file)


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as place:
        folder, results = Path(place), Path(place) / "results"
        results.mkdir()
        controller = Controller()
        controller.setSimulationFunction(functools.partial(create, config, folder))
        controller.setExecutionFunction(functools.partial(fly, config, results))
        controller.setExecutionCount(config["runs"])
        controller.setThreadCount(config["processes"])
        controller.setShouldDisperseSeeds(True)
        controller.setVerbose(False)
        mass = config["mass_kg"]
        hub = "loop.craft.hub"
        for dispersion in (
            NormalDispersion(f"{hub}.mHub", mass, 0.01 * mass),
            NormalVectorCartDispersion(f"{hub}.omega_BN_BInit", 0.0, RATE_SIGMA_RAD_S),
            UniformEulerAngleMRPDispersion(f"{hub}.sigma_BNInit"),
        ):
            controller.addDispersion(dispersion)
        before_s = time.process_time()
        start = time.perf_counter()
        failed = controller.executeSimulations()
        wall_s = time.perf_counter() - start
        used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
        spent_s = sum(one.ru_utime + one.ru_stime for one in used) - before_s
        ends = {path.read_text(encoding="utf-8") for path in results.iterdir()}
    import Basilisk

    print(
        json.dumps(
            {
                "version": Basilisk.__version__,
                "runs": config["runs"],
                "failed": len(failed),
                "different_ends": len(ends),
                "wall_s": wall_s,
                "cpu_s_a_run": spent_s / config["runs"],
            }
        )
    )


if __name__ == "__main__":
    main()
