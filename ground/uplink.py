"""The uplink of mission control: FOP-1 over passes, the one line that all frames share, and what is in doubt.

    carrier on ──► first CLCW ──► resume or initiate AD ──► commands by priority ──► suspend, carrier off
                     │ none for 30 s: critical commands as BD, once

FOP-1 gives up what it has when something does not add up (alert), and on the way frames are lost or late.
What was radiated by then is *in doubt* until the line has been silent for so long that nothing can still be
under way: the next CLCW then tells to the frame what the satellite has taken. That is never sent again; the
rest goes up again under new numbers, in its order. Only if the satellite has started cold, as its CLCW says,
or its V(R) cannot be of this uplink, is what was in doubt `unknown`, and never sent again either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from flight.tc_frames import SegmentFlag, TcFrame, segment_packet
from flight.tm_frames import Clcw
from ground.commands import OWN, CommandQueue
from ground.fop import MODULO, NO_TAG, Fop, Radiation, State

NEVER = 2**62
BLIND_AFTER_NS = 30_000_000_000
ANSWER_MARGIN_NS = 1_000_000_000
COMMAND_SPACING_NS = 100_000_000
# What T1 leaves beyond both latencies: frame on the air, tick on board, the frame that the CLCW comes in.
ANSWER_NS = 820_000_000
# Beyond both latencies: two ticks on board, a frame on the air, and 1 s in the transmitter's queue.
SETTLE_NS = 1_500_000_000
UNLOCKS_A_PASS = 3
_FRESH_NS = 2_000_000_000
CRITICAL = 0

Seal = Callable[[TcFrame], bytes]


@dataclass(frozen=True, slots=True)
class Timing:
    """Constants of the line."""

    latency_ns: int
    tc_rate_bit_s: int


@dataclass(frozen=True, slots=True)
class Departure:
    """A frame that leaves: whether it is a repetition, and the first of a command that goes up."""

    time_ns: int
    frame: bytes
    repeat: bool
    begins: bool


@dataclass(slots=True)
class UplinkControl:
    """What goes up, when, and again; its time is that of the last call.

    `last_ns`: no command goes up for the first time after it; None while no carrier is on. `clcw_count`: the
    master channel's frame count in the newest frame of this pass, `last_count` in the one that came last; -1
    before there is one. `barren`: how often FOP-1 was suspended at the transmission limit since something was
    delivered. `held`: the satellite is heard, and nothing goes up yet (`Ground` says for what it waits).
    `pdus`: of files, as BD frames, each once, when nothing else is to go: file transfer repeats by itself.
    """

    timing: Timing
    queue: CommandQueue
    seal: Seal
    fop: Fop = field(default_factory=Fop)
    station: int = -1
    last_ns: int | None = None
    blind_ns: int = NEVER
    heard: bool = False
    up: bool = False
    unlocks: int = 0
    again: list[tuple[int, bytes]] = field(default_factory=list)
    doubt: list[tuple[int, int, bytes]] = field(default_factory=list)
    expedited: list[tuple[int, bytes]] = field(default_factory=list)
    pdus: list[bytes] = field(default_factory=list)
    lower: list[Radiation] = field(default_factory=list)
    on_air: str = ""
    free_ns: int = 0
    silent_since_ns: int = 0
    fed_ns: int = -1
    clcw_count: int = -1
    clcw_ns: int = 0
    last_count: int = -1
    barren: int = 0
    held: bool = False
    counters: dict[str, int] = field(default_factory=dict)
    _departures: list[Departure] = field(default_factory=list)

    @classmethod
    def start(cls, timing: Timing, queue: CommandQueue, seal: Seal) -> Self:
        """An uplink at its start: T1 is 1.3 s at 240 ms each way, and follows the latency."""
        return cls(timing, queue, seal, Fop(t1_ns=2 * timing.latency_ns + ANSWER_NS))

    # --- a pass -------------------------------------------------------------------------------------------

    def begin(self, station: int, expected_ns: int, *, carrier_off_ns: int) -> None:
        """The carrier goes on; the satellite is expected to be heard at a time from now on."""
        self.station = station
        self.last_ns = carrier_off_ns - 2 * self.timing.latency_ns - ANSWER_MARGIN_NS
        self.blind_ns = expected_ns + BLIND_AFTER_NS
        self.heard = self.up = False
        self.unlocks, self.fed_ns = 0, -1

    def end(self, now_ns: int) -> None:
        """The carrier goes off: what FOP-1 has it keeps for the next pass."""
        self.last_ns, self.blind_ns = None, NEVER
        self.pdus = []
        self.clcw_count, self.clcw_ns, self.last_count = -1, 0, -1
        self.fop.suspend(now_ns)
        for kind in (self.on_air, *(one.kind for one in self.lower)):
            self._told_radiated(kind, now_ns)
        self.on_air, self.lower = "", []
        self._notices(now_ns)

    def see(self, clcw: Clcw, frame_count: int, now_ns: int) -> None:
        """The CLCW of a TM frame that has arrived; one that was overtaken by a later one says nothing."""
        if self.last_ns is None or self._stale(frame_count, now_ns):
            return
        if not self.heard:
            self.heard, self.blind_ns = True, NEVER
        if self.held:
            return
        if self.fop.state is State.INITIAL:
            if now_ns >= self._settled_ns() and self._needs():
                self._recover(clcw, now_ns)
        else:
            self.fop.clcw(clcw, now_ns)
        if self.fop.state is State.ACTIVE:
            self.up = True
            if self.doubt:
                self._repeat(now_ns)
        self._carry_out(now_ns)

    def offer(self, packets: list[bytes], now_ns: int) -> None:
        """Packets of files are to go up."""
        for packet in packets:
            self.pdus += [bytes([f.segment]) + f.data for f in segment_packet(packet, "BD")]
        self.changed(now_ns)

    def changed(self, now_ns: int) -> None:
        """Something about the queue has changed."""
        if self.last_ns is not None:
            self._carry_out(now_ns)

    def timer_ns(self) -> int:
        """When something next happens by itself; NEVER if nothing does."""
        if self.last_ns is None:
            return NEVER
        first = NEVER if self.fop.timer_ns is None or self.held else self.fop.timer_ns
        if self.on_air:
            return min(first, self.free_ns)
        waits = not self.heard and self.fed_ns < self.blind_ns
        due_ns = self.blind_ns if waits else self.queue.wanted_after(self.fed_ns)
        return min(first, due_ns) if due_ns <= self.last_ns else first

    def run(self, now_ns: int) -> None:
        """The timer's time has come."""
        if self.last_ns is None:
            return
        if self.on_air and self.free_ns <= now_ns:
            self._line_free(now_ns)
        suspended = self.fop.suspend_state
        if not self.held:
            self.fop.expire(now_ns)
        if self.fop.suspend_state and not suspended:
            self.barren += 1
        self._carry_out(now_ns)

    def reacts(self) -> bool:
        """Whether a CLCW could make a frame depart."""
        if self.last_ns is None:
            return False
        return self.held or self._needs() or not (self.fop.quiet() or self.fop.state is State.INITIAL)

    def holds(self, index: int) -> bool:
        """Whether frames of a command are still in its hands: to be radiated, unacknowledged, or in doubt."""
        fop = self.fop
        tags = [one[0] for one in (*self.again, *self.doubt, *self.expedited)]
        tags += [one.tag for one in fop.sent] + [one.tag for one in self.lower]
        return index in tags or (fop.waiting is not None and fop.waiting[0] == index)

    def take(self) -> list[Departure]:
        """What has departed since the last call."""
        departures, self._departures = self._departures, []
        return departures

    # --- recovery -----------------------------------------------------------------------------------------

    def _recover(self, clcw: Clcw, now_ns: int) -> None:
        """AD service is to begin or go on, and nothing of ours is under way: V(R) is what the CLCW says."""
        if self.fop.suspend_state and self._resumes(clcw, now_ns):
            return
        self._resolve(clcw, now_ns)
        if clcw.lockout or clcw.retransmit or clcw.cold:
            if self.unlocks >= UNLOCKS_A_PASS:
                return
            self.unlocks += 1
            self._count("unlocks")
            self.fop.set_vs(clcw.report_value, now_ns)
            self.fop.initiate_with_unlock(now_ns)
        elif not clcw.wait:
            self.fop.set_vs(clcw.report_value, now_ns)
            self.fop.initiate(now_ns, check=True)
            self.fop.clcw(clcw, now_ns)

    def _resumes(self, clcw: Clcw, now_ns: int) -> bool:
        """Goes on where it was suspended, if V(R) fits and nothing that is still to go has expired."""
        taken = (clcw.report_value - self.fop.nnr) % MODULO
        fits = taken <= len(self.fop.sent) and not (clcw.lockout or clcw.cold)
        fits = fits and not clcw.wait and not (clcw.retransmit and taken == len(self.fop.sent))
        if fits and all(self.queue.may_repeat(one.tag, now_ns) for one in self.fop.sent[taken:]):
            self.fop.resume(now_ns)
            self.fop.clcw(clcw, now_ns)
            self._carry_out(now_ns)
            if self.fop.state is State.ACTIVE and self.fop.sent and not self.on_air:
                self.fop.retry(now_ns)
            return True
        # The queues come out as purged, and into doubt.
        self.fop.initiate(now_ns, check=False)
        self.fop.terminate(now_ns)
        self._notices(now_ns)
        return False

    def _resolve(self, clcw: Clcw, now_ns: int) -> None:
        """Takes out of what is in doubt what the satellite has taken, or all if nobody can tell."""
        if not self.doubt:
            return
        doubt, self.doubt = self.doubt, []
        taken = (clcw.report_value - doubt[0][1]) % MODULO
        if clcw.cold or taken > len(doubt):
            for tag in {tag for tag, _, _ in doubt}:
                self.queue.give_up(tag, now_ns)
                self._count("commands_unknown")
            lost = {tag for tag, _, _ in doubt}
            self.again = [one for one in self.again if one[0] not in lost]
            return
        for tag, _, data in doubt[:taken]:
            self._delivered(tag, data, now_ns)
        self.doubt = doubt[taken:]

    def _repeat(self, now_ns: int) -> None:
        """AD service is active, and V(S) is V(R): what the satellite has not taken goes up again, in order.

        Not before: until then a frame that somebody withheld may be taken at any time, and V(R) tells.
        """
        self.again = [(tag, data) for tag, _, data in self.doubt] + self.again
        self.doubt = []
        self.again = [one for one in self.again if self.queue.may_repeat(one[0], now_ns)]

    def _settled_ns(self) -> int:
        return self.silent_since_ns + 2 * self.timing.latency_ns + SETTLE_NS

    def _stale(self, frame_count: int, now_ns: int) -> bool:
        """Whether a later frame has come before: TM frames may overtake each other, and come twice."""
        self.last_count = frame_count
        ahead = (frame_count - self.clcw_count) % 256
        if self.clcw_count >= 0 and not 1 <= ahead < 128 and now_ns - self.clcw_ns < _FRESH_NS:
            self._count("clcws_overtaken")
            return True
        self.clcw_count, self.clcw_ns = frame_count, now_ns
        return False

    # --- the line -----------------------------------------------------------------------------------------

    def _carry_out(self, now_ns: int) -> None:
        """What FOP-1 has decided, and then as much of what waits as the line takes."""
        self._notices(now_ns)
        while not self.on_air and self._feed(now_ns):
            self._notices(now_ns)

    def _notices(self, now_ns: int) -> None:
        for out in self.fop.take():
            if isinstance(out, Radiation):
                if self.on_air:
                    self.lower.append(out)
                else:
                    self._radiate(out, now_ns)
            elif out.what == "delivered":
                self.barren = 0
                self._delivered(out.tag, out.data, now_ns)
            elif out.what == "purged" and out.sequence >= 0:
                self.doubt.append((out.tag, out.sequence, out.data))
            elif out.what == "purged":
                self.again.insert(0, (out.tag, out.data))
            elif out.what == "alert":
                self._count(f"alerts_{out.reason}")
            elif out.what == "suspended":
                self._count("suspensions")

    def _delivered(self, tag: int, data: bytes, now_ns: int) -> None:
        if tag in self.queue and (not data or data[0] in (SegmentFlag.LAST, SegmentFlag.WHOLE)):
            self.queue[tag].received_ns = now_ns

    def _feed(self, now_ns: int) -> bool:
        """Gives FOP-1 the next FDU, if it and the line can take one; whether it did."""
        self.fed_ns = now_ns
        if self.last_ns is None or now_ns > self.last_ns:
            return False
        if not self.heard:
            return now_ns >= self.blind_ns and self._pick_blind(now_ns) and self._expedite(now_ns)
        if self.held:
            return False
        if self.expedited:
            return self._expedite(now_ns)
        fop = self.fop
        room = fop.ad_ready and fop.waiting is None and (fop.vs - fop.nnr) % MODULO < fop.window
        ready = fop.state is State.ACTIVE and room
        if not ready or not (self.again or self._pick(now_ns)):
            taken = bool(self.pdus) and fop.bd_ready and fop.transfer_bd(NO_TAG, self.pdus[0], now_ns)
            if taken:
                del self.pdus[0]
            return taken
        tag, data = self.again.pop(0)
        fop.transfer(tag, data, now_ns)
        return True

    def _pick(self, now_ns: int) -> bool:
        """Takes the next command out of the queue and apart into FDUs."""
        if not self.queue.any_by(now_ns):
            return False
        chosen = self.queue.pick(now_ns)
        if chosen is None:
            return False
        packet = self.queue.packet(chosen, self.station, now_ns)
        self.again = [(chosen.index, bytes([f.segment]) + f.data) for f in segment_packet(packet, "AD")]
        return True

    def _pick_blind(self, now_ns: int) -> bool:
        """A critical command by BD frames, once: nobody says whether it arrives, so it is never repeated."""
        if self.expedited:
            return True
        chosen = self.queue.pick(now_ns, CRITICAL) if self.queue.any_by(now_ns) else None
        if chosen is None:
            return False
        packet = self.queue.packet(chosen, self.station, now_ns)
        self.expedited = [(chosen.index, bytes([f.segment]) + f.data) for f in segment_packet(packet, "BD")]
        self._count("commands_blind")
        return True

    def _expedite(self, now_ns: int) -> bool:
        tag, data = self.expedited[0]
        taken = self.fop.transfer_bd(tag, data, now_ns)
        if taken:
            del self.expedited[0]
        return taken

    def _radiate(self, radiation: Radiation, now_ns: int) -> None:
        """The frame leaves now; the line is free."""
        kind, sequence, data, tag, repeat = radiation
        if kind == "BC":
            frame = TcFrame("BC", data)
        else:
            frame = TcFrame(kind, data[1:], sequence, SegmentFlag(data[0]))
        octets = self.seal(frame)
        on_air_ns = -(-len(octets) * 8 * 1_000_000_000 // self.timing.tc_rate_bit_s)
        self.free_ns = now_ns + max(COMMAND_SPACING_NS, on_air_ns)
        self.silent_since_ns = now_ns + on_air_ns
        self.on_air = kind
        begins = False
        if tag != NO_TAG and tag in self.queue:
            one = self.queue[tag]
            begins = one.radiations == 0 and one.origin != "ground"
            one.radiations += 1
        self._departures.append(Departure(now_ns, octets, repeat, begins))

    def _line_free(self, now_ns: int) -> None:
        """What was on the air has gone: FOP-1 hears of it, and what waits below leaves."""
        kind, self.on_air = self.on_air, ""
        if self.lower:
            self._radiate(self.lower.pop(0), now_ns)
        self._told_radiated(kind, now_ns)

    def _told_radiated(self, kind: str, now_ns: int) -> None:
        if kind == "AD":
            self.fop.lower("AD", now_ns, accepted=True)
        elif kind == "BC":
            self.fop.lower("BC", now_ns, accepted=True)
        elif kind == "BD":
            self.fop.lower("BD", now_ns, accepted=True)

    def _needs(self) -> bool:
        """Whether AD service is needed: to find out at acquisition whether it works, or by something."""
        waits = self.again or self.doubt or self.fop.suspend_state or not self.up
        return bool(waits) or self.queue.any_by(self.fed_ns)

    def _count(self, name: str) -> None:
        self.counters[name] = self.counters.get(name, 0) + 1

    def control(self) -> list[Any]:
        """What can change what happens next, as plain values: the state but for what is counted, and for
        what mission control's own requests say. Of frame counts only how far the newest is ahead of the last:
        frames are told apart by how far theirs are from one another, never by the number itself.
        """
        state = self.to_plain()
        del state["counters"]
        state["clcw"] = [self.clcw_count >= 0, (self.clcw_count - self.last_count) % 256, self.clcw_ns]
        for rows in (state["again"], state["doubt"], state["fop"]["sent"], state["lower"]):
            for row in rows:
                own = any(isinstance(value, int) and value >= OWN for value in row)
                row[:] = [0 if own and isinstance(value, str) else value for value in row]
        return [state]

    # --- state --------------------------------------------------------------------------------------------

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values, without the queue's and the counters of the seal."""
        return {
            "fop": self.fop.to_plain(),
            "line": [self.station, self.last_ns, self.blind_ns, self.heard, self.up, self.unlocks],
            "again": [[tag, data.hex()] for tag, data in self.again],
            "doubt": [[tag, sequence, data.hex()] for tag, sequence, data in self.doubt],
            "expedited": [[tag, data.hex()] for tag, data in self.expedited],
            "pdus": [data.hex() for data in self.pdus],
            "lower": [[one.kind, one.sequence, one.data.hex(), one.tag, one.repeat] for one in self.lower],
            "air": [self.on_air, self.free_ns, self.silent_since_ns, self.fed_ns],
            "clcw": [self.clcw_count, self.clcw_ns, self.last_count],
            "barren": self.barren,
            "counters": self.counters,
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any], timing: Timing, queue: CommandQueue, seal: Seal) -> Self:
        """The uplink with that state; raises ValueError, KeyError or TypeError if it is none."""
        station, last_ns, blind_ns, heard, up, unlocks = values["line"]
        on_air, free_ns, silent_since_ns, fed_ns = values["air"]
        clcw_count, clcw_ns, last_count = values["clcw"]
        return cls(
            *(timing, queue, seal, Fop.from_plain(values["fop"]), station, last_ns, blind_ns),
            *(heard, up, unlocks),
            again=[(tag, bytes.fromhex(data)) for tag, data in values["again"]],
            doubt=[(tag, sequence, bytes.fromhex(data)) for tag, sequence, data in values["doubt"]],
            expedited=[(tag, bytes.fromhex(data)) for tag, data in values["expedited"]],
            pdus=[bytes.fromhex(data) for data in values["pdus"]],
            lower=[
                Radiation(kind, sequence, bytes.fromhex(data), tag, repeat)
                for kind, sequence, data, tag, repeat in values["lower"]
            ],
            on_air=on_air,
            free_ns=free_ns,
            silent_since_ns=silent_since_ns,
            fed_ns=fed_ns,
            clcw_count=clcw_count,
            clcw_ns=clcw_ns,
            last_count=last_count,
            barren=values["barren"],
            counters=dict(values["counters"]),
        )
