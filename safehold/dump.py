"""Write a resolved scenario as TOML: every key with its value, so that the file alone repeats the run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, get_args

from pydantic import BaseModel

from safehold.durations import format_duration
from safehold.schema import Duration, PositiveDuration, Scenario

_DURATION_MARKERS = {id(get_args(kind)[1]) for kind in (Duration, PositiveDuration)}


def to_toml(scenario: Scenario) -> str:
    """The scenario's text; `scenario.parse` reads it back to an equal scenario."""
    return tree_to_toml(plain(scenario))


def tree_to_toml(tree: Mapping[str, Any]) -> str:
    """The text of a tree of TOML values."""
    lines: list[str] = []
    _table(lines, (), tree)
    return "\n".join(lines).strip() + "\n"


def value_tree(scenario: Scenario, key: str) -> Any:
    """One top-level key's value as TOML values."""
    return _value(getattr(scenario, key))


def is_duration(model: type[BaseModel], path: Sequence[str]) -> bool:
    """Whether a key, given by the names that lead to it, holds a duration."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    field = fields.get(path[0]) if path else None
    if field is None:
        return False
    if len(path) == 1:
        return any(id(item) in _DURATION_MARKERS for item in _metadata(field))
    return any(is_duration(inner, path[1:]) for inner in _models(field.annotation))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def plain(model: BaseModel) -> dict[str, Any]:
    """A model as a tree of TOML values, durations as text, absent keys left out."""
    tree: dict[str, Any] = {}
    for name, key, lasts in _fields(type(model)):
        value = getattr(model, name)
        if value is not None:
            tree[key] = format_duration(value) if lasts else _value(value)
    tree.update({name: _value(value) for name, value in (model.__pydantic_extra__ or {}).items()})
    return tree


@cache
def _fields(model: type[BaseModel]) -> tuple[tuple[str, str, bool], ...]:
    """Name, key in the file, and whether it is a duration, of each field."""
    return tuple(
        (name, field.alias or name, any(id(item) in _DURATION_MARKERS for item in _metadata(field)))
        for name, field in model.model_fields.items()
    )


def _metadata(field: Any) -> list[Any]:
    found = list(field.metadata)
    stack = [field.annotation]
    while stack:
        annotation = stack.pop()
        found.extend(getattr(annotation, "__metadata__", ()))
        stack.extend(get_args(annotation))
    return found


def _value(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return plain(value)
    if isinstance(value, list):
        return [_value(item) for item in value]
    return value


def _table(lines: list[str], path: tuple[str, ...], tree: Mapping[str, Any]) -> None:
    tables = {key: value for key, value in tree.items() if isinstance(value, Mapping)}
    lists = {key: value for key, value in tree.items() if _is_table_list(value)}
    for key, value in tree.items():
        if key not in tables and key not in lists:
            lines.append(f"{_key(key)} = {_scalar(value)}")
    for key, value in tables.items():
        if value:
            lines.extend(("", f"[{_path((*path, key))}]"))
            _table(lines, (*path, key), value)
    for key, entries in lists.items():
        for entry in entries:
            lines.extend(("", f"[[{_path((*path, key))}]]"))
            _table(lines, (*path, key), entry)


def _is_table_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _path(parts: tuple[str, ...]) -> str:
    return ".".join(_key(part) for part in parts)


@lru_cache(maxsize=1024)
def _key(key: str) -> str:
    bare = key and all(
        character.isascii() and (character.isalnum() or character in "-_") for character in key
    )
    return key if bare else _text(key)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return "[" + ", ".join(_scalar(item) for item in value) + "]"
    if isinstance(value, str):
        return _text(value)
    raise TypeError(f"no TOML for {type(value).__name__}")


def _float(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    text = repr(value)
    return text if any(mark in text for mark in ".en") else f"{text}.0"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    escaped = "".join(
        character if ord(character) >= 0x20 and character != "\x7f" else f"\\u{ord(character):04X}"
        for character in escaped
    )
    return f'"{escaped}"'
