"""`safehold campaign` as a person uses it: what it prints, its exit codes, Ctrl-C, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from safehold.cli import main

RELEASES = """
schema = 1
name = "releases"
base = "first-contact"
seed = 5
runs = 12
duration = "3m"
[set]
"flight.replicas" = 1
"environment.gravity_degree" = 0
[[vary]]
key = "initial.rate_deg_s[1]"
distribution = "normal"
mean = 0.0
sigma = 3.0
[[expect]]
quantity = "rate_norm_deg_s"
below = {below}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a campaign that passes and one whose every run fails."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.toml").write_text(RELEASES.format(below=360.0), encoding="utf-8")
    (tmp_path / "bad.toml").write_text(
        RELEASES.format(below=0.01).replace("runs = 12", "runs = 2"), encoding="utf-8"
    )
    return tmp_path


def said(arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of the command line in this process."""
    monkeypatch.setattr(sys, "argv", ["safehold", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.requirement("S5")
def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(place: Path) -> None:
    """A real Ctrl-C goes to the command and to its workers; so does this signal, to the whole group."""
    command = [sys.executable, "-m", "safehold", "campaign", "good.toml", "--workers", "2"]
    first = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    folder = place / "runs" / "campaign-releases-1"
    while not list(folder.glob("results/*/*.json")):
        assert first.poll() is None, first.communicate()
    os.killpg(first.pid, signal.SIGINT)
    out, err = first.communicate(timeout=60)
    assert first.returncode == 130, err
    assert "goes on from here" in out
    done = len(list(folder.glob("results/*/*.json")))
    assert 1 <= done < 12
    with pytest.raises(ProcessLookupError):
        os.killpg(first.pid, 0)  # no worker is left behind
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert f"{12 - done} flown" in second.stdout
    assert f"{done} were there" in second.stdout
    whole = subprocess.run([*command, "--out", "whole"], capture_output=True, text=True, check=False)
    assert whole.returncode == 0, whole.stderr
    for name in ("campaign.json", "manifest.jsonl"):
        assert (folder / name).read_bytes() == (place / "whole" / name).read_bytes()


@pytest.mark.requirement("S5")
def test_the_same_command_goes_on_at_once_after_a_kill_whatever_the_workers_do(place: Path) -> None:
    """The workers are stopped, so that they cannot end: they hold nothing that the next flight needs."""
    command = [sys.executable, "-m", "safehold", "campaign", "good.toml", "--workers", "2"]
    first = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        folder = place / "runs" / "campaign-releases-1"
        while not list(folder.glob("results/*/*.json")):
            assert first.poll() is None
        os.killpg(first.pid, signal.SIGSTOP)
        first.kill()
        first.wait()
        os.killpg(first.pid, 0)  # they are there
        second = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        os.killpg(first.pid, signal.SIGKILL)
    assert second.returncode == 0, second.stderr
    assert "were there" in second.stdout
    assert (folder / "campaign.json").exists()


@pytest.mark.requirement("S5")
def test_a_failure_is_exit_code_1_and_ends_with_the_command_that_repeats_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert said(["campaign", "bad.toml", "--out", "bad", "-q"], monkeypatch) == 1
    last = capfd.readouterr().out.splitlines()[-1]
    assert last == "replay   safehold run bad/scenarios/000000.toml"
    assert said(["run", *last.split()[3:], "--json", "--in-process"], monkeypatch) == 1
    replayed = json.loads(capfd.readouterr().out)
    runs = json.loads((place / "bad" / "campaign.json").read_text(encoding="utf-8"))["runs"]
    assert replayed["digest"] == runs[0]["digest"]


@pytest.mark.requirement("S5")
def test_json_prints_one_document_and_nothing_else(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert said(["campaign", "good.toml", "--runs", "3", "--json", "--part", "1/2"], monkeypatch) == 0
    document = json.loads(capfd.readouterr().out)
    assert [run["index"] for run in document["runs"]] == [0, 2]
    for run in document["runs"]:
        assert {"scenario", "seed", "outcome", "digest"} <= run.keys()
        assert (run["scenario"], run["outcome"]) == ("first-contact", "OK")


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(("name", "code"), [("good.toml", 0), ("bad.toml", 1)])
def test_the_exit_code_does_not_depend_on_who_reads(place: Path, name: str, code: int) -> None:
    """As in `safehold campaign … --json | head -c 0`: the reader is gone before anything is said."""
    command = [sys.executable, "-m", "safehold", "campaign", name, "--runs", "2", "--json", "-q"]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ran = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writer)
    assert (ran.returncode, ran.stderr) == (code, "")


@pytest.mark.requirement("S5")
def test_plan_flies_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert said(["campaign", "good.toml", "--plan", "--runs", "5000000"], monkeypatch) == 0
    assert "5,000,000 runs" in capfd.readouterr().out
    assert not (place / "runs").exists()


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such-campaign"], ["SH-CMP-001", "no-such-campaign"]),
        (["nowhere.toml"], ["SH-CMP-001", "nowhere.toml"]),
        (["good.toml", "--runs", "0"], ["SH-CMP-017", "at least one"]),
        (["good.toml", "--runs", "1000000"], ["SH-CMP-022", "1,000,000", "--yes"]),
        (["good.toml", "--workers", "0"], ["SH-CLI-002", "--workers"]),
        (["good.toml", "--part", "3/2"], ["SH-CLI-002", "--part", "3/2"]),
        (["good.toml", "--part", "500/500"], ["SH-CLI-002", "--part", "500/500", "12 runs"]),
        (["good.toml", "--part", "1/2", "--merge", "x"], ["SH-CLI-001", "--merge"]),
        (["good.toml", "--merge", "nowhere"], ["SH-ENG-007", "nowhere"]),
        (["good.toml", "--keep-runs", "some"], ["SH-CLI-002", "--keep-runs", "failed"]),
        (["good.toml", "--engine", "ray"], ["SH-CLI-002", "dask://HOST:PORT"]),
        (["good.toml", "--engine", "dask://somewhere"], ["SH-CLI-002", "dask://HOST:PORT"]),
        (["good.toml", "--out", "diary"], ["SH-OUT-002", "diary"]),
        (["good.toml", "--out", "good.toml/below"], ["SH-OUT-001", "good.toml"]),
    ],
)
def test_wrong_input_is_exit_code_2_says_what_and_leaves_nothing(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    told: list[str],
) -> None:
    (place / "diary").mkdir()
    (place / "diary" / "monday.txt").write_text("rain", encoding="utf-8")
    before = sorted(place.rglob("*"))
    assert said(["campaign", *arguments], monkeypatch) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "Traceback" not in err
    for text in told:
        assert text in err
    assert sorted(place.rglob("*")) == before


@pytest.mark.requirement("S5")
def test_an_unreachable_engine_is_exit_code_2(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed", reason="needs the extra cluster")
    assert said(["campaign", "good.toml", "--engine", "dask://127.0.0.1:9"], monkeypatch) == 2
    assert "SH-ENG-004" in capfd.readouterr().err
    assert not (place / "runs").exists()
