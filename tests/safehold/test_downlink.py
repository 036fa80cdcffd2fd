"""Delays of events against the end of the first usable pass, and what a pass was worth."""

from __future__ import annotations

from typing import Any

import pytest

from safehold.downlink import event_delays

S = 10**9
PASSES = [
    {"open": True, "frames": 9, "aos_s": 1000.0, "los_s": 1050.0},  # too short to count
    {"open": True, "frames": 9, "aos_s": 2000.0, "los_s": 2300.0},
    {"open": True, "frames": 0, "aos_s": 3000.0, "los_s": 3300.0},  # nothing was heard
    {"open": True, "frames": 9, "aos_s": 4000.0, "los_s": 4300.0},
]


def came(number: int, recorded_s: int, arrival_s: int) -> dict[str, Any]:
    return {"id": number, "on_board_time_ns": recorded_s * S, "sim_time_ns": arrival_s * S}


@pytest.mark.requirement("L2.2")
@pytest.mark.parametrize(
    ("recorded_s", "arrival_s", "late"),
    [
        (500, 2010, 0),
        (500, 2299, 0),
        (500, 4001, 1),
        (2200, 2299, 0),
        (2250, 4299, 0),  # only 50 s were left
        (2250, 4400, 1),
        (4290, None, 0),  # no usable pass after it yet
        (500, None, 1),
        (2250, None, 1),
    ],
)
def test_an_event_is_late_after_the_first_usable_pass(
    recorded_s: int, arrival_s: int | None, late: int
) -> None:
    heard = [] if arrival_s is None else [came(7, recorded_s, arrival_s)]
    found = event_delays(heard, [(recorded_s * S, 7)], PASSES, end_s=5000.0)
    assert (found["made"], found["late"]) == (1, late)
    assert found["received"] == len(heard)
    assert found["delay_s_max"] == (None if arrival_s is None else arrival_s - recorded_s)


def test_events_of_one_id_are_matched_by_their_times() -> None:
    heard = [came(7, 600, 2001), came(7, 500, 2002), came(8, 500, 2003)]
    made = [(500 * S, 7), (550 * S, 7), (600 * S, 7), (500 * S, 8)]
    found = event_delays(heard, made, PASSES, end_s=2310.0)
    assert (found["made"], found["received"], found["waiting"], found["late"]) == (4, 3, 1, 1)
    assert found["delay_s_max"] == 1503
