"""The dictionary for people and programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flight.dictionary import Telecommand

from safehold.errors import FolderError


def dictionary_document() -> dict[str, Any]:
    """Everything that the dictionary declares, as one document; a limit that is none is null."""
    from flight import dictionary
    from safehold.result import json_safe

    document: dict[str, Any] = json_safe(
        {
            "sha256": dictionary.SHA256,
            "telemetry": [asdict(item) for item in dictionary.PARAMETERS.values()],
            "events": [asdict(item) for item in dictionary.EVENTS.values()],
            "telecommands": [_telecommand(item) for item in dictionary.TELECOMMANDS.values()],
            "settings": [asdict(item) for item in dictionary.SETTINGS.values()],
            "applications": [asdict(item) for item in dictionary.APPLICATIONS.values()],
            "reports": [asdict(item) for item in dictionary.REPORTS.values()],
        }
    )
    return document


def _telecommand(command: Telecommand) -> dict[str, Any]:
    """As declared, and of each argument the names that its values have."""
    from flight.arguments import enumeration_of, groups_max
    from flight.dictionary import ENUMERATIONS

    told = asdict(command) | {"groups_max": groups_max(command)}
    for shown, argument in zip(told["arguments"], command.arguments, strict=True):
        enumeration = enumeration_of(command, argument)
        shown["enumeration"] = list(ENUMERATIONS[enumeration]) if enumeration else []
    return told


def export_xtce(place: Path | None) -> None:
    """Write the dictionary as XTCE to a file, or to standard output for None; raises FolderError."""
    from flight.xtce import document

    content = document()
    if place is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        place.write_bytes(content)
    except OSError as error:
        raise FolderError("SH-OUT-001", f"{place} cannot be written: {error.strerror or error}") from None


def _arguments(command: Telecommand) -> Iterator[str]:
    """The arguments' names; one that may come several times, or octets behind them, as dots."""
    for index, argument in enumerate(command.arguments):
        counted = command.counted_from is not None and index >= command.counted_from
        yield f"{argument.name}..." if counted else argument.name
    if command.tail:
        yield "octets..." if command.name == "load_memory" else "..."


def _argument_lines(command: Telecommand) -> Iterator[str]:
    """Each argument with its unit, range and names, and how often a group of them may come."""
    from flight.arguments import enumeration_of, groups_max, names_of
    from flight.dictionary import ENUMERATIONS

    for index, argument in enumerate(command.arguments):
        unit = f" [{argument.unit}]" if argument.unit else ""
        line = f"      {argument.name}{unit} {argument.type}"
        if argument.min is not None and argument.max is not None:
            line += f" from {argument.min:.12g} to {argument.max:.12g}"
        elif argument.min is not None or argument.max is not None:
            line += f" to {argument.max:.12g}" if argument.min is None else f" from {argument.min:.12g}"
        if command.counted_from is not None and index >= command.counted_from:
            line += f", at most {groups_max(command)} of them"
        if enumeration := enumeration_of(command, argument):
            low, high = int(argument.min or 0), int(argument.max or 255)
            values = list(enumerate(ENUMERATIONS[enumeration]))[low : high + 1]
            line += f": {', '.join(f'{value} {name}' for value, name in values)}"
        elif names_of(command.name, argument.name):
            line += f", or the {'telecommand' if argument.name == 'command' else argument.name}'s name"
        yield f"{line}  {argument.meaning}".rstrip()


def _conditions(command: Telecommand) -> str:
    """What must be so before it starts."""
    conditions = []
    if command.modes:
        conditions.append(f"only in {', '.join(command.modes)}")
    if command.dangerous:
        conditions.append(f"dangerous: arm {command.id} first")
    return f" [{'; '.join(conditions)}]" if conditions else ""


def dictionary_lines() -> Iterator[str]:
    """The same as lines, one item each."""
    from flight import dictionary

    yield "telecommands:"
    for command in dictionary.TELECOMMANDS.values():
        yield f"  {command.name}({', '.join(_arguments(command))})  {command.meaning}{_conditions(command)}"
        yield from _argument_lines(command)
    yield "events:"
    severities = ("", "info", "low", "medium", "high")
    for event in dictionary.EVENTS.values():
        yield f"  {event.id} {event.name} [{severities[event.severity]}]  {event.meaning}"
    yield "telemetry:"
    for parameter in dictionary.PARAMETERS.values():
        unit = f" [{parameter.unit}]" if parameter.unit else ""
        yield f"  {parameter.name}{unit}  {parameter.meaning}"
    yield "on-board parameters ([flight.parameters] in a scenario):"
    for setting in dictionary.SETTINGS.values():
        unit = f" {setting.unit}" if setting.unit else ""
        yield f"  {setting.name} = {setting.default}{unit}  {setting.meaning}"
