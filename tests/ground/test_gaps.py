"""Records are passed on once, what is missing is known, and the ledger closes it.

The oracle of the last test is a plain set of numbers, with whole numbers instead of counts modulo 16,384.
"""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ground.gaps import RANGES_MAX, Gaps

CRITICAL = 101


def take(gaps: Gaps, *numbers: int) -> list[int | None]:
    return [gaps.take(CRITICAL, number % 16384, 0) for number in numbers]


@pytest.mark.requirement("L2.6")
def test_missing_records_are_told_as_ranges_and_filled() -> None:
    gaps = Gaps()
    assert take(gaps, 0, 1, 5, 9) == [0, 1, 5, 9]
    assert gaps.missing(0) == [(2, 4), (6, 8)]
    assert gaps.complete_until(0) == 2
    assert take(gaps, 3) == [3]
    assert gaps.missing(0) == [(2, 2), (4, 4), (6, 8)]
    assert take(gaps, 2, 4, 6, 7, 8) == [2, 4, 6, 7, 8]
    assert gaps.missing(0) == []
    assert gaps.complete_until(0) == 10


@pytest.mark.requirement("L2.6")
def test_what_comes_again_is_dropped_and_counted() -> None:
    gaps = Gaps()
    assert take(gaps, 0, 0, 1, 0, 1) == [0, None, 1, None, None]
    assert gaps.results()["streams"]["critical"]["repeated"] == 3


def test_counts_wrap() -> None:
    gaps = Gaps()
    assert take(gaps, *[n for n in range(50_000) if n < 16_000 or n % 1000])[-1] == 49_999
    assert take(gaps, 49_000, 42_000) == [49_000, 42_000]
    assert take(gaps, 49_000) == [None]


@pytest.mark.requirement("L2.6")
def test_the_ledger_closes_gaps_and_says_why() -> None:
    gaps = Gaps()
    take(gaps, 0, 10)
    assert gaps.give_up(0, 1, 2, 3, 77)
    assert gaps.missing(0) == [(1, 1), (5, 9)]
    assert gaps.give_up(0, 0, 8, 5, 78), "beyond what has come"
    assert gaps.missing(0) == [(1, 1), (5, 7)]
    assert take(gaps, 13) == [13]
    assert gaps.give_up(0, 4, 13, 2, 79), "records without a number close nothing"
    assert gaps.missing(0) == [(1, 1), (5, 7)]
    assert [(one.reason, one.first, one.count) for one in gaps.ledger] == [
        ("corrupt", 2, 3),
        ("quota", 8, 2),  # 10 has come
        ("quota", 11, 2),
        ("no_room", 13, 2),
    ]
    assert not gaps.give_up(9, 0, 0, 1, 0)
    assert not gaps.give_up(0, 7, 0, 1, 0)
    assert not gaps.give_up(0, 0, 0, 0, 0)


def ledger(gaps: Gaps) -> list[tuple[str, int, int]]:
    return [(one.reason, one.first, one.count) for one in gaps.ledger]


@pytest.mark.requirement("L2.4", "L2.6")
def test_each_lost_record_is_in_the_ledger_once_whatever_names_it() -> None:
    """A hole that is found at a start is found again by playback; a range may reach over what has come."""
    gaps = Gaps()
    take(gaps, 0, 1, 5, 10)
    gaps.give_up(0, 3, 2, 3, 77)
    gaps.give_up(0, 2, 2, 3, 78)
    assert ledger(gaps) == [("volatile", 2, 3)]
    gaps.give_up(0, 0, 0, 13, 79)
    assert ledger(gaps) == [("volatile", 2, 3), ("quota", 6, 4), ("quota", 11, 2)]
    gaps.give_up(0, 0, 0, 13, 80)
    assert gaps.results()["streams"]["critical"]["given_up"] == 9
    assert len(gaps.ledger) == 3


@pytest.mark.requirement("L2.4", "L2.6")
def test_a_record_that_was_named_and_arrives_leaves_the_ledger() -> None:
    gaps = Gaps()
    take(gaps, 0, 10)
    gaps.give_up(0, 2, 2, 5, 77)
    assert take(gaps, 4, 4) == [4, None], "it is passed on, once"
    assert ledger(gaps) == [("storage", 2, 2), ("storage", 5, 2)]
    assert take(gaps, 2, 3) == [2, 3]
    assert ledger(gaps) == [("storage", 5, 2)]
    told = gaps.results()["streams"]["critical"]
    assert (told["received"], told["repeated"], told["given_up"]) == (5, 1, 2)
    gaps.give_up(0, 4, 5, 1, 78)
    assert take(gaps, 5) == [5]
    assert ledger(gaps) == [("storage", 6, 1), ("no_room", 5, 1)], "those without a number are other records"
    assert Gaps.from_plain(gaps.to_plain()) == gaps


def test_a_hostile_ledger_does_not_close_the_future() -> None:
    gaps = Gaps()
    take(gaps, 0)
    gaps.give_up(0, 0, 0, 2**31, 0)
    assert take(gaps, 1) == [1]


def test_memory_is_bounded_and_what_finds_no_room_stays_missing() -> None:
    gaps = Gaps()
    taken = take(gaps, *range(0, 4 * RANGES_MAX, 2))
    assert taken.count(None) > 0
    assert len(gaps.missing(0)) <= RANGES_MAX
    refused = 2 * taken.index(None)
    assert take(gaps, 1, refused) == [1, refused], "room again"


def test_numbers_that_begin_anew_are_followed() -> None:
    gaps = Gaps()
    take(gaps, *range(100))
    gaps.announce(0, 0, 50, 10**9)
    gaps.announce(0, 0, 51, 2 * 10**9)
    assert take(gaps, 0) == [None], "what has come may have been committed after these reports"
    gaps.announce(0, 0, 3, 60 * 10**9)
    assert take(gaps, 0, 1, 2) == [0, 1, 2]
    assert gaps.results()["streams"]["critical"]["restarts"] == 1


def test_a_report_from_before_the_last_records_begins_nothing_anew() -> None:
    gaps = Gaps()
    gaps.announce(0, 0, 10, 10**9)
    take(gaps, *range(200))
    gaps.announce(0, 0, 150, 60 * 10**9)  # it was made before the last of those records, and came after them
    gaps.announce(0, 0, 200, 120 * 10**9)
    assert gaps.results()["streams"]["critical"]["restarts"] == 0
    assert gaps.backlog(0) == 0
    gaps.announce(0, 0, 150, 61 * 10**9)  # overtaken
    assert gaps.backlog(0) == 0
    assert gaps.results()["streams"]["critical"]["restarts"] == 0


def test_backlog_counts_what_the_satellite_holds() -> None:
    gaps = Gaps()
    take(gaps, 0, 1, 4)
    gaps.announce(0, 0, 12, 0)
    assert gaps.backlog(0) == 2 + 7


@given(st.lists(st.integers(0, 3000), max_size=300))
def test_each_record_is_passed_on_once_and_all_others_are_missing(numbers: list[int]) -> None:
    gaps = Gaps()
    passed = [number for number in take(gaps, *numbers) if number is not None]
    assert len(passed) == len(set(passed))
    assert set(passed) == set(numbers)
    missing = {one for first, last in gaps.missing(0) for one in range(first, last + 1)}
    assert missing == set(range(max(numbers, default=-1) + 1)) - set(numbers)
    again = Gaps.from_plain(gaps.to_plain())
    assert again.to_plain() == gaps.to_plain()
