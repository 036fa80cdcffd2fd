"""The TM frames that the ground accepted, as they came: in a temporary file, so that memory stays flat.

A day is about 7 MB of frames and a month 200 MB; the file has no name and goes with the run. In the run's
folder its frames are `frames.tm`, their times and stations `arrivals.parquet`.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from flight.frames import Delivery

_RECORD = struct.Struct("<qHH")
_COPY_OCTETS = 1 << 20
_ARRIVALS_AT_A_TIME = 8_192
ARRIVALS = "arrivals.parquet"
"""The file of a run's folder with the times and stations of `frames.tm`."""


class FrameStore:
    """Frames in the order of their arrival; they can be read while more are added."""

    def __init__(self, *, keep: bool = True) -> None:
        """`keep` False: frames are counted and dropped."""
        self.count = 0
        self.octets = 0
        self._file: IO[bytes] | None = tempfile.TemporaryFile() if keep else None  # noqa: SIM115

    def add(self, deliveries: Iterable[Delivery]) -> None:
        """Take over frames; raises OSError when the temporary folder is full."""
        parts = []
        for arrival_ns, station, frame in deliveries:
            self.count += 1
            self.octets += len(frame)
            parts.append(_RECORD.pack(arrival_ns, station, len(frame)))
            parts.append(frame)
        if self._file is not None and parts:
            self._file.seek(0, 2)
            self._file.write(b"".join(parts))

    def __iter__(self) -> Iterator[Delivery]:
        if self._file is None:
            return
        at = 0
        rest = b""
        while True:
            self._file.seek(at)
            piece = self._file.read(_COPY_OCTETS)
            if not piece:
                return
            at += len(piece)
            data = rest + piece
            place = 0
            while place + _RECORD.size <= len(data):
                arrival_ns, station, octets = _RECORD.unpack_from(data, place)
                end = place + _RECORD.size + octets
                if end > len(data):
                    break
                yield Delivery(arrival_ns, station, data[place + _RECORD.size : end])
                place = end
            rest = data[place:]

    def write_frames(self, path: Path) -> None:
        """The frames alone, back to back; raises OSError."""
        with path.open("wb") as file:
            for delivery in self:
                file.write(delivery.frame)

    def arrivals(self, stations: Sequence[str]) -> Iterator[dict[str, NDArray[Any]]]:
        """When and where each frame arrived, in pieces; one without any if there are none."""
        names = np.array([*stations, ""], dtype=object)
        frames, first = iter(self), True
        while (piece := list(islice(frames, _ARRIVALS_AT_A_TIME))) or first:
            yield {
                "arrival_ns": np.array([one.arrival_ns for one in piece], dtype=np.int64),
                "station": names[np.array([one.station for one in piece], dtype=np.int64)],
            }
            first = False

    def close(self) -> None:
        """Forget them all; closing twice is fine."""
        if self._file is not None:
            self._file.close()
            self._file = None
