"""The command queue: what the ground wants done, what it has radiated, and how far each telecommand got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from flight.packets import TcPacket, Verification, encode_tc_packet
from flight.services import SCHEDULED_SEQUENCE, make_command
from ground.config import Command


def _packet(command: Command, *, sequence: int) -> TcPacket:
    return make_command(
        command.name, command.arguments, sequence=sequence, execute_at_ns=command.execute_at_ns
    )


@dataclass(slots=True)
class Tracking:
    """A telecommand and what has become of it; `index` is its place in the scenario.

    Those of the operator follow the scenario's. `state`: queued, sent, accepted, completed, rejected (not
    accepted) or failed (accepted, not completed). A time-tagged one is completed once it is in the schedule;
    then it is executed, or failed if its execution did.
    """

    index: int
    name: str
    at_ns: int
    state: str = "queued"
    request_id: int | None = None
    station: int | None = None
    departure_ns: int | None = None
    accepted_ns: int | None = None
    completed_ns: int | None = None
    answer_ns: int | None = None
    executed_ns: int | None = None
    failure_code: int = 0
    failure_parameter: int = 0
    origin: str = "scenario"


class CommandQueue:
    """Telecommands in the order in which they are wanted, each radiated at most once."""

    def __init__(self, commands: tuple[Command, ...]) -> None:
        """Raises ValueError for a command that the dictionary does not know."""
        for command in commands:
            _packet(command, sequence=0)
        self._wanted = list(commands)
        self._planned = len(commands)
        order = sorted(range(len(commands)), key=lambda index: (commands[index].at_ns, index))
        self._tracking = [Tracking(index, commands[index].name, commands[index].at_ns) for index in order]
        self._sent = 0

    def add(self, command: Command) -> int:
        """Queues a telecommand of the operator; returns its index. Raises ValueError as `__init__` does."""
        _packet(command, sequence=0)
        index = len(self._wanted)
        self._wanted.append(command)
        place = self._sent
        while place < len(self._tracking) and self._tracking[place].at_ns <= command.at_ns:
            place += 1
        self._tracking.insert(place, Tracking(index, command.name, command.at_ns, origin="operator"))
        return index

    def waiting(self) -> Tracking | None:
        """The next command to go up."""
        return self._tracking[self._sent] if self._sent < len(self._tracking) else None

    def send(self, station: int, departure_ns: int) -> bytes:
        """The telecommand packet of the command that waits, which now counts as sent."""
        tracking = self._tracking[self._sent]
        wanted = self._wanted[tracking.index]
        packet = _packet(wanted, sequence=self._sent)
        self._sent += 1
        tracking.state, tracking.request_id = "sent", packet.request_id
        tracking.station, tracking.departure_ns = station, departure_ns
        return encode_tc_packet(packet)

    def verify(self, report: Verification, arrival_ns: int) -> bool:
        """Moves on the telecommand that a report names; whether there is one that it can move."""
        if report.request_id & SCHEDULED_SEQUENCE:
            return self._verify_execution(report, arrival_ns)
        expected = ("sent",) if report.subtype in (1, 2) else ("sent", "accepted")
        tracking = self._latest(lambda one: one.request_id == report.request_id and one.state in expected)
        if tracking is None:
            return False
        if report.subtype in (3, 5, 6):
            return True  # the stages on the way; a failed step is followed by a failed completion
        if report.subtype == 1:
            tracking.state, tracking.accepted_ns = "accepted", arrival_ns
        elif report.subtype == 7:
            tracking.state, tracking.completed_ns = "completed", arrival_ns
        else:
            tracking.state = "rejected" if report.subtype == 2 else "failed"
            tracking.failure_code, tracking.failure_parameter = report.failure_code, report.failure_parameter
        return True

    def _verify_execution(self, report: Verification, arrival_ns: int) -> bool:
        """The same for a time-tagged telecommand that has been released on board."""
        outer = report.request_id & ~SCHEDULED_SEQUENCE
        tracking = self._latest(
            lambda one: one.request_id == outer and one.state in ("sent", "accepted", "completed")
        )
        if tracking is None or self._wanted[tracking.index].execute_at_ns is None:
            return False
        if report.failed and report.subtype != 6:
            tracking.state = "failed"
            tracking.failure_code, tracking.failure_parameter = report.failure_code, report.failure_parameter
        elif report.subtype == 7:
            tracking.state, tracking.executed_ns = "executed", arrival_ns
        return True

    def answer(self, arrival_ns: int, *, sent_by_ns: int) -> bool:
        """Gives the answer to a ping to the one that it belongs to; whether there is one sent by then.

        The answer carries no name, but comes right behind its ping's acceptance.
        """

        def open_ping(one: Tracking) -> bool:
            due = one.departure_ns is not None and one.departure_ns <= sent_by_ns
            now = (
                self._wanted[one.index].execute_at_ns is None
            )  # a time-tagged one answers when it is released
            return one.name == "ping" and now and one.answer_ns is None and due

        ping = self._latest(lambda one: open_ping(one) and one.state == "accepted")
        ping = ping or self._latest(lambda one: open_ping(one) and one.state == "sent")
        if ping is not None:
            ping.answer_ns = arrival_ns
        return ping is not None

    def results(self) -> list[dict[str, Any]]:
        """Every command in the scenario's order, then the operator's, as plain values."""
        return [asdict(one) for one in sorted(self._tracking, key=lambda one: one.index)]

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        added = [asdict(command) for command in self._wanted[self._planned :]]
        return {"sent": self._sent, "added": added, "tracking": [asdict(one) for one in self._tracking]}

    def restore(self, values: dict[str, Any]) -> None:
        """Takes a state of `to_plain`; raises ValueError, KeyError or TypeError if it is none of these
        commands.
        """
        tracking = [Tracking(**one) for one in values["tracking"]]
        fresh = CommandQueue(tuple(self._wanted[: self._planned]))
        for added in values["added"]:
            fresh.add(Command(**added))
        if sorted((one.index, one.name) for one in tracking) != sorted(
            (one.index, one.name) for one in fresh._tracking
        ):
            raise ValueError("the state's commands are others")
        if not 0 <= values["sent"] <= len(tracking):
            raise ValueError(f"{values['sent']} of {len(tracking)} commands sent")
        self._wanted = fresh._wanted
        self._sent, self._tracking = values["sent"], tracking

    def _latest(self, fits: Callable[[Tracking], bool]) -> Tracking | None:
        """The last command sent that fits: request ids come round after 8,192."""
        for position in range(self._sent - 1, -1, -1):
            if fits(self._tracking[position]):
                return self._tracking[position]
        return None
