"""Our sender against the receiver of `cfdp-py`, and its sender against our receiver: an independent CFDP.

Its timers read the wall clock, so the clock that it reads is replaced by the test's.
"""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from pathlib import Path
from typing import Any

import pytest
from cfdppy import CfdpState
from cfdppy.exceptions import PduIgnoredForDest, PduIgnoredForSource
from cfdppy.handler import DestHandler, SourceHandler
from cfdppy.mib import (
    CheckTimerProvider,
    DefaultFaultHandlerBase,
    IndicationConfig,
    LocalEntityConfig,
    RemoteEntityConfig,
    RemoteEntityConfigTable,
)
from cfdppy.request import PutRequest
from cfdppy.user import CfdpUserBase
from spacepackets import countdown
from spacepackets.cfdp import ChecksumType, ConditionCode, TransmissionMode
from spacepackets.cfdp.pdu import NakPdu, PduFactory
from spacepackets.cfdp.pdu.keep_alive import KeepAlivePdu
from spacepackets.cfdp.pdu.prompt import ResponseRequired
from spacepackets.countdown import Countdown
from spacepackets.seqcount import SeqCountProvider
from spacepackets.util import ByteFieldU8

from flight.cfdp_pdu import (
    GROUND,
    SATELLITE,
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
from tests.ground.cfdp.peers import TICK_NS, Satellite, picture

pytestmark = pytest.mark.requirement("L2.2")


class _Clock:
    now_ms = 0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(countdown, "time_ms", lambda: clock.now_ms)
    return clock


class _Faults(DefaultFaultHandlerBase):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[ConditionCode] = []

    def notice_of_suspension_cb(self, transaction_id: Any, cond: Any, progress: int) -> None:
        self.seen.append(cond)

    notice_of_cancellation_cb = abandoned_cb = ignore_cb = notice_of_suspension_cb


class _User(CfdpUserBase):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.finished: list[Any] = []

    def transaction_finished_indication(self, params: Any) -> None:
        self.finished.append(params.finished_params)

    def _ignore(self, *arguments: Any) -> None:
        pass

    transaction_indication = eof_sent_indication = metadata_recv_indication = _ignore
    file_segment_recv_indication = report_indication = suspended_indication = _ignore
    resumed_indication = fault_indication = abandoned_indication = eof_recv_indication = _ignore


class _Timers(CheckTimerProvider):  # type: ignore[misc]
    def provide_check_timer(self, *_: Any) -> Countdown:
        return Countdown.from_seconds(60.0)


def _table(remote: int, segment: int, checksum: ChecksumType) -> RemoteEntityConfigTable:
    config = RemoteEntityConfig(
        entity_id=ByteFieldU8(remote),
        max_file_segment_len=segment,
        max_packet_len=1018,
        closure_requested=False,
        crc_on_transmission=True,
        default_transmission_mode=TransmissionMode.ACKNOWLEDGED,
        crc_type=checksum,
        positive_ack_timer_interval_seconds=3.0,
        positive_ack_timer_expiration_limit=50,
        immediate_nak_mode=False,
        nak_timer_interval_seconds=2.0,
        nak_timer_expiration_limit=50,
    )
    return RemoteEntityConfigTable([config])


def _lost(seed: str, number: int, loss: float) -> bool:
    dice = hashlib.sha256(f"{seed}.{number}".encode()).digest()
    return int.from_bytes(dice[:4], "big") < loss * 2**32


def _drain(handler: Any) -> list[bytes]:
    made = []
    while (holder := handler.get_next_packet()) is not None:
        made.append(bytes(holder.pack()))
    return made


def _push(handler: Any, octets: bytes) -> list[bytes]:
    """One PDU into a handler of theirs; it wants its answers taken between any two."""
    with contextlib.suppress(PduIgnoredForDest, PduIgnoredForSource):
        handler.state_machine(PduFactory.from_raw(octets))
    return _drain(handler)


def _source(user: _User, faults: _Faults, checksum: ChecksumType) -> SourceHandler:
    """Their sender of science/0007, at the satellite."""
    local = LocalEntityConfig(ByteFieldU8(SATELLITE), IndicationConfig(), faults)
    table = _table(GROUND, 992, checksum)
    theirs = SourceHandler(local, user, table, _Timers(), SeqCountProvider(32))
    name = Path("science/0007")
    theirs.put_request(
        PutRequest(ByteFieldU8(GROUND), name, name, TransmissionMode.ACKNOWLEDGED, closure_requested=False)
    )
    return theirs


@pytest.mark.parametrize("loss", [0.0, 0.3])
@pytest.mark.parametrize("octets", [1, 992, 30_001])
def test_our_sender_against_their_receiver(
    clock: _Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: float, octets: int
) -> None:
    """The satellite's way of sending, whose C++ twin is tested octet by octet elsewhere."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "science").mkdir()
    user, faults = _User(), _Faults()
    local = LocalEntityConfig(ByteFieldU8(GROUND), IndicationConfig(), faults)
    theirs = DestHandler(local, user, _table(SATELLITE, 992, ChecksumType.CRC_32), _Timers())
    ours, data = Satellite(), picture(octets)
    ours.send(7, "science/0007", data)
    number = 0
    for tick in range(2000):
        clock.now_ms = tick * 100
        answers: list[bytes] = []
        sending = ours.due(tick * TICK_NS)
        for pdu in sending:
            number += 1
            if not _lost("down", number, loss):
                answers += _push(theirs, pdu)
        theirs.state_machine()
        answers += _drain(theirs)
        for answer in answers:
            number += 1
            if not _lost("up", number, loss):
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
    clock: _Clock,
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
    user, faults = _User(), _Faults()
    theirs = _source(user, faults, checksum)
    ours = FileService()
    ours.resume(0)
    number, segments = 0, 0
    for tick in range(2000):
        clock.now_ms = tick * 100
        outgoing: list[bytes] = []
        for answer in ours.due(tick * TICK_NS):
            number += 1
            if not _lost("up", number, loss) and theirs.state != CfdpState.IDLE:
                outgoing += _push(theirs, answer)
        for _ in range(8):
            theirs.state_machine()
            outgoing += _drain(theirs)
        for pdu in outgoing:
            number += 1
            segments += isinstance(decode_pdu(pdu).body, FileData)
            if not _lost("down", number, loss):
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
    """Their sender after its Metadata and three segments."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "science").mkdir()
    (tmp_path / "science" / "0007").write_bytes(data)
    theirs = _source(_User(), _Faults(), ChecksumType.CRC_32)
    sent: list[bytes] = []
    while sum(isinstance(decode_pdu(pdu).body, FileData) for pdu in sent) < 3:
        theirs.state_machine()
        sent += _drain(theirs)
    return theirs, sent


@pytest.mark.usefixtures("clock")
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
    again = _push(theirs, answers[1]) + _push(theirs, answers[0])
    assert segments[1] in again


@pytest.mark.usefixtures("clock")
def test_our_sender_cancels_with_the_eof_that_theirs_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = picture(30_001)
    theirs, sent = _begun(tmp_path, monkeypatch, data)
    assert theirs.cancel_request(theirs.transaction_id)
    (eof,) = [one for one in map(decode_pdu, _drain(theirs)) if isinstance(one.body, Eof)]
    ours = Satellite()
    ours.send(eof.sequence, "science/0007", data)
    assert ours.due(0, 4) == sent
    ours.sending[eof.sequence].cancel()
    assert ours.due(0) == [encode_pdu(eof)]
    assert eof.body == Eof(zlib.crc32(data[:2976]), 2976, Condition.CANCELLED)
