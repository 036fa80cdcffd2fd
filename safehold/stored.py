"""Stored housekeeping as samples: what the batches of APID 102 hold, put together again.

A batch holds one group of elements over a run of control ticks (flight.batches, docs/wire.md). Here all
groups of a tick become one sample, timed by the batch that began nearest before it. A group that came twice
is taken once, one that did not come is missing. The bits are read in C++: a day has millions.

Batches wait as they came, in a temporary file, by windows of on-board time, and are put together a window at
a time: a month needs no more memory than a day.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flight.batches import decode_header, groups
from flight.dictionary import TYPE_OCTETS, load_native
from flight.packets import PacketError, TmPacket
from safehold.spool import Spool

WINDOW_NS = 6 * 3600 * 10**9
# Pieces of one tick agree on its time but for the clock's drift since their batches began. Ticks that are
# numbered alike after a restart lie further apart.
_SAME_TIME_NS = 500_000_000
# Beyond the edge of a window, pieces of its samples are looked for as far as this.
_MARGIN_NS = 20 * _SAME_TIME_NS
_WORDS = {
    "f64": ("<u8", "<f8"),
    "i64": ("<u8", "<i8"),
    "u64": ("<u8", "<u8"),
    "f32": ("<u4", "<f4"),
    "u32": ("<u4", "<u4"),
    "u16": ("<u2", "<u2"),
    "i16": ("<u2", "<i2"),
    "u8": ("<u1", "<u1"),
}

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples in order of their on-board time. `values`: by parameter and index, the places among the samples
    that have one, and their values. `arrivals_ns`: when the last piece of each came, and `stations` where.
    """

    times_ns: Numbers
    arrivals_ns: Numbers
    stations: Numbers
    values: dict[tuple[str, int], tuple[Numbers, NDArray[Any]]]
    repeated: int

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(slots=True)
class _Pieces:
    """What has come of one group: parallel arrays, a batch each."""

    ticks: list[NDArray[np.uint32]] = field(default_factory=list)
    times_ns: list[Numbers] = field(default_factory=list)
    values: list[NDArray[np.uint64]] = field(default_factory=list)
    arrivals: list[tuple[int, int, int]] = field(default_factory=list)  # arrival ns, station, samples


_BATCH = struct.Struct("<qqHH")  # on-board ns, arrival ns, station, octets


