"""The constants of a link."""

from __future__ import annotations

from dataclasses import dataclass

from sim.link.budget import Budget
from sim.link.impairments import Impairment


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """Constants: tick and one-way latency in nanoseconds, rates in bit/s, number of stations (at
    most 62), seed of what happens to frames, budget (None: no noise), and what else befalls them.
    """

    tick_ns: int
    latency_ns: int
    station_count: int
    tm_rate_bit_s: int = 1_000_000
    tc_rate_bit_s: int = 64_000
    seed: int = 0
    budget: Budget | None = None
    impairments: tuple[Impairment, ...] = ()

    def __post_init__(self) -> None:
        if self.tick_ns <= 0 or self.tm_rate_bit_s <= 0 or self.tc_rate_bit_s <= 0:
            raise ValueError("tick and rates of the link are positive")
        if self.latency_ns - self.jitter_ns < self.tick_ns:
            less = f" less the jitter ({self.jitter_ns} ns)" if self.jitter_ns else ""
            raise ValueError(
                f"the latency ({self.latency_ns} ns){less} is at least one tick ({self.tick_ns} ns): ground "
                "and space advance apart by it"
            )
        if not 0 <= self.station_count <= 62:
            raise ValueError(f"0 to 62 stations, not {self.station_count}")

    @property
    def jitter_ns(self) -> int:
        """How much earlier than the latency a frame may come, whatever acts."""
        return max((one.jitter_ns for one in self.impairments), default=0)

    @property
    def lookahead_ticks(self) -> int:
        """Whole ticks by which what is sent now cannot yet have arrived."""
        return (self.latency_ns - self.jitter_ns) // self.tick_ns
