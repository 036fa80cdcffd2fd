"""Places on the WGS84 ellipsoid, and what a station there sees of a satellite."""

import math

import numpy as np

from sim.compiled import compiled
from sim.environment.constants import EARTH_RADIUS_M
from sim.environment.earth import ECCENTRICITY_SQUARE, geodetic_from_itrs
from sim.environment.layout import Array, Vector

__all__ = [
    "elevation_rad",
    "geodetic_from_itrs",
    "sine_elevation",
    "station_position_itrs",
    "station_row",
    "station_up_itrs",
]


@compiled
def station_position_itrs(latitude_rad: float, longitude_rad: float, altitude_m: float) -> Vector:
    """Position in ITRS, m, of geodetic coordinates on WGS84."""
    sine = math.sin(latitude_rad)
    cosine = math.cos(latitude_rad)
    normal = EARTH_RADIUS_M / math.sqrt(1.0 - ECCENTRICITY_SQUARE * sine * sine)
    lateral = (normal + altitude_m) * cosine
    return (
        lateral * math.cos(longitude_rad),
        lateral * math.sin(longitude_rad),
        (normal * (1.0 - ECCENTRICITY_SQUARE) + altitude_m) * sine,
    )


@compiled
def station_up_itrs(latitude_rad: float, longitude_rad: float) -> Vector:
    """Unit vector along the ellipsoid's outward normal, ITRS."""
    cosine = math.cos(latitude_rad)
    return cosine * math.cos(longitude_rad), cosine * math.sin(longitude_rad), math.sin(latitude_rad)


def station_row(latitude_rad: float, longitude_rad: float, altitude_m: float, mask_rad: float) -> Array:
    """A station for `sine_elevation`: position ITRS m (3), up (3) and the sine of its elevation mask."""
    position = station_position_itrs(latitude_rad, longitude_rad, altitude_m)
    up = station_up_itrs(latitude_rad, longitude_rad)
    return np.array([*position, *up, math.sin(mask_rad)])


@compiled
def sine_elevation(station: Array, x: float, y: float, z: float) -> float:
    """Sine of the elevation, above the ellipsoid's horizon, of a position in ITRS (m) from a `station_row`.

    Geometric: without refraction and light time (23 ms x 7.6 km/s is 0.2 microradians at 1,500 km).
    """
    dx = x - station[0]
    dy = y - station[1]
    dz = z - station[2]
    up: float = dx * station[3] + dy * station[4] + dz * station[5]
    return up / math.sqrt(dx * dx + dy * dy + dz * dz)


@compiled
def elevation_rad(station: Array, x: float, y: float, z: float) -> float:
    """Elevation of a position in ITRS (m) from a `station_row`."""
    return math.asin(sine_elevation(station, x, y, z))
