"""An operator commands a mission control that was started by hand: `safehold command`, in flight.

Real processes: the ground is one of its own that keeps a folder, each telecommand is asked for by another.
The flight is `first-contact`, whose first pass begins after 1,374 s; mission control is killed (SIGKILL) with
a request waiting, and once more in mid-pass with one just asked for.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from safehold.checks import shortened
from safehold.deployment import Deployment
from safehold.scenario import load
from safehold.simulation import Simulation

SAFEHOLD = [sys.executable, "-m", "safehold"]
PASS_S = 1_374
NOT_ARMED = 11
Ask = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def ask(folder: Path) -> Ask:
    """Runs `safehold command` on the folder; what it says."""

    def ask(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [*SAFEHOLD, "command", *arguments, "--data", str(folder)], capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
        return done.stdout or done.stderr

    return ask


class GroundByHand:
    """`safehold ground --data`, as the run says that it is to be started."""

    def __init__(self, told: str, folder: Path) -> None:
        said = re.search("safehold ground (.*)", told)
        assert said is not None
        self.arguments = [*SAFEHOLD, "ground", *said[1].split(), "--data", str(folder)]
        self.process = subprocess.Popen(self.arguments)

    def wait(self) -> int:
        return self.process.wait(60)

    def kill_and_start(self) -> None:
        self.end()
        self.process = subprocess.Popen(self.arguments)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def flight(folder: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[tuple[Simulation, GroundByHand]]:
    scenario = shortened(load("first-contact"), 1_700 * 10**9)
    simulation = Simulation(scenario, deployment=Deployment(ground="tcp://127.0.0.1:*"))
    ground = GroundByHand(capfd.readouterr().err, folder)
    yield simulation, ground
    simulation.close()
    ground.end()


def fly_to(simulation: Simulation, seconds: int) -> None:
    simulation.advance(seconds * 10**9 // simulation.tick_ns)


@pytest.mark.requirement("L2.3", "L2.6")
def test_what_an_operator_asks_for_goes_up_once_and_is_verified(
    flight: tuple[Simulation, GroundByHand], ask: Ask, tmp_path: Path
) -> None:
    simulation, ground = flight

    def asked() -> dict[int, dict[str, Any]]:
        rows = json.loads(ask("--json"))["telecommands"]
        return {one["request"]: one for one in rows if one["request"] is not None}

    fly_to(simulation, 1)
    ask("ping")
    assert asked()[1]["state"] == "waiting"
    ground.kill_and_start()
    fly_to(simulation, PASS_S + 60)
    ping = asked()[1]
    assert ping["state"] == "completed"
    assert PASS_S * 10**9 <= ping["departure_ns"] < ping["answer_ns"] < ping["departure_ns"] + 2 * 10**9
    # In the pass, while it runs. A dangerous telecommand has to be armed first, as from a scenario.
    ask("reset_computer")
    ground.kill_and_start()
    fly_to(simulation, PASS_S + 100)
    (tmp_path / "reset.toml").write_text(
        '[[command]]\nname = "arm"\narguments = { command = "reset_computer", seconds = 60 }\n'
        '[[command]]\nname = "reset_computer"\nafter_completion = true\n'
    )
    assert "mode is 99" in ask("set_mode", "mode=99", code=2)
    ask("--stack", str(tmp_path / "reset.toml"))
    fly_to(simulation, PASS_S + 150)
    ask("--cancel", "2", code=2)
    told = [one for one in simulation.ground.results()["commands"] if one["origin"].startswith("request ")]
    assert [(one["origin"], one["name"], one["state"]) for one in told] == [
        ("request 1", "ping", "completed"),
        ("request 2", "reset_computer", "failed"),
        ("request 3", "arm", "completed"),
        ("request 3", "reset_computer", "completed"),
    ]
    assert told[1]["failure_code"] == NOT_ARMED
    assert all((PASS_S + 60) * 10**9 <= one["at_ns"] < (PASS_S + 130) * 10**9 for one in told[1:])
    shown = [line.split() for line in ask().splitlines()]
    assert ["3", "reset_computer", "completed"] in [line[:3] for line in shown]


@pytest.mark.requirement("L2.3")
def test_what_is_asked_for_after_the_run_is_refused(
    flight: tuple[Simulation, GroundByHand], ask: Ask, folder: Path
) -> None:
    """The run ends before its time and before the first pass: nobody flies that mission any more."""
    simulation, ground = flight
    fly_to(simulation, 700)
    simulation.ground.results()
    ask("ping")
    simulation.close()
    assert ground.wait() == 0
    before = (folder / "console.sqlite").read_bytes()
    told = ask("ping", code=2)
    assert "SH-CON-005" in told
    assert "and its run has ended; nothing goes up any more" in told
    assert "SH-CON-005" in ask("--cancel", "1", code=2)
    assert (folder / "console.sqlite").read_bytes() == before
    assert "; its run has ended" in ask().splitlines()[0]
