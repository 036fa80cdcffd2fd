"""Whether events come in time: by the end of the first usable pass after their recording.

A pass is usable for an event if frames of it were heard and more than a minute of it was left when the event
was recorded. Mission control counts what came late by itself; what never came it cannot know, so it tells up
to which on-board time everything should be here, and how much of that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from ground.contacts import Pass

USABLE_NS = 60_000_000_000
_SLACK_NS = 1_000_000_000  # frames that left before loss of signal arrive after it
QUIET_NS = 1_000_000_000
"""An event's stamp is no further from the time of its making: a control tick, and what the clock is off."""


@dataclass(slots=True)
class Timeliness:
    """Events so far: all, those that came late, those recorded before `due_ns`, and the on-board times of
    the others.

    No event is known of that was recorded within `QUIET_NS` of `due_ns`: which of them are before it is the
    same by their stamps as by the times of their making.
    """

    received: int = 0
    late: int = 0
    due_ns: int = 0
    due_received: int = 0
    recent_ns: list[int] = field(default_factory=list)

    def see(self, time_ns: int, arrival_ns: int, passes: Sequence[Pass]) -> None:
        """An event of that on-board time has come, for the first time."""
        self.received += 1
        for one in reversed(passes):
            if one.los_ns - USABLE_NS <= time_ns:
                break
            begin_ns = max(one.start_ns, time_ns)
            if one.frames and one.los_ns - begin_ns > USABLE_NS and one.los_ns + _SLACK_NS < arrival_ns:
                self.late += 1
                break
        if time_ns < self.due_ns:
            self.due_received += 1
        else:
            self.recent_ns.append(time_ns)

    def follow(self, passes: Sequence[Pass]) -> None:
        """Moves on what should be here, as passes end."""
        for one in reversed(passes):
            if one.ended and one.frames and one.los_ns - one.start_ns > USABLE_NS:
                self.due_ns = max(self.due_ns, self._quiet(one.los_ns - USABLE_NS - QUIET_NS))
                break
        waiting = [time_ns for time_ns in self.recent_ns if time_ns >= self.due_ns]
        self.due_received += len(self.recent_ns) - len(waiting)
        self.recent_ns = waiting

    def _quiet(self, until_ns: int) -> int:
        """The last time up to a given one that has no event near it."""
        for time_ns in sorted(self.recent_ns, reverse=True):
            if time_ns <= until_ns - QUIET_NS:
                break
            if time_ns < until_ns + QUIET_NS:
                until_ns = time_ns - QUIET_NS
        return until_ns

    def results(self, passes: Sequence[Pass]) -> dict[str, int]:
        """The counts as of the last pass that has ended."""
        last = self.from_plain(self.to_plain())
        last.follow(passes)
        return {name: getattr(last, name) for name in ("received", "late", "due_ns", "due_received")}

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        """With that state; raises KeyError or TypeError if it is none."""
        return cls(**{**values, "recent_ns": list(values["recent_ns"])})


def events_late(told: Mapping[str, int], made_ns: Iterable[int]) -> int:
    """How many events came late, or should have come and have not: `told` is of `Timeliness.results`,
    `made_ns` are the times of all that were made on board.
    """
    return late_of_due(told, sum(1 for time_ns in made_ns if time_ns < told["due_ns"]))


def late_of_due(told: Mapping[str, int], due: int) -> int:
    """The same, if so many were made before `due_ns`."""
    return told["late"] + max(0, due - told["due_received"])
