"""A Dask cluster as the engine sees it: reached, asked for its code, given what all tasks share, healed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread, current_thread, main_thread
from typing import Any

from safehold.code_id import code_id
from safehold.errors import EngineError

# The library has no types of its own.
Client = Any
Future = Any

CONNECT_S = 5.0
WORKERS_S = 10.0
ASK_S = 30.0
RESTART_S = 60.0
SHARE_TRIES = 3


class DaskCluster:
    """The cluster of a scheduler, or with no address one of our own on this machine."""

    def __init__(self, address: str | None, workers: int) -> None:
        """address: "HOST:PORT"; workers: processes of a cluster of our own. Raises EngineError."""
        try:
            distributed = import_module("distributed")
        except ImportError:
            raise EngineError(
                "SH-ENG-005", "the dask engine needs the extra: pip install 'safehold[cluster]'"
            ) from None
        self.distributed: Any = distributed
        self._where = address or "the local cluster"
        self._own: Any = None
        self.client: Client = None
        try:
            self.client = self._connect(address, workers)
            self._await_worker()
            self.check_code()
        except BaseException:
            self.close()
            raise

    def _connect(self, address: str | None, workers: int) -> Client:
        if address is None:
            with _interrupts_ignored():
                self._own = self.distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    silence_logs=50,
                )
            return self.distributed.Client(self._own)
        try:
            return self.distributed.Client(f"tcp://{address}", timeout=CONNECT_S)
        except (OSError, TimeoutError, ValueError) as error:
            raise EngineError(
                "SH-ENG-004",
                f"no Dask scheduler answers at {address} within {CONNECT_S:g} s: {_cause(error)}",
            ) from None

    def _await_worker(self) -> None:
        try:
            self.client.wait_for_workers(1, timeout=WORKERS_S)
        except (TimeoutError, OSError):
            raise EngineError(
                "SH-ENG-004", f"the Dask scheduler at {self._where} has no worker after {WORKERS_S:g} s"
            ) from None

    def check_code(self) -> None:
        """Refuse a scheduler or workers without our code, or with other code. Raises EngineError."""
        scheduler = f"the Dask scheduler at {self._where}"
        found = self._ask(lambda: {scheduler: self.client.run_on_scheduler(_identify)}, scheduler)
        found |= self._ask(self._workers_code, f"a worker of {scheduler}")
        for who, code in sorted(found.items()):
            if isinstance(code, BaseException):
                what = f"cannot tell its code ({_cause(code)})"
            elif code != code_id():
                what = f"has code {str(code)[:12]}, this is {code_id()[:12]}"
            else:
                continue
            raise EngineError(
                "SH-ENG-006", f"{who} {what}; install the same version, with the same libraries, there"
            )

    def _workers_code(self) -> dict[str, Any]:
        found = self.client.run(_identify, on_error="return")
        return {f"the worker {address}": code for address, code in found.items()}

    def _ask(self, question: Callable[[], Mapping[str, Any]], whom: str) -> dict[str, Any]:
        """The answers by name; what is raised is the answer of `whom`, none in time an EngineError."""
        answers: dict[str, Any] = {}

        def ask() -> None:
            try:
                answers.update(question())
            except Exception as error:  # whatever another machine's installation makes of it
                answers[whom] = error

        # The library has no limit of its own for this, and a worker that is stopped would not answer.
        thread = Thread(target=ask, daemon=True)
        thread.start()
        thread.join(ASK_S)
        if thread.is_alive():
            raise EngineError("SH-ENG-004", f"{whom} does not answer within {ASK_S:g} s; restart it")
        return answers

    def workers(self) -> int:
        """How many workers there are; at least one."""
        return max(1, len(self.client.nthreads()))

    def share(self, data: Any) -> Future:
        """Give each worker some data, once there is a worker. Raises EngineError if there is none."""
        cause: BaseException | None = None
        for _ in range(SHARE_TRIES):
            try:
                # Not by content: what was lost with its worker would stay lost under the same name.
                return self.client.scatter(data, broadcast=True, hash=False, timeout=RESTART_S)
            except (OSError, TimeoutError, self.distributed.CancelledError) as error:
                cause = error
        raise EngineError(
            "SH-ENG-004",
            f"the Dask scheduler at {self._where} has lost its workers ({_cause(cause)}); "
            "run the same command to go on",
        )

    def places(self) -> dict[str, str]:
        """The worker that each task under way has been given to, by the task's key."""
        return {str(key): address for address, keys in self.client.processing().items() for key in keys}

    def restart(self, addresses: Collection[str]) -> None:
        """End workers in the midst of whatever they do; those with a nanny come back."""
        for address in addresses:
            try:
                with suppress(OSError, TimeoutError, KeyError):  # gone already, or not back yet
                    self.client.restart_workers([address], timeout=RESTART_S, raise_for_error=False)
            except ValueError:  # it has no nanny
                with suppress(OSError, TimeoutError):
                    self.client.retire_workers([address], close_workers=True)

    def check_scheduler(self) -> None:
        """Raise EngineError if the scheduler is gone."""
        if self.client.status not in ("running", "newly-created"):
            raise EngineError("SH-ENG-004", "the Dask scheduler is gone; run the same command to go on")

    def close(self) -> None:
        """Leave the cluster; end it if it is ours."""
        if self.client is not None:
            self.client.close(timeout=5)
        if self._own is not None:
            self._own.close(timeout=10)


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


def _identify() -> str:
    """On the worker: the identity of its code."""
    return code_id()


def _cause(error: BaseException | None) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
