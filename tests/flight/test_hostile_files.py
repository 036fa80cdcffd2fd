"""The list of hostile file transfer, item by item, on board and on the ground: each bounces.

On board: counted under its reason, what it was about answered or dropped, mass memory as it was, and the
whole file still comes afterwards. On the ground likewise, without a file that was not sent.
"""

from __future__ import annotations

import struct

import pytest

from flight.cfdp_checksum import checksum
from flight.cfdp_pdu import (
    GROUND,
    SATELLITE,
    Ack,
    Body,
    Condition,
    Directive,
    Eof,
    FileData,
    Finished,
    Metadata,
    Nak,
    Pdu,
    decode_pdu,
    encode_pdu,
)
from flight.dictionary import EVENT_IDS
from ground.cfdp.service import FileService
from tests.ground.cfdp.peers import picture
from tests.uplink import repaired

from .test_files import UPLOADS, World

pytestmark = pytest.mark.requirement("L2.2", "L2.3", "L2.6", "L3.7")

DATA = picture(3_000)
NAME = "upload/0001"
METADATA = Metadata(len(DATA), NAME, NAME, 0)
EOF = Eof(checksum(0, DATA), len(DATA))
S = 10**9


def up(*bodies: Body, sequence: int = 1) -> list[bytes]:
    return [encode_pdu(Pdu(GROUND, sequence, SATELLITE, body)) for body in bodies]


def down(*bodies: Body, sequence: int = 7) -> list[bytes]:
    return [encode_pdu(Pdu(SATELLITE, sequence, GROUND, body)) for body in bodies]


def data(first: int = 0, last: int = len(DATA)) -> list[FileData]:
    return [FileData(at, DATA[at : min(at + 900, last)]) for at in range(first, last, 900)]


class Board:
    """The satellite's entity, and what it says."""

    def __init__(self) -> None:
        self.world = World()

    def give(self, *pdus: bytes, ticks: int = 4, contact: bool = True) -> list[Body]:
        made = self.world.bench.tick(list(pdus), contact, 11)
        for _ in range(ticks):
            made += self.world.bench.tick([], contact, 11)
        return [decode_pdu(pdu).body for pdu in made]

    @property
    def content(self) -> bytes:
        found: bytes = self.world.bench.content(UPLOADS + 1)
        return found


def grown(pdu: bytes, extra: int) -> bytes:
    """The PDU with so many octets more, its length and CRC mended."""
    octets = pdu[:-2] + bytes(extra) + b"\0\0"
    return repaired(octets[:1] + (len(octets) - 10).to_bytes(2, "big") + octets[3:])


def with_name(name: bytes) -> bytes:
    """A Metadata around a name that the field for its length cannot count."""
    (pdu,) = up(METADATA)
    body = pdu[10 : 10 + 6] + bytes([len(name) & 0xFF]) + name + bytes([len(name) & 0xFF]) + name
    octets = pdu[:10] + body + b"\0\0"
    return repaired(octets[:1] + ((len(octets) - 10) & 0xFFFF).to_bytes(2, "big") + octets[3:])


# --- the end of a contact -----------------------------------------------------------------------------------


def test_an_eof_while_the_contact_is_lost_is_answered_in_the_next() -> None:
    """The transmitter is off when it comes: nothing is said, and then ACK and NAK, once each."""
    board = Board()
    board.give(*up(METADATA, *data(0, 1_800)))
    assert board.give(*up(EOF), contact=False, ticks=100) == []
    said = board.give(ticks=10)
    assert [one for one in said if isinstance(one, Ack)] == [Ack(Directive.EOF)]
    assert [one for one in said if isinstance(one, Nak)] == [Nak(0, 3_000, ((1_800, 3_000),))]
    assert Finished(True) in board.give(*up(*data(1_800)))
    assert board.content == DATA


def test_a_contact_that_begins_without_holes_asks_for_nothing() -> None:
    """All data is there and its end has not come: no NAK, until the EOF finds the file whole."""
    board = Board()
    board.give(*up(METADATA, *data()))
    board.give(contact=False, ticks=50)
    assert board.give(ticks=60) == []
    assert Finished(True) in board.give(*up(EOF))
    assert board.content == DATA
    board.give(*up(Ack(Directive.FINISHED, status=2)))
    board.give(contact=False, ticks=20)
    assert board.give(ticks=60) == [], "nor when all is said"


def test_on_the_ground_an_eof_while_suspended_is_answered_after_acquisition() -> None:
    ground = FileService()
    ground.resume(0)
    meta, end = Metadata(3_000, "science/0007", "science/0007", 0), EOF
    for pdu in down(meta, *data(0, 1_800)):
        ground.on_pdu(pdu, 0)
    ground.due(0)
    ground.suspend(S)
    for pdu in down(end):
        ground.on_pdu(pdu, S)
    assert ground.due(2 * S) == []
    ground.resume(60 * S)
    said = [decode_pdu(pdu).body for pdu in ground.due(60 * S)]
    assert [one.requests for one in said if isinstance(one, Nak)] == [((1_800, 3_000),)]
    for pdu in down(*data(1_800)):
        ground.on_pdu(pdu, 61 * S)
    assert [file.data for file in ground.take_files()] == [DATA]


