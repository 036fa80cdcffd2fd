"""The true contacts of a run, as the plant's geometry opens and closes them."""

from __future__ import annotations

import os
import struct
import tempfile
import weakref
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from flight.frames import Delivery

NEVER_NS = 2**63 - 1
_SEEN = struct.Struct("<qdqd")
_TAIL_OCTETS = 8192 * _SEEN.size
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class TrueWindow:
    """A contact by true geometry: ticks from the first above the mask to the first below it.

    `rise_seen` and `set_seen` are false where the run began or stands in the middle of it.
    """

    station: int
    from_tick: int
    until_tick: int
    rise_seen: bool
    set_seen: bool


class Seen(NamedTuple):
    """A tick of contact at the station that sees the satellite best: elevation, and how the range changes."""

    tick: int
    elevation_deg: float
    station: int
    range_rate_m_s: float


class SeenList:
    """What was seen, in order of time: 32 octets each, and a month has 200,000 of them. Beyond the first ones
    they are in a temporary file without a name, so that memory stays flat.
    """

    __slots__ = ("__weakref__", "_file", "_on_file", "_tail")

    def __init__(self, seen: Iterable[Seen] = ()) -> None:
        self._tail = bytearray()  # what is not in the file
        self._file: IO[bytes] | None = None
        self._on_file = 0
        self.extend(seen)

    def extend(self, seen: Iterable[Seen]) -> None:
        """Add later ones; raises OSError when the temporary folder is full."""
        for one in seen:
            self._tail += _SEEN.pack(*one)
        if len(self._tail) >= _TAIL_OCTETS:
            self._spill()

    def cut(self, length: int) -> None:
        """Keep the first ones."""
        del self._tail[max(0, length - self._on_file) * _SEEN.size :]
        self._on_file = min(self._on_file, length)

    def between(self, from_tick: int, until_tick: int) -> Iterator[Seen]:
        """Those from a tick on and before another."""
        places = range(len(self))
        first = bisect_left(places, from_tick, key=self._tick)
        return self.slice(first, bisect_left(places, until_tick, key=self._tick))

    def slice(self, first: int, end: int | None = None) -> Iterator[Seen]:
        """Those from a place on, up to another."""
        end = len(self) if end is None else min(end, len(self))
        while first < end:
            stop = min(end, first + _AT_ONCE)
            yield from map(Seen._make, _SEEN.iter_unpack(self._octets(first, stop)))
            first = stop

    def __len__(self) -> int:
        return self._on_file + len(self._tail) // _SEEN.size

    def _tick(self, place: int) -> int:
        return int.from_bytes(self._octets(place, place + 1)[:8], "little", signed=True)

    def _octets(self, first: int, end: int) -> bytes:
        """The octets of those from a place on, up to another."""
        found = b""
        if first < self._on_file:
            assert self._file is not None
            octets = (min(end, self._on_file) - first) * _SEEN.size
            found = os.pread(self._file.fileno(), octets, first * _SEEN.size)
            if len(found) != octets:
                raise OSError("the temporary file of contacts has lost its end")
        low, high = (max(0, place - self._on_file) * _SEEN.size for place in (first, end))
        return found + bytes(self._tail[low:high])

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="safehold-contacts-", buffering=0)  # noqa: SIM115
            weakref.finalize(self, self._file.close)
        self._file.seek(self._on_file * _SEEN.size)
        rest = memoryview(self._tail)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._on_file = len(self)
        self._tail = bytearray()


class ContactMark(NamedTuple):
    """How far a log had got."""

    mask: int
    rises: dict[int, tuple[int, bool]]
    windows: int
    elevations: int


