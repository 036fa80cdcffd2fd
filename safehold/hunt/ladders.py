"""Where a search looks: the values that each thing of a schedule may have, from small to large.

Sizes come from a ladder of 1, 2 and 5 times powers of ten over four decades below the greatest that the kind
allows. How long a reset keeps the computer down is a duration like that of any other fault: a satellite that
is off for an hour is out of work for an hour, which is no finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from safehold.hunt.schedule import DOWNTIME
from safehold.registry import FaultKind, FaultParameter

# There is another unit of the same sort on board, or one that can do its work: the satellite is meant to live
# with losing one of these for good.
REDUNDANT = (
    "gyro_bias", "gyro_stuck", "gyro_noise", "tracker_blind", "wheel_seize", "wheel_friction",
    "magnetometer_bias", "gps_outage",
)  # fmt: skip
INSTANT = ("replica_bit_flip", "computer_reset")
DURATIONS_S = (1, 10, 60, 300, 600, 900)
MASKS_DEG = (20.0, 30.0, 45.0, 60.0)
AXES = (3.0, 0.0, 1.0, 2.0)
LATENCIES_MS = (500.0, 1000.0, 2000.0)
STEP_S = 60
DECADES = 4


@dataclass(frozen=True, slots=True)
class Space:
    """Where a search looks: kinds of fault, the time in which events begin, how many there may be.

    `until_s` is the last time at which anything may still happen, ends of faults included. `commands` are
    names with arguments; `stations` is how many the base has; `flight_bits` the size of a replica's control
    state.
    """

    kinds: tuple[FaultKind, ...]
    from_s: int
    until_s: int
    at_most: int
    commands: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]
    stations: int
    flight_bits: int


def sizes(space: Space, parameter: FaultParameter) -> Sequence[float]:
    """The values that a parameter of a fault may have, the smallest first."""
    if parameter.name == "axis":
        return AXES
    if parameter.name == DOWNTIME:
        return lengths(space) or DURATIONS_S[:1]
    if parameter.name == "bit":
        return range(space.flight_bits)
    return ladder(parameter)


def lengths(space: Space) -> list[int]:
    """How long something may last, the shortest first."""
    return [length for length in DURATIONS_S if space.from_s + length <= space.until_s]


def ladder(parameter: FaultParameter) -> list[float]:
    """Sizes of a parameter, from small to large; both signs where it has them."""
    greatest = max(abs(parameter.lowest), abs(parameter.highest))
    rungs: list[float] = []
    power = _power_of_ten(greatest)
    for decade in range(-DECADES, 1):
        for step in (1.0, 2.0, 5.0):
            size = float(f"{step * 10.0 ** (power + decade):.6g}")
            rungs.extend(sign for sign in (size, -size) if parameter.lowest <= sign <= parameter.highest)
    return rungs


def _power_of_ten(value: float) -> int:
    power = 0
    while 10.0 ** (power + 1) <= value:
        power += 1
    while 10.0**power > value:
        power -= 1
    return power
