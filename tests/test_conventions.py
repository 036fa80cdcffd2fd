"""docs/conventions.md against the code: the 90° turn, the matrix, composition, the rate's sign.

Everything is compared with scipy's Rotation, which is independent of ours, to 1e-15: a few roundings of
numbers of order one.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sim import attitude

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "conventions.md").read_text(encoding="utf-8")
HALF = math.sqrt(0.5)
Q_BODY_FROM_GCRF = (HALF, 0.0, 0.0, -HALF)  # the page's example: the body has turned by +90° about z


def test_page_states_the_example_that_is_tested_here() -> None:
    assert re.search(r"q_body_from_gcrf = \[√½, 0, 0, −√½\]", PAGE)
    assert "q ⊗ [0, 1, 0] ⊗ q* = [1, 0, 0]" in PAGE


def test_quarter_turn() -> None:
    np.testing.assert_allclose(attitude.rotate(*Q_BODY_FROM_GCRF, 0.0, 1.0, 0.0), (1.0, 0.0, 0.0), atol=1e-15)


def test_quarter_turn_is_body_from_gcrf_of_a_turned_satellite() -> None:
    """The satellite's axes as columns in GCRF after +90° about z, seen by an independent library."""
    body_axes_in_gcrf = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    ours = np.column_stack([attitude.rotate(*Q_BODY_FROM_GCRF, *axis) for axis in np.eye(3)])
    np.testing.assert_allclose(ours, body_axes_in_gcrf.T, atol=1e-15)


def matrix_of_page(w: float, x: float, y: float, z: float) -> NDArray[np.float64]:
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


@pytest.mark.parametrize("seed", range(5))
def test_matrix_and_composition_read_from_right_to_left(seed: int) -> None:
    first, second = Rotation.random(2, rng=seed)  # body from gcrf, tracker from body
    q_body_from_gcrf = np.roll(first.as_quat(), 1)
    q_tracker_from_body = np.roll(second.as_quat(), 1)
    np.testing.assert_allclose(matrix_of_page(*q_body_from_gcrf), first.as_matrix(), atol=1e-15)
    ours = np.array(attitude.multiply(*q_tracker_from_body, *q_body_from_gcrf))
    theirs = np.roll((second * first).as_quat(), 1)
    np.testing.assert_allclose(ours * np.sign(ours @ theirs), theirs, atol=2e-15)


def test_rate_has_the_sign_of_the_page() -> None:
    """dq/dt = −½ (0, ω) ⊗ q turns the example's satellite from 0 to +90° about z at a positive rate."""
    quaternion = np.array([1.0, 0.0, 0.0, 0.0])
    steps, rate = (
        20_000,
        math.pi / 2,
    )  # rad/s for one second; Euler's error in angle is rate³/12/steps² = 8e-10
    for _ in range(steps):
        quaternion = quaternion - 0.5 / steps * np.array(attitude.multiply(0.0, 0.0, 0.0, rate, *quaternion))
        quaternion /= np.linalg.norm(quaternion)
    np.testing.assert_allclose(quaternion, Q_BODY_FROM_GCRF, atol=1e-8)
