"""Results by content: a run's record is a file named by everything that the record depends on.

The key is the SHA-256 of the code's identity, the resolved scenario with its seed, and the way of flying that
shows in the record. So a result that is there need not be flown again, folders of several machines can be
put together, and two different records under one key are a proof of nondeterminism.

A record is canonical JSON on one line: keys sorted, no wall time, no host. Its last entry, `sha256`, is the
hash of the line without that entry; a file that was cut off or altered is recognised and set aside.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safehold.campaign.whole_file import name_beside
from safehold.dump import to_toml
from safehold.errors import FolderError
from safehold.schema import Scenario

RECORD_SCHEMA = 1
# How a run is flown. Each way shows in the record's `stop`, so each has keys of its own.
DIRECT, FORK, FORK_AND_STOP = "direct", "fork", "fork-and-stop"
WAYS = (DIRECT, FORK, FORK_AND_STOP)

_LEFT_OUT = ("timing",)
_SEAL = ',"sha256":"'


class DamagedError(ValueError):
    """A result's file does not hold the record that its name promises."""


def run_key(scenario: Scenario, code_id: str, way: str = DIRECT) -> str:
    """The 64 hexadecimal digits that name the result of a scenario flown in one of the `WAYS`."""
    text = f"record {RECORD_SCHEMA}\ncode {code_id}\nflown {way}\n{to_toml(scenario)}"
    return hashlib.sha256(text.encode()).hexdigest()


def impossible_key(campaign_sha256: str, index: int) -> str:
    """The name in the manifest of a run that has no scenario, since what was drawn cannot be flown."""
    return hashlib.sha256(f"impossible\n{campaign_sha256}\n{index}".encode()).hexdigest()


def make_record(key: str, document: Mapping[str, Any], ticks: int) -> bytes:
    """The file's content for a run's document; without a `stop` of its own it has flown all `ticks`."""
    body = {name: value for name, value in document.items() if name not in _LEFT_OUT}
    body.setdefault(
        "stop", {"kind": "end", "at_s": body["sim_seconds"], "forked_at_s": None, "ticks_flown": ticks}
    )
    body |= {"schema": RECORD_SCHEMA, "key": key}
    return seal(body)


def seal(body: Mapping[str, Any]) -> bytes:
    """Canonical JSON with its own hash as the last entry."""
    plain = {name: value for name, value in body.items() if name != "sha256"}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f'{text[:-1]}{_SEAL}{hashlib.sha256(text.encode()).hexdigest()}"}}\n'.encode()


def open_record(data: bytes, key: str) -> dict[str, Any]:
    """A record's content; raises DamagedError if it is not whole or not the one of this key."""
    head, seal_found, tail = data.rpartition(_SEAL.encode())
    if not seal_found or len(tail) != 67 or tail[64:] != b'"}\n':
        raise DamagedError("the file has no seal at its end")
    if hashlib.sha256(head + b"}").hexdigest().encode() != tail[:64]:
        raise DamagedError("the file's content does not fit its hash")
    try:
        record: dict[str, Any] = json.loads(data)
    except (ValueError, RecursionError):
        raise DamagedError("the file is not JSON, whoever sealed it") from None
    if record.get("key") != key or record.get("schema") != RECORD_SCHEMA:
        raise DamagedError("the file holds the record of another run or schema")
    return record


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of records, `results/<first two digits>/<key>.json`. Several processes may share one."""

    root: Path

    def path(self, key: str) -> Path:
        """Where the record of a key is."""
        return self.root / "results" / key[:2] / f"{key}.json"

    def read(self, key: str) -> tuple[bytes, dict[str, Any]] | None:
        """A record's bytes and content; None if there is none. Raises DamagedError, FolderError."""
        path = self.path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FolderError("SH-OUT-003", f"{path} cannot be read: {error.strerror or error}") from None
        return data, open_record(data, key)

    def write(self, key: str, data: bytes) -> None:
        """Write a record; readers see all of it or none."""
        write_whole(self.path(key), data)

    def set_aside(self, key: str) -> Path | None:
        """Move a damaged file out of the way, for people to look at; returns where it is now, or None if
        it is gone already: another process has been faster. Raises FolderError.
        """
        folder = self.root / "damaged"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            number = 1
            while (place := folder / f"{key}-{number}.json").exists():
                number += 1
            os.replace(self.path(key), place)
        except FileNotFoundError:
            return None
        except OSError as error:
            wrong = f"{self.path(key)} is damaged and cannot be moved to {folder}: {error.strerror or error}"
            raise FolderError("SH-OUT-001", wrong) from None
        return place


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name and move it into its place. Raises FolderError."""
    temporary = name_beside(path)
    try:
        try:
            temporary.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise FolderError("SH-OUT-001", f"{path} cannot be written: {error.strerror or error}") from None
