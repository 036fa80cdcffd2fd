"""A scripted operator: recovers, from the ground, a satellite whose own fault rules are switched off.

It is the honest opponent of on-board autonomy. It knows what a person at the console knows, housekeeping that
has been received, and answers with the sequence that the flight software would run by itself:

    a symptom of a unit (ground.symptoms) in enough samples on end
      -> set_unit_health exclude, as soon as the pass allows, `reaction_ns` later
      -> seen in telemetry, or else sent once more in the next pass
    no symptom of an excluded unit in enough samples on end
      -> set_unit_health automatic; a wheel or the drive, which shows nothing while it is not used, is
         instead put on trial on board in a later pass: set_unit_health retest
    SAFE; attitude, orbit, charge, wheels and rates as the flight software asks; nothing left to exclude
      -> set_mode STANDBY, at most once a minute

It is deterministic: its state is plain numbers and texts and belongs to the ground's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from ground.symptoms import RULES, Memory, Rule, Sample, default, left_out

AUTOMATIC, EXCLUDE, RETEST = 0, 1, 3
SAFE, STANDBY = 3, 4
MODE_AGAIN_NS = 60_000_000_000
ABLE_SAMPLES = 10
RETEST_SAMPLES = 10

# What the flight software asks before it leaves SAFE by itself: the defaults of its settings.
KNOWLEDGE_RAD = default("knowledge_entry_rad")
RATE_RAD_S = 2.0 * default("detumble_exit_rate_rad_s")
CHARGE = default("charge_standby_min")
CHARGE_AFTER_LOW = default("charge_standby_again")
CHARGE_FORECAST = default("charge_forecast_standby")
WHEELS_NEEDED = 3
# Reasons for SAFE after which a full battery is asked for, and the one that a person gave.
CHARGE_REASONS = (16, 17, 18, 27)
COMMANDED = 22


@dataclass(frozen=True, slots=True)
class Decision:
    """A telecommand that the operator wants."""

    name: str
    arguments: dict[str, float]
    reason: str


@dataclass(slots=True)
class Finding:
    """A symptom that was believed: of which unit, and when it was first seen and believed."""

    symptom: str
    unit: str
    first_ns: int
    believed_ns: int


@dataclass(slots=True)
class Action:
    """A telecommand that the operator asked for; `command` is its index among the ground's commands."""

    name: str
    arguments: dict[str, float]
    reason: str
    decided_ns: int
    command: int


