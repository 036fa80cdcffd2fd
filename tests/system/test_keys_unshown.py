"""A run hands its keys to the flight computer in this process; one that cannot be made shows none of them."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from flight.keys import KEYS_VARIABLE, make_ring
from safehold import simulation
from safehold.schema import Scenario
from safehold.simulation import Simulation


@pytest.mark.requirement("L2.3", "L2.6")
@pytest.mark.parametrize(
    ("field", "value"), [("replicas", -1), ("tick_ns", 10**30), ("quotas", {"files": -1})]
)
def test_a_run_whose_flight_computer_cannot_be_made_shows_no_key(
    half_hour: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: object
) -> None:
    right = simulation.flight_configuration

    def wrong(*arguments: Any) -> dict[str, Any]:
        return right(*arguments) | {field: value}

    ring = make_ring(tmp_path / "keys")
    monkeypatch.setenv(KEYS_VARIABLE, str(tmp_path / "keys"))
    monkeypatch.setattr(simulation, "flight_configuration", wrong)
    with pytest.raises(ValueError, match="must be") as caught:
        Simulation(half_hour)
    told = "".join(traceback.format_exception(caught.value))
    for key in (*ring.keys.values(), *ring.telemetry.values()):
        assert repr(key)[2:14] not in told
        assert key.hex()[:12] not in told
