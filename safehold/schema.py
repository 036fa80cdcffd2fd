"""The scenario as data: every key of a scenario file, its type, unit, range and default.

Pydantic checks one key at a time here; what needs more than one key, or a registry of another part (fault
kinds, telecommands, stations, quantities), is checked in `safehold.checks`. Durations are held as integer
nanoseconds; names with a unit in the file keep that unit, and SI is made where the value is used.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from safehold.durations import parse_duration

SCHEMA_VERSION = 1
MODES = (
    "BOOT",
    "SEPARATION",
    "DETUMBLE",
    "SAFE",
    "STANDBY",
    "MISSION",
    "DOWNLINK",
    "MANOEUVRE",
    "SURVIVAL",
)

# IGRF-14 covers the years 2000 to 2030; its tables reach up to three days beyond a run's end.
EPOCH_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
EPOCH_LAST = datetime(2029, 12, 28, tzinfo=UTC)


def _duration(value: object) -> int:
    if not isinstance(value, str):
        raise PydanticCustomError(
            "SH-SCN-010",
            '{value} is not a duration; write it in quotes with a unit, like "90s" or "2h13m"',
            {"value": repr(value)[:60]},
        )
    try:
        return parse_duration(value)
    except ValueError as error:
        raise PydanticCustomError("SH-SCN-010", "{message}", {"message": str(error)}) from None


def _positive_duration(value: object) -> int:
    nanoseconds = _duration(value)
    if nanoseconds == 0:
        raise PydanticCustomError("SH-SCN-010", "a duration of nothing; it must be longer than 0", {})
    return nanoseconds


def _epoch(value: object) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise PydanticCustomError(
            "SH-SCN-007", "must be a date and time in UTC without quotes, like 2026-06-21T00:00:00Z", {}
        )
    utc = value.astimezone(UTC)
    if not EPOCH_FIRST <= utc < EPOCH_LAST:
        raise PydanticCustomError(
            "SH-SCN-008",
            "{value} is outside {first} to {last}, the time that the magnetic model IGRF-14 covers",
            {"value": utc.isoformat(), "first": EPOCH_FIRST.date(), "last": EPOCH_LAST.date()},
        )
    return utc


def _not_boolean(value: object) -> object:
    # Python takes true for 1, and so does a Literal.
    if isinstance(value, bool):
        raise PydanticCustomError(
            "SH-SCN-007", "is {value}; it must be a number", {"value": repr(value).lower()}
        )
    return value


_DURATION_SCHEMA = WithJsonSchema(
    {
        "type": "string",
        "pattern": r"^([0-9]+(\.[0-9]+)?(ms|us|ns|d|h|m|s))+$",
        "examples": ["90s", "2h13m", "1d"],
    }
)
Duration = Annotated[int, BeforeValidator(_duration), _DURATION_SCHEMA]
PositiveDuration = Annotated[int, BeforeValidator(_positive_duration), _DURATION_SCHEMA]
Epoch = Annotated[
    datetime, BeforeValidator(_epoch), WithJsonSchema({"type": "string", "format": "date-time"})
]
Number = Annotated[float, Field(allow_inf_nan=False)]
Vector = Annotated[list[Number], Field(min_length=3, max_length=3)]
Quaternion = Annotated[list[Number], Field(min_length=4, max_length=4)]
Angle = Annotated[float, Field(allow_inf_nan=False, ge=-360.0, le=360.0)]
Inclination = Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=180.0)]
Altitude = Annotated[float, Field(allow_inf_nan=False, ge=150.0, le=2000.0)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Line = Annotated[str, Field(max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")]
Mode = Literal[
    "BOOT", "SEPARATION", "DETUMBLE", "SAFE", "STANDBY", "MISSION", "DOWNLINK", "MANOEUVRE", "SURVIVAL"
]


class Table(BaseModel):
    """A TOML table: no key but the declared ones, no conversion between types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)


class Elements(Table):
    """Osculating Kepler elements about the GCRF axes."""

    semi_major_axis_km: Annotated[float, Field(allow_inf_nan=False, ge=6500.0, le=9000.0)]
    eccentricity: Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=0.3)]
    inclination_deg: Inclination
    raan_deg: Angle
    argument_of_perigee_deg: Angle
    true_anomaly_deg: Angle


