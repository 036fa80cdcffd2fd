"""The scenario that a campaign starts from: the base with the campaign's own keys, duration, faults and
expectations in it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from safehold import checks, scenario
from safehold.campaign import keys
from safehold.campaign.dispersion import overlapping
from safehold.campaign.distribution_tables import UnfitError
from safehold.campaign.schema import CampaignFile
from safehold.dump import plain
from safehold.errors import Problem, ScenarioError
from safehold.near import listing, suggestion
from safehold.scenario import Source
from safehold.schema import Scenario

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def base_of(file: CampaignFile, source: Source) -> tuple[Scenario | None, list[Problem]]:
    """The base of a campaign, or what is wrong with it.

    Raises ScenarioError for a base that is wrong by itself.
    """
    if isinstance(file.base, dict):
        base = scenario.from_tree(file.base, Source(f"{source.label}, base", None))
    else:
        path, problem = _base_path(file.base, source)
        if problem is not None:
            return None, [problem]
        base = scenario.load(path)
    values: dict[keys.Path, Any] = {}
    problems: list[Problem] = []
    for key, value in file.set.items():
        where = f'[set] "{key[:60]}"'
        try:
            values[keys.parse_key(key)] = value
        except UnfitError as error:
            problems.append(Problem(error.id, error.expected, where))
    problems.extend(overlapping([(f'[set] "{keys.key_of(path)}"', path) for path in values]))
    if problems:
        return None, problems
    try:
        base = keys.changed(base, values)
        if file.duration is not None:
            base = checks.shortened(base, file.duration)
        trees: dict[str, Any] = {}
        if file.fault:
            trees["fault"] = [plain(one) for one in (*base.fault, *file.fault)]
        if file.expect is not None:
            trees["expect"] = [plain(one) for one in file.expect]
        base = keys.replaced(base, trees)
        return checks.check(base, Source("", None)), []
    except UnfitError as error:
        return None, [Problem(error.id, error.expected, "[set]")]
    except keys.RefusedError as error:
        return None, _in_scenario(error.problems)
    except ScenarioError as error:
        return None, _in_scenario(list(error.problems))


def _in_scenario(problems: list[Problem]) -> list[Problem]:
    return [Problem(one.id, one.text, f"the scenario that this makes, {one.key}") for one in problems]


def _base_path(name: str, source: Source) -> tuple[str | Path, Problem | None]:
    """The built-in name, or the file beside the campaign."""
    if _NAME.fullmatch(name):
        known = scenario.built_in_names()
        if name in known:
            return name, None
        hint = suggestion(name, known) or f"; there are {listing(known)}, or a .toml file beside the campaign"
        return name, Problem("SH-CMP-012", f"no built-in scenario is called {name[:60]!r}{hint}", "base")
    if not name.endswith(".toml") or "\0" in name:
        wrong = f"is {name[:60]!r}; it must be a built-in scenario or a .toml file beside the campaign"
        return name, Problem("SH-CMP-012", wrong, "base")
    if source.folder is None:
        return name, Problem("SH-CMP-012", "names a file, but this campaign has no folder", "base")
    folder = source.folder.resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        return name, Problem("SH-CMP-012", f"{name[:60]!r} leads out of the campaign's folder", "base")
    return path, None
