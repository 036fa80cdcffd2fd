"""The host's side of the flight process: a `Computer` whose replicas run at the other end of a socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import zmq

from flight import protocol
from flight.curve import ENVIRONMENT, Curve, check_endpoint, secure_client
from flight.dictionary import SHA256

PEER = "flight"
"""Whose public key a host has to have (`peers/flight.key`)."""


class FlightLostError(RuntimeError):
    """The flight process has ended, or does not answer."""


class FlightRefusedError(ValueError):
    """The flight process refuses a request; its message says why."""


class RemoteComputer:
    """A flight computer in a process of its own.

    endpoint: of a process that is already there; None starts one here, which ends with this object and never
    outlives this process. Raises FlightLostError if it does not answer within `timeout_s`, CurveError if the
    endpoint lies beyond the loopback and there are no keys (of a peer `flight`).
    """

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        replicas: int = 3,
        resync: bool = True,
        autonomy: bool = True,
        tick_ns: int = 100_000_000,
        parameters: Mapping[str, float | Sequence[float]] | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.REQ)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVTIMEO, int(timeout_s * 1000))
        self._closed = False
        try:
            self._connect(endpoint)
            configuration = {
                "replicas": replicas,
                "resync": resync,
                "autonomy": autonomy,
                "tick_ns": tick_ns,
                "parameters": dict(parameters or {}),
            }
            self._request(
                protocol.START, SHA256.encode(), json.dumps(configuration, allow_nan=False).encode()
            )
        except BaseException:
            self.close()
            raise

    def step(self, sensor_frame: bytes, uplink: Sequence[bytes] = ()) -> tuple[bytes, list[bytes]]:
        """`flight.computer.Computer.step`."""
        reply = self._request(protocol.STEP, sensor_frame, *uplink)
        return reply[0], reply[1:]

    def state_bytes(self) -> bytes:
        """`flight.computer.Computer.state_bytes`."""
        return self._request(protocol.STATE)[0]

    def restore(self, state: bytes) -> None:
        """`flight.computer.Computer.restore`."""
        self._request(protocol.RESTORE, state)

    def telemetry(self) -> dict[str, Any]:
        """`flight.computer.Computer.telemetry`."""
        return self._report()["telemetry"]

    def counters(self) -> dict[str, Any]:
        """`flight.computer.Computer.counters`."""
        return self._report()["counters"]

    def close(self) -> None:
        """Ends the process that this object started, and the connection."""
        if self._closed:
            return
        self._closed = True
        self._socket.close()
        self._context.term()
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process.wait(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connect(self, endpoint: str | None) -> None:
        if endpoint is None:
            endpoint = self._start()
        else:
            curve = Curve.from_environment()
            check_endpoint(endpoint, curve)
            secure_client(self._socket, curve, PEER)
        self._socket.connect(endpoint)

    def _start(self) -> str:
        command = [sys.executable, "-m", "flight", "--with-parent"]
        # On the loopback between parent and child no keys are needed, nor would the parent's fit both.
        environment = {name: value for name, value in os.environ.items() if name != ENVIRONMENT}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode().strip()
        if not line.startswith("tcp://127.0.0.1:"):
            raise FlightLostError(f"the flight process did not start: {line or 'it ended at once'}")
        return line

    def _report(self) -> dict[str, dict[str, Any]]:
        report: dict[str, dict[str, Any]] = json.loads(self._request(protocol.TELEMETRY)[0])
        return report

    def _request(self, kind: bytes, *parts: bytes) -> list[bytes]:
        try:
            self._socket.send_multipart([kind, *parts])
            reply = self._socket.recv_multipart()
        except zmq.ZMQError as error:
            raise FlightLostError(f"the flight process does not answer: {error.strerror}") from error
        if reply[0] == protocol.ERROR:
            raise FlightRefusedError(reply[1].decode(errors="replace"))
        return reply[1:]
