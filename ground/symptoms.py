"""What a person at the console sees in housekeeping: symptoms of broken units, as rules.

Every rule looks at received samples alone, one a second while the satellite speaks, with the limits that the
flight software's own monitors have (flight/dictionary.toml). Readings that jump are told by samples on end;
those that creep by sums that forget, with the time constants of the monitors. A silence of more than three
seconds starts them all anew.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from flight.dictionary import SETTINGS

Sample = Mapping[str, Any]


def default(setting: str) -> float:
    """The limit that the flight software has, unless a scenario or the ground has set another."""
    value = SETTINGS[setting].default
    if isinstance(value, tuple):
        raise TypeError(f"{setting} is a list")
    return float(value)


GAP_S = 3.0
GYRO_JUMP_RAD_S = default("gyro_vote_rad_s")
GYRO_DRIFT_RAD_S = default("gyro_drift_rad_s")
GYRO_DRIFT_PER_RATE = 0.001
GYRO_MEAN_S = 30.0
FIELD_JUMP_T = default("magnetometer_vote_t")
SUN_LOWEST, SUN_HIGHEST = -0.2, 2.0
WHEEL_CONTRADICTION_RAD_S = 6.0
WHEEL_MEMORY_S = 10.0
DRIVE_RATE_RAD_S = 5e-4
DRIVE_FOLLOWS = 0.3
DRIVE_MEMORY_S = 60.0
DRIVE_JUDGED_RAD = 0.03

# The datasheet's wheel, as its maker knows it.
WHEEL_INERTIA_KG_M2 = 1.59155e-3
WHEEL_COULOMB_N_M = 2e-4
WHEEL_VISCOUS_N_M_S = 1e-6
WHEEL_SWITCH = 1 << 4
DRIVE_SWITCH = 1 << 5


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of unit: its number in set_unit_health, its first bit in words of units, how many there are."""

    name: str
    number: int
    first_bit: int
    units: int

    def bit(self, unit: int) -> int:
        """The unit's bit in `units_held_out` and `units_held_in`."""
        return 1 << (self.first_bit + unit)


GYRO = Kind("gyro", 0, 0, 4)
MAGNETOMETER = Kind("magnetometer", 2, 6, 3)
SUN_SENSOR = Kind("sun_sensor", 4, 11, 12)
WHEEL = Kind("wheel", 5, 23, 4)
DRIVE = Kind("array_drive", 6, 27, 1)


