"""The two checksums of a file that are used here: modular (CCSDS 727.0-B, 4.2.2) on the way up, because it
can be summed in any order of arrival, and CRC-32 (IEEE 802.3) on the way down, because mass memory knows it.
"""

from __future__ import annotations

import struct
import zlib

from flight.cfdp_pdu import ChecksumType


def modular(data: bytes, offset: int = 0) -> int:
    """What octets from `offset` on add to a file's modular checksum: words of four octets, modulo 2³²."""
    head = offset % 4
    padded = bytes(head) + data + bytes(-(head + len(data)) % 4)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}I", padded)
    return sum(words) & 0xFFFFFFFF


def checksum(kind: int, data: bytes) -> int:
    """The checksum of a whole file; raises ValueError for a type that is not computed here."""
    if kind == ChecksumType.MODULAR:
        return modular(data)
    if kind == ChecksumType.CRC_32:
        return zlib.crc32(data)
    raise ValueError(f"checksum type {kind} is not computed here")
