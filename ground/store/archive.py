"""The store in a folder: a frame journal, and a SQLite database (WAL) with the command queue and the state.

lock              held while a process has the folder
frames.journal    ground.store.journal
queue.sqlite      command (number, row), piece (name, value), reserved (key, below), meta
console.sqlite    ground.store.console
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from flight.dictionary import SHA256
from flight.frames import Delivery
from ground.store import Request, Saved, StoreError
from ground.store.console import ConsoleReader
from ground.store.database import bounded, require_file, require_files, require_size, require_tables, tables
from ground.store.journal import Journal

SCHEMA = 2
JOURNAL, DATABASE = "frames.journal", "queue.sqlite"
_NAMES = ("meta", "command", "piece", "reserved")
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command (number INTEGER PRIMARY KEY, row BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS piece (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reserved (key INTEGER PRIMARY KEY, below TEXT NOT NULL);
"""


def look_into(folder: Path) -> Saved | None:
    """What the store in a folder holds, which a process may have just now; nothing of it is changed. None if
    nothing is kept yet. Raises StoreError if it cannot be read, is of another version, or no store of ours.
    """
    path = folder / DATABASE
    require_files(path)
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            with bounded(database):
                require_tables(database, _NAMES)
                _check_version(database, path)
            return _saved(database, path)
        finally:
            database.close()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


def _saved(database: sqlite3.Connection, path: Path) -> Saved | None:
    try:
        database.execute("BEGIN")  # one moment's state, whatever another process commits meanwhile
        try:
            with bounded(database):
                require_tables(database, _NAMES)
                for table, column in (("piece", "value"), ("command", "row"), ("reserved", "below")):
                    require_size(database, table, column)
                pieces = dict(database.execute("SELECT name, value FROM piece"))
                commands = dict(database.execute("SELECT number, row FROM command"))
                rows = database.execute("SELECT key, below FROM reserved")
                reserved = {key: int(below) for key, below in rows}
        finally:
            database.execute("ROLLBACK")
    except (sqlite3.Error, ValueError) as error:
        raise StoreError(f"{path}: {error}") from error
    return Saved(pieces, commands, reserved) if pieces or reserved else None


def _taken(database: sqlite3.Connection) -> int:
    """The number of the last request that was taken; 0 where the state says nothing that can be read."""
    found = database.execute("SELECT value FROM piece WHERE name = 'console'").fetchone()
    try:
        taken = json.loads(found[0])["taken"] if found else 0
    except (LookupError, RecursionError, TypeError, ValueError):
        return 0
    return taken if type(taken) is int and 0 <= taken < 1 << 63 else 0


def _check_version(database: sqlite3.Connection, path: Path) -> None:
    found = database.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    if found is None or found[0] != SCHEMA:
        version = "none" if found is None else found[0]
        raise StoreError(f"{path}: version {version} of the archive; this one reads {SCHEMA}")


