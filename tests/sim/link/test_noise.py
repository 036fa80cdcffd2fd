"""Draws without a generator, and the bits that they turn.

The counts of many draws lie within five standard deviations of the binomial; the seeds are fixed, so that a
test either always passes or never does.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.link.noise import Draw, burst_positions, error_positions, flipped


def test_draws_are_uniform_and_differ_by_all_that_they_are_about() -> None:
    draws = [Draw(1, False, time * 8_920_000, 0).uniform(b"loss") for time in range(20_000)]
    for low in (0.0, 0.25, 0.5, 0.75):
        share = sum(low <= one < low + 0.25 for one in draws) / len(draws)
        assert share == pytest.approx(0.25, abs=5.0 * math.sqrt(0.25 * 0.75 / len(draws)))
    base = Draw(1, False, 1000, 0)
    others = [
        Draw(2, False, 1000, 0),
        Draw(1, True, 1000, 0),
        Draw(1, False, 1001, 0),
        Draw(1, False, 1000, 1),
        Draw(1, False, 1000, 0, 1),
    ]
    values = {base.uniform(b"loss"), base.uniform(b"again"), base.uniform(b"loss", 1)}
    assert len(values | {one.uniform(b"loss") for one in others}) == 8
    assert base.uniform(b"loss") == Draw(1, False, 1000, 0).uniform(b"loss")


@pytest.mark.parametrize("rate", [1e-4, 1e-2, 0.3])
def test_errors_come_at_their_rate(rate: float) -> None:
    bits, frames = 8920, 200
    found = [error_positions(Draw(7, False, n, 0), bits, rate) for n in range(frames)]
    for positions in found:
        assert positions == sorted(set(positions))
        assert all(0 <= position < bits for position in positions)
    total = sum(map(len, found))
    expected = bits * frames * rate
    assert abs(total - expected) < 5.0 * math.sqrt(expected * (1.0 - rate))


def test_no_errors_at_a_rate_of_nothing() -> None:
    assert error_positions(Draw(7, False, 1, 0), 8920, 0.0) == []
    assert error_positions(Draw(7, False, 1, 0), 8920, 1e-30) == []


@given(st.binary(min_size=1, max_size=64), st.data())
def test_turned_twice_is_the_frame_again(frame: bytes, data: st.DataObject) -> None:
    positions = data.draw(st.lists(st.integers(0, 8 * len(frame) - 1), unique=True))
    turned = flipped(frame, positions)
    assert flipped(turned, positions) == frame
    differing = sum((a ^ b).bit_count() for a, b in zip(frame, turned, strict=True))
    assert differing == len(positions)


@given(st.integers(0, 2**40), st.integers(1, 300))
def test_a_burst_is_a_run(departure_ns: int, length: int) -> None:
    positions = burst_positions(Draw(3, True, departure_ns, 0), 2048, length)
    assert positions
    assert positions == sorted(set(positions))
    assert positions[-1] - positions[0] < length
    assert positions[-1] < 2048
