"""Gravity: the point mass, EGM96's harmonics in the Earth's frame, Sun and Moon."""

import math
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from sim.compiled import compiled
from sim.environment.constants import EARTH_GM, EARTH_GRAVITY_RADIUS_M, MOON_GM, SUN_GM
from sim.environment.harmonics import coefficient_table, harmonic_gradient
from sim.environment.layout import (
    HEADER_GRAVITY,
    HEADER_GRAVITY_DEGREE,
    HEADER_GRAVITY_ORDER,
    Array,
    Nine,
    Vector,
)

DEGREE_MAX = 20


def gravity_coefficients() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """EGM96's fully normalised, tide-free C and S to degree and order 20 as [n, m] arrays, from sim/data."""
    cosine = np.zeros((DEGREE_MAX + 1, DEGREE_MAX + 1))
    sine = np.zeros_like(cosine)
    text = resources.files("sim").joinpath("data/egm96_degree20.gfc").read_text(encoding="ascii")
    for line in text.splitlines():
        if line.startswith("gfc"):
            _, n, m, c, s = line.split()
            cosine[int(n), int(m)] = float(c)
            sine[int(n), int(m)] = float(s)
    return cosine, sine


def gravity_table(degree: int, order: int) -> NDArray[np.float64]:
    """The table of the harmonics from degree 2 for `harmonic_gradient`; the point mass is kept apart,
    exactly.
    """
    cosine, sine = gravity_coefficients()
    cosine[0, 0] = 0.0
    return coefficient_table(cosine, sine, degree, order)


@compiled
def harmonics_acceleration_itrs(tables: Array, x: float, y: float, z: float) -> Vector:
    """Acceleration by the harmonics from degree 2 at a position in ITRS, in ITRS, m/s2; zero for degree 0."""
    degree = int(tables[HEADER_GRAVITY_DEGREE])
    if degree < 2:
        return 0.0, 0.0, 0.0
    gx, gy, gz = harmonic_gradient(
        tables,
        int(tables[HEADER_GRAVITY]),
        degree,
        int(tables[HEADER_GRAVITY_ORDER]),
        EARTH_GRAVITY_RADIUS_M,
        x,
        y,
        z,
    )
    return EARTH_GM * gx, EARTH_GM * gy, EARTH_GM * gz


@compiled
def point_mass_acceleration(x: float, y: float, z: float) -> Vector:
    """Acceleration by the Earth as a point, m/s2."""
    square = x * x + y * y + z * z
    factor = -EARTH_GM / (square * math.sqrt(square))
    return factor * x, factor * y, factor * z


@compiled
def gravity_acceleration(tables: Array, rotation: Nine, x: float, y: float, z: float) -> Vector:
    """The Earth's whole attraction at a position in GCRF, in GCRF, m/s2.

    rotation: the nine numbers of `itrs_from_gcrf_rows`.
    """
    xe = rotation[0] * x + rotation[1] * y + rotation[2] * z
    ye = rotation[3] * x + rotation[4] * y + rotation[5] * z
    ze = rotation[6] * x + rotation[7] * y + rotation[8] * z
    hx, hy, hz = harmonics_acceleration_itrs(tables, xe, ye, ze)
    px, py, pz = point_mass_acceleration(x, y, z)
    return (
        px + rotation[0] * hx + rotation[3] * hy + rotation[6] * hz,
        py + rotation[1] * hx + rotation[4] * hy + rotation[7] * hz,
        pz + rotation[2] * hx + rotation[5] * hy + rotation[8] * hz,
    )


@compiled
def _tide(gm: float, bx: float, by: float, bz: float, x: float, y: float, z: float) -> Vector:
    """Attraction by a body at b less its attraction of the Earth's centre.

    Battin's form, which does not subtract two nearly equal numbers (Battin, An Introduction to the
    Mathematics and Methods of Astrodynamics, 8.6): a = -GM/d^3 (r + f(q) b), q = r.(r - 2b)/b.b, f(q) = q
    (3 + 3q + q^2) / (1 + (1 + q)^1.5).
    """
    square = bx * bx + by * by + bz * bz
    q = (x * (x - 2.0 * bx) + y * (y - 2.0 * by) + z * (z - 2.0 * bz)) / square
    root = math.sqrt(1.0 + q)
    cube = (1.0 + q) * root
    f = q * (3.0 + q * (3.0 + q)) / (1.0 + cube)
    factor = -gm / (square * math.sqrt(square) * cube)
    return factor * (x + f * bx), factor * (y + f * by), factor * (z + f * bz)


@compiled
def third_body_acceleration(
    sx: float, sy: float, sz: float, mx: float, my: float, mz: float, x: float, y: float, z: float
) -> Vector:
    """Tidal acceleration by Sun (s) and Moon (m) at a position, all GCRF, m and m/s2."""
    ax, ay, az = _tide(SUN_GM, sx, sy, sz, x, y, z)
    bx, by, bz = _tide(MOON_GM, mx, my, mz, x, y, z)
    return ax + bx, ay + by, az + bz
