"""A run as the analysis sees it: a result boiled down to what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from safehold.expectations import finding, sentence
from safehold.fault_kinds import kinds
from safehold.timeline import WORKING

Labels = Mapping[str, str | int | float | bool]

FLOWN, CRASHED, MISSING = "flown", "crashed", "missing"
OUTCOMES = ("OK", "DEGRADED", "LOST")
SHELTER = ("SAFE", "SURVIVAL")
NO_FAULT = "none"
# What `boil_down` raises for a record that lacks something, or has it of another type.
UNFIT = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """A fault that was injected: where it hit, and after how long it was answered (s; None: it was not).

    `light`: "sunlit", "eclipse" or "unknown" at its onset. `recoverable`: it ended within the run, or strikes
    once as a bit flip does, so that a recovery could be expected.
    """

    kind: str
    target: str
    mode: str
    light: str
    injected_s: float
    detect_s: float | None
    isolate_s: float | None
    recover_s: float | None
    recoverable: bool

    @property
    def cell(self) -> tuple[str, str, str]:
        """Where it belongs in the table of rates."""
        return self.kind, self.mode, self.light


@dataclass(frozen=True, slots=True)
class Unmet:
    """An expectation that was not met, for people.

    `short_by`: for a share of ticks, what it lacked of the share asked for; for a result quantity, how far it
    lay beyond the bound, in its own unit; None where neither can be said.
    """

    what: str
    found: str
    why: str
    short_by: float | None


@dataclass(frozen=True, slots=True)
class Expected:
    """An expectation as a run left it. `beyond`: how far what was found lies beyond the bound, in the unit of
    the quantity (of a time: s, of a share of ticks: that share), negative within it; None: nothing was found.
    """

    what: str
    met: bool
    found: str
    beyond: float | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A run of the campaign, boiled down.

    `plant_equal`: of a run that was stopped as reconverged, whether its plant was the fault-free run's all
    along; None where its record does not say.
    """

    index: int
    key: str
    labels: Labels
    state: str
    why: str = ""
    scenario: str = ""
    seed: int = 0
    code_id: str = ""
    digest: str = ""
    digest_until_s: float | None = None
    complete: bool = True
    outcome: str = ""
    reasons: tuple[str, ...] = ()
    expected: tuple[Expected, ...] = ()
    unmet: tuple[Unmet, ...] = ()
    faults: tuple[FaultRecord, ...] = ()
    sim_s: float = 0.0
    flown_s: float = 0.0
    stop: str = "end"
    stopped_at_s: float | None = None
    plant_digest: str = ""
    plant_equal: bool | None = None
    working_s: float | None = None
    outage_s: float = 0.0
    sheltered_s: tuple[float, ...] = ()
    judged_s: float | None = None

    @property
    def failed(self) -> bool:
        """Lost, or an expectation unmet: what makes the exit code 1."""
        return self.state == FLOWN and (self.outcome == "LOST" or bool(self.unmet))

    @property
    def clean(self) -> bool:
        """OK with every expectation met."""
        return self.state == FLOWN and self.outcome == "OK" and not self.unmet

    @property
    def first_fault(self) -> FaultRecord | None:
        """The fault that was injected first; the run's outcome is counted where this one hit."""
        return min(self.faults, key=lambda fault: fault.injected_s, default=None)


def boil_down(index: int, key: str, labels: Labels, record: Mapping[str, Any]) -> Entry:
    """What the analysis asks of a run's record. Raises one of UNFIT if it is not one, whoever sealed it."""
    stop = record["stop"]
    sim_s = float(record["sim_seconds"])
    modes = record["modes"]
    judgement = record.get("judgement") or {}
    at_s, forked_at_s = stop.get("at_s"), stop.get("forked_at_s")
    plant_equal = record.get("plant_equal")
    if record["outcome"] not in OUTCOMES:
        raise ValueError("it has no outcome that there is")
    return Entry(
        index=index,
        key=key,
        labels=labels,
        state=FLOWN,
        scenario=str(record["scenario"]),
        seed=int(record["seed"]),
        code_id=str(record["code_id"]),
        digest=str(record["digest"]),
        digest_until_s=record.get("digest_until_s"),
        complete=bool(record["complete"]),
        outcome=str(record["outcome"]),
        reasons=tuple(str(reason) for reason in record["reasons"]),
        expected=tuple(_expected(entry) for entry in record["expectations"]),
        unmet=tuple(_unmet(entry) for entry in record["expectations"] if not entry["met"]),
        faults=tuple(_faults(record, modes, sim_s)),
        sim_s=sim_s,
        flown_s=(sim_s if at_s is None else float(at_s)) - float(forked_at_s or 0.0),
        stop=str(stop["kind"]),
        stopped_at_s=at_s,
        plant_digest=str(record["digests"]["plant"]),
        plant_equal=plant_equal if isinstance(plant_equal, bool) else None,
        working_s=next((float(span["from_s"]) for span in modes if span["mode"] in WORKING), None),
        outage_s=float(record["outage_s"]),
        sheltered_s=tuple(_sheltered(modes)),
        judged_s=judgement.get("flown_s"),
    )


