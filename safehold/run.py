"""Fly a scenario from beginning to end and make its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safehold import snapshot
from safehold.clock import wall_seconds
from safehold.code_id import code_id
from safehold.deployment import IN_PROCESS, Deployment, deployment_of
from safehold.display import Display, Silent
from safehold.durations import parse_duration
from safehold.errors import InternalError, Problem, ScenarioError
from safehold.expectations import evaluate
from safehold.figures import contacts, figures
from safehold.judgement import judge
from safehold.on_board_clock import clock_document
from safehold.operator_log import operator_document
from safehold.refusals import ground_document, link_document, passes_with_frames
from safehold.result import Result, json_safe
from safehold.schema import Scenario
from safehold.simulation import Simulation, digest_of
from safehold.timeline import ModeSpan, mode_spans, outage_ticks
from safehold.truth import Truth

if TYPE_CHECKING:
    from safehold.judge import Verdict

CHUNK_TICKS = 3000
CUT_SHORT = "cut short, so judged only on what it flew"


@dataclass(slots=True)
class Outing:
    """How a run is to be flown and what became of it."""

    simulation: Simulation
    snapshot_ticks: Sequence[int] = ()
    display: Display = field(default_factory=Silent)
    stopped: Callable[[], bool] = lambda: False
    snapshots: dict[int, bytes] = field(default_factory=dict)
    wall_seconds: float = 0.0
    first_tick: int = 0

    def fly(self) -> bool:
        """Fly to the end; False if it was stopped before."""
        simulation = self.simulation
        start = wall_seconds()
        self.first_tick = simulation.tick
        stops = sorted(tick for tick in self.snapshot_ticks if simulation.tick <= tick <= simulation.end_tick)
        while True:
            if stops and stops[0] == simulation.tick:
                self.snapshots[stops.pop(0)] = snapshot.take(simulation)
            if simulation.tick >= simulation.end_tick or self.stopped():
                break
            next_stop = stops[0] if stops else simulation.end_tick
            simulation.advance(min(next_stop, simulation.tick + CHUNK_TICKS))
            self.display.show(simulation.status, simulation.time_ns)
        simulation.finish()
        self.wall_seconds = wall_seconds() - start
        return simulation.tick == simulation.end_tick


def run(
    scenario: str | Path | Scenario = "first-contact",
    *,
    seed: int | None = None,
    duration: str | None = None,
    out: Path | str | None = None,
    deployment: str | Deployment = IN_PROCESS,
) -> Result:
    """Fly a scenario and return its result.

    scenario: a built-in name, a path of a TOML file, or a Scenario. seed, duration: instead of the
    scenario's. out: folder to write, which must not hold anything yet; None writes none. deployment:
    "in-process"; "zmq" for the ground in a process of its own; "distributed" for the flight computer too; or
    a Deployment. Raises InputError for what cannot be flown.
    """
    from safehold.run_folder import write_run
    from safehold.scenario import load

    chosen = adjusted(load(scenario), seed=seed, duration=duration)
    deployment = deployment_of(deployment)
    if out is None:
        return fly(chosen, deployment=deployment)[0]
    return write_run(chosen, Path(out), deployment=deployment)


def adjusted(scenario: Scenario, *, seed: int | None, duration: str | None) -> Scenario:
    """The scenario with another seed or duration; raises ScenarioError for one that cannot be flown."""
    from safehold.checks import reach, shortened

    if seed is not None:
        if not 0 <= seed < 2**63:
            wrong = f"is {seed}; it must lie between 0 and 9223372036854775807"
            raise ScenarioError(scenario.name, [Problem("SH-SCN-008", wrong, "--seed")])
        scenario = scenario.model_copy(update={"seed": seed})
    if duration is None:
        return scenario
    try:
        nanoseconds = parse_duration(duration)
    except ValueError as error:
        raise ScenarioError(scenario.name, [Problem("SH-SCN-010", str(error), "--duration")]) from None
    if nanoseconds == 0 or nanoseconds % scenario.tick_ns:
        wrong = f"{duration!r} is not a whole number of control ticks, one or more"
        raise ScenarioError(scenario.name, [Problem("SH-SCN-022", wrong, "--duration")])
    shorter = shortened(scenario, nanoseconds)
    problems = list(reach(shorter))
    if problems:
        raise ScenarioError(scenario.name, problems)
    return shorter


def fly(
    scenario: Scenario,
    *,
    deployment: str | Deployment = IN_PROCESS,
    snapshot_ticks: Sequence[int] = (),
    display: Display | None = None,
    stopped: Callable[[], bool] = lambda: False,
    start: bytes | None = None,
) -> tuple[Result, Outing]:
    """Fly, judge, and close; the result, and what the folder needs beside it."""
    from flight.remote import FlightLostError, FlightRefusedError
    from ground.process import GroundLostError

    simulation = None
    try:
        if start is None:
            simulation = Simulation(scenario, deployment=deployment)
        else:
            simulation = snapshot.restore(start, deployment=deployment)
        outing = Outing(simulation, snapshot_ticks, display or Silent(), stopped)
        complete = outing.fly()
        return conclude(outing, complete), outing
    except GroundLostError as error:
        raise InternalError("SH-INT-002", str(error)) from error
    except (FlightLostError, FlightRefusedError) as error:
        raise InternalError("SH-INT-004", str(error)) from error
    finally:
        if simulation is not None:
            simulation.close()


def conclude(outing: Outing, complete: bool) -> Result:
    """Make the result of a flight that has ended."""
    from safehold.decoding import decode
    from safehold.downlink import add_downlink

    simulation = outing.simulation
    scenario = simulation.scenario
    ground = simulation.ground.results()
    found = document(outing, complete, ground)
    found |= {"link": link_document(simulation.link.counters), "ground": ground_document(ground)}
    found["passes"] = passes_with_frames(found["passes"], ground["passes"], simulation.tick_ns / 1e9)
    stations = [site.name for site in simulation.sites]
    received = decode(simulation.frames, stations, tick_ns=simulation.tick_ns, commands=found["commands"])
    made = [(event.tick * simulation.tick_ns, event.id) for event in simulation.events]
    late = int(found["figures"]["events_late"])
    add_downlink(found, received, made, events_late=late, tm_rate_bit_s=scenario.link.tm_rate_bit_s)
    events = sorted(
        [*(event.document(simulation.tick_ns) for event in simulation.events), *received.events],
        key=lambda event: int(event["sim_time_ns"]),
    )
    return Result(
        scenario=scenario,
        document=found,
        truth=Truth(simulation.truth.rows(), simulation.columns, simulation.tick_ns, simulation.truth.read),
        events=events,
        telemetry=received.telemetry,
        received=simulation.frames,
        summaries=received.summaries,
        reports=received.reports.rows,
        _snapshot=lambda tick: _snapshot_at(scenario, tick),
    )


def document(outing: Outing, complete: bool, results: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`result.json` of a flight that has ended: its verdict, figures and digests, without its records.

    results: the ground's, where they are known.
    """
    simulation = outing.simulation
    ground = simulation.ground.results() if results is None else results
    found = contacts(simulation, ground)
    numbers = figures(simulation, ground, found)
    spans = mode_spans(simulation.events, simulation.tick)
    watches = dict(enumerate(simulation.driver.watches()))
    expectations = [evaluate(one, watches, numbers, simulation.tick_ns) for one in simulation.expectations]
    judgement = judge(simulation, numbers, complete=complete)
    made = _document(outing, complete, judgement.verdict, spans, expectations)
    made["judgement"] = judgement.document()
    made["passes"] = [contact.document() for contact in found]
    made["figures"] = numbers
    made["commands"] = ground["commands"]
    made["files"] = ground["files"]
    made["alarms"] = ground["alarms"]
    made["clock"] = clock_document(simulation.scenario.epoch, ground["clock"])
    made["operator"] = operator_document(ground["operator"])
    safe: dict[str, Any] = json_safe(made)
    return safe


