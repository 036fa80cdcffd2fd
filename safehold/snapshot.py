"""A snapshot: the whole run at a tick, as a sealed file (`safehold.sealed`).

The header names the scenario (its resolved text), the code, the tick, and each section with its length. The
sections are the plant's state, the flight driver's (computer, chains, watches, scheduled faults), the link's,
the ground's, and the host's own books. Restored and flown on, it gives the digest of the uninterrupted run.
Nothing in it is code; what does not fit is refused before any of it is used.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safehold.code_id import code_id
from safehold.deployment import IN_PROCESS, Deployment
from safehold.dump import to_toml
from safehold.errors import ScenarioError, SnapshotError
from safehold.scenario import Source, parse
from safehold.schema import Scenario
from safehold.sealed import OtherVersionError, Seal, SealError
from safehold.simulation import Simulation

SEAL = Seal(
    noun="snapshot",
    magic=b"SAFEHOLD",
    version=1,
    largest=1 << 30,
    header={"scenario": str, "code_id": str, "tick": int},
)
SECTIONS = ("plant", "flight", "link", "ground", "host")


def take(simulation: Simulation) -> bytes:
    """The whole run as it stands."""
    # First, because it empties the driver's lists of events and rows into the host's own.
    host = simulation.host_state()
    sections = {
        "plant": simulation.plant.state_bytes(),
        "flight": simulation.driver.state(),
        "link": simulation.link.to_bytes(),
        "ground": simulation.ground.to_bytes(),
        "host": json.dumps(host, separators=(",", ":"), allow_nan=False).encode(),
    }
    header = {
        "scenario": to_toml(simulation.scenario),
        "code_id": code_id(),
        "tick": simulation.tick,
    }
    return SEAL.close(header, [(name, sections[name]) for name in SECTIONS])


def restore(data: bytes, *, deployment: str | Deployment = IN_PROCESS, label: str = "snapshot") -> Simulation:
    """A simulation that stands where the snapshot was taken; raises SnapshotError if it is none of ours."""
    header, sections = _open(data, label)
    if header["code_id"] != code_id():
        raise SnapshotError(
            "SH-SNP-004",
            f"{label} was made by code {header['code_id'][:12]}, this is {code_id()[:12]}; "
            "only the same code, libraries and processor fly on to the same bits",
        )
    simulation = Simulation(_scenario(header, label), deployment=deployment)
    try:
        simulation.restore(
            plant=sections["plant"],
            flight=sections["flight"],
            link=sections["link"],
            ground=sections["ground"],
            host=json.loads(sections["host"]),
        )
        if simulation.tick != header["tick"]:
            raise ValueError(f"the driver stands at tick {simulation.tick}, the header says {header['tick']}")
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RuntimeError,
        struct.error,
    ) as error:
        simulation.close()
        raise SnapshotError("SH-SNP-002", f"{label} is damaged: {error}") from None
    return simulation


def read(path: Path) -> bytes:
    """A snapshot file's bytes; its size is looked at first."""
    try:
        size = path.stat().st_size
        if size > SEAL.largest:
            raise SnapshotError("SH-SNP-002", f"{path} is larger than a snapshot may be")
        return path.read_bytes()
    except OSError as error:
        raise SnapshotError("SH-SNP-001", f"{path} cannot be read: {error.strerror or error}") from None


def scenario_of(data: bytes, label: str = "snapshot") -> Scenario:
    """The scenario that a snapshot belongs to."""
    return _scenario(_open(data, label)[0], label)


def _scenario(header: Mapping[str, Any], label: str) -> Scenario:
    try:
        return parse(header["scenario"], Source(label, None))
    except ScenarioError as error:
        raise SnapshotError("SH-SNP-002", f"{label} holds a scenario that cannot be flown: {error}") from None


def _open(data: bytes, label: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Header and sections, after every length and the hash have been checked."""
    try:
        header, sections = SEAL.open(data)
    except OtherVersionError as error:
        raise SnapshotError("SH-SNP-003", f"{label} {error}") from None
    except SealError as error:
        raise SnapshotError("SH-SNP-002", f"{label} {error}") from None
    if tuple(sections) != SECTIONS:
        raise SnapshotError("SH-SNP-002", f"{label} has other sections than a snapshot's")
    return header, sections
