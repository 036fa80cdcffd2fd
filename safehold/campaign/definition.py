"""Load a campaign: a built-in name or a file, to a checked `Campaign`, or one error that lists what is wrong.

A campaign contains no code, and no path that leads out of its own folder. Everything that can be known before
a run is flown is checked here: the keys, the distributions' parameters and their ends against the scenario's
limits, each value of a grid, and a few whole runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from safehold import scenario, toml_input
from safehold.campaign import keys
from safehold.campaign.base import base_of
from safehold.campaign.dispersion import Dispersion, clash, dispersions, overlapping
from safehold.campaign.expand import Campaign, resolved
from safehold.campaign.expand import PlannedRun as PlannedRun
from safehold.campaign.flips import Flips, flips
from safehold.campaign.grid import Grid, grid
from safehold.campaign.schema import FORMAT, MOST_RUNS, SCHEMA_VERSION, CampaignFile
from safehold.campaign.storm import Storm, storm
from safehold.code_id import prepare_numba_cache
from safehold.errors import CampaignError, Problem
from safehold.scenario import Source
from safehold.toml_input import problems_of, read_text, read_toml

RUNS_LOOKED_AT = 16


def built_in_folder() -> Path:
    """The folder of the built-in campaigns."""
    return scenario.built_in_folder() / "campaigns"


def built_in_names() -> list[str]:
    """Names of the built-in campaigns, in alphabetical order."""
    return toml_input.built_in(built_in_folder())


def load_campaign(campaign: str | Path | Campaign, overrides: Mapping[str, Any] | None = None) -> Campaign:
    """A checked campaign from a built-in name ("smoke"), a path of a TOML file, or a Campaign.

    `overrides` replaces top-level keys (`seed`, `runs`, `duration` as text). Raises CampaignError with every
    problem found, and ScenarioError for a base scenario that is wrong by itself.
    """
    if isinstance(campaign, Campaign):
        return (
            parse_campaign(campaign.text, Source(campaign.name, None), overrides) if overrides else campaign
        )
    path = find(campaign)
    return parse_campaign(read_text(path, FORMAT), Source(str(path), path.parent), overrides)


def find(campaign: str | Path) -> Path:
    """The file of a built-in campaign's name, or the path itself."""
    return toml_input.find(campaign, built_in_folder(), FORMAT)


def parse_campaign(text: str, source: Source, overrides: Mapping[str, Any] | None = None) -> Campaign:
    """A checked campaign from its text; see `load_campaign`."""
    prepare_numba_cache()
    tree = _overridden(read_toml(text, source.label, FORMAT), overrides or {})
    if "schema" in tree and (isinstance(tree["schema"], bool) or tree["schema"] != SCHEMA_VERSION):
        wrong = f"is {tree['schema']!r:.60}; this version of safehold reads schema = {SCHEMA_VERSION}"
        raise CampaignError(source.label, [Problem("SH-CMP-008", wrong, "schema")])
    try:
        file = CampaignFile.model_validate(tree)
    except ValidationError as error:
        raise CampaignError(source.label, problems_of(error.errors(include_url=False), FORMAT)) from None
    return _campaign(file, tree, source)


