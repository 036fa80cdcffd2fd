"""Chance on the link without a generator: every draw is a hash of what it is about (ADR 18).

What is about to happen to a frame follows from the seed, the direction, the time at which the frame left, the
station and a name. So a frame more or less changes nothing for the others, no state is kept, and two runs
that are alike again stay alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct

_SUBJECT = Struct("<8sBqhHI")
_SCALE = 2.0**-64


@dataclass(frozen=True, slots=True)
class Draw:
    """Draws about one copy of one frame. `station` is -1 where all receivers share the outcome."""

    seed: int
    up: bool
    departure_ns: int
    station: int
    copy: int = 0

    def uniform(self, name: bytes, index: int = 0) -> float:
        """A number in [0, 1) that belongs to a name of at most eight octets and an index."""
        subject = _SUBJECT.pack(name, self.up, self.departure_ns, self.station, self.copy, index)
        key = self.seed.to_bytes(8, "little")
        return int.from_bytes(blake2b(subject, digest_size=8, key=key).digest(), "little") * _SCALE

    def happens(self, name: bytes, probability: float) -> bool:
        """Whether something of that probability happens."""
        return probability > 0.0 and self.uniform(name) < probability


def error_positions(draw: Draw, bits: int, rate: float) -> list[int]:
    """Which of a frame's bits arrive wrong when each does by itself, from gaps of geometric length."""
    if bits * rate < 1e-15:  # less than the draws can tell from nothing
        return []
    found: list[int] = []
    at = -1
    scale = 1.0 / math.log1p(-min(rate, 0.5))
    while True:
        at += 1 + math.floor(math.log(1.0 - draw.uniform(b"bit", len(found))) * scale)
        if at >= bits:
            return found
        found.append(at)


def burst_positions(draw: Draw, bits: int, length: int) -> list[int]:
    """The bits that a burst turns: half of `length` on end, from anywhere in the frame on."""
    start = math.floor(draw.uniform(b"burst-at") * bits)
    return [
        start + index
        for index in range(min(length, bits - start))
        if index == 0 or draw.uniform(b"burst", index) < 0.5
    ]


def flipped(frame: bytes, positions: list[int]) -> bytes:
    """The frame with those bits turned; bit 0 is the most significant of the first octet."""
    octets = bytearray(frame)
    for position in positions:
        octets[position >> 3] ^= 0x80 >> (position & 7)
    return bytes(octets)
