"""What a ground received as one DuckDB database and Parquet files: raw frames, parameters, events, commands,
passes. Made on request, from a run's folder or from one in which `safehold ground` keeps itself.

Rows go in some thousands at a time. Text of events is data, and nowhere part of a query.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flight.dictionary import ENUMERATIONS, PARAMETERS
from flight.tm_frames import TM_FRAME_OCTETS
from flight.tm_protection import PROTECTIONS, kept_octets
from ground.alarms import LIVE
from safehold import parquet
from safehold.archive_tables import COLUMNS, SUMMARIES, make_empty, make_table
from safehold.documents import DAMAGED, open_file, read_toml, reading, require_file, said
from safehold.errors import FolderError
from safehold.folder import RunFolder
from safehold.frame_store import ARRIVALS
from safehold.on_board_clock import utc_texts

if TYPE_CHECKING:
    import duckdb

DOCUMENTS = tuple(COLUMNS)
TABLES = ("frames", "parameters_raw", "parameters", "summaries", *DOCUMENTS)
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "memory_limit": "512MB"}
_FRAMES_AT_A_TIME = 4096
_FILES = ("events", "reports")  # of DOCUMENTS: each has a file of its own; the others stand in result.json
_TIME_MAX_NS = 1 << 62


@dataclass(frozen=True, slots=True)
class Source:
    """What an archive is made of: frames as they were kept, back to back; Parquet files of their arrivals, of
    telemetry and of summaries; rows of each of `DOCUMENTS`; and what is known of the on-board clock. Frames
    that were protected are kept opened, and then shorter.
    """

    path: Path
    frames: Path
    arrivals: Path
    telemetry: Path
    summaries: Path
    documents: Mapping[str, Sequence[Mapping[str, Any]]]
    clock: Mapping[str, Any] | None
    frame_octets: int = TM_FRAME_OCTETS


def source_of_run(folder: RunFolder) -> Source:
    """A run's folder as a source; raises FolderError for a file of it that cannot be read."""
    told = {name: folder.rows(name) for name in DOCUMENTS if name not in _FILES}
    since = [name for name in (ARRIVALS, "summaries.parquet") if (folder.path / name).exists()]
    for name in ("frames.tm", "telemetry.parquet", *since):
        require_file(folder.path / name)
    return Source(
        path=folder.path,
        frames=folder.path / "frames.tm",
        arrivals=folder.path / ARRIVALS,
        telemetry=folder.path / "telemetry.parquet",
        summaries=folder.path / "summaries.parquet",
        documents={"events": _events(folder), **told, "reports": _reports(folder)},
        clock=_clock(folder),
        frame_octets=_frame_octets(folder),
    )


def _events(folder: RunFolder) -> list[dict[str, Any]]:
    """Events whose times are times."""
    found = folder.events()
    for place, one in enumerate(found, start=1):
        for name in (name for name in ("sim_time_ns", "on_board_time_ns") if name in one):
            if type(one[name]) is not int or not -_TIME_MAX_NS <= one[name] <= _TIME_MAX_NS:
                wrong = f"{name} of event {place} is {one[name]!r:.40}, not a time in nanoseconds"
                raise FolderError("SH-OUT-003", f"{folder.path / 'events.jsonl'}: {wrong}")
    return found


def _reports(folder: RunFolder) -> list[dict[str, Any]]:
    """Reports that say something."""
    found = folder.reports()
    for place, one in enumerate(found, start=1):
        if "content" not in one:
            wrong = f"report {place} has no content"
            raise FolderError("SH-OUT-003", f"{folder.path / 'reports.jsonl'}: {wrong}")
    return found


def _clock(folder: RunFolder) -> dict[str, Any] | None:
    """What the run tells of its clock, which times can be translated by."""
    clock: dict[str, Any] | None = folder.result.get("clock")
    if clock is not None:
        with reading(folder.path / "result.json", "clock"):
            utc_texts(clock, np.zeros(1, dtype=np.int64))
    return clock


def _frame_octets(folder: RunFolder) -> int:
    path = folder.path / "scenario.toml"
    scenario = read_toml(path, folder.scenario_text)
    with reading(path, "link"):
        protection = scenario.get("link", {}).get("telemetry_protection", "none")
        if protection not in PROTECTIONS:
            raise ValueError(f"telemetry_protection is {protection!r:.40}")
        return kept_octets(protection)


