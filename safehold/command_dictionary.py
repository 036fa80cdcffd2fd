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
            "telecommands": [asdict(item) for item in dictionary.TELECOMMANDS.values()],
            "settings": [asdict(item) for item in dictionary.SETTINGS.values()],
            "applications": [asdict(item) for item in dictionary.APPLICATIONS.values()],
            "reports": [asdict(item) for item in dictionary.REPORTS.values()],
        }
    )
    return document


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
        yield "..."


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
