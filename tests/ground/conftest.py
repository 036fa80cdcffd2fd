"""A satellite of a few lines that speaks docs/wire.md, and the loop that joins it to a link and a ground."""

from __future__ import annotations

import math
import struct
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flight import packets
from flight.dictionary import EVENT_IDS
from flight.frames import FrameError
from flight.packets import PacketError, TmPacket, Verification
from flight.tm_frames import (
    POINTER_IDLE,
    TM_DATA_OCTETS,
    Clcw,
    TmFrame,
    TmFramer,
    encode_tm_frame,
)
from ground.config import Command, GroundConfig, Orbit, Station
from ground.process import GroundClient
from sim.link import Link, LinkConfig
from tests.downlink import encode_event, encode_housekeeping, encode_tm_packet, encode_verification

from .farm import Farm

ROOT = Path(__file__).resolve().parents[2]
TICK_NS = 100_000_000
LATENCY_NS = 240_000_000
_STORAGE = {11: ">BBI", 128: ">BBII"}


@dataclass
class Satellite:
    """Sends housekeeping every second while its receiver is locked, a frame more whenever its CLCW changes,
    and answers commands in the tick they come. `deaf`: takes nothing up. What it is told about records goes
    to `records`: subtype and arguments. While `recorded` is more than the number of its events, it makes one
    every second; those of `lost` do not arrive the first time. `boots` starts, cold all of them, the last at
    the tick `started`. `key`: what housekeeping tells of the key in force, its id and counter. `says`: events
    to send, by name, with their arguments.
    """

    framer: TmFramer = field(default_factory=TmFramer)
    farm: Farm = field(default_factory=Farm)
    said: Clcw | None = None
    deaf: bool = False
    heard: list[str] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    sequence: int = 0
    refuse: int = 0
    mute: bool = False
    tick_ns: int = TICK_NS
    records: list[tuple[int, ...]] = field(default_factory=list)
    recorded: int = 0
    events: int = 0
    lost: frozenset[int] = frozenset()
    boots: int = 1
    started: int = 0
    key: tuple[int, int] = (0, 0)
    says: list[tuple[str, tuple[float, ...]]] = field(default_factory=list)

    def step(self, tick: int, uplink: list[bytes], lock: bool) -> list[bytes]:
        """The TM frames of a tick."""
        out: list[bytes] = []
        for frame in uplink:
            out += [] if self.deaf else self._answer(tick, frame)
        if lock and tick * self.tick_ns % 1_000_000_000 == 0:
            values = {"tick": tick - self.started, "records_next": [self.events, 0, 0, 0, 0]}
            values["boot_count"] = self.boots
            values["key_active"], values["key_counter"] = self.key
            out.append(self._packet(tick, 3, 25, encode_housekeeping(1, values)))
            for name, arguments in self.says:
                out.append(self._packet(tick, 5, 3, encode_event(EVENT_IDS[name], 0, arguments)))
            self.says = []
            if self.events < self.recorded:
                out += [] if self.events in self.lost else [self._event(tick, self.events)]
                self.events += 1
        if self.mute or not lock:
            return []
        clcw = self.farm.clcw(lock=lock)
        frames = self.framer.frames(out, clcw)
        if not frames and clcw != self.said:
            idle = TmFrame(7, self.framer.master_count, 0, POINTER_IDLE, bytes(TM_DATA_OCTETS), clcw)
            frames = [encode_tm_frame(idle)]
            self.framer.master_count = self.framer.master_count + 1 & 0xFF
        self.said = clcw
        return frames

    def _answer(self, tick: int, frame: bytes) -> list[bytes]:
        try:
            packet = self.farm.take(frame)
            if packet is None:
                return []
            command = packets.decode_tc_packet(packet)
        except (FrameError, PacketError) as error:
            self.heard.append(f"dropped {error.reason}")
            return []
        if command.service == 15:
            self.records.append((command.subtype, *struct.unpack(_STORAGE[command.subtype], command.data)))
            if command.subtype == 128:
                _, _, _, first, last = self.records[-1]
                return [self._event(tick, number) for number in range(first, last + 1)]
            return []
        self.heard.append(f"{command.service},{command.subtype}")
        if command.service == 8:
            self.modes.append(command.data[2])
        if self.refuse:
            report = Verification(2, command.request_id, self.refuse, 42)
            return [self._packet(tick, 1, 2, encode_verification(report))]
        reports = [self._packet(tick, 1, 1, encode_verification(Verification(1, command.request_id)))]
        if command.service == 17:
            reports.append(self._packet(tick, 17, 2, b""))
        return [
            *reports,
            self._packet(tick, 1, 7, encode_verification(Verification(7, command.request_id))),
        ]

    def _event(self, tick: int, number: int) -> bytes:
        event = encode_event(9999, 0, ())
        return encode_tm_packet(TmPacket(5, 1, tick * self.tick_ns, event, number, apid=101))

    def _packet(self, tick: int, service: int, subtype: int, data: bytes) -> bytes:
        self.sequence += 1
        return encode_tm_packet(TmPacket(service, subtype, tick * self.tick_ns, data, self.sequence))


