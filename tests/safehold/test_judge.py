"""The judge says LOST and DEGRADED when truth says so, and not before."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from numpy.typing import NDArray

from safehold.judge import SAMPLE_S, Ending, Judge, Verdict, verdict
from safehold.timeline import FlightEvent, mode_spans, outage_ticks

COLUMNS = ("rate_norm_deg_s", "battery_state_of_charge", "temperature_battery_k")
LIMITS = {"temperature_battery_k": (273.15, 318.15)}
ORBIT = 5736
GOOD = Ending(
    mode="STANDBY",
    mode_expected=True,
    power_positive=True,
    power="charge +0.0%",
    commandable=True,
    commands_bad=0,
    units_off=(),
    outage_s=0.0,
    contacts_missed=0,
    flown_s=1.0,
)


def seconds(
    count: int, rate: float = 0.1, charge: float = 0.9, temperature: float = 290.0
) -> NDArray[np.float64]:
    return np.tile([rate, charge, temperature], (count, 1))


def seen(*parts: NDArray[np.float64], piece: int = 300) -> Judge:
    """A judge that has seen the parts, in pieces, and has gone through a snapshot after each."""
    judge, rows = Judge(COLUMNS, LIMITS, ORBIT), np.concatenate(parts)
    for start in range(0, len(rows), piece):
        part = rows[start : start + piece]
        judge.see(part, np.arange(start, start + len(part)))
        state = json.loads(json.dumps(judge.to_json()))
        judge = Judge(COLUMNS, LIMITS, ORBIT)
        judge.from_json(state)
    return judge


def judged(*parts: NDArray[np.float64]) -> Verdict:
    return verdict(seen(*parts), GOOD)


def only(outcome: str, word: str, **changes: object) -> None:
    """A change of the good ending has this outcome, for one reason, which holds the word."""
    found = verdict(seen(seconds(60)), dataclasses.replace(GOOD, **changes))  # type: ignore[arg-type]
    assert found.outcome == outcome
    assert len(found.reasons) == 1
    assert word in found.reasons[0]


@pytest.mark.requirement("S5")
def test_a_quiet_day_is_ok() -> None:
    assert judged(seconds(9000)).outcome == "OK"


@pytest.mark.requirement("S5")
def test_a_tumble_that_does_not_slow_down_over_an_orbit_is_lost() -> None:
    tumble = seconds(ORBIT + 60, rate=40.0)
    assert "5760 s" in judged(seconds(10), tumble, seconds(10)).reasons[0]
    short = seconds(ORBIT - 120, rate=40.0)
    assert judged(seconds(10), short, seconds(1), short, seconds(10)).outcome == "OK"


@pytest.mark.requirement("S5")
def test_a_fast_rate_is_forgiven_while_it_falls() -> None:
    """B-dot takes a tenth of 50 deg/s out in an orbit; the body's nutation goes up and down all the while."""
    time = np.arange(3 * ORBIT)
    falling = seconds(len(time))
    falling[:, 0] = (60.0 - 5.0 * time / ORBIT) * (1.0 + 0.2 * np.sin(time / 7.0))
    assert judged(falling).outcome == "OK"
    nutating = seconds(len(time))
    nutating[:, 0] = 60.0 * (1.0 + 0.2 * np.sin(time / 7.0))
    assert judged(nutating).outcome == "LOST"


@pytest.mark.requirement("S5")
def test_an_hour_outside_a_thermal_limit_is_lost() -> None:
    cold = seconds(3599, temperature=260.0)
    assert judged(cold, seconds(1)).outcome == "OK"
    found = judged(cold, seconds(1, temperature=260.0))
    assert found.outcome == "LOST"
    assert "temperature_battery_k outside its limits for 3600 s" in found.reasons[0]


