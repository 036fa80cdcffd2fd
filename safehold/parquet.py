"""Parquet files, written and read by DuckDB from and to columns of numpy arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]


def write(path: Path, columns: Columns) -> None:
    """Write columns of equal length as a Parquet file."""
    import duckdb

    connection = duckdb.connect(":memory:", config={"threads": 1})
    try:
        connection.register("given", {name: np.ascontiguousarray(column) for name, column in columns.items()})
        chosen = ", ".join(_kept(name, column) for name, column in columns.items())
        connection.execute(
            f"COPY (SELECT {chosen} FROM given) TO '{_quoted(path)}' (FORMAT parquet, COMPRESSION zstd)"
        )
    finally:
        connection.close()


def read(path: Path, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read columns; all of them unless named."""
    import duckdb

    chosen = "*" if names is None else ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    connection = duckdb.connect(":memory:", config={"threads": 1})
    try:
        found = connection.execute(f"SELECT {chosen} FROM read_parquet('{_quoted(path)}')").fetchnumpy()
    finally:
        connection.close()
    return {name: _filled(column) for name, column in found.items()}


def _kept(name: str, column: NDArray[Any]) -> str:
    """A column as it is to be written: DuckDB takes NaN for a missing value, here it is a value."""
    quoted = '"' + name.replace('"', '""') + '"'
    if not np.issubdtype(column.dtype, np.floating):
        return quoted
    return f"coalesce({quoted}, 'nan'::DOUBLE) AS {quoted}"


def _filled(column: NDArray[Any]) -> NDArray[Any]:
    if isinstance(column, np.ma.MaskedArray) and np.issubdtype(column.dtype, np.floating):
        return np.asarray(column.filled(np.nan))
    return np.asarray(column)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
