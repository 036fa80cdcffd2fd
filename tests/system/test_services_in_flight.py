"""What the services take and answer, in flight: given in a scenario, executed on board, told on the ground.

One flight of 28 minutes with one contact gives every telecommand whose answer is more than a verification.
"""

from __future__ import annotations

import json
import math
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from flight.dictionary import EVENT_IDS, SETTINGS
from flight.frames import crc16
from flight.services import SCHEDULED_SEQUENCE, MemoryCheck, MemoryDump, ServiceReport, SettingReport
from ground.receiver import Receiver
from safehold.answers import ASKED_BY, SHOWN, answer_lines
from safehold.archive import source_of_run, write_archive
from safehold.decoding import decode
from safehold.folder import RunFolder
from safehold.result import Result
from safehold.run import adjusted, fly
from safehold.run_folder import write_result_folder
from safehold.scenario import load
from safehold.schema import Command
from tests.deframe import packets
from tests.system.xtce_reader import definition
from tests.system.xtce_services import hold_answers, hold_verification

WINDOW = SETTINGS["schedule_window_s"]
HORIZON = SETTINGS["schedule_horizon_s"]
LOADED = struct.pack("<d", 61.5)


BOTH = [WINDOW.name, HORIZON.name]
CHOSEN = ["tick", "mode", "battery_charge_fraction", "rate_body_rad_s", "bus_voltage_v"]
BEYOND = math.nextafter(float(HORIZON.max or 0.0), math.inf)


def given(name: str, *, group: str = "services", **arguments: Any) -> dict[str, Any]:
    return {"name": name, "group": group, "arguments": arguments}


_HEADS = ("arrival_ns", "station", "time_ns", "structure", "quality")
COMMANDS = (
    given("dump_memory", area=1, offset=[0, 8], length=8),
    given("arm", command="load_memory", seconds=60),
    given("load_memory", area=1, offset=0, octets=LOADED.hex(" ")),
    given("check_memory", area=1, offset=0, length=8),
    given("report_settings", setting=BOTH),
    given("set_setting", setting=BOTH, index=0, value=[70.0, 7200.0]),
    given("report_settings", setting=BOTH),
    given("create_housekeeping", structure=130, interval_ms=1000, parameter=CHOSEN),
    given("enable_housekeeping", structure=130),
    given("report_housekeeping_structure", structure=130),
    given("disable_event_reports", event="activity_expired"),
    given("report_disabled_events"),
    given("ping") | {"execute_at": "40m"},
    given("report_schedule"),
    given("report_schedule_summary"),
    given("report_storage", stream=[2, 0]),
    given("test_connection", apid=100),
    given("list_files"),
    given("set_setting", group="refused", setting=BOTH, index=0, value=[80.0, BEYOND]),
)


@pytest.fixture(scope="module")
def flown() -> Result:
    """The first contact of in-service, with these commands one after the other; the last group goes last."""
    made = [
        Command.model_validate(
            one
            | {
                "at": "0s",
                "priority": "low" if one["group"] == "refused" else "normal",
                "after_completion": index > 0 and one["group"] == COMMANDS[index - 1]["group"],
            }
        )
        for index, one in enumerate(COMMANDS)
    ]
    base = adjusted(load("in-service"), seed=None, duration="28m")
    return fly(base.model_copy(update={"command": made}))[0]


def reports(result: Result) -> list[ServiceReport]:
    receiver = Receiver()
    found = [report for one in result.received for report in receiver.receive(one.frame) or []]
    return [one.content for one in found if isinstance(one.content, ServiceReport)]


def test_all_telecommands_but_the_wrong_one_are_completed(flown: Result) -> None:
    states = [(one["name"], one["state"], one["failure_code"]) for one in flown.document["commands"]]
    *others, (_, state, code) = states
    assert {state for _, state, _ in others} == {"completed"}
    assert (state, code) == ("failed", 7)


