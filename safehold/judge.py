"""OK, DEGRADED or LOST: the rules, and what they need to know of the truth (docs/judgement.md).

The judge sees one row of truth a second, whatever `[output]` says, and keeps only what its rules need, in
plain numbers that join a snapshot. What it concludes depends on the rows alone and not on how they were
divided between calls. The flight after a run's end is in `safehold.judgement_phase`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

ORBIT_S = 5740
RATE_LOST_DEG_S = 30.0
RATE_FALL = 0.01  # from the first to the second half of an orbit, as a share: less is "not falling"
THERMAL_LOST_S = 3600
SAMPLE_S = 60  # between the samples that are kept of charge and of a fast rate
CHARGE_FALL = 0.01  # over an orbit: more is "falling"
CHARGE_FULL = 0.98
CHARGE_FALL_FROM_FULL = 0.10  # a battery that is filled in every orbit may be emptier by a contact's worth
CHARGE_EMPTY = 0.005


@dataclass(frozen=True, slots=True)
class Power:
    """The battery over one orbit, as shares of its capacity: change, lowest, highest; and the orbit's first
    second.
    """

    change: float
    lowest: float
    highest: float
    from_s: float

    @property
    def positive(self) -> bool:
        """Whether the charge did not fall, or the battery was filled on the way; and never was empty."""
        full = self.highest >= CHARGE_FULL and self.change >= -CHARGE_FALL_FROM_FULL
        return (self.change >= -CHARGE_FALL or full) and self.lowest > CHARGE_EMPTY

    def sentence(self) -> str:
        """For people."""
        return (
            f"charge {self.change:+.1%} over the last orbit, between {self.lowest:.0%} and {self.highest:.0%}"
        )


@dataclass(slots=True)
class Judge:
    """Reads truth a second at a time."""

    columns: tuple[str, ...]
    limits_k: Mapping[str, tuple[float, float]]
    orbit_s: int = ORBIT_S
    # Of the fast rotation that goes on: how long, the sum of the minute that is not complete, and the means
    # of the last orbit's minutes; then the longest that was not falling, with its rate.
    tumbling_s: int = 0
    tumbling_sum_deg_s: float = 0.0
    tumbling_means_deg_s: list[float] = field(default_factory=list)
    tumbled_s: int = 0
    tumbled_deg_s: float = 0.0
    outside_s: dict[str, int] = field(default_factory=dict)
    outside_longest_s: dict[str, int] = field(default_factory=dict)
    charges: list[float] = field(default_factory=list)
    charges_until_s: int = 0

    def see(self, rows: NDArray[np.float64], seconds: NDArray[np.int64]) -> None:
        """Take rows (without the tick column) at whole seconds, in order."""
        if not len(rows):
            return
        index = {name: position for position, name in enumerate(self.columns)}
        rates = rows[:, index["rate_norm_deg_s"]]
        if self.tumbling_s or bool((rates > RATE_LOST_DEG_S).any()):
            for rate in rates.tolist():
                self._see_rate(rate)
        for name, (lowest, highest) in self.limits_k.items():
            temperature = rows[:, index[name]]
            outside = (temperature < lowest) | (temperature > highest)
            self.outside_s[name], longest = _longest_run(outside, self.outside_s.get(name, 0))
            self.outside_longest_s[name] = max(self.outside_longest_s.get(name, 0), longest)
        sampled = seconds % SAMPLE_S == 0
        if bool(sampled.any()):
            charge = rows[:, index["battery_state_of_charge"]]
            self.charges.extend(charge[sampled].tolist())
            self.charges_until_s = int(seconds[sampled][-1])
            del self.charges[: -(self.orbit_s // SAMPLE_S + 2)]

    def _see_rate(self, rate_deg_s: float) -> None:
        if not rate_deg_s > RATE_LOST_DEG_S:
            self.tumbling_s, self.tumbling_sum_deg_s, self.tumbling_means_deg_s = 0, 0.0, []
            return
        self.tumbling_s += 1
        self.tumbling_sum_deg_s += rate_deg_s
        if self.tumbling_s % SAMPLE_S:
            return
        means = self.tumbling_means_deg_s
        means.append(self.tumbling_sum_deg_s / SAMPLE_S)
        self.tumbling_sum_deg_s = 0.0
        minutes = -(-self.orbit_s // SAMPLE_S)
        del means[:-minutes]
        if len(means) < minutes:
            return
        half = minutes // 2
        earlier, later = sum(means[:half]) / half, sum(means[-half:]) / half
        if later > earlier * (1.0 - RATE_FALL):
            self.tumbled_s, self.tumbled_deg_s = self.tumbling_s, later

    def to_json(self) -> dict[str, Any]:
        """The state for a snapshot."""
        names = (
            "tumbling_s", "tumbling_sum_deg_s", "tumbling_means_deg_s", "tumbled_s", "tumbled_deg_s",
            "outside_s", "outside_longest_s", "charges", "charges_until_s",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Take a state from a snapshot; raises KeyError or ValueError if it is none."""
        self.tumbling_s = int(state["tumbling_s"])
        self.tumbling_sum_deg_s = float(state["tumbling_sum_deg_s"])
        self.tumbling_means_deg_s = [float(value) for value in state["tumbling_means_deg_s"]]
        self.tumbled_s, self.tumbled_deg_s = int(state["tumbled_s"]), float(state["tumbled_deg_s"])
        self.outside_s = {name: int(value) for name, value in state["outside_s"].items()}
        self.outside_longest_s = {name: int(value) for name, value in state["outside_longest_s"].items()}
        self.charges = [float(value) for value in state["charges"]]
        self.charges_until_s = int(state["charges_until_s"])

    def copy(self) -> Judge:
        """Another judge that has seen the same."""
        other = Judge(self.columns, self.limits_k, self.orbit_s)
        other.from_json(self.to_json())
        return other

    def power(self) -> Power | None:
        """The battery over the orbit that ends at the last sample; None if less than an orbit was seen."""
        whole, rest_s = divmod(self.orbit_s, SAMPLE_S)
        if len(self.charges) < whole + 2:
            return None
        share = rest_s / SAMPLE_S
        before = (1.0 - share) * self.charges[-1 - whole] + share * self.charges[-2 - whole]
        window = self.charges[-1 - whole :]
        start_s = float(self.charges_until_s - self.orbit_s)
        return Power(self.charges[-1] - before, min(window), max(window), start_s)

    def lost(self) -> list[str]:
        """Why the satellite is lost whatever comes; empty if it is not."""
        reasons = []
        if self.tumbled_s:
            reasons.append(
                f"turned faster than {RATE_LOST_DEG_S:g} deg/s for {self.tumbled_s} s on end, still at "
                f"{self.tumbled_deg_s:.1f} deg/s and not slowing down over an orbit"
            )
        for name, seconds in self.outside_longest_s.items():
            if seconds >= THERMAL_LOST_S:
                reasons.append(f"{name} outside its limits for {seconds} s on end")
        return reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is known of a satellite at the end, after the judgement phase if one was flown.

    power_positive, commandable: None where it was not asked, or not shown before something else decided.
    units_off: those that no active fault removes. outage_s: unplanned, of the scenario's own time. flown_s:
    after the scenario's end.
    """

    mode: str
    mode_expected: bool
    power_positive: bool | None
    power: str
    commandable: bool | None
    commands_bad: int
    units_off: tuple[str, ...]
    outage_s: float
    contacts_missed: int
    flown_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome and why."""

    outcome: str
    reasons: tuple[str, ...]


