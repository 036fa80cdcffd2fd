"""A frame in flight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Flying:
    """A copy of a frame that is under way, and how that will end if it is known already."""

    departure_ns: int
    arrival_ns: int
    stations: int
    frame: bytes
    outcome: int = 0
    copy: int = 0
    ebn0_db: tuple[float, ...] = ()  # downlink: at each of the stations, in the order of their bits

    @property
    def order(self) -> tuple[int, int, int, int]:
        """By arrival, and where two arrive together, always alike."""
        return self.arrival_ns, self.stations, self.departure_ns, self.copy


def stations_of(mask: int) -> list[int]:
    """The stations whose bits are set."""
    return [index for index in range(mask.bit_length()) if mask >> index & 1]


def to_plain(flying: Flying) -> list[Any]:
    """The frame as plain JSON values."""
    return [
        flying.departure_ns,
        flying.arrival_ns,
        flying.stations,
        flying.frame.hex(),
        flying.outcome,
        flying.copy,
        list(flying.ebn0_db),
    ]


def from_plain(plain: list[Any]) -> Flying:
    """From `to_plain`; raises ValueError or TypeError for anything else."""
    departure_ns, arrival_ns, stations, frame, outcome, number, ebn0_db = plain
    return Flying(
        int(departure_ns),
        int(arrival_ns),
        int(stations),
        bytes.fromhex(frame),
        int(outcome),
        int(number),
        tuple(float(one) for one in ebn0_db),
    )
