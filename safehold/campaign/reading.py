"""A campaign's folder as it lies on the disk, read one run at a time in the order of the manifest.

A result is read, checked against its own hash, boiled down to what the analysis asks of a run, and let go:
100,000 results pass through the memory that one needs. (Asked for the same, DuckDB's reader of many JSON
files took 31 s and 1.9 GB for 20,000 results, and Python's 1.4 s.)
"""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from safehold.campaign.folder import scenario_name
from safehold.campaign.store import DamagedError, Store
from safehold.errors import FolderError
from safehold.expectations import finding, sentence
from safehold.fault_kinds import kinds
from safehold.timeline import WORKING

Labels = Mapping[str, str | int | float | bool]

FLOWN, CRASHED, MISSING = "flown", "crashed", "missing"
SHELTER = ("SAFE", "SURVIVAL")
NO_FAULT = "none"


@dataclass(frozen=True, slots=True)
class Head:
    """What the folder says of the campaign as a whole."""

    name: str
    description: str
    seed: int
    base: str
    replicas: int = 3


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
class Entry:
    """A run of the campaign, boiled down."""

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
    unmet: tuple[Unmet, ...] = ()
    faults: tuple[FaultRecord, ...] = ()
    sim_s: float = 0.0
    flown_s: float = 0.0
    stop: str = "end"
    stopped_at_s: float | None = None
    plant_digest: str = ""
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


def read_head(folder: Path) -> Head:
    """The campaign's name, seed and base from its campaign.toml; raises FolderError if it is none."""
    path = folder / "campaign.toml"
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FolderError("SH-OUT-003", f"{folder} holds no campaign that can be read: {error}") from None
    base = tree.get("base", "")
    scenario = base if isinstance(base, dict) else {}
    return Head(
        name=str(tree.get("name", folder.name)),
        description=str(tree.get("description", "")),
        seed=int(tree.get("seed", 0)),
        base=str(scenario.get("name", "")) if scenario else str(base),
        replicas=int(
            tree.get("set", {}).get("flight.replicas", scenario.get("flight", {}).get("replicas", 3))
        ),
    )


def read_entries(folder: Path) -> Iterator[Entry]:
    """Every run of the manifest in order of its index, with what became of it. Raises FolderError."""
    store = Store(folder)
    crashed = {str(line["key"]): str(line.get("why", "")) for line in read_lines(folder / "crashed.jsonl")}
    previous = -1
    for line in read_lines(folder / "manifest.jsonl", needed=True):
        index, key, labels = int(line["index"]), str(line["key"]), line.get("labels") or {}
        if index <= previous:
            raise FolderError("SH-OUT-003", f"{folder / 'manifest.jsonl'}: run {index} is out of order")
        previous = index
        try:
            found = store.read(key)
        except DamagedError as error:
            yield Entry(index, key, labels, MISSING, why=str(error))
            continue
        if found is not None:
            yield boil_down(index, key, labels, found[1])
        elif key in crashed:
            yield Entry(index, key, labels, CRASHED, why=crashed[key])
        else:
            yield Entry(index, key, labels, MISSING, why="not flown yet")


def read_fault_free_plants(folder: Path) -> dict[tuple[int, int], str]:
    """The plant digests of the fault-free runs that others were forked from, by seed and number of replicas.

    Where several fault-free runs have both in common there is none, since nobody can tell which is meant.
    """
    from safehold.errors import ForkError
    from safehold.forks.reference import Reference

    found: dict[tuple[int, int], set[str]] = {}
    for path in sorted((folder / "references").glob("*.bin")):
        try:
            reference = Reference.from_bytes(path.read_bytes(), path.name)
        except (OSError, ForkError):
            continue
        scenario = reference.scenario
        plant = str(reference.document["digests"]["plant"])
        found.setdefault((scenario.seed, scenario.flight.replicas), set()).add(plant)
    return {key: plants.pop() for key, plants in found.items() if len(plants) == 1}


def replay_command(folder: Path, index: int) -> str:
    """The one command that flies a failed run again; the campaign leaves the scenario of each."""
    return f"safehold run {shlex.quote(str(folder / scenario_name(index)))}"


def read_lines(path: Path, *, needed: bool = False) -> Iterator[dict[str, Any]]:
    """The documents of a .jsonl file, one at a time; none if it is not there. Raises FolderError."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _line(path, number, line)
    except FileNotFoundError as error:
        if needed:
            raise FolderError("SH-OUT-003", f"{path.parent} holds no campaign: {error.strerror}") from None
    except OSError as error:
        raise FolderError("SH-OUT-003", f"{path} cannot be read: {error.strerror or error}") from None


def _line(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError as error:
        raise FolderError("SH-OUT-003", f"{path}, line {number}: {error}") from None
    if not isinstance(document, dict):
        raise FolderError("SH-OUT-003", f"{path}, line {number}: not an object")
    return document


def boil_down(index: int, key: str, labels: Labels, record: Mapping[str, Any]) -> Entry:
    """What the analysis asks of a run's record."""
    stop = record["stop"]
    sim_s = float(record["sim_seconds"])
    modes = record["modes"]
    judgement = record.get("judgement") or {}
    at_s, forked_at_s = stop.get("at_s"), stop.get("forked_at_s")
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
        unmet=tuple(_unmet(entry) for entry in record["expectations"] if not entry["met"]),
        faults=tuple(_faults(record, modes, sim_s)),
        sim_s=sim_s,
        flown_s=(sim_s if at_s is None else float(at_s)) - float(forked_at_s or 0.0),
        stop=str(stop["kind"]),
        stopped_at_s=at_s,
        plant_digest=str(record["digests"]["plant"]),
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
    if value is None:
        return None
    beyond = [
        *([float(entry["above"]) - value] if "above" in entry else []),
        *([value - float(entry["below"])] if "below" in entry else []),
        *([abs(value - entry["equals"])] if isinstance(entry.get("equals"), int | float) else []),
    ]
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
