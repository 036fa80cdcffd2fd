"""Offset and drift of a clock from stamps with the time code's resolution and frames that waited; jumps.

The truth is the clock that made the stamps. Bounds are five of the estimator's own sigmas: too small a sigma
fails as well as a wrong line does; that sigmas are small enough is asked for apart.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from flight.packets import decode_time, encode_time
from ground.time_correlation import PAIRS_MAX, TimeCorrelation

S = 10**9
TICK_NS = S // 10


class Clock:
    """A clock that is `offset_ns` ahead at 0 and gains by `drift`; passes of eight minutes, 16 a day."""

    def __init__(self, offset_ns: int, drift: float) -> None:
        self.offset_ns, self.drift = offset_ns, drift
        self.jumped_ns: list[tuple[int, int]] = []

    def read(self, ground_ns: int) -> int:
        jumps = sum(step for at, step in self.jumped_ns if ground_ns >= at)
        return ground_ns + self.offset_ns + jumps + round(self.drift * ground_ns)

    def passes(self, told: TimeCorrelation, numbers: range, late: float = 0.1, seed: int = 1) -> None:
        """A time report every 8 s; some frames wait for a tick or more."""
        draw = random.Random(seed)
        for number in numbers:
            for second in range(0, 480, 8):
                ground_ns = number * 5400 * S + second * S
                stamp = decode_time(encode_time(self.read(ground_ns)))
                waited = TICK_NS * draw.randrange(1, 9) if draw.random() < late else 0
                told.see(stamp, ground_ns + waited)


@pytest.mark.requirement("L2.2")
@pytest.mark.parametrize(("offset_ns", "drift"), [(0, 0.0), (1_500_000_000, 3e-6), (7_000, -2e-5), (0, 1e-3)])
def test_offset_and_drift_are_found_to_their_own_sigmas(offset_ns: int, drift: float) -> None:
    told, clock = TimeCorrelation(), Clock(offset_ns, drift)
    clock.passes(told, range(1, 17))
    found = told.results()
    assert (found["jumps"], found["before"]) == (0, [])
    as_of = found["as_of_ns"]
    true_ns = clock.read(as_of) - as_of
    assert abs(found["offset_ns"] - true_ns) < 5 * found["offset_sigma_ns"]
    assert abs(found["drift"] - drift) < 5 * found["drift_sigma"]
    assert found["offset_sigma_ns"] < 100.0
    assert found["drift_sigma"] < 1e-11
    assert found["rejected"] > 50, "frames that waited"


@pytest.mark.requirement("L2.2")
def test_a_single_pass_knows_the_drift_less_well() -> None:
    told, clock = TimeCorrelation(), Clock(20_000_000, 1e-6)
    clock.passes(told, range(1, 2))
    found = told.results()
    assert abs(found["drift"] - 1e-6) < 5 * found["drift_sigma"]
    assert 1e-12 < found["drift_sigma"] < 1e-9
    line = told.line()
    assert line is not None
    assert line.sigma_at(24 * 3600 * S) > 10 * line.sigma_at(5700 * S)


@pytest.mark.requirement("L2.2", "L3.7")
@pytest.mark.parametrize("step_ns", [S, -S, 3600 * S, -3600 * S, 50_000_000])
def test_a_jump_begins_a_new_line_and_keeps_the_old(step_ns: int) -> None:
    told, clock = TimeCorrelation(), Clock(5_000_000, 1e-6)
    clock.jumped_ns.append((8 * 5400 * S + 200 * S, step_ns))
    clock.passes(told, range(5, 12))
    found = told.results()
    assert found["jumps"] == len(found["before"]) == 1
    true_ns = clock.read(found["as_of_ns"]) - found["as_of_ns"]
    assert abs(found["offset_ns"] - true_ns) < 5 * found["offset_sigma_ns"]
    if step_ns > 0:  # a clock that was set back has read the same twice
        for ground_ns in (5 * 5400 * S, 8 * 5400 * S, 8 * 5400 * S + 400 * S, 11 * 5400 * S):
            back = told.to_ground_ns(np.array([clock.read(ground_ns)]))
            assert abs(int(back[0]) - ground_ns) < 1000


def test_a_jump_is_not_believed_of_one_or_two_reports() -> None:
    told, clock = TimeCorrelation(), Clock(0, 0.0)
    clock.passes(told, range(1, 3), late=0.0)
    at = 3 * 5400 * S
    for extra in (1, 2):
        told.see(at + extra * S + 7 * S, at + extra * S)
    told.see(at + 3 * S, at + 3 * S)
    found = told.results()
    assert (found["jumps"], found["rejected"]) == (0, 2)
    assert abs(found["offset_ns"]) < 100.0


def test_it_goes_on_from_its_plain_values_alike() -> None:
    halved, clock = TimeCorrelation(), Clock(123_456, -4e-6)
    clock.jumped_ns.append((3 * 5400 * S, S))
    clock.passes(halved, range(1, 5))
    assert halved.results()["jumps"] == 1
    for told in (again := TimeCorrelation.from_plain(halved.to_plain()), halved):
        clock.passes(told, range(5, 9), seed=2)
    assert again.results() == halved.results()
    assert again.to_plain() == halved.to_plain()


def test_memory_is_bounded_and_the_newest_count() -> None:
    told, clock = TimeCorrelation(), Clock(0, 1e-6)
    clock.passes(told, range(1, 60), late=0.0)
    assert len(told.pairs) == PAIRS_MAX
    assert told.pairs[-1][0] > 59 * 5400 * S


def test_times_of_the_past_change_nothing() -> None:
    told = TimeCorrelation()
    told.see(100 * S, 100 * S)
    told.see(50 * S, 50 * S)
    assert (told.results()["rejected"], told.results()["as_of_ns"]) == (1, 100 * S)


def test_without_reports_on_board_time_is_taken_as_it_is() -> None:
    told = TimeCorrelation()
    assert told.results()["line"] is None
    times = np.array([1, 2, 3])
    assert (told.to_ground_ns(times) == times).all()
