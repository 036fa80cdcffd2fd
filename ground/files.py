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
from ground.cfdp.service import FileService

OCTETS_AT_ONCE = 800
"""Of PDUs that the line is given before it has sent them."""
_HEADER_OCTETS = 6
_COUNT_MODULO = 16_384


@dataclass(slots=True)
class Files:
    """File transfer over passes. `whole`: name, octets, SHA-256 and time of each file that came."""

    service: FileService = field(default_factory=FileService)
    whole: list[tuple[str, int, str, int]] = field(default_factory=list)
    packet_count: int = 0

    def take(self, packet: bytes, now_ns: int) -> None:
        """A telemetry packet of files has come."""
        self.service.on_pdu(packet[_HEADER_OCTETS:], now_ns)
        for file in self.service.take_files():
            sha256 = hashlib.sha256(file.data).hexdigest()
            self.whole.append((file.name, len(file.data), sha256, file.completed_ns))

    def due(self, now_ns: int) -> list[bytes]:
        """The telecommand packets that are to go up now."""
        packets = []
        for pdu in self.service.due(now_ns, OCTETS_AT_ONCE):
            header = (0x1000 | FILE_APID, 0xC000 | self.packet_count, len(pdu) - 1)
            packets.append(b"".join(word.to_bytes(2, "big") for word in header) + pdu)
            self.packet_count = (self.packet_count + 1) % _COUNT_MODULO
        return packets

    def results(self) -> dict[str, Any]:
        """What came whole, what is on its way, and what was refused or came again."""
        return {
            "whole": [
                {"name": name, "octets": octets, "sha256": sha256, "completed_ns": completed_ns}
                for name, octets, sha256, completed_ns in self.whole
            ],
            "open": len(self.service.files()),
            "counters": self._counts(),
        }

    def control(self) -> list[Any]:
        """What can change what goes up next: the transfers, with what has come of them."""
        state = self.service.to_plain()
        del state["counts"], state["destination"]["counts"]
        return [state, self.packet_count]

    def account(self) -> list[Any]:
        """What is only told."""
        return [self._counts(), [list(one) for one in self.whole]]

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        return {
            "service": self.service.to_plain(),
            "whole": [list(one) for one in self.whole],
            "packet_count": self.packet_count,
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        """The reverse of `to_plain`."""
        whole = [(name, octets, sha256, at_ns) for name, octets, sha256, at_ns in values["whole"]]
        return cls(FileService.from_plain(values["service"]), whole, values["packet_count"])

    def _counts(self) -> dict[str, int]:
        totals = dict(self.service.counts)
        for name, number in self.service.destination.counts.items():
            totals[name] = totals.get(name, 0) + number
        return dict(sorted(totals.items()))
