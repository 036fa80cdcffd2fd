"""A campaign's folder: what it belongs to, its results, and the lock that keeps a second flight out.

identity.json    the campaign, its seed and number of runs, the code, how it is flown
campaign.toml    the campaign's definition
manifest.jsonl   a line a run: index, key, labels
results/         a record a run, by key (`store`)
references/      fault-free runs to fork from, by their key
checks.jsonl     a line for each run flown twice or flown on, and what was found
crashed.jsonl    a line for each run whose worker died every time, or that cannot be flown as drawn
costs.jsonl      wall times; the only file besides the log in which two flights of a campaign differ
scenarios/       a scenario file for each failed run
runs/            the whole folder of some runs, on request
campaign.json    the campaign's result; it says itself whether anything is left to do (`complete`)
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

from safehold.campaign.store import Store, write_whole
from safehold.errors import EngineError, FolderError

FOLDER_SCHEMA = 1

_locks: set[IO[str]] = set()


def _let_go() -> None:
    """In a process that was just forked: the locks stay with the parent, and end with it."""
    while _locks:
        _locks.pop().close()


os.register_at_fork(after_in_child=_let_go)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a folder belongs to. Two folders whose `campaign` parts are equal can be put together."""

    name: str
    sha256: str
    seed: int
    runs: int
    code_id: str
    fork: bool
    early_stop: bool
    part: str = "1/1"

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"schema": FOLDER_SCHEMA, **asdict(self)}

    @classmethod
    def read(cls, folder: Path) -> Identity | None:
        """A folder's identity; None if it has none. Raises FolderError for one that makes no sense."""
        path = folder / "identity.json"
        try:
            document = json.loads(path.read_bytes())
            if document.pop("schema") != FOLDER_SCHEMA:
                raise ValueError("it has another schema")
            found = cls(**document)
            for one in fields(cls):
                value = getattr(found, one.name)
                if type(value).__name__ != one.type:
                    raise ValueError(f"{one.name} is {value!r:.60}; it must be of type {one.type}")
            return found
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise FolderError("SH-OUT-003", f"{path} cannot be read: {error}") from None
        except RecursionError:
            raise FolderError("SH-OUT-003", f"{path} is nested too deep to be an identity") from None

    def refuse(self, other: Identity, where: Path) -> None:
        """Raise EngineError if a folder of `other` holds another campaign or another code's results."""
        if other.code_id != self.code_id:
            raise EngineError(
                "SH-ENG-002",
                f"{where} was flown by code {other.code_id[:12]}, this is {self.code_id[:12]}; only the same "
                "code, libraries and processor give the same bits: choose another --out",
            )
        for what, theirs, ours in (
            ("the campaign", other.name, self.name),
            ("seed", other.seed, self.seed),
            ("number of runs:", other.runs, self.runs),
            ("definition of the campaign:", other.sha256[:12], self.sha256[:12]),
            ("--no-fork:", not other.fork, not self.fork),
            ("--no-early-stop:", not other.early_stop, not self.early_stop),
        ):
            if theirs != ours:
                raise EngineError(
                    "SH-ENG-001", f"{where} belongs to another campaign: {what} {theirs}, this is {ours}"
                )


class CampaignFolder:
    """A campaign's folder, opened and locked for flying. Use it in a `with` block."""

    def __init__(self, path: Path, identity: Identity, definition: str) -> None:
        """Open a folder or make it. Raises EngineError if it belongs to another campaign or is in use."""
        self.path, self.identity = path, identity
        self.store = Store(path)
        self.check(path, identity)
        try:
            (path / "references").mkdir(parents=True, exist_ok=True)
            self._lock = (path / ".lock").open("a")
        except OSError as error:
            raise FolderError(
                "SH-OUT-001", f"{path} cannot be written: {error.strerror or error}; choose another --out"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise EngineError("SH-ENG-003", f"{path} is being flown by another process") from None
        _locks.add(self._lock)
        self.write("identity.json", _lines(identity.document()))
        self.write("campaign.toml", definition.encode())
        (path / "campaign.json").unlink(missing_ok=True)
        self._logs: dict[str, IO[str]] = {}

    @staticmethod
    def check(path: Path, identity: Identity) -> None:
        """Raise EngineError or FolderError if a campaign cannot be flown into this folder; make nothing."""
        present = Identity.read(path)
        if present is not None:
            identity.refuse(present, path)
        elif path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FolderError(
                "SH-OUT-002", f"{path} holds something that is no campaign; choose another --out"
            )

    def __enter__(self) -> CampaignFolder:
        return self

    def __exit__(self, *_: object) -> None:
        for log in self._logs.values():
            with suppress(OSError):  # said before, by `log` or `flush`
                log.close()
        _locks.discard(self._lock)
        self._lock.close()

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the folder whole."""
        write_whole(self.path / name, data)

    def start_log(self, name: str) -> None:
        """Begin a file of lines anew."""
        with self._writing(name):
            self._log(name).truncate(0)

    def log(self, name: str, document: Mapping[str, Any]) -> None:
        """Add a line to one of the files of lines."""
        with self._writing(name):
            self._log(name).write(json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n")

    def end_log(self, name: str, data: bytes) -> None:
        """Replace one of the files of lines by its final content."""
        log = self._logs.pop(name, None)
        if log is not None:
            log.close()
        self.write(name, data)

    def flush(self) -> None:
        """Hand all lines to the system."""
        for name, log in self._logs.items():
            with self._writing(name):
                log.flush()

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """A full disk is an error of the folder, not of safehold."""
        try:
            yield
        except OSError as error:
            wrong = f"{self.path / name} cannot be written: {error.strerror or error}"
            raise FolderError("SH-OUT-001", wrong) from None

    def _log(self, name: str) -> IO[str]:
        if name not in self._logs:
            self._logs[name] = (self.path / name).open("a", encoding="utf-8")
        return self._logs[name]


@dataclass(frozen=True, slots=True)
class References:
    """Reads the references of a campaign's folder, in any process that sees the folder."""

    folder: Path

    def __call__(self, key: str) -> bytes:
        """A reference's bytes; raises FileNotFoundError."""
        return (self.folder / reference_name(key)).read_bytes()


def choose_folder(out: Path | None, identity: Identity, parent: Path) -> Path:
    """`out`; or the campaign's unfinished folder below `parent`, so that the same command resumes; or a new
    one.
    """
    if out is not None:
        return out
    number = 1
    while (place := parent / f"campaign-{identity.name}-{number}").exists():
        if Identity.read(place) == identity and not is_complete(place):
            return place
        number += 1
    return place


def is_complete(folder: Path) -> bool:
    """Whether a folder's campaign.json says that nothing is left to do: no run missing or crashed, no check.

    It has a line for each key, sorted, so that the runs, which may be many, need not be read.
    """
    try:
        with (folder / "campaign.json").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith('"complete":'):
                    return line.removeprefix('"complete":').strip() == "true,"
    except FileNotFoundError:
        pass
    return False


def _lines(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()


def link_or_copy(source: Path, data: bytes, target: Path) -> None:
    """Let `target` hold `data`, sharing the file `source` where the file system can."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
    except OSError:
        write_whole(target, data)


def scenario_name(index: int) -> str:
    """Where a run's scenario is left, below the campaign's folder."""
    return f"scenarios/{index:06d}.toml"


def reference_name(key: str) -> str:
    """Where a reference is kept, below the campaign's folder."""
    return f"references/{key}.bin"
