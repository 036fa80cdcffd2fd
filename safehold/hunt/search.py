"""The search for the smallest schedule that breaks the satellite, by hypothesis.

A schedule of faults, contacts and commands is drawn, flown on the base scenario and judged by its invariants;
what breaks is shrunk. The draws depend on the seed alone: no example database, no deadline, no wall clock. A
schedule that comes twice is flown once.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from safehold.errors import HuntError
from safehold.fault_kinds import kinds
from safehold.hunt.broken import broken_by, unmet
from safehold.hunt.flights import Flights, HuntStoppedError
from safehold.hunt.invariants import with_invariants
from safehold.hunt.ladders import Space
from safehold.hunt.schedule import Schedule
from safehold.hunt.smaller import size, steps_down
from safehold.near import listing, suggestion
from safehold.registry import FaultKind
from safehold.schema import Scenario
from safehold.timeline import WORKING

# A close approach endangers nothing before there is a plant that can be hit.
NOT_DRAWN = ("object_approach",)
# Shrinking ends when this many flights on end have found nothing smaller: counted, not timed, so that a slow
# machine finds the same.
PATIENCE_FLIGHTS = 60
SETTLE_S = 120  # from the first working mode to the first event
COMMANDS: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = (
    ("ping", ()),
    ("request_housekeeping", (("structure", 1.0),)),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to search: where, how long, and what counts."""

    base: Scenario
    space: Space
    broken_if: str
    back_within_s: int
    examples: int
    seed: int

    def scenario(self, schedule: Schedule) -> Scenario:
        """The base with a schedule's events and what has to hold."""
        return with_invariants(
            self.base, schedule, settled_s=self.space.from_s, back_within_s=self.back_within_s
        )


@dataclass(slots=True)
class Search:
    """What a search has found so far. `smallest` breaks for `reasons`; None if nothing has."""

    smallest: Schedule | None = None
    reasons: tuple[str, ...] = ()
    schedules: int = 0
    found_at: tuple[int, float] | None = None  # flights and wall seconds until the first that broke
    complete: bool = False
    document: Mapping[str, Any] | None = None  # of the smallest, flown whole at the end
    _known: dict[Schedule, tuple[str, ...]] = field(default_factory=dict)


class _EnoughError(HuntStoppedError):
    """Shrinking has had its share of flights."""


def chosen_kinds(names: Sequence[str], base: Scenario) -> tuple[FaultKind, ...]:
    """The kinds of fault to draw; if none is named, all that befall the satellite. Raises HuntError."""
    known = kinds()
    for name in names:
        if name not in known or name in NOT_DRAWN:
            there = [one for one in known if one not in NOT_DRAWN]
            hint = suggestion(name, there) or f"; there are {listing(there, 40)}"
            raise HuntError("SH-HNT-008", f"--faults: {name[:60]!r} cannot be drawn{hint}")
    drawn = [known[name] for name in names] if names else [
        kind for name, kind in known.items() if name not in NOT_DRAWN and not name.startswith("link_")
    ]  # fmt: skip
    return tuple(_of_replicas(kind, base.flight.replicas) for kind in drawn)


def _of_replicas(kind: FaultKind, replicas: int) -> FaultKind:
    if kind.name != "replica_bit_flip":
        return kind
    targets = tuple(target for target in kind.targets if int(target.rpartition(".")[2]) < replicas)
    return FaultKind(kind.name, targets, kind.parameters, kind.meaning)


