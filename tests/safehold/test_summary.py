"""What a person is told of the passes at the end of a run."""

from __future__ import annotations

from typing import Any

import pytest

from safehold.command_run import PASSES_SHOWN, pass_lines
from safehold.refusals import refusal_lines


def contact(number: int, **changes: Any) -> dict[str, Any]:
    told = {
        "station": "svalbard",
        "aos_s": 5400.0 * number,
        "open": True,
        "bytes_possible": 57_450_000,
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
        "pass     01:30:00  svalbard         735.9 of  57,450.0 kB, 3 frames lost, 0.6 kB repeated, "
        "2 commands verified, 1 record to come",
        "pass     03:00:00  svalbard         735.9 of  57,450.0 kB, 3 frames lost, 0.6 kB repeated, "
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
