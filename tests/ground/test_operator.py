"""The scripted operator: what it believes, when, and what it wants sent. It is shown housekeeping alone, made
here by a few lines for which every symptom is known; the limits are those of docs/compare.md.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from flight.dictionary import PARAMETERS
from flight.frames import Delivery
from flight.packets import TmPacket
from flight.tm_frames import Clcw, TmFramer
from ground.config import Command, GroundConfig
from ground.mission import Ground
from ground.operator import SAFE, STANDBY, Decision, Operator, able
from ground.symptoms import DRIVE, GYRO, MAGNETOMETER, WHEEL, WHEEL_INERTIA_KG_M2
from tests.downlink import encode_housekeeping, encode_tm_packet

SECOND_NS = 1_000_000_000
Row = dict[str, Any]


def healthy(second: int) -> Row:
    """Housekeeping of a satellite in STANDBY with nothing wrong: noise of the datasheet's size."""
    noise = random.Random(second)
    row: Row = {
        name: [0.0] * parameter.count if parameter.count > 1 else 0 for name, parameter in PARAMETERS.items()
    }
    row["gyro_rate_body_rad_s"] = [0.001 + noise.gauss(0.0, 1.4e-4) for _ in range(12)]
    row["magnetometer_body_t"] = [2e-5 + noise.gauss(0.0, 1e-7) for _ in range(9)]
    row["sun_sensor"] = [0.5] * 12
    row["wheel_speed_rad_s"] = [100.0, -100.0, 100.0, -100.0]
    row["wheel_torque_n_m"] = [3e-4, -3e-4, 3e-4, -3e-4]  # what friction takes
    row["sensor_valid"], row["switch_status"] = 0xFFFF, 0xFF
    row["mode"], row["commissioned"], row["wheel_health"] = STANDBY, 1, 15
    row["attitude_valid"], row["orbit_valid"] = 1, 1
    row["battery_charge_fraction"], row["charge_forecast"] = 0.8, 0.6
    return row


def shown(
    rows: Iterable[Row], operator: Operator | None = None, *, start_s: int = 0, pass_number: int = 1
) -> list[tuple[int, Decision]]:
    """What an operator wants, with the second at which it wants it."""
    watching = operator if operator is not None else Operator()
    found: list[tuple[int, Decision]] = []
    for second, row in enumerate(rows, start_s):
        time_ns = second * SECOND_NS
        made = watching.see(row, time_ns=time_ns, arrival_ns=time_ns + 240_000_000, pass_number=pass_number)
        found += [(second, one) for one in made]
    return found


def with_gyro(second: int, unit: int, rate_rad_s: float) -> Row:
    row = healthy(second)
    for axis in range(3):
        row["gyro_rate_body_rad_s"][3 * unit + axis] += rate_rad_s
    return row


def with_wheel(second: int, unit: int, torque_n_m: float, moves: bool) -> Row:
    row = healthy(second)
    row["wheel_torque_n_m"][unit] = torque_n_m
    row["wheel_speed_rad_s"][unit] = torque_n_m / WHEEL_INERTIA_KG_M2 * second if moves else 0.0
    return row


def with_field(second: int) -> Row:
    row = healthy(second)
    row["magnetometer_body_t"][3:6] = [2.5e-5] * 3
    return row


def with_drive(second: int, moves: bool) -> Row:
    row = healthy(second)
    row["array_rate_rad_s"] = -0.0011
    row["array_angle_rad"] = (-0.0011 * second) % 6.28 if moves else 1.0
    return row


def exclude(kind: int, unit: int) -> dict[str, float]:
    return {"kind": kind, "unit": unit, "state": 1}


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    ("make", "arguments", "at_s"),
    [
        (lambda s: with_gyro(s, 2, 0.01), exclude(0, 2), 4),
        (lambda s: with_gyro(s, 1, 0.0004), exclude(0, 1), 48),
        (
            lambda s: healthy(s) | {"gyro_rate_body_rad_s": with_gyro(0, 0, 0.0)["gyro_rate_body_rad_s"]},
            None,
            5,
        ),
        (with_field, exclude(2, 1), 9),
        (lambda s: healthy(s) | {"sun_sensor": [0.5] * 7 + [9.0] + [0.5] * 4}, exclude(4, 7), 4),
        (lambda s: with_wheel(s, 3, 0.006, moves=False), exclude(5, 3), 8),
        (lambda s: with_drive(s, moves=False), exclude(6, 0), 63),
    ],
    ids=["gyro jumps", "gyro drifts", "gyros stand still", "field", "Sun sensor", "wheel", "drive"],
)
def test_a_symptom_is_believed_after_its_samples_and_answered_once_a_pass(
    make: Callable[[int], Row], arguments: dict[str, float] | None, at_s: int
) -> None:
    found = shown(make(second) for second in range(120))
    if arguments is None:  # all four repeat themselves: each is answered
        assert [second for second, _ in found] == [at_s] * 4
        return
    assert [(second, one.name, one.arguments) for second, one in found] == [
        (at_s, "set_unit_health", arguments)
    ]


