"""What needs more than one key, or another part's registry, to be checked.

Each check yields problems; all are gathered, so that one message lists everything that is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING

from safehold import commands, registry, uploads
from safehold.durations import format_duration
from safehold.errors import Problem, ScenarioError
from safehold.near import listing, suggestion
from safehold.schema import EPOCH_LAST, MODES, Expect, Fault, Scenario

if TYPE_CHECKING:
    from safehold.scenario import Source

CIRCULAR_KEYS = ("altitude_km", "inclination_deg", "raan_deg", "argument_of_latitude_deg")
FORMS = ("elements", "state_gcrf", "tle", "omm", "launch")


def check(scenario: Scenario, source: Source) -> Scenario:
    """The scenario with its files read in, or a ScenarioError that lists every problem."""
    scenario, problems = _read_element_files(scenario, source)
    for part in _CHECKS:
        if part is not _orbit or not problems:
            problems.extend(part(scenario))
    if problems:
        raise ScenarioError(source.label, problems)
    return scenario


def recheck(scenario: Scenario, tables: Collection[str]) -> list[Problem]:
    """What is wrong with a scenario that was right until these top-level keys were changed."""
    found: list[Problem] = []
    for part in _CHECKS:
        reads = _READS.get(part)
        if reads is None or not reads.isdisjoint(tables):
            found.extend(part(scenario))
    return found


def shortened(scenario: Scenario, duration_ns: int) -> Scenario:
    """The same scenario with another duration.

    Commands, uploads, faults and expectations that belong after the new end are left out; an expectation's
    end moves with the run's.
    """
    kept: list[Expect] = []
    for expect in scenario.expect:
        start = expect.from_ or 0
        if start >= duration_ns or start + (expect.within or 0) > duration_ns:
            continue
        until = expect.until
        kept.append(
            expect.model_copy(update={"until": min(until, duration_ns) if until is not None else None})
        )
    return scenario.model_copy(
        update={
            "duration": duration_ns,
            "command": [command for command in scenario.command if command.at < duration_ns],
            "upload": [upload for upload in scenario.upload if upload.at < duration_ns],
            "fault": [fault for fault in scenario.fault if fault.at < duration_ns],
            "expect": kept,
        }
    )


# --- orbit ------------------------------------------------------------------------------------------------


def _read_element_files(scenario: Scenario, source: Source) -> tuple[Scenario, list[Problem]]:
    """Replace `tle = "file"` and `omm = "file"` by the file's text; a file lies beside its scenario."""
    problems: list[Problem] = []
    changes: dict[str, object] = {}
    for form in ("tle", "omm"):
        given = getattr(scenario.orbit, form)
        if not isinstance(given, str) or "\n" in given.strip():
            if isinstance(given, str):
                changes[form] = given.strip().splitlines()
            continue
        text, problem = _element_file(given, form, source)
        if problem is not None:
            problems.append(problem)
        elif form == "tle":
            changes[form] = [line.rstrip() for line in text.splitlines() if line.strip()]
        else:
            changes[form] = text
    if not changes:
        return scenario, problems
    return scenario.model_copy(update={"orbit": scenario.orbit.model_copy(update=changes)}), problems


def _element_file(name: str, form: str, source: Source) -> tuple[str, Problem | None]:
    from safehold.scenario import LARGEST_ELEMENTS_FILE

    key = f"orbit.{form}"
    if source.folder is None:
        return "", Problem(
            "SH-SCN-013", "names a file, but this scenario has no folder; give the lines themselves", key
        )
    folder = source.folder.resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        return "", Problem("SH-SCN-013", f"{name[:60]!r} leads out of the scenario's folder", key)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_ELEMENTS_FILE + 1)
    except OSError as error:
        return "", Problem("SH-SCN-013", f"{name[:60]!r} cannot be read: {error.strerror or error}", key)
    if len(content) > LARGEST_ELEMENTS_FILE:
        return "", Problem("SH-SCN-013", f"{name[:60]!r} is larger than 64 KiB", key)
    return content.decode("utf-8", errors="replace"), None


def _orbit(scenario: Scenario) -> Iterator[Problem]:
    orbit = scenario.orbit
    circular = [key for key in CIRCULAR_KEYS if getattr(orbit, key) is not None]
    forms = [form for form in FORMS if getattr(orbit, form) is not None]
    given = (["circular keys"] if circular else []) + forms
    if len(given) != 1:
        what = f"is given as {' and '.join(given)}" if given else "is not given"
        choices = "altitude_km with inclination_deg, or one of elements, state_gcrf, tle, omm, launch"
        yield Problem("SH-SCN-012", f"the orbit {what}; give exactly one: {choices}", "orbit")
        return
    if circular:
        for key in ("altitude_km", "inclination_deg"):
            if getattr(orbit, key) is None:
                yield Problem("SH-SCN-006", "is missing from the circular orbit", f"orbit.{key}")
        return
    yield from _initial_state(scenario)


