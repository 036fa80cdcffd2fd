"""Local worker processes: one task at a time each, and the death of one costs only the task it was on.

Python's own pools lose everything that is pending when a worker is killed. Here the parent knows what each
worker is doing: a task whose worker died or hung is tried again by a new worker, and after `TRIES` deaths is
answered by a `Failure`. Tasks come sorted; each worker takes a contiguous stretch of them, in order, and who
has finished his own takes the later half of the longest stretch left.

Workers are forked where the platform can, after the parent has compiled and made what all share; elsewhere
they are spawned and make it themselves. A worker whose parent is gone ends, in the midst of a task as well.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import selectors
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess, parent_process
from typing import Any

from safehold.campaign.channel import Channel, frame, receive
from safehold.campaign.task import Failure, Task, limit_s
from safehold.clock import wall_seconds
from safehold.errors import SafeholdError

TRIES = 3
QUEUE = 2
POLL_S = 0.2
JOIN_S = 5.0

Perform = Callable[[Task], Any]


@dataclass(slots=True)
class _Job:
    task: Task
    tries: int = 0


@dataclass(slots=True)
class _Worker:
    number: int
    process: BaseProcess
    channel: Channel
    jobs: deque[_Job] = field(default_factory=deque)
    deadline: float = 0.0


class Stretches:
    """Tasks dealt out in contiguous stretches, one a worker."""

    def __init__(self, tasks: Sequence[Task], workers: int) -> None:
        self._jobs = [_Job(task) for task in tasks]
        edges = [len(tasks) * part // workers for part in range(workers + 1)]
        self._spans = [[low, high] for low, high in pairwise(edges)]
        self._again: deque[_Job] = deque()

    @property
    def left(self) -> int:
        """Tasks that nobody has taken."""
        return len(self._again) + sum(high - low for low, high in self._spans)

    def give_back(self, jobs: Sequence[_Job]) -> None:
        """Put jobs back, to be taken first."""
        self._again.extendleft(reversed(jobs))

    def take(self, worker: int) -> _Job | None:
        """The next job for a worker; None if nothing is left."""
        if self._again:
            return self._again.popleft()
        span = self._spans[worker]
        if span[0] == span[1]:
            longest = max(self._spans, key=lambda one: one[1] - one[0])
            middle = (longest[0] + longest[1]) // 2
            span[0], span[1] = middle, longest[1]
            longest[1] = middle
        if span[0] == span[1]:
            return None
        span[0] += 1
        return self._jobs[span[0] - 1]


class Pool:
    """`workers` processes; each makes its own `perform = make(setup)` and answers tasks with it.

    limit: wall seconds after which a task's worker is killed. start: "fork" or "spawn"; None: fork where
    there is fork. Under spawn `make` and `setup` must survive pickling.
    """

    def __init__(
        self,
        make: Callable[[Any], Perform],
        setup: Any,
        *,
        workers: int,
        limit: Callable[[Task], float] = limit_s,
        start: str | None = None,
    ) -> None:
        methods = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context(start or ("fork" if "fork" in methods else "spawn"))
        self._make, self._setup, self._limit = make, setup, limit
        self._count = workers
        self._workers: list[_Worker] = []
        self._deaths = 0

    @property
    def workers(self) -> int:
        """How many processes work."""
        return self._count

    @property
    def deaths(self) -> int:
        """Workers that died or were killed as hung, so far."""
        return self._deaths

    @property
    def processes(self) -> list[int]:
        """The ids of the processes that are there."""
        return [int(worker.process.pid or 0) for worker in self._workers]

    def run(
        self, tasks: Sequence[Task], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Task, Any]]:
        """Answer tasks in the order of completion; see `task.Engine`."""
        stretches = Stretches(tasks, self._count)
        while True:
            if not stopped():
                self._hand_out(stretches)
            busy = [worker for worker in self._workers if worker.jobs]
            if not busy:
                return
            for worker in self._ready(busy):
                try:
                    answers = self._read(worker)
                except (EOFError, OSError):
                    yield from self._bury(worker, stretches)
                except Exception as error:  # whatever a message that makes no sense comes to
                    worker.process.kill()
                    yield from self._bury(worker, stretches, f"sent what cannot be read ({error})")
                else:
                    for answer in answers:
                        yield worker.jobs.popleft().task, answer
                        worker.deadline = self._deadline(worker)
            now = wall_seconds()
            for worker in busy:
                if worker.jobs and now > worker.deadline:
                    worker.process.kill()
                    yield from self._bury(worker, stretches, "gave no answer in time")

    @staticmethod
    def _ready(busy: Sequence[_Worker]) -> list[_Worker]:
        """Those that have something to say, or room for what was left unsaid; waits a moment for one."""
        with selectors.DefaultSelector() as selector:
            for worker in busy:
                unsent = selectors.EVENT_WRITE if worker.channel.unsent else 0
                selector.register(worker.channel.end, selectors.EVENT_READ | unsent, worker)
            return [key.data for key, _ in selector.select(POLL_S)]

    @staticmethod
    def _read(worker: _Worker) -> list[Any]:
        with suppress(OSError):  # what it said before it died is still there to be read
            worker.channel.flush()
        return worker.channel.read()

    def close(self) -> None:
        """End the workers: at once, whatever they do."""
        for worker in self._workers:
            if worker.jobs:
                worker.process.kill()
            worker.channel.close()
        for worker in self._workers:
            worker.process.join(JOIN_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()

    def _hand_out(self, stretches: Stretches) -> None:
        """One task to each worker that has none, and a second while there is plenty."""
        while len(self._workers) < min(self._count, stretches.left):
            self._workers.append(self._start())
        for depth in range(QUEUE):
            for worker in self._workers:
                if len(worker.jobs) > depth:
                    continue
                if depth and stretches.left < 2 * self._count:
                    return
                job = stretches.take(worker.number)
                if job is None:
                    return
                worker.jobs.append(job)
                if len(worker.jobs) == 1:
                    worker.deadline = self._deadline(worker)
                with suppress(OSError):  # it has died; its channel says so when it is read
                    worker.channel.send(job.task)

    def _deadline(self, worker: _Worker) -> float:
        return wall_seconds() + self._limit(worker.jobs[0].task) if worker.jobs else 0.0

    def _start(self) -> _Worker:
        taken = {worker.number for worker in self._workers}
        number = min(set(range(self._count)) - taken)
        ours, theirs = socket.socketpair()
        inherited = [worker.channel.end for worker in self._workers] + [ours]
        arguments = (self._make, self._setup, theirs, inherited if self._forks else [])
        process = self._context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return _Worker(number, process, Channel(ours))

    @property
    def _forks(self) -> bool:
        return str(self._context.get_start_method()) == "fork"

    def _bury(self, worker: _Worker, stretches: Stretches, how: str = "") -> Iterator[tuple[Task, Failure]]:
        """Take a dead worker out; its task is tried again or given up, the one behind it goes back.

        how: what was wrong with it, if it did not die by itself.
        """
        worker.channel.close()
        worker.process.join(JOIN_S)
        self._workers.remove(worker)
        self._deaths += 1
        current = worker.jobs.popleft()
        current.tries += 1
        stretches.give_back(worker.jobs)
        worker.jobs.clear()
        if current.tries < TRIES:
            stretches.give_back([current])
            return
        how = how or f"died ({_cause(worker.process.exitcode)})"
        yield current.task, Failure(f"{TRIES} workers in turn {how} on it", crashed=True)


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            pass
    return f"exit code {code}"


def _work(
    make: Callable[[Any], Perform], setup: Any, end: socket.socket, inherited: list[socket.socket]
) -> None:
    """A worker's life: it ends when the parent closes the channel, or is gone."""
    for other in inherited:
        other.close()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C goes to the whole group of processes; it is the parent who answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # What came from the parent is left alone, so that its pages stay shared.
    gc.collect()
    gc.freeze()
    perform = make(setup)
    while True:
        try:
            task = receive(end)
        except (EOFError, OSError):
            break
        answer = frame(answer_of(perform, task))
        try:
            end.sendall(answer)
        except OSError:
            break
    # Nothing of the parent's that was inherited (its terminal display, its temporary files) is to be undone.
    os._exit(0)


def _end_with_parent() -> None:
    """In a thread of a worker: end it as soon as the parent has gone, whatever it is doing."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def answer_of(perform: Perform, task: Task) -> Any:
    """The task's answer, or the Failure that says what went wrong in it."""
    try:
        return perform(task)
    except SafeholdError as error:
        return Failure(error.text, error_id=error.id)
    except Exception as error:  # the boundary of a worker: one run's failure must not end the campaign
        return Failure(f"{type(error).__name__}: {error}")
