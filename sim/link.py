"""The space link: pure queues between the satellite's antennas and the ground stations.

It opens on true geometry alone. A frame takes its time on the air at the link's rate, then the latency, and
is carried only if the station has seen the satellite at every tick from its departure to its arrival: what is
in flight at loss of signal is lost. An uplink frame also needs its station's carrier. Whatever order the host
asks in, frames are judged in the order of their arrival, so neither digest nor state depends on how often it
asks.
"""

from __future__ import annotations

import hashlib
import json
import struct
from bisect import bisect_right
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Self

from flight.chain import Chain
from flight.frames import Delivery, Uplink

NEVER = 2**62
"""A tick that never comes."""

_BACKLOG_NS_MAX = 1_000_000_000
_RECORD = struct.Struct("<BBBqqI")
_OUTCOMES = ("delivered", "no_contact", "loss_of_signal", "no_carrier", "rate")
_CARRIER = len(_OUTCOMES)


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """Constants: tick and one-way latency in nanoseconds, rates in bit/s, number of stations (at
    most 62).
    """

    tick_ns: int
    latency_ns: int
    station_count: int
    tm_rate_bit_s: int = 1_000_000
    tc_rate_bit_s: int = 64_000

    def __post_init__(self) -> None:
        if self.tick_ns <= 0 or self.tm_rate_bit_s <= 0 or self.tc_rate_bit_s <= 0:
            raise ValueError("tick and rates of the link are positive")
        if self.latency_ns < self.tick_ns:
            raise ValueError(
                f"the latency ({self.latency_ns} ns) is at least one tick ({self.tick_ns} ns): ground and "
                "space advance apart by it"
            )
        if not 0 <= self.station_count <= 62:
            raise ValueError(f"0 to 62 stations, not {self.station_count}")

    @property
    def lookahead_ticks(self) -> int:
        """Whole ticks by which what is sent now cannot yet have arrived."""
        return self.latency_ns // self.tick_ns


@dataclass(slots=True)
class _Flying:
    departure_ns: int
    arrival_ns: int
    stations: int
    frame: bytes
    outcome: int = 0