def test_on_the_ground_a_contact_that_begins_without_holes_asks_for_nothing() -> None:
    ground = FileService()
    ground.resume(0)
    for pdu in down(Metadata(3_000, "science/0007", "science/0007", 0), *data()):
        ground.on_pdu(pdu, 0)
    ground.due(0)
    ground.suspend(S)
    ground.resume(60 * S)
    assert ground.due(60 * S) == []
    for pdu in down(EOF):
        ground.on_pdu(pdu, 61 * S)
    assert [decode_pdu(pdu).body for pdu in ground.due(61 * S)] == [Ack(Directive.EOF), Finished(True)]


# --- what is too much ---------------------------------------------------------------------------------------


def test_a_duplicate_eof_is_acknowledged_each_time_and_changes_nothing() -> None:
    board = Board()
    board.give(*up(METADATA, *data(0, 900), EOF))
    for _ in range(5):
        said = board.give(*up(EOF))
        assert said.count(Ack(Directive.EOF)) == 1
        assert Nak(0, 3_000, ((900, 3_000),)) in said
    assert board.give(*up(Eof(1, 3_000), Eof(EOF.checksum, 2_999))).count(Ack(Directive.EOF)) == 1
    assert board.world.dropped() == {"unexpected": 2}
    assert Finished(True) in board.give(*up(*data(900)))
    for _ in range(3):
        assert board.give(*up(EOF)) == [Ack(Directive.EOF, status=2), Finished(True)]
    assert board.content == DATA
    events = [one[0] for one in board.world.bench.take_events()]
    assert events.count(EVENT_IDS["file_received"]) == 1


@pytest.mark.parametrize("requests", [125, 1_000, 8_000])
def test_a_nak_larger_than_a_pdu_is_refused_whole_on_both_sides(requests: int) -> None:
    """A PDU has at most 1,018 octets, on board and on the ground."""
    ranges = tuple((at, at + 1) for at in range(0, 2 * requests, 2))
    parts = b"".join(struct.pack(">II", *one) for one in ranges)
    (small,) = down(Nak(0, 3_000, ()))
    octets = small[:-2] + parts + b"\0\0"
    huge = repaired(octets[:1] + ((len(octets) - 10) & 0xFFFF).to_bytes(2, "big") + octets[3:])
    assert len(huge) > 1_018
    board = Board()
    board.world.bench.add_file(7, 3, picture(5_000))
    board.give()
    before = board.world.bench.control()
    board.give(huge, ticks=0)
    assert board.world.dropped() == {"length": 1}
    assert board.world.bench.control() == before
    ground = FileService()
    ground.resume(0)
    sequence = ground.put(NAME, DATA)
    ground.due(0)
    (small,) = up(Nak(0, 3_000, ()), sequence=sequence)
    octets = small[:-2] + parts + b"\0\0"
    ground.on_pdu(repaired(octets[:1] + ((len(octets) - 10) & 0xFFFF).to_bytes(2, "big") + octets[3:]), 0)
    assert ground.counts == {"length": 1}
    assert not ground.sendings[sequence].requests


@pytest.mark.parametrize(
    "name",
    [
        b"../../etc/passwd",
        b"/etc/passwd",
        b"upload/0001\0",
        b"\0",
        b"",
        b"upload/" + b"1" * 200,
        b"science/0001",
    ],
)
def test_a_hostile_name_is_counted_and_makes_no_file(name: bytes) -> None:
    board = Board()
    assert Finished(False, Condition.FILESTORE_REJECTION) in board.give(with_name(name))
    assert board.world.dropped() == {"name": 1}
    assert board.world.bench.directory() == []
    assert Finished(True) in board.give(*up(METADATA, *data(), EOF, sequence=2))
    assert board.content == DATA


def test_a_name_of_4_kib_is_refused_by_its_length_on_both_sides() -> None:
    """Whole, which is longer than a PDU may be; and cut, so that its field promises more than there is."""
    board, ground = Board(), FileService()
    ground.resume(0)
    whole = with_name(b"a" * 4_096)
    cut = grown(up(METADATA)[0][:18] + b"\xff\xff", 0)
    for pdu in (whole, cut):
        assert board.give(pdu) == []
        ground.on_pdu(pdu, 0)
    dropped = board.world.dropped()
    assert sum(dropped.values()) == 2
    assert dropped["length"] == 1
    assert sum(ground.counts.values()) == 2
    assert board.world.bench.directory() == []


@pytest.mark.parametrize("size", [8 * 2**20 + 1, 2**31, 2**32 - 1])
def test_a_size_of_4_gib_is_counted_and_reserves_nothing(size: int) -> None:
    for body in (Metadata(size, NAME, NAME, 0), Eof(0, size)):
        board = Board()
        assert Finished(False, Condition.FILESTORE_REJECTION) in board.give(*up(body))
        assert board.world.dropped() == {"size": 1}
        assert board.world.bench.directory() == []
        assert Finished(True) in board.give(*up(METADATA, *data(), EOF, sequence=2))


def test_contradictions_are_counted() -> None:
    board = Board()
    board.give(*up(Metadata(9, NAME, NAME, 3)))
    board.give(*up(Metadata(9, NAME, NAME, 0), Eof(0, 10), sequence=2))
    board.give(*up(Eof(0, 10), Metadata(9, NAME, NAME, 0), sequence=3))
    assert board.world.dropped() == {"conflict": 3}
