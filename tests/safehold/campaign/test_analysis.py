"""What a campaign's results are counted to, on ten flights that were flown for it.

Seven begin with a fault (four of a gyro, three bit flips), three without; one of those spins at 90 deg/s and
is lost, one at more than the expectation's 9.6 deg/s. The numbers expected here are made from the result
files by other means than the analysis.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safehold.campaign.analysis import analyse, read_runs, run_document, write_campaign_json
from safehold.campaign.campaign_report import conclude
from safehold.campaign.campaign_summary import percent, summary_lines
from safehold.campaign.counters import Answers, Flips, Label, Moments, Rate, Sample, Worst
from safehold.campaign.entry import Entry, FaultRecord, boil_down, mode_at
from safehold.campaign.lines import read_lines
from safehold.campaign.reading import read_entries
from safehold.campaign.store import Store, seal
from safehold.campaign.tally import Tally, times_of
from safehold.errors import FolderError

pytestmark = pytest.mark.requirement("S5")


def records(folder: Path) -> list[dict[str, Any]]:
    """The results in the order of the manifest, read as plain JSON."""
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    keys = [json.loads(line)["key"] for line in lines]
    return [json.loads((folder / "results" / key[:2] / f"{key}.json").read_bytes()) for key in keys]


@pytest.fixture
def copy(mixed: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(mixed, tmp_path / "campaign"))


def change(folder: Path, index: int, alter: Callable[[dict[str, Any]], None]) -> None:
    """Write another record in a run's place, sealed as the engine seals it."""
    record = records(folder)[index]
    alter(record)
    key = record["key"]
    Store(folder).write(key, seal(record))


def test_counts_are_those_of_the_results(mixed: Path) -> None:
    found = records(mixed)
    analysis = analyse(mixed)
    outcomes = Counter(record["outcome"] for record in found)
    bad = [
        record
        for record in found
        if record["outcome"] == "LOST" or not all(one["met"] for one in record["expectations"])
    ]
    assert analysis.planned == analysis.flown == len(found) == 10
    assert {name: count for name, count in analysis.tally.all.outcomes.items() if count} == outcomes
    assert outcomes["LOST"] == 1
    assert analysis.failed_runs == len(bad) == 2
    assert analysis.failed
    assert analysis.verdict == "FAILED"
    assert any("1 run lost" in reason for reason in analysis.reasons)


def test_each_run_is_counted_once_where_its_first_fault_hit(mixed: Path) -> None:
    cells = analyse(mixed).tally.cells
    expected: Counter[tuple[str, str, str]] = Counter()
    for record in records(mixed):
        if record["faults"]:
            first = record["faults"][0]
            expected[first["kind"], first["mode"], "sunlit" if first["sunlit"] else "eclipse"] += 1
        else:
            expected["none", "", ""] += 1
    assert {key: cell.runs for key, cell in cells.items()} == expected
    assert (
        sum(cell.outcomes["LOST"] for cell in cells.values()) == cells["none", "", ""].outcomes["LOST"] == 1
    )


def test_times_run_from_the_injection(mixed: Path) -> None:
    analysis = analyse(mixed)
    for stage in ("detect", "isolate", "recover"):
        name = {"detect": "detected_s", "isolate": "isolated_s", "recover": "recovered_s"}[stage]
        for kind in ("gyro_bias", "replica_bit_flip"):
            expected = sorted(
                fault[name] - fault["injected_s"]
                for record in records(mixed)
                for fault in record["faults"]
                if fault["kind"] == kind and fault[name] is not None
            )
            found = next(one for one in analysis.times if (one.kind, one.stage) == (kind, stage))
            assert found.ordered == pytest.approx(expected, abs=1e-9)
    gyro = next(one for one in analysis.times if (one.kind, one.stage) == ("gyro_bias", "detect"))
    assert len(gyro.ordered) == 4
    assert gyro.document()["max"] == gyro.ordered[-1]


def test_recovery_is_asked_of_faults_that_pass_and_of_flips(mixed: Path) -> None:
    answers = analyse(mixed).tally.answers
    assert answers["gyro_bias"].injected == 4
    answered = Counter(
        fault["kind"]
        for record in records(mixed)
        for fault in record["faults"]
        if fault["recovered_s"] is not None
    )
    assert answers["gyro_bias"].rates()["recovered"] == Rate(answered["gyro_bias"], 2)
    assert answers["replica_bit_flip"].rates()["recovered"] == Rate(answered["replica_bit_flip"], 3)
    assert answered["gyro_bias"] < 2
    assert answered["replica_bit_flip"] > 0


