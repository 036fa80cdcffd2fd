"""Predicted passes against independent orbits and geometry, and the finder's corner cases.

The mission asks for edges within 1 s over a day. Two other implementations stand for the truth: the plant's
orbit with everything on (harmonics to degree 20, Sun, Moon, drag, radiation pressure) seen through skyfield's
frames, and skyfield's own search for events on an SGP4 orbit.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq
from scipy.special import lpmv
from sgp4.api import Satrec
from skyfield.api import EarthSatellite, load, wgs84
from skyfield.framelib import itrs

from ground import fit, orbit, orientation
from ground.config import GroundConfig, Orbit, Station
from ground.predict import Predictor, _from_elements, predict, predict_tle
from ground.windows import Window
from sim.environment.tables import EnvironmentModel, EnvironmentTables
from sim.orbit import propagate

DAY_S = 86_400
TIMES = load.timescale(builtin=True)
# The ISS, NORAD 25544, as Vallado's and skyfield's documentation quote it for 2014-01-20.
ISS = (
    "1 25544U 98067A   14020.93268519  .00009878  00000-0  18200-3 0  5082",
    "2 25544  51.6498 109.4756 0003572  55.9686 274.8005 15.49815350868473",
)

Configure = Callable[..., GroundConfig]
Edge = tuple[int, float, bool]


def edges_of(windows: list[Window]) -> list[Edge]:
    rises = [(window.station, window.aos_ns / 1e9, True) for window in windows]
    return rises + [(window.station, window.los_ns / 1e9, False) for window in windows]


def true_edges(config: GroundConfig) -> list[Edge]:
    """Rises and sets over a day by the plant's orbit at its best, skyfield's frames and Brent's method."""
    epoch = datetime.fromisoformat(config.epoch)
    tables = EnvironmentTables(epoch, float(DAY_S), EnvironmentModel(gravity_degree=20))
    grid_s = np.arange(0, DAY_S + 1, 10)
    start = np.array([*config.orbit.position_gcrf_m, *config.orbit.velocity_gcrf_m_s])
    states = propagate(
        start, tables, grid_s * 10**9, drag_m2_kg=config.orbit.ballistic_m2_kg, pressure_m2_kg=0.012
    )
    position = CubicHermiteSpline(grid_s, states[:, :3], states[:, 3:])
    epoch_tt = TIMES.from_datetime(epoch).tt
    found = []
    for index, station in enumerate(config.stations):
        place = wgs84.latlon(
            math.degrees(station.latitude_rad),
            math.degrees(station.longitude_rad),
            elevation_m=station.altitude_m,
        )
        cosine, sine = math.cos(station.latitude_rad), math.sin(station.latitude_rad)
        zenith = np.array(
            [cosine * math.cos(station.longitude_rad), cosine * math.sin(station.longitude_rad), sine]
        )

        def height(times_s, place=place, zenith=zenith, station=station):  # type: ignore[no-untyped-def]
            turn = itrs.rotation_at(TIMES.tt_jd(epoch_tt + np.atleast_1d(times_s) / DAY_S))
            sight = np.einsum("ijk,jk->ki", turn, position(np.atleast_1d(times_s)).T) - place.itrs_xyz.m
            return sight @ zenith / np.linalg.norm(sight, axis=1) - math.sin(station.elevation_mask_rad)

        coarse_s = np.arange(0.0, DAY_S, 30.0)
        up = height(coarse_s) > 0.0
        for i in np.flatnonzero(up[1:] != up[:-1]):
            time_s = brentq(lambda t, height=height: height(t)[0], coarse_s[i], coarse_s[i + 1], xtol=1e-4)
            found.append((index, float(time_s), bool(up[i + 1])))
    return found


@pytest.mark.requirement("L2.1", "C3")
def test_edges_over_a_day_against_an_independent_orbit_with_everything_on(configure: Configure) -> None:
    config = configure()
    truth = true_edges(config)
    predicted = edges_of(predict(config))
    assert len(truth) == len(predicted) >= 30
    errors_s = [
        min(abs(time_s - other_s) for k, other_s, up in predicted if (k, up) == (station, rising))
        for station, time_s, rising in truth
    ]
    # Asked for: 1 s. Measured: 0.07 s, from harmonics above degree 8; the same at degree 8 leaves 0.013 s.
    assert max(errors_s) < 0.15


