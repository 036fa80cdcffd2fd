"""How telemetry tells that the satellite has started cold: with the values of launch, and nothing in hand.

The event `computer_reset` says so, and as long as that start is the last one, housekeeping does.
"""

from __future__ import annotations

from dataclasses import dataclass

from flight.packets import Event
from ground import housekeeping
from ground.receiver import Report

_HELD = ("boot_warm", "boot_count", "tick")


@dataclass(frozen=True, slots=True)
class ColdStart:
    """A start without the control state of before: its number since launch, and its on-board time."""

    boot: int
    time_ns: int


def cold_start(report: Report, tick_ns: int) -> ColdStart | None:
    """The cold start that a report speaks of; None if it speaks of none. The first of all is none."""
    packet, content = report.packet, report.content
    if isinstance(content, Event):
        if content.name != "computer_reset" or content.arguments["warm"] != 0.0:
            return None
        return _start(int(content.arguments["boots"] or 0), packet.time_ns)
    if (packet.service, packet.subtype) != (3, 25):
        return None
    held = housekeeping.read(packet.data, _HELD)
    if held is None or held["boot_warm"][0] != 0:
        return None
    # Ticks count from a cold start on, in which nothing is taken yet.
    return _start(held["boot_count"][0], packet.time_ns - held["tick"][0] * tick_ns)


def _start(boot: int, time_ns: int) -> ColdStart | None:
    return ColdStart(boot, time_ns) if boot > 1 else None
