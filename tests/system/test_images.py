"""Images taken of places: what the satellite decides, what the payload sees, how the file comes down."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flight.cfdp_pdu import FileData, Pdu, decode_pdu
from flight.tm_frames import FILE_CHANNEL, TM_FRAME_OCTETS, PacketExtractor, decode_tm_frame
from safehold.run import fly
from safehold.scenario import load
from safehold.simulation import Simulation
from sim import payload

SEGMENT = 992

pytestmark = pytest.mark.requirement("L2.2", "L2.4", "L4.2")

# Northwards over the place half an hour after the release, a station before it and another behind it. At this
# epoch a node at 90° is at noon, one at 270° at midnight.
SCENARIO = """
schema = 1
name = "imaging"
description = "A place named by the ground is imaged"
epoch = 2026-06-21T00:00:00Z
duration = "38m"
seed = 1
orbit = {{ altitude_km = 550.0, inclination_deg = 97.6, raan_deg = {raan}, argument_of_latitude_deg = -60.0 }}
initial = {{ rate_deg_s = [0.1, -0.1, 0.1], battery_state_of_charge = 0.95 }}

[[station]]
name = "before"
latitude_deg = 10.0
longitude_deg = {before}
altitude_m = 0.0
elevation_mask_deg = 5.0

[[station]]
name = "behind"
latitude_deg = 72.0
longitude_deg = {behind}
altitude_m = 0.0
elevation_mask_deg = 5.0

[[command]]
at = "0s"
name = "image_target"
arguments = {{ latitude = 45.0, longitude = {place}, altitude = 0.0, exposure = 20, within = 7200 }}
"""


def _scenario(folder: Path, *, noon: bool, more: str = "") -> Path:
    turn = 0.0 if noon else 180.0
    text = SCENARIO.format(raan=90.0 + turn, before=175.0 - turn, behind=150.0 - turn, place=165.0 - turn)
    path = folder / "imaging.toml"
    path.write_text(text + more, encoding="utf-8")
    return path


def _events(result: Any, name: str) -> list[dict[str, Any]]:
    return [event for event in result.events if event["name"] == name and event["source"] == "flight"]


def _pdus(frames: bytes) -> list[Pdu]:
    """The PDUs from the satellite in the frames that the ground received."""
    extractor, pdus = PacketExtractor(), []
    for at in range(0, len(frames), TM_FRAME_OCTETS):
        frame = decode_tm_frame(frames[at : at + TM_FRAME_OCTETS])
        if frame.virtual_channel == FILE_CHANNEL:
            pdus += [decode_pdu(packet[6:]) for packet in extractor.push(frame)]
    return pdus


def test_a_place_is_imaged_and_its_file_is_on_the_ground_by_the_end_of_the_pass(tmp_path: Path) -> None:
    result, outing = fly(load(_scenario(tmp_path, noon=True)))
    (taken,) = _events(result, "image_taken")
    assert taken["arguments"]["file"] == 1
    assert _events(result, "image_missed") == []
    made = outing.simulation.computer.read_file(1)
    (file,) = result.document["files"]["received"]
    assert (file["name"], file["octets"]) == ("science/0001", len(made))
    assert file["sha256"] == hashlib.sha256(made).hexdigest()
    _, behind = result.document["passes"]
    assert taken["sim_time_ns"] / 1e9 < behind["aos_s"] < file["completed_ns"] / 1e9 < behind["aos_s"] + 10.0
    assert result.document["files"]["incomplete"] == []
    pixels = np.frombuffer(made[len(payload.HEADER) :], np.uint8)
    assert pixels.size == payload.WIDTH * payload.HEIGHT
    assert pixels.min() > 5  # all of it sunlit ground
    modes = [span["mode"] for span in result.document["modes"]]
    assert modes[modes.index("MISSION") + 1] in ("STANDBY", "DOWNLINK")


def test_an_image_that_a_loss_of_signal_cuts_off_goes_on_in_the_next_pass_where_it_was(
    tmp_path: Path,
) -> None:
    # The link breaks 1 s after the transmitter came on, for the rest of the pass; the next pass is an orbit
    # later.
    outage = """
[[link.outage]]
from = "30m26.8s"
until = "45m"
"""
    path = _scenario(tmp_path, noon=True, more=outage)
    path.write_text(path.read_text(encoding="utf-8").replace('"38m"', '"2h20m"'), encoding="utf-8")
    simulation = Simulation(load(path))
    try:
        simulation.advance(24_000)
        between = simulation.ground.results()["files"]
        simulation.advance(simulation.end_tick)
        told = simulation.ground.results()["files"]
        made = simulation.computer.read_file(1)
        frames = b"".join(one.frame for one in simulation.frames)
    finally:
        simulation.close()
    (part,) = between["incomplete"]
    assert (part["name"], part["size"], between["received"]) == ("science/0001", len(made), [])
    assert 10_000 < part["octets"] < len(made) - 10_000
    (file,) = told["received"]
    assert (file["sha256"], told["incomplete"]) == (hashlib.sha256(made).hexdigest(), [])
    assert file["completed_ns"] > 90 * 60 * 10**9
    # What was there after the first pass was not sent again.
    data = [pdu.body for pdu in _pdus(frames) if isinstance(pdu.body, FileData) and pdu.sequence == 1]
    early = sorted(body.offset for body in data if body.offset < part["octets"])
    assert early == list(range(0, part["octets"], SEGMENT))


def test_a_place_in_the_dark_is_not_imaged_and_the_reason_is_told(tmp_path: Path) -> None:
    result, _ = fly(load(_scenario(tmp_path, noon=False)))
    assert _events(result, "image_taken") == []
    place_dark = 2.0
    assert [event["arguments"]["reason"] for event in _events(result, "image_missed")] == [place_dark]
    assert "MISSION" not in [span["mode"] for span in result.document["modes"]]
