"""`safehold hunt`."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from safehold.code_id import import_numba_lightly
from safehold.command_run import Interrupt
from safehold.durations import format_duration, parse_duration
from safehold.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from safehold.folder import FolderWriter
from safehold.hunt.bisection import Bisection, Probe, bisect, parse_tolerance
from safehold.hunt.broken import CRITERIA, broken_by, default_criterion
from safehold.hunt.flights import Flights, HuntStoppedError
from safehold.hunt.knob import Knob, make_knob
from safehold.hunt.record import (
    BREAKING,
    SURVIVING,
    bisection_document,
    ratio,
    search_document,
    write_bisection,
    write_search,
)
from safehold.hunt.schedule import Schedule
from safehold.hunt.search import Plan, Search, make_plan, search
from safehold.run import adjusted
from safehold.scenario import load
from safehold.schema import Scenario

AT_MOST = 3
EXAMPLES = 100
BACK_WITHIN = "45m"
FORK_FROM_S = 1800.0  # less is not worth the fault-free run


@dataclass(frozen=True, slots=True)
class HuntOptions:
    """The options of `safehold hunt`."""

    scenario: str
    vary: tuple[str, ...]
    between: tuple[str, str] | None
    tolerance: str | None
    grid: int | None
    search: bool
    faults: tuple[str, ...]
    at_most: int | None
    examples: int | None
    back_within: str | None
    broken_if: str | None
    seed: int | None
    duration: str | None
    out: Path | None
    json_output: bool
    quiet: bool


def hunt_command(options: HuntOptions) -> int:
    """Hunt, write the folder, print; returns the exit code: 1 if something breaks."""
    import_numba_lightly()
    _combination(options)
    # A search's seed is that of its draws; the scenario keeps its own.
    seed = None if options.search else options.seed
    base = adjusted(load(options.scenario), seed=seed, duration=options.duration)
    if options.search:
        return _search(options, base, options.broken_if or "unmet")
    return _bisect(options, base, options.broken_if or default_criterion(base))


def _combination(options: HuntOptions) -> None:
    """Raises UsageError for options that do not go together, or a word that none of them knows."""
    if bool(options.vary) == options.search:
        wrong = "give --vary with --between to bisect, or --search to search; not both"
        raise UsageError("SH-CLI-001", wrong)
    if options.vary and options.between is None:
        raise UsageError("SH-CLI-001", "--vary needs --between LOW HIGH")
    foreign: dict[str, object]
    if options.search:
        own, other = "--vary", "--search"
        foreign = {
            "--between": options.between, "--tolerance": options.tolerance, "--grid": options.grid
        }  # fmt: skip
    else:
        own, other = "--search", "--vary"
        foreign = {
            "--faults": options.faults or None, "--at-most": options.at_most,
            "--examples": options.examples, "--back-within": options.back_within,
        }  # fmt: skip
    given = [name for name, value in foreign.items() if value is not None]
    if given:
        raise UsageError("SH-CLI-001", f"{', '.join(given)} belongs to {own}, not to {other}")
    if options.broken_if is not None and options.broken_if not in CRITERIA:
        wrong = f"--broken-if: {options.broken_if!r} is none of {', '.join(CRITERIA)}"
        raise UsageError("SH-CLI-002", wrong)


# --- bisection --------------------------------------------------------------------------------------------


def _bisect(options: HuntOptions, base: Scenario, broken_if: str) -> int:
    assert options.between is not None
    knob = make_knob(base, options.vary, options.between)
    tolerance = parse_tolerance(options.tolerance or "1%", is_time=knob.is_time)
    found = Bisection(knob)
    with FolderWriter(options.out, f"hunt-{base.name}") as writer, Interrupt() as interrupt:
        flights = Flights(stopped=lambda: interrupt.wished)

        def fly(value: float) -> Probe:
            document = flights.fly_forked(knob.scenario(value))
            probe = Probe(
                value, broken_by(broken_if, document), str(document["outcome"]), str(document["digest"])
            )
            _say(options, f"{knob.shown(value):>16}  {_verdict(probe)}")
            return probe

        _say(options, f"broken if {broken_if}; {knob.label} from {knob.shown(knob.low)} to "
             f"{knob.shown(knob.high)}, {'logarithmic' if knob.logarithmic else 'linear'} steps")  # fmt: skip
        try:
            if knob.onset_s >= FORK_FROM_S:
                _say(options, "the fault-free run is flown once; every flight begins at its first fault")
                flights.fork_from(base)
            with suppress(HuntStoppedError):
                grid = {} if options.grid is None else {"grid": options.grid}
                bisect(knob, tolerance, fly, found=found, **grid)
        finally:
            flights.close()
        document = bisection_document(found, broken_if, flights)
        if found.probes:
            write_bisection(writer, found, document)
            writer.commit()
    if options.json_output:
        print(json.dumps(document, indent=2, allow_nan=False))
    else:
        print("\n".join(_bisection_lines(found, flights, writer.place)))
    if not found.complete:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if found.any_broken else EXIT_OK


def _bisection_lines(found: Bisection, flights: Flights, place: Path) -> list[str]:
    knob = found.knob
    lines = []
    span = f"{knob.shown(knob.low)} to {knob.shown(knob.high)}"
    if not found.complete:
        lines.append("stopped  before the end; what was found so far:")
    if found.boundary is not None:
        lines.extend(_boundary_lines(knob, *found.boundary))
        lines.extend(_island_lines(found))
    elif found.complete:
        what = "breaks" if found.any_broken else "survives"
        lines.append(f"{what} over the whole range, {span}: {len(found.probes)} values flown, all alike")
        if found.any_broken:
            lines.extend(f"why      {reason}" for reason in found.probes[0].reasons)
    rate = f", {flights.wall_s / flights.count:.2f} s each" if flights.count else ""
    lines.append(f"flights  {flights.count} in {flights.wall_s:.1f} s{rate}")
    if found.boundary is not None:
        lines.append(f"replay   safehold run {place / SURVIVING}")
        lines.append(f"         safehold run {place / BREAKING}")
    elif found.probes:
        lines.append(f"folder   {place}")
    return lines


def _boundary_lines(knob: Knob, survived: Probe, broke: Probe) -> list[str]:
    share = ratio(knob, survived, broke)
    gap = "" if share is None else f", ratio {share:.4f}"
    lines = [
        f"boundary {knob.label}",
        f"survives {knob.shown(survived.value)}: {survived.outcome}",
        f"breaks   {knob.shown(broke.value)}: {broke.outcome}{gap}",
    ]
    lines.extend(f"why      {reason}" for reason in broke.reasons)
    return lines


def _island_lines(found: Bisection) -> list[str]:
    """The other changes of outcome: the boundary is then not the only one."""
    assert found.boundary is not None
    ends = {probe.value for probe in found.boundary}
    others = [pair for pair in found.changes() if {probe.value for probe in pair} != ends]
    if not others:
        return []
    knob = found.knob
    lines = [f"islands  the outcome changes {len(others) + 1} times over the range, also between"]
    for one, other in others:
        words = "survives to breaks" if other.broken else "breaks to survives"
        lines.append(f"         {knob.shown(one.value)} and {knob.shown(other.value)}: {words}")
    lines.append("         --between one of these pairs finds that boundary")
    return lines


# --- search -----------------------------------------------------------------------------------------------


def _search(options: HuntOptions, base: Scenario, broken_if: str) -> int:
    found = Search()
    with FolderWriter(options.out, f"hunt-{base.name}") as writer, Interrupt() as interrupt:
        flights = Flights(stopped=lambda: interrupt.wished)
        plan = make_plan(
            base,
            flights,
            faults=options.faults,
            at_most=options.at_most or AT_MOST,
            examples=options.examples or EXAMPLES,
            seed=options.seed or 0,
            broken_if=broken_if,
            back_within_s=_back_within_s(options.back_within or BACK_WITHIN),
        )
        _say(options, _plan_line(plan))

        def told(now: Search, schedule: Schedule) -> None:
            words = "; ".join(event.words() for event in schedule)
            _say(options, f"flight {flights.count:4d}, {flights.wall_s:6.1f} s: breaks with {words}")

        with suppress(HuntStoppedError):
            search(plan, flights, found, told=told)
        document = search_document(plan, found, flights)
        write_search(writer, plan, found, document)
        writer.commit()
    if options.json_output:
        print(json.dumps(document, indent=2, allow_nan=False))
    else:
        print("\n".join(_search_lines(found, flights, writer.place)))
    if not found.complete:
        return EXIT_INTERRUPTED
    return EXIT_OK if found.smallest is None else EXIT_FAILED


def _back_within_s(text: str) -> int:
    try:
        seconds, rest = divmod(parse_duration(text), 1_000_000_000)
    except ValueError as error:
        raise UsageError("SH-CLI-002", f"--back-within: {error}") from None
    if rest or not seconds:
        raise UsageError("SH-CLI-002", f"--back-within: {text} is not a whole number of seconds above 0")
    return seconds


def _plan_line(plan: Plan) -> str:
    space = plan.space
    start, end = (format_duration(second * 1_000_000_000) for second in (space.from_s, space.until_s))
    return (
        f"broken if {plan.broken_if}; at most {space.at_most} events of {len(space.kinds)} kinds of fault "
        f"between {start} and {end}, contacts and commands; {plan.examples} schedules from seed {plan.seed}"
    )


def _search_lines(found: Search, flights: Flights, place: Path) -> list[str]:
    lines = [] if found.complete else ["stopped  before the end; what was found so far:"]
    if found.smallest is None:
        lines.append(f"nothing breaks it: {found.schedules} schedules flown")
    else:
        lines.append(f"breaks   with {len(found.smallest)} added:")
        lines.extend(f"         {event.words()}" for event in found.smallest)
        lines.extend(f"why      {reason}" for reason in found.reasons)
    rate = f", {flights.wall_s / flights.count:.2f} s each" if flights.count else ""
    lines.append(f"flights  {flights.count} in {flights.wall_s:.1f} s{rate}")
    if found.found_at is not None:
        lines.append(f"found    after {found.found_at[0]} flights, {found.found_at[1]:.1f} s; then shrunk")
    lines.append(f"replay   safehold run {place / BREAKING}" if found.smallest else f"folder   {place}")
    return lines


def _verdict(probe: Probe) -> str:
    return f"breaks    {probe.reasons[0]}" if probe.broken else f"survives  {probe.outcome}"


def _say(options: HuntOptions, line: str) -> None:
    """Progress, on standard error."""
    if not options.quiet:
        print(line, file=sys.stderr, flush=True)
