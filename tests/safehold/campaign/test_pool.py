"""The pool of workers: a death costs the task it was on, no other, and no task is lost or answered twice.

Workers here do not fly: they kill themselves, hang or fail as the task's key says. Real flights in killed
workers are in test_execute.py.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from safehold.campaign.pool import TRIES, Pool, Stretches
from safehold.campaign.task import CheckRun, Failure, FlyRun, Task


def patience_s(task: Task) -> float:
    """Next to none with those that hang."""
    return 0.5 if isinstance(task, FlyRun) and task.key in ("hang", "stop_in_answer") else 60.0


def tasks(count: int, **special: int) -> list[Task]:
    """Tasks whose key says what is to happen: `special` maps it to an index."""
    what = {index: name for name, index in special.items()}
    return [FlyRun(index, what.get(index, ""), 1.0) for index in range(count)]


class Unreadable:
    """Sets out, and does not arrive."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return int, ("no number",)


def await_file(path: Path) -> None:
    """Until another process has made it."""
    pause = threading.Event()
    while not path.exists():
        pause.wait(0.01)


def send_a_part_and_stop(end: socket.socket, data: bytes) -> None:
    """In place of `sendall`: leave the last byte out, and be stopped."""
    for byte in data[:-1]:
        end.send(bytes([byte]))
    os.kill(os.getpid(), signal.SIGSTOP)


def make(marks: Path) -> Callable[[Task], object]:
    """A worker that squares, unless the task says something else; `marks` remembers what it did before."""

    faulthandler.disable()  # one of them dies of a signal that it would explain at length

    def perform(task: Task) -> object:
        if isinstance(task, CheckRun):
            return task.document["long"]
        assert isinstance(task, FlyRun)
        mark = marks / str(task.index)
        tries = int(mark.read_text()) if mark.exists() else 0
        mark.write_text(str(tries + 1))
        if task.key == "die_once" and tries == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if task.key == "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        if task.key == "hang":
            threading.Event().wait()
        if task.key == "fail":
            raise ValueError("on purpose")
        if task.key == "stop_in_answer" and tries == 0:
            socket.socket.sendall = send_a_part_and_stop  # type: ignore[method-assign,assignment]
        if task.key == "unreadable":
            return Unreadable()
        return task.index**2

    return perform


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    with closing(Pool(make, tmp_path, workers=2, limit=patience_s)) as found:
        yield found


def answers(found: Iterator[tuple[Task, object]]) -> dict[int, object]:
    made: dict[int, object] = {}
    for task, answer in found:
        assert isinstance(task, FlyRun)
        assert task.index not in made, "answered twice"
        made[task.index] = answer
    return made


@pytest.mark.requirement("S5")
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_every_task_is_answered_once(tmp_path: Path, start: str) -> None:
    with closing(Pool(make, tmp_path, workers=3, start=start)) as pool:
        assert answers(pool.run(tasks(40))) == {index: index**2 for index in range(40)}
        assert answers(pool.run(tasks(5))) == {index: index**2 for index in range(5)}
        assert pool.deaths == 0
        children = pool.processes
        assert 1 <= len(children) <= 3
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


@pytest.mark.requirement("S5")
def test_a_killed_worker_costs_nothing(pool: Pool, tmp_path: Path) -> None:
    assert answers(pool.run(tasks(30, die_once=7))) == {index: index**2 for index in range(30)}
    assert pool.deaths == 1
    # What was behind it in the queue was not begun by the dead one and is done once.
    assert {int(path.name): path.read_text() for path in tmp_path.iterdir()} == {
        index: "2" if index == 7 else "1" for index in range(30)
    }


@pytest.mark.requirement("S5")
def test_a_task_that_kills_every_worker_is_given_up_after_three_and_the_others_done(
    pool: Pool, tmp_path: Path
) -> None:
    found = answers(pool.run(tasks(20, die=11)))
    failure = found.pop(11)
    assert isinstance(failure, Failure)
    assert failure.crashed
    assert "SIGSEGV" in failure.text
    assert found == {index: index**2 for index in range(20) if index != 11}
    assert (tmp_path / "11").read_text() == "3"
    assert pool.deaths == 3


