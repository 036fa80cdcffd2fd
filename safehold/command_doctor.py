"""`safehold doctor`: is this installation able to fly?"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass

from safehold.clock import wall_seconds
from safehold.code_id import code_id, extension_file, library_versions, prepare_numba_cache
from safehold.deployment import GROUND_APART, IN_PROCESS
from safehold.errors import EXIT_INTERNAL, EXIT_OK

# Libraries that only an extra brings.
EXTRAS = ("pymsis",)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    good: bool
    detail: str


def doctor_command(json_output: bool) -> int:
    """Look at everything; 0 if all is well, 3 if something of ours is broken."""
    findings = [_looked(what, look) for what, look in _LOOKS]
    good = all(finding.good for finding in findings)
    if json_output:
        print(json.dumps({"good": good, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        for finding in findings:
            print(f"{'ok  ' if finding.good else 'BAD '} {finding.what:<16} {finding.detail}")
        print("all is well" if good else "something is broken: see BAD above")
    return EXIT_OK if good else EXIT_INTERNAL


def _looked(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except Exception as error:  # whatever goes wrong here is the finding
        return Finding(what, False, f"{type(error).__name__}: {error}")


def _python() -> str:
    return f"{platform.python_version()} on {platform.platform()}"


def _libraries() -> str:
    versions = library_versions()
    missing = [name for name, version in versions.items() if version == "missing" and name not in EXTRAS]
    if missing:
        raise ImportError(f"missing: {', '.join(missing)}; pip install safehold brings them")
    return ", ".join(f"{name} {version}" for name, version in versions.items() if name != "python")


def _code() -> str:
    return code_id()


def _native() -> str:
    from flight.dictionary import SHA256, load_native

    load_native()
    return f"{extension_file()}, dictionary {SHA256[:12]}"


def _cache() -> str:
    return prepare_numba_cache()


def _ephemeris() -> str:
    from datetime import UTC, datetime

    from sim.environment.ephemeris import skyfield_times

    skyfield_times(datetime(2026, 6, 21, tzinfo=UTC), 0.0)
    return "time scales and DE421 are there, offline"


def _scenarios() -> str:
    from safehold.scenario import built_in_names, load

    names = built_in_names()
    for name in names:
        load(name)
    return f"{len(names)} built in, all valid"


def _flight() -> str:
    from safehold.run import adjusted
    from safehold.scenario import load
    from safehold.simulation import Simulation

    scenario = adjusted(load("first-contact"), seed=None, duration="2m")
    before = wall_seconds()
    simulation = Simulation(scenario)
    ready = wall_seconds()
    simulation.advance(1)
    first = wall_seconds()
    simulation.advance(scenario.ticks)
    flown = wall_seconds()
    simulation.close()
    step_us = (flown - first) / (scenario.ticks - 1) * 1e6
    return f"ready in {ready - before:.2f} s, first step after {first - ready:.2f} s, {step_us:.1f} us a step"


def _ground() -> str:
    from safehold.run import adjusted, fly
    from safehold.scenario import load

    scenario = adjusted(load("first-contact"), seed=None, duration="1m")
    one, other = (fly(scenario, deployment=deployment)[0].digest for deployment in (IN_PROCESS, GROUND_APART))
    if one != other:
        raise RuntimeError("the ground in a process of its own gives another digest")
    return "in a process of its own over ZeroMQ: same digest"


_LOOKS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("python", _python),
    ("libraries", _libraries),
    ("code", _code),
    ("flight software", _native),
    ("compiler cache", _cache),
    ("ephemeris", _ephemeris),
    ("scenarios", _scenarios),
    ("flight", _flight),
    ("ground", _ground),
)
