"""Which sequence count the next telecommand gets. Its request id names it in reports, which may come late, so
that one of a command of which a report may still tell is not given again as long as there is another.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

SEQUENCE_COUNTS = 2**13
"""The other half names time-tagged telecommands as they are released on board."""


class Hold(IntEnum):
    """What would be lost if a request id were given again."""

    FREE = 0
    GIVEN_UP = 1
    OPEN = 2


def next_count(first: int, hold: Callable[[int], Hold]) -> int:
    """The first count, from one on and round, that nothing holds; failing that, the first whose command was
    given up; failing that `first`, the one given longest ago.
    """
    for most in (Hold.FREE, Hold.GIVEN_UP):
        for ahead in range(SEQUENCE_COUNTS):
            count = (first + ahead) % SEQUENCE_COUNTS
            if hold(count) <= most:
                return count
    return first
