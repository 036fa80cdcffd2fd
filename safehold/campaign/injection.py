"""Faults that a campaign puts into its runs: made from names and values, and checked as a scenario's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from safehold import checks
from safehold.durations import format_duration
from safehold.errors import Problem
from safehold.fault_kinds import kinds
from safehold.near import listing, suggestion
from safehold.registry import REPLICA_BIT_FLIP, FaultKind
from safehold.schema import Fault, Scenario

Parameters = Mapping[str, Any]


def fault(kind: str, target: str, at_ns: int, duration_ns: int | None, parameters: Parameters) -> Fault:
    """A scenario's fault; its values are checked by `problems`."""
    tree: dict[str, Any] = {"at": format_duration(at_ns), "kind": kind, "target": target, **parameters}
    if duration_ns is not None:
        tree["duration"] = format_duration(duration_ns)
    return Fault.model_validate(tree)


def labels(one: Fault) -> dict[str, str | float | int]:
    """What a run's labels say of its fault."""
    found: dict[str, str | float | int] = {
        "fault.kind": one.kind,
        "fault.target": one.target,
        "fault.at_s": one.at / 1e9,
    }
    if one.duration is not None:
        found["fault.duration_s"] = one.duration / 1e9
    for name, value in one.parameters.items():
        found[f"fault.{name}"] = value
    return found


def problems(scenario: Scenario, one: Fault, where: str) -> list[Problem]:
    """What is wrong with a fault in a scenario that has none; `where` is its table in the campaign."""
    found = checks.recheck(scenario.model_copy(update={"fault": [one]}), ("fault",))
    bit = one.parameters.get("bit")
    if one.kind == REPLICA_BIT_FLIP.name and isinstance(bit, int | float) and bit >= state_bits():
        wrong = f"is {bit}; a replica's state has {state_bits()} bits"
        found.append(Problem("SH-SCN-016", wrong, "[[fault]] 1, bit"))
    named = [(problem, problem.key.partition(", ")[2]) for problem in found]
    return [
        Problem("SH-CMP-019", problem.text, f"{where}, {name}" if name else where) for problem, name in named
    ]


def known_kind(name: str, key: str) -> tuple[FaultKind | None, list[Problem]]:
    """A kind of fault by its name, or what is wrong with it."""
    found = kinds().get(name)
    if found is not None:
        return found, []
    hint = suggestion(name, kinds()) or f"; there are {listing(kinds(), 40)}"
    return None, [Problem("SH-CMP-019", f"unknown kind of fault {name[:60]!r}{hint}", key)]


def default_targets(kind: FaultKind, replicas: int) -> tuple[str, ...]:
    """Every unit that a kind can hit on a satellite with so many replicas."""
    return kind.targets[:replicas] if kind is REPLICA_BIT_FLIP else kind.targets


@cache
def state_bits() -> int:
    """Bits of one replica's state."""
    from flight.dictionary import load_native

    return int(load_native().FlightComputer.state_size) * 8
