"""What the other parts declare, gathered for validation: fault kinds, telecommands, quantities, stations.

Each is read from the part that owns it, on first use, so that a scenario without faults does not pay for
them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

RESULT_QUANTITIES: Mapping[str, str] = {
    "pong_delay_ms": "the longest time from a ping's departure to its pong's arrival at the station",
    "pongs": "pings that were answered",
    "commands_unconfirmed": "telecommands sent whose completion was not reported",
    "commands_unsent": "telecommands that the ground wanted and that never went up",
    "commands_repeated": "runs of telecommands on board beyond one for each that was sent",
    "contacts_made": "true windows in which a telemetry frame reached the ground",
    "contacts_missed": "true windows, longer than 60 s and culminating 1° above the mask, without one",
    "windows_unmatched": "windows predicted that did not open, or opened without being predicted",
    "window_edge_error_s": "the largest difference of a predicted edge from the true one",
    "bytes_outside_window": "octets that arrived, up or down, while the station did not see the satellite",
    "frames_received": "telemetry frames received on the ground",
    "files_received": "files of the satellite that came down whole",
    "files_incomplete": "files of which mission control has only a part",
    "files_delivered_up": "files of mission control that the satellite has whole",
    "data_lost_bytes": "octets of telemetry in flight when the signal was lost",
    "events_late": "events that were not on the ground by the end of the first usable pass after them",
    "records_missing": "records of mass memory that mission control knows of and has not received at the end",
    "records_given_up": "records that the satellite has named in its loss ledger, by what came of it",
    "backlog_records": "records still to come at the end, as of the last live report",
    "replicas_retired": "flight replicas that the voter gave up",
    "vote_disagreements": "control ticks in which a replica was outvoted",
}


@dataclass(frozen=True, slots=True)
class FaultParameter:
    """A key of a fault: unit, range and default (None: required)."""

    name: str
    unit: str
    lowest: float
    highest: float
    default: float | None
    meaning: str


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault: what it hits, its keys, and what it does."""

    name: str
    targets: tuple[str, ...]
    parameters: tuple[FaultParameter, ...]
    meaning: str
    in_flight: bool = False


@dataclass(frozen=True, slots=True)
class CatalogueStation:
    """A station of the built-in catalogue (WGS84)."""

    name: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float


REPLICA_BIT_FLIP = FaultKind(
    name="replica_bit_flip",
    targets=("replica.0", "replica.1", "replica.2"),
    parameters=(
        FaultParameter(
            "bit",
            "",
            0,
            2**40,
            -1,
            "which bit of the replica's state, from its first; the seed chooses if left out",
        ),
    ),
    meaning="one bit of one flight replica's state flips at the start of the tick (a single-event upset)",
    in_flight=True,
)


COMPUTER_RESET = FaultKind(
    name="computer_reset",
    targets=("computer",),
    parameters=(
        FaultParameter(
            "down_s",
            "s",
            0.0,
            86_400.0,
            30.0,
            "time until the computer starts again, a control tick at least",
        ),
    ),
    meaning="the whole flight computer is reset: what is volatile is lost, nothing is received, nothing"
    " drives and nothing radiates for a time; then it starts from what persistence has kept",
    in_flight=True,
)

IN_FLIGHT: Mapping[str, FaultKind] = {kind.name: kind for kind in (REPLICA_BIT_FLIP, COMPUTER_RESET)}
"""Faults that hit the flight computer at a tick: the driver's, not the plant's; they heal by themselves."""


def down_ns(parameters: Mapping[str, Any]) -> int:
    """The downtime that a `computer_reset` asks for."""
    default = COMPUTER_RESET.parameters[0].default
    return round(float(parameters.get("down_s", default)) * 1e9)


@cache
def stations() -> dict[str, CatalogueStation]:
    """The built-in catalogue, by name."""
    tree = tomllib.loads(Path(__file__).with_name("stations.toml").read_text(encoding="utf-8"))
    return {
        name: CatalogueStation(
            name, float(entry["latitude_deg"]), float(entry["longitude_deg"]), float(entry["altitude_m"])
        )
        for name, entry in tree["station"].items()
    }


@cache
def truth_columns() -> tuple[str, ...]:
    """Columns of truth.parquet."""
    from sim.truth import COLUMNS

    return tuple(COLUMNS)


def telemetry_names() -> list[str]:
    """Telemetry parameters that are one number."""
    from flight.dictionary import PARAMETERS

    return [name for name, parameter in PARAMETERS.items() if parameter.count == 1]


def quantities() -> list[str]:
    """Everything that an expectation can speak about."""
    return [*truth_columns(), *telemetry_names(), *RESULT_QUANTITIES]
