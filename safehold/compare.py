"""Autonomy against the ground: one scenario flown twice, and what each arm lost, side by side.

The arms differ in `flight.autonomy` alone: the same seed, the same faults at the same times. In the arm
"ground" the fault rules on board do not act and a scripted operator recovers the satellite in the contacts
(docs/compare.md). Service is judged on truth: a working mode, and pointing within half a degree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safehold.deployment import IN_PROCESS
from safehold.display import Display
from safehold.result import Result, json_safe
from safehold.run import fly
from safehold.schema import MODES, Scenario
from safehold.timeline import WORKING

ARMS = ("autonomy", "ground")
POINTING_LIMIT_DEG = 0.5
LAPSE_S = 10.0

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What the first fault cost, from truth; times in seconds, since the epoch where they are instants.

    from_s: the first fault, or None without one; then the rest counts from the first second of service.
    out_of_service_s: outside a working mode or further than half a degree from the commanded attitude.
    back_after_s: from `from_s` to the end of the last lapse of ten seconds or more; 0 if there was none, None
    if it was not back at the end. symptom_s, radiated_s: when telemetry first showed the operator a symptom,
    and its first telecommand; None in the other arm.
    """

    from_s: float | None
    out_of_service_s: float | None
    back_after_s: float | None
    pointing_error_max_deg: float | None
    charge_min: float | None
    symptom_s: float | None
    radiated_s: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both arms."""

    autonomy: Result
    ground: Result

    @property
    def arms(self) -> tuple[Result, Result]:
        """In the order of ARMS."""
        return self.autonomy, self.ground

    def document(self) -> dict[str, Any]:
        """`{"autonomy": result, "ground": result}`."""
        return dict(zip(ARMS, (arm.document for arm in self.arms), strict=True))


def arm(scenario: Scenario, name: str) -> Scenario:
    """The scenario as one of ARMS flies it."""
    flight = scenario.flight.model_copy(update={"autonomy": name == ARMS[0]})
    return scenario.model_copy(update={"flight": flight})


def compare(
    scenario: Scenario,
    *,
    folder: Path | None = None,
    deployment: str = IN_PROCESS,
    display: Callable[[str], Display] | None = None,
    stopped: Callable[[], bool] = lambda: False,
    summary: Callable[[Result], list[str]] | None = None,
) -> Comparison:
    """Fly both arms, one after the other.

    folder: where each leaves its run's folder, under its name; None writes none. display: makes the display
    of an arm. summary: the lines of a run's log. After an arm that was stopped the next stops at
    once; neither is complete. Raises FolderError.
    """
    results = []
    for name in ARMS:
        shown = display(name) if display is not None else None
        try:
            results.append(
                _with_recovery(
                    _fly(arm(scenario, name), folder and folder / name, deployment, shown, stopped, summary)
                )
            )
        finally:
            if shown is not None:
                shown.close()
    return Comparison(*results)


def _fly(
    scenario: Scenario,
    place: Path | None,
    deployment: str,
    display: Display | None,
    stopped: Callable[[], bool],
    summary: Callable[[Result], list[str]] | None,
) -> Result:
    if place is None:
        return fly(scenario, deployment=deployment, display=display, stopped=stopped)[0]
    from safehold.run_folder import write_run

    return write_run(
        scenario, place, deployment=deployment, display=display, stopped=stopped, summary=summary
    )


def _with_recovery(result: Result) -> Result:
    document = json_safe({**result.document, "recovery": asdict(recovery(result))})
    return replace(result, document=document)


def recovery(result: Result) -> Recovery:
    """What the faults cost in a run."""
    seconds, served = _service(result)
    faults = [fault.at / 1e9 for fault in result.scenario.fault]
    from_s = min(faults) if faults else None
    start_s = from_s
    if start_s is None and served.any():
        start_s = float(seconds[served][0])
    symptom_s, radiated_s = _operator_times(result)
    if start_s is None or not (seconds >= start_s).any():
        return Recovery(from_s, None, None, None, None, symptom_s, radiated_s)
    after = seconds >= start_s
    pointing = result.truth["pointing_error_deg"][after]
    known = pointing[np.isfinite(pointing)]
    step_s = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 1.0
    return Recovery(
        from_s=from_s,
        out_of_service_s=float((~served[after]).sum()) * step_s,
        back_after_s=_back_after_s(seconds[after] - start_s, served[after], step_s),
        pointing_error_max_deg=float(known.max()) if len(known) else None,
        charge_min=float(result.truth["battery_state_of_charge"][after].min()),
        symptom_s=symptom_s,
        radiated_s=radiated_s,
    )


def _service(result: Result) -> tuple[NDArray[np.float64], Flags]:
    """The seconds of truth within the scenario's duration, and whether each was one of service."""
    truth = result.truth
    seconds = truth["sim_time_ns"].astype(np.float64) / 1e9
    working = np.isin(truth["flight_mode"].astype(np.int64), [MODES.index(mode) for mode in WORKING])
    with np.errstate(invalid="ignore"):
        pointed = np.asarray(truth["pointing_error_deg"], dtype=np.float64) < POINTING_LIMIT_DEG
    return seconds, working & pointed


def _back_after_s(seconds: NDArray[np.float64], served: Flags, step_s: float) -> float | None:
    """The end of the last long lapse; None if that is the end of all."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], served, [True])).astype(np.int8)))
    lapses = [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
    lasting = [one for one in lapses if (one[1] - one[0]) * step_s >= LAPSE_S]
    if not lasting:
        return 0.0
    end = lasting[-1][1]
    return None if end >= len(served) else float(seconds[end])


def _operator_times(result: Result) -> tuple[float | None, float | None]:
    operator = result.document.get("operator") or {}
    symptoms = [one["first_s"] for one in operator.get("symptoms", [])]
    radiated = [one["radiated_s"] for one in operator.get("actions", []) if one["radiated_s"] is not None]
    return min(symptoms, default=None), min(radiated, default=None)
