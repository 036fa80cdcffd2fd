"""Fly a campaign: expand it block by block, fly what has no result yet, keep every result by its key.

    for each block of runs:
        plan      workers expand the runs: key, way of flying, reference; the manifest gets a line each
        look up   what the folder, a shared store or a merged folder holds is not flown again
        refer     the fault-free runs that several runs of the block fork from, once for the campaign
        fly       the rest, neighbours sorted by onset, and the share that is flown twice
    check         the share of reconverged runs that flies on to the end

A block is there so that neither memory nor the wait for the first flight grows with the campaign. If the
process ends anywhere, what is in the folder is whole, and the same command goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safehold.campaign.entry import UNFIT, boil_down
from safehold.campaign.folder import (
    CampaignFolder,
    References,
    link_or_copy,
    reference_name,
    scenario_name,
)
from safehold.campaign.progress import Progress, Quiet
from safehold.campaign.selection import Part, blocks, check_rank, is_repeated, sample
from safehold.campaign.store import DamagedError, Store, impossible_key, open_record, write_whole
from safehold.campaign.summary import Summary
from safehold.campaign.task import (
    Campaign,
    Engine,
    Failure,
    Flown,
    FlyRun,
    Impossible,
    KeepRun,
    MakeReference,
    PlanRuns,
    Row,
    Task,
)
from safehold.campaign.verify import Verifier
from safehold.clock import wall_seconds
from safehold.dump import to_toml
from safehold.errors import ForkError, InputError, InternalError

BLOCK = 2048
PLAN_CHUNK = 32
SAMPLE = 128


@dataclass(frozen=True, slots=True)
class Options:
    """How a campaign is flown. stores: folders whose results are taken over; the first is written to as well
    if `share` is set. keep: which runs leave their whole folder.
    """

    part: Part = field(default_factory=Part)
    fork: bool = True
    stores: Sequence[Path] = ()
    share: bool = False
    keep: str = "none"
    block: int = BLOCK


class Execution:
    """One flight of a campaign into its folder."""

    def __init__(
        self,
        campaign: Campaign,
        folder: CampaignFolder,
        engine: Engine,
        options: Options,
        *,
        progress: Progress | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.campaign, self.folder, self.engine, self.options = campaign, folder, engine, options
        self.progress = progress or Quiet()
        self.stopped = stopped
        self.indices = options.part.indices(campaign.count)
        self.summary = Summary(folder.path, len(self.indices))
        self._others = [Store(path) for path in options.stores]
        self._verifier = Verifier(campaign, folder, self.summary, options.stores)
        self._shared: frozenset[str] = frozenset()
        self._referred: set[str] = set()
        self._failed: set[int] = set()  # of the block that is flown

    def run(self) -> Summary:
        """Fly everything that is left to fly."""
        start = wall_seconds()
        self.folder.start_log("manifest.jsonl")
        self.folder.start_log("crashed.jsonl")
        self.progress.start(self.summary)
        try:
            self._shared = self._shared_references()
            for block in blocks(self.indices, self.options.block):
                if self.stopped():
                    break
                self._fly_block(block)
                self.folder.flush()
            self.summary.wall_s = wall_seconds() - start
            if not self.stopped():
                self._check()
            if not self.stopped():
                self._verifier.finish()
            self.summary.checked_s = wall_seconds() - start - self.summary.wall_s
        finally:
            self.progress.close()
            self.folder.flush()
        self.summary.deaths = self.engine.deaths
        self.summary.stopped = self.stopped()
        self.summary.crashed.sort()
        self.summary.unproven.sort()
        return self.summary

    # --- planning -----------------------------------------------------------------------------------------

    def _plan(self, indices: Sequence[int], shared: frozenset[str] | None) -> list[Row | Impossible]:
        """Expand runs, in the order of their indices."""
        tasks = [
            PlanRuns(tuple(indices[start : start + PLAN_CHUNK]), shared)
            for start in range(0, len(indices), PLAN_CHUNK)
        ]
        rows: list[Row | Impossible] = []
        for _, answer in self._answers(tasks):
            if isinstance(answer, Failure):
                if answer.error_id:
                    raise InputError(answer.error_id, answer.text)
                raise InternalError("SH-INT-001", f"a run cannot be expanded: {answer.text}")
            rows.extend(answer)
        return sorted(rows, key=lambda row: row.index)

    def _rows(self, indices: Sequence[int], shared: frozenset[str] | None) -> list[Row]:
        return [run for run in self._plan(indices, shared) if isinstance(run, Row)]

    def _enter(self, run: Row | Impossible) -> None:
        """A line in the manifest. An impossible run has no scenario; its key is made of what draws it."""
        if isinstance(run, Row):
            key, labels = run.key, dict(run.labels)
        else:
            key, labels = impossible_key(self.campaign.sha256(), run.index), {}
            self.summary.crashed.append((run.index, run.why))
            self.folder.log("crashed.jsonl", {"index": run.index, "key": key, "why": run.why})
        self.folder.log("manifest.jsonl", {"index": run.index, "key": key, "labels": labels})

    def _shared_references(self) -> frozenset[str]:
        """The references that are worth flying: found on a sample of the whole campaign, so that a part of it
        decides as the whole does.

        Forking saves the time before the onset and may stop early after it; the reference costs one flight.
        """
        if not (self.options.fork and self.campaign.injects):
            return frozenset()
        duration_ns = self.campaign.base.duration
        rows = self._rows(sample(self.campaign.count, SAMPLE), None)
        runs_each = self.campaign.count / max(1, len(rows))
        saved: dict[str, float] = {}
        members: dict[str, int] = {}
        for row in rows:
            if row.reference is not None:
                saved[row.reference] = saved.get(row.reference, 0.0) + row.onset_ns / duration_ns
                members[row.reference] = members.get(row.reference, 0) + 1
        return frozenset(
            key
            for key, fraction in saved.items()
            if members[key] * runs_each >= 2 and fraction * runs_each > 1.0
        )

    # --- a block ------------------------------------------------------------------------------------------

    def _fly_block(self, block: range) -> None:
        planned = self._plan(block, self._shared)
        for run in planned:
            self._enter(run)
        if len(planned) < len(block):
            return  # stopped while planning
        rows = [run for run in planned if isinstance(run, Row)]
        self._failed.clear()
        for row in rows:
            # From an earlier flight of this campaign; a run that fails this time leaves another.
            (self.folder.path / scenario_name(row.index)).unlink(missing_ok=True)
        missing: dict[str, list[Row]] = {}
        for row in rows:
            found = self._look_up(row.key)
            if found is None:
                missing.setdefault(row.key, []).append(row)
            else:
                self.summary.cached += 1
                self._take(row, found[1])
                self._verifier.compare_stores(row.index, row.key, found[0], self._others)
        again = [row for row in rows if self._is_repeated(row.index)]
        again = [row for row in again if not self._verifier.has_repeated(row.index, row.key)]
        broken = self._refer(rows, missing.keys() | {row.key for row in again})
        tasks = self._flights(missing, again, broken)
        for task, answer in self._answers(tasks):
            assert isinstance(task, FlyRun)
            if task.repeat:
                self._verifier.take_repeat(task, answer)
            elif isinstance(answer, Flown):
                self._keep_result(missing[task.key], answer)
            else:
                self._crash(missing[task.key], answer)
        self._keep_folders(rows)

    def _flights(
        self, missing: dict[str, list[Row]], again: Sequence[Row], broken: Mapping[str, Failure]
    ) -> list[Task]:
        """The block's flights: each missing run once, sorted for forkers that walk forward, then repeats."""
        order = sorted(
            (group[0] for group in missing.values()),
            key=lambda row: (row.reference or "", row.onset_ns if row.reference else 0, row.index),
        )
        tasks: list[Task] = []
        for row in order:
            if row.reference in broken:
                self._crash(missing[row.key], broken[str(row.reference)])
            else:
                tasks.append(self._flight(row))
        tasks.extend(self._flight(row, repeat=True) for row in again if row.reference not in broken)
        return tasks

    def _is_repeated(self, index: int) -> bool:
        campaign = self.campaign
        return is_repeated(index, count=campaign.count, share=campaign.repeat_share, seed=campaign.seed)

    def _flight(self, row: Row, *, repeat: bool = False) -> FlyRun:
        return FlyRun(row.index, row.key, row.sim_s, row.way, row.reference, repeat)

    def _answers(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Any]]:
        for task, answer in self.engine.run(tasks, self.stopped):
            self.summary.deaths = self.engine.deaths
            yield task, answer
            self.progress.update(self.summary)

    # --- results ------------------------------------------------------------------------------------------

    def _look_up(self, key: str) -> tuple[bytes, dict[str, Any]] | None:
        """A result that is already there, in our folder at last; damaged files are set aside."""
        found = self._sound(self.folder.store, key)
        if found is not None:
            if self.options.share and self._others and not self._others[0].path(key).exists():
                self._others[0].write(key, found[0])
            return found
        for other in self._others:
            found = self._sound(other, key)
            if found is not None:
                link_or_copy(other.path(key), found[0], self.folder.store.path(key))
                self.summary.merged += 1
                return found
        return None

    def _sound(self, store: Store, key: str) -> tuple[bytes, dict[str, Any]] | None:
        try:
            found = store.read(key)
            if found is not None:
                boil_down(0, key, {}, found[1])
            return found
        except (DamagedError, *UNFIT):
            if store is self.folder.store:  # other folders are not ours to tidy
                store.set_aside(key)
            self.summary.damaged += 1
            return None

    def _keep_result(self, group: Sequence[Row], flown: Flown) -> None:
        key = group[0].key
        self.folder.store.write(key, flown.record)
        if self.options.share and self._others:
            self._others[0].write(key, flown.record)
        self.folder.log("costs.jsonl", {"index": group[0].index, "key": key, "wall_s": flown.wall_s})
        self.summary.flown += 1
        record = open_record(flown.record, key)
        for row in group:
            self._take(row, record)
        self._verifier.take_original(key, flown.record)

    def _take(self, row: Row, record: dict[str, Any]) -> None:
        if self.summary.count(row.index, record, check_rank(row.key)):
            self._failed.add(row.index)
            self.write_scenario(row.index)

    def write_scenario(self, index: int) -> Path:
        """Leave the scenario of a run as a file of its own."""
        self.folder.write(scenario_name(index), to_toml(self.campaign.run(index).scenario).encode())
        return self.folder.path / scenario_name(index)

    def _crash(self, group: Sequence[Row], failure: Failure) -> None:
        for row in group:
            self.summary.crashed.append((row.index, failure.text))
            self.folder.log("crashed.jsonl", {"index": row.index, "key": row.key, "why": failure.text})
            self.write_scenario(row.index)

    # --- besides flying -----------------------------------------------------------------------------------

    def _refer(self, rows: Sequence[Row], to_fly: Collection[str]) -> dict[str, Failure]:
        """Have the references of these runs in the folder: from another folder, or flown if a run is to be
        flown that forks from it. Returns those that failed, and how.
        """
        tasks: dict[str, Task] = {}
        for row in rows:
            if row.reference is None or row.reference in self._referred | tasks.keys():
                continue
            if self._take_reference(row.reference):
                self._referred.add(row.reference)
            elif row.key in to_fly:
                tasks[row.reference] = MakeReference(row.reference, row.index, row.sim_s)
        broken: dict[str, Failure] = {}
        for task, answer in self._answers(list(tasks.values())):
            assert isinstance(task, MakeReference)
            if isinstance(answer, Failure):
                broken[task.reference] = answer
                continue
            self.folder.write(reference_name(task.reference), answer)
            if self.options.share and self._others:
                write_whole(self._others[0].root / reference_name(task.reference), answer)
            self._referred.add(task.reference)
            self.summary.references += 1
        return broken

    def _take_reference(self, key: str) -> bool:
        """Whether a whole reference is in the folder, or in another one and now in ours as well."""
        from safehold.forks import Reference

        for root in (self.folder.path, *(other.root for other in self._others)):
            try:
                data = References(root)(key)
                if Reference.from_bytes(data).key != key:
                    continue  # sound, but of another run: what forks from it would be flown wrong
            except (OSError, ForkError):
                continue
            if root != self.folder.path:
                self.folder.write(reference_name(key), data)
            return True
        return False

    def _check(self) -> None:
        """Fly on the share of reconverged runs that is checked."""
        indices = self._verifier.to_check()
        if not indices:
            return
        self.summary.to_check = len(indices)
        rows = self._rows(indices, self._shared)
        tasks = self._verifier.check_tasks(rows)
        self._refer(rows, {task.key for task in tasks})
        for task, answer in self._answers(tasks):
            self._verifier.take_check(task, answer)

    def _keep_folders(self, rows: Sequence[Row]) -> None:
        """Leave the whole folder of the runs that were asked for; of one without a result there is none."""
        if self.options.keep == "none":
            return
        tasks = []
        for row in rows:
            if self.options.keep == "failed" and row.index not in self._failed:
                continue
            found = self.folder.store.read(row.key)
            if found is not None and not self._verifier.is_kept(row.index, found[1]):
                tasks.append(KeepRun(row.index, row.key, row.sim_s))
        for task, answer in self._answers(tasks):
            assert isinstance(task, KeepRun)
            self._verifier.take_kept(task, answer)
