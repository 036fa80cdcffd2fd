"""Resets of the whole computer in flight: by the plant's truth it comes back, and nothing fires twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flight.dictionary import ENUMERATIONS, EVENT_IDS, load_native
from safehold import snapshot
from safehold.run import adjusted, fly
from safehold.scenario import load
from safehold.schema import Fault, Scenario
from safehold.simulation import Simulation

SECOND = 1_000_000_000
TICKS_S = 10
DOWN_S = 30
MODES = ENUMERATIONS["mode"]
POINTING = [MODES.index(name) for name in ("STANDBY", "DOWNLINK")]


@dataclass(frozen=True, slots=True)
class Comeback:
    """What a reset led to: mode before, seconds from it to steady pointing, deployment firings by wing."""

    tick: int
    mode: str
    recovered_s: float
    fired: tuple[int, ...]
    resets_told: int


class Prober:
    """Resets a copy of a flight, again and again, and leaves the flight alone."""

    def __init__(self, scenario: Scenario) -> None:
        self.simulation = Simulation(scenario)
        self.plant, self.computer, self.driver = self.simulation.onward(())
        columns = self.simulation.columns
        self.mode = 1 + columns.index("flight_mode")
        self.error = 1 + columns.index("pointing_error_deg")

    def reset_at(self, tick: int, follow_s: int) -> Comeback:
        """Fly to a tick, and a copy of it through a reset of half a minute for some time."""
        self.simulation.advance(tick)
        self.plant.restore(self.simulation.plant.state_bytes())
        self.driver.restore(self.simulation.driver.state())
        self.driver.set_truth_interval(TICKS_S)
        before = self._fired(self.simulation.events)
        self.driver.events()
        self.driver.truth_rows()
        self.driver.schedule_reset(tick, DOWN_S * SECOND)
        until = tick + follow_s * TICKS_S
        while self.driver.tick < until:
            self.driver.run(until)
            self.driver.downlink()
        rows = self.driver.truth_rows()
        events = self.driver.events()
        pointing = np.isin(rows[:, self.mode], POINTING) & (rows[:, self.error] < 0.5)
        away = np.flatnonzero(~pointing)
        return Comeback(
            tick,
            self.simulation.mode,
            float(rows[away[-1], 0] - tick) / TICKS_S if len(away) else 0.0,
            before + tuple(int(one[3][0]) for one in events if one[1] == EVENT_IDS["deployment_fired"]),
            sum(one[1] == EVENT_IDS["computer_reset"] for one in events),
        )

    def close(self) -> None:
        """End the flight."""
        self.simulation.close()

    @staticmethod
    def _fired(events: list[Any]) -> tuple[int, ...]:
        return tuple(int(one.arguments[0]) for one in events if one.id == EVENT_IDS["deployment_fired"])


@pytest.fixture
def prober() -> Iterator[Prober]:
    found = Prober(load("in-service"))
    yield found
    found.close()


def judge(comeback: Comeback) -> None:
    """A minute after a start when it had been pointing, and within the time of launch when it had not."""
    assert comeback.resets_told == 1, comeback
    if comeback.mode in ("STANDBY", "DOWNLINK"):
        assert comeback.recovered_s <= DOWN_S + 30, comeback
    else:
        assert comeback.recovered_s <= 900, comeback
    for wing in (0, 1):
        # Once, and once more only where the reset cut the first one short.
        assert 1 <= comeback.fired.count(wing) <= 2, comeback


@pytest.mark.requirement("L3.6", "L3.7")
def test_a_reset_at_random_ticks_ends_in_steady_pointing_and_fires_nothing_twice(prober: Prober) -> None:
    ticks = sorted(random.Random(36).sample(range(3_100, 30_000), 25))
    for tick in ticks:
        comeback = prober.reset_at(tick, 900)
        judge(comeback)
        assert comeback.fired == (0, 1), comeback  # both wings were out before


@pytest.mark.long
@pytest.mark.requirement("L3.6", "L3.7")
def test_a_reset_at_three_hundred_random_ticks_from_separation_on(prober: Prober) -> None:
    chosen = random.Random(37)
    ticks = sorted([*chosen.sample(range(1, 3_100), 100), *chosen.sample(range(3_100, 40_000), 200)])
    for tick in ticks:
        judge(prober.reset_at(tick, 1_200))


def reset_scenario(at_s: float, *, duration: str = "25m", down_s: float = DOWN_S) -> Scenario:
    """In service with one reset."""
    fault = Fault.model_validate(
        {"kind": "computer_reset", "target": "computer", "at": f"{at_s:g}s", "down_s": down_s}
    )
    return adjusted(load("in-service"), seed=None, duration=duration).model_copy(update={"fault": [fault]})


@pytest.mark.requirement("L6.4")
def test_snapshots_around_and_within_a_downtime_end_in_the_same_digest() -> None:
    scenario = reset_scenario(900)
    whole = fly(scenario)[0]
    assert whole.digest != fly(scenario.model_copy(update={"fault": []}))[0].digest
    simulation = Simulation(scenario)
    taken = []
    for tick in (8_999, 9_000, 9_001, 9_150, 9_299, 9_300, 9_301):
        simulation.advance(tick)
        taken.append(snapshot.take(simulation))
    simulation.close()
    for data in taken:
        assert dict(fly(snapshot.scenario_of(data), start=data)[0].digests) == dict(whole.digests)


@pytest.mark.requirement("L6.4")
@pytest.mark.parametrize("start", [0, 8_000])
def test_a_recording_with_a_reset_in_it_replays_to_the_recorded_digest(tmp_path: Path, start: int) -> None:
    path = tmp_path / "inputs"
    simulation = Simulation(reset_scenario(1_210))  # in the first contact, under commands
    try:
        simulation.advance(start)
        simulation.driver.record_inputs(path)
        simulation.advance(15_000)
        simulation.driver.record_inputs(None)
        assert any(event.id == EVENT_IDS["computer_reset"] for event in simulation.events)
        replayed = load_native().replay(path)
        assert replayed == {"ticks": 15_000, "flight": simulation.digests()["flight"], "equal": True}
    finally:
        simulation.close()
