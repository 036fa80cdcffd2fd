"""Truth never reaches the flight software: fed with recorded frames alone, in a process without the
simulator, it does the same.

The chain is rebuilt here from its description in docs/wire.md, in Python, and not by the driver that made it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from safehold.radio import station_table
from safehold.schema import Scenario
from safehold.simulation import Simulation

REPLAY = """
import json, struct, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sim", "ground", "safehold", "numba", "skyfield"):
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Refuse())
from flight.chain import Chain
from flight.computer import make_computer

for name in ("sim", "safehold"):
    try:
        __import__(name)
        sys.exit(f"{name} could be imported")
    except ImportError:
        pass

computer = make_computer(replicas=3, tick_ns=100_000_000, parameters=json.loads(sys.argv[3]))
chain = Chain("flight")
with open(sys.argv[1], "rb") as sensors, open(sys.argv[2]) as uplinks:
    uplink = json.load(uplinks)
    tick = 0
    while frame := sensors.read(464):
        if tick % 600 == 0:
            chain.add(computer.chain_bytes())
        actuator, frames = computer.step(frame, [bytes.fromhex(text) for text in uplink.get(str(tick), [])])
        chain.add(struct.pack("<q", tick * 100_000_000) + actuator + b"".join(frames))
        tick += 1
chain.add(computer.chain_bytes())
print(tick, chain.hexdigest())
"""


class Listener:
    """Stands between the simulation and the driver and keeps what the flight computer was given."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self.sensors = bytearray()
        self.uplinks: dict[int, list[str]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def run(self, until: int, uplink: list[bytes]) -> int:
        if uplink:
            self.uplinks[self._driver.tick] = [frame.hex() for frame in uplink]
        while True:
            self.sensors += self._driver.sensor_frame
            reached = int(self._driver.run(self._driver.tick + 1, uplink))
            uplink = []
            if reached >= until or self._driver.attention:
                return reached


@pytest.mark.requirement("S1", "L6.4")
def test_recorded_inputs_give_the_same_flight_chain_where_sim_cannot_be_imported(
    half_hour: Scenario, tmp_path: Path
) -> None:
    simulation = Simulation(half_hour)
    listener = Listener(simulation.driver)
    simulation.driver = listener
    simulation.advance(simulation.end_tick)
    assert listener.uplinks, "a telecommand went up"
    (tmp_path / "sensors").write_bytes(listener.sensors)
    (tmp_path / "uplinks").write_text(json.dumps(listener.uplinks))
    parameters = json.dumps(station_table(simulation.sites))
    done = subprocess.run(
        [sys.executable, "-c", REPLAY, str(tmp_path / "sensors"), str(tmp_path / "uplinks"), parameters],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(half_hour.ticks), simulation.digests()["flight"]]