def archive_folder(folder: Path, place: Path) -> Path:
    """Write the archive of a run's folder, or of a ground's, into a new folder; raises FolderError."""
    from safehold.ground_folder import is_ground_folder, source_of_ground

    if (folder / "result.json").exists() or not is_ground_folder(folder):
        return write_archive(source_of_run(RunFolder.open(folder)), place)
    with tempfile.TemporaryDirectory(prefix="safehold-archive-") as scratch:
        return write_archive(source_of_ground(folder, Path(scratch)), place)


def write_archive(source: Source, place: Path) -> Path:
    """Write the archive into a new folder: `archive.duckdb`, and a Parquet file for each table.

    Raises FolderError if the source cannot be read, or `place` exists or cannot be written.
    """
    import duckdb

    if place.exists():
        raise FolderError("SH-OUT-002", f"{place} already exists; choose another --out")
    try:
        parent = place.absolute().parent
        with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=parent) as scratch:
            made = Path(scratch) / "archive"
            made.mkdir()
            connection = duckdb.connect(str(made / "archive.duckdb"), config=_CONFIG)
            try:
                _fill(connection, source, Path(scratch))
                for table in TABLES:
                    target = str(made / f"{table}.parquet").replace("'", "''")
                    connection.execute(f"COPY {table} TO '{target}' ({parquet.FORMAT})")
            finally:
                connection.close()
            os.replace(made, place)
    except OSError as error:
        raise FolderError("SH-OUT-001", f"{place} cannot be written: {error.strerror or error}") from None
    except DAMAGED as error:  # columns and rows that are none of ours, whatever they look like
        raise FolderError("SH-OUT-003", f"{source.path} cannot be archived: {said(error)}") from None
    except duckdb.Error as error:
        raise FolderError("SH-OUT-003", f"{source.path} cannot be archived: {error}") from None
    return place


def _fill(connection: duckdb.DuckDBPyConnection, source: Source, scratch: Path) -> None:
    _frames(connection, source)
    _timed(connection, source, scratch, "parameters_raw", source.telemetry)
    names = {row[0] for row in connection.execute("DESCRIBE parameters_raw").fetchall()}
    connection.execute(f"CREATE TABLE parameters AS SELECT {_engineering(names)} FROM parameters_raw")
    if source.summaries.exists():
        _timed(connection, source, scratch, "summaries", source.summaries)
    else:  # a run of an earlier version
        make_empty(connection, "summaries", SUMMARIES)
    for name in DOCUMENTS:
        rows = source.documents.get(name, ())
        if name == "reports":  # what each says is a document of its own kind
            rows = [{**row, "content": json.dumps(row["content"])} for row in rows]
        make_table(connection, name, rows, scratch)
    _time_events(connection, source)


def _timed(
    connection: duckdb.DuckDBPyConnection, source: Source, scratch: Path, table: str, file: Path
) -> None:
    """A table of a file, with `time_utc` if the run tells of its clock."""
    clock = source.clock
    if clock is None:
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet(?)", [str(file)])
        return
    names = [one for one in ("time_ns", "arrival_ns", "quality") if one in parquet.names(file)]
    rows = parquet.rows(file)
    cuts = [*range(0, max(rows, 1), parquet.ROWS_AT_A_TIME), rows]
    times = scratch / f"{table}.parquet"
    parquet.write_pieces(times, (_utc(clock, one) for one in parquet.read_pieces(file, names, cuts)))
    connection.execute(
        f"CREATE TABLE {table} AS SELECT times.time_utc::VARCHAR AS time_utc, told.* "
        "FROM read_parquet(?) told POSITIONAL JOIN read_parquet(?) times",
        [str(file), str(times)],
    )


