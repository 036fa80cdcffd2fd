"""What a run gives back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safehold.frame_store import FrameStore
    from safehold.schema import Scenario
    from safehold.summaries import SummaryBuilder
    from safehold.telemetry import TelemetryTable
    from safehold.truth import Truth


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run: its document (`result.json`), truth, events and telemetry.

    `.snapshot(t)` gives the whole run's state at a time ("3h" or nanoseconds) as bytes.
    """

    scenario: Scenario
    document: Mapping[str, Any]
    truth: Truth
    events: list[dict[str, Any]]
    telemetry: TelemetryTable
    received: FrameStore
    summaries: SummaryBuilder
    folder: Path | None = None
    reports: list[dict[str, Any]] = field(default_factory=list)
    _snapshot: Callable[[int], bytes] = field(repr=False, default=lambda tick: b"")

    @property
    def outcome(self) -> str:
        """OK, DEGRADED or LOST."""
        return str(self.document["outcome"])

    @property
    def reasons(self) -> list[str]:
        """Why it is so."""
        return list(self.document["reasons"])

    @property
    def digest(self) -> str:
        """SHA-256 over the four chains."""
        return str(self.document["digest"])

    @property
    def digests(self) -> Mapping[str, str]:
        """The digest of each chain: plant, flight, link, ground."""
        return dict(self.document["digests"])

    @property
    def expectations(self) -> list[dict[str, Any]]:
        """Each expectation with `met` and what was found."""
        return list(self.document["expectations"])

    @property
    def ok(self) -> bool:
        """Whether every expectation was met and the satellite was not lost: exit code 0."""
        return self.outcome != "LOST" and all(entry["met"] for entry in self.expectations)

    @property
    def frames(self) -> bytes:
        """TM frames as the ground received them, back to back."""
        return b"".join(delivery.frame for delivery in self.received)

    def snapshot(self, at: str | int) -> bytes:
        """The whole run at a time since the epoch, as a duration or in nanoseconds, flown again up to there.

        Raises ValueError for a time that is not a control tick of the run.
        """
        from safehold.durations import parse_duration

        nanoseconds = parse_duration(at) if isinstance(at, str) else at
        tick, rest = divmod(nanoseconds, self.scenario.tick_ns)
        if rest or not 0 <= tick <= self.scenario.ticks:
            raise ValueError(f"{at!r} is not a control tick of this run")
        return self._snapshot(tick)


def json_safe(value: Any) -> Any:
    """The same document, None for NaN and infinity, lists for tuples, Python's numbers for numpy's."""
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
