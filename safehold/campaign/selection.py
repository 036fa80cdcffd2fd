"""Which runs belong to a part, which are flown twice, which checked: functions of the campaign alone.

None of these choices depends on order, workers, or how the campaign was split, so that halves that were flown
apart and put together made the same choices as the whole.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

KEEP = ("none", "failed", "all")  # which runs leave their whole folder
CHECK_SHARE = 0.02
CHECKED_AT_LEAST = 100


@dataclass(frozen=True, slots=True)
class Part:
    """Every `of`-th run from the `number`-th on; 1/1 is the whole."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Part:
        """ "2/3" for the second of three; raises ValueError."""
        first, slash, second = text.partition("/")
        if not (slash and first.isdecimal() and second.isdecimal()):
            raise ValueError(f"{text[:40]!r} is not a part like 1/2")
        part = cls(int(first), int(second))
        if not 1 <= part.number <= part.of:
            raise ValueError(f"{text[:40]!r} is not one of its parts: 1/{part.of} is the first")
        return part

    def indices(self, count: int) -> range:
        """The indices of its runs."""
        return range(self.number - 1, count, self.of)

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def blocks(indices: range, size: int) -> Iterator[range]:
    """Consecutive stretches of at most `size` indices."""
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


def is_repeated(index: int, *, count: int, share: float, seed: int) -> bool:
    """Whether a run is one of those flown twice: `share` of all, at least one, none if the share is zero.

    The runs are cut into as many equal stretches as there are repeats, and a hash chooses one in each.
    """
    if share <= 0.0 or count <= 0:
        return False
    repeats = min(count, max(1, round(share * count)))
    stretch = index * repeats // count
    first = -(-stretch * count // repeats)
    last = -(-(stretch + 1) * count // repeats)
    return index == first + _hash(f"repeat {seed} {stretch}") % (last - first)


def check_rank(key: str) -> int:
    """Where a run stands in the order in which reconverged runs are chosen for a check; lowest first."""
    return _hash(f"check {key}")


def checks_wanted(reconverged: int) -> int:
    """How many of so many reconverged runs fly on: 2 %, at least 100, or all of fewer."""
    return min(reconverged, max(CHECKED_AT_LEAST, math.ceil(CHECK_SHARE * reconverged)))


def checked(ranks: Sequence[int], indices: Sequence[int]) -> list[int]:
    """Which of the runs that were stopped as reconverged fly on, lowest ranks first."""
    ranked = heapq.nsmallest(checks_wanted(len(ranks)), zip(ranks, indices, strict=True))
    return [index for _, index in ranked]


def sample(count: int, size: int) -> list[int]:
    """`size` indices (or all), one from each of as many equal stretches, chosen by a hash."""
    if count <= size:
        return list(range(count))
    edges = [count * part // size for part in range(size + 1)]
    return [low + _hash(f"sample {low}") % (high - low) for low, high in pairwise(edges)]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
