"""A changed scenario is checked again where it changed: each check is declared with everything it reads."""

from __future__ import annotations

from typing import Any, cast

import pytest

from safehold import checks
from safehold.scenario import built_in_names, load
from safehold.schema import Scenario

# Properties of a scenario, and the keys that they come from.
DERIVED = {"tick_ns": {"flight"}, "ticks": {"flight", "duration"}}


class Watched:
    """A scenario that remembers what was asked of it."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read |= DERIVED.get(name, {name})
        return getattr(self.scenario, name)


def scenarios() -> list[Scenario]:
    """The built-in ones, and one in which every optional part is there."""
    found = [load(name) for name in built_in_names()]
    full = found[0].model_copy(
        update={
            "spacecraft": {"dry_mass_kg": 90.0},
            "fault": load("wheel-loss").fault,
            "command": load("first-contact").command,
            "expect": load("first-contact").expect,
            "flight": found[0].flight.model_copy(update={"parameters": {"nothing": 1.0}}),
        }
    )
    return [*found, full]


@pytest.mark.requirement("S5")
@pytest.mark.parametrize("check", list(checks._READS), ids=lambda check: check.__name__)
def test_a_check_reads_only_the_keys_that_it_is_declared_with(check: Any) -> None:
    read: set[str] = set()
    for scenario in scenarios():
        watched = Watched(scenario)
        list(check(cast("Scenario", watched)))
        read |= watched.read
    assert read
    assert read <= checks._READS[check]


@pytest.mark.requirement("S5")
def test_every_declared_check_is_one_that_is_made() -> None:
    assert set(checks._READS) <= set(checks._CHECKS)


@pytest.mark.requirement("S5")
def test_only_what_changed_is_checked_again() -> None:
    good = load("first-contact")
    wrong = good.model_copy(
        update={"initial": good.initial.model_copy(update={"rate_deg_s": [700.0, 700.0, 0.0]})}
    )
    assert checks.recheck(wrong, ("link",)) == []
    assert [problem.key for problem in checks.recheck(wrong, ("initial",))] == ["initial.rate_deg_s"]
