"""The ground process: answers requests over ZeroMQ until it is told to stop or the host has gone."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import zmq

from flight.curve import Curve, CurveError, check_endpoint, is_beyond_loopback, secure_client
from flight.dictionary import SHA256
from flight.frames import Delivery
from flight.keys import KEYS_VARIABLE, KeyFileError, load_usable_ring
from flight.messages import receive
from ground import protocol
from ground.config import GroundConfig
from ground.mission import Ground
from ground.protocol import Kind, MessageError
from ground.store import ENDED, GroundStore, StoreError
from ground.store.archive import ArchiveStore

TOKEN_OCTETS = 32
PEER = "host"
"""Whose public key a ground by hand has to have (`peers/host.key`)."""
_STDIN = 0
_UNHEARD_MS = 10_000
# What reading a configuration, a state or an exchange can raise when it is not one.
_REFUSED = (ArithmeticError, AttributeError, LookupError, RecursionError, StoreError, TypeError, ValueError)


@dataclass(slots=True)
class Service:
    """Requests in, replies out; no sockets. With a store mission control is kept there, and goes on from
    there when the host resumes.
    """

    store: GroundStore | None = None
    ground: Ground | None = None
    resumed: bool = False

    def handle(self, message: bytes) -> bytes | None:
        """The reply to a message; None to one that is not a request at all."""
        try:
            kind, sequence, payload = protocol.decode(message)
        except MessageError:
            return None
        try:
            return protocol.encode(kind | protocol.REPLY, sequence, self._answer(kind, payload))
        except _REFUSED as error:
            text = f"{type(error).__name__}: {error}".encode()[:4096]
            return protocol.encode(protocol.ERROR, sequence, text)

    def _answer(self, kind: int, payload: bytes) -> bytes:
        if kind == Kind.CONFIGURE:
            return self._configure(payload)
        if kind == Kind.RESUME:
            if self.store is None:
                raise StoreError("nothing is kept here; start it with --data and the folder of before")
            self.ground = Ground(GroundConfig.from_json(payload), store=self.store)
            self.store.commit({ENDED: None}, {})
            self.resumed = True
            return b""
        if kind == Kind.RESTORE:
            if self.store is not None:
                raise StoreError("a snapshot does not go into an archive; start it without --data")
            config, state = protocol.decode_pair(payload)
            self.ground = Ground.from_bytes(GroundConfig.from_json(config), state)
            return b""
        if kind == Kind.STOP:
            self._end()
            return b""
        if self.ground is None:
            raise MessageError("the ground is not configured yet")
        if kind == Kind.EXCHANGE:
            return self._exchange(self.ground, *protocol.decode_exchange(payload))
        self.resumed = False
        if kind == Kind.RESULTS:
            return json.dumps(self.ground.results(), allow_nan=False).encode()
        if kind == Kind.STATE:
            return self.ground.to_bytes()
        if kind == Kind.DIGEST:
            return self.ground.digest()
        raise MessageError(f"a request of unknown kind {kind}")

    def _configure(self, payload: bytes) -> bytes:
        ground = Ground(GroundConfig.from_json(payload), store=self.store)
        if ground.time_ns and not self.resumed:
            raise StoreError(
                f"the archive is of a run that has come to {ground.time_ns / 1e9:.1f} s, and this one "
                "begins; name another folder"
            )
        if self.store is not None:
            self.store.commit({ENDED: None}, {})
        ground.keep()  # consoles find out here what it is for, long before it has anything to do
        self.ground = ground
        return protocol.KEPT if self.store is not None else b""

    def _end(self) -> None:
        """Keeps to when it has lived, and that its run is over: nobody flies what consoles ask for from now
        on, and they say so. If that cannot be kept, it ends all the same.
        """
        if self.store is None or self.ground is None:
            return
        try:
            self.ground.keep()
            self.store.commit({ENDED: b"true"}, {})
        except StoreError as error:
            print(f"safehold ground: {error}", file=sys.stderr)

    def _exchange(self, ground: Ground, until_tick: int, deliveries: list[Delivery]) -> bytes:
        again = []
        if self.resumed:
            # What was asked when the one before this ended, asked again. If that was kept, it knows these
            # frames; what it decided then may have been radiated, so it is not decided once more.
            self.resumed = False
            if until_tick * ground.config.tick_ns <= ground.time_ns:
                again, deliveries = deliveries, []
        uplinks = ground.advance(until_tick, deliveries)
        kept = [ground.read_again(one.frame) for one in again]
        accepted = [one is not None for one in kept] or ground.accepted()
        opened = ground.opened()
        if again and ground.config.telemetry_protection != "none":
            opened = [one for one in kept if one is not None]
        answer = protocol.Answer(ground.promise_tick(), ground.reacts(), accepted, uplinks, tuple(opened))
        return protocol.encode_answer(answer)


def token_of(text: str) -> bytes:
    """A token from the digits that the host showed; raises ValueError, which does not show it."""
    try:
        token = bytes.fromhex(text)
    except ValueError:
        token = b""
    if len(token) != TOKEN_OCTETS:
        raise ValueError(
            f"what is given has {len(text)} characters; the token has {2 * TOKEN_OCTETS} hexadecimal "
            "digits, as the run showed them"
        )
    return token


def serve(
    connect: str, *, with_parent: bool, token: bytes = bytes(TOKEN_OCTETS), data: Path | None = None
) -> int:
    """Serves the host that listens at an endpoint, `tcp://HOST:PORT`.

    with_parent: the host started this process; its token comes on standard input, whose end is its own.
    Otherwise `token` is what the host showed its user; with CURVE keys (flight.curve, the host's public one
    as `peers/host.key`) it is not needed. data: a folder in which mission control is kept (ground.store), to
    go on from there if this process ends and another is started. Returns the exit code: 0 when told to stop
    or when the host has gone, 2 if no token came, or if the endpoint, the folder or the keys cannot be used,
    as with published telecommand keys beyond the loopback.
    """
    curve = None
    try:
        ring = load_usable_ring()
        if not with_parent:
            curve = Curve.from_environment()
            check_endpoint(connect, curve)
            if ring.published and is_beyond_loopback(connect):
                raise CurveError(
                    f"{connect}: the published telecommand keys are for the loopback; set {KEYS_VARIABLE}"
                )
    except (CurveError, KeyFileError) as error:
        print(f"safehold ground: {error}", file=sys.stderr)
        return 2
    if with_parent:
        # Ctrl-C reaches the whole group; the host says when to stop.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        given = _read_token()
        if given is None:
            return 2
        token = given
    store: ArchiveStore | None = None
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    try:
        store = None if data is None else ArchiveStore(data)
        socket.setsockopt(zmq.LINGER, 200)
        socket.setsockopt(zmq.MAXMSGSIZE, protocol.MESSAGE_OCTETS_MAX)
        secure_client(socket, curve, PEER)
        socket.connect(connect)
        socket.send(protocol.MAGIC + token + SHA256.encode())
        if not with_parent and not socket.poll(_UNHEARD_MS):
            told = f"nothing has come from {connect} for {_UNHEARD_MS / 1000:g} s. Is a run waiting there"
            asked = "(safehold run --ground), and is this the --token, or are these the keys, that it wants?"
            print(f"safehold ground: {told} {asked}", file=sys.stderr, flush=True)
        return _loop(socket, Service(store), with_parent=with_parent)
    except (CurveError, StoreError) as error:
        print(f"safehold ground: {error}", file=sys.stderr)
        return 2
    finally:
        socket.close()
        context.term()
        if store is not None:
            store.close()


def _loop(socket: zmq.Socket[bytes], service: Service, *, with_parent: bool) -> int:
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    if with_parent:
        poller.register(_STDIN, zmq.POLLIN)
    while True:
        ready = dict(poller.poll())
        if _STDIN in ready and not os.read(_STDIN, 4096):
            return 0
        if socket not in ready:
            continue
        parts = receive(socket, 1, protocol.MESSAGE_OCTETS_MAX)
        reply = service.handle(parts[0]) if len(parts) == 1 else None
        if reply is None:
            continue
        socket.send(reply)
        if reply[4] == Kind.STOP | protocol.REPLY:
            return 0


def _read_token() -> bytes | None:
    token = b""
    while len(token) < TOKEN_OCTETS:
        piece = os.read(_STDIN, TOKEN_OCTETS - len(token))
        if not piece:
            return None
        token += piece
    return token
