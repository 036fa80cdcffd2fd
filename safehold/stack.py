"""Command stacks: lists of telecommands in files of their own, which go up in their order.

A scenario names one (`stack = "file.toml"` in a `[[command]]`, the file beside the scenario), and so may a
person at the console. The file has nothing but `[[command]]` tables, with the keys of a scenario's but `at`,
`execute_at`, `group` and `stack`, and `[[upload]]` tables, with `name` and `file`: files that go up from the
stack's `at` on. It is as little trusted as a scenario.
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
_TABLES = {
    "command": frozenset({"name", "arguments", "priority", "expires", "after_completion"}),
    "upload": frozenset({"name", "file"}),
}


def expand(tree: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """A scenario's tree with the commands of its stacks in place of their files' names, and their uploads.

    Raises ScenarioError, naming the file and the key, for a stack that cannot be taken.
    """
    commands = tree.get("command")
    if not isinstance(commands, list) or not any(_names_stack(one) for one in commands):
        return dict(tree)
    expanded: list[Any] = []
    rising: list[Any] = []
    for place, one in enumerate(commands, start=1):
        if not _names_stack(one):
            expanded.append(one)
            continue
        key = f"[[command]] {place}, stack"
        if extra := sorted(set(one) - {"at", "stack", "priority"}):
            _refuse(source, 5, f"goes with `at` and `priority` alone, not with {', '.join(extra)}", key)
        common = {name: one[name] for name in ("at", "priority") if name in one}
        group = f"{one['stack']} {place}"
        rows, uploads = read(file_beside(one["stack"], source, key), source)
        expanded += [common | row | {"group": group} for row in rows]
        rising += [{name: value for name, value in common.items() if name == "at"} | row for row in uploads]
        if len(expanded) > LARGEST_STACK:
            _refuse(source, 8, f"makes more than {LARGEST_STACK} commands", key)
    own = tree.get("upload", [])
    if not rising or not isinstance(own, list):
        return {**tree, "command": expanded}
    return {**tree, "command": expanded, "upload": [*own, *rising]}


def read(path: Path, source: Source) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The commands in a stack's file, and the uploads; their content is checked with the scenario's."""
    from safehold.schema import Scenario

    format = Format(noun="stack", ids="SH-SCN", error=ScenarioError, model=Scenario)
    tree = read_toml(read_text(path, format), str(path), format)
    if extra := sorted(set(tree) - _TABLES.keys()):
        wrong = f"holds [[command]] and [[upload]] tables alone, not {extra[0][:60]!r}"
        raise format.refusal(str(path), 5, wrong)
    if not tree:
        raise format.refusal(str(path), 6, "holds no [[command]] table")
    for table, rows in tree.items():
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise format.refusal(str(path), 6, f"holds no [[{table}]] table")
        for place, row in enumerate(rows, start=1):
            if extra := sorted(set(row) - _TABLES[table]):
                keys = ", ".join(sorted(_TABLES[table]))
                wrong = f"[[{table}]] {place} has the key {extra[0][:60]!r}; those of a stack are {keys}"
                raise format.refusal(str(path), 5, wrong)
    return tree.get("command", []), tree.get("upload", [])


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
