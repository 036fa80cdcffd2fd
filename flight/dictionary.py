"""The dictionary in Python: frames, settings, telemetry parameters, events and telecommands.

Everything comes from `dictionary.toml`, also the source of the C++ tables. The compiled module carries the
file's SHA-256 and an ABI number; `load_native` refuses a module that was built from another file.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

# Raised together with the number in native/generate/dictionary.py.
ABI = 1

_PATH = Path(__file__).with_name("dictionary.toml")
_BYTES = _PATH.read_bytes()
SHA256 = hashlib.sha256(_BYTES).hexdigest()
_TREE: dict[str, Any] = tomllib.loads(_BYTES.decode("utf-8"))

_NUMPY_TYPES = {
    "f64": "<f8",
    "i64": "<i8",
    "u64": "<u8",
    "f32": "<f4",
    "u32": "<u4",
    "u16": "<u2",
    "i16": "<i2",
    "u8": "u1",
}
TYPE_OCTETS = {name: np.dtype(code).itemsize for name, code in _NUMPY_TYPES.items()}
_SEVERITIES = {"info": 1, "low": 2, "medium": 3, "high": 4}


class NativeMismatchError(ImportError):
    """The compiled module is missing or was built from another dictionary or interface."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a telecommand, big-endian in its packet."""

    name: str
    type: str
    unit: str
    min: float | None
    max: float | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Telecommand:
    """A telecommand; those of service 8 are told apart by `id`, their function id."""

    id: int
    name: str
    service: int
    subtype: int
    arguments: tuple[Argument, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event of PUS service 5; severity 1 info, 2 low, 3 medium, 4 high is also its subtype."""

    id: int
    name: str
    severity: int
    arguments: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A telemetry parameter; a housekeeping packet holds its structure's in order of id, big-endian."""

    id: int
    name: str
    type: str
    shape: tuple[int, ...]
    structure: int
    unit: str
    meaning: str

    @property
    def count(self) -> int:
        """How many values it has."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Setting:
    """A value on board that the ground can change, within its limits."""

    id: int
    name: str
    type: str
    shape: tuple[int, ...]
    default: float | tuple[float, ...]
    min: float | None
    max: float | None
    unit: str
    meaning: str


def frame_dtype(name: str) -> np.dtype[np.void]:
    """The little-endian, packed layout of a frame (`sensor` or `actuator`)."""
    fields = _TREE["frame"][name]["fields"]
    return np.dtype(
        [(field["name"], _NUMPY_TYPES[field["type"]], tuple(field.get("shape", ()))) for field in fields]
    )


def _telecommands() -> dict[str, Telecommand]:
    found = {}
    for entry in _TREE.get("telecommand", []):
        arguments = tuple(
            Argument(
                a["name"], a["type"], a.get("unit", ""), a.get("min"), a.get("max"), a.get("meaning", "")
            )
            for a in entry.get("arguments", [])
        )
        service, subtype = entry.get("service", 8), entry.get("subtype", 1)
        found[entry["name"]] = Telecommand(
            entry["id"], entry["name"], service, subtype, arguments, entry["meaning"]
        )
    return found


def _events() -> dict[int, Event]:
    return {
        e["id"]: Event(
            e["id"], e["name"], _SEVERITIES[e["severity"]], tuple(e.get("arguments", [])), e["meaning"]
        )
        for e in _TREE.get("event", [])
    }


def _parameters() -> dict[str, Parameter]:
    found = {}
    for e in sorted(_TREE.get("parameter", []), key=lambda entry: int(entry["id"])):
        found[e["name"]] = Parameter(
            e["id"],
            e["name"],
            e["type"],
            tuple(e.get("shape", ())),
            e.get("structure", 1),
            e.get("unit", ""),
            e["meaning"],
        )
    return found


def _settings() -> dict[str, Setting]:
    found = {}
    for e in sorted(_TREE.get("setting", []), key=lambda entry: int(entry["id"])):
        default = tuple(e["default"]) if isinstance(e["default"], list) else e["default"]
        found[e["name"]] = Setting(
            e["id"],
            e["name"],
            e["type"],
            tuple(e.get("shape", ())),
            default,
            e.get("min"),
            e.get("max"),
            e.get("unit", ""),
            e["meaning"],
        )
    return found


SENSOR_DTYPE = frame_dtype("sensor")
ACTUATOR_DTYPE = frame_dtype("actuator")
TELECOMMANDS = _telecommands()
EVENTS = _events()
EVENT_IDS = {event.name: event.id for event in EVENTS.values()}
PARAMETERS = _parameters()
SETTINGS = _settings()


# What the numbers of an enumerated argument or parameter mean: the enumeration's name -> its values in order.
ENUMERATIONS: dict[str, tuple[str, ...]] = {
    name: tuple(entry["values"]) for name, entry in _TREE.get("enumeration", {}).items()
}


def load_native() -> ModuleType:
    """The compiled module `_safehold_native`.

    Raises NativeMismatchError if it is missing or was built from another dictionary or interface.
    """
    try:
        import _safehold_native as native
    except ModuleNotFoundError as error:
        raise NativeMismatchError(
            "the compiled module _safehold_native is not installed; build it with "
            "`pip install -e . --no-build-isolation`, or `pip install .`"
        ) from error
    if native.ABI != ABI or native.DICTIONARY_SHA256 != SHA256:
        raise NativeMismatchError(
            f"_safehold_native was built from another dictionary or interface (ABI {native.ABI}, dictionary "
            f"{native.DICTIONARY_SHA256[:12]}) than {_PATH} (ABI {ABI}, {SHA256[:12]}); rebuild it with "
            "`pip install -e . --no-build-isolation`, or `pip install .`"
        )
    return native
