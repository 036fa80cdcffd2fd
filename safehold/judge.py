"""OK, DEGRADED or LOST, judged on truth.

The judge sees one row of truth a second, whatever `[output]` says, and keeps only what its rules need. It
judges at the run's end; faults that are still active then are not healed first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safehold.timeline import WORKING, ModeSpan, outage_ticks

ORBIT_S = 5740
RATE_LOST_DEG_S = 30.0
THERMAL_LOST_S = 3600
CHARGE_LOST = 0.05
CHARGE_FALL = 0.02
SETTLE_S = 4 * 3600
CHARGE_EVERY_S = 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome and why."""

    outcome: str
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Judge:
    """Reads truth a second at a time; its state is plain numbers and joins the snapshot."""

    columns: tuple[str, ...]
    limits_k: Mapping[str, tuple[float, float]]
    tumbling_s: int = 0
    tumbling_longest_s: int = 0
    outside_s: dict[str, int] = field(default_factory=dict)
    outside_longest_s: dict[str, int] = field(default_factory=dict)
    charges: list[float] = field(default_factory=list)
    charge_min: float = 1.0
    charge_last: float = 1.0

    def see(self, rows: NDArray[np.float64], seconds: NDArray[np.int64]) -> None:
        """Take rows (without the tick column) at whole seconds, in order."""
        if not len(rows):
            return
        index = {name: position for position, name in enumerate(self.columns)}
        above = rows[:, index["rate_norm_deg_s"]] > RATE_LOST_DEG_S
        self.tumbling_s, longest = _longest_run(above, self.tumbling_s)
        self.tumbling_longest_s = max(self.tumbling_longest_s, longest)
        for name, (lowest, highest) in self.limits_k.items():
            temperature = rows[:, index[name]]
            outside = (temperature < lowest) | (temperature > highest)
            self.outside_s[name], longest = _longest_run(outside, self.outside_s.get(name, 0))
            self.outside_longest_s[name] = max(self.outside_longest_s.get(name, 0), longest)
        charge = rows[:, index["battery_state_of_charge"]]
        self.charge_min = min(self.charge_min, float(charge.min()))
        self.charge_last = float(charge[-1])
        self.charges.extend(float(value) for value in charge[seconds % CHARGE_EVERY_S == 0])
        del self.charges[: -(ORBIT_S // CHARGE_EVERY_S + 1)]

    def to_json(self) -> dict[str, Any]:
        """The state for a snapshot."""
        names = (
            "tumbling_s", "tumbling_longest_s", "outside_s", "outside_longest_s",
            "charges", "charge_min", "charge_last",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Take a state from a snapshot; raises KeyError or ValueError if it is none."""
        self.tumbling_s = int(state["tumbling_s"])
        self.tumbling_longest_s = int(state["tumbling_longest_s"])
        self.outside_s = {name: int(state["outside_s"][name]) for name in state["outside_s"]}
        self.outside_longest_s = {name: int(value) for name, value in state["outside_longest_s"].items()}
        self.charges = [float(value) for value in state["charges"]]
        self.charge_min, self.charge_last = float(state["charge_min"]), float(state["charge_last"])

    def verdict(
        self,
        *,
        spans: Sequence[ModeSpan],
        ticks_per_s: int,
        figures: Mapping[str, float | None],
        commands_bad: int,
    ) -> Verdict:
        """The outcome at the end; `figures` are the run's result quantities."""
        lost = self._lost(figures, commands_bad)
        if lost:
            return Verdict("LOST", tuple(lost))
        degraded = self._degraded(spans, ticks_per_s, figures)
        if degraded:
            return Verdict("DEGRADED", tuple(degraded))
        return Verdict("OK", ("power-positive, commandable, in the expected mode",))

    def _lost(self, figures: Mapping[str, float | None], commands_bad: int) -> list[str]:
        reasons = []
        if self.tumbling_longest_s >= ORBIT_S:
            reasons.append(
                f"turned faster than {RATE_LOST_DEG_S:g} deg/s for {self.tumbling_longest_s} s on end"
            )
        for name, seconds in self.outside_longest_s.items():
            if seconds >= THERMAL_LOST_S:
                reasons.append(f"{name} outside its limits for {seconds} s on end")
        falling = len(self.charges) > 1 and self.charge_last < self.charges[0] - CHARGE_FALL
        if self.charge_last < CHARGE_LOST and falling:
            reasons.append(
                f"not power-positive: charge {self.charge_last:.0%} and falling over the last orbit"
            )
        if commands_bad:
            reasons.append(f"{commands_bad} actuator commands were not finite or out of range")
        missed, made = figures.get("contacts_missed") or 0, figures.get("contacts_made") or 0
        if missed >= 2 and not made:
            reasons.append(f"silent in all of {missed:g} contacts")
        return reasons

    def _degraded(
        self, spans: Sequence[ModeSpan], ticks_per_s: int, figures: Mapping[str, float | None]
    ) -> list[str]:
        reasons = []
        end_s = spans[-1].until_tick // ticks_per_s if spans else 0
        if end_s >= SETTLE_S and spans[-1].mode not in WORKING:
            reasons.append(f"in {spans[-1].mode} at the end")
        longest_s = outage_ticks(spans)[1] / ticks_per_s
        if longest_s > ORBIT_S:
            reasons.append(f"out of service for {longest_s:.0f} s on end, more than an orbit")
        if figures.get("contacts_missed"):
            reasons.append(f"{figures['contacts_missed']:g} contacts missed")
        if figures.get("replicas_retired"):
            reasons.append(f"{figures['replicas_retired']:g} replicas retired")
        return reasons


def _longest_run(flags: NDArray[np.bool_], before: int) -> tuple[int, int]:
    """The run of True that the flags end with (carrying on one of `before`), and the longest one seen."""
    if flags.all():
        return before + len(flags), before + len(flags)
    breaks = np.flatnonzero(~flags)
    inner = int(np.diff(breaks).max() - 1) if len(breaks) > 1 else 0
    return len(flags) - 1 - int(breaks[-1]), max(before + int(breaks[0]), inner)
