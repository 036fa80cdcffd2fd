"""SQLite as mission control reads it: a database may be spoilt, and none may cost more than it is worth.

What SQLite takes for a sound database may still hold, under the name of a table of ours, a view that never
ends, or values without measure. So a name has to be that of a table, a look has a limit of steps, and what is
read is counted before it is.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from ground.store import StoreError

STEPS_MAX = 100_000_000
"""Of SQLite's machine in one look: a second or two. A row costs some ten."""
ROWS_MAX = 1_000_000
OCTETS_MAX = 1 << 30
"""Of all that is read of one table: a mission control that has many files under way has some 100 MB."""
_STEPS_BETWEEN = 10_000
_ENDS = ("", "-wal", "-shm")


class DamagedError(sqlite3.DatabaseError):
    """A database that SQLite can read, and that is not as ours are."""


@contextlib.contextmanager
def bounded(database: sqlite3.Connection, steps: int | None = None) -> Iterator[None]:
    """While a look at a database may take that many steps; raises DamagedError if it takes more."""
    left = (STEPS_MAX if steps is None else steps) // _STEPS_BETWEEN

    def is_spent() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    database.set_progress_handler(is_spent, _STEPS_BETWEEN)
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_INTERRUPT:
            raise
        raise DamagedError("it takes more steps to read than any of ours") from None
    finally:
        database.set_progress_handler(None, 0)


def tables(database: sqlite3.Connection, names: Sequence[str]) -> set[str]:
    """Which of these names a database has as tables; raises DamagedError if one is something else.

    The text counts as well as the type: it is what SQLite makes the thing of.
    """
    query = (
        "SELECT name, type = 'table' AND sql LIKE 'CREATE TABLE %' FROM sqlite_master "
        f"WHERE type <> 'trigger' AND lower(name) IN ({', '.join('?' * len(names))}) LIMIT ?"
    )
    found = database.execute(query, (*names, len(names) + 1)).fetchall()
    if wrong := [str(name) for name, is_table in found if not is_table]:
        raise DamagedError(f"{wrong[0]} is no table")
    return {str(name).lower() for name, _ in found}


def require_tables(database: sqlite3.Connection, names: Sequence[str]) -> None:
    """Raises DamagedError if one of these names is that of something else, and sqlite3.OperationalError, as
    a query does, if there is none of that name.
    """
    found = tables(database, names)
    for name in names:
        if name not in found:
            raise sqlite3.OperationalError(f"no such table: {name}")


def require_size(database: sqlite3.Connection, table: str, column: str) -> None:
    """Raises DamagedError if a table, or a column of it, is more than is read at once."""
    rows, octets = database.execute(f"SELECT count(*), total(length({column})) FROM {table}").fetchone()
    if rows > ROWS_MAX or octets > OCTETS_MAX:
        raise DamagedError(f"{table} has {rows:,} rows of {int(octets):,} octets, more than any of ours")


def require_files(path: Path) -> None:
    """Raises StoreError if a database, or what SQLite keeps beside it, is there and is no file: opening a
    pipe waits for whoever writes to it.
    """
    for end in _ENDS:
        require_file(Path(f"{path}{end}"))


def require_file(path: Path) -> None:
    """Raises StoreError if something is there that is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return  # whoever opens it says why it cannot be
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"{path}: no file")
