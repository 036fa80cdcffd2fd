"""Shares with their intervals and percentiles with theirs: the arithmetic of a campaign's rates and times.

Intervals of a share: Wilson (1927), and Clopper and Pearson (1934). Clopper and Pearson's covers the true
share in at least 95 of 100 campaigns whatever the share is, and is what the reports state; Wilson's is
narrower and covers it in 95 of 100 on average. Percentiles are observed values, the smallest that at least
that share of the values do not exceed (definition 1 of Hyndman and Fan 1996), with the interval that two
other observed values give by the binomial distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`; None where the data give no bound on that side."""

    low: float | None
    high: float | None


def wilson(events: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a share; none for no trials.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209; method 3 of Newcombe (1998).
    """
    _check(events, trials, confidence)
    if trials == 0:
        return Interval(None, None)
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    share = events / trials
    centre = share + z * z / (2.0 * trials)
    half = z * math.sqrt(share * (1.0 - share) / trials + z * z / (4.0 * trials * trials))
    scale = 1.0 + z * z / trials
    low = 0.0 if events == 0 else (centre - half) / scale
    high = 1.0 if events == trials else (centre + half) / scale
    return Interval(low, high)


def clopper_pearson(events: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """Clopper and Pearson's interval of a share, never too narrow; none for no trials.

    Source: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404; method 5 of Newcombe (1998).
    """
    _check(events, trials, confidence)
    if trials == 0:
        return Interval(None, None)
    tail = (1.0 - confidence) / 2.0
    return Interval(_lower(events, trials, tail), _upper(events, trials, tail))


def upper_bound(events: int, trials: int, confidence: float = CONFIDENCE) -> float | None:
    """The share that the true one does not exceed, one-sided; for no events 1 - (1 - confidence)^(1/trials).

    That is the exact form of the rule of three: after n trials without an event the share is at most 3/n.
    """
    _check(events, trials, confidence)
    return None if trials == 0 else _upper(events, trials, 1.0 - confidence)


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the ascending values do not exceed; None of none."""
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share lies between 0 and 1, not {share}")
    if not len(ordered):
        return None
    return float(ordered[max(1, _ceiling(share * len(ordered))) - 1])


def percentile_interval(ordered: Sequence[float], share: float, confidence: float = CONFIDENCE) -> Interval:
    """An interval for the population's percentile between two of the ascending values.

    It covers with at least the confidence whatever the distribution; a side is None where the values are too
    few to bound it. Source: H. A. David, H. N. Nagaraja, Order Statistics, 3rd ed., section 7.1.
    """
    count = len(ordered)
    if not 0.0 < share < 1.0:
        raise ValueError(f"only percentiles between 0 and 1 have an interval, not {share}")
    if not count:
        return Interval(None, None)
    tail = (1.0 - confidence) / 2.0
    # The number of values below the population's percentile is binomial.
    below = _binomial_quantile(tail, count, share)
    above = _binomial_quantile(1.0 - tail, count, share) + 1
    return Interval(
        float(ordered[below - 1]) if below >= 1 else None,
        float(ordered[above - 1]) if above <= count else None,
    )


def _check(events: int, trials: int, confidence: float) -> None:
    if not 0 <= events <= trials:
        raise ValueError(f"{events} events in {trials} trials cannot be")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"a confidence lies between 0 and 1, not {confidence}")


def _lower(events: int, trials: int, tail: float) -> float:
    from scipy.special import betaincinv

    return 0.0 if events == 0 else float(betaincinv(events, trials - events + 1, tail))


def _upper(events: int, trials: int, tail: float) -> float:
    from scipy.special import betaincinv

    if events == trials:
        return 1.0
    if events == 0:
        return -math.expm1(math.log(tail) / trials)
    return float(betaincinv(events + 1, trials - events, 1.0 - tail))


def _ceiling(value: float) -> int:
    """The next whole number, where 0.95 × 20 is 19 although its binary neighbour lies above."""
    return math.ceil(value - 1e-9 * max(1.0, value))


def _binomial_quantile(chance: float, count: int, share: float) -> int:
    """The smallest number that a binomial variable exceeds with at most 1 - chance, by bisection."""
    from scipy.special import bdtr

    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if bdtr(middle, count, share) >= chance:
            high = middle
        else:
            low = middle + 1
    return low
