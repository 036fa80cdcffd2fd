"""The command queue: what the ground wants done, what goes up next, and what became of it.

What goes up next is, of what is wanted by now, has not expired and is not held back by its stack, the most
urgent; among equals the one that was wanted first. A stack is a list of commands that go up in their order,
one after the other, or, where a command asks for that, each after the one before it has been completed. When
one comes to nothing (refused, failed, expired), those behind it are cancelled.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable
from dataclasses import asdict, fields
from operator import attrgetter
from typing import Any

from flight.packets import Verification, encode_tc_packet
from flight.services import SCHEDULED_SEQUENCE, make_command
from ground.config import Command
from ground.request_ids import SEQUENCE_COUNTS, Hold, next_count
from ground.tracking import FAILED, Tracking

_FIRST_REQUEST = make_command("ping", {}, sequence=0).request_id
NEVER_NS = 2**62
OWN_KEPT_NS = 172_800_000_000_000
"""After so long nobody waits for the report on one of mission control's own requests."""
UNREPORTED = frozenset({"sent", "accepted", "started"})
SETTLED_LATE = frozenset({"unknown", "expired"})
"""States that a report may still replace by what has really become of a command."""
WINDOW_MAX_NS = 86_400_000_000_000
"""A time-tagged command is executed or expires at most so long after its time: the greatest that the setting
`schedule_window_s` takes."""
OWN = 1_000_000
"""The first index of what mission control asks for by itself, which is kept while it is open."""


_STAGES = attrgetter(*(field.name for field in fields(Tracking)))


def _plain(one: Command | Tracking) -> dict[str, Any]:
    """As `asdict`, but quick: what it holds is not copied."""
    return {field.name: getattr(one, field.name) for field in fields(one)}


