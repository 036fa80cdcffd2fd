"""Durations as people write them ("90s", "2h13m", "1.5d") to whole nanoseconds and back.

The arithmetic is exact: a fraction that is not a whole number of nanoseconds is refused rather than rounded.
"""

from __future__ import annotations

import re
from fractions import Fraction

NS_PER_UNIT = {
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
LONGEST_NS = 10 * 365 * NS_PER_UNIT["d"]
EXAMPLES = '"90s", "15m", "2h13m", "1d"'

_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(ms|us|ns|d|h|m|s)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(text: str) -> int:
    """Nanoseconds of a duration such as "2h13m".

    Raises ValueError, with what would be right, for anything else: negative, NaN, units missing, repeated or
    in the wrong order, or longer than ten years.
    """
    stripped = text.strip()
    if not _WHOLE.fullmatch(stripped):
        raise ValueError(f"{text[:40]!r} is not a duration; write it like {EXAMPLES}")
    total: Fraction | int = 0
    previous: int | None = None
    for number, unit in _PART.findall(stripped):
        size = NS_PER_UNIT[unit]
        if previous is not None and size >= previous:
            raise ValueError(f"{text[:40]!r}: units go from large to small, each once, like {EXAMPLES}")
        previous = size
        total += Fraction(number) * size if "." in number else int(number) * size
    if total.denominator != 1:
        raise ValueError(f"{text[:40]!r} is not a whole number of nanoseconds")
    if total > LONGEST_NS:
        raise ValueError(f"{text[:40]!r} is longer than ten years")
    return int(total)


def format_duration(nanoseconds: int) -> str:
    """The shortest exact text that `parse_duration` reads back to the same number."""
    if nanoseconds < 0:
        raise ValueError("a duration is not negative")
    if nanoseconds == 0:
        return "0s"
    parts: list[str] = []
    rest = nanoseconds
    for unit, size in NS_PER_UNIT.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def format_clock(nanoseconds: int) -> str:
    """Time since the epoch for displays: "01:02:03" or "1d 01:02:03"."""
    seconds = nanoseconds // NS_PER_UNIT["s"]
    days, seconds = divmod(seconds, 86_400)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{days}d {clock}" if days else clock
