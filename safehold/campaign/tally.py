"""What is counted while a campaign's runs pass by."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from safehold.campaign.counters import (
    FAILED_KEPT,
    STAGES,
    Answers,
    Cell,
    Expectation,
    Flips,
    Label,
    Moments,
    Sample,
    Times,
    Worst,
)
from safehold.campaign.entry import CRASHED, FLOWN, NO_FAULT, Entry
from safehold.registry import REPLICA_BIT_FLIP


@dataclass(slots=True)
class Tally:
    """Everything that is counted."""

    replicas: int = 3
    fault_free_plants: Mapping[tuple[int, int], str] = field(default_factory=dict)
    planned: int = 0
    states: Counter[str] = field(default_factory=Counter)
    cut_short: int = 0
    code_ids: set[str] = field(default_factory=set)
    all: Cell = field(default_factory=Cell)
    cells: dict[tuple[str, str, str], Cell] = field(default_factory=dict)
    by_faults: dict[int, Cell] = field(default_factory=dict)
    answers: dict[str, Answers] = field(default_factory=dict)
    sheltered: dict[str, Counter[str]] = field(default_factory=dict)
    false_safe: Counter[str] = field(default_factory=Counter)
    unmet: int = 0
    expectations: dict[str, Expectation] = field(default_factory=dict)
    stops: Counter[str] = field(default_factory=Counter)
    stops_of: dict[str, Counter[str]] = field(default_factory=dict)
    unmet_runs: int = 0
    sim_s: float = 0.0
    flown_s: float = 0.0
    outage: Moments = field(default_factory=Moments)
    labels: dict[str, Label] = field(default_factory=dict)
    flips: dict[int, Flips] = field(default_factory=dict)
    failed: list[Entry] = field(default_factory=list)
    crashed: list[Entry] = field(default_factory=list)
    worst: Worst = field(default_factory=Worst)
    sample: Sample = field(default_factory=Sample)

    def add(self, entry: Entry) -> None:
        """Count a run."""
        self.planned += 1
        self.states[entry.state] += 1
        if entry.state == CRASHED and len(self.crashed) < FAILED_KEPT:
            self.crashed.append(entry)
        if entry.state != FLOWN:
            return
        self.code_ids.add(entry.code_id)
        self.cut_short += not entry.complete
        self.all.add(entry)
        self.stops[entry.stop] += 1
        self.outage.add(entry.outage_s)
        self._count_faults(entry)
        for name, value in entry.labels.items():
            self.labels.setdefault(name, Label()).add(value, entry)
        self.sim_s += entry.sim_s
        self.flown_s += entry.flown_s
        self.unmet_runs += bool(entry.unmet)
        self.unmet += len(entry.unmet)
        for expected in entry.expected:
            self.expectations.setdefault(expected.what, Expectation()).add(expected, entry.index)
        if entry.failed and len(self.failed) < FAILED_KEPT:
            self.failed.append(entry)
        self.worst.add(entry)
        self.sample.add(entry)

    def _count_faults(self, entry: Entry) -> None:
        first = entry.first_fault
        cell = first.cell if first is not None else (NO_FAULT, "", "")
        self.stops_of.setdefault(cell[0], Counter())[entry.stop] += 1
        self.cells.setdefault(cell, Cell()).add(entry)
        self.by_faults.setdefault(len(entry.faults), Cell()).add(entry)
        for fault in entry.faults:
            self.answers.setdefault(fault.kind, Answers()).add(fault)
        onset_s = math.inf if first is None else first.injected_s
        if entry.working_s is not None and entry.working_s < onset_s:
            self.false_safe["runs"] += 1
            self.false_safe["events"] += any(at_s < onset_s for at_s in entry.sheltered_s)
        if first is not None:
            count = self.sheltered.setdefault(first.kind, Counter())
            count["runs"] += 1
            count["events"] += any(at_s >= onset_s for at_s in entry.sheltered_s)
        if first is not None and len(entry.faults) == 1 and first.kind == REPLICA_BIT_FLIP.name:
            drawn = entry.labels.get("flight.replicas")
            replicas = drawn if isinstance(drawn, int) else self.replicas
            plant = self.fault_free_plants.get((entry.seed, replicas))
            self.flips.setdefault(replicas, Flips()).add(entry, plant)


def times_of(answers: Mapping[str, Answers]) -> Iterator[Times]:
    """The times of every kind and stage; a kind that never reached a stage is there with none."""
    for kind in sorted(answers):
        found = answers[kind]
        for stage in STAGES:
            ordered = tuple(sorted(found.times[stage]))
            never = (found.injected if stage != "recover" else found.recoverable) - len(ordered)
            yield Times(kind, stage, ordered, never)
