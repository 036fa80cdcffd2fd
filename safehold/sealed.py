"""A sealed file: a header and named sections of octets, and a hash over all of it.

    magic (8) | version u32 | length of the header u32 | header (JSON) | sections | SHA-256 of all before (32)

The header names each section with its length. Nothing in a file is used before every length and the hash fit.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LARGEST_HEADER = 4 << 20

_PREFIX = struct.Struct("<8sII")
_DIGEST_OCTETS = 32


class SealError(ValueError):
    """The octets are no such file, or a damaged one."""


class OtherVersionError(SealError):
    """The octets are such a file of another version."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A kind of sealed file: what it is called, its eight octets at the start, its version, its bound, and
    what its header has at least, by name and type.
    """

    noun: str
    magic: bytes
    version: int
    largest: int
    header: Mapping[str, type] = field(default_factory=dict)

    def close(self, header: Mapping[str, Any], sections: Sequence[tuple[str, bytes]]) -> bytes:
        """The file; a function of its content alone. `header`: plain JSON values."""
        lengths = [[name, len(octets)] for name, octets in sections]
        text = json.dumps({**header, "sections": lengths}, separators=(",", ":")).encode()
        body = _PREFIX.pack(self.magic, self.version, len(text)) + text
        body += b"".join(octets for _, octets in sections)
        return body + hashlib.sha256(body).digest()

    def open(self, data: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Header and sections; raises SealError, whose text begins with a verb."""
        if len(data) < _PREFIX.size + _DIGEST_OCTETS or data[:8] != self.magic:
            raise SealError(f"is not a {self.noun} of safehold")
        if len(data) > self.largest:
            raise SealError(f"is larger than a {self.noun} may be")
        _, version, header_octets = _PREFIX.unpack_from(data)
        if version != self.version:
            raise OtherVersionError(f"has version {version}; this safehold reads {self.version}")
        body = memoryview(data)[:-_DIGEST_OCTETS]
        if hashlib.sha256(body).digest() != data[-_DIGEST_OCTETS:]:
            raise SealError("is damaged: its hash does not fit its content")
        if header_octets > min(LARGEST_HEADER, len(body) - _PREFIX.size):
            raise SealError("is damaged: its header is longer than the file")
        start = _PREFIX.size + header_octets
        try:
            header = json.loads(bytes(body[_PREFIX.size : start]))
            named = [(str(name), int(octets)) for name, octets in header["sections"]]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SealError(f"has a header that makes no sense: {error}") from None
        if any(not isinstance(header.get(name), kind) for name, kind in self.header.items()):
            raise SealError("has a header that makes no sense")
        lengths = dict(named)
        if len(lengths) != len(named) or min(lengths.values(), default=-1) < 0:
            raise SealError("has a header that makes no sense")
        if start + sum(lengths.values()) != len(body):
            raise SealError("is damaged: its sections do not add up to its length")
        sections: dict[str, bytes] = {}
        for name, octets in lengths.items():
            sections[name] = bytes(body[start : start + octets])
            start += octets
        return header, sections