def _document(
    outing: Outing,
    complete: bool,
    verdict: Verdict,
    spans: Sequence[ModeSpan],
    expectations: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    simulation = outing.simulation
    scenario = simulation.scenario
    tick_s = simulation.tick_ns / 1e9
    ticks = simulation.tick - outing.first_tick
    digests = simulation.digests()
    wall = outing.wall_seconds
    return {
        "schema": 1,
        "scenario": scenario.name,
        "seed": scenario.seed,
        "code_id": code_id(),
        "digest": digest_of(digests),
        "digests": digests,
        "complete": complete,
        "outcome": verdict.outcome,
        "reasons": list(verdict.reasons) if complete else [CUT_SHORT, *verdict.reasons],
        "expectations": list(expectations),
        "sim_seconds": simulation.tick * tick_s,
        "timing": {
            "wall_seconds": wall,
            "us_per_step": wall / ticks * 1e6 if ticks else None,
            "real_time_factor": ticks * tick_s / wall if wall > 0.0 else None,
        },
        "modes": [
            {"mode": span.mode, "from_s": span.from_tick * tick_s, "until_s": span.until_tick * tick_s}
            for span in spans
        ],
        "faults": [fault_document(simulation, index) for index in range(len(scenario.fault))],
        "outage_s": outage_ticks(spans)[0] * tick_s,
        "data_lost_bytes": simulation.link.counters["down_loss_of_signal_bytes"],
        "ledger": [],
        "notes": list(simulation.orbit.notes),
    }


def fault_document(simulation: Simulation, index: int) -> dict[str, Any]:
    """A fault with the times at which it was injected, seen and answered on board (None: not, or not yet)."""
    from safehold.fault_response import response

    fault = simulation.scenario.fault[index]
    end_ns = None if fault.duration is None else fault.at + fault.duration
    entry: dict[str, Any] = {"kind": fault.kind, "target": fault.target}
    entry["injected_s"] = fault.at / 1e9 if fault.at <= simulation.time_ns else None
    entry["ends_s"] = None if end_ns is None else end_ns / 1e9
    entry["mode"], entry["sunlit"] = simulation.onsets.get(index, (None, None))
    return entry | response(fault, simulation.events, simulation.tick_ns, simulation.scenario.fault)


def _snapshot_at(scenario: Scenario, tick: int) -> bytes:
    simulation = Simulation(scenario)
    try:
        simulation.advance(tick)
        return snapshot.take(simulation)
    finally:
        simulation.close()