@dataclass(slots=True)
class ContactLog:
    """Windows, and how high the satellite stood in them."""

    station_count: int
    mask: int = 0
    _rises: dict[int, tuple[int, bool]] = field(default_factory=dict)
    _windows: list[TrueWindow] = field(default_factory=list)
    _elevations: SeenList = field(default_factory=SeenList)

    def note(self, tick: int, mask: int) -> None:
        """From a tick on, the stations whose bits are set see the satellite."""
        changed = mask ^ self.mask
        for station in range(self.station_count):
            if not changed >> station & 1:
                continue
            if mask >> station & 1:
                self._rises[station] = (tick, tick > 0)
            else:
                rise, seen = self._rises.pop(station)
                self._windows.append(TrueWindow(station, rise, tick, seen, True))
        self.mask = mask

    def note_elevations(self, seen: Iterable[Seen]) -> None:
        """How the satellite stood at some ticks of contact."""
        self._elevations.extend(seen)

    def windows(self, now_tick: int) -> list[TrueWindow]:
        """All contacts so far, in order of their beginning; those still open end now."""
        still_open = [
            TrueWindow(station, rise, now_tick, seen, False)
            for station, (rise, seen) in sorted(self._rises.items())
        ]
        return sorted([*self._windows, *still_open], key=lambda window: (window.from_tick, window.station))

    def octets_outside(self, frames: Iterable[Delivery], *, latency_ns: int, tick_ns: int) -> int:
        """The octets of TM frames whose emission ended or that arrived while their station's window was shut.

        Asked of the log of the plant's geometry, apart from the link that decided what it carries.
        """
        spans: dict[int, list[tuple[int, int]]] = {}
        for station, (rise, _) in self._rises.items():
            spans.setdefault(station, []).append((rise * tick_ns, NEVER_NS))
        for window in self._windows:
            spans.setdefault(window.station, []).append(
                (window.from_tick * tick_ns, window.until_tick * tick_ns)
            )
        return sum(
            len(one.frame)
            for one in frames
            if not any(
                begin <= one.arrival_ns - latency_ns and one.arrival_ns <= end
                for begin, end in spans.get(one.station, ())
            )
        )

    def elevation_max_deg(self, window: TrueWindow) -> float | None:
        """The highest elevation noted in a window."""
        seen = [one.elevation_deg for one in self._in(window)]
        return max(seen) if seen else None

    def range_rates(self, window: TrueWindow) -> list[tuple[int, float]]:
        """Tick and range rate, m/s, while the window's station was the one that saw the satellite best."""
        return [(one.tick, one.range_rate_m_s) for one in self._in(window) if one.station == window.station]

    def _in(self, window: TrueWindow) -> Iterator[Seen]:
        return self._elevations.between(window.from_tick, window.until_tick)

    def closed(self, after: int = 0) -> list[TrueWindow]:
        """The windows that have closed, in that order, but for the first ones."""
        return self._windows[after:]

    def elevations(self, after: int = 0) -> list[Seen]:
        """What `note_elevations` was told, but for the first ones."""
        return list(self._elevations.slice(after))

    def now(self) -> list[Any]:
        """The contacts that are open, as plain values."""
        return [self.mask, [[station, *rise] for station, rise in sorted(self._rises.items())]]

    def mark(self) -> ContactMark:
        """A place to come back to."""
        return ContactMark(self.mask, dict(self._rises), len(self._windows), len(self._elevations))

    def rewind(self, mark: ContactMark) -> None:
        """Forget what came after a mark."""
        self.mask, self._rises = mark.mask, dict(mark.rises)
        del self._windows[mark.windows :]
        self._elevations.cut(mark.elevations)

    def to_json(self) -> dict[str, Any]:
        """The state for a snapshot."""
        return {
            "mask": self.mask,
            "rises": [[station, tick, seen] for station, (tick, seen) in sorted(self._rises.items())],
            "windows": [
                [one.station, one.from_tick, one.until_tick, one.rise_seen, one.set_seen]
                for one in self._windows
            ],
            "elevations": self.elevations(),
        }

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Take a state from a snapshot; raises KeyError, TypeError or ValueError if it is none."""
        self.mask = int(state["mask"])
        self._rises = {int(station): (int(tick), bool(seen)) for station, tick, seen in state["rises"]}
        self._windows = [
            TrueWindow(int(station), int(rise), int(end), bool(rise_seen), bool(set_seen))
            for station, rise, end, rise_seen, set_seen in state["windows"]
        ]
        self._elevations = SeenList(
            Seen(int(tick), float(degrees), int(station), float(rate))
            for tick, degrees, station, rate in state["elevations"]
        )
