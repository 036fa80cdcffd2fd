"""The payload: a camera that looks along body +z at a procedural Earth.

The scene is a function of place alone (land, sea, relief: value noise of an integer hash at eight scales), lit by
the true Sun. An image is made from the true position, attitude and rate at the time of the exposure, so that
one that was badly pointed shows another place and one taken while turning is smeared. Arithmetic and square
roots only, no generator: the same state gives the same octets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.environment.layout import AT_ROTATION, AT_SUN_DIRECTION

if TYPE_CHECKING:
    from sim.plant import Plant

WIDTH = HEIGHT = 256
FIELD_OF_VIEW_RAD = 0.18
"""Across the image: about 100 km on the ground from 550 km, 390 m a pixel."""
SUB_EXPOSURES = 4
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
    itrs_from_gcrf = np.asarray(environment[AT_ROTATION : AT_ROTATION + 9], np.float64).reshape(3, 3)
    sun_itrs = itrs_from_gcrf @ environment[AT_SUN_DIRECTION : AT_SUN_DIRECTION + 3]
    total = np.zeros((HEIGHT, WIDTH))
    for part in range(SUB_EXPOSURES):
        offset_s = exposure_ms * 1e-3 * ((part + 0.5) / SUB_EXPOSURES - 0.5)
        position = state["position_gcrf_m"] + offset_s * state["velocity_gcrf_m_s"]
        lines = _lines_of_sight(state["quaternion_body_from_gcrf"], state["rate_body_rad_s"], offset_s)
        total += brightness(itrs_from_gcrf @ position, lines @ itrs_from_gcrf.T, sun_itrs)
    light = total / SUB_EXPOSURES
    noise = _hash(np.arange(WIDTH * HEIGHT, dtype=np.uint64) + np.uint64(file << 20)).reshape(HEIGHT, WIDTH)
    pixels = np.floor(light * 250.0 + noise * 3.0)
    return HEADER + np.clip(pixels, 0.0, 255.0).astype(np.uint8).tobytes()


def brightness(position_itrs_m: Array, lines_itrs: Array, sun_itrs: Array) -> Array:
    """From 0 to 1, of each line of sight (unit vectors in the last axis); 0 beside the Earth and in the dark."""
    along = lines_itrs @ position_itrs_m
    free = along * along - (position_itrs_m @ position_itrs_m - _EARTH_RADIUS_M**2)
    hits = (free > 0.0) & (along < 0.0)
    distance = -along - np.sqrt(np.where(hits, free, 0.0))
    up = (position_itrs_m + distance[..., None] * lines_itrs) / _EARTH_RADIUS_M
    lit = np.clip(up @ sun_itrs, 0.0, 1.0)
    return np.where(hits, np.sqrt(lit) * albedo(up), 0.0)


def albedo(up: Array) -> Array:
    """Of the places with these unit vectors: dark sea, brighter land with relief down to 500 m."""
    height, weight = np.zeros(up.shape[:-1]), 1.0
    cells, sizes = _EARTH_RADIUS_M / _RELIEF_M, 0.0
    for scale in range(_SCALES):
        height += weight * _value_noise(up * cells, scale)
        sizes += weight
        cells, weight = cells * 2.03, weight * 0.68
    height /= sizes
    land = height > 0.5
    return np.where(land, 0.35 + 2.2 * (height - 0.5), 0.05 + 0.5 * height * height)


def _lines_of_sight(quaternion: Array, rate_body: Array, offset_s: float) -> Array:
    """Unit vectors in GCRF, a row of pixels after another; body +x is up in the image, +z into it."""
    half = FIELD_OF_VIEW_RAD / 2.0
    across = (np.arange(WIDTH) + 0.5) / WIDTH * 2.0 - 1.0
    down = (np.arange(HEIGHT) + 0.5) / HEIGHT * 2.0 - 1.0
    body = np.empty((HEIGHT, WIDTH, 3))
    body[..., 0] = (-half * down)[:, None]
    body[..., 1] = (half * across)[None, :]
    body[..., 2] = 1.0
    # The camera turned by ω t since the state's time: its lines turn with it.
    body = body + offset_s * np.cross(rate_body, body)
    body /= np.sqrt(np.sum(body * body, axis=-1))[..., None]
    w, x, y, z = (float(part) for part in quaternion)
    gcrf_from_body = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
            [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
            [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    lines: Array = body @ gcrf_from_body.T
    return lines


def _value_noise(points: Array, scale: int) -> Array:
    """Smoothly between a random value from 0 to 1 at each corner of a grid of unit cells."""
    corner = np.floor(points)
    part = points - corner
    part = part * part * (3.0 - 2.0 * part)
    cell = corner.astype(np.int64).astype(np.uint64)
    result: Any = 0.0
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                index = (
                    (cell[..., 0] + np.uint64(dx)) * np.uint64(0x9E3779B97F4A7C15)
                    + (cell[..., 1] + np.uint64(dy)) * np.uint64(0xC2B2AE3D27D4EB4F)
                    + (cell[..., 2] + np.uint64(dz)) * np.uint64(0x165667B19E3779F9)
                    + np.uint64(scale + 1) * np.uint64(0xD6E8FEB86659FD93 & 0xFFFFFFFF)
                )
                weight = (
                    (part[..., 0] if dx else 1.0 - part[..., 0])
                    * (part[..., 1] if dy else 1.0 - part[..., 1])
                    * (part[..., 2] if dz else 1.0 - part[..., 2])
                )
                result = result + weight * _hash(index)
    noise: Array = result
    return noise


def _hash(values: NDArray[np.uint64]) -> Array:
    """A number from 0 to 1 of each integer (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    values = values ^ (values >> np.uint64(31))
    uniform: Array = (values >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return uniform
