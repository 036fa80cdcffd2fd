"""Mass memory overflows: the oldest of a stream go, each named, and no stream takes another's room.

Streams are as small as they may be and there is no contact for hours, while a late control tick makes an
event every few seconds; then passes bring down what is left. The checker is that of `test_nothing_lost`.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from ground.store.memory import MemoryStore
from tests.system import rough_passes
from tests.system.ledger_checker import CRITICAL, HOUSEKEEPING, RECORDS_GIVEN_UP, Evidence, check

HOURS, SILENT_H = 5.0, 3.5
LEAST_KIB, AMPLE_KIB = 128, 8192
QUOTA, LATE_TICKS = 0, 5


def flight(hours: float, silent_h: float, critical_kib: int) -> rough_passes.WitnessedFlight:
    faults: list[dict[str, Any]] = [
        {"at": "0s", "duration": f"{silent_h * 3600:.0f}s", "kind": "link_outage", "target": "link.both"}
    ]
    scenario = rough_passes.calm(
        seed=5,
        hours=hours,
        fault=faults,
        flight={
            "replicas": 1,
            "control_rate_hz": 2,
            "memory": {"critical_kib": critical_kib, "housekeeping_kib": LEAST_KIB},
        },
    )
    return rough_passes.WitnessedFlight(scenario, random.Random(5), 0.0, MemoryStore())


def fly(flown: rough_passes.WitnessedFlight, late_until: int = 0) -> tuple[Evidence, dict[str, Any]]:
    try:
        while flown.tick < late_until:
            flown.computer.report_overrun()
            flown.advance(flown.tick + LATE_TICKS)
        while flown.tick < flown.end_tick:
            flown.advance(flown.tick + 1200)
        return flown.evidence(), flown.ground.results()["records"]
    finally:
        flown.close()


def given_up(evidence: Evidence, stream: int) -> dict[int, set[int]]:
    """By reason, the numbers that the voted outputs name."""
    found: dict[int, set[int]] = {}
    for event, values in evidence.events:
        if event == RECORDS_GIVEN_UP and values[0] == stream:
            numbers = range(int(values[2]), int(values[2] + values[3]))
            found.setdefault(int(values[1]), set()).update(numbers)
    return found


@pytest.fixture(scope="module")
def flooded() -> tuple[Evidence, dict[str, Any]]:
    """Both streams overflow."""
    return fly(flight(HOURS, SILENT_H, LEAST_KIB), late_until=round(SILENT_H * 7200))


@pytest.mark.requirement("L2.4", "L2.5", "L2.6")
def test_of_streams_that_overflow_the_oldest_go_and_each_is_named(
    flooded: tuple[Evidence, dict[str, Any]],
) -> None:
    evidence, told = flooded
    verdict = check(evidence)
    assert verdict.findings == []
    for stream, name in ((CRITICAL, "critical"), (HOUSEKEEPING, "housekeeping")):
        lost = given_up(evidence, stream)
        assert set(lost) == {QUOTA}, "none was refused: room was made in time"
        numbers = lost[QUOTA]
        assert numbers == set(range(len(numbers))), "the oldest, without a gap"
        assert len(numbers) > 0.2 * evidence.following[stream], "a good part of them"
        size = sum(len(record) + 16 for record in evidence.committed[stream].values())
        assert size > 1.2 * evidence.quotas[stream]
        assert 0.8 * evidence.quotas[stream] < evidence.fullest[stream] <= evidence.quotas[stream]
        ledger = [one for one in told["ledger"] if one["stream"] == name]
        assert {one["reason"] for one in ledger} == {"quota"}
        once = [number for one in ledger for number in range(one["first"], one["first"] + one["count"])]
        assert len(once) == len(set(once))
        assert set(once) <= numbers
        # What is newer is here, or on board still.
        assert told["streams"][name]["missing"] == 0
    assert verdict.records["on the ground"] > 500
    assert verdict.records["named in the ledger"] > 500
    assert sum(verdict.records.values()) == sum(evidence.following.values())


@pytest.mark.requirement("L2.5", "L6.3")
def test_the_black_box_is_whole_while_streams_overflow(flooded: tuple[Evidence, dict[str, Any]]) -> None:
    """A chunk each 10 min, none of them given up."""
    evidence, _ = flooded
    verdict = check(evidence)
    boxes = [file for file in evidence.files if file >= 0x80_0000]
    assert len(boxes) >= HOURS * 6 - 1
    assert sorted(boxes) == list(range(min(boxes), min(boxes) + len(boxes)))
    assert verdict.files["on the ground"] + verdict.files["held on board"] == len(evidence.files)


@pytest.mark.requirement("L2.4", "L2.5", "L2.6")
def test_a_flood_of_housekeeping_costs_no_critical_record() -> None:
    evidence, _ = fly(flight(3.0, 2.5, AMPLE_KIB))
    assert check(evidence).findings == []
    assert len(given_up(evidence, HOUSEKEEPING)[QUOTA]) > 50
    assert given_up(evidence, CRITICAL) == {}
    critical = evidence.committed[CRITICAL]
    assert set(critical) == set(range(evidence.following[CRITICAL]))


@pytest.mark.requirement("L2.4", "L2.6")
@pytest.mark.parametrize("stream", [CRITICAL, HOUSEKEEPING])
def test_records_that_mass_memory_drops_silently_are_found(stream: int) -> None:
    """In flight: what is below a number goes, and no event tells."""
    flown = flight(0.6, 0.6, AMPLE_KIB)
    flown.advance(3000)
    until = flown.computer.record_range(stream)[0] + 3
    flown.computer.drop_records(stream, until)
    verdict = check(fly(flown)[0])
    found = {(one.kind, one.what) for one in verdict.findings}
    assert found == {
        ("record unaccounted for", f"stream {stream}: {number}") for number in range(until - 3, until)
    }


@pytest.mark.requirement("L2.6")
def test_wrong_quotas_are_found(flooded: tuple[Evidence, dict[str, Any]]) -> None:
    evidence, _ = flooded
    ample = replace(evidence, quotas={stream: 1 << 24 for stream in evidence.quotas})
    assert {one.kind for one in check(ample).findings} == {"given up without need"}
    less = replace(evidence, quotas={stream: octets // 2 for stream, octets in evidence.quotas.items()})
    assert {one.kind for one in check(less).findings} == {"quota exceeded"}
    oldest = {0: evidence.committed[CRITICAL][0]}
    still = replace(evidence, held={**evidence.held, CRITICAL: evidence.held[CRITICAL] | oldest})
    assert {one.kind for one in check(still).findings} == {"given up and still held"}
