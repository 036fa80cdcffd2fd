"""Stored housekeeping read back exactly: batches of samples (TM[3,128]) and summaries (TM[3,129]), laid out
in docs/wire.md.

A batch holds some of the telemetry's elements over a run of samples: the first whole, each further one as its
differences to the one before. What comes over the link is hostile: a batch that contradicts the dictionary or
itself is refused with PacketError `data`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache

from flight import dictionary
from flight.packets import PacketError, TmPacket

BATCH = (3, 128)
SUMMARY = (3, 129)
GROUP_OCTETS = 192

_OCTETS = {"f64": 8, "i64": 8, "u64": 8, "f32": 4, "u32": 4, "u16": 2, "i16": 2, "u8": 1}
_CODES = {"f64": "d", "i64": "q", "u64": "Q", "f32": "f", "u32": "I", "u16": "H", "i16": "h", "u8": "B"}
_HEADER = struct.Struct(">BBBxI")
_SUMMARY_HEADER = struct.Struct(">IIHB")
_EXTREMES = struct.Struct(">HBfff")
_UNARY_MAX = 12


@dataclass(frozen=True, slots=True)
class Element:
    """One number of the telemetry: a parameter, or one value of an array."""

    parameter: str
    index: int
    type: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of a group of elements: the control tick of each, and its values in the elements' order."""

    group: int
    time_ns: int
    elements: tuple[Element, ...]
    ticks: tuple[int, ...]
    samples: tuple[tuple[float, ...], ...]

    def columns(self) -> dict[tuple[str, int], list[float]]:
        """The samples by parameter and index."""
        return {
            (element.parameter, element.index): [sample[i] for sample in self.samples]
            for i, element in enumerate(self.elements)
        }


@dataclass(frozen=True, slots=True)
class Extremes:
    """What one element was over a summary's time."""

    parameter: str
    index: int
    least: float
    mean: float
    greatest: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Least, mean and greatest of the most telling elements, sampled once a second."""

    time_ns: int
    tick_first: int
    tick_last: int
    samples: int
    extremes: tuple[Extremes, ...]


@cache
def groups() -> tuple[tuple[Element, ...], ...]:
    """The telemetry's elements in order of parameter and index, cut into groups of at most 192 octets."""
    found: list[list[Element]] = []
    used = GROUP_OCTETS
    for parameter in sorted(dictionary.PARAMETERS.values(), key=lambda one: one.id):
        octets = _OCTETS[parameter.type]
        for index in range(parameter.count):
            if used + octets > GROUP_OCTETS:
                found.append([])
                used = 0
            used += octets
            found[-1].append(Element(parameter.name, index, parameter.type))
    return tuple(map(tuple, found))


class _Bits:
    """Bits, the most significant first; raises PacketError when they run out."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self.left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self.left:
            raise PacketError("data", "a batch ends in mid-sample")
        self.left -= count
        return self._value >> self.left & (1 << count) - 1


def _difference(bits: _Bits, predicted: int, size: int, width: int) -> tuple[int, int]:
    """The value and the width of its difference, from the predicted value and the last difference's width."""
    change = 0
    while change < _UNARY_MAX and bits.take(1):
        change += 1
    if change == _UNARY_MAX:
        count = bits.take(7)
    else:
        count = width + (change // 2 if change % 2 == 0 else -(change + 1) // 2)
    if not 0 <= count <= size:
        raise PacketError("data", f"a difference of {count} bits in a value of {size}")
    folded = count if count < 2 else 1 << count - 1 | bits.take(count - 1)
    difference = -(folded + 1 >> 1) if folded & 1 else folded >> 1
    return (predicted + difference) & (1 << size) - 1, count


def _number(value: int, type_name: str) -> float:
    octets = value.to_bytes(_OCTETS[type_name], "big")
    return struct.unpack(">" + _CODES[type_name], octets)[0]  # type: ignore[no-any-return]


def decode_header(data: bytes) -> tuple[int, int, int, bytes]:
    """Group, number of samples, first control tick and coded bits of a TM[3,128]'s data; raises PacketError
    `data` if they contradict the dictionary.
    """
    if len(data) < _HEADER.size:
        raise PacketError("data", f"a batch of {len(data)} octets")
    group, count, samples, tick = _HEADER.unpack_from(data)
    if group >= len(groups()) or count != len(groups()[group]) or samples == 0:
        raise PacketError("data", f"a batch of {samples} samples of {count} elements of group {group}")
    return group, samples, tick, data[_HEADER.size :]


def decode_batch(packet: TmPacket) -> Batch:
    """Reads a TM[3,128]; raises PacketError `data` if it contradicts the dictionary or itself."""
    group, samples, tick, coded = decode_header(packet.data)
    elements = groups()[group]
    sizes = [8 * _OCTETS[element.type] for element in elements]
    bits = _Bits(coded)
    values = [bits.take(size) for size in sizes]
    widths = [0] * len(sizes)
    ticks, rows = [tick], [values]
    step = tick_width = 0
    for _ in range(samples - 1):
        tick, tick_width = _difference(bits, ticks[-1] + step & 0xFFFFFFFF, 32, tick_width)
        step = tick - ticks[-1] & 0xFFFFFFFF
        ticks.append(tick)
        row = []
        for i, size in enumerate(sizes):
            value, widths[i] = _difference(bits, rows[-1][i], size, widths[i])
            row.append(value)
        rows.append(row)
    if bits.left >= 8:
        raise PacketError("data", f"{bits.left} bits behind the samples of a batch")
    types = [element.type for element in elements]
    numbers = tuple(
        tuple(_number(value, type_name) for value, type_name in zip(row, types, strict=True)) for row in rows
    )
    return Batch(group, packet.time_ns, elements, tuple(ticks), numbers)


def decode_summary(packet: TmPacket) -> Summary:
    """Reads a TM[3,129]; raises PacketError `data` if it contradicts the dictionary or itself."""
    data = packet.data
    if len(data) < _SUMMARY_HEADER.size:
        raise PacketError("data", f"a summary of {len(data)} octets")
    first, last, samples, count = _SUMMARY_HEADER.unpack_from(data)
    if len(data) != _SUMMARY_HEADER.size + count * _EXTREMES.size:
        raise PacketError("data", f"a summary of {count} elements in {len(data)} octets")
    names = {parameter.id: parameter for parameter in dictionary.PARAMETERS.values()}
    extremes = []
    for parameter_id, index, least, mean, greatest in _EXTREMES.iter_unpack(data[_SUMMARY_HEADER.size :]):
        parameter = names.get(parameter_id)
        if parameter is None or index >= parameter.count:
            raise PacketError("data", f"a summary of parameter {parameter_id}, index {index}")
        extremes.append(Extremes(parameter.name, index, least, mean, greatest))
    return Summary(packet.time_ns, first, last, samples, tuple(extremes))
