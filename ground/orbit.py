"""The ground's own orbit model, apart from the plant's: gravity to degree 8 about the true pole, and drag.

Sun, Moon and radiation pressure move a satellite at 550 km by less than 100 m a day, 0.02 s along its orbit,
and are left out. Gravity after Cunningham's recursions (Montenbruck and Gill, Satellite Orbits, 2000, 3.2.4),
density after Harris and Priester (3.5.2), the Sun's direction from 3.3.2. RK4 at 10 s: within about 1 m a day
of a step of 1 s.
"""

from __future__ import annotations

import math
from functools import cache
from importlib import resources
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

STEP_S = 10.0
DEGREE_MAX = 8
GM = 3.986004415e14
GRAVITY_RADIUS_M = 6378136.3
_EARTH_RADIUS_M = 6378137.0
_EARTH_FLATTENING = 1.0 / 298.257223563
_EARTH_ROTATION_RAD_S = 7.292115146706979e-5
_BULGE_LAG_COS = math.cos(math.radians(30.0))
_BULGE_LAG_SIN = math.sin(math.radians(30.0))

Floats = NDArray[np.float64]


def _rows(name: str) -> list[list[float]]:
    text = resources.files("ground").joinpath("data", name).read_text(encoding="ascii")
    return [[float(cell) for cell in line.split(",")] for line in text.splitlines() if line[:1].isdigit()]


@cache
def gravity_coefficients() -> Floats:
    """Unnormalised coefficients, shape (2, 9, 9): C then S by degree and order, C[0, 0] = 1."""
    table = np.zeros((2, DEGREE_MAX + 1, DEGREE_MAX + 1))
    table[0, 0, 0] = 1.0
    for degree, order, c, s in _rows("egm96_degree8.csv"):
        n, m = int(degree), int(order)
        ratio = math.factorial(n - m) / math.factorial(n + m)
        scale = math.sqrt((1 if m == 0 else 2) * (2 * n + 1) * ratio)
        table[:, n, m] = scale * c, scale * s
    return table


@cache
def density_table() -> Floats:
    """Rows of altitude m, logarithm of the least and of the greatest density in kg/m3."""
    return np.array(
        [
            [km * 1e3, math.log(low * 1e-12), math.log(high * 1e-12)]
            for km, low, high in _rows("harris_priester.csv")
        ]
    )


@numba.njit(cache=True)
def _gravity(
    x: float, y: float, z: float, coefficients: Floats, degree: int, order: int, v: Floats, w: Floats
) -> Any:
    """Acceleration in the Earth's axes; v and w are work space of shape (10, 10)."""
    square = x * x + y * y + z * z
    rho = GRAVITY_RADIUS_M * GRAVITY_RADIUS_M / square
    x0, y0, z0 = GRAVITY_RADIUS_M * x / square, GRAVITY_RADIUS_M * y / square, GRAVITY_RADIUS_M * z / square
    v[0, 0], w[0, 0] = GRAVITY_RADIUS_M / math.sqrt(square), 0.0
    top_order = order + 1
    for m in range(top_order + 1):
        if m > 0:
            v[m, m] = (2 * m - 1) * (x0 * v[m - 1, m - 1] - y0 * w[m - 1, m - 1])
            w[m, m] = (2 * m - 1) * (x0 * w[m - 1, m - 1] + y0 * v[m - 1, m - 1])
        if m <= degree:
            v[m + 1, m] = (2 * m + 1) * z0 * v[m, m]
            w[m + 1, m] = (2 * m + 1) * z0 * w[m, m]
        for n in range(m + 2, degree + 2):
            v[n, m] = ((2 * n - 1) * z0 * v[n - 1, m] - (n + m - 1) * rho * v[n - 2, m]) / (n - m)
            w[n, m] = ((2 * n - 1) * z0 * w[n - 1, m] - (n + m - 1) * rho * w[n - 2, m]) / (n - m)
    ax = ay = az = 0.0
    for m in range(order + 1):
        for n in range(m, degree + 1):
            c, s = coefficients[0, n, m], coefficients[1, n, m]
            if m == 0:
                ax -= c * v[n + 1, 1]
                ay -= c * w[n + 1, 1]
                az -= (n + 1) * c * v[n + 1, 0]
            else:
                f = 0.5 * (n - m + 1) * (n - m + 2)
                ax += 0.5 * (-c * v[n + 1, m + 1] - s * w[n + 1, m + 1]) + f * (
                    c * v[n + 1, m - 1] + s * w[n + 1, m - 1]
                )
                ay += 0.5 * (-c * w[n + 1, m + 1] + s * v[n + 1, m + 1]) + f * (
                    -c * w[n + 1, m - 1] + s * v[n + 1, m - 1]
                )
                az += (n - m + 1) * (-c * v[n + 1, m] - s * w[n + 1, m])
    scale = GM / (GRAVITY_RADIUS_M * GRAVITY_RADIUS_M)
    return scale * ax, scale * ay, scale * az