@pytest.mark.requirement("S5")
def test_nothing_is_wanted_of_a_healthy_satellite() -> None:
    rows = [healthy(second) for second in range(600)]
    for second, row in enumerate(rows):
        row["array_rate_rad_s"], row["array_angle_rad"] = -0.0011, (-0.0011 * second) % 6.28
        row["wheel_speed_rad_s"][0] += 0.01 / WHEEL_INERTIA_KG_M2 * min(max(second - 100, 0), 20)
        row["wheel_torque_n_m"][0] += 0.01 if 100 < second <= 120 else 0.0
    assert shown(rows) == []
    assert shown(with_drive(second, moves=True) for second in range(200)) == []


def test_a_gap_in_telemetry_starts_the_count_anew() -> None:
    operator = Operator()
    assert shown((with_gyro(s, 2, 0.01) for s in range(4)), operator) == []
    assert shown((with_gyro(s, 2, 0.01) for s in range(100, 104)), operator, start_s=100) == []
    assert len(shown([with_gyro(104, 2, 0.01)], operator, start_s=104)) == 1


@pytest.mark.requirement("S5")
def test_what_telemetry_does_not_confirm_is_sent_again_in_the_next_pass() -> None:
    operator = Operator()
    assert len(shown((with_gyro(s, 2, 0.01) for s in range(60)), operator)) == 1
    again = shown((with_gyro(s, 2, 0.01) for s in range(60)), operator, start_s=6000, pass_number=2)
    assert [one.arguments for _, one in again] == [exclude(0, 2)]
    assert len(operator.findings) == 2
    confirmed = (with_gyro(s, 2, 0.01) | {"units_held_out": GYRO.bit(2)} for s in range(60))
    assert shown(confirmed, operator, start_s=12000, pass_number=3) == []


def test_a_unit_that_agrees_again_is_given_back_and_a_wheel_is_put_on_trial() -> None:
    out = {"units_held_out": GYRO.bit(2) | MAGNETOMETER.bit(0)}
    found = shown(healthy(second) | out for second in range(200))
    states = [(second, one.arguments["kind"], one.arguments["state"]) for second, one in found]
    # Gyros are judged by their means from the 45th sample on, and agree for 60 from then.
    assert states == [(60 - 1, 2, 0), (44 + 60 - 1, 0, 0)]
    assert shown(with_gyro(s, 2, 0.01) | out for s in range(58)) == []

    operator = Operator()
    shown((with_wheel(s, 3, 0.006, moves=False) for s in range(30)), operator)
    excluded = {"units_held_out": WHEEL.bit(3)}
    assert shown((healthy(s) | excluded for s in range(30, 90)), operator, start_s=30) == []
    later = shown((healthy(s) | excluded for s in range(60)), operator, start_s=6000, pass_number=2)
    assert [(second, one.arguments["state"]) for second, one in later] == [(6009, 3)]
    on_trial = {"units_retested": WHEEL.bit(3)}
    seized = (with_wheel(s, 3, 0.006, moves=False) | on_trial for s in range(60))
    assert shown(seized, operator, start_s=12000, pass_number=3) == []