def test_stops_and_what_was_flown(mixed: Path) -> None:
    tally = analyse(mixed).tally
    found = records(mixed)
    assert tally.stops == Counter(record["stop"]["kind"] for record in found)
    assert set(tally.stops) > {"end"}
    ticks = sum(record["stop"]["ticks_flown"] for record in found)
    assert tally.flown_s == pytest.approx(ticks / 10, abs=1e-6)
    assert tally.sim_s == 10 * 180.0


def test_no_flip_of_three_replicas_reached_the_plant(mixed: Path) -> None:
    flips = analyse(mixed).tally.flips
    assert set(flips) == {3}
    assert flips[3].rate == Rate(0, 3)


def test_a_flip_that_changed_the_plant_is_a_wrong_actuation(copy: Path) -> None:
    """The same results, but one flip's run was flown to its end and its plant has another digest; then one
    whose plant has the fault-free run's.
    """
    from safehold.forks.reference import Reference

    (path,) = (copy / "references").glob("*.bin")
    plant = Reference.from_bytes(path.read_bytes()).document["digests"]["plant"]

    def reached(record: dict[str, Any]) -> None:
        record["stop"]["kind"], record["digests"]["plant"] = "end", "0" * 64

    def went_by(record: dict[str, Any]) -> None:
        record["stop"]["kind"], record["digests"]["plant"] = "end", plant

    change(copy, 4, reached)
    change(copy, 5, went_by)
    assert analyse(copy).tally.flips[3].rate == Rate(1, 3)
    path.unlink()
    assert analyse(copy).tally.flips[3].rate == Rate(0, 1)


def test_a_flip_that_reconverged_is_asked_whether_it_reached_the_plant(copy: Path) -> None:
    """A run may steer as the fault-free one again after its plant was another for a while."""
    (index, *_) = (
        index
        for index, record in enumerate(records(copy))
        if record["stop"]["kind"] == "reconverged" and record["faults"][0]["kind"] == "replica_bit_flip"
    )
    change(copy, index, lambda record: record.update(plant_equal=False))
    assert analyse(copy).tally.flips[3].rate == Rate(1, 3)
    change(copy, index, lambda record: record.pop("plant_equal"))
    assert analyse(copy).tally.flips[3].rate == Rate(0, 2)


def test_a_recovery_from_a_fault_that_stays_hides_none_that_is_missing() -> None:
    stays = FaultRecord("gyro_bias", "gyro.0", "SAFE", "sunlit", 0.0, 1.0, 2.0, 3.0, recoverable=False)
    passes = replace(stays, recover_s=None, recoverable=True)
    answers = Answers()
    for fault in [stays] * 5 + [passes] * 5:
        answers.add(fault)
    assert answers.rates()["recovered"] == Rate(0, 5)
    found = {one.stage: (one.ordered, one.never) for one in times_of({"gyro_bias": answers})}
    assert found == {"detect": ((1.0,) * 10, 0), "isolate": ((2.0,) * 10, 0), "recover": ((), 5)}


def test_checks_are_read_and_one_disagreement_fails_the_campaign(copy: Path) -> None:
    before = analyse(copy)
    assert before.checks.repeated == 1
    assert before.checks.checked == before.tally.stops["reconverged"] > 0
    assert not before.checks.bad
    assert before.unchecked == 0
    log = copy / "checks.jsonl"
    line = next(one for one in log.read_text().splitlines() if '"reconverged"' in one)
    other = json.loads(line) | {"disagreements": ["outcome: OK when stopped, LOST at the end"]}
    log.write_text(log.read_text() + json.dumps(other) + "\n")
    after = analyse(copy)
    assert after.checks.checked == before.checks.checked
    assert [index for index, _, _ in after.checks.bad] == [other["index"]]
    assert any("label that does not hold" in reason for reason in after.reasons)
    log.unlink()
    assert analyse(copy).unchecked == before.checks.checked


def test_a_campaign_with_runs_to_fly_is_incomplete_unless_one_failed(copy: Path) -> None:
    for index in (8, 9):  # the two that fail
        key = records_key(copy, index)
        Store(copy).path(key).unlink()
    analysis = analyse(copy)
    assert analysis.missing == 2
    assert analysis.verdict == "INCOMPLETE"
    assert not analysis.failed
    (copy / "crashed.jsonl").write_text(
        json.dumps({"index": 9, "key": records_key(copy, 9), "why": "killed"}) + "\n"
    )
    analysis = analyse(copy)
    assert (analysis.missing, analysis.crashed, analysis.verdict) == (1, 1, "FAILED")


