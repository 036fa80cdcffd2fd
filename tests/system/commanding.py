"""A mission control and a flight computer on a line that loses, repeats and reorders, tick by tick.

    MissionControl: queue, FOP-1, sealing, receiver, store ──► Line ──► FlightComputer: SDLS, FARM-1, PUS
                                                           ◄── Line ◄──

Everything but the line is what flies. A telecommand sets one setting to a number of its own, so the numbers
in the order of their events are what was executed.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from flight.computer import make_computer
from flight.dictionary import SENSOR_DTYPE, SETTINGS
from flight.frames import Delivery
from flight.packets import Verification
from flight.tc_frames import set_expected_frame
from ground.cold_start import cold_start
from ground.commands import OWN, CommandQueue
from ground.config import Command
from ground.desk import REPORTED_NS
from ground.fop import State
from ground.keeper import Keeper
from ground.receiver import Receiver
from ground.recovery import NEVER, Recovery
from ground.security import Sender
from ground.store.memory import MemoryStore
from ground.tracking import OPEN
from ground.uplink import Timing, UplinkControl
from tests.flight.conftest import tumbling_frames
from tests.uplink import RING

TICK_NS = 100_000_000
LATENCY_TICKS = 2
PASS_NS = 7_200_000_000_000
SETTING = "schedule_window_s"
SETTING_CHANGED = 6
_TIMING = Timing(LATENCY_TICKS * TICK_NS, 64_000)
_SENSORS = tumbling_frames(64, receiver_lock=True).view(SENSOR_DTYPE).reshape(-1)
_PROBE = 43_210.125


class Crash(Exception):
    """Mission control is killed."""


def _offset_of_setting() -> int:
    computer = make_computer(replicas=1, parameters={SETTING: _PROBE})
    return computer.control_bytes().index(struct.pack("<d", _PROBE))


_OFFSET = _offset_of_setting()


def no_fault(_operation: int, _done: bool) -> None:
    """Nothing fails."""


class MissionControl:
    """The parts of `ground.mission.Ground` that command, with passes as the test wants them."""

    def __init__(self, store: MemoryStore) -> None:
        """Goes on from what the store holds."""
        self.keeper = Keeper(store)
        loaded = self.keeper.load()
        kept = {} if loaded is None else loaded[2].reserved
        self.sender = Sender.start(RING, kept=kept, reserve=self.keeper.reserve)
        self.queue = CommandQueue(())
        self.receiver = Receiver(values_wanted=False)
        self.recovery = Recovery()
        self.uplink = UplinkControl.start(_TIMING, self.queue, self.sender.seal)
        if loaded is not None and loaded[0]:
            parts, rows, _ = loaded
            self.queue.restore_rows(parts["queue"], rows)
            self.uplink = UplinkControl.from_plain(parts["uplink"], _TIMING, self.queue, self.sender.seal)
            self.receiver = Receiver.from_plain(parts["receiver"])
            self.recovery = Recovery.from_plain(parts["recovery"])

    def keep(self) -> None:
        """Writes ahead, as `Ground` does."""
        parts = {
            "queue": self.queue.head(),
            "uplink": self.uplink.to_plain(),
            "receiver": self.receiver.to_plain(),
            "recovery": self.recovery.to_plain(),
        }
        self.keeper.keep(parts, self.queue.rows())

    def advance(self, now_ns: int, frames: list[bytes]) -> list[bytes]:
        """Lives on to a time, at which TM frames arrive; the TC frames that depart."""
        if not frames and self._timer_ns() > now_ns:
            return self._departed()
        self.keeper.journal([Delivery(0, now_ns, frame) for frame in frames])
        self._run(now_ns)
        for frame in frames:
            for report in self.receiver.receive(frame) or []:
                self.recovery.see(report, now_ns)
                if (start := cold_start(report, TICK_NS)) is not None:
                    self.queue.start_cold(start.boot, start.time_ns, now_ns)
                if isinstance(report.content, Verification):
                    self.queue.verify(report.content, now_ns, report.packet.time_ns)
            if self.receiver.clcw is not None:
                self.uplink.see(self.receiver.clcw, self.receiver.master_count, now_ns)
            self._run(now_ns)
        departed = self._departed()
        self.keep()
        return departed

    def begin(self, now_ns: int) -> None:
        """A pass begins."""
        self.queue.tidy(now_ns)
        self.uplink.begin(0, now_ns, carrier_off_ns=now_ns + PASS_NS)
        self.recovery.begin(now_ns, last_ns=self.uplink.last_ns or now_ns, expires_ns=now_ns + PASS_NS)

    def end(self, now_ns: int) -> None:
        """A pass ends."""
        self.uplink.end(now_ns)
        sent_by_ns = self.recovery.complete_ns - 2 * LATENCY_TICKS * TICK_NS - REPORTED_NS
        self.queue.close_unreported(sent_by_ns, now_ns, self.uplink.holds)

    def _departed(self) -> list[bytes]:
        """Frames, those of requests included that were made since: none may leave after its pass."""
        return [one.frame for one in self.uplink.take()]

    def _timer_ns(self) -> int:
        asks_ns = self.recovery.timer_ns() if self.uplink.last_ns is not None else NEVER
        return min(self.uplink.timer_ns(), asks_ns)

    def _run(self, now_ns: int) -> None:
        while (timer_ns := self._timer_ns()) <= now_ns:
            if self.uplink.timer_ns() <= timer_ns:
                self.uplink.run(timer_ns)
            else:
                self.recovery.run(timer_ns, self.queue)
                self.uplink.changed(timer_ns)

    def submit(self, command: Command, now_ns: int) -> int:
        """As the operator does."""
        index = self.queue.add(command)
        self.uplink.changed(now_ns)
        self.keep()
        return index

    def idle(self) -> bool:
        """Whether nothing waits, is under way or in doubt."""
        uplink = self.uplink
        pending = uplink.again or uplink.doubt or uplink.expedited or uplink.lower or uplink.on_air
        return not pending and uplink.fop.quiet() and not self.queue.any_by(2**62)


@dataclass
class Line:
    """One direction: a frame comes after the latency and some more, once, twice or never."""

    chance: random.Random
    loss: float = 0.0
    repeats: float = 0.0
    jitter_ticks: int = 0
    out: bool = False
    under_way: list[tuple[int, bytes]] = field(default_factory=list)
    lost: list[bytes] = field(default_factory=list)

    def send(self, tick: int, frame: bytes) -> None:
        """Gives it a frame."""
        if self.out or self.chance.random() < self.loss:
            self.lost.append(frame)
            return
        for _ in range(2 if self.chance.random() < self.repeats else 1):
            late = self.chance.randint(0, self.jitter_ticks)
            self.under_way.append((tick + LATENCY_TICKS + late, frame))

    def take(self, tick: int) -> list[bytes]:
        """What comes out in a tick."""
        come = [frame for due, frame in self.under_way if due <= tick]
        if come:
            self.under_way = [one for one in self.under_way if one[0] > tick]
        return come


class World:
    """Both ends and the line. `executed`: the numbers that were set, in their order."""

    def __init__(self, seed: int, expected: int, replicas: int = 1) -> None:
        """expected: V(R) at the start."""
        self.chance = random.Random(seed)
        self.up, self.down = Line(self.chance), Line(self.chance)
        self.store = MemoryStore()
        self.control = MissionControl(self.store)
        self.satellite = make_computer(
            replicas=replicas, parameters={"radio_silence_s": 0.0, SETTING: 1.0}, keys=RING
        )
        self.tick = 0
        self.in_pass = False
        self.serial = 1
        self.executed: list[int] = []
        self.unseen: set[int] = set()
        self.recorded: list[bytes] = []
        self.crashes = self.resets = self.cold_starts = self.withheld_taken = 0
        self.cold_ns: int | None = None  # when the last one was
        self._step([self.control.sender.seal(set_expected_frame(expected))])

    @property
    def now_ns(self) -> int:
        """The time at both ends."""
        return self.tick * TICK_NS

    def begin_pass(self) -> None:
        """Acquisition of signal."""
        self._on_ground(lambda: self.control.begin(self.now_ns))
        self.in_pass = True

    def end_pass(self) -> None:
        """Loss of signal."""
        self.in_pass = False
        self._on_ground(lambda: self.control.end(self.now_ns))

    def command(
        self, priority: int = 2, expires_ns: int | None = None, execute_at_ns: int | None = None
    ) -> None:
        """The operator wants the setting set to the next number, at once or at a time."""
        self.serial += 1
        arguments = {"setting": float(SETTINGS[SETTING].id), "index": 0.0, "value": float(self.serial)}
        command = Command(
            at_ns=self.now_ns,
            name="set_setting",
            arguments=arguments,
            priority=priority,
            expires_ns=expires_ns,
            execute_at_ns=execute_at_ns,
        )
        self._on_ground(lambda: self.control.submit(command, self.now_ns))

    def fly(self, ticks: int) -> None:
        """Both live on."""
        for _ in range(ticks):
            self.tick += 1
            for frame in self._step(self.up.take(self.tick)):
                self.down.send(self.tick, frame)
            self._on_ground(self._ground_lives)

    def reset(self, down_ticks: int) -> None:
        """The satellite's computer is reset."""
        self.satellite.reset(down_ticks * TICK_NS)
        self.resets += 1

    def reset_cold(self) -> None:
        """A reset that finds nothing sound of what was persisted."""
        for copy in (0, 1):
            with suppress(ValueError):  # not written yet
                self.satellite.flip_slot("control", copy, 4_000)
        self.cold_starts, self.cold_ns = self.cold_starts + 1, self.now_ns
        self.reset(1)

    def crash_ground(self) -> None:
        """Mission control is killed between two operations, and started again."""
        self._start_ground()

    def deliver(self, frame: bytes) -> dict[str, int]:
        """Somebody radiates a frame right now; what that tick counts, by reason. What is counted in volatile
        memory begins anew if power had failed at the end of the tick before.
        """
        before = self.satellite.counters()
        self.tick += 1
        for answer in self._step([frame]):
            self.down.send(self.tick, answer)
        self._on_ground(self._ground_lives)
        after = self.satellite.counters()
        return {
            reason: count - before[table][reason]
            for table in ("frames_rejected", "frames_dropped")
            for reason, count in after[table].items()
            if count > before[table][reason]
        }

    def deliver_withheld(self, back: int) -> None:
        """Somebody who kept a frame from arriving radiates it. If it is taken in the place of another with
        its number, the CLCW acknowledges that one, which mission control can only give up.
        """
        lost = self.up.lost
        self.withheld_taken += not self.deliver(lost[-1 - back % len(lost)])

    def value(self) -> int:
        """What the setting is on board."""
        return int(struct.unpack_from("<d", self.satellite.control_bytes(), _OFFSET)[0])

    def heal(self, ticks_max: int) -> bool:
        """The line becomes perfect and a pass begins: whether within that time all is done."""
        self.store.fault = no_fault
        self.satellite.cut_power(0)
        if self.in_pass:
            self.end_pass()
        self.fly(40)
        for line in (self.up, self.down):
            line.loss, line.repeats, line.jitter_ticks, line.out = 0.0, 0.0, 0, False
        self.begin_pass()
        while ticks_max > 0 and not self.control.idle():
            self.fly(5)
            ticks_max -= 5
        self.fly(20)
        return self.control.idle() and self.control.uplink.fop.state is State.ACTIVE

    def hear_out(self) -> None:
        """On a sound line the satellite plays back what has not been acknowledged; at the end of the pass
        mission control concludes what became of the rest. What expired after it had gone up may have been
        taken all the same: that is told by then, too.
        """
        if not self.in_pass:
            self.begin_pass()
        begin_ns = self.now_ns
        for _ in range(40):
            heard = self.control.recovery.complete_ns >= begin_ns
            if not any(_is_open(one, heard) for one in self.control.queue.results(self.now_ns)):
                return
            self.fly(50)
        self.end_pass()

    # --- how ----------------------------------------------------------------------------------------------

    def _step(self, uplink: list[bytes]) -> list[bytes]:
        sensors = _SENSORS[self.tick % len(_SENSORS)].copy()
        sensors["clock_ns"], sensors["sequence"] = self.now_ns, self.tick
        sensors["receiver_lock"] = int(self.in_pass)
        waking = self.satellite.is_down
        _, frames = self.satellite.step(sensors.tobytes(), uplink)
        for event, _, arguments in self.satellite.events():
            if event == SETTING_CHANGED:
                self.executed.append(int(arguments[2]))
        if waking and not self.satellite.is_down:
            self._notice_unseen()
        return frames

    def _notice_unseen(self) -> None:
        """What was executed and persisted in the tick in which power failed left no event."""
        value = self.value()
        if value > 1 and value not in self.executed:
            self.unseen.update(set(range(2, self.serial + 1)) - set(self.executed))
            self.executed.append(value)

    def _ground_lives(self) -> None:
        frames = self.down.take(self.tick)
        for frame in self.control.advance(self.now_ns, frames):
            self.recorded.append(frame)
            self.up.send(self.tick, frame)

    def _on_ground(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Crash:
            self._start_ground()

    def _start_ground(self) -> None:
        self.crashes += 1
        self.store.fault = no_fault
        self.control = MissionControl(self.store)
        # Whatever was going on, the contact plan says whether there is a pass.
        self._on_pass()

    def _on_pass(self) -> None:
        uplink = self.control.uplink
        if self.in_pass and uplink.last_ns is None:
            self.control.begin(self.now_ns)
        elif not self.in_pass and uplink.last_ns is not None:
            self.control.end(self.now_ns)


def _is_open(one: dict[str, Any], heard: bool) -> bool:
    if one["state"] == "expired":
        return one["radiations"] > 0 and not heard
    return one["state"] in OPEN or (one["state"] == "completed" and one["execute_at_ns"] is not None)


def _may_be_unknown(world: World, one: dict[str, Any]) -> bool:
    """Whether what has happened explains the reason that is given for it."""
    cold = world.cold_ns is not None and one["departure_ns"] <= world.cold_ns
    return {
        "cold_start": cold,
        "in_doubt": world.cold_starts > 0 or world.withheld_taken > 0,
        "no_report": cold or world.withheld_taken > 0 or one["priority"] == 0,
    }.get(one["reason"], False)


def audit(world: World) -> None:
    """Once all is done, and heard: whether what mission control says of each command is what has become of
    it. Nothing is left open.
    """
    world.hear_out()
    executed, maybe = set(world.executed), world.unseen
    told: dict[int, dict[str, Any]] = {}
    tagged = set()
    for index, row in world.control.queue.rows().items():
        if index < OWN:
            number = int(row["command"]["arguments"]["value"])
            told[number] = row["tracking"]
            if row["command"]["execute_at_ns"] is not None:
                tagged.add(number)
    assert executed <= told.keys()
    for number, one in told.items():
        what, about = one["state"], f"{number}: {one}"
        if what == "unknown":
            assert _may_be_unknown(world, one), about
        elif what == "expired":
            assert number not in executed, about
        elif what == "interrupted":
            assert world.resets or number in tagged, about
        elif what == "failed":  # entered too late, or too late at its time
            assert number in tagged, about
            assert number not in executed, about
        else:
            assert what == ("executed" if number in tagged else "completed"), about
            assert number in executed or number in maybe, about
    for priority in (1, 2, 3):
        at_once = [number for number in world.executed if number not in tagged]
        of_one = [number for number in at_once if told[number]["priority"] == priority]
        assert of_one == sorted(of_one), of_one
    if world.executed and not world.cold_starts:
        assert world.value() == world.executed[-1]
