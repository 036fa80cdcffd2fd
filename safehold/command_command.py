"""`safehold command`: ask the mission control of a folder for telecommands, and see its queue."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safehold.durations import format_clock
from safehold.errors import EXIT_OK, UsageError, legible

EXAMPLE = "safehold command set_mode mode=SAFE --data DIR"
_AS_TEXT = ("octets",)
_NUMBER_MAX = 64
_WHOLE = re.compile("[+-]?[0-9]+")
_HEXADECIMAL = re.compile("[+-]?0[xX][0-9a-fA-F]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOptions:
    """The command line."""

    data: Path
    name: str | None = None
    arguments: tuple[str, ...] = ()
    stack: Path | None = None
    at: str | None = None
    execute_at: str | None = None
    expires: str | None = None
    priority: str | None = None
    cancel: int | None = None
    show: bool = False
    json_output: bool = False


def command_command(options: CommandOptions) -> int:
    """Do what was asked for; raises ConsoleError, ScenarioError and UsageError if it cannot be done."""
    from safehold import console

    _check(options)
    wishes = console.Wishes(
        at=options.at, execute_at=options.execute_at, expires=options.expires, priority=options.priority
    )
    if options.name is not None:
        arguments = read_arguments(options.arguments)
        number, done = console.ask(options.data, options.name, arguments, wishes), "waits for mission control"
    elif options.stack is not None:
        number, done = console.ask_stack(options.data, options.stack, wishes), "waits for mission control"
    elif options.cancel is not None:
        number = console.take_back(options.data, options.cancel)
        done = f"to take back request {options.cancel} waits for mission control"
    else:
        _show(console.queue(options.data), options.json_output)
        return EXIT_OK
    if options.json_output:
        print(json.dumps({"request": number}))
    else:
        print(f"request  {number} {done}; safehold command --data {options.data} shows what becomes of it")
    return EXIT_OK


def read_arguments(pairs: Sequence[str]) -> dict[str, Any]:
    """Arguments from KEY=VALUE: a number, a name, or several with commas between; raises UsageError."""
    arguments: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError("SH-CLI-002", f"{legible(pair, 80)!r} is no argument; write {EXAMPLE}")
        if key in arguments:
            raise UsageError("SH-CLI-002", f"the argument {legible(key, 80)!r} is given twice")
        if key in _AS_TEXT:
            arguments[key] = value
        elif "," in value:
            arguments[key] = [_value(one) for one in value.split(",")]
        else:
            arguments[key] = _value(value)
    return arguments


def _value(text: str) -> int | float | str:
    """A number in decimal, or a whole one in hexadecimal (0x1f); any other text is a name."""
    if len(text) > _NUMBER_MAX:
        return text
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def _check(options: CommandOptions) -> None:
    """Raises UsageError for options that do not go together."""
    if options.name is not None and "=" in options.name:
        wrong = f"NAME is missing before {legible(options.name, 80)!r}"
        raise UsageError("SH-CLI-002", f"{wrong}; write {EXAMPLE}")
    one_of = {
        "NAME": options.name is not None,
        "--stack": options.stack is not None,
        "--cancel": options.cancel is not None,
        "--list": options.show,
    }
    given = [name for name, is_there in one_of.items() if is_there]
    if len(given) > 1:
        raise UsageError("SH-CLI-001", f"{' and '.join(given)} do not go together")
    wishes = {
        "--at": options.at,
        "--execute-at": options.execute_at,
        "--expires": options.expires,
        "--priority": options.priority,
    }
    allowed = {"NAME": tuple(wishes), "--stack": ("--at", "--priority")}.get("".join(given), ())
    for name, value in wishes.items():
        if value is not None and name not in allowed:
            has = "it goes with a telecommand"
            if options.stack is not None:
                has = "with --stack go only --at and --priority; its [[command]] tables have `expires`"
            raise UsageError("SH-CLI-001", f"{name} is out of place: {has}")


def _show(document: Mapping[str, Any], json_output: bool) -> None:
    if json_output:
        print(json.dumps(document, indent=2, allow_nan=False))
        return
    came = f"{format_clock(document['time_ns'])} of {format_clock(document['end_ns'])}"
    over = "; its run has ended" if document["ended"] else ""
    print(f"mission control has come to {came} since {document['epoch']}{over}")
    rows = [_cells(row) for row in document["telecommands"]]
    if not rows:
        print("no telecommand has been asked for")
        return
    rows.insert(0, ("id", "telecommand", "state", "asked (UTC)", "sent", "settled", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[6]]).rstrip())


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Number of the request (- if it is not a console's), telecommand, state, times, and what else to say."""
    name = row["telecommand"] or (f"(take back {row['take_back']})" if "take_back" in row else "")
    settled = next((row[at] for at in ("executed_ns", "completed_ns", "closed_ns") if row.get(at)), None)
    more = str(row.get("why", ""))
    if row.get("failure_code"):
        more = f"code {row['failure_code']}, parameter {row['failure_parameter']}"
    cells = (
        "-" if row["request"] is None else str(row["request"]),
        str(name),
        str(row["state"]),
        str(row.get("made_utc", row.get("origin", ""))),
        _clock(row.get("departure_ns")),
        _clock(settled),
        more,
    )
    return tuple(legible(cell, 200) for cell in cells)


def _clock(time_ns: int | None) -> str:
    return "" if time_ns is None else format_clock(time_ns)
