"""Passes as bad as they get, flown with witnesses: what the independent checker is given comes from here.

Of the frames 30 % are lost in either direction, the signal is lost in the middle of passes, the satellite's
computer is reset and mission control is killed, all at times that the seed chooses. Mission control is kept
in a store and killed before, between and after the store's operations. Without a store, which is quicker, it
goes on from the octets of its state instead. Now and then a reset finds nothing sound of what was kept on
board: the satellite starts cold and has forgotten its schedule, its settings and the numbers of the uplink.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from flight.frames import Delivery, Uplink
from ground.config import GroundConfig
from ground.mission import NEVER, Ground
from ground.process import InProcessGround
from ground.store.memory import MemoryStore
from safehold.assembly import ground_config
from safehold.scenario import Source, from_tree
from safehold.schema import Scenario
from safehold.simulation import Simulation
from tests.system.ledger_checker import (
    CRITICAL,
    HOUSEKEEPING,
    Asked,
    Evidence,
    Execution,
    Said,
    pieces_here,
)

STREAMS = (CRITICAL, HOUSEKEEPING)
SETTING = 141  # schedule_horizon_s: any whole number of seconds from an hour on will do
VALUE_FIRST = 1_000_000
BETWEEN_PASSES_NS = 300_000_000_000
COLD_DOWN_NS = 5_000_000_000
PATIENCE_NS = 6 * 3_600_000_000_000  # ten passes or more
STATIONS = (
    *("svalbard", "troll", "inuvik", "awarua", "hawaii", "hartebeesthoek", "kourou", "starbase"),
    *("punta-arenas", "dongara", "wallops", "weilheim", "fairbanks"),
)


class Killed(Exception):
    """Mission control is killed here."""


class MortalGround(InProcessGround):
    """Mission control that is killed at random exchanges, and started again from its store.

    A killed exchange ends before a random operation of the store, right after one, or when all is kept and
    nothing has departed yet. Frames that came before the journal had them are lost; `frames` are the others.
    """

    def __init__(
        self, config: GroundConfig, chance: random.Random, killed_share: float, store: MemoryStore | None
    ) -> None:
        super().__init__(config)
        self._store = store
        self._ground = Ground(config, store=store)
        self._witnessed: list[Delivery] = []
        self._chance, self._killed_share = chance, killed_share
        self.kills = 0

    @property
    def frames(self) -> list[Delivery]:
        """Those that mission control holds: of its journal, if it has one."""
        return self._store.frames if self._store else self._witnessed

    def exchange(self, until_tick: int, deliveries: list[Delivery]) -> tuple[list[Uplink], int]:
        """As mission control does, unless it is killed."""
        if deliveries and self._chance.random() < self._killed_share:
            self.kills += 1
            uplinks = self._die(until_tick, deliveries)
            promise = self._ground.promise_tick()
        else:
            uplinks, promise = super().exchange(until_tick, deliveries)
            self._witnessed += deliveries
        return uplinks, min(promise, NEVER)

    def _die(self, until_tick: int, deliveries: list[Delivery]) -> list[Uplink]:
        if self._store is None:
            if self._chance.random() < 0.5:
                self._ground.advance(until_tick, deliveries)
                self._witnessed += deliveries
            self._ground = Ground.from_bytes(self.config, self._ground.to_bytes())
        else:
            self._killed_in_store(self._store, until_tick, deliveries)
            self._ground = Ground(self.config, store=self._store)
        return self._ground.advance(until_tick, [])

    def _killed_in_store(self, store: MemoryStore, until_tick: int, deliveries: list[Delivery]) -> None:
        at, done = store.operations + self._chance.randint(1, 3), self._chance.random() < 0.5

        def fault(operation: int, finished: bool) -> None:
            if (operation, finished) == (at, done):
                raise Killed

        store.fault = fault
        with suppress(Killed):
            self._ground.advance(until_tick, deliveries)
        store.fault = MemoryStore().fault


class WitnessedFlight(Simulation):
    """A simulation whose mass memory and voted outputs are looked at after every hop."""

    def __init__(
        self, scenario: Scenario, chance: random.Random, killed_share: float, store: MemoryStore | None
    ) -> None:
        super().__init__(scenario, keep_truth=False)
        config = ground_config(scenario, self.orbit, self.sites, self.link.config.latency_ns)
        self.mortal = MortalGround(config, chance, killed_share, store)
        self.ground = self.mortal
        self.committed: dict[int, dict[int, bytes]] = {stream: {} for stream in STREAMS}
        self.following = dict.fromkeys(STREAMS, 0)
        self.sealed: dict[int, bytes] = {}
        self.fullest = dict.fromkeys(STREAMS, 0)

    def start_cold(self) -> None:
        """A reset that finds no sound copy of the control state."""
        for copy in (0, 1):
            with suppress(ValueError):  # not written yet
                self.computer.flip_slot("control", copy, 4_000)
        self.computer.reset(COLD_DOWN_NS)

    def _hop(self, until: int) -> None:
        super()._hop(until)
        for stream in STREAMS:
            following = self.computer.record_range(stream)[1]
            if following > self.following[stream]:
                self.committed[stream].update(self.computer.records(stream, self.following[stream]))
                self.following[stream] = following
            self.fullest[stream] = max(self.fullest[stream], self.computer.record_octets(stream))
        for file, _kind, _length, is_sealed in self.computer.files():
            if is_sealed and file not in self.sealed:
                self.sealed[file] = self.computer.read_file(file)

    def evidence(self) -> Evidence:
        """What there is to say at this tick."""
        self.finish()
        results = self.ground.results()
        asked = [
            Asked(
                index,
                int(command.arguments["value"]),
                None if command.execute_at is None else command.execute_at // self.tick_ns,
            )
            for index, command in enumerate(self.scenario.command)
            if command.name == "set_setting"
        ]
        executions = [
            Execution(one.tick, int(one.arguments[2]))
            for one in self.events
            if one.name == "setting_changed" and int(one.arguments[0]) == SETTING
        ]
        return Evidence(
            committed=self.committed,
            following=self.following,
            held={stream: dict(self.computer.records(stream, 0)) for stream in STREAMS},
            frames=[one.frame for one in self.mortal.frames],
            asked=asked,
            executions=executions,
            said={row["index"]: self._said(row) for row in results["commands"]},
            end_tick=self.tick,
            settle_ticks=60_000_000_000 // self.tick_ns,
            patience_ticks=PATIENCE_NS // self.tick_ns,
            events=[(one.id, tuple(one.arguments)) for one in self.events],
            quotas={
                CRITICAL: self.scenario.flight.memory.critical_kib << 10,
                HOUSEKEEPING: self.scenario.flight.memory.housekeeping_kib << 10,
            },
            fullest=self.fullest,
            files=self.sealed,
            held_files={
                file: self.computer.read_file(file) for file, _, _, sealed in self.computer.files() if sealed
            },
        )

    def _said(self, row: dict[str, Any]) -> Said:
        heard = max(row[stage] or 0 for stage in ("departure_ns", "accepted_ns", "started_ns", "progress_ns"))
        return Said(row["state"], row["request_id"], heard // self.tick_ns)


def calm(seed: int, hours: float, **tables: Any) -> Scenario:
    """So many hours of passes in which nothing is lost; `tables` replace those of the scenario."""
    tree = _tree(seed, hours, 2, 1) | {"link": {"latency_ms": 500.0, "noise": False}} | tables
    return from_tree(tree, Source("calm passes", None))


def scenario(seed: int, hours: float, *, rate_hz: int = 2, replicas: int = 1) -> Scenario:
    """So many hours of rough passes, chosen by the seed."""
    chance = random.Random(seed)
    calm = from_tree(_tree(seed, hours, rate_hz, replicas), Source("rough passes", None))
    simulation = Simulation(calm, keep_truth=False)
    try:
        windows = simulation.ground.results()["windows"]
    finally:
        simulation.close()
    tree = _tree(seed, hours, rate_hz, replicas)
    tree["fault"] = list(_faults(windows, chance, rate_hz, hours * 3600.0 - 300.0))
    tree["command"] = list(_commands(hours, chance))
    return from_tree(tree, Source("rough passes", None))


def _tree(seed: int, hours: float, rate_hz: int, replicas: int) -> dict[str, Any]:
    return {
        "schema": 1,
        "name": "rough-passes",
        "description": "A third of all frames lost, resets and outages in passes",
        "epoch": datetime(2026, 6, 21, tzinfo=UTC),
        "duration": f"{round(hours * 3600)}s",
        "seed": seed,
        "orbit": {
            "altitude_km": 550.0,
            "inclination_deg": 97.6,
            "raan_deg": 90.0,
            "argument_of_latitude_deg": 37.0 * seed % 360.0,
        },
        "environment": {"gravity_degree": 4, "magnetic_degree": 4},
        "initial": {"rate_deg_s": [0.1, -0.1, 0.1], "battery_state_of_charge": 0.9},
        "station": [{"name": name} for name in STATIONS],
        "link": {"latency_ms": 1000.0 / rate_hz, "noise": False, "loss": 0.3},
        "flight": {"replicas": replicas, "control_rate_hz": rate_hz},
    }


def _faults(
    windows: list[dict[str, Any]], chance: random.Random, rate_hz: int, end_s: float
) -> list[dict[str, Any]]:
    """In a half of the passes an outage, in a quarter a reset; and resets between them."""
    faults: list[dict[str, Any]] = []

    def seconds(value: float) -> str:
        return f"{round(value * rate_hz) / rate_hz:.3f}s"

    for window in windows:
        aos, los = window["aos_ns"] / 1e9, window["los_ns"] / 1e9
        if chance.random() < 0.5:
            at, lasts = chance.uniform(aos, los), chance.uniform(5.0, 120.0)
            target = chance.choice(("link.up", "link.down", "link.both"))
            faults.append(
                {"at": seconds(at), "duration": seconds(lasts), "kind": "link_outage", "target": target}
            )
        if chance.random() < 0.25:
            faults.append(_reset(seconds(chance.uniform(aos, los)), chance))
        if chance.random() < 0.1:
            faults.append(_reset(seconds(los + chance.uniform(10.0, 1500.0)), chance))
    return [fault for fault in faults if _seconds(fault["at"]) < end_s]


def _reset(at: str, chance: random.Random) -> dict[str, Any]:
    return {
        "at": at,
        "kind": "computer_reset",
        "target": "computer",
        "down_s": chance.choice((1.0, 5.0, 40.0)),
    }


def _commands(hours: float, chance: random.Random) -> list[dict[str, Any]]:
    """Settings, each with a value of its own; one in five time-tagged, one in ten soon expired."""
    commands: list[dict[str, Any]] = []
    for number in range(round(6 * hours)):
        at = chance.uniform(0.0, hours * 3600.0 * 0.95)
        one: dict[str, Any] = {
            "at": f"{at:.0f}s",
            "name": "set_setting",
            "arguments": {"setting": SETTING, "index": 0, "value": VALUE_FIRST + number},
        }
        kind = chance.random()
        if kind < 0.2:
            one["execute_at"] = f"{at + chance.uniform(3600.0, 20_000.0):.0f}s"
        elif kind < 0.3:
            one["expires"] = f"{at + chance.uniform(600.0, 7200.0):.0f}s"
        elif kind < 0.4:
            one["priority"] = "critical"
        commands.append(one)
    return [one for one in commands if _seconds(one.get("execute_at", "0s")) < hours * 3600.0 - 60.0]


def _seconds(text: str) -> float:
    return float(text[:-1])


def fly(
    seed: int,
    hours: float,
    *,
    rate_hz: int = 2,
    killed_share: float = 0.02,
    stored: bool = True,
    replicas: int = 1,
    cold: bool = False,
) -> tuple[Evidence, dict[str, int]]:
    """Flies; the evidence, and how rough it was. `cold`: the satellite starts cold once, somewhere."""
    cold_tick = round(random.Random(seed + 2).uniform(0.3, 0.7) * hours * 3600 * rate_hz) if cold else None
    simulation = WitnessedFlight(
        scenario(seed, hours, rate_hz=rate_hz, replicas=replicas),
        random.Random(seed + 1),
        killed_share,
        MemoryStore() if stored else None,
    )
    try:
        step = 3600 * rate_hz
        if cold_tick is not None:
            simulation.advance(cold_tick)
            simulation.start_cold()
        while simulation.tick < simulation.end_tick:
            simulation.advance(simulation.tick + step)
        evidence = simulation.evidence()
        results = simulation.ground.results()
        kinds = [fault.kind for fault in simulation.scenario.fault]
        rough = {
            "passes": len(results["passes"]),
            "passes_heard": sum(one["frames"] > 0 for one in results["passes"]),
            "frames": len(evidence.frames),
            "frames_lost": simulation.link.counters["down_lost_frames"]
            + simulation.link.counters["up_lost_frames"],
            "outages": kinds.count("link_outage"),
            "resets": kinds.count("computer_reset"),
            "cold_starts": sum(
                one.name == "computer_reset" and one.arguments[2] == 0.0 for one in simulation.events
            ),
            "kills": simulation.mortal.kills,
            "executions": len(evidence.executions),
            "files_resumed": _files_resumed(simulation.mortal.frames),
        }
    finally:
        simulation.close()
    return evidence, rough


def _files_resumed(frames: list[Delivery]) -> int:
    """How many files came over more than one pass."""
    passes: list[list[bytes]] = []
    last_ns = -BETWEEN_PASSES_NS
    for one in frames:
        if one.arrival_ns - last_ns >= BETWEEN_PASSES_NS:
            passes.append([])
        passes[-1].append(one.frame)
        last_ns = one.arrival_ns
    times = Counter(file for part in passes for file in pieces_here(part)[1])
    return sum(number > 1 for number in times.values())
