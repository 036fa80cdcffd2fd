"""The built-in scenarios beside first-contact meet what they expect of themselves."""

from __future__ import annotations

import pytest

from safehold.run import fly
from safehold.scenario import load


@pytest.mark.requirement("L1.3", "C6")
@pytest.mark.parametrize("name", ["wheel-loss", "starbase-launch", "replica-upset"])
def test_every_expectation_is_met(name: str) -> None:
    result = fly(load(name))[0]
    assert [entry for entry in result.expectations if not entry["met"]] == []
    assert result.outcome == "OK", result.document["reasons"]
