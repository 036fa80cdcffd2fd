"""Initial states in GCRF from the forms in which a scenario may give an orbit.

Circular keys and classical elements refer to the GCRF's axes (its equator is the mean one of J2000 within
0.03 arcseconds); a launch refers to the true equator of date; TLE and OMM are mean elements of SGP4 in
TEME, turned into GCRF at the scenario's epoch by skyfield.
"""

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from sim.environment.constants import EARTH_GM, EARTH_RADIUS_M, EARTH_ROTATION_RAD_S
from sim.environment.ephemeris import skyfield_times
from sim.environment.layout import Array
from sim.orbit.errors import OrbitInputError
from sim.orbit.geometry import station_position_itrs

ALTITUDE_MIN_M = 120e3  # no orbit below lives through one revolution


@dataclass(frozen=True, slots=True)
class InitialState:
    """Position and velocity in GCRF at the scenario's epoch, m and m/s, and what a user should be told."""

    state_gcrf: Array
    notes: tuple[str, ...] = ()


def _check(condition: bool, key: str, value: object, expected: str) -> None:
    if not condition:
        raise OrbitInputError(key, value, expected)


def from_state(position_m: tuple[float, ...], velocity_m_s: tuple[float, ...]) -> InitialState:
    """The state itself, checked: six finite numbers, above the ground, bound to the Earth, perigee above
    120 km.
    """
    _check(
        len(position_m) == 3 and all(map(math.isfinite, position_m)),
        "position_m",
        position_m,
        "must be three finite numbers in metres",
    )
    _check(
        len(velocity_m_s) == 3 and all(map(math.isfinite, velocity_m_s)),
        "velocity_m_s",
        velocity_m_s,
        "must be three finite numbers in m/s",
    )
    r = np.array(position_m, dtype=np.float64)
    v = np.array(velocity_m_s, dtype=np.float64)
    radius = float(np.linalg.norm(r))
    _check(
        radius >= EARTH_RADIUS_M + ALTITUDE_MIN_M,
        "position_m",
        position_m,
        "must lie 120 km or more above the Earth",
    )
    energy = float(v @ v) / 2.0 - EARTH_GM / radius
    _check(energy < 0.0, "velocity_m_s", velocity_m_s, "must be below the speed of escape")
    semi_major_axis = -EARTH_GM / (2.0 * energy)
    momentum = np.cross(r, v)
    eccentricity = math.sqrt(max(0.0, 1.0 - float(momentum @ momentum) / (EARTH_GM * semi_major_axis)))
    perigee = semi_major_axis * (1.0 - eccentricity) - EARTH_RADIUS_M
    _check(
        perigee >= ALTITUDE_MIN_M,
        "velocity_m_s",
        velocity_m_s,
        f"gives a perigee of {perigee / 1e3:.1f} km; it must be 120 km or more",
    )
    return InitialState(np.concatenate((r, v)))


def state_from_elements(
    semi_major_axis_m: float,
    eccentricity: float,
    inclination_rad: float,
    raan_rad: float,
    argument_of_perigee_rad: float,
    true_anomaly_rad: float,
) -> Array:
    """Position m and velocity m/s of classical elements, unchecked (Vallado, algorithm 10)."""
    parameter = semi_major_axis_m * (1.0 - eccentricity * eccentricity)
    latitude = argument_of_perigee_rad + true_anomaly_rad
    node = np.array([math.cos(raan_rad), math.sin(raan_rad), 0.0])
    across = np.array(
        [
            -math.sin(raan_rad) * math.cos(inclination_rad),
            math.cos(raan_rad) * math.cos(inclination_rad),
            math.sin(inclination_rad),
        ]
    )
    radius = parameter / (1.0 + eccentricity * math.cos(true_anomaly_rad))
    position = radius * (math.cos(latitude) * node + math.sin(latitude) * across)
    speed = math.sqrt(EARTH_GM / parameter)
    perigee = argument_of_perigee_rad
    velocity = speed * (
        -(math.sin(latitude) + eccentricity * math.sin(perigee)) * node
        + (math.cos(latitude) + eccentricity * math.cos(perigee)) * across
    )
    return np.concatenate((position, velocity))


