"""Documents in a folder that others may have changed: read whole, or refused by the name of the file."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from safehold.errors import FolderError

DAMAGED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading raises for what is none of ours."""


@contextlib.contextmanager
def reading(path: Path, part: str = "") -> Iterator[None]:
    """While a file, or what came of it, is read: FolderError, which names it, for whatever is wrong there."""
    where = f"{path}: {part}" if part else f"{path}"
    try:
        yield
    except OSError as error:
        raise FolderError("SH-OUT-003", f"{where} cannot be read: {error.strerror or error}") from None
    except DAMAGED as error:
        raise FolderError("SH-OUT-003", f"{where} cannot be read: {said(error)}") from None


def said(error: Exception) -> str:
    """What one of DAMAGED says, for people."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return str(error) or type(error).__name__


def open_file(path: Path) -> BinaryIO:
    """A file, for reading; raises OSError, also for what is none: opening a pipe would wait for a writer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is no file")
    return os.fdopen(descriptor, "rb")


def require_file(path: Path) -> None:
    """Raises FolderError unless there is a file that can be read."""
    with reading(path), open_file(path):
        pass


def read_text(path: Path) -> str:
    """A file as text; raises FolderError."""
    with reading(path), open_file(path) as file:
        return file.read().decode("utf-8")


def read_object(path: Path) -> dict[str, Any]:
    """A JSON document, which is an object; raises FolderError."""
    text = read_text(path)
    with reading(path):
        return object_of(text)


def read_toml(path: Path, text: str) -> dict[str, Any]:
    """The TOML of a file whose text was read; raises FolderError."""
    with reading(path):
        return tomllib.loads(text)


def object_of(text: str) -> dict[str, Any]:
    """The object that a JSON text is; raises ValueError."""
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError(said(error)) from None
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document
