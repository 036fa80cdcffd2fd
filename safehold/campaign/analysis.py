"""What a campaign's results say: rates with intervals, times as percentiles, checks, and one verdict.

`analyse` reads a campaign's folder once, in the order of its manifest, and leaves `runs.jsonl` in it, a line
a run, for DuckDB and for the writers of campaign.json and junit.xml. The same results give the same bytes: no
wall time, no path and no host enters.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safehold.campaign.counters import Rate, Times
from safehold.campaign.entry import CRASHED, FLOWN, MISSING, Entry
from safehold.campaign.lines import read_lines
from safehold.campaign.reading import (
    Checks,
    Head,
    read_checks,
    read_entries,
    read_fault_free_plants,
    read_head,
)
from safehold.campaign.selection import checks_wanted
from safehold.campaign.statistics import CONFIDENCE
from safehold.campaign.tally import Tally, times_of
from safehold.campaign.whole_file import Whole

ANALYSIS_SCHEMA = 1
RUNS_FILE = "runs.jsonl"
PASSED, FAILED, INCOMPLETE, EMPTY = "PASSED", "FAILED", "INCOMPLETE", "EMPTY"


@dataclass(frozen=True, slots=True)
class Analysis:
    """A campaign's results, counted."""

    head: Head
    tally: Tally = field(repr=False)
    checks: Checks
    times: tuple[Times, ...] = field(repr=False)

    @property
    def planned(self) -> int:
        """Runs in the manifest."""
        return self.tally.planned

    @property
    def flown(self) -> int:
        """Runs with a result."""
        return self.tally.states[FLOWN]

    @property
    def crashed(self) -> int:
        """Runs whose worker died every time, or that cannot be flown as they were drawn."""
        return self.tally.states[CRASHED]

    @property
    def missing(self) -> int:
        """Runs without a result that may yet be flown."""
        return self.tally.states[MISSING]

    @property
    def failed_runs(self) -> int:
        """Runs that were lost or left an expectation unmet."""
        return self.tally.all.failed

    @property
    def unchecked(self) -> int:
        """Reconverged runs that are still to be flown on: 2 % of them are, at least 100."""
        return max(0, checks_wanted(self.tally.stops["reconverged"]) - self.checks.checked)

    @property
    def complete(self) -> bool:
        """Whether flying the campaign again would find nothing left to fly, check or try once more."""
        left = self.missing or self.crashed or self.unchecked or self.tally.cut_short or self.checks.failures
        return bool(self.planned) and not left

    @property
    def failed(self) -> bool:
        """Whether the exit code is to be 1."""
        return bool(self.failed_runs or self.crashed or self.checks.bad)

    @property
    def verdict(self) -> str:
        """PASSED, FAILED, INCOMPLETE (nothing failed so far) or EMPTY."""
        if self.failed:
            return FAILED
        if self.missing or self.tally.cut_short or self.unchecked:
            return INCOMPLETE
        return PASSED if self.flown else EMPTY

    @property
    def reasons(self) -> list[str]:
        """Why the verdict is what it is, in words."""
        tally, checks = self.tally, self.checks
        lost = tally.all.outcomes["LOST"]
        said = [
            (lost, f"{_runs(lost)} lost"),
            (tally.unmet, f"{_count(tally.unmet, 'expectation')} unmet, in {_runs(tally.unmet_runs)}"),
            (self.crashed, f"{_runs(self.crashed)} without a result"),
            (
                len(checks.disagreements),
                f"{_runs(len(checks.disagreements))} stopped early on a label that does not hold",
            ),
            (len(checks.differences), f"{_runs(len(checks.differences))} flown twice with different results"),
            (len(checks.conflicts), f"{_runs(len(checks.conflicts))} with two different results"),
            (len(checks.failures), f"{_count(len(checks.failures), 'check')} without a result"),
            (self.missing, f"{_runs(self.missing)} not flown yet"),
            (self.unchecked, f"{_runs(self.unchecked)} that reconverged not flown on yet"),
            (tally.cut_short, f"{_runs(tally.cut_short)} cut short"),
            (len(tally.code_ids) > 1, f"results of {len(tally.code_ids)} different versions of the code"),
        ]
        return [text for count, text in said if count] or [
            "no run lost, every expectation met, every check agreed" if self.flown else "no runs"
        ]

    def document(self) -> dict[str, Any]:
        """campaign.json without its list of runs."""
        tally = self.tally
        codes = sorted(tally.code_ids)
        return {
            "schema": ANALYSIS_SCHEMA,
            "campaign": self.head.name,
            "description": self.head.description,
            "base": self.head.base,
            "seed": self.head.seed,
            "code_id": codes[0] if len(codes) == 1 else codes or None,
            "confidence": CONFIDENCE,
            "verdict": self.verdict,
            "complete": self.complete,
            "reasons": self.reasons,
            "counts": {
                "planned": self.planned,
                "flown": self.flown,
                "crashed": self.crashed,
                "missing": self.missing,
                "cut_short": tally.cut_short,
                "failed": self.failed_runs,
            },
            "rates": self._rates(),
            "score_card": list(score_card(tally)),
            "times": [one.document() for one in self.times],
            "stops": self._stops(),
            "checks": self._checks(),
            "flips": self._flips(),
            "dispersions": dispersions(tally),
            "expectations": [{"what": what, **one.document()} for what, one in tally.expectations.items()],
            "outage_s": {"mean": tally.outage.mean, "max": max(tally.outage.high, 0.0)},
        }

    def _rates(self) -> dict[str, Any]:
        tally = self.tally
        return {
            "all": tally.all.document(),
            "by_fault": [
                {"kind": kind, "mode": mode, "light": light, **cell.document()}
                for (kind, mode, light), cell in sorted(tally.cells.items())
            ],
            "by_number_of_faults": [
                {"faults": count, **cell.document()} for count, cell in sorted(tally.by_faults.items())
            ],
            "false_safe": Rate(tally.false_safe["events"], tally.false_safe["runs"]).document(),
        }

    def _stops(self) -> dict[str, Any]:
        tally = self.tally
        return {
            "kinds": dict(sorted(tally.stops.items())),
            "flown_s": tally.flown_s,
            "sim_s": tally.sim_s,
            "share_flown": tally.flown_s / tally.sim_s if tally.sim_s else None,
        }

    def _checks(self) -> dict[str, Any]:
        checks = self.checks
        return {
            "reconverged": self.tally.stops["reconverged"],
            "checked": Rate(len(checks.disagreements), checks.checked).document(),
            "disagreements": _named(checks.disagreements),
            "repeated": Rate(len(checks.differences), checks.repeated).document(),
            "differences": _named(checks.differences),
            "conflicts": _named(checks.conflicts),
            "failures": _named(checks.failures),
        }

    def _flips(self) -> list[dict[str, Any]]:
        return [
            {
                "replicas": replicas,
                "flips": found.cell.runs,
                "stops": dict(sorted(found.stops.items())),
                "wrong_actuation": found.rate.document(),
                "not_compared": found.unknown,
                "rates": found.cell.document()["rates"],
            }
            for replicas, found in sorted(self.tally.flips.items())
        ]