class State(Table):
    """Position and velocity in GCRF axes."""

    position_m: Vector
    velocity_m_s: Vector


class Launch(Table):
    """A launch site and azimuth: the site's latitude and the azimuth give the inclination."""

    site: Annotated[str, Field(min_length=1, max_length=64)]
    azimuth_deg: Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=360.0)]
    altitude_km: Altitude = 550.0


class Orbit(Table):
    """The initial orbit in exactly one form; the first four keys are the circular form."""

    altitude_km: Altitude | None = None
    inclination_deg: Inclination | None = None
    raan_deg: Angle | None = None
    argument_of_latitude_deg: Angle | None = None
    elements: Elements | None = None
    state_gcrf: State | None = None
    tle: str | list[str] | None = Field(
        default=None, description="the two lines themselves, or the name of a file beside the scenario"
    )
    omm: str | dict[str, Any] | None = Field(
        default=None,
        description="the message's keywords as a table, or the name of a file beside the scenario",
    )
    launch: Launch | None = None


class Environment(Table):
    """Which models act on the satellite; each can be reduced for comparison with others."""

    gravity_degree: Annotated[int, Field(ge=0, le=20)] = 8
    gravity_order: Annotated[int, Field(ge=0, le=20)] | None = None
    drag: bool = True
    atmosphere: Literal["harris-priester", "exponential", "nrlmsis", "none"] = "harris-priester"
    bulge_exponent: Annotated[float, Field(allow_inf_nan=False, ge=2.0, le=6.0)] = 6.0
    f107: Annotated[float, Field(allow_inf_nan=False, ge=50.0, le=500.0)] = 150.0
    f107a: Annotated[float, Field(allow_inf_nan=False, ge=50.0, le=500.0)] = 150.0
    ap: Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=400.0)] = 15.0
    solar_pressure: bool = True
    third_bodies: bool = True
    magnetic_degree: Annotated[int, Field(ge=1, le=13)] = 13
    gravity_gradient: bool = True
    residual_dipole: bool = True


class Initial(Table):
    """The satellite at separation."""

    rate_deg_s: Vector = [3.0, -2.0, 4.0]
    quaternion_body_from_gcrf: Quaternion | None = None
    battery_state_of_charge: Annotated[float, Field(allow_inf_nan=False, gt=0.0, le=1.0)] = 0.8


