"""Hostile uplink: every frame and authentication attack is counted under its reason, changes nothing that
decides, and the next good command works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flight.computer import make_computer
from flight.dictionary import EVENT_IDS
from flight.packets import encode_command, encode_tc_packet
from flight.tc_frames import TcFrame, clear_octets, set_expected_frame, unlock_frame
from ground.security import seal_frame
from tests.uplink import RING, repaired, sealed, sealed_frame, sealed_ping

from .conftest import tumbling_frames

FRAMES = tumbling_frames(200, receiver_lock=True)
PING = encode_tc_packet(encode_command("ping", {}, sequence=7))


class Satellite:
    """A flight computer that has seen a few ticks."""

    def __init__(self) -> None:
        self.computer = make_computer(parameters={"radio_silence_s": 0.0})
        self.tick = 0
        for _ in range(10):
            self.step()

    def step(self, *uplink: bytes) -> None:
        self.computer.step(FRAMES[self.tick].tobytes(), list(uplink))
        self.tick += 1

    def counted(self, *uplink: bytes) -> dict[str, int]:
        """What a tick with these frames counts, by reason."""
        before = self.computer.counters()
        self.step(*uplink)
        after = self.computer.counters()
        return {
            reason: count - before[table][reason]
            for table in ("frames_rejected", "frames_dropped")
            for reason, count in after[table].items()
            if count != before[table][reason]
        }

    def control(self) -> bytes:
        return self.computer.replica_bytes(0)[: self.computer.control_size]

    def obeys(self) -> bool:
        before = self.computer.counters()["commands_completed"]
        self.step(sealed_ping())
        done: int = self.computer.counters()["commands_completed"] - before
        return done == 1


@pytest.fixture
def satellite() -> Satellite:
    return Satellite()


def changed(octets: bytes, at: int, mask: int) -> bytes:
    other = bytearray(octets)
    other[at] ^= mask
    return repaired(bytes(other))


def attacks() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    """Name, frame, and the reason under which it must be counted."""
    frame = TcFrame("BD", PING)
    yield "empty", lambda: b"", "length"
    yield "one octet", lambda: b"x", "length"
    yield "10 MB", lambda: bytes(10_000_000), "length"
    yield "all ones", lambda: b"\xff" * 256, "length"
    yield "cut short", lambda: sealed(PING)[:-1], "length"
    yield "one too long", lambda: sealed(PING) + b"x", "length"
    yield "flipped without CRC", lambda: sealed(PING)[:-1] + b"\0", "fecf"
    yield "another version", lambda: changed(sealed(PING), 0, 0x40), "version"
    yield "another spacecraft", lambda: changed(sealed(PING), 1, 1), "scid"
    yield "another channel", lambda: changed(sealed(PING), 2, 4), "vcid"
    yield "control without bypass", lambda: changed(sealed(PING), 0, 0x30), "type"
    yield "unsigned, clear mode", lambda: in_the_clear(frame), "header"
    yield "unsigned Unlock", lambda: in_the_clear(unlock_frame()), "length"
    yield "unsigned Set V(R)", lambda: in_the_clear(set_expected_frame(99)), "header"
    yield "unknown key", lambda: changed(sealed(PING), 7, 0x70), "key_unknown"
    yield "a key not in force", lambda: sealed(PING, key_id=2), "key_idle"
    yield "another nonce prefix", lambda: changed(sealed(PING), 8, 1), "iv"
    yield "flipped tag", lambda: changed(sealed(PING), -3, 1), "mac"
    yield "forged high counter", lambda: changed(sealed(PING), 12, 0xFF), "mac"
    yield "forged Unlock", lambda: changed(sealed_frame(unlock_frame()), -3, 1), "mac"
    yield "bypass forged", lambda: changed(sealed_frame(TcFrame("AD", PING, 9)), 0, 0x20), "mac"


def in_the_clear(frame: TcFrame) -> bytes:
    octets = bytearray(clear_octets(frame) + b"\0\0")
    octets[2], octets[3] = 0, len(octets) - 1
    return repaired(bytes(octets))


@pytest.mark.requirement("L2.3", "L3.7")
@pytest.mark.parametrize(("name", "make", "reason"), list(attacks()), ids=[one[0] for one in attacks()])
def test_an_attack_bounces(satellite: Satellite, name: str, make: Callable[[], bytes], reason: str) -> None:
    undisturbed = Satellite()
    counter = satellite.computer.counters()["key_counter"]
    assert satellite.counted(make()) == {reason: 1}
    undisturbed.step()
    assert satellite.control() == undisturbed.control()
    assert satellite.computer.counters()["key_counter"] == counter
    assert satellite.obeys()


@pytest.mark.requirement("L2.6")
def test_an_exact_replay_is_refused_at_once_and_later(satellite: Satellite) -> None:
    recorded = [sealed_ping(), sealed_frame(unlock_frame()), sealed_frame(TcFrame("AD", PING, 0))]
    assert satellite.counted(*recorded) == {}
    assert satellite.counted(*recorded) == {"replay": 3}
    for _ in range(20):
        satellite.step()
    assert satellite.counted(*reversed(recorded)) == {"replay": 3}
    assert satellite.computer.counters()["commands_completed"] == 2
    assert satellite.obeys()


@pytest.mark.requirement("L2.6")
def test_a_counter_that_is_used_up_ends_the_key_and_does_not_wrap(satellite: Satellite) -> None:
    last = seal_frame(RING, TcFrame("BD", PING), key_id=1, counter=2**64 - 1)
    assert satellite.counted(last) == {}
    for counter in (1, 2**63, 2**64 - 1):
        again = seal_frame(RING, TcFrame("BD", PING), key_id=1, counter=counter)
        assert satellite.counted(again) == {"replay": 1}


@pytest.mark.requirement("L2.3")
def test_a_key_change_by_command_refuses_the_old_key_and_remembers_its_counter(satellite: Satellite) -> None:
    def select(key: int, under: int) -> bytes:
        packet = encode_tc_packet(encode_command("select_key", {"key": key}, sequence=3))
        return sealed(packet, key_id=under)

    old = sealed_ping()
    assert satellite.counted(select(2, under=1)) == {}
    assert satellite.computer.counters()["key_active"] == 2
    assert satellite.counted(old) == {"key_idle": 1}
    assert satellite.counted(sealed(PING, key_id=2)) == {}
    assert satellite.counted(select(1, under=2)) == {}
    assert satellite.counted(old) == {"replay": 1}
    assert satellite.obeys()
    failed: dict[str, Any] = satellite.computer.counters()
    satellite.step(select(9, under=1))
    after = satellite.computer.counters()
    assert after["key_active"] == 1
    refused = after["commands_refused"] + after["commands_failed"]
    assert refused == failed["commands_refused"] + failed["commands_failed"] + 1


@pytest.mark.requirement("L3.7")
def test_a_flood_is_bounded_and_counted(satellite: Satellite) -> None:
    before = satellite.computer.counters()["uplink_overflow"]
    assert satellite.counted(*[b"x"] * 1000) == {"length": 96}
    assert satellite.computer.counters()["uplink_overflow"] - before == 1000 - 96
    frames = [sealed_ping() for _ in range(100)]
    satellite.step(*frames)
    assert satellite.computer.counters()["frames_accepted"] == 24
    assert satellite.obeys() or satellite.computer.counters()["commands_completed"] > 0


def test_telemetry_reflected_is_refused(satellite: Satellite) -> None:
    sent: list[bytes] = []
    while not sent:
        _, sent = satellite.computer.step(FRAMES[satellite.tick].tobytes(), [sealed_ping()])
        satellite.tick += 1
    assert satellite.counted(sent[0]) == {"length": 1}


@pytest.mark.requirement("L2.6", "L2.4")
def test_a_transmitter_without_a_key_cannot_fill_the_store_with_events(satellite: Satellite) -> None:
    forged = repaired(sealed(PING)[:-3] + bytes(3))
    names = {EVENT_IDS["frames_rejected"], EVENT_IDS["command_refused"]}
    ticks: list[int] = []
    for _ in range(180):
        satellite.step(*[forged] * 200)
        ticks += [satellite.tick for event in satellite.computer.events() if event[0] in names]
    assert sum(satellite.computer.counters()["frames_rejected"].values()) == 180 * 96
    assert ticks[0] <= 10 + 11, "the first is told within a second"
    assert len(ticks) <= 6, "then each doubling of their number"
    assert satellite.obeys()