@pytest.mark.parametrize(
    "change",
    [
        {"mode": STANDBY},
        {"commissioned": 0},
        {"safe_reason": 22},
        {"attitude_valid": 0},
        {"attitude_sigma_rad": 0.03},
        {"orbit_valid": 0},
        {"rate_norm_rad_s": 0.02},
        {"battery_charge_fraction": 0.5},
        {"safe_reason": 16},
        {"charge_forecast": 0.3},
        {"wheel_health": 0b0011},
        {"array_drive_lost": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_only_a_satellite_that_is_able_is_sent_back_to_work(change: dict[str, int]) -> None:
    waiting = {"mode": SAFE}
    assert able(healthy(0) | waiting)
    assert not able(healthy(0) | waiting | change)
    found = shown(healthy(second) | waiting for second in range(65))
    assert [(second, one.name) for second, one in found] == [(9, "set_mode")]
    assert shown(healthy(second) | waiting | change for second in range(65)) == []


def test_a_broken_unit_goes_out_before_the_satellite_goes_back_to_work() -> None:
    waiting = {"mode": SAFE}
    operator = Operator()
    found = shown((with_gyro(s, 2, 0.01) | waiting for s in range(30)), operator)
    assert [one.name for _, one in found] == ["set_unit_health"]
    out = waiting | {"units_held_out": GYRO.bit(2)}
    found = shown((with_gyro(s, 2, 0.01) | out for s in range(30, 60)), operator, start_s=30)
    assert [(second, one.name) for second, one in found] == [(39, "set_mode")]


def test_a_sample_with_a_number_that_is_not_finite_shows_nothing() -> None:
    rows = [with_gyro(second, 2, 0.01) | {"orbit_sigma_m": None} for second in range(60)]
    assert shown(rows) == []


def test_the_state_goes_through_bytes_at_any_sample() -> None:
    rows = [with_drive(s, moves=s < 70) for s in range(200)]
    whole = Operator()
    wanted = shown(rows, whole)
    assert [one.arguments for _, one in wanted] == [exclude(DRIVE.number, 0)]
    for cut in (0, 1, 65, 150):
        first = Operator()
        before = shown(rows[:cut], first)
        second = Operator.from_plain(json.loads(json.dumps(first.to_plain())))
        assert before + shown(rows[cut:], second, start_s=cut) == wanted
        assert second.to_plain() == whole.to_plain()


class Downlink:
    """TM frames with one housekeeping packet each, as the satellite sends them in a pass."""

    def __init__(self) -> None:
        self.framer = TmFramer()
        self.sequence = 0
        self.taken = 0

    def frames(self, second: float, row: Row, station: int) -> list[Delivery]:
        data = encode_housekeeping(1, row)
        self.sequence += 1
        packet = TmPacket(3, 25, round(second * SECOND_NS), data, self.sequence & 0x3FFF)
        octets = encode_tm_packet(packet)
        made = self.framer.frames([octets], Clcw(report_value=self.taken))
        return [Delivery(round((second + 0.24) * SECOND_NS), station, frame) for frame in made]


def fly_pass(ground: Ground, rows: Callable[[int], Row], until: int = 60) -> list[tuple[float, bytes]]:
    """The commands that go up in the first pass, with the seconds since its first sample was taken."""
    window = ground.results()["windows"][0]
    first = window["aos_ns"] // SECOND_NS + 2
    link = Downlink()
    sent: list[tuple[float, bytes]] = []
    for second in range(until):
        deliveries = link.frames(first + second, rows(second), window["station"])
        tick = (first + second + 1) * 10 - 1
        for uplink in ground.advance(tick, deliveries):
            if uplink.kind == "frame":
                sent.append((uplink.departure_ns / SECOND_NS - first, uplink.frame))
                link.taken += 1
    return sent


@pytest.mark.requirement("S5")
def test_the_ground_sends_what_the_operator_wants_within_the_pass(
    configure: Callable[..., GroundConfig],
) -> None:
    with_operator = configure(operator=True, duration_ns=7200 * SECOND_NS)
    ground = Ground(with_operator)
    sent = fly_pass(ground, lambda second: with_gyro(second, 2, 0.01))
    assert [round(at, 3) for at, _ in sent] == [4.24]
    (action,) = ground.results()["operator"]["actions"]
    assert (action["name"], action["arguments"]) == ("set_unit_health", exclude(0, 2))
    (command,) = ground.results()["commands"]
    assert (command["origin"], command["state"]) == ("operator", "sent")
    assert action["departure_ns"] == command["departure_ns"] == action["decided_ns"]

    slow = Ground(configure(operator=True, operator_reaction_ns=20 * SECOND_NS, duration_ns=7200 * SECOND_NS))
    assert [round(at, 3) for at, _ in fly_pass(slow, lambda s: with_gyro(s, 2, 0.01))] == [24.24]

    without = Ground(configure(duration_ns=7200 * SECOND_NS))
    assert fly_pass(without, lambda second: with_gyro(second, 2, 0.01)) == []
    assert without.results()["operator"] is None
    assert not without.reacts()
    assert ground.reacts()


def test_a_ground_with_an_operator_goes_through_bytes(configure: Callable[..., GroundConfig]) -> None:
    config = configure(
        Command(at_ns=0, name="ping"), operator=True, operator_reaction_ns=20 * SECOND_NS,
        duration_ns=7200 * SECOND_NS,
    )  # fmt: skip
    ground = Ground(config)
    fly_pass(ground, lambda second: with_gyro(second, 2, 0.01), until=10)
    again = Ground.from_bytes(config, ground.to_bytes())
    assert again.to_bytes() == ground.to_bytes()
    assert again.results() == ground.results()
    assert [command["name"] for command in again.results()["commands"]] == ["ping", "set_unit_health"]
    tick = round(ground.results()["windows"][0]["aos_ns"] / 1e8) + 500
    one, other = ground.advance(tick, []), again.advance(tick, [])
    assert [uplink.frame for uplink in one] == [uplink.frame for uplink in other]
    (action,) = ground.results()["operator"]["actions"]
    after_ns = [uplink.departure_ns - action["decided_ns"] for uplink in one if uplink.kind == "frame"]
    # One, 20 s after the operator decided; as nothing answers, FOP-1 repeats it after each T1 of 1.3 s
    # until it has gone up five times.
    assert after_ns == [20 * SECOND_NS + again * 1_300_000_000 for again in range(5)]
    assert ground.results()["passes"][0]["frames_again"] == 4
    assert action["departure_ns"] == action["decided_ns"] + 20 * SECOND_NS
