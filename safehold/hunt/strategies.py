"""Hypothesis strategies for schedules, ordered so that they shrink to what a person would write.

Fewer events before more; the first kinds of the list before the later ones; early times before late ones,
small sizes before large ones, a fault that ends before one that stays. Sizes come from a ladder of 1, 2 and 5
times powers of ten over four decades below the greatest that the kind allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from safehold.hunt.schedule import (
    CommandEvent,
    Event,
    FaultEvent,
    Latency,
    Mask,
    Schedule,
    StationOut,
    ordered,
)
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


def schedules(space: Space) -> SearchStrategy[Schedule]:
    """Schedules of one event or more."""
    events: list[SearchStrategy[Event]] = [_fault(space, kind) for kind in space.kinds]
    if space.commands:
        events.append(_command(space))
    if space.stations:
        events.append(st.builds(StationOut, st.integers(0, space.stations - 1)))
        events.append(st.builds(Mask, st.sampled_from(MASKS_DEG)))
        events.append(st.builds(Latency, st.sampled_from(LATENCIES_MS)))
    drawn = st.lists(st.one_of(events), min_size=1, max_size=space.at_most, unique=True)
    return drawn.map(lambda found: ordered(_one_for_good(found)))


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


def _time(space: Space, room_s: int) -> SearchStrategy[int]:
    """A time on whole minutes after the first one, that leaves room behind it."""
    steps = max(0, (space.until_s - room_s - space.from_s) // STEP_S)
    return st.integers(0, steps).map(lambda step: space.from_s + step * STEP_S)


def _fault(space: Space, kind: FaultKind) -> SearchStrategy[Event]:
    lengths: list[int | None] = [length for length in DURATIONS_S if space.from_s + length <= space.until_s]
    if kind.name in INSTANT:
        lengths = [None]
    elif kind.name in REDUNDANT:
        lengths.append(None)
    sizes = {parameter.name: _size(space, parameter) for parameter in kind.parameters}
    return st.sampled_from(lengths).flatmap(
        lambda length: st.builds(
            _fault_event,
            at_s=_time(space, length or 0),
            kind=st.just(kind.name),
            target=st.sampled_from(kind.targets),
            duration_s=st.just(length),
            parameters=st.fixed_dictionaries(sizes),
        )
    )


def _fault_event(
    at_s: int, kind: str, target: str, duration_s: int | None, parameters: Mapping[str, float]
) -> FaultEvent:
    return FaultEvent(at_s, kind, target, duration_s, tuple(parameters.items()))


def _size(space: Space, parameter: FaultParameter) -> SearchStrategy[float]:
    if parameter.name == "axis":
        return st.sampled_from([3.0, 0.0, 1.0, 2.0])
    if parameter.name == "bit":
        return st.integers(0, space.flight_bits - 1).map(float)
    return st.sampled_from(ladder(parameter))


def _command(space: Space) -> SearchStrategy[Event]:
    return st.builds(
        lambda at_s, wanted: CommandEvent(at_s, *wanted),
        _time(space, 0),
        st.sampled_from(space.commands),
    )


def _one_for_good(events: Sequence[Event]) -> list[Event]:
    """The same events without all but the first permanent fault: the design answers for one loss at a
    time.
    """
    kept: list[Event] = []
    for event in events:
        if not (_stays(event) and any(_stays(other) for other in kept)):
            kept.append(event)
    return kept


def _stays(event: Event) -> bool:
    return isinstance(event, FaultEvent) and event.duration_s is None and event.kind not in INSTANT
