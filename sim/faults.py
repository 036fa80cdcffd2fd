"""Faults of the spacecraft's hardware: the kinds that a scenario may name, and what they do inside the
step.

Faults are rows of a table: kind, target, start, end, four parameters. The step looks at the table only when
the time passes the next start or end of any row; in between it uses the effects kept in the state, so that
a run without faults pays for one comparison. When that will be follows from the table and the time, so it is
kept beside the state: two runs that are alike so far have the same state whatever is still to befall them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.compiled import Record, compiled
from sim.objects import place_object
from sim.records import FAULT_DTYPE

NEVER_NS = 2**62


class FaultError(ValueError):
    """A fault names an unknown kind or target, or a parameter that cannot be used.

    `key` is the key at fault ("kind", "target" or a parameter), `value` what was given, `expected` what
    would be right.
    """

    def __init__(self, key: str, value: object, expected: str) -> None:
        super().__init__(f"{key} = {value!r}: {expected}")
        self.key = key
        self.value = value
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a kind of fault: its unit, range, default (None: must be given) and factor to SI."""

    unit: str
    low: float
    high: float
    meaning: str
    default: float | None = None
    to_si: float = 1.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: its number in the table, the units that it can hit, its parameters in their order."""

    id: int
    meaning: str
    targets: tuple[str, ...]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}.{i}" for i in range(count))


_AXIS = Parameter("", 0.0, 3.0, "axis of the error: 0 x, 1 y, 2 z, 3 all alike", default=3.0)
_GYROS, _TRACKERS, _WHEELS = _numbered("gyro", 4), _numbered("tracker", 2), _numbered("wheel", 4)
GYRO_BIAS, GYRO_STUCK, GYRO_NOISE, TRACKER_BLIND = 1, 2, 3, 4
WHEEL_SEIZE, WHEEL_FRICTION, MAGNETOMETER_BIAS, GPS_OUTAGE = 5, 6, 7, 8
TORQUER_REVERSED, TORQUER_DEAD, DRIVE_STUCK, STRING_LOSS, HEATER_DEAD = 9, 10, 11, 12, 13
OBJECT_APPROACH = 14

KINDS: dict[str, Kind] = {
    "gyro_bias": Kind(
        GYRO_BIAS,
        "a constant is added to a gyro's rate",
        _GYROS,
        {
            "rate_deg_s": Parameter("deg/s", -100.0, 100.0, "what is added", to_si=math.pi / 180.0),
            "axis": _AXIS,
        },
    ),
    "gyro_stuck": Kind(GYRO_STUCK, "a gyro repeats its last output and claims to be valid", _GYROS),
    "gyro_noise": Kind(
        GYRO_NOISE,
        "a gyro's random walk grows",
        _GYROS,
        {"factor": Parameter("", 0.0, 1e4, "by which its noise is multiplied")},
    ),
    "tracker_blind": Kind(TRACKER_BLIND, "a star tracker finds no stars", _TRACKERS),
    "wheel_seize": Kind(WHEEL_SEIZE, "a wheel's bearing grips; its momentum goes into the body", _WHEELS),
    "wheel_friction": Kind(
        WHEEL_FRICTION,
        "a wheel's friction grows",
        _WHEELS,
        {"factor": Parameter("", 0.0, 1e3, "by which its friction is multiplied")},
    ),
    "magnetometer_bias": Kind(
        MAGNETOMETER_BIAS,
        "a constant is added to a magnetometer's field",
        _numbered("magnetometer", 3),
        {"field_nt": Parameter("nT", -1e6, 1e6, "what is added", to_si=1e-9), "axis": _AXIS},
    ),
    "gps_outage": Kind(GPS_OUTAGE, "a GPS receiver has no fix", _numbered("gps", 2)),
    "torquer_reversed": Kind(
        TORQUER_REVERSED, "a torquer's dipole has the wrong sign", _numbered("torquer", 3)
    ),
    "torquer_dead": Kind(TORQUER_DEAD, "a torquer stays without current", _numbered("torquer", 3)),
    "drive_stuck": Kind(DRIVE_STUCK, "the array drive stands still", ("drive.0",)),
    "string_loss": Kind(
        STRING_LOSS,
        "part of a wing gives no power",
        _numbered("wing", 2),
        {"share": Parameter("", 0.0, 1.0, "of the wing's power that is lost")},
    ),
    "object_approach": Kind(
        OBJECT_APPROACH,
        "an object passes the satellite; it exists from `at` on, for the fault's duration",
        ("object.0",),
        {
            "miss_distance_m": Parameter("m", 0.0, 1e6, "at the closest approach, above the satellite"),
            "speed_m_s": Parameter("m/s", 0.001, 16e3, "relative to the satellite"),
            "after_s": Parameter("s", 0.0, 3600.0, "from `at` to the closest approach"),
            "azimuth_deg": Parameter(
                "deg", -180.0, 360.0, "where it comes from: 0 ahead, 90 body +y", 0.0, math.pi / 180.0
            ),
        },
    ),
    "heater_dead": Kind(HEATER_DEAD, "a heater draws no power", _numbered("heater", 4)),
}


def fault_row(
    kind: str, target: str, start_ns: int, duration_ns: int | None, parameters: Mapping[str, object]
) -> NDArray[np.void]:
    """One row of the table from a scenario's names; a duration of None lasts to the end. Raises
    `FaultError`.
    """
    if kind not in KINDS:
        raise FaultError("kind", kind, f"needs one of {', '.join(sorted(KINDS))}")
    declared = KINDS[kind]
    if target not in declared.targets:
        raise FaultError("target", target, f"{kind} needs one of {', '.join(declared.targets)}")
    row = np.zeros((), FAULT_DTYPE)
    row["kind"] = declared.id
    row["target"] = int(target.rsplit(".", 1)[1])
    row["start_ns"] = start_ns
    row["end_ns"] = NEVER_NS if duration_ns is None else start_ns + duration_ns
    for name in parameters:
        if name not in declared.parameters:
            known = ", ".join(declared.parameters) or "none"
            raise FaultError(name, parameters[name], f"unknown parameter of {kind}; it has: {known}")
    for index, (name, parameter) in enumerate(declared.parameters.items()):
        row["parameters"][index] = _value(kind, name, parameter, parameters) * parameter.to_si
    return row


def _value(kind: str, name: str, parameter: Parameter, given: Mapping[str, object]) -> float:
    value = given.get(name, parameter.default)
    expected = f"{kind} needs a number from {parameter.low:g} to {parameter.high:g} {parameter.unit}".rstrip()
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        raise FaultError(name, value, expected)
    if not parameter.low <= value <= parameter.high:
        raise FaultError(name, value, expected)
    return float(value)


def fault_table(rows: Iterable[Any]) -> NDArray[np.void]:
    """The table of a run; never empty, so that its address can be taken (the count says how many rows are
    real).
    """
    rows = list(rows)
    table = np.zeros(max(1, len(rows)), FAULT_DTYPE)
    for i, row in enumerate(rows):
        table[i] = row
    return table


@compiled
def clear_effects(state: Record) -> None:
    """Effects as they are without any fault."""
    for i in range(4):
        state.fault_gyro_stuck[i] = 0
        state.fault_gyro_noise[i] = 1.0
        state.fault_wheel_seized[i] = 0
        state.fault_wheel_friction[i] = 1.0
        for axis in range(3):
            state.fault_gyro_bias_rad_s[i, axis] = 0.0
    for i in range(3):
        state.fault_torquer_gain[i] = 1.0
        for axis in range(3):
            state.fault_magnetometer_bias_t[i, axis] = 0.0
    for i in range(2):
        state.fault_tracker_blind[i] = 0
        state.fault_gps_outage[i] = 0
        state.fault_array_share[i] = 1.0
    state.fault_drive_stuck = 0
    state.fault_heater_dead = 0


@compiled
def _apply(state: Record, row: Record) -> None:
    """Add one active fault to the effects."""
    kind = row.kind
    target = row.target
    first = row.parameters[0]
    axis = int(row.parameters[1])
    if kind == GYRO_BIAS:
        for i in range(3):
            if axis == 3 or axis == i:
                state.fault_gyro_bias_rad_s[target, i] += first
    elif kind == GYRO_STUCK:
        state.fault_gyro_stuck[target] = 1
    elif kind == GYRO_NOISE:
        state.fault_gyro_noise[target] *= first
    elif kind == TRACKER_BLIND:
        state.fault_tracker_blind[target] = 1
    elif kind == WHEEL_SEIZE:
        state.fault_wheel_seized[target] = 1
    elif kind == WHEEL_FRICTION:
        state.fault_wheel_friction[target] *= first
    elif kind == MAGNETOMETER_BIAS:
        for i in range(3):
            if axis == 3 or axis == i:
                state.fault_magnetometer_bias_t[target, i] += first
    elif kind == GPS_OUTAGE:
        state.fault_gps_outage[target] = 1
    elif kind == TORQUER_REVERSED:
        state.fault_torquer_gain[target] *= -1.0
    elif kind == TORQUER_DEAD:
        state.fault_torquer_gain[target] = 0.0
    elif kind == DRIVE_STUCK:
        state.fault_drive_stuck = 1
    elif kind == STRING_LOSS:
        state.fault_array_share[target] *= 1.0 - first
    elif kind == HEATER_DEAD:
        state.fault_heater_dead |= 1 << target


@compiled
def update_effects(state: Record, faults: NDArray[np.void], count: int, time_ns: int) -> int:
    """Work out what acts at a time; returns the time until which nothing changes. A fault acts from its start
    to before its end. Asked again at the same time, it changes nothing.
    """
    clear_effects(state)
    until = NEVER_NS
    arrived = state.object_row
    state.object_row = 0
    for i in range(count):
        row = faults[i]
        if row.start_ns > time_ns:
            until = min(until, row.start_ns)
        elif row.end_ns > time_ns:
            until = min(until, row.end_ns)
            _apply(state, row)
            if row.kind == OBJECT_APPROACH:
                state.object_row = i + 1
                if arrived != i + 1:
                    state.object_range_min_m = math.inf
                    p = row.parameters
                    place_object(state, p[0], p[1], p[2], p[3])
    return until
