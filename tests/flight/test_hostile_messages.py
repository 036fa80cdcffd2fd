"""Hostile messages to the flight process: refused, with nothing moved.

10 MB, a million parts, a slow drip, a flood, and what is no ZeroMQ at all. The process is a real one. Memory
is asked of the kernel: what a message of many parts takes while it is under way is ZeroMQ's own, so the bound
is on what is left afterwards.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from flight import messages, protocol
from flight.dictionary import SHA256
from tests.flight.conftest import tumbling_frames

CONFIGURATION = {"replicas": 1, "resync": False, "autonomy": True, "tick_ns": 10**8, "parameters": {}}
FRAMES = tumbling_frames(40)
MANY, MILLION = 100_000, 1_000_000


def resident_octets(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


class Flight:
    """A flight process, and a host that may ask it anything."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        command = [sys.executable, "-m", "flight", "--with-parent"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.endpoint = self.process.stdout.readline().strip()
        self.context = context
        self.socket = self.connect()
        assert self.ask(protocol.START, SHA256.encode(), json.dumps(CONFIGURATION).encode()) == [
            protocol.START
        ]

    def connect(self) -> zmq.Socket[bytes]:
        made = self.context.socket(zmq.REQ)
        made.setsockopt(zmq.LINGER, 0)
        made.setsockopt(zmq.RCVTIMEO, 60_000)
        made.connect(self.endpoint)
        return made

    def ask(self, *parts: bytes) -> list[bytes]:
        self.socket.send_multipart(list(parts))
        return self.socket.recv_multipart()

    def state(self) -> bytes:
        return self.ask(protocol.STATE)[1]

    def end(self) -> None:
        self.socket.close()
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(timeout=20) == 0
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def flight() -> Iterator[Flight]:
    with zmq.Context() as context:
        made = Flight(context)
        try:
            yield made
        finally:
            made.end()


HOSTILE: dict[str, list[bytes]] = {
    "empty": [b""],
    "one octet": [b"x"],
    "10 MB": [bytes(10_000_000)],
    "10 MB as a tick": [protocol.TICK, bytes(10_000_000)],
    "10 MB as a state": [protocol.RESTORE, bytes(10_000_000)],
    "10 MB as a configuration": [protocol.START, SHA256.encode(), b"[" * 10_000_000],
    "a hundred thousand parts": [b""] * MANY,
    "a step of a hundred thousand frames": [protocol.STEP, FRAMES[0].tobytes(), *[b"x"] * MANY],
    "an unknown request": [b"OBEY"],
    "a configuration that is not finite": [
        protocol.START,
        SHA256.encode(),
        json.dumps({**CONFIGURATION, "parameters": {"radio_silence_s": float("nan")}}).encode(),
    ],
}


@pytest.mark.requirement("S3", "L3.7")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_request_to_the_flight_process_moves_nothing(flight: Flight, name: str) -> None:
    flight.ask(protocol.STEP, FRAMES[0].tobytes())
    before, resident = flight.state(), resident_octets(flight.process.pid)
    reply = flight.ask(*HOSTILE[name])
    assert reply[0] == protocol.ERROR
    assert len(reply[1]) <= 4096
    assert flight.state() == before
    grown = resident_octets(flight.process.pid) - resident
    assert grown < 150_000_000
    assert flight.ask(protocol.STEP, FRAMES[1].tobytes())[0] == protocol.STEP


@pytest.mark.long
@pytest.mark.requirement("S3", "L3.7")
def test_a_million_parts_to_the_flight_process_move_nothing(flight: Flight) -> None:
    before, resident = flight.state(), resident_octets(flight.process.pid)
    for _ in range(5):
        assert flight.ask(protocol.STEP, FRAMES[0].tobytes(), *[b"x"] * MILLION)[0] == protocol.ERROR
    assert flight.state() == before
    assert resident_octets(flight.process.pid) - resident < 150_000_000


@pytest.mark.requirement("S3", "L3.7")
def test_connections_that_drip_or_speak_no_zeromq_keep_nobody_waiting(flight: Flight) -> None:
    before = flight.state()
    host, port = flight.endpoint.removeprefix("tcp://").split(":")
    greeting = b"\xff" + bytes(8) + b"\x7f\3\0NULL" + bytes(48)
    strangers = []
    for at in range(40):
        stranger = socket.create_connection((host, int(port)))
        strangers.append(stranger)
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n" if at % 3 == 0 else greeting[:1])
    for octet in greeting[1:12]:
        for stranger in strangers[1::3]:
            stranger.sendall(bytes([octet]))
        assert flight.state() == before, "the host is served between any two octets"
    assert flight.ask(protocol.STEP, FRAMES[0].tobytes())[0] == protocol.STEP
    for stranger in strangers:
        stranger.close()


@pytest.mark.parametrize("parts", [1, 64, 65, 66, 1000])
def test_no_more_parts_are_kept_than_are_wanted(parts: int) -> None:
    with zmq.Context() as context, context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as other:
        one.bind("inproc://parts")
        other.connect("inproc://parts")
        other.send_multipart([b"x"] * parts)
        other.send_multipart([b"next"])
        assert len(messages.receive(one, 64, 10_000)) == min(parts, 65)
        assert messages.receive(one, 64, 10_000) == [b"next"]


def test_parts_that_are_too_long_together_are_dropped() -> None:
    with zmq.Context() as context, context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as other:
        one.bind("inproc://octets")
        other.connect("inproc://octets")
        other.send_multipart([b"STEP", *[bytes(600)] * 3])
        kept = messages.receive(one, 64, 1000)
        assert len(kept) == 65, "one more than wanted, so that it is refused as too many"
        assert sum(map(len, kept)) == 4
