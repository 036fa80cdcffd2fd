"""A ping given straight to the flight computer, and its answer looked for in what the satellite sends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
from flight.tm_frames import PacketExtractor, decode_tm_frame

SEQUENCE = 0x3FFF  # the ground counts up from 0
_ALIVE = (17, 2)
_COMPLETED = 7


def _ping() -> TcPacket:
    return encode_command("ping", {}, sequence=SEQUENCE)


def probe_frame(counters: Mapping[str, Any]) -> bytes:
    """A TC frame with a ping in it, under the key in force and above the last counter, as the flight
    computer's `counters` tell them.
    """
    # Cryptography is heavy: it is imported when the first probe is made.
    from ground.security import seal_frame

    return seal_frame(
        load_ring(),
        TcFrame("BD", encode_tc_packet(_ping())),
        key_id=int(counters["key_active"]),
        counter=int(counters["key_counter"]) + 1,
    )


@dataclass(slots=True)
class Listener:
    """Reads TM frames until a TM[17,2] and the report that this very ping was completed have come."""

    alive: bool = False
    completed: bool = False
    extractors: dict[int, PacketExtractor] = field(default_factory=dict)

    @property
    def answered(self) -> bool:
        """Whether both have come."""
        return self.alive and self.completed

    def hear(self, frames: Iterable[bytes]) -> None:
        """Take frames in the order in which they were sent; what cannot be read is no answer."""
        for octets in frames:
            try:
                frame = decode_tm_frame(octets)
            except FrameError:
                continue
            extractor = self.extractors.setdefault(frame.virtual_channel, PacketExtractor())
            for packet in extractor.push(frame):
                try:
                    self._read(decode_tm_packet(packet))
                except PacketError:
                    continue

    def _read(self, packet: TmPacket) -> None:
        if (packet.service, packet.subtype) == _ALIVE:
            self.alive = True
        elif packet.service == 1:
            report = decode_verification(packet)
            self.completed |= report.subtype == _COMPLETED and report.request_id == _ping().request_id
