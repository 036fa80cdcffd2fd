"""The geomagnetic field: IGRF-14 to degree 13."""

from datetime import datetime
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from sim.compiled import compiled
from sim.environment.constants import MAGNETIC_RADIUS_M
from sim.environment.harmonics import coefficient_table, harmonic_gradient
from sim.environment.layout import HEADER_MAGNETIC, HEADER_MAGNETIC_DEGREE, Array, Nine, Vector

DEGREE = 13


def decimal_year(when: datetime) -> float:
    """A date as a year and its fraction."""
    start = datetime(when.year, 1, 1, tzinfo=when.tzinfo)
    end = datetime(when.year + 1, 1, 1, tzinfo=when.tzinfo)
    return when.year + (when - start) / (end - start)


def magnetic_coefficients(year: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Schmidt semi-normalised g and h in nT as [n, m] arrays at a decimal year from 2000 to 2030, linear
    between epochs.

    Raises ValueError outside those years.
    """
    lines = (
        resources.files("sim").joinpath("data/igrf14_from_2000.shc").read_text(encoding="ascii").splitlines()
    )
    rows = [line.split() for line in lines if not line.startswith("#")]
    epochs = [float(word) for word in rows[0][1:]]
    if not epochs[0] <= year <= epochs[-1]:
        raise ValueError(f"IGRF-14 covers the years {epochs[0]:.0f} to {epochs[-1]:.0f}, not {year:.2f}")
    cosine = np.zeros((DEGREE + 1, DEGREE + 1))
    sine = np.zeros_like(cosine)
    for row in rows[1:]:
        n, m = int(row[0]), int(row[1])
        value = float(np.interp(year, epochs, [float(word) for word in row[2:]]))
        if m >= 0:
            cosine[n, m] = value
        else:
            sine[n, -m] = value
    return cosine, sine


def magnetic_table(when: datetime, degree: int = DEGREE) -> NDArray[np.float64]:
    """The table for `harmonic_gradient`, in tesla. Secular variation within a run (0.2 nT a day) is left
    out.
    """
    cosine, sine = magnetic_coefficients(decimal_year(when))
    normalisation = 1e-9 / np.sqrt(2.0 * np.arange(DEGREE + 1) + 1.0)[:, np.newaxis]
    return coefficient_table(cosine * normalisation, sine * normalisation, degree, degree)


@compiled
def magnetic_field_itrs_t(tables: Array, x: float, y: float, z: float) -> Vector:
    """Magnetic field at a position in ITRS (m), in ITRS, T."""
    degree = int(tables[HEADER_MAGNETIC_DEGREE])
    gx, gy, gz = harmonic_gradient(
        tables, int(tables[HEADER_MAGNETIC]), degree, degree, MAGNETIC_RADIUS_M, x, y, z
    )
    factor = -MAGNETIC_RADIUS_M * MAGNETIC_RADIUS_M
    return factor * gx, factor * gy, factor * gz


@compiled
def magnetic_field_gcrf_t(tables: Array, rotation: Nine, x: float, y: float, z: float) -> Vector:
    """Magnetic field at a position in GCRF (m), in GCRF, T. rotation: the nine numbers of
    `itrs_from_gcrf_rows`.
    """
    xe = rotation[0] * x + rotation[1] * y + rotation[2] * z
    ye = rotation[3] * x + rotation[4] * y + rotation[5] * z
    ze = rotation[6] * x + rotation[7] * y + rotation[8] * z
    bx, by, bz = magnetic_field_itrs_t(tables, xe, ye, ze)
    return (
        rotation[0] * bx + rotation[3] * by + rotation[6] * bz,
        rotation[1] * bx + rotation[4] * by + rotation[7] * bz,
        rotation[2] * bx + rotation[5] * by + rotation[8] * bz,
    )