@dataclass(slots=True)
class Memory:
    """What the rules carry from sample to sample; lists of plain numbers."""

    samples: int = 0
    time_s: float = 0.0
    gyro_last: list[list[float]] = field(default_factory=list)
    gyro_same: list[int] = field(default_factory=lambda: [0] * 4)
    gyro_mean: list[list[float]] = field(default_factory=lambda: [[0.0] * 3 for _ in range(4)])
    wheel_last: list[float] = field(default_factory=list)
    wheel_torque_last: list[float] = field(default_factory=list)
    wheel_missing: list[float] = field(default_factory=lambda: [0.0] * 4)
    wheel_unsure: list[float] = field(default_factory=lambda: [0.0] * 4)
    drive_last: float = 0.0
    drive_wanted: float = 0.0
    drive_moved: float = 0.0

    def take(self, sample: Sample, time_s: float) -> Self | Memory:
        """The memory with one more sample; a fresh one if it does not follow on."""
        elapsed = time_s - self.time_s
        if self.samples == 0 or not 0.0 < elapsed <= GAP_S:
            fresh = Memory(samples=1, time_s=time_s)
            fresh._keep(sample)
            return fresh
        self._follow_gyros(sample, elapsed)
        self._follow_wheels(sample, elapsed)
        self._follow_drive(sample, elapsed)
        self.samples += 1
        self.time_s = time_s
        self._keep(sample)
        return self

    def _keep(self, sample: Sample) -> None:
        self.gyro_last = [list(reading) for reading in gyros(sample)]
        self.wheel_last = list(sample["wheel_speed_rad_s"])
        self.wheel_torque_last = list(sample["wheel_torque_n_m"])
        self.drive_last = sample["array_angle_rad"]

    def _follow_gyros(self, sample: Sample, elapsed: float) -> None:
        readings = gyros(sample)
        share = min(elapsed / GYRO_MEAN_S, 1.0)
        reference = median_of_valid(readings, valid_units(sample, GYRO, but=0))
        for unit, reading in enumerate(readings):
            self.gyro_same[unit] = self.gyro_same[unit] + 1 if reading == self.gyro_last[unit] else 0
            for axis in range(3):
                difference = reading[axis] - reference[axis]
                self.gyro_mean[unit][axis] += share * (difference - self.gyro_mean[unit][axis])

    def _follow_wheels(self, sample: Sample, elapsed: float) -> None:
        powered = sample["switch_status"] & WHEEL_SWITCH
        kept = math.exp(-elapsed / WHEEL_MEMORY_S)
        speeds, torques = sample["wheel_speed_rad_s"], sample["wheel_torque_n_m"]
        for wheel in range(4):
            gained = speeds[wheel] - self.wheel_last[wheel]
            before, now = self.wheel_torque_last[wheel], torques[wheel]
            net = 0.5 * (before + now) - wheel_friction_n_m(self.wheel_last[wheel])
            expected = elapsed * net / WHEEL_INERTIA_KG_M2 if powered else gained
            self.wheel_missing[wheel] = kept * self.wheel_missing[wheel] + expected - gained
            # Between two samples the torque may have been either.
            unsure = 0.5 * abs(now - before) * elapsed / WHEEL_INERTIA_KG_M2
            self.wheel_unsure[wheel] = kept * self.wheel_unsure[wheel] + unsure

    def _follow_drive(self, sample: Sample, elapsed: float) -> None:
        rate = sample["array_rate_rad_s"]
        kept = math.exp(-elapsed / DRIVE_MEMORY_S)
        asked = bool(sample["switch_status"] & DRIVE_SWITCH) and abs(rate) > DRIVE_RATE_RAD_S
        moved = math.remainder(sample["array_angle_rad"] - self.drive_last, 2.0 * math.pi)
        self.drive_wanted = kept * self.drive_wanted + (abs(rate) * elapsed if asked else 0.0)
        self.drive_moved = kept * self.drive_moved + (math.copysign(1.0, rate) * moved if asked else 0.0)


@dataclass(frozen=True, slots=True)
class Rule:
    """A symptom of one unit: what must be seen in how many samples on end before it is believed.

    `after`: samples on end without a gap before it is looked at. `again`: samples on end without the symptom
    after which an excluded unit is left to itself again; None where a unit that is not used shows nothing, so
    that only a trial on board can tell.
    """

    name: str
    kind: Kind
    shows: Callable[[Sample, Memory, int], bool]
    samples: int
    again: int | None
    after: int = 1


def left_out(sample: Sample) -> int:
    """The units that the ground has excluded, those on trial among them; bit by unit."""
    return int(sample["units_held_out"] | sample["units_retested"])


def gyros(sample: Sample) -> list[list[float]]:
    """The four gyros' readings; a list of twelve numbers in telemetry."""
    return _rows(sample["gyro_rate_body_rad_s"])


def valid_units(sample: Sample, kind: Kind, *, but: int) -> list[int]:
    """Units of a kind that claim to be valid and that the ground has not left out; `but` is a mask of bits
    that are not asked.
    """
    held_out = left_out(sample) & ~but
    claimed = sample["sensor_valid"] >> kind.first_bit if kind in (GYRO, MAGNETOMETER) else ~0
    return [unit for unit in range(kind.units) if claimed >> unit & 1 and not held_out & kind.bit(unit)]


