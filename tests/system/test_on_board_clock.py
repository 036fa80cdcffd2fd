"""A satellite whose clock drifts: mission control finds by how much, and tells its times as they were."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from safehold.archive import source_of_run, write_archive
from safehold.command_run import downlink_lines
from safehold.folder import RunFolder
from safehold.run_folder import write_run
from safehold.schema import Scenario

DRIFT = 2e-6
# Light time, and 1,115 octets at 1 Mbit/s.
DOWN_NS = 240_000_000 + 8_920_000


@pytest.mark.requirement("L2.2")
def test_a_drifting_clock_is_measured_and_its_times_are_set_right(
    half_hour: Scenario, tmp_path: Path
) -> None:
    output = half_hour.output.model_copy(update={"report": False})
    drifting = half_hour.model_copy(update={"spacecraft": {"clock_drift": DRIFT}, "output": output})
    result = write_run(drifting, tmp_path / "run")
    clock = result.document["clock"]
    true_ns = DRIFT * clock["as_of_ns"]
    assert true_ns > 2_000_000
    assert abs(clock["offset_ns"] - true_ns) < 5 * clock["offset_sigma_ns"] < 500
    assert abs(clock["drift"] - DRIFT) < 5 * clock["drift_sigma"] < 5e-9
    assert (clock["jumps"], clock["tai_minus_utc_s"]) == (0, 37)
    (line,) = [one for one in downlink_lines(result.document) if one.startswith("clock")]
    assert "2026-06-21T00:00:00Z" in line
    place = write_archive(source_of_run(RunFolder.open(tmp_path / "run")), tmp_path / "archive")
    with duckdb.connect(str(place / "archive.duckdb"), read_only=True) as database:
        rows = database.execute(
            "SELECT time_utc, time_ns, arrival_ns FROM parameters WHERE quality = 'live' ORDER BY time_ns"
        ).fetchall()
    assert len(rows) > 100
    wrong = 0
    for text, time_ns, arrival_ns in rows:
        true = drifting.epoch + timedelta(microseconds=(arrival_ns - DOWN_NS) / 1000)
        assert time_ns > (arrival_ns - DOWN_NS) + 2_000_000
        wrong += abs(datetime.fromisoformat(text) - true) > timedelta(microseconds=2)
    assert wrong <= 2, "reports that waited a tick"
