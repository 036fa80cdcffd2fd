"""Flies a run that was stopped early to its end, to see whether it was right to stop it.

From its own stop on plant and computer must steer as the reference's at each stop, all else that steers
every minute, and at its end its result must be the one that was put together. What is not compared: digests
(the run's own go on apart from the reference's), wall times, and how many frames came from the stop on, since
a report more in the queue may cost a frame more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from safehold.forks.reference import CONTROL, NATIVE, Reference
from safehold.schema import Scenario

if TYPE_CHECKING:
    from safehold.forks.forker import Forker
    from safehold.forks.walker import Walker

# Of a document: what has to be equal as it stands.
COMPARED = ("outcome", "reasons", "complete", "sim_seconds", "modes", "outage_s", "data_lost_bytes", "faults")
COMPARED_TOO = ("commands", "judgement", "notes", "ledger")
FRAMES = "frames_received"
LISTED = 20
ALL_EVERY = 6  # stops


def check(reference: Reference, scenario: Scenario, document: Mapping[str, Any]) -> list[str]:
    """What disagrees between a document of `Forker.fly` and its run flown to the end; empty: nothing."""
    from safehold.forks.forker import Forker

    forker = Forker(reference)
    try:
        return compare(forker, scenario, document)
    finally:
        forker.close()


def compare(forker: Forker, scenario: Scenario, stopped: Mapping[str, Any]) -> list[str]:
    """As `check`, with a forker that may already stand near."""
    watcher = Watcher(forker.reference, stopped)
    whole = forker.fly_watched(scenario, watcher)
    plant = forker.reference.books["document"]["digests"]["plant"]
    return [*watcher.found, *documents_differ(stopped, whole, plant)][:LISTED]


class Watcher:
    """Looks at a run from the stop of its document on: does it go on steering as the reference does?"""

    def __init__(self, reference: Reference, stopped: Mapping[str, Any]) -> None:
        stop = stopped["stop"]
        self._reference = reference
        self.from_tick = round(stop["at_s"] * 1e9) // reference.scenario.tick_ns
        self._digests = stopped["digests"] if "digest_until_s" in stopped else None
        self.found: list[str] = []

    def see(self, walker: Walker) -> None:
        """Look at a run that stands at a stop of the reference."""
        stop = walker.tick // self._reference.stop_ticks
        at_s = walker.simulation.time_ns / 1e9
        if walker.tick == self.from_tick and self._digests is not None and walker.digests() != self._digests:
            self.found.append(f"flown again, the run has other digests at {at_s:g} s")
        differs = ""
        if walker.native_hash() != self._reference.hash_at(stop, NATIVE):
            differs = "plant or computer"
        elif walker.tick == self.from_tick or stop % ALL_EVERY == 0:
            walker.collect()
            if walker.control_hash() != self._reference.hash_at(stop, CONTROL):
                differs = "link, ground or books"
        if differs and len(self.found) < LISTED:
            self.found.append(f"{differs}: control differs from the reference's at {at_s:g} s")


def documents_differ(stopped: Mapping[str, Any], whole: Mapping[str, Any], plant: str) -> list[str]:
    """Where the document of a run stopped early differs from that of the whole run, in words.

    plant: the digest of the reference's plant.
    """
    found = [
        f"{name}: {stopped.get(name)!r} when stopped, {whole.get(name)!r} at the end"
        for name in (*COMPARED, *COMPARED_TOO)
        if stopped.get(name) != whole.get(name)
    ]
    if stopped["stop"]["kind"] == "identical" and stopped["digests"] != whole["digests"]:
        found.append(f"digests: {stopped['digests']} when stopped, {whole['digests']} at the end")
    if stopped.get("plant_equal") and whole["digests"]["plant"] != plant:
        found.append("the plant's digest at the end is not the reference's")
    ours, theirs = stopped["figures"], whole["figures"]
    found += [
        f"figure {name}: {ours.get(name)} when stopped, {theirs[name]} at the end"
        for name in theirs
        if name != FRAMES and ours.get(name) != theirs[name]
    ]
    for index, (one, other) in enumerate(zip(stopped["expectations"], whole["expectations"], strict=True)):
        if one["met"] != other["met"] or (one["quantity"] != FRAMES and one != other):
            found.append(f"expectation {index + 1}: {one} when stopped, {other} at the end")
    ours, theirs = (_without_frames(one["passes"]) for one in (stopped, whole))
    if ours != theirs:
        found.append("passes differ")
    return found


def _without_frames(passes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name != "frames"} for one in passes]