@pytest.mark.requirement("L2.6")
def test_memory_is_loaded_from_a_scenario_and_checked(flown: Result) -> None:
    """The checksum that the satellite tells is that of the octets in the scenario, and the setting there is
    what they say.
    """
    dumps = [one.octets for one in reports(flown) if isinstance(one, MemoryDump)]
    assert dumps == [struct.pack("<d", WINDOW.default), struct.pack("<d", HORIZON.default)]
    assert [one for one in reports(flown) if isinstance(one, MemoryCheck)] == [
        MemoryCheck(1, 0, 8, crc16(LOADED))
    ]
    first, *_ = (one for one in reports(flown) if isinstance(one, SettingReport))
    assert first == SettingReport(WINDOW.id, WINDOW.name, (61.5,))


@pytest.mark.requirement("L2.6")
def test_two_settings_are_set_together_or_not_at_all(flown: Result) -> None:
    told = [one.values for one in reports(flown) if isinstance(one, SettingReport)]
    assert told == [(61.5,), (HORIZON.default,), (70.0,), (7200.0,)]
    changed = [one for one in flown.events if one["name"] == "setting_changed" and one["source"] == "ground"]
    assert [one["arguments"]["value"] for one in changed] == [70.0, 7200.0]


def answers(result: Result, name: str) -> list[Any]:
    """What was answered to the telecommands of a name, as result.json has it."""
    found = [one for one in result.document["commands"] if one["name"] == name]
    return [answer["content"] for one in found for answer in one.get("answers", ())]


@pytest.mark.requirement("L2.6")
def test_each_answer_stands_beside_the_telecommand_that_asked(flown: Result) -> None:
    """All ten services' answers, by what the flight has done to each."""
    default = [struct.pack("<d", one).hex() for one in (WINDOW.default, HORIZON.default)]
    assert answers(flown, "dump_memory") == [
        {"area": 1, "offset": offset, "octets": octets}
        for offset, octets in zip((0, 8), default, strict=True)
    ]
    assert answers(flown, "check_memory") == [
        {"area": 1, "offset": 0, "length": 8, "checksum": crc16(LOADED)}
    ]
    asked = [one for one in flown.document["commands"] if one["name"] == "report_settings"]
    told = [[answer["content"]["values"] for answer in one["answers"]] for one in asked]
    assert told == [[[61.5], [HORIZON.default]], [[70.0], [7200.0]]]
    assert answers(flown, "report_housekeeping_structure") == [
        {"structure": 130, "enabled": True, "interval_ms": 1000, "parameters": CHOSEN}
    ]
    assert answers(flown, "report_disabled_events") == [{"events": [EVENT_IDS["activity_expired"]]}]
    (detail,) = answers(flown, "report_schedule")
    assert [one["telecommand"] for one in detail["activities"]] == ["ping"]
    assert detail["activities"][0]["time_ns"] == 2_400_000_000_000
    (summary,) = answers(flown, "report_schedule_summary")
    (tagged,) = [one for one in flown.document["commands"] if one["execute_at_ns"] is not None]
    inner = tagged["request_id"] | SCHEDULED_SEQUENCE
    assert summary["activities"] == [[2_400_000_000_000, inner, 1]]
    assert [one["stream"] for one in answers(flown, "report_storage")] == [2, 0]
    assert all(one["enabled"] and one["next"] > 0 for one in answers(flown, "report_storage"))
    assert answers(flown, "test_connection") == [{"apid": 100}]
    (directory,) = answers(flown, "list_files")
    assert directory["files_held"] == len(directory["files"])
    assert flown.document["downlink"]["answers"] == {"received": len(flown.reports), "left_out": 0}
    asked_names = set(ASKED_BY.values())
    assert {one["name"] for one in flown.document["commands"] if "answers" in one} == asked_names


def test_the_summary_tells_a_person_of_the_answers(flown: Result) -> None:
    first, *others = answer_lines(flown.document["commands"])
    count = flown.document["downlink"]["answers"]["received"]
    assert first == f"answer   {count - SHOWN} more before these, in result.json"
    assert len(others) == SHOWN
    told = {re.sub(r"^answer   \d\d:\d\d:\d\d  ", "", line) for line in others}
    assert {f"report_settings: {WINDOW.name} = 70 s", "test_connection: apid 100"} < told
    (directory,) = answers(flown, "list_files")
    file = directory["files"][0]
    begin = (
        f"list_files: {directory['files_held']} files: {file['id']} {file['length']:,} octets {file['state']}"
    )
    assert any(line.startswith(begin) for line in told)


