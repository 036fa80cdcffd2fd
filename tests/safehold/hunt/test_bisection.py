"""Bisection against boundaries that are known, because the tests draw them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.hunt.bisection import Bisection, Probe, Tolerance, bisect, parse_tolerance
from safehold.hunt.knob import Knob, make_knob
from safehold.schema import Scenario

PERCENT = Tolerance(0.01, None)
pytestmark = pytest.mark.requirement("S5")


def knob(base: Scenario, low: str, high: str, key: str = "fault.1.rate_deg_s") -> Knob:
    return make_knob(base, [key], (low, high))


def fly_if(breaks: dict[float, bool] | None, rule):  # type: ignore[no-untyped-def]
    """A flight that breaks by a rule; notes what was flown."""

    def fly(value: float) -> Probe:
        if breaks is not None:
            assert value not in breaks, "flown twice"
            breaks[value] = rule(value)
        return Probe(value, ("too much",) if rule(value) else (), "OK", "")

    return fly


@given(exponent=st.floats(-2.9, 1.9), upside_down=st.booleans())
def test_the_boundary_is_bracketed_to_a_percent(
    exponent: float, upside_down: bool, shared_watched: Scenario
) -> None:
    threshold = 10.0**exponent
    flown: dict[float, bool] = {}
    turned = knob(shared_watched, "0.001", "100")
    found = bisect(turned, PERCENT, fly_if(flown, lambda value: (value > threshold) != upside_down))
    assert found.complete
    assert found.boundary is not None
    survived, broke = found.boundary
    assert not survived.broken
    assert broke.broken
    low, high = sorted((survived.value, broke.value))
    assert low <= threshold <= high
    assert high - low <= 0.01 * high * 1.000001
    # 5 decades in eighths are a factor 4.2; halving its logarithm to 1 % takes 8 flights more.
    assert len(flown) <= 2 + 7 + 9
    assert found.changes() == [tuple(sorted(found.boundary, key=lambda one: one.value))]


def test_a_range_that_survives_or_breaks_throughout_has_no_boundary(watched: Scenario) -> None:
    turned = knob(watched, "0.1", "1")
    calm = bisect(turned, PERCENT, fly_if(None, lambda value: False))
    assert (calm.boundary, calm.any_broken, calm.complete) == (None, False, True)
    assert len(calm.probes) == 9
    ruin = bisect(turned, PERCENT, fly_if(None, lambda value: True))
    assert (ruin.boundary, ruin.any_broken, ruin.complete) == (None, True, True)


def test_an_island_of_breaking_between_surviving_ends_is_found_and_told(watched: Scenario) -> None:
    turned = knob(watched, "0.001", "10")
    found = bisect(turned, PERCENT, fly_if(None, lambda value: 0.02 < value < 0.5))
    assert len(found.changes()) == 2
    assert found.boundary is not None
    survived, broke = found.boundary
    assert survived.value <= 0.02 < broke.value <= 0.02 * 1.02


def test_of_two_boundaries_that_nearest_to_survival_is_taken(watched: Scenario) -> None:
    turned = knob(watched, "0.001", "10")
    found = bisect(turned, PERCENT, fly_if(None, lambda value: value < 0.3 and not 0.004 < value < 0.02))
    assert found.boundary is not None
    survived, broke = found.boundary
    assert broke.value <= 0.3 <= survived.value


def test_a_boundary_in_time_ends_at_neighbouring_ticks(watched: Scenario) -> None:
    turned = knob(watched, "1s", "19s", "fault.1.at")
    assert not turned.logarithmic
    exact = parse_tolerance("1ms", is_time=True)
    found = bisect(turned, exact, fly_if(None, lambda value: value >= 7.35e9))
    assert found.boundary is not None
    assert [probe.value for probe in found.boundary] == [7.3e9, 7.4e9]


def test_what_was_flown_before_a_stop_is_kept(watched: Scenario) -> None:
    turned = knob(watched, "0.001", "10")
    kept = Bisection(turned)
    flown = 0

    def fly(value: float) -> Probe:
        nonlocal flown
        flown += 1
        if flown > 12:
            raise KeyboardInterrupt
        return Probe(value, ("too much",) if value > 0.1 else (), "OK", "")

    with pytest.raises(KeyboardInterrupt):
        bisect(turned, PERCENT, fly, found=kept)
    assert not kept.complete
    assert len(kept.probes) == 12
    assert kept.boundary is not None
    assert kept.boundary[0].value <= 0.1 < kept.boundary[1].value


def test_steps_are_factors_over_decades_and_differences_otherwise(watched: Scenario) -> None:
    wide = knob(watched, "0.01", "1")
    assert wide.logarithmic
    assert math.isclose(wide.between(0.5, 0.01, 1.0), 0.1)
    assert not knob(watched, "0.5", "1").logarithmic
    signed = knob(watched, "-1", "1")
    assert not signed.logarithmic
    assert signed.between(0.25, -1.0, 1.0) == -0.5
