"""Counters that results pass by: rates, times, moments, samples. None keeps a result but the samples.

Nothing here grows with the number of runs but lists of times (8 bytes a fault) and samples of a fixed size.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from safehold.campaign.entry import OUTCOMES as OUTCOMES
from safehold.campaign.entry import Entry, Expected, FaultRecord
from safehold.campaign.statistics import (
    clopper_pearson,
    percentile,
    percentile_interval,
    upper_bound,
    wilson,
)

STAGES = ("detect", "isolate", "recover")
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
FAILED_KEPT = 200
WORST_KEPT = 8
SAMPLE = 2000
VALUES_MAX = 24


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many."""

    events: int
    trials: int

    @property
    def share(self) -> float | None:
        """Events over trials; None for no trials."""
        return self.events / self.trials if self.trials else None

    def document(self) -> dict[str, Any]:
        """With both intervals at 95 %, and for no events the one-sided bound at 95 %."""
        exact, score = (
            clopper_pearson(self.events, self.trials),
            wilson(self.events, self.trials),
        )
        made: dict[str, Any] = {
            "events": self.events,
            "trials": self.trials,
            "share": self.share,
            "clopper_pearson": [exact.low, exact.high],
            "wilson": [score.low, score.high],
        }
        if self.events == 0 and self.trials:
            made["at_most"] = upper_bound(0, self.trials)
        return made


@dataclass(frozen=True, slots=True)
class Times:
    """How long a stage took, among the faults that reached it (s from the injection)."""

    kind: str
    stage: str
    ordered: tuple[float, ...]
    never: int

    def document(self) -> dict[str, Any]:
        """Percentiles with their intervals at 95 %."""
        made: dict[str, Any] = {
            "kind": self.kind,
            "stage": self.stage,
            "reached": len(self.ordered),
            "never": self.never,
            "max": self.ordered[-1] if self.ordered else None,
        }
        for name, share in PERCENTILES.items():
            span = percentile_interval(self.ordered, share)
            made[name] = percentile(self.ordered, share)
            made[f"{name}_interval"] = [span.low, span.high]
        return made


@dataclass(slots=True)
class Cell:
    """Runs that have something in common, by outcome."""

    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    clean: int = 0

    def add(self, entry: Entry) -> None:
        """Count a run that was flown."""
        self.runs += 1
        self.outcomes[entry.outcome] += 1
        self.failed += entry.failed
        self.clean += entry.clean

    @property
    def lost(self) -> Rate:
        """How many were lost."""
        return Rate(self.outcomes["LOST"], self.runs)

    @property
    def not_clean(self) -> Rate:
        """How many were not OK with every expectation met."""
        return Rate(self.runs - self.clean, self.runs)

    def document(self) -> dict[str, Any]:
        """Counts and rates."""
        return {
            "runs": self.runs,
            "outcomes": {name: self.outcomes[name] for name in OUTCOMES},
            "failed": self.failed,
            "clean": self.clean,
            "rates": {name: Rate(self.outcomes[name], self.runs).document() for name in OUTCOMES},
        }


