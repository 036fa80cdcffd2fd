"""Messages between the host and the ground process: a fixed little-endian header and a payload, checked octet
by octet.

    magic "SHG1" (4) · kind (1) · sequence (4) · payload

A reply has its request's sequence and its kind with bit 7 set, or kind 255 and a text. Nothing is ever
unpickled.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from flight.frames import Delivery, Uplink

MAGIC = b"SHG1"
MESSAGE_OCTETS_MAX = 16 * 2**20
FRAME_OCTETS_MAX = 2048
KEPT = b"kept"
"""The reply to CONFIGURE of a ground that keeps itself and can go on; else it is empty."""
REPLY = 0x80
ERROR = 0xFF

_HEADER = struct.Struct("<4sBI")
_EXCHANGE = struct.Struct("<qI")
_DELIVERY = struct.Struct("<qHH")
_ANSWER = struct.Struct("<qBII")
_UPLINK = struct.Struct("<qHBH")
_OPENED = struct.Struct("<H")
_UPLINK_KINDS: tuple[str, ...] = ("frame", "carrier_on", "carrier_off")


class Kind(IntEnum):
    """What a request asks for."""

    CONFIGURE = 1
    EXCHANGE = 2
    RESULTS = 3
    STATE = 4
    RESTORE = 5
    DIGEST = 6
    STOP = 7
    RESUME = 8


class MessageError(ValueError):
    """A message that is not one of ours."""


def encode(kind: int, sequence: int, payload: bytes = b"") -> bytes:
    """A message."""
    return _HEADER.pack(MAGIC, kind, sequence & 0xFFFFFFFF) + payload


def decode(message: bytes) -> tuple[int, int, bytes]:
    """Kind, sequence and payload of a message; raises MessageError."""
    if not _HEADER.size <= len(message) <= MESSAGE_OCTETS_MAX:
        raise MessageError(f"a message of {len(message)} octets")
    magic, kind, sequence = _HEADER.unpack_from(message)
    if magic != MAGIC:
        raise MessageError(f"a message that begins {magic!r}")
    return kind, sequence, message[_HEADER.size :]


def encode_exchange(until_tick: int, deliveries: list[Delivery]) -> bytes:
    """The payload of EXCHANGE."""
    parts = [_EXCHANGE.pack(until_tick, len(deliveries))]
    for arrival_ns, station, frame in deliveries:
        parts += [_DELIVERY.pack(arrival_ns, station, len(frame)), frame]
    return b"".join(parts)


def decode_exchange(payload: bytes) -> tuple[int, list[Delivery]]:
    """Tick and deliveries of an EXCHANGE; raises MessageError."""
    try:
        until_tick, count = _EXCHANGE.unpack_from(payload)
        deliveries, at = [], _EXCHANGE.size
        for _ in range(count):
            arrival_ns, station, octets = _DELIVERY.unpack_from(payload, at)
            at += _DELIVERY.size
            deliveries.append(Delivery(arrival_ns, station, _piece(payload, at, octets)))
            at += octets
    except struct.error as error:
        raise MessageError("an exchange that ends too soon") from error
    if at != len(payload):
        raise MessageError(f"{len(payload) - at} octets after an exchange")
    return until_tick, deliveries


class Answer(NamedTuple):
    """The reply to EXCHANGE: `Ground.promise_tick`, `Ground.reacts`, `Ground.accepted`, what departs, and
    `Ground.opened`.
    """

    promise_tick: int
    reacts: bool
    accepted: list[bool]
    uplinks: list[Uplink]
    opened: tuple[bytes, ...] = ()


def encode_answer(answer: Answer) -> bytes:
    """The payload of the reply to EXCHANGE."""
    counts = len(answer.accepted), len(answer.uplinks)
    parts = [_ANSWER.pack(answer.promise_tick, answer.reacts, *counts), bytes(answer.accepted)]
    for departure_ns, station, kind, frame in answer.uplinks:
        parts += [_UPLINK.pack(departure_ns, station, _UPLINK_KINDS.index(kind), len(frame)), frame]
    for frame in answer.opened:
        parts += [_OPENED.pack(len(frame)), frame]
    return b"".join(parts)


def decode_answer(payload: bytes) -> Answer:
    """Reads a reply to EXCHANGE; raises MessageError."""
    try:
        promise_tick, reacts, frames, count = _ANSWER.unpack_from(payload)
        at = _ANSWER.size
        flags = _piece(payload, at, frames, limit=MESSAGE_OCTETS_MAX)
        at += frames
        uplinks = []
        for _ in range(count):
            departure_ns, station, kind, octets = _UPLINK.unpack_from(payload, at)
            at += _UPLINK.size
            uplinks.append(_uplink(departure_ns, station, kind, _piece(payload, at, octets)))
            at += octets
        opened = []
        while at < len(payload):
            (octets,) = _OPENED.unpack_from(payload, at)
            at += _OPENED.size
            opened.append(_piece(payload, at, octets))
            at += octets
    except struct.error as error:
        raise MessageError("an answer that ends too soon") from error
    if opened and len(opened) != sum(flags):
        raise MessageError(f"an answer with {len(opened)} opened frames and {sum(flags)} accepted ones")
    if at != len(payload) or any(flag > 1 for flag in (reacts, *flags)):
        raise MessageError("an answer with other content than it announces")
    return Answer(promise_tick, reacts == 1, [flag == 1 for flag in flags], uplinks, tuple(opened))


def encode_pair(first: bytes, second: bytes) -> bytes:
    """Two pieces in one payload."""
    return struct.pack("<I", len(first)) + first + second


def decode_pair(payload: bytes) -> tuple[bytes, bytes]:
    """The two pieces of `encode_pair`; raises MessageError."""
    if len(payload) < 4 or (octets := int.from_bytes(payload[:4], "little")) > len(payload) - 4:
        raise MessageError("a pair that ends too soon")
    return payload[4 : 4 + octets], payload[4 + octets :]


def _uplink(departure_ns: int, station: int, kind: int, frame: bytes) -> Uplink:
    if kind == 0:
        return Uplink(departure_ns, station, "frame", frame)
    if kind > 2 or frame:
        raise MessageError(f"an uplink of kind {kind} with {len(frame)} octets")
    return Uplink(departure_ns, station, "carrier_on" if kind == 1 else "carrier_off")


def _piece(payload: bytes, at: int, octets: int, limit: int = FRAME_OCTETS_MAX) -> bytes:
    if octets > limit or at + octets > len(payload):
        raise MessageError(f"a piece of {octets} octets at {at} of {len(payload)}")
    return payload[at : at + octets]
