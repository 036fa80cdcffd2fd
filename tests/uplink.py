"""Telecommand frames for tests: sealed under the published keys, each with a counter of its own."""

from __future__ import annotations

import itertools

from flight.frames import crc16
from flight.keys import published_ring
from flight.packets import encode_command, encode_tc_packet
from flight.tc_frames import TcFrame
from ground.security import open_frame, seal_frame

RING = published_ring()
_counters = itertools.count(1)


def sealed(packet: bytes, *, key_id: int = RING.first) -> bytes:
    """A frame of type BD around a telecommand packet."""
    return sealed_frame(TcFrame("BD", packet), key_id=key_id)


def sealed_frame(frame: TcFrame, *, key_id: int = RING.first, counter: int | None = None) -> bytes:
    """A frame with the given counter, or one above all before."""
    return seal_frame(RING, frame, key_id=key_id, counter=next(_counters) if counter is None else counter)


def sealed_ping(sequence: int = 7) -> bytes:
    """A ping in a frame of type BD."""
    return sealed(encode_tc_packet(encode_command("ping", {}, sequence=sequence)))


def opened(octets: bytes) -> bytes:
    """What is in a frame; raises FrameError as `ground.security.open_frame` does."""
    return open_frame(RING, octets)[0].data


def repaired(octets: bytes) -> bytes:
    """The frame with a FECF that fits, so that what lies behind the CRC is reached."""
    return octets[:-2] + crc16(octets[:-2]).to_bytes(2, "big")
