"""Files under way in a store: after every write it holds what there is, and no octet is written often."""

from __future__ import annotations

import json
import random
from base64 import b85encode
from collections import Counter
from collections.abc import Mapping

import pytest

from flight.cfdp_checksum import checksum
from flight.cfdp_pdu import (
    GROUND,
    SATELLITE,
    Ack,
    Body,
    Directive,
    Eof,
    FileData,
    Finished,
    Metadata,
    Pdu,
    encode_pdu,
)
from ground.cfdp.destination import RECEPTIONS_MAX
from ground.cfdp.reception import KEPT_OCTETS
from ground.config import Upload
from ground.file_keeping import FileKeeping
from ground.files import Files
from tests.ground.cfdp.peers import picture

pytestmark = pytest.mark.requirement("L2.6")
UPLOADS = (
    Upload(at_ns=0, name="upload/0001", content=b85encode(picture(30_000, 9)).decode()),
    Upload(at_ns=0, name="upload/0002", content=""),
)


class Kept:
    """Files, and what a store has of them after each step."""

    def __init__(self) -> None:
        self.files = Files(UPLOADS)
        self.files.service.resume(0)
        self.keeping = FileKeeping()
        self.pieces: dict[str, bytes] = {}
        self.written: Counter[str] = Counter()
        self.now_ns = 0

    def say(self, sequence: int, *bodies: Body, up: bool = False) -> None:
        ends = (GROUND, SATELLITE) if up else (SATELLITE, GROUND)
        for body in bodies:
            pdu = encode_pdu(Pdu(ends[0], sequence, ends[1], body))
            self.files.take(bytes(6) + pdu, self.now_ns)
        self.keep()

    def keep(self) -> None:
        changes = self.keeping.changes(self.files)
        self._commit(changes)
        assert self.again().to_plain() == self.files.to_plain()
        assert self.keeping.changes(self.files) == {}

    def again(self) -> Files:
        plain = json.loads(json.dumps(self.files.to_plain(octets=False)))
        found = Files.from_plain(plain, UPLOADS)
        FileKeeping().restore(found, self.pieces)
        return found

    def restart(self) -> None:
        self.files = self.again()
        self.keeping = FileKeeping()
        self.keeping.restore(self.files, self.pieces)

    def _commit(self, changes: Mapping[str, bytes | None]) -> None:
        for name, value in changes.items():
            if value is None:
                del self.pieces[name]
            else:
                self.pieces[name] = value
                self.written[name] += len(value)


def _parts(data: bytes) -> list[Body]:
    return [FileData(at, data[at : at + 992]) for at in range(0, len(data), 992)]


def _ends(name: str, data: bytes) -> tuple[Body, Body]:
    return Metadata(len(data), name, name), Eof(checksum(3, data), len(data))


def test_any_file_in_any_order_is_kept_and_goes_when_it_is_over() -> None:
    chance, kept = random.Random(5), Kept()
    for number in range(1, 5):
        data = picture(chance.randrange(1, 120_000), number)
        bodies = [*_parts(data), *_ends(f"science/{number:04d}", data)]
        chance.shuffle(bodies)
        for at in range(0, len(bodies), 9):
            kept.now_ns += 10**8
            kept.say(number, *bodies[at : at + 9])
            kept.files.due(kept.now_ns, line_full=chance.random() < 0.5)
            kept.keep()
            if chance.random() < 0.3:
                kept.restart()
        kept.say(number, Ack(Directive.FINISHED, 0, 2))
        assert [one[0] for one in kept.files.whole] == [f"science/{n:04d}" for n in range(1, number + 1)]
    assert not any("reception" in name for name in kept.pieces)
    while kept.files.service.sendings:
        (sequence,) = kept.files.service.sendings
        kept.say(sequence, Finished(True), up=True)
        kept.files.due(kept.now_ns, line_full=False)
        kept.keep()
    assert sorted(name.split("/")[1] for name in kept.pieces) == ["whole"] * 4


def test_of_a_file_that_is_put_out_and_comes_again_nothing_old_is_left() -> None:
    kept, data = Kept(), picture(200_000)
    kept.say(1, *_parts(data))
    for number in range(2, RECEPTIONS_MAX + 2):
        kept.now_ns += 1
        kept.say(number, FileData(0, b"x"))
    assert 1 not in kept.files.service.destination.receptions
    kept.say(1, FileData(70_000, b"y"))
    (last,) = [value for name, value in kept.pieces.items() if name.startswith("octets/reception/1/4")]
    assert last == bytes(70_000 - 4 * KEPT_OCTETS) + b"y"


def test_no_octet_is_written_often_and_a_file_that_came_whole_once() -> None:
    kept, data = Kept(), picture(1 << 20)
    for at in range(0, len(parts := _parts(data)), 12):  # a tick's frames at 1 Mbit/s
        kept.say(7, *parts[at : at + 12])
    assert sum(kept.written.values()) < 3 * len(data)
    kept.say(7, *_ends("science/0007", data))
    before = kept.written.copy()
    for sequence in range(8, 40):
        name = f"science/{sequence:04d}"
        kept.say(sequence, *_ends(name, b""), Ack(Directive.FINISHED, 0, 2))
    assert all(kept.written[name] == octets for name, octets in before.items())


@pytest.mark.parametrize("damage", ["missing", "short", "upload", "whole"])
def test_what_does_not_fit_the_state_is_refused(damage: str) -> None:
    kept, data = Kept(), picture(40_000)
    kept.say(7, *_parts(data))
    kept.say(8, *_ends("science/0008", b""))
    kept.files.due(0, line_full=True)
    kept.keep()
    if damage == "missing":
        del kept.pieces["octets/reception/7/1"]
    elif damage == "short":
        kept.pieces["octets/reception/7/2"] = b""
    elif damage == "upload":
        kept.pieces["octets/sending/1"] += b"x"
    else:
        kept.pieces["octets/whole/0"] = b"[1]"
    with pytest.raises((KeyError, ValueError)):
        kept.again()
