"""Eclipse by a spherical Earth without atmosphere, and the pressure of sunlight."""

import math

from sim.compiled import compiled
from sim.environment.constants import (
    ASTRONOMICAL_UNIT_M,
    EARTH_RADIUS_M,
    SOLAR_PRESSURE_N_M2,
    SUN_RADIUS_M,
)


@compiled
def illumination(x: float, y: float, z: float, sx: float, sy: float, sz: float) -> float:
    """Share of the Sun's disc that a spacecraft sees past the Earth, 0 in the umbra to 1.

    x, y, z: position, sx, sy, sz: Sun, both from the Earth's centre in one frame, m. The overlap of two
    discs: Montenbruck and Gill, Satellite Orbits (2000), 3.4.2, on the sphere of 6378.137 km.
    """
    dx = sx - x
    dy = sy - y
    dz = sz - z
    along = x * dx + y * dy + z * dz
    if along >= 0.0:
        return 1.0  # The Sun is above the local horizontal plane: the Earth cannot hide it.
    square = x * x + y * y + z * z
    distance_square = dx * dx + dy * dy + dz * dz
    # Cheap bound: separation of the centres from the sum of the radii, in cosines, before any arc function.
    cosine = -along / math.sqrt(square * distance_square)
    sine_earth = EARTH_RADIUS_M / math.sqrt(square)
    if sine_earth >= 1.0:
        return 0.0  # Below the surface.
    cosine_earth = math.sqrt(1.0 - sine_earth * sine_earth)
    if cosine < cosine_earth - 0.01 * sine_earth:
        return 1.0
    sun = math.asin(SUN_RADIUS_M / math.sqrt(distance_square))
    earth = math.asin(sine_earth)
    separation = math.acos(min(1.0, cosine))
    if separation >= earth + sun:
        return 1.0
    if separation <= earth - sun:
        return 0.0
    if separation <= sun - earth:
        return 1.0 - (earth * earth) / (sun * sun)
    chord = (separation * separation + sun * sun - earth * earth) / (2.0 * separation)
    half = math.sqrt(max(0.0, sun * sun - chord * chord))
    overlap = (
        sun * sun * math.acos(max(-1.0, min(1.0, chord / sun)))
        + earth * earth * math.acos(max(-1.0, min(1.0, (separation - chord) / earth)))
        - separation * half
    )
    return 1.0 - overlap / (math.pi * sun * sun)


@compiled
def solar_pressure(distance_m: float) -> float:
    """Pressure of unobstructed sunlight on an absorbing surface at a distance from the Sun, N/m2."""
    ratio = ASTRONOMICAL_UNIT_M / distance_m
    return SOLAR_PRESSURE_N_M2 * ratio * ratio