def _initial_state(scenario: Scenario) -> Iterator[Problem]:
    """Let the orbit part make a state of it; what it refuses is a problem of the scenario."""
    from safehold.orbits import initial_orbit

    orbit = scenario.orbit
    form = next(form for form in FORMS if getattr(orbit, form) is not None)
    if orbit.launch is not None and orbit.launch.site not in registry.stations():
        known = registry.stations()
        hint = suggestion(orbit.launch.site, known) or f"; the catalogue has {listing(known)}"
        yield Problem("SH-SCN-017", f"unknown launch site {orbit.launch.site!r}{hint}", "orbit.launch.site")
        return
    try:
        initial_orbit(scenario)
    except ValueError as error:
        yield Problem("SH-SCN-013", str(error), f"orbit.{form}")


# --- everything else --------------------------------------------------------------------------------------


def _ticks(scenario: Scenario) -> Iterator[Problem]:
    rate = scenario.flight.control_rate_hz
    if 1_000_000_000 % rate:
        yield Problem(
            "SH-SCN-022", f"{rate} Hz is not a whole number of nanoseconds a tick", "flight.control_rate_hz"
        )
        return
    if scenario.duration % scenario.tick_ns:
        tick = format_duration(scenario.tick_ns)
        yield Problem(
            "SH-SCN-022",
            f"{format_duration(scenario.duration)} is not a whole number of {tick} ticks",
            "duration",
        )
    if scenario.tick_ns * scenario.output.truth_rate_hz < 1e9 * (1 - 1e-12) and _uneven(scenario):
        wrong = f"{scenario.output.truth_rate_hz} Hz is not a whole number of control ticks"
        yield Problem("SH-SCN-022", wrong, "output.truth_rate_hz")
    if scenario.output.truth_rate_hz > rate:
        yield Problem("SH-SCN-008", f"is more than the control rate of {rate} Hz", "output.truth_rate_hz")


def _link(scenario: Scenario) -> Iterator[Problem]:
    if 1_000_000_000 % scenario.flight.control_rate_hz:
        return
    link, tick_ms = scenario.link, scenario.tick_ns / 1e6
    if link.latency_ms < tick_ms:
        wrong = f"is {link.latency_ms} ms; it must be at least one control tick ({tick_ms:g} ms)"
        yield Problem("SH-SCN-008", wrong, "link.latency_ms")
        return
    most_ms = link.latency_ms - tick_ms
    if link.jitter_ms > most_ms:
        wrong = (
            f"is {link.jitter_ms} ms; latency less jitter must be at least one control tick, so {most_ms:g}"
        )
        yield Problem("SH-SCN-008", wrong, "link.jitter_ms")
    for index, fault in enumerate(scenario.fault):
        jitter_ms = fault.parameters.get("jitter_ms", 0.0)
        if fault.kind == "link_jitter" and isinstance(jitter_ms, int | float) and jitter_ms > most_ms:
            wrong = f"is {jitter_ms} ms; latency less jitter must be at least one tick, so {most_ms:g}"
            yield Problem("SH-SCN-016", wrong, f"[[fault]] {index + 1}, jitter_ms")


def _ground(scenario: Scenario) -> Iterator[Problem]:
    keys = scenario.ground
    if keys.age is not None and keys.age > 31 * 86_400 * 10**9:
        yield Problem("SH-SCN-008", "is more than 31 days", "ground.age")
    if keys.tle is not None:
        from sim.orbit.mean_elements import from_tle

        try:
            from_tle("\n".join(keys.tle), scenario.epoch)
        except ValueError as error:
            yield Problem("SH-SCN-013", str(error), "ground.tle")