def records_key(folder: Path, index: int) -> str:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return str(json.loads(lines[index])["key"])


def test_an_altered_result_does_not_count(copy: Path) -> None:
    path = Store(copy).path(records_key(copy, 0))
    path.write_bytes(path.read_bytes().replace(b'"outcome":"', b'"outcome":"X'))
    analysis = analyse(copy)
    assert analysis.missing == 1
    assert next(read_runs(copy))["state"] == "missing"


def test_the_same_results_give_the_same_bytes_wherever_they_lie(mixed: Path, tmp_path: Path) -> None:
    first = Path(shutil.copytree(mixed, tmp_path / "one"))
    second = Path(shutil.copytree(mixed, tmp_path / "two"))
    (second / "costs.jsonl").write_text("")
    lines = (second / "checks.jsonl").read_text().splitlines()
    (second / "checks.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    for folder in (first, second):
        (folder / "campaign.json").unlink(missing_ok=True)
        conclude(folder)
    assert (first / "campaign.json").read_bytes() == (second / "campaign.json").read_bytes()
    assert (first / "runs.jsonl").read_bytes() == (second / "runs.jsonl").read_bytes()


def test_campaign_json_holds_every_run_and_is_sorted(mixed: Path) -> None:
    document = json.loads((mixed / "campaign.json").read_text(encoding="utf-8"))
    assert list(document) == sorted(document)
    assert [run["digest"] for run in document["runs"]] == [record["digest"] for record in records(mixed)]
    assert [run["index"] for run in document["runs"]] == list(range(10))
    assert document["runs"][0]["labels"]["fault.kind"] == "gyro_bias"
    assert document["campaign"] == "mixed"
    assert document["seed"] == 5
    assert document["code_id"] == records(mixed)[0]["code_id"]
    assert document["rates"]["all"]["rates"]["LOST"]["events"] == 1
    assert document["rates"]["all"]["rates"]["LOST"]["clopper_pearson"] == pytest.approx(
        [0.0025, 0.4450], abs=5e-5
    )  # 1 of 10: the tables' first example


def test_words_and_numbers_that_were_drawn(mixed: Path) -> None:
    labels = analyse(mixed).tally.labels
    assert labels["fault.kind"].words["gyro_bias"].runs == 4
    rate = labels["initial.rate_deg_s[2]"]
    assert (rate.clean.count, rate.clean.mean) == (1, 4.0)
    assert (rate.other.count, rate.other.mean) == (2, pytest.approx(49.5))


def test_expectations_name_their_worst_run(mixed: Path) -> None:
    """For a bound from above the worst run is the one with the highest value, met or not."""
    found = analyse(mixed).tally.expectations
    highest = [
        (one["highest"], index)
        for index, record in enumerate(records(mixed))
        for one in record["expectations"]
        if one["quantity"] == "rate_norm_deg_s"
    ]
    rate = found["rate_norm_deg_s < 9.6"]
    assert (rate.runs, rate.unmet) == (10, 2)
    assert (rate.beyond + 9.6, rate.run) == (pytest.approx(max(highest)[0]), max(highest)[1])
    retired = found["replicas_retired = 0.0"]
    assert (retired.runs, retired.unmet, retired.beyond, retired.found) == (10, 0, 0.0, "0")


@pytest.mark.parametrize(
    ("finding", "beyond"),
    [
        ({"below": 5.0, "share": 1.0, "ticks": 9, "lowest": 1.0, "highest": 4.5}, -0.5),
        ({"above": 0.2, "share": 1.0, "ticks": 9, "lowest": 0.1, "highest": 4.5}, 0.1),
        ({"above": -1.0, "below": 1.0, "share": 1.0, "ticks": 9, "lowest": -3.0, "highest": 1.5}, 2.0),
        ({"equals": 0.0, "value": 2.0}, 2.0),
        ({"above": 1.0, "value": 3.0}, -2.0),
        ({"equals": ["SAFE"], "fraction": 0.9, "share": 0.95, "ticks": 9}, -0.05),
        ({"within": "1h", "below": 1.0, "reached_s": 900.0}, 900.0),
        ({"within": "1h", "below": 1.0, "found": "not reached"}, None),
        ({"above": 1.0, "value": None, "found": "there is no such figure in this run"}, None),
    ],
)
def test_how_far_beyond_its_bound_an_expectation_was_left(
    finding: dict[str, Any], beyond: float | None, mixed: Path
) -> None:
    record = records(mixed)[0] | {"expectations": [{"quantity": "x", "met": True} | finding]}
    (expected,) = boil_down(0, "a" * 64, {}, record).expected
    assert expected.beyond == (None if beyond is None else pytest.approx(beyond))


def test_folders_that_are_no_campaign_are_refused(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(FolderError, match="SH-OUT-003"):
        analyse(tmp_path)
    (copy / "manifest.jsonl").write_text('{"index": 0, "key": ')
    with pytest.raises(FolderError, match=r"manifest\.jsonl, line 1"):
        analyse(copy)
    assert not list(copy.glob(".runs.jsonl*"))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("manifest.jsonl", {"index": 0}),
        ("manifest.jsonl", {"index": "0", "key": "a" * 64}),
        ("manifest.jsonl", {"index": 0, "key": "a" * 64, "labels": [1]}),
        ("manifest.jsonl", [0]),
        ("manifest.jsonl", {"index": 0, "key": "../../../../etc/passwd", "labels": {}}),
        ("manifest.jsonl", {"index": 0, "key": "A" * 64, "labels": {}}),
        ("checks.jsonl", {"kind": "repeat", "index": float("inf"), "key": "a" * 64, "equal": True}),
        ("checks.jsonl", {"kind": "reconverged", "index": 0, "key": "a" * 64, "disagreements": 3}),
        ("checks.jsonl", {"kind": "repeat", "index": None, "key": "a" * 64, "equal": True}),
    ],
)
def test_lines_that_make_no_sense_are_refused(copy: Path, name: str, line: Any) -> None:
    (copy / name).write_text(json.dumps(line) + "\n")
    with pytest.raises(FolderError, match=name):
        analyse(copy)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('seed = "x"', "seed is 'x'; it must be a whole number"),
        ("set = 3", "set is 3; it must be a table"),
        ('set = { "flight.replicas" = [3] }', "flight.replicas is .* a whole number"),
        ('[base]\nflight = "x"', "flight is 'x'; it must be a table"),
        ("a = " + "[" * 5000, "campaign.toml"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(copy: Path, text: str, words: str) -> None:
    (copy / "campaign.toml").write_text(text)
    with pytest.raises(FolderError, match=f"SH-OUT-003.*{words}"):
        analyse(copy)


@pytest.mark.parametrize(
    ("octets", "words"),
    [(b"\xff\xfe\n", "not UTF-8"), (b"[" * 100_000 + b"\n", "nested too deep"), (b"3\n", "not an object")],
)
def test_a_line_that_cannot_be_read_is_named_or_refused(tmp_path: Path, octets: bytes, words: str) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"a":1}\n' + octets + b'{"b":2}\n{"c":')
    with pytest.raises(FolderError, match=rf"lines\.jsonl, line 2: {words}"):
        list(read_lines(path))
    unfit: list[str] = []
    assert list(read_lines(path, unfit=unfit)) == [{"a": 1}, {"b": 2}]
    assert words in unfit[0]
    assert [name.split(":")[0][-6:] for name in unfit] == ["line 2", "line 4"]


def test_a_line_of_costs_that_was_cut_off_leaves_the_report(copy: Path) -> None:
    """A flight that is killed leaves half a line, and the one that resumes it writes on behind it."""
    path = copy / "costs.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0][:20] + "".join(lines[1:]))
    conclude(copy)
    assert "1 lines cannot be read" in (copy / "report.html").read_text(encoding="utf-8")


def test_a_sealed_result_that_lacks_something_counts_as_not_flown(copy: Path) -> None:
    change(copy, 0, lambda record: record.pop("modes"))
    change(copy, 1, lambda record: record.update(faults=[3]))
    analysis = analyse(copy)
    assert analysis.missing == 2
    assert "'modes'" in next(read_runs(copy))["why"]


def test_summary_ends_with_the_verdict_and_names_the_failed_runs(mixed: Path) -> None:
    lines = summary_lines(analyse(mixed))
    assert lines[-1].startswith("verdict  FAILED: 1 run lost")
    assert any(line.startswith("failed   run 9 LOST") for line in lines)
    assert any(line.startswith("LOST     1 of 10, 10.0 % (0.25 to 44.5 %)") for line in lines)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.123456, "12.3 %"),
        (0.99999, "99.9990 %"),
        (1e-5, "0.0010 %"),
        (None, "-"),
    ],
)
def test_percentages_have_digits_that_mean_something(share: float | None, text: str) -> None:
    assert percent(share) == text


