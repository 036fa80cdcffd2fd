"""Inputs for the Python targets: the seeds, and mutations of them that are the same in each run."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

from tests.fuzz.seeds import SEEDS

OCTETS_MAX = 16384
_SWITCHED = {"tm_frames", "tm_packets", "cfdp_pdu", "tc_frames"}
_SHARED = {"extraction": "tm_frames"}
_LIMITS = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)


def switched(name: str, seeds: Mapping[str, Callable[[], Iterator[bytes]]]) -> list[bytes]:
    """A target's seeds, with the switch that it wants before them."""
    found = list(seeds[_SHARED.get(name, name)]())
    return [b"\1" + one for one in found] if name in _SWITCHED else found


def mutated(octets: bytes, seeds: list[bytes], chance: random.Random) -> bytes:
    """A few of what hurts parsers most: a bit, a length at its limits, a part gone, doubled, another's."""
    made = bytearray(octets)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(made) + 1)
        some = made[at : at + chance.randrange(64)]
        kind = chance.randrange(6)
        if kind == 0 and at < len(made):
            made[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and at < len(made):
            made[at] = chance.choice(_LIMITS)
        elif kind == 2:
            del made[at : at + len(some)]
        elif kind == 3:
            made[at:at] = some
        elif kind == 4:
            other = chance.choice(seeds)
            made[at:at] = other[chance.randrange(len(other) + 1) :]
        else:
            made[at:at] = bytes([chance.randrange(256)])
    return bytes(made[:OCTETS_MAX])


def inputs(name: str) -> Iterator[bytes]:
    """Without end."""
    seeds = [b"", b"\0", b"\xff" * 64, *switched(name, SEEDS)]
    yield from seeds
    chance = random.Random(name)
    while True:
        yield mutated(chance.choice(seeds), seeds, chance)
