"""The flight software's file transfer (C++) against `cfdp-py`, an independent CFDP: both directions, over
links that lose and repeat.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cfdppy import CfdpState
from spacepackets.cfdp import ChecksumType, ConditionCode

from flight.cfdp_pdu import GROUND, FileData, decode_pdu
from flight.dictionary import EVENT_IDS, load_native
from tests.ground.cfdp.cfdp_py import Faults, User, clock_at, destination, drain, lost, push, source
from tests.ground.cfdp.peers import picture

native = load_native()

pytestmark = pytest.mark.requirement("L2.2")

SCIENCE, UPLOADS = 3, 0x400000
TICK_MS, TICKS, PDUS_A_TICK = 100, 3000, 8
LINKS = [(0.0, 0.0), (0.0, 0.5), (0.3, 0.0), (0.3, 0.3)]


class Link:
    """One direction: how often each PDU comes out, by a counter-based hash."""

    def __init__(self, seed: str, loss: float, repeat: float) -> None:
        self.seed, self.loss, self.repeat = seed, loss, repeat
        self.sent = self.gone = self.twice = 0

    def carry(self, pdus: list[bytes]) -> list[bytes]:
        out: list[bytes] = []
        for pdu in pdus:
            self.sent += 1
            if lost(f"{self.seed} lost", self.sent, self.loss):
                self.gone += 1
            elif lost(f"{self.seed} twice", self.sent, self.repeat):
                self.twice += 1
                out += [pdu, pdu]
            else:
                out.append(pdu)
        return out

    def was_as_asked(self) -> bool:
        """Whether it lost and repeated something, if it was to and there was enough to choose from."""
        few = self.sent < 12
        return few or ((self.gone > 0) == (self.loss > 0.0) and (self.twice > 0) == (self.repeat > 0.0))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where their end keeps its files."""
    monkeypatch.chdir(tmp_path)
    for name in ("science", "upload"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.mark.parametrize(("loss", "repeat"), LINKS)
@pytest.mark.parametrize("octets", [1, 992, 30_001])
def test_the_satellites_sender_against_their_receiver(
    monkeypatch: pytest.MonkeyPatch, folder: Path, loss: float, repeat: float, octets: int
) -> None:
    user, faults = User(), Faults()
    theirs = destination(user, faults)
    bench, data = native.FileBench(), picture(octets)
    bench.add_file(7, SCIENCE, data)
    down, up = Link("down", loss, repeat), Link("up", loss, repeat)
    inbox: list[bytes] = []
    came = 0
    for tick in range(TICKS):
        clock_at(monkeypatch, tick * TICK_MS)
        answers: list[bytes] = []
        sent = bench.tick(inbox, True, PDUS_A_TICK)
        came += sum(
            len(body.data) for body in (decode_pdu(one).body for one in sent) if isinstance(body, FileData)
        )
        for pdu in down.carry(sent):
            answers += push(theirs, pdu)
        theirs.state_machine()
        inbox = up.carry(answers + drain(theirs))
        if bench.directory() == [(7, SCIENCE, octets, True, True)] and theirs.state == CfdpState.IDLE:
            break
    assert bench.directory() == [(7, SCIENCE, octets, True, True)], "marked as delivered"
    assert (folder / "science" / "0007").read_bytes() == data
    assert {one.condition_code for one in user.finished} == {ConditionCode.NO_ERROR}
    assert faults.seen == []
    assert [event[0] for event in bench.take_events()] == [EVENT_IDS["file_delivered"]]
    assert down.was_as_asked()
    assert came == octets if loss == 0.0 else came >= octets


@pytest.mark.parametrize(("loss", "repeat"), LINKS)
@pytest.mark.parametrize("octets", [1, 191, 30_001])
def test_their_sender_against_the_satellites_receiver(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    loss: float,
    repeat: float,
    octets: int,
) -> None:
    data = picture(octets)
    (folder / "upload" / "0012").write_bytes(data)
    user, faults = User(), Faults()
    theirs = source(user, faults, ChecksumType.MODULAR, entity=GROUND, name="upload/0012", segment=191)
    bench = native.FileBench()
    down, up = Link("down", loss, repeat), Link("up", loss, repeat)
    answers: list[bytes] = []
    for tick in range(TICKS):
        clock_at(monkeypatch, tick * TICK_MS)
        outgoing: list[bytes] = []
        for answer in answers:
            if theirs.state != CfdpState.IDLE:
                outgoing += push(theirs, answer)
        for _ in range(PDUS_A_TICK):
            theirs.state_machine()
            outgoing += drain(theirs)
        answers = down.carry(bench.tick(up.carry(outgoing), True, PDUS_A_TICK))
        if theirs.state == CfdpState.IDLE:
            break
    assert bench.content(UPLOADS + 12) == data
    assert [entry[:4] for entry in bench.directory()] == [(UPLOADS + 12, 4, octets, True)]
    assert [one.condition_code for one in user.finished] == [ConditionCode.NO_ERROR]
    assert faults.seen == []
    assert [event[0] for event in bench.take_events()] == [EVENT_IDS["file_received"]]
    assert up.was_as_asked()
