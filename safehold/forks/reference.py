"""The fault-free run that others are forked from and compared with, as one value.

    magic (8) | version u32 | length of the header u32 | header (JSON) | sections | SHA-256 of all before (32)

The header names the scenario (its resolved text), the code, and each section with its length. Sections: the
hashes, four of 32 octets a stop; the counts, four of 8 octets a stop; the books (JSON, compressed):
document, events and contacts; snapshots (compressed), each with its tick; and the blocks of mass memory that
the snapshots name by their SHA-256, each once. Nothing in it is code; what does not fit is refused before any
of it is used.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from flight.dictionary import load_native
from safehold.code_id import code_id
from safehold.dump import to_toml
from safehold.errors import ForkError, ScenarioError
from safehold.scenario import Source, parse
from safehold.schema import Output, Scenario
from safehold.sealed import OtherVersionError, Seal, SealError
from safehold.timeline import FlightEvent

if TYPE_CHECKING:
    from _safehold_native import BlockPool

STOP_S = 10
SNAPSHOT_S = 600

SEAL = Seal(
    noun="reference",
    magic=b"SAFEFORK",
    version=2,
    largest=1 << 30,
    header={"scenario": str, "code_id": str, "steady": bool},
)
LARGEST_SECTION = 64 << 20  # once expanded
SNAPSHOT_SECTIONS = ("plant", "flight", "link", "ground", "host")

NATIVE, CONTROL, WHOLE, PLANT = _WHICH = range(4)

_BOOKS = ("document", "events", "windows", "elevations", "passes")
_OWN = ("name", "description", "fault", "output")
# Writing a scenario out takes as long as a run that is stopped early; a campaign's differ in their faults.
_KEYS: deque[tuple[Scenario, str]] = deque(maxlen=8)
_LENGTHS = struct.Struct("<5Q")
_HASH_OCTETS = 32

Hashes = NDArray[np.uint8]
Counts = NDArray[np.int64]


def fault_free(scenario: Scenario) -> Scenario:
    """The scenario without its faults, and without what says nothing about the flight."""
    return scenario.model_copy(
        update={"fault": [], "name": "reference", "description": "", "output": Output()}
    )


def difference(one: Scenario, other: Scenario) -> str | None:
    """The first key, but for those of `fault_free`, in which two scenarios differ."""
    for name in Scenario.model_fields:
        if name not in _OWN:
            ours, theirs = getattr(one, name), getattr(other, name)
            if ours is not theirs and ours != theirs:
                return name
    return None


def reference_key(scenario: Scenario) -> str:
    """What scenarios that fork from the same reference have in common: SHA-256, hexadecimal."""
    for known, key in tuple(_KEYS):
        if difference(known, scenario) is None:
            return key
    key = _key(code_id(), to_toml(fault_free(scenario)))
    _KEYS.appendleft((scenario, key))
    return key


def _key(code: str, text: str) -> str:
    return hashlib.sha256(f"{code}\n{STOP_S} {SNAPSHOT_S}\n{text}".encode()).hexdigest()


@dataclass(frozen=True)
class Reference:
    """A fault-free run: hashes and counts at its stops, snapshots, document, events and contacts.

    hashes: stop × (native, control, whole, plant) × 32 octets, as `safehold.forks.walker` takes them.
    counts: stop × (frames received, votes that disagreed, passes begun, frames of the last pass). snapshots:
    compressed, by tick. blocks: of mass memory, that they name. books: document, events, windows, elevations
    and the ground's passes as plain JSON values. steady: whether no replica ever differed, so that the
    voter's memory of faults is never read.
    """

    scenario: Scenario
    code_id: str
    hashes: Hashes
    counts: Counts
    snapshots: Mapping[int, bytes]
    blocks: Sequence[bytes]
    books: Mapping[str, Any]
    steady: bool

    @cached_property
    def key(self) -> str:
        """As `reference_key`."""
        return _key(self.code_id, to_toml(self.scenario))

    @cached_property
    def pool(self) -> BlockPool:
        """The blocks, to be found by what the snapshots call them."""
        pool: BlockPool = load_native().BlockPool()
        for octets in self.blocks:
            pool.add(octets)
        return pool

    @property
    def stop_ticks(self) -> int:
        """Ticks from one stop to the next."""
        return STOP_S * self.scenario.flight.control_rate_hz

    @property
    def stops(self) -> int:
        """Stops, the one at tick 0 included."""
        return len(self.hashes)

    @cached_property
    def document_text(self) -> str:
        """The run's document, without its timing."""
        return json.dumps(self.books["document"])

    @property
    def document(self) -> dict[str, Any]:
        """A copy of the run's document, without its timing."""
        found: dict[str, Any] = json.loads(self.document_text)
        return found

    @cached_property
    def events(self) -> list[FlightEvent]:
        """The run's events."""
        return [
            FlightEvent(int(tick), int(id), int(severity), tuple(float(value) for value in arguments))
            for tick, id, severity, arguments in self.books["events"]
        ]

    def hash_at(self, stop: int, which: int) -> bytes:
        """A hash of a stop: NATIVE, CONTROL, WHOLE or PLANT."""
        return bytes(self.hashes[stop, which])

    def snapshot(self, tick: int) -> tuple[dict[str, bytes], dict[str, Any]]:
        """The sections of the snapshot at a tick, and the host's books of that time; raises ForkError."""
        try:
            sections = unpack_sections(expand(self.snapshots[tick]))
            host = json.loads(sections["host"])
            counts = host.pop("lengths")
            host["events"] = self.books["events"][: int(counts["events"])]
            host["contacts"]["windows"] = self.books["windows"][: int(counts["windows"])]
            host["contacts"]["elevations"] = self.books["elevations"][: int(counts["elevations"])]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ForkError(
                "SH-FRK-001", f"the reference's snapshot at tick {tick} is damaged: {error}"
            ) from None
        return sections, host

    def to_bytes(self) -> bytes:
        """As a file; a function of the content alone."""
        sections = [
            ("hashes", self.hashes.tobytes()),
            ("counts", self.counts.astype("<i8").tobytes()),
            ("books", zlib.compress(json.dumps(self.books, separators=(",", ":")).encode(), 6)),
            *((f"snapshot {tick}", self.snapshots[tick]) for tick in sorted(self.snapshots)),
            *((f"block {index}", octets) for index, octets in enumerate(self.blocks)),
        ]
        header = {
            "scenario": to_toml(self.scenario),
            "code_id": self.code_id,
            "steady": self.steady,
        }
        return SEAL.close(header, sections)

    @classmethod
    def from_bytes(cls, data: bytes, label: str = "reference") -> Self:
        """The reference in a file's octets; raises ForkError if they are none, or of other code."""
        header, sections = _open(data, label)
        if header["code_id"] != code_id():
            raise ForkError(
                "SH-FRK-003",
                f"{label} was made by code {header['code_id'][:12]}, this is {code_id()[:12]}; "
                "only the same code, libraries and processor fly on to the same bits",
            )
        try:
            scenario = parse(header["scenario"], Source(label, None))
            hashes = np.frombuffer(sections.pop("hashes"), np.uint8).reshape(-1, len(_WHICH), _HASH_OCTETS)
            counts = np.frombuffer(sections.pop("counts"), "<i8").astype(np.int64).reshape(-1, 4)
            books = json.loads(expand(sections.pop("books")))
            blocks = [sections.pop(name) for name in list(sections) if name.startswith("block ")]
            snapshots = {int(name.removeprefix("snapshot ")): octets for name, octets in sections.items()}
            reference = cls(
                scenario, header["code_id"], hashes, counts, snapshots, blocks, books, bool(header["steady"])
            )
            reference.verify()
        except (ScenarioError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ForkError("SH-FRK-001", f"{label} is damaged: {error}") from None
        return reference

    def verify(self) -> None:
        """Raises ValueError if the parts do not fit together."""
        expected = self.scenario.ticks // self.stop_ticks + 1
        if len(self.hashes) != expected or len(self.counts) != expected:
            raise ValueError(f"{len(self.hashes)} stops and {len(self.counts)} counts, not {expected}")
        if 0 not in self.snapshots or any(tick % self.stop_ticks for tick in self.snapshots):
            raise ValueError("snapshots that are not at stops")
        if self.scenario.fault or not set(_BOOKS) <= set(self.books):
            raise ValueError("it is not of a fault-free run")
        if not isinstance(self.books["document"], dict) or not self.events:
            raise ValueError("a run without document or events")


def pack_sections(sections: Mapping[str, bytes]) -> bytes:
    """A snapshot's sections back to back, compressed."""
    parts = [sections[name] for name in SNAPSHOT_SECTIONS]
    return zlib.compress(_LENGTHS.pack(*(len(one) for one in parts)) + b"".join(parts), 1)


def unpack_sections(octets: bytes) -> dict[str, bytes]:
    """The sections again; raises ValueError if their lengths do not add up."""
    if len(octets) < _LENGTHS.size:
        raise ValueError("sections cut short")
    lengths = _LENGTHS.unpack_from(octets)
    if sum(lengths) != len(octets) - _LENGTHS.size:
        raise ValueError("sections that do not add up to their length")
    found, start = {}, _LENGTHS.size
    for name, length in zip(SNAPSHOT_SECTIONS, lengths, strict=True):
        found[name] = octets[start : start + length]
        start += length
    return found


def expand(octets: bytes) -> bytes:
    """What was compressed; raises ValueError if it is damaged or larger than such a thing may be."""
    try:
        expander = zlib.decompressobj()
        found = expander.decompress(octets, LARGEST_SECTION)
    except zlib.error as error:
        raise ValueError(f"compressed octets: {error}") from None
    if not expander.eof or expander.unused_data:
        raise ValueError("compressed octets that do not end, or expand to too much")
    return found


def _open(data: bytes, label: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Header and sections, after every length and the hash have been checked."""
    try:
        return SEAL.open(data)
    except OtherVersionError as error:
        raise ForkError("SH-FRK-002", f"{label} {error}") from None
    except SealError as error:
        raise ForkError("SH-FRK-001", f"{label} {error}") from None
