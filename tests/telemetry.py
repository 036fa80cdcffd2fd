"""Protected TM frames for tests: sealed by Python's `cryptography` as the satellite seals them in C++."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from flight.keys import published_ring
from flight.tm_frames import Clcw, TmFramer
from flight.tm_protection import TelemetryProtection, data_octets
from ground.telemetry_security import seal_telemetry
from tests.downlink import idle_frame

RING = published_ring()
KEY = next(iter(RING.telemetry))


@dataclass
class Sealer:
    """Makes protected frames of one virtual channel, each under a counter of its own."""

    protection: TelemetryProtection = "encrypted"
    channel: int = 0
    counter: int = 0
    key_id: int = KEY
    framer: TmFramer = field(init=False)

    def __post_init__(self) -> None:
        self.framer = TmFramer(self.channel, data_octets=data_octets(self.protection))

    def seal(self, opened: bytes) -> bytes:
        """A frame that leaves."""
        self.counter += 1
        return seal_telemetry(RING, opened, self.protection, key_id=self.key_id, counter=self.counter)

    def frames(self, packets: Iterable[bytes], clcw: Clcw | None = None) -> list[bytes]:
        """Frames that hold packets."""
        return [self.seal(one) for one in self.framer.frames(packets, clcw or Clcw())]

    def idle(self, clcw: Clcw | None = None) -> bytes:
        """A frame of the idle channel."""
        self.framer.master_count = self.framer.master_count + 1 & 0xFF
        return self.seal(idle_frame(self.framer.master_count, 0, clcw or Clcw(), self.framer.data_octets))
