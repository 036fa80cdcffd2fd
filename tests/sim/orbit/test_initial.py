"""Initial states: published conversion, round trips, launch geometry, and what is refused."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.environment.constants import EARTH_GM, EARTH_RADIUS_M
from sim.environment.ephemeris import itrs_from_gcrf
from sim.environment.tables import EnvironmentModel, EnvironmentTables
from sim.orbit.errors import OrbitInputError
from sim.orbit.geometry import geodetic_from_itrs
from sim.orbit.initial import from_circular, from_elements, from_launch, from_state, state_from_elements

EPOCH = datetime(2026, 6, 21, tzinfo=UTC)
STARBASE = {"latitude_rad": np.radians(25.997), "longitude_rad": np.radians(-97.157), "site_altitude_m": 2.0}


@pytest.mark.requirement("S4")
def test_elements_against_vallado_example_2_6() -> None:
    """p = 11,067.79 km, e = 0.83285, i = 87.87, node 227.89, perigee 53.38, anomaly 92.335 degrees.

    Vallado, Fundamentals of Astrodynamics, example 2-6; position printed to a metre from angles of five
    digits: 400 m.
    """
    e = 0.83285
    angles = np.radians([87.87, 227.89, 53.38, 92.335])
    state = state_from_elements(11067.790e3 / (1.0 - e * e), e, *angles)
    assert state[:3] == pytest.approx([6525.344e3, 6861.535e3, 6449.125e3], abs=400.0)
    assert state[3:] == pytest.approx([4.902276e3, 5.533124e3, -1.975709e3], abs=0.4)


@pytest.mark.requirement("S4")
@settings(max_examples=50, deadline=None)
@given(
    altitude=st.floats(200e3, 2000e3),
    i=st.floats(0.01, np.pi - 0.01),
    node=st.floats(-np.pi, np.pi),
    u=st.floats(-np.pi, np.pi),
)
def test_circular_orbit_is_what_its_keys_say(altitude: float, i: float, node: float, u: float) -> None:
    state = from_circular(
        altitude_m=altitude, inclination_rad=i, raan_rad=node, argument_of_latitude_rad=u
    ).state_gcrf
    r, v = state[:3], state[3:]
    momentum = np.cross(r, v)
    assert np.linalg.norm(r) == pytest.approx(EARTH_RADIUS_M + altitude, rel=1e-14)
    assert v @ v == pytest.approx(EARTH_GM / np.linalg.norm(r), rel=1e-14)
    assert abs(r @ v) < 1e-13 * np.linalg.norm(momentum)
    assert np.arccos(momentum[2] / np.linalg.norm(momentum)) == pytest.approx(i, abs=1e-7)
    assert r[2] / np.linalg.norm(r) == pytest.approx(np.sin(i) * np.sin(u), abs=1e-13)
    assert np.cos(np.arctan2(momentum[0], -momentum[1]) - node) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.requirement("S4", "C6")
def test_launch_from_starbase_eastward() -> None:
    """418 m/s of spin at 26.0 degrees north (constraint C6); the geocentric latitude, 25.85, is the
    inclination reached.
    """
    launch = from_launch(EPOCH, **STARBASE, azimuth_rad=np.pi / 2.0, altitude_m=550e3)
    assert launch.spin_gain_m_s == pytest.approx(418.3, abs=0.2)
    assert launch.spin_gain_m_s == pytest.approx(launch.spin_m_s)
    assert np.degrees(launch.inclination_rad) == pytest.approx(25.846, abs=0.002)
    assert launch.initial.notes == (
        "the Earth's spin gives 418 m/s of the site's 418 m/s",
        "inclination reached: 25.85 degrees",
    )


@pytest.mark.requirement("S4")
@pytest.mark.parametrize("azimuth_deg", [0.0, 45.0, 90.0, 189.0, 300.0])
def test_launch_stands_over_its_site_and_heads_along_its_azimuth(azimuth_deg: float) -> None:
    launch = from_launch(EPOCH, **STARBASE, azimuth_rad=np.radians(azimuth_deg), altitude_m=550e3)
    tables = EnvironmentTables(EPOCH, 60.0, EnvironmentModel(gravity_degree=0, atmosphere="none"))
    rotation = np.empty((3, 3))
    itrs_from_gcrf(tables.packed, 0, rotation)
    latitude, longitude, _ = geodetic_from_itrs(*(rotation @ launch.initial.state_gcrf[:3]))
    assert longitude == pytest.approx(STARBASE["longitude_rad"], abs=1e-9)
    # Straight up from the Earth's centre, the geodetic latitude at 550 km is 0.013 degrees less than below.
    assert latitude == pytest.approx(STARBASE["latitude_rad"], abs=np.radians(0.02))
    momentum = rotation @ np.cross(launch.initial.state_gcrf[:3], launch.initial.state_gcrf[3:])
    reached = np.arccos(momentum[2] / np.linalg.norm(momentum))
    assert reached == pytest.approx(launch.inclination_rad, abs=1e-9)
    geocentric = np.arctan(0.99330562 * np.tan(STARBASE["latitude_rad"]))
    assert np.cos(reached) == pytest.approx(np.cos(geocentric) * np.sin(np.radians(azimuth_deg)), abs=1e-6)
    assert launch.spin_gain_m_s == pytest.approx(launch.spin_m_s * np.sin(np.radians(azimuth_deg)))


@pytest.mark.requirement("S4")
def test_state_is_taken_as_it_is() -> None:
    state = from_state((0.0, 6928137.0, 0.0), (1000.0, 0.0, 7500.0)).state_gcrf
    assert state.tolist() == [0.0, 6928137.0, 0.0, 1000.0, 0.0, 7500.0]


@pytest.mark.requirement("S4")
@pytest.mark.parametrize(
    ("position", "velocity", "key"),
    [
        ((float("nan"), 7e6, 0.0), (0.0, 0.0, 7500.0), "position_m"),
        ((6.4e6, 0.0, 0.0), (0.0, 7800.0, 0.0), "position_m"),
        ((7e6, 0.0, 0.0), (0.0, 11000.0, 0.0), "velocity_m_s"),
        ((7e6, 0.0, 0.0), (0.0, 6000.0, 0.0), "velocity_m_s"),
        ((7e6, 0.0), (0.0, 7500.0, 0.0), "position_m"),
    ],
)
def test_impossible_states_are_refused(
    position: tuple[float, ...], velocity: tuple[float, ...], key: str
) -> None:
    with pytest.raises(OrbitInputError) as caught:
        from_state(position, velocity)
    assert caught.value.key == key


@pytest.mark.requirement("S4")
@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"eccentricity": 1.0}, "eccentricity"),
        ({"eccentricity": float("nan")}, "eccentricity"),
        ({"semi_major_axis_m": 6.4e6}, "semi_major_axis_m"),
        ({"inclination_rad": np.radians(200.0)}, "inclination_rad"),
        ({"raan_rad": float("inf")}, "raan_rad"),
    ],
)
def test_impossible_elements_are_refused(change: dict[str, float], key: str) -> None:
    good = {
        "semi_major_axis_m": 7e6,
        "eccentricity": 0.001,
        "inclination_rad": 1.0,
        "raan_rad": 0.0,
        "argument_of_perigee_rad": 0.0,
        "true_anomaly_rad": 0.0,
    }
    with pytest.raises(OrbitInputError) as caught:
        from_elements(**(good | change))
    assert caught.value.key == key
    with pytest.raises(OrbitInputError, match="120 km"):
        from_circular(altitude_m=-5.0, inclination_rad=1.0, raan_rad=0.0, argument_of_latitude_rad=0.0)
