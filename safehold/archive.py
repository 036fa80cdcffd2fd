"""A run's folder as one DuckDB database and Parquet files: raw frames, parameters, events, commands, passes.

Made from the folder alone, on request; whole columns go in at once. Text of events is data, and nowhere part
of a query.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flight.dictionary import ENUMERATIONS, PARAMETERS
from flight.tm_frames import TM_FRAME_OCTETS
from ground.alarms import LIVE
from safehold import parquet
from safehold.errors import FolderError
from safehold.folder import RunFolder
from safehold.on_board_clock import utc_texts

if TYPE_CHECKING:
    import duckdb

TABLES = ("frames", "parameters_raw", "parameters", "events", "commands", "passes", "alarms", "ledger")


def write_archive(folder: RunFolder, place: Path) -> Path:
    """Write the archive of a run into a new folder: `archive.duckdb`, and a Parquet file for each table.

    Raises FolderError if the run cannot be read, or `place` exists or cannot be written.
    """
    import duckdb

    if place.exists():
        raise FolderError("SH-OUT-002", f"{place} already exists; choose another --out")
    try:
        parent = place.absolute().parent
        with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=parent) as scratch:
            made = Path(scratch) / "archive"
            made.mkdir()
            connection = duckdb.connect(str(made / "archive.duckdb"))
            try:
                _fill(connection, folder, Path(scratch))
                for table in TABLES:
                    target = str(made / f"{table}.parquet").replace("'", "''")
                    connection.execute(f"COPY {table} TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
            finally:
                connection.close()
            os.replace(made, place)
    except OSError as error:
        raise FolderError("SH-OUT-001", f"{place} cannot be written: {error.strerror or error}") from None
    except duckdb.Error as error:
        raise FolderError("SH-OUT-003", f"{folder.path} cannot be archived: {error}") from None
    return place


def _fill(connection: duckdb.DuckDBPyConnection, folder: RunFolder, scratch: Path) -> None:
    frames = _frame_columns((folder.path / "frames.tm").read_bytes())
    connection.register("given", frames)
    connection.execute(
        "CREATE TABLE frames AS SELECT number, virtual_channel, master_count, channel_count, "
        "unhex(octets) AS octets FROM given"
    )
    connection.unregister("given")
    _telemetry(connection, folder)
    names = {row[0] for row in connection.execute("DESCRIBE parameters_raw").fetchall()}
    connection.execute(f"CREATE TABLE parameters AS SELECT {_engineering(names)} FROM parameters_raw")
    documents: Mapping[str, list[Any]] = {
        "events": folder.events(),
        **{name: folder.result.get(name, []) for name in ("commands", "passes", "alarms", "ledger")},
    }
    for name, rows in documents.items():
        if not rows:
            connection.execute(f"CREATE TABLE {name} (none_of_them VARCHAR)")
            continue
        lines = scratch / f"{name}.jsonl"
        lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        connection.execute(
            f"CREATE TABLE {name} AS SELECT * FROM read_json_auto(?, format = 'newline_delimited', "
            "sample_size = -1, map_inference_threshold = -1)",
            [str(lines)],
        )
    _time_events(connection, folder)


def _telemetry(connection: duckdb.DuckDBPyConnection, folder: RunFolder) -> None:
    """`parameters_raw`, with `time_utc` if the run tells of its clock."""
    file = str(folder.path / "telemetry.parquet")
    clock = folder.result.get("clock")
    if clock is None:
        connection.execute("CREATE TABLE parameters_raw AS SELECT * FROM read_parquet(?)", [file])
        return
    told = {row[0] for row in connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [file]).fetchall()}
    columns = parquet.read(Path(file), [one for one in ("time_ns", "arrival_ns", "quality") if one in told])
    arrivals, live = columns.get("arrival_ns"), columns.get("quality")
    texts = utc_texts(clock, columns["time_ns"], arrivals, None if live is None else live == LIVE)
    connection.register("times", {"time_utc": np.array(texts, dtype=object if texts else "U1")})
    connection.execute(
        "CREATE TABLE parameters_raw AS SELECT times.time_utc::VARCHAR AS time_utc, told.* "
        "FROM read_parquet(?) told POSITIONAL JOIN times",
        [file],
    )
    connection.unregister("times")


def _time_events(connection: duckdb.DuckDBPyConnection, folder: RunFolder) -> None:
    """Gives `events` their `on_board_utc`: of those that came to the ground, if the run tells of its clock
    and the time is known.

    They join as texts by themselves: read with the rest, most would be taken for a database's times of day,
    which have no leap seconds.
    """
    clock, events = folder.result.get("clock"), folder.events()
    came = [place for place, one in enumerate(events) if "on_board_time_ns" in one]
    if clock is None or not came:
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


def _frame_columns(stream: bytes) -> dict[str, NDArray[Any]]:
    """Raw frames, and what their headers say."""
    whole = len(stream) // TM_FRAME_OCTETS
    octets = np.frombuffer(stream, dtype=np.uint8, count=whole * TM_FRAME_OCTETS).reshape(whole, -1)
    texts = [stream[at * TM_FRAME_OCTETS : (at + 1) * TM_FRAME_OCTETS].hex() for at in range(whole)]
    return {
        "number": np.arange(whole, dtype=np.int64),
        "virtual_channel": (octets[:, 1] >> 1 & 7).astype(np.int16),
        "master_count": octets[:, 2].astype(np.int16),
        "channel_count": octets[:, 3].astype(np.int16),
        "octets": np.array(texts, dtype=object if texts else "U1"),
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
