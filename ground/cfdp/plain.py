"""What both ends of a transfer share in writing their state down as plain JSON values."""

from __future__ import annotations

import base64
import zlib
from typing import Any


def pack(data: bytes | bytearray) -> str:
    """Octets as text: base85 of their zlib compression."""
    return base64.b85encode(zlib.compress(bytes(data), 1)).decode("ascii")


def unpack(text: str) -> bytes:
    """The reverse of `pack`."""
    return zlib.decompress(base64.b85decode(text))


def octets_of(plain: str | int) -> bytes:
    """The octets of a state: packed, or for their number alone as many zeros, which are filled in later."""
    return bytes(plain) if isinstance(plain, int) else unpack(plain)


def fields(value: Any) -> list[Any]:
    """The fields of a slotted dataclass, in their order; its class makes the value of them again."""
    return [getattr(value, name) for name in value.__slots__]


def optional_fields(value: Any) -> list[Any] | None:
    """As `fields`, None for None."""
    return None if value is None else fields(value)
