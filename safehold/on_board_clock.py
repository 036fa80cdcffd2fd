"""On-board time as UTC: mission control's correlation of the clock, then leap seconds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ground.time_correlation import TimeCorrelation
from ground.utc import leap_seconds


def clock_document(epoch: datetime, told: Mapping[str, Any]) -> dict[str, Any]:
    """`clock` of result.json: what on-board time counts from, and what mission control found of its clock."""
    return {
        "epoch_utc": epoch.astimezone(UTC).isoformat(),
        "tai_minus_utc_s": leap_seconds().offset_s(epoch),
        **told,
    }


def utc_texts(
    clock: Mapping[str, Any],
    on_board_ns: NDArray[np.int64],
    arrivals_ns: NDArray[np.int64] | None = None,
    live: NDArray[np.bool_] | None = None,
) -> list[str | None]:
    """UTC, ISO 8601, of on-board times by `clock` of result.json; by the clock as it is where nothing is
    known of it. None: the clock jumped, and the time may be one of two; fewer are if it is told when each
    arrived, and which were live.
    """
    told = TimeCorrelation.from_results(clock)
    ground_ns, known = told.to_ground_ns(np.asarray(on_board_ns, dtype=np.int64), arrivals_ns, live)
    texts = leap_seconds().utc_texts(datetime.fromisoformat(clock["epoch_utc"]), ground_ns.tolist())
    return [text if sure else None for text, sure in zip(texts, known.tolist(), strict=True)]


def sentence(clock: Mapping[str, Any]) -> str:
    """For people."""
    counted = f"on-board time counts from {clock['epoch_utc'].replace('+00:00', 'Z')}"
    if clock["line"] is None:
        return f"not correlated; {counted}"
    jumps = f", {clock['jumps']} jumps" if clock["jumps"] else ""
    pairs, reports = clock["line"]["pairs"], clock["reports"]
    return (
        f"{clock['offset_ns'] / 1e3:+,.3f} us ± {clock['offset_sigma_ns'] / 1e3:.3f} us, drift "
        f"{clock['drift'] * 1e9:+,.3f} ± {clock['drift_sigma'] * 1e9:.3f} ns/s by {pairs} of {reports} time "
        f"reports{jumps}; {counted}"
    )
