"""Distributions as a file writes them: a name and parameters, to a distribution or to what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from safehold.campaign.distributions import (
    Choice,
    Constant,
    Distribution,
    ImpossibleError,
    Integers,
    LogNormal,
    LogUniform,
    Normal,
    Triangular,
    Uniform,
)
from safehold.errors import Problem
from safehold.near import listing, suggestion
from safehold.toml_input import shown

LARGEST_NUMBER = 1e300


class UnfitError(ValueError):
    """A value that cannot be a parameter at all: the problem's id, and what would be right."""

    def __init__(self, id: str, expected: str) -> None:
        super().__init__(expected)
        self.id = id
        self.expected = expected


@dataclass(frozen=True, slots=True)
class _Declared:
    """How a distribution is written: its class and parameters."""

    make: Callable[..., Distribution]
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    meaning: str = ""


DISTRIBUTIONS: Mapping[str, _Declared] = {
    "constant": _Declared(Constant, ("value",), meaning="always the same"),
    "uniform": _Declared(Uniform, ("low", "high"), meaning="every value alike"),
    "log_uniform": _Declared(LogUniform, ("low", "high"), meaning="every order of magnitude alike"),
    "normal": _Declared(Normal, ("mean", "sigma"), ("low", "high"), "normal, cut off at low and high"),
    "lognormal": _Declared(
        LogNormal, ("median", "sigma"), ("low", "high"), "its natural logarithm is normal with sigma"
    ),
    "triangular": _Declared(Triangular, ("low", "mode", "high"), meaning="most likely at the mode"),
    "integers": _Declared(Integers, ("low", "high"), meaning="every whole number alike, both ends included"),
    "choice": _Declared(Choice, ("values",), ("weights",), "one of the values"),
}


def make(
    name: str,
    given: Mapping[str, object],
    key: str,
    number: Callable[[object], float] | None = None,
) -> tuple[Distribution | None, list[Problem]]:
    """A distribution from its name and parameters, or what is wrong with them.

    `key` is where it stands in the file. `number` turns a parameter into a number (for durations); it raises
    UnfitError.
    """
    declared = DISTRIBUTIONS.get(name)
    if declared is None:
        hint = suggestion(name, DISTRIBUTIONS) or f"; there are {listing(DISTRIBUTIONS)}"
        return None, [
            Problem("SH-CMP-014", f"unknown distribution {name[:60]!r}{hint}", f"{key}, distribution")
        ]
    problems = list(_names(name, declared, given, key))
    values: dict[str, Any] = {}
    for parameter in (*declared.required, *declared.optional):
        if parameter not in given:
            continue
        try:
            values[parameter] = _parameter(name, parameter, given[parameter], number or plain_number)
        except UnfitError as error:
            problems.append(Problem(error.id, error.expected, f"{key}, {parameter}"))
    if problems:
        return None, problems
    try:
        return declared.make(**values), []
    except ImpossibleError as error:
        return None, [Problem("SH-CMP-015", error.expected, f"{key}, {error.parameter}")]


def name_of(distribution: Distribution) -> str:
    """The name of a distribution in a file."""
    return next(name for name, declared in DISTRIBUTIONS.items() if declared.make is type(distribution))


def plain_number(value: object) -> float:
    """A finite number; raises UnfitError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnfitError("SH-CMP-007", f"is {shown(value)}; it must be a number")
    if not abs(value) <= LARGEST_NUMBER:  # NaN is not
        raise UnfitError("SH-CMP-009", f"is {shown(value)}; it must be a finite number")
    return value


def _names(name: str, declared: _Declared, given: Mapping[str, object], key: str) -> Iterator[Problem]:
    known = (*declared.required, *declared.optional)
    for parameter in given:
        if parameter not in known:
            hint = suggestion(parameter, known) or f"; its parameters are {listing(known)}"
            yield Problem(
                "SH-CMP-014", f"{name} has no parameter {parameter[:60]!r}{hint}", f"{key}, {parameter}"
            )
    for parameter in declared.required:
        if parameter not in given:
            needs = " and ".join(declared.required)
            yield Problem("SH-CMP-014", f"is missing: {name} needs {needs}", f"{key}, {parameter}")


def _parameter(name: str, parameter: str, value: object, number: Callable[[object], float]) -> Any:
    if parameter in ("values", "weights"):
        if not isinstance(value, list):
            raise UnfitError("SH-CMP-007", f"is {shown(value)}; it must be a list")
        return tuple(value) if parameter == "values" else tuple(plain_number(one) for one in value)
    # A lognormal's sigma is a ratio, whatever the key's unit is.
    found = plain_number(value) if (name, parameter) == ("lognormal", "sigma") else number(value)
    if name != "integers":
        return float(found)
    if not isinstance(found, int):
        raise UnfitError("SH-CMP-007", f"is {shown(value)}; it must be a whole number")
    return found
