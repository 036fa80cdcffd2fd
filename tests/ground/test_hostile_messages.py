"""Hostile messages to the port at which a host awaits its ground: strangers are counted, nothing is moved."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
import zmq

from ground.config import GroundConfig
from ground.process import ZmqGround

Configure = Callable[..., GroundConfig]
MANY = 100_000


@pytest.mark.requirement("S3", "L3.7")
def test_hostile_messages_to_the_port_of_a_ground_are_strangers_and_move_nothing(
    configure: Configure,
) -> None:
    with ZmqGround(configure()) as ground, zmq.Context() as context:
        ground.exchange(1, [])
        before = ground.digest()
        endpoint = ground._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        host, port = endpoint.removeprefix("tcp://").split(":")
        drips = [socket.create_connection((host, int(port))) for _ in range(30)]
        for drip in drips:
            drip.sendall(b"\xff")
        stranger = context.socket(zmq.DEALER)
        stranger.setsockopt(zmq.LINGER, 0)
        stranger.connect(endpoint)
        hostile = [[b""], [b"x"], [bytes(10_000_000)], [b""] * MANY, [b"SHG1" + bytes(100)]]
        for parts in hostile:
            stranger.send_multipart(parts)
        for _ in range(2_000):
            assert ground.digest() == before
            if ground.strangers >= len(hostile):
                break
        assert ground.strangers == len(hostile)
        stranger.close()
        for drip in drips:
            drip.close()