@dataclass(slots=True)
class Link:
    """Both directions of the space link, with everything that is in flight."""

    config: LinkConfig
    counters: dict[str, int] = field(default_factory=dict)
    _contacts: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    _down: list[_Flying] = field(default_factory=list)
    _up: list[_Flying] = field(default_factory=list)
    _carriers: list[tuple[int, int, bool]] = field(default_factory=list)
    _carrier_on: int = 0
    _down_free_ns: int = 0
    _up_free_ns: list[int] = field(default_factory=list)
    _chain_up: Chain = field(default_factory=lambda: Chain("link.up"))
    _chain_down: Chain = field(default_factory=lambda: Chain("link.down"))

    def __post_init__(self) -> None:
        for direction in ("up", "down"):
            for name in _OUTCOMES:
                self.counters[f"{direction}_{name}_frames"] = 0
                self.counters[f"{direction}_{name}_bytes"] = 0
        self._up_free_ns = [0] * self.config.station_count

    def set_contact(self, tick: int, mask: int) -> None:
        """From `tick` on, the stations whose bits are set see the satellite. Ticks come in order."""
        last_tick, last_mask = self._contacts[-1]
        if tick < last_tick:
            raise ValueError(f"contact at tick {tick} told after tick {last_tick}")
        if mask == last_mask:
            return
        if tick == last_tick:
            self._contacts.pop()
        self._contacts.append((tick, mask))
        self._forget()

    def send_down(self, tick: int, frame: bytes) -> None:
        """The satellite radiates a TM frame at `tick`; frames come in the order of their ticks."""
        sent_ns = tick * self.config.tick_ns
        departure_ns = max(sent_ns, self._down_free_ns)
        late = departure_ns - sent_ns > _BACKLOG_NS_MAX
        on_air_ns = 0 if late else _on_air_ns(frame, self.config.tm_rate_bit_s)
        self._down_free_ns = max(self._down_free_ns, departure_ns + on_air_ns)
        stations = self._mask_at(tick)
        outcome = _OUTCOMES.index("rate") if late else 0 if stations else _OUTCOMES.index("no_contact")
        arrival_ns = departure_ns + on_air_ns + self.config.latency_ns
        self._down.append(_Flying(departure_ns, arrival_ns, stations, frame, outcome))

    def send_up(self, uplink: Uplink) -> None:
        """A station radiates a TC frame or switches its carrier."""
        if not 0 <= uplink.station < self.config.station_count:
            raise ValueError(f"station {uplink.station} of {self.config.station_count}")
        if uplink.kind != "frame":
            arrival_ns = uplink.departure_ns + self.config.latency_ns
            self._carriers.append((arrival_ns, uplink.station, uplink.kind == "carrier_on"))
            self._carriers.sort()
            return
        departure_ns = max(uplink.departure_ns, self._up_free_ns[uplink.station])
        end_ns = departure_ns + _on_air_ns(uplink.frame, self.config.tc_rate_bit_s)
        self._up_free_ns[uplink.station] = end_ns
        arrival_ns = end_ns + self.config.latency_ns
        self._up.append(_Flying(departure_ns, arrival_ns, 1 << uplink.station, uplink.frame))
        self._up.sort(key=lambda flying: (flying.arrival_ns, flying.stations, flying.departure_ns))

    def next_arrival_up_tick(self) -> int:
        """Tick at which the next TC frame or change of carrier reaches the satellite; NEVER if none is under
        way.
        """
        first = min(
            self._up[0].arrival_ns if self._up else NEVER, self._carriers[0][0] if self._carriers else NEVER
        )
        return NEVER if first == NEVER else self._arrival_tick(first)

    def next_arrival_down_tick(self) -> int:
        """Tick at which the next TM frame may reach a station; NEVER if none is under way."""
        for flying in self._down:
            if flying.outcome == 0:
                return self._arrival_tick(flying.arrival_ns)
        return NEVER

    def deliver_up(self, tick: int) -> list[bytes]:
        """The TC frames that have reached the satellite by `tick`; `set_contact` up to `tick` comes first."""
        frames = []
        while self.next_arrival_up_tick() <= tick:
            if self._carriers and (not self._up or self._carriers[0][0] <= self._up[0].arrival_ns):
                self._switch_carrier()
                continue
            flying = self._up.pop(0)
            carried = self._carried(flying)
            outcome = 0 if carried & self._carrier_on else _OUTCOMES.index("no_carrier") if carried else 0
            if self._account("up", self._chain_up, flying, carried, outcome):
                frames.append(flying.frame)
        self._forget()
        return frames

    def deliver_down(self, tick: int) -> list[Delivery]:
        """The TM frames that have reached stations by `tick`, one for each station that saw the satellite
        throughout.
        """
        deliveries = []
        while self._down and self._arrival_tick(self._down[0].arrival_ns) <= tick:
            flying = self._down.pop(0)
            carried = 0 if flying.outcome else self._carried(flying)
            if self._account("down", self._chain_down, flying, carried, flying.outcome):
                deliveries += [
                    Delivery(flying.arrival_ns, station, flying.frame)
                    for station in range(self.config.station_count)
                    if carried >> station & 1
                ]
        self._forget()
        return deliveries

    def receiver_lock(self, tick: int) -> bool:
        """Whether a receiver is locked to a station's carrier at `tick`, after `deliver_up(tick)`."""
        return bool(self._mask_at(tick) & self._carrier_on)

    def digest(self) -> bytes:
        """SHA-256 over both directions' chains and what is in flight."""
        flying = json.dumps(
            [[_plain(one) for one in queue] for queue in (self._up, self._down)] + [self._carriers],
            separators=(",", ":"),
        )
        return hashlib.sha256(self._chain_up.digest() + self._chain_down.digest() + flying.encode()).digest()

    def to_bytes(self) -> bytes:
        """The whole state, canonically."""
        state = {
            "counters": self.counters,
            "contacts": self._contacts,
            "down": [_plain(flying) for flying in self._down],
            "up": [_plain(flying) for flying in self._up],
            "carriers": self._carriers,
            "carrier_on": self._carrier_on,
            "down_free_ns": self._down_free_ns,
            "up_free_ns": self._up_free_ns,
            "chain_up": self._chain_up.to_bytes().hex(),
            "chain_down": self._chain_down.to_bytes().hex(),
        }
        return json.dumps(state, sort_keys=True, separators=(",", ":")).encode()

    def control_bytes(self, tick: int) -> bytes:
        """What can change what happens from `tick` on, or is counted as lost: when and where from frames are
        under way but not what they say, carriers, contacts. The octets delivered and the chains are account.
        """
        now_ns = tick * self.config.tick_ns
        state = [
            [[one.departure_ns, one.arrival_ns, one.stations, len(one.frame), one.outcome] for one in queue]
            for queue in (self._up, self._down)
        ]
        lost = [number for name, number in self.counters.items() if "_delivered_" not in name]
        free_ns = [max(free, now_ns) for free in (self._down_free_ns, *self._up_free_ns)]
        values = [state, lost, free_ns, self._carriers, self._carrier_on, self._contacts]
        return json.dumps(values, separators=(",", ":")).encode()

    def copy(self) -> Self:
        """Another link in the same state, for what might happen."""
        other = copy(self)
        other.counters = dict(self.counters)
        other._contacts, other._carriers = list(self._contacts), list(self._carriers)
        other._down, other._up = list(self._down), list(self._up)
        other._up_free_ns = list(self._up_free_ns)
        other._chain_up = Chain.from_bytes(self._chain_up.to_bytes())
        other._chain_down = Chain.from_bytes(self._chain_down.to_bytes())
        return other

    @classmethod
    def from_bytes(cls, config: LinkConfig, state: bytes) -> Self:
        """The link with that state; raises ValueError or KeyError if it is none."""
        values: dict[str, Any] = json.loads(state)
        link = cls(config)
        if len(values["up_free_ns"]) != config.station_count:
            raise ValueError("the link's state is that of another number of stations")
        link.counters = dict(values["counters"])
        link._contacts = [(int(tick), int(mask)) for tick, mask in values["contacts"]]
        link._down = [_flying(plain) for plain in values["down"]]
        link._up = [_flying(plain) for plain in values["up"]]
        link._carriers = [(int(at), int(station), bool(on)) for at, station, on in values["carriers"]]
        link._carrier_on = int(values["carrier_on"])
        link._down_free_ns = int(values["down_free_ns"])
        link._up_free_ns = [int(free) for free in values["up_free_ns"]]
        link._chain_up = Chain.from_bytes(bytes.fromhex(values["chain_up"]))
        link._chain_down = Chain.from_bytes(bytes.fromhex(values["chain_down"]))
        return link

    def _forget(self) -> None:
        """Drops contacts that no frame in flight, nor one that a station sends late, can ask for."""
        late_ns = 4 * (self.config.latency_ns + _BACKLOG_NS_MAX)
        needed_ns = self._contacts[-1][0] * self.config.tick_ns - late_ns
        for flying in (*self._down[:1], *self._up):
            needed_ns = min(needed_ns, flying.departure_ns)
        needed_tick = needed_ns // self.config.tick_ns
        while len(self._contacts) > 1 and self._contacts[1][0] <= needed_tick:
            self._contacts.pop(0)

    def _arrival_tick(self, time_ns: int) -> int:
        return -(-time_ns // self.config.tick_ns)

    def _mask_at(self, tick: int) -> int:
        index = bisect_right(self._contacts, tick, key=lambda change: change[0]) - 1
        return self._contacts[index][1] if index >= 0 else 0

    def _carried(self, flying: _Flying) -> int:
        """Of the frame's stations, those that saw the satellite at every tick from departure to arrival."""
        first, last = flying.departure_ns // self.config.tick_ns, self._arrival_tick(flying.arrival_ns)
        carried = flying.stations & self._mask_at(first)
        for tick, mask in self._contacts:
            if first < tick <= last:
                carried &= mask
        return carried

    def _account(self, direction: str, chain: Chain, flying: _Flying, carried: int, outcome: int) -> bool:
        first, last = flying.departure_ns // self.config.tick_ns, self._arrival_tick(flying.arrival_ns)
        if outcome == 0 and not carried:
            seen = flying.stations & self._mask_at(first)
            outcome = _OUTCOMES.index("loss_of_signal" if seen else "no_contact")
        name = _OUTCOMES[outcome]
        self.counters[f"{direction}_{name}_frames"] += 1
        self.counters[f"{direction}_{name}_bytes"] += len(flying.frame)
        delivered = outcome == 0
        station = carried.bit_length() if delivered else flying.stations.bit_length()
        chain.add(_RECORD.pack(outcome, station, 0, first, last, len(flying.frame)) + flying.frame)
        return delivered

    def _switch_carrier(self) -> None:
        arrival_ns, station, on = self._carriers.pop(0)
        self._carrier_on = self._carrier_on & ~(1 << station) | on << station
        arrival = self._arrival_tick(arrival_ns)
        self._chain_up.add(_RECORD.pack(_CARRIER, station + 1, on, arrival, arrival, 0))


def _on_air_ns(frame: bytes, rate_bit_s: int) -> int:
    return -(-len(frame) * 8 * 1_000_000_000 // rate_bit_s)


def _plain(flying: _Flying) -> list[Any]:
    return [flying.departure_ns, flying.arrival_ns, flying.stations, flying.frame.hex(), flying.outcome]


def _flying(plain: list[Any]) -> _Flying:
    departure_ns, arrival_ns, stations, frame, outcome = plain
    return _Flying(int(departure_ns), int(arrival_ns), int(stations), bytes.fromhex(frame), int(outcome))
