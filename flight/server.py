"""The flight process: a FlightComputer behind a ZeroMQ REP socket.

Kept light on purpose, for the Raspberry Pi: the standard library, numpy, pyzmq and the compiled module.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import struct
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zmq

from flight import protocol
from flight.computer import FlightComputer, OtherMissionError, check_folder, make_computer
from flight.configuration import check_fields
from flight.curve import Curve, CurveError, check_endpoint, is_beyond_loopback, secure_server
from flight.dictionary import SHA256, load_native
from flight.keys import KEYS_VARIABLE, KeyFileError, load_usable_ring
from flight.messages import receive

_STDIN = 0

Ask = Callable[[list[bytes]], list[bytes]]
"""Puts a question to the host in the middle of a request, and returns what it sends next."""


class Service:
    """Requests in, replies out; no sockets."""

    def __init__(self, ask: Ask | None = None, data: Path | None = None, *, beyond: bool = False) -> None:
        """Without `ask` the payload takes no images; without `data` nothing is kept on disk. `beyond`: the
        host is beyond the loopback, and what is sent may be more than a simulation's.
        """
        self.computer: FlightComputer | None = None
        self.stopped = False
        self.unanswered: list[bytes] | None = None
        self.refused = {"start_of_another_mission": 0, "load_of_another_mission": 0}
        self._station: Any = None
        self._ask = ask
        self._data = data
        self._beyond = beyond

    def handle_all(self, parts: list[bytes]) -> list[bytes]:
        """As `handle`; if another request came where an image was expected, the reply is to that one: the
        host that asked for the tick is gone.
        """
        reply = self.handle(parts)
        while self.unanswered is not None:
            parts, self.unanswered = self.unanswered, None
            reply = self.handle(parts)
        return reply

    def handle(self, parts: list[bytes]) -> list[bytes]:
        """The reply to a request; every request gets one."""
        try:
            if len(parts) > protocol.PARTS_MAX:
                raise ValueError(f"{len(parts)} parts; at most {protocol.PARTS_MAX} are taken")
            return self._answer(parts[0], parts[1:])
        except (ValueError, TypeError, KeyError, OverflowError, RuntimeError) as error:
            text = f"{type(error).__name__}: {error}"
            return [protocol.ERROR, text.encode(errors="backslashreplace")[:4096]]

    def _answer(self, kind: bytes, rest: list[bytes]) -> list[bytes]:
        if kind == protocol.STEP:
            if not rest:
                raise ValueError("a step needs a sensor frame")
            actuator, frames = self._running().step(rest[0], rest[1:])
            return [protocol.STEP, actuator, *frames]
        if kind == protocol.TICK:
            return [kind, self._answering().tick(_only(rest, "TICK"))]
        if kind == protocol.START:
            self._begin(rest)
            return [kind]
        if kind in (protocol.LAST, protocol.DIGEST, protocol.SAVE, protocol.LOAD):
            return [kind, *self._of_station(kind, rest)]
        if kind == protocol.STATE:
            return [kind, self._running().state_bytes()]
        if kind == protocol.RESTORE:
            self._restore(_only(rest, "RESTORE"))
            return [kind]
        if kind == protocol.TELEMETRY:
            running = self._running()
            report = {
                "telemetry": running.telemetry(),
                "counters": running.counters(),
                "refused": self.refused,
            }
            return [kind, json.dumps(report).encode()]
        if kind == protocol.STOP:
            self.stopped = True
            return [kind]
        raise ValueError(f"unknown request {kind[:16]!r}")

    def _of_station(self, kind: bytes, rest: list[bytes]) -> list[bytes]:
        station = self._answering()
        if kind == protocol.LOAD:
            state = _only(rest, "LOAD")
            with self._counting("load_of_another_mission"):
                station.load(state)
            return []
        if kind == protocol.LAST:
            return [station.last()]
        return [station.digest() if kind == protocol.DIGEST else station.save()]

    def _begin(self, rest: list[bytes]) -> None:
        computer, tick_ns = _start(rest, None)
        if self._beyond and self._data is None and computer.protects_telemetry:
            raise ValueError(
                "telemetry is protected, and nothing here keeps its counter: start it with --data"
            )
        if self._data is not None:  # what runs gives its folder back only to what can be started
            with self._counting("start_of_another_mission"):
                self._check_mission(computer)
                self.computer, self._station = None, None
                computer, tick_ns = _start(rest, self._data)
        station = load_native().FlightStation(computer, tick_ns)
        # Held weakly: the station belongs to this service, and the collector does not see through it.
        station.set_camera(functools.partial(Service._expose, weakref.proxy(self)))
        self.computer, self._station = computer, station

    def _check_mission(self, computer: FlightComputer) -> None:
        """Raises OtherMissionError if the folder is at work for another mission than this computer's."""
        if self.computer is None or self.computer.mission() == computer.mission():
            return
        differs = load_native().what_differs(computer.mission(), self.computer.mission())
        raise OtherMissionError(
            f"the flight computer's data folder {self._data} belongs to another mission ({differs}). Give "
            "another folder, or start the mission that it belongs to"
        )

    def _restore(self, state: bytes) -> None:
        if self._data is None:
            self._running().restore(state)
            return
        with self._counting("load_of_another_mission"):
            raise OtherMissionError(
                f"RESTORE would replace what the data folder {self._data} holds by a state that does not say "
                "of which mission it is; LOAD takes what SAVE gave"
            )

    @contextmanager
    def _counting(self, what: str) -> Iterator[None]:
        """Counts what is refused for belonging to another mission."""
        try:
            yield
        except OtherMissionError:
            self.refused[what] += 1
            raise

    def _expose(self, file: int, exposure_ms: int) -> bytes:
        """The octets of an image, from the host; none if it has gone."""
        if self._ask is None or self.unanswered is not None:
            return b""
        parts = self._ask([protocol.EXPOSE, struct.pack("<II", file, exposure_ms)])
        if len(parts) == 2 and parts[0] == protocol.IMAGE:
            return parts[1]
        self.unanswered = parts
        return b""

    def _answering(self) -> Any:
        self._running()
        return self._station

    def _running(self) -> FlightComputer:
        if self.computer is None:
            raise ValueError("the flight computer has not been started")
        return self.computer


