"""`reset_computer` and `list_files`, from the telecommand to what the ground reads of it."""

from __future__ import annotations

import zlib

import pytest

from flight import packets, services
from flight.dictionary import TELECOMMANDS
from flight.packets import encode_command, encode_tc_packet
from flight.services import FileList, FileState
from flight.tc_frames import TcFrame, set_expected_frame
from tests.uplink import sealed_frame

from .test_services_native import Ground, answers, verification
from .test_wire_native import Computer, transmitting

__all__ = ["transmitting"]
COMMANDED = 1
RESET = TELECOMMANDS["reset_computer"].id
NOT_ARMED = 11


@pytest.fixture
def computer(transmitting: tuple[Computer, bytes]) -> Computer:
    found, state = transmitting
    found.computer.restore(state)
    found.extractors = {}
    found.tick = found.computer.telemetry()["tick"] + 1
    return found


@pytest.mark.requirement("L2.6", "L3.6")
def test_an_armed_reset_restarts_warm_and_is_told_after_the_start(computer: Computer) -> None:
    ground = Ground(computer)
    ground.command("set_setting", setting=140, index=0, value=77.0)
    ground.command("arm", command=RESET, seconds=60)
    starts = computer.computer.telemetry()["boot_count"]
    packet = encode_command("reset_computer", {}, sequence=900)
    assert not verification(ground.send(packet, ticks=0)), "nothing of the tick is radiated"
    assert computer.computer.is_down
    down_ticks = 0
    while computer.computer.is_down:
        assert not computer.step()
        down_ticks += 1
    assert down_ticks == 20 - 1
    down = [one for _ in range(40) for one in computer.step()]
    telemetry = computer.computer.telemetry()
    assert (telemetry["boot_cause"], telemetry["boot_warm"]) == (COMMANDED, 1)
    assert telemetry["boot_count"] == starts + 1
    request = int.from_bytes(encode_tc_packet(packet)[:4], "big")
    told = [report.subtype for report in verification(down) if report.request_id == request]
    assert told == [1, 7], "accepted and completed: kept over the reset, and told once"
    events = [packets.decode_event(one).name for one in down if one.service == 5]
    assert "computer_reset" in events
    (window,) = answers(ground.command("report_settings", setting=140))
    assert isinstance(window, services.SettingReport)
    assert window.values == (77.0,), "the state of before is gone on with"


@pytest.mark.requirement("L2.6", "L3.7")
def test_a_reset_is_refused_unless_armed_and_an_arming_does_not_survive_it(computer: Computer) -> None:
    ground = Ground(computer)
    (refused,) = [one for one in verification(ground.command("reset_computer")) if one.failed]
    assert (refused.subtype, refused.failure_code) == (4, NOT_ARMED)
    assert not computer.computer.is_down
    ground.command("arm", command=RESET, seconds=600)
    ground.command("reset_computer")
    while computer.computer.is_down:
        computer.step()
    packet = encode_command("reset_computer", {}, sequence=902)
    request = int.from_bytes(encode_tc_packet(packet)[:4], "big")
    (refused,) = [
        one for one in verification(ground.send(packet)) if one.request_id == request and one.failed
    ]
    assert (refused.subtype, refused.failure_code) == (4, NOT_ARMED)
    assert not computer.computer.is_down


@pytest.mark.requirement("L2.6")
def test_the_frame_of_a_reset_that_is_sent_again_is_behind_and_resets_nothing(computer: Computer) -> None:
    """Go-back-N repeats it under a fresh counter when the answer is lost."""
    ground = Ground(computer)
    computer.send(sealed_frame(set_expected_frame(40)))
    ground.command("arm", command=RESET, seconds=600)
    packet = encode_tc_packet(encode_command("reset_computer", {}, sequence=901))
    computer.send(sealed_frame(TcFrame("AD", packet, 40)))
    while computer.computer.is_down:
        computer.step()
    for _ in range(30):
        computer.step()
    assert computer.clcw is not None
    assert computer.clcw.report_value == 41
    before = computer.counters()["frames_dropped"]["behind"]
    computer.send(sealed_frame(TcFrame("AD", packet, 40)))
    assert not computer.computer.is_down
    assert computer.counters()["frames_dropped"]["behind"] == before + 1


@pytest.mark.requirement("L2.2", "L2.6")
def test_files_of_mass_memory_are_listed_as_they_are(computer: Computer) -> None:
    lists = [one for one in answers(Ground(computer).command("list_files")) if isinstance(one, FileList)]
    held = computer.computer.files()
    assert held, "a start leaves a black box"
    assert [file.id for one in lists for file in one.files] == [file[0] for file in held]
    assert all(one.files_held == len(held) for one in lists)
    for told, (_, kind, length, sealed_) in zip(
        (file for one in lists for file in one.files), held, strict=True
    ):
        assert told.kind == kind
        assert told.length == length if sealed_ else told.length <= length, "one is being written"
        assert told.state == (FileState.SEALED if sealed_ else FileState.WRITTEN)
        octets = bytes(computer.computer.read_file(told.id))
        assert told.crc == (zlib.crc32(octets) if sealed_ else 0)
    assert not [one for one in answers(computer.step()) if isinstance(one, FileList)], "told once"
