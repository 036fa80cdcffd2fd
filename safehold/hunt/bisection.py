"""Bisection of a fault's size, onset or duration to the boundary between survived and broken.

Both ends are flown first, then a coarse grid between them, because the outcome need not change only once: a
small bias may break what a large one, being found at once, does not. Every change between neighbours of the
grid is reported; the one nearest to a surviving end is halved until its two sides are close enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from safehold.durations import parse_duration
from safehold.errors import HuntError
from safehold.hunt.knob import Knob

GRID = 7
MOST_HALVINGS = 80


@dataclass(frozen=True, slots=True)
class Probe:
    """A value that was flown: why it broke (empty: survived), and the run's outcome and digest."""

    value: float
    reasons: tuple[str, ...]
    outcome: str
    digest: str

    @property
    def broken(self) -> bool:
        """Whether it broke."""
        return bool(self.reasons)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How close the two sides of a boundary must come: a share of the value, or an absolute difference."""

    share: float | None
    absolute: float | None

    def reached(self, knob: Knob, one: float, other: float) -> bool:
        """Whether two values are close enough. A share is of the value; for an onset, of the range."""
        if self.absolute is not None:
            return abs(one - other) <= self.absolute
        assert self.share is not None
        onset = knob.keys[0].name == "at"
        scale = knob.high - knob.low if onset else max(abs(one), abs(other))
        return abs(one - other) <= self.share * scale


@dataclass(slots=True)
class Bisection:
    """What was flown, in order of value, and the boundary if there is one."""

    knob: Knob
    probes: list[Probe] = field(default_factory=list)
    boundary: tuple[Probe, Probe] | None = None  # survived, broken
    complete: bool = False

    def changes(self) -> list[tuple[Probe, Probe]]:
        """Neighbours with different outcomes, in order of value."""
        pairs = zip(self.probes, self.probes[1:], strict=False)
        return [(one, other) for one, other in pairs if one.broken != other.broken]

    @property
    def any_broken(self) -> bool:
        """Whether anything in the range broke."""
        return any(probe.broken for probe in self.probes)


def parse_tolerance(text: str, *, is_time: bool) -> Tolerance:
    """A tolerance from "1%", or from a number (a duration for times); raises HuntError."""
    stripped = text.strip()
    try:
        if stripped.endswith("%"):
            share = float(stripped[:-1]) / 100.0
            if 0.0 < share < 1.0:
                return Tolerance(share, None)
        else:
            absolute = float(parse_duration(stripped)) if is_time else float(stripped)
            if 0.0 < absolute < float("inf"):
                return Tolerance(None, absolute)
    except ValueError:
        pass
    example = '"1%" or "1s"' if is_time else '"1%" or a number above 0'
    raise HuntError("SH-HNT-007", f"--tolerance: {text[:40]!r} cannot be used; write it like {example}")


def bisect(
    knob: Knob,
    tolerance: Tolerance,
    fly: Callable[[float], Probe],
    *,
    grid: int = GRID,
    found: Bisection | None = None,
) -> Bisection:
    """Find the boundary; `fly` flies a value. `found` is filled as the flights go, so that an interrupted
    bisection keeps what it has.
    """
    found = found if found is not None else Bisection(knob)

    def probe(value: float) -> Probe:
        known = next((one for one in found.probes if one.value == value), None)
        if known is None:
            known = fly(value)
            found.probes.append(known)
            found.probes.sort(key=lambda one: one.value)
        return known

    for value in (knob.low, knob.high):
        probe(value)
    for step in range(1, grid + 1):
        probe(knob.between(step / (grid + 1), knob.low, knob.high))
    changes = found.changes()
    if changes:
        one, other = nearest_to_survival(changes, found.probes)
        found.boundary = _sides(one, other)
        _halve(found, tolerance, probe)
    found.complete = True
    return found


def nearest_to_survival(
    changes: Sequence[tuple[Probe, Probe]], probes: Sequence[Probe]
) -> tuple[Probe, Probe]:
    """The change to look at: counted from the lower end if that survives, otherwise from the upper one.

    If both ends break there is an island of survival, and its lower shore is taken.
    """
    return changes[-1] if probes[0].broken and not probes[-1].broken else changes[0]


def _halve(found: Bisection, tolerance: Tolerance, probe: Callable[[float], Probe]) -> None:
    for _ in range(MOST_HALVINGS):
        assert found.boundary is not None
        survived, broke = found.boundary
        if tolerance.reached(found.knob, survived.value, broke.value):
            return
        middle = found.knob.between(0.5, survived.value, broke.value)
        if middle in (survived.value, broke.value):
            return
        tried = probe(middle)
        found.boundary = (survived, tried) if tried.broken else (tried, broke)


def _sides(one: Probe, other: Probe) -> tuple[Probe, Probe]:
    return (other, one) if one.broken else (one, other)