def test_a_hung_worker_is_killed(tmp_path: Path) -> None:
    with closing(Pool(make, tmp_path, workers=2, limit=patience_s)) as pool:
        found = answers(pool.run(tasks(6, hang=2)))
    failure = found.pop(2)
    assert isinstance(failure, Failure)
    assert failure.crashed
    assert "no answer in time" in failure.text
    assert found == {index: index**2 for index in range(6) if index != 2}


def test_a_worker_stopped_in_the_midst_of_its_answer_is_killed_and_its_task_tried_again(pool: Pool) -> None:
    """A part of an answer keeps nobody waiting: the parent sees that the rest is late."""
    assert answers(pool.run(tasks(6, stop_in_answer=2))) == {index: index**2 for index in range(6)}
    assert pool.deaths == 1


def test_an_answer_that_cannot_be_read_costs_its_own_task_alone(pool: Pool) -> None:
    found = answers(pool.run(tasks(6, unreadable=2)))
    failure = found.pop(2)
    assert isinstance(failure, Failure)
    assert failure.crashed
    assert "cannot be read" in failure.text
    assert pool.deaths == TRIES
    assert found == {index: index**2 for index in range(6) if index != 2}


def test_long_messages_go_both_ways_at_once(pool: Pool) -> None:
    """A second task is sent while the answer to the first is not yet taken; both are longer than a pipe."""
    long = "x" * (8 << 20)
    checks = [CheckRun(index, "", "", 1.0, {"long": long}) for index in range(6)]
    assert sorted(
        (task.index, len(answer))  # type: ignore[union-attr]
        for task, answer in pool.run(checks)
    ) == [(index, len(long)) for index in range(6)]


@pytest.mark.requirement("S5")
def test_workers_end_with_their_parent_in_the_midst_of_a_task(tmp_path: Path) -> None:
    """A killed parent says nothing. The pipe stays open until the last worker has ended."""
    there, theirs = os.pipe()
    parent = os.fork()
    if parent == 0:
        for _ in Pool(make, tmp_path, workers=2).run(tasks(2, hang=0)):
            pass
    os.close(theirs)
    await_file(tmp_path / "0")
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    assert select.select([there], [], [], 30.0)[0], "a worker has outlived its parent"
    os.close(there)


def test_a_task_that_fails_is_not_tried_again(pool: Pool, tmp_path: Path) -> None:
    found = answers(pool.run(tasks(6, fail=2)))
    assert found[2] == Failure("ValueError: on purpose")
    assert (tmp_path / "2").read_text() == "1"
    assert pool.deaths == 0


@pytest.mark.requirement("S5")
def test_stopping_finishes_what_is_under_way_and_begins_nothing(pool: Pool, tmp_path: Path) -> None:
    made: list[int] = []
    for task, _ in pool.run(tasks(100), lambda: len(made) >= 5):
        assert isinstance(task, FlyRun)
        made.append(task.index)
    # Two workers with at most two tasks each had been handed out when the fifth came back.
    assert 5 <= len(made) <= 9
    assert sorted(made) == sorted(int(path.name) for path in tmp_path.iterdir())


def test_each_worker_goes_forward_through_a_stretch_of_neighbours() -> None:
    stretches = Stretches(tasks(10), 2)
    taken: dict[int, list[int]] = {0: [], 1: []}
    for worker in (0, 1, 0, 1, 1, 1, 1, 1, 0, 1):
        job = stretches.take(worker)
        assert job is not None
        taken[worker].append(job.task.index)  # type: ignore[union-attr]
    # Worker 1 had done its half (5 to 9) and took the later part of what was left of the other's.
    assert taken == {0: [0, 1, 2], 1: [5, 6, 7, 8, 9, 3, 4]}
    assert stretches.take(0) is None
    assert stretches.left == 0
