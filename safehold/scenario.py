"""Load a scenario: a built-in name or a file, to a checked `Scenario`, or one error that lists what is wrong.

A message names the file, the key, the value and what would be right. A scenario contains no code, and no path
that leads out of its own folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from safehold.code_id import package_folder, prepare_numba_cache
from safehold.errors import Problem, ScenarioError
from safehold.near import listing, suggestion
from safehold.schema import SCHEMA_VERSION, Scenario

LARGEST_FILE = 1 << 20
LARGEST_ELEMENTS_FILE = 64 << 10
DEFAULT_SCENARIO = "first-contact"
PROBLEMS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Source:
    """Where a scenario came from: the name for messages, and the folder that its files may lie in."""

    label: str
    folder: Path | None


def built_in_folder() -> Path:
    """The folder of the built-in scenarios."""
    folder = package_folder("scenarios")
    if folder is None:
        raise ScenarioError("scenarios", [Problem("SH-SCN-001", "the built-in scenarios are not installed")])
    return folder


def built_in_names() -> list[str]:
    """Names of the built-in scenarios, in alphabetical order."""
    return sorted(path.stem for path in built_in_folder().glob("*.toml"))


def load(scenario: str | Path | Scenario) -> Scenario:
    """A checked scenario from a built-in name ("first-contact"), a path of a TOML file, or a Scenario.

    Raises ScenarioError with every problem found.
    """
    if isinstance(scenario, Scenario):
        return scenario
    path = find(scenario)
    return parse(read_text(path), Source(label=str(path), folder=path.parent))


def find(scenario: str | Path) -> Path:
    """The file of a built-in scenario's name, or the path itself."""
    text = str(scenario)
    if isinstance(scenario, Path) or "/" in text or "\\" in text or text.endswith(".toml"):
        return Path(text)
    names = built_in_names()
    if text in names:
        return built_in_folder() / f"{text}.toml"
    hint = suggestion(text, names) or f"; there are {listing(names)}, or give the path of a .toml file"
    raise ScenarioError(text[:80], [Problem("SH-SCN-001", f"no built-in scenario has this name{hint}")])


def read_text(path: Path) -> str:
    """A scenario file's text; its size is looked at before it is read."""
    try:
        if path.is_dir():
            raise ScenarioError(str(path), [Problem("SH-SCN-001", "is a folder; give a .toml file")])
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ScenarioError(
            str(path), [Problem("SH-SCN-001", f"cannot be read: {error.strerror or error}")]
        ) from None
    if len(content) > LARGEST_FILE:
        raise ScenarioError(
            str(path), [Problem("SH-SCN-004", "is larger than 1 MiB, the most a scenario may be")]
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ScenarioError(
            str(path), [Problem("SH-SCN-002", f"is not UTF-8 text (byte {error.start})")]
        ) from None


def parse(text: str, source: Source, overrides: Mapping[str, Any] | None = None) -> Scenario:
    """A checked scenario from its text.

    `overrides` replaces top-level keys (`seed`, `duration` as text).
    """
    from safehold import checks

    prepare_numba_cache()  # the checks below import what Numba compiles
    tree = _toml(text, source.label)
    tree.update(overrides or {})
    if "schema" in tree and (isinstance(tree["schema"], bool) or tree["schema"] != SCHEMA_VERSION):
        wrong = f"is {tree['schema']!r}; this version of safehold reads schema = {SCHEMA_VERSION}"
        raise ScenarioError(source.label, [Problem("SH-SCN-008", wrong, "schema")])
    try:
        scenario = Scenario.model_validate(tree)
    except ValidationError as error:
        raise ScenarioError(source.label, _problems(error.errors(include_url=False))) from None
    return checks.check(scenario, source)


def _toml(text: str, label: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        repeated = any(words in message for words in ("Cannot overwrite", "Cannot declare", "Duplicate"))
        kind = "SH-SCN-003" if repeated else "SH-SCN-002"
        what = "a key or table is given twice" if repeated else "is not valid TOML"
        raise ScenarioError(label, [Problem(kind, f"{what}: {message}")]) from None
    except RecursionError:
        raise ScenarioError(label, [Problem("SH-SCN-002", "is nested too deeply")]) from None


# --- from pydantic's errors to ours ---------------------------------------------------------------------


def _problems(details: Sequence[ErrorDetails]) -> list[Problem]:
    """One problem a key, in the order of the file's model; the first few if there are many."""
    found: dict[str, Problem] = {}
    for detail in details:
        key = key_text(_known_path(detail["loc"]))
        found.setdefault(key, _problem(detail, key))
    problems = list(found.values())
    if len(problems) > PROBLEMS_SHOWN:
        rest = len(problems) - PROBLEMS_SHOWN
        problems = [
            *problems[:PROBLEMS_SHOWN],
            Problem(problems[PROBLEMS_SHOWN].id, f"and {rest} more problems"),
        ]
    return problems


def _problem(detail: ErrorDetails, key: str) -> Problem:
    kind, value = detail["type"], detail.get("input")
    shown = _shown(value)
    if kind.startswith("SH-SCN-"):
        return Problem(kind, detail["msg"], key)
    if kind == "extra_forbidden":
        word = str(detail["loc"][-1])
        keys = _keys_at(detail["loc"][:-1])
        hint = suggestion(word, keys) or f"; the keys here are {listing(keys, 30)}"
        return Problem("SH-SCN-005", f"unknown key{hint}", key)
    if kind == "missing":
        return Problem("SH-SCN-006", "is missing and has no default", key)
    if kind == "finite_number":
        return Problem("SH-SCN-009", f"is {shown}; it must be a finite number", key)
    if kind == "literal_error":
        expected = detail.get("ctx", {}).get("expected", "")
        hint = suggestion(str(value), [word.strip("' ") for word in expected.replace(" or ", ",").split(",")])
        return Problem("SH-SCN-011", f"is {shown}; it must be {expected}{hint}", key)
    if kind.endswith(("_type", "_parsing", "_from_float")) or kind in (
        "is_instance_of",
        "model_attributes_type",
    ):
        return Problem("SH-SCN-007", f"is {shown}; {_lower(detail['msg'])}", key)
    return Problem("SH-SCN-008", f"is {shown}; {_lower(detail['msg'])}", key)


def _lower(message: str) -> str:
    text = message.removeprefix("Input ").removeprefix("Value ")
    return text if text.startswith(("should", "must")) else f"should be right: {text}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _known_path(location: Sequence[int | str]) -> list[int | str]:
    """A location without the tags that pydantic adds for members of a union."""
    path: list[int | str] = []
    model: Any = Scenario
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


def _keys_at(location: Sequence[int | str]) -> list[str]:
    model: Any = Scenario
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
    """A key as a reader finds it in the file: `orbit.altitude_km`, `[[fault]] 2, kind`."""
    if len(path) >= 2 and isinstance(path[0], str) and isinstance(path[1], int):
        head = f"[[{path[0]}]] {path[1] + 1}"
        rest = key_text(path[2:])
        return f"{head}, {rest}" if rest else head
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
