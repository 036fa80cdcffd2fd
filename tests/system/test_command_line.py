"""`safehold run` and its neighbours, as a person or a script uses them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safehold import parquet
from safehold.scenario import load

SCENARIO = """
schema = 1
name = "little"
description = "two minutes"
epoch = 2026-06-21T00:00:00Z
duration = "2m"
[orbit]
altitude_km = 550.0
inclination_deg = 97.6
raan_deg = 90.0
[[station]]
name = "svalbard"
[[expect]]
quantity = "rate_norm_deg_s"
above = 1.0
[output]
report = false
"""

FILES = {
    "scenario.toml",
    "result.json",
    "truth.parquet",
    "telemetry.parquet",
    "summaries.parquet",
    "reports.jsonl",
    "events.jsonl",
    "inputs.jsonl",
    "frames.tm",
    "arrivals.parquet",
    "run.log",
}

RESULT_KEYS = {
    "schema",
    "scenario",
    "seed",
    "code_id",
    "digest",
    "digests",
    "complete",
    "outcome",
    "reasons",
    "expectations",
    "sim_seconds",
    "timing",
    "modes",
    "passes",
    "faults",
    "outage_s",
    "data_lost_bytes",
    "ledger",
}

TRUTH_COLUMNS = {
    "sim_time_ns",
    *(f"position_gcrf_{axis}_m" for axis in "xyz"),
    *(f"velocity_gcrf_{axis}_m_s" for axis in "xyz"),
    *(f"quaternion_body_from_gcrf_{part}" for part in "wxyz"),
    *(f"rate_body_{axis}_rad_s" for axis in "xyz"),
    *(f"wheel_speed_{number}_rad_s" for number in range(1, 5)),
    *(f"sun_direction_gcrf_{axis}" for axis in "xyz"),
    "illumination",
    *(f"magnetic_field_gcrf_{axis}_t" for axis in "xyz"),
    "density_kg_m3",
    "battery_state_of_charge",
    "bus_power_w",
    "array_power_w",
    "array_angle_rad",
    "propellant_kg",
    "in_contact",
    "pointing_error_deg",
    "flight_mode",
}


def safehold(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "safehold", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def little(workplace: Path) -> Path:
    (workplace / "little.toml").write_text(SCENARIO)
    return workplace


@pytest.mark.requirement("S4")
def test_a_run_leaves_the_contracts_folder(little: Path) -> None:
    done = safehold("run", "little.toml", "--out", "run", "--json", "--in-process", folder=little)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    run = little / "run"
    assert {path.name for path in run.iterdir()} == FILES
    result = json.loads((run / "result.json").read_text())
    assert printed == result
    assert result.keys() >= RESULT_KEYS
    assert result["timing"].keys() >= {"wall_seconds", "us_per_step", "real_time_factor"}
    assert result["digests"].keys() == {"plant", "flight", "link", "ground"}
    assert all(re.fullmatch("[0-9a-f]{64}", text) for text in [result["digest"], *result["digests"].values()])
    assert result["complete"] is True
    truth = parquet.read(run / "truth.parquet")
    assert truth.keys() >= TRUTH_COLUMNS
    assert any(name.startswith("temperature_") and name.endswith("_k") for name in truth)
    assert truth["sim_time_ns"].tolist() == [second * 10**9 for second in range(len(truth["sim_time_ns"]))]
    assert len(truth["sim_time_ns"]) in (120, 121)
    assert np.isnan(truth["pointing_error_deg"]).all(), "no attitude is commanded while it tumbles"
    assert "nan" not in (run / "result.json").read_text().lower()
    assert load(run / "scenario.toml").name == "little"


@pytest.mark.requirement("S4")
def test_an_expectation_that_fails_makes_the_exit_code_1(little: Path) -> None:
    (little / "little.toml").write_text(SCENARIO.replace("above = 1.0", "above = 100.0"))
    done = safehold("run", "little.toml", "--out", "run", "--in-process", "-q", folder=little)
    assert done.returncode == 1, done.stderr
    assert "UNMET" in done.stdout
    assert (little / "run" / "result.json").exists()


@pytest.mark.requirement("L6.4")
def test_a_run_from_a_snapshot_has_the_digest_of_the_whole_run(little: Path) -> None:
    done = safehold(
        "run", "little.toml", "--out", "run", "--json", "--snapshot-at", "45s", "--snapshot-at", "45s300ms",
        "--snapshot-at", "2m", folder=little,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    whole = json.loads(done.stdout)
    names = sorted(path.name for path in (little / "run").glob("snapshot-*.bin"))
    assert names == ["snapshot-120s.bin", "snapshot-45.3s.bin", "snapshot-45s.bin"]
    for name in names:
        again = safehold("run", "--from-snapshot", f"run/{name}", "--out", name[:-4], "--json", folder=little)
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["digest"] == whole["digest"]
    flipped = bytearray((little / "run" / "snapshot-45s.bin").read_bytes())
    flipped[-100] ^= 4
    (little / "flipped.bin").write_bytes(flipped)
    refused = safehold("run", "--from-snapshot", "flipped.bin", "--out", "bad", folder=little)
    assert refused.returncode == 2
    assert "SH-SNP-002" in refused.stderr
    assert not (little / "bad").exists()


@pytest.mark.requirement("S4")
def test_ctrl_c_leaves_a_complete_folder_that_says_so(little: Path) -> None:
    (little / "little.toml").write_text(SCENARIO.replace('"2m"', '"30d"'))
    process = subprocess.Popen(
        [sys.executable, "-m", "safehold", "run", "little.toml", "--out", "run", "--json"],
        cwd=little,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=os.setsid,
    )
    deadline = time.monotonic() + 120.0
    while time.monotonic() < deadline and not list(little.glob(".run.*")):
        time.sleep(0.1)
    time.sleep(8.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120.0)
    assert process.returncode == 130, err
    result = json.loads(out)
    assert result["complete"] is False
    assert result["reasons"][0] == "cut short, so judged only on what it flew"
    assert 0.0 <= result["sim_seconds"] < 30 * 86_400
    assert {path.name for path in (little / "run").iterdir()} == FILES
    assert {path.name for path in little.iterdir()} == {"little.toml", "run"}


@pytest.mark.requirement("L6.4")
def test_replay_confirms_a_run_and_report_is_made_again(little: Path) -> None:
    assert safehold("run", "little.toml", "--out", "run", "--in-process", "-q", folder=little).returncode == 0
    done = safehold("replay", "run", "--json", folder=little)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["equal"] is True
    result: dict[str, Any] = json.loads((little / "run" / "result.json").read_text())
    result["digests"]["plant"] = "0" * 64
    result["digest"] = "0" * 64
    (little / "run" / "result.json").write_text(json.dumps(result))
    done = safehold("replay", "run", "--json", folder=little)
    assert done.returncode == 1
    assert json.loads(done.stdout)["chains"]["plant"] == "different"
    done = safehold("report", "run", folder=little)
    assert done.returncode == 0, done.stderr
    assert (little / "run" / "report.html").stat().st_size > 3_000_000


@pytest.mark.parametrize(
    "command", ["schema", "scenarios", "faults", "quantities", "dictionary", "version", "passes"]
)
@pytest.mark.requirement("S4")
def test_json_is_one_document_and_nothing_else(workplace: Path, command: str) -> None:
    arguments = [command] if command == "schema" else [command, "--json"]
    done = safehold(*arguments, folder=workplace)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert list(workplace.iterdir()) == []


@pytest.mark.requirement("L2.1")
def test_passes_of_a_scenario_are_the_windows_of_its_run(workplace: Path, day: Any) -> None:
    """Found by two programs: the plant's geometry at every tick, and the finder over an orbit without
    attitude.

    Drag and sunlight act on a mean area there and on the true attitude here: some tens of metres after a day,
    so less than 0.1 s; half a tick comes on top.
    """
    from datetime import datetime

    found = json.loads(safehold("passes", "--json", folder=workplace).stdout)
    truth = [one for one in day.document["passes"] if one["open"]]
    epoch = datetime.fromisoformat("2026-06-21T00:00:00Z")
    assert [one["station"] for one in found] == [one["station"] for one in truth]
    for one, true in zip(found, truth, strict=True):
        for edge in ("aos", "los"):
            seconds = (datetime.fromisoformat(one[edge]) - epoch).total_seconds()
            assert seconds == pytest.approx(true[f"{edge}_s"], abs=0.3)
        assert one["elevation_max_deg"] == pytest.approx(true["elevation_max_deg"], abs=0.2)
