"""What people ask of a mission control: a SQLite database (WAL) beside its own, in the folder that it keeps.

    console.sqlite    request (number, made, telecommands, content), meta (name, value)

Consoles (`safehold command`) only add to it. Mission control makes it, and only reads it from then on. What
it has taken stands in its own database, in the transaction that enters the telecommands into its queue; so a
request is taken once, whatever moment either is killed at. A console that hangs with this database locked
holds up nobody but other consoles, and a database that is damaged is moved aside. Numbers rise in the order
in which requests were committed. None is given twice, not even by a database that has taken another's place.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ground.store import Request, StoreError
from ground.store.database import (
    DamagedError,
    bounded,
    require_files,
    require_size,
    require_tables,
    tables,
)

NAME = "console.sqlite"
CONTENT_OCTETS_MAX = 1 << 20
"""Of one request, and of what is read at a time, but for the first of it."""
AT_A_TIME = 256
"""Requests that are read at once."""
SCHEMA = 1
_PATIENCE_S = 5.0
"""How long a console waits for another one."""
_PATIENCE_READER_S = 0.1
"""How long mission control waits for a console at its start; after that, not at all."""
_NAMES = ("meta", "request")
_META_MAX = 16
_LOOK_STEPS_MAX = 20_000_000
"""Of mission control in a look: a fraction of a second."""
_NEXT = """
SELECT number, CASE WHEN typeof(content) = 'blob' THEN length(content) ELSE 0 END,
    CASE WHEN typeof(content) = 'blob' AND length(content) <= ? THEN content END
