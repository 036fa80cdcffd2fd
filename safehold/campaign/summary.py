"""What a campaign came to, as counters: the documents are in the store, never in memory."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Summary:
    """Counters of a campaign that is being flown, or was."""

    folder: Path
    total: int
    done: int = 0
    flown: int = 0
    cached: int = 0
    merged: int = 0
    damaged: int = 0
    unfit_lines: int = 0  # of checks.jsonl: what they say is found out again
    failed: int = 0  # runs that are LOST or failed an expectation
    outcomes: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    references: int = 0
    repeated: int = 0
    to_check: int = 0
    checked: int = 0
    disagreements: list[str] = field(default_factory=list)
    crashed: list[tuple[int, str]] = field(default_factory=list)  # runs without a result
    unproven: list[tuple[int, str]] = field(default_factory=list)  # runs without a result when flown again
    deaths: int = 0
    first_failed: tuple[int, str, str] | None = None  # index, why, kind of stop
    stopped: bool = False
    wall_s: float = 0.0  # of planning and flying
    checked_s: float = 0.0  # of flying reconverged runs on
    verdict: str = ""  # of the analysis, once every run has been dealt with
    findings: list[str] = field(default_factory=list)  # what the analysis says then
    _ranks: array[int] = field(default_factory=lambda: array("Q"), repr=False)
    _reconverged: array[int] = field(default_factory=lambda: array("Q"), repr=False)

    @property
    def ok(self) -> bool:
        """Whether nothing failed: exit code 0. Whatever the counters say, the verdict has to agree."""
        failed = self.failed or self.disagreements or self.crashed or self.unproven
        return not failed and self.verdict in ("", "PASSED")

    @property
    def complete(self) -> bool:
        """Whether every run has been dealt with: it has a result, or crashed every worker that tried it."""
        return not self.stopped and self.done + len({index for index, _ in self.crashed}) >= self.total

    def count(self, index: int, record: Mapping[str, Any], rank: int) -> str:
        """Take a run's record into the counters; returns why it failed, or nothing."""
        self.done += 1
        self.outcomes[record["outcome"]] += 1
        kind = str(record["stop"]["kind"])
        self.stops[kind] += 1
        if kind == "reconverged":
            self._ranks.append(rank)
            self._reconverged.append(index)
        why = failure(record)
        if why:
            self.failed += 1
            if self.first_failed is None or index < self.first_failed[0]:
                self.first_failed = (index, why, kind)
        return why

    def reconverged(self) -> tuple[array[int], array[int]]:
        """The runs that were stopped as reconverged: their ranks and indices."""
        return self._ranks, self._reconverged


def failure(record: Mapping[str, Any]) -> str:
    """Why a run fails its campaign: LOST, or an expectation that was not met; empty if neither."""
    if record["outcome"] == "LOST":
        reasons = record.get("reasons") or ["no reason given"]
        return f"LOST: {reasons[0]}"
    missed = [entry for entry in record["expectations"] if not entry["met"]]
    if missed:
        return f"expectation on {missed[0].get('quantity', '?')} not met"
    return ""
