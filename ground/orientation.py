"""The Earth's orientation and the stations' places, by skyfield (precession and nutation IAU 2000A, UT1,
WGS84).
"""

from __future__ import annotations

import math
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SECONDS_A_DAY = 86400.0
J2000_TT = 2451545.0


@cache
def timescale() -> Any:
    """Skyfield's time scale from the tables that it carries; nothing is fetched."""
    from skyfield.api import load

    return load.timescale(builtin=True)


def epoch_tt(epoch: datetime) -> float:
    """The Julian date (TT) of an epoch that carries its time zone."""
    return float(timescale().from_datetime(epoch).tt)


def orientation_rows(epoch_tt_days: float, edges_s: Floats) -> Floats:
    """For each interval between instants (s since the epoch), true-of-date from GCRF at its middle and
    sidereal time.

    Returns shape (n - 1, 12): nine matrix elements, sidereal time at the start rad, its rate rad/s, the start
    s. Within three hours the pole moves by less than 0.02 seconds of arc: 0.5 m on the ground.
    """
    times = timescale().tt_jd(epoch_tt_days + edges_s / SECONDS_A_DAY)
    matrices = np.moveaxis(np.asarray(times.M), -1, 0)
    sidereal = np.unwrap(np.asarray(times.gast) * (math.pi / 12.0), period=2.0 * math.pi)
    turns = np.round((np.diff(edges_s) * 7.2921158e-5 - np.diff(sidereal)) / (2.0 * math.pi))
    rates = (np.diff(sidereal) + 2.0 * math.pi * turns) / np.diff(edges_s)
    middle = 0.5 * (matrices[:-1] + matrices[1:])
    return np.column_stack([middle.reshape(-1, 9), sidereal[:-1], rates, edges_s[:-1]])


def station_row(latitude_rad: float, longitude_rad: float, altitude_m: float) -> Floats:
    """A station's position in ITRS, m, and its zenith."""
    from skyfield.api import wgs84

    place = wgs84.latlon(math.degrees(latitude_rad), math.degrees(longitude_rad), elevation_m=altitude_m)
    zenith = (
        math.cos(latitude_rad) * math.cos(longitude_rad),
        math.cos(latitude_rad) * math.sin(longitude_rad),
        math.sin(latitude_rad),
    )
    return np.concatenate([np.asarray(place.itrs_xyz.m), zenith])