def from_elements(
    *,
    semi_major_axis_m: float,
    eccentricity: float,
    inclination_rad: float,
    raan_rad: float,
    argument_of_perigee_rad: float,
    true_anomaly_rad: float,
) -> InitialState:
    """From osculating classical elements about the GCRF's axes, checked."""
    _check(0.0 <= eccentricity < 1.0, "eccentricity", eccentricity, "must be at least 0 and below 1")
    _check(
        math.isfinite(semi_major_axis_m)
        and semi_major_axis_m * (1.0 - eccentricity) >= EARTH_RADIUS_M + ALTITUDE_MIN_M,
        "semi_major_axis_m",
        semi_major_axis_m,
        "must keep the perigee 120 km or more above 6378.137 km",
    )
    _check(
        0.0 <= inclination_rad <= math.pi,
        "inclination_rad",
        inclination_rad,
        "must lie between 0 and pi (180 degrees)",
    )
    for key, angle in (
        ("raan_rad", raan_rad),
        ("argument_of_perigee_rad", argument_of_perigee_rad),
        ("true_anomaly_rad", true_anomaly_rad),
    ):
        _check(math.isfinite(angle), key, angle, "must be a finite angle")
    return InitialState(
        state_from_elements(
            semi_major_axis_m,
            eccentricity,
            inclination_rad,
            raan_rad,
            argument_of_perigee_rad,
            true_anomaly_rad,
        )
    )


def from_circular(
    *, altitude_m: float, inclination_rad: float, raan_rad: float, argument_of_latitude_rad: float
) -> InitialState:
    """From an osculating circular orbit at an altitude above 6378.137 km, about the GCRF's axes."""
    _check(
        math.isfinite(altitude_m) and altitude_m >= ALTITUDE_MIN_M,
        "altitude_m",
        altitude_m,
        "must be 120 km or more",
    )
    return from_elements(
        semi_major_axis_m=EARTH_RADIUS_M + altitude_m,
        eccentricity=0.0,
        inclination_rad=inclination_rad,
        raan_rad=raan_rad,
        argument_of_perigee_rad=0.0,
        true_anomaly_rad=argument_of_latitude_rad,
    )


@dataclass(frozen=True, slots=True)
class Launch:
    """An orbit that begins over its launch site."""

    initial: InitialState
    inclination_rad: float  # about the true equator; at least the site's geocentric latitude
    spin_gain_m_s: float  # share of the Earth's spin along the direction of launch
    spin_m_s: float  # the whole speed of the site by the Earth's spin
    ground_azimuth_rad: float  # direction of the velocity relative to the ground, from north to east


def from_launch(
    epoch: datetime,
    *,
    latitude_rad: float,
    longitude_rad: float,
    site_altitude_m: float,
    azimuth_rad: float,
    altitude_m: float,
) -> Launch:
    """A circular orbit that passes over a launch site at the epoch in the direction of an azimuth.

    azimuth_rad: from north to east, of the inertial velocity, so that cos i = cos(latitude) sin(azimuth)
    with the geocentric latitude (Vallado, 6.4.1). altitude_m: above 6378.137 km.
    """
    _check(
        abs(latitude_rad) <= math.pi / 2.0, "latitude_rad", latitude_rad, "must lie within -90 and 90 degrees"
    )
    _check(math.isfinite(longitude_rad), "longitude_rad", longitude_rad, "must be a finite angle")
    _check(math.isfinite(azimuth_rad), "azimuth_rad", azimuth_rad, "must be a finite angle")
    _check(
        math.isfinite(altitude_m) and altitude_m >= ALTITUDE_MIN_M,
        "altitude_m",
        altitude_m,
        "must be 120 km or more",
    )
    site = np.array(station_position_itrs(latitude_rad, longitude_rad, site_altitude_m))
    time = skyfield_times(epoch, 0.0)
    angle = float(time.gast) * math.pi / 12.0
    rotation = np.array(
        [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0], [0.0, 0.0, 1.0]]
    )
    gcrf_from_date = time.M.T
    up = rotation @ site / np.linalg.norm(site)
    lateral = math.hypot(up[0], up[1])
    _check(
        lateral > 1e-9, "latitude_rad", latitude_rad, "must not be a pole: an azimuth has no meaning there"
    )
    east = np.array([-up[1], up[0], 0.0]) / lateral
    north = np.cross(up, east)
    radius = EARTH_RADIUS_M + altitude_m
    speed = math.sqrt(EARTH_GM / radius)
    direction = math.sin(azimuth_rad) * east + math.cos(azimuth_rad) * north
    state = np.concatenate((gcrf_from_date @ (radius * up), gcrf_from_date @ (speed * direction)))
    spin = EARTH_ROTATION_RAD_S * math.hypot(site[0], site[1])
    gain = spin * math.sin(azimuth_rad)
    inclination = math.acos(max(-1.0, min(1.0, lateral * math.sin(azimuth_rad))))
    ground_azimuth = math.atan2(speed * math.sin(azimuth_rad) - spin, speed * math.cos(azimuth_rad)) % (
        2 * math.pi
    )
    notes = (
        f"the Earth's spin gives {gain:.0f} m/s of the site's {spin:.0f} m/s",
        f"inclination reached: {math.degrees(inclination):.2f} degrees",
    )
    return Launch(InitialState(state, notes), inclination, gain, spin, ground_azimuth)