@pytest.mark.requirement("S5")
@pytest.mark.parametrize("piece", [1, 7, 59, 300, 20_000])
def test_what_is_concluded_does_not_depend_on_the_pieces(piece: int) -> None:
    choose = np.random.default_rng(5)
    rows = seconds(7000)
    rows[:, 0] = 31.0 + choose.normal(0.0, 0.2, len(rows))
    rows[:, 1] = 0.5 + 0.4 * np.sin(np.arange(len(rows)) / 900.0)
    rows[500:900, 2] = 260.0
    assert seen(rows, piece=piece).to_json() == seen(rows, piece=1000).to_json()


def battery(*values: float) -> Judge:
    """A judge that has seen the charge go through these values in an orbit and a minute."""
    time = np.arange(0, ORBIT + 120)
    rows = seconds(len(time))
    rows[:, 1] = np.interp(time, np.linspace(60, ORBIT + 60, len(values)), values)
    return seen(rows)


@pytest.mark.requirement("S5", "L4.1")
def test_power_is_shown_by_an_orbit_of_charge() -> None:
    assert seen(seconds(ORBIT)).power() is None, "less than an orbit shows nothing"
    whole = battery(0.7, 0.4, 0.7).power()
    assert whole is not None
    assert whole.change == pytest.approx(0.0, abs=4e-3)  # 24 s of slope, the grid of minutes
    assert (whole.lowest, whole.highest) == pytest.approx((0.4, 0.7), abs=0.01)
    assert whole.from_s == pytest.approx(60.0, abs=SAMPLE_S)
    cases = {
        (0.7, 0.4, 0.7): True,
        (0.7, 0.4, 0.65): False,  # falls
        (0.7, 0.4, 0.8): True,
        (0.9, 0.5, 1.0, 0.85): True,  # was filled, and has since given something
        (0.9, 0.5, 1.0, 0.75): False,  # more than a contact takes
        (0.0, 0.0, 0.0): False,  # does not fall because there is nothing left
        (0.3, 0.0, 0.3): False,  # empty in every eclipse
    }
    for charges, positive in cases.items():
        power = battery(*charges).power()
        assert power is not None
        assert power.positive is positive, charges


@pytest.mark.requirement("S5")
def test_each_loss_is_named_with_its_number() -> None:
    only("LOST", "not power-positive, 24.0 h after the end: charge -3%", power_positive=False,
         power="charge -3%", flown_s=86_400.0)  # fmt: skip
    only("LOST", "no answer to a ping", commandable=False)
    only("LOST", "3 actuator commands", commands_bad=3)


@pytest.mark.requirement("S5")
def test_each_degradation_is_named_with_its_number() -> None:
    only("DEGRADED", "in SAFE", mode="SAFE", mode_expected=False)
    only("DEGRADED", "gyro.2 not in use", units_off=("gyro.2",))
    only("DEGRADED", "5737 s", outage_s=ORBIT + 1.0)
    only("DEGRADED", "1 contacts", contacts_missed=1)
    only("OK", "STANDBY", outage_s=float(ORBIT))


@pytest.mark.requirement("S5")
def test_a_run_that_was_cut_short_is_not_blamed_for_what_nobody_asked() -> None:
    only("OK", "STANDBY", power_positive=None, commandable=None)


def changed(tick: int, before: int, after: int, reason: int = 10) -> FlightEvent:
    from flight.dictionary import EVENT_IDS

    return FlightEvent(tick, EVENT_IDS["mode_changed"], 1, (float(before), float(after), float(reason), 0.0))


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


@pytest.mark.requirement("L6.1")
def test_what_the_ground_has_commanded_is_no_outage() -> None:
    commanded = 22
    events = [changed(5, 0, 4), changed(100, 4, 3, commanded), changed(200, 3, 4), changed(250, 4, 3, 16)]
    spans = mode_spans(events, 300)
    assert [span.reason for span in spans][2:] == ["commanded", "attitude_and_orbit_known", "charge_low"]
    assert outage_ticks(spans) == (50, 50)
