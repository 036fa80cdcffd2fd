"""Random storms of faults: a Poisson process of arrivals, thinned to so many active faults at once.

Arrivals come at a constant rate between two times. One that finds `at_most` faults active is left out, and so
is one whose kind has no unit left that it does not already hold; what is injected is therefore rarer than the
rate says when faults last long (Erlang's loss formula). A permanent fault is active to the end of the run; a
bit flip is over at once, and is never left out.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from safehold.campaign import draws, injection
from safehold.campaign.distribution_tables import make
from safehold.campaign.distributions import Distribution, span
from safehold.campaign.schema import Storm as StormTable
from safehold.campaign.schema import StormKind
from safehold.durations import format_duration
from safehold.errors import Problem
from safehold.fault_kinds import kinds
from safehold.schema import Fault, Scenario

MOST_FAULTS = 1_000
NS_PER_DAY = 86_400_000_000_000
# Arrivals of a Poisson process exceed its mean by this many standard deviations less than once in 10^20 runs.
_SIGMAS = 10.0


@dataclass(frozen=True, slots=True)
class Threat:
    """A kind of fault that a storm brings, the units that it can hit, and its parameters' distributions."""

    kind: str
    targets: tuple[str, ...]
    parameters: tuple[tuple[str, Distribution], ...]
    instant: bool = False


@dataclass(frozen=True, slots=True)
class Storm:
    """Times in nanoseconds; `weights` add up, the last is the whole."""

    mean_gap_ns: float
    threats: tuple[Threat, ...]
    weights: tuple[float, ...]
    at_most: int
    permanent_share: float
    shortest_ns: int
    longest_ns: int
    from_ns: int
    until_ns: int
    tick_ns: int

    def faults(self, seed: int, run: int) -> list[Fault]:
        """A run's faults in the order of their times."""
        found: list[Fault] = []
        active: list[tuple[float, str, str]] = []  # end, kind, target
        at_ns = float(self.from_ns)
        for arrival in range(2 * MOST_FAULTS):
            u = draws.uniforms(seed, run, f"storm {arrival}")
            at_ns -= self.mean_gap_ns * math.log(u[0])
            if at_ns >= self.until_ns:
                break
            start_ns = int(at_ns) // self.tick_ns * self.tick_ns
            active = [one for one in active if one[0] > start_ns]
            threat = self.threats[bisect_right(self.weights, u[1] * self.weights[-1])]
            if len(active) >= self.at_most and not threat.instant:
                continue
            held = {target for _, kind, target in active if kind == threat.kind}
            free = [target for target in threat.targets if target not in held]
            if not free:
                continue
            target = free[draws.whole(u[2], 0, len(free) - 1)]
            passes = u[3] >= self.permanent_share and not threat.instant
            duration_ns = self._duration(u[4]) if passes else None
            parameters = self._parameters(threat, seed, run, arrival)
            found.append(injection.fault(threat.kind, target, start_ns, duration_ns, parameters))
            if not threat.instant:
                end_ns = math.inf if duration_ns is None else start_ns + duration_ns
                active.append((end_ns, threat.kind, target))
        return found

    def _duration(self, u: float) -> int:
        """Whole ticks, every order of magnitude between the shortest and the longest alike."""
        ratio = self.longest_ns / self.shortest_ns
        ticks = round(self.shortest_ns * math.pow(ratio, u) / self.tick_ns)
        return max(ticks, 1) * self.tick_ns

    def _parameters(self, threat: Threat, seed: int, run: int, arrival: int) -> dict[str, Any]:
        return {
            name: distribution.draw(draws.uniform(seed, run, f"storm {arrival} {name}"))
            for name, distribution in threat.parameters
        }


