"""The one module that reads the wall clock; nothing that a digest depends on may import it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def wall_seconds() -> float:
    """A monotonic time for measuring how long something takes."""
    return time.perf_counter()


def wall_utc() -> datetime:
    """Now, in UTC, for logs."""
    return datetime.now(UTC)
