"""The analysis of a campaign, timed: what a result costs when there are ten times as many, beside DuckDB.

    python -m bench.analysis                       2,000 results and 20,000
    python -m bench.analysis --results 500 --json  500 and 5,000, as one JSON document

A small campaign is flown for it. Its results are copied under other keys into a temporary folder, so every
file is a real one; what the analysis finds in the copies says nothing and is not shown. Each size is read by
a process of its own, whose peak memory is told. DuckDB reads what the analysis needs of the same files into
a table, with explicit columns and small buffers, and counts outcomes; then it makes its tables from the one
file that the analysis leaves."""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from safehold.campaign.definition import parse_campaign
from safehold.campaign.execute import execute
from safehold.campaign.store import Store, open_record, seal
from safehold.scenario import Source

CAMPAIGN = """
schema = 1
name = "measured"
base = "first-contact"
seed = 1
duration = "10m"
[flips]
count = 10
"""

READ = {
    "analysis": """
from safehold.campaign.analysis import analyse
from safehold.fault_kinds import kinds
import scipy.special
kinds()
begin()
assert analyse(folder).flown == results
""",
    "DuckDB, many files": """
import duckdb
begin()
names = ("faults", "modes", "expectations", "stop", "reasons")
columns = "columns = {key: 'VARCHAR', outcome: 'VARCHAR', " + ", ".join(f"{n}: 'JSON'" for n in names) + "}"
pattern = f"'{folder}/results/*/*.json', format = 'newline_delimited', maximum_object_size = 1000000"
connection = duckdb.connect()
connection.execute("SET enable_progress_bar = false")  # it would be drawn on standard output
connection.execute(f"CREATE TABLE runs AS SELECT * FROM read_json({pattern}, {columns})")
assert connection.execute("SELECT count(outcome) FROM runs").fetchone()[0] == results
""",
    "DuckDB, one file": """
from safehold.campaign.queries import connect
import duckdb
begin()
assert connect(folder).execute("SELECT count(outcome) FROM runs").fetchone()[0] == results
""",
}
TIMED = """
import json, sys, time
from pathlib import Path
folder, results = Path(sys.argv[1]), int(sys.argv[2])
began = [0.0, 0.0]
def begin():
    began[:] = time.perf_counter(), time.process_time()
{read}
wall_s, cpu_s = time.perf_counter() - began[0], time.process_time() - began[1]
status = Path("/proc/self/status").read_text()  # the peak since exec; getrusage has the parent's, too
peak_mb = int(status.partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps({{"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": peak_mb}}), flush=True)
"""


def copies(source: Path, folder: Path, results: int) -> None:
    """A campaign's folder with so many results, all of them copies."""
    folder.mkdir()
    (folder / "campaign.toml").write_bytes((source / "campaign.toml").read_bytes())
    lines = [json.loads(line) for line in (source / "manifest.jsonl").read_text().splitlines()]
    records = [open_record(Store(source).path(line["key"]).read_bytes(), line["key"]) for line in lines]
    store = Store(folder)
    with (folder / "manifest.jsonl").open("w") as manifest:
        for index in range(results):
            key = hashlib.sha256(str(index).encode()).hexdigest()
            store.write(key, seal(records[index % len(records)] | {"key": key}))
            line = lines[index % len(lines)] | {"index": index, "key": key}
            manifest.write(json.dumps(line) + "\n")


def timed(read: str, folder: Path, results: int) -> dict[str, float]:
    """One way of reading a folder, in a process of its own."""
    command = [sys.executable, "-c", TIMED.format(read=READ[read]), str(folder), str(results)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def measure(results: int) -> dict[str, Any]:
    """Times and peaks for so many results and for ten times as many."""
    with tempfile.TemporaryDirectory(prefix="safehold-bench-") as name:
        place = Path(name)
        execute(parse_campaign(CAMPAIGN, Source("bench", None), {}), place / "flown")
        found: dict[str, Any] = {"results": [results, 10 * results], "read": {}}
        for count in found["results"]:
            folder = place / str(count)
            copies(place / "flown", folder, count)
            for read in READ:
                found["read"].setdefault(read, []).append(timed(read, folder, count))
        return found


def lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    few, many = report["results"]
    made = [f"{'':<20} {few:>12,} results {many:>12,} results   ratio a result   peak"]
    for read, (small, large) in report["read"].items():
        ratio = large["wall_s"] / many / (small["wall_s"] / few)
        made.append(
            f"{read:<20} {small['wall_s']:>10.2f} s {'':<8} {large['wall_s']:>10.2f} s {'':<8} {ratio:>10.2f}"
            f"   {small['peak_mb']:>8.0f} MB {large['peak_mb']:>6.0f} MB"
        )
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = measure(options.results)
    print(json.dumps(report, indent=2) if options.json else "\n".join(lines(report)))


if __name__ == "__main__":
    main()
