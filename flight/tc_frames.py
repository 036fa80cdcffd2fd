"""TC transfer frames (CCSDS 232.0-B) with their security header and trailer (CCSDS 355.0-B), laid out in
docs/wire.md.

What needs no key is here: headers, checks, segments. `ground.security` seals frames and opens them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from flight.frames import SPACECRAFT_ID, FrameError, crc16

TC_FRAME_OCTETS_MIN = 9
TC_FRAME_OCTETS_MAX = 256
TC_CHANNEL = 0
TC_MAP = 0

MAC_OCTETS = 16
COUNTER_MAX = 2**64 - 1
NONCE_PREFIX = 0x5443_0000
_FECF_OCTETS = 2

_PRIMARY = struct.Struct(">HHB")
_SECURITY = struct.Struct(">HIQ")

SEGMENT_OCTETS_MAX = TC_FRAME_OCTETS_MAX - _PRIMARY.size - 1 - _SECURITY.size - MAC_OCTETS - _FECF_OCTETS
"""Octets of a telecommand packet in one frame: 218."""

TC_PACKET_OCTETS_MAX = 1024

FrameKind = Literal["AD", "BD", "BC"]
_FLAGS: dict[FrameKind, int] = {"AD": 0b00, "BD": 0b10, "BC": 0b11}
_KINDS: dict[int, FrameKind] = {flags: kind for kind, flags in _FLAGS.items()}

UNLOCK = b"\x00"
_SET_EXPECTED = b"\x82\x00"


class SegmentFlag(IntEnum):
    """Sequence flags of a segment header."""

    CONTINUING = 0
    FIRST = 1
    LAST = 2
    WHOLE = 3


@dataclass(frozen=True, slots=True)
class TcFrame:
    """A TC transfer frame in the clear.

    kind: AD (sequence-controlled), BD (expedited) or BC (control command). `data` is a segment of a
    telecommand packet, or the control command. `sequence` is N(S) of an AD frame, 0 in the others.
    """

    kind: FrameKind
    data: bytes
    sequence: int = 0
    segment: SegmentFlag = SegmentFlag.WHOLE


def unlock_frame() -> TcFrame:
    """The control command Unlock."""
    return TcFrame("BC", UNLOCK)


def set_expected_frame(value: int) -> TcFrame:
    """The control command Set V(R)."""
    return TcFrame("BC", _SET_EXPECTED + bytes([value]))


def segment_packet(packet: bytes, kind: FrameKind = "BD") -> list[TcFrame]:
    """The frames that carry a telecommand packet, in order; N(S) is still to be given to those of type AD.

    Raises ValueError for a packet of more than 1,024 octets, or none.
    """
    if not 1 <= len(packet) <= TC_PACKET_OCTETS_MAX:
        raise ValueError(f"a telecommand packet has 1 to {TC_PACKET_OCTETS_MAX} octets, not {len(packet)}")
    parts = [packet[at : at + SEGMENT_OCTETS_MAX] for at in range(0, len(packet), SEGMENT_OCTETS_MAX)]
    if len(parts) == 1:
        return [TcFrame(kind, packet)]
    flags = [SegmentFlag.FIRST, *[SegmentFlag.CONTINUING] * (len(parts) - 2), SegmentFlag.LAST]
    return [TcFrame(kind, part, 0, flag) for part, flag in zip(parts, flags, strict=True)]


def clear_octets(frame: TcFrame) -> bytes:
    """The frame as the crypto stage hands it on: primary header, segment header unless BC, data."""
    return _header(frame) + frame.data


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What is to be sealed: the associated data, the nonce, and the text."""

    associated: bytes
    nonce: bytes
    text: bytes