def _overridden(tree: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The tree with some top-level keys replaced; the number of runs of flips is theirs."""
    flips = tree.get("flips")
    if isinstance(flips, dict) and "runs" in overrides:
        rest = {key: value for key, value in overrides.items() if key != "runs"}
        return {**tree, **rest, "flips": {**flips, "count": overrides["runs"]}}
    return {**tree, **overrides}


def _campaign(file: CampaignFile, tree: Mapping[str, Any], source: Source) -> Campaign:
    base, problems = base_of(file, source)
    problems.extend(_contradictions(file))
    varied, wrong = dispersions(file.vary, base)
    problems.extend(wrong)
    blocks: Grid | None = None
    weather: Storm | None = None
    upsets: Flips | None = None
    if base is not None:
        if file.grid:
            blocks, wrong = grid(file.grid, base)
            problems.extend(wrong)
        if file.storm is not None:
            weather, wrong = storm(file.storm, base)
            problems.extend(wrong)
        if file.flips is not None:
            upsets, wrong = flips(file.flips, base)
            problems.extend(wrong)
        problems.extend(_overlaps(varied, blocks))
    if problems or base is None:
        raise CampaignError(source.label, problems)
    campaign = Campaign(
        name=file.name,
        description=file.description,
        base=base,
        seed=file.seed,
        repeats=_repeats(file),
        repeat_share=file.repeat_share,
        dispersions=tuple(varied),
        grid=blocks,
        storm=weather,
        flips=upsets,
        seeds=tuple(file.seeds or ()),
        same_seed=_same_seed(file),
        tree=resolved(tree, base),
    )
    problems.extend(_amount(campaign))
    if problems:
        raise CampaignError(source.label, problems)
    _look_at_some(campaign, source)
    return campaign


# --- what belongs together --------------------------------------------------------------------------------


def _contradictions(file: CampaignFile) -> Iterator[Problem]:
    if file.flips is not None and file.grid:
        yield Problem("SH-CMP-018", "cannot be given together with [[grid]]; make two campaigns", "flips")
    if file.flips is not None and file.runs is not None:
        yield Problem("SH-CMP-018", "is given by [flips], count; leave it out", "runs")
    if file.flips is None and not file.grid and file.runs is None and not file.seeds:
        yield Problem("SH-CMP-006", "is missing: how many runs", "runs")
    if file.seeds and file.same_seed:
        yield Problem(
            "SH-CMP-018", "cannot be true when seeds are listed; seeds = [N] is one seed for all", "same_seed"
        )
    for key, number in (("runs", file.runs), ("flips.count", file.flips.count if file.flips else None)):
        if number is not None and number < 1:
            yield Problem("SH-CMP-017", f"is {number}; a campaign needs at least one run", key)
    repeated = file.flips is None and (file.runs or 1) > 1
    if repeated and _same_seed(file) and not (file.vary or file.storm or file.seeds):
        yield Problem(
            "SH-CMP-018",
            f"is {file.runs}, and all of them would be the same; vary something, or say same_seed = false",
            "runs",
        )


def _same_seed(file: CampaignFile) -> bool:
    """One seed for all runs: what is not said is so for grids and flips, so that they share a reference."""
    if file.same_seed is not None:
        return file.same_seed
    return not file.seeds and (bool(file.grid) or file.flips is not None)


def _repeats(file: CampaignFile) -> int:
    if file.flips is not None:
        return file.flips.count
    return file.runs if file.runs is not None else len(file.seeds or (0,))


def _overlaps(varied: list[Dispersion], blocks: Grid | None) -> Iterator[Problem]:
    yield from overlapping([(f"[[vary]], {one.key}", one.path) for one in varied])
    places = {one.path: f"[[vary]], {one.key}" for one in varied}
    axes = {path for part in (blocks.parts if blocks else ()) for path, _ in part.key_axes}
    for path in sorted(axes, key=keys.key_of):
        place = clash(path, places)
        if place is not None:
            wrong = f"{keys.key_of(path)} is already set by {place}"
            yield Problem("SH-CMP-018", wrong, "[[grid]], keys")


def _amount(campaign: Campaign) -> Iterator[Problem]:
    if campaign.count > MOST_RUNS:
        wrong = f"there are {campaign.count:,} runs; at most {MOST_RUNS:,}"
        yield Problem("SH-CMP-017", wrong)


def _look_at_some(campaign: Campaign, source: Source) -> None:
    """Make a few runs, evenly spread: what is right by itself may not go together."""
    looked_at = min(campaign.count, RUNS_LOOKED_AT)
    for part in range(looked_at):
        try:
            campaign.run(part * campaign.count // looked_at)
        except CampaignError as error:
            raise CampaignError(source.label, error.problems) from None
