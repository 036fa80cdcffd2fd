"""What a hunt leaves behind: `hunt.json` and scenario files that `safehold run` replays."""

from __future__ import annotations

from typing import Any

from safehold.code_id import code_id
from safehold.dump import to_toml
from safehold.folder import FolderWriter
from safehold.hunt.bisection import Bisection, Probe
from safehold.hunt.flights import Flights
from safehold.hunt.knob import Knob
from safehold.hunt.search import Plan, Search
from safehold.schema import Scenario

LONGEST_NAME = 64
SURVIVING, BREAKING = "surviving.toml", "breaking.toml"


def named(scenario: Scenario, ending: str, description: str) -> Scenario:
    """A scenario under a name of its own; neither name nor description changes what happens."""
    stem = scenario.name[: LONGEST_NAME - len(ending) - 1].rstrip("-")
    return scenario.model_copy(update={"name": f"{stem}-{ending}", "description": description[:400]})


def flights_document(flights: Flights) -> dict[str, Any]:
    """How much was flown."""
    return {
        "count": flights.count,
        "wall_seconds": flights.wall_s,
        "simulated_seconds": flights.simulated_s,
    }


def bisection_document(found: Bisection, criterion: str, flights: Flights) -> dict[str, Any]:
    """`hunt.json` of a bisection."""
    knob = found.knob
    survived, broke = found.boundary if found.boundary is not None else (None, None)
    unit = "ns" if knob.is_time else ""
    return {
        "schema": 1,
        "hunt": "bisection",
        "scenario": knob.base.name,
        "seed": knob.base.seed,
        "code_id": code_id(),
        "vary": [key.text for key in knob.keys],
        "between": [knob.low, knob.high],
        "unit": unit,
        "logarithmic": knob.logarithmic,
        "broken_if": criterion,
        "complete": found.complete,
        "any_broken": found.any_broken,
        "survived": _probe_document(survived),
        "broken": _probe_document(broke),
        "ratio": ratio(knob, survived, broke),
        "changes": [[one.value, other.value] for one, other in found.changes()],
        "probes": [_probe_document(probe) for probe in found.probes],
        "flights": flights_document(flights),
    }


def write_bisection(writer: FolderWriter, found: Bisection, document: dict[str, Any]) -> None:
    """The hunt's folder: its document and, if there is a boundary, the two scenarios beside it."""
    writer.write_json("hunt.json", document)
    if found.boundary is None:
        return
    knob = found.knob
    for name, ending, probe in (
        (SURVIVING, "surviving", found.boundary[0]),
        (BREAKING, "breaking", found.boundary[1]),
    ):
        why = f"{knob.label} = {knob.shown(probe.value)}: just {ending}"
        writer.write_text(name, to_toml(named(knob.scenario(probe.value), ending, why)))


def search_document(plan: Plan, found: Search, flights: Flights) -> dict[str, Any]:
    """`hunt.json` of a search."""
    smallest = found.smallest
    return {
        "schema": 1,
        "hunt": "search",
        "scenario": plan.base.name,
        "seed": plan.seed,
        "code_id": code_id(),
        "kinds": [kind.name for kind in plan.space.kinds],
        "at_most": plan.space.at_most,
        "examples": plan.examples,
        "back_within_s": plan.back_within_s,
        "broken_if": plan.broken_if,
        "complete": found.complete,
        "broken": smallest is not None,
        "smallest": None if smallest is None else [event.words() for event in smallest],
        "reasons": list(found.reasons),
        "outcome": None if found.document is None else found.document["outcome"],
        "digest": None if found.document is None else found.document["digest"],
        "schedules": found.schedules,
        "found_after_flights": None if found.found_at is None else found.found_at[0],
        "found_after_wall_seconds": None if found.found_at is None else found.found_at[1],
        "flights": flights_document(flights),
    }


def write_search(writer: FolderWriter, plan: Plan, found: Search, document: dict[str, Any]) -> None:
    """The hunt's folder: its document and, if something broke, the smallest scenario that does."""
    writer.write_json("hunt.json", document)
    if found.smallest is None:
        return
    scenario = plan.scenario(found.smallest)
    why = "; ".join(event.words() for event in found.smallest)
    writer.write_text(BREAKING, to_toml(named(scenario, "breaking", why)))


def _probe_document(probe: Probe | None) -> dict[str, Any] | None:
    if probe is None:
        return None
    return {
        "value": probe.value,
        "broken": probe.broken,
        "reasons": list(probe.reasons),
        "outcome": probe.outcome,
        "digest": probe.digest,
    }


def ratio(knob: Knob, survived: Probe | None, broke: Probe | None) -> float | None:
    """Broken value over survived value; None where a ratio says nothing, as of points in time."""
    if survived is None or broke is None or survived.value * broke.value <= 0.0:
        return None
    if knob.keys[0].name == "at":
        return None
    return broke.value / survived.value
