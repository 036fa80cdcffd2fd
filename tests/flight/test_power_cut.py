"""Power fails within any write to the stores of a commanding pass: each command is carried out at most once,
its outcome is told, nothing that was acknowledged is lost, nor a key or a counter, and commanding goes on.
"""

from __future__ import annotations

import struct
from collections import Counter

import pytest

from flight import packets, services
from flight.dictionary import EVENT_IDS, SETTINGS
from flight.packets import TcPacket, TmPacket, decode_verification
from flight.tc_frames import TcFrame
from tests.uplink import sealed_frame

from .test_wire_native import Computer, transmitting

__all__ = ["transmitting"]
TICK_NS = 100_000_000
WINDOW = SETTINGS["schedule_window_s"].id
DIRECT = (70.0, 71.0, 72.0, 73.0)
TAGGED = (90.0, 91.0)
DUE_TICKS = 130
PASS_TICKS = 560  # time for the schedule, which waits half a minute after a start for time to be steady
CUT_TICKS = 220
CLOSED = {4, 7, 8}  # start of execution failed, completed, completion failed (or interrupted)
COMPLETED = 7
INTERRUPTED = 8


def setting(value: float, sequence: int) -> TcPacket:
    """A telecommand whose execution shows in the state."""
    return packets.encode_command(
        "set_setting", {"setting": WINDOW, "index": 0, "value": value}, sequence=sequence
    )


class Pass:
    """A pass over a computer, whose ground sends each AD frame until the CLCW has moved, then the next."""

    def __init__(self, computer: Computer, place: int) -> None:
        self.computer = computer
        self.native = computer.computer
        self.place = place
        due_ns = (computer.tick + DUE_TICKS) * TICK_NS
        self.packets = [setting(value, 300 + index) for index, value in enumerate(DIRECT)]
        self.tagged = []
        for index, value in enumerate(TAGGED):
            arguments = {"setting": WINDOW, "index": 0, "value": value}
            at_ns = due_ns + index * 5 * TICK_NS
            packet = services.make_command(
                "set_setting", arguments, sequence=400 + index, execute_at_ns=at_ns
            )
            self.packets.insert(2 * index + 1, packet)
            self.tagged.append(packet.request_id | services.SCHEDULED_SEQUENCE)
        self.select = packets.encode_command("select_key", {"key": 2}, sequence=500)
        self.packets.insert(4, self.select)
        self.key = 1
        self.key_write = 0  # how many there were after the tick in which the key changed
        self.outcomes: dict[int, set[int]] = {}
        self.done: Counter[float] = Counter()
        self.starts = 0
        self.value = self._value()
        self.counter = self.native.counters()["key_counter"]

    def fly(self, ticks: int = PASS_TICKS) -> None:
        """The whole pass, to well after the last time tag."""
        computer, waiting, sent_tick = self.computer, list(self.packets), -100
        expected = self.native.telemetry()["farm_expected"]
        for _ in range(ticks):
            uplink = []
            if waiting and computer.tick - sent_tick >= 13:
                octets = packets.encode_tc_packet(waiting[0])
                uplink = [sealed_frame(TcFrame("AD", octets, expected), key_id=self.key)]
                sent_tick = computer.tick
            computer.clcw = None
            self._step(uplink)
            if computer.clcw is None:
                continue
            ahead = (computer.clcw.report_value - expected) % 256
            assert ahead in (0, 1), "a frame that the CLCW acknowledged was forgotten"
            assert not computer.clcw.lockout
            if ahead:
                waiting.pop(0)
                expected, sent_tick = (expected + 1) % 256, -100
        assert not waiting, "commanding did not go on"

    def judge(self) -> None:
        """What must hold wherever power failed."""
        for value in (*DIRECT, *TAGGED):
            assert self.done[value] <= 1, f"{value} was set {self.done[value]} times"
        for packet, value in zip([one for one in self.packets if one.service == 20], DIRECT, strict=True):
            self._judge_one(packet.request_id, value)
        for request, value in zip(self.tagged, TAGGED, strict=True):
            self._judge_one(request, value)
        told = self.outcomes.get(self.select.request_id, set()) & CLOSED
        assert told == ({COMPLETED} if self.key == 2 else {INTERRUPTED}), f"key {self.key} and {told} told"

    def _judge_one(self, request: int, value: float) -> None:
        told = self.outcomes.get(request, set()) & CLOSED
        assert told, f"no outcome of {value} was told"
        if self.done[value] == 0:
            assert told == {INTERRUPTED}, f"{value} was not set, and {told} told"

    def _step(self, uplink: list[bytes]) -> None:
        down = self.native.is_down
        heard = self.computer.step(*uplink)
        if self.native.is_down:
            return
        executed = [one[2][2] for one in self.native.events() if one[0] == EVENT_IDS["setting_changed"]]
        self.done.update(executed)
        value = self._value()
        if down:
            self.starts += 1
            if value != self.value and value > self.value and value not in executed:
                self.done[value] += 1  # kept in the very tick in which power failed
        self.value = value
        self._hear(heard)
        counter, key = (self.native.counters()[name] for name in ("key_counter", "key_active"))
        assert key >= self.key, "a key that was in force was lost"
        if key != self.key:
            self.key_write = int(self.native.store_writes)
        assert key > self.key or counter >= self.counter, "the anti-replay counter went back"
        self.counter, self.key = counter, key

    def _hear(self, heard: list[TmPacket]) -> None:
        for packet in heard:
            if packet.service == 1:
                report = decode_verification(packet)
                self.outcomes.setdefault(report.request_id, set()).add(report.subtype)

    def _value(self) -> float:
        return float(struct.unpack_from("<d", self.native.control_bytes(), self.place)[0])


