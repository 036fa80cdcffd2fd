"""The receiving entity: a bounded number of receptions, and the memory of those that are over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from flight.cfdp_pdu import Ack, Body, Directive, Eof, FileData, Finished, Metadata, Prompt
from ground.cfdp.counts import count
from ground.cfdp.reception import Reception
from ground.cfdp.timer import NEVER_NS

RECEPTIONS_MAX = 8
HISTORY_MAX = 4096


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that came whole: its name, content, checksum, transaction, and when its last octet came."""

    name: str
    data: bytes
    checksum: int
    sequence: int
    completed_ns: int


@dataclass(slots=True)
class Destination:
    """Receptions by transaction number; `history` answers for those that have ended."""

    receptions: dict[int, Reception] = field(default_factory=dict)
    history: dict[int, list[int]] = field(default_factory=dict)
    files: list[ReceivedFile] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    suspended: bool = True
    out: list[tuple[int, Body]] = field(default_factory=list)

    def receive(self, sequence: int, body: Body, now_ns: int) -> None:
        """Takes one PDU that goes toward a receiver."""
        reception = self.receptions.get(sequence)
        if reception is None:
            if sequence in self.history:
                self._answer_again(sequence, body)
                return
            reception = self._open(sequence, body, now_ns)
            if reception is None:
                return
        over = reception.finished is not None
        reception.receive(body, now_ns, self.counts)
        if reception.finished is not None and not over:
            self._note_end(reception, now_ns)
        self._retire(reception)

    def tick(self, now_ns: int) -> None:
        """Lets timers run out."""
        for reception in list(self.receptions.values()):
            reception.tick(now_ns, self.counts)

    def take_out(self) -> list[tuple[int, Body]]:
        """What wants to be sent, with its transaction."""
        out, self.out = self.out, []
        for reception in self.receptions.values():
            out += [(reception.sequence, body) for body in reception.out]
            reception.out = []
        return out

    def next_ns(self) -> int:
        """When a timer runs out next."""
        return min((one.next_ns() for one in self.receptions.values()), default=NEVER_NS)

    def suspend(self, now_ns: int) -> None:
        """No contact."""
        self.suspended = True
        self.out.clear()
        for reception in self.receptions.values():
            reception.suspend(now_ns)

    def resume(self, now_ns: int) -> None:
        """Contact."""
        self.suspended = False
        for reception in self.receptions.values():
            reception.resume(now_ns)

    def cancel(self, sequence: int, now_ns: int) -> bool:
        """Gives a reception up; False if there is none."""
        reception = self.receptions.get(sequence)
        if reception is None or reception.finished is not None:
            return False
        reception.cancel(now_ns)
        self._note_end(reception, now_ns)
        return True

    def _open(self, sequence: int, body: Body, now_ns: int) -> Reception | None:
        if isinstance(body, Ack | Prompt) or not isinstance(body, Metadata | FileData | Eof):
            count(self.counts, "unknown_transaction")
            return None
        if len(self.receptions) >= RECEPTIONS_MAX:
            # The sender says EOF again to whoever was put out: nothing but time is lost.
            oldest = min(self.receptions.values(), key=lambda one: (one.heard_ns, one.sequence))
            del self.receptions[oldest.sequence]
            count(self.counts, "evicted")
        reception = self.receptions[sequence] = Reception(sequence, suspended=self.suspended)
        reception.heard_ns = now_ns
        return reception

    def _note_end(self, reception: Reception, now_ns: int) -> None:
        assert reception.finished is not None
        if reception.finished.complete:
            assert reception.metadata is not None
            assert reception.eof is not None
            self.files.append(
                ReceivedFile(
                    reception.metadata.destination_name,
                    bytes(reception.data),
                    reception.eof.checksum,
                    reception.sequence,
                    now_ns,
                )
            )
            reception.data = bytearray()
        count(self.counts, "complete" if reception.finished.complete else "incomplete")

    def _retire(self, reception: Reception) -> None:
        """The sender knows the end: only the end itself is remembered."""
        if not reception.acknowledged or reception.finished is None:
            return
        self.out += [(reception.sequence, body) for body in reception.out]
        del self.receptions[reception.sequence]
        # A file that was given up may come again under its number.
        if reception.finished.complete:
            self.history[reception.sequence] = [1, reception.finished.condition]
            if len(self.history) > HISTORY_MAX:
                del self.history[next(iter(self.history))]

    def _answer_again(self, sequence: int, body: Body) -> None:
        """A sender that forgot the end asks for it by its EOF."""
        count(self.counts, "late")
        if isinstance(body, Eof) and not self.suspended:
            complete, condition = self.history[sequence]
            self.out.append((sequence, Ack(Directive.EOF, body.condition, 2)))
            self.out.append((sequence, Finished(bool(complete), condition)))

    def to_plain(self, *, octets: bool) -> dict[str, Any]:
        """As plain JSON values, with the octets or only their numbers; files that were not taken are left
        out: take them first.
        """
        return {
            "receptions": [one.to_plain(octets=octets) for one in self.receptions.values()],
            "history": [[sequence, *end] for sequence, end in self.history.items()],
            "counts": dict(sorted(self.counts.items())),
            "suspended": self.suspended,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """The reverse of `to_plain`."""
        receptions = [Reception.from_plain(one) for one in plain["receptions"]]
        return cls(
            {one.sequence: one for one in receptions},
            {sequence: end for sequence, *end in plain["history"]},
            [],
            dict(plain["counts"]),
            plain["suspended"],
        )
