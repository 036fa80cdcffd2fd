"""Transfer frames of the space link: TM (CCSDS 132.0-B), TC and CLCW (CCSDS 232.0-B), laid out in
docs/wire.md.

Everything that comes over the link is hostile: a frame that does not fit is refused with a `FrameError` that
names the reason, under which the receiver counts it.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

SPACECRAFT_ID = 0x15A
TM_FRAME_OCTETS = 1115
TM_DATA_OCTETS = 1103
TC_FRAME_OCTETS_MIN = 9
TC_FRAME_OCTETS_MAX = 256
TC_DATA_OCTETS_MAX = 248
LIVE_CHANNEL = 0
TM_CHANNELS = frozenset({0, 1, 7})
TC_CHANNEL = 0
POINTER_NONE = 0x7FF
POINTER_IDLE = 0x7FE

PACKET_HEADER_OCTETS = 6
TM_PACKET_OCTETS_MAX = 1024
IDLE_APID = 2047
IDLE_PACKET_OCTETS_MIN = 7

_TM_HEADER = struct.Struct(">HBBH")
_TC_HEADER = struct.Struct(">HHBB")
_DATA_FIELD_STATUS = 0b11 << 11


class Uplink(NamedTuple):
    """What a ground station does on the uplink: radiate a TC frame, or turn its carrier on or off."""

    departure_ns: int
    station: int
    kind: Literal["frame", "carrier_on", "carrier_off"]
    frame: bytes = b""


class Delivery(NamedTuple):
    """A TM frame as it arrives at a ground station."""

    arrival_ns: int
    station: int
    frame: bytes


class FrameError(ValueError):
    """A frame that is not taken; `reason` is the name under which it is counted."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason


def crc16(data: bytes) -> int:
    """CRC-16-CCITT with preset 0xFFFF (CCSDS 132.0-B, 4.1.6.2): `crc16(b"123456789") == 0x29B1`."""
    return binascii.crc_hqx(data, 0xFFFF)


@dataclass(frozen=True, slots=True)
class Clcw:
    """Communications link control word: what the satellite's receiver says about its uplink."""

    no_rf: bool = False
    no_bit_lock: bool = False
    lockout: bool = False
    wait: bool = False
    retransmit: bool = False
    farm_b_counter: int = 0
    report_value: int = 0

    def encode(self) -> int:
        """As a 32-bit word."""
        flags = (
            self.no_rf << 15
            | self.no_bit_lock << 14
            | self.lockout << 13
            | self.wait << 12
            | self.retransmit << 11
        )
        return 0b01 << 24 | flags | (self.farm_b_counter & 3) << 9 | self.report_value & 0xFF

    @classmethod
    def decode(cls, word: int) -> Clcw:
        """From a 32-bit word; raises FrameError `clcw` if its fixed fields differ."""
        if word & 0xFFFF0100 != 0b01 << 24:
            raise FrameError("clcw", f"fixed fields of 0x{word:08X} differ from those of COP-1 on VC 0")
        return cls(
            bool(word >> 15 & 1),
            bool(word >> 14 & 1),
            bool(word >> 13 & 1),
            bool(word >> 12 & 1),
            bool(word >> 11 & 1),
            word >> 9 & 3,
            word & 0xFF,
        )


@dataclass(frozen=True, slots=True)
class TmFrame:
    """A TM transfer frame, without what is the same in all."""

    virtual_channel: int
    master_count: int
    channel_count: int
    first_header_pointer: int
    data: bytes
    clcw: Clcw


def encode_tm_frame(frame: TmFrame) -> bytes:
    """The 1,115 octets of a TM frame; its data field must have 1,103."""
    if len(frame.data) != TM_DATA_OCTETS:
        raise ValueError(f"the data field has {TM_DATA_OCTETS} octets, not {len(frame.data)}")
    header = _TM_HEADER.pack(
        SPACECRAFT_ID << 4 | frame.virtual_channel << 1 | 1,
        frame.master_count & 0xFF,
        frame.channel_count & 0xFF,
        _DATA_FIELD_STATUS | frame.first_header_pointer,
    )
    body = header + frame.data + frame.clcw.encode().to_bytes(4, "big")
    return body + crc16(body).to_bytes(2, "big")


def decode_tm_frame(octets: bytes) -> TmFrame:
    """Reads a TM frame.

    Raises FrameError with reason `length`, `fecf`, `version`, `scid`, `vcid`, `format` (an OCF, secondary
    header or segment field that differs), `pointer` or `clcw`.
    """
    if len(octets) != TM_FRAME_OCTETS:
        raise FrameError("length", f"{len(octets)} octets instead of {TM_FRAME_OCTETS}")
    if crc16(octets) != 0:
        raise FrameError("fecf", "the frame error control field does not fit")
    identification, master_count, channel_count, status = _TM_HEADER.unpack_from(octets)
    if identification >> 14:
        raise FrameError("version", f"version {identification >> 14}")
    if identification >> 4 & 0x3FF != SPACECRAFT_ID:
        raise FrameError("scid", f"spacecraft 0x{identification >> 4 & 0x3FF:03X}")
    virtual_channel = identification >> 1 & 7
    if virtual_channel not in TM_CHANNELS:
        raise FrameError("vcid", f"virtual channel {virtual_channel}")
    if not identification & 1 or status & 0xF800 != _DATA_FIELD_STATUS:
        raise FrameError("format", f"identification 0x{identification:04X}, data field status 0x{status:04X}")
    pointer = status & 0x7FF
    if pointer >= TM_DATA_OCTETS and pointer not in (POINTER_NONE, POINTER_IDLE):
        raise FrameError("pointer", f"first header pointer {pointer}")
    clcw = Clcw.decode(int.from_bytes(octets[1109:1113], "big"))
    return TmFrame(virtual_channel, master_count, channel_count, pointer, bytes(octets[6:1109]), clcw)


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


