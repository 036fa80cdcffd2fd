"""What each station and the satellite see of one another, from the plant's state; asked for in contact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.attitude import rotate
from sim.compiled import compiled
from sim.environment.constants import EARTH_ROTATION_RAD_S
from sim.environment.layout import AT_POSITION_ITRS, AT_ROTATION

Floats = NDArray[np.float64]


class View(NamedTuple):
    """The line between a station and the satellite.

    Range m; its rate m/s; sine of the elevation at the station; cosine of the angle at the satellite between
    body +z and the station.
    """

    range_m: float
    range_rate_m_s: float
    sine_elevation: float
    cosine_boresight: float


def read_sight(row: Sequence[float]) -> tuple[list[View], int]:
    """The view of each station, and which patch the transmitter feeds, from a row of the plant's sight."""
    width = len(View._fields)
    return [View(*row[at : at + width]) for at in range(0, len(row) - 1, width)], int(row[-1])


@compiled
def range_and_rate(
    environment: Floats, velocity: Floats, x: float, y: float, z: float
) -> tuple[float, float]:
    """Distance m from a place in ITRS (m) to the satellite, and its rate m/s.

    environment: the plant's record; velocity: GCRF, m/s.
    """
    r = environment[AT_ROTATION : AT_ROTATION + 9]
    p = environment[AT_POSITION_ITRS : AT_POSITION_ITRS + 3]
    v = velocity
    vx = r[0] * v[0] + r[1] * v[1] + r[2] * v[2] + EARTH_ROTATION_RAD_S * p[1]
    vy = r[3] * v[0] + r[4] * v[1] + r[5] * v[2] - EARTH_ROTATION_RAD_S * p[0]
    vz = r[6] * v[0] + r[7] * v[1] + r[8] * v[2]
    dx = p[0] - x
    dy = p[1] - y
    dz = p[2] - z
    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
    return distance, (dx * vx + dy * vy + dz * vz) / distance


@compiled
def fill_views(
    environment: Floats,
    velocity: Floats,
    quaternion: Floats,
    station_itrs_m: Floats,
    station_up: Floats,
    out: Floats,
) -> None:
    """Fill a row of `out` (range, range rate, sine of elevation, cosine of boresight angle) for each station.

    environment: the plant's record; velocity: GCRF, m/s; quaternion: body from GCRF.
    """
    r = environment[AT_ROTATION : AT_ROTATION + 9]
    p = environment[AT_POSITION_ITRS : AT_POSITION_ITRS + 3]
    for i in range(len(out)):
        place = station_itrs_m[i]
        distance, rate = range_and_rate(environment, velocity, place[0], place[1], place[2])
        dx = (p[0] - place[0]) / distance
        dy = (p[1] - place[1]) / distance
        dz = (p[2] - place[2]) / distance
        out[i, 0] = distance
        out[i, 1] = rate
        out[i, 2] = dx * station_up[i, 0] + dy * station_up[i, 1] + dz * station_up[i, 2]
        # From the satellite to the station, back in GCRF and on into the body.
        gx = -(r[0] * dx + r[3] * dy + r[6] * dz)
        gy = -(r[1] * dx + r[4] * dy + r[7] * dz)
        gz = -(r[2] * dx + r[5] * dy + r[8] * dz)
        out[i, 3] = rotate(quaternion[0], quaternion[1], quaternion[2], quaternion[3], gx, gy, gz)[2]
