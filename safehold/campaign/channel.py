"""The pipe between the parent and a worker of its own: whole messages, each after its length.

The parent never waits on it. A worker that is stopped, or busy, in the midst of a message leaves the parent
free to notice that it is late. A worker has nothing else to do and waits. Messages are those of
`multiprocessing`, between processes of one program.
"""

from __future__ import annotations

import socket
import struct
from multiprocessing.reduction import ForkingPickler
from typing import Any

LENGTH = struct.Struct("!Q")
CHUNK = 1 << 20


def frame(message: Any) -> bytes:
    """A message as it travels."""
    data = ForkingPickler.dumps(message)
    return LENGTH.pack(len(data)) + bytes(data)


def receive(end: socket.socket) -> Any:
    """In a worker: wait for a message. Raises EOFError once the parent is gone."""
    (length,) = LENGTH.unpack(_exactly(end, LENGTH.size))
    return ForkingPickler.loads(_exactly(end, length))


def _exactly(end: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = end.recv(min(CHUNK, length - len(data)))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


class Channel:
    """The parent's end."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self.end = end
        self._incoming, self._outgoing = bytearray(), bytearray()

    @property
    def unsent(self) -> bool:
        """Whether something is left to `flush` when the worker has read what came before."""
        return bool(self._outgoing)

    def send(self, message: Any) -> None:
        """Send a message, as far as it goes now. Raises OSError if the worker is gone."""
        self._outgoing += frame(message)
        self.flush()

    def flush(self) -> None:
        """Send what is left, as far as it goes now. Raises OSError if the worker is gone."""
        try:
            while self._outgoing:
                del self._outgoing[: self.end.send(self._outgoing[:CHUNK])]
        except BlockingIOError:
            pass

    def read(self) -> list[Any]:
        """The messages that are whole by now. Raises EOFError or OSError if the worker is gone, and whatever
        comes of a message that makes no sense.
        """
        try:
            part = self.end.recv(CHUNK)
        except BlockingIOError:
            return []
        if not part:
            raise EOFError
        self._incoming += part
        found: list[Any] = []
        while len(self._incoming) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._incoming)
            after = LENGTH.size + length
            if len(self._incoming) < after:
                break
            data = bytes(self._incoming[LENGTH.size : after])
            del self._incoming[:after]
            found.append(ForkingPickler.loads(data))
        return found

    def close(self) -> None:
        """Close it; a worker that waits for a message ends."""
        self.end.close()
