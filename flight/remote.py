"""The host's side of the flight process: a `Computer` whose replicas run at the other end of a socket."""

from __future__ import annotations

import json
import math
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import zmq

from flight import protocol
from flight.curve import ENVIRONMENT, Curve, check_endpoint, secure_client
from flight.dictionary import SHA256
from flight.tm_protection import TelemetryProtection

_POLL_MS = 100

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
        quotas: Mapping[str, int] | None = None,
        timeout_s: float = 30.0,
        telemetry_protection: TelemetryProtection = "none",
    ) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._camera: Callable[[int, int], bytes] | None = None
        self._timeout_s = timeout_s
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.REQ)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVTIMEO, _POLL_MS)
        self._closed = False
        try:
            self._connect(endpoint)
            configuration = {
                "replicas": replicas,
                "resync": resync,
                "autonomy": autonomy,
                "tick_ns": tick_ns,
                "parameters": dict(parameters or {}),
                "quotas": dict(quotas or {}),
                "telemetry_protection": telemetry_protection,
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

    def set_camera(self, take: Callable[[int, int], bytes]) -> None:
        """Who makes the octets of an image, given the file's id and the exposure in ms."""
        self._camera = take

    def exchange(self, kind: bytes, request: bytes) -> bytes:
        """A request of a driver to its flight computer: `flight.protocol`, from TICK on."""
        reply = self._request(kind, request) if request else self._request(kind)
        return reply[0] if reply else b""

    @property
    def pid(self) -> int | None:
        """Of the flight process; None if it was started by hand."""
        return None if self._process is None else self._process.pid

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

    def refused(self) -> dict[str, int]:
        """How often it refused to start, or to load a state, for belonging to another mission."""
        return self._report()["refused"]

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
            try:
                self._process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._errors.close()

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
        # -P: what lies in the current folder is not to be taken for a part of the flight software.
        command = [sys.executable, "-P", "-m", "flight", "--with-parent"]
        root = str(Path(__file__).resolve().parent.parent)
        # On the loopback between parent and child no keys are needed, nor would the parent's fit both.
        environment = {name: value for name, value in os.environ.items() if name != ENVIRONMENT}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=environment
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode().strip()
        if not line.startswith("tcp://127.0.0.1:"):
            raise self._lost(f"did not start: {line or 'it ended at once'}")
        return line

    def _report(self) -> dict[str, dict[str, Any]]:
        report: dict[str, dict[str, Any]] = json.loads(self._request(protocol.TELEMETRY)[0])
        return report

    def _request(self, kind: bytes, *parts: bytes) -> list[bytes]:
        if self._closed:
            raise FlightLostError("the flight process has been closed")
        reply = self._round_trip([kind, *parts])
        while reply[0] == protocol.EXPOSE and len(reply) == 2:
            reply = self._round_trip([protocol.IMAGE, self._image(reply[1])])
        if reply[0] == protocol.ERROR:
            raise FlightRefusedError(b" ".join(reply[1:]).decode(errors="replace"))
        if reply[0] != kind:
            raise FlightRefusedError(f"it answers {reply[0][:16]!r} to {kind!r}")
        return reply[1:]

    def _image(self, request: bytes) -> bytes:
        if self._camera is None or len(request) != 8:
            return b""
        file, exposure_ms = struct.unpack("<II", request)
        return self._camera(file, exposure_ms)

    def _round_trip(self, parts: list[bytes]) -> list[bytes]:
        try:
            self._socket.send_multipart(parts)
            for _ in range(math.ceil(self._timeout_s * 1000 / _POLL_MS)):
                with suppress(zmq.Again):
                    return self._socket.recv_multipart()
                if self._process is not None and self._process.poll() is not None:
                    raise self._lost(f"has ended with exit code {self._process.returncode}")
        except zmq.ZMQError as error:
            raise FlightLostError(f"the flight process cannot be reached: {error.strerror}") from error
        raise self._lost(f"does not answer for {self._timeout_s:g} s")

    def _lost(self, what: str) -> FlightLostError:
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 2000))
        said = self._errors.read().decode("utf-8", "replace").strip()
        return FlightLostError(f"the flight process {what}" + (f"; its last words: {said}" if said else ""))
