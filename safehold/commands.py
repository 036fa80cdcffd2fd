"""Telecommands of a scenario: checked against the dictionary, and told to the ground as numbers.

Octets of a `[[command]]` may be in a file beside the scenario; they are then part of the scenario, so that
its text alone repeats the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from safehold.errors import Problem, ScenarioError
from safehold.near import listing, suggestion
from safehold.stack import file_beside

if TYPE_CHECKING:
    from ground.config import Command as GroundCommand
    from safehold.scenario import Source
    from safehold.schema import Command, Scenario


def expand(tree: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """A scenario's tree with the octets of files (`octets`) in place of their names (`file`).

    Raises ScenarioError, naming the key, for a file that cannot be taken.
    """
    commands = tree.get("command")
    if not isinstance(commands, list):
        return dict(tree)
    return {**tree, "command": [_with_octets(one, source, at) for at, one in enumerate(commands, start=1)]}


def _with_octets(command: object, source: Source, place: int) -> object:
    from flight.arguments import LOAD_OCTETS_MAX, OCTETS

    given = command.get("arguments") if isinstance(command, dict) else None
    if not isinstance(command, dict) or not isinstance(given, dict) or "file" not in given:
        return command
    if not isinstance(given["file"], str):  # the id of a file on board
        return command
    key = f"[[command]] {place}, arguments.file"
    if OCTETS in given:
        raise ScenarioError(source.label, [Problem("SH-SCN-005", f"goes instead of `{OCTETS}`", key)])
    path = file_beside(given["file"], source, key)
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise ScenarioError(source.label, [Problem("SH-SCN-001", f"{path} is no regular file", key)])
        with path.open("rb") as file:
            octets = file.read(LOAD_OCTETS_MAX + 1)
    except OSError as error:
        wrong = f"{path} cannot be read: {error.strerror}"
        raise ScenarioError(source.label, [Problem("SH-SCN-001", wrong, key)]) from None
    if len(octets) > LOAD_OCTETS_MAX:
        wrong = f"{path} is larger than {LOAD_OCTETS_MAX} octets"
        raise ScenarioError(source.label, [Problem("SH-SCN-004", wrong, key)])
    arguments = {name: value for name, value in given.items() if name != "file"} | {OCTETS: octets.hex()}
    return {**command, "arguments": arguments}


def numbers(name: str, arguments: Mapping[str, Any]) -> dict[str, float | str | list[float]]:
    """Arguments that were checked, as the ground is told them."""
    from flight.arguments import resolve
    from flight.dictionary import TELECOMMANDS

    told: dict[str, float | str | list[float]] = {}
    for one, value in resolve(TELECOMMANDS[name], arguments).items():
        if isinstance(value, list):
            told[one] = [float(each) for each in value]
        else:
            told[one] = value if isinstance(value, str) else float(value)
    return told


def to_ground(command: Command) -> GroundCommand:
    """A telecommand that was checked, as the ground is told it."""
    from ground.config import Command as GroundCommand
    from ground.tracking import PRIORITIES

    return GroundCommand(
        at_ns=command.at,
        name=command.name,
        arguments=numbers(command.name, command.arguments),
        execute_at_ns=command.execute_at,
        priority=PRIORITIES.index(command.priority),
        expires_ns=command.expires,
        stack=command.group,
        after_completion=command.after_completion,
    )


def check(scenario: Scenario) -> Iterator[Problem]:
    """What is wrong with a scenario's telecommands."""
    yield from check_each(scenario.command, scenario.duration)


def check_each(commands: Sequence[Command], duration_ns: int) -> Iterator[Problem]:
    """What is wrong with telecommands for a mission of that duration."""
    if not commands:
        return
    from flight.arguments import resolve
    from flight.dictionary import TELECOMMANDS
    from flight.services import TIME_BASED_SCHEDULING, make_command

    for index, command in enumerate(commands):
        key = f"[[command]] {index + 1}"
        if command.at >= duration_ns:
            yield Problem("SH-SCN-021", "is after the end of the run", f"{key}, at")
        known = TELECOMMANDS.get(command.name)
        if known is None:
            hint = suggestion(command.name, TELECOMMANDS) or f"; there are {listing(TELECOMMANDS)}"
            yield Problem("SH-SCN-018", f"unknown telecommand {command.name!r}{hint}", f"{key}, name")
            continue
        if command.execute_at is not None and command.execute_at <= command.at:
            yield Problem("SH-SCN-018", "is not after `at`, when it is wanted", f"{key}, execute_at")
        if command.expires is not None and command.expires <= command.at:
            yield Problem("SH-SCN-021", "is not after `at`, when it is wanted", f"{key}, expires")
        if command.after_completion and not command.group:
            wrong = "needs a group, in which a command goes before it"
            yield Problem("SH-SCN-006", wrong, f"{key}, after_completion")
        try:
            resolve(known, command.arguments)
        except ValueError as error:
            yield Problem("SH-SCN-018", str(error), f"{key}, arguments")
            continue
        if command.execute_at is None:
            continue
        if known.service == TIME_BASED_SCHEDULING:
            wrong = f"{command.name!r} is about the schedule and cannot itself be time-tagged"
            yield Problem("SH-SCN-018", wrong, f"{key}, execute_at")
            continue
        try:
            make_command(command.name, command.arguments, sequence=0, execute_at_ns=command.execute_at)
        except ValueError as error:
            yield Problem("SH-SCN-018", str(error), f"{key}, execute_at")
