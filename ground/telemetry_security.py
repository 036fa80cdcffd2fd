"""Opening of protected TM frames with AES-256-GCM (CCSDS 355.0-B).

A frame is taken only under the telemetry key in force, with a MAC that holds, and once: its counter is above
all that came, or it was overtaken by fewer than `WINDOW` frames and has not come yet. Nothing moves before
the MAC held, and nothing at all for a frame that is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from flight import tm_protection
from flight.frames import FrameError
from flight.keys import KeyFileError, KeyRing
from flight.tm_protection import MAC_OCTETS, NONCE_PREFIX, ProtectedFrame, TelemetryProtection

WINDOW = 128
"""A frame may be overtaken by so many less one, as on a virtual channel (flight.tm_frames.LATE_MAX)."""


class Opened(NamedTuple):
    """A frame without security header and MAC, and what it came under."""

    octets: bytes
    key_id: int
    counter: int


@dataclass(slots=True)
class Taken:
    """The counters that came under one key: the highest, and bit n for the one n below it."""

    highest: int = 0
    seen: int = 0

    def is_fresh(self, counter: int) -> bool:
        """Whether a frame of that counter has not come, as far as that is remembered."""
        behind = self.highest - counter
        return behind < 0 or (counter > 0 and behind < WINDOW and not self.seen >> behind & 1)

    def take(self, counter: int) -> None:
        """Notes a fresh one."""
        if (ahead := counter - self.highest) > 0:
            self.seen = (self.seen << ahead if ahead < WINDOW else 0) & (1 << WINDOW) - 1 | 1
            self.highest = counter
        else:
            self.seen |= 1 << -ahead


@dataclass(slots=True)
class Opener:
    """Opens frames of one kind of protection; `taken` by key id."""

    ring: KeyRing = field(repr=False)
    protection: TelemetryProtection
    taken: dict[int, Taken] = field(default_factory=dict)

    @classmethod
    def start(cls, ring: KeyRing, protection: TelemetryProtection) -> Self | None:
        """For this kind of protection; None without any. Raises KeyFileError without a telemetry key."""
        if protection == "none":
            return None
        if not ring.telemetry:
            raise KeyFileError("telemetry is protected, and the key ring has no telemetry key")
        return cls(ring, protection)

    @property
    def key_id(self) -> int:
        """The id of the key in force."""
        return next(iter(self.ring.telemetry))

    def open(self, octets: bytes) -> Opened:
        """The frame, if it is one of the satellite's that has not come yet; `take` then notes it as come.

        Raises FrameError with a reason of docs/wire.md, in its order of checks.
        """
        opened = self.read(octets)
        if not self.taken.get(opened.key_id, Taken()).is_fresh(opened.counter):
            raise FrameError("replay", f"counter {opened.counter} has come, or is too far behind")
        return opened

    def read(self, octets: bytes) -> Opened:
        """The frame, if it is one of the satellite's, as a receiver does that remembers no counter."""
        frame = tm_protection.parse(octets)
        if frame.key_id not in self.ring.telemetry:
            raise FrameError("key_unknown", f"no telemetry key {frame.key_id}")
        if frame.key_id != self.key_id:
            raise FrameError("key_idle", f"key {frame.key_id} is not in force")
        if frame.nonce_prefix != NONCE_PREFIX:
            raise FrameError("iv", f"initialisation vector begins with 0x{frame.nonce_prefix:08X}")
        return Opened(frame.opened(self._text(frame)), frame.key_id, frame.counter)

    def take(self, opened: Opened) -> None:
        """Notes a frame as come."""
        self.taken.setdefault(opened.key_id, Taken()).take(opened.counter)

    def _text(self, frame: ProtectedFrame) -> bytes:
        encrypted = self.protection == "encrypted"
        sealed = (frame.data if encrypted else b"") + frame.mac
        try:
            text = AESGCM(self.ring.telemetry[frame.key_id]).decrypt(
                frame.nonce, sealed, frame.associated(self.protection)
            )
        except InvalidTag:
            raise FrameError("mac", "the message authentication code does not fit") from None
        return text if encrypted else frame.data

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values, without keys."""
        return {str(key): [one.highest, f"{one.seen:x}"] for key, one in sorted(self.taken.items())}

    def restore(self, values: dict[str, Any]) -> None:
        """Takes a state of `to_plain`."""
        self.taken = {int(key): Taken(highest, int(seen, 16)) for key, (highest, seen) in values.items()}


def seal_telemetry(
    ring: KeyRing, opened: bytes, protection: TelemetryProtection, *, key_id: int, counter: int
) -> bytes:
    """What the satellite makes of a frame, in other hands: for simulators of it, and tests."""
    frame = tm_protection.prepare(opened, key_id=key_id, counter=counter)
    encrypted = protection == "encrypted"
    sealed = AESGCM(ring.telemetry[key_id]).encrypt(
        frame.nonce, frame.data if encrypted else b"", frame.associated(protection)
    )
    return tm_protection.finish(frame, sealed if encrypted else frame.data + sealed[-MAC_OCTETS:])
