"""Every kind of fault: those that plant and link declare and those that hit the flight computer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from safehold.registry import IN_FLIGHT, FaultKind, FaultParameter


@cache
def kinds() -> Mapping[str, FaultKind]:
    """Kinds by name."""
    from sim.faults import KINDS
    from sim.link.impairments import KINDS as LINK_KINDS

    found = dict(IN_FLIGHT)
    for name, kind in [*KINDS.items(), *LINK_KINDS.items()]:
        parameters = tuple(
            FaultParameter(
                key, declared.unit, declared.low, declared.high, declared.default, declared.meaning
            )
            for key, declared in kind.parameters.items()
        )
        found[name] = FaultKind(name, tuple(kind.targets), parameters, kind.meaning)
    return found
