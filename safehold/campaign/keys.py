"""Scenario keys as a campaign names them (`initial.rate_deg_s[0]`, `fault[1].at`), read and set.

Indices count from 0. A changed scenario is the base with the tables that changed made and checked anew, by
the scenario's own schema and checks: what a campaign may set is what a scenario may say.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from safehold import checks
from safehold.campaign.distribution_tables import UnfitError
from safehold.dump import is_duration, value_tree
from safehold.errors import Problem
from safehold.fault_kinds import kinds
from safehold.near import listing, suggestion
from safehold.scenario import FORMAT
from safehold.schema import Scenario
from safehold.toml_input import problems_of

Path = tuple[str | int, ...]

FIXED = {
    "schema": "cannot be varied",
    "name": "cannot be varied",
    "description": "cannot be varied",
    "seed": "is set by seeds and same_seed",
    "duration": "is set by the campaign's own duration",
}
_PART = re.compile(r"\.?([A-Za-z0-9_-]+)|\[([0-9]{1,6})\]")
_UNKNOWN = {"SH-SCN-005", "SH-SCN-023"}


class RefusedError(Exception):
    """A change that makes a scenario which cannot be flown, with its problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def parse_key(text: str) -> Path:
    """The path of a dotted key; raises UnfitError."""
    parts: list[str | int] = []
    at = 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or (not parts and (found[1] is None or text[0] == ".")):
            raise UnfitError("SH-CMP-013", 'is not a scenario key; write it like "initial.rate_deg_s[0]"')
        if parts and found[1] is not None and text[at] != ".":
            raise UnfitError("SH-CMP-013", "needs a dot before each name")
        parts.append(int(found[2]) if found[1] is None else found[1])
        at = found.end()
    top = parts[0] if parts else ""
    if top not in _fields():
        hint = suggestion(str(top), _fields()) or f"; a scenario has {listing(_fields(), 20)}"
        raise UnfitError("SH-CMP-013", f"there is no {str(top)[:60]!r} in a scenario{hint}")
    if top in FIXED:
        raise UnfitError("SH-CMP-013", f"{top} {FIXED[str(top)]}")
    return tuple(parts)


def duration_key(path: Path) -> bool:
    """Whether a key holds a duration."""
    return is_duration(Scenario, [part for part in path if isinstance(part, str)])


def value_at(scenario: Scenario, path: Path) -> Any:
    """The scenario's value of a key as a TOML value; raises UnfitError if it has none."""
    found: Any = _tree(scenario, str(path[0]), path)
    for depth, part in enumerate(path[1:], 1):
        try:
            found = found[part]
        except (LookupError, TypeError):
            raise UnfitError("SH-CMP-013", _absent(found, path[:depth], part)) from None
    return found


def changed(scenario: Scenario, values: Mapping[Path, Any]) -> Scenario:
    """The scenario with some keys set; raises UnfitError for a key with nowhere to go, else RefusedError."""
    trees: dict[str, Any] = {}
    for path, value in values.items():
        top = str(path[0])
        if top not in trees:
            trees[top] = _tree(scenario, top, path)
        elif top == "spacecraft":
            _fill_spacecraft(trees[top], path)
        if len(path) == 1:
            trees[top] = value
        else:
            _put(trees[top], path, value)
    return replaced(scenario, trees)


def replaced(scenario: Scenario, trees: Mapping[str, Any]) -> Scenario:
    """The scenario with some top-level keys replaced by TOML values; raises RefusedError."""
    updates: dict[str, Any] = {}
    problems: list[Problem] = []
    for top, tree in trees.items():
        try:
            updates[top] = _adapter(top).validate_python(tree, strict=True)
        except ValidationError as error:
            details = error.errors(include_url=False)
            for detail in details:
                detail["loc"] = (top, *detail["loc"])
            problems.extend(problems_of(details, FORMAT))
    if not problems:
        changed = scenario.model_copy(update=updates)
        problems = checks.recheck(changed, updates.keys())
        if not problems:
            return changed
    raise RefusedError(problems)


def names_nothing(scenario: Scenario, path: Path, problems: list[Problem]) -> bool:
    """Whether a refusal says that the key does not exist, and not that its value is wrong."""
    if any(problem.id in _UNKNOWN for problem in problems):
        return True
    if len(path) == 3 and path[0] == "fault" and isinstance(path[1], int) and path[1] < len(scenario.fault):
        fault = scenario.fault[path[1]]
        known = {parameter.name for parameter in kinds()[fault.kind].parameters}
        return path[2] not in known | {"at", "duration", "kind", "target"}
    return False


@cache
def _fields() -> dict[str, str]:
    """Keys of a scenario's top level as in the file → attributes of the model."""
    return {field.alias or name: name for name, field in Scenario.model_fields.items()}


@cache
def _adapter(top: str) -> TypeAdapter[Any]:
    field = Scenario.model_fields[top]
    annotation: Any = field.annotation
    for item in field.metadata:
        annotation = Annotated[annotation, item]
    return TypeAdapter(annotation)


def _tree(scenario: Scenario, top: str, path: Path) -> Any:
    """A top-level key's value as a fresh tree of TOML values, defaults that the path needs filled in."""
    tree = copy.deepcopy(value_tree(scenario, top))
    if top == "spacecraft":
        _fill_spacecraft(tree, path)
    if path[:2] == ("flight", "parameters") and len(path) > 2:
        _fill_parameter(tree["parameters"], str(path[2]))
    return tree


def _fill_spacecraft(tree: dict[str, Any], path: Path) -> None:
    if len(path) > 1 and isinstance(path[1], str) and path[1] not in tree:
        default = _spacecraft_defaults().get(path[1])
        if default is not None:
            tree[path[1]] = copy.deepcopy(default)


@cache
def _spacecraft_defaults() -> dict[str, Any]:
    import dataclasses

    from sim.spacecraft import Spacecraft

    def plain(value: Any) -> Any:
        return [plain(one) for one in value] if isinstance(value, tuple) else value

    return {field.name: plain(field.default) for field in dataclasses.fields(Spacecraft)}


def _fill_parameter(parameters: dict[str, Any], name: str) -> None:
    from flight.dictionary import SETTINGS

    setting = SETTINGS.get(name)
    if name not in parameters and setting is not None and not isinstance(setting.default, tuple):
        parameters[name] = setting.default


def _put(tree: Any, path: Path, value: Any) -> None:
    for depth, part in enumerate(path[1:-1], 1):
        if isinstance(tree, dict) and isinstance(part, str):
            tree = tree.setdefault(part, {})
            continue
        try:
            tree = tree[part]
        except (LookupError, TypeError):
            raise UnfitError("SH-CMP-013", _absent(tree, path[:depth], part)) from None
    last = path[-1]
    fits = isinstance(tree, dict) if isinstance(last, str) else isinstance(tree, list) and last < len(tree)
    if not fits:
        raise UnfitError("SH-CMP-013", _absent(tree, path[:-1], last))
    tree[last] = value


def _absent(holder: Any, path: Path, part: str | int) -> str:
    where = key_of(path)
    if isinstance(part, int):
        if isinstance(holder, list):
            return f"{where} has {len(holder)} elements, counted from 0" if holder else f"there is no {where}"
        return f"{where} is not a list"
    if isinstance(holder, dict):
        hint = suggestion(part, holder) or "; [set] gives it one"
        return f"{where}.{part} has no value in the base scenario{hint}"
    return f"{where} has no keys"


def key_of(path: Path) -> str:
    """A path as a dotted key."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
