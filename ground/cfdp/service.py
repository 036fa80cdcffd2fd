"""File transfer as mission control sees it: PDUs in, PDUs out, files.

    on_pdu(octets, now_ns)       a packet of APID 110 brought this
    due(now_ns, octets_max)      what to radiate now, at most so many octets; the rest waits
    next_timer_ns()              when `due` next has something to do by itself
    suspend, resume              loss and acquisition of signal: timers stand still in between
    put, cancel                  send a file up, give one up
    take_files()                 the files that came whole: store them before radiating what `due` returns

One deterministic state machine: time is given to it, its whole state is `to_plain`; all of it is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from flight.cfdp_pdu import (
    FILE_OCTETS_MAX,
    GROUND,
    SATELLITE,
    SEQUENCE_MAX,
    Ack,
    Body,
    Directive,
    Finished,
    Pdu,
    PduError,
    decode_pdu,
    encode_pdu,
    read_name,
)
from ground.cfdp.counts import count
from ground.cfdp.destination import Destination, ReceivedFile
from ground.cfdp.plain import pack, unpack
from ground.cfdp.sending import Sending
from ground.cfdp.timer import NEVER_NS

SENDINGS_MAX = 1
"""The satellite takes one file at a time."""
OUTGOING_MAX = 256
"""PDUs that wait to be radiated; beyond, the oldest goes: it will be said again by a timer."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transaction as a display shows it."""

    name: str
    sequence: int
    downward: bool
    octets: int
    size: int
    state: str