def storm(table: StormTable, scenario: Scenario) -> tuple[Storm | None, list[Problem]]:
    """The storm of a campaign, or what is wrong with it."""
    problems: list[Problem] = []
    until_ns = table.until if table.until is not None else scenario.duration
    if until_ns > scenario.duration:
        problems.append(Problem("SH-CMP-019", "is after the end of the run", "storm.until"))
    if table.from_ >= until_ns:
        problems.append(Problem("SH-CMP-019", "is at or after the end of the storm", "storm.from"))
    shortest_ns, longest_ns = table.duration[0], table.duration[-1]
    if shortest_ns > longest_ns:
        wrong = f"is {format_duration(shortest_ns)} at the shortest; write the shortest first"
        problems.append(Problem("SH-CMP-015", wrong, "storm.duration"))
    problems.extend(_too_many(table, until_ns - table.from_, scenario))
    given = [StormKind.model_validate({"kind": name}) for name in table.kinds or ()] + list(table.kind)
    if not given:
        problems.append(Problem("SH-CMP-006", "needs kinds, or [[storm.kind]] tables", "storm"))
    threats: list[Threat] = []
    for index, kind in enumerate(given):
        listed = index < len(table.kinds or ())
        where = "storm.kinds" if listed else f"[[storm.kind]] {index + 1 - len(table.kinds or ())}"
        threat, wrong_kind = _threat(kind, scenario, where)
        problems.extend(wrong_kind)
        if threat is not None:
            threats.append(threat)
    if problems:
        return None, list(dict.fromkeys(problems))
    made = Storm(
        mean_gap_ns=NS_PER_DAY / table.rate_per_day,
        threats=tuple(threats),
        weights=tuple(accumulate(kind.weight for kind in given)),
        at_most=table.at_most,
        permanent_share=table.permanent_share,
        shortest_ns=shortest_ns,
        longest_ns=longest_ns,
        from_ns=table.from_,
        until_ns=until_ns,
        tick_ns=scenario.tick_ns,
    )
    return made, []


def labels(faults: Sequence[Fault]) -> dict[str, str | float | int]:
    """What a run's labels say of its storm."""
    return {
        "storm.faults": len(faults),
        "storm.permanent": sum(one.duration is None and not kinds()[one.kind].in_flight for one in faults),
        "storm.kinds": ", ".join(sorted({one.kind for one in faults})),
    }


def _too_many(table: StormTable, window_ns: int, scenario: Scenario) -> Iterator[Problem]:
    mean = table.rate_per_day * max(window_ns, 0) / NS_PER_DAY
    if mean + _SIGMAS * math.sqrt(mean) + _SIGMAS > MOST_FAULTS - len(scenario.fault):
        wrong = (
            f"is {table.rate_per_day:g}: {mean:,.0f} faults a run on average; "
            f"a scenario has at most {MOST_FAULTS:,}"
        )
        yield Problem("SH-CMP-021", wrong, "storm.rate_per_day")


def _threat(table: StormKind, scenario: Scenario, where: str) -> tuple[Threat | None, list[Problem]]:
    kind, problems = injection.known_kind(table.kind, f"{where}, kind")
    if kind is None:
        return None, problems
    targets = tuple(table.targets or injection.default_targets(kind, scenario.flight.replicas))
    parameters: list[tuple[str, Distribution]] = []
    for name, given in table.parameters.items():
        distribution, wrong = _parameter(given, f"{where}, {name}")
        problems.extend(wrong)
        if distribution is not None:
            parameters.append((name, distribution))
    if problems:
        return None, problems
    first = {name: span(distribution)[0] for name, distribution in parameters}
    samples = [(target, first) for target in targets]
    samples += [
        (targets[0], first | {name: end}) for name, distribution in parameters for end in span(distribution)
    ]
    for target, chosen in samples:
        made = injection.fault(table.kind, target, 0, None, chosen)
        problems.extend(injection.problems(scenario, made, where))
    return Threat(table.kind, targets, tuple(parameters), kind.in_flight), problems


def _parameter(given: object, where: str) -> tuple[Distribution | None, list[Problem]]:
    """A number, or the table of a distribution."""
    if isinstance(given, dict):
        named = given.get("distribution")
        if not isinstance(named, str):
            return None, [Problem("SH-CMP-014", "needs distribution, the name of one", where)]
        rest = {name: value for name, value in given.items() if name != "distribution"}
        return make(named, rest, where)
    return make("constant", {"value": given}, where)
