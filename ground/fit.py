"""An orbit of the ground's own model through navigation samples: weighted least squares, Gauss-Newton.

Samples are rows of time s, position m and velocity m/s in GCRF. States are spaced by the model's step; in
between the orbit is a cubic, within a millimetre.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ground import orbit, orientation
from ground.config import GroundConfig
from ground.passes import Floats

POSITION_M = 5.0
VELOCITY_M_S = 0.02
_CHUNK_S = 10_800.0

Carry = Callable[[Floats], Floats]
"""From a state to the states every ten seconds after it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The orbit found: its states from the first time on, and how far the samples lie from it on the mean."""

    states: Floats
    rms_m: float


def carrier(config: GroundConfig, start_s: float, end_s: float) -> Carry:
    """What propagates a state from a time to another (s after the configuration's epoch)."""
    epoch_tt = orientation.epoch_tt(datetime.fromisoformat(config.epoch))
    centuries = (epoch_tt - orientation.J2000_TT) / 36525.0
    elements = config.orbit
    model = np.array([elements.gravity_degree, elements.gravity_order, elements.ballistic_m2_kg, centuries])
    coefficients, table = orbit.gravity_coefficients(), orbit.density_table()
    count = max(1, math.ceil((end_s - start_s) / orbit.STEP_S - 1e-9))
    chunks = max(1, math.ceil(count * orbit.STEP_S / _CHUNK_S))
    rows = orientation.orientation_rows(
        epoch_tt, start_s + _CHUNK_S * np.arange(chunks + 1, dtype=np.float64)
    )
    steps = round(_CHUNK_S / orbit.STEP_S)

    def carry(first: Floats) -> Floats:
        states = np.zeros((count + 1, 6))
        states[0] = first
        for chunk in range(chunks):
            low, high = chunk * steps, min((chunk + 1) * steps, count)
            orbit.propagate(
                start_s + low * orbit.STEP_S, states[low : high + 1], rows[chunk], model, coefficients, table
            )
        return states

    return carry


def at(states: Floats, start_s: float, times_s: Floats) -> Floats:
    """The states at some times, by a cubic."""
    h = orbit.STEP_S
    index = np.clip(((times_s - start_s) / h).astype(np.int64), 0, len(states) - 2)
    u = ((times_s - start_s) / h - index)[:, None]
    a, b = states[index], states[index + 1]
    position = (
        (1 + 2 * u) * (1 - u) ** 2 * a[:, :3]
        + u * (1 - u) ** 2 * h * a[:, 3:]
        + u * u * (3 - 2 * u) * b[:, :3]
        + u * u * (u - 1) * h * b[:, 3:]
    )
    velocity = (
        6 * u * (u - 1) / h * (a[:, :3] - b[:, :3])
        + (1 - u) * (1 - 3 * u) * a[:, 3:]
        + u * (3 * u - 2) * b[:, 3:]
    )
    return np.concatenate([position, velocity], axis=1)


def states_at(config: GroundConfig, times_s: Floats) -> Floats:
    """Where a configuration's own elements have the satellite."""
    last_s = max(float(times_s[-1]), orbit.STEP_S)
    first = np.array([*config.orbit.position_gcrf_m, *config.orbit.velocity_gcrf_m_s])
    return at(carrier(config, 0.0, last_s)(first), 0.0, times_s)


def apart(own: Floats, samples: Floats) -> tuple[float, float]:
    """How far the samples are ahead of a prediction, s on the mean, and how far beside and above it, m."""
    difference = samples[:, 1:4] - own[:, :3]
    speed = np.linalg.norm(own[:, 3:], axis=1)
    ahead = own[:, 3:] / speed[:, None]
    along = np.einsum("ij,ij->i", difference, ahead)
    # An orbit that is ahead by an angle is also nearer to the Earth's other side: measured along its arc.
    radius = np.linalg.norm(own[:, :3], axis=1)
    fall = 0.5 * along**2 / radius
    across = difference - along[:, None] * ahead + fall[:, None] * own[:, :3] / radius[:, None]
    return float(np.mean(along / speed)), float(np.linalg.norm(across, axis=1).max())


def least_squares(carry: Carry, first_s: float, samples: Floats) -> Fit:
    """The orbit nearest to the samples; it starts from the first of them."""
    times_s, seen = samples[:, 0], samples[:, 1:]
    weights = np.array([1.0 / POSITION_M] * 3 + [1.0 / VELOCITY_M_S] * 3)
    state = seen[0] - np.concatenate([(times_s[0] - first_s) * seen[0, 3:], np.zeros(3)])
    nudges = np.array([10.0] * 3 + [0.01] * 3)
    for _ in range(5):
        base = at(carry(state), first_s, times_s)
        columns = []
        for index in range(6):
            other = state.copy()
            other[index] += nudges[index]
            columns.append(((at(carry(other), first_s, times_s) - base) * weights).ravel() / nudges[index])
        scale = nudges
        matrix = np.array(columns).T * scale
        step = np.linalg.lstsq(matrix, ((seen - base) * weights).ravel(), rcond=None)[0] * scale
        state = state + step
    states = carry(state)
    residuals = (at(states, first_s, times_s) - seen)[:, :3]
    return Fit(states, float(np.sqrt(np.mean(np.sum(residuals**2, axis=1)))))


def sines(config: GroundConfig, station: int, times_s: Floats, states: Floats, first_s: float) -> Floats:
    """Sines of the elevation at a station at some times on an orbit."""
    epoch_tt = orientation.epoch_tt(datetime.fromisoformat(config.epoch))
    edges = np.array([times_s[0], max(float(times_s[-1]), float(times_s[0]) + 1.0)])
    row = orientation.orientation_rows(epoch_tt, edges)[0]
    place = config.stations[station]
    there = orientation.station_row(place.latitude_rad, place.longitude_rad, place.altitude_m)
    true = at(states, first_s, times_s)[:, :3] @ row[:9].reshape(3, 3).T
    angle = row[9] + row[10] * (times_s - row[11])
    x = np.cos(angle) * true[:, 0] + np.sin(angle) * true[:, 1] - there[0]
    y = -np.sin(angle) * true[:, 0] + np.cos(angle) * true[:, 1] - there[1]
    line = np.column_stack([x, y, true[:, 2] - there[2]])
    found: Floats = line @ there[3:] / np.linalg.norm(line, axis=1)
    return found
