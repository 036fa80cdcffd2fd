"""`safehold hunt` at the command line: what it finds replays, and what it cannot do is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = """
schema = 1
name = "watched"
epoch = 2026-06-21T00:00:00Z
duration = "20s"
[orbit]
altitude_km = 550.0
inclination_deg = 97.6
[[fault]]
at = "10s"
kind = "gyro_bias"
target = "gyro.1"
rate_deg_s = 0.001
[[expect]]
quantity = "gyro_health"
equals = 15
from = "9s"
"""
VARY = ("hunt", "watched.toml", "--vary", "fault.1.rate_deg_s", "--between")


@pytest.fixture
def place(workplace: Path) -> Path:
    """An empty folder with a scenario in which no gyro may be excluded."""
    (workplace / "watched.toml").write_text(TEXT)
    return workplace


def safehold(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "safehold", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.requirement("S5")
def test_both_sides_of_a_boundary_replay(place: Path) -> None:
    done = safehold(*VARY, "0.001", "1", "--grid", "2", "--out", "found", "--json", folder=place)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert json.loads((place / "found" / "hunt.json").read_text()) == told
    assert told["flights"]["count"] == len(told["probes"])
    assert 1.0 < told["ratio"] <= 1.011
    for name, side, code in (("surviving", "survived", 0), ("breaking", "broken", 1)):
        again = safehold(
            "run", f"found/{name}.toml", "--in-process", "--json", "--quiet", "--out", name, folder=place
        )
        assert again.returncode == code, again.stderr
        result = json.loads(again.stdout)
        assert result["digest"] == told[side]["digest"]
        assert result["outcome"] == told[side]["outcome"]


@pytest.mark.requirement("S5")
def test_a_range_that_survives_is_said_and_exits_with_0(place: Path) -> None:
    done = safehold(*VARY, "0.001", "0.002", "--grid", "1", folder=place)
    assert done.returncode == 0, done.stderr
    assert "survives over the whole range, 0.001 deg/s to 0.002 deg/s: 3 values flown" in done.stdout
    assert "flights  3 in " in done.stdout
    (folder,) = (place / "runs").iterdir()
    assert [path.name for path in folder.iterdir()] == ["hunt.json"]


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    ("arguments", "id"),
    [
        (["hunt", "watched.toml"], "SH-CLI-001"),
        (["hunt", "watched.toml", "--vary", "fault.1.rate_deg_s"], "SH-CLI-001"),
        (["hunt", "watched.toml", "--search", "--vary", "fault.1.rate_deg_s"], "SH-CLI-001"),
        (["hunt", "watched.toml", "--search", "--between", "1", "2"], "SH-CLI-001"),
        ([*VARY, "1", "2", "--examples", "3"], "SH-CLI-001"),
        ([*VARY, "1", "2", "--broken-if", "sad"], "SH-CLI-002"),
        ([*VARY, "1", "2", "--tolerance", "nan%"], "SH-HNT-007"),
        ([*VARY, "2", "1"], "SH-HNT-005"),
        ([*VARY, "1", "1000"], "SH-HNT-006"),
        ([*VARY, "1", "2", "--vary", "fault.2.rate_deg_s"], "SH-HNT-002"),
        (["hunt", "no-such-scenario", "--search"], "SH-SCN-001"),
        (["hunt", "watched.toml", "--search", "--faults", "gremlin"], "SH-HNT-008"),
        (["hunt", "watched.toml", "--search", "--back-within", "soon"], "SH-CLI-002"),
        (["hunt", "watched.toml", "--search"], "SH-HNT-009"),
    ],
)
def test_what_cannot_be_hunted_is_refused(place: Path, arguments: list[str], id: str) -> None:
    done = safehold(*arguments, folder=place)
    assert done.returncode == 2, done.stderr
    assert id in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert [path.name for path in place.iterdir()] == ["watched.toml"]
