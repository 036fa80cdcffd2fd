"""How a run is spread over processes. Its digest is the same in every way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safehold.errors import UsageError

if TYPE_CHECKING:
    from flight.keys import KeyRing
    from flight.remote import RemoteComputer
    from ground.config import GroundConfig
    from ground.process import GroundClient
    from safehold.schema import Scenario

IN_PROCESS = "in-process"
GROUND_APART = "zmq"
DISTRIBUTED = "distributed"
DEPLOYMENTS = (IN_PROCESS, GROUND_APART, DISTRIBUTED)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Which parts of a run have processes of their own, and where those are that were started by hand.

    flight: the endpoint of a flight process that is there already. ground: an endpoint at which a ground is
    awaited. Without them, such a process is started here and ends with the run.
    """

    name: str = IN_PROCESS
    flight: str | None = None
    ground: str | None = None

    def __post_init__(self) -> None:
        """Raises UsageError for a name that there is not."""
        if self.name not in DEPLOYMENTS:
            raise UsageError(
                "SH-CLI-002", f"unknown deployment {self.name!r}; there are {', '.join(DEPLOYMENTS)}"
            )

    @property
    def flight_apart(self) -> bool:
        """Whether the flight computer has a process of its own."""
        return self.name == DISTRIBUTED or self.flight is not None

    @property
    def ground_apart(self) -> bool:
        """Whether the ground has a process of its own."""
        return self.name != IN_PROCESS or self.ground is not None

    def __str__(self) -> str:
        """As run.log tells it."""
        places = [("flight", self.flight), ("ground", self.ground)]
        return self.name + "".join(f", {part} at {place}" for part, place in places if place is not None)


def deployment_of(given: str | Deployment) -> Deployment:
    """By its name, or as it is; raises UsageError for a name that there is not."""
    return given if isinstance(given, Deployment) else Deployment(given)


def chosen(*, in_process: bool, distributed: bool, flight: str | None, ground: str | None) -> Deployment:
    """What the options of the command line ask for; raises UsageError for options that contradict."""
    if in_process and (distributed or flight is not None or ground is not None):
        raise UsageError(
            "SH-CLI-001", "--in-process leaves no room for --distributed, --flight or --ground: leave one out"
        )
    name = IN_PROCESS if in_process else DISTRIBUTED if distributed else GROUND_APART
    return Deployment(name, flight, ground)


def key_ring(scenario: Scenario) -> KeyRing:
    """The keys of both ends; raises UsageError if they cannot be read, or lack what the scenario needs."""
    from flight.keys import KEYS_VARIABLE, KeyFileError, load_usable_ring

    try:
        ring = load_usable_ring()
    except KeyFileError as error:
        raise UsageError("SH-CLI-004", f"{error}") from None
    protection = scenario.link.telemetry_protection
    if protection != "none" and not ring.telemetry:
        raise UsageError(
            "SH-CLI-004",
            f"{KEYS_VARIABLE}: no telemetry key, and link.telemetry_protection is {protection!r}; "
            "safehold keys --link FILE makes a file with both",
        )
    return ring


def check_keys() -> None:
    """What a process that is about to serve needs of its keys; raises UsageError if they cannot be used."""
    from flight.curve import ENVIRONMENT, Curve, CurveError
    from flight.keys import KeyFileError, load_usable_ring

    try:
        load_usable_ring()
    except KeyFileError as error:
        raise UsageError("SH-CLI-004", f"{error}") from None
    try:
        Curve.from_environment()
    except CurveError as error:
        raise UsageError("SH-CLI-004", f"{ENVIRONMENT}: {error}") from None


def open_flight(configuration: Mapping[str, Any], deployment: Deployment) -> RemoteComputer:
    """The flight computer in a process of its own; raises UsageError for an endpoint that cannot be used."""
    from flight.curve import CurveError
    from flight.remote import FlightLostError, FlightRefusedError, RemoteComputer

    try:
        return RemoteComputer(endpoint=deployment.flight, **configuration)
    except CurveError as error:
        raise UsageError("SH-CLI-004", f"--flight: {error}") from None
    except FlightRefusedError as error:
        if deployment.flight is None:
            raise
        raise UsageError("SH-CLI-004", f"--flight {deployment.flight}: it refuses: {error}") from None
    except FlightLostError as error:
        if deployment.flight is None:
            raise
        raise UsageError(
            "SH-CLI-004",
            f"--flight {deployment.flight}: {error}; start one there first (safehold flight --bind "
            f"{deployment.flight}), or look whether its CURVE keys let this host in",
        ) from None


def open_ground(config: GroundConfig, deployment: Deployment) -> GroundClient:
    """The ground, wherever it is to be; raises UsageError for an endpoint that cannot be used."""
    from flight.curve import CurveError
    from ground.process import GroundLostError, InProcessGround, ZmqGround

    if not deployment.ground_apart:
        return InProcessGround(config)
    if deployment.ground is None:
        return ZmqGround(config)
    try:
        return ZmqGround(config, listen=deployment.ground)
    except (CurveError, GroundLostError) as error:
        raise UsageError("SH-CLI-004", f"--ground: {error}") from None