def packet_octets(data: bytes) -> int:
    """How long the packet that begins `data` says it is; 0 if its header is not complete."""
    if len(data) < PACKET_HEADER_OCTETS:
        return 0
    return PACKET_HEADER_OCTETS + 1 + int.from_bytes(data[4:6], "big")


def idle_packet(octets: int) -> bytes:
    """An idle packet of `octets` octets, at least 7 (CCSDS 133.0-B, 4.1.4.6)."""
    return struct.pack(">HHH", IDLE_APID, 0b11 << 14, octets - PACKET_HEADER_OCTETS - 1) + bytes(
        octets - PACKET_HEADER_OCTETS
    )


@dataclass(slots=True)
class TmFramer:
    """Packs packets into TM frames of one virtual channel, as the flight software does."""

    virtual_channel: int = LIVE_CHANNEL
    master_count: int = 0
    channel_count: int = 0
    rest: bytes = b""

    def frames(self, packets: Iterable[bytes], clcw: Clcw) -> list[bytes]:
        """Frames that hold the packets, the last filled with an idle packet; none if there are no packets."""
        starts, stream = [], bytearray(self.rest)
        for packet in packets:
            starts.append(len(stream))
            stream += packet
        if not starts:
            return []
        gap = -len(stream) % TM_DATA_OCTETS
        self.rest = b""
        if gap:
            starts.append(len(stream))
            filler = idle_packet(max(gap, IDLE_PACKET_OCTETS_MIN))
            stream += filler[:gap]
            self.rest = filler[gap:]
        made = []
        for first in range(0, len(stream), TM_DATA_OCTETS):
            inside = [start - first for start in starts if first <= start < first + TM_DATA_OCTETS]
            pointer = inside[0] if inside else POINTER_NONE
            data = bytes(stream[first : first + TM_DATA_OCTETS])
            made.append(
                encode_tm_frame(
                    TmFrame(self.virtual_channel, self.master_count, self.channel_count, pointer, data, clcw)
                )
            )
            self.master_count = self.master_count + 1 & 0xFF
            self.channel_count = self.channel_count + 1 & 0xFF
        return made


@dataclass(slots=True)
class PacketExtractor:
    """Takes the packets out of the data fields of one virtual channel, across frames and gaps.

    `partial` is the beginning of a packet whose rest is still to come, `expected_count` the count of the
    frame that continues it, -1 before the first. Packets that were lost or could not be true are counted by
    reason in `dropped`: `gap` (its rest was in a frame that did not come), `pointer` (the first header
    pointer contradicts the packets' lengths), `size` (longer than any packet that the satellite sends).
    """

    partial: bytes = b""
    expected_count: int = -1
    frames_missing: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def push(self, frame: TmFrame) -> list[bytes]:
        """The packets, idle ones left out, that this frame completes."""
        missing = (frame.channel_count - self.expected_count) & 0xFF if self.expected_count >= 0 else 0
        self.expected_count = (frame.channel_count + 1) & 0xFF
        if missing:
            self.frames_missing += missing
            self._drop_partial("gap")
        pointer = frame.first_header_pointer
        if pointer == POINTER_IDLE:
            self._drop_partial("gap")
            return []
        starts_here = pointer != POINTER_NONE
        if not self.partial:
            return self._split(frame.data[pointer:]) if starts_here else []
        data = self.partial + frame.data
        end_here = packet_octets(data) - len(self.partial)
        if end_here != pointer if starts_here else end_here < TM_DATA_OCTETS:
            self._drop_partial("pointer")
            return self._split(frame.data[pointer:]) if starts_here else []
        self.partial = b""
        return self._split(data)

    def _split(self, data: bytes) -> list[bytes]:
        packets: list[bytes] = []
        while data:
            octets = packet_octets(data)
            idle = len(data) >= 2 and int.from_bytes(data[:2], "big") & 0x7FF == IDLE_APID
            if octets > TM_PACKET_OCTETS_MAX and not idle:
                self._count("size")
                return packets
            if octets == 0 or octets > len(data):
                self.partial = data
                return packets
            if not idle:
                packets.append(data[:octets])
            data = data[octets:]
        return packets

    def _drop_partial(self, reason: str) -> None:
        if self.partial:
            self._count(reason)
        self.partial = b""

    def _count(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
