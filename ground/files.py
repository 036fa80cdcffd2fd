"""The files of the satellite at mission control: PDUs of telemetry in, packets for the uplink out.

What is on its way is `ground.cfdp.service`'s. Of a file that has come whole only name, length, SHA-256, and
when it came are kept: its octets are in the frames, which whoever runs the ground has (`FileService` makes
the same file of them again).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Self

from flight.cfdp_pdu import FILE_APID
from ground.cfdp.service import SENDINGS_MAX, FileService
from ground.cfdp.timer import NEVER_NS
from ground.config import Upload

OCTETS_AT_ONCE = 800
"""Of PDUs that the line is given before it has sent them."""
_HEADER_OCTETS = 6
_COUNT_MODULO = 16_384


@dataclass(slots=True)
class Files:
    """File transfer over passes.

    `uploads`: what is to go up, by time, each when the one before it is over; the first `put` of them were
    begun. `whole`: name, octets, SHA-256 and time of each file that came.
    """

    uploads: tuple[Upload, ...] = ()
    service: FileService = field(default_factory=FileService)
    whole: list[tuple[str, int, str, int]] = field(default_factory=list)
    packet_count: int = 0
    put: int = 0

    def take(self, packet: bytes, now_ns: int) -> None:
        """A telemetry packet of files has come."""
        self.service.on_pdu(packet[_HEADER_OCTETS:], now_ns)
        for file in self.service.take_files():
            sha256 = hashlib.sha256(file.data).hexdigest()
            self.whole.append((file.name, len(file.data), sha256, file.completed_ns))

    def timer_ns(self, *, line_full: bool) -> int:
        """When `due` next has something to do; while the line is full, its packets wait for that to end."""
        begin_ns = NEVER_NS
        if self.put < len(self.uploads) and len(self.service.sendings) < SENDINGS_MAX:
            begin_ns = self.uploads[self.put].at_ns
        return begin_ns if line_full else min(begin_ns, self.service.next_timer_ns())

    def due(self, now_ns: int, *, line_full: bool) -> list[bytes]:
        """Begins the uploads whose time has come; the telecommand packets that are to go up now."""
        while self.timer_ns(line_full=True) <= now_ns:
            upload = self.uploads[self.put]
            self.service.put(upload.name, upload.data)
            self.put += 1
        if line_full:
            return []
        packets = []
        for pdu in self.service.due(now_ns, OCTETS_AT_ONCE):
            header = (0x1000 | FILE_APID, 0xC000 | self.packet_count, len(pdu) - 1)
            packets.append(b"".join(word.to_bytes(2, "big") for word in header) + pdu)
            self.packet_count = (self.packet_count + 1) % _COUNT_MODULO
        return packets

    def results(self) -> dict[str, Any]:
        """What came whole and what only in part, what became of each upload, and what was refused or came
        again.
        """
        ended = {name: complete for _, name, complete in self.service.ended}
        moving = self.service.files()
        offsets = {one.name: one.octets for one in moving if not one.downward}
        return {
            "received": [
                {"name": name, "octets": octets, "sha256": sha256, "completed_ns": completed_ns}
                for name, octets, sha256, completed_ns in self.whole
            ],
            "incomplete": [
                {"name": one.name, "octets": one.octets, "size": one.size}
                for one in moving
                if one.downward and one.state != "finished"
            ],
            "uploads": [
                {
                    "name": one.name,
                    "octets": len(one.data),
                    "at_ns": one.at_ns,
                    "sent": offsets.get(one.name, len(one.data) if one.name in ended else 0),
                    "state": _state(ended.get(one.name), begun=place < self.put),
                }
                for place, one in enumerate(self.uploads)
            ],
            "counters": self._counts(),
        }

    def control(self) -> list[Any]:
        """What can change what goes up next: the transfers, with what has come of them."""
        state = self.service.to_plain()
        del state["counts"], state["destination"]["counts"]
        return [state, self.packet_count, self.put]

    def account(self) -> list[Any]:
        """What is only told."""
        return [self._counts(), [list(one) for one in self.whole]]

    def to_plain(self, *, octets: bool = True) -> dict[str, Any]:
        """The state as plain values; without the octets of files, and those that came whole, if a store keeps
        these apart.
        """
        return {
            "service": self.service.to_plain(octets=octets),
            "whole": [list(one) for one in self.whole] if octets else [],
            "packet_count": self.packet_count,
            "put": self.put,
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any], uploads: tuple[Upload, ...]) -> Self:
        """The reverse of `to_plain`, for the same uploads."""
        whole = [(name, octets, sha256, at_ns) for name, octets, sha256, at_ns in values["whole"]]
        service = FileService.from_plain(values["service"])
        return cls(uploads, service, whole, values["packet_count"], values["put"])

    def _counts(self) -> dict[str, int]:
        totals = dict(self.service.counts)
        for name, number in self.service.destination.counts.items():
            totals[name] = totals.get(name, 0) + number
        return dict(sorted(totals.items()))


def _state(complete: bool | None, *, begun: bool) -> str:
    if complete is None:
        return "on its way" if begun else "queued"
    return "delivered" if complete else "refused"
