"""The files that the satellite sent down, in a run's folder: `files/science-0007.pgm` and, to look at,
`files/science-0007.png`; whatever is not an image has the ending `.bin`.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from flight.cfdp_pdu import PduError, read_name
from flight.frames import Delivery
from flight.tm_frames import may_bring_files
from ground.cfdp.destination import ReceivedFile
from ground.cfdp.service import FileService
from ground.receiver import Receiver
from safehold.folder import FolderWriter

FOLDER = "files"
_PGM = b"P5\n"
_PIXELS_MAX = 1 << 24


def files_of(received: Iterable[Delivery]) -> Iterator[ReceivedFile]:
    """The files that came whole in the frames that a ground accepted, as it found them."""
    service, receiver = FileService(), Receiver(values_wanted=False, stored=True)
    for arrival_ns, _, frame in received:
        if not may_bring_files(frame):
            continue
        receiver.receive(frame)
        for octets in receiver.files:
            service.on_pdu(octets[6:], arrival_ns)
            yield from service.take_files()


def as_told(
    files: Iterable[ReceivedFile], told: Iterable[Mapping[str, Any]], differences: list[str]
) -> Iterator[ReceivedFile]:
    """Those that mission control says came whole (`files.received` of result.json). Where the two differ goes
    to `differences` in words. It may give a reception up that the frames have all of: that file is
    incomplete, and not kept.
    """
    expected = [(str(one["name"]), str(one["sha256"])) for one in told]
    found = set()
    for file in files:
        key = file.name, hashlib.sha256(file.data).hexdigest()
        if key in expected:
            found.add(key)
            yield file
        else:
            differences.append(
                f"{_shown(file.name)} is whole in the frames, not to mission control: not kept"
            )
    for key in dict.fromkeys(expected):
        if key not in found:
            differences.append(f"{_shown(key[0])} is whole to mission control, not in the frames kept")


def _shown(name: str) -> str:
    """A name from the link, harmless and short."""
    return ascii(name[:64])


def write_files(writer: FolderWriter, files: Iterable[ReceivedFile]) -> list[str]:
    """Writes each file into the folder's `files`; returns what was written.

    A name that is not one of the satellite's is left out: nothing from the link names a path. A name that
    came twice keeps the last.
    """
    written: set[str] = set()
    for file in files:
        try:
            folder, number = read_name(file.name)
        except PduError:
            continue
        name = f"{FOLDER}/{folder}-{number:04d}"
        picture = png_of_pgm(file.data)
        content = {name + (".pgm" if picture is not None else ".bin"): file.data}
        if picture is not None:
            content[name + ".png"] = picture
        (writer.path / FOLDER).mkdir(exist_ok=True)
        for place, data in content.items():
            writer.write_bytes(place, data)
        written |= content.keys()
    return sorted(written)


def received_chunks(folder: Path) -> list[Path]:
    """The chunks of the black box that came down in a run, by its folder, in the order of their numbers."""
    return sorted((folder / FOLDER).glob("blackbox-*.bin"), key=lambda path: (len(path.name), path.name))


def png_of_pgm(data: bytes) -> bytes | None:
    """A grey image of eight bits (PGM, binary) as PNG; None if it is none, or not whole."""
    if not data.startswith(_PGM):
        return None
    try:
        _, size, levels, pixels = data.split(b"\n", 3)
        width, height = (int(part) for part in size.split())
    except ValueError:
        return None
    if (
        levels != b"255"
        or not (0 < width * height <= _PIXELS_MAX)
        or len(pixels) != width * height
        or width < 0
    ):
        return None
    rows = b"".join(b"\x00" + pixels[at : at + width] for at in range(0, len(pixels), width))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
