"""Durations as text: exact, round-tripping, and refusing what is not one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.durations import LONGEST_NS, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("90s", 90_000_000_000),
        ("15m", 900_000_000_000),
        ("2h13m", 7_980_000_000_000),
        ("1d", 86_400_000_000_000),
        ("1.5h", 5_400_000_000_000),
        ("250ms", 250_000_000),
        ("0s", 0),
        ("1m30s", 90_000_000_000),
    ],
)
@pytest.mark.requirement("S4")
def test_durations_are_exact(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "-5s",
        "nan",
        "inf",
        "1s1m",
        "1m1m",
        "5 s",
        "5sec",
        "1e3s",
        "0.0000000001s",
        "٣s",
        "99999d",
        "1.s",
        "s",
    ],
)
@pytest.mark.requirement("S4")
def test_what_is_not_a_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|units|nanoseconds|ten years"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=LONGEST_NS))
@pytest.mark.requirement("S4")
def test_every_duration_reads_back_to_itself(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds
