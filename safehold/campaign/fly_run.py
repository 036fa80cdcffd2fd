"""What a worker does: expand runs of the campaign, fly them, and make their records."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safehold.campaign.store import DIRECT, FORK, FORK_AND_STOP, make_record, run_key
from safehold.campaign.task import (
    Campaign,
    CheckRun,
    Flown,
    FlyRun,
    Impossible,
    KeepRun,
    MakeReference,
    PlanRuns,
    Row,
    Task,
)
from safehold.clock import wall_seconds
from safehold.code_id import code_id, prepare_numba_cache
from safehold.errors import InputError
from safehold.run import Outing, document
from safehold.simulation import Simulation

if TYPE_CHECKING:
    from safehold.forks import Forker
    from safehold.schema import Scenario

FORKERS_KEPT = 2


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker is given at its start. early_stop: whether forked runs stop when nothing new can come."""

    campaign: Campaign
    early_stop: bool = True
    read_reference: Callable[[str], bytes] | None = None


@dataclass(slots=True)
class Flyer:
    """A worker's hands; it keeps the forkers of the references it has seen last."""

    setup: Setup
    _forkers: dict[str, Forker] = field(default_factory=dict)
    _last: tuple[Scenario, str] | None = None

    def __post_init__(self) -> None:
        prepare_numba_cache()

    def __call__(self, task: Task) -> Any:
        """The answer to a task; see `task` for what each is answered by."""
        if isinstance(task, PlanRuns):
            return tuple(self._planned(index, task.shared) for index in task.indices)
        scenario = self.setup.campaign.run(task.index).scenario
        if isinstance(task, FlyRun):
            return self._fly(scenario, task)
        if isinstance(task, MakeReference):
            from safehold.forks import make_reference

            return make_reference(scenario).to_bytes()
        if isinstance(task, CheckRun):
            return self._check(scenario, task)
        if isinstance(task, KeepRun):
            return run_files(scenario)
        raise TypeError(f"no such task: {task!r}")

    def _planned(self, index: int, shared: frozenset[str] | None) -> Row | Impossible:
        """One run that cannot be flown as it was drawn must not end the campaign of the others."""
        try:
            return self._row(index, shared)
        except InputError as error:
            return Impossible(index, str(error))

    def _row(self, index: int, shared: frozenset[str] | None) -> Row:
        run = self.setup.campaign.run(index)
        scenario = run.scenario
        reference = None
        if shared is None or shared:
            reference = self._reference_key(scenario)
            if shared is not None and reference not in shared:
                reference = None
        way = DIRECT
        if reference is not None:
            way = FORK_AND_STOP if self.setup.early_stop else FORK
        return Row(
            index=index,
            key=run_key(scenario, code_id(), way),
            way=way,
            reference=reference,
            onset_ns=min((fault.at for fault in scenario.fault), default=scenario.duration),
            sim_s=scenario.duration / 1e9,
            scenario=scenario.name,
            seed=scenario.seed,
            labels=dict(run.labels),
        )

    def _reference_key(self, scenario: Scenario) -> str:
        """The scenario's reference; runs that differ in their faults alone are asked for again and again."""
        from safehold.forks import reference_key

        bare = scenario.model_copy(update={"fault": []})
        if self._last is None or self._last[0] != bare:
            self._last = bare, reference_key(bare)
        return self._last[1]

    def _fly(self, scenario: Scenario, task: FlyRun) -> Flown:
        start = wall_seconds()
        if task.reference is None:
            found = fly_direct(scenario)
        else:
            with self._forker(task.reference) as forker:
                found = forker.fly(scenario, early_stop=task.way == FORK_AND_STOP)
        return Flown(make_record(task.key, found, scenario.ticks), wall_seconds() - start)

    def _check(self, scenario: Scenario, task: CheckRun) -> tuple[str, ...]:
        from safehold.forks.check import compare

        with self._forker(task.reference) as forker:
            return tuple(compare(forker, scenario, task.document))

    @contextmanager
    def _forker(self, key: str) -> Iterator[Forker]:
        """The forker of a reference. The one not used for longest makes room; one that failed is not kept."""
        from safehold.forks import Forker, Reference

        forker = self._forkers.pop(key, None)
        if forker is None:
            if self.setup.read_reference is None:
                raise RuntimeError("this worker was given no references to fork from")
            while len(self._forkers) >= FORKERS_KEPT:
                self._forkers.pop(next(iter(self._forkers))).close()
            forker = Forker(Reference.from_bytes(self.setup.read_reference(key)))
        try:
            yield forker
        except BaseException:
            forker.close()
            raise
        self._forkers[key] = forker


def fly_direct(scenario: Scenario) -> dict[str, Any]:
    """Fly a run from its beginning to its end, keeping no records; its document."""
    simulation = Simulation(scenario, keep_truth=False)
    try:
        outing = Outing(simulation)
        complete = outing.fly()
        return document(outing, complete)
    finally:
        simulation.close()


def run_files(scenario: Scenario) -> dict[str, bytes]:
    """The files of a run's folder."""
    from safehold.run_folder import write_run

    with tempfile.TemporaryDirectory(prefix="safehold-") as folder:
        place = Path(folder) / "run"
        write_run(scenario, place)
        return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


def warm_up(campaign: Campaign) -> None:
    """Make what all workers share: compiled functions, tables of the environment, the code's identity."""
    import safehold.forks  # noqa: F401  imported once, here, for all that are forked
    from safehold.checks import shortened

    code_id()
    scenario = campaign.run(0).scenario
    simulation = Simulation(scenario, keep_truth=False)  # its tables are those of the whole duration
    simulation.close()
    fly_direct(shortened(scenario, min(scenario.ticks, 20) * scenario.tick_ns))
