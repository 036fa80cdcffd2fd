"""Eclipse by a spherical Earth without atmosphere, and the pressure of sunlight."""

import numpy as np
from numba import njit

from sim.environment.constants import (
    ASTRONOMICAL_UNIT_M,
    EARTH_RADIUS_M,
    SOLAR_PRESSURE_N_M2,
    SUN_RADIUS_M,
)


@njit(cache=True)
def illumination(x, y, z, sx, sy, sz):  # type: ignore[no-untyped-def]
    """Share of the Sun's disc that a spacecraft sees past the Earth, 0 in the umbra to 1.

    x, y, z: position, sx, sy, sz: Sun, both from the Earth's centre in one frame, m.
    The overlap of two discs: Montenbruck and Gill, Satellite Orbits (2000), 3.4.2, on the sphere of 6378.137 km.
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
    cosine = -along / np.sqrt(square * distance_square)
    sine_earth = EARTH_RADIUS_M / np.sqrt(square)
    if sine_earth >= 1.0:
        return 0.0  # Below the surface.
    cosine_earth = np.sqrt(1.0 - sine_earth * sine_earth)
    if cosine < cosine_earth - 0.01 * sine_earth:
        return 1.0
    sun = np.arcsin(SUN_RADIUS_M / np.sqrt(distance_square))
    earth = np.arcsin(sine_earth)
    separation = np.arccos(min(1.0, cosine))
    if separation >= earth + sun:
        return 1.0
    if separation <= earth - sun:
        return 0.0
    if separation <= sun - earth:
        return 1.0 - (earth * earth) / (sun * sun)
    chord = (separation * separation + sun * sun - earth * earth) / (2.0 * separation)
    half = np.sqrt(max(0.0, sun * sun - chord * chord))
    overlap = (
        sun * sun * np.arccos(max(-1.0, min(1.0, chord / sun)))
        + earth * earth * np.arccos(max(-1.0, min(1.0, (separation - chord) / earth)))
        - separation * half
    )
    return 1.0 - overlap / (np.pi * sun * sun)


@njit(cache=True)
def solar_pressure(distance_m):  # type: ignore[no-untyped-def]
    """Pressure of unobstructed sunlight on an absorbing surface at a distance from the Sun, N/m2."""
    ratio = ASTRONOMICAL_UNIT_M / distance_m
    return SOLAR_PRESSURE_N_M2 * ratio * ratio
