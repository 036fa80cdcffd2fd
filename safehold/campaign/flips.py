"""Replica bit flips, uniform over every bit of the state, every tick, and the replicas."""

from __future__ import annotations

from dataclasses import dataclass

from safehold.campaign import draws, injection
from safehold.campaign.schema import Flips as FlipsTable
from safehold.errors import Problem
from safehold.registry import REPLICA_BIT_FLIP
from safehold.schema import Fault, Scenario


@dataclass(frozen=True, slots=True)
class Flips:
    """So many runs with one flip each, at a tick from `from_tick` to before `until_tick`."""

    count: int
    replicas: tuple[int, ...]
    from_tick: int
    until_tick: int
    bits: int
    tick_ns: int

    def fault(self, seed: int, run: int) -> Fault:
        """A run's flip."""
        u = draws.uniforms(seed, run, "flip")
        replica = self.replicas[draws.whole(u[0], 0, len(self.replicas) - 1)]
        tick = draws.whole(u[1], self.from_tick, self.until_tick - 1)
        bit = draws.whole(u[2], 0, self.bits - 1)
        target = f"replica.{replica}"
        return injection.fault(REPLICA_BIT_FLIP.name, target, tick * self.tick_ns, None, {"bit": bit})


def flips(table: FlipsTable, scenario: Scenario) -> tuple[Flips | None, list[Problem]]:
    """The flips of a campaign, or what is wrong with them."""
    problems: list[Problem] = []
    until_ns = table.until if table.until is not None else scenario.duration
    if until_ns > scenario.duration:
        problems.append(Problem("SH-CMP-019", "is after the end of the run", "flips.until"))
    tick_ns = scenario.tick_ns
    from_tick, until_tick = -(-table.from_ // tick_ns), -(-until_ns // tick_ns)
    if from_tick >= until_tick:
        problems.append(Problem("SH-CMP-019", "is at or after the end of the flips", "flips.from"))
    replicas = tuple(dict.fromkeys(table.replicas or range(scenario.flight.replicas)))
    for replica in replicas:
        if replica >= scenario.flight.replicas:
            wrong = f"has {replica}; the base flies replicas = {scenario.flight.replicas}, counted from 0"
            problems.append(Problem("SH-CMP-019", wrong, "flips.replicas"))
    if problems:
        return None, problems
    bits = injection.state_bits()
    return Flips(table.count, replicas, from_tick, until_tick, bits, tick_ns), []
