"""The dictionary for people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any


def dictionary_document() -> dict[str, Any]:
    """Everything that the dictionary declares, as one document."""
    from flight import dictionary

    return {
        "sha256": dictionary.SHA256,
        "telemetry": [asdict(item) for item in dictionary.PARAMETERS.values()],
        "events": [asdict(item) for item in dictionary.EVENTS.values()],
        "telecommands": [asdict(item) for item in dictionary.TELECOMMANDS.values()],
        "settings": [asdict(item) for item in dictionary.SETTINGS.values()],
    }


def dictionary_lines() -> Iterator[str]:
    """The same as lines, one item each."""
    from flight import dictionary

    yield "telecommands:"
    for command in dictionary.TELECOMMANDS.values():
        arguments = ", ".join(argument.name for argument in command.arguments)
        yield f"  {command.name}({arguments})  {command.meaning}"
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
