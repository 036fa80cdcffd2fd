"""Truth rows of a run: collected as the driver hands them over, read as columns.

Rows beyond a first few go to an unlinked temporary file, so that a month of flight needs no more memory than
a day.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO

import numpy as np
from numpy.typing import NDArray

ROWS_IN_MEMORY_BYTES = 8 << 20
ROWS_WAITING_BYTES = 1 << 20
"""Of rows that wait for the file once there is one."""

Rows = NDArray[np.float64]


class TruthStore:
    """Rows of doubles, the first column the control tick, appended in order of time."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self._width = len(columns) + 1
        self._chunks: list[Rows] = []
        self._chunk_bytes = 0
        self._file: IO[bytes] | None = None
        self._file_rows = 0

    def append(self, rows: Rows) -> None:
        """Keep rows of shape (n, 1 + columns)."""
        if rows.shape[1] != self._width:
            raise ValueError(f"truth rows have {rows.shape[1]} columns, not {self._width}")
        if not len(rows):
            return
        self._chunks.append(np.ascontiguousarray(rows, dtype=np.float64))
        self._chunk_bytes += rows.nbytes
        if self._chunk_bytes > (ROWS_IN_MEMORY_BYTES if self._file is None else ROWS_WAITING_BYTES):
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="safehold-truth-")  # noqa: SIM115  lives as long as we
        for chunk in self._chunks:
            self._file.write(chunk.data)
            self._file_rows += len(chunk)
        self._chunks, self._chunk_bytes = [], 0

    def rows(self) -> Rows:
        """All rows, shape (n, 1 + columns)."""
        if self._file is None:
            return np.concatenate(self._chunks) if self._chunks else np.empty((0, self._width))
        self._spill()
        self._file.flush()
        return np.memmap(self._file, dtype=np.float64, mode="r", shape=(self._file_rows, self._width))

    def read(self, first: int, end: int) -> Rows:
        """Rows from one to before another, without mapping the others."""
        if self._file is None:
            return self.rows()[first:end]
        self._spill()
        self._file.flush()
        width = self._width * 8
        octets = os.pread(self._file.fileno(), (end - first) * width, first * width)
        return np.frombuffer(octets, dtype=np.float64).reshape(-1, self._width)


class Truth(Mapping[str, NDArray[np.generic]]):
    """Columns of a run's truth by name, each an array over the output instants.

    `sim_time_ns` is int64, `in_contact` bool, `flight_mode` uint8, all others float64 in the unit of their
    name.
    """

    def __init__(
        self,
        rows: Rows,
        columns: tuple[str, ...],
        tick_ns: int,
        read: Callable[[int, int], Rows] | None = None,
    ) -> None:
        """`read`: gives some of the rows without the others."""
        self._rows = rows
        self._read = read
        self._given = columns
        self._columns = tuple(name for name in columns if name != "sim_time_ns")
        self._index = {name: index + 1 for index, name in enumerate(columns)}
        self._tick_ns = tick_ns

    def __getitem__(self, name: str) -> NDArray[np.generic]:
        if name == "sim_time_ns":
            return self._rows[:, 0].astype(np.int64) * self._tick_ns
        column: NDArray[np.float64] = np.asarray(self._rows[:, self._index[name]])
        if name == "in_contact":
            return np.not_equal(column, 0.0)
        if name == "flight_mode":
            return column.astype(np.uint8)
        return column

    def pieces(self, rows: int) -> Iterator[Truth]:
        """The same instants in their order, so many at a time; one piece without any if there are none."""
        for first in range(0, max(1, len(self._rows)), rows):
            end = min(first + rows, len(self._rows))
            part = self._rows[first:end] if self._read is None else self._read(first, end)
            yield Truth(part, self._given, self._tick_ns)

    def __iter__(self) -> Iterator[str]:
        yield "sim_time_ns"
        yield from self._columns

    def __len__(self) -> int:
        return 1 + len(self._columns)

    def __repr__(self) -> str:
        return f"<Truth: {len(self._rows)} instants × {len(self)} columns>"
