"""ZeroMQ messages of many parts, received without keeping more of them than is wanted."""

from __future__ import annotations

import zmq


def receive(socket: zmq.Socket[bytes], parts_max: int, octets_max: int) -> list[bytes]:
    """The parts of the next message; `parts_max` + 1 of one that has too many of them, or is too long.

    A message comes whole or not at all, so that what is too much of it is read and dropped part by part: a
    million parts, or many that are each as long as one may be, take no memory here.
    """
    parts: list[bytes] = []
    octets = 0
    while True:
        part = socket.recv()
        octets += len(part)
        if len(parts) <= parts_max:
            parts.append(part if octets <= octets_max else b"")
        if not socket.getsockopt(zmq.RCVMORE):
            break
    return parts if octets <= octets_max else [*parts[:1], *[b""] * parts_max]
