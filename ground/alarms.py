"""Alarms of mission control: telemetry beyond its limits, and events of severity medium or high.

A value is yellow or red by the limits of the dictionary. It must be so in three reports on end to raise an
alarm, and normal in three on end to clear it. Live and stored reports are judged apart, each in the order of
on-board time: a stored value raises no live alarm, and a report older than the last one judged says nothing
new. An event's alarm is of the moment and is not cleared.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from flight.dictionary import PARAMETERS, Limits
from flight.packets import Event

PERSISTENCE = 3
ALARMS_MAX = 10_000
LIVE, STORED = "live", "stored"
LEVELS = ("green", "yellow", "red")
_SEVERITY_LEVELS = {3: 1, 4: 2}  # medium is yellow, high is red
_CODES = {"f64": "d", "i64": "q", "u64": "Q", "f32": "f", "u32": "I", "u16": "H", "i16": "h", "u8": "B"}


@dataclass(slots=True)
class Alarm:
    """An alarm: times are the ground's, `on_board_ns` that of the report that raised it."""

    kind: str
    name: str
    level: str
    quality: str
    raised_ns: int
    on_board_ns: int
    value: float | None
    cleared_ns: int | None = None


@dataclass(slots=True)
class _Watch:
    """One value in one quality: its level, and for how many reports it has been at another one."""

    level: int = 0
    streak: int = 0
    least: int = 0
    alarm: int | None = None


