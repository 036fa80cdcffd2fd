"""Draws: the inverse distribution functions against SciPy's, moments against exact formulas, and refusals.

Tolerances. The inverses are compared to 1e-9: AS 241 is good to 1e-16, and what is lost is lost in sums
near the ends of truncated distributions. Moments of n draws are compared within five standard errors; the
draws are a fixed function of the seed, so that a test that passes does so always.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from safehold.campaign import draws
from safehold.campaign.distribution_tables import DISTRIBUTIONS, make, name_of
from safehold.campaign.distributions import (
    Choice,
    Distribution,
    ImpossibleError,
    Integers,
    LogNormal,
    LogUniform,
    Normal,
    Triangular,
    Uniform,
    span,
)

N = 20_000
SHARES = [draws.LEAST, 1e-9, 1e-3, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999, 1.0 - 1e-9, draws.GREATEST]


def truncated(mean: float, sigma: float, low: float, high: float) -> Any:
    return scipy.stats.truncnorm((low - mean) / sigma, (high - mean) / sigma, loc=mean, scale=sigma)


ORACLES: list[tuple[Distribution, Any]] = [
    (Uniform(-2.0, 5.0), scipy.stats.uniform(-2.0, 7.0)),
    (LogUniform(1e-3, 10.0), scipy.stats.loguniform(1e-3, 10.0)),
    (Normal(3.0, 0.5), scipy.stats.norm(3.0, 0.5)),
    (Normal(0.0, 1.0, -0.5, 2.0), truncated(0.0, 1.0, -0.5, 2.0)),
    (Normal(0.0, 1.0, 3.0, 9.0), truncated(0.0, 1.0, 3.0, 9.0)),
    (Normal(0.0, 1.0, -9.0, -3.0), truncated(0.0, 1.0, -9.0, -3.0)),
    (LogNormal(2.0, 0.3), scipy.stats.lognorm(0.3, scale=2.0)),
    (Triangular(0.0, 0.1, 1.0), scipy.stats.triang(0.1)),
    (Triangular(0.0, 0.0, 1.0), scipy.stats.triang(0.0)),
    (Triangular(-1.0, 1.0, 1.0), scipy.stats.triang(1.0, -1.0, 2.0)),
]


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(("mine", "oracle"), ORACLES, ids=lambda value: repr(value)[:40])
def test_inverse_distribution_functions_against_scipy(mine: Distribution, oracle: Any) -> None:
    for u in SHARES:
        assert mine.draw(u) == pytest.approx(oracle.ppf(u), rel=1e-9, abs=1e-9), u


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(("mine", "oracle"), ORACLES, ids=lambda value: repr(value)[:40])
def test_moments_of_many_draws_against_exact_ones(mine: Distribution, oracle: Any) -> None:
    found = np.array([mine.draw(draws.uniform(7, run, "moments")) for run in range(N)])
    mean, variance, _, excess = (float(value) for value in oracle.stats(moments="mvsk"))
    assert abs(found.mean() - mean) < 5.0 * math.sqrt(variance / N)
    assert abs(found.var() - variance) < 5.0 * variance * math.sqrt((excess + 2.0) / N)


@pytest.mark.requirement("S5")
def test_whole_numbers_and_choices_come_as_often_as_they_should() -> None:
    u = [draws.uniform(3, run, "counts") for run in range(N)]
    numbers = Integers(-2, 4)
    counts = np.bincount([numbers.draw(one) + 2 for one in u], minlength=7)
    assert scipy.stats.chisquare(counts).pvalue > 1e-3
    weights = (0.5, 0.0, 0.3, 0.2)
    choice = Choice(("a", "never", "b", "c"), weights)
    found = [choice.draw(one) for one in u]
    assert set(found) == {"a", "b", "c"}
    observed = [found.count(value) for value in ("a", "b", "c")]
    assert scipy.stats.chisquare(observed, [N * 0.5, N * 0.3, N * 0.2]).pvalue > 1e-3
    # The very last numbers must not fall past the last value that has a weight.
    assert Choice(("a", "b"), (1.0, 0.0)).draw(draws.GREATEST) == "a"
    assert {Choice(("a", "b")).draw(one) for one in (draws.LEAST, draws.GREATEST)} == {"a", "b"}
    assert {Integers(5, 6).draw(one) for one in (draws.LEAST, draws.GREATEST)} == {5, 6}


@pytest.mark.requirement("S5")
def test_draws_are_uniform_and_independent_of_each_other() -> None:
    rows = np.array([draws.uniforms(1, run, "a") for run in range(4_000)])
    other = np.array([draws.uniforms(1, run, "b") for run in range(4_000)])
    seed = np.array([draws.uniforms(2, run, "a") for run in range(4_000)])
    assert rows.min() > 0.0
    assert rows.max() < 1.0
    for column in rows.T:
        assert scipy.stats.kstest(column, "uniform").pvalue > 1e-3
    columns = np.column_stack([rows, other, seed])
    correlation = np.corrcoef(columns, rowvar=False) - np.eye(columns.shape[1])
    # 276 pairs; a correlation of independent draws is normal with 1/sqrt(n).
    assert np.abs(correlation).max() < 4.5 / math.sqrt(4_000)
    lagged = np.corrcoef(rows[1:, 0], rows[:-1, 0])[0, 1]
    assert abs(lagged) < 4.0 / math.sqrt(4_000)
    assert len({draws.scenario_seed(1, run) for run in range(4_000)}) == 4_000
    assert all(0 <= draws.scenario_seed(1, run) < 2**63 for run in range(100))


def test_draws_stay_what_they_are() -> None:
    """Results are kept by what was drawn: another hash would quietly be another campaign."""
    assert draws.uniform(1, 0, "vary initial.rate_deg_s[0]") == pytest.approx(
        int.from_bytes(_sha512(b"1\x000\x00vary initial.rate_deg_s[0]")[:8], "little") / 2**64, abs=2.0**-51
    )
    assert draws.scenario_seed(1, 0) == 382354399942795962


def _sha512(text: bytes) -> bytes:
    import hashlib

    return hashlib.sha512(text).digest()


FINITE = st.floats(-1e6, 1e6)
WIDTH = st.floats(1e-3, 1e6)
LIMITED: dict[str, Callable[[float, float, float], Distribution]] = {
    "uniform": lambda low, width, _: Uniform(low, low + width),
    "log_uniform": lambda low, width, _: LogUniform(abs(low) + 1e-6, abs(low) + 1e-6 + width),
    "normal": lambda low, width, at: Normal(low + at * width, width, low, low + width),
    "triangular": lambda low, width, at: Triangular(low, min(low + at * width, low + width), low + width),
}


@pytest.mark.requirement("S5")
@given(
    kind=st.sampled_from(sorted(LIMITED)),
    low=FINITE,
    width=WIDTH,
    at=st.floats(0.0, 1.0),
    shares=st.lists(st.floats(draws.LEAST, draws.GREATEST), min_size=2, max_size=8),
)
def test_draws_never_leave_their_limits_and_rise_with_the_share(
    kind: str, low: float, width: float, at: float, shares: list[float]
) -> None:
    one: Any = LIMITED[kind](low, width, at)
    values = [one.draw(u) for u in sorted(shares)]
    assert all(one.low <= value <= one.high for value in values)
    slack = 1e-9 * (abs(low) + width)
    assert all(after >= before - slack for before, after in itertools.pairwise(values))
    ends = span(one)
    assert all(ends[0] - slack <= value <= ends[1] + slack for value in values)


@given(mean=FINITE, sigma=WIDTH, low=FINITE, width=WIDTH)
def test_a_truncated_normal_is_refused_or_drawn_within_its_limits(
    mean: float, sigma: float, low: float, width: float
) -> None:
    assume(low < low + width)
    left = scipy.stats.norm.cdf(low + width, mean, sigma) - scipy.stats.norm.cdf(low, mean, sigma)
    if left < 1e-10:
        with pytest.raises(ImpossibleError, match="leaves less than"):
            Normal(mean, sigma, low, low + width)
        return
    assume(left > 1e-8)
    one = Normal(mean, sigma, low, low + width)
    for u in SHARES:
        assert low <= one.draw(u) <= low + width


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    ("name", "parameters", "id", "words"),
    [
        ("unifrom", {"low": 0, "high": 1}, "SH-CMP-014", "did you mean 'uniform'"),
        ("cauchy", {}, "SH-CMP-014", "there are choice, constant"),
        ("uniform", {"low": 0}, "SH-CMP-014", "is missing: uniform needs low and high"),
        ("uniform", {"low": 0, "high": 1, "hihg": 1}, "SH-CMP-014", "did you mean 'high'"),
        ("uniform", {"low": 1, "high": 1}, "SH-CMP-015", "less than high"),
        ("uniform", {"low": 2, "high": 1}, "SH-CMP-015", "is 2; it must be less than high, 1"),
        ("uniform", {"low": math.nan, "high": 1}, "SH-CMP-009", "finite"),
        ("uniform", {"low": 0, "high": math.inf}, "SH-CMP-009", "finite"),
        ("uniform", {"low": True, "high": 1}, "SH-CMP-007", "must be a number"),
        ("uniform", {"low": "0", "high": 1}, "SH-CMP-007", "must be a number"),
        ("uniform", {"low": 0, "high": 10**400}, "SH-CMP-009", "finite"),
        ("log_uniform", {"low": 0, "high": 1}, "SH-CMP-015", "more than 0"),
        ("log_uniform", {"low": -1, "high": 1}, "SH-CMP-015", "more than 0"),
        ("normal", {"mean": 0, "sigma": 0}, "SH-CMP-015", "is 0; it must be more than 0"),
        ("normal", {"mean": 0, "sigma": -1}, "SH-CMP-015", "more than 0"),
        ("normal", {"mean": 0, "sigma": math.nan}, "SH-CMP-009", "finite"),
        ("normal", {"mean": 0, "sigma": 1, "low": 1, "high": 0}, "SH-CMP-015", "less than high"),
        ("normal", {"mean": 0, "sigma": 1, "low": 30, "high": 31}, "SH-CMP-015", "leaves less than"),
        ("lognormal", {"median": 0, "sigma": 1}, "SH-CMP-015", "more than 0"),
        ("lognormal", {"median": 1, "sigma": 1, "low": -1}, "SH-CMP-015", "never negative"),
        ("triangular", {"low": 0, "mode": 2, "high": 1}, "SH-CMP-015", "must lie between"),
        ("integers", {"low": 0.5, "high": 2}, "SH-CMP-007", "whole number"),
        ("integers", {"low": 3, "high": 2}, "SH-CMP-015", "less than high"),
        ("integers", {"low": 0, "high": 2**60}, "SH-CMP-015", "too far"),
        ("choice", {"values": []}, "SH-CMP-015", "1 to 10,000"),
        ("choice", {"values": 3}, "SH-CMP-007", "must be a list"),
        ("choice", {"values": [1, 2], "weights": [0.5]}, "SH-CMP-015", "1 numbers for 2 values"),
        ("choice", {"values": [1, 2], "weights": [0.5, 0.6]}, "SH-CMP-015", "add up to 1.1"),
        ("choice", {"values": [1, 2], "weights": [1.5, -0.5]}, "SH-CMP-015", "not negative"),
        ("choice", {"values": [1, 2], "weights": [0.5, math.nan]}, "SH-CMP-009", "finite"),
    ],
)
def test_impossible_parameters_are_refused(
    name: str, parameters: dict[str, Any], id: str, words: str
) -> None:
    made, problems = make(name, parameters, "[[vary]] 1")
    assert made is None
    assert [problem.id for problem in problems] == [id]
    assert words in problems[0].text
    assert problems[0].key.startswith("[[vary]] 1, ")


def test_every_distribution_can_be_made() -> None:
    given: dict[str, dict[str, Any]] = {
        "constant": {"value": 1},
        "uniform": {"low": 0, "high": 1},
        "log_uniform": {"low": 1, "high": 2},
        "normal": {"mean": 0, "sigma": 1, "high": 3},
        "lognormal": {"median": 1, "sigma": 1, "low": 0.1},
        "triangular": {"low": 0, "mode": 1, "high": 2},
        "integers": {"low": 1, "high": 6},
        "choice": {"values": ["a", "b"], "weights": [0.25, 0.75]},
    }
    assert given.keys() == DISTRIBUTIONS.keys()
    for name, parameters in given.items():
        made, problems = make(name, parameters, "x")
        assert made is not None, problems
        assert made.draw(0.5) is not None
        assert name_of(made) == name
