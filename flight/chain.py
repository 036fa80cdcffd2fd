"""A chain of SHA-256 over a stream of octets, whose state is plain octets.

The same construction runs in C++ for the plant's and the flight software's chains (docs/wire.md, "Digest
chain"). hashlib's objects cannot be stored or copied into a snapshot; this state can.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Self

BLOCK_OCTETS = 4096
_HEAD_OCTETS = 32
_TOTAL = struct.Struct("<Q")


class Chain:
    """Folds octets into a digest, a block of 4,096 at a time."""

    __slots__ = ("_block", "_head", "_total")

    def __init__(self, name: str) -> None:
        self._head = hashlib.sha256(name.encode("ascii")).digest()
        self._block = bytearray()
        self._total = 0

    def add(self, data: bytes) -> None:
        """Appends octets."""
        self._total += len(data)
        self._block += data
        while len(self._block) >= BLOCK_OCTETS:
            self._head = hashlib.sha256(self._head + self._block[:BLOCK_OCTETS]).digest()
            del self._block[:BLOCK_OCTETS]

    def digest(self) -> bytes:
        """The digest of everything so far; the state stays as it is."""
        return hashlib.sha256(self._head + self._block + _TOTAL.pack(self._total)).digest()

    def hexdigest(self) -> str:
        """The digest in hexadecimal."""
        return self.digest().hex()

    def to_bytes(self) -> bytes:
        """The state: head, total, the octets of the block that is not yet full."""
        return self._head + _TOTAL.pack(self._total) + bytes(self._block)

    @classmethod
    def from_bytes(cls, state: bytes) -> Self:
        """The chain with that state; raises ValueError if its length does not fit its total."""
        if len(state) < _HEAD_OCTETS + _TOTAL.size:
            raise ValueError(
                f"a chain's state has at least {_HEAD_OCTETS + _TOTAL.size} octets, not {len(state)}"
            )
        chain = cls.__new__(cls)
        chain._head = bytes(state[:_HEAD_OCTETS])
        (chain._total,) = _TOTAL.unpack_from(state, _HEAD_OCTETS)
        chain._block = bytearray(state[_HEAD_OCTETS + _TOTAL.size :])
        if len(chain._block) != chain._total % BLOCK_OCTETS:
            raise ValueError(f"a block of {len(chain._block)} octets does not fit a total of {chain._total}")
        return chain
