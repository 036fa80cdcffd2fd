"""The payload: a camera that looks along body +z at a procedural Earth.

The scene is a function of place alone (land, sea, relief: value noise of an integer hash at twelve scales),
lit by the true Sun. An image is made from the true position, attitude and rate at the time of the exposure,
so that one that was badly pointed shows another place and one taken while turning is smeared. Arithmetic and
square roots only, no generator: the same state gives the same octets.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.compiled import compiled
from sim.environment.layout import AT_ROTATION, AT_SUN_DIRECTION

if TYPE_CHECKING:
    from sim.plant import Plant

WIDTH = HEIGHT = 256
FIELD_OF_VIEW_RAD = 0.18
"""Across the image: about 100 km on the ground from 550 km, 390 m a pixel."""
SUB_EXPOSURES = 5
HEADER = b"P5\n256 256\n255\n"
"""An image is a PGM file: any viewer opens it."""
OCTETS = len(HEADER) + WIDTH * HEIGHT
_EARTH_RADIUS_M = 6_378_137.0
_RELIEF_M = 4_000_000.0
_SCALES = 12

Array = NDArray[np.float64]


def expose(plant: Plant, file: int, exposure_ms: int) -> bytes:
    """The octets of an image taken now; `file` only seeds the sensor's noise."""
    state = plant.state[0]
    environment = state["environment"]
    rotation = np.array(environment[AT_ROTATION : AT_ROTATION + 9], np.float64).reshape(3, 3)
    sun = np.array(environment[AT_SUN_DIRECTION : AT_SUN_DIRECTION + 3], np.float64)
    light = np.zeros((HEIGHT, WIDTH))
    for part in range(SUB_EXPOSURES):
        offset_s = exposure_ms * 1e-3 * ((part + 0.5) / SUB_EXPOSURES - 0.5)
        position = state["position_gcrf_m"] + offset_s * state["velocity_gcrf_m_s"]
        axes = _axes_gcrf(state["quaternion_body_from_gcrf"], state["rate_body_rad_s"], offset_s)
        add_light(light, rotation @ position, axes @ rotation.T, rotation @ sun, 1.0 / SUB_EXPOSURES)
    return HEADER + _pixels(light, file).tobytes()


def _axes_gcrf(quaternion: Array, rate_body: Array, offset_s: float) -> Array:
    """The body's axes in GCRF, a row each, `offset_s` after the state's time."""
    w, x, y, z = (float(part) for part in quaternion)
    axes: Array = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
            [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
            [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)],
        ]
    ).T
    turned: Array = axes + offset_s * np.cross(rate_body @ axes, axes)
    return turned


@compiled
def add_light(light: Array, position: Array, axes: Array, sun: Array, share: float) -> None:
    """Adds to each pixel `share` of what its line of sight meets; everything in ITRS, `axes` the body's."""
    half = FIELD_OF_VIEW_RAD / 2.0
    inside = position[0] ** 2 + position[1] ** 2 + position[2] ** 2 - _EARTH_RADIUS_M**2
    for row in range(HEIGHT):
        a = half * (1.0 - (row + 0.5) / HEIGHT * 2.0)
        for column in range(WIDTH):
            b = half * ((column + 0.5) / WIDTH * 2.0 - 1.0)
            x = a * axes[0, 0] + b * axes[1, 0] + axes[2, 0]
            y = a * axes[0, 1] + b * axes[1, 1] + axes[2, 1]
            z = a * axes[0, 2] + b * axes[1, 2] + axes[2, 2]
            norm = 1.0 / math.sqrt(x * x + y * y + z * z)
            x, y, z = x * norm, y * norm, z * norm
            along = x * position[0] + y * position[1] + z * position[2]
            free = along * along - inside
            if free <= 0.0 or along >= 0.0:
                continue
            distance = -along - math.sqrt(free)
            x = (position[0] + distance * x) / _EARTH_RADIUS_M
            y = (position[1] + distance * y) / _EARTH_RADIUS_M
            z = (position[2] + distance * z) / _EARTH_RADIUS_M
            lit = x * sun[0] + y * sun[1] + z * sun[2]
            if lit > 0.0:
                light[row, column] += share * math.sqrt(lit) * albedo(x, y, z)


@compiled
def albedo(x: float, y: float, z: float) -> float:
    """Of the place with this unit vector in ITRS: dark sea, brighter land with relief down to about 1 km."""
    height, sizes, weight, cells = 0.0, 0.0, 1.0, _EARTH_RADIUS_M / _RELIEF_M
    for scale in range(_SCALES):
        height += weight * _value_noise(x * cells, y * cells, z * cells, scale)
        sizes += weight
        weight *= 0.8
        cells *= 2.03
    height /= sizes
    return 0.35 + 2.2 * (height - 0.5) if height > 0.5 else 0.05 + 0.5 * height * height


@compiled
def _value_noise(x: float, y: float, z: float, scale: int) -> float:
    """Smoothly between a random value from 0 to 1 at each corner of a grid of unit cells."""
    cx, cy, cz = math.floor(x), math.floor(y), math.floor(z)
    fx, fy, fz = x - cx, y - cy, z - cz
    fx, fy, fz = fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy), fz * fz * (3.0 - 2.0 * fz)
    result = 0.0
    for corner in range(8):
        dx, dy, dz = corner & 1, corner >> 1 & 1, corner >> 2
        index = (
            np.uint64(np.int64(cx) + dx) * np.uint64(0x9E3779B97F4A7C15)
            + np.uint64(np.int64(cy) + dy) * np.uint64(0xC2B2AE3D27D4EB4F)
            + np.uint64(np.int64(cz) + dz) * np.uint64(0x165667B19E3779F9)
            + np.uint64(scale + 1) * np.uint64(0xFEB86659FD935B4D)
        )
        weight = (fx if dx else 1.0 - fx) * (fy if dy else 1.0 - fy) * (fz if dz else 1.0 - fz)
        result += weight * _uniform(index)
    return result


@compiled
def _uniform(value: np.uint64) -> float:
    """A number from 0 to 1 of an integer (the finaliser of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    value = value ^ (value >> np.uint64(31))
    return float(value >> np.uint64(11)) * 2.0**-53


def _pixels(light: Array, file: int) -> NDArray[np.uint8]:
    """Eight bits of each pixel, with noise of about one of them."""
    noise = np.arange(WIDTH * HEIGHT, dtype=np.uint64) + np.uint64(file << 20)
    noise = (noise ^ (noise >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    noise = (noise ^ (noise >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    levels = np.floor(light.ravel() * 250.0 + (noise >> np.uint64(40)).astype(np.float64) * (3.0 / 2**24))
    return np.clip(levels, 0.0, 255.0).astype(np.uint8)
