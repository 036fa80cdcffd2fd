"""A simulation that can be marked, flown on under faults, and put back; and what it is compared by.

Two hashes are taken of a run that stands at a tick. *Whole*: every octet that the run keeps. *Control*: what
can change what happens next, and what its verdict is made of; the list is in docs/forks.md.
"""

from __future__ import annotations

import hashlib
import json
import struct
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flight.dictionary import load_native
from ground.timeliness import late_of_due
from safehold.forks.kept_ground import KeptGround
from safehold.schema import Scenario
from safehold.simulation import Simulation
from safehold.timeline import MODE_CHANGED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _safehold_native import BlockPool

    from safehold.contact_log import ContactLog, ContactMark
    from safehold.judge import Judge
    from safehold.timeline import FlightEvent
    from sim.link import Link

CHUNK_TICKS = 3000

_EVENT = struct.Struct("<qHBB")
_WINDOW = struct.Struct("<qqqBB")
_ELEVATION = struct.Struct("<qdqd")


@dataclass(slots=True)
class Books:
    """Running hashes over the lists that a run only ever adds to, so that comparing them costs nothing; each
    list has its own, since when they are read must not matter.
    """

    modes: Any = field(default_factory=hashlib.sha256)
    events: Any = field(default_factory=hashlib.sha256)
    windows: Any = field(default_factory=hashlib.sha256)
    elevations: Any = field(default_factory=hashlib.sha256)
    events_read: int = 0
    windows_read: int = 0
    elevations_read: int = 0

    def read(self, events: Sequence[FlightEvent], contacts: ContactLog) -> None:
        """Take what has been added since the last time."""
        for event in events[self.events_read :]:
            count = len(event.arguments)
            octets = _EVENT.pack(event.tick, event.id, event.severity, count)
            octets += struct.pack(f"<{count}d", *event.arguments)
            self.events.update(octets)
            if event.name == MODE_CHANGED:
                self.modes.update(octets)
        self.events_read = len(events)
        windows, elevations = contacts.closed(self.windows_read), contacts.elevations(self.elevations_read)
        for one in windows:
            self.windows.update(
                _WINDOW.pack(one.station, one.from_tick, one.until_tick, one.rise_seen, one.set_seen)
            )
        for seen in elevations:
            self.elevations.update(_ELEVATION.pack(*seen))
        self.windows_read += len(windows)
        self.elevations_read += len(elevations)

    def copy(self) -> Books:
        """Another one at the same place."""
        return Books(
            self.modes.copy(),
            self.events.copy(),
            self.windows.copy(),
            self.elevations.copy(),
            self.events_read,
            self.windows_read,
            self.elevations_read,
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """A state to come back to; the ground keeps its own."""

    scenario: Scenario
    plant: bytes
    driver: bytes
    blocks: BlockPool  # of mass memory, shared with it
    link: Link
    promise_tick: int
    ground_tick: int
    uplink_octets_outside: int
    downlink_octets_before: int
    contacts: ContactMark
    judge: Judge
    events: int
    books: Books


class Walker:
    """Owns a simulation; `simulation` may be looked at, and is flown by this class alone."""

    def __init__(self, scenario: Scenario) -> None:
        """Raises InputError for a scenario that cannot be flown."""
        self.simulation = Simulation(scenario, keep_truth=False)
        self.ground = KeptGround(self.simulation.ground)  # type: ignore[arg-type]
        self.simulation.ground = self.ground
        self.books = Books()
        self.collect()

    @property
    def tick(self) -> int:
        """Control ticks flown."""
        return self.simulation.tick

    @property
    def orbit_ns(self) -> int:
        """The period of the orbit at the start."""
        return self.simulation.judge.orbit_s * 1_000_000_000

    def hop_to(self, until_tick: int) -> None:
        """Fly on to a tick; what is to be read of it waits until `collect`."""
        simulation = self.simulation
        while simulation.tick + CHUNK_TICKS < until_tick:
            simulation.hop_to(simulation.tick + CHUNK_TICKS)
            self.collect()
        simulation.hop_to(until_tick)

    def collect(self) -> None:
        """Bring the books up to the tick that was reached."""
        self.simulation.collect()
        self.books.read(self.simulation.events, self.simulation.contacts)

    def walk_to(self, until_tick: int) -> None:
        """Fly on to a tick, books included."""
        self.hop_to(until_tick)
        self.collect()

    # --- there and back -----------------------------------------------------------------------------------

    def mark(self) -> Mark:
        """The state as it stands; one at a time."""
        simulation = self.simulation
        self.ground.keep()
        blocks = load_native().BlockPool()
        return Mark(
            scenario=simulation.scenario,
            plant=simulation.plant.state_bytes(),
            driver=simulation.driver.state(blocks),
            blocks=blocks,
            link=simulation.link.copy(),
            promise_tick=simulation.promise_tick,
            ground_tick=simulation.ground_tick,
            uplink_octets_outside=simulation.uplink_octets_outside,
            downlink_octets_before=simulation.downlink_octets_before,
            contacts=simulation.contacts.mark(),
            judge=simulation.judge.copy(),
            events=len(simulation.events),
            books=self.books.copy(),
        )

    def rewind(self, mark: Mark) -> None:
        """Back to the last mark, faults and all that they did undone."""
        simulation = self.simulation
        simulation.plant.restore(mark.plant)
        simulation.driver.restore(mark.driver, mark.blocks)
        simulation.link = mark.link
        self.ground.rewind()
        simulation.promise_tick = mark.promise_tick
        simulation.ground_tick = mark.ground_tick
        simulation.uplink_octets_outside = mark.uplink_octets_outside
        simulation.downlink_octets_before = mark.downlink_octets_before
        simulation.contacts.rewind(mark.contacts)
        simulation.judge = mark.judge
        del simulation.events[mark.events :]
        simulation.onsets.clear()
        simulation.inject(mark.scenario)
        self.books = mark.books

    def restart(self, sections: dict[str, bytes], host: dict[str, Any], blocks: BlockPool) -> None:
        """Take a state as for `Simulation.restore`."""
        self.simulation.restore(
            plant=sections["plant"],
            flight=sections["flight"],
            link=sections["link"],
            ground=sections["ground"],
            host=host,
            blocks=blocks,
        )
        self.books = Books()
        self.collect()

    # --- what it is compared by ---------------------------------------------------------------------------

    def native_hash(self) -> bytes:
        """Of the steering half of plant and computer; `collect` is not needed for it."""
        found: bytes = self.simulation.driver.control_hash()
        return found

    def control_hash(self) -> bytes:
        """Of all that steers, and of the books that the verdict is made of; after `collect`."""
        simulation = self.simulation
        host = [
            simulation.promise_tick,
            simulation.uplink_octets_outside,
            simulation.downlink_octets_outside(),
            simulation.commands_bad(),
            simulation.judge.to_json(),
            simulation.contacts.now(),
            self.events_late(),
        ]
        found = hashlib.sha256(simulation.driver.control_hash())
        found.update(hashlib.sha256(simulation.link.control_bytes(simulation.tick)).digest())
        found.update(self.ground.control_hash())
        found.update(self.books.modes.digest())
        found.update(self.books.windows.digest())
        found.update(self.books.elevations.digest())
        found.update(json.dumps(host, sort_keys=True, separators=(",", ":")).encode())
        return found.digest()

    def events_late(self) -> int:
        """The figure as it would be if the run ended here; after `collect`."""
        simulation, told = self.simulation, self.ground.events_told()
        until_tick = -(-told["due_ns"] // simulation.tick_ns)
        due = bisect_left(simulation.events, until_tick, key=lambda event: event.tick)
        return late_of_due(told, due)

    def whole_hash(self, control: bytes | None = None) -> bytes:
        """Of every octet that the run keeps; after `collect`. control: `control_hash`, if it is known."""
        simulation = self.simulation
        found = hashlib.sha256(self.control_hash() if control is None else control)
        found.update(simulation.driver.whole_hash())
        found.update(hashlib.sha256(simulation.link.to_bytes()).digest())
        found.update(self.ground.whole_hash())
        found.update(self.books.events.digest())
        return found.digest()

    def plant_hash(self) -> bytes:
        """The plant's chain: every sensor frame so far, and its state."""
        return bytes.fromhex(self.simulation.driver.digests()["plant"])

    def digests(self) -> dict[str, str]:
        """The four chains up to here, whoever asks and however it got here.

        The ground's leaves out the time to which it was last granted any, which depends on that.
        """
        chains = self.simulation.driver.digests()
        return {
            "plant": chains["plant"],
            "flight": chains["flight"],
            "link": self.simulation.link.digest().hex(),
            "ground": self.ground.whole_hash().hex(),
        }

    def close(self) -> None:
        """End the simulation."""
        self.simulation.close()
