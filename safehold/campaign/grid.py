"""Fault grids: every combination of kind, unit, onset, length, parameters and scenario keys, by its number.

A block of the grid is the product of its lists for each of its kinds; the blocks follow one another. A point
is found from its number by division, so that a grid of any size costs nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from safehold.campaign import injection, keys
from safehold.campaign.dispersion import Label, label_of, overlapping
from safehold.campaign.distribution_tables import UnfitError
from safehold.campaign.distributions import MOST_VALUES
from safehold.campaign.schema import Grid as GridTable
from safehold.errors import Problem
from safehold.registry import FaultKind
from safehold.schema import Fault, Scenario

TOLD = 10


@dataclass(frozen=True, slots=True)
class Axis:
    """Something that takes several values."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """The product of some axes for one kind of fault, or for none."""

    kind: str
    fault_axes: tuple[Axis, ...]
    key_axes: tuple[tuple[keys.Path, Axis], ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """All axes, the first the slowest."""
        return (*(axis for _, axis in self.key_axes), *self.fault_axes)

    @property
    def points(self) -> int:
        """The product of the axes' lengths."""
        return math.prod(len(axis.values) for axis in self.axes)

    def chosen(self, number: int) -> dict[str, Any]:
        """Axis → value at a point."""
        found: dict[str, Any] = {}
        for axis in reversed(self.axes):
            number, at = divmod(number, len(axis.values))
            found[axis.name] = axis.values[at]
        return found


@dataclass(frozen=True, slots=True)
class Point:
    """One combination: its faults, the scenario keys that it sets, its labels, and the number of its keys."""

    faults: tuple[Fault, ...]
    values: dict[keys.Path, Any]
    labels: dict[str, Label]


