"""One file on its way to here: the receiving side of a CFDP class 2 transaction (CCSDS 727.0-B, 4.6).

    Metadata, File Data, EOF come in any order, any of them twice or never
    EOF                  -> ACK, and a NAK at once for what is missing (the deferred procedure)
    NAK timer runs out   -> the NAK again; after `LIMIT` times in vain, silence until the next contact
    all is there         -> checksum, Finished; again by its own timer until it is acknowledged
A segment that contradicts what came before it is refused; the first one stays, and the checksum judges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from flight.cfdp_checksum import checksum
from flight.cfdp_pdu import (
    FILE_OCTETS_MAX,
    NAK_UP_MAX,
    Ack,
    Body,
    ChecksumType,
    Condition,
    Directive,
    Eof,
    FileData,
    Finished,
    KeepAlive,
    Metadata,
    Nak,
    PduError,
    Prompt,
    read_name,
)
from ground.cfdp.counts import count
from ground.cfdp.coverage import Coverage
from ground.cfdp.plain import fields, octets_of, optional_fields, pack
from ground.cfdp.timer import Timer

NAK_INTERVAL_NS = 2_000_000_000
FINISHED_INTERVAL_NS = 2_000_000_000
LIMIT = 8
"""How often a timer may run out in one contact with nothing new in between."""
RANGES_MAX = 4096
"""Ranges of a file that are kept apart; a segment that would make more is refused and comes again."""
KEPT_OCTETS = 16 << 10
"""A store keeps what has come in segments of this length."""
NAKS_A_ROUND = 2
"""NAK PDUs a round: the satellite remembers 32 requests."""


@dataclass(slots=True)
class Reception:
    """A transaction of which this side is the destination; `fresh` are segments of `data` that changed."""

    sequence: int
    metadata: Metadata | None = None
    eof: Eof | None = None
    data: bytearray = field(default_factory=bytearray)
    coverage: Coverage = field(default_factory=Coverage)
    finished: Finished | None = None
    acknowledged: bool = False
    heard_ns: int = 0
    expiries: int = 0
    naks: int = 0
    suspended: bool = False
    nak_timer: Timer = field(default_factory=Timer)
    finished_timer: Timer = field(default_factory=Timer)
    out: list[Body] = field(default_factory=list)
    fresh: set[int] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        """Whether the file is here whole, its checksum right."""
        return self.finished is not None and self.finished.complete

    def receive(self, body: Body, now_ns: int, counts: dict[str, int]) -> None:
        """Takes one PDU of this transaction."""
        self.heard_ns = now_ns
        match body:
            case Metadata():
                self._take_metadata(body, counts)
            case FileData():
                self._take_data(body, now_ns, counts)
            case Eof():
                self._take_eof(body, now_ns, counts)
            case Ack() if body.directive == Directive.FINISHED:
                if self.finished is None:
                    count(counts, "unasked")
                self.acknowledged = self.finished is not None
                self.finished_timer.stop()
                return
            case Prompt():
                self._answer(body, now_ns)
                return
            case _:
                count(counts, "unasked")
                return
        self._judge(now_ns)

    def tick(self, now_ns: int, counts: dict[str, int]) -> None:
        """Lets timers run out."""
        if self.nak_timer.expired(now_ns):
            self.nak_timer.stop()
            self.expiries += 1
            if self.expiries <= LIMIT:
                self._ask(now_ns)
            else:
                count(counts, "nak_limit")
        if self.finished_timer.expired(now_ns):
            self.finished_timer.stop()
            self.expiries += 1
            if self.expiries <= LIMIT and self.finished is not None:
                self.out.append(self.finished)
                self.finished_timer.start(now_ns, FINISHED_INTERVAL_NS, self.suspended)
            else:
                count(counts, "finished_limit")

    def suspend(self, now_ns: int) -> None:
        """Loss of signal: timers stand still, what was about to be said is said again later."""
        self.suspended = True
        self.out.clear()
        self.nak_timer.suspend(now_ns)
        self.finished_timer.suspend(now_ns)

    def resume(self, now_ns: int) -> None:
        """Contact again: what is open is asked for afresh, with new patience."""
        self.suspended = False
        self.expiries = 0
        self.nak_timer.resume(now_ns)
        self.finished_timer.resume(now_ns)
        if self.finished is not None and not self.acknowledged:
            self.finished_timer.start(now_ns, 0)
        elif self.finished is None and self.eof is not None:
            self.nak_timer.start(now_ns, 0)

    def cancel(self, now_ns: int) -> None:
        """Gives the file up, and tells the sender."""
        if self.finished is None:
            self._finish(Finished(False, Condition.CANCELLED), now_ns)

    def next_ns(self) -> int:
        """When a timer runs out next."""
        return min(self.nak_timer.next_ns, self.finished_timer.next_ns)

    def _take_metadata(self, body: Metadata, counts: dict[str, int]) -> None:
        if self.metadata is not None and self.metadata != body:
            count(counts, "metadata_conflict")
        elif self.metadata is None and self.finished is None:
            self.metadata, self.expiries = body, 0

    def _take_data(self, body: FileData, now_ns: int, counts: dict[str, int]) -> None:
        start, end = body.offset, body.offset + len(body.data)
        if self.finished is not None:
            count(counts, "late")
            return
        size = self.eof.size if self.eof else self.metadata.size if self.metadata else FILE_OCTETS_MAX
        if end > min(size, FILE_OCTETS_MAX):
            count(counts, "size")
            return
        known = self.coverage.overlaps(start, end)
        if any(self.data[a:b] != body.data[a - start : b - start] for a, b in known):
            count(counts, "overlap")
            return
        if known == [(start, end)]:
            count(counts, "duplicate")
            return
        if not self.coverage.add(start, end, RANGES_MAX):
            count(counts, "holes")
            return
        changed = min(start, len(self.data))
        if len(self.data) < end:
            self.data.extend(bytes(end - len(self.data)))
        self.fresh.update(range(changed // KEPT_OCTETS, (end - 1) // KEPT_OCTETS + 1))
        self.data[start:end] = body.data
        self.expiries = 0
        if self.eof is not None:
            self.nak_timer.start(now_ns, NAK_INTERVAL_NS, self.suspended)

    def _take_eof(self, body: Eof, now_ns: int, counts: dict[str, int]) -> None:
        status = 1 if self.finished is None else 2
        self.out.append(Ack(Directive.EOF, body.condition, status))
        if self.finished is not None:
            count(counts, "eof_late")
            self.acknowledged = False
            self.finished_timer.start(now_ns, 0, self.suspended)
            return
        if body.condition != Condition.NO_ERROR:
            self._finish(Finished(False, body.condition, by_source=True), now_ns)
        elif self.eof is None:
            self.eof = body
            self.nak_timer.start(now_ns, 0, self.suspended)
        elif self.eof != body:
            count(counts, "eof_conflict")
        else:
            count(counts, "eof_again")

    def _judge(self, now_ns: int) -> None:
        """Whether what is here decides the transaction."""
        if self.finished is not None:
            return
        condition = self._refusal()
        if condition is not None:
            self._finish(Finished(False, condition), now_ns)
        elif self.metadata is not None and self.eof is not None and not self.coverage.gaps(self.eof.size):
            whole = checksum(self.metadata.checksum_type, bytes(self.data)) == self.eof.checksum
            self._finish(Finished(whole, Condition.NO_ERROR if whole else Condition.CHECKSUM_FAILURE), now_ns)

    def _refusal(self) -> int | None:
        if self.eof is not None and self.eof.size > FILE_OCTETS_MAX:
            return Condition.FILESTORE_REJECTION
        if self.eof is not None and self.coverage.end > self.eof.size:
            return Condition.SIZE_ERROR
        if self.metadata is None:
            return None
        if self.metadata.checksum_type not in (ChecksumType.MODULAR, ChecksumType.CRC_32):
            return Condition.CHECKSUM_UNSUPPORTED
        if self.metadata.size > FILE_OCTETS_MAX:
            return Condition.FILESTORE_REJECTION
        if self.eof is not None and self.eof.size != self.metadata.size:
            return Condition.SIZE_ERROR
        try:
            read_name(self.metadata.destination_name)
        except PduError:
            return Condition.FILESTORE_REJECTION
        return None

    def _finish(self, finished: Finished, now_ns: int) -> None:
        self.finished = finished
        self.expiries = 0
        self.nak_timer.stop()
        self.finished_timer.start(now_ns, 0, self.suspended)
        if not finished.complete:
            self.data, self.coverage = bytearray(), Coverage()

    def _answer(self, prompt: Prompt, now_ns: int) -> None:
        """A NAK, even if nothing is missing, or how far this side has come; an end has its Finished."""
        if self.finished is not None:
            return
        if prompt.keep_alive:
            self.out.append(KeepAlive(self.coverage.end))
        else:
            self._ask(now_ns)

    def _ask(self, now_ns: int) -> None:
        """Says what is missing, in at most `NAKS_A_ROUND` PDUs; the rest is asked for after that.

        Each scope begins where the one before it ended, the first one at 0; the last one ends with the file,
        or before its EOF with what has come.
        """
        if self.finished is not None:
            return
        size = self.eof.size if self.eof else self.coverage.end
        missing = [] if self.metadata is not None else [(0, 0)]
        missing += self.coverage.gaps(size)
        start = 0
        for first in range(0, max(1, min(len(missing), NAKS_A_ROUND * NAK_UP_MAX)), NAK_UP_MAX):
            some = tuple(missing[first : first + NAK_UP_MAX])
            end = size if first + NAK_UP_MAX >= len(missing) else some[-1][1]
            self.out.append(Nak(start, end, some))
            self.naks += 1
            start = end
        if self.eof is not None:
            self.nak_timer.start(now_ns, NAK_INTERVAL_NS, self.suspended)

    def to_plain(self, *, octets: bool) -> dict[str, Any]:
        """As plain JSON values, of the octets only their number if so wanted; only what is unsaid (`out`) is
        left out: it is said before.
        """
        return {
            "sequence": self.sequence,
            "metadata": optional_fields(self.metadata),
            "eof": optional_fields(self.eof),
            "data": pack(self.data) if octets else len(self.data),
            "coverage": [self.coverage.starts, self.coverage.ends],
            "finished": optional_fields(self.finished),
            "acknowledged": self.acknowledged,
            "heard_ns": self.heard_ns,
            "expiries": self.expiries,
            "naks": self.naks,
            "suspended": self.suspended,
            "timers": [fields(self.nak_timer), fields(self.finished_timer)],
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """The reverse of `to_plain`."""
        starts, ends = plain["coverage"]
        nak, finished = plain["timers"]
        return cls(
            plain["sequence"],
            None if plain["metadata"] is None else Metadata(*plain["metadata"]),
            None if plain["eof"] is None else Eof(*plain["eof"]),
            bytearray(octets_of(plain["data"])),
            Coverage(list(starts), list(ends)),
            None if plain["finished"] is None else Finished(*plain["finished"]),
            plain["acknowledged"],
            plain["heard_ns"],
            plain["expiries"],
            plain["naks"],
            plain["suspended"],
            Timer(*nak),
            Timer(*finished),
        )
