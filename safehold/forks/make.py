"""Flies the fault-free run once and notes what others will be compared with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from flight.dictionary import load_native
from safehold.code_id import code_id
from safehold.forks.reference import SNAPSHOT_S, STOP_S, Reference, fault_free, pack_sections
from safehold.forks.walker import Walker
from safehold.run import Outing, document
from safehold.schema import Scenario

if TYPE_CHECKING:
    from _safehold_native import BlockPool


def make_reference(scenario: Scenario) -> Reference:
    """Fly a scenario without its faults; raises InputError if it cannot be flown."""
    scenario = fault_free(scenario)
    walker = Walker(scenario)
    try:
        rate_hz = scenario.flight.control_rate_hz
        hashes: list[bytes] = []
        counts: list[tuple[int, int, int, int]] = []
        snapshots: dict[int, bytes] = {}
        blocks = load_native().BlockPool()
        for tick in range(0, scenario.ticks + 1, STOP_S * rate_hz):
            walker.walk_to(tick)
            control = walker.control_hash()
            hashes += [walker.native_hash(), control, walker.whole_hash(control), walker.plant_hash()]
            counts.append(count(walker))
            if tick % (SNAPSHOT_S * rate_hz) == 0:
                snapshots[tick] = _snapshot(walker, blocks)
        simulation = walker.simulation
        outing = Outing(simulation)
        outing.fly()
        votes = simulation.computer.counters()
        found = document(outing, True)
        del found["timing"]
        contacts = simulation.contacts.to_json()
        return Reference(
            scenario=scenario,
            code_id=code_id(),
            hashes=np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 4, 32),
            counts=np.array(counts, np.int64),
            snapshots=snapshots,
            blocks=blocks.blocks(),
            books={
                "document": found,
                "events": simulation.host_state()["events"],
                "windows": contacts["windows"],
                "elevations": contacts["elevations"],
                "passes": walker.ground.results()["passes"],
            },
            steady=not any(votes["divergences"]) and not votes["holds"] and scenario.flight.autonomy,
        )
    finally:
        walker.close()


def count(walker: Walker) -> tuple[int, int, int, int]:
    """What a run that is stopped early carries over into its result, as `Reference.counts` has it."""
    received, passes = walker.ground.frame_counts()
    disagreed = sum(walker.simulation.computer.counters()["divergences"])
    return received, disagreed, len(passes), passes[-1] if passes else 0


def _snapshot(walker: Walker, blocks: BlockPool) -> bytes:
    """The state as it stands; of the lists that only grow, how long they are; of mass memory, the names of
    the blocks that do not change any more.
    """
    simulation = walker.simulation
    host = simulation.host_state()
    contacts = dict(host["contacts"])
    host["lengths"] = {
        "events": len(host.pop("events")),
        "windows": len(contacts.pop("windows")),
        "elevations": len(contacts.pop("elevations")),
    }
    host["contacts"] = contacts
    return pack_sections(
        {
            "plant": simulation.plant.state_bytes(),
            "flight": simulation.driver.state(blocks),
            "link": simulation.link.to_bytes(),
            "ground": walker.ground.to_bytes(),
            "host": json.dumps(host, separators=(",", ":"), allow_nan=False).encode(),
        }
    )
