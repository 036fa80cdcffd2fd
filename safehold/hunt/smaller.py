"""What makes a schedule smaller than another, and the single steps from one to the next smaller ones.

The order is that in which a person would prefer them: fewer events, fewer faults that stay, less time,
smaller sizes. A step changes one thing of one event: leaves it out, shortens it, lets it come earlier, makes
one of its sizes smaller, or takes the unit before it. From a time or a size the steps go to the least there
is, half way there, and to the next one, so that a descent is short and ends where not even the next breaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from safehold.hunt.ladders import (
    AXES,
    DURATIONS_S,
    INSTANT,
    LATENCIES_MS,
    MASKS_DEG,
    STEP_S,
    Space,
    sizes,
)
from safehold.hunt.schedule import CommandEvent, Event, FaultEvent, Latency, Mask, Schedule, last_s, ordered

T = TypeVar("T")
Size = tuple[int, int, int, int, tuple[tuple[float, bool], ...], tuple[str, ...]]


def size(schedule: Schedule) -> Size:
    """What a smaller schedule has less of: events, faults that stay, time that faults last and pass until the
    last; then earlier beginnings, then smaller sizes as numbers; then by words, so that no two are alike.
    """
    lengths = [getattr(event, "duration_s", 0) for event in schedule]
    stays = sum(length is None for length in lengths)
    time_s = sum(length or 0 for length in lengths) + last_s(schedule)
    starts_s = sum(getattr(event, "at_s", 0) for event in schedule)
    numbers = tuple((abs(value), value < 0.0) for event in schedule for value in _numbers(event))
    words = tuple(event.words() for event in schedule)
    return len(schedule), stays, time_s, starts_s, numbers, words


def steps_down(space: Space, schedule: Schedule) -> Iterator[Schedule]:
    """Every smaller schedule that is one step away, the boldest steps of each thing first."""
    for place, event in enumerate(schedule):
        others = schedule[:place] + schedule[place + 1 :]
        if others:
            yield others
        for smaller in _smaller(space, event):
            found = ordered([*others, smaller])
            if size(found) < size(schedule):
                yield found


def _smaller(space: Space, event: Event) -> Iterator[Event]:
    match event:
        case FaultEvent():
            yield from _smaller_fault(space, event)
        case CommandEvent():
            for at_s in _below(range(space.from_s, event.at_s + 1, STEP_S), event.at_s):
                yield replace(event, at_s=at_s)
        case Mask():
            for elevation_deg in _below(MASKS_DEG, event.elevation_deg):
                yield Mask(elevation_deg)
        case Latency():
            for latency_ms in _below(LATENCIES_MS, event.latency_ms):
                yield Latency(latency_ms)


def _smaller_fault(space: Space, event: FaultEvent) -> Iterator[FaultEvent]:
    kind = next(one for one in space.kinds if one.name == event.kind)
    if event.kind not in INSTANT:
        lengths = [length for length in DURATIONS_S if event.at_s + length <= space.until_s]
        for length in _below(lengths, event.duration_s):
            yield replace(event, duration_s=length)
    for at_s in _below(range(space.from_s, event.at_s + 1, STEP_S), event.at_s):
        yield replace(event, at_s=at_s)
    for target in _below(kind.targets, event.target):
        yield replace(event, target=target)
    ladders: Mapping[str, Sequence[float]] = {one.name: sizes(space, one) for one in kind.parameters}
    for name, value in event.parameters:
        for less in _below(ladders[name], value):
            changed = tuple((one, float(less) if one == name else old) for one, old in event.parameters)
            yield replace(event, parameters=changed)


def _below(rungs: Sequence[T], rung: T | None) -> Iterator[T]:
    """Of the rungs below one: the lowest, the one half way down, and the next. None is above all."""
    place = rungs.index(rung) if rung is not None else len(rungs)
    seen: set[int] = set()
    for lower in (0, place // 2, place - 1):
        if 0 <= lower < place and lower not in seen:
            seen.add(lower)
            yield rungs[lower]


def _numbers(event: Event) -> tuple[float, ...]:
    match event:
        case FaultEvent():
            return tuple(AXES.index(value) if name == "axis" else value for name, value in event.parameters)
        case Mask():
            return (event.elevation_deg,)
        case Latency():
            return (event.latency_ms,)
    return ()
