"""The archive holds what the run's folder holds, and hostile text stays text."""

from __future__ import annotations

import json
import os
import re
from dataclasses import fields
from pathlib import Path

import duckdb
import numpy as np
import pytest

from flight.frames import Delivery
from flight.tm_frames import Clcw, TmFramer
from ground.alarms import Alarm
from ground.gaps import LedgerEntry
from ground.tracking import Tracking
from safehold import parquet
from safehold.archive import TABLES, archive_folder, source_of_run, write_archive
from safehold.archive_tables import COLUMNS
from safehold.command_replay import replay_command
from safehold.errors import FolderError
from safehold.folder import RunFolder
from safehold.frame_store import FrameStore
from safehold.report import report_again

HOSTILE = "=cmd|'/c calc'!A1 <script>alert(1)</script> \x1b[31m'); DROP TABLE events; --"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    frames = TmFramer().frames([bytes([0, 100, 192, 0, 0, 3, 1, 2, 3, 4])], Clcw())
    (tmp_path / "frames.tm").write_bytes(b"".join(frames) * 3)
    (tmp_path / "scenario.toml").write_text("", encoding="utf-8")
    events = [{"id": 1, "name": HOSTILE, "arguments": {"a": 1.0}}, {"id": 2, "name": "b", "arguments": {}}]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
    result = {"commands": [{"name": "ping", "state": "completed"}], "passes": [{"station": "x"}]}
    (tmp_path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    columns = {
        "time_ns": np.array([1, 2]),
        "mode": np.array([4, 3]),
        "rate_norm_rad_s": np.array([np.pi, 0.0]),
        "temperature_k_0": np.array([273.15, 300.0]),
    }
    parquet.write(tmp_path / "telemetry.parquet", columns)
    return RunFolder.open(tmp_path)


def test_archive_holds_the_run(folder: RunFolder, tmp_path: Path) -> None:
    place = write_archive(source_of_run(folder), tmp_path / "archive")
    with duckdb.connect(str(place / "archive.duckdb"), read_only=True) as database:
        frames = database.execute("SELECT octets FROM frames ORDER BY number").fetchall()
        assert b"".join(row[0] for row in frames) == (folder.path / "frames.tm").read_bytes()
        assert database.execute("SELECT name FROM events ORDER BY id").fetchall() == [(HOSTILE,), ("b",)]
        assert database.execute("SELECT mode FROM parameters_raw ORDER BY time_ns").fetchall() == [(4,), (3,)]
        query = "SELECT mode, rate_norm_deg_s, temperature_deg_c_0 FROM parameters ORDER BY time_ns"
        assert database.execute(query).fetchone() == ("STANDBY", pytest.approx(180.0), pytest.approx(0.0))
        assert database.execute("SELECT state FROM commands").fetchall() == [("completed",)]
    assert all((place / f"{table}.parquet").exists() for table in TABLES)


def test_an_archive_is_not_overwritten(folder: RunFolder, tmp_path: Path) -> None:
    write_archive(source_of_run(folder), tmp_path / "archive")
    with pytest.raises(FolderError, match="already exists"):
        write_archive(source_of_run(folder), tmp_path / "archive")


@pytest.mark.requirement("L2.2")
def test_frames_have_their_arrivals_and_none_in_a_run_of_an_earlier_version(
    folder: RunFolder, tmp_path: Path
) -> None:
    query = "SELECT number, arrival_ns, station FROM frames ORDER BY number"

    def found(place: Path) -> list[tuple[object, ...]]:
        write_archive(source_of_run(folder), place)
        with duckdb.connect(str(place / "archive.duckdb"), read_only=True) as database:
            return database.execute(query).fetchall()

    assert found(tmp_path / "old") == [(0, None, None), (1, None, None), (2, None, None)]
    store = FrameStore()
    store.add([Delivery(10, 1, b"a"), Delivery(20, 0, b"b"), Delivery(25, 1, b"c")])
    parquet.write_pieces(tmp_path / "arrivals.parquet", store.arrivals(["svalbard", "troll"]))
    assert found(tmp_path / "new") == [(0, 10, "troll"), (1, 20, "svalbard"), (2, 25, "troll")]
    parquet.write_pieces(tmp_path / "arrivals.parquet", FrameStore().arrivals(["svalbard"]))
    with pytest.raises(FolderError, match="as many frames"):
        write_archive(source_of_run(folder), tmp_path / "torn")


def test_the_columns_are_those_of_our_rows() -> None:
    for table, kind in (("ledger", LedgerEntry), ("alarms", Alarm)):
        assert list(COLUMNS[table]) == [one.name for one in fields(kind)]
    assert {one.name for one in fields(Tracking)} < COLUMNS["commands"].keys()


@pytest.mark.requirement("L2.2")
def test_tables_have_their_columns_without_rows(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{}", encoding="utf-8")
    (tmp_path / "events.jsonl").write_text("", encoding="utf-8")
    place = write_archive(source_of_run(RunFolder.open(folder.path)), tmp_path / "archive")
    with duckdb.connect(str(place / "archive.duckdb"), read_only=True) as database:
        for query in (
            "SELECT stream, reason, first, count FROM ledger",
            "SELECT name, raised_ns + 1 FROM alarms WHERE cleared_ns IS NULL",
            "SELECT state FROM commands WHERE executed_ns > 0",
            "SELECT least, mean, greatest FROM summaries",
            "SELECT content FROM reports WHERE service = 20",
            "SELECT parameters[1] FROM structures",
            "SELECT station FROM passes WHERE los_s > aos_s",
            "SELECT on_board_utc FROM events WHERE severity = 'high'",
        ):
            assert database.execute(query).fetchall() == [], query


DEEP = "[" * 200_000
SPOILT = {
    "deep": ("result.json", DEEP, "result.json cannot be read: nested too deep"),
    "no object": ("result.json", "[]", "result.json cannot be read: not an object"),
    "no list": ("result.json", '{"commands": 5}', "result.json: commands is no list of objects"),
    "no rows": ("result.json", '{"commands": [5, "x", null]}', "commands is no list of objects"),
    "clock without parts": ("result.json", '{"clock": {"x": 1}}', "clock cannot be read: it has no 'before'"),
    "clock of a list": ("result.json", '{"clock": []}', "result.json: clock cannot be read"),
    "event of a number": ("events.jsonl", "5", "events.jsonl cannot be read: line 1: not an object"),
    "deep event": ("events.jsonl", "{}\n" + DEEP, "events.jsonl cannot be read: line 2: nested too deep"),
    "time of text": ("events.jsonl", '{"on_board_time_ns": "x"}', "on_board_time_ns of event 1 is 'x'"),
    "time beyond": ("events.jsonl", '{"sim_time_ns": 1e300}', "sim_time_ns of event 1 is 1e"),
    "report of nothing": ("reports.jsonl", "{}", "reports.jsonl: report 1 has no content"),
    "link of a number": ("scenario.toml", "link = 5", "scenario.toml: link cannot be read"),
    "protection": ("scenario.toml", 'link.telemetry_protection = "x"', "telemetry_protection is 'x'"),
    "no TOML": ("scenario.toml", "x = =", "scenario.toml cannot be read: Invalid value"),
    "deep TOML": ("scenario.toml", f"x = {DEEP}", "scenario.toml cannot be read: nested too deep"),
    "other columns": ("telemetry.parquet", None, "cannot be archived"),
}


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("what", SPOILT)
def test_a_document_that_was_spoilt_is_refused_by_name(folder: RunFolder, tmp_path: Path, what: str) -> None:
    name, text, wrong = SPOILT[what]
    if text is None:
        parquet.write(tmp_path / name, {"other": np.zeros(1)})
        clock = {"epoch_utc": "2026-06-21T00:00:00+00:00", "before": [], "line": None}
        (tmp_path / "result.json").write_text(json.dumps({"clock": clock}), encoding="utf-8")
    else:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(FolderError, match=re.escape(wrong)) as caught:
        archive_folder(tmp_path, tmp_path / "archive")
    assert (caught.value.id, caught.value.exit_code) == ("SH-OUT-003", 2)
    assert not (tmp_path / "archive").exists()


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("name", ["result.json", "scenario.toml", "events.jsonl", "frames.tm"])
def test_a_file_that_is_missing_or_a_pipe_is_refused_by_name(
    folder: RunFolder, tmp_path: Path, name: str
) -> None:
    """Opening a pipe would wait for who writes to it."""
    (tmp_path / name).unlink()
    with pytest.raises(FolderError, match=rf"(it has no {name}|{name} cannot be read: No such file)"):
        archive_folder(tmp_path, tmp_path / "archive")
    os.mkfifo(tmp_path / name)
    with pytest.raises(FolderError, match=f"{name} cannot be read: it is no file"):
        archive_folder(tmp_path, tmp_path / "archive")


@pytest.mark.requirement("S3")
def test_a_report_and_a_replay_refuse_what_was_spoilt_by_name(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "truth.parquet").write_bytes(b"nonsense")
    with pytest.raises(FolderError, match=r"truth\.parquet cannot be read"):
        report_again(tmp_path)
    parquet.write(tmp_path / "truth.parquet", {"other": np.zeros(1)})
    with pytest.raises(FolderError, match="SH-OUT-003"):
        report_again(tmp_path)
    for text, wrong in (
        ('{"complete": true}', "it has no 'digests'"),
        ('{"complete": true, "digests": []}', "result.json cannot be read"),
        (DEEP, "nested too deep"),
    ):
        (tmp_path / "result.json").write_text(text, encoding="utf-8")
        with pytest.raises(FolderError, match=wrong):
            replay_command(tmp_path, json_output=False)
    with pytest.raises(FolderError, match="nested too deep"):
        report_again(tmp_path)


@pytest.mark.requirement("L2.2")
def test_on_board_times_are_utc_by_correlation_and_leap_seconds(folder: RunFolder, tmp_path: Path) -> None:
    """A clock that is two seconds ahead and counts from just before the leap second of 2016."""
    line = {"reference_ns": 0, "offset_ns": 2e9, "drift": 0.0, "offset_sigma_ns": 1.0, "drift_sigma": 0.0}
    clock = {"epoch_utc": "2016-12-31T23:59:59+00:00", "before": [], "line": line | {"pairs": 9}}
    times = np.array([2_000_000_000, 3_250_000_000, 4_250_000_000])
    parquet.write(tmp_path / "telemetry.parquet", {"time_ns": times, "mode": np.array([1, 2, 3])})
    (tmp_path / "result.json").write_text(json.dumps({"clock": clock}), encoding="utf-8")
    came = {"id": 3, "name": "c", "arguments": {}, "on_board_time_ns": 3_250_000_000}
    (tmp_path / "events.jsonl").write_text(
        "".join(json.dumps(one) + "\n" for one in ({"id": 1, "name": "a", "arguments": {}}, came)),
        encoding="utf-8",
    )
    place = write_archive(source_of_run(RunFolder.open(tmp_path)), tmp_path / "archive")
    with duckdb.connect(str(place / "archive.duckdb"), read_only=True) as database:
        rows = database.execute("SELECT time_utc, mode FROM parameters ORDER BY time_ns").fetchall()
        assert [row[0] for row in rows] == [
            "2016-12-31T23:59:59.000000Z",
            "2016-12-31T23:59:60.250000Z",
            "2017-01-01T00:00:00.250000Z",
        ]
        assert len({row[1] for row in rows}) == 3
        events = database.execute("SELECT id, on_board_utc FROM events ORDER BY id").fetchall()
        assert events == [(1, None), (3, "2016-12-31T23:59:60.250000Z")]


@pytest.mark.requirement("L2.2", "L3.7")
def test_a_time_that_a_clock_read_twice_is_left_out_if_stored(folder: RunFolder, tmp_path: Path) -> None:
    """Set back by half an hour at 3,600 s; 3,000 s was read then, and again half an hour later."""
    line = {"reference_ns": 0, "drift": 0.0, "offset_sigma_ns": 1.0, "drift_sigma": 0.0, "pairs": 9}
    past = line | {"offset_ns": 0.0, "last_ns": 3600 * 10**9, "next_ns": 3608 * 10**9}
    clock = {
        "epoch_utc": "2026-06-21T00:00:00+00:00",
        "before": [past],
        "line": line | {"offset_ns": -1800e9},
    }
    read_ns = 3000 * 10**9
    columns = {
        "time_ns": np.array([read_ns] * 4),
        "arrival_ns": np.array([3000, 4800, 4000, 9000]) * 10**9 + 250_000_000,
        "quality": np.array(["live", "live", "stored", "stored"]),
    }
    parquet.write(tmp_path / "telemetry.parquet", columns)
    (tmp_path / "result.json").write_text(json.dumps({"clock": clock}), encoding="utf-8")
    events = [
        {"id": 1, "name": "a", "on_board_time_ns": read_ns, "sim_time_ns": int(at), "quality": str(quality)}
        for at, quality in zip(columns["arrival_ns"], columns["quality"], strict=True)
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
    place = write_archive(source_of_run(RunFolder.open(tmp_path)), tmp_path / "archive")
    first, second = "2026-06-21T00:50:00.000000Z", "2026-06-21T01:20:00.000000Z"
    with duckdb.connect(str(place / "archive.duckdb"), read_only=True) as database:
        times = database.execute("SELECT time_utc FROM parameters ORDER BY quality, arrival_ns").fetchall()
        assert [row[0] for row in times] == [first, second, first, None]
        times = database.execute("SELECT on_board_utc FROM events ORDER BY quality, sim_time_ns").fetchall()
        assert [row[0] for row in times] == [first, second, first, None]
