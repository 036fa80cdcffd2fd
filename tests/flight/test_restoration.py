"""No majority restores the replicas, and undoes nothing that the ground was told."""

from __future__ import annotations

from typing import Any

import pytest

from flight import packets, services
from flight.dictionary import SETTINGS
from flight.tc_frames import TcFrame
from tests.uplink import sealed_frame

from .test_resets import come_back
from .test_services_native import Ground, answers, verification
from .test_wire_native import Computer, transmitting

__all__ = ["transmitting"]
WINDOW = SETTINGS["schedule_window_s"].id


@pytest.fixture
def computer(transmitting: tuple[Computer, bytes]) -> Computer:
    found, state = transmitting
    found.computer.restore(state)
    found.extractors = {}
    found.tick = found.computer.telemetry()["tick"] + 1
    return found


def telemetry(computer: Computer) -> dict[str, Any]:
    found: dict[str, Any] = computer.computer.telemetry()
    return found


def lose_majority(computer: Computer) -> list[packets.TmPacket]:
    """Every replica is silent until the computer restores them; what came down meanwhile."""
    before = telemetry(computer)["computer_restorations"]
    for replica in range(3):
        computer.computer.stall(replica, 3)
    down = [packet for _ in range(6) for packet in computer.step()]
    assert telemetry(computer)["computer_restorations"] == before + 1
    return down


def setting_of(ground: Ground) -> tuple[float, ...]:
    (report,) = answers(ground.command("report_settings", setting=WINDOW))
    assert isinstance(report, services.SettingReport)
    return report.values


@pytest.mark.requirement("L3.1", "L3.6")
def test_a_restoration_does_not_undo_a_command_that_was_completed(computer: Computer) -> None:
    ground = Ground(computer)
    done = ground.command("set_setting", setting=WINDOW, index=0, value=93.0)
    assert [one.subtype for one in verification(done)] == [1, 7]
    lose_majority(computer)
    assert setting_of(ground) == (93.0,)


@pytest.mark.requirement("L2.6", "L3.1")
def test_a_frame_repeated_after_a_restoration_is_not_executed_again(computer: Computer) -> None:
    expected = telemetry(computer)["farm_expected"]
    octets = packets.encode_tc_packet(packets.encode_command("ping", {}, sequence=31))
    first = computer.send(sealed_frame(TcFrame("AD", octets, expected)))
    assert len([one for one in first if one.service == 17]) == 1
    again = lose_majority(computer)
    assert telemetry(computer)["farm_expected"] == (expected + 1) % 256
    again += computer.send(sealed_frame(TcFrame("AD", octets, expected)))
    again += [packet for _ in range(5) for packet in computer.step()]
    assert not [one for one in again if one.service == 17]


@pytest.mark.requirement("L3.1", "L3.6")
def test_ticks_go_on_so_that_what_is_kept_after_a_restoration_is_the_newest(computer: Computer) -> None:
    ground = Ground(computer)
    # Well after the last time that the control state was kept, so that a count that went back would show.
    for _ in range(250):
        computer.step()
    tick, at = telemetry(computer)["tick"], computer.tick
    lose_majority(computer)
    assert telemetry(computer)["tick"] == tick + computer.tick - at
    done = ground.command("set_setting", setting=WINDOW, index=0, value=77.0)
    assert [one.subtype for one in verification(done)] == [1, 7]
    come_back(computer)
    assert telemetry(computer)["boot_warm"] == 1
    assert setting_of(ground) == (77.0,)


@pytest.mark.requirement("L3.1")
@pytest.mark.parametrize("copies", [(0,), (1,), (0, 1)])
def test_the_checkpoint_serves_when_no_copy_is_sound(computer: Computer, copies: tuple[int, ...]) -> None:
    for _ in range(400):
        computer.step()
    expected = telemetry(computer)["farm_expected"]
    tick, at = telemetry(computer)["tick"], computer.tick
    for copy in copies:
        computer.computer.flip_slot("control", copy, 9_000)
    lose_majority(computer)
    assert telemetry(computer)["farm_expected"] == expected
    assert telemetry(computer)["tick"] == tick + computer.tick - at
    done = Ground(computer).command("ping")
    assert [one.subtype for one in verification(done)] == [1, 7]


@pytest.mark.requirement("L2.6", "L3.1")
def test_a_restoration_disarms(computer: Computer) -> None:
    ground = Ground(computer)
    ground.command("arm", command=152, seconds=600)
    for _ in range(15):
        computer.step()
    assert telemetry(computer)["armed_command"] == 152
    lose_majority(computer)
    for _ in range(15):
        computer.step()
    assert telemetry(computer)["armed_command"] == 0


@pytest.mark.requirement("L3.1", "L3.6")
def test_ticks_go_on_over_a_restoration_after_a_reset(computer: Computer) -> None:
    come_back(computer)
    tick, at = telemetry(computer)["tick"], computer.tick
    lose_majority(computer)
    assert telemetry(computer)["tick"] == tick + computer.tick - at