@pytest.mark.requirement("L2.1")
def test_passes_of_a_tle_against_skyfields_events(stations: tuple[Station, ...]) -> None:
    epoch = "2014-01-21T00:00:00+00:00"
    windows = predict_tle(*ISS, epoch=epoch, stations=stations, duration_ns=DAY_S * 10**9).windows
    satellite = EarthSatellite(*ISS, None, TIMES)
    start = TIMES.from_datetime(datetime.fromisoformat(epoch))
    end = TIMES.tt_jd(start.tt + 1.0)
    count = 0
    for index, station in enumerate(stations):
        place = wgs84.latlon(
            math.degrees(station.latitude_rad),
            math.degrees(station.longitude_rad),
            elevation_m=station.altitude_m,
        )
        times, kinds = satellite.find_events(place, start, end, altitude_degrees=10.0)
        for time, kind in zip(times, kinds, strict=True):
            after_s = (time.tt - start.tt) * DAY_S
            ours = [
                (window.aos_ns, window.tca_ns, window.los_ns)[kind] / 1e9
                for window in windows
                if window.station == index
            ]
            # Skyfield's search stops within half a second.
            assert min(abs(after_s - t) for t in ours) < 0.5
            count += kind == 0
        for window in windows:
            if window.station == index:
                edges = TIMES.tt_jd(start.tt + np.array([window.aos_ns, window.los_ns]) / 1e9 / DAY_S)
                altitude = (satellite - place).at(edges).altaz()[0].degrees
                # It rises by some 0.05 degrees a second, so this is 2 ms.
                assert np.allclose(altitude, 10.0, atol=1e-4)
    assert count == len(windows) >= 6


def test_a_tle_that_sgp4_cannot_carry_is_refused(stations: tuple[Station, ...]) -> None:
    with pytest.raises(ValueError, match="SGP4 cannot carry"):
        predict_tle(*ISS, epoch="2045-01-01T00:00:00+00:00", stations=stations, duration_ns=DAY_S * 10**9)


# The ISS with a drag term of 0.08 per Earth radius: by SGP4's own error codes it decays after 4.62 days.
DECAYING = (
    "1 25544U 98067A   26172.50000000  .00016717  00000-0  80000-1 0  9006",
    "2 25544  51.6400 208.9163 0006317  69.9862  25.2906 15.49561420    16",
)


@pytest.mark.requirement("L2.1")
def test_passes_end_where_sgp4_gives_no_orbit_any_more(stations: tuple[Station, ...]) -> None:
    """The first error by the sgp4 package alone, tried every 10 s. Up to then the windows are those of a
    shorter prediction, and none follows.
    """
    satellite = Satrec.twoline2rv(*DECAYING)
    offsets = np.arange(0.0, 7.0, 10.0 / DAY_S)
    errors, _, _ = satellite.sgp4_array(
        np.full(len(offsets), satellite.jdsatepoch), satellite.jdsatepochF + offsets
    )
    lasts_s = 10.0 * np.flatnonzero(errors)[0]
    epoch = "2026-06-21T12:00:00+00:00"
    found = predict_tle(*DECAYING, epoch=epoch, stations=stations, duration_ns=7 * DAY_S * 10**9)
    assert found.ends_ns / 1e9 == pytest.approx(lasts_s, abs=20.0)
    assert found.no_orbit is not None
    assert len(found.windows) >= 6
    assert max(window.los_ns for window in found.windows) <= found.ends_ns
    short = predict_tle(*DECAYING, epoch=epoch, stations=stations, duration_ns=4 * DAY_S * 10**9)
    assert short.no_orbit is None
    assert short.windows == found.windows[: len(short.windows)]


def test_elements_that_have_decayed_by_the_first_instant_are_refused(stations: tuple[Station, ...]) -> None:
    """SGP4 gives an orbit again, of sorts, half an hour after its first error."""
    with pytest.raises(ValueError, match="SGP4 cannot carry"):
        predict_tle(
            *DECAYING, epoch="2026-06-26T03:40:00+00:00", stations=stations, duration_ns=DAY_S * 10**9
        )


def test_gravity_against_the_gradient_of_the_potential() -> None:
    # The series by scipy's Legendre functions, differentiated centrally at 30 m: good to 1e-8 m/s2 of 8.
    c, s = orbit.gravity_coefficients()

    def potential(place: np.ndarray) -> float:
        r = float(np.linalg.norm(place))
        latitude_sine, longitude = place[2] / r, math.atan2(place[1], place[0])
        total = 0.0
        for n in range(9):
            for m in range(n + 1):
                legendre = (-1.0) ** m * lpmv(m, n, latitude_sine)
                wave = c[n, m] * math.cos(m * longitude) + s[n, m] * math.sin(m * longitude)
                total += (orbit.GRAVITY_RADIUS_M / r) ** n * legendre * wave
        return orbit.GM / r * total

    work = np.zeros((10, 10)), np.zeros((10, 10))
    for place in np.array([[6.9e6, 1e5, 2e5], [1e6, -4.2e6, 5.3e6], [-3e6, 2e6, -5.9e6]]):
        ours = orbit._gravity(*place, orbit.gravity_coefficients(), 8, 8, *work)
        for axis in range(3):
            step = np.zeros(3)
            step[axis] = 30.0
            slope = (potential(place + step) - potential(place - step)) / 60.0
            assert ours[axis] == pytest.approx(slope, abs=2e-8)


