"""Single bits flipped in one replica, one at a time: what comes of each, beside the fault-free computer.

The flight computer runs on recorded sensor frames. A trial restores it shortly before its tick, flips the
bit, and runs on for more than a round of the voter's rolling comparison. If then no command has differed, all
replicas agree in every octet, and their control half is the fault-free one's, nothing that follows can differ
either: commands are a function of the control half and the input.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from flight.computer import FlightComputer, make_computer

SNAPSHOT_TICKS = 250
RUN_ON_TICKS = 250
"""More than a round of the rolling comparison: 640 octets of the state a tick
make 59 ticks, and the persistence count three."""

Octets = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Flip:
    """A bit of one replica's state, flipped before a tick."""

    tick: int
    replica: int
    bit: int


@dataclass(slots=True)
class Figures:
    """What came of a number of flips."""

    flips: int = 0
    commands_changed: int = 0
    """Flips after which any octet of any voted actuator frame differed from the fault-free one's."""
    replica_differed: int = 0
    """Flips that made the replica's own output or state differ from the majority's when it was looked at."""
    not_reconverged: int = 0
    """Flips after which the replicas, or their control half and the fault-free one's, were not equal again;
    not looked at in longer trials."""

    def __str__(self) -> str:
        return ", ".join(f"{f.name} {getattr(self, f.name)}" for f in fields(self))


class Experiment:
    """The fault-free run on recorded frames, and trials beside it."""

    def __init__(
        self, frames: Octets, *, replicas: int = 3, resync: bool = True, run_on_ticks: int = RUN_ON_TICKS
    ) -> None:
        self.frames = frames
        self.run_on_ticks = run_on_ticks
        self.replicas = replicas
        self.computer = make_computer(replicas=replicas, resync=resync)
        self.states: list[bytes] = []
        parts = []
        for start in range(0, len(frames), SNAPSHOT_TICKS):
            self.states.append(self.computer.state_bytes())
            parts.append(self.computer.step_all(frames[start : start + SNAPSHOT_TICKS]))
        self.commands = np.concatenate(parts)

    def choose(self, count: int, seed: int, *, octets: int = FlightComputer.state_size) -> list[Flip]:
        """Flips uniform over replica, bit (of the first `octets` of its state) and tick."""
        draw = np.random.default_rng(seed)
        last = len(self.frames) - RUN_ON_TICKS
        return [
            Flip(int(draw.integers(last)), int(draw.integers(self.replicas)), int(draw.integers(octets * 8)))
            for _ in range(count)
        ]

    def try_all(self, trials: list[list[Flip]]) -> Figures:
        """Trials of one or more flips each, in order of tick."""
        figures = Figures()
        for flips in trials:
            self._try(flips, figures)
        return figures

    def _try(self, flips: list[Flip], figures: Figures) -> None:
        computer = self.computer
        start = flips[0].tick // SNAPSHOT_TICKS
        computer.restore(self.states[start])
        computer.step_all(self.frames[start * SNAPSHOT_TICKS : flips[0].tick])
        before = computer.counters()["divergences"]
        changed = False
        ends = [flip.tick for flip in flips[1:]] + [min(flips[-1].tick + self.run_on_ticks, len(self.frames))]
        for flip, end in zip(flips, ends, strict=True):
            computer.flip(flip.replica, flip.bit)
            commands = computer.step_all(self.frames[flip.tick : end])
            changed |= not np.array_equal(commands, self.commands[flip.tick : end])
        figures.flips += 1
        figures.commands_changed += changed
        figures.replica_differed += computer.counters()["divergences"] != before
        if self.run_on_ticks == RUN_ON_TICKS:
            figures.not_reconverged += not self._reconverged(start, ends[-1])

    def _reconverged(self, start: int, end: int) -> bool:
        states = [self.computer.replica_bytes(i) for i in range(self.replicas)]
        control = states[0][: FlightComputer.control_size]
        self.computer.restore(self.states[start])
        self.computer.step_all(self.frames[start * SNAPSHOT_TICKS : end])
        fault_free = self.computer.replica_bytes(0)[: FlightComputer.control_size]
        return all(state == states[0] for state in states) and control == fault_free