class CommandQueue:
    """Telecommands, each executed at most once."""

    def __init__(self, commands: tuple[Command, ...]) -> None:
        """Raises ValueError for a command that the dictionary does not know."""
        self._wanted: dict[int, Command] = {}
        self._tracking: dict[int, Tracking] = {}
        self._queued: list[tuple[int, int]] = []  # (at_ns, index), in order
        self._last_of: dict[str, int] = {}
        self._before: dict[int, int] = {}  # in its stack
        self._requests: dict[int, int] = {}  # the index that had a request id last
        self._pings: list[int] = []
        self._rows: dict[int, tuple[tuple[Any, ...], dict[str, Any]]] = {}
        self._sequence = 0
        # The last cold start that is known: the number of the boot, its on-board time, when that was told.
        self._cold = (0, -1, -1)
        self._next_own = OWN
        self.own: dict[str, int] = {}
        self._planned = len(commands)
        self.added = 0
        for index, command in enumerate(commands):
            self._enter(index, command, "scenario")

    def add(self, command: Command, origin: str = "operator") -> int:
        """Queues a telecommand of the operator; returns its index. Raises ValueError as `__init__` does."""
        index = self._planned + self.added
        self._enter(index, command, origin)
        return index

    def cancel(self, origin: str, now_ns: int) -> int:
        """Takes back what is still queued of an origin; how many that were."""
        queued = [one for _, index in self._queued if (one := self._tracking[index]).origin == origin]
        for one in queued:
            self._drop(one, "cancelled", now_ns)
        return len(queued)

    def request(self, command: Command) -> int:
        """Queues what mission control asks for by itself; forgotten, but for a tally, when it is done."""
        index, self._next_own = self._next_own, self._next_own + 1
        self._enter(index, command, "ground")
        return index

    def tidy(self, now_ns: int) -> None:
        """Closes own requests that have expired, or that no report will tell of any more."""
        for index in [index for index in self._tracking if index >= OWN]:
            one = self._tracking[index]
            if one.state == "queued" and one.expires_ns is not None and one.expires_ns <= now_ns:
                self._drop(one, "expired", one.expires_ns)
            elif one.at_ns + OWN_KEPT_NS <= now_ns and one.state != "queued":
                one.close("unknown", now_ns, "no_report")
                self._forget_own(one)

    def wanted_after(self, time_ns: int) -> int:
        """When the next of those queued is wanted that is not yet at a time; NEVER_NS if none is."""
        place = bisect_right(self._queued, (time_ns, self._next_own))
        return self._queued[place][0] if place < len(self._queued) else NEVER_NS

    def any_by(self, time_ns: int) -> bool:
        """Whether something queued is wanted by a time."""
        return bool(self._queued) and self._queued[0][0] <= time_ns

    def pick(self, now_ns: int, priority_max: int = 9) -> Tracking | None:
        """What goes up next; None if nothing may. What has expired or is cancelled is closed on the way."""
        best: Tracking | None = None
        for at_ns, index in list(self._queued):
            if at_ns > now_ns:
                break
            one = self._tracking[index]
            if one.expires_ns is not None and one.expires_ns <= now_ns:
                self._drop(one, "expired", one.expires_ns)
            elif (held := self._held(one)) == "cancelled":
                self._drop(one, "cancelled", now_ns)
            elif (
                held == "" and one.priority <= priority_max and (best is None or one.priority < best.priority)
            ):
                best = one
        return best

    def packet(self, tracking: Tracking, station: int, now_ns: int) -> bytes:
        """The telecommand packet of what goes up now; it counts as sent from here on."""
        wanted = self._wanted[tracking.index]
        sequence = self._take_sequence(now_ns)
        packet = make_command(
            wanted.name, wanted.arguments, sequence=sequence, execute_at_ns=wanted.execute_at_ns
        )
        self._queued.remove((tracking.at_ns, tracking.index))
        self._requests[packet.request_id] = tracking.index
        if tracking.name == "ping" and wanted.execute_at_ns is None:  # else it answers when it is released
            self._pings.append(tracking.index)
        tracking.state, tracking.request_id = "sent", packet.request_id
        tracking.station, tracking.departure_ns = station, now_ns
        return encode_tc_packet(packet)

    def __getitem__(self, index: int) -> Tracking:
        return self._tracking[index]

    def __contains__(self, index: int) -> bool:
        return index in self._tracking

    def give_up(self, index: int, now_ns: int) -> None:
        """It may or may not have been executed, and is not sent again."""
        if index in self._tracking and self._tracking[index].state == "sent":
            self._tracking[index].close("unknown", now_ns, "in_doubt")
            self._forget_own(self._tracking[index])

    def open_sent(self) -> bool:
        """Whether a report is awaited on anything but mission control's own requests."""
        return any(
            one.state in UNREPORTED or self._scheduled(one)
            for index, one in self._tracking.items()
            if index < OWN
        )

    def start_cold(self, boot: int, at_ns: int, now_ns: int) -> None:
        """The satellite has lost its state: whatever it had taken before that on-board time, and not
        executed as far as is known, is `unknown`. On-board time may jump: what goes up for the first time
        from now on has been taken after that start whatever time its reports bear. boot: the number of that
        start; each is taken once, and none once a later one is known.
        """
        if boot <= self._cold[0]:
            return
        self._cold = (boot, at_ns, now_ns)
        for one in list(self._tracking.values()):
            self._lose(one, now_ns)

    def close_unreported(self, sent_by_ns: int, now_ns: int, held: Callable[[int], bool]) -> None:
        """What was sent by then, is not `held` by the uplink and has not even been reported accepted is
        `unknown`: it is not sent again, and what waits for it in its stack is cancelled. So is what was in
        the schedule and has outlived its time without a word.
        """
        for index, one in self._tracking.items():
            if index < OWN and one.state == "sent" and one.last_sent_ns <= sent_by_ns and not held(index):
                one.close("unknown", now_ns, "no_report")
            elif self._scheduled(one):
                due_ns = self._wanted[index].execute_at_ns or 0
                if due_ns + WINDOW_MAX_NS <= sent_by_ns:
                    one.close("unknown", now_ns, "no_report")
        for _, index in list(self._queued):  # in a stack in its order
            if self._held(self._tracking[index]) == "cancelled":
                self._drop(self._tracking[index], "cancelled", now_ns)

    def awaited(self, sent_by_ns: int, held: Callable[[int], bool]) -> int | None:
        """The first command, sent by then and not `held` by the uplink, of which a report is still awaited
        by its stack.
        """
        before = (self._before[index] for _, index in self._queued if index in self._before)
        waited = (self._tracking[index] for index in before)
        return min(
            (
                one.index
                for one in waited
                if one.state in UNREPORTED and one.last_sent_ns <= sent_by_ns and not held(one.index)
            ),
            default=None,
        )

    def may_repeat(self, index: int, now_ns: int) -> bool:
        """Whether what is known never to have been taken may go up again; it is closed if it has expired."""
        one = self._tracking.get(index)
        if one is None or one.state != "sent":
            return False
        if one.expires_ns is None or now_ns < one.expires_ns:
            return True
        one.close("expired", one.expires_ns)
        self._forget_own(one)
        return False

    def verify(
        self, report: Verification, arrival_ns: int, onboard_ns: int = 0, *, stored: bool = False
    ) -> bool:
        """Moves on the telecommand that a report names; whether there is one that it fits."""
        index = self._requests.get(report.request_id & ~SCHEDULED_SEQUENCE)
        if index is None:
            return False
        one = self._tracking[index]
        if report.request_id & SCHEDULED_SEQUENCE:
            tagged = self._wanted[index].execute_at_ns is not None
            fits = tagged and one.take_release(report, arrival_ns, onboard_ns, stored=stored)
        else:
            fits = one.take(report, arrival_ns, onboard_ns, stored=stored)
        self._lose(one, arrival_ns)
        self._forget_own(one)
        return fits

    def done_by(self, report: Verification) -> Command | None:
        """The command that a report of completion says has been executed; None if it is none of ours, or
        only its entry into the schedule is complete.
        """
        index = self._requests.get(report.request_id & ~SCHEDULED_SEQUENCE)
        if index is None:
            return None
        released = bool(report.request_id & SCHEDULED_SEQUENCE)
        wanted = self._wanted[index]
        return wanted if released == (wanted.execute_at_ns is not None) else None

    def answer(self, arrival_ns: int, *, sent_by_ns: int) -> bool:
        """Gives the answer to a ping to the one that it belongs to; whether there is one sent by then.

        The answer carries no name, but comes right behind its ping's acceptance.
        """

        def latest(fits: Callable[[Tracking], bool]) -> Tracking | None:
            pings = (self._tracking[index] for index in reversed(self._pings))
            return next(
                (
                    one
                    for one in pings
                    if one.departure_ns is not None and one.departure_ns <= sent_by_ns and fits(one)
                ),
                None,
            )

        ping = latest(lambda one: one.state in ("accepted", "started"))
        ping = ping or latest(lambda one: one.state == "sent") or latest(lambda one: one.state == "completed")
        if ping is not None:
            ping.answer_ns = arrival_ns
            self._pings.remove(ping.index)
        return ping is not None

    def results(self, now_ns: int) -> list[dict[str, Any]]:
        """Every command in the scenario's order, then the operator's, as plain values."""
        shown = []
        for index in sorted(self._tracking):
            one = self._tracking[index]
            if index >= OWN:
                break
            wanted = self._wanted[index]
            row = asdict(one) | {
                "arguments": dict(wanted.arguments),
                "execute_at_ns": wanted.execute_at_ns,
            }
            if one.state == "queued" and one.expires_ns is not None and one.expires_ns <= now_ns:
                row |= {"state": "expired", "closed_ns": one.expires_ns}
            shown.append(row)
        return shown

    def own_results(self) -> dict[str, int]:
        """How many requests of mission control's own are in which state."""
        tally = dict(self.own)
        for index, one in self._tracking.items():
            if index >= OWN:
                tally[one.state] = tally.get(one.state, 0) + 1
        return dict(sorted(tally.items()))

    def control(self) -> list[Any]:
        """What decides about what comes next, as plain values; of its own requests not what they say."""
        shown = [asdict(one) for index, one in self._tracking.items() if index < OWN]
        own = [
            [one.state, one.priority, one.request_id] for index, one in self._tracking.items() if index >= OWN
        ]
        return [shown, own, self._sequence, self._cold]

    def account(self) -> list[Any]:
        """What is only told: what mission control's own requests say, and how many there were."""
        own = [
            [asdict(self._wanted[index]), asdict(one)]
            for index, one in self._tracking.items()
            if index >= OWN
        ]
        return [own, self.own, self._next_own]

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        added = [[index, asdict(one)] for index, one in self._wanted.items() if index >= self._planned]
        tracking = [asdict(self._tracking[index]) for index in sorted(self._tracking)]
        return {"added": added, "tracking": tracking, **self.head()}

    def rows(self) -> dict[int, dict[str, Any]]:
        """Each command and what has become of it, by index; with `head` the whole state. A row in which
        nothing has changed since the last call is the same object.
        """
        before, self._rows = self._rows, {}
        for index, one in self._tracking.items():
            stages = _STAGES(one)
            if index not in before or before[index][0] != stages:
                row = {"command": _plain(self._wanted[index]), "tracking": _plain(one)}
                self._rows[index] = stages, row
            else:
                self._rows[index] = before[index]
        return {index: row for index, (_, row) in self._rows.items()}

    def head(self) -> dict[str, Any]:
        """The state but for the commands themselves."""
        cold = {"cold": list(self._cold)} if self._cold[0] else {}
        return {
            **cold,
            "sequence": self._sequence,
            "next_own": self._next_own,
            "own": self.own,
            "requests": sorted([request, index] for request, index in self._requests.items()),
            "pings": self._pings,
        }

    def restore_rows(self, head: dict[str, Any], rows: dict[int, dict[str, Any]]) -> None:
        """Takes a state of `head` and `rows`; raises as `restore` does."""
        added = [[index, row["command"]] for index, row in sorted(rows.items()) if index >= self._planned]
        self.restore(
            {"added": added, "tracking": [rows[index]["tracking"] for index in sorted(rows)], **head}
        )

    def restore(self, values: dict[str, Any]) -> None:
        """Takes a state of `to_plain`; raises ValueError, KeyError or TypeError if it is none of these
        commands.
        """
        fresh = CommandQueue(tuple(self._wanted[index] for index in range(self._planned)))
        tracking = {one["index"]: Tracking(**one) for one in values["tracking"]}
        for index, added in values["added"]:
            fresh._enter(index, Command(**added), tracking[index].origin if index in tracking else "operator")
        if {one.index: one.name for one in tracking.values()} != {
            one.index: one.name for one in fresh._tracking.values()
        }:
            raise ValueError("the state's commands are others")
        fresh._tracking = tracking
        fresh._queued = sorted((one.at_ns, one.index) for one in tracking.values() if one.state == "queued")
        fresh._sequence, fresh._next_own = int(values["sequence"]), int(values["next_own"])
        boot, at_ns, told_ns = values.get("cold", (0, -1, -1))
        fresh._cold = (int(boot), int(at_ns), int(told_ns))
        fresh.own, fresh._pings = dict(values["own"]), list(values["pings"])
        fresh._requests = {request: index for request, index in values["requests"] if index in tracking}
        self.__dict__.update(fresh.__dict__)

    def _enter(self, index: int, command: Command, origin: str) -> None:
        make_command(command.name, command.arguments, sequence=0, execute_at_ns=command.execute_at_ns)
        one = Tracking(
            *(index, command.name, command.at_ns),
            origin=origin,
            priority=command.priority,
            expires_ns=command.expires_ns,
            stack=command.stack,
        )
        self._wanted[index], self._tracking[index] = command, one
        self.added += self._planned <= index < OWN
        insort(self._queued, (command.at_ns, index))
        if command.stack:
            if command.stack in self._last_of:
                self._before[index] = self._last_of[command.stack]
            self._last_of[command.stack] = index

    def _held(self, one: Tracking) -> str:
        """Whether its stack holds it back: not (""), yet ("waits") or for good ("cancelled")."""
        if one.index not in self._before:
            return ""
        before = self._tracking[self._before[one.index]]
        if before.state in FAILED or before.state in ("expired", "cancelled", "unknown"):
            return "cancelled"
        if self._wanted[one.index].after_completion:
            return "" if before.state in ("completed", "executed") else "waits"
        return "waits" if before.state == "queued" else ""

    def _scheduled(self, one: Tracking) -> bool:
        """Whether it waits on board for its time, as far as is known."""
        return one.state == "completed" and self._wanted[one.index].execute_at_ns is not None

    def _lose(self, one: Tracking, now_ns: int) -> None:
        """Closes what the satellite had in hand when it started cold."""
        _, start_ns, told_ns = self._cold
        if one.onboard_ns is None or one.departure_ns is None or one.departure_ns >= told_ns:
            return
        in_hand = one.state in ("accepted", "started") or self._scheduled(one)
        if in_hand and one.onboard_ns < start_ns:
            one.close("unknown", now_ns, "cold_start")
            self._forget_own(one)

    def _hold(self, sequence: int) -> Hold:
        """What the request id with a sequence count stands for now."""
        index = self._requests.get(_FIRST_REQUEST | sequence)
        if index is None:
            return Hold.FREE
        one = self._tracking[index]
        if one.open or self._scheduled(one):
            return Hold.OPEN
        return Hold.GIVEN_UP if one.state in SETTLED_LATE else Hold.FREE

    def _take_sequence(self, now_ns: int) -> int:
        """The sequence count of what goes up now; whatever must give up its request id for it is closed."""
        sequence = next_count(self._sequence, self._hold)
        if self._hold(sequence) is Hold.OPEN:
            holder = self._tracking[self._requests[_FIRST_REQUEST | sequence]]
            holder.close("unknown", now_ns, "request_id")
            self._forget_own(holder)
        self._sequence = (sequence + 1) % SEQUENCE_COUNTS
        return sequence

    def _drop(self, one: Tracking, state: str, when_ns: int) -> None:
        one.close(state, when_ns)
        self._queued.remove((one.at_ns, one.index))
        self._forget_own(one)

    def _forget_own(self, one: Tracking) -> None:
        if one.index < OWN or one.open or one.index not in self._tracking:
            return
        self.own[one.state] = self.own.get(one.state, 0) + 1
        del self._tracking[one.index], self._wanted[one.index]
        if one.request_id is not None and self._requests.get(one.request_id) == one.index:
            del self._requests[one.request_id]
