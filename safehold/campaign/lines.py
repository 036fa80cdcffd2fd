"""Files of JSON lines, as a campaign's folder has several: read a line at a time, whatever is in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safehold.documents import object_of, open_file
from safehold.errors import FolderError


def read_lines(
    path: Path, *, needed: bool = False, unfit: list[str] | None = None
) -> Iterator[dict[str, Any]]:
    """The documents of a .jsonl file, one at a time; none if it is not there. Raises FolderError.

    needed: whether it has to be there. unfit: takes what is wrong with each line that cannot be read, as the
    last one of a file whose writer was ended; without it such a line is an error.
    """
    try:
        with open_file(path) as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    document = _document(line)
                except ValueError as error:
                    wrong = f"{path}, line {number}: {error}"
                    if unfit is None:
                        raise FolderError("SH-OUT-003", wrong) from None
                    unfit.append(wrong)
                else:
                    yield document
    except FileNotFoundError as error:
        if needed:
            raise FolderError("SH-OUT-003", f"{path.parent} holds no campaign: {error.strerror}") from None
    except OSError as error:
        raise FolderError("SH-OUT-003", f"{path} cannot be read: {error.strerror or error}") from None


def _document(line: bytes) -> dict[str, Any]:
    """A line's object; raises ValueError."""
    try:
        return object_of(line.decode())
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
