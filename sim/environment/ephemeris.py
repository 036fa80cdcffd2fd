"""Sun, Moon and the Earth's orientation: DE421 and IAU 2000A by skyfield, sampled once, interpolated in
compiled code.

Rows an hour apart hold cubics through four hourly samples. Against skyfield itself the interpolation is
good to a few metres for the Sun, 0.1 m for the Moon and 1e-12 rad for the orientation. Polar motion (under
0.3 arcseconds) is left out, as skyfield leaves it out by default.
"""

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.compiled import compiled
from sim.environment.layout import (
    EPHEMERIS_MOON,
    EPHEMERIS_POLE,
    EPHEMERIS_ROW,
    EPHEMERIS_SIDEREAL_TIME,
    EPHEMERIS_STEP_NS,
    EPHEMERIS_SUN,
    EPHEMERIS_WIDTH,
    HEADER_EPHEMERIS,
    HEADER_EPHEMERIS_ROWS,
    HEADER_EPHEMERIS_START_NS,
    Array,
    Nine,
    Six,
)

if TYPE_CHECKING:
    from skyfield.timelib import Timescale

SPARE_HOURS = 24  # a run may be prolonged by a day before it is judged

_loaded: dict[str, Any] = {}


def timescale() -> "Timescale":
    """Skyfield's time scale from its built-in tables (leap seconds and UT1), loaded once."""
    if "timescale" not in _loaded:
        from skyfield.api import load

        _loaded["timescale"] = load.timescale(builtin=True)
    return _loaded["timescale"]


def planets() -> Any:
    """DE421, offline from the skyfield-data package, opened once."""
    if "planets" not in _loaded:
        import importlib.util
        from pathlib import Path

        from skyfield.api import Loader

        specification = importlib.util.find_spec("skyfield_data")
        if specification is None or specification.origin is None:
            raise ModuleNotFoundError("skyfield-data is not installed: it brings the ephemeris DE421")
        folder = Path(specification.origin).parent / "data"
        _loaded["planets"] = Loader(str(folder), verbose=False, expire=False)("de421.bsp")
    return _loaded["planets"]


def _as_utc(epoch: datetime) -> datetime:
    return epoch.replace(tzinfo=UTC) if epoch.tzinfo is None else epoch.astimezone(UTC)


def skyfield_times(epoch: datetime, seconds: NDArray[np.float64] | float) -> Any:
    """Skyfield's Time for SI seconds after the epoch (elapsed time, so that leap seconds count)."""
    scale = timescale()
    start = scale.from_datetime(_as_utc(epoch))
    return scale.tt_jd(start.whole, start.tt_fraction + np.asarray(seconds) / 86400.0)


def ephemeris_rows(epoch: datetime, duration_s: float) -> tuple[int, NDArray[np.float64]]:
    """Sample the sky for a run.

    Returns the first row's simulation time in ns and the rows, each EPHEMERIS_ROW numbers: the constant,
    linear, quadratic and cubic coefficients, in hours from the row's beginning, of the quantities
    EPHEMERIS_*.
    """
    rows = int(np.ceil(max(duration_s, 0.0) / 3600.0)) + 2 + SPARE_HOURS
    hours = np.arange(-2, rows + 1, dtype=np.float64)
    time = skyfield_times(epoch, hours * 3600.0)
    bodies = planets()
    earth = bodies["earth"]
    samples = np.empty((hours.size, EPHEMERIS_WIDTH))
    samples[:, EPHEMERIS_SUN : EPHEMERIS_SUN + 3] = earth.at(time).observe(bodies["sun"]).apparent().xyz.m.T
    samples[:, EPHEMERIS_MOON : EPHEMERIS_MOON + 3] = (bodies["moon"] - earth).at(time).xyz.m.T
    samples[:, EPHEMERIS_POLE : EPHEMERIS_POLE + 9] = np.moveaxis(time.M, 2, 0).reshape(hours.size, 9)
    samples[:, EPHEMERIS_SIDEREAL_TIME] = np.unwrap(np.asarray(time.gast) * (math.pi / 12.0))
    # Cubic through the samples at -1, 0, 1 and 2 hours from each row's beginning.
    before, here, after, beyond = samples[:-3], samples[1:-2], samples[2:-1], samples[3:]
    constant = here.copy()
    linear = -before / 3.0 - here / 2.0 + after - beyond / 6.0
    quadratic = (before + after) / 2.0 - here
    cubic = (beyond - before) / 6.0 + (here - after) / 2.0
    constant[:, EPHEMERIS_SIDEREAL_TIME] %= 2.0 * math.pi
    table = np.stack((constant, linear, quadratic, cubic), axis=1)
    return -EPHEMERIS_STEP_NS, np.ascontiguousarray(table.reshape(-1))


