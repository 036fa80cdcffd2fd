"""Elapsed SI seconds as UTC, with leap seconds.

TAI − UTC is a table of steps, as IERS Bulletin C announces them: skyfield carries it from 1972 on, and one
that is yet to come can be put in. A mission's epoch is an instant of UTC; on-board and simulation time count
SI seconds from it, so that what they name is epoch + TAI − UTC (epoch) + elapsed on the scale of TAI. A
positive leap second is 23:59:60, before a negative one 23:59:59 is left out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise

_NS = 1_000_000_000
_DAY_NS = 86_400 * _NS
_UNIX = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class LeapSeconds:
    """From the begin of each UTC day of `days` on, TAI − UTC is so many seconds."""

    days: tuple[date, ...]
    tai_minus_utc_s: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.days or len(self.days) != len(self.tai_minus_utc_s):
            raise ValueError("a day for each step of TAI - UTC, one at least")
        if any(later <= earlier for earlier, later in pairwise(self.days)):
            raise ValueError("steps of TAI - UTC are in order of their days")
        if any(abs(later - earlier) != 1 for earlier, later in pairwise(self.tai_minus_utc_s)):
            raise ValueError("TAI - UTC steps by a second at a time")

    def with_step(self, day: date, seconds: int = 1) -> LeapSeconds:
        """With one more, announced after the table: at the end of the day before `day` a second is put in
        (1) or left out (-1). Raises ValueError if `day` is not behind the last step.
        """
        return LeapSeconds((*self.days, day), (*self.tai_minus_utc_s, self.tai_minus_utc_s[-1] + seconds))

    def offset_s(self, instant: datetime) -> int:
        """TAI − UTC at an instant; before the table's first day that of the first day."""
        place = bisect_right(self.days, instant.astimezone(UTC).date()) - 1
        return self.tai_minus_utc_s[max(0, place)]

    def utc_texts(self, epoch: datetime, elapsed_ns: Iterable[int]) -> list[str]:
        """UTC, ISO 8601 to the nearest microsecond, of SI nanoseconds since an instant."""
        since_unix = epoch.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        start_ns = since_unix // timedelta(microseconds=1) * 1000 + self.offset_s(epoch) * _NS
        # On the scale of TAI, where each offset begins to hold.
        begins = [
            (day - _UNIX).days * _DAY_NS + offset * _NS
            for day, offset in zip(self.days, self.tai_minus_utc_s, strict=True)
        ]
        return [self._text((start_ns + int(one) + 500) // 1000 * 1000, begins) for one in elapsed_ns]

    def _text(self, tai_ns: int, begins: list[int]) -> str:
        place = bisect_right(begins, tai_ns) - 1
        unix_ns = tai_ns - self.tai_minus_utc_s[max(0, place)] * _NS
        following = place + 1
        inserted = (
            0 < following < len(begins)
            and self.tai_minus_utc_s[following] > self.tai_minus_utc_s[place]
            and tai_ns >= begins[following] - _NS
        )
        if inserted:
            unix_ns -= _NS  # within the leap second: the one before, named 60
        days, within_ns = divmod(unix_ns, _DAY_NS)
        seconds, rest_ns = divmod(within_ns, _NS)
        minutes, second = divmod(seconds, 60)
        hours, minute = divmod(minutes, 60)
        second += inserted
        day = _UNIX + timedelta(days=days)
        return f"{day.isoformat()}T{hours:02d}:{minute:02d}:{second:02d}.{rest_ns // 1000:06d}Z"


@cache
def leap_seconds() -> LeapSeconds:
    """The table that skyfield carries, and the ten seconds of 1972 before its first."""
    from skyfield.api import load

    times = load.timescale(builtin=True)
    days, offsets = [date(1972, 1, 1)], [10]
    for julian, offset in zip(times.leap_dates, times.leap_offsets, strict=True):
        days.append(_UNIX + timedelta(days=float(julian) - 2440587.5))
        offsets.append(int(offset))
    return LeapSeconds(tuple(days), tuple(offsets))
