"""Delays of events against the end of the first usable pass, and what a pass was worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ground.alarms import AlarmMonitor
from ground.gaps import Gaps
from safehold.decoding import Received
from safehold.downlink import event_delays, pass_yields
from safehold.telemetry import TelemetryTable

S = 10**9
PASSES = [
    {"open": True, "frames": 9, "aos_s": 1000.0, "los_s": 1050.0},  # too short to count
    {"open": True, "frames": 9, "aos_s": 2000.0, "los_s": 2300.0},
    {"open": True, "frames": 0, "aos_s": 3000.0, "los_s": 3300.0},  # nothing was heard
    {"open": True, "frames": 9, "aos_s": 4000.0, "los_s": 4300.0},
]


def came(number: int, recorded_s: int, arrival_s: int) -> dict[str, Any]:
    return {"id": number, "on_board_time_ns": recorded_s * S, "sim_time_ns": arrival_s * S}


def test_events_of_one_id_are_matched_by_their_times() -> None:
    heard = [came(7, 600, 2001), came(7, 500, 2002), came(8, 500, 2003)]
    made = [(500 * S, 7), (550 * S, 7), (600 * S, 7), (500 * S, 8)]
    found = event_delays(heard, made, PASSES)
    assert (found["made"], found["received"], found["waiting"]) == (4, 3, 1)
    assert found["delay_s_max"] == 1503


@pytest.mark.requirement("L2.2")
@pytest.mark.parametrize(("recorded_s", "since_contact"), [(2250, 0), (4239, 0), (4250, 1), (4400, 1)])
def test_an_event_that_has_not_come_was_made_since_the_last_contact_or_before(
    recorded_s: int, since_contact: int
) -> None:
    later = {"open": True, "frames": 0, "aos_s": 6000.0, "los_s": 6300.0}  # nothing was heard
    found = event_delays([], [(recorded_s * S, 7)], [*PASSES, later])
    assert (found["waiting"], found["waiting_since_contact"]) == (1, since_contact)
    assert found["delay_s_max"] is None


@pytest.mark.requirement("L2.2", "L2.4")
def test_a_pass_tells_what_it_brought_and_what_is_still_to_come() -> None:
    columns = {
        "time_ns": np.array([1990 * S, 2290 * S]),
        "quality": np.array(["stored", "stored"]),
        **{f"stream_octets_{i}": np.array([9e9, 8_000.0 if i == 2 else 0.0]) for i in range(5)},
        **{f"records_first_{i}": np.array([0.0, 10.0]) for i in range(5)},
        **{f"records_next_{i}": np.array([0.0, 20.0]) for i in range(5)},
    }
    received = Received(
        TelemetryTable.of(columns),
        stored={},
        events=[],
        gaps=Gaps(),
        alarms=AlarmMonitor(),
        frames=20,
        frames_missing=[(2010 * S, 3), (2500 * S, 5)],
        repeated=[(2020 * S, 700), (4001 * S, 9)],
        backlogs=[(2005 * S, [9, 0, 9, 0, 0]), (2295 * S, [0, 0, 4, 0, 0]), (4002 * S, [0, 0, 0, 0, 0])],
    )
    commands = [{"executed_ns": None, "completed_ns": at * S} for at in (2100, 2300, 4200)]
    commands.append({"executed_ns": None, "completed_ns": None})
    missed = {"open": False, "frames": 0, "aos_s": 9000.0, "los_s": 9300.0}
    made = pass_yields([*PASSES, missed], received, commands, tm_rate_bit_s=8000.0)
    assert made[1] == PASSES[1] | {
        "bytes_possible": 300_000,
        "bytes_received": 9 * 1115,
        "frames_lost": 3,
        "bytes_lost": 3 * 1115,
        "bytes_repeated": 700,
        "commands_verified": 2,
        "backlog_records": 4,
        "backlog_octets": 3_200,
    }
    assert [one["commands_verified"] for one in made] == [0, 2, 0, 1, 0]
    assert (made[3]["backlog_records"], made[3]["backlog_octets"], made[3]["bytes_repeated"]) == (0, 0, 9)
    assert (made[2]["backlog_records"], made[4]["bytes_possible"]) == (None, 0)