# --- the counters alone -------------------------------------------------------------------------------------


def entry(index: int, **values: Any) -> Entry:
    plain = {"state": "flown", "outcome": "OK", "labels": {}}
    return Entry(index=index, key=f"{index * 2654435761 % 2**64:064x}"[::-1], **(plain | values))


def test_moments_are_numpys() -> None:
    values = np.array([3.0, -1.5, 2.25, 1e6, 4.0])
    moments = Moments()
    for value in values.tolist():
        moments.add(value)
    assert moments.mean == pytest.approx(values.mean(), rel=1e-15)
    assert moments.deviation == pytest.approx(values.std(ddof=1), rel=1e-12)
    assert (moments.low, moments.high) == (values.min(), values.max())


def test_difference_is_in_units_of_the_common_deviation() -> None:
    """Clean 1, 2, 3 and others 4, 5, 6: means apart by 3, both deviations 1."""
    label = Label()
    for value in (1.0, 2.0, 3.0):
        label.add(value, entry(0))
    for value in (4.0, 5.0, 6.0):
        label.add(value, entry(1, outcome="LOST"))
    assert label.difference == pytest.approx(3.0)


def test_samples_and_the_worst_do_not_depend_on_the_order() -> None:
    runs = [entry(index, outcome="LOST" if index % 7 == 3 else "DEGRADED") for index in range(100)]
    for kind in (Sample, Worst):
        forward, backward = kind(size=10), kind(size=10)
        for run in runs:
            forward.add(run)
        for run in reversed(runs):
            backward.add(run)
        assert forward.entries() == backward.entries()
        assert len(forward.entries()) == 10


