"""The satellite's end of a file transfer, played with the ground's own sender and receiver, and a link that
loses, repeats, reorders and delays, all by a counter-based hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from flight.cfdp_pdu import GROUND, SATELLITE, Ack, Directive, Finished, Pdu, decode_pdu, encode_pdu
from ground.cfdp.reception import Reception
from ground.cfdp.sending import Sending
from ground.cfdp.service import FileService

TICK_NS = 100_000_000


@dataclass
class Lossy:
    """One direction of the link; `loss` and `repeat` are probabilities, delays are in ticks."""

    seed: str
    loss: float = 0.0
    repeat: float = 0.0
    delay: int = 2
    jitter: int = 0
    open: bool = True
    flying: list[tuple[int, int, bytes]] = field(default_factory=list)
    sent: int = 0

    def send(self, tick: int, pdus: Iterable[bytes]) -> None:
        for pdu in pdus:
            self.sent += 1
            if not self.open:
                continue
            dice = hashlib.sha256(f"{self.seed}.{self.sent}".encode()).digest()
            if int.from_bytes(dice[:4], "big") < self.loss * 2**32:
                continue
            arrival = tick + self.delay + (dice[4] % (self.jitter + 1))
            self.flying.append((arrival, self.sent, pdu))
            if int.from_bytes(dice[5:9], "big") < self.repeat * 2**32:
                self.flying.append((arrival + dice[9] % 7, self.sent, pdu))

    def arrive(self, tick: int) -> list[bytes]:
        here = sorted(one for one in self.flying if one[0] <= tick)
        self.flying = [one for one in self.flying if one[0] > tick]
        return [pdu for _, _, pdu in here] if self.open else []


class Satellite:
    """Sends files down, one transaction each, and takes one up."""

    def __init__(self) -> None:
        self.sending: dict[int, Sending] = {}
        self.reception: Reception | None = None
        self.counts: dict[str, int] = {}
        self.out: list[bytes] = []

    def send(self, sequence: int, name: str, data: bytes, checksum_type: int = 3) -> None:
        self.sending[sequence] = Sending(sequence, name, data, checksum_type, segment=992, eof_due=not data)

    def on_pdu(self, octets: bytes, now_ns: int) -> None:
        pdu = decode_pdu(octets)
        if pdu.source == GROUND:
            if self.reception is None:
                self.reception = Reception(pdu.sequence)
            self.reception.receive(pdu.body, now_ns, self.counts)
        elif pdu.sequence in self.sending:
            self.sending[pdu.sequence].receive(pdu.body, now_ns, self.counts)
        elif isinstance(pdu.body, Finished):
            acknowledgement = Ack(Directive.FINISHED, pdu.body.condition, 2)
            self.out.append(encode_pdu(Pdu(SATELLITE, pdu.sequence, GROUND, acknowledgement)))

    def due(self, now_ns: int, count: int = 12) -> list[bytes]:
        made, self.out = self.out, []
        for sending in self.sending.values():
            sending.tick(now_ns, self.counts)
            while len(made) < count and (body := sending.next_body(now_ns)) is not None:
                made.append(encode_pdu(Pdu(SATELLITE, sending.sequence, GROUND, body)))
        if self.reception is not None:
            self.reception.tick(now_ns, self.counts)
            made += [
                encode_pdu(Pdu(GROUND, self.reception.sequence, SATELLITE, body))
                for body in self.reception.out
            ]
            self.reception.out.clear()
        return made

    def suspend(self, now_ns: int) -> None:
        for one in [*self.sending.values(), *([self.reception] if self.reception else [])]:
            one.suspend(now_ns)

    def resume(self, now_ns: int) -> None:
        for one in [*self.sending.values(), *([self.reception] if self.reception else [])]:
            one.resume(now_ns)


def fly(ground: FileService, satellite: Satellite, down: Lossy, up: Lossy, first: int, until: int) -> None:
    """Both ends live from one tick to another."""
    for tick in range(first, until):
        now_ns = tick * TICK_NS
        for pdu in down.arrive(tick):
            ground.on_pdu(pdu, now_ns)
        for pdu in up.arrive(tick):
            satellite.on_pdu(pdu, now_ns)
        down.send(tick, satellite.due(now_ns))
        up.send(tick, ground.due(now_ns, 800))


def picture(octets: int, seed: int = 1) -> bytes:
    """Octets that do not repeat."""
    blocks = range(octets // 32 + 1)
    return b"".join(hashlib.sha256(f"{seed}.{i}".encode()).digest() for i in blocks)[:octets]