@dataclass(slots=True)
class StoredBuilder:
    """Takes batches as they come; `tick_ns` is the control period, `window_ns` how much of on-board time is
    put together at a time.
    """

    tick_ns: int
    window_ns: int = WINDOW_NS
    batches: int = 0
    refused: int = 0
    _batches: Spool = field(default_factory=Spool)
    _windows: set[int] = field(default_factory=set)

    def add(self, packet: TmPacket, *, arrival_ns: int, station: int) -> None:
        """A TM[3,128]; one that contradicts the dictionary or itself is counted and dropped."""
        try:
            read = self._read(packet.data, packet.time_ns)
        except PacketError:
            self.refused += 1
            return
        self.batches += 1
        times = read[2]
        self._windows.update((times // self.window_ns).tolist())
        edges = np.concatenate([times - _MARGIN_NS, times, times + _MARGIN_NS])
        octets = _BATCH.pack(packet.time_ns, arrival_ns, station, len(packet.data)) + packet.data
        for window in np.unique(edges // self.window_ns).tolist():
            self._batches.add((window,), octets)

    def windows(self) -> list[int]:
        """The windows of on-board time that may have samples, in order."""
        return sorted(self._windows)

    def samples(self, window: int) -> Samples:
        """What has come of a window, `window * window_ns` to the next."""
        groups_of: dict[int, _Pieces] = {}
        waiting, at = self._batches.read((window,)), 0
        while at < len(waiting):
            time_ns, arrival_ns, station, octets = _BATCH.unpack_from(waiting, at)
            at += _BATCH.size + octets
            group, ticks, times, values = self._read(waiting[at - octets : at], time_ns)
            mine = groups_of.setdefault(group, _Pieces())
            mine.ticks.append(ticks)
            mine.times_ns.append(times)
            mine.values.append(values)
            mine.arrivals.append((arrival_ns, station, len(ticks)))
        numbers = sorted(groups_of)
        return _together(numbers, [groups_of[one] for one in numbers], window, self.window_ns)

    def _read(self, data: bytes, time_ns: int) -> tuple[int, NDArray[np.uint32], Numbers, NDArray[np.uint64]]:
        """Group, ticks, on-board times and values of a batch; raises PacketError for one that is none."""
        group, samples, tick, coded = decode_header(data)
        found = load_native().read_batch(coded, _sizes(group), samples, tick)
        if found is None:
            raise PacketError("data", "a batch that contradicts itself")
        ticks = np.frombuffer(found[0], dtype=np.uint32)
        # Ticks wrap at 2³²; within a batch they only go on.
        times = time_ns + (ticks - ticks[0]).astype(np.int64) * self.tick_ns
        return group, ticks, times, np.frombuffer(found[1], dtype=np.uint64).reshape(samples, -1)


def _together(numbers: Sequence[int], pieces: Sequence[_Pieces], window: int, window_ns: int) -> Samples:
    """The samples of a window, from all pieces of their groups in it and near it."""
    if not numbers:
        empty = np.zeros(0, dtype=np.int64)
        return Samples(empty, empty, empty, {}, 0)
    ticks = np.concatenate([one for mine in pieces for one in mine.ticks]).astype(np.int64)
    times = np.concatenate([one for mine in pieces for one in mine.times_ns])
    ages = np.concatenate([one - one[0] for mine in pieces for one in mine.times_ns])
    arrivals = np.repeat(
        np.array([one[:2] for mine in pieces for one in mine.arrivals], dtype=np.int64),
        [one[2] for mine in pieces for one in mine.arrivals],
        axis=0,
    )
    sample_of, count = _samples_of(ticks, times)
    nearest = np.full(count, -1, dtype=np.int64)
    order = np.argsort(-ages, kind="stable")
    nearest[sample_of[order]] = order  # the youngest is written last
    last = np.full(count, -1, dtype=np.int64)
    order = np.argsort(arrivals[:, 0], kind="stable")
    last[sample_of[order]] = order
    in_order = np.argsort(times[nearest], kind="stable")
    chosen = times[nearest][in_order]
    in_order = in_order[chosen // window_ns == window]
    place_of = np.full(count, -1, dtype=np.int64)  # of a neighbouring window's samples
    place_of[in_order] = np.arange(len(in_order))
    values: dict[tuple[str, int], tuple[Numbers, NDArray[Any]]] = {}
    start = repeated = 0
    for number, mine in zip(numbers, pieces, strict=True):
        stacked = np.concatenate(mine.values)
        places = place_of[sample_of[start : start + len(stacked)]]
        start += len(stacked)
        stacked, places = stacked[places >= 0], places[places >= 0]
        if not len(stacked):
            continue
        # Of the same group and time the first to come counts.
        places, firsts = np.unique(places, return_index=True)
        repeated += len(stacked) - len(firsts)
        for name, index, column in _columns(number, stacked[firsts]):
            values[name, index] = places, column
    chosen = nearest[in_order]
    came = arrivals[last[in_order]]
    return Samples(times[chosen], came[:, 0], came[:, 1], values, repeated)


def _samples_of(ticks: Numbers, times_ns: Numbers) -> tuple[Numbers, int]:
    """For each piece the number of its sample, and how many there are."""
    order = np.lexsort((times_ns, ticks))
    begins = (np.diff(ticks[order]) != 0) | (np.diff(times_ns[order]) > _SAME_TIME_NS)
    number = np.concatenate([[0], np.cumsum(begins)])
    found = np.empty(len(order), dtype=np.int64)
    found[order] = number
    return found, int(number[-1]) + 1


def _columns(group: int, values: NDArray[np.uint64]) -> Iterator[tuple[str, int, NDArray[Any]]]:
    for at, element in enumerate(groups()[group]):
        word, kind = _WORDS[element.type]
        yield element.parameter, element.index, values[:, at].astype(word).view(kind)


@cache
def _sizes(group: int) -> bytes:
    """The bits of each element of a group."""
    return bytes(8 * TYPE_OCTETS[element.type] for element in groups()[group])