@dataclass
class World:
    """The host's loop, as `safehold` runs it, around a satellite whose contacts are given."""

    ground: GroundClient
    contact: Callable[[int], int]
    changes: list[int]
    link: Link
    satellite: Satellite = field(default_factory=Satellite)
    tick: int = 0
    promise: int = 0
    exchanges: int = 0
    sent_up: list[tuple[int, int, str]] = field(default_factory=list)

    def fly(self, until: int, stops: Iterable[int] = ()) -> None:
        """On to a tick; `stops` are further ticks at which the host stops and talks."""
        changes = sorted({*self.changes, *stops, until})
        lookahead = self.link.config.lookahead_ticks
        while self.tick < until:
            self._exchange(forced=self.tick in set(stops))
            uplink = self.link.deliver_up(self.tick)
            lock = self.link.receiver_lock(self.tick)
            horizon = min(
                self.link.next_arrival_up_tick(),
                self.promise + lookahead,
                self.link.next_arrival_down_tick() + lookahead,
                next(change for change in changes if change > self.tick),
            )
            self._run(max(horizon, self.tick + 1), uplink, lock)
        self._exchange(forced=True)

    def _run(self, horizon: int, uplink: list[bytes], lock: bool) -> None:
        while self.tick < horizon:
            sent = self.satellite.step(self.tick, uplink, lock)
            for frame in sent:
                self.link.send_down(self.tick, frame)
            self.tick += 1
            uplink = []
            self.link.set_contact(self.tick, self.contact(self.tick))
            if sent:
                return
            if not lock:  # nothing happens on board until the host stops
                self.tick = max(self.tick, horizon)
                self.link.set_contact(self.tick, self.contact(self.tick))

    def _exchange(self, *, forced: bool) -> None:
        deliveries = self.link.deliver_down(self.tick)
        if not deliveries and self.tick < self.promise and not forced:
            return
        self.exchanges += 1
        uplinks, self.promise = self.ground.exchange(self.tick, deliveries)
        for uplink in uplinks:
            assert uplink.departure_ns <= self.tick * self.link.config.tick_ns
            self.sent_up.append((uplink.departure_ns, uplink.station, uplink.kind))
            self.link.send_up(uplink)


def world_of(
    ground: GroundClient,
    windows: list[tuple[int, int, int]],
    *,
    late_ns: int = 0,
    tick_ns: int = TICK_NS,
    latency_ns: int = LATENCY_NS,
) -> World:
    """A world whose true contacts are (station, rise ns, set ns), each edge later by `late_ns`."""
    spans = [(station, rise + late_ns, fall + late_ns) for station, rise, fall in windows]

    def contact(tick: int) -> int:
        return sum(1 << station for station, rise, fall in spans if rise <= tick * tick_ns < fall)

    edges = {-(-edge // tick_ns) for _, rise, fall in spans for edge in (rise, fall)}
    link = Link(LinkConfig(tick_ns, latency_ns, 3))
    return World(ground, contact, sorted(edges), link, Satellite(tick_ns=tick_ns))


@pytest.fixture(scope="session")
def stations() -> tuple[Station, ...]:
    """Starbase, Svalbard and Hawaii of the catalogue, above 10 degrees."""
    catalogue = tomllib.loads((ROOT / "safehold" / "stations.toml").read_text(encoding="utf-8"))["station"]
    return tuple(
        Station(
            name=name,
            latitude_rad=math.radians(catalogue[name]["latitude_deg"]),
            longitude_rad=math.radians(catalogue[name]["longitude_deg"]),
            altitude_m=catalogue[name]["altitude_m"],
            elevation_mask_rad=math.radians(10.0),
        )
        for name in ("starbase", "svalbard", "hawaii")
    )


@pytest.fixture(scope="session")
def configure(stations: tuple[Station, ...]) -> Callable[..., GroundConfig]:
    """Makes the configuration of a day on the default orbit, with the commands and changes given."""

    def make(*commands: Command, **changes: object) -> GroundConfig:
        radius_m = 6378137.0 + 550e3
        speed_m_s = math.sqrt(3.986004415e14 / radius_m)
        inclination_rad = math.radians(97.6)
        values: dict[str, object] = {
            "epoch": "2026-06-21T00:00:00+00:00",
            "duration_ns": 86_400_000_000_000,
            "tick_ns": TICK_NS,
            "latency_ns": LATENCY_NS,
            "orbit": Orbit(
                position_gcrf_m=(0.0, radius_m, 0.0),
                velocity_gcrf_m_s=(
                    -speed_m_s * math.cos(inclination_rad),
                    0.0,
                    speed_m_s * math.sin(inclination_rad),
                ),
            ),
            "stations": stations,
            "commands": commands,
        }
        return GroundConfig(**{**values, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def make_world() -> Callable[..., World]:
    """`world_of`, for tests."""
    return world_of
