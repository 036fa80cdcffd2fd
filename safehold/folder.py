"""A run's folder: written under a temporary name beside its place and renamed when it is whole.

So a reader sees either nothing or a complete folder, and bad input leaves nothing behind. An interrupted run
leaves a complete folder too, marked `complete: false` in its result.json.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from safehold import documents
from safehold.errors import FolderError

DEFAULT_PARENT = "runs"


class FolderWriter:
    """Writes a run's files; `commit()` moves the folder into its place, leaving the block without it removes
    all.
    """

    def __init__(self, place: Path | None, name: str) -> None:
        """`place` None: the first free `runs/NAME-N`."""
        self._made: list[Path] = []
        self.place = place if place is not None else _free_place(Path(DEFAULT_PARENT), name)
        if self.place.exists() and (not self.place.is_dir() or any(self.place.iterdir())):
            raise FolderError("SH-OUT-002", f"{self.place} already holds something; choose another --out")
        parent = self.place.absolute().parent
        try:
            self._make_parents(parent)
            self.path = Path(tempfile.mkdtemp(prefix=f".{self.place.name}.", dir=parent))
            # mkdtemp makes it private; a run's folder is as readable as any other.
            self.path.chmod(0o777 & ~_umask())
            if self.place.exists():
                probe = tempfile.mkdtemp(dir=self.place)
                os.rmdir(probe)
        except OSError as error:
            self._remove()
            raise FolderError(
                "SH-OUT-001",
                f"{self.place} cannot be written: {error.strerror or error}; choose another --out",
            ) from None
        self._committed = False

    def _make_parents(self, parent: Path) -> None:
        missing = []
        while not parent.exists():
            missing.append(parent)
            parent = parent.parent
        for folder in reversed(missing):
            folder.mkdir()
            self._made.append(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._committed:
            self._remove()

    def _remove(self) -> None:
        if hasattr(self, "path"):
            shutil.rmtree(self.path, ignore_errors=True)
        for folder in reversed(self._made):
            try:
                folder.rmdir()
            except OSError:
                break

    def write_text(self, name: str, text: str) -> None:
        """Write a text file."""
        self.write_bytes(name, text.encode("utf-8"))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file; a full disk is an error of the folder, not of safehold."""
        try:
            (self.path / name).write_bytes(content)
        except OSError as error:
            raise FolderError(
                "SH-OUT-001", f"{self.place / name} cannot be written: {error.strerror}"
            ) from None

    def write_file(self, name: str, write: Callable[[Path], None]) -> None:
        """Let something write a file, at the path that it is given."""
        try:
            write(self.path / name)
        except OSError as error:
            raise FolderError(
                "SH-OUT-001", f"{self.place / name} cannot be written: {error.strerror}"
            ) from None

    def write_json(self, name: str, document: Any) -> None:
        """Write a JSON document; NaN is refused."""
        self.write_text(name, json.dumps(document, indent=2, allow_nan=False) + "\n")

    def write_json_lines(self, name: str, documents: Iterable[Any]) -> None:
        """Write a JSON document a line."""
        lines = [
            json.dumps(document, allow_nan=False, separators=(",", ":")) + "\n" for document in documents
        ]
        self.write_text(name, "".join(lines))

    def commit(self) -> Path:
        """Move the folder into its place."""
        try:
            os.replace(self.path, self.place)
        except OSError as error:
            raise FolderError("SH-OUT-001", f"{self.place} cannot be written: {error.strerror}") from None
        self._committed = True
        return self.place


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _free_place(parent: Path, name: str) -> Path:
    number = 1
    while (parent / f"{name}-{number}").exists():
        number += 1
    return parent / f"{name}-{number}"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A finished run's folder, for reading."""

    path: Path
    result: dict[str, Any]
    scenario_text: str

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open a run's folder; raises FolderError if it is none."""
        with documents.reading(path):
            there = "" if path.is_dir() else "is no folder" if path.exists() else "is not there"
        if there:
            raise FolderError("SH-OUT-003", f"{path} {there}; give the folder of a run")
        for name in ("result.json", "scenario.toml"):
            if not (path / name).exists():
                raise FolderError("SH-OUT-003", f"{path} holds no run: it has no {name}")
        try:
            result = documents.read_object(path / "result.json")
            scenario_text = documents.read_text(path / "scenario.toml")
        except FolderError as error:
            raise FolderError(error.id, f"{path} holds no run that can be read: {error.text}") from None
        return cls(path, result, scenario_text)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The objects of a list of result.json, none if it has no such list; raises FolderError."""
        found = self.result.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise FolderError("SH-OUT-003", f"{self.path / 'result.json'}: {name} is no list of objects")
        return found

    def events(self) -> list[dict[str, Any]]:
        """The lines of events.jsonl."""
        return self._lines("events.jsonl")

    def reports(self) -> list[dict[str, Any]]:
        """The lines of reports.jsonl: answers of services; none in a run of an earlier version."""
        return self._lines("reports.jsonl") if (self.path / "reports.jsonl").exists() else []

    def _lines(self, name: str) -> list[dict[str, Any]]:
        rows = []
        with documents.reading(self.path / name), documents.open_file(self.path / name) as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    rows += [documents.object_of(line.decode("utf-8"))] if line.strip() else []
                except ValueError as error:
                    raise ValueError(f"line {number}: {documents.said(error)}") from None
        return rows
