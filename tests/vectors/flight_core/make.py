"""Make the reference values that native/tests/math and native/tests/gnc compare with.

    python tests/vectors/flight_core/make.py

elementary.csv: function, arguments and value as hexadecimal doubles, by mpmath at 60 digits.
earth.csv: UTC seconds from 2000-01-01T12:00:00, UT1-UTC, ITRS from GCRF (row-major), unit vector to the
Sun in GCRF, by skyfield 1.55 with its built-in time scale and DE421.
field.csv: ITRS position (m), decimal year and field in ITRS (nT), IGRF-14 to degree 13 by ppigrf 2.1.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mpmath
import numpy as np
import ppigrf
from skyfield.api import Loader
from skyfield.framelib import itrs
from skyfield_data import get_skyfield_data_path

HERE = Path(__file__).parent
J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def elementary() -> list[str]:
    """Arguments over the ranges that flight uses and the awkward places."""
    mpmath.mp.dps = 60
    draw = random.Random(7)
    rows = []

    def row(name: str, value: mpmath.mpf, *arguments: float) -> None:
        cells = [name, *[a.hex() for a in (*arguments, 0.0)[:2]], float(value).hex()]
        rows.append(",".join(cells))

    angles = [draw.uniform(-10, 10) for _ in range(150)] + [draw.uniform(-1e4, 1e4) for _ in range(100)]
    angles += [k * float(mpmath.pi) / 4 for k in range(-9, 10)] + [10.0**-k for k in range(1, 20)]
    for a in angles:
        row("sine", mpmath.sin(mpmath.mpf(a)), a)
        row("cosine", mpmath.cos(mpmath.mpf(a)), a)
    for _ in range(200):
        y, x = draw.uniform(-2, 2), draw.uniform(-2, 2)
        row("arc_tangent", mpmath.atan2(mpmath.mpf(y), mpmath.mpf(x)), y, x)
    for k in range(-8, 9):
        for x in (-1.0, 1.0, 1e-8):
            row("arc_tangent", mpmath.atan2(mpmath.mpf(k) / 8, mpmath.mpf(x)), k / 8, x)
    for _ in range(100):
        v = draw.uniform(-1, 1)
        row("arc_sine", mpmath.asin(mpmath.mpf(v)), v)
        row("arc_cosine", mpmath.acos(mpmath.mpf(v)), v)
    for _ in range(150):
        e = draw.uniform(-700, 700)
        row("exponential", mpmath.exp(mpmath.mpf(e)), e)
        v = 10.0 ** draw.uniform(-300, 300)
        row("logarithm", mpmath.log(mpmath.mpf(v)), v)
    for v in (1.0 + 2.0**-52, 1.0 - 2.0**-53, 1.5, 2.0, 0.5, 1.4142135623730951, 5e-324, 1e-310):
        row("logarithm", mpmath.log(mpmath.mpf(v)), v)
    return rows


def earth() -> list[str]:
    load = Loader(get_skyfield_data_path(), expire=False)
    scale = load.timescale(builtin=True)
    ephemeris = load("de421.bsp")
    rows = []
    for year, month, day, hour in [(2024, 2, 29, 3), (2026, 6, 21, 0), (2026, 12, 3, 17), (2031, 9, 9, 9)]:
        moment = datetime(year, month, day, hour, 13, 7, tzinfo=UTC)
        t = scale.from_datetime(moment)
        sun = ephemeris["earth"].at(t).observe(ephemeris["sun"]).apparent().position.m
        values = [
            (moment - J2000).total_seconds(),
            t.dut1,
            *itrs.rotation_at(t).ravel(),
            *(sun / np.linalg.norm(sun)),
        ]
        rows.append(",".join(repr(float(v)) for v in values))
    return rows


def field() -> list[str]:
    draw = np.random.default_rng(3)
    rows = []
    for _ in range(60):
        direction = draw.normal(size=3)
        direction /= np.linalg.norm(direction)
        radius = 6371.2 + draw.uniform(450, 700)
        colatitude = np.degrees(np.arccos(direction[2]))
        longitude = np.degrees(np.arctan2(direction[1], direction[0]))
        days = float(draw.uniform(0, 4 * 365.25))
        date = datetime(2025, 1, 1) + timedelta(days=days)
        b_r, b_theta, b_phi = (
            float(np.squeeze(b)) for b in ppigrf.igrf_gc(radius, colatitude, longitude, date)
        )
        s, c = np.sin(np.radians(colatitude)), np.cos(np.radians(colatitude))
        up, south = direction, np.array([c * direction[0] / s, c * direction[1] / s, -s])
        east = np.array([-direction[1] / s, direction[0] / s, 0.0])
        vector = b_r * up + b_theta * south + b_phi * east
        values = [*(1e3 * radius * direction), 2025.0 + days / 365.25, *vector]
        rows.append(",".join(repr(float(v)) for v in values))
    return rows


if __name__ == "__main__":
    for name, made in (("elementary", elementary()), ("earth", earth()), ("field", field())):
        (HERE / f"{name}.csv").write_text("\n".join(made) + "\n", encoding="utf-8")
