"""What a hunt calls broken, read from a run's document (`result.json`).

lost       the outcome is LOST
degraded   the outcome is DEGRADED or LOST
unmet      `safehold run` would exit with 1: an expectation is not met, or the outcome is LOST
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from safehold.expectations import finding, sentence
from safehold.schema import Scenario

CRITERIA = ("lost", "degraded", "unmet")


def default_criterion(scenario: Scenario) -> str:
    """`unmet` if the scenario expects anything of itself, otherwise `degraded`."""
    return "unmet" if scenario.expect else "degraded"


def broken_by(criterion: str, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Why a run counts as broken; empty if it survived."""
    outcome = str(document["outcome"])
    found: list[str] = []
    if outcome == "LOST" or (outcome == "DEGRADED" and criterion == "degraded"):
        found.extend(f"{outcome}: {reason}" for reason in document["reasons"])
    if criterion == "unmet":
        found.extend(unmet(document["expectations"]))
    return tuple(found)


def unmet(expectations: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The expectations that are not met, in words."""
    return tuple(f"unmet: {sentence(entry)}: {finding(entry)}" for entry in expectations if not entry["met"])
