"""Law 6 as a figure: a telecommand that runs more often than it was sent is counted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ground.config import GroundConfig, Orbit
from ground.mission import Ground
from safehold.figures import figures
from safehold.simulation import Simulation


def _command(state: str) -> dict[str, Any]:
    return {"state": state, "departure_ns": None if state == "queued" else 0}


def repeated(states: list[str], *, completed: int, failed: int) -> float | None:
    counters = {
        "commands_completed": completed,
        "commands_failed": failed,
        "retired": 0,
        "divergences": [0, 0, 0],
    }
    simulation: Any = SimpleNamespace(
        link=SimpleNamespace(counters={"down_loss_of_signal_bytes": 0}),
        computer=SimpleNamespace(counters=lambda: counters),
        downlink_octets_outside=lambda: 0,
        uplink_octets_outside=0,
        events=[],
        tick_ns=10**8,
    )
    commands = [_command(state) for state in states]
    orbit = Orbit(position_gcrf_m=(6_928_137.0, 0.0, 0.0), velocity_gcrf_m_s=(0.0, 0.0, 7_585.0))
    epoch = "2026-06-21T00:00:00+00:00"
    config = GroundConfig(epoch=epoch, duration_ns=0, tick_ns=10**8, latency_ns=24 * 10**7, orbit=orbit)
    results = Ground(config).results() | {"commands": commands, "requests": {}}
    return figures(cast(Simulation, simulation), results, [])["commands_repeated"]


@pytest.mark.requirement("L2.6")
def test_a_command_that_ran_twice_is_counted() -> None:
    states = ["completed", "failed", "sent", "queued"]
    assert repeated(states, completed=2, failed=1) == 0.0
    assert repeated(states, completed=3, failed=1) == 1.0
    assert repeated(["queued"], completed=1, failed=0) == 1.0
    assert repeated(states, completed=0, failed=0) == 0.0