def prepare(frame: TcFrame, *, key_id: int, counter: int) -> Unsealed:
    """The parts of a frame for AES-256-GCM; `finish` takes what becomes of them.

    Raises ValueError if the frame has no data or does not fit 256 octets, or for a counter that is used up.
    """
    if not 1 <= counter <= COUNTER_MAX:
        raise ValueError(f"a frame counter is from 1 to 2^64 - 1, not {counter}")
    header = _header(frame)
    security = _SECURITY.pack(key_id, NONCE_PREFIX, counter)
    return Unsealed(header + security, security[2:], frame.data)


def finish(associated: bytes, sealed: bytes) -> bytes:
    """The octets of a frame from its associated data and its sealed text with the MAC behind it."""
    body = associated + sealed
    return body + crc16(body).to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class SealedFrame:
    """A frame as it came over the link; `sealed` is its text with the MAC behind it."""

    kind: FrameKind
    sequence: int
    segment_header: int
    key_id: int
    nonce_prefix: int
    counter: int
    associated: bytes
    nonce: bytes
    sealed: bytes

    def opened(self, text: bytes) -> TcFrame:
        """The frame with this text; raises FrameError `map` for another MAP than 0."""
        if self.segment_header & 0x3F != TC_MAP:
            raise FrameError("map", f"MAP {self.segment_header & 0x3F}")
        return TcFrame(self.kind, text, self.sequence, SegmentFlag(self.segment_header >> 6))


def parse(octets: bytes) -> SealedFrame:
    """Reads a frame as far as it can be read without a key.

    Raises FrameError with a reason of docs/wire.md, in its order of checks.
    """
    total = len(octets)
    if not TC_FRAME_OCTETS_MIN <= total <= TC_FRAME_OCTETS_MAX:
        raise FrameError("length", f"{total} octets")
    identification, channel_and_length, sequence = _PRIMARY.unpack_from(octets)
    if channel_and_length & 0x3FF != total - 1:
        raise FrameError("length", f"length field {channel_and_length & 0x3FF} in a frame of {total} octets")
    if crc16(octets) != 0:
        raise FrameError("fecf", "the frame error control field does not fit")
    if identification & 0xCC00:
        raise FrameError("version", f"identification 0x{identification:04X}")
    if identification & 0x3FF != SPACECRAFT_ID:
        raise FrameError("scid", f"spacecraft 0x{identification & 0x3FF:03X}")
    if channel_and_length >> 10 != TC_CHANNEL:
        raise FrameError("vcid", f"virtual channel {channel_and_length >> 10}")
    kind = _KINDS.get(identification >> 12 & 3)
    if kind is None:
        raise FrameError("type", "a sequence-controlled control command")
    at = _PRIMARY.size + (kind != "BC")
    if total <= at + _SECURITY.size + MAC_OCTETS + _FECF_OCTETS:
        raise FrameError("header", f"{total} octets hold no security header, data and MAC")
    key_id, prefix, counter = _SECURITY.unpack_from(octets, at)
    text = at + _SECURITY.size
    return SealedFrame(
        kind,
        sequence,
        SegmentFlag.WHOLE << 6 if kind == "BC" else octets[_PRIMARY.size],
        key_id,
        prefix,
        counter,
        bytes(octets[:text]),
        bytes(octets[at + 2 : text]),
        bytes(octets[text:-_FECF_OCTETS]),
    )


def _header(frame: TcFrame) -> bytes:
    """Primary and segment header, with the length that the frame will have once it is sealed."""
    segment = b"" if frame.kind == "BC" else bytes([frame.segment << 6 | TC_MAP])
    overhead = _PRIMARY.size + len(segment) + _SECURITY.size + MAC_OCTETS + _FECF_OCTETS
    total = overhead + len(frame.data)
    if not overhead < total <= TC_FRAME_OCTETS_MAX:
        raise ValueError(
            f"a {frame.kind} frame holds 1 to {TC_FRAME_OCTETS_MAX - overhead} octets, not {len(frame.data)}"
        )
    identification = _FLAGS[frame.kind] << 12 | SPACECRAFT_ID
    return _PRIMARY.pack(identification, TC_CHANNEL << 10 | total - 1, frame.sequence) + segment
