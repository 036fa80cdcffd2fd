"""Command stacks: lists of telecommands in files of their own, which go up in their order.

A scenario names one (`stack = "file.toml"` in a `[[command]]`, the file beside the scenario), and so may a
person at the console. The file has nothing but `[[command]]` tables, with the keys of a scenario's but `at`,
`execute_at`, `group` and `stack`. It is as little trusted as a scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from safehold.errors import Problem, ScenarioError
from safehold.toml_input import Format, read_text, read_toml

if TYPE_CHECKING:
    from safehold.scenario import Source

LARGEST_STACK = 10_000
_KEYS = frozenset({"name", "arguments", "priority", "expires", "after_completion"})


def expand(tree: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """A scenario's tree with the commands of its stacks in place of their files' names.

    Raises ScenarioError, naming the file and the key, for a stack that cannot be taken.
    """
    commands = tree.get("command")
    if not isinstance(commands, list) or not any(_names_stack(one) for one in commands):
        return dict(tree)
    expanded: list[Any] = []
    for place, one in enumerate(commands, start=1):
        if not _names_stack(one):
            expanded.append(one)
            continue
        key = f"[[command]] {place}, stack"
        if extra := sorted(set(one) - {"at", "stack", "priority"}):
            _refuse(source, 5, f"goes with `at` and `priority` alone, not with {', '.join(extra)}", key)
        common = {name: one[name] for name in ("at", "priority") if name in one}
        group = f"{one['stack']} {place}"
        expanded += [
            common | row | {"group": group} for row in read(file_beside(one["stack"], source, key), source)
        ]
        if len(expanded) > LARGEST_STACK:
            _refuse(source, 8, f"makes more than {LARGEST_STACK} commands", key)
    return {**tree, "command": expanded}


def read(path: Path, source: Source) -> list[dict[str, Any]]:
    """The commands in a stack's file; their content is checked with the scenario's."""
    from safehold.schema import Scenario

    format = Format(noun="stack", ids="SH-SCN", error=ScenarioError, model=Scenario)
    tree = read_toml(read_text(path, format), str(path), format)
    if extra := sorted(set(tree) - {"command"}):
        raise format.refusal(str(path), 5, f"holds [[command]] tables alone, not {extra[0][:60]!r}")
    rows = tree.get("command")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise format.refusal(str(path), 6, "holds no [[command]] table")
    for place, row in enumerate(rows, start=1):
        if extra := sorted(set(row) - _KEYS):
            keys = ", ".join(sorted(_KEYS))
            wrong = f"[[command]] {place} has the key {extra[0][:60]!r}; those of a stack are {keys}"
            raise format.refusal(str(path), 5, wrong)
    return rows


def _names_stack(command: object) -> bool:
    return isinstance(command, dict) and "stack" in command


def file_beside(name: object, source: Source, key: str) -> Path:
    """The path of a file that a scenario names, beside it or in a folder below; raises ScenarioError."""
    if not isinstance(name, str):
        _refuse(source, 7, "is the name of a file, as text", key)
    if source.folder is None:
        _refuse(source, 1, "names a file, but this scenario has no folder", key)
    try:
        folder = source.folder.resolve()
        if "\0" in name or len(name) > 255 or not (path := (folder / name).resolve()).is_relative_to(folder):
            _refuse(source, 1, f"{name[:60]!r} leads out of the scenario's folder", key)
        return path
    except (OSError, RuntimeError):  # a link that leads to itself
        _refuse(source, 1, f"{name[:60]!r} leads nowhere", key)


def _refuse(source: Source, number: int, wrong: str, key: str) -> NoReturn:
    raise ScenarioError(source.label, [Problem(f"SH-SCN-{number:03d}", wrong, key)])
