"""What a predicted pass is; apart from how it is found, so that reading it costs no heavy import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """A predicted pass over one station: acquisition, culmination and loss of signal since the epoch, and how
    much earlier or later they may come.
    """

    station: int
    aos_ns: int
    tca_ns: int
    los_ns: int
    elevation_max_rad: float
    margin_ns: int = 0
