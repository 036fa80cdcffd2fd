"""The judge says LOST and DEGRADED when truth says so, and not before."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from safehold.judge import ORBIT_S, Judge, Verdict
from safehold.timeline import FlightEvent, ModeSpan, mode_spans, outage_ticks

COLUMNS = ("rate_norm_deg_s", "battery_state_of_charge", "temperature_battery_k")
LIMITS = {"temperature_battery_k": (273.15, 318.15)}
GOOD = {"contacts_made": 3.0, "contacts_missed": 0.0, "replicas_retired": 0.0}
STANDBY = [ModeSpan("SAFE", 0, 10_000), ModeSpan("STANDBY", 10_000, 400_000)]


def seconds(
    count: int, rate: float = 0.1, charge: float = 0.9, temperature: float = 290.0
) -> NDArray[np.float64]:
    return np.tile([rate, charge, temperature], (count, 1))


def judged(
    *parts: NDArray[np.float64], figures: dict[str, float | None] | None = None, bad: int = 0
) -> Verdict:
    judge = Judge(COLUMNS, LIMITS)
    second = 0
    for part in parts:
        judge.see(part, np.arange(second, second + len(part)))
        # Half-way through, the judge goes through a snapshot.
        judge.from_json(json.loads(json.dumps(judge.to_json())))
        second += len(part)
    return judge.verdict(spans=STANDBY, ticks_per_s=10, figures=figures or GOOD, commands_bad=bad)


@pytest.mark.requirement("S4")
def test_a_quiet_day_is_ok() -> None:
    assert judged(seconds(9000)).outcome == "OK"


@pytest.mark.requirement("S4")
def test_a_tumble_over_an_orbit_is_lost_across_any_division() -> None:
    tumble = seconds(ORBIT_S // 2, rate=40.0)
    assert judged(seconds(10), tumble, tumble, seconds(10)).outcome == "LOST"
    assert judged(seconds(10), tumble, seconds(1), tumble, seconds(10)).outcome == "OK"


@pytest.mark.requirement("S4")
def test_an_hour_outside_a_thermal_limit_is_lost() -> None:
    cold = seconds(3599, temperature=260.0)
    assert judged(cold, seconds(1)).outcome == "OK"
    verdict = judged(cold, seconds(1, temperature=260.0))
    assert verdict.outcome == "LOST"
    assert "temperature_battery_k" in verdict.reasons[0]


@pytest.mark.requirement("S4")
def test_an_empty_battery_that_still_falls_is_lost() -> None:
    falling = seconds(ORBIT_S)
    falling[:, 1] = np.linspace(0.3, 0.01, ORBIT_S)
    assert judged(falling).outcome == "LOST"
    assert judged(falling[::-1].copy()).outcome == "OK"


@pytest.mark.requirement("S4")
def test_nonsense_for_an_actuator_is_lost_and_silence_too() -> None:
    assert judged(seconds(10), bad=1).outcome == "LOST"
    assert (
        judged(seconds(10), figures=GOOD | {"contacts_made": 0.0, "contacts_missed": 2.0}).outcome == "LOST"
    )
    assert judged(seconds(10), figures=GOOD | {"contacts_missed": 1.0}).outcome == "DEGRADED"


def changed(tick: int, before: int, after: int) -> FlightEvent:
    from flight.dictionary import EVENT_IDS

    return FlightEvent(tick, EVENT_IDS["mode_changed"], 1, (float(before), float(after), 0.0, 0.0))


@pytest.mark.requirement("L6.1")
def test_modes_and_outages_come_from_the_events() -> None:
    events = [changed(5, 0, 1), changed(50, 1, 3), changed(100, 3, 4), changed(200, 4, 3), changed(260, 3, 4)]
    spans = mode_spans(events, 300)
    assert [(span.mode, span.from_tick, span.until_tick) for span in spans] == [
        ("BOOT", 0, 5),
        ("SEPARATION", 5, 50),
        ("SAFE", 50, 100),
        ("STANDBY", 100, 200),
        ("SAFE", 200, 260),
        ("STANDBY", 260, 300),
    ]
    # The first acquisition is no outage; the return to SAFE is.
    assert outage_ticks(spans) == (60, 60)