@pytest.fixture(scope="module")
def before(transmitting: tuple[Computer, bytes]) -> tuple[Computer, bytes, int]:
    """A transmitting computer, its state, and the place of the setting in the control state."""
    computer, state = transmitting
    computer.computer.restore(state)
    computer.tick = computer.computer.telemetry()["tick"] + 1
    computer.send(sealed_frame(TcFrame("BD", packets.encode_tc_packet(setting(61.37, 299)))))
    place = computer.computer.control_bytes().index(struct.pack("<d", 61.37))
    for _ in range(20):
        computer.step()
    return computer, computer.computer.state_bytes(), place


def begin(before: tuple[Computer, bytes, int]) -> Pass:
    """The pass from its start."""
    computer, state, place = before
    computer.computer.restore(state)
    computer.extractors = {}
    computer.tick = computer.computer.telemetry()["tick"] + 1
    return Pass(computer, place)


def writes_of(before: tuple[Computer, bytes, int]) -> int:
    """The pass without a cut, which must be perfect; how many writes it makes."""
    flight = begin(before)
    first = flight.native.store_writes
    flight.fly(CUT_TICKS)
    writes = int(flight.native.store_writes) - first
    flight.judge()
    assert all(flight.done[value] == 1 for value in (*DIRECT, *TAGGED))
    assert (flight.starts, flight.key) == (0, 2)
    return writes


@pytest.mark.requirement("L3.6", "L2.6")
def test_power_may_fail_within_any_write_of_a_commanding_pass(before: tuple[Computer, bytes, int]) -> None:
    writes = writes_of(before)
    assert writes > 60
    for cut in range(1, writes + 1):
        flight = begin(before)
        flight.native.cut_power(cut, (0, 40, 3000)[cut % 3])
        try:
            flight.fly()
            assert flight.starts == 1
            flight.judge()
        except AssertionError as error:
            raise AssertionError(f"write {cut} of {writes}: {error}") from error


@pytest.mark.requirement("L3.6", "L2.6")
def test_power_may_fail_within_any_write_of_a_change_of_key(before: tuple[Computer, bytes, int]) -> None:
    """However much of a write gets done; what is told of the key is what is in force, and goes on to be."""
    flight = begin(before)
    first = int(flight.native.store_writes)
    flight.fly(CUT_TICKS)
    keys = set()
    for cut in range(flight.key_write - first - 12, flight.key_write - first + 3):
        for through in (0, 40, 3000):
            flight = begin(before)
            flight.native.cut_power(cut, through)
            flight.fly()
            assert flight.starts == 1
            flight.judge()
            keys.add(flight.key)
    assert keys == {1, 2}, "power also failed between the command and the key that it asks for"
