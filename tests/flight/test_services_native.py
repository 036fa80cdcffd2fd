"""The PUS services through the whole computer: what Python sends, C++ does, and Python reads the answer."""

from __future__ import annotations

import struct

import pytest

from flight import dictionary, packets, services
from flight.packets import TcPacket, TmPacket, Verification, decode_verification, encode_command
from flight.services import Activity
from tests.uplink import sealed

from .test_wire_native import Computer, transmitting

__all__ = ["transmitting"]
SECOND_NS = 1_000_000_000
WINDOW = dictionary.SETTINGS["schedule_window_s"]


@pytest.fixture
def computer(transmitting: tuple[Computer, bytes]) -> Computer:
    found, state = transmitting
    found.computer.restore(state)
    found.extractors = {}
    found.tick = found.computer.telemetry()["tick"] + 1  # the clock goes on from the state's own time
    return found


class Ground:
    """Sends telecommands, each with a sequence count of its own, and keeps what comes down."""

    def __init__(self, computer: Computer) -> None:
        self.computer = computer
        self.sequence = 100

    def send(self, packet: TcPacket, *, ticks: int = 4) -> list[TmPacket]:
        down = self.computer.step(sealed(packets.encode_tc_packet(packet)))
        for _ in range(ticks):
            down += self.computer.step()
        return down

    def command(self, name: str, **arguments: float) -> list[TmPacket]:
        self.sequence += 1
        return self.send(encode_command(name, arguments, sequence=self.sequence))


def verification(down: list[TmPacket]) -> list[Verification]:
    return [decode_verification(packet) for packet in down if packet.service == 1]


def answers(down: list[TmPacket]) -> list[services.ServiceReport]:
    return [
        services.decode_report(packet) for packet in down if services.is_known(packet) and packet.service != 9
    ]


def test_answers_of_the_services_are_read_as_they_were_meant(computer: Computer) -> None:
    ground = Ground(computer)
    (structure,) = answers(ground.command("report_housekeeping_structure", structure=1))
    assert isinstance(structure, services.Structure)
    assert (structure.enabled, structure.interval_ms) == (True, 1000)
    assert structure.parameters == tuple(p.name for p in dictionary.PARAMETERS.values() if p.structure == 1)
    ground.command("disable_event_reports", event=dictionary.EVENT_IDS["setting_changed"])
    (disabled,) = answers(ground.command("report_disabled_events"))
    assert disabled == services.DisabledEvents((dictionary.EVENT_IDS["setting_changed"],))
    down = ground.command("set_setting", setting=WINDOW.id, index=0, value=90.0)
    assert not [packet for packet in down if packet.service == 5]
    assert answers(ground.command("report_settings", setting=WINDOW.id)) == [
        services.SettingReport(WINDOW.id, "schedule_window_s", (90.0,))
    ]
    (dump,) = answers(ground.command("dump_memory", area=1, offset=0, length=64))
    assert isinstance(dump, services.MemoryDump)
    (check,) = answers(ground.command("check_memory", area=1, offset=0, length=64))
    assert isinstance(check, services.MemoryCheck)
    assert check.checksum == services.crc16(dump.octets)
    assert answers(ground.command("test_connection", apid=100)) == [services.Connection(100)]
    (storage,) = answers(ground.command("report_storage", stream=0))
    assert isinstance(storage, services.StorageSummary)
    assert storage.enabled


