"""What a person is told of the passes at the end of a run."""

from __future__ import annotations

from typing import Any

import pytest

from safehold.command_run import PASSES_SHOWN, downlink_lines, pass_lines
from safehold.refusals import refusal_lines


def contact(number: int, **changes: Any) -> dict[str, Any]:
    told = {
        "station": "svalbard",
        "aos_s": 5400.0 * number,
        "open": True,
        "bytes_possible": 57_460_000,
        "bytes_received": 735_900,
        "frames_lost": 3,
        "bytes_repeated": 647,
        "commands_verified": 2,
        "backlog_records": 1,
    }
    return told | changes


@pytest.mark.requirement("L2.2", "L2.6")
def test_each_pass_tells_what_it_brought() -> None:
    assert pass_lines([contact(1), contact(2, backlog_records=None), contact(3, open=False)]) == [
        "pass     01:30:00  svalbard       0.736 of  57.5 MB on the air, 3 frames lost, 0.001 MB repeated, "
        "2 commands verified, 1 record to come",
        "pass     03:00:00  svalbard       0.736 of  57.5 MB on the air, 3 frames lost, 0.001 MB repeated, "
        "2 commands verified, backlog not known",
    ]


@pytest.mark.requirement("L2.2")
def test_many_passes_are_cut_to_the_last_ones() -> None:
    first, *others = pass_lines([contact(number) for number in range(PASSES_SHOWN + 5)])
    assert first == "pass     5 more before these, in result.json"
    assert len(others) == PASSES_SHOWN
    assert pass_lines([{"open": True, "frames": 3}]) == []


def refused(downlink: dict[str, int], uplink: dict[str, int]) -> list[str]:
    return refusal_lines({"ground": {"downlink": downlink, "uplink": uplink}})


@pytest.mark.requirement("L2.1", "L2.2")
def test_what_bounced_has_a_line_only_if_something_did() -> None:
    nominal = {"frames_received": 1881, "frames_missing": 0, "packets_received": 2182}
    assert refused(nominal, {"suspensions": 3, "unlocks": 1}) == []
    assert refusal_lines({}) == []
    counts = nominal | {"frames_refused_fecf": 12, "frames_refused_length": 1, "packets_dropped_gap": 2}
    assert refused(counts, {"suspensions": 3}) == [
        "refused  13 frames (fecf 12, length 1); 2 packets dropped (gap 2)"
    ]
    assert refused(nominal, {"alerts_LOCKOUT": 1, "alerts_NN(R)": 1, "unlocks": 2, "suspensions": 3}) == [
        "refused  FOP-1 2 alerts (LOCKOUT 1, NN(R) 1), 3 suspensions, 2 unlocks"
    ]


@pytest.mark.requirement("L2.2")
@pytest.mark.parametrize(
    ("waiting", "since_contact", "words"),
    [
        (0, 0, "53 of 53 on the ground, 0 later"),
        (5, 5, "48 of 53 on the ground (5 made since the last contact), 0 later"),
        (
            5,
            2,
            "48 of 53 on the ground (2 made since the last contact, 3 made before it have not come), 0 later",
        ),
    ],
)
def test_events_that_are_not_there_are_told_apart(waiting: int, since_contact: int, words: str) -> None:
    events = {
        "made": 53,
        "received": 53 - waiting,
        "waiting": waiting,
        "waiting_since_contact": since_contact,
        "late": 0,
        "delay_s_max": None,
    }
    counts = dict.fromkeys(("bytes_received", "frames_missing", "bytes_repeated"), 0)
    counts |= dict.fromkeys(("backlog_records", "records_missing", "records_given_up"), 0)
    alarms = dict.fromkeys(("raised_live", "raised_stored", "open"), 0)
    downlink = {**counts, "events": events, "alarms": alarms}
    files: dict[str, Any] = {"received": [], "incomplete": [], "uploads": []}
    (line,) = [
        one
        for one in downlink_lines({"downlink": downlink, "passes": [], "files": files})
        if one.startswith("events")
    ]
    assert words in line