def _unmet(entry: Mapping[str, Any]) -> Unmet:
    return Unmet(sentence(entry), finding(entry), str(entry.get("why", "")), _short_by(entry))


def _short_by(entry: Mapping[str, Any]) -> float | None:
    if "share" in entry:
        return float(entry.get("fraction", 1.0)) - float(entry["share"])
    value = entry.get("value")
    return None if value is None else _beyond(entry, float(value), float(value))


def _expected(entry: Mapping[str, Any]) -> Expected:
    lowest, highest = (entry.get(name, entry.get("value")) for name in ("lowest", "highest"))
    beyond = None
    if "reached_s" in entry:
        beyond = float(entry["reached_s"])
    elif lowest is not None and highest is not None:
        beyond = _beyond(entry, float(lowest), float(highest))
    elif "share" in entry:
        beyond = float(entry.get("fraction", 1.0)) - float(entry["share"])
    return Expected(sentence(entry), bool(entry["met"]), finding(entry), beyond)


def _beyond(entry: Mapping[str, Any], lowest: float, highest: float) -> float | None:
    """How far a range lies beyond the bounds of an expectation, on the worse side."""
    beyond = [
        *([float(entry["above"]) - lowest] if "above" in entry else []),
        *([highest - float(entry["below"])] if "below" in entry else []),
    ]
    equals = entry.get("equals")
    if isinstance(equals, int | float):
        beyond += [abs(lowest - equals), abs(highest - equals)]
    return max(beyond, default=None)


def _faults(record: Mapping[str, Any], modes: list[Mapping[str, Any]], sim_s: float) -> Iterator[FaultRecord]:
    for fault in record["faults"]:
        injected_s = fault["injected_s"]
        if injected_s is None:
            continue
        kind, ends_s = str(fault["kind"]), fault.get("ends_s")
        known = kinds().get(kind)
        sunlit = fault.get("sunlit")
        yield FaultRecord(
            kind=kind,
            target=str(fault["target"]),
            mode=str(fault.get("mode") or mode_at(modes, injected_s)),
            light="unknown" if sunlit is None else "sunlit" if sunlit else "eclipse",
            injected_s=float(injected_s),
            detect_s=_after(fault.get("detected_s"), injected_s),
            isolate_s=_after(fault.get("isolated_s"), injected_s),
            recover_s=_after(fault.get("recovered_s"), injected_s),
            recoverable=(known is not None and known.in_flight) or (ends_s is not None and ends_s <= sim_s),
        )


def _after(time_s: float | None, injected_s: float) -> float | None:
    # Both are whole nanoseconds, and so is what lies between.
    return None if time_s is None else round(float(time_s) - float(injected_s), 9)


def mode_at(modes: list[Mapping[str, Any]], time_s: float) -> str:
    """The mode at a time; the last one at the run's end, "unknown" if there is none."""
    for span in modes:
        if span["from_s"] <= time_s < span["until_s"]:
            return str(span["mode"])
    return str(modes[-1]["mode"]) if modes and time_s >= modes[-1]["until_s"] else "unknown"


def _sheltered(modes: list[Mapping[str, Any]]) -> Iterator[float]:
    """When the satellite left its work for SAFE or SURVIVAL."""
    for before, span in pairwise(modes):
        if span["mode"] in SHELTER and before["mode"] in WORKING:
            yield float(span["from_s"])
