"""Dispersions: a scenario key, the distribution it is drawn from, and how a draw meets the base's value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from safehold.campaign import draws, keys
from safehold.campaign.distribution_tables import UnfitError, make, plain_number
from safehold.campaign.distributions import Choice, Distribution, LogNormal, Normal, span
from safehold.campaign.schema import Vary
from safehold.durations import format_duration, parse_duration
from safehold.errors import Problem
from safehold.schema import Scenario
from safehold.toml_input import shown

Label = str | float | int


@dataclass(frozen=True, slots=True)
class Dispersion:
    """A key that is drawn for each run. `base` is the base's value, in nanoseconds if it is a duration."""

    key: str
    path: keys.Path
    distribution: Distribution
    how: Literal["set", "scale", "offset"]
    base: Any
    lasts: bool
    tick_ns: int

    @property
    def label_key(self) -> str:
        """The key in the labels of a run."""
        return f"{self.key}_s" if self.lasts else self.key

    def draw(self, seed: int, run: int) -> Any:
        """What is drawn for a run, before it meets the base's value."""
        return self.distribution.draw(draws.uniform(seed, run, f"vary {self.key}"))

    def value(self, drawn: Any) -> Any:
        """The TOML value of the key for what was drawn."""
        if isinstance(self.distribution, Choice) and self.how == "set":
            return drawn
        found = drawn
        if self.how == "scale":
            found = _scaled(self.base, drawn)
        elif self.how == "offset":
            found = self.base + drawn
        if not self.lasts:
            return found
        nanoseconds = round(found / self.tick_ns) * self.tick_ns
        # The scenario's schema refuses what is negative.
        return format_duration(nanoseconds) if nanoseconds >= 0 else f"-{format_duration(-nanoseconds)}"

    def label(self, drawn: Any, value: Any) -> Label:
        """What a run's labels say: the value in seconds if it lasts, of a scaled list its factor."""
        if self.lasts:
            return parse_duration(value) / 1e9
        if isinstance(value, list) and self.how == "scale":
            return float(drawn)
        return label_of(value)


def label_of(value: Any) -> Label:
    """A TOML value as a label."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str | float | int) else str(value)


def dispersions(given: Sequence[Vary], scenario: Scenario | None) -> tuple[list[Dispersion], list[Problem]]:
    """A campaign's dispersions, or what is wrong with them; without a scenario only what stands alone."""
    made: list[Dispersion] = []
    problems: list[Problem] = []
    for index, vary in enumerate(given):
        where = f"[[vary]] {index + 1}"
        try:
            one, wrong = _dispersion(vary, scenario, where)
        except UnfitError as error:
            wrong = [Problem(error.id, f"{vary.key[:60]!r}: {error.expected}", f"{where}, key")]
            one = None
        problems.extend(wrong)
        if one is not None and not wrong:
            made.append(one)
    return made, problems


def _dispersion(vary: Vary, scenario: Scenario | None, where: str) -> tuple[Dispersion | None, list[Problem]]:
    """A dispersion, or what is wrong with it; raises UnfitError for what is wrong with its key."""
    path = keys.parse_key(vary.key)
    lasts = keys.duration_key(path)
    problems: list[Problem] = []
    if vary.relative and vary.offset:
        problems.append(
            Problem("SH-CMP-018", "is given together with relative; choose one", f"{where}, offset")
        )
    number = _duration if lasts and not vary.relative else None
    distribution, wrong = make(vary.distribution, vary.parameters, where, number)
    problems.extend(wrong)
    if distribution is None or scenario is None:
        return None, problems
    base = keys.value_at(scenario, path) if vary.relative or vary.offset else None
    how = _how(vary, base, distribution)
    if lasts and base is not None:
        base = parse_duration(base)
    one = Dispersion(vary.key, path, distribution, how, base, lasts, scenario.tick_ns)
    problems.extend(_refused(one, scenario, where))
    return one, problems


def clash(path: keys.Path, places: Mapping[keys.Path, str]) -> str | None:
    """Where a key is already set, as the same, as part of a whole, or in part."""
    for other, place in places.items():
        shared = min(len(path), len(other))
        if path[:shared] == other[:shared]:
            return place
    return None


def overlapping(paths: Sequence[tuple[str, keys.Path]]) -> list[Problem]:
    """A problem for each key that is set twice, or as a whole and in part; each path with where it stands."""
    problems: list[Problem] = []
    seen: dict[keys.Path, str] = {}
    for where, path in paths:
        place = clash(path, seen)
        if place is not None:
            wrong = f"{keys.key_of(path)} is already set by {place}"
            problems.append(Problem("SH-CMP-018", wrong, where))
        seen.setdefault(path, where)
    return problems


def _how(vary: Vary, base: Any, distribution: Distribution) -> Literal["set", "scale", "offset"]:
    if not (vary.relative or vary.offset):
        return "set"
    if isinstance(distribution, Choice):
        for value in distribution.values:
            plain_number(value)
    if not _numeric(base, lists=vary.relative):
        what = "multiplied" if vary.relative else "added to"
        hint = "; give an index" if isinstance(base, list) else ""
        raise UnfitError("SH-CMP-013", f"is {shown(base)} in the base; it cannot be {what}{hint}")
    return "scale" if vary.relative else "offset"


def _numeric(value: Any, *, lists: bool) -> bool:
    if isinstance(value, list):
        return lists and bool(value) and all(_numeric(one, lists=True) for one in value)
    if isinstance(value, str):
        try:
            parse_duration(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refused(one: Dispersion, scenario: Scenario, where: str) -> list[Problem]:
    """What the scenario's own checks say to the ends of what can be drawn."""
    for drawn in span(one.distribution):
        try:
            value = one.value(drawn)
            keys.changed(scenario, {one.path: value})
        except UnfitError as error:
            return [Problem(error.id, error.expected, f"{where}, key")]
        except keys.RefusedError as error:
            problem = error.problems[0]
            if keys.names_nothing(scenario, one.path, error.problems):
                return [Problem("SH-CMP-013", f"{one.key}: {problem.text}", f"{where}, key")]
            hint = _hint(one)
            wrong = f"can draw {shown(value)} for {one.key}, and that {problem.text}{hint}"
            return [Problem("SH-CMP-016", wrong, where)]
        except OverflowError:
            return [Problem("SH-CMP-016", f"can draw a number that is too large for {one.key}", where)]
    return []


def _hint(one: Dispersion) -> str:
    if isinstance(one.distribution, Normal | LogNormal):
        return "; low and high cut the distribution off (it ends at 8.2 sigma otherwise)"
    return ""


def _scaled(value: Any, factor: float) -> Any:
    return [_scaled(one, factor) for one in value] if isinstance(value, list) else value * factor


def _duration(value: object) -> float:
    if not isinstance(value, str):
        raise UnfitError("SH-CMP-010", f'is {shown(value)}; it must be a duration, like "90s" or "2h13m"')
    try:
        return parse_duration(value)
    except ValueError as error:
        raise UnfitError("SH-CMP-010", str(error)) from None
