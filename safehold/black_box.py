"""The black box read on the ground: any parameter at any tick, computed again from chunks that came down.

A chunk holds a state and every input of the ticks after it (docs/black-box.md); the compiled flight software
makes the steps again. Chunks of another dictionary or state layout are refused: they need their build.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flight.dictionary import SENSOR_DTYPE, load_native
from safehold.errors import BlackBoxError

CHUNK_OCTETS_MAX = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk: where it came from, its octets, the tick that it begins with."""

    name: str
    octets: bytes
    first_tick: int
    tick_ns: int


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What went through the chunks: ticks computed, and how the satellite's own checks of them turned out."""

    first_tick: int
    next_tick: int
    checks_held: int
    checks_failed: int


class BlackBox:
    """Chunks in the order of their ticks; gaps between them stay gaps."""

    def __init__(self, paths: Sequence[Path], *, autonomy: bool = True) -> None:
        """`autonomy`: as the flight was configured.

        Raises BlackBoxError for a file that cannot be read or is no chunk of this build, and for a chunk that
        is there twice.
        """
        self.autonomy = autonomy
        self.chunks = sorted((_read(path) for path in paths), key=lambda chunk: chunk.first_tick)
        _check_once(self.chunks)
        if len({chunk.tick_ns for chunk in self.chunks}) > 1:
            wrong = "the chunks have different control periods: they are of different flights"
            raise BlackBoxError("SH-BBX-003", wrong)

    def rows(self, every_ticks: int = 1) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Tick, on-board clock in nanoseconds and all telemetry parameters, for every so many ticks."""
        for chunk in self.chunks:
            replay = _open(chunk, self.autonomy)
            while _step(chunk, replay):
                tick = replay.next_tick - 1
                if tick % every_ticks == 0:
                    yield tick, _clock_ns(replay), replay.telemetry()

    def states(self) -> Iterator[tuple[int, Callable[[], dict[str, Any]], bytes]]:
        """Tick, what gives the telemetry parameters until the next one is taken, and the control state, for
        every tick.
        """
        for chunk in self.chunks:
            replay = _open(chunk, self.autonomy)
            while _step(chunk, replay):
                yield replay.next_tick - 1, replay.telemetry, replay.control_bytes()

    def at(self, tick: int) -> tuple[int, dict[str, Any], bytes]:
        """On-board clock, telemetry parameters and control state after a tick.

        Raises BlackBoxError if no chunk has it.
        """
        for chunk in self.chunks:
            if chunk.first_tick > tick:
                break
            replay = _open(chunk, self.autonomy)
            while replay.next_tick <= tick and _step(chunk, replay):
                pass
            if replay.next_tick == tick + 1:
                return _clock_ns(replay), replay.telemetry(), replay.control_bytes()
        raise BlackBoxError("SH-BBX-004", f"no chunk has tick {tick}; there are {self.extent()}")

    def verify(self) -> list[Recomputed]:
        """Compute every chunk to its end."""
        found = []
        for chunk in self.chunks:
            replay = _open(chunk, self.autonomy)
            while _step(chunk, replay):
                pass
            checks = replay.checks_held, replay.checks_failed
            found.append(Recomputed(chunk.first_tick, replay.next_tick, *checks))
        return found

    def extent(self) -> str:
        """The ticks that there are, in words."""
        return ", ".join(f"{one.first_tick} to {one.next_tick - 1}" for one in self.verify()) or "none"


def columns(box: BlackBox, every_ticks: int) -> dict[str, NDArray[Any]]:
    """The parameters as columns, arrays spelt out with an index."""
    ticks: list[int] = []
    clocks: list[int] = []
    values: dict[str, list[Any]] = {}
    for tick, clock_ns, telemetry in box.rows(every_ticks):
        ticks.append(tick)
        clocks.append(clock_ns)
        for name, value in telemetry.items():
            if isinstance(value, list):
                for index, element in enumerate(value):
                    values.setdefault(f"{name}_{index}", []).append(element)
            else:
                values.setdefault(name, []).append(value)
    found = {"tick": np.asarray(ticks, dtype=np.int64), "clock_ns": np.asarray(clocks, dtype=np.int64)}
    return found | {name: np.asarray(column) for name, column in values.items()}


def _check_once(chunks: Sequence[Chunk]) -> None:
    names: dict[bytes, str] = {}
    for chunk in chunks:
        if chunk.octets in names:
            first = names[chunk.octets]
            wrong = "is given twice" if first == chunk.name else f"is the same chunk as {first}"
            raise BlackBoxError("SH-BBX-003", f"{chunk.name} {wrong}; give each once")
        names[chunk.octets] = chunk.name


def _read(path: Path) -> Chunk:
    """A chunk; never more of a file is read than one may have."""
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise BlackBoxError("SH-BBX-001", f"{path} is no regular file")
        with path.open("rb") as file:
            octets = file.read(CHUNK_OCTETS_MAX + 1)
    except OSError as error:
        raise BlackBoxError("SH-BBX-001", f"{path} cannot be read: {error.strerror}") from error
    if len(octets) > CHUNK_OCTETS_MAX:
        wrong = f"{path} is larger than a chunk can be ({CHUNK_OCTETS_MAX} octets)"
        raise BlackBoxError("SH-BBX-001", wrong)
    replay = _open(Chunk(str(path), octets, 0, 0))
    return Chunk(str(path), octets, int(replay.first_tick), int(replay.tick_ns))


def _open(chunk: Chunk, autonomy: bool = True) -> Any:
    try:
        return load_native().BlackBoxReplay(chunk.octets, autonomy)
    except ValueError as error:
        raise BlackBoxError("SH-BBX-002", f"{chunk.name}: {error}") from error


def _step(chunk: Chunk, replay: Any) -> bool:
    try:
        return bool(replay.step())
    except ValueError as error:
        raise BlackBoxError(
            "SH-BBX-002", f"{chunk.name}, after tick {replay.next_tick - 1}: {error}"
        ) from error


def _clock_ns(replay: Any) -> int:
    return int(np.frombuffer(replay.sensor_frame, dtype=SENSOR_DTYPE)[0]["clock_ns"])
