"""Intervals and percentiles against published tables, and against the definitions that they solve.

Published: R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of seven
methods", Statistics in Medicine 17 (1998) 857-872, table I, methods 3 (score, Wilson) and 5 (exact,
Clopper-Pearson), to the four decimals printed there. Order statistics: the median's interval for 10 and 20
values as in W. J. Conover, Practical Nonparametric Statistics, 3rd ed. (1999), section 3.2.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.campaign.statistics import (
    Interval,
    clopper_pearson,
    percentile,
    percentile_interval,
    upper_bound,
    wilson,
)

pytestmark = pytest.mark.requirement("S5")

# events, trials, Wilson's interval, Clopper and Pearson's
NEWCOMBE = [
    (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
    (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
    (0, 20, (0.0000, 0.1611), (0.0000, 0.1684)),
    (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
]


def bounds(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


def at_most(events: int, trials: int, share: float) -> float:
    """The chance of so many events or fewer, summed term by term."""
    return math.fsum(
        math.comb(trials, k) * share**k * (1.0 - share) ** (trials - k) for k in range(events + 1)
    )


@pytest.mark.parametrize(("events", "trials", "score", "exact"), NEWCOMBE)
def test_intervals_against_newcombe_table_1(
    events: int, trials: int, score: tuple[float, float], exact: tuple[float, float]
) -> None:
    assert bounds(wilson(events, trials)) == pytest.approx(score, abs=5e-5)
    assert bounds(clopper_pearson(events, trials)) == pytest.approx(exact, abs=5e-5)


@pytest.mark.parametrize(("trials", "confidence"), list(product((1, 7, 40), (0.8, 0.95, 0.99))))
def test_clopper_pearson_solves_its_two_equations(trials: int, confidence: float) -> None:
    """At each bound the chance of what was seen, or of more extreme, is half of what is left; 1e-9 relative
    is what the inverse of the incomplete beta function gives.
    """
    tail = (1.0 - confidence) / 2.0
    for events in range(trials + 1):
        low, high = bounds(clopper_pearson(events, trials, confidence))
        if events:
            assert 1.0 - at_most(events - 1, trials, low) == pytest.approx(tail, rel=1e-9)
        if events < trials:
            assert at_most(events, trials, high) == pytest.approx(tail, rel=1e-9)
    assert bounds(clopper_pearson(0, trials, confidence))[0] == 0.0
    assert bounds(clopper_pearson(trials, trials, confidence))[1] == 1.0


@pytest.mark.parametrize("trials", [5, 30, 200])
def test_wilson_solves_the_score_equation(trials: int) -> None:
    """At each bound the distance from what was seen is 1.959964 standard errors at the bound itself."""
    for events in range(1, trials):
        for bound in bounds(wilson(events, trials)):
            error = math.sqrt(bound * (1.0 - bound) / trials)
            assert abs(events / trials - bound) / error == pytest.approx(1.9599639845, rel=1e-9)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3, 0.5, 0.97])
def test_clopper_pearson_covers_in_at_least_95_of_100(share: float) -> None:
    trials = 60
    chances = [math.comb(trials, k) * share**k * (1.0 - share) ** (trials - k) for k in range(trials + 1)]
    covered = math.fsum(
        chance
        for events, chance in enumerate(chances)
        if bounds(clopper_pearson(events, trials))[0] <= share <= bounds(clopper_pearson(events, trials))[1]
    )
    assert covered >= 0.95


def test_nothing_in_30000_means_at_most_1_in_10000() -> None:
    """The rule of three in its exact form, 1 - 0.05^(1/n), which three over n bounds from above."""
    for trials, three in ((30_000, 1e-4), (300_000, 1e-5)):
        bound = upper_bound(0, trials)
        assert bound is not None
        assert bound == pytest.approx(1.0 - 0.05 ** (1.0 / trials), rel=1e-9)
        assert 0.99 * three < bound < three


def test_a_one_sided_bound_is_that_of_an_interval_with_twice_the_tail() -> None:
    assert upper_bound(3, 50) == pytest.approx(bounds(clopper_pearson(3, 50, 0.90))[1], rel=1e-12)


def test_no_trials_bound_nothing() -> None:
    assert wilson(0, 0) == clopper_pearson(0, 0) == Interval(None, None)
    assert upper_bound(0, 0) is None


@pytest.mark.parametrize(("events", "trials"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(events: int, trials: int) -> None:
    for function in (wilson, clopper_pearson, upper_bound):
        with pytest.raises(ValueError, match="cannot be"):
            function(events, trials)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.floats(0.001, 1.0))
def test_percentile_is_numpys_inverted_distribution(values: list[float], share: float) -> None:
    """NumPy's method "inverted_cdf" is the same definition, written by others. Where share × count is a whole
    number but for the last bit the two may round apart: those are left out.
    """
    ordered = sorted(values)
    place = share * len(values)
    if abs(place - round(place)) > 1e-6:
        assert percentile(ordered, share) == np.quantile(ordered, share, method="inverted_cdf")


def test_percentiles_of_a_hundred() -> None:
    ordered = [float(value) for value in range(1, 101)]
    found = [percentile(ordered, share) for share in (0.5, 0.9, 0.95, 0.99, 1.0)]
    assert found == [50.0, 90.0, 95.0, 99.0, 100.0]
    assert percentile([], 0.5) is None
    assert percentile([7.0], 0.99) == 7.0


@pytest.mark.parametrize(("count", "low", "high"), [(10, 2.0, 9.0), (20, 6.0, 15.0)])
def test_interval_of_the_median_against_conover(count: int, low: float, high: float) -> None:
    ordered = [float(value) for value in range(1, count + 1)]
    assert percentile_interval(ordered, 0.5) == Interval(low, high)


@given(st.integers(1, 400), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_interval_of_a_percentile_covers_and_is_no_wider_than_needed(count: int, share: float) -> None:
    """The true percentile lies below the l-th value if fewer than l values lie below it, a binomial event:
    each side may miss in 2.5 of 100, and one step further in it would miss more often.
    """
    found = percentile_interval([float(value) for value in range(1, count + 1)], share)
    if found.low is not None:
        place = int(found.low)
        assert at_most(place - 1, count, share) < 0.025
        assert at_most(place, count, share) >= 0.025
    else:
        assert at_most(0, count, share) >= 0.025
    if found.high is not None:
        place = int(found.high)
        assert at_most(place - 1, count, share) >= 0.975
        assert place == 1 or at_most(place - 2, count, share) < 0.975
    else:
        assert at_most(count - 1, count, share) < 0.975


def test_it_takes_368_values_to_bound_the_99th_percentile_from_above() -> None:
    """0.99^n falls to 0.025 at n = 367.04: a textbook sample size."""
    for count, bounded in ((367, False), (368, True)):
        high = percentile_interval([float(value) for value in range(count)], 0.99).high
        assert (high is not None) == bounded
