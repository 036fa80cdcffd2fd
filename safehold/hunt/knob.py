"""What a bisection turns: one key of one fault, or the same quantity of several faults at once.

A key is written `fault.2.factor`: faults count from 1, as in error messages. Sizes are the numeric keys of
the fault's kind, in the unit of the file; `at` and `duration` are times. A value is a float for a size, and
whole nanoseconds (as a float without fraction, exact below 104 days) for a time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from safehold.durations import format_duration, parse_duration
from safehold.errors import HuntError
from safehold.fault_kinds import kinds
from safehold.near import listing, suggestion
from safehold.schema import Fault, Scenario

TIMES = ("at", "duration")
# Keys that choose a part or a bit and are no sizes.
CHOICES = ("axis", "bit")
SPANS_DECADES = 10.0
DIGITS = 6

_KEY = re.compile(r"fault\.([0-9]{1,4})\.([A-Za-z0-9_]+)")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one fault; `index` counts from 0."""

    text: str
    index: int
    name: str


@dataclass(frozen=True, slots=True)
class Knob:
    """Keys that are turned together over one range; `low` and `high` are its ends."""

    base: Scenario
    keys: tuple[Key, ...]
    low: float
    high: float

    @property
    def label(self) -> str:
        """The keys as they were asked for."""
        return " = ".join(key.text for key in self.keys)

    @property
    def is_time(self) -> bool:
        """Whether it is an onset or a duration."""
        return self.keys[0].name in TIMES

    @property
    def logarithmic(self) -> bool:
        """Whether steps are factors: sizes and durations over a decade or more; an onset is a point in
        time.
        """
        onset = self.keys[0].name == "at"
        return not onset and self.low > 0.0 and self.high >= SPANS_DECADES * self.low

    def scenario(self, value: float) -> Scenario:
        """The base with the keys at a value."""
        faults = list(self.base.fault)
        for key in self.keys:
            update = {key.name: int(value) if self.is_time else value}
            faults[key.index] = faults[key.index].model_copy(update=update)
        return self.base.model_copy(update={"fault": faults})

    @property
    def onset_s(self) -> float:
        """When the first fault begins, at the end of the range at which that is earliest."""
        return min((fault.at for fault in self.scenario(self.low).fault), default=0) / 1e9

    def between(self, share: float, one: float, other: float) -> float:
        """A value that lies a share of the way from one to another, rounded as files show it."""
        if self.logarithmic:
            value = math.exp((1.0 - share) * math.log(one) + share * math.log(other))
        else:
            value = (1.0 - share) * one + share * other
        return self._rounded(value)

    def _rounded(self, value: float) -> float:
        if self.is_time:
            tick = self.base.tick_ns
            return float(round(value / tick) * tick)
        return float(f"{value:.{DIGITS}g}")

    def shown(self, value: float) -> str:
        """A value for people, with its unit."""
        if self.is_time:
            return format_duration(int(value))
        unit = _parameter_unit(self.base.fault[self.keys[0].index], self.keys[0].name)
        return f"{value:g} {unit}".rstrip()


def make_knob(base: Scenario, keys: Sequence[str], between: tuple[str, str]) -> Knob:
    """Check keys and range against the scenario; raises HuntError with what would be right."""
    chosen = tuple(_key(base, text) for text in keys)
    if len({key.text for key in chosen}) < len(chosen):
        raise HuntError("SH-HNT-004", "--vary: a key is given twice")
    names = {key.name for key in chosen}
    if len(names) > 1:
        wrong = f"--vary: {listing(names)} cannot share a range; keys that are turned together have one name"
        raise HuntError("SH-HNT-004", wrong)
    low, high = (_value(chosen[0], text) for text in between)
    if not low < high:
        wrong = f"--between: {between[0]} to {between[1]} is no range; give the smaller end first"
        raise HuntError("SH-HNT-005", wrong)
    for key in chosen:
        _limits(base, key, low, high, between)
    return Knob(base, chosen, low, high)


def _key(base: Scenario, text: str) -> Key:
    match = _KEY.fullmatch(text)
    if match is None:
        wrong = f"--vary: {text[:60]!r} is not a key of a fault; write it like fault.1.factor or fault.2.at"
        raise HuntError("SH-HNT-001", wrong)
    number, name = int(match[1]), match[2]
    if not 1 <= number <= len(base.fault):
        there = f"has {len(base.fault)}, counted from 1" if base.fault else "has none to vary"
        raise HuntError("SH-HNT-002", f"--vary: {text}: there is no fault {number}; {base.name} {there}")
    fault = base.fault[number - 1]
    parameters = [parameter.name for parameter in kinds()[fault.kind].parameters]
    if name in CHOICES and name in parameters:
        wrong = f"--vary: {text}: {name!r} chooses a part and is no size"
        raise HuntError("SH-HNT-004", wrong)
    known = [*TIMES, *(parameter for parameter in parameters if parameter not in CHOICES)]
    if name not in known:
        hint = suggestion(name, known) or f"; it has {listing(known)}"
        raise HuntError("SH-HNT-003", f"--vary: {text}: {fault.kind} has no numeric key {name!r}{hint}")
    return Key(text, number - 1, name)


def _value(key: Key, text: str) -> float:
    if key.name in TIMES:
        try:
            return float(parse_duration(text))
        except ValueError as error:
            raise HuntError("SH-HNT-005", f"--between: {error}") from None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise HuntError("SH-HNT-005", f"--between: {text[:40]!r} is not a finite number")
    return value


def _limits(base: Scenario, key: Key, low: float, high: float, between: tuple[str, str]) -> None:
    fault = base.fault[key.index]
    span = f"{between[0]} to {between[1]}"
    if key.name in TIMES:
        uneven = [text for text, end in zip(between, (low, high), strict=True) if end % base.tick_ns]
        if uneven:
            tick = format_duration(base.tick_ns)
            wrong = f"--between: {uneven[0]} is not a whole number of control ticks of {tick}"
            raise HuntError("SH-HNT-006", wrong)
        if key.name == "at" and high >= base.duration:
            wrong = f"--between: {span} reaches the end of the run at {format_duration(base.duration)}"
            raise HuntError("SH-HNT-006", wrong)
        if key.name == "duration" and low <= 0.0:
            raise HuntError("SH-HNT-006", f"--between: {span}: a fault lasts longer than 0s")
        return
    parameter = next(one for one in kinds()[fault.kind].parameters if one.name == key.name)
    if not (parameter.lowest <= low and high <= parameter.highest):
        allowed = f"{parameter.lowest:g} to {parameter.highest:g} {parameter.unit}".rstrip()
        wrong = f"--between: {span} leaves what {key.text} of {fault.kind} allows: {allowed}"
        raise HuntError("SH-HNT-006", wrong)


def _parameter_unit(fault: Fault, name: str) -> str:
    return next(one.unit for one in kinds()[fault.kind].parameters if one.name == name)
