"""A day of gravity, Sun, Moon and sunlight against satkit's propagator (stored states; see tests/vectors).

The two share EGM96 and the laws of motion and nothing else: satkit integrates an 8/9 Runge-Kutta to 1e-13
with DE440, IAU 2006 orientation and its own harmonics. Measured: 0.1 mm with gravity alone, 3 mm with Sun
and Moon (DE421 and an apparent Sun here), 0.11 m with solar pressure (pressure constant and the Sun's
radius differ). The requirement is metres; ten times the measured is asked for.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.environment.tables import EnvironmentModel, EnvironmentTables
from sim.orbit import propagate

BOUNDS_M = {
    "gravity_8": 1e-3,
    "gravity_8_sun_moon": 0.03,
    "gravity_20_sun_moon": 0.03,
    "gravity_8_sun_moon_pressure": 0.5,
}


def distances(document: dict[str, Any], case: dict[str, Any], *, step_s: float) -> np.ndarray:
    model = EnvironmentModel(
        gravity_degree=case["degree"],
        third_bodies=case["third_bodies"],
        solar_pressure=case["pressure_m2_kg"] > 0.0,
        drag=False,
    )
    tables = EnvironmentTables(datetime.fromisoformat(document["epoch"]), 86400.0, model)
    flown = propagate(
        np.array(document["initial"][case["orbit"]]),
        tables,
        np.array(document["times_s"]) * 10**9,
        pressure_m2_kg=case["pressure_m2_kg"],
        step_s=step_s,
    )
    result: np.ndarray = np.linalg.norm(flown[:, :3] - np.array(case["states"])[:, :3], axis=1)
    return result


@pytest.mark.requirement("S2")
@pytest.mark.parametrize("orbit", ["reference", "elliptic"])
@pytest.mark.parametrize("case", BOUNDS_M)
def test_day_against_satkit(vectors: Path, orbit: str, case: str) -> None:
    document = json.loads((vectors / "orbit.json").read_text())
    away = distances(document, document["orbits"][f"{orbit}/{case}"], step_s=0.2)
    assert away[0] == 0.0
    assert away.max() < BOUNDS_M[case]


@pytest.mark.requirement("S2")
def test_polar_motion_left_out_is_worth_less_than_a_metre(vectors: Path) -> None:
    """Against satkit with the IERS pole: 0.59 m after a day, the documented size of what is left out."""
    document = json.loads((vectors / "orbit.json").read_text())
    away = distances(document, document["orbits_with_polar_motion"]["reference/gravity_8"], step_s=1.0)
    assert 0.1 < away.max() < 1.0
