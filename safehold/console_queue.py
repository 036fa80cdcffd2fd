"""What a folder's mission control knew when it last kept itself, as rows of the queue that consoles see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ground.commands import OWN
from ground.config import Command, GroundConfig
from ground.console import Console, origin_of, read_request
from ground.mission import configuration_of
from ground.store import ENDED, Saved
from ground.store.console import Entry
from ground.tracking import Tracking
from safehold.documents import DAMAGED


@dataclass(frozen=True, slots=True)
class Row:
    """A telecommand in mission control's queue: what is known of it, and what was asked for."""

    tracking: Tracking
    command: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What a folder's mission control knew when it last kept itself: to when it had lived, whether that was
    the end, its telecommands by where they came from, in their order, and what it had taken of consoles.
    """

    config: GroundConfig
    time_ns: int
    ended: bool
    rows: dict[str, list[Row]]
    console: Console

    def added(self) -> int:
        """How many telecommands it has had beyond those of its configuration."""
        return sum(map(len, self.rows.values())) - len(self.config.commands)

    def waiting(self) -> int:
        """How many telecommands of consoles are in its queue and have not gone up."""
        mine = (rows for origin, rows in self.rows.items() if of_console(origin))
        return sum(one.tracking.state == "queued" for rows in mine for one in rows)


def known_of(saved: Saved) -> Known:
    """From what its store holds; raises StoreError, or one of DAMAGED if that is no ground's."""
    values = saved.pieces
    console = Console.from_plain(json.loads(values["console"])) if "console" in values else Console()
    rows: dict[str, list[Row]] = {}
    for _, content in sorted((index, row) for index, row in saved.commands.items() if index < OWN):
        row = json.loads(content)
        tracking = Tracking(**row["tracking"])
        rows.setdefault(tracking.origin, []).append(Row(tracking, row["command"]))
    config, time_ns = configuration_of(saved), int(json.loads(values["time_ns"]))
    return Known(config, time_ns, ENDED in values or time_ns >= config.duration_ns, rows, console)


def of_console(origin: str) -> bool:
    """Whether a telecommand with this origin came from a console."""
    return origin.startswith("request ")


def shown(entry: Entry, known: Known) -> list[dict[str, Any]]:
    """A request as rows of the queue: its telecommands, or itself if it is to take another one back."""
    common = {"request": entry.number, "made_utc": entry.made}
    if (why := known.console.refused.get(entry.number)) is not None:
        return [_blank(entry) | common | {"state": "refused", "why": why}]
    if found := known.rows.get(origin_of(entry.number)):
        return [row_of(one, known.time_ns) | common for one in found]
    return [one | common for one in _not_entered(entry, known)]


def _not_entered(entry: Entry, known: Known) -> list[dict[str, Any]]:
    try:
        parts = read_request(entry.content)
        if "take_back" in parts:
            state = "done" if entry.number <= known.console.taken else "waiting"
            return [_blank(entry) | {"take_back": parts["take_back"], "state": state}]
        wanted = [Command(**row) for row in parts["commands"]]
    except DAMAGED as error:
        return [_blank(entry) | {"state": "refused", "why": f"it is no request: {error}"}]
    if entry.number <= known.console.taken:
        return [_blank(entry) | {"state": "refused", "why": "its reason is no longer kept"}]
    rows = []
    for one in wanted:
        late = one.expires_ns is not None and one.expires_ns <= known.time_ns
        row = {"telecommand": one.name, "arguments": dict(one.arguments), "at_ns": one.at_ns or None}
        row |= {"expires_ns": one.expires_ns, "execute_at_ns": one.execute_at_ns, "priority": one.priority}
        rows.append(_blank(entry) | row | {"state": "expired" if late else "waiting"})
    return rows


def _blank(entry: Entry) -> dict[str, Any]:
    return {"telecommand": "", "origin": origin_of(entry.number)}


def row_of(row: Row, time_ns: int) -> dict[str, Any]:
    """A telecommand as a row of the queue."""
    one, wanted = asdict(row.tracking), row.command
    if one["state"] == "queued" and one["expires_ns"] is not None and one["expires_ns"] <= time_ns:
        one |= {"state": "expired", "closed_ns": one["expires_ns"]}
    more = {"arguments": wanted["arguments"], "execute_at_ns": wanted["execute_at_ns"]}
    return {"request": None, "telecommand": one.pop("name"), **one, **more}
