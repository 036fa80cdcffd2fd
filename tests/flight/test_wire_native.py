"""The flight software in C++ and the ground's reading of docs/wire.md in Python, each the other's oracle.

Both were written from the page by themselves; here every frame of one goes through the other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flight import dictionary, packets
from flight.chain import Chain
from flight.computer import secret_keys
from flight.frames import FrameError, crc16
from flight.packets import PacketError, TcPacket, TmPacket, encode_command, encode_tc_packet
from flight.tm_frames import Clcw, PacketExtractor, decode_tm_frame
from tests.uplink import RING, opened, repaired, sealed, sealed_ping

native = dictionary.load_native()
PING = sealed_ping(5)


class Computer:
    """A flight computer whose receiver is locked, with its downlink read."""

    def __init__(self) -> None:
        self.computer = native.FlightComputer(
            replicas=3, parameters={"radio_silence_s": 0.0}, keys=secret_keys(RING)
        )
        self.sensors = np.zeros(1, dictionary.SENSOR_DTYPE)
        self.sensors["tracker_quaternion_tracker_from_gcrf"][..., 0] = 1.0
        self.sensors["separation_switches"] = 7
        self.sensors["receiver_lock"] = 1
        self.sensors["battery_charge_fraction"] = 0.8
        self.extractors: dict[int, PacketExtractor] = {}
        self.clcw: Clcw | None = None
        self.tick = 0

    def step(self, *uplink: bytes) -> list[TmPacket]:
        self.sensors["sequence"] = self.tick
        self.sensors["clock_ns"] = self.tick * 100_000_000
        _, frames = self.computer.step(self.sensors.tobytes(), list(uplink))
        self.tick += 1
        found = []
        for octets in frames:
            frame = decode_tm_frame(octets)
            assert not frame.clcw.no_rf
            self.clcw = frame.clcw
            if frame.virtual_channel == 2:
                continue  # files: another protocol
            extractor = self.extractors.setdefault(frame.virtual_channel, PacketExtractor())
            found += [packets.decode_tm_packet(packet) for packet in extractor.push(frame)]
        return found

    def send(self, *uplink: bytes) -> list[TmPacket]:
        """A step with these frames, and one more, in which the reports that waited for persistence leave."""
        return [*self.step(*uplink), *self.step()]

    def counters(self) -> dict[str, Any]:
        counters: dict[str, Any] = self.computer.counters()
        return counters


@pytest.fixture(scope="module")
def transmitting() -> tuple[Computer, bytes]:
    """A computer that radiates, and its state."""
    computer = Computer()
    for _ in range(1_000):
        if any(packet.service == 3 for packet in computer.step()):
            break
    else:
        raise AssertionError("no housekeeping within 100 s of a locked receiver")
    while computer.tick % 10 != 5:
        computer.step()
    return computer, computer.computer.state_bytes()


@pytest.fixture
def computer(transmitting: tuple[Computer, bytes]) -> Computer:
    found, state = transmitting
    found.computer.restore(state)
    found.extractors = {}
    return found


@pytest.mark.requirement("L2.2", "S3")
def test_housekeeping_says_what_the_computer_says_of_itself(computer: Computer) -> None:
    reports = []
    while not reports:
        reports = [p for p in computer.step() if p.service == 3]
    (report,) = reports
    read = packets.decode_housekeeping(report)
    own = computer.computer.telemetry()
    assert set(read.values) == {p.name for p in dictionary.PARAMETERS.values() if p.structure == 1}
    # Counters of the downlink itself may move on within the tick; all else is as it was sent.
    for name, value in read.values.items():
        if isinstance(own[name], float) and not math.isfinite(own[name]):
            assert value is None
        elif name not in ("frames_sent", "work_max"):
            assert value == own[name], name
    assert abs(report.time_ns - (computer.tick - 1) * 100_000_000) < 60


@pytest.mark.requirement("L2.3", "L2.6", "S3")
def test_a_ping_is_answered_and_verified_once_that_is_kept(computer: Computer) -> None:
    assert [(p.service, p.subtype) for p in computer.step(PING) if p.service in (1, 17)] == [(17, 2)]
    reports = [p for p in computer.step() if p.service in (1, 17)]
    assert [(p.service, p.subtype) for p in reports] == [(1, 1), (1, 7)]
    request_id = encode_command("ping", {}, sequence=5).request_id
    assert [packets.decode_verification(p).request_id for p in reports] == [request_id] * 2


def test_acknowledgement_flags_choose_the_reports(computer: Computer) -> None:
    for flags, expected in ((0, []), (1, [1]), (2, [3]), (8, [7]), (9, [1, 7]), (15, [1, 3, 7])):
        frame = sealed(encode_tc_packet(TcPacket(17, 1, b"", 1, flags)))
        assert [p.subtype for p in computer.send(frame) if p.service == 1] == expected


@pytest.mark.parametrize(
    ("packet", "code", "parameter"),
    [
        (TcPacket(99, 1), 4, 99 * 256 + 1),
        (TcPacket(17, 9), 4, 17 * 256 + 9),
        (TcPacket(8, 1, b"\xff\xff"), 5, 65535),
        (TcPacket(8, 1, b"\0\2"), 6, 0),
        (TcPacket(8, 1, b"\0\2\x63"), 7, 0),
        (TcPacket(8, 1, b"\0\2\x04\x04"), 6, 2),
        (TcPacket(17, 1, b"x"), 6, 1),
        (TcPacket(17, 1, apid=101), 3, 101),
    ],
)
def test_a_command_that_cannot_be_is_refused_with_its_reason(
    computer: Computer, packet: TcPacket, code: int, parameter: int
) -> None:
    (report,) = [p for p in computer.send(sealed(encode_tc_packet(packet))) if p.service == 1]
    read = packets.decode_verification(report)
    assert (read.subtype, read.request_id) == (2, packet.request_id)
    assert (read.failure_code, read.failure_parameter) == (code, parameter)


@pytest.mark.parametrize(("octet", "value", "code"), [(6, 0x19, 2), (16, 0x55, 1)])
def test_a_packet_with_a_wrong_version_or_crc_is_refused(
    computer: Computer, octet: int, value: int, code: int
) -> None:
    octets = bytearray(encode_tc_packet(TcPacket(8, 1, b"\0\2\x03\0\0\0")))
    octets[octet] = value
    if code == 2:
        octets[-2:] = crc16(bytes(octets[:-2])).to_bytes(2, "big")
    (report,) = [p for p in computer.send(sealed(bytes(octets))) if p.service == 1]
    assert packets.decode_verification(report).failure_code == code


def ours(octets: bytes) -> tuple[str, str, TcPacket | None]:
    """Why this side refuses the frame, or else its packet; or the telecommand."""
    try:
        packet = opened(octets)
    except FrameError as error:
        return error.reason, "", None
    try:
        return "", "", packets.decode_tc_packet(packet)
    except PacketError as error:
        return "", error.reason, None


@pytest.mark.requirement("S3")
@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 255)), max_size=4),
    st.integers(0, 52),
    st.booleans(),
)
def test_both_sides_refuse_the_same_frames_for_the_same_reason(
    transmitting: tuple[Computer, bytes], changes: list[tuple[int, int]], cut: int, mended: bool
) -> None:
    frame = bytearray(PING)
    for octet, value in changes:
        frame[octet] = value
    octets = bytes(frame[: len(frame) - cut])
    if mended and len(octets) > 2:
        octets = repaired(octets)
    computer, state = transmitting
    computer.computer.restore(state)
    before = computer.counters()
    computer.step(octets)
    after = computer.counters()
    dropped = {
        reason
        for reason, count in after["frames_dropped"].items()
        if count != before["frames_dropped"][reason]
    }
    rejected = {
        reason
        for reason, count in after["frames_rejected"].items()
        if count != before["frames_rejected"][reason]
    }
    frame_reason, packet_reason, command = ours(octets)
    if frame_reason == "key_unknown" or rejected == {"key_idle"}:
        # This side knows no key to be in force, and the satellite asks that before it looks at the rest.
        assert rejected in ({"key_unknown"}, {"key_idle"})
        return
    accepted = after["frames_accepted"] - before["frames_accepted"]
    executed = after["commands_accepted"] - before["commands_accepted"]
    if frame_reason:
        assert (rejected, dropped, accepted, executed) == ({frame_reason}, set(), 0, 0)
    elif packet_reason or command is None:
        assert not rejected
        # The flight software counts what is no telecommand at all as a dropped frame, and reports the rest.
        assert dropped <= ({"header"} if packet_reason in ("header", "length") else set())
        assert (accepted, executed) == (1, 0)
    else:
        ping = (command.service, command.subtype, command.data) == (17, 1, b"")
        assert (dropped, accepted, executed) == (set(), 1, int(ping))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_no_uplink_crashes_the_flight_software_or_splits_its_replicas(
    transmitting: tuple[Computer, bytes], uplink: list[bytes]
) -> None:
    computer, state = transmitting
    computer.computer.restore(state)
    before = computer.counters()
    computer.step(*uplink)
    after = computer.counters()
    assert after["divergences"] == before["divergences"]
    assert after["commands_accepted"] == before["commands_accepted"]


def test_events_come_with_arguments_of_the_dictionary(computer: Computer) -> None:
    setting = next(s for s in dictionary.SETTINGS.values() if s.name == "carrier_timeout_s")
    command = encode_command("set_setting", {"setting": setting.id, "index": 0, "value": 3.5}, sequence=1)
    found = computer.send(sealed(encode_tc_packet(command)))
    events = [packets.decode_event(p) for p in found if p.service == 5]
    changed = next(event for event in events if event.name == "setting_changed")
    assert [*changed.arguments.values()] == [float(setting.id), 0.0, 3.5]


@given(st.lists(st.integers(0, 6000), max_size=5))
def test_chains_are_the_same_in_both_languages(sizes: list[int]) -> None:
    ours, theirs = Chain("plant"), native.Chain("plant")
    for number, size in enumerate(sizes):
        ours.add(bytes([number]) * size)
        theirs.add(bytes([number]) * size)
    assert ours.hexdigest() == theirs.hexdigest()


@given(st.binary(max_size=300))
def test_crcs_are_the_same_in_both_languages(octets: bytes) -> None:
    assert native.crc16(octets) == crc16(octets)