def median_of_valid(readings: Sequence[Sequence[float]], units: Sequence[int]) -> list[float]:
    """The middle of the units' readings by axis; zeros without any."""
    if not units:
        return [0.0, 0.0, 0.0]
    return [statistics.median(readings[unit][axis] for unit in units) for axis in range(3)]


def wheel_friction_n_m(speed_rad_s: float) -> float:
    """Dry friction, its sign smoothed below 2 rad/s, and drag."""
    sign = max(-1.0, min(1.0, 0.5 * speed_rad_s))
    return WHEEL_COULOMB_N_M * sign + WHEEL_VISCOUS_N_M_S * speed_rad_s


def _rows(values: Sequence[float]) -> list[list[float]]:
    return [list(values[first : first + 3]) for first in range(0, len(values), 3)]


def _jumps(sample: Sample, kind: Kind, readings: Sequence[Sequence[float]], unit: int, limit: float) -> bool:
    """Whether a unit is off the middle of its siblings; two siblings at least must be there to tell."""
    others = valid_units(sample, kind, but=0)
    if len({*others, unit}) < 3:
        return False
    reference = median_of_valid(readings, others)
    return any(abs(readings[unit][axis] - reference[axis]) > limit for axis in range(3))


def _gyro_jumps(sample: Sample, memory: Memory, unit: int) -> bool:
    return _jumps(sample, GYRO, gyros(sample), unit, GYRO_JUMP_RAD_S)


def _gyro_drifts(sample: Sample, memory: Memory, unit: int) -> bool:
    if len({*valid_units(sample, GYRO, but=0), unit}) < 3:
        return False
    allowed = GYRO_DRIFT_RAD_S + GYRO_DRIFT_PER_RATE * float(sample["rate_norm_rad_s"])
    drifts = [math.hypot(*mean) for mean in memory.gyro_mean]
    in_use = valid_units(sample, GYRO, but=GYRO.bit(unit))
    worst = max(in_use, key=lambda other: drifts[other], default=unit)
    return drifts[unit] > allowed and (worst == unit or unit not in valid_units(sample, GYRO, but=0))


def _gyro_stuck(sample: Sample, memory: Memory, unit: int) -> bool:
    return memory.gyro_same[unit] > 0


def _field_jumps(sample: Sample, memory: Memory, unit: int) -> bool:
    return _jumps(sample, MAGNETOMETER, _rows(sample["magnetometer_body_t"]), unit, FIELD_JUMP_T)


def _sun_sensor_impossible(sample: Sample, memory: Memory, unit: int) -> bool:
    return not SUN_LOWEST < sample["sun_sensor"][unit] < SUN_HIGHEST


def _wheel_disobeys(sample: Sample, memory: Memory, unit: int) -> bool:
    return abs(memory.wheel_missing[unit]) > WHEEL_CONTRADICTION_RAD_S + memory.wheel_unsure[unit]


def _drive_stands(sample: Sample, memory: Memory, unit: int) -> bool:
    # What is not asked to move shows nothing.
    judged = memory.drive_wanted >= DRIVE_JUDGED_RAD
    return judged and memory.drive_moved < DRIVE_FOLLOWS * memory.drive_wanted


RULES: tuple[Rule, ...] = (
    Rule("gyro differs from its siblings", GYRO, _gyro_jumps, samples=5, again=60),
    Rule("gyro drifts from its siblings", GYRO, _gyro_drifts, samples=5, again=60, after=45),
    Rule("gyro repeats itself", GYRO, _gyro_stuck, samples=5, again=60, after=2),
    Rule("magnetometer differs from its siblings", MAGNETOMETER, _field_jumps, samples=10, again=60),
    Rule("Sun sensor out of range", SUN_SENSOR, _sun_sensor_impossible, samples=5, again=60),
    Rule("wheel does not follow its command", WHEEL, _wheel_disobeys, samples=5, again=None, after=5),
    Rule("array drive does not follow its command", DRIVE, _drive_stands, samples=5, again=None, after=60),
)
