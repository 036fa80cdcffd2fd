"""Five questions to a campaign's results, in SQL for DuckDB, and the tables that they ask.

The tables are read from `runs.jsonl`, which the analysis leaves in a campaign's folder, a line a run; the
many small files below results/ take DuckDB some seventy times as long. docs/campaigns.md shows how to ask
further questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safehold.campaign.analysis import RUNS_FILE
from safehold.errors import FolderError

_FAULT = (
    "STRUCT(kind VARCHAR, target VARCHAR, mode VARCHAR, light VARCHAR, injected_s DOUBLE, detect_s DOUBLE, "
    "isolate_s DOUBLE, recover_s DOUBLE, recoverable BOOLEAN)"
)
_COLUMNS = {
    "index": "BIGINT",
    "key": "VARCHAR",
    "labels": "MAP(VARCHAR, VARCHAR)",
    "state": "VARCHAR",
    "why": "VARCHAR",
    "scenario": "VARCHAR",
    "seed": "BIGINT",
    "outcome": "VARCHAR",
    "failed": "BOOLEAN",
    "reasons": "VARCHAR[]",
    "unmet": "STRUCT(what VARCHAR, found VARCHAR, why VARCHAR, short_by DOUBLE)[]",
    "digest": "VARCHAR",
    "digest_until_s": "DOUBLE",
    "complete": "BOOLEAN",
    "sim_s": "DOUBLE",
    "stop": "STRUCT(kind VARCHAR, at_s DOUBLE, flown_s DOUBLE)",
    "working_s": "DOUBLE",
    "outage_s": "DOUBLE",
    "judged_s": "DOUBLE",
    "faults": f"{_FAULT}[]",
}


@dataclass(frozen=True, slots=True)
class Query:
    """A question and the SQL that answers it."""

    name: str
    question: str
    sql: str


QUERIES = (
    Query(
        "outcomes",
        "Outcomes by kind of fault, the mode that it hit and the light there",
        """SELECT kind, mode, light, count(*) AS runs, count(*) FILTER (outcome = 'OK') AS ok,
       count(*) FILTER (outcome = 'DEGRADED') AS degraded, count(*) FILTER (outcome = 'LOST') AS lost,
       count(*) FILTER (failed) AS failed
FROM runs JOIN faults USING ("index")
WHERE place = 1
GROUP BY kind, mode, light
ORDER BY failed DESC, lost DESC, degraded DESC, kind, mode, light""",
    ),
    Query(
        "slowest",
        "The faults that took longest to detect",
        """SELECT "index", kind, target, mode, light, injected_s, detect_s, outcome
FROM faults JOIN runs USING ("index")
WHERE detect_s IS NOT NULL
ORDER BY detect_s DESC, "index", place
LIMIT 20""",
    ),
    Query(
        "stops",
        "How runs ended, and how much of them was flown",
        """SELECT stop.kind AS ended, count(*) AS runs, round(avg(stop.flown_s), 1) AS mean_flown_s,
       round(100 * sum(stop.flown_s) / sum(sim_s), 3) AS percent_flown
FROM runs
WHERE state = 'flown'
GROUP BY ended
ORDER BY ended""",
    ),
    Query(
        "unmet",
        "The expectations that were most often unmet, and by how much in the worst run",
        """SELECT what, count(*) AS runs, max(short_by) AS worst_short_by,
       arg_max("index", coalesce(short_by, 0)) AS worst_run, any_value(why) AS why
FROM unmet
GROUP BY what
ORDER BY runs DESC, what""",
    ),
    Query(
        "dispersion",
        "How long the satellite took to its work, by how fast it tumbled at release",
        """SELECT floor(rate_deg_s) AS from_deg_s, count(*) AS runs,
       quantile_disc(working_s, 0.5) AS median_s, max(working_s) AS slowest_s,
       count(*) FILTER (working_s IS NULL) AS never
FROM runs JOIN (SELECT "index", sqrt(sum(number * number)) AS rate_deg_s
                FROM labels WHERE label LIKE 'initial.rate_deg_s[%' GROUP BY "index") USING ("index")
WHERE state = 'flown'
GROUP BY from_deg_s
ORDER BY from_deg_s""",
    ),
)

_TABLES = """CREATE TABLE runs AS
    SELECT * FROM read_json('{path}', format = 'newline_delimited', columns = {{{columns}}});
CREATE VIEW faults AS
    SELECT "index", row_number() OVER (PARTITION BY "index" ORDER BY fault.injected_s) AS place, fault.*
    FROM (SELECT "index", unnest(faults) AS fault FROM runs);
CREATE VIEW unmet AS
    SELECT "index", entry.* FROM (SELECT "index", unnest(unmet) AS entry FROM runs);
CREATE VIEW labels AS
    SELECT "index", drawn.key AS label, drawn.value AS word, try_cast(drawn.value AS DOUBLE) AS number
    FROM (SELECT "index", unnest(map_entries(labels)) AS drawn FROM runs);"""


def connect(folder: Path) -> Any:
    """A DuckDB connection with the campaign's tables. Raises FolderError.

    runs: a row a run, as in runs.jsonl. faults: a row an injected fault, `place` counting from 1 in the order
    of injection. unmet: a row an unmet expectation. labels: a row a value drawn, `number` or `word`.
    """
    import duckdb

    path = folder / RUNS_FILE
    if not path.exists():
        raise FolderError("SH-OUT-003", f"{path} is not there; `safehold report {folder}` writes it")
    connection = duckdb.connect()
    columns = ", ".join(f"'{name}': '{type_}'" for name, type_ in _COLUMNS.items())
    quoted = str(path).replace("'", "''")
    connection.execute(_TABLES.format(path=quoted, columns=columns))
    return connection
