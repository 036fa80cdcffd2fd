"""Density of the upper atmosphere: Harris-Priester, an exponential, or a grid made from NRLMSIS.

Harris-Priester after Montenbruck and Gill, Satellite Orbits (2000), 3.5.2: two tables of density, between
which the angle from the apex of the diurnal bulge, 30 degrees east of the Sun, interpolates.
"""

import math
from importlib import resources

import numpy as np

from sim.compiled import compiled
from sim.environment.earth import geodetic_from_itrs
from sim.environment.layout import (
    ATMOSPHERE_EXPONENTIAL,
    ATMOSPHERE_GRID,
    ATMOSPHERE_HARRIS_PRIESTER,
    HEADER_ATMOSPHERE,
    HEADER_ATMOSPHERE_MODEL,
    Array,
    Nine,
)
from sim.environment.msis import density_msis

# Harris-Priester's table is laid out anew in cells of 10 km, on whose bounds all of its own altitudes lie.
CELL_M = 10e3
CELL_BOTTOM_M = 100e3
CELL_COUNT = 90
CEILING_M = CELL_BOTTOM_M + CELL_COUNT * CELL_M
LAG_RAD = np.radians(30.0)
_COS_LAG = float(np.cos(LAG_RAD))
_SIN_LAG = float(np.sin(LAG_RAD))


def harris_priester_nodes() -> Array:
    """The published table: altitude m, least and greatest density kg/m3, a row an altitude."""
    text = resources.files("sim").joinpath("data/harris_priester.csv").read_text(encoding="ascii")
    rows = [line.split(",") for line in text.splitlines() if line[:1].isdigit()]
    table = np.array(rows, dtype=np.float64)
    result: Array = table * np.array([1e3, 1e-12, 1e-12])
    return result


def harris_priester_table(bulge_exponent: float) -> Array:
    """Half the bulge's exponent, then for each cell the logarithm at its bottom and its slope per m, least
    and greatest.
    """
    nodes = harris_priester_nodes()
    bounds = CELL_BOTTOM_M + CELL_M * np.arange(CELL_COUNT + 1)
    least = np.interp(bounds, nodes[:, 0], np.log(nodes[:, 1]))
    greatest = np.interp(bounds, nodes[:, 0], np.log(nodes[:, 2]))
    cells = np.column_stack((least[:-1], np.diff(least) / CELL_M, greatest[:-1], np.diff(greatest) / CELL_M))
    return np.concatenate(([bulge_exponent / 2.0], cells.ravel()))


def exponential_table(density_kg_m3: float, altitude_m: float, scale_height_m: float) -> Array:
    """A reference density, its altitude and the scale height."""
    return np.array([density_kg_m3, altitude_m, scale_height_m])


@compiled
def density_harris_priester(tables: Array, altitude_m: float, cos_half_square: float) -> float:
    """Density in kg/m3 from the altitude and the squared cosine of half the angle from the bulge's apex.

    Zero above 1,000 km; below 100 km the lowest cell is carried on.
    """
    if altitude_m >= CEILING_M:
        return 0.0
    at = int(tables[HEADER_ATMOSPHERE])
    half_exponent = tables[at]
    cell = max(0, int((altitude_m - CELL_BOTTOM_M) / CELL_M))
    above = altitude_m - CELL_BOTTOM_M - cell * CELL_M
    at += 1 + 4 * cell
    least = math.exp(tables[at] + above * tables[at + 1])
    greatest = math.exp(tables[at + 2] + above * tables[at + 3])
    if half_exponent == 2.0:
        bulge = cos_half_square * cos_half_square
    elif half_exponent == 3.0:
        bulge = cos_half_square * cos_half_square * cos_half_square
    else:
        bulge = math.pow(cos_half_square, half_exponent)
    return least + (greatest - least) * bulge


@compiled
def density_exponential(tables: Array, altitude_m: float) -> float:
    """Density in kg/m3 that falls off with one scale height."""
    at = int(tables[HEADER_ATMOSPHERE])
    density: float = tables[at] * math.exp((tables[at + 1] - altitude_m) / tables[at + 2])
    return density


@compiled
def bulge_cos_half_square(
    rotation: Nine, sx: float, sy: float, sz: float, x: float, y: float, z: float
) -> float:
    """cos^2(psi/2), psi from the apex of the bulge: the Sun's place turned 30 degrees east about the
    Earth's pole.

    rotation: the nine numbers of `itrs_from_gcrf_rows`; Sun and position in GCRF, m. The turn is done in
    ITRS, where the pole is z.
    """
    ex = rotation[0] * sx + rotation[1] * sy + rotation[2] * sz
    ey = rotation[3] * sx + rotation[4] * sy + rotation[5] * sz
    ez = rotation[6] * sx + rotation[7] * sy + rotation[8] * sz
    ax = _COS_LAG * ex - _SIN_LAG * ey
    ay = _SIN_LAG * ex + _COS_LAG * ey
    xe = rotation[0] * x + rotation[1] * y + rotation[2] * z
    ye = rotation[3] * x + rotation[4] * y + rotation[5] * z
    ze = rotation[6] * x + rotation[7] * y + rotation[8] * z
    cosine = (ax * xe + ay * ye + ez * ze) / math.sqrt(
        (ex * ex + ey * ey + ez * ez) * (xe * xe + ye * ye + ze * ze)
    )
    return max(0.0, 0.5 + 0.5 * cosine)


@compiled
def atmospheric_density(
    tables: Array,
    rotation: Nine,
    t_ns: int,
    sx: float,
    sy: float,
    sz: float,
    x: float,
    y: float,
    z: float,
    altitude_m: float,
) -> float:
    """Density in kg/m3 by the model that the tables were made for; zero with none."""
    model = int(tables[HEADER_ATMOSPHERE_MODEL])
    if model == ATMOSPHERE_HARRIS_PRIESTER:
        return density_harris_priester(
            tables, altitude_m, bulge_cos_half_square(rotation, sx, sy, sz, x, y, z)
        )
    if model == ATMOSPHERE_EXPONENTIAL:
        return density_exponential(tables, altitude_m)
    if model == ATMOSPHERE_GRID:
        xe = rotation[0] * x + rotation[1] * y + rotation[2] * z
        ye = rotation[3] * x + rotation[4] * y + rotation[5] * z
        ze = rotation[6] * x + rotation[7] * y + rotation[8] * z
        latitude, longitude, altitude = geodetic_from_itrs(xe, ye, ze)
        return density_msis(tables, t_ns, latitude, longitude, altitude)
    return 0.0