@pytest.mark.requirement("L2.2", "L2.6")
def test_a_structure_of_the_ground_s_own_is_read_as_structure_1_is(flown: Result) -> None:
    """Each value is that of the same parameter in the report of structure 1 of the same instant."""
    rows = list(flown.telemetry)
    own = [row for row in rows if row["structure"] == 130]
    built_in = {row["time_ns"]: row for row in rows if row["structure"] == 1 and row["quality"] == "live"}
    assert len(own) > 60
    assert {frozenset(row) for row in own} == {frozenset({*CHOSEN, *_HEADS})}
    assert [{name: row[name] for name in CHOSEN} for row in own] == [
        {name: built_in[row["time_ns"]][name] for name in CHOSEN} for row in own
    ]
    assert len({row["tick"] for row in own}) == len(own)
    document = flown.document
    (defined,) = document["structures"]
    assert (defined["structure"], defined["source"], defined["parameters"]) == (130, "command", CHOSEN)
    assert defined["from_ns"] <= own[0]["time_ns"]
    assert document["downlink"]["structures_unknown"] == {}
    assert not [name for name in document["ground"]["downlink"] if name.startswith("packets_refused")]


def test_what_a_structure_holds_is_known_from_its_report_too(flown: Result) -> None:
    """Without mission control's telecommands, TM[3,10] tells, and of the reports before it as well."""
    received = decode(flown.received, ["svalbard", "starbase"])
    assert [one["source"] for one in received.structures] == ["report"]
    own = [row for row in flown.telemetry if row["structure"] == 130]
    assert [row for row in received.telemetry if row["structure"] == 130] == own
    assert received.unknown == {}


@pytest.mark.requirement("L2.2")
def test_the_archive_has_the_structures_and_their_values(flown: Result, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    write_result_folder(flown, tmp_path / "run")
    made = write_archive(source_of_run(RunFolder.open(tmp_path / "run")), tmp_path / "archive")
    with duckdb.connect(str(made / "archive.duckdb"), read_only=True) as archive:
        assert archive.execute("SELECT structure, parameters FROM structures").fetchall() == [(130, CHOSEN)]
        both = archive.execute(
            "SELECT count(*), bool_and(a.tick = b.tick AND a.bus_voltage_v = b.bus_voltage_v) "
            "FROM parameters a JOIN parameters b USING (time_ns) "
            "WHERE a.structure = 130 AND b.structure = 1 AND b.quality = 'live'"
        ).fetchone()
        told = archive.execute("SELECT service, subtype, time_ns, content FROM reports").fetchall()
    assert {(service, subtype) for service, subtype, _, _ in told} == set(ASKED_BY)
    assert [json.loads(content) for *_, content in told] == [one["content"] for one in flown.reports]
    assert both == (sum(row["structure"] == 130 for row in flown.telemetry), True)


@pytest.mark.requirement("L2.2", "L2.6")
def test_an_independent_decoder_reads_of_services_what_the_archive_has(flown: Result, tmp_path: Path) -> None:
    """Verification and every answer, value by value, from the frames and the exported XTCE alone."""
    duckdb = pytest.importorskip("duckdb")
    write_result_folder(flown, tmp_path / "run")
    made = write_archive(source_of_run(RunFolder.open(tmp_path / "run")), tmp_path / "archive")

    def table(archive: Any, query: str) -> list[dict[str, Any]]:
        found = archive.execute(query)
        return [
            dict(zip([one[0] for one in found.description], row, strict=True)) for row in found.fetchall()
        ]

    with duckdb.connect(str(made / "archive.duckdb"), read_only=True) as archive:
        octets = b"".join(
            row[0] for row in archive.execute("SELECT octets FROM frames ORDER BY number").fetchall()
        )
        commands, told = table(archive, "SELECT * FROM commands"), table(archive, "SELECT * FROM reports")
    decoder = definition(tmp_path)
    kinds = {(1, subtype) for subtype in range(1, 9)} | set(ASKED_BY)
    decoded = [decoder.parse_bytes(one) for _, one in packets(octets) if (one[7], one[8]) in kinds]
    assert hold_verification(decoded, commands) >= 2 * len(COMMANDS)
    assert hold_answers(decoded, told).keys() == ASKED_BY.keys()
