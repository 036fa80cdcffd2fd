"""The check finds what is wrong with a run that was stopped early, whichever part of it that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from safehold.forks import Forker, Reference, check
from safehold.schema import Scenario
from tests.safehold.forks.conftest import faulty, flip

Change = Callable[[dict[str, Any]], None]

LIES: dict[str, Change] = {
    "outcome": lambda found: found.update(outcome="LOST"),
    "modes": lambda found: found["modes"].pop(),
    "expectation": lambda found: found["expectations"][0].update(met=not found["expectations"][0]["met"]),
    "figure vote_disagreements": lambda found: found["figures"].update(vote_disagreements=99.0),
    "passes": lambda found: found["passes"].pop(),
    "faults": lambda found: found["faults"][0].update(detected_s=None),
    "digests": lambda found: found["digests"].update(flight="00" * 32),
    "judgement": lambda found: found["judgement"].update(commandable=False),
}


@pytest.fixture(scope="module")
def scenario(base: Scenario) -> Scenario:
    return faulty(base, flip("26m", 4321))


@pytest.mark.requirement("S5")
@pytest.mark.parametrize("what", LIES)
def test_every_lie_is_found(reference: Reference, forker: Forker, scenario: Scenario, what: str) -> None:
    found = forker.fly(scenario)
    assert found["stop"]["kind"] == "reconverged"
    LIES[what](found)
    disagreements = check(reference, scenario, found)
    assert any(what.split()[0] in text for text in disagreements), disagreements


@pytest.mark.requirement("S5")
def test_run_that_does_not_steer_as_the_reference_is_found(
    base: Scenario, reference: Reference, forker: Forker
) -> None:
    """A run that never came back, with the document of one that did: its attitude gives it away."""
    bias = {"kind": "gyro_bias", "target": "gyro.1", "rate_deg_s": 0.5, "at": "26m", "duration": "5s"}
    found = forker.fly(faulty(base, flip("26m", 4321)))
    disagreements = check(reference, faulty(base, bias), found)
    assert any("control differs" in text for text in disagreements), disagreements
    assert len(disagreements) <= 20


def test_identical_run_is_held_to_its_digest(base: Scenario, reference: Reference) -> None:
    """No faults: equal to the last octet; with another digest it is not."""
    scenario = base.model_copy(update={"name": "again"})
    found = Forker(reference).fly(scenario)
    assert check(reference, scenario, found) == []
    found["digests"]["plant"] = "00" * 32
    assert any("digests" in text for text in check(reference, scenario, found))
