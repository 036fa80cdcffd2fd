"""`safehold hunt`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from safehold.code_id import import_numba_lightly
from safehold.command_run import Interrupt
from safehold.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from safehold.folder import FolderWriter
from safehold.hunt.bisection import Bisection, Probe, bisect, parse_tolerance
from safehold.hunt.broken import CRITERIA, broken_by, default_criterion
from safehold.hunt.flights import Flights, HuntStoppedError
from safehold.hunt.knob import Knob, make_knob
from safehold.hunt.record import BREAKING, SURVIVING, bisection_document, write_bisection
from safehold.run import adjusted
from safehold.scenario import load
from safehold.schema import Scenario


@dataclass(frozen=True, slots=True)
class HuntOptions:
    """The options of `safehold hunt`."""

    scenario: str
    vary: tuple[str, ...]
    between: tuple[str, str] | None
    tolerance: str | None
    grid: int | None
    search: bool
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
    base = adjusted(load(options.scenario), seed=options.seed, duration=options.duration)
    return _bisect(options, base, criterion(options, base))


def criterion(options: HuntOptions, base: Scenario) -> str:
    """What counts as broken; raises UsageError for an unknown word."""
    if options.broken_if is None:
        return default_criterion(base)
    if options.broken_if not in CRITERIA:
        wrong = f"--broken-if: {options.broken_if!r} is none of {', '.join(CRITERIA)}"
        raise UsageError("SH-CLI-002", wrong)
    return options.broken_if


def _combination(options: HuntOptions) -> None:
    if bool(options.vary) == options.search:
        wrong = "give --vary with --between to bisect, or --search to search; not both"
        raise UsageError("SH-CLI-001", wrong)
    if options.search:
        given = [
            name
            for name, value in (
                ("--between", options.between), ("--tolerance", options.tolerance), ("--grid", options.grid),
            )
            if value is not None
        ]  # fmt: skip
        if given:
            raise UsageError("SH-CLI-001", f"{', '.join(given)} belongs to --vary, not to --search")
    elif options.between is None:
        raise UsageError("SH-CLI-001", "--vary needs --between LOW HIGH")


# --- bisection --------------------------------------------------------------------------------------------


def _bisect(options: HuntOptions, base: Scenario, broken_if: str) -> int:
    assert options.between is not None
    knob = make_knob(base, options.vary, options.between)
    tolerance = parse_tolerance(options.tolerance or "1%", is_time=knob.is_time)
    found = Bisection(knob)
    with FolderWriter(options.out, f"hunt-{base.name}") as writer, Interrupt() as interrupt:
        flights = Flights(stopped=lambda: interrupt.wished)

        def fly(value: float) -> Probe:
            document = flights.fly(knob.scenario(value))
            probe = Probe(
                value, broken_by(broken_if, document), str(document["outcome"]), str(document["digest"])
            )
            _say(options, f"{knob.shown(value):>16}  {_verdict(probe)}")
            return probe

        _say(options, f"broken if {broken_if}; {knob.label} from {knob.shown(knob.low)} to "
             f"{knob.shown(knob.high)}, {'logarithmic' if knob.logarithmic else 'linear'} steps")  # fmt: skip
        try:
            grid = {} if options.grid is None else {"grid": options.grid}
            bisect(knob, tolerance, fly, found=found, **grid)
        except HuntStoppedError:
            pass
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
    gap = ""
    if survived.value * broke.value > 0.0:
        gap = f", ratio {broke.value / survived.value:.4f}"
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


def _verdict(probe: Probe) -> str:
    return f"breaks    {probe.reasons[0]}" if probe.broken else f"survives  {probe.outcome}"


def _say(options: HuntOptions, line: str) -> None:
    """Progress, on standard error."""
    if not options.quiet:
        print(line, file=sys.stderr, flush=True)