def _utc(clock: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """`time_utc` of rows; what has no quality is stored."""
    arrivals, quality = columns.get("arrival_ns"), columns.get("quality")
    live = None if quality is None else quality == LIVE
    if quality is None and arrivals is not None:
        live = np.zeros(len(arrivals), dtype=np.bool_)
    texts = utc_texts(clock, columns["time_ns"], arrivals, live)
    return {"time_utc": np.array(texts, dtype=object if texts else "U1")}


def _time_events(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Gives `events` their `on_board_utc`: of those that came to the ground, if the run tells of its clock
    and the time is known.

    They join as texts by themselves: read with the rest, most would be taken for a database's times of day,
    which have no leap seconds.
    """
    clock, events = source.clock, source.documents["events"]
    came = [place for place, one in enumerate(events) if "on_board_time_ns" in one]
    if clock is None or not came:
        connection.execute("ALTER TABLE events ADD COLUMN on_board_utc VARCHAR")
        return
    texts: list[str | None] = [None] * len(events)
    times = np.array([events[place]["on_board_time_ns"] for place in came], dtype=np.int64)
    arrivals = None
    if all("sim_time_ns" in events[place] for place in came):
        arrivals = np.array([events[place]["sim_time_ns"] for place in came], dtype=np.int64)
    live = np.array([events[place].get("quality") == LIVE for place in came], dtype=np.bool_)
    for place, text in zip(came, utc_texts(clock, times, arrivals, live), strict=True):
        texts[place] = text
    connection.register("times", {"on_board_utc": np.array(texts, dtype=object)})
    connection.execute(
        "CREATE OR REPLACE TABLE events AS SELECT told.*, times.on_board_utc::VARCHAR AS on_board_utc "
        "FROM events told POSITIONAL JOIN times"
    )
    connection.unregister("times")


def _frames(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Raw frames, what their headers say, and when and where each arrived. A run of an earlier version tells
    of no arrivals.
    """
    connection.execute(
        "CREATE TABLE frames (number BIGINT, arrival_ns BIGINT, station VARCHAR, virtual_channel SMALLINT, "
        "master_count SMALLINT, channel_count SMALLINT, octets BLOB)"
    )
    size, told = source.frame_octets, source.arrivals.exists()
    total = source.frames.stat().st_size // size
    if told and parquet.rows(source.arrivals) != total:
        wrong = f"{source.path}: {source.arrivals.name} does not tell of as many frames as there are, {total}"
        raise FolderError("SH-OUT-003", wrong)
    cuts = [*range(0, total, _FRAMES_AT_A_TIME), total]
    arrivals = parquet.read_pieces(source.arrivals, ("arrival_ns", "station"), cuts) if told else repeat(None)
    with reading(source.frames):
        file = open_file(source.frames)
    with file:
        for (first, end), arrived in zip(pairwise(cuts), arrivals, strict=False):
            whole = end - first
            with reading(source.frames):
                stream = file.read(whole * size)
            given = _frame_columns(stream, first, whole, size)
            connection.register("given", {**given, **(arrived or {})})
            when = "arrival_ns, station" if arrived else "NULL, NULL"
            connection.execute(
                f"INSERT INTO frames SELECT number, {when}, virtual_channel, master_count, channel_count, "
                "unhex(octets) FROM given"
            )
            connection.unregister("given")


def _frame_columns(stream: bytes, first: int, whole: int, size: int) -> dict[str, NDArray[Any]]:
    octets = np.frombuffer(stream, dtype=np.uint8, count=whole * size).reshape(whole, -1)
    texts = [stream[at * size : (at + 1) * size].hex() for at in range(whole)]
    return {
        "number": np.arange(first, first + whole, dtype=np.int64),
        "virtual_channel": (octets[:, 1] >> 1 & 7).astype(np.int16),
        "master_count": octets[:, 2].astype(np.int16),
        "channel_count": octets[:, 3].astype(np.int16),
        "octets": np.array(texts, dtype=object),
    }


def _engineering(names: set[str]) -> str:
    """Columns in engineering units: degrees for radians, degrees Celsius for kelvin, names for numbers of an
    enumeration. Names come from the dictionary alone.
    """
    changed = []
    for parameter in PARAMETERS.values():
        each = (
            [f"{parameter.name}_{i}" for i in range(parameter.count)] if parameter.shape else [parameter.name]
        )
        for name in (one for one in each if one in names):
            if parameter.enumeration:
                labels = ", ".join(f"'{label}'" for label in ENUMERATIONS[parameter.enumeration])
                changed.append(f"list_extract([{labels}], TRY_CAST({name} AS INTEGER) + 1) AS {name}")
            elif parameter.unit in ("rad", "rad/s"):
                changed.append(f"degrees({name}) AS {name.replace('_rad', '_deg')}")
            elif parameter.unit == "K":
                changed.append(f"{name} - 273.15 AS {name.replace('_k', '_deg_c')}")
            else:
                changed.append(name)
    heads = [
        name
        for name in ("time_utc", "arrival_ns", "station", "time_ns", "structure", "quality")
        if name in names
    ]
    return ", ".join([*heads, *changed])