def test_the_worst_run_is_a_lost_one() -> None:
    worst = Worst(size=2)
    for run in (entry(0, outcome="DEGRADED", outage_s=9e9), entry(1, outcome="LOST"), entry(2)):
        worst.add(run)
    assert [run.index for run in worst.entries()] == [1, 0]


def test_false_safe_is_counted_before_any_fault_alone(mixed: Path) -> None:
    """A satellite that left its work for SAFE at 500 s: for nothing, unless a fault was there before. That it
    had been in SAFE on its way to work says nothing.
    """
    record = records(mixed)[0]
    modes = [
        ("DETUMBLE", 0.0, 100.0), ("SAFE", 100.0, 200.0), ("STANDBY", 200.0, 500.0), ("SAFE", 500.0, 900.0),
        ("STANDBY", 900.0, 1000.0),
    ]  # fmt: skip
    record["modes"] = [{"mode": mode, "from_s": low, "until_s": high} for mode, low, high in modes]
    for onset_s, false, answered in ((600.0, 1, 0), (400.0, 0, 1)):
        record["faults"][0]["injected_s"] = onset_s
        tally = Tally()
        tally.add(boil_down(0, "a" * 64, {}, record | {"sim_seconds": 1000.0}))
        assert tally.false_safe == Counter(runs=1, events=false)
        assert tally.sheltered["gyro_bias"] == Counter(runs=1, events=answered)


def test_mode_at_a_time() -> None:
    modes = [{"mode": "BOOT", "from_s": 0.0, "until_s": 5.0}, {"mode": "SAFE", "from_s": 5.0, "until_s": 9.0}]
    assert [mode_at(modes, at_s) for at_s in (0.0, 4.9, 5.0, 9.0)] == ["BOOT", "BOOT", "SAFE", "SAFE"]
    assert mode_at([], 1.0) == "unknown"


def test_nothing_is_counted_of_nothing() -> None:
    assert Answers().rates()["detected"].document()["share"] is None
    assert Flips().rate.document()["clopper_pearson"] == [None, None]


def test_runs_pass_one_at_a_time(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The analysis of a campaign holds one result at a time: the next is read when the last was taken."""
    alive = 0
    most = 0

    class Counted(dict[str, Any]):
        def __init__(self, *arguments: Any) -> None:
            nonlocal alive, most
            super().__init__(*arguments)
            alive += 1
            most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    whole = Store.read

    def read(self: Store, key: str) -> Any:
        found = whole(self, key)
        assert found is not None
        return found[0], Counted(found[1])

    monkeypatch.setattr(Store, "read", read)
    taken = [run_document(one)["index"] for one in read_entries(mixed)]
    assert taken == list(range(10))
    assert 1 <= most <= 2


def test_campaign_json_is_written_whole_or_not_at_all(copy: Path) -> None:
    analysis = analyse(copy)
    before = (copy / "campaign.json").read_bytes()
    (copy / "runs.jsonl").write_text("{\n")
    with pytest.raises(FolderError):
        write_campaign_json(copy, analysis)
    assert (copy / "campaign.json").read_bytes() == before
    assert not list(copy.glob(".campaign.json*"))
