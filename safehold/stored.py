"""Stored housekeeping as samples: what the batches of APID 102 hold, put together again.

A batch holds one group of elements over a run of control ticks (flight.batches, docs/wire.md). Here all
groups of a tick become one sample, timed by the batch that began nearest before it. A group that came twice
is taken once, one that did not come is missing. The bits are read in C++: a day has millions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flight.batches import decode_header, groups
from flight.dictionary import TYPE_OCTETS, load_native
from flight.packets import PacketError, TmPacket

# Pieces of one tick agree on its time but for the clock's drift since their batches began. Ticks that are
# numbered alike after a restart lie further apart.
_SAME_TIME_NS = 500_000_000
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


@dataclass(slots=True)
class StoredBuilder:
    """Takes batches as they come; `tick_ns` is the control period."""

    tick_ns: int
    batches: int = 0
    refused: int = 0
    _groups: dict[int, _Pieces] = field(default_factory=dict)

    def add(self, packet: TmPacket, *, arrival_ns: int, station: int) -> None:
        """A TM[3,128]; one that contradicts the dictionary or itself is counted and dropped."""
        try:
            group, samples, tick, coded = decode_header(packet)
        except PacketError:
            self.refused += 1
            return
        found = load_native().read_batch(coded, _sizes(group), samples, tick)
        if found is None:
            self.refused += 1
            return
        self.batches += 1
        ticks = np.frombuffer(found[0], dtype=np.uint32)
        mine = self._groups.setdefault(group, _Pieces())
        mine.ticks.append(ticks)
        # Ticks wrap at 2³²; within a batch they only go on.
        mine.times_ns.append(packet.time_ns + (ticks - ticks[0]).astype(np.int64) * self.tick_ns)
        mine.values.append(np.frombuffer(found[1], dtype=np.uint64).reshape(samples, -1))
        mine.arrivals.append((arrival_ns, station, samples))

    def samples(self) -> Samples:
        """All that has come."""
        if not self._groups:
            empty = np.zeros(0, dtype=np.int64)
            return Samples(empty, empty, empty, {}, 0)
        numbers = sorted(self._groups)
        pieces = [self._groups[number] for number in numbers]
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
        place_of = np.empty(count, dtype=np.int64)
        place_of[in_order] = np.arange(count)
        values: dict[tuple[str, int], tuple[Numbers, NDArray[Any]]] = {}
        start = repeated = 0
        for number, mine in zip(numbers, pieces, strict=True):
            stacked = np.concatenate(mine.values)
            places = place_of[sample_of[start : start + len(stacked)]]
            start += len(stacked)
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
