"""Elapsed seconds as UTC against ERFA (pyerfa), which has leap seconds and calendar of its own.

Instants are whole milliseconds, which two doubles of a Julian date hold to a microsecond.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import erfa
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from ground.utc import LeapSeconds, leap_seconds

pytestmark = pytest.mark.filterwarnings("ignore:ERFA")  # years that no bulletin has told of yet
MS = 1_000_000
DAY_MS = 86_400_000


def by_erfa(epoch: datetime, elapsed_ms: int) -> str:
    """The same instant by UTC → TAI → UTC of ERFA."""
    second = epoch.second + epoch.microsecond / 1e6
    utc = erfa.dtf2d("UTC", epoch.year, epoch.month, epoch.day, epoch.hour, epoch.minute, second)
    whole, part = erfa.utctai(*utc)
    days, rest_ms = divmod(elapsed_ms, DAY_MS)
    year, month, day, clock = erfa.d2dtf("UTC", 3, *erfa.taiutc(whole + days, part + rest_ms / DAY_MS))
    hour, minute, second, fraction = clock.item()
    return f"{year}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{fraction:03d}000Z"


@pytest.fixture
def announced() -> Iterator[None]:
    """ERFA's table with a leap second at the end of June 2035."""
    before = erfa.leap_seconds.get()
    more = np.array([(2035, 7, 38.0)], dtype=before.dtype)
    erfa.leap_seconds.set(np.concatenate([before, more]))
    yield
    erfa.leap_seconds.set(before)


def test_the_table_is_that_of_erfa() -> None:
    theirs = [(int(y), int(m), int(s)) for y, m, s in erfa.leap_seconds.get() if y >= 1972]
    ours = leap_seconds()
    assert [(d.year, d.month, s) for d, s in zip(ours.days, ours.tai_minus_utc_s, strict=True)] == theirs


@pytest.mark.requirement("L2.2")
@given(
    epoch=st.datetimes(datetime(1973, 1, 1), datetime(2040, 1, 1)),
    elapsed_ms=st.integers(0, 3 * 365 * DAY_MS),
)
def test_any_instant_is_that_of_erfa(epoch: datetime, elapsed_ms: int) -> None:
    epoch = epoch.replace(microsecond=epoch.microsecond // 1000 * 1000, tzinfo=UTC)
    assert leap_seconds().utc_texts(epoch, [elapsed_ms * MS]) == [by_erfa(epoch, elapsed_ms)]


@pytest.mark.requirement("L2.2")
@pytest.mark.parametrize("step", range(1, len(leap_seconds().days)))
def test_each_leap_second_since_1972_is_that_of_erfa(step: int) -> None:
    day = leap_seconds().days[step]
    epoch = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(seconds=3)
    for elapsed_ms in range(0, 6000, 250):
        assert leap_seconds().utc_texts(epoch, [elapsed_ms * MS]) == [by_erfa(epoch, elapsed_ms)]
    assert ":60.5" in leap_seconds().utc_texts(epoch, [3500 * MS])[0]


@pytest.mark.requirement("L2.2")
def test_one_that_is_yet_to_come_can_be_put_in(announced: None) -> None:
    table = leap_seconds().with_step(date(2035, 7, 1))
    for start in (datetime(2035, 6, 30, 23, 59, 58, tzinfo=UTC), datetime(2034, 12, 31, tzinfo=UTC)):
        whole_ms = (datetime(2035, 6, 30, 23, 59, 58, tzinfo=UTC) - start) // timedelta(milliseconds=1)
        for elapsed_ms in range(whole_ms, whole_ms + 5000, 250):
            assert table.utc_texts(start, [elapsed_ms * MS]) == [by_erfa(start, elapsed_ms)]


def test_a_negative_one_leaves_a_second_out() -> None:
    """There has been none; by ITU-R TF.460 23:59:58 is followed by 0 h."""
    table = leap_seconds().with_step(date(2035, 7, 1), -1)
    start = datetime(2035, 6, 30, 23, 59, 57, tzinfo=UTC)
    texts = table.utc_texts(start, [at * 10**9 for at in range(4)])
    assert [one[8:19] for one in texts] == ["30T23:59:57", "30T23:59:58", "01T00:00:00", "01T00:00:01"]


@pytest.mark.parametrize(
    ("days", "offsets"),
    [((), ()), ((date(2000, 1, 1),), ()), ((date(2000, 1, 1), date(1999, 1, 1)), (1, 2)),
     ((date(2000, 1, 1), date(2001, 1, 1)), (1, 3))],
)  # fmt: skip
def test_a_table_that_is_none_is_refused(days: tuple[date, ...], offsets: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="TAI"):
        LeapSeconds(days, offsets)