def make_plan(
    base: Scenario,
    flights: Flights,
    *,
    faults: Sequence[str],
    at_most: int,
    examples: int,
    seed: int,
    broken_if: str,
    back_within_s: int,
) -> Plan:
    """Fly the base, which must survive, and see where there is room for events; raises HuntError."""
    drawn = chosen_kinds(faults, base)
    _strategies()
    document = flights.fly(with_invariants(base, (), settled_s=0, back_within_s=back_within_s))
    reasons = broken_by(broken_if, document)
    if broken_if == "degraded":
        reasons += unmet(document["expectations"])
    if reasons:
        wrong = f"{base.name} is broken with nothing added to it ({reasons[0]}); give one that survives"
        raise HuntError("SH-HNT-011", wrong)
    from_s = _first_event_s(base, document)
    until_s = base.duration // 1_000_000_000 - back_within_s - 60
    if until_s < from_s + 60:
        wrong = (
            f"{base.name} has no room: events may begin at {from_s} s and {back_within_s} s must follow the "
            f"last one, but it ends at {base.duration // 1_000_000_000} s; give a longer --duration or a "
            "shorter --back-within"
        )
        raise HuntError("SH-HNT-009", wrong)
    space = Space(
        kinds=drawn,
        from_s=from_s,
        until_s=until_s,
        at_most=at_most,
        commands=COMMANDS if base.station else (),
        stations=len(base.station),
        flight_bits=8 * _control_octets(),
    )
    return Plan(base, space, broken_if, back_within_s, examples, seed)


def search(
    plan: Plan, flights: Flights, found: Search, *, told: Callable[[Search, Schedule], None]
) -> Search:
    """Draw, fly, shrink, and go down by single steps until none breaks any more. `found` is filled as it
    goes; `told` hears of each new smallest schedule.
    """
    from hypothesis import Verbosity, find, settings
    from hypothesis.errors import NoSuchExample

    strategies = _strategies()
    first_flight = improved_at = flights.count

    def breaks(schedule: Schedule) -> bool:
        nonlocal improved_at
        if schedule in found._known:
            return bool(found._known[schedule])
        reasons = found._known[schedule] = fly(plan, flights, schedule)
        found.schedules += 1
        if not reasons:
            return False
        if found.smallest is None:
            found.found_at = (flights.count - first_flight, flights.wall_s)
        if found.smallest is None or size(schedule) < size(found.smallest):
            found.smallest, found.reasons = schedule, reasons
            improved_at = flights.count
            told(found, schedule)
        return True

    def drawn(schedule: Schedule) -> bool:
        known = schedule in found._known
        if not known and found.smallest is not None and flights.count - improved_at >= PATIENCE_FLIGHTS:
            raise _EnoughError
        return breaks(schedule)

    quiet = settings(max_examples=plan.examples, database=None, deadline=None, verbosity=Verbosity.quiet)
    with suppress(NoSuchExample, _EnoughError):
        find(strategies.schedules(plan.space), drawn, settings=quiet, random=random.Random(plan.seed))
    if found.smallest is not None:
        while any(breaks(smaller) for smaller in steps_down(plan.space, found.smallest)):
            pass
        # Once more and whole: what is said of it is what `safehold run` will say.
        found.document = flights.fly(plan.scenario(found.smallest))
        found.reasons = broken_by(plan.broken_if, found.document)
        if plan.broken_if == "degraded":
            found.reasons += unmet(found.document["expectations"])
    found.complete = True
    return found


def fly(plan: Plan, flights: Flights, schedule: Schedule) -> tuple[str, ...]:
    """Why a schedule breaks the base; empty if it survives."""
    return flights.broken(plan.scenario(schedule), plan.broken_if)


def _first_event_s(base: Scenario, document: Mapping[str, Any]) -> int:
    """A whole minute, some time after the base has come to work."""
    working = [span["from_s"] for span in document["modes"] if span["mode"] in WORKING]
    if not working:
        wrong = f"{base.name} never comes to a working mode, so that it cannot come back to one"
        raise HuntError("SH-HNT-009", wrong)
    return math.ceil((float(working[0]) + SETTLE_S) / 60) * 60


def _strategies() -> Any:
    try:
        from safehold.hunt import strategies
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        wrong = "--search needs hypothesis: pip install 'safehold[hunt]'"
        raise HuntError("SH-HNT-010", wrong) from None
    return strategies


def _control_octets() -> int:
    from flight.dictionary import load_native

    size: int = load_native().FlightComputer.control_size
    return size
