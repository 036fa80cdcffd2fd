"""Forked runs are the runs that they stand for: octet for octet when flown to the end, by their result when
they are stopped early. They are compared with the whole run from tick 0, which knows nothing of forks.
"""

from __future__ import annotations

from typing import Any

import pytest

from safehold.errors import ForkError
from safehold.forks import Forker, Reference, check, make_reference
from safehold.forks.check import documents_differ
from safehold.schema import Expect, Scenario
from safehold.simulation import Simulation
from tests.safehold.forks.conftest import CONTACT_S, CONTROL_BITS, STATE_BITS, Fly, faulty, flip, told

GYRO = {"kind": "gyro_bias", "target": "gyro.1", "rate_deg_s": 0.5}
WHEEL = {"kind": "wheel_friction", "target": "wheel.2", "factor": 5.0}
OBJECT = {"kind": "object_approach", "target": "object.0", "miss_distance_m": 50.0}
PASSING = {**OBJECT, "speed_m_s": 10.0, "after_s": 30.0}

TO_THE_END = [
    [{**GYRO, "at": "5m", "duration": "1m"}],
    [{**GYRO, "at": "10m0.05s"}],  # between two ticks, and permanent
    [{**WHEEL, "at": "0s"}],  # in the first sensor frame
    [{"kind": "gps_outage", "target": "gps.0", "at": "23m", "duration": "30s"}],  # inside the contact
    [{"kind": "heater_dead", "target": "heater.1", "at": f"{CONTACT_S}s", "duration": "10s"}],
    [{**PASSING, "at": "15m", "duration": "2m"}, {**GYRO, "at": "15m30s", "duration": "10s"}],
    [
        flip("3m", 4321),
        flip("23m10s", 99, replica=2),
        {"kind": "torquer_reversed", "target": "torquer.0", "at": "4m"},
    ],
    [{"kind": "replica_bit_flip", "target": "replica.0", "at": "24m"}],  # the seed chooses the bit
]


@pytest.mark.requirement("S5", "L6.4")
@pytest.mark.parametrize("faults", TO_THE_END, ids=lambda faults: "+".join(one["kind"] for one in faults))
def test_forked_run_is_the_whole_run(
    base: Scenario, forker: Forker, whole: Fly, faults: list[dict[str, Any]]
) -> None:
    """All four chains and the whole document, timing apart."""
    scenario = faulty(base, *faults)
    expected = whole(scenario)
    found = forker.fly(scenario, early_stop=False)
    assert found["digests"] == expected["digests"]
    assert told(found) == told(expected)
    assert found["stop"]["kind"] == "end"
    assert (
        found["stop"]["ticks_flown"] == base.ticks - min(fault.at for fault in scenario.fault) // base.tick_ns
    )


@pytest.mark.requirement("S5")
def test_forker_goes_back_and_far_ahead_by_snapshots(
    base: Scenario, reference: Reference, whole: Fly
) -> None:
    """A late run first, then an early one, then one far ahead: none of them leaves a trace in the next."""
    forker = Forker(reference)
    for at in ("27m", "1m", "23m"):
        scenario = faulty(base, {**GYRO, "at": at})
        assert told(forker.fly(scenario)) == told(whole(scenario)), at
    forker.close()


@pytest.mark.requirement("S5")
def test_overwritten_flip_stops_as_identical(base: Scenario, forker: Forker, whole: Fly) -> None:
    """A flip in telemetry that is filled anew before anybody compares it is gone without a trace: the result
    is exactly the whole run's, digest included, though it was stopped after seconds.
    """
    flips = (faulty(base, flip("4m35.3s", CONTROL_BITS + 8 * octet)) for octet in range(0, 800, 4))
    found, scenario = next(
        (found, one) for one in flips if (found := forker.fly(one))["stop"]["kind"] == "identical"
    )
    assert found["stop"]["ticks_flown"] <= 100
    assert told(found) == told(whole(scenario))
    assert "digest_until_s" not in found