@numba.njit(cache=True)
def _density(x: float, y: float, z: float, centuries_tt: float, table: Floats) -> float:
    """Density in kg/m3 at a true-of-date position; the bulge's exponent is 6, for high inclinations."""
    square = x * x + y * y + z * z
    ellipticity = _EARTH_FLATTENING * (2.0 - _EARTH_FLATTENING)
    surface = _EARTH_RADIUS_M * math.sqrt(
        (1.0 - ellipticity) / (1.0 - ellipticity * (x * x + y * y) / square)
    )
    altitude = math.sqrt(square) - surface
    rows = len(table)
    if altitude >= table[rows - 1, 0]:
        return 0.0
    i = 0
    while i < rows - 2 and altitude >= table[i + 1, 0]:
        i += 1
    part = (altitude - table[i, 0]) / (table[i + 1, 0] - table[i, 0])
    low = math.exp(table[i, 1] + part * (table[i + 1, 1] - table[i, 1]))
    high = math.exp(table[i, 2] + part * (table[i + 1, 2] - table[i, 2]))
    anomaly = math.radians(357.5256 + 35999.049 * centuries_tt)
    longitude = math.radians(282.94 + 1.396971 * centuries_tt) + anomaly
    longitude += math.radians((6892.0 * math.sin(anomaly) + 72.0 * math.sin(2.0 * anomaly)) / 3600.0)
    obliquity = math.radians(23.43929111)
    sun_x = math.cos(longitude)
    sun_y, sun_z = math.sin(longitude) * math.cos(obliquity), math.sin(longitude) * math.sin(obliquity)
    bulge_x = sun_x * _BULGE_LAG_COS - sun_y * _BULGE_LAG_SIN
    bulge_y = sun_x * _BULGE_LAG_SIN + sun_y * _BULGE_LAG_COS
    cosine = (x * bulge_x + y * bulge_y + z * sun_z) / math.sqrt(square)
    half = 0.5 + 0.5 * cosine
    return low + (high - low) * half * half * half


@numba.njit(cache=True)
def _acceleration(
    t_s: float,
    state: Floats,
    out: Floats,
    orientation: Floats,
    model: Floats,
    coefficients: Floats,
    table: Floats,
    v: Floats,
    w: Floats,
) -> None:
    """The time derivative of a GCRF state; `orientation` and `model` as in `propagate`."""
    o = orientation
    x = o[0] * state[0] + o[1] * state[1] + o[2] * state[2]
    y = o[3] * state[0] + o[4] * state[1] + o[5] * state[2]
    z = o[6] * state[0] + o[7] * state[1] + o[8] * state[2]
    angle = o[9] + o[10] * (t_s - o[11])
    c, s = math.cos(angle), math.sin(angle)
    gx, gy, az = _gravity(c * x + s * y, -s * x + c * y, z, coefficients, int(model[0]), int(model[1]), v, w)
    ax, ay = c * gx - s * gy, s * gx + c * gy
    if model[2] > 0.0:
        vx = o[0] * state[3] + o[1] * state[4] + o[2] * state[5] + _EARTH_ROTATION_RAD_S * y
        vy = o[3] * state[3] + o[4] * state[4] + o[5] * state[5] - _EARTH_ROTATION_RAD_S * x
        vz = o[6] * state[3] + o[7] * state[4] + o[8] * state[5]
        density = _density(x, y, z, model[3] + t_s / 3155760000.0, table)
        drag = -0.5 * model[2] * density * math.sqrt(vx * vx + vy * vy + vz * vz)
        ax += drag * vx
        ay += drag * vy
        az += drag * vz
    out[0], out[1], out[2] = state[3], state[4], state[5]
    out[3] = o[0] * ax + o[3] * ay + o[6] * az
    out[4] = o[1] * ax + o[4] * ay + o[7] * az
    out[5] = o[2] * ax + o[5] * ay + o[8] * az


@numba.njit(cache=True)
def propagate(
    t_s: float, states: Floats, orientation: Floats, model: Floats, coefficients: Floats, table: Floats
) -> None:
    """Fills `states`, shape (n, 6), GCRF m and m/s at steps of 10 s, from its first row at `t_s` after the
    epoch.

    `orientation`: the nine elements of true-of-date from GCRF, then sidereal time rad, its rate rad/s and its
    instant s. `model`: degree, order, drag area · drag coefficient / mass in m2/kg, Julian centuries (TT) of
    the epoch since J2000.
    """
    v, w = np.zeros((DEGREE_MAX + 2, DEGREE_MAX + 2)), np.zeros((DEGREE_MAX + 2, DEGREE_MAX + 2))
    slope, stage = np.zeros(6), np.zeros(6)
    # Classical Runge-Kutta: slopes at 0, 1/2, 1/2, 1 of the step with weights 1, 2, 2, 1 sixths. Element by
    # element: whole-array assignments would take Numba seconds to compile.
    for i in range(1, len(states)):
        for j in range(6):
            stage[j] = states[i, j] = states[i - 1, j]
        for part in range(4):
            ahead_s = 0.0 if part == 0 else STEP_S if part == 3 else 0.5 * STEP_S
            weight_s = STEP_S / 6.0 if part in (0, 3) else STEP_S / 3.0
            next_s = STEP_S if part == 2 else 0.5 * STEP_S
            t = t_s + (i - 1) * STEP_S + ahead_s
            _acceleration(t, stage, slope, orientation, model, coefficients, table, v, w)
            for j in range(6):
                states[i, j] += weight_s * slope[j]
                stage[j] = states[i - 1, j] + next_s * slope[j]
