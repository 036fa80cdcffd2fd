"""Parquet files, written and read by DuckDB from and to columns of numpy arrays."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import duckdb

Columns = Mapping[str, NDArray[Any]]

ROWS_AT_A_TIME = 8_192
"""In memory while a file is written, and in each of its row groups."""
FORMAT = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_AT_A_TIME}"
"""Of every file, for DuckDB's COPY."""


def write(path: Path, columns: Columns) -> None:
    """Write columns of equal length as a Parquet file."""
    write_pieces(path, [columns])


def write_pieces(path: Path, pieces: Iterable[Columns]) -> None:
    """Write columns that come in pieces, the same ones in each, as one Parquet file: only some of their rows
    are in memory at a time, and the file does not depend on how they were cut. Raises ValueError if there is
    no piece, OSError if it cannot be written.
    """
    import duckdb

    try:
        _write_pieces(path, pieces)
    except duckdb.IOException as error:
        raise OSError(errno.EIO, str(error)) from error


def _write_pieces(path: Path, pieces: Iterable[Columns]) -> None:
    hidden = tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.absolute().parent)
    with hidden as scratch, _connected() as connection:
        parts: list[str] = []
        for part in _of_rows(pieces, ROWS_AT_A_TIME):
            parts.append(f"{scratch}/{len(parts)}.parquet")
            given = {name: np.ascontiguousarray(column) for name, column in part.items()}
            connection.register("given", given)
            chosen = ", ".join(_kept(name, column) for name, column in given.items())
            connection.execute(
                f"COPY (SELECT {chosen} FROM given) TO '{_quoted(Path(parts[-1]))}' (FORMAT parquet)"
            )
            connection.unregister("given")
        if not parts:
            raise ValueError("a Parquet file needs columns")
        connection.execute(f"COPY (SELECT * FROM read_parquet(?)) TO '{_quoted(path)}' ({FORMAT})", [parts])


def _of_rows(pieces: Iterable[Columns], rows: int) -> Iterator[Columns]:
    """The same rows in pieces of that many, but for the last; one without rows if there are none at all."""
    waiting: list[Columns] = []
    held, none = 0, True
    for piece in pieces:
        waiting.append(piece)
        held += len(next(iter(piece.values())))
        while held >= rows:
            whole = _joined(waiting)
            yield {name: column[:rows] for name, column in whole.items()}
            waiting, held, none = (
                [{name: column[rows:] for name, column in whole.items()}],
                held - rows,
                False,
            )
    if waiting and (held or none):
        yield _joined(waiting)


def _joined(pieces: Sequence[Columns]) -> Columns:
    if len(pieces) == 1:
        return pieces[0]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def rows(path: Path) -> int:
    """How many rows a file has."""
    with _connected() as connection:
        found = connection.execute(f"SELECT count(*) FROM read_parquet('{_quoted(path)}')").fetchone()
    return 0 if found is None else int(found[0])


def names(path: Path) -> list[str]:
    """The columns of a file."""
    with _connected() as connection:
        told = connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{_quoted(path)}')").fetchall()
    return [str(row[0]) for row in told]


def read_pieces(path: Path, names: Sequence[str], edges: Iterable[int]) -> Iterator[dict[str, NDArray[Any]]]:
    """Read columns piece by piece: from each of `edges`, numbers of rows, to the next."""
    chosen = ", ".join(map(_name, names))
    source = f"read_parquet('{_quoted(path)}', file_row_number = true)"
    query = f"SELECT {chosen} FROM {source} WHERE file_row_number >= ? AND file_row_number < ?"
    with _connected() as connection:
        for first, following in pairwise(edges):
            found = connection.execute(query, [first, following]).fetchnumpy()
            yield {name: _filled(column) for name, column in found.items()}


def read(path: Path, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read columns; all of them unless named."""
    chosen = "*" if names is None else ", ".join(map(_name, names))
    with _connected() as connection:
        found = connection.execute(f"SELECT {chosen} FROM read_parquet('{_quoted(path)}')").fetchnumpy()
    return {name: _filled(column) for name, column in found.items()}


@contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with one thread: the same columns give the same octets."""
    import duckdb

    connection = duckdb.connect(":memory:", config={"threads": 1})
    try:
        yield connection
    finally:
        connection.close()


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _kept(name: str, column: NDArray[Any]) -> str:
    """A column as it is to be written: DuckDB takes NaN for a missing value, here it is a value."""
    quoted = _name(name)
    if column.dtype == object:  # texts; a piece may have none
        return f"{quoted}::VARCHAR AS {quoted}"
    if not np.issubdtype(column.dtype, np.floating):
        return quoted
    return f"coalesce({quoted}, 'nan'::DOUBLE) AS {quoted}"


def _filled(column: NDArray[Any]) -> NDArray[Any]:
    if isinstance(column, np.ma.MaskedArray) and np.issubdtype(column.dtype, np.floating):
        return np.asarray(column.filled(np.nan))
    return np.asarray(column)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
