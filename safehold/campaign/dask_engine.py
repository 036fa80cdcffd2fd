"""Workers of a Dask cluster, through `dask.distributed` (the extra `cluster`).

Workers on other machines store nothing: what they make comes back as bytes, and the parent writes it. A
worker is asked for its code's identity first, since only equal code gives equal bits. Dask itself tries a
task again when its worker dies. Whoever can reach the scheduler can run code on it: that is how Dask works,
so a cluster belongs in a network of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from safehold.campaign.dask_cluster import DaskCluster, Future
from safehold.campaign.fly_run import Flyer, Setup
from safehold.campaign.pool import TRIES, answer_of
from safehold.campaign.task import CheckRun, Failure, FlyRun, Task, limit_s
from safehold.clock import wall_seconds
from safehold.code_id import code_id
from safehold.errors import EngineError

QUEUE = 2
POLL_S = 0.2


@dataclass(slots=True)
class _Job:
    """A task, how often it was tried in vain, and since when and with which shared data it is under way."""

    task: Task
    tries: int = 0
    since: float = 0.0
    shares: int = 0


class DaskEngine:
    """A cluster's workers, or with no address a cluster of our own on this machine."""

    def __init__(self, setup: Setup, *, address: str | None, workers: int) -> None:
        """address: "HOST:PORT"; workers: processes of a cluster of our own. Raises EngineError."""
        self._read_reference = setup.read_reference
        # The setup crosses once; a reference is sent when the first run that forks from it is.
        self._plain = Setup(setup.campaign, setup.early_stop)
        self._cluster = DaskCluster(address, workers)
        self._workers = self._cluster.workers()
        self._setup: Future = None
        self._references: dict[str, Future] = {}
        self._shares = 0
        self._deaths = 0

    @property
    def workers(self) -> int:
        """How many tasks run at a time."""
        return self._workers

    @property
    def deaths(self) -> int:
        """Workers that died with what all share or every time, or were ended as hung; what Dask tried again
        by itself is not seen here.
        """
        return self._deaths

    def run(
        self, tasks: Sequence[Task], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Task, Any]]:
        """Answer tasks in the order of completion; see `task.Engine`."""
        left = deque(_Job(task) for task in tasks)
        pending: dict[Future, _Job] = {}
        while left or pending:
            if stopped():
                left.clear()
            while left and len(pending) < QUEUE * self._workers:
                job = left.popleft()
                pending[self._submit(job)] = job
            if not pending:
                return
            for future in self._finished(list(pending)):
                job = pending.pop(future)
                try:
                    answer = self._answer(future)
                except self._cluster.distributed.CancelledError:
                    self._take_loss(job, list(pending.values()))
                    yield from self._again(job, left, "workers in turn died on it, with what all share")
                else:
                    yield job.task, answer
            for job in self._end_hung(pending):
                yield from self._again(job, left, "workers in turn gave no answer in time on it")

    @staticmethod
    def _again(job: _Job, left: deque[_Job], why: str) -> Iterator[tuple[Task, Failure]]:
        """Try a task again, or give it up."""
        if job.tries < TRIES:
            left.appendleft(job)
        else:
            yield job.task, Failure(f"{TRIES} {why}", crashed=True)

    def _finished(self, futures: list[Future]) -> list[Future]:
        """Those that have ended; waits a moment for one. Raises EngineError if the scheduler is gone."""
        distributed = self._cluster.distributed
        try:
            distributed.wait(futures, timeout=POLL_S, return_when="FIRST_COMPLETED")
        except TimeoutError:
            pass
        except distributed.CancelledError:
            pass  # said again when its answer is asked for
        self._cluster.check_scheduler()
        return [future for future in futures if future.done()]

    def _submit(self, job: _Job) -> Future:
        if self._setup is None:
            self._setup = self._cluster.share(self._plain)
        reference = None
        if isinstance(job.task, FlyRun | CheckRun) and job.task.reference is not None:
            reference = self._reference(job.task.reference)
        job.since, job.shares = wall_seconds(), self._shares
        return self._cluster.client.submit(
            _perform, self._setup, code_id(), job.task, reference, pure=False, retries=0
        )

    def _reference(self, key: str) -> Future:
        if key not in self._references:
            if self._read_reference is None:
                raise ValueError("no references can be read")
            self._references.clear()  # the cluster forgets the ones before
            self._references[key] = self._cluster.share(self._read_reference(key))
        return self._references[key]

    def _answer(self, future: Future) -> Any:
        """The answer that a future holds. Raises CancelledError if Dask has given it up, and EngineError if
        it is the fault of a worker's code.
        """
        distributed = self._cluster.distributed
        try:
            answer = future.result()
        except distributed.KilledWorker:
            self._deaths += TRIES
            return Failure("several workers in turn died on it", crashed=True)
        except distributed.CancelledError:
            raise
        except Exception as error:  # not the task's own, which come back as Failure
            self._cluster.check_code()
            return Failure(f"{type(error).__name__}: {error}")
        if isinstance(answer, Failure) and answer.error_id == "SH-ENG-006":
            raise EngineError(answer.error_id, answer.text)
        return answer

    def _take_loss(self, job: _Job, pending: Sequence[_Job]) -> None:
        """Dask has given up a task: the last worker that held what it needs is gone.

        All that were under way with the same are given up with it. Those that can have been running count as
        tried, the oldest, and the shared data are sent anew.
        """
        if job.shares != self._shares:
            return
        together = [job, *(other for other in pending if other.shares == self._shares)]
        for one in sorted(together, key=lambda other: other.since)[: self._workers]:
            one.tries += 1
        self._deaths += 1
        self._shares += 1
        self._setup = None
        self._references.clear()

    def _end_hung(self, pending: dict[Future, _Job]) -> list[_Job]:
        """End the workers of tasks that are late; the tasks that were running on them, no longer pending.

        A thread cannot be ended without its process. Time in the queue behind another run counts as well.
        """
        now = wall_seconds()
        late = [one for one, job in pending.items() if now - job.since > QUEUE * limit_s(job.task)]
        if not late:
            return []
        places = self._cluster.places()
        hung: dict[str, Future] = {}  # a worker answers in the order of submission: the oldest is running
        for future in sorted(late, key=lambda one: pending[one].since):
            hung.setdefault(places.get(str(future.key), ""), future)
        found = [pending.pop(future) for future in hung.values()]
        for job, future in zip(found, hung.values(), strict=True):
            job.tries += 1
            future.cancel(force=True)
        addresses = [address for address in hung if address]
        self._cluster.restart(addresses)
        self._deaths += len(addresses)
        self._workers = self._cluster.workers()
        for future, job in pending.items():
            if addresses and places.get(str(future.key), "") in hung:
                job.since = wall_seconds()
        return found

    def close(self) -> None:
        """Leave the cluster; end it if it is ours."""
        self._cluster.close()


@dataclass(slots=True)
class _Hands:
    """A worker process's flyer, for the setup that it was given last, and the reference that came last.

    The simulation is not made for threads: a worker with several uses one of them at a time.
    """

    setup: Setup | None = None
    flyer: Flyer | None = None
    references: dict[str, bytes] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


_hands = _Hands()


def _perform(setup: Setup, code: str, task: Task, reference: bytes | None) -> Any:
    """On the worker: answer a task."""
    if code_id() != code:
        return Failure(
            f"a worker has code {code_id()[:12]}, this is {code[:12]}; install the same version there",
            error_id="SH-ENG-006",
        )
    with _hands.lock:
        if _hands.setup is not setup or _hands.flyer is None:
            _hands.setup, _hands.references = setup, {}
            _hands.flyer = Flyer(Setup(setup.campaign, setup.early_stop, _hands.references.__getitem__))
        if reference is not None and isinstance(task, FlyRun | CheckRun) and task.reference is not None:
            if task.reference not in _hands.references:
                _hands.references.clear()
            _hands.references[task.reference] = reference
        return answer_of(_hands.flyer, task)
