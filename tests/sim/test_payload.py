"""The payload's images show what the truth has in front of the camera: another place is another image, a turn
of one degree shifts it by the pixels of one degree, a rotation smears it, night and space are black.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim import payload
from sim.environment.layout import AT_ROTATION, AT_SUN_DIRECTION, RECORD_SIZE

pytestmark = pytest.mark.requirement("L2.2", "L2.4")

STATE = np.dtype(
    [
        ("environment", "f8", RECORD_SIZE),
        ("position_gcrf_m", "f8", 3),
        ("velocity_gcrf_m_s", "f8", 3),
        ("quaternion_body_from_gcrf", "f8", 4),
        ("rate_body_rad_s", "f8", 3),
    ]
)


def _plant(longitude: float, *, tilt: float = 0.0, sun: float = 0.0, rate: float = 0.0) -> Any:
    """Over the equator at rest, looking down, body +y to the north; tilted about body +x; the Sun overhead a
    longitude.
    """
    state = np.zeros(1, STATE)
    one = state[0]
    one["environment"][AT_ROTATION : AT_ROTATION + 9] = np.eye(3).ravel()
    one["environment"][AT_SUN_DIRECTION : AT_SUN_DIRECTION + 3] = math.cos(sun), math.sin(sun), 0.0
    up = np.array([math.cos(longitude), math.sin(longitude), 0.0])
    one["position_gcrf_m"] = up * 6_928_137.0
    north = np.array([0.0, 0.0, 1.0])
    z = -up * math.cos(tilt) + north * math.sin(tilt)
    x = np.cross(north, z) / math.cos(tilt)
    rows = np.array([x, np.cross(z, x), z])
    # v_body = q v q*, scalar first (docs/conventions.md).
    w = math.sqrt(max(0.0, 1.0 + np.trace(rows))) / 2.0
    vector = [rows[2, 1] - rows[1, 2], rows[0, 2] - rows[2, 0], rows[1, 0] - rows[0, 1]]
    one["quaternion_body_from_gcrf"] = [w, *(part / (4.0 * w) for part in vector)]
    one["rate_body_rad_s"][0] = rate
    return SimpleNamespace(state=state)


def _image(plant: Any, exposure_ms: int = 1) -> NDArray[np.float64]:
    octets = payload.expose(plant, 1, exposure_ms)
    assert len(octets) == payload.OCTETS
    assert octets.startswith(payload.HEADER)
    pixels = np.frombuffer(octets[len(payload.HEADER) :], np.uint8).reshape(payload.HEIGHT, payload.WIDTH)
    return pixels.astype(np.float64)


def _likeness(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


LONGITUDE = 2.0


def test_the_same_truth_gives_the_same_octets() -> None:
    assert payload.expose(_plant(LONGITUDE, sun=2.0), 7, 5) == payload.expose(
        _plant(LONGITUDE, sun=2.0), 7, 5
    )


def test_another_place_is_another_image() -> None:
    here, there = _image(_plant(LONGITUDE, sun=2.0)), _image(_plant(LONGITUDE + 0.1, sun=2.0))
    assert here.std() > 3.0
    assert abs(_likeness(here, there)) < 0.5


def test_a_degree_of_pointing_is_a_degree_of_pixels() -> None:
    """A flat Earth is good to a pixel within a degree of nadir."""
    degree = math.radians(1.0)
    pixels = round(payload.WIDTH * degree / payload.FIELD_OF_VIEW_RAD)
    straight, tilted = _image(_plant(LONGITUDE, sun=2.0)), _image(_plant(LONGITUDE, sun=2.0, tilt=degree))
    best = max(
        range(-40, 41),
        key=lambda shift: _likeness(straight[:, 40:-40], np.roll(tilted, shift, axis=1)[:, 40:-40]),
    )
    assert abs(best) == pixels
    assert _likeness(straight[:, 40:-40], np.roll(tilted, best, axis=1)[:, 40:-40]) > 0.9
    assert _likeness(straight, tilted) < 0.8


def test_a_rotation_during_the_exposure_smears() -> None:
    def detail(image: NDArray[np.float64]) -> float:
        return float(np.abs(np.diff(image, axis=1)).max(axis=1).mean())

    still, turning = _plant(LONGITUDE, sun=2.0), _plant(LONGITUDE, sun=2.0, rate=math.radians(5.0))
    assert detail(_image(turning, 1000)) < 0.7 * detail(_image(still, 1000))
    assert detail(_image(turning, 1)) == pytest.approx(detail(_image(still, 1)), rel=0.1)


def test_night_and_space_are_black() -> None:
    assert _image(_plant(LONGITUDE, sun=LONGITUDE + math.pi)).max() <= 3.0
    assert _image(_plant(LONGITUDE, sun=LONGITUDE, tilt=math.radians(80.0))).max() <= 3.0
    limb = _image(_plant(LONGITUDE, sun=LONGITUDE, tilt=math.asin(6_378_137.0 / 6_928_137.0)))
    assert limb.max() > 20.0
    assert 0.2 < float((limb <= 3.0).mean()) < 0.8
