"""A file goes up by CFDP, over as many passes as it takes."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest

from safehold.errors import ScenarioError
from safehold.scenario import load
from safehold.simulation import Simulation
from tests.system.test_images import SCENARIO

UPLOADS = 0x40_0000  # what an upload's number is below its id in mass memory
OCTETS = 200_000
UPLOAD = """
[[upload]]
at = "22m30s" # the station's carrier goes off at 23.5 min
name = "upload/0007"
file = "table.bin"
"""
STACK = """
[[command]]
at = "0s"
stack = "FILE"
"""


def _scenario(folder: Path, upload: str = UPLOAD) -> Path:
    path = folder / "uploads.toml"
    text = SCENARIO.format(raan=90.0, before=175.0, behind=150.0, place=165.0)
    path.write_text(text + upload, encoding="utf-8")
    return path


@pytest.mark.requirement("L2.3", "L5.2")
def test_a_file_goes_up_and_goes_on_in_the_next_pass_where_the_first_one_ended(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(OCTETS)
    (tmp_path / "table.bin").write_bytes(data)
    simulation = Simulation(load(_scenario(tmp_path)))
    try:
        simulation.advance(15_000)  # between the passes
        (told,) = simulation.ground.results()["files"]["uploads"]
        assert (told["name"], told["octets"], told["state"]) == ("upload/0007", OCTETS, "on its way")
        in_first = told["sent"]
        assert OCTETS // 4 < in_first < OCTETS * 3 // 4
        assert not any(id == UPLOADS + 7 and sealed for id, _, _, sealed in simulation.computer.files())

        simulation.advance(simulation.end_tick)
        (told,) = simulation.ground.results()["files"]["uploads"]
        assert told["state"] == "delivered"
        assert (UPLOADS + 7, True) in [(id, sealed) for id, _, _, sealed in simulation.computer.files()]
        assert simulation.computer.read_file(UPLOADS + 7) == data
        (event,) = [one for one in simulation.events if one.name == "file_received"]
        assert event.arguments[0] == UPLOADS + 7
        # What had come in the first pass did not go up again: 191 octets of a file fit into a frame.
        _, second = simulation.ground.results()["passes"]
        assert second["frames_up"] < (OCTETS - in_first) / 191 + 40
    finally:
        simulation.close()


@pytest.mark.requirement("L2.3", "L5.2")
def test_files_whose_time_is_the_same_go_up_one_after_the_other(tmp_path: Path) -> None:
    files = {
        number: random.Random(number).randbytes(octets) for number, octets in ((1, 200), (2, 0), (3, 9000))
    }
    more = ""
    for number, data in files.items():
        (tmp_path / f"{number}.bin").write_bytes(data)
        more += f'\n[[upload]]\nat = "10m"\nname = "upload/{number:04d}"\nfile = "{number}.bin"\n'
    simulation = Simulation(load(_scenario(tmp_path, more)))
    try:
        simulation.advance(15_000)
        told = simulation.ground.results()["files"]["uploads"]
        assert [(one["name"], one["state"]) for one in told] == [
            (f"upload/{number:04d}", "delivered") for number in files
        ]
        assert {number: simulation.computer.read_file(UPLOADS + number) for number in files} == files
        assert [one.arguments[0] - UPLOADS for one in simulation.events if one.name == "file_received"] == [
            *files
        ]
        assert not any(one.name == "file_refused" for one in simulation.events)
    finally:
        simulation.close()


@pytest.mark.parametrize(
    ("upload", "wrong"),
    [
        (UPLOAD.replace("table.bin", "../table.bin"), "SH-SCN-001.*leads out of the scenario's folder"),
        (UPLOAD.replace("table.bin", "none.bin"), "SH-SCN-001.*cannot be read"),
        (UPLOAD.replace("table.bin", "large.bin"), "SH-SCN-004.*larger than 256 KiB"),
        (UPLOAD.replace("22m30s", "23h"), "SH-SCN-021"),
        (UPLOAD.replace("upload/0007", "science/0007"), "SH-SCN-0.*name"),
        (UPLOAD.replace("upload/0007", "upload/0000"), "SH-SCN-008.*name.*upload/0000.*4194303"),
        (UPLOAD.replace("upload/0007", "upload/4194304"), "SH-SCN-008.*name.*upload/4194304"),
        (UPLOAD.replace("upload/0007", "upload/9999999"), "SH-SCN-008.*name.*upload/9999999"),
        (UPLOAD.replace("upload/0007", "upload/00007"), "SH-SCN-008.*name.*upload/00007"),
        (UPLOAD.replace("table.bin", "loop"), "SH-SCN-001.*leads nowhere"),
        (UPLOAD.replace("table.bin", "pipe"), "SH-SCN-001.*no regular file"),
        (UPLOAD.replace("table.bin", "."), "SH-SCN-001.*no regular file"),
        (STACK.replace("FILE", "loop"), "SH-SCN-001.*leads nowhere"),
        (STACK.replace("FILE", "pipe"), "SH-SCN-001.*no regular file"),
        (UPLOAD + UPLOAD, "SH-SCN-024.*upload/0007 goes up twice"),
        (UPLOAD + 'content = "ab"', "SH-SCN-005.*instead of `content`"),
        (UPLOAD.replace("file =", "content ="), "SH-SCN-008.*base85"),
    ],
)
def test_an_upload_that_cannot_be_is_refused_with_its_reason(tmp_path: Path, upload: str, wrong: str) -> None:
    (tmp_path / "table.bin").write_bytes(b"octets")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large.bin").write_bytes(bytes((256 << 10) + 1))
    with pytest.raises(ScenarioError) as caught:
        load(_scenario(tmp_path, upload))
    assert re.search(wrong, str(caught.value)), str(caught.value)


def test_a_file_that_is_missing_hides_nothing_else_that_is_wrong(tmp_path: Path) -> None:
    wrong = UPLOAD.replace("22m30s", "23h") + UPLOAD.replace("upload/0007", "science/7")
    with pytest.raises(ScenarioError) as caught:
        load(_scenario(tmp_path, wrong))
    assert [(one.id, one.key) for one in caught.value.problems] == [
        ("SH-SCN-001", "[[upload]] 1, file"),
        ("SH-SCN-001", "[[upload]] 2, file"),
        ("SH-SCN-021", "[[upload]] 1, at"),
        ("SH-SCN-008", "[[upload]] 2, name"),
    ]
