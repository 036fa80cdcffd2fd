"""What the ground is told before the run: plain values, checked where they come in."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from flight.arguments import Arguments
from flight.cfdp_pdu import FILE_OCTETS_MAX, read_name
from flight.tm_frames import TM_FRAME_OCTETS
from flight.tm_protection import PROTECTIONS, TelemetryProtection


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A ground station, WGS84."""

    name: str
    latitude_rad: float
    longitude_rad: float
    altitude_m: float
    elevation_mask_rad: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A telecommand of the dictionary and when the ground wants it; it goes up in the first contact after.

    `arguments` as `flight.arguments` takes them: numbers, names, lists, octets as hexadecimal digits.
    With `execute_at_ns` it goes up time-tagged, and the satellite executes it then.
    `priority` is 0 (critical), 1 (high), 2 (normal) or 3 (low). From `expires_ns` on it is not sent any more.
    Those of one `stack` go up in their order, with `after_completion` only once the one before is completed.
    """

    at_ns: int
    name: str
    arguments: Arguments = field(default_factory=dict)
    execute_at_ns: int | None = None
    priority: int = 2
    expires_ns: int | None = None
    stack: str = ""
    after_completion: bool = False

    def __post_init__(self) -> None:
        if self.priority not in range(4):
            raise ValueError(f"a command's priority is from 0 to 3, not {self.priority}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file for the satellite, `upload/0001`, and when the ground wants it there; `content` in base85."""

    at_ns: int
    name: str
    content: str

    def __post_init__(self) -> None:
        if read_name(self.name)[0] != "upload" or len(self.data) > FILE_OCTETS_MAX:
            raise ValueError(f"not a file for the satellite: {self.name}, {len(self.data)} octets")

    @property
    def data(self) -> bytes:
        """The file's octets."""
        return base64.b85decode(self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orbit:
    """The ground's elements and its model of the forces.

    `ballistic_m2_kg` is drag coefficient · area / mass, 0 without drag. The default is 2.2 · 0.95 m² / 100
    kg: a front of 0.48 m², and two wings of 0.37 m² that turn once an orbit and so show 2/π of themselves on
    the mean. A third more or less of it moves a pass by 0.1 s after a day.
    """

    position_gcrf_m: tuple[float, float, float]
    velocity_gcrf_m_s: tuple[float, float, float]
    gravity_degree: int = 8
    gravity_order: int = 8
    ballistic_m2_kg: float = 0.0209


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundConfig:
    """All that the ground knows: `epoch` in ISO 8601 with its offset, `duration_ns` as far as it predicts.

    `operator`: whether a scripted operator (ground.operator) watches the satellite, and how long it takes
    from believing a symptom to having its telecommand ready. `uncertainty_s`: how far off the elements' times
    may be, until navigation has mended them (`refine`). `telemetry_protection`: what TM frames have to be.
    """

    epoch: str
    duration_ns: int
    tick_ns: int
    latency_ns: int
    orbit: Orbit
    stations: tuple[Station, ...] = ()
    commands: tuple[Command, ...] = ()
    uploads: tuple[Upload, ...] = ()
    tc_rate_bit_s: int = 64_000
    tm_rate_bit_s: int = 1_000_000
    operator: bool = False
    operator_reaction_ns: int = 0
    uncertainty_s: float = 0.0
    refine: bool = True
    telemetry_protection: TelemetryProtection = "none"

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.epoch).tzinfo is None:
            raise ValueError(f"the epoch has an offset from UTC, not {self.epoch!r}")
        if not 0 < self.tick_ns <= self.latency_ns or self.duration_ns < 0:
            raise ValueError("0 < tick <= latency, 0 <= duration")
        if self.tc_rate_bit_s <= 0 or self.tm_rate_bit_s <= 0:
            raise ValueError("0 < tc_rate_bit_s, 0 < tm_rate_bit_s")
        if not 0.0 <= self.uncertainty_s <= 600.0:
            raise ValueError("0 <= uncertainty_s <= 600")
        if [one.at_ns for one in self.uploads] != sorted(one.at_ns for one in self.uploads):
            raise ValueError("uploads are in the order of their times")
        if self.telemetry_protection not in PROTECTIONS:
            raise ValueError(f"telemetry_protection is one of {', '.join(PROTECTIONS)}")
        if self.operator_reaction_ns < 0:
            raise ValueError("0 <= operator_reaction_ns")
        if not 0 <= self.orbit.gravity_order <= self.orbit.gravity_degree <= 8:
            raise ValueError("0 <= gravity_order <= gravity_degree <= 8")
        numbers = [*self.orbit.position_gcrf_m, *self.orbit.velocity_gcrf_m_s, self.orbit.ballistic_m2_kg]
        for station in self.stations:
            numbers += [
                station.latitude_rad,
                station.longitude_rad,
                station.altitude_m,
                station.elevation_mask_rad,
            ]
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("elements and stations are finite numbers")
        if math.hypot(*self.orbit.position_gcrf_m) < 6.4e6:
            raise ValueError("the elements' position lies inside the Earth")

    @property
    def downlink_ns(self) -> int:
        """From a telemetry frame's departure to its arrival: the light time and its own length."""
        return self.latency_ns + 8 * TM_FRAME_OCTETS * 1_000_000_000 // self.tm_rate_bit_s

    def to_json(self) -> str:
        """Canonical JSON; no protection is not mentioned in it."""
        values = asdict(self)
        if self.telemetry_protection == "none":
            del values["telemetry_protection"]
        return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """From `to_json`; raises ValueError, KeyError or TypeError for anything else."""
        values: dict[str, Any] = json.loads(text)
        return cls(
            **{
                **values,
                "orbit": Orbit(**_tuples(values["orbit"])),
                "stations": tuple(Station(**station) for station in values["stations"]),
                "commands": tuple(Command(**command) for command in values["commands"]),
                "uploads": tuple(Upload(**upload) for upload in values["uploads"]),
            }
        )

    def sha256(self) -> str:
        """What names this configuration."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
