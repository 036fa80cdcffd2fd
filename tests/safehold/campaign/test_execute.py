"""Campaigns flown for real, and disturbed in every way that a long one meets.

The oracle of most tests is the same campaign flown in one go, byte for byte: results, manifest and
campaign.json. That this one is right is shown against runs flown by themselves.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from safehold.campaign.execute import execute, identity_of
from safehold.campaign.expand import Campaign
from safehold.campaign.folder import CampaignFolder
from safehold.campaign.progress import Quiet
from safehold.campaign.selection import Part, is_repeated
from safehold.campaign.store import Store, open_record, seal
from safehold.campaign.summary import Summary
from safehold.errors import EngineError, FolderError
from safehold.run import fly
from safehold.scenario import load

Content = Callable[[Path], dict[str, bytes]]


class AtFlight(Quiet):
    """Does something once, when so many flights have come back."""

    def __init__(self, flights: int, action: Callable[[], None]) -> None:
        self._flights, self._action, self.done = flights, action, False

    def update(self, summary: Summary) -> None:
        if summary.flown >= self._flights and not self.done:
            self.done = True
            self._action()


def kill_workers() -> None:
    for worker in multiprocessing.active_children():
        os.kill(int(worker.pid or 0), signal.SIGKILL)


def keys(folder: Path) -> list[str]:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["key"] for line in lines]


@pytest.mark.requirement("S5")
def test_results_are_those_of_the_runs_flown_by_themselves(releases: Campaign, undisturbed: Path) -> None:
    runs = json.loads((undisturbed / "campaign.json").read_text(encoding="utf-8"))["runs"]
    assert [run["index"] for run in runs] == list(range(releases.count))
    assert len({run["digest"] for run in runs}) == releases.count
    for run in runs[::4]:
        alone = fly(releases.run(run["index"]).scenario)[0]
        assert (run["digest"], run["outcome"]) == (alone.digest, alone.outcome)


@pytest.mark.requirement("S5")
def test_one_worker_gives_the_bytes_of_two(
    releases: Campaign, undisturbed: Path, tmp_path: Path, content_of: Content
) -> None:
    summary = execute(releases, tmp_path / "one", workers=1)
    assert (summary.flown, summary.repeated) == (releases.count, 1)
    assert content_of(tmp_path / "one") == content_of(undisturbed)


@pytest.mark.requirement("S5")
def test_killed_workers_lose_nothing(
    releases: Campaign, undisturbed: Path, tmp_path: Path, content_of: Content
) -> None:
    """Both workers are killed in mid-run: the one that had just answered had the next run in its queue."""
    killer = AtFlight(3, kill_workers)
    summary = execute(releases, tmp_path / "killed", workers=2, progress=killer)
    assert killer.done
    assert summary.deaths >= 1
    assert summary.ok
    assert content_of(tmp_path / "killed") == content_of(undisturbed)


@pytest.mark.requirement("S5")
def test_a_stopped_campaign_goes_on_to_the_same_whole(
    releases: Campaign, undisturbed: Path, tmp_path: Path, content_of: Content
) -> None:
    wish = AtFlight(4, lambda: None)
    folder = tmp_path / "resumed"
    stopped = execute(releases, folder, workers=2, progress=wish, stopped=lambda: wish.done)
    assert stopped.stopped
    assert 4 <= stopped.flown < releases.count
    assert not (folder / "campaign.json").exists()
    whole = execute(releases, folder, workers=2)
    assert (whole.cached, whole.flown) == (stopped.flown, releases.count - stopped.flown)
    assert content_of(folder) == content_of(undisturbed)


@pytest.mark.requirement("S5")
def test_two_halves_equal_the_whole(
    releases: Campaign, undisturbed: Path, tmp_path: Path, content_of: Content
) -> None:
    halves = [tmp_path / "first", tmp_path / "second"]
    flown = [execute(releases, half, part=Part(place + 1, 2)).flown for place, half in enumerate(halves)]
    assert flown == [5, 4]
    whole = execute(releases, tmp_path / "whole", merge=halves)
    assert (whole.flown, whole.merged, whole.repeated) == (0, releases.count, 1)
    assert content_of(tmp_path / "whole") == content_of(undisturbed)


@pytest.mark.requirement("S5")
def test_damaged_results_are_set_aside_and_flown_again(
    releases: Campaign, undisturbed: Path, tmp_path: Path, content_of: Content
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(undisturbed, folder)
    store = Store(folder)
    cut, altered = (store.path(key) for key in keys(folder)[2:4])
    cut.write_bytes(cut.read_bytes()[:200])
    altered.write_bytes(altered.read_bytes().replace(b'"outcome":"OK"', b'"outcome":"KO"'))
    summary = execute(releases, folder)
    assert (summary.damaged, summary.flown, summary.cached) == (2, 2, releases.count - 2)
    assert len(list((folder / "damaged").iterdir())) == 2
    assert content_of(folder) == content_of(undisturbed)


@pytest.mark.requirement("S5")
def test_sealed_results_that_are_none_of_a_run_are_flown_again(
    releases: Campaign, undisturbed: Path, tmp_path: Path, content_of: Content
) -> None:
    folder = tmp_path / "sealed"
    shutil.copytree(undisturbed, folder)
    store = Store(folder)
    empty, odd, other = keys(folder)[2:5]
    store.write(empty, seal({"key": empty, "schema": 1}))
    for key, change in ((odd, {"outcome": "FINE"}), (other, {"expectations": 3})):
        store.write(key, seal(open_record(store.path(key).read_bytes(), key) | change))
    summary = execute(releases, folder)
    assert (summary.damaged, summary.flown) == (3, 3)
    assert content_of(folder) == content_of(undisturbed)


@pytest.mark.requirement("S5")
def test_damaged_results_of_other_folders_are_flown_and_left_where_they_are(
    releases: Campaign, undisturbed: Path, tmp_path: Path, content_of: Content
) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(undisturbed, theirs)
    damaged = Store(theirs).path(keys(theirs)[2])
    damaged.write_bytes(b"damaged")
    before = {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()}
    summary = execute(releases, tmp_path / "ours", merge=[theirs])
    assert (summary.damaged, summary.flown, summary.merged) == (1, 1, releases.count - 1)
    assert content_of(tmp_path / "ours") == content_of(undisturbed)
    assert {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()} == before


@pytest.mark.requirement("S5")
def test_a_reference_under_another_ones_name_is_flown_again(
    flips: Campaign, make_campaign: Callable[..., Campaign], tmp_path: Path, content_of: Content
) -> None:
    """The reference of a shorter flight, sound in itself, lies where that of the campaign belongs."""
    execute(flips, tmp_path / "right")
    execute(make_campaign(flips.text.replace('duration = "4m"', 'duration = "3m"')), tmp_path / "wrong")
    (right,), (wrong,) = (list((tmp_path / name / "references").glob("*.bin")) for name in ("right", "wrong"))
    assert right.name != wrong.name
    store = tmp_path / "store"
    (store / "references").mkdir(parents=True)
    shutil.copy(wrong, store / "references" / right.name)
    assert execute(flips, tmp_path / "again", store=store).references == 1
    assert content_of(tmp_path / "again") == content_of(tmp_path / "right")


@pytest.mark.requirement("S5")
def test_nondeterminism_is_caught_by_flying_again(
    releases: Campaign, undisturbed: Path, tmp_path: Path
) -> None:
    """A stored result that this code would not give again, whole by its own hash: another digest."""
    folder = tmp_path / "planted"
    shutil.copytree(undisturbed, folder)
    (index,) = (
        number
        for number in range(releases.count)
        if is_repeated(number, count=releases.count, share=releases.repeat_share, seed=releases.seed)
    )
    key = keys(folder)[index]
    record = open_record(Store(folder).path(key).read_bytes(), key)
    planted = seal(record | {"digest": "0" * 64})
    Store(folder).write(key, planted)
    summary = execute(releases, folder)
    assert not summary.ok
    (text,) = summary.disagreements
    assert "0" * 64 in text
    assert str(record["digest"]) in text
    replay = text.split("safehold run ")[1]
    assert fly(load(Path(replay)))[0].digest == record["digest"]
    assert json.loads((folder / "campaign.json").read_text(encoding="utf-8"))["verdict"] == "FAILED"


@pytest.mark.requirement("S5")
def test_merging_names_two_different_results_of_one_run(
    releases: Campaign, undisturbed: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(undisturbed, other)
    key = keys(other)[0]
    record = open_record(Store(other).path(key).read_bytes(), key)
    Store(other).write(key, seal(record | {"digest": "1" * 64}))
    summary = execute(releases, tmp_path / "whole", merge=[undisturbed, other])
    assert not summary.ok
    (text,) = summary.disagreements
    for named in (key, str(record["digest"]), "1" * 64, str(other)):
        assert named in text


@pytest.mark.requirement("S5")
def test_merging_names_a_sealed_result_that_is_none(
    releases: Campaign, undisturbed: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(undisturbed, other)
    key = keys(other)[0]
    Store(other).write(key, seal({"key": key, "schema": 1}))
    summary = execute(releases, tmp_path / "whole", merge=[undisturbed, other])
    (text,) = summary.disagreements
    assert f"{key} differs" in text
    assert "and None" in text


@pytest.mark.requirement("S5")
def test_campaigns_share_a_store(make_campaign: Callable[..., Campaign], tmp_path: Path) -> None:
    """A longer campaign finds the runs of a shorter one: runs do not depend on how many there are."""
    short, long = (make_campaign(SHORT, runs=runs) for runs in (3, 5))
    first = execute(short, tmp_path / "short", store=tmp_path / "store")
    second = execute(long, tmp_path / "long", store=tmp_path / "store")
    assert (first.flown, first.cached) == (3, 0)
    assert (second.flown, second.cached) == (2, 3)


@pytest.mark.requirement("S5")
def test_a_failed_run_leaves_the_scenario_that_repeats_it(
    make_campaign: Callable[..., Campaign], tmp_path: Path
) -> None:
    campaign = make_campaign(SHORT.replace("expect = []\n", "") + NEVER_MET)
    summary = execute(campaign, tmp_path / "failed", keep="failed")
    assert not summary.ok
    assert summary.failed == campaign.count
    assert summary.first_failed is not None
    assert summary.first_failed[0] == 0
    replayed = fly(load(tmp_path / "failed" / "scenarios" / "000000.toml"))[0]
    runs = json.loads((tmp_path / "failed" / "campaign.json").read_text(encoding="utf-8"))["runs"]
    assert replayed.digest == runs[0]["digest"]
    assert not replayed.ok
    kept = json.loads((tmp_path / "failed" / "runs" / "000000" / "result.json").read_text(encoding="utf-8"))
    assert kept["digest"] == replayed.digest
    assert (tmp_path / "failed" / "runs" / "000000" / "truth.parquet").exists()


class Deadly:
    """A campaign one of whose runs ends every process that touches it, as a crash in compiled code would."""

    def __init__(self, campaign: Campaign, index: int) -> None:
        self._campaign, self._index, self._parent = campaign, index, os.getpid()

    def __getattr__(self, name: str) -> object:
        return getattr(self._campaign, name)

    def run(self, index: int) -> object:
        planning = any("_row" in frame for frame in _callers())
        if index == self._index and os.getpid() != self._parent and not planning:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._campaign.run(index)


def _callers() -> list[str]:
    import sys

    frame, names = sys._getframe(1), []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back  # type: ignore[assignment]
    return names


@pytest.mark.requirement("S5")
def test_a_run_that_ends_every_worker_is_named_and_the_others_are_flown(
    make_campaign: Callable[..., Campaign], tmp_path: Path
) -> None:
    campaign = make_campaign(SHORT.replace("runs = 4", "runs = 4\nrepeat_share = 0.0"))
    summary = execute(Deadly(campaign, 2), tmp_path / "crashed")  # type: ignore[arg-type]
    assert not summary.ok
    assert [index for index, _ in summary.crashed] == [2]
    assert "SIGKILL" in summary.crashed[0][1]
    assert (summary.flown, summary.deaths) == (3, 3)
    found = json.loads((tmp_path / "crashed" / "campaign.json").read_text(encoding="utf-8"))
    assert (found["counts"]["flown"], found["counts"]["crashed"]) == (3, 1)
    # What crashed may have been the machine's fault: the same campaign tries it again.
    assert execute(campaign, tmp_path / "crashed").flown == 1


@pytest.mark.requirement("S5")
def test_forked_flights_do_not_depend_on_workers_parts_or_interruptions(
    flips: Campaign, tmp_path: Path, content_of: Content
) -> None:
    whole = execute(flips, tmp_path / "whole", workers=2)
    assert whole.ok
    assert whole.references == 1
    assert whole.stops["identical"] + whole.stops["reconverged"] > 0
    assert whole.checked == whole.stops["reconverged"]  # fewer than a hundred: all
    halves = [tmp_path / "first", tmp_path / "second"]
    for place, half in enumerate(halves):
        execute(flips, half, part=Part(place + 1, 2), workers=1)
    merged = execute(flips, tmp_path / "merged", merge=halves)
    assert (merged.flown, merged.checked) == (0, whole.checked)
    assert content_of(tmp_path / "merged") == content_of(tmp_path / "whole")
    wish = AtFlight(3, lambda: None)
    execute(flips, tmp_path / "resumed", workers=2, progress=wish, stopped=lambda: wish.done)
    resumed = execute(flips, tmp_path / "resumed", workers=2)
    assert resumed.references == 0  # the one of the first flight serves
    assert content_of(tmp_path / "resumed") == content_of(tmp_path / "whole")


@pytest.mark.requirement("S5")
def test_checks_are_made_again_where_results_came_without_them(
    flips: Campaign, tmp_path: Path, content_of: Content
) -> None:
    """Results alone say nothing of having been checked, and a reference that is needed is flown again."""
    whole = execute(flips, tmp_path / "whole")
    bare = tmp_path / "bare"
    shutil.copytree(tmp_path / "whole", bare)
    shutil.rmtree(bare / "references")
    (bare / "checks.jsonl").unlink()
    found = execute(flips, bare)
    assert (found.flown, found.references) == (0, 1)
    assert (found.repeated, found.checked) == (whole.repeated, whole.checked)
    assert found.crashed == []
    assert content_of(bare) == content_of(tmp_path / "whole")


@pytest.mark.requirement("S5")
def test_forks_flown_to_the_end_have_the_digests_of_direct_flights(flips: Campaign, tmp_path: Path) -> None:
    execute(flips, tmp_path / "forked", early_stop=False)
    execute(flips, tmp_path / "direct", fork=False)
    forked, direct = (
        json.loads((tmp_path / name / "campaign.json").read_text(encoding="utf-8"))["runs"]
        for name in ("forked", "direct")
    )
    assert [run["digest"] for run in forked] == [run["digest"] for run in direct]
    assert [run["stop"]["flown_s"] < 240.0 for run in forked] == [True] * flips.count
    assert [run["stop"]["flown_s"] for run in direct] == [240.0] * flips.count


@pytest.mark.requirement("S5")
def test_folders_of_other_campaigns_code_or_anything_else_are_refused(
    releases: Campaign, undisturbed: Path, make_campaign: Callable[..., Campaign], tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    shutil.copytree(undisturbed, folder)
    with pytest.raises(EngineError, match=r"SH-ENG-001.*another campaign"):
        execute(make_campaign(SHORT), folder)
    identity = json.loads((folder / "identity.json").read_text(encoding="utf-8"))
    (folder / "identity.json").write_text(json.dumps(identity | {"code_id": "f" * 64}), encoding="utf-8")
    for refused in ({"folder": folder}, {"folder": tmp_path / "new", "merge": [folder]}):
        with pytest.raises(EngineError, match=r"SH-ENG-002.*ffffffffffff"):
            execute(releases, **refused)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()
    with pytest.raises(EngineError, match="SH-ENG-007"):
        execute(releases, tmp_path / "new", merge=[tmp_path])
    (tmp_path / "diary").mkdir()
    (tmp_path / "diary" / "monday.txt").write_text("rain", encoding="utf-8")
    with pytest.raises(FolderError, match="SH-OUT-002"):
        execute(releases, tmp_path / "diary")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"code_id": 5', "code_id is 5; it must be of type str"),
        ('"runs": true', "runs is True; it must be of type int"),
        ('"deep": ' + "[" * 100_000, "nested too deep"),
    ],
)
def test_an_identity_that_makes_no_sense_is_refused(
    releases: Campaign, tmp_path: Path, text: str, words: str
) -> None:
    identity = json.dumps(identity_of(releases).document())
    (tmp_path / "identity.json").write_text(f"{identity[:-1]}, {text}}}", encoding="utf-8")
    with pytest.raises(FolderError, match=f"SH-OUT-003.*{words}"):
        execute(releases, tmp_path / "new", merge=[tmp_path])
    assert not (tmp_path / "new").exists()


def test_lines_of_checks_that_make_no_sense_are_counted_and_their_checks_made_again(
    releases: Campaign, undisturbed: Path, tmp_path: Path, content_of: Content
) -> None:
    folder = tmp_path / "checks"
    shutil.copytree(undisturbed, folder)
    (folder / "checks.jsonl").write_bytes(b'{"kind":["x"],"key":{}}\n\xff\n{"kind":"rep')
    summary = execute(releases, folder)
    assert (summary.unfit_lines, summary.repeated, summary.flown) == (3, 1, 0)
    assert content_of(folder) == content_of(undisturbed)
    assert (folder / "checks.jsonl").read_bytes() == (undisturbed / "checks.jsonl").read_bytes()


def test_a_folder_is_flown_by_one_process_at_a_time(releases: Campaign, undisturbed: Path) -> None:
    with (
        CampaignFolder(undisturbed.parent / "held", identity_of(releases), releases.text) as held,
        pytest.raises(EngineError, match="SH-ENG-003"),
    ):
        execute(releases, held.path)


SHORT = """
schema = 1
name = "short"
base = "first-contact"
seed = 5
runs = 4
duration = "20s"
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

NEVER_MET = """
[[expect]]
quantity = "rate_norm_deg_s"
above = 100.0
"""
