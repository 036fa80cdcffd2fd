"""The ground follows the satellite to another key, and goes on commanding."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from safehold.run import run
from safehold.schema import Scenario

SCENARIO: dict[str, Any] = {
    "schema": 1,
    "name": "key",
    "description": "The key is changed, and pings go up under the new one.",
    "epoch": datetime(2026, 6, 21, tzinfo=UTC),
    "duration": "34m",
    "seed": 1,
    "orbit": {
        "altitude_km": 550.0,
        "inclination_deg": 97.6,
        "raan_deg": 90.0,
        "argument_of_latitude_deg": 0.0,
    },
    "initial": {"rate_deg_s": [0.1, -0.1, 0.1], "battery_state_of_charge": 0.8},
    "station": [{"name": "svalbard", "elevation_mask_deg": 10.0}],
    "command": [
        {"at": "0s", "name": "select_key", "arguments": {"key": 2}},
        {"at": "0s", "name": "ping"},
        {"at": "28m", "name": "ping"},
    ],
}


@pytest.mark.requirement("L2.6")
def test_commands_complete_after_the_key_was_changed() -> None:
    result = run(Scenario.model_validate(SCENARIO))
    document = result.document
    assert [one["state"] for one in document["commands"]] == ["completed"] * 3
    changes = [one for one in result.events if one["name"] == "key_changed"]
    assert changes, "the satellite has changed its key"
    assert not [one for one in document["alarms"] if one["kind"] == "ground"]