FROM request WHERE number > ? ORDER BY number LIMIT ?
"""
_TOO_LONG = bytes(CONTENT_OCTETS_MAX + 1)
"""In the place of a request's content that is longer than any may be."""
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS request (
    number INTEGER PRIMARY KEY AUTOINCREMENT, made TEXT NOT NULL, telecommands INTEGER NOT NULL,
    content BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A request as it stands in the database: when it was made (UTC), and how many telecommands it has."""

    number: int
    made: str
    telecommands: int
    content: bytes


class ConsoleBook:
    """The requests of a folder, as a console has them."""

    def __init__(self, folder: Path) -> None:
        """Opens what a mission control has made; raises StoreError if there is none, or it is not ours."""
        self.path = folder / NAME
        require_files(self.path)
        self._file = _file(self.path)
        self._database = _open(self.path, f"{self.path.absolute().as_uri()}?mode=rw", _PATIENCE_S)
        try:
            with bounded(self._database):
                require_tables(self._database, _NAMES)
                found = self._meta()
            if found.get("schema") != str(SCHEMA):
                raise StoreError(f"{self.path}: version {found.get('schema', 'none')}; this one has {SCHEMA}")
            self.dictionary = found.get("dictionary", "")
            self._database.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as error:
            self.close()
            raise StoreError(f"{self.path}: {error}") from error
        except StoreError:
            self.close()
            raise

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """While no other console adds anything; all that is added is kept at its end, or nothing of it.
        Raises StoreError.
        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                if _file(self.path) != self._file:
                    raise StoreError(f"{self.path}: another one is in its place; nothing was asked for")
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}; nothing was asked for") from error

    def add(self, made: str, telecommands: int, content: bytes) -> int:
        """A new request; its number."""
        row = (made, telecommands, content)
        with bounded(self._database):
            cursor = self._database.execute(
                "INSERT INTO request (made, telecommands, content) VALUES (?, ?, ?)", row
            )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def entries(self) -> list[Entry]:
        """All requests in their order; raises StoreError."""
        return self._entries("ORDER BY number")

    def entry(self, number: int) -> Entry | None:
        """The request with that number; raises StoreError."""
        return next(iter(self._entries("WHERE number = ?", number)), None) if number < 1 << 63 else None

    def withdrawals(self, after: int) -> list[Entry]:
        """The requests without telecommands behind a number; raises StoreError."""
        return self._entries("WHERE number > ? AND telecommands = 0 ORDER BY number", after)

    def telecommands(self, after: int) -> int:
        """How many telecommands the requests behind a number have; raises StoreError."""
        counted = (
            "SELECT sum(telecommands) FROM request WHERE number > ? AND typeof(telecommands) = 'integer'"
        )
        try:
            with bounded(self._database):
                require_tables(self._database, _NAMES)
                (count,) = self._database.execute(counted, (after,)).fetchone()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error
        return int(count or 0)

    def _entries(self, which: str, *values: int) -> list[Entry]:
        try:
            with bounded(self._database):
                require_tables(self._database, _NAMES)
                require_size(self._database, "request", "content")
                rows = self._database.execute(
                    f"SELECT number, made, telecommands, content FROM request {which}", values
                ).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error
        return [
            Entry(number, str(made), int(count) if isinstance(count, int) else 0, _octets(content))
            for number, made, count, content in rows
        ]

    def close(self) -> None:
        """Lets go of it; closing twice is fine."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _meta(self) -> dict[str, str]:
        rows = self._database.execute("SELECT name, value FROM meta LIMIT ?", (_META_MAX,))
        return {str(name): str(value) for name, value in rows}


class ConsoleReader:
    """The requests of a folder, as mission control has them.

    Nothing about this database stops mission control. `trouble`: why it cannot be read just now; what stands
    in it waits, and each look tries anew. `losses`: what became of databases that were damaged.
    """

    def __init__(self, folder: Path, dictionary: str, taken: int) -> None:
        """Opens or makes the database, and sees to it that it has the dictionary of this build, and that no
        number up to `taken` is given again: a database may have been deleted, or come from an older copy.
        """
        self.path = folder / NAME
        self.trouble = ""
        self.losses: list[str] = []
        self._dictionary = dictionary
        self._version: int | None = None
        self._last = 0
        self._file: tuple[int, int] | None = None
        self._database: sqlite3.Connection | None = None
        self._try_to_open(taken, _PATIENCE_READER_S)

    def after(self, number: int) -> list[Request]:
        """The requests behind a number, in their order; the first of them if they are many octets. Costs one
        look at a counter when nothing has changed since all were read.
        """
        if (self._database is None or _file(self.path) != self._file) and not self._try_to_open(number, 0):
            return []
        assert self._database is not None
        try:
            found = self._read(self._database, number)
        except sqlite3.Error as error:
            self._wait(str(error))
            if _is_damage(error):
                self.close()
            if isinstance(error, DamagedError):  # opening it would not find that again
                with contextlib.suppress(OSError):
                    self._move_aside(str(error))
            return []
        self.trouble = ""
        return found

    def close(self) -> None:
        """Lets go of it; closing twice is fine."""
        if self._database is not None:
            self._database.close()
        self._database, self._version, self._last = None, None, 0

    def _read(self, database: sqlite3.Connection, number: int) -> list[Request]:
        (version,) = database.execute("PRAGMA data_version").fetchone()
        if version == self._version and number >= self._last:
            return []
        found: list[Request] = []
        octets, whole = 0, True
        with bounded(database, _LOOK_STEPS_MAX):
            require_tables(database, ("request",))
            rows = database.execute(_NEXT, (CONTENT_OCTETS_MAX, number, AT_A_TIME))
            for at, size, content in rows:
                if type(at) is not int:
                    raise DamagedError("a request's number is none")
                octets += size
                if found and octets > CONTENT_OCTETS_MAX:
                    whole = False
                    break
                found.append(Request(at, _octets(content) if size <= CONTENT_OCTETS_MAX else _TOO_LONG))
                self._last = at
            rows.close()
        if whole and len(found) < AT_A_TIME:
            self._version = version
        return found

    def _try_to_open(self, taken: int, patience_s: float) -> bool:
        """Opens the database, after moving it aside if it is damaged; whether it is open."""
        self.close()
        try:
            try:
                self._prepare(taken, patience_s)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._move_aside(str(error))
                self._prepare(taken, patience_s)
        except (StoreError, sqlite3.Error, OSError) as error:
            self._wait(str(error).removeprefix(f"{self.path}: "))
            self.close()
            return False
        self.trouble = ""
        return True

    def _prepare(self, taken: int, patience_s: float) -> None:
        """Raises StoreError or sqlite3.Error. Writes only what is not as it has to be: a console may hang."""
        require_files(self.path)
        uri = f"{self.path.absolute().as_uri()}?mode=rwc"
        self._database = database = _open(self.path, uri, patience_s)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        with bounded(database, _LOOK_STEPS_MAX):
            self._make_ours(database, taken)
        if (damage := database.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            raise DamagedError(damage)
        database.execute("PRAGMA query_only = ON")
        database.execute("PRAGMA busy_timeout = 100")
        self._file = _file(self.path)

    def _make_ours(self, database: sqlite3.Connection, taken: int) -> None:
        own = {"schema": str(SCHEMA), "dictionary": self._dictionary}
        has = tables(database, _NAMES)
        rows = database.execute("SELECT name, value FROM meta LIMIT ?", (_META_MAX,)) if "meta" in has else ()
        found = dict(rows)
        if (version := found.get("schema", own["schema"])) != own["schema"]:
            raise StoreError(f"{self.path}: version {version}; this one has {SCHEMA}")
        if len(has) < len(_NAMES):
            database.executescript(_TABLES)
        if found != own:
            database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", own.items())
        counted = "SELECT 1 FROM sqlite_sequence WHERE name = 'request' AND seq >= ?"
        if database.execute(counted, (taken,)).fetchone() is None:
            row = (taken,)
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM sqlite_sequence WHERE name = 'request'")
            database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('request', ?)", row)
            database.execute("COMMIT")

    def _move_aside(self, why: str) -> None:
        self.close()
        names = (self.path.with_name(f"{NAME}.damaged-{place}") for place in itertools.count(1))
        aside = next(name for name in names if not name.exists())
        self.path.rename(aside)
        with contextlib.suppress(FileNotFoundError):
            Path(f"{self.path}-wal").rename(f"{aside}-wal")
        Path(f"{self.path}-shm").unlink(missing_ok=True)
        again = "what was asked for there and not taken has to be asked for again"
        self.losses.append(f"{self.path}: damaged ({why}), moved aside to {aside.name}; {again}")

    def _wait(self, why: str) -> None:
        self.trouble = f"{self.path}: {why}; what is asked for there waits"


def _is_damage(error: sqlite3.Error) -> bool:
    codes = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, DamagedError) or (getattr(error, "sqlite_errorcode", 0) & 0xFF) in codes


def _file(path: Path) -> tuple[int, int] | None:
    """Which file stands there: another one may have been put in its place."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _open(path: Path, uri: str, patience_s: float) -> sqlite3.Connection:
    try:
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=patience_s)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


def _octets(content: object) -> bytes:
    return content if isinstance(content, bytes) else b""
