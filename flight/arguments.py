"""Arguments of telecommands: what a person may write for them, and the octets that they become.

A value is a number or, where there are names, a name: of an enumeration's value (`mode = "SAFE"`), or of an
item of the dictionary in place of its id (`parameter = "battery_charge"`). Arguments that come in groups
behind a count may each be a list, all of one length; what is no list then holds for every group. Octets
behind the arguments are given as hexadecimal digits by the name `octets`. None of it is trusted.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache

from flight import dictionary
from flight.dictionary import Argument, Telecommand
from flight.frames import crc16

Arguments = Mapping[str, float | str | Sequence[float | str]]
"""What is given for a telecommand's arguments, by name."""
Resolved = dict[str, float | str | list[float]]
"""The same as numbers, and octets as hexadecimal digits: names are ids, and nothing is left out."""

OCTETS = "octets"
DATA_OCTETS_MAX = 1_012
"""Of a telecommand packet, without its headers and its error control."""
LOAD_OCTETS_MAX = 900
_GROUPS_MAX = {"create_housekeeping": 24, "dump_memory": 8, "check_memory": 8}  # what is taken on board
_GROUPS_OF_A_COUNT = 255
_ENUMERATED = {
    ("set_mode", "mode"): "mode",
    ("set_unit_health", "kind"): "unit_kind",
    ("set_unit_health", "state"): "unit_override",
}
_HEX = frozenset("0123456789abcdefABCDEF \t\n\r")
_IDS = ("command", "setting", "parameter", "event")
BIG_ENDIAN = {"f64": "d", "f32": "f", "i64": "q", "u64": "Q", "u32": "I", "u16": "H", "i16": "h", "u8": "B"}


def enumeration_of(command: Telecommand, argument: Argument) -> str:
    """The name of the enumeration that an argument has, or an empty text."""
    return _ENUMERATED.get((command.name, argument.name), "")


@cache
def names_of(command_name: str, argument_name: str) -> Mapping[str, int]:
    """What each name means that can be given for an argument; empty if there are none."""
    if enumeration := _ENUMERATED.get((command_name, argument_name)):
        return {name: value for value, name in enumerate(dictionary.ENUMERATIONS[enumeration])}
    if argument_name not in _IDS:
        return {}
    named: Iterable[tuple[str, int]] = {
        "command": ((one.name, one.id) for one in dictionary.TELECOMMANDS.values()),
        "setting": ((one.name, one.id) for one in dictionary.SETTINGS.values()),
        "parameter": ((one.name, one.id) for one in dictionary.PARAMETERS.values()),
        "event": ((one.name, one.id) for one in dictionary.EVENTS.values()),
    }[argument_name]
    return dict(named)


