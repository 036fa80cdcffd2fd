"""What a campaign proves of itself reaches everybody who asks: exit code, verdict and junit.xml say the same.

Each disturbance is planted where nothing else is wrong, so that one that went unheard would leave a campaign
that passes.
"""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from safehold.campaign import execute as engine
from safehold.campaign.execute import execute
from safehold.campaign.expand import Campaign
from safehold.campaign.pool import Pool
from safehold.campaign.selection import Part
from safehold.campaign.store import Store, open_record, seal
from safehold.campaign.summary import Summary
from safehold.campaign.task import CheckRun, Failure, FlyRun, KeepRun, Task

pytestmark = pytest.mark.requirement("S5")


def assert_all_say_failed(summary: Summary) -> dict[str, Any]:
    """Exit code, printed verdict, campaign.json and junit.xml; returns the checks of campaign.json."""
    assert not summary.ok
    document = json.loads((summary.folder / "campaign.json").read_text(encoding="utf-8"))
    suite = ET.parse(summary.folder / "junit.xml").getroot()[0]
    assert document["verdict"] == summary.verdict == "FAILED"
    assert summary.findings[-1].startswith("verdict  FAILED")
    errors = suite.findall("testcase/error")
    assert len(errors) == int(suite.attrib["errors"]) > 0
    for error in errors:
        scenario = str(error.text).rpartition("replay: safehold run ")[2]
        assert Path(scenario).is_file()
    checks: dict[str, Any] = document["checks"]
    return checks


def key_of(folder: Path, index: int) -> str:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return str(json.loads(lines[index])["key"])


def another_result(folder: Path, index: int) -> None:
    """Let the folder hold another record of a run, whole by its own hash."""
    store, key = Store(folder), key_of(folder, index)
    record = open_record(store.path(key).read_bytes(), key)
    store.write(key, seal(record | {"digest": "1" * 64}))


def failing(kind: type[Task], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let repeats, or checks of reconverged runs, end without a result, as if their workers had died."""

    class Broken(Pool):
        def run(
            self, tasks: Sequence[Task], stopped: Callable[[], bool] = lambda: False
        ) -> Iterator[tuple[Task, Any]]:
            for task, answer in super().run(tasks, stopped):
                hit = isinstance(task, kind) and (not isinstance(task, FlyRun) or task.repeat)
                yield task, Failure("3 workers in turn died on it", crashed=True) if hit else answer

    monkeypatch.setattr(engine, "Pool", Broken)


def test_two_results_of_one_run_fail_a_merged_campaign(
    releases: Campaign, undisturbed: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(undisturbed, other)
    another_result(other, 3)
    merged = execute(releases, tmp_path / "whole", merge=[undisturbed, other])
    (found,) = assert_all_say_failed(merged)["conflicts"]
    assert (found["index"], found["key"]) == (3, key_of(other, 3))
    assert "1" * 64 in found["what"]
    assert str(other) not in (tmp_path / "whole" / "campaign.json").read_text(encoding="utf-8")
    # Leaving the other folder away makes the proof no weaker.
    assert_all_say_failed(execute(releases, tmp_path / "whole"))


def test_a_repeat_without_a_result_fails_the_campaign_until_it_has_one(
    releases: Campaign, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "repeat"
    shutil.copytree(undisturbed, folder)
    (folder / "checks.jsonl").unlink()
    with monkeypatch.context() as patch:
        failing(FlyRun, patch)
        broken = execute(releases, folder)
    checks = assert_all_say_failed(broken)
    (found,) = checks["failures"]
    assert "3 workers in turn died on it" in found["what"]
    assert broken.unproven[0][0] == found["index"]
    assert checks["repeated"]["trials"] == 0
    assert broken.crashed == []  # every run has its result
    again = execute(releases, folder)
    assert (again.ok, again.repeated, again.verdict) == (True, 1, "PASSED")
    assert (folder / "campaign.json").read_bytes() == (undisturbed / "campaign.json").read_bytes()


def test_a_check_without_a_result_fails_the_campaign(
    flips: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(CheckRun, monkeypatch)
    broken = execute(flips, tmp_path / "flips")
    reconverged = broken.stops["reconverged"]
    assert reconverged > 0
    checks = assert_all_say_failed(broken)
    assert len(checks["failures"]) == len(broken.unproven) == reconverged
    assert checks["checked"]["trials"] == 0


def test_a_kept_run_that_differs_fails_the_campaign(
    releases: Campaign, undisturbed: Path, tmp_path: Path
) -> None:
    """A stored result that this code does not give again, of a run that is not among those flown twice."""
    campaign, folder = releases, tmp_path / "kept"
    shutil.copytree(undisturbed, folder)
    repeated = json.loads((folder / "checks.jsonl").read_text(encoding="utf-8").splitlines()[0])["index"]
    index = (repeated + 1) % campaign.count
    another_result(folder, index)
    # So that it is kept at little cost, and alone: it fails nothing but an expectation.
    store, key = Store(folder), key_of(folder, index)
    record = open_record(store.path(key).read_bytes(), key)
    unmet = {"quantity": "rate_norm_deg_s", "above": 100.0, "share": 0.0, "ticks": 900, "met": False}
    store.write(key, seal(record | {"expectations": [unmet]}))
    (found,) = assert_all_say_failed(execute(campaign, folder, keep="failed"))["conflicts"]
    kept = json.loads((folder / "runs" / f"{index:06d}" / "result.json").read_text(encoding="utf-8"))
    assert found["index"] == index
    assert "1" * 64 in found["what"]
    assert kept["digest"] in found["what"]
    # It does not pass for kept the next time either.
    (found,) = assert_all_say_failed(execute(campaign, folder, keep="failed"))["conflicts"]
    assert found["index"] == index


def test_a_run_that_could_not_be_kept_is_named(
    flips: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, part = tmp_path / "flips", Part(1, 4)
    with monkeypatch.context() as patch:
        failing(KeepRun, patch)
        broken = execute(flips, folder, part=part, keep="all")
    assert [index for index, _ in broken.unproven] == [0, 4]
    assert all(text.startswith("when flown to be kept: 3 workers") for _, text in broken.unproven)
    assert len(assert_all_say_failed(broken)["failures"]) == 2
    assert not (folder / "runs").exists()
    again = execute(flips, folder, part=part, keep="all")
    assert (again.ok, again.flown, again.unproven) == (True, 0, [])
    assert [path.name for path in sorted((folder / "runs").iterdir())] == ["000000", "000004"]
