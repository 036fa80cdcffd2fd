"""Read an input file: TOML text to a tree, and pydantic's errors to problems that a reader can act on.

Scenarios and campaigns are read alike: the same limits, the same words, ids with the same numbers
(`SH-SCN-005` and `SH-CMP-005` are both an unknown key).
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from safehold.errors import Problem, ProblemsError
from safehold.near import listing, suggestion

LARGEST_FILE = 1 << 20
PROBLEMS_SHOWN = 20
DEEPEST = 32
# The standard library's reader takes time and memory that grow with the square of a key's parts.
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_DEEP_KEY = re.compile(rf"(?<![A-Za-z0-9_-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{DEEPEST},}}")


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of input file: what it is called, what its ids begin with, its error, and its keys."""

    noun: str
    ids: str
    error: type[ProblemsError]
    model: type[BaseModel]

    def refusal(self, label: str, number: int, text: str) -> ProblemsError:
        """The error with one problem of the file as a whole."""
        return self.error(label, [Problem(f"{self.ids}-{number:03d}", text)])


def find(name: str | Path, folder: Path, format: Format) -> Path:
    """The file of a built-in name, one of a folder's .toml files, or the path itself."""
    text = str(name)
    if isinstance(name, Path) or "/" in text or "\\" in text or text.endswith(".toml"):
        return Path(text)
    names = built_in(folder)
    if text in names:
        return folder / f"{text}.toml"
    hint = suggestion(text, names) or f"; there are {listing(names)}, or give the path of a .toml file"
    raise format.refusal(text[:80], 1, f"no built-in {format.noun} has this name{hint}")


def built_in(folder: Path) -> list[str]:
    """Names of a folder's .toml files, in alphabetical order."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def read_text(path: Path, format: Format) -> str:
    """A file's text; never more of it is read than a file may have."""
    try:
        if path.is_dir():
            raise format.refusal(str(path), 1, "is a folder; give a .toml file")
        if path.exists() and not path.is_file():  # a pipe would never end
            raise format.refusal(str(path), 1, "is no regular file")
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        reason = getattr(error, "strerror", None) or error
        raise format.refusal(str(path), 1, f"cannot be read: {reason}") from None
    if len(content) > LARGEST_FILE:
        raise format.refusal(str(path), 4, f"is larger than 1 MiB, the most a {format.noun} may be")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise format.refusal(str(path), 2, f"is not UTF-8 text (byte {error.start})") from None


def read_toml(text: str, label: str, format: Format) -> dict[str, Any]:
    """The tree of a TOML text, nested no deeper than any file of ours has to be."""
    if _DEEP_KEY.search(text):
        raise format.refusal(label, 2, f"has a key of more than {DEEPEST} parts")
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        repeated = any(words in message for words in ("Cannot overwrite", "Cannot declare", "Duplicate"))
        what = "a key or table is given twice" if repeated else "is not valid TOML"
        raise format.refusal(label, 3 if repeated else 2, f"{what}: {message}") from None
    except RecursionError:
        raise format.refusal(label, 2, "is nested too deeply") from None
    except ValueError as error:  # a number of more digits than Python reads
        raise format.refusal(label, 2, f"is not valid TOML: {error}") from None
    if not _is_shallow(tree):
        raise format.refusal(label, 2, "is nested too deeply")
    return tree


def _is_shallow(tree: object) -> bool:
    level = [tree]
    for _ in range(DEEPEST):
        inner: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
        if not inner:
            return True
        level = inner
    return False


def problems_of(details: Sequence[ErrorDetails], format: Format) -> list[Problem]:
    """One problem a key, in the order of the file's model; the first few if there are many."""
    found: dict[str, ErrorDetails] = {}
    for detail in details:
        found.setdefault(key_text(_known_path(detail["loc"], format.model)), detail)
    problems = [
        _problem(detail, key, format) for key, detail in itertools.islice(found.items(), PROBLEMS_SHOWN + 1)
    ]
    if len(problems) > PROBLEMS_SHOWN:
        rest = len(found) - PROBLEMS_SHOWN
        problems[PROBLEMS_SHOWN] = Problem(problems[PROBLEMS_SHOWN].id, f"and {rest} more problems")
    return problems


def _problem(detail: ErrorDetails, key: str, format: Format) -> Problem:
    kind, value = detail["type"], detail.get("input")
    text, ids = shown(value), format.ids
    if kind.startswith("SH-SCN-"):
        return Problem(f"{ids}-{kind[-3:]}", detail["msg"], key)
    if kind == "extra_forbidden":
        word = str(detail["loc"][-1])
        keys = _keys_at(detail["loc"][:-1], format.model)
        hint = suggestion(word, keys) or f"; the keys here are {listing(keys, 30)}"
        return Problem(f"{ids}-005", f"unknown key{hint}", key)
    if kind == "missing":
        return Problem(f"{ids}-006", "is missing and has no default", key)
    if kind == "finite_number":
        return Problem(f"{ids}-009", f"is {text}; it must be a finite number", key)
    if kind == "literal_error":
        expected = detail.get("ctx", {}).get("expected", "")
        hint = suggestion(str(value), [word.strip("' ") for word in expected.replace(" or ", ",").split(",")])
        return Problem(f"{ids}-011", f"is {text}; it must be {expected}{hint}", key)
    if kind.endswith(("_type", "_parsing", "_from_float")) or kind in (
        "is_instance_of",
        "model_attributes_type",
    ):
        return Problem(f"{ids}-007", f"is {text}; {_lower(detail['msg'])}", key)
    return Problem(f"{ids}-008", f"is {text}; {_lower(detail['msg'])}", key)


def _lower(message: str) -> str:
    text = message.removeprefix("Input ").removeprefix("Value ")
    return text if text.startswith(("should", "must")) else f"should be right: {text}"


def shown(value: object) -> str:
    """A value for a message, cut short."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _known_path(location: Sequence[int | str], root: type[BaseModel]) -> list[int | str]:
    """A location without the tags that pydantic adds for members of a union."""
    path: list[int | str] = []
    model: Any = root
    for part in location:
        if isinstance(part, int):
            path.append(part)
            continue
        fields = _fields(model)
        if fields is None:
            if path and not part.endswith(("str", "]", "int", "float", "bool")):
                path.append(part)
            continue
        path.append(part)
        model = fields.get(part)
    return path


def _keys_at(location: Sequence[int | str], root: type[BaseModel]) -> list[str]:
    model: Any = root
    for part in location:
        fields = _fields(model)
        if isinstance(part, str) and fields is not None:
            model = fields.get(part)
    return list(_fields(model) or {})


def _fields(annotation: Any) -> dict[str, Any] | None:
    """Key → annotation of the table model inside an annotation, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
    for inner in get_args(annotation):
        fields = _fields(inner)
        if fields is not None:
            return fields
    return None


def key_text(path: Sequence[int | str]) -> str:
    """A key as a reader finds it in the file: `orbit.altitude_km`, `[[fault]] 2, kind`, `[[link.outage]] 1,
    from`, `rate_deg_s, element 3`; everything is counted from 1.
    """
    text = ""
    for place, part in enumerate(path):
        if isinstance(part, int) and place + 1 < len(path):
            return f"[[{text}]] {part + 1}, {key_text(path[place + 1 :])}"
        text += f", element {part + 1}" if isinstance(part, int) else f".{part}" if text else part
    return text
