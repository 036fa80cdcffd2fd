"""Finds passes: when a satellite rises above a station's elevation mask, culminates and sets.

Elevation is above the horizon of WGS84, without refraction. Between states 10 s apart the orbit is a cubic Hermite
polynomial, within a millimetre; rise and set are bisected to a microsecond. A pass that rises and sets between two
states is found by its culmination.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """A predicted pass over one station: acquisition of signal, culmination, loss of signal, since the epoch."""

    station: int
    aos_ns: int
    tca_ns: int
    los_ns: int
    elevation_max_rad: float


@numba.njit(cache=True)
def _sine_elevation(
    t_s: float, t0_s: float, step_s: float, states: Floats, orientation: Floats, station: Floats
) -> float:
    """Sine of the elevation above a station: its ITRS position, then its zenith. Orientation as for the orbit."""
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
def _crossing(low_s: float, high_s: float, rising: bool, mask: float, arguments: Any) -> float:
    for _ in range(60):
        middle = 0.5 * (low_s + high_s)
        if high_s - low_s < 1e-6:
            break
        if (_sine_elevation(middle, *arguments) > mask) == rising:
            high_s = middle
        else:
            low_s = middle
    return 0.5 * (low_s + high_s)


@numba.njit(cache=True)
def _culmination(low_s: float, high_s: float, arguments: Any) -> float:
    for _ in range(60):
        if high_s - low_s < 1e-3:
            break
        a, b = low_s + (high_s - low_s) / 3.0, high_s - (high_s - low_s) / 3.0
        if _sine_elevation(a, *arguments) < _sine_elevation(b, *arguments):
            low_s = a
        else:
            high_s = b
    return 0.5 * (low_s + high_s)


@numba.njit(cache=True)
def find_edges(
    t0_s: float,
    step_s: float,
    states: Floats,
    orientation: Floats,
    station: Floats,
    mask: float,
    first: bool,
    out: Floats,
) -> int:
    """Rises (1), culminations (2) and sets (3) over one station; writes rows of (kind, time s, sine of elevation).

    Looks between the second state and the last but one (the first of all with `first`), so that chunks that overlap by
    two steps find everything once. `mask` is a sine. Returns the number of rows.
    """
    arguments = (t0_s, step_s, states, orientation, station)
    count = 0
    before = _sine_elevation(t0_s, *arguments)
    here = before
    after = _sine_elevation(t0_s + step_s, *arguments)
    if first and here > mask:
        out[count] = (1.0, t0_s, here)
        count += 1
        if after < here:
            out[count] = (2.0, t0_s, here)
            count += 1
    if first:
        count = _edge(t0_s, step_s, here, after, mask, arguments, out, count)
    for i in range(1, len(states) - 1):
        t_s = t0_s + i * step_s
        before, here = here, after
        after = _sine_elevation(t_s + step_s, *arguments)
        if here > before and here >= after:
            top_s = _culmination(t_s - step_s, t_s + step_s, arguments)
            top = _sine_elevation(top_s, *arguments)
            if top > mask:
                # Below the mask at all three states: the whole pass lies between them.
                if here <= mask:
                    out[count] = (1.0, _crossing(t_s - step_s, top_s, True, mask, arguments), mask)
                    count += 1
                out[count] = (2.0, top_s, top)
                count += 1
                if here <= mask:
                    out[count] = (3.0, _crossing(top_s, t_s + step_s, False, mask, arguments), mask)
                    count += 1
        count = _edge(t_s, step_s, here, after, mask, arguments, out, count)
    return count


@numba.njit(cache=True)
def _edge(
    t_s: float, step_s: float, here: float, after: float, mask: float, arguments: Any, out: Floats, count: int
) -> int:
    if (here > mask) != (after > mask):
        rising = after > mask
        out[count] = (1.0 if rising else 3.0, _crossing(t_s, t_s + step_s, rising, mask, arguments), mask)
        count += 1
    return count
