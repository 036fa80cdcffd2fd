"""The black box of an anomaly comes down by itself, and that of a whole day when it is asked for. On the
ground the files that came give back, bit for bit, the state after any tick that they tell of.

What is compared with is the state of the live computer. The files are those of the run's folder.
"""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from safehold.black_box import BlackBox
from safehold.cli import app
from safehold.received_files import received_chunks
from safehold.run import run
from safehold.scenario import load
from safehold.schema import Command, Fault, Scenario
from safehold.simulation import Simulation
from tests.system.test_images import SCENARIO

AROUND = 6_000  # ticks: ten minutes
DAY = 864_000
RESET = 'kind = "computer_reset"\ntarget = "computer"\nat = "17m"\ndown_s = 20'
# The fault; the tick at which the anomaly is told; ticks that are lost: those of a reset of 20 s with the
# second before it, which was not written through.
ANOMALIES = {
    "reset": (RESET, 10_400, (10_190, 10_399)),
    "wheel": ('kind = "wheel_seize"\ntarget = "wheel.1"\nat = "17m"', 10_211, (0, -1)),
}


@pytest.mark.requirement("L6.3", "L6.4")
@pytest.mark.parametrize("kind", ANOMALIES)
def test_what_was_around_an_anomaly_comes_down_in_the_next_pass_and_gives_back_any_state(
    kind: str, tmp_path: Path
) -> None:
    fault, anomaly, (lost_from, lost_to) = ANOMALIES[kind]
    text = SCENARIO.format(raan=90.0, before=175.0, behind=150.0, place=165.0)
    path = tmp_path / "anomaly.toml"
    path.write_text(f"{text}\n[[fault]]\n{fault}\n", encoding="utf-8")
    result = run(path, out=tmp_path / "run")
    chunks = received_chunks(tmp_path / "run")
    box = BlackBox(chunks)

    # Ten minutes before and after it are there, and of the black box nothing but what reaches into them.
    around = range(anomaly - AROUND, anomaly + AROUND)
    wanted = {tick for tick in around if not lost_from <= tick <= lost_to}
    found = box.verify()
    spans = [range(one.first_tick, one.next_tick) for one in found]
    assert wanted <= {tick for span in spans for tick in span}
    assert all(wanted & set(span) for span in spans)
    assert all(one.checks_held and not one.checks_failed for one in found)

    # All came in the pass after it, but what came at once, and before the image, which was taken by then.
    files = result.document["files"]
    names = [one["name"] for one in files["received"]]
    assert names == [f"blackbox/{number:04d}" for number in range(1, len(spans) + 1)] + ["science/0001"]
    assert files["incomplete"] == []

    ticks = [*random.Random(4).sample(sorted(wanted), 20), anomaly, anomaly + AROUND - 1]
    for tick, (control, telemetry) in _live_states(path, ticks).items():
        _, again, control_again = box.at(tick)
        assert control_again == control, tick
        assert again == telemetry, tick

    verified = CliRunner().invoke(app, ["black-box", str(tmp_path / "run"), "--json"])
    assert verified.exit_code == 0
    assert [one["file"] for one in json.loads(verified.stdout)["chunks"]] == [str(one) for one in chunks]


def _live_states(scenario: Path, ticks: list[int]) -> dict[int, tuple[bytes, dict[str, Any]]]:
    """Control state and parameters after each tick, as the computer had them."""
    simulation = Simulation(load(scenario))
    try:
        seen = {}
        for tick in sorted(ticks):
            simulation.advance(tick + 1)
            seen[tick] = (simulation.computer.control_bytes(), simulation.computer.telemetry())
        return seen
    finally:
        simulation.close()


def _anomalous_day() -> Scenario:
    """`first-contact`, from the tumbling on, with a wheel lost at noon; every chunk is asked for in the first
    contact, and the run goes on into the next day until the last of the first has come.
    """
    lost = Fault.model_validate({"kind": "wheel_seize", "target": "wheel.1", "at": "12h"})
    asked = Command.model_validate(
        {"at": "0s", "name": "send_black_box", "arguments": {"first": 1, "last": 4_194_303}}
    )
    day = load("first-contact")
    return day.model_copy(
        update={"duration": 27 * 3600 * 10**9, "fault": [lost], "command": [*day.command, asked]}
    )


@pytest.mark.long
@pytest.mark.requirement("L6.3", "L6.4")
def test_the_black_box_of_an_anomalous_day_gives_back_its_every_state(tmp_path: Path) -> None:
    scenario = _anomalous_day()
    run(scenario, out=tmp_path / "run")
    box = BlackBox(received_chunks(tmp_path / "run"))
    found = box.verify()
    assert found[0].first_tick == 0
    assert all(one.next_tick == after.first_tick for one, after in pairwise(found))
    assert found[-1].next_tick >= DAY
    assert sum(one.checks_failed for one in found) == 0
    assert sum(one.checks_held for one in found) >= DAY // 600 - 1

    live = Simulation(scenario)
    try:
        for tick, again, control_again in box.states():
            if tick >= DAY:
                break
            live.advance(tick + 1)
            assert live.computer.control_bytes() == control_again, tick
            if tick % 97 == 0:
                assert live.computer.telemetry() == again(), tick
    finally:
        live.close()
    assert tick == DAY
