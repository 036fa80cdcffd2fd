"""Files come down whole in a run: mission control asks for what is missing, and tells what has come."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from flight.tm_frames import may_bring_files
from ground.process import ZmqGround
from safehold.black_box import BlackBox
from safehold.received_files import files_of
from safehold.scenario import load
from safehold.schema import Scenario
from safehold.simulation import Simulation
from tests.system.test_images import SCENARIO

RESET = """
[[fault]]
kind = "computer_reset"
target = "computer"
at = "17m"
down_s = 20
"""
ANOMALY, IMAGE = 1, 3
ROUND_TRIPS_A_PASS = 40
"""Of a ground in a process of its own, but for the ticks that bring frames of files (test_process.py)."""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """An image is taken after a reset of the computer; the next contact brings it and the reset's chunks."""
    path = tmp_path_factory.mktemp("scenario") / "files.toml"
    text = SCENARIO.format(raan=90.0, before=175.0, behind=150.0, place=165.0) + RESET
    path.write_text(text, encoding="utf-8")
    return load(str(path))


@pytest.fixture(scope="module")
def flown(scenario: Scenario) -> Iterator[Simulation]:
    """Flown to its end, in this process."""
    simulation = Simulation(scenario)
    try:
        simulation.advance(simulation.end_tick)
        simulation.finish()
        yield simulation
    finally:
        simulation.close()


@pytest.mark.requirement("L2.4", "L4.2", "L6.3")
def test_an_image_and_the_black_box_of_an_anomaly_come_down_whole(flown: Simulation, tmp_path: Path) -> None:
    computer, told = flown.computer, flown.ground.results()["files"]
    on_board = {id: kind for id, kind, _, sealed in computer.files() if sealed}
    files = list(files_of(flown.frames))
    assert {on_board[file.sequence] for file in files} == {ANOMALY, IMAGE}
    for file in files:
        assert file.data == computer.read_file(file.sequence), file.name
    assert [(one["name"], one["sha256"]) for one in told["received"]] == [
        (file.name, hashlib.sha256(file.data).hexdigest()) for file in files
    ]
    delivered = [event for event in flown.events if event.name == "file_delivered"]
    assert len(delivered) == len(files)
    paths = []
    for file in files:
        if on_board[file.sequence] == ANOMALY:
            paths.append(tmp_path / file.name.replace("/", "-"))
            paths[-1].write_bytes(file.data)
    chunks = BlackBox(paths).verify()
    assert len(chunks) == len(paths) >= 2
    assert all(chunk.checks_held and not chunk.checks_failed for chunk in chunks)


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("deployment", ["zmq", "distributed"])
def test_files_come_alike_over_zeromq_and_cost_a_round_trip_only_in_the_ticks_that_bring_them(
    scenario: Scenario, flown: Simulation, deployment: str
) -> None:
    far = Simulation(scenario, deployment=deployment)
    try:
        far.advance(far.end_tick)
        far.finish()
        assert far.digests() == flown.digests()
        assert far.ground.results() == flown.ground.results()
        bringing = {-(-one.arrival_ns // far.tick_ns) for one in far.frames if may_bring_files(one.frame)}
        assert isinstance(far.ground, ZmqGround)
        passes = len(far.ground.results()["passes"])
        assert passes == 2
        assert len(bringing) > 50
        assert far.ground._sequence <= len(bringing) + passes * ROUND_TRIPS_A_PASS
    finally:
        far.close()