def fly(elements: Orbit, steps: int) -> np.ndarray:
    """States at steps of 10 s about a pole that does not move."""
    states = np.zeros((steps + 1, 6))
    states[0] = [*elements.position_gcrf_m, *elements.velocity_gcrf_m_s]
    row = np.array([1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0, 0.0, 7.292115e-5, 0.0])
    model = np.array([elements.gravity_degree, elements.gravity_order, elements.ballistic_m2_kg, 0.26])
    orbit.propagate(0.0, states, row, model, orbit.gravity_coefficients(), orbit.density_table())
    return states


def test_two_body_orbit_against_the_circle(configure: Configure) -> None:
    elements = dataclasses.replace(configure().orbit, gravity_degree=0, gravity_order=0, ballistic_m2_kg=0.0)
    states = fly(elements, 8_640)
    radius = np.linalg.norm(elements.position_gcrf_m)
    angles = math.sqrt(orbit.GM / radius**3) * 10.0 * np.arange(8_641)
    start, ahead = states[0, :3], states[0, 3:] / np.linalg.norm(states[0, 3:]) * radius
    circle = np.outer(np.cos(angles), start) + np.outer(np.sin(angles), ahead)
    errors_m = np.linalg.norm(states[:, :3] - circle, axis=1)
    # RK4 at 10 s: 0.42 m after a day, 0.06 ms along the orbit.
    assert errors_m[-1] < 1.0
    assert errors_m[574] < 0.05


def test_drag_takes_the_energy_that_the_table_says(configure: Configure) -> None:
    # On a circle da/dt = -B rho v a. The orbit sees the day and the night side, so a tenth of a day loses
    # between what the table's least and its greatest density would take away alone.
    elements = dataclasses.replace(configure().orbit, gravity_degree=0, gravity_order=0)
    states = fly(elements, 864)
    energy = 0.5 * np.sum(states[:, 3:] ** 2, axis=1) - orbit.GM / np.linalg.norm(states[:, :3], axis=1)
    lost_m = (orbit.GM / (2 * energy[-1]) - orbit.GM / (2 * energy[0])).item()
    table = orbit.density_table()
    low, high = (math.exp(np.interp(550e3, table[:, 0], table[:, column])) for column in (1, 2))
    speed, axis_m = 7590.0, 6.928e6
    per_density = elements.ballistic_m2_kg * speed * axis_m * 8_640.0
    assert low * per_density < lost_m < high * per_density


def test_windows_do_not_depend_on_how_they_are_asked_for(configure: Configure) -> None:
    config = configure()
    _from_elements.cache_clear()
    at_once = list(predict(config))
    _from_elements.cache_clear()
    predictor = _from_elements(config.epoch, config.stations, config.orbit, config.duration_ns)
    for time_s in range(0, DAY_S + 1, 977):
        windows = predictor.windows_until(time_s * 10**9)
        begun = [window for window in at_once if window.aos_ns <= time_s * 10**9]
        assert [window for window in windows if window.aos_ns <= time_s * 10**9] == begun
    predictor.windows_until(config.duration_ns)
    assert [
        w for w in predictor.windows_until(config.duration_ns) if w.aos_ns < config.duration_ns
    ] == at_once


@pytest.mark.requirement("L2.1")
@pytest.mark.parametrize("below_deg", [0.0005, 0.002, 0.05, -0.0005])
def test_a_pass_between_two_states_is_found_by_its_culmination(
    configure: Configure, below_deg: float
) -> None:
    config = configure(duration_ns=3_000 * 10**9)
    (window,) = predict(config)
    mask_rad = window.elevation_max_rad - math.radians(below_deg)
    station = dataclasses.replace(config.stations[1], elevation_mask_rad=mask_rad)
    found = predict(configure(stations=(station,), duration_ns=3_000 * 10**9))
    if below_deg < 0.0:
        assert found == []
        return
    (short,) = found
    assert short.tca_ns == pytest.approx(window.tca_ns, abs=20_000_000)
    assert short.aos_ns < short.tca_ns < short.los_ns
    # Near the top the elevation is a parabola: the length goes with the root of what is above the mask.
    assert 0.5 < (short.los_ns - short.aos_ns) / 1e9 / math.sqrt(below_deg) < 400.0


