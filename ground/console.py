"""Requests of people at consoles: read, held against what is true by now, and entered into the command queue.

A request is one telecommand, a stack of them, or the wish to take a request back. `encode_request` makes one,
as JSON; none of it is trusted here. It is entered whole or refused whole, in the order of asking, and counts
as taken either way: its number is part of mission control's state, which is kept in one transaction with the
command queue.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from flight.dictionary import SHA256
from flight.services import make_command
from ground.commands import NEVER_NS, CommandQueue
from ground.config import Command
from ground.store import Request
from ground.store.console import CONTENT_OCTETS_MAX

WAITING_MAX = 256
"""Telecommands from consoles that may wait to go up, and most that one request has, or one step enters."""
ADDED_MAX = 10_000
"""Telecommands beyond the scenario's in the life of a mission control: each of them stays known."""
REFUSED_KEPT = 256
_REFUSED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def origin_of(number: int) -> str:
    """What a telecommand's `origin` is that came with a request."""
    return f"request {number}"


def encode_request(config_sha256: str, commands: Sequence[Command], *, stack: str = "") -> bytes:
    """A request for telecommands, of the mission control with that configuration; `at_ns` 0 is now. stack:
    the name of the stack whose order they keep, if they are one.
    """
    wanted = {"commands": [asdict(one) for one in commands], "stack": stack}
    return _encode(config_sha256, wanted)


def encode_withdrawal(config_sha256: str, number: int) -> bytes:
    """A request to take back what has not gone up of another one."""
    return _encode(config_sha256, {"take_back": number})


def read_request(content: bytes) -> dict[str, Any]:
    """The parts of a request; raises ValueError or the like if it is none."""
    if len(content) > CONTENT_OCTETS_MAX:
        raise ValueError("it is too long")
    parts = json.loads(content)
    if not isinstance(parts, dict):
        raise ValueError("it is no request")
    return parts


@dataclass(slots=True)
class Console:
    """What was taken so far: the number of the last request, and why some were refused (the last 256)."""

    taken: int = 0
    refused: dict[int, str] = field(default_factory=dict)

    def take(
        self, requests: Iterable[Request], queue: CommandQueue, now_ns: int, config_sha256: str
    ) -> list[Request]:
        """Enters what is asked for, as much as a step may; what was taken, refused or not."""
        done: list[Request] = []
        room = WAITING_MAX
        for request in requests:
            try:
                parts = read_request(request.content)
                _check_of_ours(parts, config_sha256)
                if "take_back" in parts:
                    _take_back(parts["take_back"], queue, now_ns)
                    entered = 0
                else:
                    commands = _commands(parts, request.number, now_ns)
                    entered = len(commands)
                    if entered > room:
                        break  # the next step has room
                    _check_room(queue, entered)
                    for command in commands:
                        queue.add(command, origin_of(request.number))
                room -= entered
            except _REFUSED as error:
                self.refused[request.number] = str(error)[:400] or type(error).__name__
                for old in sorted(self.refused)[:-REFUSED_KEPT]:
                    del self.refused[old]
            self.taken = request.number
            done.append(request)
        return done

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        return {"taken": self.taken, "refused": sorted([number, why] for number, why in self.refused.items())}

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        """From `to_plain`; raises KeyError, TypeError or ValueError for anything else."""
        return cls(int(values["taken"]), {int(number): str(why) for number, why in values["refused"]})


def _encode(config_sha256: str, wanted: dict[str, Any]) -> bytes:
    parts = {"config": config_sha256, "dictionary": SHA256, **wanted}
    return json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _check_of_ours(parts: dict[str, Any], config_sha256: str) -> None:
    if parts.get("config") != config_sha256:
        raise ValueError("it was made for the mission control of another run")
    if parts.get("dictionary") != SHA256:
        raise ValueError("it was made with another dictionary; ask again")


def _check_room(queue: CommandQueue, more: int) -> None:
    if queue.added + more > ADDED_MAX:
        raise ValueError(f"mission control has had {queue.added} telecommands, and takes {ADDED_MAX} in all")


def _commands(parts: dict[str, Any], number: int, now_ns: int) -> list[Command]:
    """The telecommands of a request, wanted now or later; raises ValueError or the like for what is wrong."""
    rows, stack = parts["commands"], parts["stack"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= WAITING_MAX or not isinstance(stack, str):
        raise ValueError(f"it has 1 to {WAITING_MAX} telecommands")
    group = f"{stack[:80]} ({origin_of(number)})" if stack or len(rows) > 1 else ""
    return [_command(row, group, now_ns) for row in rows]


def _command(row: dict[str, Any], group: str, now_ns: int) -> Command:
    one = Command(**row)
    whole = [one.at_ns, one.priority, *(at for at in (one.execute_at_ns, one.expires_ns) if at is not None)]
    if any(type(number) is not int or not 0 <= number <= NEVER_NS for number in whole):
        raise ValueError("a time or a priority is no whole number")
    if not isinstance(one.name, str) or not isinstance(one.arguments, dict):
        raise ValueError("a name is no text, or arguments are no table")
    after_completion = bool(one.after_completion) and bool(group)
    one = replace(one, at_ns=max(one.at_ns, now_ns), stack=group, after_completion=after_completion)
    make_command(one.name, one.arguments, sequence=0, execute_at_ns=one.execute_at_ns)
    return one


def _take_back(number: object, queue: CommandQueue, now_ns: int) -> None:
    if type(number) is not int:
        raise ValueError("it names no request")
    if not queue.cancel(origin_of(number), now_ns):
        raise ValueError(f"nothing of request {number} waits any more")
