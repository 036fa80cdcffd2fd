"""The host's two ways to a ground: by direct calls, and as a process of its own over ZeroMQ.

Both have the same methods, and the same requests give the same answers.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

import zmq
from zmq.auth.thread import ThreadAuthenticator

from flight.curve import Curve, check_endpoint, secure_server
from flight.dictionary import SHA256
from flight.frames import Delivery, Uplink
from flight.messages import receive
from flight.tm_frames import may_bring_files
from ground import protocol
from ground.config import GroundConfig
from ground.mission import Ground
from ground.protocol import Kind
from ground.server import TOKEN_OCTETS

_POLL_MS = 100
_HELD_MAX = 1024
_BY_HAND_S = 600.0


class GroundError(RuntimeError):
    """The ground refuses a request; its message says why."""


class GroundLostError(GroundError):
    """The ground process has ended, or no longer answers."""


class GroundClient(Protocol):
    """A ground, wherever it runs."""

    @property
    def archive(self) -> list[Delivery]:
        """Every frame that it accepted; hosts may drain it."""

    @property
    def reacts(self) -> bool:
        """Whether any frame that arrives before the promise could make something depart before it; if not,
        only one of `flight.tm_frames.may_bring_files` can.
        """

    def exchange(self, until_tick: int, deliveries: list[Delivery]) -> tuple[list[Uplink], int]:
        """Lets the ground live on to `until_tick`; returns what departs, and its promise.

        The promise is the tick before which nothing else departs, unless it `reacts` to a frame.
        """

    def results(self) -> dict[str, Any]:
        """`Ground.results`."""

    def digest(self) -> bytes:
        """`Ground.digest`."""

    def to_bytes(self) -> bytes:
        """`Ground.to_bytes`."""

    def restore(self, state: bytes) -> None:
        """Takes a state of `to_bytes` of the same configuration."""

    def close(self) -> None:
        """Ends the ground; closing twice is fine."""


class InProcessGround:
    """A ground in this process."""

    def __init__(self, config: GroundConfig) -> None:
        self.config = config
        self.archive: list[Delivery] = []
        self._ground = Ground(config)

    @property
    def ground(self) -> Ground:
        """The ground itself."""
        return self._ground

    @property
    def reacts(self) -> bool:
        """`Ground.reacts`."""
        return self._ground.reacts()

    def exchange(self, until_tick: int, deliveries: list[Delivery]) -> tuple[list[Uplink], int]:
        """Lets the ground live on to `until_tick`; returns what departs, and its promise."""
        try:
            uplinks = self._ground.advance(until_tick, deliveries)
        except ValueError as error:
            raise GroundError(f"ValueError: {error}") from error
        _keep(self.archive, deliveries, self._ground.accepted(), self._ground.opened())
        return uplinks, self._ground.promise_tick()

    def results(self) -> dict[str, Any]:
        """`Ground.results`."""
        return self._ground.results()

    def digest(self) -> bytes:
        """`Ground.digest`."""
        return self._ground.digest()

    def to_bytes(self) -> bytes:
        """`Ground.to_bytes`."""
        return self._ground.to_bytes()

    def restore(self, state: bytes) -> None:
        """Takes a state of `to_bytes` of the same configuration; raises GroundError if it is none."""
        try:
            self._ground = Ground.from_bytes(self.config, state)
        except (ValueError, KeyError, TypeError) as error:
            raise GroundError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Nothing to end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ZmqGround:
    """A ground in a process of its own, which starts while this one goes on.

    The process proves by a token that it is ours; what others send to the port is counted in `strangers` and
    dropped. It ends when this process does, however that happens. Raises GroundLostError if it ends first or
    does not answer in `timeout_s`. One that was started by hand may end and be started again if it keeps
    itself in a folder: what it had not answered is asked again (`resumed` counts how often).

    A round trip takes as long as twenty control ticks. So frames to which the ground cannot react are held
    and go over with the next request that matters: a few times a pass, and in ticks that bring frames of
    files, instead of every second.
    """

    def __init__(self, config: GroundConfig, *, listen: str | None = None, timeout_s: float = 120.0) -> None:
        """`listen`: an endpoint at which a ground that is started by hand is awaited; how to start it is told
        on standard error. Raises CurveError as flight.curve does.
        """
        self.config = config
        self.strangers = 0
        self.reacts = True
        self._archive: list[Delivery] = []
        self._held: list[Delivery] = []
        self._granted_tick = 0
        self._handed_tick = 0
        self._promise_tick = 0
        self._timeout_s = timeout_s
        self._identity: bytes | None = None
        self._candidate: bytes | None = None
        self._kept = False
        self.resumed = 0
        self._closed = False
        self._sequence = 0
        self._token = secrets.token_bytes(TOKEN_OCTETS)
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, protocol.MESSAGE_OCTETS_MAX)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._invitation = ""
        self._guard: ThreadAuthenticator | None = None
        self._process: subprocess.Popen[bytes] | None = None
        if listen is None:
            port = self._socket.bind_to_random_port("tcp://127.0.0.1")
            self._process = _start(port, self._token, self._errors)
        else:
            self._listen(listen)
        self._pending: tuple[int, bytes] | None = (Kind.CONFIGURE, config.to_json().encode())

    def _listen(self, endpoint: str) -> None:
        curve = Curve.from_environment()
        check_endpoint(endpoint, curve)
        self._guard = secure_server(self._context, self._socket, curve)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            raise GroundLostError(f"cannot listen at {endpoint}: {error.strerror}") from error
        bound = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        if curve is not None:
            self._token = bytes(TOKEN_OCTETS)
        token = "" if curve is not None else f" --token {self._token.hex()}"
        self._invitation = f"safehold ground --connect {bound}{token}"
        print(f"waiting for: {self._invitation}", file=sys.stderr, flush=True)

    @property
    def pid(self) -> int | None:
        """Of the ground process; None if it was started by hand."""
        return None if self._process is None else self._process.pid

    @property
    def archive(self) -> list[Delivery]:
        """Every frame that the ground accepted; hosts may drain it."""
        self._hand_over()
        return self._archive

    def exchange(self, until_tick: int, deliveries: list[Delivery]) -> tuple[list[Uplink], int]:
        """Lets the ground live on to `until_tick`; returns what departs, and its promise."""
        in_time = self._granted_tick <= until_tick < self._promise_tick
        matters = self.reacts or any(may_bring_files(one.frame) for one in deliveries)
        if in_time and not matters and not self._closed and len(self._held) < _HELD_MAX:
            self._check_alive()
            self._held += deliveries
            self._granted_tick = until_tick
            return [], self._promise_tick
        held, self._held = self._held + deliveries, []
        answer = protocol.decode_answer(
            self._request(Kind.EXCHANGE, protocol.encode_exchange(until_tick, held))
        )
        if len(answer.accepted) != len(held):
            raise GroundError(f"the ground judged {len(answer.accepted)} of {len(held)} frames")
        _keep(self._archive, held, answer.accepted, answer.opened)
        self._granted_tick = self._handed_tick = until_tick
        self._promise_tick, self.reacts = answer.promise_tick, answer.reacts
        return answer.uplinks, answer.promise_tick

    def _hand_over(self) -> None:
        """Sends the frames and the grant that are held; by the promise nothing departs."""
        if self._held or self._granted_tick > self._handed_tick:
            self._promise_tick = 0
            uplinks, _ = self.exchange(self._granted_tick, [])
            assert not uplinks

    def results(self) -> dict[str, Any]:
        """`Ground.results`."""
        self._hand_over()
        results: dict[str, Any] = json.loads(self._request(Kind.RESULTS))
        return results

    def digest(self) -> bytes:
        """`Ground.digest`."""
        self._hand_over()
        return self._request(Kind.DIGEST)

    def to_bytes(self) -> bytes:
        """`Ground.to_bytes`."""
        self._hand_over()
        return self._request(Kind.STATE)

    def restore(self, state: bytes) -> None:
        """Takes a state of `to_bytes` of the same configuration; raises GroundError if it is none."""
        self._held, self.reacts = [], True
        self._granted_tick = self._handed_tick = self._promise_tick = 0
        self._request(Kind.RESTORE, protocol.encode_pair(self.config.to_json().encode(), state))

    def close(self) -> None:
        """Ends the process, by force if it does not listen; closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        if self._process is not None:
            _end(self._process)
        elif self._identity is not None:
            self._socket.setsockopt(zmq.LINGER, 200)
            self._sequence += 1
            stop = protocol.encode(Kind.STOP, self._sequence)
            with suppress(zmq.ZMQError):
                self._socket.send_multipart([self._identity, stop], zmq.NOBLOCK)
        self._socket.close()
        if self._guard is not None:
            self._guard.stop()
        self._context.term()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _request(self, kind: Kind, payload: bytes = b"") -> bytes:
        if self._closed:
            raise GroundLostError("the ground process has been closed")
        if self._identity is None:
            self._identity = self._await_hello()
        if self._pending is not None:
            first, self._pending = self._pending, None
            self._kept = self._round_trip(*first) == protocol.KEPT
        return self._round_trip(kind, payload)

    def _round_trip(self, kind: int, payload: bytes) -> bytes:
        self._sequence += 1
        request = protocol.encode(kind, self._sequence, payload)
        self._send(request)
        while True:
            identity, message = self._receive()
            if identity != self._identity:
                if self._take_over(identity, message):
                    self._send(request)
                continue
            replied, sequence, body = protocol.decode(message)
            if sequence != self._sequence & 0xFFFFFFFF or replied not in (
                kind | protocol.REPLY,
                protocol.ERROR,
            ):
                raise GroundError(
                    f"the ground answers {replied} ({sequence}) to request {kind} ({self._sequence})"
                )
            if replied == protocol.ERROR:
                raise GroundError(body.decode("utf-8", "replace"))
            return body

    def _send(self, request: bytes) -> None:
        """To the ground. One that keeps itself and has gone is awaited, for it may be started again."""
        assert self._identity is not None
        try:
            self._socket.send_multipart([self._identity, request], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if not self._kept:
                raise self._lost(f"cannot be reached ({error})") from error
            told = f"the ground has gone; start it again with its --data: {self._invitation}"
            print(told, file=sys.stderr, flush=True)

    def _take_over(self, identity: bytes, message: bytes) -> bool:
        """Whether a peer that is not the ground has just become it: it shows the token, and has what the
        ground before it kept. Anybody else is a stranger.
        """
        if not self._invitation:
            self.strangers += 1
            return False
        if secrets.compare_digest(message, self._hello + SHA256.encode()):
            self._candidate = identity
            resume = protocol.encode(Kind.RESUME, self._sequence, self.config.to_json().encode())
            with suppress(zmq.ZMQError):
                self._socket.send_multipart([identity, resume], zmq.NOBLOCK)
            return False
        if identity == self._candidate:
            self._candidate = None
            with suppress(protocol.MessageError):
                replied, sequence, body = protocol.decode(message)
                if (replied, sequence) == (Kind.RESUME | protocol.REPLY, self._sequence & 0xFFFFFFFF):
                    self._identity = identity
                    self._kept = True
                    self.resumed += 1
                    return True
                told = body.decode("utf-8", "replace")
                print(f"a ground cannot go on from the last: {told}", file=sys.stderr, flush=True)
        self.strangers += 1
        return False

    @property
    def _hello(self) -> bytes:
        return protocol.MAGIC + self._token

    def _await_hello(self) -> bytes:
        while True:
            identity, message = self._receive()
            if secrets.compare_digest(message[: len(self._hello)], self._hello):
                if message != self._hello + SHA256.encode():
                    raise self._lost("has another dictionary than this host")
                return identity
            if self._invitation and not self.strangers:
                told = f"somebody came with another token, or none; waiting for: {self._invitation}"
                print(told, file=sys.stderr, flush=True)
            self.strangers += 1

    def _receive(self) -> tuple[bytes, bytes]:
        """The next message of two parts, waiting only as long as there is somebody to wait for."""
        by_hand = self._process is None and (self._identity is None or self._kept)
        timeout_s = _BY_HAND_S if by_hand else self._timeout_s
        deadline_s = time.monotonic() + timeout_s
        while True:
            if self._socket.poll(_POLL_MS):
                parts = receive(self._socket, 2, 2 * protocol.MESSAGE_OCTETS_MAX)
                if len(parts) == 2:
                    return parts[0], parts[1]
                self.strangers += 1
            else:
                self._check_alive()
            if time.monotonic() > deadline_s:
                raise self._lost(f"has not answered for {timeout_s:g} s")

    def _check_alive(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            raise self._lost(f"has ended with exit code {self._process.returncode}")

    def _lost(self, what: str) -> GroundLostError:
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 2000))
        said = self._errors.read().decode("utf-8", "replace").strip()
        self.close()
        return GroundLostError(f"the ground process {what}" + (f"; its last words: {said}" if said else ""))


def _start(port: int, token: bytes, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    # -P: what lies in the current folder is not to be taken for a part of the ground.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "ground", "--with-parent", "--connect", f"tcp://127.0.0.1:{port}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdin is not None
    process.stdin.write(token)
    process.stdin.flush()
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(2.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _keep(
    archive: list[Delivery], deliveries: list[Delivery], accepted: list[bool], opened: Sequence[bytes]
) -> None:
    """Adds the frames that were accepted; protected ones as the ground has opened them."""
    sound = [delivery for delivery, taken in zip(deliveries, accepted, strict=True) if taken]
    if opened:
        sound = [one._replace(frame=frame) for one, frame in zip(sound, opened, strict=True)]
    archive += sound
