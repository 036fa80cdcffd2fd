"""Wrong input at the command line: exit code 2, one clear message with its id, nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """
schema = 1
name = "good"
epoch = 2008-09-21T00:00:00Z
duration = "2s"
[orbit]
altitude_km = 550.0
inclination_deg = 97.6
[[station]]
name = "svalbard"
[[fault]]
at = "1s"
kind = "gyro_stuck"
target = "gyro.1"
"""

TLE = (
    '["1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2926", '
    '"2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537"]'
)

CASES = {
    "unknown key": ('name = "good"', 'name = "good"\ncolour = "red"', "SH-SCN-005"),
    "negative duration": ('"2s"', '"-2s"', "SH-SCN-010"),
    "nan duration": ('"2s"', "nan", "SH-SCN-010"),
    "epoch before the magnetic model": ("2008-", "1995-", "SH-SCN-008"),
    "end after the magnetic model": (
        '2008-09-21T00:00:00Z\nduration = "2s"',
        '2029-12-27T00:00:00Z\nduration = "2d"',
        "SH-SCN-008",
    ),
    "true for a number": ("[orbit]", "[flight]\nreplicas = true\n[orbit]", "SH-SCN-007"),
    "negative altitude": ("550.0", "-550.0", "SH-SCN-008"),
    "nan altitude": ("550.0", "nan", "SH-SCN-009"),
    "inclination": ("97.6", "200.0", "SH-SCN-008"),
    "bad checksum": ("altitude_km = 550.0\ninclination_deg = 97.6", f"tle = {TLE}", "SH-SCN-013"),
    "station": ('"svalbard"', '"atlantis"', "SH-SCN-017"),
    "fault kind": ("gyro_stuck", "gyro_sticky", "SH-SCN-014"),
    "fault target": ("gyro.1", "gyro.7", "SH-SCN-015"),
}


def safehold(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "safehold", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.requirement("S4")
def test_a_bad_scenario_is_refused(workplace: Path, name: str) -> None:
    old, new, id = CASES[name]
    assert GOOD.count(old) == 1
    (workplace / "x.toml").write_text(GOOD.replace(old, new))
    done = safehold("run", "x.toml", "--out", "deep/run", folder=workplace)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("SH-") == 1
    assert id in done.stderr
    assert "x.toml" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert [path.name for path in workplace.iterdir()] == ["x.toml"]


@pytest.mark.requirement("S4")
def test_a_folder_that_cannot_be_written_is_refused(workplace: Path) -> None:
    (workplace / "x.toml").write_text(GOOD)
    (workplace / "file").write_text("in the way")
    (workplace / "full").mkdir()
    (workplace / "full" / "something").write_text("mine")
    before = sorted(path.name for path in workplace.rglob("*"))
    for place, id in {"file/run": "SH-OUT-001", "file": "SH-OUT-002", "full": "SH-OUT-002"}.items():
        done = safehold("run", "x.toml", "--out", place, folder=workplace)
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("SH-") == 1
        assert id in done.stderr
    assert sorted(path.name for path in workplace.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "id"),
    [
        (["run", "no-such-scenario"], "SH-SCN-001"),
        (["run", "missing.toml"], "SH-SCN-001"),
        (["run", "--duration", "soon"], "SH-SCN-010"),
        (["run", "--seed", "one"], "SH-CLI-002"),
        (["run", "--seed", "9223372036854775808"], "SH-SCN-008"),
        (["run", "--duration", "3000d"], "SH-SCN-008"),
        (["run", "--snapshot-at", "48h"], "SH-CLI-002"),
        (["run", "--from-snapshot", "missing.bin"], "SH-SNP-001"),
        (["run", "first-contact", "--from-snapshot", "missing.bin"], "SH-CLI-001"),
        (["rum"], "SH-CLI-002"),
        (["passes", "--tle", "missing.txt", "--station", "svalbard"], "SH-CLI-003"),
        (["passes", "--tle", "missing.txt"], "SH-CLI-001"),
        (["passes", "--tle", "missing.txt", "--station", "svalbart"], "SH-CLI-002"),
        (["report", "nowhere"], "SH-OUT-003"),
        (["replay", "nowhere"], "SH-OUT-003"),
        (["dictionary", "--xtce", "--json"], "SH-CLI-001"),
    ],
)
@pytest.mark.requirement("S4")
def test_bad_options_are_refused(workplace: Path, arguments: list[str], id: str) -> None:
    done = safehold(*arguments, folder=workplace)
    assert done.returncode == 2, done.stderr
    assert id in done.stderr
    assert "Traceback" not in done.stderr
    assert list(workplace.iterdir()) == []


@pytest.mark.parametrize("command", ["report", "replay", "archive"])
@pytest.mark.requirement("S4")
def test_a_folder_without_a_run_is_refused_in_words(workplace: Path, command: str) -> None:
    (workplace / "empty").mkdir()
    (workplace / "file").write_text("")
    for place, said in {"nowhere": "is not there", "file": "is no folder", "empty": "no result.json"}.items():
        done = safehold(command, place, folder=workplace)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith(f"safehold: SH-OUT-003 {place} ")
        assert said in done.stderr
        assert "Errno" not in done.stderr
    assert sorted(path.name for path in workplace.rglob("*")) == ["empty", "file"]
