"""The dictionary in Python: frames, settings, telemetry parameters, events and telecommands.

Everything comes from `dictionary.toml`, also the source of the C++ tables. The compiled module carries the
file's SHA-256 and an ABI number; `load_native` refuses a module that was built from another file.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

# Raised together with the number in native/generate/dictionary.py.
ABI = 3

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
    """A telecommand; those of service 8 are told apart by `id`, their function id.

    Arguments from `counted_from` on (if not None) are one group of several; `tail`: octets follow that the
    service itself reads; `modes`: where it may start, empty for everywhere; `dangerous`: it needs an arming.
    """

    id: int
    name: str
    service: int
    subtype: int
    arguments: tuple[Argument, ...]
    meaning: str
    counted_from: int | None = None
    tail: bool = False
    modes: tuple[str, ...] = ()
    dangerous: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """An event of PUS service 5; severity 1 info, 2 low, 3 medium, 4 high is also its subtype."""

    id: int
    name: str
    severity: int
    arguments: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What mission control takes for normal: outside `yellow` is a warning, outside `red` an alarm. Bounds
    belong to the normal range; one that is infinite is none.
    """

    yellow: tuple[float, float]
    red: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A telemetry parameter; a housekeeping packet holds its structure's in order of id, big-endian.

    `limits`: none, or as many as it has values.
    """

    id: int
    name: str
    type: str
    shape: tuple[int, ...]
    structure: int
    unit: str
    meaning: str
    enumeration: str = ""
    limits: tuple[Limits, ...] = ()

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


@dataclass(frozen=True, slots=True)
class Application:
    """An application process by its APID; `layout` is "pus" (secondary header, packet error control) or
    "octets" (neither).
    """

    id: int
    name: str
    layout: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ReportField:
    """One field of a telemetry packet, big-endian; type `time` is a CUC code of seven octets."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ReportLayout:
    """What a telemetry packet of a service and subtype carries: `fields` and then octets by the name of
    `rest`, if it has one; or the `content` "housekeeping" or "event", laid out by parameters and events.
    """

    service: int
    subtype: int
    name: str
    content: str
    fields: tuple[ReportField, ...]
    rest: str
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
            entry["id"],
            entry["name"],
            service,
            subtype,
            arguments,
            entry["meaning"],
            entry.get("counted_from"),
            entry.get("tail", False),
            tuple(entry.get("modes", ())),
            entry.get("dangerous", False),
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
            e.get("enumeration", ""),
            _limits(e),
        )
    return found


def _limits(entry: dict[str, Any]) -> tuple[Limits, ...]:
    given = entry.get("limits", [])
    count = int(np.prod(entry.get("shape", ()), dtype=np.int64))
    each = given if isinstance(given, list) else [given] * count
    return tuple(Limits(_span(one, "yellow"), _span(one, "red")) for one in each)


def _span(limits: dict[str, Any], colour: str) -> tuple[float, float]:
    low, high = limits.get(colour, (-math.inf, math.inf))
    return float(low), float(high)


def _applications() -> dict[int, Application]:
    return {
        e["id"]: Application(e["id"], e["name"], e["layout"], e["meaning"])
        for e in _TREE.get("application", [])
    }


def _reports() -> dict[tuple[int, int], ReportLayout]:
    found = {}
    for e in _TREE.get("report", []):
        fields = tuple(ReportField(f["name"], f["type"], f.get("meaning", "")) for f in e.get("fields", []))
        found[e["service"], e["subtype"]] = ReportLayout(
            e["service"],
            e["subtype"],
            e["name"],
            e.get("content", ""),
            fields,
            e.get("rest", ""),
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
APPLICATIONS = _applications()
REPORTS = _reports()


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