@dataclass(slots=True)
class FileService:
    """Both directions of file transfer with one satellite."""

    destination: Destination = field(default_factory=Destination)
    sendings: dict[int, Sending] = field(default_factory=dict)
    ended: list[tuple[int, str, bool]] = field(default_factory=list)
    next_sequence: int = 1
    suspended: bool = True
    outgoing: list[bytes] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def on_pdu(self, octets: bytes, now_ns: int) -> None:
        """Takes the data field of a packet of APID 110; what does not fit is counted in `counts`."""
        try:
            pdu = decode_pdu(octets)
        except PduError as error:
            count(self.counts, error.reason)
            return
        if pdu.toward_sender:
            self._on_answer(pdu, now_ns)
        elif (pdu.source, pdu.destination) != (SATELLITE, GROUND):
            count(self.counts, "entity")
        else:
            self.destination.receive(pdu.sequence, pdu.body, now_ns)
        self._collect()

    def due(self, now_ns: int, octets_max: int = 1 << 30) -> list[bytes]:
        """The PDUs to radiate now, at most `octets_max` octets of them."""
        if self.suspended:
            return []
        self.destination.tick(now_ns)
        for sending in self.sendings.values():
            sending.tick(now_ns, self.counts)
        self._collect()
        made: list[bytes] = []
        while self.outgoing and len(self.outgoing[0]) <= octets_max:
            made.append(self.outgoing.pop(0))
            octets_max -= len(made[-1])
        if self.outgoing:
            return made
        for sending in self.sendings.values():
            while octets_max >= sending.segment + 16:
                body = sending.next_body(now_ns)
                if body is None:
                    break
                made.append(_encode(sending.sequence, body))
                octets_max -= len(made[-1])
        self._end_sendings()
        return made

    def next_timer_ns(self) -> int:
        """When `due` has something to do by itself; 0 if at once, `NEVER_NS` if never."""
        if self.suspended:
            return NEVER_NS
        if not self.outgoing and not self.sendings:
            return self.destination.next_ns()
        if self.outgoing or any(_has_more(sending) for sending in self.sendings.values()):
            return 0
        timers = [sending.timer.next_ns for sending in self.sendings.values()]
        return min([self.destination.next_ns(), *timers])

    def suspend(self, now_ns: int) -> None:
        """Loss of signal."""
        self.suspended = True
        self.outgoing.clear()
        self.destination.suspend(now_ns)
        for sending in self.sendings.values():
            sending.suspend(now_ns)

    def resume(self, now_ns: int) -> None:
        """Acquisition of signal."""
        self.suspended = False
        self.destination.resume(now_ns)
        for sending in self.sendings.values():
            sending.resume(now_ns)

    def put(self, name: str, data: bytes) -> int:
        """Sends a file up; returns its transaction number.

        Raises PduError `name`, `size` or `full` if the name is not one of the satellite's, the file too long,
        or another one is on its way up.
        """
        read_name(name)
        if len(data) > FILE_OCTETS_MAX:
            raise PduError("size", f"{len(data)} octets, more than {FILE_OCTETS_MAX}")
        if len(self.sendings) >= SENDINGS_MAX:
            raise PduError("full", "a file is on its way up already")
        sequence = self.next_sequence
        self.next_sequence = sequence % SEQUENCE_MAX + 1
        self.sendings[sequence] = Sending(sequence, name, data, eof_due=not data, suspended=self.suspended)
        return sequence

    def cancel(self, sequence: int, now_ns: int, downward: bool) -> bool:
        """Gives a transaction up; False if it is not on its way."""
        if downward:
            given_up = self.destination.cancel(sequence, now_ns)
            self._collect()
            return given_up
        sending = self.sendings.get(sequence)
        if sending is None:
            return False
        sending.cancel()
        return True

    def take_files(self) -> list[ReceivedFile]:
        """The files that have come whole since the last call."""
        taken, self.destination.files = self.destination.files, []
        return taken

    def files(self) -> list[Transfer]:
        """What is on its way, by direction and number."""
        down = [
            Transfer(
                one.metadata.destination_name if one.metadata else "?",
                one.sequence,
                True,
                one.coverage.octets,
                one.eof.size if one.eof else one.metadata.size if one.metadata else 0,
                "finished" if one.finished else "missing" if one.eof else "receiving",
            )
            for one in self.destination.receptions.values()
        ]
        up = [
            Transfer(
                one.name,
                one.sequence,
                False,
                one.offset,
                len(one.data),
                "waiting" if one.offset == len(one.data) else "sending",
            )
            for one in self.sendings.values()
        ]
        return down + up

    def _on_answer(self, pdu: Pdu, now_ns: int) -> None:
        if (pdu.source, pdu.destination) != (GROUND, SATELLITE):
            count(self.counts, "entity")
            return
        sending = self.sendings.get(pdu.sequence)
        if sending is not None:
            sending.receive(pdu.body, now_ns, self.counts)
            return
        count(self.counts, "unknown_transaction")
        if isinstance(pdu.body, Finished) and not self.suspended:
            self._queue(_encode(pdu.sequence, Ack(Directive.FINISHED, pdu.body.condition, 2)))

    def _collect(self) -> None:
        for sequence, body in self.destination.take_out():
            self._queue(encode_pdu(Pdu(SATELLITE, sequence, GROUND, body)))

    def _queue(self, octets: bytes) -> None:
        if self.suspended:
            return
        if len(self.outgoing) >= OUTGOING_MAX:
            self.outgoing.pop(0)
            count(self.counts, "outgoing_full")
        self.outgoing.append(octets)

    def _end_sendings(self) -> None:
        for sending in list(self.sendings.values()):
            if sending.finished is not None and not sending.out:
                del self.sendings[sending.sequence]
                self.ended = [*self.ended[-255:], (sending.sequence, sending.name, sending.complete)]

    def to_plain(self, *, octets: bool = True) -> dict[str, Any]:
        """The whole state as plain JSON values; of the octets of files under way only their numbers if so
        wanted.
        """
        return {
            "destination": self.destination.to_plain(octets=octets),
            "files": [
                [one.name, pack(one.data), one.checksum, one.sequence, one.completed_ns]
                for one in self.destination.files
            ],
            "sendings": [one.to_plain(octets=octets) for one in self.sendings.values()],
            "ended": [list(one) for one in self.ended],
            "next_sequence": self.next_sequence,
            "suspended": self.suspended,
            "outgoing": [one.hex() for one in self.outgoing],
            "counts": dict(sorted(self.counts.items())),
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """The reverse of `to_plain`."""
        destination = Destination.from_plain(plain["destination"])
        destination.files = [ReceivedFile(name, unpack(data), *rest) for name, data, *rest in plain["files"]]
        sendings = [Sending.from_plain(one) for one in plain["sendings"]]
        return cls(
            destination,
            {one.sequence: one for one in sendings},
            [(sequence, name, complete) for sequence, name, complete in plain["ended"]],
            plain["next_sequence"],
            plain["suspended"],
            [bytes.fromhex(one) for one in plain["outgoing"]],
            dict(plain["counts"]),
        )


def _has_more(sending: Sending) -> bool:
    if sending.out:
        return True
    if sending.finished is not None:
        return False
    return bool(
        sending.metadata_due
        or sending.eof_due
        or sending.requests
        or (sending.offset < len(sending.data) and not sending.condition)
    )


def _encode(sequence: int, body: Body) -> bytes:
    return encode_pdu(Pdu(GROUND, sequence, SATELLITE, body))
