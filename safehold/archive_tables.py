"""The tables of an archive that are made of rows of JSON: which columns each has, whether it has rows or not.

A query that names a column therefore holds for every run, also for one that lost nothing, or has had no
alarm. What a table's rows have besides stands behind these columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_NESTED = "JSON"  # only without rows: with them it is what the rows make of it
_TEXT = """
events  sim_time_ns:BIGINT source:VARCHAR id:BIGINT name:VARCHAR severity:VARCHAR arguments:JSON
    meaning:VARCHAR station:VARCHAR on_board_time_ns:BIGINT quality:VARCHAR
commands  index:BIGINT name:VARCHAR at_ns:BIGINT state:VARCHAR request_id:BIGINT station:BIGINT
    departure_ns:BIGINT accepted_ns:BIGINT completed_ns:BIGINT answer_ns:BIGINT executed_ns:BIGINT
    failure_code:BIGINT failure_parameter:BIGINT origin:VARCHAR priority:BIGINT expires_ns:BIGINT
    stack:VARCHAR radiations:BIGINT received_ns:BIGINT started_ns:BIGINT progress_ns:BIGINT closed_ns:BIGINT
    onboard_ns:BIGINT stored:BOOLEAN arguments:JSON execute_at_ns:BIGINT answers:JSON
    answers_left_out:BIGINT reason:VARCHAR
passes  station:VARCHAR aos_s:DOUBLE los_s:DOUBLE open:BOOLEAN elevation_max_deg:DOUBLE frames:BIGINT
    frames_refused:BIGINT commands:BIGINT bytes_possible:BIGINT bytes_received:BIGINT frames_lost:BIGINT
    bytes_lost:BIGINT bytes_repeated:BIGINT commands_verified:BIGINT backlog_records:BIGINT
    backlog_octets:BIGINT
alarms  kind:VARCHAR name:VARCHAR level:VARCHAR quality:VARCHAR raised_ns:BIGINT on_board_ns:BIGINT
    value:DOUBLE cleared_ns:BIGINT
ledger  stream:VARCHAR reason:VARCHAR first:BIGINT count:BIGINT time_ns:BIGINT
structures  structure:BIGINT from_ns:BIGINT source:VARCHAR parameters:VARCHAR[]
reports  arrival_ns:BIGINT station:VARCHAR quality:VARCHAR time_ns:BIGINT service:BIGINT subtype:BIGINT
    name:VARCHAR content:VARCHAR
summaries  time_ns:BIGINT arrival_ns:BIGINT tick_first:BIGINT tick_last:BIGINT samples:BIGINT
    station:VARCHAR element:VARCHAR least:DOUBLE mean:DOUBLE greatest:DOUBLE
"""


def _columns(text: str) -> dict[str, dict[str, str]]:
    tables = re.sub(r"\n +", " ", text).split("\n")
    return {
        name: dict(column.split(":") for column in columns)
        for name, *columns in (table.split() for table in tables if table)
    }


_ALL = _columns(_TEXT)
SUMMARIES: Mapping[str, str] = _ALL.pop("summaries")
COLUMNS: Mapping[str, Mapping[str, str]] = _ALL


def make_empty(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]) -> None:
    """A table without rows."""
    told = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"CREATE TABLE {table} ({told})")


def make_table(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]], scratch: Path
) -> None:
    """One of `COLUMNS` of its rows. Names of columns come from here and from our own documents alone."""
    columns = COLUMNS[table]
    if not rows:
        make_empty(connection, table, columns)
        return
    lines = scratch / f"{table}.jsonl"
    with lines.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    read = "read_json_auto(?, format = 'newline_delimited', sample_size = -1, map_inference_threshold = -1)"
    found = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {read}", [str(lines)]).fetchall()]
    chosen = [_chosen(name, kind, name in found) for name, kind in columns.items()]
    chosen += [_quoted(name) for name in found if name not in columns]
    connection.execute(f"CREATE TABLE {table} AS SELECT {', '.join(chosen)} FROM {read}", [str(lines)])


def _chosen(name: str, kind: str, is_there: bool) -> str:
    if not is_there:
        return f"NULL::{kind} AS {_quoted(name)}"
    return _quoted(name) if kind == _NESTED else f"{_quoted(name)}::{kind} AS {_quoted(name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
