"""TM transfer frames (CCSDS 132.0-B) with the CLCW (232.0-B) in each of them, laid out in docs/wire.md."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from flight.frames import (
    IDLE_APID,
    IDLE_PACKET_OCTETS_MIN,
    SPACECRAFT_ID,
    FrameError,
    crc16,
    idle_packet,
    packet_octets,
)

TM_FRAME_OCTETS = 1115
TM_DATA_OCTETS = 1103
TM_HEADER_OCTETS = 6
OCF_OCTETS = 4
_TRAILER_OCTETS = OCF_OCTETS + 2
TM_PACKET_OCTETS_MAX = 1024
LIVE_CHANNEL = 0
PLAYBACK_CHANNEL = 1
FILE_CHANNEL = 2
IDLE_CHANNEL = 7
TM_CHANNELS = frozenset({LIVE_CHANNEL, PLAYBACK_CHANNEL, FILE_CHANNEL, IDLE_CHANNEL})
LATE_MAX = 127
"""How many frames of its channel may overtake a frame; a count further back is that of a later frame."""
POINTER_NONE = 0x7FF
POINTER_IDLE = 0x7FE

_TM_HEADER = struct.Struct(">HBBH")
_DATA_FIELD_STATUS = 0b11 << 11


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
    cold: bool = False
    """Started without memory, and not yet unlocked: `report_value` says nothing about what was sent."""

    def encode(self) -> int:
        """As a 32-bit word."""
        flags = (
            self.no_rf << 15
            | self.no_bit_lock << 14
            | self.lockout << 13
            | self.wait << 12
            | self.retransmit << 11
            | self.cold << 26
        )
        return 0b01 << 24 | flags | (self.farm_b_counter & 3) << 9 | self.report_value & 0xFF

    @classmethod
    def decode(cls, word: int) -> Clcw:
        """From a 32-bit word; raises FrameError `clcw` if its fixed fields differ."""
        if word & 0xFBFF0100 != 0b01 << 24:
            raise FrameError("clcw", f"fixed fields of 0x{word:08X} differ from those of COP-1 on VC 0")
        return cls(
            bool(word >> 15 & 1),
            bool(word >> 14 & 1),
            bool(word >> 13 & 1),
            bool(word >> 12 & 1),
            bool(word >> 11 & 1),
            word >> 9 & 3,
            word & 0xFF,
            bool(word >> 26 & 1),
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


def encode_tm_frame(frame: TmFrame, data_octets: int = TM_DATA_OCTETS) -> bytes:
    """The octets of a TM frame whose data field has to have `data_octets`: 1,115, or fewer of a protected
    frame that has been opened (flight.tm_protection).
    """
    if len(frame.data) != data_octets:
        raise ValueError(f"the data field has {data_octets} octets, not {len(frame.data)}")
    header = _TM_HEADER.pack(
        SPACECRAFT_ID << 4 | frame.virtual_channel << 1 | 1,
        frame.master_count & 0xFF,
        frame.channel_count & 0xFF,
        _DATA_FIELD_STATUS | frame.first_header_pointer,
    )
    body = header + frame.data + frame.clcw.encode().to_bytes(4, "big")
    return body + crc16(body).to_bytes(2, "big")


def check_tm_frame(octets: bytes, frame_octets: int = TM_FRAME_OCTETS) -> None:
    """Checks what can be said of a TM frame without its data field and OCF.

    Raises FrameError with reason `length`, `fecf`, `version`, `scid`, `vcid` or `format` (an OCF, secondary
    header or segment field that differs).
    """
    if len(octets) != frame_octets:
        raise FrameError("length", f"{len(octets)} octets instead of {frame_octets}")
    if crc16(octets) != 0:
        raise FrameError("fecf", "the frame error control field does not fit")
    identification, _, _, status = _TM_HEADER.unpack_from(octets)
    if identification >> 14:
        raise FrameError("version", f"version {identification >> 14}")
    if identification >> 4 & 0x3FF != SPACECRAFT_ID:
        raise FrameError("scid", f"spacecraft 0x{identification >> 4 & 0x3FF:03X}")
    virtual_channel = identification >> 1 & 7
    if virtual_channel not in TM_CHANNELS:
        raise FrameError("vcid", f"virtual channel {virtual_channel}")
    if not identification & 1 or status & 0xF800 != _DATA_FIELD_STATUS:
        raise FrameError("format", f"identification 0x{identification:04X}, data field status 0x{status:04X}")


def decode_tm_frame(octets: bytes, frame_octets: int = TM_FRAME_OCTETS) -> TmFrame:
    """Reads a TM frame; `frame_octets`: how long it has to be (flight.tm_protection).

    Raises FrameError with the reasons of `check_tm_frame`, then `pointer` (beyond the data field, or packets
    on the idle VC) or `clcw`.
    """
    check_tm_frame(octets, frame_octets)
    identification, master_count, channel_count, status = _TM_HEADER.unpack_from(octets)
    virtual_channel = identification >> 1 & 7
    data = bytes(octets[TM_HEADER_OCTETS : frame_octets - _TRAILER_OCTETS])
    pointer = status & 0x7FF
    idle = virtual_channel == IDLE_CHANNEL
    if pointer != POINTER_IDLE if idle else len(data) <= pointer < POINTER_IDLE:
        raise FrameError("pointer", f"first header pointer {pointer}")
    clcw = Clcw.decode(int.from_bytes(octets[frame_octets - _TRAILER_OCTETS : frame_octets - 2], "big"))
    return TmFrame(virtual_channel, master_count, channel_count, pointer, data, clcw)


def may_bring_files(octets: bytes) -> bool:
    """Whether a TM frame, of which nothing has been checked, says that it is on the channel of files. No
    other can bring a PDU, which mission control may answer at once.
    """
    return len(octets) > 1 and octets[1] >> 1 & 7 == FILE_CHANNEL


@dataclass(slots=True)
class TmFramer:
    """Packs packets into TM frames of one virtual channel, as the flight software does for each."""

    virtual_channel: int = LIVE_CHANNEL
    master_count: int = 0
    channel_count: int = 0
    rest: bytes = b""
    data_octets: int = TM_DATA_OCTETS

    def frames(self, packets: Iterable[bytes], clcw: Clcw) -> list[bytes]:
        """Frames that hold the packets, the last filled with an idle packet; none if there are no packets."""
        starts, stream = [], bytearray(self.rest)
        for packet in packets:
            starts.append(len(stream))
            stream += packet
        if not starts:
            return []
        size = self.data_octets
        gap = -len(stream) % size
        self.rest = b""
        if gap:
            starts.append(len(stream))
            filler = idle_packet(max(gap, IDLE_PACKET_OCTETS_MIN))
            stream += filler[:gap]
            self.rest = filler[gap:]
        made = []
        for first in range(0, len(stream), size):
            inside = [start - first for start in starts if first <= start < first + size]
            pointer = inside[0] if inside else POINTER_NONE
            data = bytes(stream[first : first + size])
            counts = self.master_count, self.channel_count
            made.append(encode_tm_frame(TmFrame(self.virtual_channel, *counts, pointer, data, clcw), size))
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
    `awaited` are the counts of missing frames that may still come, at most 127 behind: such a frame is
    missing no more, and the packets that lie whole in it are taken.
    """

    partial: bytes = b""
    expected_count: int = -1
    frames_missing: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    awaited: list[int] = field(default_factory=list)

    def push(self, frame: TmFrame) -> list[bytes]:
        """The packets, idle ones left out, that this frame completes."""
        missing = (frame.channel_count - self.expected_count) & 0xFF if self.expected_count >= 0 else 0
        if missing > LATE_MAX and frame.channel_count in self.awaited:
            return self._push_late(frame)
        self._await(frame.channel_count, missing)
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
        if end_here != pointer if starts_here else end_here < len(frame.data):
            self._drop_partial("pointer")
            return self._split(frame.data[pointer:]) if starts_here else []
        self.partial = b""
        return self._split(data)

    def _push_late(self, frame: TmFrame) -> list[bytes]:
        """A frame that others have overtaken; what goes on in the one after it is not waited for."""
        self.awaited.remove(frame.channel_count)
        self.frames_missing -= 1
        if frame.first_header_pointer >= POINTER_IDLE:
            return []
        partial, self.partial = self.partial, b""
        packets = self._split(frame.data[frame.first_header_pointer :])
        self._drop_partial("gap")
        self.partial = partial
        return packets

    def _await(self, count: int, missing: int) -> None:
        """Notes the frames that are missing before one, and forgets those too far back."""
        if missing:
            self.awaited += [(count - behind) & 0xFF for behind in range(min(missing, LATE_MAX), 0, -1)]
        if self.awaited:
            kept = [one for one in self.awaited if 0 < (count - one) & 0xFF <= LATE_MAX]
            self.awaited = list(dict.fromkeys(kept))

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
