"""A schedule: what is added to a base scenario, as plain values that say themselves in words.

Times are whole seconds since the epoch. A schedule is a tuple of events in order of time; the order in which
they were drawn does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from safehold.durations import format_duration
from safehold.schema import Command, Fault, Scenario

SECOND_NS = 1_000_000_000
DOWNTIME = "down_s"
"""The parameter of a fault that says how long it keeps the computer down."""


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """A fault; `duration_s` None is permanent."""

    at_s: int
    kind: str
    target: str
    duration_s: int | None
    parameters: tuple[tuple[str, float], ...] = ()

    @property
    def length_s(self) -> int | None:
        """How long it lasts, downtime included; None is for good."""
        down_s = dict(self.parameters).get(DOWNTIME)
        return self.duration_s if down_s is None else round(down_s)

    def words(self) -> str:
        """In a few words."""
        length = "for good" if self.length_s is None else f"for {_time(self.length_s)}"
        sizes = "".join(f", {name} {value:g}" for name, value in self.parameters if name != DOWNTIME)
        return f"{_time(self.at_s)}: {self.kind} of {self.target} {length}{sizes}"


@dataclass(frozen=True, slots=True)
class CommandEvent:
    """Something that the ground wants; it goes up in the next contact."""

    at_s: int
    name: str
    arguments: tuple[tuple[str, float], ...] = ()

    def words(self) -> str:
        """In a few words."""
        values = ", ".join(f"{name} {value:g}" for name, value in self.arguments)
        return f"{_time(self.at_s)}: command {self.name}" + (f" ({values})" if values else "")


@dataclass(frozen=True, slots=True)
class StationOut:
    """A station is out of order for the whole run; `index` counts the base's stations from 0."""

    index: int

    def words(self) -> str:
        """In a few words."""
        return f"station {self.index + 1} out of order"


@dataclass(frozen=True, slots=True)
class Mask:
    """Every station sees the satellite only above this elevation: contacts are shorter, or none."""

    elevation_deg: float

    def words(self) -> str:
        """In a few words."""
        return f"contacts above {self.elevation_deg:g} deg only"


@dataclass(frozen=True, slots=True)
class Latency:
    """The link's latency one way, for the whole run."""

    latency_ms: float

    def words(self) -> str:
        """In a few words."""
        return f"latency {self.latency_ms:g} ms"


Event = FaultEvent | CommandEvent | StationOut | Mask | Latency
Schedule = tuple[Event, ...]


def ordered(events: Iterable[Event]) -> Schedule:
    """The schedule of some events: what lasts for the whole run first, then by time; nothing twice."""
    return tuple(sorted(set(events), key=lambda event: (_start_s(event), event.words())))


def apply(base: Scenario, schedule: Schedule) -> Scenario:
    """The base with the schedule's events added to it."""
    faults, commands = list(base.fault), list(base.command)
    stations, link = list(base.station), base.link
    out: set[int] = set()
    for event in schedule:
        match event:
            case FaultEvent():
                faults.append(_fault(event))
            case CommandEvent():
                commands.append(_command(event))
            case StationOut():
                out.add(event.index)
            case Mask():
                stations = [
                    one.model_copy(
                        update={"elevation_mask_deg": max(one.elevation_mask_deg, event.elevation_deg)}
                    )
                    for one in stations
                ]
            case Latency():
                link = link.model_copy(update={"latency_ms": max(link.latency_ms, event.latency_ms)})
    kept = [station for index, station in enumerate(stations) if index not in out]
    return base.model_copy(update={"fault": faults, "command": commands, "station": kept, "link": link})


def last_s(schedule: Schedule) -> int:
    """When the last event has begun and the last fault that ends has ended."""
    ends = [0]
    for event in schedule:
        ends.append(_start_s(event))
        if isinstance(event, FaultEvent):
            ends.append(event.at_s + (event.length_s or 0))
    return max(ends)


def _start_s(event: Event) -> int:
    return event.at_s if isinstance(event, FaultEvent | CommandEvent) else 0


def _fault(event: FaultEvent) -> Fault:
    duration = None if event.duration_s is None else event.duration_s * SECOND_NS
    fault = Fault.model_construct(
        at=event.at_s * SECOND_NS, duration=duration, kind=event.kind, target=event.target
    )
    return fault.model_copy(update=dict(event.parameters))


def _command(event: CommandEvent) -> Command:
    return Command.model_construct(
        at=event.at_s * SECOND_NS, name=event.name, arguments=dict(event.arguments)
    )


def _time(seconds: int) -> str:
    return format_duration(seconds * SECOND_NS)
