"""What the flight software said about a fault: detected, isolated, recovered, by its own events.

An event answers a fault if it is of a kind that the fault brings about and names the same unit. It is
detected before the next fault hits the same unit, and no later than ten minutes after its own end: what
comes then has another cause. A kind without such an event has only its times of injection.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from safehold.schema import Fault
from safehold.timeline import FlightEvent

LATE_NS = 600 * 10**9


@dataclass(frozen=True, slots=True)
class Signs:
    """Names of events, and the argument that names the unit (None: any)."""

    detected: tuple[str, ...]
    isolated: tuple[str, ...]
    recovered: tuple[str, ...]
    unit: str | None = "unit"


_GYRO = Signs(("gyro_excluded",), ("gyro_excluded",), ("gyro_readmitted",))
_TRACKER = Signs(("tracker_excluded",), ("tracker_excluded",), ("tracker_readmitted",))
_MAGNETOMETER = Signs(("magnetometer_excluded",), ("magnetometer_excluded",), ("magnetometer_readmitted",))
_GPS = Signs(("gps_excluded", "orbit_blind"), ("gps_excluded",), ("gps_readmitted", "orbit_fix_again"))
_WHEEL = Signs(("wheel_excluded",), ("wheel_excluded",), ("wheel_readmitted",), "wheel")
_DRIVE = Signs(("array_drive_lost",), ("array_drive_lost",), ("array_drive_recovered",), None)
_REPLICA = Signs(("replica_diverged",), ("replica_diverged",), ("replica_resynchronised",), "replica")
# That it was reset is what it says first when it is back.
_RESET = Signs(("computer_reset",), ("computer_reset",), ("computer_reset",), None)

SIGNS: dict[str, Signs] = {
    "gyro_bias": _GYRO,
    "gyro_stuck": _GYRO,
    "gyro_noise": _GYRO,
    "tracker_blind": _TRACKER,
    "magnetometer_bias": _MAGNETOMETER,
    "gps_outage": _GPS,
    "wheel_seize": _WHEEL,
    "wheel_friction": _WHEEL,
    "drive_stuck": _DRIVE,
    "replica_bit_flip": _REPLICA,
    "computer_reset": _RESET,
}


def response(
    fault: Fault, events: Sequence[FlightEvent], tick_ns: int, faults: Sequence[Fault] = ()
) -> dict[str, float | None]:
    """`detected_s`, `isolated_s`, `recovered_s`: the first fitting event from the injection on.

    faults: all of the scenario.
    """
    signs = SIGNS.get(fault.kind)
    if signs is None:
        return {"detected_s": None, "isolated_s": None, "recovered_s": None}
    number = fault.target.rpartition(".")[2]
    unit = int(number) if number.isdecimal() else 0
    found: dict[str, float | None] = {}
    after, until = fault.at, _detected_until_ns(fault, faults)
    for stage, names in (
        ("detected_s", signs.detected), ("isolated_s", signs.isolated), ("recovered_s", signs.recovered),
    ):  # fmt: skip
        tick = _first(events, names, signs.unit, unit, after // tick_ns)
        if stage == "detected_s" and tick is not None and tick * tick_ns >= until:
            tick = None
        found[stage] = None if tick is None else tick * tick_ns / 1e9
        if tick is not None:
            after = tick * tick_ns
        elif stage == "detected_s":
            return {"detected_s": None, "isolated_s": None, "recovered_s": None}
    return found


def _detected_until_ns(fault: Fault, faults: Sequence[Fault]) -> float:
    limits = [other.at for other in faults if other.target == fault.target and other.at > fault.at]
    if fault.duration is not None:
        limits.append(fault.at + fault.duration + LATE_NS)
    return min(limits, default=math.inf)


def _first(
    events: Sequence[FlightEvent], names: tuple[str, ...], argument: str | None, unit: int, from_tick: int
) -> int | None:
    for event in events:
        if event.tick >= from_tick and event.name in names:
            named = event.argument(argument) if argument is not None else None
            if named is None or int(named) == unit:
                return event.tick
    return None
