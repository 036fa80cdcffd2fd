"""Counts by reason of what was refused or repeated."""

from __future__ import annotations


def count(counts: dict[str, int], reason: str) -> None:
    """One more for a reason."""
    counts[reason] = counts.get(reason, 0) + 1
