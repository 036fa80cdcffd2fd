"""What happened, made from the flight computer's voted events: modes with their times, and outages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from safehold.schema import MODES

# Modes in which the satellite does what it was built for.
WORKING = ("STANDBY", "MISSION", "DOWNLINK", "MANOEUVRE")
MODE_CHANGED = "mode_changed"
# Why a mode was entered that the ground asked for.
COMMANDED = "commanded"


@dataclass(frozen=True, slots=True)
class FlightEvent:
    """An on-board event, as the voted computer reported it."""

    tick: int
    id: int
    severity: int
    arguments: tuple[float, ...]

    @property
    def name(self) -> str:
        """The dictionary's name."""
        from flight.dictionary import EVENTS

        event = EVENTS.get(self.id)
        return event.name if event is not None else f"event_{self.id}"

    def argument(self, name: str) -> float | None:
        """An argument by its name in the dictionary."""
        from flight.dictionary import EVENTS

        event = EVENTS.get(self.id)
        if event is None or name not in event.arguments:
            return None
        index = event.arguments.index(name)
        return self.arguments[index] if index < len(self.arguments) else None

    def headline(self) -> str:
        """The event in a few words."""
        if self.name == MODE_CHANGED:
            before, after = (self.argument(name) for name in ("from", "to"))
            if before is not None and after is not None and max(before, after) < len(MODES):
                return f"mode {MODES[int(before)]} to {MODES[int(after)]}"
        return self.name.replace("_", " ")

    def document(self, tick_ns: int) -> dict[str, Any]:
        """As a line of events.jsonl."""
        from flight.dictionary import EVENTS

        event = EVENTS.get(self.id)
        names = event.arguments if event is not None else ()
        arguments = {name: finite(value) for name, value in zip(names, self.arguments, strict=False)}
        return {
            "sim_time_ns": self.tick * tick_ns,
            "source": "flight",
            "id": self.id,
            "name": self.name,
            "severity": ("", "info", "low", "medium", "high")[self.severity]
            if 0 < self.severity < 5
            else "unknown",
            "arguments": arguments,
            "meaning": event.meaning if event is not None else "",
        }


@dataclass(frozen=True, slots=True)
class ModeSpan:
    """A mode from one tick to another (exclusive), and the `mode_reason` for which it was entered."""

    mode: str
    from_tick: int
    until_tick: int
    reason: str = "none"


def finite(value: float) -> float | None:
    """A number for JSON: None for NaN and infinity."""
    return value if value - value == 0.0 else None


def mode_spans(events: Sequence[FlightEvent], end_tick: int) -> list[ModeSpan]:
    """The modes of the flight software in order, from BOOT at tick 0."""
    spans: list[ModeSpan] = []
    mode, start, reason = MODES[0], 0, "power_on"
    for event in events:
        if event.name != MODE_CHANGED:
            continue
        target = event.argument("to")
        if target is None or not 0 <= int(target) < len(MODES):
            continue
        if event.tick > start or spans:
            spans.append(ModeSpan(mode, start, event.tick, reason))
        mode, start, reason = MODES[int(target)], event.tick, _reason(event)
    spans.append(ModeSpan(mode, start, end_tick, reason))
    return [span for span in spans if span.until_tick > span.from_tick]


def _reason(event: FlightEvent) -> str:
    from flight.dictionary import ENUMERATIONS

    names, number = ENUMERATIONS["mode_reason"], event.argument("reason")
    return names[int(number)] if number is not None and 0 <= int(number) < len(names) else "unknown"


def outage_ticks(spans: Sequence[ModeSpan]) -> tuple[int, int]:
    """Ticks outside a working mode after the first working one: all together, and the longest on end.

    A mode that the ground has commanded is what the plan asks for, and no outage.
    """
    total = longest = current = 0
    working_seen = False
    for span in spans:
        length = span.until_tick - span.from_tick
        if span.mode in WORKING or span.reason == COMMANDED:
            working_seen, current = True, 0
        elif working_seen:
            total += length
            current += length
            longest = max(longest, current)
    return total, longest
