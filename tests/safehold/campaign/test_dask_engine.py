"""The same campaigns on a Dask cluster: the same bytes, whatever becomes of its workers; clear refusals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

distributed = pytest.importorskip("distributed", reason="needs the extra cluster")

from safehold.campaign import dask_cluster, dask_engine  # noqa: E402  after the extra is known to be there
from safehold.campaign.execute import execute  # noqa: E402
from safehold.campaign.expand import Campaign  # noqa: E402
from safehold.campaign.progress import Quiet  # noqa: E402
from safehold.campaign.summary import Summary  # noqa: E402
from safehold.errors import EngineError  # noqa: E402

Content = Callable[[Path], dict[str, bytes]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes on this machine behind a scheduler at a port."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as found:
        yield found


@pytest.fixture
def lonely() -> Iterator[Any]:
    """A scheduler with one worker process, brought back by its nanny."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as found:
        yield found


# A worker or a scheduler on a machine where safehold is not installed.
BARE = """
import asyncio, sys
sys.modules["safehold"] = None
from distributed import Scheduler, Worker
async def live():
    where = sys.argv[1:]
    server = Worker(where[0], nthreads=1) if where else Scheduler(port=0, dashboard_address=":0")
    async with server:
        print(server.address, flush=True)
        await server.finished()
asyncio.run(live())
"""


@contextmanager
def bare(*arguments: str) -> Iterator[str]:
    """The address of a process without safehold: a scheduler, or given a scheduler's address a worker."""
    command = [sys.executable, "-c", BARE, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def address(cluster: Any) -> str:
    return "dask://" + str(cluster.scheduler_address).removeprefix("tcp://")


class KillAWorker(Quiet):
    """Kills one of the cluster's worker processes when three flights have come back."""

    def __init__(self, cluster: Any) -> None:
        self._cluster, self.killed = cluster, 0

    def update(self, summary: Summary) -> None:
        if summary.flown >= 3 and not self.killed:
            with distributed.Client(self._cluster) as client:
                self.killed = min(client.run(os.getpid).values())
            os.kill(self.killed, signal.SIGKILL)


@pytest.mark.requirement("S5")
def test_a_cluster_gives_the_bytes_of_local_workers(
    releases: Campaign, undisturbed: Path, tmp_path: Path, content_of: Content, cluster: Any
) -> None:
    assert execute(releases, tmp_path / "dask", engine=address(cluster)).ok
    assert content_of(tmp_path / "dask") == content_of(undisturbed)


@pytest.mark.requirement("S5")
def test_a_killed_worker_of_a_cluster_loses_nothing(
    releases: Campaign, undisturbed: Path, tmp_path: Path, content_of: Content, cluster: Any
) -> None:
    killer = KillAWorker(cluster)
    summary = execute(releases, tmp_path / "killed", engine=address(cluster), progress=killer)
    assert killer.killed
    assert summary.ok
    assert content_of(tmp_path / "killed") == content_of(undisturbed)


@pytest.mark.requirement("S5")
def test_the_death_of_the_only_worker_loses_nothing(
    flips: Campaign, tmp_path: Path, content_of: Content, lonely: Any
) -> None:
    """With it go the setup and the reference that all runs need: they are sent to the next one."""
    execute(flips, tmp_path / "local")
    killer = KillAWorker(lonely)
    summary = execute(flips, tmp_path / "killed", engine=address(lonely), progress=killer)
    assert killer.killed
    assert summary.deaths >= 1
    assert summary.crashed == []
    assert content_of(tmp_path / "killed") == content_of(tmp_path / "local")


@pytest.mark.requirement("S5")
def test_a_hung_run_does_not_take_its_worker_along(
    releases: Campaign,
    undisturbed: Path,
    tmp_path: Path,
    content_of: Content,
    lonely: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thread of a worker cannot be ended, and what it holds is held until the process ends."""

    def hang() -> None:
        from safehold.campaign import dask_engine

        dask_engine._hands.lock.acquire()

    with distributed.Client(lonely) as client:
        client.run(hang)
    monkeypatch.setattr(dask_engine, "limit_s", lambda task: 5.0)
    summary = execute(releases, tmp_path / "hung", engine=address(lonely))
    assert summary.deaths >= 1
    assert summary.crashed == []
    assert content_of(tmp_path / "hung") == content_of(undisturbed)


@pytest.mark.requirement("S5")
def test_forks_on_a_cluster_give_the_bytes_of_local_workers(
    flips: Campaign, tmp_path: Path, content_of: Content, cluster: Any
) -> None:
    """The reference travels to workers that see no folder of ours."""
    local = execute(flips, tmp_path / "local")
    summary = execute(flips, tmp_path / "dask", engine=address(cluster))
    assert (summary.references, summary.checked) == (1, local.checked)
    assert content_of(tmp_path / "dask") == content_of(tmp_path / "local")


@pytest.mark.requirement("S5")
def test_an_unreachable_scheduler_is_named_and_leaves_nothing(releases: Campaign, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # free, as soon as it is closed
    with pytest.raises(EngineError, match=rf"SH-ENG-004.*127\.0\.0\.1:{port}"):
        execute(releases, tmp_path / "none", engine=f"dask://127.0.0.1:{port}")
    assert not (tmp_path / "none").exists()


@pytest.mark.requirement("S5")
def test_workers_with_other_code_are_refused(
    releases: Campaign, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers of the cluster have this code; it is we who claim another."""
    monkeypatch.setattr(dask_cluster, "code_id", lambda: "e" * 64)
    with pytest.raises(EngineError, match=r"SH-ENG-006.*eeeeeeeeeeee"):
        execute(releases, tmp_path / "none", engine=address(cluster))
    assert not (tmp_path / "none").exists()


@pytest.mark.requirement("S5")
def test_a_worker_without_safehold_is_named(releases: Campaign, tmp_path: Path, cluster: Any) -> None:
    with (
        bare(cluster.scheduler_address) as worker,
        pytest.raises(EngineError, match=rf"SH-ENG-006.*{worker}.*safehold"),
    ):
        execute(releases, tmp_path / "none", engine=address(cluster))
    assert not (tmp_path / "none").exists()


@pytest.mark.requirement("S5")
def test_a_scheduler_without_safehold_is_named(releases: Campaign, tmp_path: Path) -> None:
    with bare() as scheduler, bare(scheduler):
        where = scheduler.removeprefix("tcp://")
        with pytest.raises(EngineError, match=rf"SH-ENG-006.*the Dask scheduler at {where}.*safehold"):
            execute(releases, tmp_path / "none", engine=f"dask://{where}")
    assert not (tmp_path / "none").exists()


@pytest.mark.requirement("S5")
def test_a_worker_that_does_not_answer_is_not_waited_for(
    releases: Campaign, tmp_path: Path, lonely: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "ASK_S", 1.0)
    with distributed.Client(lonely) as client:
        (worker,) = client.run(os.getpid).values()
    os.kill(worker, signal.SIGSTOP)
    try:
        with pytest.raises(EngineError, match=r"SH-ENG-004.*a worker of.*does not answer"):
            execute(releases, tmp_path / "none", engine=address(lonely))
    finally:
        os.kill(worker, signal.SIGCONT)


@pytest.mark.requirement("S5")
def test_without_the_extra_it_is_named(
    releases: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(EngineError, match=r"SH-ENG-005.*safehold\[cluster\]"):
        execute(releases, tmp_path / "none", engine="dask")
