"""What a campaign would run, and about how long it would take here.

The time comes from a calibration: some seconds of the base flown once on this machine. A run that is forked
costs a restored snapshot and the flight from its first fault until it is stopped: between the first
comparison with its reference and the end of the run. Which of the two is nearer, only the flights tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from safehold.campaign.dispersion import Dispersion, Label
from safehold.campaign.distribution_tables import name_of
from safehold.campaign.expand import Campaign
from safehold.campaign.grid import Grid
from safehold.campaign.selection import checks_wanted
from safehold.durations import format_duration
from safehold.fault_kinds import kinds

CALIBRATION_TICKS = 2_000
EXAMPLES = 5
SAMPLE = 200
COMPARED_EVERY_S = 10.0
ROWS_SHOWN = 40
LABELS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Calibration:
    """What flying costs here, wall seconds: a tick, making a simulation, taking and restoring a snapshot."""

    tick_s: float
    setup_s: float
    fork_s: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """Wall seconds of the whole campaign with some workers; the last two only if runs can be forked."""

    workers: int
    calibration: Calibration
    direct_s: float
    forked_least_s: float | None
    forked_most_s: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign before it is flown. `kinds` counts runs by kind of fault; `axes` the values of each axis."""

    campaign: str
    description: str
    sha256: str
    scenario: str
    duration_s: float
    runs: int
    needs_confirmation: bool
    same_seed: bool
    varied: Mapping[str, str]
    axes: Mapping[str, int]
    kinds: Mapping[str, int]
    notes: Sequence[str]
    references: int
    forkable: int
    examples: Sequence[tuple[int, Mapping[str, Label]]]
    estimate: Estimate | None


def plan(campaign: Campaign, *, workers: int = 1, calibration: Calibration | None = None) -> Plan:
    """The plan of a campaign; with a calibration it says how long so many workers would take."""
    forkable = campaign.count if campaign.injects and campaign.references < campaign.count else 0
    return Plan(
        campaign=campaign.name,
        description=campaign.description,
        sha256=campaign.sha256(),
        scenario=campaign.base.name,
        duration_s=campaign.base.duration / 1e9,
        runs=campaign.count,
        needs_confirmation=campaign.needs_confirmation,
        same_seed=campaign.same_seed,
        varied={one.key: _described(one) for one in campaign.dispersions},
        axes=_axes(campaign.grid) if campaign.grid is not None else {},
        kinds=_kinds(campaign),
        notes=list(_notes(campaign)),
        references=campaign.references,
        forkable=forkable,
        examples=[
            (index, campaign.run(index).labels)
            for index in spread(campaign.count, min(EXAMPLES, campaign.count))
        ],
        estimate=_estimate(campaign, forkable, workers, calibration) if calibration is not None else None,
    )


def calibrate(campaign: Campaign) -> Calibration:
    """Fly the beginning of the base once, and measure."""
    from safehold import snapshot
    from safehold.checks import shortened
    from safehold.clock import wall_seconds
    from safehold.run import Outing
    from safehold.simulation import Simulation

    base = campaign.base
    ticks = min(CALIBRATION_TICKS, base.ticks)
    brief = shortened(base, ticks * base.tick_ns).model_copy(update={"fault": [], "expect": []})
    warm = Outing(Simulation(brief, keep_truth=False))  # compiles, and makes the tables that all runs share
    warm.fly()
    warm.simulation.close()
    start = wall_seconds()
    outing = Outing(Simulation(brief, keep_truth=False))
    made = wall_seconds()
    outing.fly()
    flown = wall_seconds()
    taken = snapshot.take(outing.simulation)
    outing.simulation.close()
    snapshot.restore(taken).close()
    restored = wall_seconds()
    return Calibration(
        tick_s=(flown - made) / ticks,
        setup_s=made - start,
        fork_s=restored - flown,
    )


