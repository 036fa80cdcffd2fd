"""Packets out of TM transfer frames, by CCSDS 132.0-B and 133.0-B alone: it shares no code with `flight`.

Frames of 1,115 octets, or as many as are told, back to back, with OCF and FECF. On each virtual channel
packets are strung together by the first header pointer; where frames are missing, what was begun is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

FRAME = 1115
HEADER, TRAILER = 6, 6
NO_START, ONLY_IDLE = 0x7FF, 0x7FE
IDLE_APID = 0x7FF


def crc(data: bytes) -> int:
    """CRC-16-CCITT, preset to ones, bit by bit as the standard draws it."""
    register = 0xFFFF
    for octet in data:
        register ^= octet << 8
        for _ in range(8):
            register = (register << 1 ^ 0x1021 if register & 0x8000 else register << 1) & 0xFFFF
    return register


@dataclass
class Channel:
    """One virtual channel: the count that must come next, and the packet that is still open."""

    expected: int | None = None
    open: bytearray = field(default_factory=bytearray)
    aligned: bool = False


def packets(stream: bytes, size: int = FRAME) -> Iterator[tuple[int, bytes]]:
    """(virtual channel, packet) in the order in which packets become whole; idle packets left out. `size`: of
    each frame.
    """
    assert len(stream) % size == 0, "whole frames"
    channels: dict[int, Channel] = {}
    for at in range(0, len(stream), size):
        frame = stream[at : at + size]
        number = frame[1] >> 1 & 7
        pointer = int.from_bytes(frame[4:6], "big") & 0x7FF
        data = frame[HEADER : size - TRAILER]
        channel = channels.setdefault(number, Channel())
        if frame[3] != channel.expected:
            channel.aligned = False
        channel.expected = (frame[3] + 1) % 256
        if pointer == ONLY_IDLE:
            channel.aligned = False
            continue
        if not channel.aligned:
            if pointer == NO_START:
                continue
            channel.open, channel.aligned = bytearray(), True
            data = data[pointer:]
        channel.open += data
        while len(channel.open) >= 6:
            length = 7 + int.from_bytes(channel.open[4:6], "big")
            if len(channel.open) < length:
                break
            packet = bytes(channel.open[:length])
            del channel.open[:length]
            if int.from_bytes(packet[:2], "big") & 0x7FF != IDLE_APID:
                yield number, packet