@dataclass(slots=True)
class AlarmMonitor:
    """Judges reports as they come; keeps `most` alarms and counts the others."""

    alarms: list[Alarm] = field(default_factory=list)
    left_out: int = 0
    most: int = ALARMS_MAX
    newest_ns: dict[str, int] = field(default_factory=dict)
    _watches: dict[tuple[str, str], _Watch] = field(default_factory=dict)

    def see_event(self, event: Event, *, time_ns: int, arrival_ns: int, stored: bool) -> None:
        """An event's alarm, if its severity is medium or high."""
        level = _SEVERITY_LEVELS.get(event.severity)
        if level is not None:
            quality = STORED if stored else LIVE
            self._add(Alarm("event", event.name, LEVELS[level], quality, arrival_ns, time_ns, None))

    def see_housekeeping(
        self, structure: int, octets: bytes, *, time_ns: int, arrival_ns: int, stored: bool
    ) -> None:
        """Judge a report of a structure, its parameters as sent."""
        quality = STORED if stored else LIVE
        layout, items = _limited(structure)
        key = f"{quality} {structure}"
        if not items or time_ns <= self.newest_ns.get(key, -1) or len(octets) < layout.size:
            return
        self.newest_ns[key] = time_ns
        for value, (name, limits) in zip(layout.unpack_from(octets), items, strict=True):
            watch = self._watches.get((name, quality))
            level = _level(value, limits)
            if watch is None:
                if level == 0:
                    continue
                watch = self._watches[name, quality] = _Watch()
            self._judge(watch, level, Alarm("limit", name, "", quality, arrival_ns, time_ns, value))

    def see_samples(
        self,
        name: str,
        limits: Limits,
        values: NDArray[Any],
        *,
        times_ns: NDArray[np.int64],
        arrivals_ns: NDArray[np.int64],
    ) -> None:
        """Judge one value's stored samples, in order of on-board time, which later calls continue."""
        numbers = values.astype(np.float64)
        red = (numbers >= limits.red[0]) & (numbers <= limits.red[1])
        yellow = (numbers >= limits.yellow[0]) & (numbers <= limits.yellow[1])
        levels = np.where(red & yellow, 0, np.where(red, 1, 2))
        watch = self._watches.get((name, STORED), _Watch())
        if not (levels.any() or watch.level or watch.streak):
            return
        self._watches[name, STORED] = watch
        for at, level in enumerate(levels.tolist()):
            if level or watch.level or watch.streak:
                came, made = int(arrivals_ns[at]), int(times_ns[at])
                self._judge(watch, level, Alarm("limit", name, "", STORED, came, made, float(numbers[at])))

    def order_from(self, first: int, key: Callable[[Alarm], int]) -> None:
        """Sort the alarms from one on. What is judged afterwards may still clear them."""
        places = sorted(range(first, len(self.alarms)), key=lambda place: key(self.alarms[place]))
        moved = {place: first + at for at, place in enumerate(places)}
        self.alarms[first:] = [self.alarms[place] for place in places]
        for watch in self._watches.values():
            if watch.alarm is not None:
                watch.alarm = moved.get(watch.alarm, watch.alarm)

    def open(self) -> list[Alarm]:
        """Alarms that have not been cleared, but for those of events."""
        return [one for one in self.alarms if one.kind != "event" and one.cleared_ns is None]

    def results(self) -> list[dict[str, Any]]:
        """Every alarm as plain values; a value that is not finite is None."""
        made = [asdict(one) for one in self.alarms]
        for one in made:
            if one["value"] is not None and not math.isfinite(one["value"]):
                one["value"] = None
        return made

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values, of alarms what `results` tells."""
        return {
            "alarms": self.results(),
            "left_out": self.left_out,
            "most": self.most,
            "newest_ns": self.newest_ns,
            "watches": [
                [name, quality, watch.level, watch.streak, watch.least, watch.alarm]
                for (name, quality), watch in self._watches.items()
            ],
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        """The monitor with that state; raises KeyError, TypeError or ValueError if it is none."""
        alarms = [Alarm(**one) for one in values["alarms"]]
        monitor = cls(alarms, values["left_out"], values["most"], dict(values["newest_ns"]))
        for name, quality, level, streak, least, alarm in values["watches"]:
            if alarm is not None and not 0 <= alarm < len(alarms):
                raise ValueError(f"{name} has the alarm {alarm} of {len(alarms)}")
            monitor._watches[name, quality] = _Watch(level, streak, least, alarm)
        return monitor

    def _judge(self, watch: _Watch, level: int, report: Alarm) -> None:
        if level == watch.level:
            watch.streak = 0
            return
        rising = level > watch.level
        same_way = watch.streak and (watch.least > watch.level) == rising
        watch.least = min(watch.least, level) if same_way and rising else level
        if same_way and not rising:
            watch.least = max(watch.least, level)
        watch.streak = watch.streak + 1 if same_way else 1
        if watch.streak < PERSISTENCE:
            return
        if watch.alarm is not None:
            self.alarms[watch.alarm].cleared_ns = report.raised_ns
            watch.alarm = None
        watch.level, watch.streak = watch.least, 0
        if watch.level:
            report.level = LEVELS[watch.level]
            watch.alarm = self._add(report)

    def _add(self, alarm: Alarm) -> int | None:
        if len(self.alarms) >= self.most:
            self.left_out += 1
            return None
        self.alarms.append(alarm)
        return len(self.alarms) - 1


def _level(value: float, limits: Limits) -> int:
    """0 within yellow, 1 within red, 2 beyond; what is not a number is beyond all limits."""
    if limits.yellow[0] <= value <= limits.yellow[1] and limits.red[0] <= value <= limits.red[1]:
        return 0
    return 1 if limits.red[0] <= value <= limits.red[1] else 2


@cache
def _limited(structure: int) -> tuple[struct.Struct, tuple[tuple[str, Limits], ...]]:
    """Where the values with limits lie in a structure: all others are skipped."""
    layout, items = ">", []
    for parameter in PARAMETERS.values():
        if parameter.structure != structure:
            continue
        if not parameter.limits:
            octets = struct.calcsize(">" + _CODES[parameter.type]) * parameter.count
            layout += f"{octets}x"
            continue
        layout += f"{parameter.count}{_CODES[parameter.type]}"
        for index, limits in enumerate(parameter.limits):
            items.append((f"{parameter.name}_{index}" if parameter.shape else parameter.name, limits))
    return struct.Struct(layout), tuple(items)
