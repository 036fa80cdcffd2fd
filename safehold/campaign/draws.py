"""Random numbers as a function of (campaign seed, run, stream name), without generator state.

Eight numbers come from one SHA-512 of the three, so that a run's draws depend neither on the other runs, nor
on their number or order, nor on who flies them, and a new stream never changes what an old one draws.
"""

from __future__ import annotations

import hashlib
import struct

_WORDS = struct.Struct("<8Q")
# Odd multiples of 2^-53: symmetric about one half, and neither 0 nor 1 can come out.
_SHIFT = 12
_GRAIN = 2.0**-52
LEAST = 0.5 * _GRAIN
GREATEST = 1.0 - LEAST


def uniforms(seed: int, run: int, stream: str) -> tuple[float, ...]:
    """Eight independent numbers, uniform between 0 and 1 exclusive, in steps of 2^-52."""
    return tuple(((word >> _SHIFT) + 0.5) * _GRAIN for word in _words(seed, run, stream))


def uniform(seed: int, run: int, stream: str) -> float:
    """The first of `uniforms`."""
    return uniforms(seed, run, stream)[0]


def scenario_seed(seed: int, run: int) -> int:
    """A seed for a run's scenario: 63 bits."""
    return int(_words(seed, run, "seed")[0] >> 1)


def whole(u: float, low: int, high: int) -> int:
    """A whole number from low to high, both inclusive, each as likely as the others (to 2^-52 a number)."""
    return min(low + int(u * (high - low + 1)), high)


def _words(seed: int, run: int, stream: str) -> tuple[int, ...]:
    text = f"{seed}\0{run}\0{stream}".encode()
    return _WORDS.unpack(hashlib.sha512(text).digest())
