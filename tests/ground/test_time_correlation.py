"""Offset and drift of a clock from stamps with the time code's resolution and frames that waited; jumps.

The truth is the clock that made the stamps. Bounds are five of the estimator's own sigmas: too small a sigma
fails as well as a wrong line does; that sigmas are small enough is asked for apart.
"""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
    # Live, far from the jump and right behind it: a report arrives a quarter of a second after its stamp.
    at_ns = [number * 5400 * S + second * S for number in (5, 8, 11) for second in (0, 190, 400)]
    at_ns += [8 * 5400 * S + 201 * S, 8 * 5400 * S + 207 * S]
    stamps, arrivals = np.array([clock.read(one) for one in at_ns]), np.array(at_ns) + S // 4
    back, known = told.to_ground_ns(stamps, arrivals, np.ones(len(at_ns), dtype=bool))
    assert known.all()
    assert np.abs(back - at_ns).max() < 1000


JUMP_NS = 8 * 5400 * S + 200 * S


@pytest.mark.requirement("L2.2", "L3.7")
@pytest.mark.parametrize("step_ns", [1800 * S, -1800 * S])
def test_a_stored_time_is_right_or_not_known(step_ns: int) -> None:
    """Set back, the clock reads half an hour twice; set forward, some of its readings tell of a line that
    was not yet or no longer seen to hold. Whatever is said to be known is right.
    """
    told, clock = TimeCorrelation(), Clock(5_000_000, 1e-6)
    clock.jumped_ns.append((JUMP_NS, step_ns))
    clock.passes(told, range(5, 12), late=0.0)
    told = TimeCorrelation.from_results(json.loads(json.dumps(told.results())))
    true_ns = np.arange(JUMP_NS - 7200 * S, JUMP_NS + 7200 * S, 10 * S)
    stamps = np.array([clock.read(int(one)) for one in true_ns])
    stored = np.zeros(len(true_ns), dtype=bool)
    for later_ns in (S // 4, 600 * S, 6 * 3600 * S):
        back, known = told.to_ground_ns(stamps, true_ns + later_ns, stored)
        right = np.abs(back - true_ns) < 1000
        assert right[known].all()
        twice = (
            np.abs(true_ns - JUMP_NS) <= 1800 * S + 20 * S
            if step_ns < 0
            else np.abs(true_ns - JUMP_NS) < 20 * S
        )
        assert known[~twice].all()
    if step_ns < 0:
        assert not known[np.abs(true_ns - JUMP_NS) < 1780 * S].any(), "six hours later it may be either"
        # Those that had arrived before the clock came by their time again were made before.
        before = (true_ns < JUMP_NS) & (true_ns > JUMP_NS - 1700 * S)
        back, known = told.to_ground_ns(stamps, true_ns + 60 * S, stored)
        assert known[before].all()


@pytest.mark.requirement("L2.2")
def test_a_small_jump_leaves_every_time_known() -> None:
    """What two lines differ by is then less than anybody asks of a stored time."""
    told, clock = TimeCorrelation(), Clock(0, 0.0)
    clock.jumped_ns.append((JUMP_NS, -500_000_000))
    clock.passes(told, range(5, 12), late=0.0)
    true_ns = np.arange(JUMP_NS - 600 * S, JUMP_NS + 600 * S, S)
    back, known = told.to_ground_ns(np.array([clock.read(int(one)) for one in true_ns]))
    assert known.all()
    assert np.abs(back - true_ns).max() < 501_000_000


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
    found, known = told.to_ground_ns(times)
    assert (found == times).all()
    assert known.all()


@pytest.mark.requirement("L2.2", "L3.7")
@pytest.mark.parametrize("apart_ns", [0, 1_000_000])
def test_reports_of_one_frame_are_one_report(apart_ns: int) -> None:
    told, clock = TimeCorrelation(), Clock(0, 0.0)
    clock.passes(told, range(1, 3), late=0.0)
    at = 3 * 5400 * S
    for number in range(3):
        told.see(at + 5 * S + number * apart_ns, at)
    told.see(at + 8 * S, at + 8 * S)
    found = told.results()
    assert (found["jumps"], found["rejected"]) == (0, 3)
    assert abs(found["offset_ns"]) < 100.0


@pytest.mark.requirement("L2.2", "L3.7")
@pytest.mark.parametrize("gap_ns", [9_000_000, 8 * S])
def test_a_late_report_that_comes_again_is_no_jump(gap_ns: int) -> None:
    """A repeated frame hands out its packets again."""
    told, clock = TimeCorrelation(), Clock(0, 0.0)
    clock.passes(told, range(1, 3), late=0.0)
    at = 3 * 5400 * S
    for number in range(4):
        told.see(at, at + 300_000_000 + number * gap_ns)
    assert told.results()["jumps"] == 0
    told.see(at + 40 * S, at + 40 * S)
    found = told.results()
    assert (found["jumps"], found["rejected"]) == (0, 4)


_STAMP_END_NS = 2**32 * S
_STAMPS = st.one_of(
    st.sampled_from([0, 1, S, _STAMP_END_NS - 1, _STAMP_END_NS, -1, 2**63, -(2**63), 2**100]),
    st.integers(0, 100 * S),
    st.integers(0, _STAMP_END_NS - 1),
)
_GROUND = st.one_of(
    st.sampled_from([0, 1, S, 2**62 - 1, 2**62, -1, 2**63, -(2**63), 2**100]),
    st.integers(0, 100 * S),
    st.integers(0, 2**62 - 1),
)


@pytest.mark.requirement("L2.2", "L3.7")
@example([(5 * S + at, 0) for at in (0, 1, 2)] + [(8 * S, 8 * S)], True)
@given(st.lists(st.tuples(_STAMPS, _GROUND), max_size=40), st.booleans())
def test_no_reports_can_end_it(pairs: list[tuple[int, int]], ordered: bool) -> None:
    told = TimeCorrelation()
    for on_board_ns, ground_ns in sorted(pairs, key=lambda pair: pair[1]) if ordered else pairs:
        told.see(on_board_ns, ground_ns)
        _check_finite(told)
    assert TimeCorrelation.from_plain(told.to_plain()).results() == told.results()
    _check_readings(told)


@pytest.mark.requirement("L2.2", "L3.7")
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 1000, S - 1, S, 8 * S, 3600 * S, 10**15]), st.integers(-(10**8), 10**8)
        ),
        max_size=60,
    )
)
def test_no_clock_can_end_it(steps: list[tuple[int, int]]) -> None:
    """Steps of the ground's time, and by how much the clock went astray in each."""
    told, ground_ns, on_board_ns = TimeCorrelation(), 0, 10**12
    for elapsed_ns, astray_ns in steps:
        ground_ns += elapsed_ns
        on_board_ns += elapsed_ns + astray_ns
        told.see(on_board_ns, ground_ns)
        _check_finite(told)
    _check_readings(told)


def _check_finite(told: TimeCorrelation) -> None:
    found = told.results()
    json.dumps(found, allow_nan=False)
    assert found["reports"] >= found["rejected"]
    assert math.isfinite(found.get("drift", 0.0))


def _check_readings(told: TimeCorrelation) -> None:
    stamps = np.array([0, S, _STAMP_END_NS - 1])
    for live in (False, True):
        found, known = told.to_ground_ns(stamps, stamps[::-1].copy(), np.full(3, live))
        assert len(found) == len(known) == 3