@pytest.mark.requirement("L2.6")
def test_a_time_tagged_telecommand_is_told_of_and_executed_at_its_time(computer: Computer) -> None:
    ground = Ground(computer)
    now_ns = computer.tick * 100_000_000
    tagged = services.make_command("ping", {}, sequence=7, execute_at_ns=now_ns + 3 * SECOND_NS)
    assert [one.subtype for one in verification(ground.send(tagged))] == [1, 7]
    inner = tagged.request_id | services.SCHEDULED_SEQUENCE
    (summary,) = answers(ground.command("report_schedule_summary"))
    assert isinstance(summary, services.ScheduleSummary)
    assert [(request, state) for _, request, state in summary.activities] == [(inner, 1)]
    (detail,) = answers(ground.command("report_schedule"))
    assert isinstance(detail, services.ScheduleDetail)
    (activity,) = detail.activities
    assert isinstance(activity, Activity)
    assert activity.packet == tagged.data[8:]
    down = []
    while computer.tick * 100_000_000 < now_ns + 5 * SECOND_NS:
        down += computer.step()
    assert [(one.subtype, one.request_id) for one in verification(down)] == [(1, inner), (7, inner)]
    (pong,) = [packet for packet in down if (packet.service, packet.subtype) == (17, 2)]
    assert 0 <= pong.time_ns - (now_ns + 3 * SECOND_NS) <= 400_000_000


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("by_request", [True, False])
def test_each_time_tagged_telecommand_that_is_deleted_is_reported(
    computer: Computer, by_request: bool
) -> None:
    ground = Ground(computer)
    later_ns = computer.tick * 100_000_000 + 60 * SECOND_NS
    inner = []
    for sequence in range(7, 39):
        tagged = services.make_command("ping", {}, sequence=sequence, execute_at_ns=later_ns)
        ground.send(tagged, ticks=2)
        inner.append(tagged.request_id | services.SCHEDULED_SEQUENCE)
    if by_request:
        inner = inner[-1:]
        down = ground.command("delete_activities", request=inner[0])
    else:
        down = ground.command("reset_schedule")
    told = [one for one in verification(down) if one.failed]
    assert [(one.subtype, one.failure_code) for one in told] == [(8, 20)] * len(inner)
    assert sorted(one.request_id for one in told) == inner
    (summary,) = answers(ground.command("report_schedule_summary"))
    assert isinstance(summary, services.ScheduleSummary)
    assert len(summary.activities) == (31 if by_request else 0)


@pytest.mark.requirement("L2.6")
def test_memory_is_loaded_only_when_armed_and_only_with_what_is_sound(computer: Computer) -> None:
    ground = Ground(computer)
    dumps = [
        answers(ground.command("dump_memory", area=1, offset=offset, length=8)) for offset in range(0, 640, 8)
    ]
    places = [one[0] for one in dumps]
    (place,) = [
        one.offset
        for one in places
        if isinstance(one, services.MemoryDump) and one.octets == struct.pack("<d", WINDOW.default)
    ][:1]
    load = services.load_memory(1, place, struct.pack("<d", 60.5), sequence=900)
    mode = computer.computer.telemetry()["mode"]
    (refused,) = [one for one in verification(ground.send(load)) if one.failed]
    allowed = dictionary.ENUMERATIONS["mode"][mode] in dictionary.TELECOMMANDS["load_memory"].modes
    assert (refused.subtype, refused.failure_code) == (4, 11 if allowed else 8)
    assert not [one for one in verification(ground.command("arm", command=152, seconds=30)) if one.failed]
    outcome = verification(ground.send(load))[-1]
    assert (outcome.subtype, outcome.failure_code) == ((7, 0) if allowed else (4, 8))
    assert answers(ground.command("report_settings", setting=WINDOW.id)) == [
        services.SettingReport(WINDOW.id, "schedule_window_s", (60.5 if allowed else 60.0,))
    ]


@pytest.mark.requirement("L2.6")
def test_one_arming_lets_one_dangerous_activity_into_the_schedule(computer: Computer) -> None:
    ground = Ground(computer)
    due_ns = computer.tick * 100_000_000 + 60 * SECOND_NS
    activities = [
        services.Activity(
            due_ns + index * SECOND_NS,
            packets.encode_tc_packet(
                services.load_memory(1, 0, bytes(8), sequence=700 + index | services.SCHEDULED_SEQUENCE)
            ),
        )
        for index in range(2)
    ]
    ground.command("arm", command=152, seconds=60)
    sent = ground.send(services.insert_activities(activities, sequence=701))
    (refused,) = [one for one in verification(sent) if one.failed]
    assert (refused.subtype, refused.failure_code) == (4, 11)
    taken = verification(ground.send(services.insert_activities(activities[:1], sequence=702)))
    assert [one.subtype for one in taken][-1] == 7
    sent = ground.send(services.insert_activities(activities[1:], sequence=703))
    (refused,) = [one for one in verification(sent) if one.failed]
    assert (refused.subtype, refused.failure_code) == (4, 11)


def test_time_reports_come_at_their_rate_with_the_tick_s_own_time(computer: Computer) -> None:
    ground = Ground(computer)
    ground.command("set_time_report_rate", exponent=1)
    reports = []
    for _ in range(100):
        for packet in computer.step():
            if (packet.service, packet.subtype) == (9, 2):
                report = services.decode_report(packet)
                assert isinstance(report, services.TimeReport)
                assert report.time_ns == packet.time_ns
                reports.append(report)
    assert len(reports) == 5
    assert {report.exponent for report in reports} == {1}
