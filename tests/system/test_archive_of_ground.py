"""The folder in which `safehold ground --data` keeps itself gives the archive that the run's folder gives."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ground.store.journal import MAGIC
from safehold.archive import archive_folder
from safehold.checks import shortened
from safehold.deployment import Deployment
from safehold.errors import FolderError
from safehold.run import Outing, conclude
from safehold.run_folder import write_result_folder
from safehold.scenario import load
from safehold.simulation import Simulation

SECONDS = 8_000
TABLES = ("frames", "parameters_raw", "parameters", "summaries", "commands", "alarms", "ledger")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Archives of the run's folder, and of the ground's while it runs; beside them lies what they are of."""
    place = tmp_path_factory.mktemp("ground")
    scenario = shortened(load("first-contact"), SECONDS * 10**9)
    errors = sys.stderr
    with (place / "told").open("w", encoding="utf-8") as told:
        sys.stderr = told
        try:
            simulation = Simulation(scenario, deployment=Deployment(ground="tcp://127.0.0.1:*"))
        finally:
            sys.stderr = errors
    said = re.search("safehold ground (.*)", (place / "told").read_text(encoding="utf-8"))
    assert said is not None
    arguments = [*said[1].split(), "--data", str(place / "data")]
    process = subprocess.Popen([sys.executable, "-m", "safehold", "ground", *arguments])
    try:
        outing = Outing(simulation)
        assert outing.fly()
        write_result_folder(conclude(outing, complete=True), place / "run")
        archive_folder(place / "data", place / "of_ground")
        archive_folder(place / "run", place / "of_run")
    finally:
        simulation.close()
        process.kill()
        process.wait()
    return place / "of_run", place / "of_ground"


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "archive.duckdb"), read_only=True) as database:
        return database.execute(query).fetchall()


@pytest.mark.requirement("L2.2", "L2.6")
@pytest.mark.parametrize("table", TABLES)
def test_a_ground_that_kept_itself_gives_the_run_s_archive(folders: tuple[Path, Path], table: str) -> None:
    of_run, of_ground = folders
    assert rows(of_run, f"DESCRIBE {table}") == rows(of_ground, f"DESCRIBE {table}")
    ours, theirs = rows(of_run, f"SELECT * FROM {table}"), rows(of_ground, f"SELECT * FROM {table}")
    assert len(ours) == len(theirs)
    assert list(map(repr, ours)) == list(map(repr, theirs))
    if table in ("frames", "parameters", "summaries", "commands"):
        assert len(ours) > 3, "there is something to compare"


@pytest.mark.requirement("L2.2")
def test_its_events_and_passes_are_those_of_the_run(folders: tuple[Path, Path]) -> None:
    of_run, of_ground = folders
    columns = (
        "sim_time_ns, station, id, name, severity, arguments::JSON, on_board_time_ns, quality, on_board_utc"
    )
    mine = rows(of_run, f"SELECT {columns} FROM events WHERE source = 'ground'")
    events = rows(of_ground, f"SELECT {columns} FROM events")
    assert len(events) > 20
    assert events == mine
    wanted = "station, frames, commands, bytes_received, frames_lost, bytes_repeated, commands_verified"
    untold = "SELECT count(*) FROM frames WHERE arrival_ns IS NULL OR station IS NULL"
    assert rows(of_run, untold) == [(0,)]
    heard = f"SELECT {wanted} FROM passes WHERE frames > 0 ORDER BY aos_s"
    assert rows(of_run, heard) == rows(of_ground, heard) != []


def copied(folders: tuple[Path, Path], place: Path) -> Path:
    shutil.copytree(folders[0].parent / "data", place / "data")
    return place / "data"


def test_a_torn_journal_gives_what_is_whole(folders: tuple[Path, Path], tmp_path: Path) -> None:
    data = copied(folders, tmp_path)
    journal = data / "frames.journal"
    octets = bytearray(journal.read_bytes()[:-100])
    octets[octets.index(MAGIC, 5000) + 40] ^= 1
    journal.write_bytes(octets)
    archive_folder(data, tmp_path / "archive")
    whole = rows(folders[1], "SELECT count(*) FROM frames")[0][0]
    assert rows(tmp_path / "archive", "SELECT count(*) FROM frames") == [(whole - 2,)]


@pytest.mark.requirement("S3")
def test_what_is_no_ground_s_folder_is_refused_by_name(folders: tuple[Path, Path], tmp_path: Path) -> None:
    data = copied(folders, tmp_path)

    def refused() -> str:
        with pytest.raises(FolderError) as caught:
            archive_folder(data, tmp_path / "archive")
        assert not (tmp_path / "archive").exists()
        assert not [path for path in tmp_path.iterdir() if path != data]
        return str(caught.value)

    (data / "frames.journal").rename(data / "elsewhere")
    assert "has no frames.journal" in refused()
    (data / "frames.journal").touch()
    assert "frames.journal has none of the frames that queue.sqlite tells of" in refused()
    (data / "frames.journal").unlink()
    os.mkfifo(data / "frames.journal")
    assert "frames.journal cannot be read: it is no file" in refused()
    (data / "elsewhere").rename(data / "frames.journal")
    with sqlite3.connect(data / "queue.sqlite") as database:
        database.execute("UPDATE piece SET value = '[]' WHERE name = 'contacts'")
    database.close()
    assert "no ground that can be read" in refused()
    with sqlite3.connect(data / "queue.sqlite") as database:
        database.execute("DELETE FROM piece WHERE name = 'configuration'")
    database.close()
    assert "its configuration was not kept" in refused()
    with sqlite3.connect(data / "queue.sqlite") as database:
        database.execute("UPDATE meta SET value = 1")
    database.close()
    assert "version 1" in refused()
    for name in ("queue.sqlite-wal", "queue.sqlite-shm"):
        (data / name).unlink(missing_ok=True)
    (data / "queue.sqlite").write_bytes(b"not a database" * 100)
    assert "not a database" in refused()
    shutil.rmtree(data)
    data.mkdir()
    assert "holds no run: it has no result.json" in refused()
