"""Text files that are there whole or not at all, written a piece at a time."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import IO

from safehold.errors import FolderError


def name_beside(path: Path) -> Path:
    """A name to write a file under before it is moved into its place. No two writers have the same, be they
    on different hosts that share the folder, where process numbers repeat.
    """
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


class Whole:
    """A text file that appears when its `with` block ends well, and not before. Raises FolderError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = name_beside(path)

    def __enter__(self) -> IO[str]:
        try:
            self._file = self._temporary.open("w", encoding="utf-8", newline="\n")
        except OSError as error:
            raise self._error(error) from None
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._file.close()
            if kind is None:
                os.replace(self._temporary, self._path)
        except OSError as error:
            raise self._error(error) from None
        finally:
            self._temporary.unlink(missing_ok=True)

    def _error(self, error: OSError) -> FolderError:
        return FolderError("SH-OUT-001", f"{self._path} cannot be written: {error.strerror or error}")