def _octets(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _forgotten(folder: Path) -> str:
    """What to do about frames without a state. It is made before the first frame comes, so it was lost, and
    with it which counters were used: beginning anew would seal other telecommands with the same ones.
    """
    return (
        f"{folder / DATABASE}: missing or empty, though {JOURNAL} has frames: it is not known any more which "
        "counters of the telecommand key were used; restore it, or begin with an empty folder and a new key"
    )


class ArchiveStore:
    """The folder of one mission control; only one process has it at a time."""

    def __init__(self, folder: Path) -> None:
        """Opens or makes it.

        Raises StoreError if another process has it, if it is of another version or damaged, or if the system
        does not let it.
        """
        self.folder = folder
        self._lock = -1
        self._journal: Journal | None = None
        self._database: sqlite3.Connection | None = None
        self._console: ConsoleReader | None = None
        self._trouble = ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            require_file(folder / JOURNAL)
            has_frames = _octets(folder / JOURNAL) > 0
            if has_frames and not _octets(folder / DATABASE):
                raise StoreError(_forgotten(folder))
            self._journal = Journal(folder / JOURNAL)
            self._database = self._open_database(folder / DATABASE, has_frames=has_frames)
            self._console = ConsoleReader(folder, SHA256, _taken(self._database))
            self._tell(self._console)
        except OSError as error:
            self.close()
            raise StoreError(f"{folder}: {error.strerror}") from error
        except sqlite3.Error as error:
            self.close()
            raise StoreError(f"{folder / DATABASE}: {error}") from error
        except StoreError:
            self.close()
            raise

    def load(self) -> Saved | None:
        """What is kept; None if nothing is yet."""
        return _saved(self._connected(), self.folder / DATABASE)

    def journal(self, deliveries: Sequence[Delivery]) -> None:
        """Appends frames that have arrived."""
        if self._journal is None:
            raise StoreError(f"{self.folder}: closed")
        self._journal.append(deliveries)

    def commit(self, pieces: Mapping[str, bytes | None], commands: Mapping[int, bytes | None]) -> None:
        """Replaces these parts of the state and these commands, all or nothing."""
        parts = [(name, value) for name, value in pieces.items() if value is not None]
        parts_gone = [(name,) for name, value in pieces.items() if value is None]
        kept = [(number, row) for number, row in commands.items() if row is not None]
        gone = [(number,) for number, row in commands.items() if row is None]

        def write(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR REPLACE INTO piece VALUES (?, ?)", parts)
            database.executemany("DELETE FROM piece WHERE name = ?", parts_gone)
            database.executemany("INSERT OR REPLACE INTO command VALUES (?, ?)", kept)
            database.executemany("DELETE FROM command WHERE number = ?", gone)

        self._transact(write)

    def reserve(self, key_id: int, below: int) -> None:
        """The counters of a key are used below this number."""
        row = (key_id, str(below))  # beyond what an INTEGER of SQLite holds
        self._transact(
            lambda database: database.execute("INSERT OR REPLACE INTO reserved VALUES (?, ?)", row)
        )

    def requests(self, after: int) -> list[Request]:
        """What consoles have asked for behind a number, in order; nothing if it cannot be read just now."""
        if self._console is None:
            raise StoreError(f"{self.folder}: closed")
        found = self._console.after(after)
        self._tell(self._console)
        return found

    def close(self) -> None:
        """Lets go of the folder; closing twice is fine."""
        if self._console is not None:
            self._console.close()
            self._console = None
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _tell(self, console: ConsoleReader) -> None:
        """Says what is new about the consoles' database, once."""
        news, console.losses = console.losses, []
        if console.trouble and console.trouble != self._trouble:
            news.append(console.trouble)
        self._trouble = console.trouble
        for line in news:
            print(f"safehold ground: {line}", file=sys.stderr, flush=True)

    def _take_lock(self) -> None:
        path = self.folder / "lock"
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock, 32).decode("ascii", "replace").strip() or "unknown"
            raise StoreError(
                f"{self.folder}: another mission control (process {holder}) has this archive; "
                "stop it, or name another folder"
            ) from None
        os.ftruncate(self._lock, 0)
        os.write(self._lock, f"{os.getpid()}\n".encode("ascii"))

    def _open_database(self, path: Path, *, has_frames: bool) -> sqlite3.Connection:
        require_files(path)
        database = sqlite3.connect(path, isolation_level=None)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            if (damage := database.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
                raise StoreError(f"{path}: damaged ({damage})")
            with bounded(database):
                if has_frames and not tables(database, _NAMES):
                    raise StoreError(_forgotten(path.parent))
                database.executescript(_TABLES)
                require_tables(database, _NAMES)
                database.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (SCHEMA,))
                _check_version(database, path)
        except BaseException:
            database.close()
            raise
        return database

    def _connected(self) -> sqlite3.Connection:
        if self._database is None:
            raise StoreError(f"{self.folder}: closed")
        return self._database

    def _transact(self, write: Callable[[sqlite3.Connection], object]) -> None:
        database = self._connected()
        try:
            database.execute("BEGIN IMMEDIATE")
            try:
                write(database)
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(f"{self.folder / DATABASE}: {error}; nothing of it was kept") from error