@dataclass(slots=True)
class Operator:
    """Reads housekeeping sample by sample; `see` answers with what it wants sent."""

    memory: Memory = field(default_factory=Memory)
    streaks: dict[str, list[int]] = field(default_factory=dict)  # by rule and unit: samples, first ns
    clean: dict[str, int] = field(default_factory=dict)  # by unit: samples on end without any symptom
    asked: dict[str, int] = field(default_factory=dict)  # by unit and state: the pass it was sent in
    able: int = 0
    mode_asked_ns: int | None = None
    findings: list[Finding] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)

    def see(self, sample: Sample, *, time_ns: int, arrival_ns: int, pass_number: int) -> list[Decision]:
        """What one sample of housekeeping makes the operator want.

        time_ns: on board, when it was taken; arrival_ns: when it was received; pass_number: of this contact.
        """
        if any(value is None for value in sample.values()):
            return []  # a number that is not finite: this sample shows nothing
        before = self.memory.samples
        self.memory = self.memory.take(sample, time_ns / 1e9)
        if self.memory.samples <= before:
            self.streaks, self.clean, self.able = {}, {}, 0
        decisions = self._units(sample, arrival_ns, pass_number)
        decisions += self._mode(sample, arrival_ns, busy=self._pending(sample))
        return decisions

    def note(self, decision: Decision, *, decided_ns: int, command: int) -> None:
        """Keeps what became of a decision: the index of its telecommand."""
        self.actions.append(Action(decision.name, decision.arguments, decision.reason, decided_ns, command))

    def results(self, commands: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Symptoms and actions with their times, as plain values; `commands` by index."""
        followed = ("state", "departure_ns", "accepted_ns", "completed_ns", "failure_code")
        return {
            "symptoms": [asdict(one) for one in self.findings],
            "actions": [
                asdict(one) | {name: commands[one.command][name] for name in followed} for one in self.actions
            ],
        }

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        """The operator with that state; raises TypeError or KeyError if it is none."""
        return cls(
            **{
                **values,
                "memory": Memory(**values["memory"]),
                "findings": [Finding(**one) for one in values["findings"]],
                "actions": [Action(**one) for one in values["actions"]],
            }
        )

    # --- units --------------------------------------------------------------------------------------------

    def _units(self, sample: Sample, arrival_ns: int, pass_number: int) -> list[Decision]:
        decisions: list[Decision] = []
        showing: set[str] = set()
        for rule in RULES:
            for unit in range(rule.kind.units):
                shows = self.memory.samples >= rule.after and rule.shows(sample, self.memory, unit)
                if shows:
                    showing.add(_name(rule, unit))
                if self._believed(rule, unit, shows, arrival_ns):
                    decisions += self._exclude(rule, unit, sample, arrival_ns, pass_number)
        for rule in RULES:
            for unit in range(rule.kind.units):
                decisions += self._give_back(rule, unit, sample, showing, pass_number)
        return decisions

    def _believed(self, rule: Rule, unit: int, shows: bool, arrival_ns: int) -> bool:
        key = f"{rule.name} {unit}"
        if not shows:
            self.streaks.pop(key, None)
            return False
        streak = self.streaks.setdefault(key, [0, arrival_ns])
        streak[0] += 1
        return streak[0] >= rule.samples

    def _exclude(
        self, rule: Rule, unit: int, sample: Sample, arrival_ns: int, pass_number: int
    ) -> list[Decision]:
        name = _name(rule, unit)
        if left_out(sample) & rule.kind.bit(unit) or self._sent(name, EXCLUDE, pass_number):
            return []
        first_ns = self.streaks[f"{rule.name} {unit}"][1]
        self.findings.append(Finding(rule.name, name, first_ns, arrival_ns))
        return [self._ask(rule, unit, EXCLUDE, f"{name}: {rule.name}", pass_number)]

    def _give_back(
        self, rule: Rule, unit: int, sample: Sample, showing: set[str], pass_number: int
    ) -> list[Decision]:
        name = _name(rule, unit)
        if not sample["units_held_out"] & rule.kind.bit(unit):
            return []
        if rule.again is None:
            fresh = self._sent(name, EXCLUDE, pass_number) or self._sent(name, RETEST, pass_number)
            if fresh or self.memory.samples < RETEST_SAMPLES:
                return []
            return [self._ask(rule, unit, RETEST, f"{name} is to prove itself", pass_number)]
        # Rules of one kind share the count; the one that is asked last counts the sample.
        if rule is _LAST_OF_KIND[rule.kind.name]:
            judged = self.memory.samples >= _AFTER[rule.kind.name] and name not in showing
            self.clean[name] = self.clean.get(name, 0) + 1 if judged else 0
        if self.clean.get(name, 0) < rule.again or self._sent(name, AUTOMATIC, pass_number):
            return []
        return [self._ask(rule, unit, AUTOMATIC, f"{name} agrees again", pass_number)]

    def _sent(self, name: str, state: int, pass_number: int) -> bool:
        return self.asked.get(f"{name} {state}") == pass_number

    def _ask(self, rule: Rule, unit: int, state: int, reason: str, pass_number: int) -> Decision:
        self.asked[f"{_name(rule, unit)} {state}"] = pass_number
        arguments = {"kind": float(rule.kind.number), "unit": float(unit), "state": float(state)}
        return Decision("set_unit_health", arguments, reason)

    def _pending(self, sample: Sample) -> bool:
        """Whether a unit shows a symptom and is still in use."""
        return any(
            f"{rule.name} {unit}" in self.streaks and not left_out(sample) & rule.kind.bit(unit)
            for rule in RULES
            for unit in range(rule.kind.units)
        )

    # --- mode ---------------------------------------------------------------------------------------------

    def _mode(self, sample: Sample, arrival_ns: int, *, busy: bool) -> list[Decision]:
        self.able = self.able + 1 if not busy and able(sample) else 0
        recently = self.mode_asked_ns is not None and arrival_ns - self.mode_asked_ns < MODE_AGAIN_NS
        if self.able < ABLE_SAMPLES or recently:
            return []
        self.mode_asked_ns = arrival_ns
        return [Decision("set_mode", {"mode": float(STANDBY)}, "SAFE, and able to work")]


def able(sample: Sample) -> bool:
    """Whether a satellite that has worked before waits in SAFE and could work again."""
    charge_needed = CHARGE_AFTER_LOW if sample["safe_reason"] in CHARGE_REASONS else CHARGE
    wheels = int(sample["wheel_health"]).bit_count()
    return bool(
        sample["mode"] == SAFE
        and sample["commissioned"]
        and sample["safe_reason"] != COMMANDED
        and sample["attitude_valid"]
        and sample["attitude_sigma_rad"] < KNOWLEDGE_RAD
        and sample["orbit_valid"]
        and sample["rate_norm_rad_s"] < RATE_RAD_S
        and sample["battery_charge_fraction"] >= charge_needed
        and sample["charge_forecast"] >= CHARGE_FORECAST
        and wheels >= WHEELS_NEEDED
        and not sample["array_drive_lost"]
    )


_LAST_OF_KIND = {rule.kind.name: rule for rule in RULES}
_AFTER = {name: max(r.after for r in RULES if r.kind.name == name) for name in _LAST_OF_KIND}


def _name(rule: Rule, unit: int) -> str:
    return f"{rule.kind.name}.{unit}"
