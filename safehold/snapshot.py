"""A snapshot: the whole run at a tick, as bytes.

    magic (8) | version u32 | length of the header u32 | header (JSON) | sections | SHA-256 of all before (32)

The header names the scenario (its resolved text), the code, the tick, and each section with its length. The
sections are the plant's state, the flight driver's (computer, chains, watches, scheduled faults), the link's,
the ground's, and the host's own books. Restored and flown on, it gives the digest of the uninterrupted run.
Nothing in it is code; what does not fit is refused before any of it is used.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safehold.code_id import code_id
from safehold.dump import to_toml
from safehold.errors import ScenarioError, SnapshotError
from safehold.scenario import Source, parse
from safehold.schema import Scenario
from safehold.simulation import Simulation

MAGIC = b"SAFEHOLD"
VERSION = 1
LARGEST = 1 << 30
LARGEST_HEADER = 4 << 20
SECTIONS = ("plant", "flight", "link", "ground", "host")

_PREFIX = struct.Struct("<8sII")
_DIGEST_OCTETS = 32


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
    header = json.dumps(
        {
            "scenario": to_toml(simulation.scenario),
            "code_id": code_id(),
            "tick": simulation.tick,
            "sections": [[name, len(sections[name])] for name in SECTIONS],
        },
        separators=(",", ":"),
    ).encode()
    body = _PREFIX.pack(MAGIC, VERSION, len(header)) + header + b"".join(sections[name] for name in SECTIONS)
    return body + hashlib.sha256(body).digest()


def restore(data: bytes, *, deployment: str = "in-process", label: str = "snapshot") -> Simulation:
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
        if size > LARGEST:
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
    if len(data) < _PREFIX.size + _DIGEST_OCTETS or data[:8] != MAGIC:
        raise SnapshotError("SH-SNP-002", f"{label} is not a snapshot of safehold")
    _, version, header_octets = _PREFIX.unpack_from(data)
    if version != VERSION:
        raise SnapshotError("SH-SNP-003", f"{label} has version {version}; this safehold reads {VERSION}")
    body, digest = memoryview(data)[:-_DIGEST_OCTETS], data[-_DIGEST_OCTETS:]
    if hashlib.sha256(body).digest() != digest:
        raise SnapshotError("SH-SNP-002", f"{label} is damaged: its hash does not fit its content")
    if header_octets > min(LARGEST_HEADER, len(body) - _PREFIX.size):
        raise SnapshotError("SH-SNP-002", f"{label} is damaged: its header is longer than the file")
    start = _PREFIX.size + header_octets
    try:
        header = json.loads(bytes(body[_PREFIX.size : start]))
        lengths = {str(name): int(octets) for name, octets in header["sections"]}
        header_ok = isinstance(header["scenario"], str) and isinstance(header["code_id"], str)
        header_ok = header_ok and isinstance(header["tick"], int)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SnapshotError("SH-SNP-002", f"{label} has a header that makes no sense: {error}") from None
    if not header_ok or tuple(lengths) != SECTIONS or min(lengths.values()) < 0:
        raise SnapshotError("SH-SNP-002", f"{label} has a header that makes no sense")
    if start + sum(lengths.values()) != len(body):
        raise SnapshotError("SH-SNP-002", f"{label} is damaged: its sections do not add up to its length")
    sections: dict[str, bytes] = {}
    for name, octets in lengths.items():
        sections[name] = bytes(body[start : start + octets])
        start += octets
    return header, sections
