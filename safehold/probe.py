"""A ping given straight to the flight computer, and its answer looked for in what the satellite sends."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from flight.frames import FrameError
from flight.keys import load_ring
from flight.packets import (
    PacketError,
    TcPacket,
    TmPacket,
    decode_tm_packet,
    decode_verification,
    encode_command,
    encode_tc_packet,
)
from flight.tc_frames import TcFrame
from flight.tm_frames import PacketExtractor, TmFrame, decode_tm_frame
from flight.tm_protection import TelemetryProtection, kept_octets

if TYPE_CHECKING:
    from ground.security import Sender
    from ground.telemetry_security import Opener

SEQUENCE = 0x3FFF  # the ground counts up from 0
_ALIVE = (17, 2)
_COMPLETED = 7


def _ping() -> TcPacket:
    return encode_command("ping", {}, sequence=SEQUENCE)


def sender_of(ground: bytes) -> Sender:
    """Mission control's sender, out of the state of its ground: the key that it believes in force, and the
    counters that it has not used. Whatever it does not know, the probe does not know either.
    """
    # Cryptography is heavy: it is imported when the first probe is made.
    from ground.security import Sender

    return Sender.from_plain(json.loads(ground)["sender"], load_ring())


def probe_frame(sender: Sender) -> bytes:
    """A TC frame with a ping in it, as mission control would seal it."""
    return sender.seal(TcFrame("BD", encode_tc_packet(_ping())))


@dataclass(slots=True)
class Listener:
    """Reads TM frames until a TM[17,2] and the report that this very ping was completed have come.

    `opener` opens protected ones; it remembers no counter, since nobody repeats what comes straight from the
    satellite.
    """

    opener: Opener | None = None
    alive: bool = False
    completed: bool = False
    extractors: dict[int, PacketExtractor] = field(default_factory=dict)

    @classmethod
    def start(cls, protection: TelemetryProtection) -> Self:
        """For frames under this kind of protection."""
        from ground.telemetry_security import Opener

        return cls(Opener.start(load_ring(), protection))

    @property
    def answered(self) -> bool:
        """Whether both have come."""
        return self.alive and self.completed

    def hear(self, frames: Iterable[bytes]) -> None:
        """Take frames in the order in which they were sent; what cannot be read is no answer."""
        for octets in frames:
            try:
                frame = self._frame(octets)
            except FrameError:
                continue
            extractor = self.extractors.setdefault(frame.virtual_channel, PacketExtractor())
            for packet in extractor.push(frame):
                try:
                    self._read(decode_tm_packet(packet))
                except PacketError:
                    continue

    def _frame(self, octets: bytes) -> TmFrame:
        if self.opener is None:
            return decode_tm_frame(octets)
        return decode_tm_frame(self.opener.read(octets).octets, kept_octets(self.opener.protection))

    def _read(self, packet: TmPacket) -> None:
        if (packet.service, packet.subtype) == _ALIVE:
            self.alive = True
        elif packet.service == 1:
            report = decode_verification(packet)
            self.completed |= report.subtype == _COMPLETED and report.request_id == _ping().request_id
