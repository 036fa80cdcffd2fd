"""Stations and mission control as one deterministic state machine.

It acts on its own timers and on the frames that arrive, each at its own time, so nothing depends on how often
or how far it is granted time:

    at a pass's start     the station turns its carrier on
    at the first frame    commands that are due go up, one every 100 ms, while there is time for their answers
    30 s without frames   they go up all the same: the satellite may hear and not speak
    3 s before its end    the carrier goes off (2.52 s and twice the latency before); the satellite, which
                          radiates while it hears one, falls silent before it sets, and what it sent arrives
    at its end            the station disconnects

Stations take turns: where two passes overlap, the second begins when the first has ended. A command is
radiated once: without COP-1 a repetition could run twice.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict, dataclass
from typing import Any, Self

from flight.chain import Chain
from flight.frames import Delivery, Uplink
from flight.keys import KeyRing, load_ring
from flight.packets import Housekeeping, Verification
from flight.tc_frames import TcFrame
from ground.commands import CommandQueue
from ground.config import Command, GroundConfig
from ground.elements import Elements
from ground.operator import Operator
from ground.receiver import Receiver, Report
from ground.security import Sender
from ground.windows import Window

NEVER = 2**62
"""A tick or a time that never comes."""

# How long the satellite may go on radiating without a carrier: 2 s by default, and some.
CARRIER_HOLD_NS = 2_520_000_000
BLIND_AFTER_NS = 30_000_000_000
ANSWER_MARGIN_NS = 1_000_000_000
COMMAND_SPACING_NS = 100_000_000
_RECORD = struct.Struct("<4sqHI")


@dataclass(slots=True)
class Pass:
    """A pass as it went. Times are since the epoch.

    `start_ns` is later than `aos_ns` if another station was before it.
    """

    station: int
    aos_ns: int
    tca_ns: int
    los_ns: int
    elevation_max_rad: float
    start_ns: int
    carrier_off_ns: int
    frames: int = 0
    frames_refused: int = 0
    commands: int = 0
    first_frame_ns: int | None = None
    last_frame_ns: int | None = None
    ended: bool = False


class Ground:
    """The ground as a function of its configuration and of what arrives."""

    def __init__(self, config: GroundConfig, keys: KeyRing | None = None) -> None:
        """keys: those of SAFEHOLD_KEYS, or the published ones, if left out."""
        self.config = config
        self._commands = CommandQueue(config.commands)
        self._sender = Sender.start(load_ring() if keys is None else keys)
        self._elements = Elements(config)
        self._operator = Operator() if config.operator else None
        self._receiver = Receiver(values_wanted=config.operator)
        self._passes: list[Pass] = []
        self._windows_used = 0
        self._carrier_on = False
        self._next_send_ns = 0
        self._time_ns = 0
        self._chain = Chain("ground")
        self._chain.add(config.sha256().encode("ascii"))
        self._accepted: list[bool] = []

    def advance(self, until_tick: int, deliveries: list[Delivery]) -> list[Uplink]:
        """Lives on to `until_tick`, with every frame that arrives until then; returns what the stations
        radiate.

        Raises ValueError if time runs backwards or a frame comes from beyond the grant or an unknown station.
        """
        until_ns = until_tick * self.config.tick_ns
        self._check(until_ns, deliveries)
        uplinks: list[Uplink] = []
        self._accepted = []
        for delivery in deliveries:
            self._run_timers(delivery.arrival_ns, uplinks)
            self._accepted.append(self._receive(delivery))
        self._run_timers(until_ns, uplinks)
        self._time_ns = max(self._time_ns, until_ns)
        return uplinks

    def accepted(self) -> list[bool]:
        """For each frame of the last `advance`, whether the station was connected and the frame sound."""
        return list(self._accepted)

    def promise_tick(self) -> int:
        """Nothing departs before this tick unless a frame arrives first; NEVER if nothing is planned."""
        timer_ns = self._next_timer_ns()
        return NEVER if timer_ns >= NEVER else timer_ns // self.config.tick_ns

    def reacts(self) -> bool:
        """Whether a frame could make something depart before the promise: a pass's first frees commands, and
        any may make the operator send one.
        """
        current = self._current()
        if current is None or not self._carrier_on:
            return False
        freed = current.first_frame_ns is None and self._commands.waiting() is not None
        return freed or self._operator is not None

    def results(self) -> dict[str, Any]:
        """Everything the ground knows, as plain JSON values; times in nanoseconds since the epoch.

        `windows`: every window that begins within the duration. `passes`: those used, and how they went.
        `commands`: what became of each telecommand, in the scenario's order, then the operator's.
        `pong_delays_ms`. `counters`: frames and packets by outcome. `operator`: what it saw and did,
        if there is one.
        """
        windows = [
            w
            for w in self._elements.windows_until(self.config.duration_ns)
            if w.aos_ns < self.config.duration_ns
        ]
        names = [station.name for station in self.config.stations]
        commands = self._commands.results()
        return {
            "windows": [{"name": names[w.station], **asdict(w)} for w in windows],
            "passes": [{"name": names[p.station], **asdict(p)} for p in self._passes],
            "commands": commands,
            "pong_delays_ms": [
                (command["answer_ns"] - command["departure_ns"]) / 1e6
                for command in commands
                if command["answer_ns"] is not None
            ],
            "counters": self._receiver.results(),
            "operator": None if self._operator is None else self._operator.results(commands),
        }

    def digest(self) -> bytes:
        """SHA-256 over all that was received, radiated and concluded."""
        return hashlib.sha256(self._chain.digest() + self.to_bytes()).digest()

    def to_bytes(self) -> bytes:
        """The whole state, canonically. Predictions are not in it: they follow from the configuration."""
        state = {
            "config": self.config.sha256(),
            "commands": self._commands.to_plain(),
            "sender": self._sender.to_plain(),
            "receiver": self._receiver.to_plain(),
            "operator": None if self._operator is None else self._operator.to_plain(),
            "passes": [asdict(one) for one in self._passes],
            "windows_used": self._windows_used,
            "elements": self._elements.to_plain(),
            "carrier_on": self._carrier_on,
            "next_send_ns": self._next_send_ns,
            "time_ns": self._time_ns,
            "chain": self._chain.to_bytes().hex(),
        }
        return json.dumps(state, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    def control_bytes(self) -> bytes:
        """What can change what the ground does next, or what is made of its results but for how much it
        received: commands, operator, carrier, passes with their times.

        With `account_bytes` it is the whole state but `time_ns`, to which the ground was last granted time.
        """
        passes = [
            [
                one.station,
                one.start_ns,
                one.carrier_off_ns,
                one.los_ns,
                one.commands,
                one.first_frame_ns,
                one.ended,
            ]
            for one in self._passes
        ]
        state = [
            self._commands.to_plain(),
            self._sender.to_plain(),
            None if self._operator is None else self._operator.to_plain(),
            passes,
            self._windows_used,
            self._elements.control_plain(),
            self._carrier_on,
            self._next_send_ns,
        ]
        return json.dumps(state, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    def account_bytes(self) -> bytes:
        """What no decision reads: how many frames came and what they said, and the chain of it all."""
        state = [
            self._receiver.to_plain(),
            [[one.frames, one.frames_refused, one.last_frame_ns] for one in self._passes],
            self._elements.counters,
            self._chain.to_bytes().hex(),
        ]
        return json.dumps(state, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    def frame_counts(self) -> tuple[int, list[int]]:
        """TM frames taken, in all and in each pass so far."""
        return self._receiver.counters.get("frames_received", 0), [one.frames for one in self._passes]

    @classmethod
    def from_bytes(cls, config: GroundConfig, state: bytes) -> Self:
        """The ground with that state; raises ValueError if it belongs to another configuration."""
        values: dict[str, Any] = json.loads(state)
        if values["config"] != config.sha256():
            raise ValueError("the ground's state belongs to another configuration")
        ground = cls(config)
        ground._commands.restore(values["commands"])
        ground._sender = Sender.from_plain(values["sender"], ground._sender.ring)
        ground._receiver = Receiver.from_plain(values["receiver"])
        if ground._operator is not None:
            ground._operator = Operator.from_plain(values["operator"])
        ground._passes = [Pass(**one) for one in values["passes"]]
        ground._windows_used = values["windows_used"]
        ground._elements.restore(values["elements"])
        ground._carrier_on = values["carrier_on"]
        ground._next_send_ns = values["next_send_ns"]
        ground._time_ns = values["time_ns"]
        ground._chain = Chain.from_bytes(bytes.fromhex(values["chain"]))
        return ground

    def _check(self, until_ns: int, deliveries: list[Delivery]) -> None:
        last_ns = self._time_ns
        if until_ns < last_ns:
            raise ValueError(f"the ground is at {last_ns} ns and cannot go back to {until_ns} ns")
        for delivery in deliveries:
            if not last_ns <= delivery.arrival_ns <= until_ns:
                raise ValueError(
                    f"a frame arrives at {delivery.arrival_ns} ns, outside {last_ns} to {until_ns} ns"
                )
            if not 0 <= delivery.station < len(self.config.stations):
                raise ValueError(
                    f"a frame arrives at station {delivery.station} of {len(self.config.stations)}"
                )
            last_ns = delivery.arrival_ns

    def _next_window(self) -> Window | None:
        """The window after those used, if it begins within the duration."""
        prediction = self._elements
        ahead_ns = self._time_ns
        while True:
            windows = prediction.windows_until(ahead_ns)
            found_ns = prediction.found_until_ns()
            if self._windows_used < len(windows) and windows[self._windows_used].aos_ns < found_ns:
                window = windows[self._windows_used]
                return window if window.aos_ns < self.config.duration_ns else None
            if found_ns >= self.config.duration_ns:
                return None
            ahead_ns = found_ns + 1

    def _current(self) -> Pass | None:
        return self._passes[-1] if self._passes and not self._passes[-1].ended else None

    def _next_timer_ns(self) -> int:
        current = self._current()
        if current is None:
            window = self._next_window()
            return NEVER if window is None else self._start_ns(window)
        times = [current.carrier_off_ns if self._carrier_on else current.los_ns]
        if (send_ns := self._send_ns(current)) is not None:
            times.append(send_ns)
        return min(times)

    def _start_ns(self, window: Window) -> int:
        return max(window.aos_ns - window.margin_ns, self._passes[-1].los_ns if self._passes else 0)

    def _send_ns(self, current: Pass) -> int | None:
        """When the next command goes up in this pass; None if none does as things stand."""
        waiting = self._commands.waiting()
        if waiting is None or not self._carrier_on:
            return None
        heard_ns = (
            max(current.start_ns, current.aos_ns) + BLIND_AFTER_NS
            if current.first_frame_ns is None
            else current.first_frame_ns
        )
        send_ns = max(heard_ns, waiting.at_ns, self._next_send_ns)
        last_ns = current.carrier_off_ns - 2 * self.config.latency_ns - ANSWER_MARGIN_NS
        return send_ns if send_ns <= last_ns else None

    def _run_timers(self, until_ns: int, uplinks: list[Uplink]) -> None:
        while (timer_ns := self._next_timer_ns()) <= until_ns:
            self._time_ns = max(self._time_ns, timer_ns)
            current = self._current()
            if current is None:
                self._begin_pass(uplinks)
            elif self._send_ns(current) == timer_ns:
                self._send_command(current, timer_ns, uplinks)
            elif self._carrier_on:
                self._carrier_on = False
                self._radiate(Uplink(timer_ns, current.station, "carrier_off"), uplinks)
            else:
                current.ended = True
                self._elements.pass_ended(timer_ns, current.station, self._windows_used)
                content = json.dumps(asdict(current), sort_keys=True, separators=(",", ":"), allow_nan=False)
                self._record(b"pass", timer_ns, current.station, content.encode("ascii"))

    def _guard_ns(self) -> int:
        """How long before a pass's end the carrier goes off."""
        return CARRIER_HOLD_NS + 2 * self.config.latency_ns

    def _begin_pass(self, uplinks: list[Uplink]) -> None:
        window = self._next_window()
        assert window is not None
        self._windows_used += 1
        start_ns = self._start_ns(window)
        end_ns = window.los_ns + window.margin_ns
        if start_ns >= end_ns:
            return
        fresh = Pass(
            station=window.station,
            aos_ns=window.aos_ns,
            tca_ns=window.tca_ns,
            los_ns=end_ns,
            elevation_max_rad=window.elevation_max_rad,
            start_ns=start_ns,
            carrier_off_ns=max(start_ns, end_ns - self._guard_ns()),
        )
        self._passes.append(fresh)
        if fresh.carrier_off_ns > start_ns:
            self._carrier_on = True
            self._radiate(Uplink(start_ns, window.station, "carrier_on"), uplinks)

    def _send_command(self, current: Pass, departure_ns: int, uplinks: list[Uplink]) -> None:
        packet = self._commands.send(current.station, departure_ns)
        frame = self._sender.seal(TcFrame("BD", packet))
        on_air_ns = -(-len(frame) * 8 * 1_000_000_000 // self.config.tc_rate_bit_s)
        self._next_send_ns = departure_ns + max(COMMAND_SPACING_NS, on_air_ns)
        current.commands += 1
        self._radiate(Uplink(departure_ns, current.station, "frame", frame), uplinks)

    def _radiate(self, uplink: Uplink, uplinks: list[Uplink]) -> None:
        uplinks.append(uplink)
        content = uplink.kind.encode("ascii") + uplink.frame
        self._record(b"up", uplink.departure_ns, uplink.station, content)

    def _receive(self, delivery: Delivery) -> bool:
        self._time_ns = max(self._time_ns, delivery.arrival_ns)
        self._record(b"down", delivery.arrival_ns, delivery.station, delivery.frame)
        current = self._current()
        if current is None or current.station != delivery.station:
            self._receiver.count("frames_refused_not_connected")
            return False
        reports = self._receiver.receive(delivery.frame)
        if reports is None:
            current.frames_refused += 1
            return False
        current.frames += 1
        current.last_frame_ns = delivery.arrival_ns
        if current.first_frame_ns is None:
            current.first_frame_ns = delivery.arrival_ns
        for report in reports:
            self._follow(report, delivery.arrival_ns)
        return True

    def _follow(self, report: Report, arrival_ns: int) -> None:
        """Verification reports and answers to pings move their telecommands on; housekeeping is for the
        operator.
        """
        if (report.packet.service, report.packet.subtype) == (3, 25):
            self._elements.see(report.packet.data, report.packet.time_ns)
        if isinstance(report.content, Verification):
            if not self._commands.verify(report.content, arrival_ns):
                self._receiver.count("verifications_unexpected")
        elif isinstance(report.content, Housekeeping):
            self._show(report.content, report.packet.time_ns, arrival_ns)
        elif (report.packet.service, report.packet.subtype) == (17, 2):
            sent_by_ns = arrival_ns - 2 * self.config.latency_ns
            if not self._commands.answer(arrival_ns, sent_by_ns=sent_by_ns):
                self._receiver.count("answers_unexpected")

    def _show(self, report: Housekeeping, time_ns: int, arrival_ns: int) -> None:
        """Let the operator look at housekeeping, and queue what it wants."""
        if self._operator is None:
            return
        ready_ns = arrival_ns + self.config.operator_reaction_ns
        for decision in self._operator.see(
            report.values, time_ns=time_ns, arrival_ns=arrival_ns, pass_number=len(self._passes)
        ):
            command = Command(at_ns=ready_ns, name=decision.name, arguments=decision.arguments)
            self._operator.note(decision, decided_ns=arrival_ns, command=self._commands.add(command))

    def _record(self, what: bytes, time_ns: int, station: int, content: bytes) -> None:
        self._chain.add(_RECORD.pack(what, time_ns, station, len(content)) + content)
