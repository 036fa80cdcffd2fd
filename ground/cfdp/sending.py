"""One file on its way from here: the sending side of a CFDP class 2 transaction (CCSDS 727.0-B, 4.6).

Metadata, File Data, EOF         as fast as the uplink takes them
NAK                              -> what it asks for, before anything new
EOF timer runs out               -> EOF again, until it is acknowledged
EOF acknowledged, no Finished    -> EOF again by the same timer: a receiver that forgot all begins with it
Finished                         -> ACK, over
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from flight.cfdp_checksum import checksum
from flight.cfdp_pdu import (
    SEGMENT_UP,
    Ack,
    Body,
    ChecksumType,
    Condition,
    Directive,
    Eof,
    FileData,
    Finished,
    Metadata,
    Nak,
)
from ground.cfdp.counts import count
from ground.cfdp.plain import fields, octets_of, optional_fields, pack
from ground.cfdp.timer import Timer

EOF_INTERVAL_NS = 3_000_000_000
LIMIT = 8
REQUESTS_MAX = 64


@dataclass(slots=True)
class Sending:
    """A transaction of which this side is the source."""

    sequence: int
    name: str
    data: bytes
    checksum_type: int = ChecksumType.MODULAR
    segment: int = SEGMENT_UP
    offset: int = 0
    metadata_due: bool = True
    eof_due: bool = False
    eof_acknowledged: bool = False
    condition: int = Condition.NO_ERROR
    requests: list[tuple[int, int]] = field(default_factory=list)
    finished: Finished | None = None
    expiries: int = 0
    suspended: bool = False
    timer: Timer = field(default_factory=Timer)
    out: list[Body] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether the receiver has the file whole."""
        return self.finished is not None and self.finished.complete

    def receive(self, body: Body, now_ns: int, counts: dict[str, int]) -> None:
        """Takes one PDU that goes toward the sender."""
        match body:
            case Nak():
                self._take_nak(body, now_ns, counts)
            case Ack() if body.directive == Directive.EOF:
                self.eof_acknowledged = True
                self.expiries = 0
                self.timer.start(now_ns, EOF_INTERVAL_NS, self.suspended)
            case Finished():
                self.out.append(Ack(Directive.FINISHED, body.condition, 2))
                if self.finished is None:
                    self.finished = body
                self.timer.stop()
                self.requests.clear()
            case _:
                count(counts, "unasked")

    def tick(self, now_ns: int, counts: dict[str, int]) -> None:
        """Lets the timer run out."""
        if not self.timer.expired(now_ns):
            return
        self.timer.stop()
        self.expiries += 1
        if self.expiries > LIMIT:
            count(counts, "eof_limit")
        elif self.finished is None:
            self.eof_due = True

    def next_body(self, now_ns: int) -> Body | None:
        """What to send next; None if it is the receiver's turn."""
        if self.out:
            return self.out.pop(0)
        if self.finished is not None:
            return None
        if self.metadata_due:
            self.metadata_due = False
            return Metadata(len(self.data), self.name, self.name, self.checksum_type)
        if self.requests and self.condition == Condition.NO_ERROR:
            return self._requested()
        if self.offset < len(self.data) and self.condition == Condition.NO_ERROR:
            self.offset, start = min(self.offset + self.segment, len(self.data)), self.offset
            self.eof_due = self.offset == len(self.data)
            return FileData(start, self.data[start : self.offset])
        if self.eof_due:
            self.eof_due = False
            self.timer.start(now_ns, EOF_INTERVAL_NS, self.suspended)
            return Eof(checksum(self.checksum_type, self.data[: self.offset]), self.offset, self.condition)
        return None

    def suspend(self, now_ns: int) -> None:
        """Loss of signal."""
        self.suspended = True
        self.timer.suspend(now_ns)

    def resume(self, now_ns: int) -> None:
        """Contact again: with new patience; an EOF that was not answered goes first."""
        self.suspended = False
        self.expiries = 0
        self.timer.resume(now_ns)
        if self.finished is None and self.offset == len(self.data) and not self.metadata_due:
            self.eof_due = True

    def cancel(self) -> None:
        """Gives the file up, and tells the receiver."""
        if self.finished is None and self.condition == Condition.NO_ERROR:
            self.condition = Condition.CANCELLED
            self.requests.clear()
            self.eof_acknowledged = False
            self.eof_due = True

    def _requested(self) -> FileData:
        start, end = self.requests[0]
        stop = min(start + self.segment, end)
        if stop == end:
            del self.requests[0]
        else:
            self.requests[0] = (stop, end)
        return FileData(start, self.data[start:stop])

    def _take_nak(self, body: Nak, now_ns: int, counts: dict[str, int]) -> None:
        self.expiries = 0
        if self.offset == len(self.data) and self.finished is None:
            self.timer.start(now_ns, EOF_INTERVAL_NS, self.suspended)
        for start, end in body.requests:
            if (start, end) == (0, 0):
                self.metadata_due = True
            elif end > len(self.data):
                count(counts, "nak_range")
            elif (start, end) in self.requests:
                count(counts, "nak_again")
            elif len(self.requests) >= REQUESTS_MAX:
                count(counts, "nak_full")  # asked for again when these are filled
            else:
                self.requests.append((start, end))

    def to_plain(self, *, octets: bool) -> dict[str, Any]:
        """As plain JSON values, of the octets only their number if so wanted."""
        return {
            "sequence": self.sequence,
            "name": self.name,
            "data": pack(self.data) if octets else len(self.data),
            "checksum_type": self.checksum_type,
            "segment": self.segment,
            "offset": self.offset,
            "flags": [self.metadata_due, self.eof_due, self.eof_acknowledged, self.suspended],
            "condition": self.condition,
            "requests": [list(one) for one in self.requests],
            "finished": optional_fields(self.finished),
            "expiries": self.expiries,
            "timer": fields(self.timer),
            "acknowledgements": [[one.condition, one.status] for one in self.out if isinstance(one, Ack)],
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """The reverse of `to_plain`."""
        metadata_due, eof_due, acknowledged, suspended = plain["flags"]
        return cls(
            plain["sequence"],
            plain["name"],
            octets_of(plain["data"]),
            plain["checksum_type"],
            plain["segment"],
            plain["offset"],
            metadata_due,
            eof_due,
            acknowledged,
            plain["condition"],
            [(start, end) for start, end in plain["requests"]],
            None if plain["finished"] is None else Finished(*plain["finished"]),
            plain["expiries"],
            suspended,
            Timer(*plain["timer"]),
            [Ack(Directive.FINISHED, *one) for one in plain["acknowledgements"]],
        )
