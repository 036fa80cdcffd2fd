"""Sealing of TC frames with AES-256-GCM (CCSDS 355.0-B), each radiation under a counter of its own.

A counter is used once, whatever happens to the ground: they are reserved in blocks, and the end of a block is
kept by `reserve` before any counter of it is used. After a crash the sender begins behind the last block that
was reserved; the satellite takes any counter above the last. A sender that has lost what it kept goes on
behind the counter that telemetry tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from flight import tc_frames
from flight.keys import KeyRing
from flight.tc_frames import COUNTER_MAX, TcFrame

BLOCK = 1024
"""Counters reserved at a time."""
AHEAD_MAX = 2**32
"""How far telemetry, which anyone may have forged, moves a sender on at a time: of 2^64 it uses up none. One
that remembers nothing has nothing to hold against it, and leaves half of them.
"""

Reserve = Callable[[int, int], None]
"""Keeps, for good, that the counters of a key are used below a number: `reserve(key_id, below)`."""


def _keep_nothing(key_id: int, below: int) -> None:
    """For a ground whose state is kept by others, as in a simulation."""


@dataclass(slots=True)
class Sender:
    """Seals frames under one key at a time.

    `next_counter` and `reserved` by key id; `reserved` is the first counter that is not reserved.
    """

    ring: KeyRing
    key_id: int
    reserve: Reserve = _keep_nothing
    next_counter: dict[int, int] = field(default_factory=dict)
    reserved: dict[int, int] = field(default_factory=dict)

    @classmethod
    def start(
        cls, ring: KeyRing, *, reserve: Reserve = _keep_nothing, kept: Mapping[int, int] | None = None
    ) -> Sender:
        """A sender at its start, or after a crash: `kept` is what `reserve` kept last, by key."""
        below = dict(kept or {})
        return cls(ring, ring.first, reserve, dict(below), dict(below))

    def select(self, key_id: int) -> None:
        """Seal under another key from now on; raises KeyError if the ring has none of that id."""
        if key_id not in self.ring.keys:
            raise KeyError(f"the key ring has no key {key_id}")
        self.key_id = key_id

    def seal(self, frame: TcFrame) -> bytes:
        """The octets to radiate, once; a repetition is sealed anew.

        Raises ValueError for a frame that does not fit, and when the key's counters are used up.
        """
        counter = self.next_counter.get(self.key_id, 1)
        if counter >= self.reserved.get(self.key_id, 1):
            below = min(counter + BLOCK, COUNTER_MAX + 1)
            if counter >= below:
                raise ValueError(f"the counters of key {self.key_id} are used up; select another key")
            self.reserve(self.key_id, below)
            self.reserved[self.key_id] = below
        parts = tc_frames.prepare(frame, key_id=self.key_id, counter=counter)
        self.next_counter[self.key_id] = counter + 1
        return _seal(self.ring.keys[self.key_id], parts)

    def is_behind(self, counter: int) -> bool:
        """Whether a counter of the key in use that the satellite has taken was never given out here."""
        return counter >= self.next_counter.get(self.key_id, 1)

    def remembers(self) -> bool:
        """Whether it knows which counters of the key in use were given out."""
        return self.key_id in self.reserved

    def go_beyond(self, counter: int) -> bool:
        """Go on behind that counter; False if it is too far to be believed."""
        known = self.next_counter.get(self.key_id)
        most = COUNTER_MAX // 2 if known is None else min(known + AHEAD_MAX, COUNTER_MAX)
        if counter >= most:
            return False
        self.next_counter[self.key_id] = counter + 1
        return True

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values, without keys."""
        return {
            "key": self.key_id,
            "next": {str(key): value for key, value in sorted(self.next_counter.items())},
            "reserved": {str(key): value for key, value in sorted(self.reserved.items())},
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any], ring: KeyRing, *, reserve: Reserve = _keep_nothing) -> Sender:
        """The sender with that state; raises ValueError if the ring has not its key."""
        if values["key"] not in ring.keys:
            raise ValueError(f"the key ring has no key {values['key']}, which the state was made with")
        return cls(
            ring,
            values["key"],
            reserve,
            {int(key): value for key, value in values["next"].items()},
            {int(key): value for key, value in values["reserved"].items()},
        )


def seal_frame(ring: KeyRing, frame: TcFrame, *, key_id: int, counter: int) -> bytes:
    """The octets of a frame under a given key and counter, for who keeps counters elsewhere."""
    return _seal(ring.keys[key_id], tc_frames.prepare(frame, key_id=key_id, counter=counter))


def _seal(key: bytes, parts: tc_frames.Unsealed) -> bytes:
    return tc_frames.finish(parts.associated, AESGCM(key).encrypt(parts.nonce, parts.text, parts.associated))
