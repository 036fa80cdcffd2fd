"""Choices of runs: exact in number, spread over the campaign, and the same however the campaign is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.campaign.selection import (
    Part,
    blocks,
    check_rank,
    checked,
    checks_wanted,
    is_repeated,
    sample,
)


@pytest.mark.requirement("S5")
@given(count=st.integers(0, 400), of=st.integers(1, 9))
def test_parts_hold_every_run_exactly_once(count: int, of: int) -> None:
    parts = [Part(number, of).indices(count) for number in range(1, of + 1)]
    assert sorted(index for part in parts for index in part) == list(range(count))


@given(count=st.integers(0, 400), of=st.integers(1, 4), size=st.integers(1, 50))
def test_blocks_keep_order_and_size(count: int, of: int, size: int) -> None:
    indices = Part(1, of).indices(count)
    found = list(blocks(indices, size))
    assert [index for block in found for index in block] == list(indices)
    assert all(len(block) <= size for block in found)


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "-1/2", "1/0", "a/b", "1/2/3", "1.0/2"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="part"):
        Part.parse(text)


@pytest.mark.requirement("S5")
@given(count=st.integers(1, 2000), share=st.floats(0.0, 1.0), seed=st.integers(0, 2**63 - 1))
def test_share_flown_twice_is_exact_and_at_least_one(count: int, share: float, seed: int) -> None:
    chosen = [index for index in range(count) if is_repeated(index, count=count, share=share, seed=seed)]
    assert len(chosen) == (0 if share == 0.0 else min(count, max(1, round(share * count))))


def test_runs_flown_twice_are_spread_and_follow_the_seed() -> None:
    first, second = (
        [index for index in range(10_000) if is_repeated(index, count=10_000, share=0.01, seed=seed)]
        for seed in (1, 2)
    )
    assert [index // 100 for index in first] == list(range(100))
    assert len({index % 100 for index in first}) > 30  # not the same cell of a grid each time
    assert first != second


@pytest.mark.requirement("S5")
def test_checked_runs_are_two_percent_and_at_least_a_hundred() -> None:
    for count, expected in ((0, 0), (40, 40), (100, 100), (3000, 100), (7549, 151), (10_000, 200)):
        assert checks_wanted(count) == expected
        ranks = [check_rank(f"key {index}") for index in range(count)]
        chosen = checked(ranks, list(range(count)))
        assert len(chosen) == len(set(chosen)) == expected
    # In whatever order the runs came back.
    assert set(chosen) == set(checked(ranks[::-1], list(range(10_000))[::-1]))


@given(count=st.integers(1, 5000))
def test_sample_is_of_the_whole_campaign(count: int) -> None:
    found = sample(count, 64)
    assert found == sorted(set(found))
    assert len(found) == min(count, 64)
    assert all(0 <= index < count for index in found)
