"""TC transfer frames (CCSDS 232.0-B), laid out in docs/wire.md."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from flight.frames import SPACECRAFT_ID, FrameError, crc16, packet_octets

TC_FRAME_OCTETS_MIN = 9
TC_FRAME_OCTETS_MAX = 256
TC_DATA_OCTETS_MAX = 248
TC_CHANNEL = 0

_TC_HEADER = struct.Struct(">HHBB")


@dataclass(frozen=True, slots=True)
class TcFrame:
    """A TC transfer frame of type BD with one whole packet."""

    packet: bytes
    sequence: int = 0


def encode_tc_frame(packet: bytes) -> bytes:
    """A TC frame of type BD around one telecommand packet of at most 248 octets."""
    if not 1 <= len(packet) <= TC_DATA_OCTETS_MAX:
        raise ValueError(f"a TC frame holds a packet of 1 to {TC_DATA_OCTETS_MAX} octets, not {len(packet)}")
    total = _TC_HEADER.size + len(packet) + 2
    body = _TC_HEADER.pack(0b10 << 12 | SPACECRAFT_ID, TC_CHANNEL << 10 | total - 1, 0, 0b11 << 6) + packet
    return body + crc16(body).to_bytes(2, "big")


def decode_tc_frame(octets: bytes) -> TcFrame:
    """Reads a TC frame; raises FrameError with a reason of docs/wire.md, in its order of checks."""
    total = len(octets)
    if not TC_FRAME_OCTETS_MIN <= total <= TC_FRAME_OCTETS_MAX:
        raise FrameError("length", f"{total} octets")
    identification, channel_and_length, sequence, segment = _TC_HEADER.unpack_from(octets)
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
    if identification >> 12 & 3 != 0b10:
        raise FrameError("type", f"bypass and control command flags {identification >> 12 & 3:02b}")
    if segment != 0b11 << 6:
        raise FrameError("segment", f"segment header 0x{segment:02X}")
    packet = bytes(octets[6:-2])
    if packet_octets(packet) != len(packet):
        raise FrameError("packet", f"{len(packet)} octets do not hold one whole packet")
    return TcFrame(packet, sequence)
