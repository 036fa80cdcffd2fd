"""The built-in scenarios beside first-contact meet what they expect of themselves."""

from __future__ import annotations

import pytest

from safehold.run import Outing, document, fly
from safehold.scenario import load
from safehold.schema import Scenario
from safehold.simulation import Simulation


@pytest.mark.requirement("L1.3", "C6")
@pytest.mark.parametrize(
    "name",
    [
        "wheel-loss",
        "starbase-launch",
        "replica-upset",
        "second-wheel-friction",
        "common-gyro-bias",
        "in-service",
    ],
)
def test_every_expectation_is_met(name: str) -> None:
    result = fly(load(name))[0]
    assert [entry for entry in result.expectations if not entry["met"]] == []
    assert result.outcome == "OK", result.document["reasons"]


def unmet(scenario: Scenario) -> set[str]:
    return {entry["quantity"] for entry in fly(scenario)[0].expectations if not entry["met"]}


@pytest.mark.requirement("L3.3")
def test_replica_upset_expects_what_only_a_voting_and_flying_satellite_does() -> None:
    """Its expectations fail without the upset, without the healing, and for a computer that does nothing."""
    upset = load("replica-upset")
    assert "vote_disagreements" in unmet(upset.model_copy(update={"fault": []}))
    unhealed = upset.flight.model_copy(update={"resync": False})
    assert "vote_disagreements" in unmet(upset.model_copy(update={"flight": unhealed}))
    idle = Simulation(upset)
    idle.driver.schedule_reset(0, 10**15)
    outing = Outing(idle)
    outing.fly()
    missed = {entry["quantity"] for entry in document(outing, False)["expectations"] if not entry["met"]}
    assert missed >= {"rate_norm_deg_s", "flight_mode", "vote_disagreements"}
