"""The harmonics against satkit's, a sum of Legendre functions written the long way, and the order of their
terms.

Different recursions in double precision agree to about 1e-14 of the whole; 1e-12 m/s2 of 8 m/s2 is asked
for.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import mpmath
import numpy as np
import pytest

from sim.environment.constants import EARTH_GM, EARTH_GRAVITY_RADIUS_M, MOON_GM
from sim.environment.gravity import (
    gravity_acceleration,
    gravity_coefficients,
    third_body_acceleration,
)
from sim.environment.tables import EnvironmentModel, EnvironmentTables

EPOCH = datetime(2026, 6, 21, tzinfo=UTC)
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def tables(degree: int, order: int | None = None) -> EnvironmentTables:
    model = EnvironmentModel(gravity_degree=degree, gravity_order=order, atmosphere="none")
    return EnvironmentTables(EPOCH, 60.0, model)


def potential(degree: int, order: int, place: np.ndarray) -> mpmath.mpf:
    """The potential by associated Legendre functions and longitudes in 40 digits, independent of any
    recursion.
    """
    cosine, sine = gravity_coefficients()
    x, y, z = (mpmath.mpf(v) for v in place)
    r = mpmath.sqrt(x * x + y * y + z * z)
    longitude = mpmath.atan2(y, x)
    total = mpmath.mpf(1)
    for n in range(2, degree + 1):
        for m in range(min(n, order) + 1):
            # mpmath's legenp has the Condon-Shortley sign, geodesy has not.
            legendre = (-1) ** m * mpmath.legenp(n, m, z / r)
            scale = mpmath.sqrt(
                (1 if m == 0 else 2) * (2 * n + 1) * mpmath.factorial(n - m) / mpmath.factorial(n + m)
            )
            wave = cosine[n, m] * mpmath.cos(m * longitude) + sine[n, m] * mpmath.sin(m * longitude)
            total += (EARTH_GRAVITY_RADIUS_M / r) ** n * scale * legendre * wave
    return EARTH_GM / r * total


@pytest.mark.requirement("S2")
def test_degree_20_against_satkit(vectors: Path) -> None:
    packed = tables(20).packed
    rows = json.loads((vectors / "orbit.json").read_text())["gravity"]
    assert len(rows) == 12
    for row in rows:
        ours = gravity_acceleration(packed, IDENTITY, *row["position_itrs_m"])
        assert np.linalg.norm(np.subtract(ours, row["acceleration_m_s2"])) < 1e-12


@pytest.mark.requirement("S2")
@pytest.mark.parametrize(("degree", "order"), [(4, 4), (6, 0), (5, 2)])
def test_gradient_against_potential_in_40_digits(degree: int, order: int) -> None:
    packed = tables(degree, order).packed
    place = np.array([4.1e6, -3.2e6, 4.6e6])
    step = mpmath.mpf("1e-3")
    with mpmath.workdps(40):
        gradient = []
        for axis in range(3):
            ahead, behind = ([mpmath.mpf(v) for v in place] for _ in range(2))
            ahead[axis] += step
            behind[axis] -= step
            difference = potential(degree, order, ahead) - potential(degree, order, behind)
            gradient.append(float(difference / (2 * step)))
    assert np.linalg.norm(np.subtract(gravity_acceleration(packed, IDENTITY, *place), gradient)) < 1e-12


@pytest.mark.requirement("S2")
def test_reduced_models() -> None:
    """Degree 0 is the point mass; order 0 is symmetric about the pole, the full order is not."""
    radius = 7e6
    assert gravity_acceleration(tables(0).packed, IDENTITY, radius, 0.0, 0.0) == pytest.approx(
        (-EARTH_GM / radius**2, 0.0, 0.0), rel=1e-15
    )
    a = np.radians(50.0)
    around = (radius * np.cos(a), radius * np.sin(a), 0.0)
    zonal, full = tables(8, 0).packed, tables(8).packed
    pull = [np.linalg.norm(gravity_acceleration(zonal, IDENTITY, *p)) for p in ((radius, 0.0, 0.0), around)]
    assert pull[0] == pytest.approx(pull[1], abs=1e-13)
    pull = [np.linalg.norm(gravity_acceleration(full, IDENTITY, *p)) for p in ((radius, 0.0, 0.0), around)]
    assert abs(pull[0] - pull[1]) > 1e-5


@pytest.mark.requirement("S2")
def test_third_body_against_difference_in_50_digits() -> None:
    """Battin's form against GM (d / |d|^3 - b / |b|^3) in 50 digits: 1e-12 of the tide, where doubles lose
    4 digits.
    """
    moon = (3.1e8, -1.9e8, 0.8e8)
    place = (4.1e6, -3.2e6, 4.6e6)
    far = (1e20, 0.0, 0.0)  # no Sun to speak of
    ours = third_body_acceleration(*far, *moon, *place)
    with mpmath.workdps(50):
        b = [mpmath.mpf(v) for v in moon]
        d = [mpmath.mpf(m) - mpmath.mpf(p) for m, p in zip(moon, place, strict=True)]
        cube_b = mpmath.sqrt(sum(v * v for v in b)) ** 3
        cube_d = mpmath.sqrt(sum(v * v for v in d)) ** 3
        exact = [float(MOON_GM * (u / cube_d - v / cube_b)) for u, v in zip(d, b, strict=True)]
    assert np.linalg.norm(np.subtract(ours, exact)) < 1e-12 * np.linalg.norm(exact)
