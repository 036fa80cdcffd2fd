"""Finds passes: when a satellite rises above a station's elevation mask, culminates and sets.

Elevation is above the horizon of WGS84, without refraction. Between states 10 s apart the orbit is a cubic
Hermite polynomial, within a millimetre; rise and set are bisected to a microsecond. A pass that rises and
sets between two states is found by its culmination.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@numba.njit(cache=True)
def _sine_elevation(
    t_s: float, t0_s: float, step_s: float, states: Floats, orientation: Floats, station: Floats
) -> float:
    """Sine of the elevation above a station: its ITRS position, then its zenith. Orientation as for the
    orbit.
    """
    i = min(max(int((t_s - t0_s) / step_s), 0), len(states) - 2)
    u = (t_s - t0_s) / step_s - i
    h00, h10 = (1.0 + 2.0 * u) * (1.0 - u) * (1.0 - u), u * (1.0 - u) * (1.0 - u) * step_s
    h01, h11 = u * u * (3.0 - 2.0 * u), u * u * (u - 1.0) * step_s
    gx = h00 * states[i, 0] + h10 * states[i, 3] + h01 * states[i + 1, 0] + h11 * states[i + 1, 3]
    gy = h00 * states[i, 1] + h10 * states[i, 4] + h01 * states[i + 1, 1] + h11 * states[i + 1, 4]
    gz = h00 * states[i, 2] + h10 * states[i, 5] + h01 * states[i + 1, 2] + h11 * states[i + 1, 5]
    o = orientation
    x = o[0] * gx + o[1] * gy + o[2] * gz
    y = o[3] * gx + o[4] * gy + o[5] * gz
    z = o[6] * gx + o[7] * gy + o[8] * gz
    angle = o[9] + o[10] * (t_s - o[11])
    c, s = math.cos(angle), math.sin(angle)
    dx = c * x + s * y - station[0]
    dy = -s * x + c * y - station[1]
    dz = z - station[2]
    upwards: float = dx * station[3] + dy * station[4] + dz * station[5]
    return upwards / math.sqrt(dx * dx + dy * dy + dz * dz)


@numba.njit(cache=True)
def _sines(t0_s: float, step_s: float, states: Floats, orientation: Floats, station: Floats) -> Floats:
    """Sines of the elevation at the states themselves."""
    out = np.zeros(len(states))
    for i in range(len(states)):
        out[i] = _sine_elevation(t0_s + i * step_s, t0_s, step_s, states, orientation, station)
    return out


@dataclass(frozen=True, slots=True)
class Arc:
    """A piece of orbit as one station sees it: states (GCRF m, m/s) every `step_s` from `t0_s` after the
    epoch on.

    `orientation` as for `ground.orbit.propagate`, `place` as from `ground.orientation.station_row`, `mask` a
    sine.
    """

    t0_s: float
    step_s: float
    states: Floats
    orientation: Floats
    place: Floats
    mask: float

    def sine(self, t_s: float) -> float:
        """Sine of the elevation."""
        return float(_sine_elevation(t_s, self.t0_s, self.step_s, self.states, self.orientation, self.place))

    def sines(self) -> Floats:
        """Sines of the elevation at the states."""
        return np.asarray(_sines(self.t0_s, self.step_s, self.states, self.orientation, self.place))


RISE, CULMINATION, SET = 1, 2, 3
Edge = tuple[float, int, float]
"""Time s, kind, sine of the elevation there."""


def find_edges(arc: Arc, *, first: bool) -> list[Edge]:
    """Rises, culminations and sets in the order of time.

    An arc finds what lies between its second state and its last, and culminations around its inner states;
    with `first` also what lies before and a satellite that is up from the start. So arcs that overlap by one
    step find everything once.
    """
    sines = arc.sines()
    up = sines > arc.mask
    times_s = arc.t0_s + arc.step_s * np.arange(len(sines))
    edges: list[Edge] = [(arc.t0_s, RISE, arc.mask)] if first and up[0] else []
    if first and up[0] and sines[1] < sines[0]:
        edges.append((arc.t0_s, CULMINATION, float(sines[0])))
    for i in np.flatnonzero(up[1:] != up[:-1]).tolist():
        if first or i > 0:
            rising = bool(up[i + 1])
            edges.append(
                (_crossing(arc, times_s[i], times_s[i + 1], rising), RISE if rising else SET, arc.mask)
            )
    inner = sines[1:-1]
    for i in (np.flatnonzero((inner > sines[:-2]) & (inner >= sines[2:])) + 1).tolist():
        top_s = _culmination(arc, times_s[i - 1], times_s[i + 1])
        top = arc.sine(top_s)
        if top > arc.mask:
            edges.append((top_s, CULMINATION, top))
            if not up[i]:  # Below the mask at all three states: the whole pass lies between them.
                edges.append((_crossing(arc, times_s[i - 1], top_s, True), RISE, arc.mask))
                edges.append((_crossing(arc, top_s, times_s[i + 1], False), SET, arc.mask))
    return sorted(edges)


def _crossing(arc: Arc, low_s: float, high_s: float, rising: bool) -> float:
    while high_s - low_s > 1e-6:
        middle = 0.5 * (low_s + high_s)
        if (arc.sine(middle) > arc.mask) == rising:
            high_s = middle
        else:
            low_s = middle
    return 0.5 * (low_s + high_s)


def _culmination(arc: Arc, low_s: float, high_s: float) -> float:
    while high_s - low_s > 1e-3:
        a, b = low_s + (high_s - low_s) / 3.0, high_s - (high_s - low_s) / 3.0
        if arc.sine(a) < arc.sine(b):
            low_s = a
        else:
            high_s = b
    return 0.5 * (low_s + high_s)