def reach(scenario: Scenario) -> Iterator[Problem]:
    """A run has to end while the environment's models are valid."""
    end = scenario.epoch + timedelta(microseconds=scenario.duration // 1000)
    if end > EPOCH_LAST:
        wrong = (
            f"the run ends at {end.isoformat()}; the magnetic model IGRF-14 lasts until {EPOCH_LAST.date()}"
        )
        yield Problem("SH-SCN-008", wrong, "duration")


def _uneven(scenario: Scenario) -> bool:
    ticks = 1e9 / scenario.output.truth_rate_hz / scenario.tick_ns
    return abs(ticks - round(ticks)) > 1e-9 * ticks


def _environment(scenario: Scenario) -> Iterator[Problem]:
    environment = scenario.environment
    if environment.atmosphere == "nrlmsis" and find_spec("pymsis") is None:
        wrong = "is 'nrlmsis', which needs the extra: pip install 'safehold[msis]'"
        yield Problem("SH-SCN-011", wrong, "environment.atmosphere")
    if environment.gravity_order is not None and environment.gravity_order > environment.gravity_degree:
        wrong = (
            f"is {environment.gravity_order}; it cannot exceed gravity_degree, {environment.gravity_degree}"
        )
        yield Problem("SH-SCN-008", wrong, "environment.gravity_order")


def _initial(scenario: Scenario) -> Iterator[Problem]:
    rate = math.hypot(*scenario.initial.rate_deg_s)
    if rate > 720.0:
        yield Problem("SH-SCN-008", f"is {rate:.0f} deg/s in all; at most 720", "initial.rate_deg_s")
    quaternion = scenario.initial.quaternion_body_from_gcrf
    if quaternion is not None and abs(math.hypot(*quaternion) - 1.0) > 1e-3:
        wrong = f"has norm {math.hypot(*quaternion):.4f}; a rotation has norm 1"
        yield Problem("SH-SCN-008", wrong, "initial.quaternion_body_from_gcrf")


def _stations(scenario: Scenario) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, station in enumerate(scenario.station):
        key = f"[[station]] {index + 1}"
        if station.name in seen:
            yield Problem("SH-SCN-024", f"the station {station.name!r} is declared twice", key)
        seen.add(station.name)
        coordinates = (station.latitude_deg, station.longitude_deg)
        given = [value is not None for value in coordinates]
        if not any(given) and station.altitude_m is None and station.name not in registry.stations():
            known = registry.stations()
            hint = suggestion(station.name, known) or f"; the catalogue has {listing(known)}"
            wrong = (
                f"{station.name!r} is not in the catalogue and has no latitude_deg and longitude_deg{hint}"
            )
            yield Problem("SH-SCN-017", wrong, key)
        elif any(given) != all(given) or (station.altitude_m is not None and not all(given)):
            yield Problem(
                "SH-SCN-017",
                "give latitude_deg and longitude_deg together (altitude_m is 0 if left out)",
                key,
            )


def _faults(scenario: Scenario) -> Iterator[Problem]:
    if not scenario.fault:
        return
    from safehold.fault_kinds import kinds

    for index, fault in enumerate(scenario.fault):
        key = f"[[fault]] {index + 1}"
        if fault.at >= scenario.duration:
            yield Problem("SH-SCN-021", "is after the end of the run", f"{key}, at")
        known = kinds()
        if fault.kind not in known:
            hint = suggestion(fault.kind, known) or f"; there are {listing(known, 40)}"
            yield Problem("SH-SCN-014", f"unknown kind of fault {fault.kind!r}{hint}", f"{key}, kind")
            continue
        yield from _fault(known[fault.kind], fault, key, scenario.flight.replicas)


def _fault(kind: registry.FaultKind, fault: Fault, key: str, replicas: int) -> Iterator[Problem]:
    if fault.target not in kind.targets:
        hint = suggestion(fault.target, kind.targets) or ""
        wrong = f"{kind.name} cannot hit {fault.target!r}; its targets are {listing(kind.targets, 20)}{hint}"
        yield Problem("SH-SCN-015", wrong, f"{key}, target")
    elif kind is registry.REPLICA_BIT_FLIP and int(fault.target.rpartition(".")[2]) >= replicas:
        wrong = f"{fault.target!r} does not exist with replicas = {replicas}"
        yield Problem("SH-SCN-015", wrong, f"{key}, target")
    parameters = {parameter.name: parameter for parameter in kind.parameters}
    for name, value in fault.parameters.items():
        parameter = parameters.get(name)
        if parameter is None:
            hint = suggestion(name, parameters) or f"; its keys are {listing(parameters) or 'none'}"
            yield Problem("SH-SCN-016", f"{kind.name} has no key {name!r}{hint}", f"{key}, {name}")
        elif isinstance(value, str | bool) or not math.isfinite(value):
            yield Problem("SH-SCN-016", f"is {value!r}; it must be a finite number", f"{key}, {name}")
        elif not parameter.lowest <= value <= parameter.highest:
            span = f"{parameter.lowest:g} and {parameter.highest:g} {parameter.unit}"
            wrong = f"is {value}; it must lie between {span}"
            yield Problem("SH-SCN-016", wrong.rstrip(), f"{key}, {name}")
    for name, parameter in parameters.items():
        if parameter.default is None and name not in fault.parameters:
            yield Problem("SH-SCN-016", f"is missing: {parameter.meaning}", f"{key}, {name}")


def _expectations(scenario: Scenario) -> Iterator[Problem]:
    known: list[str] | None = None
    for index, expect in enumerate(scenario.expect):
        key = f"[[expect]] {index + 1}"
        known = known if known is not None else registry.quantities()
        if expect.quantity not in known:
            hint = suggestion(expect.quantity, known) or "; `safehold quantities` lists them"
            yield Problem("SH-SCN-019", f"unknown quantity {expect.quantity!r}{hint}", f"{key}, quantity")
        yield from _comparison(expect, key)
        start, until = expect.from_ or 0, expect.until if expect.until is not None else scenario.duration
        if until > scenario.duration:
            yield Problem("SH-SCN-021", "is after the end of the run", f"{key}, until")
        if start >= until:
            yield Problem("SH-SCN-021", "is at or after the end of its window", f"{key}, from")
        elif expect.within is not None and start + expect.within > until:
            yield Problem("SH-SCN-021", "reaches past the end of its window", f"{key}, within")


def _comparison(expect: Expect, key: str) -> Iterator[Problem]:
    range_given = expect.above is not None or expect.below is not None
    if range_given == (expect.equals is not None):
        yield Problem("SH-SCN-020", "give above, below or both, or else equals", key)
        return
    if expect.above is not None and expect.below is not None and expect.above >= expect.below:
        wrong = f"nothing is above {expect.above:g} and below {expect.below:g}; above must be the smaller"
        yield Problem("SH-SCN-020", wrong, f"{key}, above")
        return
    words = expect.equals if isinstance(expect.equals, list) else [expect.equals]
    names = [word for word in words if isinstance(word, str)]
    if names and expect.quantity != "flight_mode":
        yield Problem("SH-SCN-007", "only flight_mode equals a word; give a number", f"{key}, equals")
        return
    for word in names:
        if word not in MODES:
            hint = suggestion(word, MODES) or f"; the modes are {listing(MODES)}"
            yield Problem("SH-SCN-011", f"unknown mode {word!r}{hint}", f"{key}, equals")
    if expect.quantity in registry.RESULT_QUANTITIES:
        windowed = (expect.during, expect.from_, expect.until, expect.within, expect.hold)
        if any(value is not None for value in windowed) or expect.fraction != 1.0:
            wrong = (
                "is one figure of the whole run; it takes no during, from, until, within, hold or fraction"
            )
            yield Problem("SH-SCN-020", wrong, key)


def _flight_parameters(scenario: Scenario) -> Iterator[Problem]:
    if not scenario.flight.parameters:
        return
    from flight.dictionary import SETTINGS

    for name, value in scenario.flight.parameters.items():
        key = f"flight.parameters.{name}"
        setting = SETTINGS.get(name)
        if setting is None:
            hint = suggestion(name, SETTINGS) or "; `safehold dictionary` lists them"
            yield Problem("SH-SCN-023", f"unknown on-board parameter{hint}", key)
        elif not math.isfinite(value):
            yield Problem("SH-SCN-009", f"is {value!r}; it must be a finite number", key)
        elif (setting.min is not None and value < setting.min) or (
            setting.max is not None and value > setting.max
        ):
            wrong = f"is {value}; it must lie between {setting.min} and {setting.max} {setting.unit}"
            yield Problem("SH-SCN-008", wrong.rstrip(), key)


def _spacecraft(scenario: Scenario) -> Iterator[Problem]:
    if not scenario.spacecraft:
        return
    from safehold.spacecraft import problems

    yield from problems(scenario.spacecraft, scenario.tick_ns)


# The orbit comes first: without its file it is not looked at.
_CHECKS: tuple[Callable[[Scenario], Iterator[Problem]], ...] = (
    _orbit,
    _ticks,
    _link,
    _ground,
    reach,
    _environment,
    _initial,
    _spacecraft,
    _stations,
    _flight_parameters,
    commands.check,
    uploads.check,
    _faults,
    _expectations,
)

# The top-level keys that a check looks at; one that is not listed looks at all.
_READS: dict[Callable[[Scenario], Iterator[Problem]], frozenset[str]] = {
    _orbit: frozenset({"orbit", "epoch"}),
    _ticks: frozenset({"duration", "flight", "output"}),
    _link: frozenset({"flight", "link", "fault"}),
    _ground: frozenset({"ground", "epoch"}),
    reach: frozenset({"epoch", "duration"}),
    _environment: frozenset({"environment"}),
    _initial: frozenset({"initial"}),
    _spacecraft: frozenset({"spacecraft", "flight"}),
    _stations: frozenset({"station"}),
    _flight_parameters: frozenset({"flight"}),
    commands.check: frozenset({"command", "duration"}),
    uploads.check: frozenset({"upload", "duration"}),
    _faults: frozenset({"fault", "duration", "flight"}),
    _expectations: frozenset({"expect", "duration"}),
}
