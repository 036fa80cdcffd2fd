"""The geomagnetic field: IGRF-14 to degree 13.

The coefficients change once a day, by what the field moves in a day: 0.3 nT at most.
"""

from datetime import datetime, timedelta
from importlib import resources

import numpy as np

from sim.compiled import compiled
from sim.environment.constants import MAGNETIC_RADIUS_M
from sim.environment.harmonics import coefficient_table, harmonic_gradient
from sim.environment.layout import (
    HEADER_MAGNETIC,
    HEADER_MAGNETIC_DAYS,
    HEADER_MAGNETIC_DEGREE,
    Array,
    Nine,
    Vector,
)

DEGREE = 13
DAY_NS = 86_400_000_000_000


def decimal_year(when: datetime) -> float:
    """A date as a year and its fraction."""
    start = datetime(when.year, 1, 1, tzinfo=when.tzinfo)
    end = datetime(when.year + 1, 1, 1, tzinfo=when.tzinfo)
    return when.year + (when - start) / (end - start)


def read_coefficients() -> tuple[Array, Array, Array]:
    """The file's epochs, and Schmidt semi-normalised g and h in nT as [epoch, n, m] arrays."""
    lines = (
        resources.files("sim").joinpath("data/igrf14_from_2000.shc").read_text(encoding="ascii").splitlines()
    )
    rows = [line.split() for line in lines if not line.startswith("#")]
    epochs = np.array([float(word) for word in rows[0][1:]])
    cosine = np.zeros((epochs.size, DEGREE + 1, DEGREE + 1))
    sine = np.zeros_like(cosine)
    for row in rows[1:]:
        n, m = int(row[0]), int(row[1])
        (cosine if m >= 0 else sine)[:, n, abs(m)] = [float(word) for word in row[2:]]
    return epochs, cosine, sine


def magnetic_table(epoch: datetime, days: int, degree: int = DEGREE) -> Array:
    """Blocks for `harmonic_gradient`, in tesla, each of the middle of one of `days` days from an epoch on.

    Linear between the epochs of the model. Raises ValueError for days outside the years 2000 to 2030.
    """
    epochs, cosine, sine = read_coefficients()
    normalisation = 1e-9 / np.sqrt(2.0 * np.arange(DEGREE + 1) + 1.0)[:, np.newaxis]
    tables = [
        coefficient_table(c * normalisation, s * normalisation, degree, degree)
        for c, s in zip(cosine, sine, strict=True)
    ]
    at_epochs = np.stack(tables)
    blocks = []
    for day in range(days):
        year = decimal_year(epoch + timedelta(days=day + 0.5))
        if not epochs[0] <= year <= epochs[-1]:
            raise ValueError(f"IGRF-14 covers the years {epochs[0]:.0f} to {epochs[-1]:.0f}, not {year:.2f}")
        before = min(int(np.searchsorted(epochs, year, side="right")) - 1, epochs.size - 2)
        share = (year - epochs[before]) / (epochs[before + 1] - epochs[before])
        blocks.append((1.0 - share) * at_epochs[before] + share * at_epochs[before + 1])
    return np.concatenate(blocks)


@compiled
def magnetic_offset(tables: Array, t_ns: int) -> int:
    """Where the block of a time's day begins; days before and after the blocks take the nearest."""
    degree = int(tables[HEADER_MAGNETIC_DEGREE])
    day = max(0, min(t_ns // DAY_NS, int(tables[HEADER_MAGNETIC_DAYS]) - 1))
    return int(tables[HEADER_MAGNETIC]) + day * 3 * ((degree + 1) * (degree + 2) // 2)


@compiled
def magnetic_field_itrs_t(tables: Array, offset: int, x: float, y: float, z: float) -> Vector:
    """Magnetic field at a position in ITRS (m), in ITRS, T. offset: by `magnetic_offset`."""
    degree = int(tables[HEADER_MAGNETIC_DEGREE])
    gx, gy, gz = harmonic_gradient(tables, offset, degree, degree, MAGNETIC_RADIUS_M, x, y, z)
    factor = -MAGNETIC_RADIUS_M * MAGNETIC_RADIUS_M
    return factor * gx, factor * gy, factor * gz


@compiled
def magnetic_field_gcrf_t(tables: Array, t_ns: int, rotation: Nine, x: float, y: float, z: float) -> Vector:
    """Magnetic field at a position in GCRF (m), in GCRF, T. rotation: the nine of `itrs_from_gcrf_rows`."""
    xe = rotation[0] * x + rotation[1] * y + rotation[2] * z
    ye = rotation[3] * x + rotation[4] * y + rotation[5] * z
    ze = rotation[6] * x + rotation[7] * y + rotation[8] * z
    bx, by, bz = magnetic_field_itrs_t(tables, magnetic_offset(tables, t_ns), xe, ye, ze)
    return (
        rotation[0] * bx + rotation[3] * by + rotation[6] * bz,
        rotation[1] * bx + rotation[4] * by + rotation[7] * bz,
        rotation[2] * bx + rotation[5] * by + rotation[8] * bz,
    )
