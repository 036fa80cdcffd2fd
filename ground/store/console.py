"""What people ask of a mission control: a SQLite database (WAL) beside its own, in the folder that it keeps.

    console.sqlite    request (number, made, telecommands, content), meta (name, value)

Consoles (`safehold command`) only add to it, mission control only reads it. What it has taken stands in its
own database, in the transaction that enters the telecommands into its queue; so a request is taken once,
whatever moment either is killed at, and a console that hangs with this database locked holds up nobody but
other consoles. Numbers rise in the order in which requests were committed, and none is given twice.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ground.store import Request, StoreError

NAME = "console.sqlite"
CONTENT_OCTETS_MAX = 1 << 20
"""Of one request, and of what is read at a time, but for the first of it."""
AT_A_TIME = 256
"""Requests that are read at once."""
SCHEMA = 1
_PATIENCE_S = 5.0
"""How long a console waits for another one."""
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
        self._database = _open(self.path, f"{self.path.absolute().as_uri()}?mode=rw", _PATIENCE_S)
        try:
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
        cursor = self._database.execute(
            "INSERT INTO request (made, telecommands, content) VALUES (?, ?, ?)", row
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def entries(self) -> list[Entry]:
        """All requests in their order; raises StoreError."""
        try:
            rows = self._database.execute(
                "SELECT number, made, telecommands, content FROM request ORDER BY number"
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
        return {str(name): str(value) for name, value in self._database.execute("SELECT * FROM meta")}


class ConsoleReader:
    """The requests of a folder, as mission control has them. `trouble`: why they could not be read just now;
    they wait until they can, and mission control goes on without.
    """

    def __init__(self, folder: Path, dictionary: str) -> None:
        """Opens or makes the database, and notes the dictionary of this build in it; raises StoreError."""
        self.path = folder / NAME
        self.trouble = ""
        self._version: int | None = None
        self._last = 0
        self._database = _open(self.path, f"{self.path.absolute().as_uri()}?mode=rwc", _PATIENCE_S)
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            if (damage := self._database.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
                raise StoreError(f"{self.path}: damaged ({damage})")
            self._database.executescript(_TABLES)
            own = [("schema", str(SCHEMA)), ("dictionary", dictionary)]
            self._database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", own)
            self._database.execute("PRAGMA query_only = ON")
            self._database.execute("PRAGMA busy_timeout = 100")
        except sqlite3.Error as error:
            self.close()
            raise StoreError(f"{self.path}: {error}") from error
        except StoreError:
            self.close()
            raise

    def after(self, number: int) -> list[Request]:
        """The requests behind a number, in their order; the first of them if they are many octets. Costs one
        look at a counter when nothing has changed since all were read.
        """
        try:
            (version,) = self._database.execute("PRAGMA data_version").fetchone()
            if version == self._version and number >= self._last:
                return []
            found: list[Request] = []
            octets, whole = 0, True
            rows = self._database.execute(
                "SELECT number, content FROM request WHERE number > ? ORDER BY number LIMIT ?",
                (number, AT_A_TIME),
            )
            for at, content in rows:
                octets += len(_octets(content))
                if found and octets > CONTENT_OCTETS_MAX:
                    whole = False
                    break
                found.append(Request(at, _octets(content)[: CONTENT_OCTETS_MAX + 1]))
                self._last = at
            rows.close()
            if whole and len(found) < AT_A_TIME:
                self._version = version
        except sqlite3.Error as error:
            self.trouble = f"{self.path}: {error}; what is asked for there waits"
            return []
        self.trouble = ""
        return found

    def close(self) -> None:
        """Lets go of it; closing twice is fine."""
        self._database.close()


def _open(path: Path, uri: str, patience_s: float) -> sqlite3.Connection:
    try:
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=patience_s)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


def _octets(content: object) -> bytes:
    return content if isinstance(content, bytes) else b""
