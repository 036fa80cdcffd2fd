"""Distributions by name: their parameters, and a draw as the inverse of the distribution function.

A draw is a monotone function of one uniform number between `draws.LEAST` and `draws.GREATEST`, so that the
span of what can be drawn is known: an untruncated normal ends at 8.2 sigma. The normal distribution's inverse
is the standard library's (Wichura, algorithm AS 241, Applied Statistics 37, 1988; good to 16 digits).
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist
from typing import Any, Protocol

from safehold.campaign import draws
from safehold.errors import Problem
from safehold.near import listing, suggestion
from safehold.toml_input import shown

WIDEST_INTEGERS = 2**48
LEAST_SHARE = 1e-9
MOST_VALUES = 10_000
LARGEST_NUMBER = 1e300
_STANDARD = NormalDist()


class Distribution(Protocol):
    """Something that can be drawn from."""

    def draw(self, u: float) -> Any:
        """The value at a share u of the distribution, 0 < u < 1."""
        ...


class ImpossibleError(ValueError):
    """Parameters that no distribution has: which one, and what would be right."""

    def __init__(self, parameter: str, expected: str) -> None:
        super().__init__(f"{parameter} {expected}")
        self.parameter = parameter
        self.expected = expected


class UnfitError(ValueError):
    """A value that cannot be a parameter at all: the problem's id, and what would be right."""

    def __init__(self, id: str, expected: str) -> None:
        super().__init__(expected)
        self.id = id
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same value."""

    value: float

    def draw(self, u: float) -> float:
        return self.value


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every value between two limits alike."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _rising("low", self.low, "high", self.high)

    def draw(self, u: float) -> float:
        return _within(self.low * (1.0 - u) + self.high * u, self.low, self.high)


@dataclass(frozen=True, slots=True)
class LogUniform:
    """Every order of magnitude between two limits alike."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _positive("low", self.low)
        _rising("low", self.low, "high", self.high)

    def draw(self, u: float) -> float:
        exponent = math.log(self.low) * (1.0 - u) + math.log(self.high) * u
        return _within(math.exp(exponent), self.low, self.high)


@dataclass(frozen=True, slots=True)
class Normal:
    """The normal distribution, cut off at limits if there are any (and renormalised in between)."""

    mean: float
    sigma: float
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        _positive("sigma", self.sigma)
        _rising("low", self.low, "high", self.high)
        if self._share() < LEAST_SHARE:
            least = f"leaves less than {LEAST_SHARE:g} of the distribution between low and high"
            raise ImpossibleError("low", least)

    def draw(self, u: float) -> float:
        below, above = (
            _below((self.low - self.mean) / self.sigma),
            _below((self.mean - self.high) / self.sigma),
        )
        # The smaller tail is the one that is known exactly; so is 1 - u.
        if below <= above:
            deviate = _deviate(below + u * self._share())
        else:
            deviate = -_deviate(above + (1.0 - u) * self._share())
        return _within(self.mean + self.sigma * deviate, self.low, self.high)

    def _share(self) -> float:
        low, high = (self.low - self.mean) / self.sigma, (self.high - self.mean) / self.sigma
        if low > 0.0:
            low, high = -high, -low
        return _below(high) - _below(low)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A value whose natural logarithm is normal, with the standard deviation sigma about ln(median)."""

    median: float
    sigma: float
    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        _positive("median", self.median)
        _positive("sigma", self.sigma)
        if self.low < 0.0:
            raise ImpossibleError("low", f"is {self.low:g}; a lognormal value is never negative")
        _rising("low", self.low, "high", self.high)
        self._logarithm()

    def draw(self, u: float) -> float:
        return _within(math.exp(min(self._logarithm().draw(u), 709.0)), self.low, self.high)

    def _logarithm(self) -> Normal:
        low = math.log(self.low) if self.low > 0.0 else -math.inf
        high = math.log(self.high) if self.high < math.inf else math.inf
        return Normal(math.log(self.median), self.sigma, low, high)


@dataclass(frozen=True, slots=True)
class Triangular:
    """Rising straight from low to the mode and falling straight to high."""

    low: float
    mode: float
    high: float

    def __post_init__(self) -> None:
        _rising("low", self.low, "high", self.high)
        if not self.low <= self.mode <= self.high:
            raise ImpossibleError(
                "mode", f"is {self.mode:g}; it must lie between low, {self.low:g}, and high, {self.high:g}"
            )

    def draw(self, u: float) -> float:
        width = self.high - self.low
        turn = (self.mode - self.low) / width
        if u < turn:
            value = self.low + width * math.sqrt(u * turn)
        else:
            value = self.high - width * math.sqrt((1.0 - u) * (1.0 - turn))
        return _within(value, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Integers:
    """Every whole number from low to high alike, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        _rising("low", self.low, "high", self.high)
        if self.high - self.low >= WIDEST_INTEGERS:
            raise ImpossibleError("high", "is too far from low; at most 2^48 numbers can be drawn from")

    def draw(self, u: float) -> int:
        return draws.whole(u, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values, with weights that add up to 1, or each alike."""

    values: tuple[Any, ...]
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.values) <= MOST_VALUES:
            raise ImpossibleError("values", f"needs 1 to {MOST_VALUES:,} values")
        if not self.weights:
            return
        if len(self.weights) != len(self.values):
            wrong = f"has {len(self.weights)} numbers for {len(self.values)} values; it needs one each"
            raise ImpossibleError("weights", wrong)
        negative = [weight for weight in self.weights if weight < 0.0]
        if negative:
            raise ImpossibleError("weights", f"has {negative[0]:g}; a weight is not negative")
        total = math.fsum(self.weights)
        if abs(total - 1.0) > 1e-6:
            raise ImpossibleError("weights", f"add up to {total:g}; they must add up to 1")

    def draw(self, u: float) -> Any:
        if not self.weights:
            return self.values[draws.whole(u, 0, len(self.values) - 1)]
        upto = list(accumulate(self.weights))
        chosen = bisect.bisect_right(upto, u * upto[-1])
        # Rounding must not choose a value that has no weight.
        last = max(index for index, weight in enumerate(self.weights) if weight > 0.0)
        return self.values[min(chosen, last)]


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


def span(distribution: Distribution) -> tuple[Any, ...]:
    """What is to be looked at to know that every draw is allowed: each value of a choice, else both ends."""
    if isinstance(distribution, Choice):
        return distribution.values
    if isinstance(distribution, Constant):
        return (distribution.value,)
    return (distribution.draw(draws.LEAST), distribution.draw(draws.GREATEST))


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


def _rising(low_name: str, low: float, high_name: str, high: float) -> None:
    if not low < high:
        raise ImpossibleError(low_name, f"is {low:g}; it must be less than {high_name}, {high:g}")


def _positive(name: str, value: float) -> None:
    if not value > 0.0:
        raise ImpossibleError(name, f"is {value:g}; it must be more than 0")


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _below(deviate: float) -> float:
    """The share of the normal distribution below a deviate, to full relative precision in the lower tail."""
    return 0.5 * math.erfc(-deviate / math.sqrt(2.0))


def _deviate(share: float) -> float:
    """The inverse of `_below`."""
    return _STANDARD.inv_cdf(min(max(share, 1e-300), draws.GREATEST))