@dataclass(slots=True)
class Moments:
    """Mean and standard deviation of numbers that pass by (B. P. Welford, Technometrics 4 (1962) 419)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, value: float) -> None:
        """Take a number."""
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self.squares += before * (value - self.mean)
        self.low, self.high = min(self.low, value), max(self.high, value)

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the sample; None of fewer than two."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else None


@dataclass(slots=True)
class Answers:
    """What became of the faults of one kind. Recoveries are those of faults from which one could be expected:
    that a fault which stays was once taken for gone is neither a recovery nor a time of one.
    """

    injected: int = 0
    recoverable: int = 0
    times: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})

    def add(self, fault: FaultRecord) -> None:
        """Count a fault."""
        self.injected += 1
        self.recoverable += fault.recoverable
        recover_s = fault.recover_s if fault.recoverable else None
        for stage, time_s in zip(STAGES, (fault.detect_s, fault.isolate_s, recover_s), strict=True):
            if time_s is not None:
                self.times[stage].append(time_s)

    def rates(self) -> dict[str, Rate]:
        """Detected and isolated of those injected; recovered of those that could be."""
        return {
            "detected": Rate(len(self.times["detect"]), self.injected),
            "isolated": Rate(len(self.times["isolate"]), self.injected),
            "recovered": Rate(len(self.times["recover"]), self.recoverable),
        }


@dataclass(slots=True)
class Expectation:
    """What became of one expectation, and the run that came closest to its bound or went farthest beyond."""

    runs: int = 0
    unmet: int = 0
    beyond: float = -math.inf
    found: str = ""
    run: int | None = None

    def add(self, expected: Expected, index: int) -> None:
        """Count a run. Where nothing could be found, nothing can have been farther beyond."""
        self.runs += 1
        self.unmet += not expected.met
        beyond = math.inf if expected.beyond is None else expected.beyond
        if self.run is None or beyond > self.beyond:
            self.beyond, self.found, self.run = beyond, expected.found, index

    def document(self) -> dict[str, Any]:
        """The rate, and the worst run."""
        return {
            "unmet": Rate(self.unmet, self.runs).document(),
            "worst": {
                "run": self.run,
                "found": self.found,
                "beyond": self.beyond if math.isfinite(self.beyond) else None,
            },
        }


@dataclass(slots=True)
class Label:
    """What was drawn under one name: numbers in clean runs and in others, or words with their outcomes."""

    clean: Moments = field(default_factory=Moments)
    other: Moments = field(default_factory=Moments)
    words: dict[str, Cell] = field(default_factory=dict)
    words_left_out: int = 0

    def add(self, value: object, entry: Entry) -> None:
        """Take a run's value."""
        if isinstance(value, str | bool):
            word = value if isinstance(value, str) else str(value).lower()
            if word not in self.words and len(self.words) >= VALUES_MAX:
                self.words_left_out += 1
                return
            self.words.setdefault(word, Cell()).add(entry)
        elif isinstance(value, int | float) and math.isfinite(value):
            (self.clean if entry.clean else self.other).add(float(value))

    @property
    def varies(self) -> bool:
        """Whether it took more than one value."""
        return self.spread or len(self.words) > 1

    @property
    def spread(self) -> bool:
        """Whether it took more than one number."""
        return min(self.clean.low, self.other.low) < max(self.clean.high, self.other.high)

    @property
    def difference(self) -> float | None:
        """The difference of the means (others less clean) over the pooled standard deviation."""
        total = self.clean.count + self.other.count - 2
        if not self.clean.count or not self.other.count or total < 1:
            return None
        pooled = math.sqrt((self.clean.squares + self.other.squares) / total)
        return (self.other.mean - self.clean.mean) / pooled if pooled > 0.0 else None


@dataclass(slots=True)
class Flips:
    """What bit flips did, for one number of replicas, over all flips of the region drawn from.

    A wrong actuation is one that reached the plant. A run that was stopped as identical had none: its plant
    was that of the fault-free run to the last bit, all along. A run that was stopped as reconverged had one
    if its plant ever was another before the stop, as its record says (`plant_equal`). A run that was flown to
    its end had one if its plant's digest is not the fault-free run's. Where that is not known, the flip is
    not compared.
    """

    cell: Cell = field(default_factory=Cell)
    stops: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    unknown: int = 0

    @property
    def rate(self) -> Rate:
        """Wrong actuations over the flips that could be compared with a run without one."""
        return Rate(self.wrong, self.cell.runs - self.unknown)

    def add(self, entry: Entry, fault_free_plant: str | None) -> None:
        """Count a run that had one flip."""
        self.cell.add(entry)
        self.stops[entry.stop] += 1
        if entry.stop == "identical":
            return
        equal = entry.plant_equal
        if entry.stop == "end":
            equal = None if fault_free_plant is None else entry.plant_digest == fault_free_plant
        self.unknown += equal is None
        self.wrong += equal is False


@dataclass(slots=True)
class Sample:
    """Runs to draw: a fixed number, those with the smallest keys, which is as good as at random."""

    size: int = SAMPLE
    _heap: list[tuple[int, int, Entry]] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Offer a run."""
        item = (-int(entry.key[:15], 16), -entry.index, entry)
        if len(self._heap) < self.size:
            heapq.heappush(self._heap, item)
        elif item[:2] > self._heap[0][:2]:
            heapq.heapreplace(self._heap, item)

    def entries(self) -> list[Entry]:
        """The runs, in order."""
        return sorted((item[2] for item in self._heap), key=lambda entry: entry.index)


@dataclass(slots=True)
class Worst:
    """The runs that went worst: lost before unmet before degraded, then by unmet expectations and outage."""

    size: int = WORST_KEPT
    _heap: list[tuple[tuple[bool, bool, int, float], int, Entry]] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Offer a run; a clean one is none."""
        if entry.clean:
            return
        badness = (entry.outcome == "LOST", entry.failed, len(entry.unmet), entry.outage_s)
        item = (badness, -entry.index, entry)
        if len(self._heap) < self.size:
            heapq.heappush(self._heap, item)
        elif item[:2] > self._heap[0][:2]:
            heapq.heapreplace(self._heap, item)

    def entries(self) -> list[Entry]:
        """The runs, the worst first."""
        return [item[2] for item in sorted(self._heap, key=lambda item: item[:2], reverse=True)]
