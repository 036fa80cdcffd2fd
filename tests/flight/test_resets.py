"""A reset of the flight computer keeps what must not be lost: keys, counters, settings, schedule, FARM-1."""

from __future__ import annotations

from typing import Any

import pytest

from flight import packets, services
from flight.dictionary import SETTINGS
from flight.tc_frames import TcFrame
from tests.uplink import RING, sealed, sealed_frame, sealed_ping

from .test_services_native import Ground, answers, verification
from .test_wire_native import Computer, transmitting

__all__ = ["transmitting"]
SECOND_NS = 1_000_000_000
WINDOW = SETTINGS["schedule_window_s"].id


@pytest.fixture
def computer(transmitting: tuple[Computer, bytes]) -> Computer:
    found, state = transmitting
    found.computer.restore(state)
    found.extractors = {}
    found.tick = found.computer.telemetry()["tick"] + 1
    return found


def come_back(computer: Computer, down_s: int = 3) -> None:
    """Reset it and wait until it runs again."""
    computer.computer.reset(down_s * SECOND_NS)
    while computer.computer.is_down:
        computer.step()
    computer.step()


def counters(computer: Computer) -> dict[str, Any]:
    return computer.counters()


@pytest.mark.requirement("L2.6", "L3.6")
def test_a_frame_from_before_the_reset_is_refused_after_it(computer: Computer) -> None:
    frames = [
        sealed_ping(),
        sealed_frame(
            TcFrame(
                "AD",
                packets.encode_tc_packet(packets.encode_command("ping", {}, sequence=8)),
                computer.computer.telemetry()["farm_expected"],
            )
        ),
    ]
    computer.send(*frames)
    counter = counters(computer)["key_counter"]
    assert counters(computer)["frames_rejected"]["replay"] == 0
    come_back(computer)
    assert counters(computer)["key_counter"] == counter
    computer.step(*frames)
    assert counters(computer)["frames_rejected"]["replay"] == 2
    assert counters(computer)["commands_completed"] == 0
    computer.send(sealed_ping())
    assert counters(computer)["commands_completed"] == 1


@pytest.mark.requirement("L2.6", "L3.6")
@pytest.mark.parametrize("copy", [0, 1, 2])
def test_any_copy_of_the_counters_may_be_lost(computer: Computer, copy: int) -> None:
    old = sealed_ping()
    computer.send(old)
    computer.computer.flip_slot("security", copy, 700)
    come_back(computer)
    computer.step(old)
    assert counters(computer)["frames_rejected"]["replay"] == 1


@pytest.mark.requirement("L2.6", "L3.6")
def test_without_any_copy_of_the_counters_the_next_frame_begins_them_anew(computer: Computer) -> None:
    old, older = sealed_ping(), sealed_ping()
    computer.send(old, older)
    for copy in range(3):
        computer.computer.flip_slot("security", copy, 700)
    come_back(computer)
    # Nothing of what was in RAM is left, which the ground sees, and the first frame closes the door.
    assert counters(computer)["key_counter"] == 0
    assert computer.computer.telemetry()["key_counter"] == 0
    computer.send(sealed_ping())
    assert counters(computer)["commands_completed"] == 1
    computer.step(old, older)
    assert counters(computer)["frames_rejected"]["replay"] == 2
    come_back(computer)
    computer.step(old, older)
    assert counters(computer)["frames_rejected"]["replay"] >= 2
    assert counters(computer)["commands_completed"] == 0


@pytest.mark.requirement("L2.6", "L3.6")
def test_a_key_that_was_selected_stays_in_force(computer: Computer) -> None:
    packet = packets.encode_tc_packet(packets.encode_command("select_key", {"key": 2}, sequence=3))
    computer.send(sealed(packet))
    assert counters(computer)["key_active"] == 2
    come_back(computer)
    assert counters(computer)["key_active"] == 2
    computer.step(sealed_ping())
    assert counters(computer)["frames_rejected"]["key_idle"] == 1
    ping = packets.encode_tc_packet(packets.encode_command("ping", {}, sequence=4))
    computer.send(sealed(ping, key_id=2))
    assert counters(computer)["commands_completed"] == 1
    assert {1, 2} <= set(RING.keys)


@pytest.mark.requirement("L3.6")
def test_settings_and_schedule_go_on_and_an_activity_is_executed_once(computer: Computer) -> None:
    ground = Ground(computer)
    ground.command("set_setting", setting=WINDOW, index=0, value=77.0)
    due_ns = computer.tick * 100_000_000 + 30 * SECOND_NS
    tagged = services.make_command("ping", {}, sequence=9, execute_at_ns=due_ns)
    assert [one.subtype for one in verification(ground.send(tagged))] == [1, 7]
    expected = computer.computer.telemetry()["farm_expected"]
    come_back(computer)
    assert computer.computer.telemetry()["boot_warm"] == 1
    assert computer.computer.telemetry()["farm_expected"] == expected
    assert answers(ground.command("report_settings", setting=WINDOW)) == [
        services.SettingReport(WINDOW, "schedule_window_s", (77.0,))
    ]
    inner = tagged.request_id | services.SCHEDULED_SEQUENCE
    down = []
    while computer.tick * 100_000_000 < due_ns + 60 * SECOND_NS:
        down += computer.step()
    pongs = [packet for packet in down if (packet.service, packet.subtype) == (17, 2)]
    assert len(pongs) == 1
    assert {one.subtype for one in verification(down) if one.request_id == inner} == {1, 7}
