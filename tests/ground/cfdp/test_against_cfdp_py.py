"""The ground's sender against the receiver of `cfdp-py`, and its sender against the ground's receiver: an
independent CFDP. The flight software's own meet it in `tests/flight/test_files_against_cfdp_py.py`.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from cfdppy import CfdpState
from cfdppy.handler import SourceHandler
from spacepackets.cfdp import ChecksumType, ConditionCode
from spacepackets.cfdp.pdu import NakPdu, PduFactory
from spacepackets.cfdp.pdu.keep_alive import KeepAlivePdu
from spacepackets.cfdp.pdu.prompt import ResponseRequired

from flight.cfdp_pdu import (
    Condition,
    Eof,
    FileData,
    Finished,
    KeepAlive,
    Nak,
    decode_pdu,
    encode_pdu,
)
from ground.cfdp.service import FileService
from tests.ground.cfdp.cfdp_py import Faults, User, clock_at, destination, drain, lost, push, source
from tests.ground.cfdp.peers import TICK_NS, Satellite, picture

pytestmark = pytest.mark.requirement("L2.2")


@pytest.mark.parametrize("loss", [0.0, 0.3])
@pytest.mark.parametrize("octets", [1, 992, 30_001])
def test_our_sender_against_their_receiver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: float, octets: int
) -> None:
    """The ground's sender; the satellite's own is in `tests/flight/test_files_against_cfdp_py.py`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "science").mkdir()
    user, faults = User(), Faults()
    theirs = destination(user, faults)
    ours, data = Satellite(), picture(octets)
    ours.send(7, "science/0007", data)
    number = 0
    for tick in range(2000):
        clock_at(monkeypatch, tick * 100)
        answers: list[bytes] = []
        sending = ours.due(tick * TICK_NS)
        for pdu in sending:
            number += 1
            if not lost("down", number, loss):
                answers += push(theirs, pdu)
        theirs.state_machine()
        answers += drain(theirs)
        for answer in answers:
            number += 1
            if not lost("up", number, loss):
                ours.on_pdu(answer, tick * TICK_NS)
        if ours.sending[7].finished is not None and theirs.state == CfdpState.IDLE:
            break
    assert ours.sending[7].finished == Finished(True)
    assert (tmp_path / "science" / "0007").read_bytes() == data
    assert [one.condition_code for one in user.finished] == [ConditionCode.NO_ERROR]
    assert faults.seen == []


@pytest.mark.parametrize("checksum", [ChecksumType.CRC_32, ChecksumType.MODULAR])
@pytest.mark.parametrize("loss", [0.0, 0.3])
@pytest.mark.parametrize("octets", [1, 992, 30_001])
def test_their_sender_against_our_receiver(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loss: float,
    octets: int,
    checksum: ChecksumType,
) -> None:
    monkeypatch.chdir(tmp_path)
    data = picture(octets)
    (tmp_path / "science").mkdir()
    (tmp_path / "science" / "0007").write_bytes(data)
    user, faults = User(), Faults()
    theirs = source(user, faults, checksum)
    ours = FileService()
    ours.resume(0)
    number, segments = 0, 0
    for tick in range(2000):
        clock_at(monkeypatch, tick * 100)
        outgoing: list[bytes] = []
        for answer in ours.due(tick * TICK_NS):
            number += 1
            if not lost("up", number, loss) and theirs.state != CfdpState.IDLE:
                outgoing += push(theirs, answer)
        for _ in range(8):
            theirs.state_machine()
            outgoing += drain(theirs)
        for pdu in outgoing:
            number += 1
            segments += isinstance(decode_pdu(pdu).body, FileData)
            if not lost("down", number, loss):
                ours.on_pdu(pdu, tick * TICK_NS)
        if theirs.state == CfdpState.IDLE:
            break
    assert [(file.name, file.data) for file in ours.take_files()] == [("science/0007", data)]
    assert [one.condition_code for one in user.finished] == [ConditionCode.NO_ERROR]
    assert faults.seen == []
    if loss == 0.0:
        assert segments == -(-octets // 992)
    elif octets > 992:
        assert segments > -(-octets // 992)  # something was lost, asked for and sent again


def _begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> tuple[SourceHandler, list[bytes]]:
    """Their sender after its Metadata and three segments; its clock stands still."""
    clock_at(monkeypatch, 0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "science").mkdir()
    (tmp_path / "science" / "0007").write_bytes(data)
    theirs = source(User(), Faults(), ChecksumType.CRC_32)
    sent: list[bytes] = []
    while sum(isinstance(decode_pdu(pdu).body, FileData) for pdu in sent) < 3:
        theirs.state_machine()
        sent += drain(theirs)
    return theirs, sent


def test_our_receiver_answers_their_prompts_as_they_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = picture(30_001)
    theirs, sent = _begun(tmp_path, monkeypatch, data)
    segments = [pdu for pdu in sent if isinstance(decode_pdu(pdu).body, FileData)]
    ours = FileService()
    ours.resume(0)
    for pdu in sent:
        if pdu is not segments[1]:
            ours.on_pdu(pdu, 0)
    answers = []
    for wanted in (ResponseRequired.NAK, ResponseRequired.KEEP_ALIVE):
        ours.on_pdu(bytes(theirs.create_prompt_pdu(wanted).pack()), 0)
        answers += ours.due(0)
    assert [decode_pdu(one).body for one in answers] == [Nak(0, 2976, ((992, 1984),)), KeepAlive(2976)]
    nak, keep_alive = [PduFactory.from_raw(one) for one in answers]
    assert isinstance(nak, NakPdu)
    assert (nak.start_of_scope, nak.end_of_scope, nak.segment_requests) == (0, 2976, [(992, 1984)])
    assert isinstance(keep_alive, KeepAlivePdu)
    assert keep_alive.progress == 2976
    again = push(theirs, answers[1]) + push(theirs, answers[0])
    assert segments[1] in again


def test_our_sender_cancels_with_the_eof_that_theirs_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = picture(30_001)
    theirs, sent = _begun(tmp_path, monkeypatch, data)
    assert theirs.cancel_request(theirs.transaction_id)
    (eof,) = [one for one in map(decode_pdu, drain(theirs)) if isinstance(one.body, Eof)]
    ours = Satellite()
    ours.send(eof.sequence, "science/0007", data)
    assert ours.due(0, 4) == sent
    ours.sending[eof.sequence].cancel()
    assert ours.due(0) == [encode_pdu(eof)]
    assert eof.body == Eof(zlib.crc32(data[:2976]), 2976, Condition.CANCELLED)