class Station(Table):
    """A ground station: a name of the built-in catalogue, or any name with coordinates (WGS84)."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]*$")]
    latitude_deg: Annotated[float, Field(allow_inf_nan=False, ge=-90.0, le=90.0)] | None = None
    longitude_deg: Annotated[float, Field(allow_inf_nan=False, ge=-180.0, le=360.0)] | None = None
    altitude_m: Annotated[float, Field(allow_inf_nan=False, ge=-500.0, le=9000.0)] | None = None
    elevation_mask_deg: Annotated[float, Field(allow_inf_nan=False, ge=0.0, lt=90.0)] = 10.0
    eirp_dbw: Annotated[float, Field(allow_inf_nan=False, ge=-200.0, le=200.0)] | None = Field(
        default=None, description="of its transmitter; link.budget.tc_eirp_dbw if left out"
    )
    g_t_db_k: Annotated[float, Field(allow_inf_nan=False, ge=-200.0, le=200.0)] | None = Field(
        default=None, description="of its receiver; link.budget.tm_g_t_db_k if left out"
    )


Decibel = Annotated[float, Field(allow_inf_nan=False, ge=-200.0, le=200.0)]
Share = Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=1.0)]


class LinkBudget(Table):
    """The radio: what signal power is made of on the way (docs/link.md has the sources)."""

    tm_frequency_mhz: Annotated[float, Field(allow_inf_nan=False, ge=100.0, le=50_000.0)] = 2250.0
    tm_power_dbw: Decibel | None = Field(
        default=None, description="of the transmitter; from transmitter_radiated_w if left out"
    )
    tm_line_loss_db: Decibel = 1.0
    tm_g_t_db_k: Decibel = 8.0
    tm_losses_db: Decibel = 1.5
    tm_implementation_db: Decibel = 1.5
    tm_code_gain_db: Decibel = 5.0
    tc_frequency_mhz: Annotated[float, Field(allow_inf_nan=False, ge=100.0, le=50_000.0)] = 2071.875
    tc_eirp_dbw: Decibel = 40.0
    tc_g_t_db_k: Decibel = -28.8
    tc_losses_db: Decibel = 1.5
    tc_implementation_db: Decibel = 1.5
    tc_code_gain_db: Decibel = 0.0
    atmosphere_zenith_db: Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=20.0)] = 0.04
    acquisition_ebn0_db: Decibel = 0.0
    patch_peak_dbi: Decibel = 6.5
    patch_beamwidth_deg: Annotated[float, Field(allow_inf_nan=False, ge=1.0, le=360.0)] = 80.0
    patch_back_dbi: Decibel = -10.0


class LinkOutage(Table):
    """A time in which the link carries nothing."""

    from_: Annotated[Duration, Field(alias="from")]
    until: Duration
    direction: Literal["up", "down", "both"] = "both"

    @field_validator("until")
    @classmethod
    def _ends_after_it_begins(cls, until: int, info: ValidationInfo) -> int:
        if until <= info.data.get("from_", -1):
            raise PydanticCustomError("SH-SCN-021", "is at or before `from`, where its window begins", {})
        return until


class Link(Table):
    """The space link."""

    latency_ms: Annotated[float, Field(allow_inf_nan=False, ge=10.0, le=10_000.0)] = 240.0
    tc_rate_bit_s: Annotated[int, Field(ge=100, le=10_000_000)] = 64_000
    tm_rate_bit_s: Annotated[int, Field(ge=1_000, le=100_000_000)] = 1_000_000
    noise: bool = Field(default=True, description="bit errors and loss of lock by the link budget")
    loss: Share = Field(default=0.0, description="probability that a frame is lost, in either direction")
    burst: Share = Field(default=0.0, description="probability that a run of a frame's bits is disturbed")
    burst_bits: Annotated[int, Field(ge=1, le=8920)] = 64
    duplication: Share = Field(default=0.0, description="probability that a frame arrives twice")
    reorder: Share = Field(default=0.0, description="probability that a frame arrives after later ones")
    reorder_frames: Annotated[int, Field(ge=1, le=126)] = 8
    jitter_ms: Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=10_000.0)] = 0.0
    outage: list[LinkOutage] = Field(default_factory=list, max_length=1_000)
    telemetry_protection: Literal["none", "authenticated", "encrypted"] = Field(
        default="none", description="how TM frames are protected (CCSDS 355.0-B); TC frames always are"
    )
    budget: LinkBudget = LinkBudget()


class Ground(Table):
    """What the ground knows of the orbit at the start; left out, it is the scenario's own."""

    tle: list[str] | None = Field(default=None, min_length=2, max_length=3, description="two lines")
    age: PositiveDuration | None = Field(
        default=None, description="how long elements with a drag area wrong by a third have been carried on"
    )
    along_track_s: Annotated[float, Field(allow_inf_nan=False, ge=-300.0, le=300.0)] = 0.0
    uncertainty_s: Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=600.0)] | None = None
    refine: bool = Field(default=True, description="whether downlinked navigation mends the elements")


class Memory(Table):
    """Mass memory: what a stream of records may hold before its oldest are given up, and all files together.

    A sixteenth of a stream is what one control tick can commit at most, hence the least. Of the files 73 MiB
    are for the black box alone.
    """

    critical_kib: Annotated[int, Field(ge=128, le=1 << 20)] = 8192
    housekeeping_kib: Annotated[int, Field(ge=128, le=1 << 20)] = 16384
    debug_kib: Annotated[int, Field(ge=128, le=1 << 20)] = 2048
    files_kib: Annotated[int, Field(ge=75776, le=1 << 20)] = 98304

    def quotas(self) -> dict[str, int]:
        """In octets, as the flight computer has them."""
        return {name.removesuffix("_kib"): kib << 10 for name, kib in self.model_dump().items()}


class Flight(Table):
    """The flight computer."""

    replicas: Annotated[Literal[1, 3], BeforeValidator(_not_boolean)] = 3
    resync: bool = True
    autonomy: bool = True
    operator_reaction: Duration = Field(
        default=0, description="how long the operator takes who stands in for autonomy, where it is off"
    )
    control_rate_hz: Annotated[int, Field(ge=1, le=100)] = 10
    memory: Memory = Field(default_factory=Memory, description="quotas of mass memory")
    parameters: dict[str, int | float | bool] = Field(
        default_factory=dict, description="on-board parameters of the dictionary, by name"
    )