def test_a_satellite_that_is_up_at_the_epoch_has_a_window_from_there(configure: Configure) -> None:
    config = configure()
    window = predict(config)[0]
    after_ns = (window.aos_ns + window.tca_ns) // 2 // 10**10 * 10**10
    first = predict(fly_on(config, after_ns))[0]
    assert first.aos_ns == 0
    assert first.los_ns == pytest.approx(window.los_ns - after_ns, abs=1_000_000)
    setting = predict(fly_on(config, (window.tca_ns + window.los_ns) // 2))[0]
    assert (setting.aos_ns, setting.tca_ns) == (0, 0)


def fly_on(config: GroundConfig, time_ns: int) -> GroundConfig:
    """The same orbit from an epoch that is later by whole steps."""
    seconds = time_ns // 10**10 * 10
    row = orientation.orientation_rows(
        orientation.epoch_tt(datetime.fromisoformat(config.epoch)), np.array([0.0, 10_800.0])
    )[0]
    states = np.zeros((seconds // 10 + 1, 6))
    states[0] = [*config.orbit.position_gcrf_m, *config.orbit.velocity_gcrf_m_s]
    model = np.array([8.0, 8.0, config.orbit.ballistic_m2_kg, 0.26])
    orbit.propagate(0.0, states, row, model, orbit.gravity_coefficients(), orbit.density_table())
    later = datetime.fromtimestamp(
        datetime.fromisoformat(config.epoch).timestamp() + seconds,
        tz=datetime.fromisoformat(config.epoch).tzinfo,
    )
    x, y, z, u, v, w = states[-1].tolist()
    moved = dataclasses.replace(config.orbit, position_gcrf_m=(x, y, z), velocity_gcrf_m_s=(u, v, w))
    return dataclasses.replace(config, epoch=later.isoformat(), orbit=moved)


def test_a_satellite_that_never_sets_has_one_window_to_the_end(stations: tuple[Station, ...]) -> None:
    # Geostationary above Hawaii's meridian: the search must end all the same.
    epoch = "2026-06-21T00:00:00+00:00"
    radius_m, rate = 42_164_170.0, 7.2921159e-5
    row = orientation.orientation_rows(
        orientation.epoch_tt(datetime.fromisoformat(epoch)), np.array([0.0, 10_800.0])
    )[0]
    angle = row[9] + stations[2].longitude_rad
    c, s = radius_m * math.cos(angle), radius_m * math.sin(angle)
    config = GroundConfig(
        epoch=epoch,
        duration_ns=86_400 * 10**9,
        tick_ns=10**8,
        latency_ns=10**9,
        orbit=Orbit(
            position_gcrf_m=(c, s, 0.0), velocity_gcrf_m_s=(-rate * s, rate * c, 0.0), ballistic_m2_kg=0.0
        ),
        stations=(stations[2],),
    )
    (window,) = predict(config)
    assert window.aos_ns == 0
    assert window.los_ns >= config.duration_ns


def test_a_predictor_without_stations_finds_nothing() -> None:
    predictor = Predictor("2026-06-21T00:00:00+00:00", (), lambda *_: None, np.zeros(6), 10**15)
    assert predictor.windows_until(10**15) == []


@pytest.mark.requirement("L2.1")
def test_states_do_not_depend_on_how_they_are_asked_for(configure: Configure) -> None:
    """Early, late, far ahead, across chunks and long after; and they are those of one long propagation."""
    config = configure()
    times_s = np.array([0.0, 3.3, 10_799.0, 10_800.0, 10_805.0, 31_234.5, 50_000.0, 86_399.0])
    far = _from_elements.__wrapped__(config.epoch, config.stations, config.orbit, config.duration_ns)
    far.windows_until(config.duration_ns)
    found = far.states_at(times_s)
    np.testing.assert_allclose(found[:, :3], fit.states_at(config, times_s)[:, :3], rtol=0.0, atol=1e-3)
    np.testing.assert_allclose(found[:, 3:], fit.states_at(config, times_s)[:, 3:], rtol=0.0, atol=1e-6)
    near = _from_elements.__wrapped__(config.epoch, config.stations, config.orbit, config.duration_ns)
    for place in (5, 0, 7, 3, 1, 2, 6, 4):
        np.testing.assert_array_equal(near.states_at(times_s[place : place + 1])[0], found[place])
    assert near.windows_until(config.duration_ns) == far.windows_until(config.duration_ns)
