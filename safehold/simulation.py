"""One run: plant, flight computer, link and ground, advanced together.

Space and ground are advanced by conservative synchronisation. What leaves the ground at a tick cannot reach
the satellite before `lookahead` ticks later, and the other way round; the ground promises the tick before
which it sends nothing unless it hears something. So at any tick the satellite may be flown, in one call, to
the first of

    the end of what was asked for
    the next arrival of something that is on its way up, or a change of a carrier
    the ground's promise + lookahead
    the arrival at the ground of something that is on its way down, and can be answered, + lookahead

and the driver returns earlier by itself when it has sent a frame that may be answered, or when a contact has
begun or ended. Frames that nobody answers wait in the driver, with what the stations saw as each left.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flight.tm_frames import FILE_CHANNEL, may_bring_files
from safehold import expectations
from safehold.assembly import (
    flight_configuration,
    flip_bit,
    ground_config,
    limits_k,
    make_plant,
    plant_faults,
)
from safehold.code_id import prepare_numba_cache
from safehold.contact_log import ContactLog, Seen
from safehold.deployment import IN_PROCESS, Deployment, deployment_of, key_ring, open_flight, open_ground
from safehold.display import Status
from safehold.frame_store import FrameStore
from safehold.judge import Judge
from safehold.orbits import initial_orbit, orbit_s, sites
from safehold.radio import link_config
from safehold.registry import COMPUTER_RESET, IN_FLIGHT, REPLICA_BIT_FLIP, down_ns
from safehold.schema import MODES, Fault, Scenario
from safehold.timeline import FlightEvent
from safehold.truth import Rows, TruthStore

if TYPE_CHECKING:
    from _safehold_native import BlockPool

    from flight.remote import RemoteComputer
    from ground.process import GroundClient
    from sim.link import Link
    from sim.plant import Plant

CHAINS = ("plant", "flight", "link", "ground")
STATE_JOINS_EVERY_S = 60
_ANY_CHANNEL, _FILES_ONLY = 0xFF, 1 << FILE_CHANNEL


class Simulation:
    """A scenario being flown. `advance` takes it on; its state at any tick is bytes (`safehold.snapshot`)."""

    def __init__(
        self, scenario: Scenario, *, deployment: str | Deployment = IN_PROCESS, keep_truth: bool = True
    ) -> None:
        """`deployment`: which parts have processes of their own. `keep_truth`: whether rows of truth and
        frames are kept for the run's folder; a campaign's run needs only what the judge makes of them.
        """
        prepare_numba_cache()
        from sim.truth import COLUMNS

        self.scenario = scenario
        self.tick_ns = scenario.tick_ns
        self.end_tick = scenario.ticks
        self.sites = sites(scenario)
        self.orbit = initial_orbit(scenario)
        self.columns = tuple(COLUMNS)
        self.link: Link = self._make_link()
        self.lookahead = self.link.config.lookahead_ticks
        self.promise_tick = 0
        self.ground_tick = 0
        self.contacts = ContactLog(len(self.sites))
        self.uplink_octets_outside = 0  # delivered on board while the plant's geometry showed no station
        self.downlink_octets_before = 0  # of the frames taken from the ground, those received outside windows
        self.frames = FrameStore(keep=keep_truth)
        self.events: list[FlightEvent] = []
        self.keep_truth = keep_truth
        self.truth = TruthStore(self.columns)
        self.judge = Judge(self.columns, limits_k(scenario), round(orbit_s(self.orbit.state_gcrf.tolist())))
        self.onsets: dict[int, tuple[str, bool]] = {}  # of a fault's index: the mode, and whether sunlit
        self._onsets_waiting: list[tuple[int, int]] = []
        self._second_ticks = scenario.flight.control_rate_hz
        self._output_ticks = max(1, round(1e9 / scenario.output.truth_rate_hz / self.tick_ns))
        self._last_row: Rows | None = None
        self.deployment = deployment_of(deployment)
        self._ring = key_ring(scenario)
        self._flight: RemoteComputer | None = None
        # The ground's process starts while the plant is being made.
        self.ground: GroundClient = open_ground(
            ground_config(scenario, self.orbit, self.sites, self.link.config.latency_ns), self.deployment
        )
        try:
            self.plant: Plant = make_plant(scenario, self.orbit, self.sites, scenario.fault)
            self.computer, self.driver = self._make_flight(self.plant, self.deployment)
            self.expectations = expectations.install(scenario, self.driver)
            self.driver.set_truth_interval(
                math.gcd(self._output_ticks, self._second_ticks) if keep_truth else self._second_ticks
            )
            self._note_contact(0, self.plant.contact_mask)
            self.await_onsets()
        except BaseException:
            self.close()
            raise

    # --- assembly -----------------------------------------------------------------------------------------

    def _make_link(self) -> Link:
        from sim.link import Link

        return Link(link_config(self.scenario))

    def _make_flight(self, plant: Plant, deployment: Deployment) -> tuple[Any, Any]:
        """The flight computer, and the driver that steps it and the plant."""
        from flight.computer import make_computer
        from flight.dictionary import load_native
        from sim.records import CONTROL_OCTETS

        native = load_native()
        configuration = flight_configuration(self.scenario, self.sites)
        camera = functools.partial(_expose, plant)
        computer: Any
        if deployment.flight_apart:
            computer = self._flight = open_flight(configuration, deployment)
            computer.set_camera(camera)
            port = native.RemoteFlight(computer.exchange, self.scenario.flight.replicas)
        else:
            computer = port = make_computer(**configuration, keys=self._ring)
        driver = native.Driver(
            port,
            plant.step_address,
            plant.truth_address,
            plant.context,
            len(self.columns),
            self.tick_ns,
            plant.sensor_frame.tobytes(),
        )
        if not deployment.flight_apart:
            driver.set_camera(camera)
        driver.set_plant_state(plant.state.ctypes.data, plant.state.nbytes, CONTROL_OCTETS)
        driver.set_sight(plant.sight_address, plant.sight_width)
        driver.contact_mask = plant.contact_mask
        self._schedule_in_flight(driver)
        return computer, driver

    def _schedule_in_flight(self, driver: Any) -> None:
        from flight.computer import FlightComputer

        for index, fault in enumerate(self.scenario.fault):
            if fault.kind == REPLICA_BIT_FLIP.name:
                replica = int(fault.target.rpartition(".")[2])
                driver.schedule_flip(
                    fault.at // self.tick_ns,
                    replica,
                    flip_bit(self.scenario, index, FlightComputer.state_size * 8),
                )
            elif fault.kind == COMPUTER_RESET.name:
                driver.schedule_reset(fault.at // self.tick_ns, down_ns(fault.parameters))

    # --- flying -------------------------------------------------------------------------------------------

    def inject(self, scenario: Scenario) -> None:
        """Give this run the faults of a scenario that differs from its own in faults, name and description
        only, and in which nothing has befallen it by now: it goes on as if it had been that scenario's from
        the start. A fault of the plant at 0 s has: it is in the first sensor frame. Raises ValueError then.
        """
        for fault in scenario.fault:
            in_frame = fault.at == 0 and fault.kind not in IN_FLIGHT
            if fault.at // self.tick_ns < self.tick or in_frame:
                raise ValueError(
                    f"{fault.kind} at {fault.at / 1e9:g} s comes too late for a run at this tick"
                )
        self.scenario = scenario
        self.link.config = link_config(scenario)
        self.lookahead = self.link.config.lookahead_ticks
        self.plant.set_faults(plant_faults(scenario.fault))
        self._schedule_in_flight(self.driver)
        self.await_onsets()

    @property
    def tick(self) -> int:
        """Control ticks flown."""
        return int(self.driver.tick)

    @property
    def time_ns(self) -> int:
        """Time since the epoch."""
        return self.tick * self.tick_ns

    def advance(self, until_tick: int) -> None:
        """Fly on to a tick (at most the scenario's last)."""
        self.hop_to(until_tick)
        self.collect()

    def hop_to(self, until_tick: int) -> None:
        """As `advance`, but leave events and rows of truth where they are, and hand the ground what has
        arrived by then.
        """
        until = min(until_tick, self.end_tick)
        while self.tick < until:
            self._hop(min(until, self._note_onsets()))
        self._exchange(self.tick)

    def await_onsets(self) -> None:
        """Expect the faults of the scenario that begin at this tick or later."""
        ticks = [(-(-fault.at // self.tick_ns), index) for index, fault in enumerate(self.scenario.fault)]
        self._onsets_waiting = sorted((one for one in ticks if one[0] >= self.tick), reverse=True)

    def _note_onsets(self) -> int:
        """Note mode and light for the faults that begin at this tick; the tick at which the next ones do."""
        from sim.environment.layout import AT_ILLUMINATION

        waiting = self._onsets_waiting
        while waiting and waiting[-1][0] <= self.tick:
            _, index = waiting.pop()
            sunlit = bool(self.plant.state["environment"][0, AT_ILLUMINATION] > 0.5)
            self.onsets[index] = (self.mode, sunlit)
        return waiting[-1][0] if waiting else self.end_tick

    def _hop(self, until: int) -> None:
        """Fly to the next tick at which space and ground have to talk."""
        tick = self.tick
        self._exchange(tick)
        if self.contacts.mask:
            self._look()
        uplink = self.link.deliver_up(tick)
        if not self.contacts.mask:
            self.uplink_octets_outside += sum(len(frame) for frame in uplink)
        self.plant.state["receiver_lock"][0] = int(self.link.receiver_lock(tick))
        reacts = self.ground.reacts
        answered = None if reacts else may_bring_files
        self.driver.answered_channels = _ANY_CHANNEL if reacts else _FILES_ONLY
        horizon = min(
            until,
            self.link.next_arrival_up_tick(),
            self.promise_tick + self.lookahead,
            self.link.next_look_tick(tick),
            self.link.next_arrival_down_tick(answered) + self.lookahead,
        )
        reached = self.driver.run(max(horizon, tick + 1), uplink)
        self._send_down()
        self._note_contact(reached, self.driver.contact_mask)

    def _exchange(self, tick: int) -> None:
        """Let the ground live up to a tick, with what has arrived there; send up what it answers."""
        deliveries = self.link.deliver_down(tick)
        if not deliveries and tick < self.promise_tick:
            return
        uplinks, self.promise_tick = self.ground.exchange(tick, deliveries)
        self.ground_tick = tick
        for uplink in uplinks:
            self.link.send_up(uplink)

    def _send_down(self) -> None:
        """Give the link what the satellite has sent, and what the stations saw each time."""
        from sim.link import read_sight

        sights = dict(self.driver.sights())
        for tick, frame in self.driver.downlink():
            if tick in sights:
                self.link.look(*read_sight(sights.pop(tick)))
            self.link.send_down(tick, frame)

    def _look(self) -> None:
        """Tell the link what the stations see of the satellite now."""
        from sim.link import read_sight

        self.link.look(*read_sight(self.plant.sight()))

    def _note_contact(self, tick: int, mask: int) -> None:
        self.link.set_contact(tick, mask)
        self.contacts.note(tick, mask)

    def collect(self) -> None:
        """Take events and truth rows from the driver, and from the ground the frames that it accepted."""
        self._take_frames()
        self.events.extend(
            FlightEvent(int(tick), int(id), int(severity), tuple(float(value) for value in arguments))
            for tick, id, severity, arguments in self.driver.events()
        )
        rows = np.asarray(self.driver.truth_rows(), dtype=np.float64)
        if not len(rows):
            return
        ticks = rows[:, 0].astype(np.int64)
        seconds = ticks % self._second_ticks == 0
        self.judge.see(rows[seconds, 1:], ticks[seconds] // self._second_ticks)
        if self.keep_truth:
            self.truth.append(rows[ticks % self._output_ticks == 0])
        contact = rows[:, self.columns.index("in_contact") + 1] != 0.0
        wanted = [
            self.columns.index(name) + 1
            for name in ("elevation_max_deg", "station_best", "station_range_rate_m_s")
        ]
        self.contacts.note_elevations(
            Seen(int(tick), float(degrees), int(station), float(rate))
            for tick, (degrees, station, rate) in zip(ticks[contact], rows[contact][:, wanted], strict=True)
        )
        self._last_row = rows[-1, 1:].copy()

    def finish(self) -> None:
        """Let the ground live up to the tick that was reached, so that its books are complete."""
        self.collect()
        if self.ground_tick < self.tick or self.tick == 0:
            self.promise_tick = min(self.promise_tick, self.tick)
            self._exchange(self.tick)
        self._take_frames()

    def onward(self, faults: Sequence[Fault]) -> tuple[Plant, Any, Any]:
        """A second plant, flight computer and driver that stand where this run's stand, under other faults.

        They share nothing that changes with this run, so that flying them leaves it alone; they have neither
        link nor ground. The environment's tables reach a day beyond the scenario's end.
        """
        from flight.dictionary import load_native

        self.collect()
        plant = make_plant(self.scenario, self.orbit, self.sites, faults)
        computer, driver = self._make_flight(plant, Deployment())
        plant.restore(self.plant.state_bytes())
        blocks = load_native().BlockPool()
        driver.restore(self.driver.state(blocks), blocks)
        return plant, computer, driver

    def close(self) -> None:
        """End the processes that this run has started."""
        self.ground.close()
        if self._flight is not None:
            self._flight.close()

    # --- snapshots ----------------------------------------------------------------------------------------

    def host_state(self) -> dict[str, Any]:
        """What the simulation itself remembers, as plain JSON values."""
        self.collect()
        return {
            "promise_tick": self.promise_tick,
            "ground_tick": self.ground_tick,
            "uplink_octets_outside": self.uplink_octets_outside,
            "downlink_octets_outside": self.downlink_octets_before,
            "contacts": self.contacts.to_json(),
            "judge": self.judge.to_json(),
            "onsets": [[index, mode, sunlit] for index, (mode, sunlit) in sorted(self.onsets.items())],
            "events": [[one.tick, one.id, one.severity, list(one.arguments)] for one in self.events],
        }

    def restore(
        self,
        *,
        plant: bytes,
        flight: bytes,
        link: bytes,
        ground: bytes,
        host: Mapping[str, Any],
        blocks: BlockPool | None = None,
    ) -> None:
        """Take the states of a snapshot of the same scenario; raises ValueError and the like if they are
        none. blocks: has the blocks of mass memory that the flight's state only names.
        """
        from sim.link import Link

        self.plant.restore(plant)
        self.driver.restore(flight, blocks)
        self.link = Link.from_bytes(self.link.config, link)
        self.ground.restore(ground)
        self.promise_tick = int(host["promise_tick"])
        self.ground_tick = int(host["ground_tick"])
        self.uplink_octets_outside = int(host["uplink_octets_outside"])
        self.downlink_octets_before = int(host["downlink_octets_outside"])
        self.contacts.from_json(host["contacts"])
        self.judge.from_json(host["judge"])
        self.events = [
            FlightEvent(int(tick), int(id), int(severity), tuple(float(value) for value in arguments))
            for tick, id, severity, arguments in host["events"]
        ]
        self.onsets = {int(index): (str(mode), bool(sunlit)) for index, mode, sunlit in host["onsets"]}
        self.await_onsets()

    # --- what it shows ------------------------------------------------------------------------------------

    def digests(self) -> dict[str, str]:
        """The four chains so far."""
        chains: Mapping[str, str] = self.driver.digests()
        return {
            "plant": chains["plant"],
            "flight": chains["flight"],
            "link": self.link.digest().hex(),
            "ground": self.ground.digest().hex(),
        }

    def downlink_octets_outside(self) -> int:
        """Octets that stations received while the plant's geometry showed them no satellite."""
        self._take_frames()
        return self.downlink_octets_before

    def _take_frames(self) -> None:
        """Put the frames that the ground accepted into the store, noting which came outside windows."""
        fresh = self.ground.archive
        if fresh:
            self.downlink_octets_before += self.contacts.octets_outside(
                fresh, latency_ns=self.link.config.latency_ns, tick_ns=self.tick_ns
            )
            self.frames.add(fresh)
            fresh.clear()

    def commands_bad(self) -> int:
        """Actuator commands that the plant found not finite or out of range."""
        state = self.plant.state
        return int(state["commands_not_finite"][0]) + int(state["commands_out_of_range"][0])

    @property
    def mode(self) -> str:
        """The mode that the voted command carries."""
        from flight.dictionary import ACTUATOR_DTYPE

        frame = np.frombuffer(self.driver.actuator_frame, dtype=ACTUATOR_DTYPE)[0]
        mode = int(frame["mode"])
        return MODES[mode] if mode < len(MODES) else f"mode {mode}"

    def status(self) -> Status:
        """The run as it stands, for a display."""
        row = self._last_row
        value = dict(zip(self.columns, row, strict=True)) if row is not None else {}
        names = [site.name for index, site in enumerate(self.sites) if self.contacts.mask >> index & 1]
        return Status(
            time_ns=self.time_ns,
            end_ns=self.scenario.duration,
            mode=self.mode,
            rate_deg_s=float(value.get("rate_norm_deg_s", math.nan)),
            pointing_error_deg=float(value.get("pointing_error_deg", math.nan)),
            charge=float(value.get("battery_state_of_charge", math.nan)),
            sunlit=bool(value.get("illumination", 1.0) > 0.5),
            contact=", ".join(names),
            next_contact_ns=self._next_contact_ns(),
            events=[(event.tick * self.tick_ns, event.headline()) for event in self.events[-8:]],
        )

    def _next_contact_ns(self) -> int | None:
        """When the ground next does something of its own: outside a contact, the next one's beginning."""
        if self.contacts.mask or self.promise_tick >= self.end_tick:
            return None
        return self.promise_tick * self.tick_ns


def _expose(plant: Plant, file: int, exposure_ms: int) -> bytes:
    """The payload's image of the plant as it stands."""
    from sim.payload import expose

    return expose(plant, file, exposure_ms)


def digest_of(digests: Mapping[str, str]) -> str:
    """The run's digest: SHA-256 over the four chains in their order."""
    return hashlib.sha256(b"".join(bytes.fromhex(digests[name]) for name in CHAINS)).hexdigest()
