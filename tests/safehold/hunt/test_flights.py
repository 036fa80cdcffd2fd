"""Real flights of twenty seconds, against what the flight software is told in `flight/dictionary.toml`."""

from __future__ import annotations

import math

import pytest

from flight.dictionary import SETTINGS
from safehold.hunt.bisection import Bisection, Probe, Tolerance, bisect
from safehold.hunt.broken import broken_by, default_criterion
from safehold.hunt.flights import Flights, HuntStoppedError
from safehold.hunt.knob import Knob, make_knob
from safehold.schema import Expect, Scenario

pytestmark = pytest.mark.requirement("S5")


def find(knob: Knob, tolerance: Tolerance) -> Bisection:
    flights = Flights()

    def fly(value: float) -> Probe:
        document = flights.fly(knob.scenario(value))
        return Probe(value, broken_by("unmet", document), document["outcome"], document["digest"])

    found = bisect(knob, tolerance, fly, grid=3)
    assert flights.count == len(found.probes)
    assert flights.simulated_s == pytest.approx(20.0 * flights.count)
    return found


def drifted(seconds: float) -> float:
    """The mean difference of a gyro from the vote over ten seconds, after some seconds of a bias of 1 on each
    axis. The vote is the mean of four, so that it follows by a quarter.
    """
    return 0.75 * math.sqrt(3.0) * (1.0 - math.exp(-seconds / 10.0))


DRIFT_DEG_S = math.degrees(float(SETTINGS["gyro_drift_rad_s"].default))


def test_a_gyros_bias_is_found_at_the_limit_of_its_drift(watched: Scenario) -> None:
    """It has to be over the limit for the persistence of a second before the end, at 20 s. Noise in the mean
    is worth a few percent of the limit.
    """
    found = find(make_knob(watched, ["fault.1.rate_deg_s"], ("0.001", "1")), Tolerance(0.01, None))
    assert found.boundary is not None
    survived, broke = found.boundary
    assert survived.value == pytest.approx(DRIFT_DEG_S / drifted(9.0), rel=0.1)
    assert broke.value <= survived.value * 1.011
    assert "gyro_health" in broke.reasons[0]


def test_a_bias_must_last_until_its_drift_shows(watched: Scenario) -> None:
    """0.05 deg/s is below the vote's limit; the drift passes its own after 1.4 s, and stays there for the
    persistence if it is a little longer.
    """
    small = watched.model_copy(
        update={"fault": [watched.fault[0].model_copy(update={"rate_deg_s": 0.05}), watched.fault[1]]}
    )
    found = find(make_knob(small, ["fault.1.duration"], ("100ms", "10s")), Tolerance(None, 1.0))
    assert found.boundary is not None
    survived, broke = found.boundary
    assert broke.value - survived.value == watched.tick_ns
    shown_s = -10.0 * math.log(1.0 - DRIFT_DEG_S / 0.05 / drifted(1e9))
    assert broke.value / 1e9 == pytest.approx(shown_s, abs=0.3)


def test_an_onset_is_found_to_the_tick(watched: Scenario) -> None:
    """An excluded gyro stays out for a minute. Half a degree per second is seen in the next sample or the one
    after it; only if that is less than the persistence before the end nothing follows from it.
    """
    persistence = round(float(SETTINGS["exclusion_persistence"].default))
    found = find(make_knob(watched, ["fault.1.at"], ("10s", "19s900ms")), Tolerance(None, 1.0))
    assert found.boundary is not None
    survived, broke = found.boundary
    assert survived.value - broke.value == watched.tick_ns
    assert broke.value == pytest.approx(20e9 - persistence * watched.tick_ns, abs=2.1 * watched.tick_ns)


def test_a_flight_that_is_stopped_early_is_broken_for_what_the_whole_one_is(watched: Scenario) -> None:
    """The end of the run is far away; the expectation can be met no more after a tenth of it."""
    long = watched.model_copy(update={"duration": 3600 * 10**9})
    short, whole = Flights(), Flights()
    reasons = short.broken(long, "unmet")
    assert [reason.split(":")[1] for reason in reasons] == [
        reason.split(":")[1] for reason in broken_by("unmet", whole.fly(long))
    ]
    assert short.simulated_s <= 600.0 < whole.simulated_s


@pytest.mark.parametrize(
    ("expect", "survives"),
    [
        ({"quantity": "gyro_health", "equals": 15.0, "from": "9s", "fraction": 0.1}, True),
        ({"quantity": "gyro_health", "equals": 15.0, "from": "9s", "fraction": 0.5}, False),
        ({"quantity": "gyro_health", "equals": 13.0, "within": "15s"}, True),
        ({"quantity": "flight_mode", "equals": ["SEPARATION"], "from": "6s"}, True),
        ({"quantity": "flight_mode", "equals": ["BOOT"], "fraction": 0.5}, False),
        ({"quantity": "flight_mode", "equals": ["BOOT"], "fraction": 0.2}, True),
    ],
)
def test_stopping_early_never_changes_the_verdict(
    watched: Scenario, expect: dict[str, object], survives: bool
) -> None:
    scenario = watched.model_copy(update={"expect": [Expect.model_validate(expect)]})
    assert (Flights().broken(scenario, "unmet") == ()) == survives
    assert (broken_by("unmet", Flights().fly(scenario)) == ()) == survives


def test_a_forked_flight_is_the_whole_one(watched: Scenario) -> None:
    """Where a flight begins changes its cost alone; the prefix of 10 s of 20 s is flown once."""
    knob = make_knob(watched, ["fault.1.rate_deg_s"], ("0.001", "1"))
    whole, forked = Flights(), Flights()
    forked.fork_from(watched)
    for value in (0.5, 0.001, 0.02):
        one, other = whole.fly(knob.scenario(value)), forked.fly_forked(knob.scenario(value))
        for name in ("digest", "outcome", "expectations", "faults"):
            assert one[name] == other[name], name
    assert forked.simulated_s == pytest.approx(20.0 + 3 * 10.0)
    assert knob.onset_s == 10.0
    forked.close()


def test_a_wish_to_stop_ends_a_flight(watched: Scenario) -> None:
    with pytest.raises(HuntStoppedError):
        Flights(stopped=lambda: True).fly(watched)


def test_each_word_means_what_the_page_says() -> None:
    entry = {"quantity": "pongs", "above": 0.0, "met": False, "value": 0.0}
    fine = {"outcome": "OK", "reasons": ["well"], "expectations": []}
    unmet = {**fine, "expectations": [entry, {**entry, "met": True}]}
    degraded = {**fine, "outcome": "DEGRADED", "reasons": ["a", "b"]}
    lost = {**fine, "outcome": "LOST", "reasons": ["c"]}
    told = {
        word: [len(broken_by(word, document)) for document in (fine, unmet, degraded, lost)]
        for word in ("lost", "degraded", "unmet")
    }
    assert told == {"lost": [0, 0, 0, 1], "degraded": [0, 0, 2, 1], "unmet": [0, 1, 0, 1]}


def test_the_default_asks_for_what_the_scenario_expects(watched: Scenario) -> None:
    assert default_criterion(watched) == "unmet"
    assert default_criterion(watched.model_copy(update={"expect": []})) == "degraded"
