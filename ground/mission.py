"""Stations and mission control as one deterministic state machine.

It acts on its own timers and on the frames that arrive, each at its own time, so nothing depends on how often
or how far it is granted time:

    at a pass's start     the station turns its carrier on
    at the first frame    FOP-1 resumes or begins, and commands that are due go up by priority
    30 s without frames   critical ones go up all the same: the satellite may hear and not speak
    10 s before its end   the records that have come are acknowledged
    before its end        FOP-1 is suspended and the carrier goes off; what the satellite sent still arrives
    at its end            the station disconnects

`ground.contacts` has the passes, `ground.uplink` what goes up, `ground.desk` what is made of what comes down.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict
from typing import Any, Self

from flight.chain import Chain
from flight.frames import Delivery, FrameError, Uplink
from flight.keys import KeyRing, load_ring
from flight.packets import Event, Verification
from flight.tm_frames import LIVE_CHANNEL, decode_tm_frame
from flight.tm_protection import kept_octets
from ground.commands import CommandQueue
from ground.config import GroundConfig
from ground.console import Console
from ground.contacts import NEVER, Contacts, Pass
from ground.desk import Desk
from ground.file_keeping import FileKeeping
from ground.keeper import Keeper
from ground.receiver import Report
from ground.security import Sender
from ground.store import GroundStore, Saved, StoreError
from ground.telemetry_security import Opener
from ground.uplink import BLIND_AFTER_NS, Timing, UplinkControl
from ground.watch import UplinkWatch

__all__ = ["BLIND_AFTER_NS", "NEVER", "Ground", "Pass"]

CONFIGURATION = "configuration"
"""The piece of a store that is not state: what the ground was configured with, for who reads it later."""
HOLD_NS = 30_000_000_000
"""So long after the first frame nothing goes up if counters may have been forgotten: three reports' time."""
_RECORD = struct.Struct("<4sqHI")


def configuration_of(saved: Saved) -> GroundConfig:
    """What a mission control was configured with that a store holds. Raises StoreError if that was not kept,
    ValueError and the like if it is damaged.
    """
    if CONFIGURATION not in saved.pieces:
        raise StoreError("its configuration was not kept: it is of an earlier version")
    return GroundConfig.from_json(json.loads(saved.pieces[CONFIGURATION]).encode())


