"""What mission control makes of the packets that come down, each for the part that it concerns.

verification, answers to pings    the command queue
navigation in housekeeping        the elements
housekeeping                      the operator, if there is one
stored packets                    the recovery of records
PDUs                              the files
time reports                      the correlation of its clock
housekeeping, events              the alarms
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flight.packets import Event, Housekeeping, Verification
from flight.services import TimeReport
from flight.tm_frames import LIVE_CHANNEL
from ground.alarms import AlarmMonitor
from ground.cold_start import cold_start
from ground.commands import CommandQueue
from ground.config import Command, GroundConfig
from ground.contacts import Contacts, Pass
from ground.files import Files
from ground.operator import Operator
from ground.receiver import Receiver, Report
from ground.recovery import Recovery
from ground.telemetry_security import Opener
from ground.time_correlation import TimeCorrelation
from ground.timeliness import Timeliness

ALARMS_KEPT = 256
"""Of telemetry, in mission control's state; a run's own decoding of the frames keeps more."""
REPORTED_NS = 60_000_000_000
"""A telecommand that has arrived is accepted or refused on board, and that recorded, sooner than this."""


@dataclass(slots=True)
class Desk:
    """Follows the packets; the queue, the contacts and what opens protected frames are the ground's own."""

    config: GroundConfig
    commands: CommandQueue
    contacts: Contacts
    opener: Opener | None = None
    receiver: Receiver = field(init=False)
    operator: Operator | None = field(init=False)
    recovery: Recovery = field(default_factory=Recovery)
    files: Files = field(init=False)
    timeliness: Timeliness = field(default_factory=Timeliness)
    clock: TimeCorrelation = field(default_factory=TimeCorrelation)
    alarms: AlarmMonitor = field(default_factory=lambda: AlarmMonitor(most=ALARMS_KEPT))

    def __post_init__(self) -> None:
        self.receiver = Receiver(values_wanted=self.config.operator, opener=self.opener)
        self.files = Files(self.config.uploads)
        self.operator = Operator() if self.config.operator else None

    def begin(self, fresh: Pass, *, last_ns: int) -> None:
        """A pass has begun, its carrier is on; no command goes up after `last_ns`."""
        self.commands.tidy(fresh.start_ns)
        self.recovery.begin(fresh.start_ns, last_ns=last_ns, expires_ns=fresh.carrier_off_ns)
        self.files.service.resume(fresh.start_ns)
        self.timeliness.follow(self.contacts.passes)

    def end(self, now_ns: int) -> None:
        """The carrier goes off."""
        self.files.service.suspend(now_ns)

    def close_unreported(self, now_ns: int, held: Callable[[int], bool]) -> int | None:
        """At the end of a pass: what the satellite would have reported by now, had it come, is `unknown`.
        Returns the command that a stack has waited for through a pass in which frames came; None if none has.

        held: whether a command is still in the hands of the uplink.
        """
        sent_by_ns = self.recovery.complete_ns - 2 * self.config.latency_ns - REPORTED_NS
        self.commands.close_unreported(sent_by_ns, now_ns, held)
        last = self.contacts.passes[-1]
        return self.commands.awaited(last.start_ns if last.frames else -1, held)

    def timer_ns(self, *, line_full: bool) -> int:
        """When something is next to be asked for; files ask for nothing while their last PDUs wait."""
        return min(self.recovery.timer_ns(), self.files.timer_ns(line_full=line_full))

    def run(self, now_ns: int, *, line_full: bool) -> list[bytes]:
        """The timer's time has come: what is asked for is queued. Returns packets of files that go up."""
        if self.recovery.timer_ns() <= now_ns:
            self.recovery.run(now_ns, self.commands)
        return self.files.due(now_ns, line_full=line_full)

    def follow(self, report: Report, arrival_ns: int) -> None:
        """A packet of this pass."""
        packet, content = report.packet, report.content
        fresh = self.recovery.see(report, arrival_ns)
        if (start := cold_start(report, self.config.tick_ns)) is not None:
            self.commands.start_cold(start.boot, start.time_ns, arrival_ns)
        if fresh and packet.service == 5:
            self.timeliness.see(packet.time_ns, arrival_ns, self.contacts.passes)
            if isinstance(content, Event):
                stored = report.channel != LIVE_CHANNEL
                self.alarms.see_event(content, time_ns=packet.time_ns, arrival_ns=arrival_ns, stored=stored)
        if (packet.service, packet.subtype) == (3, 25):
            self.contacts.elements.see(packet.data, packet.time_ns)
            structure, octets = int.from_bytes(packet.data[:2], "big"), packet.data[2:]
            times = {"time_ns": packet.time_ns, "arrival_ns": arrival_ns}
            self.alarms.see_housekeeping(structure, octets, **times, stored=report.channel != LIVE_CHANNEL)
        if isinstance(content, TimeReport):
            # The frame that it names left in the tick that it tells; in a later one it waited.
            if report.channel == LIVE_CHANNEL and content.frame_count == self.receiver.live_count:
                self.clock.see(content.time_ns, arrival_ns - self.config.downlink_ns)
        elif isinstance(content, Verification):
            # A record that comes again tells the same, and fits nothing any more if all was done before.
            stored = report.channel != LIVE_CHANNEL
            fits = self.commands.verify(content, arrival_ns, packet.time_ns, stored=stored)
            if fresh and not fits:
                self.receiver.count("verifications_unexpected")
            self._define(content, packet.time_ns)
        elif isinstance(content, Housekeeping):
            self._show(content, packet.time_ns, arrival_ns)
        elif (packet.service, packet.subtype) == (17, 2):
            sent_by_ns = arrival_ns - 2 * self.config.latency_ns
            if not self.commands.answer(arrival_ns, sent_by_ns=sent_by_ns):
                self.receiver.count("answers_unexpected")

    def _define(self, report: Verification, time_ns: int) -> None:
        """Notes the structures that a telecommand has made or deleted, if a report says so."""
        done = self.commands.done_by(report) if report.subtype == 7 else None
        if done is not None and self.receiver.definitions is not None:
            self.receiver.definitions.follow(done.name, done.arguments, time_ns)

    def results(self, commands: list[dict[str, Any]]) -> dict[str, Any]:
        """The parts of `Ground.results` that are made here."""
        return {
            "counters": self.receiver.results(),
            "structures": self._structures(),
            "records": self.recovery.results(),
            "files": self.files.results(),
            "events": self.timeliness.results(self.contacts.passes),
            "clock": self.clock.results(),
            "telemetry_alarms": self.alarms.results(),
            "operator": None if self.operator is None else self.operator.results(commands),
        }

    def control(self) -> list[Any]:
        """What can change what the ground does next, and of what it tells for a verdict what never becomes
        less: events that came late, records that were given up.
        """
        operator = None if self.operator is None else self.operator.to_plain()
        given_up = [one.given_up for one in self.recovery.gaps.streams]
        verdict = [self.timeliness.late, given_up]
        if self.commands.open_sent():
            verdict += self.recovery.horizon()
        return [operator, self.recovery.control(), self.files.control(), verdict]

    def account(self) -> list[Any]:
        """What is only told."""
        return [
            self.receiver.to_plain(),
            self.recovery.account(),
            self.files.account(),
            self.timeliness.to_plain(),
            self.clock.to_plain(),
            self.alarms.to_plain(),
        ]

    def to_plain(self, *, octets: bool = True) -> dict[str, Any]:
        """The state as plain values, without the queue's and the contacts'; without the octets of files if a
        store keeps these apart.
        """
        return {
            "receiver": self.receiver.to_plain(),
            "operator": None if self.operator is None else self.operator.to_plain(),
            "recovery": self.recovery.to_plain(),
            "files": self.files.to_plain(octets=octets),
            "timeliness": self.timeliness.to_plain(),
            "clock": self.clock.to_plain(),
            "alarms": self.alarms.to_plain(),
        }

    def restore(self, values: dict[str, Any]) -> None:
        """Takes a state of `to_plain`; raises KeyError, TypeError or ValueError if it is none."""
        self.receiver = Receiver.from_plain(values["receiver"], self.opener)
        if self.operator is not None:
            self.operator = Operator.from_plain(values["operator"])
        self.recovery = Recovery.from_plain(values["recovery"])
        self.files = Files.from_plain(values["files"], self.config.uploads)
        self.timeliness = Timeliness.from_plain(values["timeliness"])
        self.clock = TimeCorrelation.from_plain(values["clock"])
        self.alarms = AlarmMonitor.from_plain(values["alarms"])

    def _structures(self) -> dict[str, Any]:
        """Housekeeping structures that were defined, and how many reports came of those that were not."""
        definitions = self.receiver.definitions
        unknown = {str(number): count for number, count in sorted(self.receiver.unknown.items())}
        return {"defined": [] if definitions is None else definitions.results(), "unknown": unknown}

    def _show(self, report: Housekeeping, time_ns: int, arrival_ns: int) -> None:
        """Let the operator look at housekeeping, and queue what it wants."""
        if self.operator is None:
            return
        ready_ns = arrival_ns + self.config.operator_reaction_ns
        for decision in self.operator.see(
            report.values, time_ns=time_ns, arrival_ns=arrival_ns, pass_number=len(self.contacts.passes)
        ):
            command = Command(at_ns=ready_ns, name=decision.name, arguments=decision.arguments)
            self.operator.note(decision, decided_ns=arrival_ns, command=self.commands.add(command))
