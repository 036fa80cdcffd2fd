"""In the first contact of a flight the satellite is reset, or mission control loses its counters: commanding
resumes within the pass, and the recorded uplink is refused.
"""

from __future__ import annotations

import pytest

from flight.dictionary import SETTINGS
from safehold.run import adjusted
from safehold.scenario import load
from safehold.schema import Command, Fault, Scenario
from safehold.simulation import Simulation
from sim.link import Link

SETTING = SETTINGS["schedule_window_s"].id


def _set(value: int, at: str) -> Command:
    arguments = {"setting": SETTING, "index": 0, "value": float(value)}
    return Command.model_validate({"at": at, "name": "set_setting", "arguments": arguments})


def _scenario() -> Scenario:
    fault = {"kind": "computer_reset", "target": "computer", "at": "1400s", "down_s": 20.0}
    commands = [*(_set(100 + i, "0s") for i in range(4)), *(_set(200 + i, "1440s") for i in range(4))]
    base = adjusted(load("in-service"), seed=None, duration="25m")
    return base.model_copy(update={"fault": [Fault.model_validate(fault)], "command": commands})


@pytest.mark.requirement("L2.6")
def test_commanding_resumes_after_a_reset_and_a_replay_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(_scenario())
    recorded: list[bytes] = []
    again: list[bytes] = []
    deliver_up = Link.deliver_up

    def overheard(link: Link, tick: int) -> list[bytes]:
        frames = deliver_up(link, tick)
        recorded.extend(frames)
        replayed = list(again)
        again.clear()
        return frames + replayed

    monkeypatch.setattr(Link, "deliver_up", overheard)
    try:
        simulation.advance(14_700)
        shown = simulation.ground.results()["commands"]
        assert [one["state"] for one in shown] == ["completed"] * 8
        assert all(one["completed_ns"] < 1_470e9 for one in shown)
        before = simulation.computer.counters()
        again.extend(recorded)
        simulation.advance(14_720)
        after = simulation.computer.counters()
        assert len(recorded) >= 8
        assert after["frames_rejected"]["replay"] - before["frames_rejected"]["replay"] == len(recorded)
        assert after["commands_completed"] == before["commands_completed"]
    finally:
        simulation.close()


@pytest.mark.requirement("L2.6")
def test_commanding_resumes_after_mission_control_has_lost_its_counters() -> None:
    simulation = Simulation(_scenario())
    try:
        sender = simulation.ground.ground._sender
        sender.next_counter[sender.key_id] = sender.reserved[sender.key_id] = 1_000_000
        simulation.advance(14_300)
        assert [one["state"] for one in simulation.ground.results()["commands"]][:4] == ["completed"] * 4
        sender.next_counter.clear()
        sender.reserved.clear()
        simulation.advance(14_900)
        results = simulation.ground.results()
        assert [one["state"] for one in results["commands"]] == ["completed"] * 8
        assert [one["name"] for one in results["alarms"]] == ["counter_behind"]
        assert simulation.computer.telemetry()["key_counter"] > 1_000_000
    finally:
        simulation.close()
