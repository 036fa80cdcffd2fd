"""The frame journal: TM frames as they arrived, appended to one file, each with a checksum.

    magic "SHJ1" (4) · arrival ns (i64) · station (u16) · octets (u16) · CRC-32 (u32) · frame

Little-endian; the CRC is over all before it and the frame. What a crash or a full disk leaves half written at
the end is cut off when the file is next opened for writing. A
reader passes over what is damaged, to the next record whose checksum fits.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from flight.frames import Delivery
from ground.store import StoreError
from ground.store.tail import Tail

MAGIC = b"SHJ1"
FRAME_OCTETS_MAX = 2048
_PIECE_OCTETS = 1 << 20
_HEAD = struct.Struct("<4sqHH")
_CRC = struct.Struct("<I")
_OVERHEAD = _HEAD.size + _CRC.size


def record(delivery: Delivery) -> bytes:
    """A frame as a record of the journal."""
    head = _HEAD.pack(MAGIC, delivery.arrival_ns, delivery.station, len(delivery.frame))
    return head + _CRC.pack(zlib.crc32(delivery.frame, zlib.crc32(head))) + delivery.frame


def records(octets: bytes) -> Iterator[tuple[int, Delivery]]:
    """Each sound record, with the offset behind it."""
    at = 0
    while (at := octets.find(MAGIC, at)) >= 0:
        end = at + _OVERHEAD
        if end > len(octets):
            return
        head = octets[at : at + _HEAD.size]
        _, arrival_ns, station, length = _HEAD.unpack(head)
        frame = octets[end : end + length]
        (crc,) = _CRC.unpack_from(octets, at + _HEAD.size)
        if length <= FRAME_OCTETS_MAX and len(frame) == length and zlib.crc32(frame, zlib.crc32(head)) == crc:
            at = end + length
            yield at, Delivery(arrival_ns, station, frame)
        else:
            at += 1


def read(path: Path) -> tuple[list[Delivery], int]:
    """The sound records of a journal, and how many octets are none."""
    octets = path.read_bytes()
    found = [delivery for _, delivery in records(octets)]
    return found, len(octets) - sum(_OVERHEAD + len(delivery.frame) for delivery in found)


def stream(path: Path) -> Iterator[Delivery]:
    """The sound records of a journal as far as it goes now, a piece of it at a time; raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for _, delivery in _of_file(file):
            yield delivery
    finally:
        os.close(file)


def _of_file(file: int) -> Iterator[tuple[int, Delivery]]:
    """Each sound record of an open file, with the offset behind it."""
    base = 0
    piece = b""
    while more := os.pread(file, _PIECE_OCTETS, base + len(piece)):
        piece += more
        done = 0
        for done, delivery in records(piece):
            yield base + done, delivery
        # What a record needs that begins at the end of this piece is kept; what lies before cannot be one.
        keep = max(done, len(piece) - _OVERHEAD - FRAME_OCTETS_MAX)
        base, piece = base + keep, piece[keep:]


def _sound_end(file: int, tail: Tail) -> int:
    """The offset behind the last sound record; `tail` sees all of them."""
    end = 0
    for behind, delivery in _of_file(file):
        tail.see((delivery,))
        end = behind
    return end


class Journal:
    """A journal open for writing."""

    def __init__(self, path: Path) -> None:
        """Opens or makes it, and cuts off an unfinished end; raises StoreError if that fails."""
        self._path = path
        self._file = -1
        self._tail = Tail()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._size = _sound_end(self._file, self._tail)
            self.cut_off = os.fstat(self._file).st_size - self._size
            if self.cut_off:
                os.ftruncate(self._file, self._size)
                os.fsync(self._file)
        except OSError as error:
            self.close()
            raise StoreError(f"{path}: {error.strerror}") from error

    def append(self, deliveries: Sequence[Delivery]) -> None:
        """Adds frames, but for those that its end has already; they are on the disk when this returns.

        Raises StoreError, and leaves nothing half.
        """
        deliveries = self._tail.fresh(deliveries)
        octets = b"".join(record(delivery) for delivery in deliveries)
        try:
            written = 0
            while written < len(octets):
                written += os.write(self._file, octets[written:])
            os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):  # else the next opening cuts it off
                os.ftruncate(self._file, self._size)
            raise StoreError(f"{self._path}: {error.strerror}; no frame of this batch was kept") from error
        self._size += len(octets)
        self._tail.see(deliveries)

    def close(self) -> None:
        """Closes the file; twice is fine."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