def verdict(judge: Judge, ending: Ending) -> Verdict:
    """The outcome by the rules of docs/judgement.md."""
    lost = judge.lost()
    if ending.commands_bad:
        lost.append(f"{ending.commands_bad} actuator commands were not finite or out of range")
    later = f", {ending.flown_s / 3600.0:.1f} h after the end" if ending.flown_s >= 60.0 else ""
    if ending.power_positive is False:
        lost.append(f"not power-positive{later}: {ending.power}")
    if ending.commandable is False:
        lost.append(f"not commandable{later}: no answer to a ping")
    if lost:
        return Verdict("LOST", tuple(lost))
    degraded = _degraded(judge, ending, later)
    if degraded:
        return Verdict("DEGRADED", tuple(degraded))
    return Verdict("OK", (f"power-positive, commandable, in {ending.mode}{later}",))


def _degraded(judge: Judge, ending: Ending, later: str) -> list[str]:
    reasons = []
    if not ending.mode_expected:
        reasons.append(f"in {ending.mode} at the end{later}")
    reasons.extend(f"{unit} not in use, and no active fault explains it" for unit in ending.units_off)
    if ending.outage_s > judge.orbit_s:
        reasons.append(f"out of service for {ending.outage_s:.0f} s, more than an orbit of {judge.orbit_s} s")
    if ending.contacts_missed:
        reasons.append(f"telemetry of {ending.contacts_missed} contacts lost: nothing was heard in them")
    return reasons


def _longest_run(flags: NDArray[np.bool_], before: int) -> tuple[int, int]:
    """The run of True that the flags end with (carrying on one of `before`), and the longest one seen."""
    if not flags.any():
        return 0, before
    if flags.all():
        return before + len(flags), before + len(flags)
    breaks = np.flatnonzero(~flags)
    inner = int(np.diff(breaks).max() - 1) if len(breaks) > 1 else 0
    return len(flags) - 1 - int(breaks[-1]), max(before + int(breaks[0]), inner)
