"""What can be varied, and what is refused with which words."""

from __future__ import annotations

import pytest

from safehold.errors import HuntError
from safehold.hunt.bisection import parse_tolerance
from safehold.hunt.knob import make_knob
from safehold.schema import Scenario

pytestmark = pytest.mark.requirement("S5")

WRONG = {
    "no key of a fault": (["rate"], ("0", "1"), "SH-HNT-001", "fault.1.factor"),
    "a key of something else": (["orbit.altitude_km"], ("0", "1"), "SH-HNT-001", "fault.1.factor"),
    "counted from 0": (["fault.0.rate_deg_s"], ("0", "1"), "SH-HNT-002", "counted from 1"),
    "a fault too many": (["fault.3.rate_deg_s"], ("0", "1"), "SH-HNT-002", "has 2"),
    "a misspelt key": (["fault.1.rate_deg"], ("0", "1"), "SH-HNT-003", "did you mean 'rate_deg_s'"),
    "a key of another kind": (["fault.2.rate_deg_s"], ("0", "1"), "SH-HNT-003", "replica_bit_flip"),
    "text": (["fault.1.kind"], ("0", "1"), "SH-HNT-003", "no numeric key"),
    "a choice": (["fault.1.axis"], ("0", "1"), "SH-HNT-004", "chooses a part"),
    "twice": (["fault.1.at", "fault.1.at"], ("1s", "2s"), "SH-HNT-004", "twice"),
    "different names": (["fault.1.rate_deg_s", "fault.2.at"], ("0", "1"), "SH-HNT-004", "one name"),
    "reversed": (["fault.1.rate_deg_s"], ("1", "0.1"), "SH-HNT-005", "smaller end first"),
    "empty": (["fault.1.rate_deg_s"], ("1", "1"), "SH-HNT-005", "smaller end first"),
    "not a number": (["fault.1.rate_deg_s"], ("0", "much"), "SH-HNT-005", "'much'"),
    "nan": (["fault.1.rate_deg_s"], ("nan", "1"), "SH-HNT-005", "finite"),
    "a number for a time": (["fault.1.at"], ("1", "2"), "SH-HNT-005", "not a duration"),
    "outside the kind": (["fault.1.rate_deg_s"], ("1", "1000"), "SH-HNT-006", "-100 to 100 deg/s"),
    "after the end": (["fault.1.at"], ("1s", "20s"), "SH-HNT-006", "end of the run at 20s"),
    "no whole tick": (["fault.1.at"], ("1s", "1.05s"), "SH-HNT-006", "100ms"),
    "no length": (["fault.1.duration"], ("0s", "5s"), "SH-HNT-006", "longer than 0s"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_varied_is_refused(name: str, watched: Scenario) -> None:
    keys, between, id, words = WRONG[name]
    with pytest.raises(HuntError) as refused:
        make_knob(watched, keys, between)
    assert refused.value.id == id
    assert words in refused.value.text
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("text", ["0%", "100%", "-1%", "nan", "inf", "0", "close", "", "1s"])
def test_a_tolerance_without_sense_is_refused(text: str) -> None:
    with pytest.raises(HuntError) as refused:
        parse_tolerance(text, is_time=False)
    assert refused.value.id == "SH-HNT-007"


def test_only_the_keys_asked_for_are_turned(watched: Scenario) -> None:
    turned = make_knob(watched, ["fault.1.rate_deg_s"], ("0.1", "1")).scenario(0.25)
    assert turned.fault[0].parameters == {"rate_deg_s": 0.25}
    assert turned.model_copy(update={"fault": watched.fault}) == watched
    assert turned.fault[1] == watched.fault[1]
    assert watched.fault[0].parameters == {"rate_deg_s": 0.5}


def test_keys_of_several_faults_are_turned_alike(watched: Scenario) -> None:
    knob = make_knob(watched, ["fault.1.at", "fault.2.at"], ("1s", "10s"))
    assert [fault.at for fault in knob.scenario(3e9).fault] == [3_000_000_000] * 2
    assert knob.label == "fault.1.at = fault.2.at"
    assert knob.shown(3.5e9) == "3s500ms"
