"""The on-board clock against the station's, from time reports (PUS 9): offset, drift, jumps.

A time report TM[9,2] names the on-board time of a tick and the frame of virtual channel 0 that leaves next.
If that is the frame which brought it, the frame left in that tick, and its arrival less the light time and
its own length is the same instant by the station's clock. Each pair gives offset = on-board time − ground
time, up to 60 ns short by the time code (CUC, 2⁻²⁴ s).

One pair a minute is kept, 256 at most: two days of passes. Offset and drift are a robust line through them
(Theil 1950, Sen 1968: the median of all slopes, then of the rests), so that a frame which waited on its way
spoils nothing. Three pairs on end that agree with each other and not with the line are a jump: a new line
begins. What the old one was is kept, for records made before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
PAIRS_MAX = 256
JUMPS_MAX = 32
SPACING_NS = 60_000_000_000
APART_NS = 1_000_000_000
"""A pair that comes sooner after the last says nothing new: it is a repeated frame, or made up."""
TIME_CODE_END_NS = 2**32 * 1_000_000_000
GROUND_END_NS = 2**62
DRIFT_MAX = 0.01
"""No clock is worse; what seems to be is no drift but noise."""
AGREE_NS = 20_000_000
"""Pairs agree with a line if they are no further from it; a control tick, by which a frame may wait, is."""
DRIFT_TOLERANCE = 2e-5
"""By so much more for each second since the last pair, if the line has too short a time to know its drift."""
KNOWN_AFTER_NS = 3_600_000_000_000
TOLERANCE_KNOWN = 1e-6
SUSPECTS = 3
ARRIVAL_SLACK_NS = 1_000_000_000
"""A stamp that a line reads as later than its arrival by more was not made under that line."""
AMBIGUOUS_NS = 1_000_000_000
"""If two lines are possible that differ by more, a time is not known."""
FEW = 8
"""With so few pairs the newest of all is worth a new line each time."""
_LAST_NS = 2**63 - 1 - 2 * AMBIGUOUS_NS
_CODE_NS = 60.0  # of the time code: it names the last 2^-24 s before


@dataclass(frozen=True, slots=True)
class Line:
    """offset_ns + drift · (ground time − reference_ns) is what the on-board clock is ahead; the sigmas are of
    `offset_ns` at the reference and of `drift`, and independent.
    """

    reference_ns: int
    offset_ns: float
    drift: float
    offset_sigma_ns: float
    drift_sigma: float
    pairs: int

    def offset_at(self, ground_ns: int) -> float:
        """The offset at a ground time."""
        return self.offset_ns + self.drift * (ground_ns - self.reference_ns)

    def sigma_at(self, ground_ns: int) -> float:
        """Its standard deviation, in nanoseconds."""
        return math.hypot(self.offset_sigma_ns, self.drift_sigma * (ground_ns - self.reference_ns))

    def ground_ns(self, on_board_ns: Numbers) -> Numbers:
        """The ground times at which the clock read so."""
        since = on_board_ns - self.reference_ns - round(self.offset_ns)
        rest = self.offset_ns - round(self.offset_ns)
        return (
            self.reference_ns
            + since
            - np.round((self.drift * since + rest) / (1.0 + self.drift)).astype(np.int64)
        )


@dataclass(frozen=True, slots=True)
class Past:
    """A line that held before a jump: at `last_ns` still, and at `next_ns` the next one did. Ground times."""

    last_ns: int
    next_ns: int
    line: Line


@dataclass(slots=True)
class TimeCorrelation:
    """What is known of the on-board clock. `pairs` and `suspects` are (ground time, offset); `before` are the
    lines before the one that holds now.
    """

    pairs: list[tuple[int, int]] = field(default_factory=list)
    suspects: list[tuple[int, int]] = field(default_factory=list)
    before: list[Past] = field(default_factory=list)
    newest: tuple[int, int] = (0, 0)
    seen: int = 0
    rejected: int = 0
    jumps: int = 0
    _line: Line | None = None

    def see(self, on_board_ns: int, ground_ns: int) -> None:
        """A pair: the on-board clock's reading, and the same instant by the station's. What cannot be is
        counted as rejected.
        """
        self.seen += 1
        pair = ground_ns, on_board_ns - ground_ns
        possible = 0 <= on_board_ns < TIME_CODE_END_NS and 0 <= ground_ns < GROUND_END_NS
        if not possible or (self.pairs and ground_ns < self.newest[0] + APART_NS):
            self.rejected += 1
            return
        if not self._agrees(pair):
            self._suspect(pair)
            return
        self.rejected += len(self.suspects)
        self.suspects.clear()
        self.newest = pair
        if len(self.pairs) < FEW:
            self._line = None
        if not self.pairs or ground_ns >= self.pairs[-1][0] + SPACING_NS:
            self.pairs = [*self.pairs, pair][-PAIRS_MAX:]
            self._line = None

    def line(self) -> Line | None:
        """The line that holds now; None before the first pair."""
        if self._line is None and self.pairs:
            few = len(self.pairs) < FEW and self.newest != self.pairs[-1]
            newest = [self.newest] if few else []
            self._line = fit([*self.pairs, *newest])
        return self._line

    def to_ground_ns(
        self,
        on_board_ns: Numbers,
        arrivals_ns: Numbers | None = None,
        live: NDArray[np.bool_] | None = None,
    ) -> tuple[Numbers, NDArray[np.bool_]]:
        """Ground times of on-board times, and which of them are known.

        A line may hold from the last pair of the one before it to the first of the one after, and nothing is
        stamped after it has arrived. Of what is left, a clock that jumped may have read the same twice: of a
        live report the reading next to its arrival is the right one; a stored one is not known.
        """
        lines = [one.line for one in self.before]
        if (now := self.line()) is not None:
            lines.append(now)
        if len(lines) < 2:
            found = lines[0].ground_ns(on_board_ns) if lines else on_board_ns
            return found, np.ones(len(on_board_ns), dtype=np.bool_)
        found = np.stack([line.ground_ns(on_board_ns) for line in lines])
        possible = np.ones(found.shape, dtype=np.bool_)
        for place, one in enumerate(self.before):
            possible[place] &= found[place] <= one.next_ns + AGREE_NS
            possible[place + 1 : place + 2] &= found[place + 1 : place + 2] >= one.last_ns - AGREE_NS
        if arrivals_ns is not None:
            possible &= found - ARRIVAL_SLACK_NS <= arrivals_ns
        chosen = len(lines) - 1 - np.argmax(possible[::-1], axis=0)  # the newest; the last of all if none is
        least = np.where(possible, found, _LAST_NS).min(axis=0)
        most = np.where(possible, found, -_LAST_NS).max(axis=0)
        known = possible.any(axis=0) & (most <= least + AMBIGUOUS_NS)
        if arrivals_ns is not None and live is not None:
            away = np.where(possible, np.abs(arrivals_ns - found), _LAST_NS)
            chosen = np.where(live, np.argmin(away, axis=0), chosen)
            known |= live & possible.any(axis=0)
        return found[chosen, np.arange(len(on_board_ns))], known

    def results(self) -> dict[str, Any]:
        """As plain values: the line as of its last pair, and those before it."""
        line = self.line()
        made: dict[str, Any] = {
            "reports": self.seen,
            "rejected": self.rejected + len(self.suspects),
            "jumps": self.jumps,
            "before": [
                {"last_ns": one.last_ns, "next_ns": one.next_ns, **asdict(one.line)} for one in self.before
            ],
            "line": None if line is None else asdict(line),
        }
        if line is not None:
            made |= {
                "as_of_ns": self.newest[0],
                "offset_ns": line.offset_at(self.newest[0]),
                "offset_sigma_ns": line.sigma_at(self.newest[0]),
                "drift": line.drift,
                "drift_sigma": line.drift_sigma,
            }
        return made

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        return {
            "pairs": [list(one) for one in self.pairs],
            "suspects": [list(one) for one in self.suspects],
            "before": [[one.last_ns, one.next_ns, asdict(one.line)] for one in self.before],
            "newest": list(self.newest),
            "counts": [self.seen, self.rejected, self.jumps],
        }

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Self:
        """With that state; raises KeyError, TypeError or ValueError if it is none."""
        seen, rejected, jumps = values["counts"]
        ground_ns, offset_ns = values["newest"]
        return cls(
            [(at, offset) for at, offset in values["pairs"]],
            [(at, offset) for at, offset in values["suspects"]],
            [Past(last_ns, next_ns, Line(**line)) for last_ns, next_ns, line in values["before"]],
            (ground_ns, offset_ns),
            seen,
            rejected,
            jumps,
        )

    @classmethod
    def from_results(cls, values: Mapping[str, Any]) -> Self:
        """From `results`, to translate on-board times with."""
        made = cls()
        for one in values["before"]:
            line = {name: value for name, value in one.items() if name not in ("last_ns", "next_ns")}
            made.before.append(Past(one["last_ns"], one["next_ns"], Line(**line)))
        made._line = None if values["line"] is None else Line(**values["line"])
        return made

    def _agrees(self, pair: tuple[int, int]) -> bool:
        line = self.line()
        if line is None:
            return True
        first, last = self.pairs[0][0], self.newest[0]
        known = last - first >= KNOWN_AFTER_NS
        allowed = AGREE_NS + (TOLERANCE_KNOWN if known else DRIFT_TOLERANCE) * (pair[0] - last)
        return abs(pair[1] - line.offset_at(pair[0])) <= allowed

    def _suspect(self, pair: tuple[int, int]) -> None:
        """Notes a pair that does not fit; three that fit each other begin a new line.

        Each is later than the one before by both clocks: if they are `APART_NS` apart by the ground's and
        their offsets agree, they are by the other, too.
        """
        if self.suspects and abs(pair[1] - self.suspects[-1][1]) > AGREE_NS:
            self.rejected += len(self.suspects)
            self.suspects.clear()
        if self.suspects and pair[0] < self.suspects[-1][0] + APART_NS:
            self.rejected += 1
            return
        self.suspects.append(pair)
        if len(self.suspects) < SUSPECTS:
            return
        line = self.line()
        if line is not None:
            past = Past(self.newest[0], self.suspects[0][0], line)
            self.before = [*self.before, past][-JUMPS_MAX:]
        self.jumps += 1
        self.pairs, self.newest = [self.suspects[0]], self.suspects[-1]
        self.suspects, self._line = [], None


def fit(pairs: list[tuple[int, int]]) -> Line:
    """A robust line through (ground time, offset); its sigmas are at least what the time code leaves."""
    times = np.array([at for at, _ in pairs], dtype=np.int64)
    reference_ns = int(times[len(times) // 2])
    since = (times - reference_ns).astype(np.float64)
    whole = np.array([offset for _, offset in pairs], dtype=np.int64)
    offsets = whole.astype(np.float64)
    floor_ns = _CODE_NS / math.sqrt(12.0)
    spread = float(np.sum((since - since.mean()) ** 2))
    if len(pairs) < 2 or spread == 0.0:
        return Line(reference_ns, float(offsets[0]) + _CODE_NS / 2, 0.0, floor_ns, DRIFT_TOLERANCE, 1)
    first, second = np.triu_indices(len(pairs), 1)
    # Differences as whole numbers: a float does not hold nanoseconds for longer than 104 days.
    apart = times[second] - times[first]
    slopes = (whole[second] - whole[first])[apart != 0] / apart[apart != 0]
    drift = min(max(float(np.median(slopes)), -DRIFT_MAX), DRIFT_MAX)
    rests = offsets - drift * since
    offset_ns = float(np.median(rests))
    scatter_ns = max(floor_ns, 1.4826 * float(np.median(np.abs(rests - offset_ns))))
    # A median is worth pi/2 times fewer pairs than a mean.
    sigma_ns = scatter_ns * math.sqrt(math.pi / 2.0)
    return Line(
        reference_ns,
        offset_ns + _CODE_NS / 2,
        drift,
        # What the time code cuts off may be the same in many reports on end, and is then not averaged out.
        math.hypot(floor_ns, sigma_ns / math.sqrt(len(pairs))),
        math.hypot(sigma_ns / math.sqrt(spread), math.sqrt(2.0) * floor_ns / float(np.ptp(since))),
        len(pairs),
    )
