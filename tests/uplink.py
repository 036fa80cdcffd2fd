"""Telecommand frames for tests: sealed under the published keys, each with a counter of its own."""

from __future__ import annotations

import itertools

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from flight import tc_frames
from flight.frames import FrameError, crc16
from flight.keys import KeyRing, published_ring
from flight.packets import encode_command, encode_tc_packet
from flight.tc_frames import TcFrame
from ground.security import seal_frame

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


def open_frame(ring: KeyRing, octets: bytes) -> tuple[TcFrame, int]:
    """The frame and its counter, read as a receiver does that remembers no counter.

    Raises FrameError with a reason of docs/wire.md.
    """
    sealed = tc_frames.parse(octets)
    if sealed.key_id not in ring.keys:
        raise FrameError("key_unknown", f"key {sealed.key_id}")
    if sealed.nonce_prefix != tc_frames.NONCE_PREFIX:
        raise FrameError("iv", f"initialisation vector begins with 0x{sealed.nonce_prefix:08X}")
    try:
        text = AESGCM(ring.keys[sealed.key_id]).decrypt(sealed.nonce, sealed.sealed, sealed.associated)
    except InvalidTag:
        raise FrameError("mac", "the message authentication code does not fit") from None
    return sealed.opened(text), sealed.counter


def opened(octets: bytes) -> bytes:
    """What is in a frame; raises FrameError as `open_frame` does."""
    return open_frame(RING, octets)[0].data


def repaired(octets: bytes) -> bytes:
    """The frame with a FECF that fits, so that what lies behind the CRC is reached."""
    return octets[:-2] + crc16(octets[:-2]).to_bytes(2, "big")
