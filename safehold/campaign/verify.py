"""Proofs that a campaign gives of itself: runs flown twice, and reconverged runs flown on to the end."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safehold.campaign.folder import CampaignFolder, scenario_name
from safehold.campaign.lines import read_lines
from safehold.campaign.selection import checked
from safehold.campaign.store import DamagedError, Store, open_record
from safehold.campaign.summary import Summary
from safehold.campaign.task import Campaign, CheckRun, Failure, Flown, FlyRun, KeepRun, Row, Task
from safehold.dump import to_toml

CHECKS = "checks.jsonl"
RESULT = "result.json"
AGAIN = {"repeat": "when flown again", "reconverged": "when flown on", "kept": "when flown to be kept"}


class Verifier:
    """Compares, and keeps a line in checks.jsonl for each comparison, so that a resumed campaign does not
    repeat it.

    A line counts as long as the result's file is the one that was compared: it carries the file's hash.
    Lines of merged folders count as well.
    """

    def __init__(
        self, campaign: Campaign, folder: CampaignFolder, summary: Summary, others: Sequence[Path] = ()
    ) -> None:
        self._campaign, self._folder, self._summary = campaign, folder, summary
        unfit: list[str] = []
        self._lines: dict[tuple[str, str], dict[str, Any]] = {}
        for place in (*others, folder.path):
            for line in read_lines(place / CHECKS, unfit=unfit):
                kind, key, found = line.get("kind"), line.get("key"), line.get("disagreements", [])
                if isinstance(kind, str) and isinstance(key, str) and isinstance(found, list):
                    self._lines[kind, key] = line
                else:
                    unfit.append(f"{place / CHECKS}: a line without kind, key or disagreements")
        summary.unfit_lines += len(unfit)
        self._counted: list[dict[str, Any]] = []
        self._waiting: dict[str, tuple[int, bytes]] = {}

    def finish(self) -> None:
        """Leave the lines that count for the whole campaign, in an order of their own."""
        lines = sorted(self._counted, key=lambda line: (line["kind"], line["index"]))
        text = "".join(json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n" for line in lines)
        self._folder.end_log(CHECKS, text.encode())

    def _known(self, kind: str, index: int, key: str, data: bytes) -> bool:
        """Whether this comparison has been made on these bytes and nothing was found; if so, it counts."""
        line = self._lines.get((kind, key))
        if line is None or line.get("sha256") != _sha256(data) or not line.get("equal"):
            return False
        self._counted.append(_line(kind, index, key, [], data))
        return True

    def _note(
        self, kind: str, index: int, key: str, found: Sequence[str], data: bytes, failure: str = ""
    ) -> None:
        line = _line(kind, index, key, found, data)
        if failure:
            line |= {"equal": False, "failure": failure}
        self._counted.append(line)
        self._folder.log(CHECKS, line)

    # --- runs flown twice ---------------------------------------------------------------------------------

    def has_repeated(self, index: int, key: str) -> bool:
        """Whether the result that is there has been compared with a second flight; if so, it counts."""
        found = self._folder.store.read(key)
        if found is None or not self._known("repeat", index, key, found[0]):
            return False
        self._summary.repeated += 1
        return True

    def take_repeat(self, task: FlyRun, answer: Flown | Failure) -> None:
        """A second flight has ended."""
        if isinstance(answer, Failure):
            if not any(index == task.index for index, _ in self._summary.crashed):
                self._fail("repeat", task.index, task.key, answer)
            return
        found = self._folder.store.read(task.key)
        if found is None:
            self._waiting[task.key] = (task.index, answer.record)
        else:
            self._compare(task.index, task.key, found[0], answer.record)

    def take_original(self, key: str, record: bytes) -> None:
        """A first flight has ended; its repeat may have been faster."""
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            self._compare(waiting[0], key, record, waiting[1])

    def _compare(self, index: int, key: str, first: bytes, second: bytes) -> None:
        self._summary.repeated += 1
        found = []
        if first != second:
            found.append(_difference(open_record(first, key), open_record(second, key)))
        self._note("repeat", index, key, found, first)
        if found:
            self._disagree(index, f"flown twice gave two results: {found[0]}")

    def compare_stores(self, index: int, key: str, ours: bytes, others: Sequence[Store]) -> None:
        """Name the conflict if another folder holds a different record of the same key, or held one when
        this record was compared before: such a proof does not go away with the other folder.
        """
        differences = []
        for other in others:
            try:
                found = other.read(key)
            except DamagedError:
                continue
            if found is not None and found[0] != ours:
                differences.append(_difference(open_record(ours, key), found[1]))
                self._summary.disagreements.append(
                    f"result {key} differs between {self._folder.path} and {other.root}: {differences[-1]}"
                )
        known = self._lines.get(("conflict", key))
        if known is not None and not differences and known.get("sha256") == _sha256(ours):
            differences = [str(one) for one in known.get("disagreements", ())]
            self._summary.disagreements.append(f"result {key} differed between folders: {differences}")
        if differences:
            self._note("conflict", index, key, differences, ours)
            self._scenario(index)

    # --- reconverged runs ---------------------------------------------------------------------------------

    def to_check(self) -> list[int]:
        """The indices of the reconverged runs that are checked."""
        return sorted(checked(*self._summary.reconverged()))

    def check_tasks(self, rows: Sequence[Row]) -> list[CheckRun]:
        """The checks that have not been made yet; those that have count."""
        tasks: list[CheckRun] = []
        for row in sorted(rows, key=lambda row: (row.reference or "", row.onset_ns, row.index)):
            found = self._folder.store.read(row.key)
            if found is None or row.reference is None:
                continue
            if self._known("reconverged", row.index, row.key, found[0]):
                self._summary.checked += 1
            else:
                tasks.append(CheckRun(row.index, row.key, row.reference, row.sim_s, found[1]))
        return tasks

    def take_check(self, task: Task, answer: Sequence[str] | Failure) -> None:
        """A reconverged run has been flown on to its end."""
        assert isinstance(task, CheckRun)
        if isinstance(answer, Failure):
            self._fail("reconverged", task.index, task.key, answer)
            return
        self._summary.checked += 1
        found = self._folder.store.read(task.key)
        self._note("reconverged", task.index, task.key, list(answer), found[0] if found else b"")
        if answer:
            self._disagree(task.index, f"stopped as reconverged, but flown on: {'; '.join(answer)}")

    # --- runs whose folder is kept ------------------------------------------------------------------------

    def is_kept(self, index: int, record: Mapping[str, Any]) -> bool:
        """Whether the run's folder is there, whole, and of this record."""
        try:
            found = json.loads((self._folder.path / kept_name(index) / RESULT).read_bytes())
            return _agrees(record, found)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def take_kept(self, task: KeepRun, answer: Mapping[str, bytes] | Failure) -> None:
        """A run has been flown with all its records: leave its folder, and compare it with the result."""
        if isinstance(answer, Failure):
            self._fail("kept", task.index, task.key, answer)
            return
        # The result comes last, so that a folder that has one is whole.
        (self._folder.path / kept_name(task.index) / RESULT).unlink(missing_ok=True)
        for name in sorted(answer, key=lambda name: name == RESULT):
            self._folder.write(f"{kept_name(task.index)}/{name}", answer[name])
        found = self._folder.store.read(task.key)
        kept = json.loads(answer[RESULT])
        if found is not None and not _agrees(found[1], kept):
            text = f"digest {found[1]['digest']} and {kept['digest']}"
            self._note("kept", task.index, task.key, [text], found[0])
            self._disagree(task.index, f"flown again to be kept gave another result: {text}")

    # --- what was found -----------------------------------------------------------------------------------

    def _fail(self, kind: str, index: int, key: str, failure: Failure) -> None:
        """A flight that was to prove something ended without a result: the next command tries it again."""
        found = self._folder.store.read(key)
        self._note(kind, index, key, [], found[0] if found else b"", failure.text)
        self._summary.unproven.append((index, f"{AGAIN[kind]}: {failure.text}"))
        self._scenario(index)

    def _disagree(self, index: int, text: str) -> None:
        path = self._scenario(index)
        self._summary.disagreements.append(f"run {index} {text}\n  replay: safehold run {path}")

    def _scenario(self, index: int) -> str:
        name = scenario_name(index)
        self._folder.write(name, to_toml(self._campaign.run(index).scenario).encode())
        return shlex.quote(str(self._folder.path / name))


def kept_name(index: int) -> str:
    """Where a run's whole folder is left, below the campaign's."""
    return f"runs/{index:06d}"


def _agrees(record: Mapping[str, Any], kept: Mapping[str, Any]) -> bool:
    """Whether a whole flight has the digest of a record; a digest up to an early stop cannot be compared."""
    return record.get("digest_until_s") is not None or bool(record["digest"] == kept["digest"])


def _difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Two records of one run: both digests, and what else differs."""
    if one["digest"] != other.get("digest"):
        return f"digest {one['digest']} and {other.get('digest')}"
    names = [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
    return f"equal digests {one['digest']}, but different {', '.join(names)}"


def _line(kind: str, index: int, key: str, found: Sequence[str], data: bytes) -> dict[str, Any]:
    return {
        "kind": kind,
        "index": index,
        "key": key,
        "equal": not found,
        "disagreements": list(found),
        "sha256": _sha256(data),
    }


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
