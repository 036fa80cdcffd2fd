"""Distributions: their parameters, and a draw as the inverse of the distribution function.

A draw is a monotone function of one uniform number between `draws.LEAST` and `draws.GREATEST`, so that the
span of what can be drawn is known: an untruncated normal ends at 8.2 sigma. The normal distribution's inverse
is the standard library's (Wichura, algorithm AS 241, Applied Statistics 37, 1988; good to 16 digits).
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist
from typing import Any, Protocol

from safehold.campaign import draws

WIDEST_INTEGERS = 2**48
LEAST_SHARE = 1e-9
MOST_VALUES = 10_000
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


def span(distribution: Distribution) -> tuple[Any, ...]:
    """What is to be looked at to know that every draw is allowed: each value of a choice, else both ends."""
    if isinstance(distribution, Choice):
        return distribution.values
    if isinstance(distribution, Constant):
        return (distribution.value,)
    return (distribution.draw(draws.LEAST), distribution.draw(draws.GREATEST))


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
