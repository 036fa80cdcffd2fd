"""Housekeeping structures that the ground defines: what each holds, and from when on.

The satellite has them made by TC[3,1] and deleted by TC[3,3], and tells of them in TM[3,10]. Times are
on-board times, so it does not matter in which order the ground hears of it all.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from flight.dictionary import PARAMETERS, TELECOMMANDS, Parameter

_BY_ID = {parameter.id: parameter for parameter in PARAMETERS.values()}
_NUMBER = TELECOMMANDS["create_housekeeping"].arguments[0]
USER_FIRST, USER_LAST = int(_NUMBER.min or 0), int(_NUMBER.max or 0)
CHANGES_MAX = 64
"""Of one structure: what comes after is not remembered."""


def is_user(structure: int) -> bool:
    """Whether the ground may define a structure of that number."""
    return USER_FIRST <= structure <= USER_LAST


@dataclass(slots=True)
class Definitions:
    """Of each structure (on-board time, whether told by TM[3,10], parameter ids), in order of time; without
    ids it was deleted.
    """

    changes: dict[int, list[tuple[int, bool, tuple[int, ...]]]] = field(default_factory=dict)

    def create(self, structure: int, ids: Iterable[int], time_ns: int) -> None:
        """It was made then."""
        self._note(structure, (time_ns, False, tuple(ids)))

    def delete(self, structure: int, time_ns: int) -> None:
        """It was deleted then."""
        self._note(structure, (time_ns, False, ()))

    def report(self, structure: int, names: Iterable[str], time_ns: int) -> None:
        """The satellite says what it holds; without effect for parameters that are not in the dictionary."""
        known = [PARAMETERS.get(name) for name in names]
        ids = tuple(one.id for one in known if one is not None)
        if len(ids) == len(known) and ids and self.ids(structure, time_ns) != ids:
            self._note(structure, (time_ns, True, ids))

    def follow(self, name: str, arguments: Mapping[str, Any], time_ns: int) -> None:
        """A telecommand with these arguments was executed at an on-board time."""
        if name not in ("create_housekeeping", "delete_housekeeping"):
            return
        from flight.arguments import resolve

        given = resolve(TELECOMMANDS[name], arguments)
        if name == "delete_housekeeping":
            for structure in _all(given["structure"]):
                self.delete(structure, time_ns)
        else:
            self.create(_all(given["structure"])[0], _all(given["parameter"]), time_ns)

    def ids(self, structure: int, time_ns: int) -> tuple[int, ...]:
        """The ids of its parameters at a time; none if it is not known. What TM[3,10] says first also holds
        before.
        """
        changes = self.changes.get(structure, ())
        found = changes[0][2] if changes and changes[0][1] else ()
        for since_ns, _, ids in changes:
            if since_ns <= time_ns:
                found = ids
        return found

    def parameters(self, structure: int, time_ns: int) -> tuple[Parameter, ...]:
        """The same as parameters."""
        return tuple(_BY_ID[one] for one in self.ids(structure, time_ns))

    def results(self) -> list[dict[str, Any]]:
        """Each change as plain values: what it holds from then on, none after it was deleted."""
        return [
            {
                "structure": structure,
                "from_ns": since_ns,
                "source": "report" if told else "command",
                "parameters": [_BY_ID[one].name for one in ids],
            }
            for structure, changes in sorted(self.changes.items())
            for since_ns, told, ids in changes
        ]

    def to_plain(self) -> list[Any]:
        """The state as plain values."""
        return [
            [structure, since_ns, told, list(ids)]
            for structure, changes in sorted(self.changes.items())
            for since_ns, told, ids in changes
        ]

    @classmethod
    def from_plain(cls, values: Iterable[Any]) -> Self:
        """With that state; raises ValueError, TypeError or KeyError if it is none."""
        made = cls()
        for structure, since_ns, told, ids in values:
            made._note(int(structure), (int(since_ns), bool(told), tuple(_BY_ID[one].id for one in ids)))
        return made

    def _note(self, structure: int, change: tuple[int, bool, tuple[int, ...]]) -> None:
        if not is_user(structure) or any(one not in _BY_ID for one in change[2]):
            return
        changes = self.changes.setdefault(structure, [])
        if change not in changes and len(changes) < CHANGES_MAX:
            insort(changes, change)


def definitions_of(commands: Iterable[Mapping[str, Any]]) -> Definitions:
    """What telecommands defined that were executed: rows of `commands` of a result."""
    made = Definitions()
    for one in commands:
        done = (
            one["state"] == "executed"
            if one.get("execute_at_ns") is not None
            else one["state"] == "completed"
        )
        if done and one.get("onboard_ns") is not None and "arguments" in one:
            made.follow(one["name"], one["arguments"], one["onboard_ns"])
    return made


def _all(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [int(one) for one in values]
