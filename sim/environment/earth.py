"""The Earth's figure: the WGS84 ellipsoid."""

import math

from sim.compiled import compiled
from sim.environment.constants import EARTH_FLATTENING, EARTH_RADIUS_M
from sim.environment.layout import Vector

ECCENTRICITY_SQUARE = EARTH_FLATTENING * (2.0 - EARTH_FLATTENING)


@compiled
def altitude_above_ellipsoid(x: float, y: float, z: float) -> float:
    """Altitude above WGS84 along the geocentric radius, m; below 1,000 km within 20 m of the geodetic one.
    Position in ITRS.
    """
    square = x * x + y * y + z * z
    radius = math.sqrt(square)
    cosine_square = (x * x + y * y) / square
    surface = EARTH_RADIUS_M * math.sqrt(
        (1.0 - ECCENTRICITY_SQUARE) / (1.0 - ECCENTRICITY_SQUARE * cosine_square)
    )
    return radius - surface


@compiled
def geodetic_from_itrs(x: float, y: float, z: float) -> Vector:
    """Geodetic latitude, longitude (rad) and altitude (m) on WGS84 of a position in ITRS.

    Bowring's formula, once iterated: below 10,000 km good to 1e-11 rad and to a micrometre (Bowring, Survey
    Review 28 (1985), 202).
    """
    lateral = math.sqrt(x * x + y * y)
    polar_radius = EARTH_RADIUS_M * (1.0 - EARTH_FLATTENING)
    second_square = ECCENTRICITY_SQUARE / (1.0 - ECCENTRICITY_SQUARE)
    parametric = math.atan2(z * EARTH_RADIUS_M, lateral * polar_radius)
    latitude = 0.0
    for _ in range(2):
        s = math.sin(parametric)
        c = math.cos(parametric)
        latitude = math.atan2(
            z + second_square * polar_radius * s * s * s,
            lateral - ECCENTRICITY_SQUARE * EARTH_RADIUS_M * c * c * c,
        )
        parametric = math.atan2((1.0 - EARTH_FLATTENING) * math.sin(latitude), math.cos(latitude))
    sine = math.sin(latitude)
    cosine = math.cos(latitude)
    normal = EARTH_RADIUS_M / math.sqrt(1.0 - ECCENTRICITY_SQUARE * sine * sine)
    # Along the normal, in the form that is regular at the poles.
    altitude = lateral * cosine + z * sine - normal * (1.0 - ECCENTRICITY_SQUARE * sine * sine)
    return latitude, math.atan2(y, x), altitude
