"""Stations and elevations against skyfield's wgs84 and its rise and set.

Both are geometric (no refraction, no light time) from the same ellipsoid and the same orientation: 1e-9 rad
in elevation is rounding and interpolation; at the slowest usual crossing (0.02 degrees a second) 0.2 s
would be 7e-5 rad.
"""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from skyfield.api import wgs84
from skyfield.positionlib import Geocentric

from sim.environment.ephemeris import itrs_from_gcrf, skyfield_times
from sim.environment.tables import EnvironmentModel, EnvironmentTables
from sim.orbit import propagate
from sim.orbit.geometry import elevation_rad, geodetic_from_itrs, station_position_itrs, station_row
from sim.orbit.initial import from_circular

EPOCH = datetime(2026, 6, 21, tzinfo=UTC)
STATIONS = {
    "starbase": (25.997, -97.157, 2.0),
    "svalbard": (78.230, 15.408, 440.0),
    "hawaii": (19.014, -155.663, 369.0),
}


@pytest.mark.requirement("S2")
@settings(deadline=None)
@given(st.floats(-np.pi / 2, np.pi / 2), st.floats(-np.pi, np.pi), st.floats(-500.0, 2e6))
def test_geodetic_round_trip(latitude: float, longitude: float, altitude: float) -> None:
    back = geodetic_from_itrs(*station_position_itrs(latitude, longitude, altitude))
    assert back[0] == pytest.approx(latitude, abs=1e-9)
    assert back[2] == pytest.approx(altitude, abs=1e-5)
    if abs(latitude) < 1.57:
        assert np.cos(back[1] - longitude) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.requirement("L2.1")
@pytest.mark.parametrize("name", STATIONS)
def test_rise_and_set_against_skyfield(name: str) -> None:
    """Every crossing of 10 degrees in half a day: both edges within 1 ms of the zeros of skyfield's
    elevation.
    """
    latitude, longitude, altitude = STATIONS[name]
    station = station_row(np.radians(latitude), np.radians(longitude), altitude, np.radians(10.0))
    site = wgs84.latlon(latitude, longitude, altitude)
    tables = EnvironmentTables(EPOCH, 43200.0, EnvironmentModel())
    initial = from_circular(
        altitude_m=550e3, inclination_rad=np.radians(97.6), raan_rad=np.pi / 2.0, argument_of_latitude_rad=0.0
    )
    step = 10
    seconds = np.arange(0, 43200, step)
    states = propagate(initial.state_gcrf, tables, seconds * 10**9)
    rotation = np.empty((3, 3))

    def place(t: float) -> np.ndarray:
        """Cubic between states, exact to a millimetre; both elevations see the same one."""
        k = min(int(t // step), len(states) - 2)
        x = t / step - k
        p0, v0, p1, v1 = states[k, :3], states[k, 3:] * step, states[k + 1, :3], states[k + 1, 3:] * step
        h = 2 * x**3 - 3 * x**2
        return (1 + h) * p0 - h * p1 + (x**3 - 2 * x**2 + x) * v0 + (x**3 - x**2) * v1

    def ours(t: float) -> float:
        itrs_from_gcrf(tables.packed, round(t * 1e9), rotation)
        return elevation_rad(station, *(rotation @ place(t))) - np.radians(10.0)

    def theirs(t: float) -> float:
        time = skyfield_times(EPOCH, t)
        satellite = Geocentric(place(t) / 149597870700.0, t=time)
        return (satellite - site.at(time)).altaz()[0].radians - np.radians(10.0)

    above = np.array([ours(float(t)) for t in seconds])
    crossings = np.flatnonzero(above[:-1] * above[1:] < 0.0)
    assert len(crossings) >= 2
    for k in crossings[:8]:
        low, high = float(seconds[k]), float(seconds[k + 1])
        assert brentq(ours, low, high, xtol=1e-6) == pytest.approx(
            brentq(theirs, low, high, xtol=1e-6), abs=1e-3
        )
