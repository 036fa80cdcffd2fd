"""Which octets of a file have come: sorted ranges that do not touch, and the gaps between them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field


@dataclass(slots=True)
class Coverage:
    """Ranges [start, end) that have come; never more of them than a caller allows."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    @property
    def octets(self) -> int:
        """How many have come."""
        return sum(self.ends) - sum(self.starts)

    @property
    def end(self) -> int:
        """One beyond the last octet that has come."""
        return self.ends[-1] if self.ends else 0

    def overlaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end) that have come before."""
        first, last = bisect_right(self.ends, start), bisect_left(self.starts, end)
        return [(max(start, self.starts[index]), min(end, self.ends[index])) for index in range(first, last)]

    def add(self, start: int, end: int, ranges_max: int) -> bool:
        """Notes [start, end); False, and nothing noted, if that would make more than `ranges_max` ranges."""
        first, last = bisect_left(self.ends, start), bisect_right(self.starts, end)
        if first == last and len(self.starts) >= ranges_max:
            return False
        if first < last:
            start, end = min(start, self.starts[first]), max(end, self.ends[last - 1])
        self.starts[first:last] = [start]
        self.ends[first:last] = [end]
        return True

    def gaps(self, size: int) -> list[tuple[int, int]]:
        """What is missing of [0, size)."""
        edges = [0, *(edge for pair in zip(self.starts, self.ends, strict=True) for edge in pair), size]
        return [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2) if edges[i] < edges[i + 1]]