def spread(count: int, number: int) -> list[int]:
    """So many numbers below a count, evenly spread, the first 0."""
    return [part * count // number for part in range(number)]


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values."""
    found = {"schema": 1} | asdict(plan)
    found["examples"] = [{"index": index, "labels": dict(labels)} for index, labels in plan.examples]
    return found


def plan_lines(plan: Plan) -> list[str]:
    """The plan for people."""
    lines = [
        f"{plan.campaign}: {plan.description}" if plan.description else plan.campaign,
        f"  {plan.runs:,} runs of {plan.scenario}, {format_duration(round(plan.duration_s * 1e9))} each"
        + (", one seed for all" if plan.same_seed else ""),
    ]
    for title, table in (
        ("varied", plan.varied),
        ("values of each axis", plan.axes),
        ("runs by kind", plan.kinds),
    ):
        if table:
            lines.append(f"  {title}:")
            rows = list(table.items())
            width = max(len(name) for name, _ in rows)
            lines.extend(
                f"    {name:<{width}}  {value:,}"
                if isinstance(value, int)
                else f"    {name:<{width}}  {value}"
                for name, value in rows[:ROWS_SHOWN]
            )
            if len(rows) > ROWS_SHOWN:
                lines.append(f"    and {len(rows) - ROWS_SHOWN} more")
    lines.extend(f"  {note}" for note in plan.notes)
    lines.append("  for example:")
    for index, labels in plan.examples:
        told = ", ".join(f"{key} {_shown(value)}" for key, value in list(labels.items())[:LABELS_SHOWN])
        if len(labels) > LABELS_SHOWN:
            told += f" and {len(labels) - LABELS_SHOWN} more"
        lines.append(f"    run {index}: {told}")
    if plan.forkable:
        what = (
            "one fault-free reference"
            if plan.references == 1
            else f"{plan.references:,} fault-free references"
        )
        lines.append(f"  {plan.forkable:,} runs can be forked from {what}")
    else:
        lines.append("  every run is flown from its beginning: no two have a fault-free reference in common")
    if plan.estimate is not None:
        lines.extend(f"  {line}" for line in _estimate_lines(plan.estimate))
    if plan.needs_confirmation:
        lines.append("  so many runs are flown only with --yes")
    return lines


# --- what there is ----------------------------------------------------------------------------------------


def _described(one: Dispersion) -> str:
    values = asdict(one.distribution)  # type: ignore[call-overload]  # every distribution is a dataclass
    told = ", ".join(
        f"{name} {_shown_parameter(value, one)}"
        for name, value in values.items()
        if value not in ((), math.inf, -math.inf)
    )
    how = {"set": "", "scale": " times the base's value", "offset": " added to the base's value"}[one.how]
    return f"{name_of(one.distribution)}: {told}{how}"


def _shown_parameter(value: Any, one: Dispersion) -> str:
    if isinstance(value, tuple):
        return ", ".join(_shown(each) for each in value[:6]) + (" …" if len(value) > 6 else "")
    return format_duration(round(value)) if one.lasts and one.how != "scale" else _shown(value)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _axes(grid: Grid) -> dict[str, int]:
    """Axis → how many different values it takes anywhere in the grid."""
    values: dict[str, set[str]] = {}
    for part in grid.parts:
        for axis in part.axes:
            name = axis.name.replace("parameter ", "fault.")
            values.setdefault(name, set()).update(repr(value) for value in axis.values)
    return {name: len(found) for name, found in values.items()}


def _kinds(campaign: Campaign) -> dict[str, int]:
    if campaign.flips is not None:
        return {"replica_bit_flip": campaign.count}
    found: dict[str, int] = {}
    for part in campaign.grid.parts if campaign.grid is not None else ():
        if part.kind:
            found[part.kind] = found.get(part.kind, 0) + part.points * campaign.repeats
    return found


def _notes(campaign: Campaign) -> Iterator[str]:
    flips, storm = campaign.flips, campaign.storm
    if flips is not None:
        ticks = flips.until_tick - flips.from_tick
        yield (
            f"flips are uniform over {flips.bits:,} bits × {ticks:,} ticks × {len(flips.replicas)} replicas: "
            f"{flips.bits * ticks * len(flips.replicas):,} in all"
        )
    if storm is not None:
        mean = (storm.until_ns - storm.from_ns) / storm.mean_gap_ns
        names = ", ".join(dict.fromkeys(threat.kind for threat in storm.threats))
        yield (
            f"storm: {mean:.3g} faults a run before those left out, at most {storm.at_most} at once, "
            f"{storm.permanent_share:.0%} permanent, of {names}"
        )
    if campaign.base.fault:
        yield f"every run has the {len(campaign.base.fault)} faults of its base"
    unknown = sum(1 for name in kinds() if campaign.grid is not None and name not in _kinds(campaign))
    if campaign.grid is not None and _kinds(campaign) and unknown:
        yield f"{unknown} of {len(kinds())} kinds of fault are not in the grid"


# --- how long it takes ------------------------------------------------------------------------------------


def _estimate(campaign: Campaign, forkable: int, workers: int, cost: Calibration) -> Estimate:
    flight_s = campaign.base.ticks * cost.tick_s
    flown = campaign.count * (1.0 + campaign.repeat_share)
    direct_s = flown * (cost.setup_s + flight_s) / workers
    if not forkable:
        return Estimate(workers, cost, direct_s, None, None)
    # The references first, each by one worker; then every worker walks along them from fork to fork.
    references_s = campaign.references * (cost.setup_s + flight_s) / min(workers, campaign.references)
    rest_s = flight_s * (1.0 - _mean_onset(campaign))
    compared_s = min(rest_s, COMPARED_EVERY_S * 1e9 / campaign.base.tick_ns * cost.tick_s)
    least_s = 2.0 * references_s + flown * (cost.fork_s + compared_s) / workers
    most_s = 2.0 * references_s + (flown + checks_wanted(campaign.count)) * (cost.fork_s + rest_s) / workers
    return Estimate(workers, cost, direct_s, least_s, most_s)


def _mean_onset(campaign: Campaign) -> float:
    """The first fault's time as a share of the run, on average of some runs."""
    shares = [
        min((fault.at for fault in campaign.run(index).scenario.fault), default=0) / campaign.base.duration
        for index in spread(campaign.count, min(SAMPLE, campaign.count))
    ]
    return math.fsum(shares) / len(shares)


def _estimate_lines(estimate: Estimate) -> Iterator[str]:
    cost = estimate.calibration
    who = "1 worker" if estimate.workers == 1 else f"{estimate.workers} workers"
    pace = f"{cost.tick_s * 1e6:.1f} µs a tick and {cost.setup_s * 1e3:.1f} ms a start"
    yield f"on this machine, with {who}, at {pace}:"
    yield f"  {_time(estimate.direct_s)} if every run is flown whole"
    if estimate.forked_least_s is not None and estimate.forked_most_s is not None:
        yield (
            f"  {_time(estimate.forked_least_s)} if every fork ends at its first comparison, "
            f"{_time(estimate.forked_most_s)} if each is flown to its end"
        )


def _time(seconds: float) -> str:
    if seconds < 120.0:
        return f"about {seconds:.0f} s" if seconds >= 1.0 else "less than 1 s"
    return f"about {seconds / 60.0:.0f} min" if seconds < 7200.0 else f"about {seconds / 3600.0:.1f} h"
