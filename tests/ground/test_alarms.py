"""Alarms come after three reports on end and go after three; stored values never raise a live one."""

from __future__ import annotations

import json
import math

import pytest

from flight.dictionary import PARAMETERS
from flight.packets import Event
from ground.alarms import AlarmMonitor
from tests.downlink import encode_housekeeping

NOMINAL: dict[str, float | list[float]] = {
    "battery_charge_fraction": 0.9,
    "bus_voltage_v": 28.0,
    "temperature_k": [290.0] * 10,
}
STRUCTURE = PARAMETERS["bus_voltage_v"].structure


class Feed:
    """Reports a second apart."""

    def __init__(self) -> None:
        self.monitor = AlarmMonitor()
        self.second = 0

    def see(self, times: int, *, stored: bool = False, at: int | None = None, **values: float) -> None:
        for _ in range(times):
            self.second += 1
            octets = encode_housekeeping(STRUCTURE, {**NOMINAL, **values})[2:]
            time_ns = (self.second if at is None else at) * 10**9
            self.monitor.see_housekeeping(
                STRUCTURE, octets, time_ns=time_ns, arrival_ns=self.second * 10**9, stored=stored
            )

    def told(self) -> list[tuple[str, str, str, bool]]:
        return [(a.name, a.level, a.quality, a.cleared_ns is not None) for a in self.monitor.alarms]


@pytest.mark.requirement("L6.1")
def test_an_alarm_is_raised_and_cleared_by_three_reports_on_end() -> None:
    feed = Feed()
    feed.see(2, bus_voltage_v=25.5)
    feed.see(1)
    feed.see(2, bus_voltage_v=25.5)
    assert feed.told() == []
    feed.see(1, bus_voltage_v=25.5)
    assert feed.told() == [("bus_voltage_v", "yellow", "live", False)]
    feed.see(2)
    assert feed.monitor.open()
    feed.see(1)
    assert feed.told() == [("bus_voltage_v", "yellow", "live", True)]
    assert feed.monitor.alarms[0].cleared_ns == feed.second * 10**9


def test_an_alarm_that_grows_is_another_one() -> None:
    feed = Feed()
    feed.see(3, bus_voltage_v=25.5)
    feed.see(3, bus_voltage_v=24.0)
    assert feed.told() == [
        ("bus_voltage_v", "yellow", "live", True),
        ("bus_voltage_v", "red", "live", False),
    ]


def test_stored_values_are_judged_apart() -> None:
    feed = Feed()
    feed.see(3, stored=True, bus_voltage_v=24.0)
    assert feed.told() == [("bus_voltage_v", "red", "stored", False)]
    feed.see(3)
    assert len(feed.monitor.open()) == 1, "live reports do not clear a stored alarm"


def test_an_older_report_says_nothing_new() -> None:
    feed = Feed()
    feed.see(5)
    feed.see(5, at=2, bus_voltage_v=24.0)
    assert feed.told() == []


def test_events_of_medium_and_high_severity_are_alarms() -> None:
    monitor = AlarmMonitor()
    for severity in (1, 2, 3, 4):
        event = Event(7, f"e{severity}", severity, 0, {})
        monitor.see_event(event, time_ns=1, arrival_ns=2, stored=False)
    assert [(a.name, a.level, a.kind) for a in monitor.alarms] == [
        ("e3", "yellow", "event"),
        ("e4", "red", "event"),
    ]


@pytest.mark.requirement("L6.1")
@pytest.mark.parametrize("at", range(1, 9))
def test_its_state_goes_on_alike(at: int) -> None:
    def fly(stop: int) -> AlarmMonitor:
        feed = Feed()
        for step in range(9):
            if step == stop:
                feed.monitor = AlarmMonitor.from_plain(json.loads(json.dumps(feed.monitor.to_plain())))
            feed.see(1, bus_voltage_v=20.0 if 1 <= step < 5 else 28.0, stored=step % 4 == 3)
        return feed.monitor

    whole = fly(-1)
    assert [one.cleared_ns is not None for one in whole.alarms] == [True]
    assert fly(at).to_plain() == whole.to_plain()


def test_a_value_that_is_no_number_and_a_place_that_is_none_harm_no_state() -> None:
    feed = Feed()
    feed.see(3, bus_voltage_v=math.nan)
    plain = feed.monitor.to_plain()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    plain["watches"][0][5] = 1
    with pytest.raises(ValueError, match="the alarm 1 of 1"):
        AlarmMonitor.from_plain(plain)


def test_so_many_alarms_are_kept_and_the_others_counted() -> None:
    monitor = AlarmMonitor(most=2)
    for number in range(5):
        event = Event(9999, "event_9999", 4, number, {})
        monitor.see_event(event, time_ns=number, arrival_ns=number, stored=False)
    assert (len(monitor.alarms), monitor.left_out) == (2, 3)
