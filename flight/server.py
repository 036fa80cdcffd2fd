"""The flight process: a FlightComputer behind a ZeroMQ REP socket.

Kept light on purpose, for the Raspberry Pi: the standard library, numpy, pyzmq and the compiled module.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import zmq

from flight import protocol
from flight.computer import FlightComputer, make_computer
from flight.curve import Curve, CurveError, check_endpoint, secure_server
from flight.dictionary import SHA256

_STDIN = 0


class Service:
    """Requests in, replies out; no sockets."""

    def __init__(self) -> None:
        self.computer: FlightComputer | None = None
        self.stopped = False

    def handle(self, parts: list[bytes]) -> list[bytes]:
        """The reply to a request; every request gets one."""
        try:
            if len(parts) > protocol.PARTS_MAX:
                raise ValueError(f"{len(parts)} parts; at most {protocol.PARTS_MAX} are taken")
            return self._answer(parts[0], parts[1:])
        except (ValueError, TypeError, KeyError, OverflowError, RuntimeError) as error:
            return [protocol.ERROR, f"{type(error).__name__}: {error}".encode()[:4096]]

    def _answer(self, kind: bytes, rest: list[bytes]) -> list[bytes]:
        if kind == protocol.STEP:
            if not rest:
                raise ValueError("a step needs a sensor frame")
            actuator, frames = self._running().step(rest[0], rest[1:])
            return [protocol.STEP, actuator, *frames]
        if kind == protocol.START:
            self.computer = _start(rest)
            return [kind]
        if kind == protocol.STATE:
            return [kind, self._running().state_bytes()]
        if kind == protocol.RESTORE:
            if len(rest) != 1:
                raise ValueError("RESTORE takes one state")
            self._running().restore(rest[0])
            return [kind]
        if kind == protocol.TELEMETRY:
            running = self._running()
            report = {"telemetry": running.telemetry(), "counters": running.counters()}
            return [kind, json.dumps(report).encode()]
        if kind == protocol.STOP:
            self.stopped = True
            return [kind]
        raise ValueError(f"unknown request {kind[:16]!r}")

    def _running(self) -> FlightComputer:
        if self.computer is None:
            raise ValueError("the flight computer has not been started")
        return self.computer


def _start(rest: list[bytes]) -> FlightComputer:
    if len(rest) != 2:
        raise ValueError("START takes the dictionary's SHA-256 and a configuration")
    if rest[0] != SHA256.encode():
        raise ValueError(
            f"the host has another dictionary ({rest[0][:12]!r}) than this process ({SHA256[:12]})"
        )
    configuration: dict[str, Any] = json.loads(rest[1])
    return make_computer(
        replicas=int(configuration["replicas"]),
        resync=bool(configuration["resync"]),
        tick_ns=int(configuration["tick_ns"]),
        autonomy=bool(configuration["autonomy"]),
        parameters=configuration["parameters"],
    )


def serve(*, bind: str, with_parent: bool) -> int:
    """Serves one host at an endpoint, `tcp://HOST:PORT` with `*` for a free port; first prints it in a line.

    Beyond the loopback it serves only peers that `flight.curve` has keys of. with_parent: the end of standard
    input ends the process, so that it never outlives its host. Returns the exit code: 0 when told to stop, 2
    if the endpoint cannot be had.
    """
    try:
        curve = Curve.from_environment()
        check_endpoint(bind, curve)
    except CurveError as error:
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
        _loop(socket, with_parent=with_parent)
    finally:
        socket.close()
        if guard is not None:
            guard.stop()
        context.term()
    return 0


def _loop(socket: zmq.Socket[bytes], *, with_parent: bool) -> None:
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    if with_parent:
        poller.register(_STDIN, zmq.POLLIN)
    service = Service()
    while not service.stopped:
        ready = dict(poller.poll())
        if _STDIN in ready and not os.read(_STDIN, 4096):
            return
        if socket in ready:
            socket.send_multipart(service.handle(socket.recv_multipart()))
