"""What TM and TC transfer frames have in common: the spacecraft, the check, the packets inside, and the two
messages in which frames cross the boundary between link and ground. Laid out in docs/wire.md.

Everything that comes over the link is hostile: a frame that does not fit is refused with a `FrameError` that
names the reason, under which the receiver counts it.
"""

from __future__ import annotations

import binascii
import struct
from typing import Literal, NamedTuple

SPACECRAFT_ID = 0x15A

PACKET_HEADER_OCTETS = 6
IDLE_APID = 2047
IDLE_PACKET_OCTETS_MIN = 7


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
