"""Workers of a Dask cluster, through `dask.distributed` (the extra `cluster`).

Workers on other machines store nothing: what they make comes back as bytes, and the parent writes it. A
worker is asked for its code's identity first, since only equal code gives equal bits. Dask itself tries a
task again when its worker dies. Whoever can reach the scheduler can run code on it: that is how Dask works,
so a cluster belongs in a network of its own.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from threading import Lock, current_thread, main_thread
from typing import Any

from safehold.campaign.fly_run import Flyer, Setup
from safehold.campaign.pool import TRIES, answer_of
from safehold.campaign.task import CheckRun, Failure, FlyRun, Task, limit_s
from safehold.clock import wall_seconds
from safehold.code_id import code_id
from safehold.errors import EngineError

# The library has no types of its own.
Client = Any
Future = Any

CONNECT_S = 5.0
WORKERS_S = 10.0
QUEUE = 2
POLL_S = 0.2


class DaskEngine:
    """A cluster's workers, or with no address a cluster of our own on this machine."""

    def __init__(self, setup: Setup, *, address: str | None, workers: int) -> None:
        """address: "HOST:PORT"; workers: processes of a cluster of our own. Raises EngineError."""
        try:
            distributed = import_module("distributed")
        except ImportError:
            raise EngineError(
                "SH-ENG-005", "the dask engine needs the extra: pip install 'safehold[cluster]'"
            ) from None
        self._distributed: Any = distributed
        self._read_reference = setup.read_reference
        self._cluster: Any = None
        self._client: Client = self._connect(address, workers)
        try:
            self._workers = self._check_workers(address or "the local cluster")
            # The setup crosses once; a reference is sent when the first run that forks from it is.
            plain = Setup(setup.campaign, setup.early_stop)
            self._setup: Future = self._client.scatter(plain, broadcast=True)
        except BaseException:
            self.close()
            raise
        self._references: dict[str, Future] = {}
        self._deaths = 0

    def _connect(self, address: str | None, workers: int) -> Client:
        if address is None:
            with _interrupts_ignored():
                self._cluster = self._distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    silence_logs=50,
                )
            return self._distributed.Client(self._cluster)
        try:
            return self._distributed.Client(f"tcp://{address}", timeout=CONNECT_S)
        except (OSError, TimeoutError, ValueError) as error:
            raise EngineError(
                "SH-ENG-004",
                f"no Dask scheduler answers at {address} within {CONNECT_S:g} s: {_cause(error)}",
            ) from None

    def _check_workers(self, where: str) -> int:
        """Wait for the first worker, and refuse those with other code; how many there are."""
        try:
            self._client.wait_for_workers(1, timeout=WORKERS_S)
        except (TimeoutError, OSError):
            raise EngineError(
                "SH-ENG-004", f"the Dask scheduler at {where} has no worker after {WORKERS_S:g} s"
            ) from None
        for name, found in sorted(self._client.run(_identify).items()):
            if found != code_id():
                raise EngineError(
                    "SH-ENG-006",
                    f"the worker {name} has code {str(found)[:12]}, this is {code_id()[:12]}; "
                    "install the same version, with the same libraries, there",
                )
        return len(self._client.nthreads())

    @property
    def workers(self) -> int:
        """How many tasks run at a time."""
        return self._workers

    @property
    def deaths(self) -> int:
        """Tasks whose worker died every time; what Dask tried again by itself is not seen here."""
        return self._deaths

    def run(
        self, tasks: Sequence[Task], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Task, Any]]:
        """Answer tasks in the order of completion; see `task.Engine`."""
        left = deque(tasks)
        pending: dict[Future, tuple[Task, float]] = {}
        while left or pending:
            if stopped():
                left.clear()
            while left and len(pending) < QUEUE * self._workers:
                task = left.popleft()
                pending[self._submit(task)] = task, wall_seconds()
            if not pending:
                return
            for future in self._finished(list(pending)):
                task, _ = pending.pop(future)
                answer = self._answer(future)
                if isinstance(answer, Failure) and answer.error_id == "SH-ENG-006":
                    raise EngineError(answer.error_id, answer.text)
                yield task, answer
            now = wall_seconds()
            for future, (task, since) in list(pending.items()):
                # Time in the queue behind another run counts as well.
                if now - since > QUEUE * limit_s(task):
                    del pending[future]
                    future.cancel(force=True)
                    yield task, Failure("no answer from the cluster in time", crashed=True)

    def _finished(self, futures: list[Future]) -> list[Future]:
        """Those that have ended; waits a moment for one. Raises EngineError if the scheduler is gone."""
        try:
            self._distributed.wait(futures, timeout=POLL_S, return_when="FIRST_COMPLETED")
        except TimeoutError:
            pass
        except self._distributed.CancelledError:
            pass  # said again when its answer is asked for
        if self._client.status not in ("running", "newly-created"):
            raise EngineError("SH-ENG-004", "the Dask scheduler is gone; run the same command to go on")
        return [future for future in futures if future.done()]

    def _submit(self, task: Task) -> Future:
        reference = None
        if isinstance(task, FlyRun | CheckRun) and task.reference is not None:
            reference = self._reference(task.reference)
        return self._client.submit(_perform, self._setup, code_id(), task, reference, pure=False, retries=0)

    def _reference(self, key: str) -> Future:
        if key not in self._references:
            if self._read_reference is None:
                raise ValueError("no references can be read")
            self._references.clear()  # the cluster forgets the ones before
            self._references[key] = self._client.scatter(self._read_reference(key), broadcast=True)
        return self._references[key]

    def _answer(self, future: Future) -> Any:
        try:
            return future.result()
        except self._distributed.KilledWorker:
            self._deaths += TRIES
            return Failure("several workers in turn died on it", crashed=True)
        except self._distributed.CancelledError as error:
            return Failure(f"the cluster gave it up: {error}", crashed=True)

    def close(self) -> None:
        """Leave the cluster; end it if it is ours."""
        if hasattr(self, "_client"):
            self._client.close(timeout=5)
        if self._cluster is not None:
            self._cluster.close(timeout=10)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Processes started meanwhile go on when Ctrl-C reaches the whole group: it is the parent who answers."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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


def _identify() -> str:
    """On the worker: the identity of its code."""
    return code_id()


def _cause(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
