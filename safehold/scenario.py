"""Load a scenario: a built-in name or a file, to a checked `Scenario`, or one error that lists what is wrong.

A message names the file, the key, the value and what would be right. A scenario contains no code, and no path
that leads out of its own folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from safehold import commands, stack, toml_input, uploads
from safehold.code_id import package_folder, prepare_numba_cache
from safehold.errors import Problem, ScenarioError
from safehold.schema import SCHEMA_VERSION, Scenario
from safehold.toml_input import LARGEST_FILE as LARGEST_FILE
from safehold.toml_input import Format, problems_of, read_text, read_toml

FORMAT = Format(noun="scenario", ids="SH-SCN", error=ScenarioError, model=Scenario)
LARGEST_ELEMENTS_FILE = 64 << 10
DEFAULT_SCENARIO = "first-contact"


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
    return toml_input.built_in(built_in_folder())


def load(scenario: str | Path | Scenario) -> Scenario:
    """A checked scenario from a built-in name ("first-contact"), a path of a TOML file, or a Scenario.

    Raises ScenarioError with every problem found.
    """
    if isinstance(scenario, Scenario):
        return scenario
    path = find(scenario)
    return parse(read_text(path, FORMAT), Source(label=str(path), folder=path.parent))


def find(scenario: str | Path) -> Path:
    """The file of a built-in scenario's name, or the path itself."""
    return toml_input.find(scenario, built_in_folder(), FORMAT)


def parse(text: str, source: Source, overrides: Mapping[str, Any] | None = None) -> Scenario:
    """A checked scenario from its text.

    `overrides` replaces top-level keys (`seed`, `duration` as text).
    """
    tree = read_toml(text, source.label, FORMAT)
    tree.update(overrides or {})
    return from_tree(tree, source)


def from_tree(tree: Mapping[str, Any], source: Source) -> Scenario:
    """A checked scenario from the tree of its TOML."""
    from safehold import checks

    prepare_numba_cache()  # the checks below import what Numba compiles
    if "schema" in tree and (isinstance(tree["schema"], bool) or tree["schema"] != SCHEMA_VERSION):
        wrong = f"is {tree['schema']!r}; this version of safehold reads schema = {SCHEMA_VERSION}"
        raise ScenarioError(source.label, [Problem("SH-SCN-008", wrong, "schema")])
    tree, problems = uploads.expand(commands.expand(stack.expand(tree, source), source), source)
    try:
        scenario = checks.check(Scenario.model_validate(tree), source)
    except ValidationError as error:
        problems += problems_of(error.errors(include_url=False), FORMAT)
    except ScenarioError as error:
        problems += error.problems
    if problems:
        raise ScenarioError(source.label, problems)
    return scenario