ArgumentValue = int | float | bool | str


class Command(Table):
    """Something the ground wants to send; it goes up in the next contact."""

    at: Duration
    name: str
    arguments: dict[str, ArgumentValue | Annotated[list[ArgumentValue], Field(max_length=255)]] = Field(
        default_factory=dict,
        description="numbers, or names where there are; lists for arguments that come in groups; `octets` in "
        "hexadecimal digits, or `file`, the name of a file beside the scenario",
    )
    execute_at: Duration | None = Field(
        default=None, description="when the satellite is to execute it: it goes up time-tagged (PUS 11)"
    )
    priority: Literal["critical", "high", "normal", "low"] = "normal"
    expires: Duration | None = Field(default=None, description="when it is not to go up any more")
    group: Line = Field(default="", description="commands of one group go up in their order")
    after_completion: bool = Field(
        default=False, description="only once the command before it in its group is completed"
    )


class Upload(Table):
    """A file for the satellite; it goes up in the contacts from then on, by CFDP."""

    at: Duration
    name: str = Field(  # `safehold.uploads` says what is wrong with one, beside what else is
        max_length=400,
        description="its name on board: upload/0001 to upload/4194303",
        json_schema_extra={"pattern": r"^upload/[0-9]{4,7}$"},
    )
    content: str = Field(
        max_length=400_000,
        description="its octets in base85; or `file`, the name of a file beside the scenario",
    )


class Fault(BaseModel):
    """A fault; the keys beside these belong to its kind (`safehold faults` lists them)."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, populate_by_name=False)
    __pydantic_extra__: dict[str, int | float | bool | str]

    at: Duration
    duration: PositiveDuration | None = None
    kind: str
    target: str

    @property
    def parameters(self) -> dict[str, int | float | bool | str]:
        """The keys that belong to the kind."""
        return dict(self.__pydantic_extra__ or {})


class Expect(Table):
    """Something that must hold; evaluated at every control tick."""

    quantity: str
    above: Number | None = None
    below: Number | None = None
    equals: Number | str | list[str] | None = None
    during: Mode | list[Mode] | None = None
    from_: Annotated[Duration | None, Field(alias="from")] = None
    until: Duration | None = None
    within: PositiveDuration | None = Field(
        default=None, description="it need only become true, at most this long after `from`"
    )
    hold: PositiveDuration | None = Field(default=None, description="and stay true this long on end")
    fraction: Annotated[float, Field(allow_inf_nan=False, gt=0.0, le=1.0)] = 1.0
    why: Line = ""

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes it is evaluated in; empty for all."""
        if self.during is None:
            return ()
        return (self.during,) if isinstance(self.during, str) else tuple(self.during)


class Output(Table):
    """What is written; nothing here changes what happens."""

    truth_rate_hz: Annotated[float, Field(allow_inf_nan=False, gt=0.0, le=100.0)] = 1.0
    report: bool = True


class Scenario(Table):
    """A whole scenario."""

    version: Annotated[Literal[1], Field(alias="schema")]
    name: Name
    description: Line = ""
    epoch: Epoch
    duration: PositiveDuration
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    orbit: Orbit
    environment: Environment = Environment()
    initial: Initial = Initial()
    spacecraft: dict[str, Any] = Field(
        default_factory=dict, description="overrides of the reference spacecraft (docs/spacecraft.md)"
    )
    station: list[Station] = Field(default_factory=list, max_length=16)
    link: Link = Link()
    ground: Ground = Ground()
    flight: Flight = Flight()
    command: list[Command] = Field(default_factory=list, max_length=10_000)
    upload: list[Upload] = Field(default_factory=list, max_length=256)
    fault: list[Fault] = Field(default_factory=list, max_length=1_000)
    expect: list[Expect] = Field(default_factory=list, max_length=1_000)
    output: Output = Output()

    @property
    def tick_ns(self) -> int:
        """The control period."""
        return 1_000_000_000 // self.flight.control_rate_hz

    @property
    def ticks(self) -> int:
        """Control ticks in the run."""
        return self.duration // self.tick_ns
