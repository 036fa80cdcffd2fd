"""What the tests of forks share: 28 minutes of first-contact, its reference, and whole runs to compare
with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from safehold.code_id import prepare_numba_cache

prepare_numba_cache()

from flight.dictionary import load_native  # noqa: E402  after the cache has its place
from safehold.forks import Forker, Reference, make_reference  # noqa: E402
from safehold.run import Outing, adjusted, document  # noqa: E402
from safehold.scenario import load  # noqa: E402
from safehold.schema import Fault, Scenario  # noqa: E402
from safehold.simulation import Simulation  # noqa: E402

CONTACT_S = 1374.4  # the first contact of first-contact opens; it is still open at the end
CONTROL_BITS = int(load_native().FlightComputer.control_size) * 8
STATE_BITS = int(load_native().FlightComputer.state_size) * 8

Fly = Callable[[Scenario], dict[str, Any]]


def faulty(base: Scenario, *faults: dict[str, Any], name: str = "faulty") -> Scenario:
    """The scenario with faults."""
    return base.model_copy(update={"name": name, "fault": [Fault(**fault) for fault in faults]})


def flip(at: str, bit: int, replica: int = 1) -> dict[str, Any]:
    """A bit flip."""
    return {"kind": "replica_bit_flip", "target": f"replica.{replica}", "at": at, "bit": bit}


def told(found: dict[str, Any]) -> dict[str, Any]:
    """A document without what says how it was made."""
    return {name: value for name, value in found.items() if name not in ("timing", "stop")}


@pytest.fixture(scope="package")
def base() -> Scenario:
    """Release, B-dot, and five minutes of the first contact; no faults."""
    return adjusted(load("first-contact"), seed=None, duration="28m")


@pytest.fixture(scope="package")
def reference(base: Scenario) -> Reference:
    """The base flown once."""
    return make_reference(base)


@pytest.fixture(scope="package")
def forker(reference: Reference) -> Forker:
    """One forker for many tests: that they do not disturb each other is part of what they test."""
    return Forker(reference)


@pytest.fixture(scope="package")
def whole() -> Fly:
    """Flies a scenario from its beginning to its end, as a campaign without forks would."""

    def fly(scenario: Scenario) -> dict[str, Any]:
        simulation = Simulation(scenario, keep_truth=False)
        try:
            outing = Outing(simulation)
            outing.fly()
            return document(outing, True)
        finally:
            simulation.close()

    return fly