@dataclass(frozen=True, slots=True)
class Grid:
    """All blocks, end to end."""

    parts: tuple[Part, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Grid:
        """A grid of some parts."""
        return cls(tuple(parts), tuple(accumulate(part.points for part in parts)))

    @property
    def points(self) -> int:
        """How many combinations there are."""
        return self.ends[-1] if self.ends else 0

    @property
    def bases(self) -> int:
        """How many different scenarios there are when the faults are left out."""
        sets: set[tuple[tuple[keys.Path, str], ...]] = set()
        total = 0
        for part in self.parts:
            # Blocks with the same axes share their scenarios; different ones are taken to share none.
            named = tuple((path, repr(axis.values)) for path, axis in part.key_axes)
            if named not in sets:
                sets.add(named)
                total += math.prod(len(axis.values) for _, axis in part.key_axes)
        return total

    def point(self, number: int) -> Point:
        """The combination with a number from 0."""
        index = bisect_right(self.ends, number)
        part = self.parts[index]
        chosen = part.chosen(number - (self.ends[index - 1] if index else 0))
        values = {path: chosen[axis.name] for path, axis in part.key_axes}
        labels = {axis.name: label_of(chosen[axis.name]) for _, axis in part.key_axes}
        if not part.kind:
            return Point((), values, labels)
        one = _fault(part.kind, chosen)
        return Point((one,), values, labels | injection.labels(one))


def grid(given: Sequence[GridTable], scenario: Scenario) -> tuple[Grid, list[Problem]]:
    """The grid of a campaign, or what is wrong with it."""
    parts: list[Part] = []
    problems: list[Problem] = []
    for index, table in enumerate(given):
        where = f"[[grid]] {index + 1}"
        key_axes, wrong = _key_axes(table, scenario, where)
        problems.extend(wrong)
        if table.kinds is None:
            problems.extend(_faultless(table, where))
            parts.append(Part("", (), tuple(key_axes)))
            continue
        if table.at is None:
            problems.append(Problem("SH-CMP-006", "is missing: when the faults begin", f"{where}, at"))
            continue
        for name in dict.fromkeys(table.kinds):
            kind, wrong = injection.known_kind(name, f"{where}, kinds")
            problems.extend(wrong)
            if kind is not None:
                part = Part(name, tuple(_fault_axes(table, kind, scenario)), tuple(key_axes))
                problems.extend(_refused(part, scenario, where))
                parts.append(part)
    return Grid.of(parts), list(dict.fromkeys(problems))


def _fault(kind: str, chosen: Mapping[str, Any]) -> Fault:
    parameters = {
        name.removeprefix("parameter "): value
        for name, value in chosen.items()
        if name.startswith("parameter ")
    }
    return injection.fault(
        kind, chosen["fault.target"], chosen["fault.at"], chosen["fault.duration"], parameters
    )


def _fault_axes(table: GridTable, kind: FaultKind, scenario: Scenario) -> Iterator[Axis]:
    targets = table.targets or injection.default_targets(kind, scenario.flight.replicas)
    yield Axis("fault.target", _distinct(targets))
    yield Axis("fault.at", _distinct(table.at or ()))
    yield Axis("fault.duration", _distinct(table.duration))
    for name, values in table.parameters.items():
        yield Axis(f"parameter {name}", _distinct(values))


def _distinct(values: Sequence[Any]) -> tuple[Any, ...]:
    """The values in their order, each once: a point that is there twice would be flown twice."""
    seen: dict[str, Any] = {}
    for value in values:
        seen.setdefault(repr(value), value)
    return tuple(seen.values())


def _key_axes(
    table: GridTable, scenario: Scenario, where: str
) -> tuple[list[tuple[keys.Path, Axis]], list[Problem]]:
    axes: list[tuple[keys.Path, Axis]] = []
    problems: list[Problem] = []
    for key, values in table.keys.items():
        place = f'{where}, keys."{key[:60]}"'
        if not 1 <= len(values) <= MOST_VALUES:
            problems.append(Problem("SH-CMP-008", f"needs 1 to {MOST_VALUES:,} values", place))
            continue
        try:
            path = keys.parse_key(key)
            for value in values:
                keys.changed(scenario, {path: value})
        except UnfitError as error:
            problems.append(Problem(error.id, error.expected, place))
            continue
        except keys.RefusedError as error:
            id = "SH-CMP-013" if keys.names_nothing(scenario, path, error.problems) else "SH-CMP-008"
            problems.append(Problem(id, error.problems[0].text, place))
            continue
        axes.append((path, Axis(key, _distinct(values))))
    problems.extend(overlapping([(f"{where}, keys", path) for path, _ in axes]))
    return axes, problems


def _faultless(table: GridTable, where: str) -> Iterator[Problem]:
    if not table.keys:
        yield Problem("SH-CMP-006", "needs kinds with at, or keys with their values", where)
    given = {"targets": table.targets, "at": table.at} | dict(table.parameters)
    for name, value in given.items():
        if value is not None:
            yield Problem("SH-CMP-018", "belongs to a fault, but the block has no kinds", f"{where}, {name}")


def _refused(part: Part, scenario: Scenario, where: str) -> Iterator[Problem]:
    """Each value that tells something is looked at once, the other axes at their first."""
    first = {axis.name: axis.values[0] for axis in part.fault_axes if axis.values}
    if len(first) < len(part.fault_axes):
        empty = next(axis.name for axis in part.fault_axes if not axis.values)
        yield Problem("SH-CMP-008", "is an empty list", f"{where}, {empty.split()[-1]}")
        return
    for axis in part.fault_axes:
        for value in _telling(axis):
            if axis.name.startswith("parameter ") and not isinstance(value, int | float | str):
                name = axis.name.removeprefix("parameter ")
                yield Problem("SH-CMP-007", f"is {value!r:.60}; it must be a number", f"{where}, {name}")
            else:
                yield from injection.problems(scenario, _fault(part.kind, first | {axis.name: value}), where)


def _telling(axis: Axis) -> list[Any]:
    """The values of which one is wrong if any is: a fault's times and parameters have bounds, so of the
    numbers only the lowest and the highest need a look. Of parameters that are none, ten are told.
    """
    numbers: list[Any] = []
    others: list[Any] = []
    for value in axis.values:
        number = type(value) in (int, float) and -math.inf < value < math.inf
        (numbers if number else others).append(value)
    if axis.name.startswith("parameter "):
        others = others[:TOLD]
    return [*others, *dict.fromkeys((min(numbers), max(numbers)))] if numbers else others
