"""`cfdp-py`, an independent CFDP, as one end of a transfer, and a link that loses and repeats.

Its timers read the wall clock, so the clock that it reads is replaced by the test's.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import pytest
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
from spacepackets.cfdp.pdu import PduFactory
from spacepackets.countdown import Countdown
from spacepackets.seqcount import SeqCountProvider
from spacepackets.util import ByteFieldU8

from flight.cfdp_pdu import GROUND, SATELLITE


def clock_at(monkeypatch: pytest.MonkeyPatch, now_ms: int) -> None:
    """What their timers read instead of the wall clock."""
    monkeypatch.setattr(countdown, "time_ms", lambda: now_ms)


class Faults(DefaultFaultHandlerBase):  # type: ignore[misc]
    """Keeps the faults that they notice."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[ConditionCode] = []

    def notice_of_suspension_cb(self, transaction_id: Any, cond: Any, progress: int) -> None:
        self.seen.append(cond)

    notice_of_cancellation_cb = abandoned_cb = ignore_cb = notice_of_suspension_cb


class User(CfdpUserBase):  # type: ignore[misc]
    """Keeps how their transactions finished."""

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


def lost(seed: str, number: int, loss: float) -> bool:
    """Whether the link loses that PDU."""
    dice = hashlib.sha256(f"{seed}.{number}".encode()).digest()
    return int.from_bytes(dice[:4], "big") < loss * 2**32


def drain(handler: Any) -> list[bytes]:
    """The PDUs that a handler of theirs wants sent."""
    made = []
    while (holder := handler.get_next_packet()) is not None:
        made.append(bytes(holder.pack()))
    return made


def push(handler: Any, octets: bytes) -> list[bytes]:
    """One PDU into a handler of theirs; it wants its answers taken between any two."""
    with contextlib.suppress(PduIgnoredForDest, PduIgnoredForSource):
        handler.state_machine(PduFactory.from_raw(octets))
    return drain(handler)


def source(
    user: User,
    faults: Faults,
    checksum: ChecksumType,
    *,
    entity: int = SATELLITE,
    name: str = "science/0007",
    segment: int = 992,
) -> SourceHandler:
    """Their sender of a file; the satellite's end, if not said otherwise."""
    peer = GROUND if entity == SATELLITE else SATELLITE
    local = LocalEntityConfig(ByteFieldU8(entity), IndicationConfig(), faults)
    table = _table(peer, segment, checksum)
    theirs = SourceHandler(local, user, table, _Timers(), SeqCountProvider(32))
    path = Path(name)
    theirs.put_request(
        PutRequest(ByteFieldU8(peer), path, path, TransmissionMode.ACKNOWLEDGED, closure_requested=False)
    )
    return theirs


def destination(user: User, faults: Faults) -> DestHandler:
    """Their receiver, at the ground, of what the satellite sends."""
    local = LocalEntityConfig(ByteFieldU8(GROUND), IndicationConfig(), faults)
    return DestHandler(local, user, _table(SATELLITE, 992, ChecksumType.CRC_32), _Timers())
