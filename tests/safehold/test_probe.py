"""The ping of the judgement phase is answered by its own answer, and by nothing else that comes down."""

from __future__ import annotations

import json

import pytest

from flight.keys import published_ring
from flight.packets import TmPacket, Verification, decode_tc_packet, encode_command
from flight.tc_frames import parse
from flight.tm_frames import Clcw, TmFramer
from flight.tm_protection import TelemetryProtection, data_octets
from ground.telemetry_security import seal_telemetry
from safehold.probe import Listener, probe_frame, sender_of
from tests.downlink import encode_tm_packet, encode_verification
from tests.uplink import open_frame

_GROUND = {"sender": {"key": 2, "next": {"1": 7, "2": 42}, "reserved": {"1": 1025, "2": 1025}}}
_SEALED = probe_frame(sender_of(json.dumps(_GROUND).encode()))
FRAME, COUNTER = open_frame(published_ring(), _SEALED)
PING = decode_tc_packet(FRAME.data)
ALIVE = encode_tm_packet(TmPacket(17, 2, 10**9))


def completed(request_id: int, subtype: int = 7) -> bytes:
    report = Verification(subtype, request_id, failure_code=0 if subtype % 2 else 10)
    return encode_tm_packet(TmPacket(1, subtype, 10**9, encode_verification(report)))


def answered(*packets: bytes) -> bool:
    listener = Listener()
    listener.hear(TmFramer().frames(packets, Clcw()))
    return listener.answered


@pytest.mark.requirement("S5")
def test_the_frame_holds_a_ping() -> None:
    assert (PING.service, PING.subtype) == (17, 1)
    assert (FRAME.kind, COUNTER) == ("BD", 42), "the next counter of mission control"
    assert parse(_SEALED).key_id == 2, "mission control's key"
    assert PING.request_id == encode_command("ping", {}, sequence=PING.sequence).request_id


@pytest.mark.requirement("S5")
def test_alive_and_the_completion_of_this_ping_are_an_answer() -> None:
    assert answered(ALIVE, completed(PING.request_id))
    assert answered(completed(PING.request_id), ALIVE)


@pytest.mark.requirement("S5")
def test_less_is_no_answer() -> None:
    other = encode_command("ping", {}, sequence=0).request_id
    assert not answered(ALIVE)
    assert not answered(completed(PING.request_id))
    assert not answered(ALIVE, completed(other)), "the ground's own ping"
    assert not answered(ALIVE, completed(PING.request_id, subtype=1)), "accepted, not done"
    assert not answered(ALIVE, completed(PING.request_id, subtype=8)), "failed"


@pytest.mark.requirement("S5")
def test_what_cannot_be_read_is_passed_over() -> None:
    (frame,) = TmFramer().frames([ALIVE, completed(PING.request_id)], Clcw())
    listener = Listener()
    damaged = bytes([*frame[:500], frame[500] ^ 1, *frame[501:]])
    listener.hear([b"", bytes(1115), frame[:-1], damaged])
    assert not listener.answered
    listener.hear([frame])
    assert listener.answered


@pytest.mark.requirement("S5", "L2.6")
@pytest.mark.parametrize("protection", ["authenticated", "encrypted"])
def test_an_answer_under_protection_is_opened_and_a_forged_one_is_none(
    protection: TelemetryProtection,
) -> None:
    framer = TmFramer(data_octets=data_octets(protection))
    (clear,) = framer.frames([ALIVE, completed(PING.request_id)], Clcw())
    ring = published_ring()
    sealed = seal_telemetry(ring, clear, protection, key_id=next(iter(ring.telemetry)), counter=5)
    listener = Listener.start(protection)
    listener.hear([clear, bytes([*sealed[:500], sealed[500] ^ 1, *sealed[501:]])])
    assert not listener.answered
    listener.hear([sealed])
    assert listener.answered