def groups_max(command: Telecommand) -> int:
    """How many groups of arguments a telecommand may carry; 1 if they are not counted."""
    if command.counted_from is None:
        return 1
    octets = 1
    for index, argument in enumerate(command.arguments):
        octets += dictionary.TYPE_OCTETS[argument.type] * (index < command.counted_from)
    group = sum(dictionary.TYPE_OCTETS[one.type] for one in command.arguments[command.counted_from :])
    most = min(_GROUPS_OF_A_COUNT, (DATA_OCTETS_MAX - octets) // group)
    return min(most, _GROUPS_MAX.get(command.name, most))


def resolve(command: Telecommand, given: Arguments) -> Resolved:
    """The arguments as numbers; raises ValueError, which names what is wrong, for what cannot be sent."""
    try:
        return _resolve(command, given)
    except ValueError as error:
        raise ValueError(f"{command.name}: {error}") from None


def _resolve(command: Telecommand, given: Arguments) -> Resolved:
    expected = [argument.name for argument in command.arguments]
    allowed = [*expected, OCTETS] if command.tail else expected
    if command.name == "insert_activities":
        raise ValueError("carries octets of its own; give a telecommand `execute_at` instead")
    for name in given:
        if name not in allowed:
            near = get_close_matches(name, allowed, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            listed = ", ".join(allowed) or "none"
            raise ValueError(f"there is no argument {name!r}; its arguments are {listed}{hint}")
    resolved: Resolved = {}
    if command.tail:
        given = {**given, OCTETS: _hex(given)}
        given = {"length": len(given[OCTETS]) // 2, **given}  # type: ignore[arg-type]
    for name in allowed:
        if name not in given:
            raise ValueError(f"the argument {name!r} is missing")
    lengths: dict[str, int] = {}
    for index, argument in enumerate(command.arguments):
        value = given[argument.name]
        if not isinstance(value, list | tuple):
            resolved[argument.name] = _number(command, argument, argument.name, value)
            continue
        if command.counted_from is None or index < command.counted_from:
            raise ValueError(f"{argument.name} is a list; it has one value here")
        lengths[argument.name] = len(value)
        resolved[argument.name] = [
            _number(command, argument, f"{argument.name}[{place}]", one) for place, one in enumerate(value)
        ]
    _check_lengths(command, lengths)
    if command.tail:
        octets = str(given[OCTETS])
        if resolved["length"] != len(octets) // 2:
            raise ValueError(
                f"length is {resolved['length']:g}, but octets has {len(octets) // 2}; it may be left out"
            )
        resolved[OCTETS] = octets
    return resolved


def encode(command: Telecommand, given: Arguments) -> bytes:
    """The octets of the arguments in a packet; raises ValueError as `resolve` does."""
    resolved = resolve(command, given)
    fixed = command.arguments[: command.counted_from]
    data = b"".join(_pack(argument, _single(resolved[argument.name])) for argument in fixed)
    if command.counted_from is not None:
        group = command.arguments[command.counted_from :]
        lists = [value for one in group if isinstance(value := resolved[one.name], list)]
        groups = len(lists[0]) if lists else 1
        data += bytes([groups])
        for place in range(groups):
            for argument in group:
                value = resolved[argument.name]
                data += _pack(argument, value[place] if isinstance(value, list) else _single(value))
    if command.tail:
        octets = bytes.fromhex(str(resolved[OCTETS]))
        data += octets + crc16(octets).to_bytes(2, "big")
    return data


def _single(value: float | str | list[float]) -> float:
    assert isinstance(value, int | float)
    return value


def _pack(argument: Argument, value: float) -> bytes:
    return struct.pack(">" + BIG_ENDIAN[argument.type], value if argument.type[0] == "f" else int(value))


def _check_lengths(command: Telecommand, lengths: Mapping[str, int]) -> None:
    if not lengths:
        return
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in lengths.items())
        raise ValueError(f"the lists differ in length: {told}; a single value holds for all")
    count, most = next(iter(lengths.values())), groups_max(command)
    if not 1 <= count <= most:
        name = next(iter(lengths))
        raise ValueError(f"{name} has {count} values; 1 to {most} can be sent")


def _number(command: Telecommand, argument: Argument, name: str, value: object) -> float:
    """One value as a number that its type can hold."""
    if isinstance(value, str):
        named = names_of(command.name, argument.name)
        if not named:
            raise ValueError(f"{name} is {value[:60]!r}; it must be a number")
        if value not in named:
            near = get_close_matches(value, named, n=1) or get_close_matches(value.upper(), named, n=1)
            few = f"; it is one of {', '.join(named)}" if len(named) <= 16 else ""
            hint = f"; did you mean {near[0]!r}?" if near else few
            raise ValueError(f"{name} is {value[:60]!r}, which is no name of a {argument.name}{hint}")
        number: float = named[value]
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {str(value)[:60]}; it must be a number")
    else:
        number = value
    low = -math.inf if argument.min is None else argument.min
    high = math.inf if argument.max is None else argument.max
    told = value if isinstance(value, str) else f"{number}"[:60]
    if not low <= number <= high or (isinstance(number, float) and not math.isfinite(number)):
        span = f"{low} and {high} {argument.unit}".rstrip()
        raise ValueError(f"{name} is {told}; it must lie between {span}")
    if argument.type[0] != "f" and number != int(number):
        raise ValueError(f"{name} is {told}; it must be a whole number")
    try:
        _pack(argument, number)
    except (struct.error, OverflowError):
        raise ValueError(f"{name} is {told}, which is no {argument.type}") from None
    return number


def _hex(given: Arguments) -> str:
    """The octets as hexadecimal digits alone; white space between octets is allowed."""
    if OCTETS not in given:
        raise ValueError(f"the argument {OCTETS!r} is missing")
    text = given[OCTETS]
    if not isinstance(text, str):
        raise ValueError(
            f'{OCTETS} is {str(text)[:60]}; it must be hexadecimal digits in quotes, like "0A FF"'
        )
    wrong = next(
        (place for place, one in enumerate(text) if one not in "0123456789abcdefABCDEF \t\n\r"), None
    )
    if wrong is not None:
        raise ValueError(f"{OCTETS} has {text[wrong]!r} at place {wrong + 1}, which is no hexadecimal digit")
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        raise ValueError(f"{OCTETS} has half an octet; every octet has two hexadecimal digits") from None
    if not 1 <= len(octets) <= LOAD_OCTETS_MAX:
        raise ValueError(f"{OCTETS} has 1 to {LOAD_OCTETS_MAX} octets, not {len(octets)}")
    return octets.hex()
