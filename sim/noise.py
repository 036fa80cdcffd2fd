"""Noise as a function of (seed, stream name, tick, index), in integer arithmetic, without generator state.

A normal deviate is the sum of twelve 16-bit uniforms, which come from three SplitMix64 words (Steele, Lea and
Flood 2014) of a counter. Its mean is zero and its variance one; its tails end at 6 sigma, its kurtosis is
2.9 instead of 3, its grain is 2^-16. Each stream has a key of its own, so that nothing done to one sensor can
change what another one draws, and a tick's noise needs no memory of the ticks before.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from sim.compiled import compiled, compiled_inline

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_TICK = np.uint64(0xD1342543DE82EF95)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LANES = np.uint64(0x0000FFFF0000FFFF)
_LOW = np.uint64(0xFFFFFFFF)
_16, _27, _30, _31, _32 = (np.uint64(bits) for bits in (16, 27, 30, 31, 32))
_THREE = np.uint64(3)
_MEAN = 12 * 32767.5
# Twelve uniforms on 0 … 65535 have the variance 65536² − 1, so that this scale gives one to within 1e-10.
_SCALE = 1.0 / 65536.0


@compiled_inline
def mix(word: np.uint64) -> np.uint64:
    """SplitMix64's finaliser: a bijection of 64-bit words that leaves no visible pattern."""
    word = (word ^ (word >> _30)) * _MIX_1
    word = (word ^ (word >> _27)) * _MIX_2
    return word ^ (word >> _31)


@compiled
def fill_normals(key: int, tick: int, out: NDArray[np.float64], first: int, count: int) -> None:
    """Write `count` normal deviates of a stream at a tick to `out[first:]`.

    The deviate at index i does not depend on `count`.
    """
    start = mix(np.uint64(key) + np.uint64(tick) * _TICK)
    for index in range(count):
        word = start + _THREE * np.uint64(index) * _GOLDEN
        a = mix(word)
        b = mix(word + _GOLDEN)
        c = mix(word + _GOLDEN + _GOLDEN)
        lanes = (a & _LANES) + ((a >> _16) & _LANES)
        lanes += (b & _LANES) + ((b >> _16) & _LANES)
        lanes += (c & _LANES) + ((c >> _16) & _LANES)
        total = (lanes & _LOW) + (lanes >> _32)
        out[first + index] = (np.float64(np.int64(total)) - _MEAN) * _SCALE


def stream_key(seed: int, name: str) -> int:
    """The key of a named stream under a scenario's seed, as a signed 64-bit integer."""
    text = f"{seed}\0{name}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little", signed=True)


def normals(seed: int, name: str, count: int, tick: int = 0) -> NDArray[np.float64]:
    """Normal deviates of a stream, for the dispersions that are drawn once when a model is made."""
    out = np.empty(count)
    fill_normals(stream_key(seed, name), tick, out, 0, count)
    return out


__all__ = ["fill_normals", "mix", "normals", "stream_key"]