def _only(rest: list[bytes], kind: str) -> bytes:
    if len(rest) != 1:
        raise ValueError(f"{kind} takes one part, not {len(rest)}")
    return rest[0]


def _start(rest: list[bytes], data: Path | None) -> tuple[FlightComputer, int]:
    if len(rest) != 2:
        raise ValueError("START takes the dictionary's SHA-256 and a configuration")
    if rest[0] != SHA256.encode():
        raise ValueError(
            f"the host has another dictionary ({rest[0][:12]!r}) than this process ({SHA256[:12]})"
        )
    configuration = check_fields(json.loads(rest[1]))
    return make_computer(**configuration, folder=data), configuration["tick_ns"]


def serve(*, bind: str, with_parent: bool, data: Path | None = None) -> int:
    """Serves one host at an endpoint, `tcp://HOST:PORT` with `*` for a free port; first prints it in a line.

    Beyond the loopback it serves only peers that `flight.curve` has keys of. with_parent: the end of standard
    input ends the process, so that it never outlives its host. data: a folder that keeps persistence and mass
    memory; a flight computer that starts there goes on from what it holds. Returns the exit code: 0 when told
    to stop, 2 if the endpoint, the folder or the keys cannot be had.
    """
    try:
        curve = Curve.from_environment()
        check_endpoint(bind, curve)
        if load_usable_ring().published and is_beyond_loopback(bind):
            raise CurveError(
                f"{bind}: the published telecommand keys are for the loopback; set {KEYS_VARIABLE}"
            )
        if data is not None:
            check_folder(data)
    except (CurveError, KeyFileError, OtherMissionError, RuntimeError) as error:
        print(f"safehold flight: {error}", file=sys.stderr, flush=True)
        return 2
    context = zmq.Context()
    socket = context.socket(zmq.REP)
    socket.setsockopt(zmq.LINGER, 200)
    socket.setsockopt(zmq.MAXMSGSIZE, protocol.PART_OCTETS_MAX)
    guard = secure_server(context, socket, curve)
    try:
        try:
            socket.bind(bind)
        except zmq.ZMQError as error:
            print(f"safehold flight: {bind}: {error.strerror}", file=sys.stderr, flush=True)
            return 2
        print(socket.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
        _loop(socket, with_parent=with_parent, data=data, beyond=is_beyond_loopback(bind))
    finally:
        socket.close()
        if guard is not None:
            guard.stop()
        context.term()
    return 0


def _loop(socket: zmq.Socket[bytes], *, with_parent: bool, data: Path | None, beyond: bool) -> None:
    def ask(question: list[bytes]) -> list[bytes]:
        socket.send_multipart(question)
        if not _await(poller, socket):
            raise _HostGoneError
        return _receive(socket)

    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    if with_parent:
        poller.register(_STDIN, zmq.POLLIN)
        # Ctrl-C is for the host, which ends this when it is done.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    service = Service(ask, data, beyond=beyond)
    try:
        while not service.stopped and _await(poller, socket):
            socket.send_multipart(service.handle_all(_receive(socket)))
    except _HostGoneError:
        return


def _receive(socket: zmq.Socket[bytes]) -> list[bytes]:
    return receive(socket, protocol.PARTS_MAX, protocol.PART_OCTETS_MAX)


class _HostGoneError(Exception):
    """Standard input has ended while an image was awaited."""


def _await(poller: zmq.Poller, socket: zmq.Socket[bytes]) -> bool:
    """Whether there is a message; False once standard input has ended."""
    while True:
        ready = dict(poller.poll())
        if _STDIN in ready and not os.read(_STDIN, 4096):
            return False
        if socket in ready:
            return True
