"""Hypothesis strategies for schedules, ordered so that they shrink to what a person would write.

Fewer events before more; the first kinds of the list before the later ones; early times before late ones,
small sizes before large ones, a fault that ends before one that stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from safehold.hunt.ladders import (
    INSTANT,
    LATENCIES_MS,
    MASKS_DEG,
    REDUNDANT,
    STEP_S,
    Space,
    lengths,
    sizes,
)
from safehold.hunt.schedule import (
    DOWNTIME,
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


def _time(space: Space, room_s: int) -> SearchStrategy[int]:
    """A time on whole minutes after the first one, that leaves room behind it."""
    steps = max(0, (space.until_s - room_s - space.from_s) // STEP_S)
    return st.integers(0, steps).map(lambda step: space.from_s + step * STEP_S)


def _fault(space: Space, kind: FaultKind) -> SearchStrategy[Event]:
    wanted: list[int | None] = [*lengths(space)]
    if kind.name in INSTANT:
        wanted = [None]
    elif kind.name in REDUNDANT:
        wanted.append(None)
    is_reset = any(one.name == DOWNTIME for one in kind.parameters)
    downtime_s = max(lengths(space), default=0) if is_reset else 0
    drawn = {one.name: _size(space, one) for one in kind.parameters}
    return st.sampled_from(wanted).flatmap(
        lambda length: st.builds(
            _fault_event,
            at_s=_time(space, length or downtime_s),
            kind=st.just(kind.name),
            target=st.sampled_from(kind.targets),
            duration_s=st.just(length),
            parameters=st.fixed_dictionaries(drawn),
        )
    )


def _fault_event(
    at_s: int, kind: str, target: str, duration_s: int | None, parameters: Mapping[str, float]
) -> FaultEvent:
    return FaultEvent(at_s, kind, target, duration_s, tuple(parameters.items()))


def _size(space: Space, parameter: FaultParameter) -> SearchStrategy[float]:
    return st.sampled_from(sizes(space, parameter)).map(float)


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