def analyse(folder: Path) -> Analysis:
    """Read a campaign's folder and count; leaves runs.jsonl in it. Raises FolderError."""
    head = read_head(folder)
    tally = Tally(replicas=head.replicas, fault_free_plants=read_fault_free_plants(folder))
    with Whole(folder / RUNS_FILE) as lines:
        for entry in read_entries(folder):
            tally.add(entry)
            lines.write(_line(run_document(entry)))
    return Analysis(head, tally, read_checks(folder), tuple(times_of(tally.answers)))


def run_document(entry: Entry) -> dict[str, Any]:
    """A run as an entry of `runs` in campaign.json and a line of runs.jsonl."""
    made: dict[str, Any] = {
        "index": entry.index,
        "key": entry.key,
        "labels": dict(entry.labels),
        "state": entry.state,
    }
    if entry.state != FLOWN:
        return made | {"why": entry.why}
    return made | {
        "scenario": entry.scenario,
        "seed": entry.seed,
        "outcome": entry.outcome,
        "failed": entry.failed,
        "reasons": list(entry.reasons),
        "unmet": [asdict(one) for one in entry.unmet],
        "digest": entry.digest,
        "digest_until_s": entry.digest_until_s,
        "complete": entry.complete,
        "sim_s": entry.sim_s,
        "stop": {"kind": entry.stop, "at_s": entry.stopped_at_s, "flown_s": entry.flown_s},
        "working_s": entry.working_s,
        "outage_s": entry.outage_s,
        "judged_s": entry.judged_s,
        "faults": [asdict(fault) for fault in entry.faults],
    }


def read_runs(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of runs.jsonl, one at a time."""
    return read_lines(folder / RUNS_FILE, needed=True)


def write_campaign_json(folder: Path, analysis: Analysis) -> Path:
    """Write campaign.json, keys sorted, a line a run; returns its path."""
    path = folder / "campaign.json"
    document = analysis.document() | {"runs": None}
    with Whole(path) as out:
        out.write("{")
        for number, (name, value) in enumerate(sorted(document.items())):
            out.write(",\n" if number else "\n")
            out.write(f'"{name}": ')
            if name != "runs":
                out.write(json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":")))
                continue
            out.write("[")
            for place, run in enumerate(read_runs(folder)):
                out.write((",\n" if place else "\n") + _line(run).rstrip())
            out.write("\n]")
        out.write("\n}\n")
    return path


def score_card(tally: Tally) -> Iterator[dict[str, Any]]:
    """A line a kind of fault: detected, isolated, recovered; and runs that took shelter after it."""
    for kind, answers in sorted(tally.answers.items()):
        sheltered = tally.sheltered.get(kind, Counter())
        yield {
            "kind": kind,
            "injected": answers.injected,
            **{name: rate.document() for name, rate in answers.rates().items()},
            "sheltered": Rate(sheltered["events"], sheltered["runs"]).document(),
        }


def dispersions(tally: Tally) -> dict[str, Any]:
    """Means of each number drawn, in clean runs and in the others, and outcomes for each word drawn."""
    numbers = [
        {
            "label": name,
            "clean": {
                "runs": label.clean.count,
                "mean": label.clean.mean,
                "deviation": label.clean.deviation,
            },
            "other": {
                "runs": label.other.count,
                "mean": label.other.mean,
                "deviation": label.other.deviation,
            },
            "difference": label.difference,
        }
        for name, label in sorted(tally.labels.items())
        if label.clean.count or label.other.count
    ]
    words = [
        {"label": name, "value": value, **cell.document()}
        for name, label in sorted(tally.labels.items())
        for value, cell in sorted(label.words.items())
    ]
    return {"numbers": numbers, "words": words}


def _line(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, allow_nan=False, separators=(",", ":")) + "\n"


def _named(found: Iterable[tuple[int, str, str]]) -> list[dict[str, Any]]:
    return [{"index": index, "key": key, "what": what} for index, key, what in found]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _runs(number: int) -> str:
    return _count(number, "run")
