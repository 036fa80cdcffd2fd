"""Protected TM transfer frames (CCSDS 355.0-B under 132.0-B), laid out in docs/wire.md.

What needs no key is here: layout, the parts that are authenticated, the frame as it is once it was opened.
`ground.telemetry_security` opens frames; the flight software seals them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from flight.frames import FrameError, crc16
from flight.tm_frames import OCF_OCTETS, TM_DATA_OCTETS, TM_FRAME_OCTETS, TM_HEADER_OCTETS, check_tm_frame

TelemetryProtection = Literal["none", "authenticated", "encrypted"]
PROTECTIONS: tuple[TelemetryProtection, ...] = ("none", "authenticated", "encrypted")

SECURITY_HEADER_OCTETS = 14
MAC_OCTETS = 16
NONCE_PREFIX = 0x544D_0000
COUNTER_MAX = 2**64 - 1
OVERHEAD_OCTETS = SECURITY_HEADER_OCTETS + MAC_OCTETS
OPENED_FRAME_OCTETS = TM_FRAME_OCTETS - OVERHEAD_OCTETS
"""A frame without its security header and MAC: what mission control keeps of a protected one."""

_SECURITY = struct.Struct(">HIQ")
_DATA_AT = TM_HEADER_OCTETS + SECURITY_HEADER_OCTETS
_MAC_AT = TM_HEADER_OCTETS + TM_DATA_OCTETS - MAC_OCTETS
_OCF_AT = _MAC_AT + MAC_OCTETS


def data_octets(protection: TelemetryProtection) -> int:
    """Octets of packets in each frame."""
    return TM_DATA_OCTETS - (0 if protection == "none" else OVERHEAD_OCTETS)


def kept_octets(protection: TelemetryProtection) -> int:
    """Octets of each frame as mission control keeps it, in `frames.tm`."""
    return TM_FRAME_OCTETS if protection == "none" else OPENED_FRAME_OCTETS


@dataclass(frozen=True, slots=True)
class ProtectedFrame:
    """A frame as it came over the link; `data` is text, or what has become of it."""

    header: bytes
    security: bytes
    key_id: int
    nonce_prefix: int
    counter: int
    data: bytes
    mac: bytes
    ocf: bytes

    @property
    def nonce(self) -> bytes:
        """The initialisation vector."""
        return self.security[2:]

    def associated(self, protection: TelemetryProtection) -> bytes:
        """What the MAC covers besides an encrypted text."""
        return self.header + self.security + (b"" if protection == "encrypted" else self.data) + self.ocf

    def opened(self, text: bytes) -> bytes:
        """The frame without security header and MAC, with this text and a FECF that fits."""
        body = self.header + text + self.ocf
        return body + crc16(body).to_bytes(2, "big")


def parse(octets: bytes) -> ProtectedFrame:
    """Reads a frame as far as it can be read without a key.

    Raises FrameError with the reasons of `check_tm_frame`.
    """
    check_tm_frame(octets)
    security = octets[TM_HEADER_OCTETS:_DATA_AT]
    key_id, nonce_prefix, counter = _SECURITY.unpack(security)
    return ProtectedFrame(
        octets[:TM_HEADER_OCTETS],
        security,
        key_id,
        nonce_prefix,
        counter,
        octets[_DATA_AT:_MAC_AT],
        octets[_MAC_AT:_OCF_AT],
        octets[_OCF_AT : _OCF_AT + OCF_OCTETS],
    )


def prepare(opened: bytes, *, key_id: int, counter: int) -> ProtectedFrame:
    """The parts of a frame that is still to be sealed, from what `ProtectedFrame.opened` gave."""
    if len(opened) != OPENED_FRAME_OCTETS:
        raise FrameError("length", f"{len(opened)} octets instead of {OPENED_FRAME_OCTETS}")
    security = _SECURITY.pack(key_id, NONCE_PREFIX, counter)
    text, ocf = opened[TM_HEADER_OCTETS : -OCF_OCTETS - 2], opened[-OCF_OCTETS - 2 : -2]
    return ProtectedFrame(opened[:TM_HEADER_OCTETS], security, key_id, NONCE_PREFIX, counter, text, b"", ocf)


def finish(frame: ProtectedFrame, sealed: bytes) -> bytes:
    """The octets of a frame from its parts and its text, sealed or not, with the MAC behind it."""
    body = frame.header + frame.security + sealed + frame.ocf
    return body + crc16(body).to_bytes(2, "big")