class Ground:
    """The ground as a function of its configuration and of what arrives."""

    def __init__(
        self, config: GroundConfig, keys: KeyRing | None = None, store: GroundStore | None = None
    ) -> None:
        """keys: those of SAFEHOLD_KEYS, or the published ones, if left out.

        store: where it is kept, and goes on from if it has been kept there before; a simulation needs none.
        Raises StoreError if the store fails, or holds the state of another configuration, KeyFileError if
        telemetry is protected and there is no key for it.
        """
        self.config = config
        self._keys = load_ring() if keys is None else keys
        self._keeper = None if store is None else Keeper(store)
        self._file_keeping = FileKeeping()
        self._console = Console()
        self._sender = self._start_sender({})
        self._commands = CommandQueue(config.commands)
        self._contacts = Contacts(config)
        self._timing = Timing(config.latency_ns, config.tc_rate_bit_s)
        self._uplink = UplinkControl.start(self._timing, self._commands, self._sender.seal)
        opener = Opener.start(self._keys, config.telemetry_protection)
        self._desk = Desk(config, self._commands, self._contacts, opener)
        self._watch = UplinkWatch()
        self._time_ns = 0
        self._chain = Chain("ground")
        self._config_sha256 = config.sha256()
        self._chain.add(self._config_sha256.encode("ascii"))
        self._accepted: list[bool] = []
        self._opened: list[bytes] = []
        self._timers_ran = False
        self._carrier_told = True
        self._held_ns = NEVER
        self._go_on()
        self._hold()

    def advance(self, until_tick: int, deliveries: list[Delivery]) -> list[Uplink]:
        """Lives on to `until_tick`, with every frame that arrives until then; returns what the stations
        radiate.

        With a store, all of it is safe when this returns; StoreError if it is not, and nothing may depart.
        Raises ValueError if time runs backwards or a frame comes from beyond the grant or an unknown station.
        """
        until_ns = until_tick * self.config.tick_ns
        self._check(until_ns, deliveries)
        asks = False
        if self._keeper is not None:
            asks = until_tick >= self.promise_tick() or self.reacts()
            self._keeper.journal(deliveries)
        uplinks: list[Uplink] = []
        self._tell_carrier(until_ns, uplinks)
        self._accepted, self._opened, self._timers_ran = [], [], False
        for delivery in deliveries:
            self._run_timers(delivery.arrival_ns, uplinks)
            self._accepted.append(self._receive(delivery))
            self._radiate(uplinks)
        self._run_timers(until_ns, uplinks)
        self._time_ns = max(self._time_ns, until_ns)
        asked = asks and self._take_requests(uplinks)
        if deliveries or uplinks or self._timers_ran or asked:  # else time alone has passed
            self.keep()
        return uplinks

    @property
    def time_ns(self) -> int:
        """The time to which it has lived."""
        return self._time_ns

    def accepted(self) -> list[bool]:
        """For each frame of the last `advance`, whether the station was connected and the frame sound."""
        return list(self._accepted)

    def opened(self) -> list[bytes]:
        """If telemetry is protected, the accepted frames of the last `advance` as they are kept: opened."""
        return list(self._opened)

    def read_again(self, frame: bytes) -> bytes | None:
        """A frame that has been accepted before, as it is kept; None if it was none of the satellite's."""
        opener = self._desk.opener
        try:
            octets = frame if opener is None else opener.read(frame).octets
            decode_tm_frame(octets, kept_octets(self.config.telemetry_protection))
        except FrameError:
            return None
        return octets

    def promise_tick(self) -> int:
        """Nothing departs before this tick unless a frame arrives first; NEVER if nothing is planned."""
        timer_ns = self._next_timer_ns()
        return NEVER if timer_ns >= NEVER else timer_ns // self.config.tick_ns

    def reacts(self) -> bool:
        """Whether any frame could make something depart before the promise: FOP-1 waits for a CLCW, or the
        operator may send a command. One of `flight.tm_frames.may_bring_files` always can.
        """
        if self._contacts.current() is None or not self._contacts.carrier_on:
            return False
        return self._uplink.reacts() or self._desk.operator is not None

    def results(self) -> dict[str, Any]:
        """Everything the ground knows, as plain JSON values; times in nanoseconds since the epoch.

        `windows`: every window that begins within the duration. `passes`: those used, and how they went.
        `commands`: what became of each telecommand, in the scenario's order, then the operator's.
        `requests`: how many of mission control's own are in which state. `pong_delays_ms`. `counters`:
        frames and packets by outcome. `records`: what has come of those of mass memory, and what was asked
        for. `files`: what has come and gone up, and how transfers went. `uplink`: what befell it, by kind,
        and `alarms` about it; `telemetry_alarms`: those of limits and events. `operator`: what it saw and
        did, if there is one.
        """
        windows = [
            w
            for w in self._contacts.elements.windows_until(self.config.duration_ns)
            if w.aos_ns < self.config.duration_ns
        ]
        names = [station.name for station in self.config.stations]
        commands = self._commands.results(self._time_ns)
        return {
            "windows": [{"name": names[w.station], **asdict(w)} for w in windows],
            "passes": [{"name": names[p.station], **asdict(p)} for p in self._contacts.passes],
            "commands": commands,
            "requests": self._commands.own_results(),
            "pong_delays_ms": [
                (command["answer_ns"] - command["departure_ns"]) / 1e6
                for command in commands
                if command["answer_ns"] is not None
            ],
            "uplink": dict(sorted(self._uplink.counters.items())),
            "alarms": self._watch.results(),
            **self._desk.results(commands),
        }

    def digest(self) -> bytes:
        """SHA-256 over all that was received, radiated and concluded."""
        return hashlib.sha256(self._chain.digest() + self.to_bytes()).digest()

    def to_bytes(self) -> bytes:
        """The whole state, canonically. Predictions are not in it: they follow from the configuration."""
        state = self._parts() | {"commands": self._commands.to_plain()}
        return json.dumps(state, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    def control_bytes(self) -> bytes:
        """What can change what the ground does next, or what is made of its results but for how much it
        received: commands, operator, carrier, passes with their times.

        With `account_bytes` it is the whole state but `time_ns`, to which the ground was last granted time.
        """
        state = [
            self._commands.control(),
            self._uplink.control(),
            self._sender.to_plain(),
            self._watch.to_plain(),
            self._desk.control(),
            self._contacts.control(),
        ]
        if self._console.taken:
            state.append(self._console.to_plain())
        return json.dumps(state, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    def account_bytes(self) -> bytes:
        """What no decision reads: how many frames came and what they said, and the chain of it all."""
        state = [
            self._desk.account(),
            self._contacts.account(),
            self._commands.account(),
            self._uplink.counters,
            self._chain.to_bytes().hex(),
        ]
        return json.dumps(state, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    def frame_counts(self) -> tuple[int, list[int]]:
        """TM frames taken, in all and in each pass so far."""
        passes = [one.frames for one in self._contacts.passes]
        return self._desk.receiver.counters.get("frames_received", 0), passes

    def events_told(self) -> dict[str, int]:
        """`Timeliness.results` as of now."""
        return self._desk.timeliness.results(self._contacts.passes)

    @classmethod
    def from_bytes(cls, config: GroundConfig, state: bytes, keys: KeyRing | None = None) -> Self:
        """The ground with that state; raises ValueError if it belongs to another configuration."""
        values: dict[str, Any] = json.loads(state)
        if values["config"] != config.sha256():
            raise ValueError("the ground's state belongs to another configuration")
        ground = cls(config, keys)
        ground._commands.restore(values["commands"])
        ground._sender = Sender.from_plain(values["sender"], ground._keys)
        ground._restore(values)
        return ground

    def _parts(self, *, octets: bool = True) -> dict[str, Any]:
        """The state but for the commands, as plain values; those of files only with `octets`."""
        return {
            "config": self._config_sha256,
            "uplink": self._uplink.to_plain(),
            "sender": self._sender.to_plain(),
            "watch": self._watch.to_plain(),
            "contacts": self._contacts.to_plain(),
            **self._desk.to_plain(octets=octets),
            **({"console": self._console.to_plain()} if self._console.taken else {}),
            "time_ns": self._time_ns,
            "chain": self._chain.to_bytes().hex(),
        }

    def _restore(self, values: dict[str, Any]) -> None:
        """Takes the parts that `_parts` gives, with commands and sender as they are."""
        self._uplink = UplinkControl.from_plain(
            values["uplink"], self._timing, self._commands, self._sender.seal
        )
        self._contacts.restore(values["contacts"])
        self._desk.restore(values)
        self._watch = UplinkWatch.from_plain(values["watch"])
        self._console = Console.from_plain(values["console"]) if "console" in values else Console()
        self._time_ns = values["time_ns"]
        self._chain = Chain.from_bytes(bytes.fromhex(values["chain"]))

    def _take_requests(self, uplinks: list[Uplink]) -> bool:
        """Enters what people at consoles have asked for; whether there was anything. Only where the host
        hears a new promise: it may now be sooner than the last.
        """
        assert self._keeper is not None
        requests = self._keeper.store.requests(self._console.taken)
        if not requests:
            return False
        for one in self._console.take(requests, self._commands, self._time_ns, self._config_sha256):
            self._record(b"ask", self._time_ns, 0, one.content)
        self._uplink.changed(self._time_ns)
        self._radiate(uplinks)
        return True

    def _start_sender(self, kept: dict[int, int]) -> Sender:
        if self._keeper is None:
            return Sender.start(self._keys, kept=kept)
        return Sender.start(self._keys, kept=kept, reserve=self._keeper.reserve)

    def _go_on(self) -> None:
        """From where the store says that a mission control before this one ended."""
        if self._keeper is None or (loaded := self._keeper.load()) is None:
            return
        parts, rows, saved = loaded
        self._sender = self._start_sender(saved.reserved)
        self._uplink.seal = self._sender.seal
        if not parts:
            return  # it ended before it had kept anything but counters
        if parts.get("config") != self._config_sha256:
            raise StoreError("the archive belongs to another configuration; name another folder")
        try:
            self._sender.select(parts["sender"]["key"])
            self._commands.restore_rows(parts["queue"], rows)
            self._restore(parts)
            self._file_keeping.restore(self._desk.files, saved.pieces)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"what is kept is not mission control's: {error}") from error
        self._carrier_told = not self._contacts.passes

    def _tell_carrier(self, now_ns: int, uplinks: list[Uplink]) -> None:
        """After a restart nobody knows whether the station has heard of its carrier last."""
        if not self._carrier_told:
            station = self._contacts.passes[-1].station
            self._go_up(
                Uplink(now_ns, station, "carrier_on" if self._contacts.carrier_on else "carrier_off"), uplinks
            )
            self._carrier_told = True

    def keep(self) -> None:
        """Puts what has changed into its store, if it has one; raises StoreError if that fails."""
        if self._keeper is not None:
            parts = self._parts(octets=False) | {"queue": self._commands.head()}
            if not self._keeper.has(CONFIGURATION):
                parts[CONFIGURATION] = self.config.to_json()
            octets = self._file_keeping.changes(self._desk.files)
            self._keeper.keep(parts, self._commands.rows(), octets)

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

    def _next_timer_ns(self) -> int:
        now_ns = self._time_ns
        return min(self._contacts.timer_ns(now_ns), self._uplink.timer_ns(), self._desk_timer_ns())

    def _desk_timer_ns(self) -> int:
        if not self._contacts.carrier_on:
            return NEVER
        return self._desk.timer_ns(line_full=bool(self._uplink.pdus))

    def _run_timers(self, until_ns: int, uplinks: list[Uplink]) -> None:
        while (timer_ns := self._next_timer_ns()) <= until_ns:
            self._timers_ran = True
            self._time_ns = max(self._time_ns, timer_ns)
            if self._contacts.timer_ns(self._time_ns) > timer_ns:
                if self._desk_timer_ns() <= timer_ns:
                    packets = self._desk.run(self._time_ns, line_full=bool(self._uplink.pdus))
                    self._uplink.offer(packets, self._time_ns)
                else:
                    self._uplink.run(self._time_ns)
                self._watch.see_barren(self._uplink.barren, self._time_ns)
                self._radiate(uplinks)
                continue
            current = self._contacts.current()
            if current is None:
                self._begin_pass(uplinks)
            elif self._contacts.carrier_on:
                self._contacts.carrier_on = False
                self._uplink.end(timer_ns)
                self._desk.end(timer_ns)
                self._watch.see_waiting(self._desk.close_unreported(timer_ns, self._uplink.holds), timer_ns)
                self._go_up(Uplink(timer_ns, current.station, "carrier_off"), uplinks)
            else:
                current.ended = True
                self._contacts.elements.pass_ended(timer_ns, current.station, self._contacts.windows_used)
                content = json.dumps(asdict(current), sort_keys=True, separators=(",", ":"), allow_nan=False)
                self._record(b"pass", timer_ns, current.station, content.encode("ascii"))

    def _begin_pass(self, uplinks: list[Uplink]) -> None:
        fresh = self._contacts.begin(self._time_ns)
        if fresh is not None and self._contacts.carrier_on:
            self._held_ns = NEVER  # between passes nothing could have told the counter
            self._uplink.begin(
                fresh.station, max(fresh.start_ns, fresh.aos_ns), carrier_off_ns=fresh.carrier_off_ns
            )
            self._desk.begin(fresh, last_ns=self._uplink.last_ns or fresh.start_ns)
            self._go_up(Uplink(fresh.start_ns, fresh.station, "carrier_on"), uplinks)

    def _radiate(self, uplinks: list[Uplink]) -> None:
        """Lets go what the uplink has decided to send."""
        for departure in self._uplink.take():
            current = self._contacts.passes[-1]
            current.commands += departure.begins
            current.frames_up += 1
            current.frames_again += departure.repeat
            self._go_up(Uplink(departure.time_ns, current.station, "frame", departure.frame), uplinks)

    def _go_up(self, uplink: Uplink, uplinks: list[Uplink]) -> None:
        uplinks.append(uplink)
        content = uplink.kind.encode("ascii") + uplink.frame
        self._record(b"up", uplink.departure_ns, uplink.station, content)

    def _receive(self, delivery: Delivery) -> bool:
        self._time_ns = max(self._time_ns, delivery.arrival_ns)
        self._record(b"down", delivery.arrival_ns, delivery.station, delivery.frame)
        current = self._contacts.current()
        if current is None or current.station != delivery.station:
            self._desk.receiver.count("frames_refused_not_connected")
            return False
        reports = self._desk.receiver.receive(delivery.frame)
        if reports is None:
            current.frames_refused += 1
            return False
        if self._desk.opener is not None:
            self._opened.append(self._desk.receiver.opened)
        current.frames += 1
        current.last_frame_ns = delivery.arrival_ns
        if current.first_frame_ns is None:
            current.first_frame_ns = delivery.arrival_ns
        for report in reports:
            self._follow(report, delivery.arrival_ns)
        receiver = self._desk.receiver
        for octets in receiver.files:
            self._desk.files.take(octets, delivery.arrival_ns)
        if self._uplink.held:
            self._end_hold(delivery.arrival_ns)
        if receiver.clcw is not None:
            self._uplink.see(receiver.clcw, receiver.master_count, delivery.arrival_ns)
            self._watch.see_barren(self._uplink.barren, delivery.arrival_ns)
        return True

    def _follow(self, report: Report, arrival_ns: int) -> None:
        packet = report.packet
        key_before = self._sender.key_id
        live = (packet.service, packet.subtype) == (3, 25) and report.channel == LIVE_CHANNEL
        told = live and self._watch.see_housekeeping(self._sender, packet.data, packet.time_ns, arrival_ns)
        if (key_id := self._key_said(report)) is not None:
            self._watch.see_key(self._sender, key_id, packet.time_ns, arrival_ns)
        if told:
            self._uplink.held = False
        elif self._sender.key_id != key_before:
            self._hold()
        self._desk.follow(report, arrival_ns)

    def _hold(self) -> None:
        """With keys of its own and a folder that knows nothing of the one in use, it cannot know which
        counters were used: a folder may have been lost. What goes up is held until housekeeping tells.
        """
        unsure = self._keeper is not None and not self._keys.published and not self._sender.remembers()
        self._uplink.held, self._held_ns = unsure, NEVER

    def _end_hold(self, now_ns: int) -> None:
        """Nothing that is heard tells the counter: a satellite that may need commands waits no longer."""
        self._held_ns = min(self._held_ns, now_ns)
        if now_ns - self._held_ns >= HOLD_NS:
            self._uplink.held = False
            self._watch.see_untold(self._sender.key_id, now_ns)

    def _key_said(self, report: Report) -> int | None:
        """The key that is in force from here on, if that is what a report says."""
        content = report.content
        if isinstance(content, Event) and content.name == "key_changed":
            return int(content.arguments["to"] or 0)
        if isinstance(content, Verification) and content.subtype == 7:
            done = self._commands.done_by(content)
            key = done.arguments["key"] if done is not None and done.name == "select_key" else None
            return int(key) if isinstance(key, int | float) else None
        return None

    def _record(self, what: bytes, time_ns: int, station: int, content: bytes) -> None:
        self._chain.add(_RECORD.pack(what, time_ns, station, len(content)) + content)
