"""A campaign's folder as it lies on the disk, read one run at a time in the order of the manifest.

A result is read, checked against its own hash, boiled down to what the analysis asks of a run, and let go:
100,000 results pass through the memory that one needs. (For 20,000 of them DuckDB's reader of many JSON files
took three times as long, and nine times the memory: `python -m bench.analysis`.)
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from safehold.campaign.entry import CRASHED, MISSING, UNFIT, Entry, Labels, boil_down
from safehold.campaign.folder import scenario_name
from safehold.campaign.lines import read_lines
from safehold.campaign.store import DamagedError, Store
from safehold.errors import FolderError

T = TypeVar("T")
# A key names a file, so nothing else may be taken for one.
KEY = re.compile(r"[0-9a-f]{64}")
# The kinds of line in checks.jsonl, each with what it means if the two flights differ.
CHECKED = {
    "reconverged": "flown on to another end",
    "repeat": "flown twice with two results",
    "conflict": "two folders have two results",
    "kept": "flown again to be kept, with another result",
}


@dataclass(frozen=True, slots=True)
class Head:
    """What the folder says of the campaign as a whole."""

    name: str
    description: str
    seed: int
    base: str
    replicas: int = 3


@dataclass(frozen=True, slots=True)
class Checks:
    """Runs flown once more: reconverged ones to their end, repeats from the start.

    `conflicts`: results of which another folder has a different one, or the flight whose whole folder was
    kept. `failures`: flights that were to prove
    something and ended without a result; they are neither among the checked nor among the repeated.
    """

    checked: int = 0
    disagreements: tuple[tuple[int, str, str], ...] = ()
    repeated: int = 0
    differences: tuple[tuple[int, str, str], ...] = ()
    conflicts: tuple[tuple[int, str, str], ...] = ()
    failures: tuple[tuple[int, str, str], ...] = ()

    @property
    def bad(self) -> tuple[tuple[int, str, str], ...]:
        """Index and key of results that did not stand, and why; one is enough to fail a campaign."""
        return self.disagreements + self.differences + self.conflicts + self.failures


def read_head(folder: Path) -> Head:
    """The campaign's name, seed and base from its campaign.toml; raises FolderError if it is none."""
    path = folder / "campaign.toml"
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        base = tree.get("base", "")
        scenario = base if isinstance(base, dict) else {}
        return Head(
            name=str(tree.get("name", folder.name)),
            description=str(tree.get("description", "")),
            seed=_typed(tree, "seed", int, 0),
            base=str(scenario.get("name", "")) if scenario else str(base),
            replicas=_typed(
                _typed(tree, "set", dict, {}),
                "flight.replicas",
                int,
                _typed(_typed(scenario, "flight", dict, {}), "replicas", int, 3),
            ),
        )
    except (OSError, ValueError) as error:
        raise FolderError("SH-OUT-003", f"{folder} holds no campaign that can be read: {error}") from None
    except RecursionError:
        raise FolderError("SH-OUT-003", f"{path} is nested too deep to be a campaign's") from None


def _typed(table: Mapping[str, Any], key: str, kind: type[T], otherwise: T) -> T:
    """A value of a table; raises ValueError if it is of another type."""
    value = table.get(key, otherwise)
    if not isinstance(value, kind) or isinstance(value, bool):
        wanted = "a table" if kind is dict else "a whole number"
        raise ValueError(f"{key} is {value!r:.60}; it must be {wanted}")
    return value


def read_entries(folder: Path) -> Iterator[Entry]:
    """Every run of the manifest in order of its index, with what became of it. Raises FolderError."""
    store = Store(folder)
    crashed = {
        str(line.get("key")): str(line.get("why", "")) for line in read_lines(folder / "crashed.jsonl")
    }
    previous = -1
    for line in read_lines(folder / "manifest.jsonl", needed=True):
        index, key, labels = line.get("index"), line.get("key"), line.get("labels", {})
        if not (isinstance(index, int) and isinstance(key, str) and isinstance(labels, dict)):
            raise FolderError(
                "SH-OUT-003", f"{folder / 'manifest.jsonl'}: a line without index, key or labels"
            )
        if not KEY.fullmatch(key):
            raise FolderError(
                "SH-OUT-003", f"{folder / 'manifest.jsonl'}: the key {key[:80]!r} of run {index} is none"
            )
        if index <= previous:
            raise FolderError("SH-OUT-003", f"{folder / 'manifest.jsonl'}: run {index} is out of order")
        previous = index
        try:
            found = store.read(key)
        except DamagedError as error:
            yield Entry(index, key, labels, MISSING, why=str(error))
            continue
        if found is not None:
            yield _entry(index, key, labels, found[1])
        elif key in crashed:
            yield Entry(index, key, labels, CRASHED, why=crashed[key])
        else:
            yield Entry(index, key, labels, MISSING, why="not flown yet")


def _entry(index: int, key: str, labels: Labels, record: dict[str, Any]) -> Entry:
    """A result boiled down; one that lacks something, whoever sealed it, counts as not flown."""
    try:
        return boil_down(index, key, labels, record)
    except UNFIT as error:
        return Entry(index, key, labels, MISSING, why=f"the result is not one of a run: {error!r}")


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


def read_checks(folder: Path) -> Checks:
    """What was found when runs were flown once more; raises FolderError. The last word on a run counts."""
    found: dict[str, dict[tuple[int, str], str]] = {kind: {} for kind in CHECKED}
    failures: dict[tuple[int, str, str], str] = {}
    for line in read_lines(folder / "checks.jsonl"):
        try:
            kind, run = str(line["kind"]), (int(line["index"]), str(line["key"]))
            if kind not in CHECKED:
                continue
            found[kind].pop(run, None)
            failures.pop((*run, kind), None)
            if "failure" in line:
                failures[*run, kind] = f"flown once more without a result: {line['failure']}"
                continue
            said = "; ".join(str(one) for one in line["disagreements"])
            bad = said or not line["equal"]
            found[kind][run] = f"{CHECKED[kind]}: {said}".removesuffix(": ") if bad else ""
        except UNFIT as error:
            raise FolderError("SH-OUT-003", f"{folder / 'checks.jsonl'}: not a check: {error!r}") from None
    wrong = {
        kind: tuple((index, key, what) for (index, key), what in sorted(of.items()) if what)
        for kind, of in found.items()
    }
    return Checks(
        checked=len(found["reconverged"]),
        disagreements=wrong["reconverged"],
        repeated=len(found["repeat"]),
        differences=wrong["repeat"],
        conflicts=wrong["conflict"] + wrong["kept"],
        failures=tuple((index, key, what) for (index, key, _), what in sorted(failures.items())),
    )


def can_replay(folder: Path, index: int) -> bool:
    """Whether the campaign left the scenario of a run; one that cannot be flown as it was drawn has none."""
    return (folder / scenario_name(index)).is_file()


def replay_command(folder: Path, index: int) -> str:
    """The one command that flies a failed run again; the campaign leaves the scenario of each."""
    return f"safehold run {shlex.quote(str(folder / scenario_name(index)))}"
