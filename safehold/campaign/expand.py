"""A campaign and its runs. A run is a function of the campaign and its number, and of nothing else.

    point, repeat   of the grid, if there is one; else the run's number is the repeat
    seed            the base's, one of a list, or drawn for the run
    scenario keys   drawn for the repeat, so that every point of a grid meets the same satellites
    faults          of the base, then of the point, the flip and the storm

What changed is made and checked by the scenario's own schema and checks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from safehold.campaign import draws, injection, keys
from safehold.campaign import storm as storms
from safehold.campaign.dispersion import Dispersion, Label
from safehold.campaign.distribution_tables import UnfitError
from safehold.campaign.flips import Flips
from safehold.campaign.grid import Grid
from safehold.campaign.storm import Storm
from safehold.checks import recheck
from safehold.dump import plain, tree_to_toml
from safehold.errors import CampaignError, Problem
from safehold.schema import Fault, Scenario

RUNS_WITHOUT_CONFIRMATION = 100_000


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run to be flown: its number, its scenario, and what was drawn for it, by scenario key."""

    index: int
    scenario: Scenario
    labels: Mapping[str, Label]


@dataclass(frozen=True)
class Campaign:
    """A checked campaign. `base` has the campaign's own keys, faults and expectations in it already.

    `repeats` is the number of runs of each point of the grid, or of runs if there is no grid. `tree` is the
    file's, with the base in it.
    """

    name: str
    description: str
    base: Scenario
    seed: int
    repeats: int
    repeat_share: float
    dispersions: tuple[Dispersion, ...]
    grid: Grid | None
    storm: Storm | None
    flips: Flips | None
    seeds: tuple[int, ...]
    same_seed: bool
    tree: Mapping[str, Any]

    @property
    def count(self) -> int:
        """How many runs there are."""
        return self.repeats * (self.grid.points if self.grid is not None else 1)

    @property
    def needs_confirmation(self) -> bool:
        """Whether there are so many runs that they are only flown when somebody says so."""
        return self.count > RUNS_WITHOUT_CONFIRMATION

    def confirmation(self) -> CampaignError:
        """The refusal of a campaign that needs to be confirmed."""
        wrong = (
            f"has {self.count:,} runs, more than {RUNS_WITHOUT_CONFIRMATION:,}; "
            "look at --plan, and confirm with --yes"
        )
        return CampaignError(self.name, [Problem("SH-CMP-022", wrong)])

    @property
    def references(self) -> int:
        """How many different scenarios there are when all injected faults are left out."""
        bases = self.grid.bases if self.grid is not None else 1
        if not self.same_seed and not self.seeds:
            return self.count
        if self.dispersions:
            return bases * self.repeats
        return bases * min(len(self.seeds) or 1, self.repeats)

    @property
    def injects(self) -> bool:
        """Whether runs differ from their reference by faults, so that they can be forked from it."""
        faulty = self.grid is not None and any(part.kind for part in self.grid.parts)
        return faulty or self.storm is not None or self.flips is not None

    @cached_property
    def text(self) -> str:
        """The campaign as one TOML text with its base in it, which reads back to an equal campaign."""
        return tree_to_toml(self.tree)

    def sha256(self) -> str:
        """The identity of the campaign: of everything that decides what its runs are."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def run(self, index: int) -> PlannedRun:
        """The run with a number from 0 to before `count`.

        Raises IndexError for another number, and CampaignError if what was drawn for it cannot be flown
        together (each key by itself was looked at when the campaign was loaded).
        """
        if not 0 <= index < self.count:
            raise IndexError(f"run {index} of {self.count}")
        point, repeat = divmod(index, self.repeats)
        seed = self._seed(index, repeat)
        values: dict[keys.Path, Any] = {}
        labels: dict[str, Label] = {}
        for one in self.dispersions:
            drawn = one.draw(self.seed, repeat)
            value = one.value(drawn)
            values[one.path] = value
            labels[one.label_key] = one.label(drawn, value)
        faults: list[Fault] = []
        if self.grid is not None:
            chosen = self.grid.point(point)
            values |= chosen.values
            labels |= chosen.labels
            faults.extend(chosen.faults)
        if self.flips is not None:
            flip = self.flips.fault(self.seed, index)
            faults.append(flip)
            labels |= injection.labels(flip)
        if self.storm is not None:
            brought = self.storm.faults(self.seed, index)
            faults.extend(brought)
            labels |= storms.labels(brought)
        labels["seed"] = seed
        return PlannedRun(index, self._scenario(index, seed, values, faults), labels)

    def _seed(self, index: int, repeat: int) -> int:
        if self.seeds:
            return self.seeds[repeat % len(self.seeds)]
        return self.base.seed if self.same_seed else draws.scenario_seed(self.seed, index)

    def _scenario(
        self, index: int, seed: int, values: Mapping[keys.Path, Any], faults: list[Fault]
    ) -> Scenario:
        try:
            scenario = keys.changed(self.base, values) if values else self.base
        except keys.RefusedError as error:
            raise self._refusal(index, error.problems) from None
        except UnfitError as error:
            raise self._refusal(index, [Problem(error.id, error.expected)]) from None
        update: dict[str, Any] = {"seed": seed}
        if faults:
            update["fault"] = [*scenario.fault, *faults]
        scenario = scenario.model_copy(update=update)
        problems = recheck(scenario, ("fault",)) if faults else []
        if problems:
            raise self._refusal(index, problems)
        return scenario

    def _refusal(self, index: int, problems: list[Problem]) -> CampaignError:
        found = [
            Problem("SH-CMP-020", f"run {index} cannot be flown: {problem.text}", problem.key)
            for problem in problems
        ]
        return CampaignError(self.name, found)


def resolved(tree: Mapping[str, Any], base: Scenario) -> dict[str, Any]:
    """A campaign's tree with its base in it, and what was put into the base left out."""
    gone = {"set", "duration", "fault", "expect"}
    kept = {key: value for key, value in tree.items() if key not in gone}
    return kept | {"base": plain(base)}
