"""Files from the satellite in a run's folder: images also as PNG, and no name from the link names a path."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import pytest

from ground.cfdp.destination import ReceivedFile
from safehold import run_folder
from safehold.folder import FolderWriter
from safehold.received_files import as_told, png_of_pgm, write_files
from safehold.run import adjusted
from safehold.scenario import load

pytestmark = pytest.mark.requirement("L2.2")


def _file(name: str, data: bytes) -> ReceivedFile:
    return ReceivedFile(name, data, 0, 1, 0)


def test_images_can_be_looked_at_and_other_files_are_kept(tmp_path: Path) -> None:
    image = b"P5\n3 2\n255\n" + bytes(range(6))
    with FolderWriter(tmp_path / "run", "x") as writer:
        written = write_files(
            writer,
            [_file("science/0007", image), _file("blackbox/12345", b"octets"), _file("science/0007", image)],
        )
        place = writer.commit()
    assert written == ["files/blackbox-12345.bin", "files/science-0007.pgm", "files/science-0007.png"]
    assert (place / "files" / "science-0007.pgm").read_bytes() == image
    assert (place / "files" / "blackbox-12345.bin").read_bytes() == b"octets"


def test_png_holds_the_same_pixels() -> None:
    png = png_of_pgm(b"P5\n3 2\n255\n" + bytes([0, 50, 100, 150, 200, 250]))
    assert png is not None
    assert png[16:26] == struct.pack(">IIBB", 3, 2, 8, 0)
    length = struct.unpack(">I", png[33:37])[0]
    assert png[37:41] == b"IDAT"
    assert zlib.decompress(png[41 : 41 + length]) == bytes([0, 0, 50, 100, 0, 150, 200, 250])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"P5\n",
        b"P5\n3 2\n255\n" + bytes(5),
        b"P5\n-3 -2\n255\n" + bytes(6),
        b"P5\n9 9 9\n255\n",
        b"P5\nx y\n255\n",
    ],
)
def test_what_is_no_whole_image_is_none(data: bytes) -> None:
    assert png_of_pgm(data) is None


def test_hostile_names_write_nothing(tmp_path: Path) -> None:
    names = ["../../etc/passwd", "/etc/passwd", "science/../0001", "science/0001\x00", "x" * 4096]
    with FolderWriter(tmp_path / "run", "x") as writer:
        assert write_files(writer, [_file(name, b"x") for name in names]) == []
        writer.write_text("result.json", "{}")
        place = writer.commit()
    assert [path.name for path in place.iterdir()] == ["result.json"]


def _told(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "octets": len(data), "sha256": hashlib.sha256(data).hexdigest(), "completed_ns": 0}


def test_only_what_mission_control_has_whole_is_kept() -> None:
    """Of the same name another content is another file; what is missing on either side is said."""
    came = [_file("science/0001", b"a"), _file("science/0002", b"b"), _file("science/0003", b"other\n")]
    told = [_told("science/0001", b"a"), _told("science/0003", b"c")]
    differences: list[str] = []
    kept = as_told(came, told, differences)
    assert [one.name for one in kept] == ["science/0001"]
    assert differences == [
        "'science/0002' is whole in the frames, not to mission control: not kept",
        "'science/0003' is whole in the frames, not to mission control: not kept",
        "'science/0003' is whole to mission control, not in the frames kept",
    ]
    none: list[str] = []
    assert list(as_told(came[:1], told[:1], none)) == came[:1]
    assert not none
    assert not list(as_told([_file("x\n\x1b[31m" * 50, b"")], [], none))
    (line,) = none
    assert len(line) < 400
    assert line.isprintable()


def test_a_run_folder_has_no_file_that_was_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a reception that mission control gave up were whole in the frames."""
    short = adjusted(load("first-contact"), seed=None, duration="1m")
    short = short.model_copy(update={"output": short.output.model_copy(update={"report": False})})
    monkeypatch.setattr(run_folder, "files_of", lambda received: [_file("science/0007", b"octets")])
    result = run_folder.write_run(short, tmp_path / "run")
    assert result.document["files"]["received"] == []
    assert not (tmp_path / "run" / "files").exists()
    assert "'science/0007' is whole in the frames" in (tmp_path / "run" / "run.log").read_text()