@compiled
def _row(tables: Array, t_ns: int) -> tuple[int, float]:
    """Where a time's row begins and how far, in rows, the time lies into it; beyond the ends it
    extrapolates.
    """
    elapsed_ns = t_ns - int(tables[HEADER_EPHEMERIS_START_NS])
    row = elapsed_ns // EPHEMERIS_STEP_NS
    row = max(0, min(row, int(tables[HEADER_EPHEMERIS_ROWS]) - 1))
    into = (elapsed_ns - row * EPHEMERIS_STEP_NS) / EPHEMERIS_STEP_NS
    return int(tables[HEADER_EPHEMERIS]) + row * EPHEMERIS_ROW, into


@compiled
def _cubic(tables: Array, at: int, into: float) -> float:
    value: float = tables[at] + into * (
        tables[at + EPHEMERIS_WIDTH]
        + into * (tables[at + 2 * EPHEMERIS_WIDTH] + into * tables[at + 3 * EPHEMERIS_WIDTH])
    )
    return value


@compiled
def sun_moon_gcrf(tables: Array, t_ns: int) -> Six:
    """Vectors from the Earth's centre to the Sun (apparent: light time and aberration) and the Moon, GCRF,
    m: six numbers.
    """
    at, into = _row(tables, t_ns)
    return (
        _cubic(tables, at + EPHEMERIS_SUN, into),
        _cubic(tables, at + EPHEMERIS_SUN + 1, into),
        _cubic(tables, at + EPHEMERIS_SUN + 2, into),
        _cubic(tables, at + EPHEMERIS_MOON, into),
        _cubic(tables, at + EPHEMERIS_MOON + 1, into),
        _cubic(tables, at + EPHEMERIS_MOON + 2, into),
    )


@compiled
def itrs_from_gcrf_rows(tables: Array, t_ns: int) -> Nine:
    """The matrix ITRS from GCRF as nine numbers, row by row; the last three are the Earth's pole in GCRF."""
    at, into = _row(tables, t_ns)
    pole = at + EPHEMERIS_POLE
    m00 = _cubic(tables, pole, into)
    m01 = _cubic(tables, pole + 1, into)
    m02 = _cubic(tables, pole + 2, into)
    m10 = _cubic(tables, pole + 3, into)
    m11 = _cubic(tables, pole + 4, into)
    m12 = _cubic(tables, pole + 5, into)
    m20 = _cubic(tables, pole + 6, into)
    m21 = _cubic(tables, pole + 7, into)
    m22 = _cubic(tables, pole + 8, into)
    angle = _cubic(tables, at + EPHEMERIS_SIDEREAL_TIME, into)
    c = math.cos(angle)
    s = math.sin(angle)
    return (
        c * m00 + s * m10,
        c * m01 + s * m11,
        c * m02 + s * m12,
        c * m10 - s * m00,
        c * m11 - s * m01,
        c * m12 - s * m02,
        m20,
        m21,
        m22,
    )


@compiled
def itrs_from_gcrf(tables: Array, t_ns: int, out_matrix: Array) -> None:
    """Fill a [3, 3] array with the rotation: position_itrs = out_matrix @ position_gcrf."""
    r = itrs_from_gcrf_rows(tables, t_ns)
    for i in range(3):
        out_matrix[i, 0] = r[3 * i]
        out_matrix[i, 1] = r[3 * i + 1]
        out_matrix[i, 2] = r[3 * i + 2]
