"""What the same command does when it is given again, without the folder's name."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from safehold.campaign.analysis import analyse
from safehold.campaign.campaign_report import report_again
from safehold.campaign.execute import execute, identity_of
from safehold.campaign.expand import Campaign, PlannedRun
from safehold.campaign.folder import choose_folder
from safehold.campaign.summary import Summary
from safehold.command_campaign import summary_lines
from safehold.errors import CampaignError, Problem

pytestmark = pytest.mark.requirement("S5")

SHORT = """
schema = 1
name = "short"
base = "first-contact"
seed = 5
runs = 4
duration = "20s"
repeat_share = 0.0
expect = []
[set]
"flight.replicas" = 1
"environment.gravity_degree" = 0
[[vary]]
key = "initial.rate_deg_s[1]"
distribution = "normal"
mean = 0.0
sigma = 3.0
"""


class Deadly:
    """A campaign one of whose runs ends every process that flies it."""

    def __init__(self, campaign: Campaign, index: int) -> None:
        self._campaign, self._index, self._parent = campaign, index, os.getpid()

    def __getattr__(self, name: str) -> object:
        return getattr(self._campaign, name)

    def run(self, index: int) -> PlannedRun:
        frame, callers = sys._getframe(1), []
        while frame is not None:
            callers.append(frame.f_code.co_name)
            frame = frame.f_back  # type: ignore[assignment]
        if index == self._index and os.getpid() != self._parent and "_row" not in callers:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._campaign.run(index)


def flown(campaign: object, parent: Path, **options: str) -> Summary:
    """As the command does without --out."""
    place = choose_folder(None, identity_of(campaign), parent)  # type: ignore[arg-type]
    return execute(campaign, place, workers=1, **options)  # type: ignore[arg-type]


def test_after_a_crash_the_same_command_goes_on_in_the_same_folder(
    make_campaign: Callable[..., Campaign], tmp_path: Path
) -> None:
    campaign = make_campaign(SHORT)
    crashed = flown(Deadly(campaign, 2), tmp_path)
    assert [index for index, _ in crashed.crashed] == [2]
    document = json.loads((crashed.folder / "campaign.json").read_text(encoding="utf-8"))
    assert (document["verdict"], document["complete"]) == ("FAILED", False)
    again = flown(campaign, tmp_path)
    assert (again.folder, again.flown, again.cached, again.ok) == (crashed.folder, 1, 3, True)
    # Once nothing is left to do the command begins anew.
    assert json.loads((again.folder / "campaign.json").read_text(encoding="utf-8"))["complete"] is True
    assert choose_folder(None, identity_of(campaign), tmp_path) != again.folder


def test_a_run_that_turns_out_sound_leaves_no_scenario_and_is_not_kept_as_failed(
    make_campaign: Callable[..., Campaign], tmp_path: Path
) -> None:
    campaign = make_campaign(SHORT)
    crashed = flown(Deadly(campaign, 2), tmp_path, keep="failed")
    assert (crashed.folder / "scenarios" / "000002.toml").exists()
    again = flown(campaign, tmp_path, keep="failed")
    assert again.ok
    assert list((again.folder / "scenarios").iterdir()) == []
    assert not (again.folder / "runs").exists()


class Unlucky(Deadly):
    """A campaign one of whose runs was drawn so that it cannot be flown."""

    def run(self, index: int) -> PlannedRun:
        if index == self._index:
            wrong = Problem("SH-CMP-020", f"run {index} cannot be flown: no such inertia")
            raise CampaignError("short", [wrong])
        return self._campaign.run(index)


def test_an_impossible_run_is_named_and_the_others_are_flown(
    make_campaign: Callable[..., Campaign], tmp_path: Path
) -> None:
    campaign = make_campaign(SHORT)
    for _ in range(2):  # also when it is resumed
        summary = flown(Unlucky(campaign, 2), tmp_path, keep="failed")
        assert not summary.ok
        assert (summary.done, summary.total, len(summary.outcomes)) == (3, 4, 1)
        ((index, why),) = summary.crashed
        assert index == 2
        assert "SH-CMP-020" in why
        document = json.loads((summary.folder / "campaign.json").read_text(encoding="utf-8"))
        assert (document["verdict"], document["counts"]["crashed"]) == ("FAILED", 1)
        assert [run["state"] for run in document["runs"]] == ["flown", "flown", "crashed", "flown"]
        for name in ("junit.xml", "report.html"):
            text = (summary.folder / name).read_text(encoding="utf-8")
            assert "run 2 cannot be flown: no such inertia" in text
            assert "000002.toml" not in text  # there is none to replay
        lines = summary_lines(summary, "short", 5)
        assert any("run 2: short: " in line and "no such inertia" in line for line in lines)
        assert not any(line.startswith("replay") for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["campaign-short-1"]


def test_a_report_in_between_does_not_end_a_campaign(flips: Campaign, tmp_path: Path) -> None:
    """The runs are flown, but the reconverged ones have not been flown on yet."""
    folder = choose_folder(None, identity_of(flips), tmp_path)
    whole = execute(flips, folder)
    before = (folder / "campaign.json").read_bytes()
    (folder / "checks.jsonl").unlink()
    report_again(folder)
    assert analyse(folder).unchecked == whole.checked > 0
    assert json.loads((folder / "campaign.json").read_bytes())["complete"] is False
    assert choose_folder(None, identity_of(flips), tmp_path) == folder
    assert flown(flips, tmp_path).checked == whole.checked
    assert (folder / "campaign.json").read_bytes() == before


def test_a_report_of_half_a_campaign_says_so(mixed: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(mixed, tmp_path / "half"))
    for path in (folder / "results").glob("[0-7]*/*.json"):
        path.unlink()
    report_again(folder)
    document = json.loads((folder / "campaign.json").read_bytes())
    assert document["complete"] is False
    assert document["counts"]["missing"] > 0
