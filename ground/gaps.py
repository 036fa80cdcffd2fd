"""Which records of mass memory have come, which are missing, and which were given up on board.

A record is a telemetry packet of a stored APID; its sequence count is its number modulo 16,384, over resets.
The numbers are unwrapped here: a count is taken for the nearest number to the next one expected, so that up
to 8,191 records may be missing at a time. Each record is passed on once; what comes again is counted and
dropped. What is missing is told as ranges, for playback; what the satellite's loss ledger names (event
`records_given_up`) is missing no more. The satellite may name a record more than once, as it finds the same
hole at a start and again when it plays back, or name one that arrives all the same: here each record that is
lost is in the ledger once, under the first reason told, and one that arrives leaves it.

Memory is bounded: a record that would begin a range too many is counted and not taken, and so stays missing.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

STREAMS = ("critical", "black_box", "housekeeping", "science", "debug")
STREAM_OF_APID = {101: 0, 102: 2, 103: 4}
REASONS = ("quota", "corrupt", "storage", "volatile", "no_room")
UNNUMBERED = REASONS.index("no_room")
RANGES_MAX = 512
LEDGER_MAX = 4096
NUMBERS_AHEAD_MAX = 1 << 24
_COUNTS = 1 << 14
# How much younger than an earlier report one must be to prove that numbering began anew.
_SURELY_LATER_NS = 5_000_000_000


@dataclass(slots=True)
class Stream:
    """One stream: `next` is the number of the first record not heard of, `missing` the ranges (first, last)
    below it that have not come, in order. `held_first` and `held_next` are what the satellite says it holds;
    `seen_next` is what `next` was when its report of the on-board time `seen_ns` came.
    """

    next: int = 0
    missing: list[list[int]] = field(default_factory=list)
    received: int = 0
    repeated: int = 0
    given_up: int = 0
    refused: int = 0
    restarts: int = 0
    newest_ns: int = 0
    seen_ns: int = -1
    seen_next: int = 0
    held_first: int = 0
    held_next: int = 0

    def number(self, count: int) -> int:
        """The record number nearest to `next` with that sequence count."""
        ahead = (count - self.next) % _COUNTS
        number = self.next + ahead
        return number - _COUNTS if ahead >= _COUNTS // 2 and number >= _COUNTS else number

    def take(self, number: int) -> bool:
        """Notes a record that has come; whether it is to be passed on."""
        if number >= self.next:
            if number > self.next:
                if len(self.missing) >= RANGES_MAX:
                    self.refused += 1
                    return False
                self.missing.append([self.next, number - 1])
            self.next = number + 1
        else:
            place = self._range_of(number)
            if place is None:
                self.repeated += 1
                return False
            first, last = self.missing[place]
            if first < number < last and len(self.missing) >= RANGES_MAX:
                self.refused += 1
                return False
            self._cut(place, number, number)
        self.received += 1
        return True

    def close(self, first: int, last: int) -> list[tuple[int, int]]:
        """Records that will not come: missing no more. Returns those that were, as ranges in order."""
        closed = []
        for place in range(len(self.missing) - 1, -1, -1):
            low, high = self.missing[place]
            if high >= first and low <= last:
                part = max(low, first), min(high, last)
                closed.append(part)
                self._cut(place, *part)
        closed.reverse()
        if last >= self.next:
            if first > self.next:
                self.missing.append([self.next, first - 1])
            closed.append((max(first, self.next), last))
            self.next = last + 1
        return closed

    def missing_count(self) -> int:
        """How many records are missing."""
        return sum(last - first + 1 for first, last in self.missing)

    def complete_until(self) -> int:
        """Every record below this number has come or was given up."""
        return self.missing[0][0] if self.missing else self.next

    def _range_of(self, number: int) -> int | None:
        place = bisect_right(self.missing, [number, 1 << 62]) - 1
        return place if place >= 0 and self.missing[place][1] >= number else None

    def _cut(self, place: int, first: int, last: int) -> None:
        """Takes first … last out of the range at a place."""
        low, high = self.missing[place]
        left = [[low, first - 1]] if low < first else []
        right = [[last + 1, high]] if last < high else []
        self.missing[place : place + 1] = left + right


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """Records that the satellite has given up, by its own event; `first` counts for nothing if the reason is
    `no_room`, for those never had a number.
    """

    stream: str
    reason: str
    first: int
    count: int
    time_ns: int


@dataclass(slots=True)
class Gaps:
    """The streams of mass memory as the ground has them."""

    streams: list[Stream] = field(default_factory=lambda: [Stream() for _ in STREAMS])
    ledger: list[LedgerEntry] = field(default_factory=list)
    ledger_left_out: int = 0

    def take(self, apid: int, count: int, time_ns: int) -> int | None:
        """The number of a record that is to be passed on; None if it came before or found no room.

        `count` is the packet's sequence count, `time_ns` its on-board time.
        """
        stream = self.streams[STREAM_OF_APID[apid]]
        number = stream.number(count)
        if not stream.take(number) and not self._found(STREAM_OF_APID[apid], number):
            return None
        stream.newest_ns = max(stream.newest_ns, time_ns)
        return number

    def give_up(self, stream: int, reason: int, first: int, count: int, time_ns: int) -> bool:
        """The satellite names records as lost; False if it names no stream, reason or record."""
        if not (0 <= stream < len(STREAMS) and 0 <= reason < len(REASONS) and first >= 0 and count > 0):
            return False
        mine = self.streams[stream]
        if reason == UNNUMBERED:
            lost = [(first, first + count - 1)]
        elif first + count > mine.next + NUMBERS_AHEAD_MAX or len(mine.missing) >= RANGES_MAX:
            mine.refused += 1
            return True
        else:
            lost = mine.close(first, first + count - 1)
        for low, high in lost:
            mine.given_up += high - low + 1
            if len(self.ledger) < LEDGER_MAX:
                entry = LedgerEntry(STREAMS[stream], REASONS[reason], low, high - low + 1, time_ns)
                self.ledger.append(entry)
            else:
                self.ledger_left_out += 1
        return True

    def _found(self, stream: int, number: int) -> bool:
        """Whether a record that has come was named as lost: then it leaves the ledger."""
        for place, entry in enumerate(self.ledger):
            inside = entry.first <= number < entry.first + entry.count
            if not inside or entry.stream != STREAMS[stream] or entry.reason == REASONS[UNNUMBERED]:
                continue
            parts = (entry.first, number - entry.first), (number + 1, entry.first + entry.count - number - 1)
            left = [replace(entry, first=first, count=count) for first, count in parts if count > 0]
            if len(self.ledger) - 1 + len(left) > LEDGER_MAX:
                return False
            self.ledger[place : place + 1] = left
            mine = self.streams[stream]
            mine.given_up -= 1
            mine.repeated -= 1
            mine.received += 1
            return True
        return False

    def announce(self, stream: int, first: int, following: int, time_ns: int) -> None:
        """What live housekeeping of an on-board time says of a stream, told in the order of arrival: it holds
        records from `first` to before `following`.

        If that is less than had come when an earlier report came, mass memory has begun anew, and so do the
        numbers: what has come by then was committed before this report was made, whatever its time says.
        """
        mine = self.streams[stream]
        if time_ns < mine.seen_ns:
            return
        mine.held_first, mine.held_next = first, following
        if time_ns <= mine.seen_ns + _SURELY_LATER_NS and mine.seen_ns >= 0:
            return
        if following < mine.seen_next:
            mine.missing.clear()
            mine.next = first
            mine.restarts += 1
        mine.seen_ns, mine.seen_next = time_ns, mine.next

    def missing(self, stream: int) -> list[tuple[int, int]]:
        """Ranges (first, last) of records that are missing and still held on board, the oldest first."""
        mine = self.streams[stream]
        held = mine.held_first
        return [(max(first, held), last) for first, last in mine.missing if last >= held]

    def complete_until(self, stream: int) -> int:
        """Every record of the stream below this number is here, or named in the ledger."""
        return self.streams[stream].complete_until()

    def backlog(self, stream: int) -> int:
        """Records that the satellite has and the ground has not, as far as both know."""
        mine = self.streams[stream]
        return mine.missing_count() + max(0, mine.held_next - mine.next)

    def results(self) -> dict[str, Any]:
        """By stream: counts and missing ranges; and the ledger."""
        streams = {
            name: {
                "received": one.received,
                "repeated": one.repeated,
                "missing": one.missing_count(),
                "missing_ranges": [list(span) for span in one.missing],
                "given_up": one.given_up,
                "refused": one.refused,
                "restarts": one.restarts,
                "backlog": self.backlog(index),
            }
            for index, (name, one) in enumerate(zip(STREAMS, self.streams, strict=True))
        }
        return {
            "streams": streams,
            "ledger": [asdict(one) for one in self.ledger],
            "ledger_left_out": self.ledger_left_out,
        }

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        return {
            "streams": [asdict(one) for one in self.streams],
            "ledger": [asdict(one) for one in self.ledger],
            "ledger_left_out": self.ledger_left_out,
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        """The gaps with that state."""
        return cls(
            [Stream(**one) for one in values["streams"]],
            [LedgerEntry(**one) for one in values["ledger"]],
            values["ledger_left_out"],
        )
