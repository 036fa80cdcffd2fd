"""Near misses: what somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(word: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" if a known word is close to the given one, else nothing."""
    names = list(known)
    folded = {name.lower().replace("_", "-"): name for name in names}
    close = get_close_matches(word.lower().replace("_", "-"), folded, n=1, cutoff=0.6)
    return f"; did you mean '{folded[close[0]]}'?" if close else ""


def listing(known: Iterable[str], at_most: int = 12) -> str:
    """The known words for a message, cut short when there are many."""
    names = sorted(known)
    shown = ", ".join(names[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"
