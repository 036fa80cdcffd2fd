"""The document of a run that was stopped because it had become the reference again.

Up to the stop it is the run's own, from there on the reference's. What steers and what the verdict is made of
were equal at the stop, so outcome, modes, commands and most figures are the reference's as they stand. Its
own are the faults' answers (events up to the stop), the votes that disagreed, and how many frames came.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from safehold.expectations import evaluate
from safehold.forks.reference import PLANT, Reference
from safehold.forks.walker import Walker
from safehold.refusals import heard_in
from safehold.result import json_safe
from safehold.run import fault_document
from safehold.simulation import digest_of

FRAMES, VOTES, PASSES, LAST_PASS = range(4)


def stopped_document(reference: Reference, walker: Walker, stop: int, *, identical: bool) -> dict[str, Any]:
    """The document of the run that stands at a stop of the reference; without `stop` and `timing`."""
    simulation = walker.simulation
    found = reference.document
    found["scenario"] = simulation.scenario.name
    tick = simulation.tick
    after = bisect_left(reference.events, tick, key=lambda event: event.tick)
    simulation.events.extend(reference.events[after:])
    faults = [fault_document(simulation, index) for index in range(len(simulation.scenario.fault))]
    found["faults"] = json_safe(faults)
    if identical:
        return found
    found["digests"] = walker.digests()
    found["digest"] = digest_of(found["digests"])
    found["digest_until_s"] = tick * simulation.tick_ns / 1e9
    found["plant_equal"] = bytes.fromhex(found["digests"]["plant"]) == reference.hash_at(stop, PLANT)
    _carry_counts(reference, walker, stop, found)
    return found


def _carry_counts(reference: Reference, walker: Walker, stop: int, found: dict[str, Any]) -> None:
    """Add to the reference's figures what the run had more or less of at the stop."""
    there = reference.counts[stop]
    received, passes = walker.ground.frame_counts()
    disagreed = sum(walker.simulation.computer.counters()["divergences"])
    changed = {
        "frames_received": float(received - int(there[FRAMES])),
        "vote_disagreements": float(disagreed - int(there[VOTES])),
    }
    figures = found["figures"]
    for name, more in changed.items():
        figures[name] += more
    if changed["frames_received"]:
        _carry_frames(reference, walker, passes, there, found)
    expectations = walker.simulation.expectations
    for index, compiled in enumerate(expectations):
        if changed.get(compiled.expect.quantity):
            found["expectations"][index] = json_safe(
                evaluate(compiled, {}, figures, walker.simulation.tick_ns)
            )


def _carry_frames(
    reference: Reference, walker: Walker, passes: list[int], there: Any, found: dict[str, Any]
) -> None:
    """The frames of each pass: of those that ended before the stop the reference's count is the last."""
    ended = reference.books["passes"]
    for index, frames in enumerate(passes):
        last = index == int(there[PASSES]) - 1
        more = frames - (int(there[LAST_PASS]) if last else ended[index]["frames"])
        if not more:
            continue
        for entry in found["passes"]:
            if entry["open"] and heard_in(ended[index], entry, walker.simulation.tick_ns / 1e9):
                entry["frames"] += more
