"""The elements that the ground starts with: the scenario's own orbit, or wrong ones by `[ground]`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from safehold.schema import Scenario

if TYPE_CHECKING:
    from ground.config import GroundConfig

WRONG_DRAG = 4.0 / 3.0
"""Elements that have aged were carried on with a drag area that is wrong by a third."""

Floats = NDArray[np.float64]


def with_elements(config: GroundConfig, scenario: Scenario) -> GroundConfig:
    """The ground's configuration with its elements made wrong as the scenario asks for."""
    keys = scenario.ground
    state = np.array([*config.orbit.position_gcrf_m, *config.orbit.velocity_gcrf_m_s])
    doubt_s = 0.0
    if keys.tle is not None:
        from sim.orbit.mean_elements import from_tle

        state = np.asarray(from_tle("\n".join(keys.tle), scenario.epoch).state_gcrf, dtype=np.float64)
        doubt_s = 5.0
    if keys.age is not None:
        state, aged_s = _aged(config, state, keys.age / 1e9)
        doubt_s += 2.0 * abs(aged_s)
    if keys.along_track_s:
        state = _ahead(state, keys.along_track_s)
        doubt_s += 1.2 * abs(keys.along_track_s)
    if keys.uncertainty_s is not None:
        doubt_s = keys.uncertainty_s
    x, y, z, u, v, w = (float(value) for value in state)
    orbit = replace(config.orbit, position_gcrf_m=(x, y, z), velocity_gcrf_m_s=(u, v, w))
    return replace(config, orbit=orbit, uncertainty_s=min(doubt_s, 600.0), refine=keys.refine)


def _ahead(state: Floats, seconds: float) -> Floats:
    """Where two-body motion has the state after some seconds: elements whose satellite is that much ahead."""
    from sim.environment.constants import EARTH_GM

    def slope(one: Floats) -> Floats:
        radius = math.hypot(*one[:3])
        return np.concatenate([one[3:], -EARTH_GM / radius**3 * one[:3]])

    steps = max(1, math.ceil(abs(seconds)))
    h = seconds / steps
    for _ in range(steps):
        a = slope(state)
        b = slope(state + 0.5 * h * a)
        c = slope(state + 0.5 * h * b)
        d = slope(state + h * c)
        state = state + h / 6.0 * (a + 2.0 * (b + c) + d)
    return state


def _aged(config: GroundConfig, state: Floats, age_s: float) -> tuple[Floats, float]:
    """Elements as wrong as they have become after some time, and by how many seconds along the orbit.

    What the wrong drag does over that time from the epoch on is taken, in the orbit's own axes, as the error
    at the epoch.
    """
    from ground import fit

    end_s = math.ceil(age_s / 10.0) * 10.0
    wrong = replace(config.orbit, ballistic_m2_kg=WRONG_DRAG * config.orbit.ballistic_m2_kg)
    right_end = fit.carrier(config, 0.0, end_s)(state)[-1]
    wrong_end = fit.carrier(replace(config, orbit=wrong), 0.0, end_s)(state)[-1]
    there, here = _axes(right_end), _axes(state)
    error = np.concatenate([there @ (wrong_end - right_end)[:3], there @ (wrong_end - right_end)[3:]])
    aged = state + np.concatenate([here.T @ error[:3], here.T @ error[3:]])
    return aged, float(error[1] / np.linalg.norm(right_end[3:]))


def _axes(state: Floats) -> Floats:
    """Rows: up, ahead, along the orbit's normal."""
    up = state[:3] / np.linalg.norm(state[:3])
    normal = np.cross(state[:3], state[3:])
    normal = normal / np.linalg.norm(normal)
    return np.array([up, np.cross(normal, up), normal])
