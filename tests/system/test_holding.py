"""Frames that nobody answers wait in the driver; a sure lock is not looked at: neither changes anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flight.tm_frames import FILE_CHANNEL
from safehold.scenario import load
from safehold.schema import Scenario
from safehold.simulation import Simulation
from sim.link.signal import Signal

# Two stations in turn and at once; an image comes down, a fault of the flight computer falls into it.
PASS = """
schema = 1
name = "pass"
epoch = 2026-06-21T00:00:00Z
duration = "39m"
orbit = { altitude_km = 550.0, inclination_deg = 97.6, raan_deg = 90.0, argument_of_latitude_deg = -60.0 }
initial = { rate_deg_s = [0.1, -0.1, 0.1], battery_state_of_charge = 0.95 }
[link]
loss = 0.02
duplication = 0.02
[[link.outage]]
from = "28m"
until = "28m5s"
direction = "up"
[[station]]
name = "before"
latitude_deg = 10.0
longitude_deg = 175.0
altitude_m = 0.0
elevation_mask_deg = 5.0
[[station]]
name = "beside"
latitude_deg = 60.0
longitude_deg = 160.0
altitude_m = 0.0
elevation_mask_deg = 5.0
[[command]]
at = "0s"
name = "image_target"
arguments = { latitude = 45.0, longitude = 165.0, altitude = 0.0, exposure = 20, within = 7200 }
[[fault]]
at = "27m"
kind = "replica_bit_flip"
target = "replica.1"
bit = 999
"""


class AsBefore:
    """Stands before the driver, so that it returns after every frame; counts its runs."""

    def __init__(self, driver: Any, *, holds: bool) -> None:
        self.__dict__.update(driver=driver, holds=holds, runs=0, frames=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.driver, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if self.holds or name != "answered_channels":
            setattr(self.driver, name, value)

    def run(self, until: int, uplink: list[bytes]) -> int:
        self.__dict__["runs"] += 1
        return int(self.driver.run(until, uplink))

    def downlink(self) -> list[tuple[int, bytes]]:
        frames: list[tuple[int, bytes]] = self.driver.downlink()
        self.__dict__["frames"] += len(frames)
        return frames


@pytest.fixture
def contact(tmp_path: Path) -> Scenario:
    (tmp_path / "pass.toml").write_text(PASS, encoding="utf-8")
    return load(str(tmp_path / "pass.toml"))


def flown(scenario: Scenario, stops: list[int], *, holds: bool) -> tuple[AsBefore, tuple[Any, ...]]:
    simulation = Simulation(scenario)
    driver = AsBefore(simulation.driver, holds=holds)
    simulation.driver = driver
    for tick in [*stops, simulation.end_tick]:
        simulation.advance(tick)
    link, ground, truth = simulation.link, simulation.ground, simulation.truth.rows().tobytes()
    states = simulation.plant.state_bytes(), simulation.driver.state(), link.to_bytes(), ground.to_bytes()
    kept = list(simulation.frames), ground.results(), simulation.host_state()
    simulation.finish()
    result = simulation.digests(), truth, link.counters, states, kept
    simulation.close()
    return driver, result


@pytest.mark.requirement("S1", "L2.6")
def test_holding_frames_and_sparing_looks_changes_nothing(
    contact: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, result = flown(contact, [], holds=True)
    assert result == flown(contact, [14_000, 15_777, 16_450, 17_111], holds=True)[1]
    assert held.frames > 1_000
    assert any(one.frame[1] >> 1 & 7 == FILE_CHANNEL for one in result[-1][0])
    assert held.runs < held.frames / 4

    def never(*arguments: object) -> int:
        return 0

    monkeypatch.setattr(Signal, "sure_for_ns", never)
    as_before, before = flown(contact, [], holds=False)
    assert before == result
    assert as_before.runs > held.frames


def test_no_more_frames_are_held_than_there_is_room_for(contact: Scenario) -> None:
    """A satellite that talks on and on, and nobody who would answer."""
    simulation = Simulation(contact)
    driver = simulation.driver
    driver.answered_channels = 0
    waited = []
    while driver.tick < 20_000:
        simulation.plant.state["receiver_lock"][0] = 1
        driver.run(20_000, [])
        waited.append(driver.downlink())
        seen = [tick for tick, _ in driver.sights()]
        assert seen == sorted({tick for tick, _ in waited[-1]})
    simulation.close()
    most = max(len(frames) for frames in waited)
    assert 512 <= most < 512 + 16
