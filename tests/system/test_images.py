"""Images taken of places: what the satellite decides, what the payload sees, how the file comes down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flight.cfdp_pdu import FILE_APID
from flight.tm_frames import TM_FRAME_OCTETS, PacketExtractor, decode_tm_frame
from ground.cfdp.destination import ReceivedFile
from ground.cfdp.service import FileService
from safehold.run import run
from sim import payload

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


def _fly(folder: Path, *, noon: bool) -> Any:
    turn = 0.0 if noon else 180.0
    text = SCENARIO.format(raan=90.0 + turn, before=175.0 - turn, behind=150.0 - turn, place=165.0 - turn)
    (folder / "imaging.toml").write_text(text, encoding="utf-8")
    return run(folder / "imaging.toml")


def _events(result: Any, name: str) -> list[dict[str, Any]]:
    return [event for event in result.events if event["name"] == name and event["source"] == "flight"]


def _files(frames: bytes) -> list[ReceivedFile]:
    """What a ground makes of the PDUs in the frames that it received."""
    ground, extractor = FileService(), PacketExtractor()
    ground.resume(0)
    for at in range(0, len(frames), TM_FRAME_OCTETS):
        frame = decode_tm_frame(frames[at : at + TM_FRAME_OCTETS])
        if frame.virtual_channel != 2:
            continue
        for packet in extractor.push(frame):
            assert int.from_bytes(packet[:2], "big") & 0x7FF == FILE_APID
            ground.on_pdu(packet[6:], 0)
    assert not ground.counts
    return ground.take_files()


def test_a_place_is_imaged_and_files_come_down(tmp_path: Path) -> None:
    result = _fly(tmp_path, noon=True)
    assert len(_events(result, "image_taken")) == 1
    assert _events(result, "image_missed") == []
    files = _files(result.frames)
    assert [file.name for file in files] == ["science/0001"]
    assert all(file.name.startswith(("blackbox/", "science/")) for file in files)
    for file in files:
        if file.name.startswith("science/"):
            pixels = np.frombuffer(file.data[len(payload.HEADER) :], np.uint8)
            assert pixels.size == payload.WIDTH * payload.HEIGHT
            assert pixels.min() > 5  # all of it sunlit ground
    modes = [span["mode"] for span in result.document["modes"]]
    assert modes[modes.index("MISSION") + 1] in ("STANDBY", "DOWNLINK")


def test_a_place_in_the_dark_is_not_imaged_and_the_reason_is_told(tmp_path: Path) -> None:
    result = _fly(tmp_path, noon=False)
    assert _events(result, "image_taken") == []
    place_dark = 2.0
    assert [event["arguments"]["reason"] for event in _events(result, "image_missed")] == [place_dark]
    assert "MISSION" not in [span["mode"] for span in result.document["modes"]]
