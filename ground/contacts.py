"""Passes as mission control uses them: which window comes next, when the carrier goes on and off.

Stations take turns: where two windows overlap, the second pass begins when the first has ended. The carrier
goes off before a pass ends: the satellite, which radiates while it hears one and a little longer, falls
silent before it sets, and what it sent arrives.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ground.config import GroundConfig
from ground.elements import Elements
from ground.windows import Window

NEVER = 2**62
"""A tick or a time that never comes."""

# How long the satellite may go on radiating without a carrier: 2 s by default, and some.
CARRIER_HOLD_NS = 2_520_000_000


@dataclass(slots=True)
class Pass:
    """A pass as it went. Times are since the epoch.

    `start_ns` is later than `aos_ns` if another station was before it. `commands` went up for the first time
    in it, in `frames_up` frames of which `frames_again` were repetitions.
    """

    station: int
    aos_ns: int
    tca_ns: int
    los_ns: int
    elevation_max_rad: float
    start_ns: int
    carrier_off_ns: int
    frames: int = 0
    frames_refused: int = 0
    commands: int = 0
    first_frame_ns: int | None = None
    last_frame_ns: int | None = None
    ended: bool = False
    frames_up: int = 0
    frames_again: int = 0


@dataclass(slots=True)
class Contacts:
    """Passes so far, and the next."""

    config: GroundConfig
    passes: list[Pass] = field(default_factory=list)
    windows_used: int = 0
    carrier_on: bool = False
    elements: Elements = field(init=False)

    def __post_init__(self) -> None:
        self.elements = Elements(self.config)

    def current(self) -> Pass | None:
        """The pass that has begun and not ended."""
        return self.passes[-1] if self.passes and not self.passes[-1].ended else None

    def next_window(self, time_ns: int) -> Window | None:
        """The window after those used, if it begins within the duration."""
        prediction = self.elements
        ahead_ns = time_ns
        while True:
            windows = prediction.windows_until(ahead_ns)
            found_ns = prediction.found_until_ns()
            if self.windows_used < len(windows) and windows[self.windows_used].aos_ns < found_ns:
                window = windows[self.windows_used]
                return window if window.aos_ns < self.config.duration_ns else None
            if found_ns >= self.config.duration_ns:
                return None
            ahead_ns = found_ns + 1

    def timer_ns(self, time_ns: int) -> int:
        """When the next pass begins, the carrier goes off, or the pass ends."""
        current = self.current()
        if current is None:
            window = self.next_window(time_ns)
            return NEVER if window is None else self._start_ns(window)
        return current.carrier_off_ns if self.carrier_on else current.los_ns

    def begin(self, time_ns: int) -> Pass | None:
        """Begins the next pass, with its carrier if it is long enough; None if nothing is left of it."""
        window = self.next_window(time_ns)
        assert window is not None
        self.windows_used += 1
        start_ns = self._start_ns(window)
        end_ns = window.los_ns + window.margin_ns
        if start_ns >= end_ns:
            return None
        guard_ns = CARRIER_HOLD_NS + 2 * self.config.latency_ns
        fresh = Pass(
            station=window.station,
            aos_ns=window.aos_ns,
            tca_ns=window.tca_ns,
            los_ns=end_ns,
            elevation_max_rad=window.elevation_max_rad,
            start_ns=start_ns,
            carrier_off_ns=max(start_ns, end_ns - guard_ns),
        )
        self.passes.append(fresh)
        self.carrier_on = fresh.carrier_off_ns > start_ns
        return fresh

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values. Predictions are not in it: they follow from the configuration."""
        return {
            "passes": [asdict(one) for one in self.passes],
            "windows_used": self.windows_used,
            "carrier_on": self.carrier_on,
            "elements": self.elements.to_plain(),
        }

    def restore(self, values: dict[str, Any]) -> None:
        """Takes a state of `to_plain`."""
        self.passes = [Pass(**one) for one in values["passes"]]
        self.windows_used, self.carrier_on = values["windows_used"], values["carrier_on"]
        self.elements.restore(values["elements"])

    def control(self) -> list[Any]:
        """What can change what happens next, as plain values."""
        passes = [
            [p.station, p.start_ns, p.carrier_off_ns, p.los_ns, p.commands, p.first_frame_ns, p.ended]
            for p in self.passes
        ]
        return [passes, self.windows_used, self.carrier_on, self.elements.control_plain()]

    def account(self) -> list[Any]:
        """What is only told."""
        passes = [
            [one.frames, one.frames_refused, one.last_frame_ns, one.frames_up, one.frames_again]
            for one in self.passes
        ]
        return [passes, self.elements.counters]

    def _start_ns(self, window: Window) -> int:
        return max(window.aos_ns - window.margin_ns, self.passes[-1].los_ns if self.passes else 0)
