"""An event answers the fault that it belongs to: of the same unit, in time, and caused by no other."""

from __future__ import annotations

import pytest

from flight.dictionary import EVENT_IDS, EVENTS
from safehold.fault_kinds import kinds
from safehold.fault_response import SIGNS, response
from safehold.schema import Fault
from safehold.timeline import FlightEvent

TICK_NS = 100_000_000
NOTHING = {"detected_s": None, "isolated_s": None, "recovered_s": None}


def event(at_s: float, name: str, unit: int) -> FlightEvent:
    names = EVENTS[EVENT_IDS[name]].arguments
    arguments = tuple(float(unit) if argument in ("unit", "wheel", "replica") else 9.0 for argument in names)
    return FlightEvent(round(at_s * 10), EVENT_IDS[name], 2, arguments)


def gyro(at: str, duration: str | None = None, unit: int = 1) -> Fault:
    keys = {"kind": "gyro_stuck", "target": f"gyro.{unit}", "at": at}
    return Fault.model_validate(keys | ({"duration": duration} if duration else {}))


EXCLUDED, BACK = event(101.0, "gyro_excluded", 1), event(400.0, "gyro_readmitted", 1)


@pytest.mark.requirement("S5", "L6.1")
def test_every_sign_names_a_kind_and_events_with_their_unit() -> None:
    for kind, signs in SIGNS.items():
        assert kind in kinds()
        named = [EVENTS[EVENT_IDS[name]] for name in (*signs.detected, *signs.isolated, *signs.recovered)]
        assert signs.unit is None or signs.unit in named[0].arguments, kind


@pytest.mark.requirement("S5", "L6.1")
def test_stages_are_the_first_fitting_events_in_their_order() -> None:
    early, other = event(50.0, "gyro_excluded", 1), event(100.5, "gyro_excluded", 2)
    found = response(gyro("100s"), [early, other, EXCLUDED, BACK], TICK_NS)
    assert found == {"detected_s": 101.0, "isolated_s": 101.0, "recovered_s": 400.0}
    assert response(gyro("100s"), [early, other], TICK_NS) == NOTHING
    assert response(gyro("100s"), [EXCLUDED], TICK_NS)["recovered_s"] is None
    assert response(gyro("100s", unit=2), [EXCLUDED], TICK_NS) == NOTHING


@pytest.mark.requirement("S5", "L6.1")
def test_what_comes_long_after_its_end_has_another_cause() -> None:
    short = gyro("100s", "10s")
    assert response(short, [event(709.0, "gyro_excluded", 1)], TICK_NS)["detected_s"] == 709.0
    assert response(short, [event(711.0, "gyro_excluded", 1)], TICK_NS) == NOTHING
    lasting = response(gyro("100s"), [event(9000.0, "gyro_excluded", 1)], TICK_NS)
    assert lasting["detected_s"] == 9000.0, "a fault that lasts may be found late"


@pytest.mark.requirement("S5", "L6.1")
def test_the_next_fault_of_a_unit_is_not_detected_for_the_one_before() -> None:
    first, second, elsewhere = gyro("100s"), gyro("200s"), gyro("150s", unit=3)
    faults, found = [first, second, elsewhere], event(201.0, "gyro_excluded", 1)
    assert response(first, [found], TICK_NS, faults) == NOTHING
    assert response(second, [found], TICK_NS, faults)["detected_s"] == 201.0
    assert response(first, [event(160.0, "gyro_excluded", 1)], TICK_NS, faults)["detected_s"] == 160.0
