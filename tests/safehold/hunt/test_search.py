"""The search's own logic, on flights that are made up: what breaks is known, so is the smallest of it."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.checks import check
from safehold.errors import HuntError
from safehold.fault_kinds import kinds
from safehold.hunt.flights import Flights, HuntStoppedError
from safehold.hunt.invariants import with_invariants
from safehold.hunt.ladders import DURATIONS_S, INSTANT, Space, ladder, sizes
from safehold.hunt.schedule import CommandEvent, FaultEvent, Latency, Mask, Schedule, apply, last_s
from safehold.hunt.search import Plan, Search, chosen_kinds, make_plan, search
from safehold.hunt.smaller import size, steps_down
from safehold.hunt.strategies import schedules
from safehold.scenario import Source, load
from safehold.schema import Scenario
from safehold.timeline import WORKING

pytestmark = pytest.mark.requirement("S5")
BACK_S = 45 * 60


class Imagined(Flights):
    """Flights that break by a rule on the scenario instead of being flown."""

    def __init__(self, rule: Callable[[Scenario], bool]) -> None:
        super().__init__()
        self.rule = rule

    def fly(self, scenario: Scenario) -> Mapping[str, Any]:
        self.count += 1
        return {
            "outcome": "LOST" if self.rule(scenario) else "OK",
            "reasons": ["by the rule"],
            "expectations": [],
            "digest": "",
            "modes": [{"mode": "SAFE", "from_s": 0.0}, {"mode": "STANDBY", "from_s": 740.0}],
        }

    def broken(self, scenario: Scenario, criterion: str) -> tuple[str, ...]:
        return ("by the rule",) if self.fly(scenario)["outcome"] == "LOST" else ()


def plan_for(flights: Flights, *, seed: int = 0, at_most: int = 3, **options: Any) -> Plan:
    wanted = {"faults": (), "examples": 250, "broken_if": "unmet", "back_within_s": BACK_S} | options
    return make_plan(load("in-service"), flights, at_most=at_most, seed=seed, **wanted)


def hunt(rule: Callable[[Scenario], bool], **options: Any) -> tuple[Search, list[Schedule], Imagined]:
    flights = Imagined(rule)
    told: list[Schedule] = []
    plan = plan_for(flights, **options)
    found = search(plan, flights, Search(), told=lambda now, schedule: told.append(schedule))
    return found, told, flights


def has(scenario: Scenario, kind: str) -> bool:
    return any(fault.kind == kind for fault in scenario.fault)


@pytest.mark.parametrize("seed", [0, 1])
def test_two_faults_that_only_break_together_are_found_and_nothing_else_is_kept(seed: int) -> None:
    found, told, _ = hunt(lambda one: has(one, "wheel_seize") and has(one, "drive_stuck"), seed=seed)
    assert found.complete
    assert found.smallest is not None
    assert sorted(event.kind for event in found.smallest if isinstance(event, FaultEvent)) == [
        "drive_stuck",
        "wheel_seize",
    ]
    assert len(found.smallest) == 2
    assert told[-1] == found.smallest
    assert [len(one) for one in told] == sorted((len(one) for one in told), reverse=True)


@pytest.mark.parametrize("seed", range(5))
def test_size_and_time_are_shrunk_as_well(seed: int) -> None:
    def rule(scenario: Scenario) -> bool:
        return any(
            fault.kind == "wheel_friction" and float(fault.parameters["factor"]) >= 20.0
            for fault in scenario.fault
        )

    found, _, _ = hunt(rule, seed=seed)
    assert found.smallest == (FaultEvent(15 * 60, "wheel_friction", "wheel.0", 1, (("factor", 20.0),)),)


def test_sizes_are_compared_as_numbers() -> None:
    # As words "factor 1000" comes before "factor 20".
    small, large = ((FaultEvent(900, "wheel_friction", "wheel.0", 1, (("factor", f),)),) for f in (20.0, 1e3))
    assert size(small) < size(large)


@pytest.mark.parametrize("seed", range(4))
def test_no_single_step_down_from_what_is_found_breaks(seed: int) -> None:
    """By a rule under which a smaller size must be made up for by time."""

    def rule(scenario: Scenario) -> bool:
        return any(
            fault.kind == "wheel_friction"
            and (fault.duration or 10**12) // 10**9 * float(fault.parameters["factor"]) >= 5000.0
            for fault in scenario.fault
        )

    flights = Imagined(rule)
    plan = plan_for(flights, seed=seed)
    found = search(plan, flights, Search(), told=lambda now, schedule: None)
    assert found.smallest is not None
    steps = list(steps_down(plan.space, found.smallest))
    assert steps
    assert not any(rule(plan.scenario(smaller)) for smaller in steps)


def test_the_descent_goes_on_where_the_search_has_lost_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(scenario: Scenario) -> bool:
        return any(
            fault.kind == "wheel_friction" and float(fault.parameters["factor"]) >= 20.0
            for fault in scenario.fault
        )

    monkeypatch.setattr("safehold.hunt.search.PATIENCE_FLIGHTS", 0)
    found, _, _ = hunt(rule)
    assert found.smallest == (FaultEvent(15 * 60, "wheel_friction", "wheel.0", 1, (("factor", 20.0),)),)


def test_the_same_seed_asks_the_same_questions_and_another_one_others() -> None:
    def asked(seed: int) -> list[Scenario]:
        seen: list[Scenario] = []
        hunt(lambda one: seen.append(one) is not None, seed=seed, examples=30)
        return seen

    first = asked(5)
    assert len(first) > 25
    assert first == asked(5)
    assert first != asked(6)


def test_where_nothing_breaks_nothing_is_found() -> None:
    found, told, flights = hunt(lambda one: False, examples=50)
    assert (found.smallest, told, found.complete) == (None, [], True)
    # Equal schedules are flown once; the base is flown first.
    assert flights.count == found.schedules + 1 <= 51
    assert found.schedules > 40


def test_a_stop_keeps_the_smallest_so_far() -> None:
    flights = Imagined(lambda one: has(one, "wheel_seize"))
    plan = plan_for(flights)
    kept = Search()

    def told(now: Search, schedule: Schedule) -> None:
        raise HuntStoppedError

    with pytest.raises(HuntStoppedError):
        search(plan, flights, kept, told=told)
    assert kept.smallest is not None
    assert any(isinstance(one, FaultEvent) and one.kind == "wheel_seize" for one in kept.smallest)
    assert not kept.complete


def test_a_base_that_is_broken_already_is_refused() -> None:
    with pytest.raises(HuntError) as refused:
        hunt(lambda one: True)
    assert refused.value.id == "SH-HNT-011"


def test_a_base_without_room_is_refused() -> None:
    with pytest.raises(HuntError) as refused:
        hunt(lambda one: False, back_within_s=90 * 60)
    assert refused.value.id == "SH-HNT-009"
    assert "5400 s must follow" in refused.value.text


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(HuntError) as refused:
        chosen_kinds(["wheel_sieze"], load("in-service"))
    assert refused.value.id == "SH-HNT-008"
    assert "wheel_seize" in refused.value.text


def test_without_hypothesis_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "hypothesis":
            raise ModuleNotFoundError("No module named 'hypothesis'", name="hypothesis")
        return imported(name, *arguments, **options)

    import safehold.hunt

    monkeypatch.delitem(sys.modules, "safehold.hunt.strategies")
    monkeypatch.delattr(safehold.hunt, "strategies")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(HuntError) as refused:
        plan_for(Imagined(lambda one: False))
    assert refused.value.id == "SH-HNT-010"
    assert "safehold[hunt]" in refused.value.text


SPACE = Space(
    kinds=chosen_kinds((), load("in-service")),
    from_s=900,
    until_s=54 * 60,
    at_most=4,
    commands=(("ping", ()),),
    stations=1,
    flight_bits=1000,
)


@given(schedule=schedules(SPACE))
def test_every_schedule_makes_a_scenario_that_can_be_flown(schedule: Schedule) -> None:
    base = load("in-service")
    scenario = with_invariants(base, schedule, settled_s=900, back_within_s=BACK_S)
    assert check(scenario, Source("drawn", None)) == scenario
    assert 1 <= len(schedule) <= 4
    faults = [event for event in schedule if isinstance(event, FaultEvent)]
    assert sum(event.duration_s is None and event.kind not in INSTANT for event in faults) <= 1
    assert all(event.at_s >= 900 for event in faults)
    assert last_s(schedule) <= 54 * 60
    # What has to hold begins after the last event and is looked at for a while.
    (mode,) = [one for one in scenario.expect if one.equals == list(WORKING)]
    assert mode.from_ == (max(last_s(schedule), 900) + BACK_S) * 10**9
    assert mode.from_ < base.duration
    assert apply(base, ()) == base


def test_how_long_a_reset_keeps_the_computer_down_is_a_duration() -> None:
    """An hour of downtime is an hour out of work: drawn like a size it was found to break any satellite."""
    (reset,) = [kind for kind in SPACE.kinds if kind.name == "computer_reset"]
    (downtime,) = reset.parameters
    assert list(sizes(SPACE, downtime)) == list(DURATIONS_S)
    event = FaultEvent(900, reset.name, "computer", None, ((downtime.name, 300.0),))
    assert event.words() == "15m: computer_reset of computer for 5m"
    assert last_s((event,)) == 1200


def test_the_drawn_kinds_are_those_of_the_registry_that_befall_the_satellite() -> None:
    drawn = {kind.name for kind in SPACE.kinds}
    link = {name for name in kinds() if name.startswith("link_")}
    assert len(link) == 7
    assert drawn == set(kinds()) - {"object_approach"} - link
    assert [kind.name for kind in chosen_kinds(["link_loss"], load("in-service"))] == ["link_loss"]


@given(schedule=schedules(SPACE))
def test_every_step_down_is_smaller_and_can_be_flown(schedule: Schedule) -> None:
    steps = list(steps_down(SPACE, schedule))
    assert all(size(smaller) < size(schedule) for smaller in steps)
    assert len(schedule) == 1 or any(len(smaller) < len(schedule) for smaller in steps)
    for smaller in steps:
        assert all(event.at_s >= 900 for event in smaller if isinstance(event, FaultEvent | CommandEvent))
        assert last_s(smaller) <= 54 * 60
        assert check(apply(load_base(), smaller), Source("smaller", None))
    for event in schedule:
        if isinstance(event, Mask) and event.elevation_deg > 20.0:
            assert any(Mask(20.0) in smaller for smaller in steps)
        if isinstance(event, Latency) and event.latency_ms > 500.0:
            assert any(Latency(500.0) in smaller for smaller in steps)


@cache
def load_base() -> Scenario:
    return load("in-service")


@given(data=st.data())
def test_sizes_lie_within_their_kind(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([kind for kind in SPACE.kinds if kind.parameters]))
    for parameter in kind.parameters:
        rungs = ladder(parameter)
        assert rungs
        assert all(parameter.lowest <= rung <= parameter.highest for rung in rungs)
        assert [abs(rung) for rung in rungs] == sorted(abs(rung) for rung in rungs)
