"""Octets kept apart by key in a temporary file without a name, so that a month's need no more memory than a
day's: only where each piece lies is remembered.
"""

from __future__ import annotations

import tempfile
from typing import IO

WAITING_BYTES = 1 << 22
"""Of what is added, before it goes to the file."""

Key = tuple[int, ...]


class Spool:
    """Octets appended by key; each key's come back in the order in which they were added."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._length = 0
        self._waiting: dict[Key, bytearray] = {}
        self._waiting_bytes = 0
        self._places: dict[Key, list[tuple[int, int]]] = {}

    def add(self, key: Key, octets: bytes) -> None:
        """Append to a key's octets; raises OSError when the temporary folder is full."""
        self._waiting.setdefault(key, bytearray()).extend(octets)
        self._waiting_bytes += len(octets)
        if self._waiting_bytes > WAITING_BYTES:
            self._write()

    def kept(self) -> set[Key]:
        """Every key that anything was added to."""
        return self._places.keys() | self._waiting.keys()

    def read(self, key: Key) -> bytes:
        """All of a key's octets; none if nothing was added."""
        parts = []
        for at, length in self._places.get(key, ()):
            assert self._file is not None
            self._file.seek(at)
            parts.append(self._file.read(length))
        parts.append(bytes(self._waiting.get(key, b"")))
        return b"".join(parts)

    def _write(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="safehold-spool-")  # noqa: SIM115  lives as long as we
        self._file.seek(self._length)
        for key, octets in self._waiting.items():
            self._file.write(octets)
            self._places.setdefault(key, []).append((self._length, len(octets)))
            self._length += len(octets)
        self._waiting, self._waiting_bytes = {}, 0