@pytest.mark.requirement("S5", "L3.1")
@pytest.mark.parametrize(
    ("bit", "at"), [(4321, "10m"), (STATE_BITS - 700, "10m9.9s"), (CONTROL_BITS // 2, "23m20.5s"), (77, "0s")]
)
def test_healed_flip_stops_as_reconverged(
    base: Scenario, reference: Reference, forker: Forker, whole: Fly, bit: int, at: str
) -> None:
    """The result that is put together is that of the whole run, but for digests and how many frames came."""
    scenario = faulty(base, flip(at, bit))
    found = forker.fly(scenario)
    assert found["stop"]["kind"] == "reconverged"
    assert found["stop"]["ticks_flown"] <= 400
    assert found["digest_until_s"] == found["stop"]["at_s"]
    assert found["digests"] != reference.document["digests"]
    expected = whole(scenario)
    assert expected["figures"]["vote_disagreements"] > 0
    assert found["plant_equal"] is True
    assert documents_differ(found, expected, reference.document["digests"]["plant"]) == []
    assert check(reference, scenario, found) == []


def test_flip_that_nobody_has_found_yet_does_not_stop_a_run(base: Scenario, forker: Forker) -> None:
    """A flip in the account half of one replica, a tick before a stop: all that steers is equal there, but
    the voter has yet to find it and to report it. A run stopped there would have lost that.
    """
    scenario = faulty(base, flip("9m59.9s", STATE_BITS - 700))
    found = forker.fly(scenario)
    assert found["stop"]["kind"] == "reconverged"
    assert found["stop"]["at_s"] > 600.0
    assert found["figures"]["vote_disagreements"] > 0
    assert found["faults"][0]["detected_s"] >= 600.0
    assert found["faults"][0]["recovered_s"] <= found["stop"]["at_s"]


def test_runs_are_the_same_whoever_flies_them(base: Scenario, reference: Reference, forker: Forker) -> None:
    """A stopped run is a function of its scenario: not of what its forker did before, nor how."""
    scenario = faulty(base, flip("23m40.3s", 4321))
    found = forker.fly(scenario)
    assert told(Forker(reference).fly(scenario)) == told(found)
    read = Reference.from_bytes(reference.to_bytes())
    assert told(Forker(read).fly(scenario)) == told(found)


def test_permanent_fault_is_never_stopped(base: Scenario, forker: Forker) -> None:
    """Nothing looks at the second receiver as long as the first one works, but it is not back either."""
    found = forker.fly(faulty(base, {"kind": "gps_outage", "target": "gps.1", "at": "26m"}))
    assert found["stop"]["kind"] == "end"


def test_fault_that_leaves_its_mark_is_flown_to_the_end(base: Scenario, forker: Forker) -> None:
    """A gyro that erred while the tumble was taken out: attitude never comes back to the last bit."""
    found = forker.fly(faulty(base, {**GYRO, "at": "5m", "duration": "1m"}))
    assert found["stop"]["kind"] == "end"
    assert found["stop"]["at_s"] == base.duration / 1e9


@pytest.mark.requirement("S5")
def test_hardware_fault_that_moved_nothing_stops_early(base: Scenario, whole: Fly) -> None:
    """A heater that is off anyway fails for 20 s: identical, if two orbits are left until the end, over which
    the judgement looks back; otherwise it is flown to the end, with the same result.
    """
    longer = base.model_copy(update={"duration": 12_000 * 10**9, "expect": []})
    scenario = faulty(longer, {"kind": "heater_dead", "target": "heater.1", "at": "2m", "duration": "20s"})
    forker = Forker(make_reference(longer))
    found = forker.fly(scenario)
    assert found["stop"] == {"kind": "identical", "at_s": 150.0, "forked_at_s": 120.0, "ticks_flown": 300}
    assert told(found) == told(whole(scenario))
    later = faulty(longer, {"kind": "heater_dead", "target": "heater.1", "at": "20m", "duration": "20s"})
    assert forker.fly(later)["stop"]["kind"] == "end"


def test_watched_count_keeps_a_run_from_reconverging(base: Scenario) -> None:
    """An expectation on telemetry that tells of the flip makes that telemetry part of the verdict."""
    expect = Expect(quantity="replica_divergences[1]", below=1.0)
    watched = base.model_copy(update={"expect": [expect]})
    forker = Forker(make_reference(watched))
    found = forker.fly(faulty(watched, flip("20m", 4321)))
    assert found["stop"]["kind"] == "end"
    assert found["expectations"][0]["met"] is False


def test_expectation_on_votes_is_judged_with_the_runs_own(base: Scenario) -> None:
    expect = [
        Expect(quantity="vote_disagreements", equals=0.0),
        Expect(quantity="replicas_retired", equals=0.0),
    ]
    watched = base.model_copy(update={"expect": expect})
    found = Forker(make_reference(watched)).fly(faulty(watched, flip("20m", 4321)))
    assert found["stop"]["kind"] == "reconverged"
    assert [one["met"] for one in found["expectations"]] == [False, True]


def test_run_without_faults_is_the_reference(base: Scenario, reference: Reference, whole: Fly) -> None:
    found = Forker(reference).fly(base)
    assert found["stop"] == {"kind": "identical", "at_s": 0.0, "forked_at_s": 0.0, "ticks_flown": 0}
    assert told(found) == told(whole(base))


def test_other_run_is_refused(base: Scenario, forker: Forker) -> None:
    for other in ({"seed": 2}, {"expect": []}, {"duration": base.duration + 10**10}):
        with pytest.raises(ForkError, match=f"SH-FRK-004.*{next(iter(other))}"):
            forker.fly(base.model_copy(update=other))


def test_fault_that_comes_too_late_is_not_injected(base: Scenario) -> None:
    simulation = Simulation(base, keep_truth=False)
    with pytest.raises(ValueError, match="too late"):
        simulation.inject(faulty(base, {**GYRO, "at": "0s"}))
    simulation.advance(100)
    with pytest.raises(ValueError, match="too late"):
        simulation.inject(faulty(base, {**GYRO, "at": "9.9s"}))
    simulation.inject(faulty(base, {**GYRO, "at": "10s"}))
    simulation.close()
