"""Records in a pass: what has come, what is asked for again, and what is acknowledged.

    every 20 s       what has been missing since the last look is asked for (play_back, PUS 15), oldest first,
                     nothing twice a pass; too many gaps are asked for as fewer, wider ranges
    before its end   one acknowledgement of the critical records and one of stored housekeeping, in any case

The looks go on while nothing is missing: a host may hold frames that nothing is to answer (`Ground.reacts`)
until the time of the next one, and any of them may be the one that shows a gap.

A gap that is younger than a look may be a frame that was overtaken. What lies beyond the first gap need not
be asked for in a later pass: the satellite begins each contact with what was not acknowledged.

How many telecommands go up in a pass without losses therefore does not depend on what the records say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from flight.packets import FLIGHT_APID, Event
from flight.tm_frames import LIVE_CHANNEL
from ground import housekeeping
from ground.commands import CommandQueue
from ground.config import Command
from ground.gaps import STREAM_OF_APID, STREAMS, Gaps
from ground.receiver import Report

NEVER = 2**62
LOOK_NS = 20_000_000_000
ACKNOWLEDGE_BEFORE_NS = 5_000_000_000
CRITICAL = 0
ACKNOWLEDGED = (CRITICAL, 2)
"""Streams whose records are acknowledged: critical and housekeeping."""
RANGES_A_LOOK = 4
RANGES_A_PASS = 8
NORMAL, LOW = 2, 3
_U32_MAX = 0xFFFF_FFFF
_HELD = ("records_first", "records_next")

Span = tuple[int, int]


@dataclass(slots=True)
class Recovery:
    """Follows the records; in a pass, asks and acknowledges at its own times.

    `newest` is by stream the greatest record number of this pass, `marks` what it was at the last look, -1 if
    there was none. `asked` are ranges (stream, first, last). Every critical record that was made before the
    report that arrived at `complete_ns` is here or was given up; the report that came at `mark_ns` told of
    those before the number `mark`.
    """

    gaps: Gaps = field(default_factory=Gaps)
    newest: list[int] = field(default_factory=lambda: [-1] * len(STREAMS))
    marks: list[int] = field(default_factory=lambda: [-1] * len(STREAMS))
    asked: list[tuple[int, int, int]] = field(default_factory=list)
    look_ns: int = NEVER
    acknowledge_ns: int = NEVER
    expires_ns: int = NEVER
    counts: dict[str, int] = field(default_factory=dict)
    complete_ns: int = -1
    mark_ns: int = -1
    mark: int = 0

    def begin(self, start_ns: int, *, last_ns: int, expires_ns: int) -> None:
        """A pass begins. No command goes up after `last_ns`; what has not gone up by `expires_ns` expires."""
        self.newest, self.marks, self.asked = [-1] * len(STREAMS), [-1] * len(STREAMS), []
        self.acknowledge_ns = max(start_ns, last_ns - ACKNOWLEDGE_BEFORE_NS)
        self.look_ns, self.expires_ns = start_ns + LOOK_NS, expires_ns

    def see(self, report: Report, arrival_ns: int) -> bool:
        """Takes a report that has come; False if it is a record that came before."""
        packet = report.packet
        if packet.apid in STREAM_OF_APID:
            stream = STREAM_OF_APID[packet.apid]
            number = self.gaps.streams[stream].number(packet.sequence)
            self.newest[stream] = max(self.newest[stream], number)
            if self.gaps.take(packet.apid, packet.sequence, packet.time_ns) is None:
                return False
        elif packet.apid == FLIGHT_APID and report.channel == LIVE_CHANNEL and packet.service == 3:
            self._announce(packet.data, packet.time_ns, arrival_ns)
        if isinstance(report.content, Event) and report.content.name == "records_given_up":
            stream, reason, first, count = (int(value or 0) for value in report.content.arguments.values())
            self.gaps.give_up(stream, reason, first, count, packet.time_ns)
        return True

    def timer_ns(self) -> int:
        """When it next has something to ask for or to acknowledge."""
        return min(self.look_ns, self.acknowledge_ns)

    def run(self, now_ns: int, queue: CommandQueue) -> None:
        """The timer's time has come."""
        if self.acknowledge_ns <= now_ns:
            for stream in ACKNOWLEDGED:
                until = min(self.gaps.complete_until(stream), _U32_MAX)
                self._request(queue, now_ns, "acknowledge_records", NORMAL, stream=stream, until=until)
            self.acknowledge_ns = self.look_ns = NEVER
        elif self.look_ns <= now_ns:
            self._look(now_ns, queue)
            self.look_ns = now_ns + LOOK_NS

    def results(self) -> dict[str, Any]:
        """What is known of the records, and how often something was asked for."""
        return {"requests": dict(sorted(self.counts.items())), **self.gaps.results()}

    def control(self) -> list[Any]:
        """What can change what is asked for next, or when: no numbers, until a record is missing."""
        missing = [self.gaps.missing(stream) for stream in ACKNOWLEDGED]
        told = [missing, self.newest, self.marks, self.asked] if any(missing) else []
        return [self.look_ns, self.acknowledge_ns, self.expires_ns, len(self.asked), told]

    def horizon(self) -> list[int]:
        """What can change `complete_ns` and what it is, but for the records' numbers."""
        return [self.complete_ns, self.mark_ns, max(0, self.mark - self.gaps.complete_until(CRITICAL))]

    def account(self) -> list[Any]:
        """What no decision reads."""
        return [self.to_plain()]

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        return {
            "gaps": self.gaps.to_plain(),
            "newest": self.newest,
            "marks": self.marks,
            "asked": [list(one) for one in self.asked],
            "times": [self.look_ns, self.acknowledge_ns, self.expires_ns],
            "counts": self.counts,
            "horizon": [self.complete_ns, self.mark_ns, self.mark],
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        """With that state; raises KeyError, TypeError or ValueError if it is none."""
        look_ns, acknowledge_ns, expires_ns = values["times"]
        asked = [(stream, first, last) for stream, first, last in values["asked"]]
        gaps = Gaps.from_plain(values["gaps"])
        return cls(
            *(
                gaps,
                list(values["newest"]),
                list(values["marks"]),
                asked,
                look_ns,
                acknowledge_ns,
                expires_ns,
            ),
            dict(values["counts"]),
            *values["horizon"],
        )

    def _announce(self, data: bytes, time_ns: int, arrival_ns: int) -> None:
        held = housekeeping.read(data, _HELD)
        if held is None:
            return
        for stream, (first, following) in enumerate(zip(held[_HELD[0]], held[_HELD[1]], strict=True)):
            self.gaps.announce(stream, first, following, time_ns)
        critical = self.gaps.streams[CRITICAL]
        if critical.complete_until() >= self.mark:
            self.complete_ns, self.mark_ns, self.mark = self.mark_ns, arrival_ns, critical.held_next
        elif critical.held_next < self.mark:  # the numbers have begun anew
            self.mark_ns, self.mark = arrival_ns, critical.held_next

    def _look(self, now_ns: int, queue: CommandQueue) -> None:
        """Asks for what was passed over before the last look."""
        for stream in ACKNOWLEDGED:
            before = [(first, last) for one, first, last in self.asked if one == stream]
            room = min(RANGES_A_LOOK, RANGES_A_PASS - len(before))
            gaps = [
                (first, last)
                for first, last in self.gaps.missing(stream)
                if last < self.marks[stream]
                and not any(low <= first and last <= high for low, high in before)
            ]
            for first, last in widened(gaps, room):
                self.asked.append((stream, first, last))
                self._request(queue, now_ns, "play_back", LOW, stream=stream, first=first, last=last)
        self.marks = list(self.newest)

    def _request(self, queue: CommandQueue, now_ns: int, name: str, priority: int, **arguments: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1
        numbers = {key: float(value) for key, value in arguments.items()}
        queue.request(
            Command(at_ns=now_ns, name=name, arguments=numbers, priority=priority, expires_ns=self.expires_ns)
        )


def widened(gaps: list[Span], most: int) -> list[Span]:
    """At most so many ranges that hold all of those given: the narrowest spaces between them are closed."""
    if most <= 0 or not gaps:
        return []
    spaces = sorted(range(1, len(gaps)), key=lambda at: (gaps[at - 1][1] - gaps[at][0], at))
    cuts = sorted(spaces[: most - 1])
    begins, ends = [0, *cuts], [*cuts, len(gaps)]
    return [(gaps[begin][0], gaps[end - 1][1]) for begin, end in zip(begins, ends, strict=True)]
