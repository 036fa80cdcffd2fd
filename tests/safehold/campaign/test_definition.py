"""Campaign files: what is right loads and reads back; what is wrong is named with file, key, value, what is
right, and id.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehold import errors
from safehold.campaign import injection
from safehold.campaign.definition import built_in_names, load_campaign, parse_campaign
from safehold.campaign.expand import Campaign
from safehold.campaign.schema import MOST_RUNS
from safehold.dump import to_toml
from safehold.errors import CampaignError, InputError, Problem, ScenarioError
from safehold.fault_kinds import kinds
from safehold.scenario import Source, load, parse
from safehold.schema import Fault, Scenario
from safehold.toml_input import LARGEST_FILE

HEAD = """
schema = 1
name = "good"
base = "first-contact"
seed = 5
"""
GOOD = (
    HEAD
    + """
runs = 20
duration = "2h"
repeat_share = 0.1
[set]
"flight.replicas" = 1
"orbit.raan_deg" = 45.0
[[vary]]
key = "initial.rate_deg_s[0]"
distribution = "normal"
mean = 3.0
sigma = 0.5
[[vary]]
key = "spacecraft.dry_mass_kg"
distribution = "uniform"
relative = true
low = 0.9
high = 1.1
[[vary]]
key = "fault[0].at"
distribution = "uniform"
low = "10m"
high = "20m"
[[fault]]
at = "15m"
kind = "gyro_bias"
target = "gyro.1"
rate_deg_s = 0.5
[[expect]]
quantity = "battery_state_of_charge"
above = 0.1
"""
)
VARY = 'key = "initial.battery_state_of_charge"\ndistribution = "uniform"\nlow = 0.5\nhigh = 0.9\n'
GRID = '[[grid]]\nkinds = "gyro_bias"\nat = "1h"\nrate_deg_s = [0.1, 0.2]\n'
STORM = '[storm]\nrate_per_day = 5.0\nkinds = ["gyro_stuck"]\nduration = "10m"\n'
FLIPS = "[flips]\ncount = 10\n"
ONE = HEAD + "runs = 1\n"
STORMY = HEAD + "runs = 2\n" + STORM
THREAT = '[[storm.kind]]\nkind = "string_loss"\n'
SHARE = 'share = { distribution = "uniform", low = 0.5, high = 1.5 }'


def campaign(text: str, folder: Path | None = None) -> Campaign:
    return parse_campaign(text, Source("x.toml", folder))


def refused(text: str, folder: Path | None = None) -> CampaignError:
    with pytest.raises(CampaignError) as caught:
        campaign(text, folder)
    assert caught.value.exit_code == errors.EXIT_INPUT
    assert str(caught.value).startswith("x.toml: SH-")
    return caught.value


def replaced(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


@pytest.mark.requirement("S5")
def test_good_campaign_holds_what_its_text_says() -> None:
    made = campaign(GOOD)
    assert (made.name, made.count, made.seed, made.repeat_share) == ("good", 20, 5, 0.1)
    assert made.base.duration == 7200 * 10**9
    assert made.base.flight.replicas == 1
    assert made.base.orbit.raan_deg == 45.0
    assert [fault.kind for fault in made.base.fault] == ["gyro_bias"]
    assert [expect.quantity for expect in made.base.expect] == ["battery_state_of_charge"]
    # What the campaign does not speak of is the base's.
    assert made.base.station == load("first-contact").station


@pytest.mark.requirement("S5")
def test_resolved_text_needs_no_other_file_and_reads_back_to_the_same_campaign() -> None:
    for made in (campaign(GOOD), *(load_campaign(name) for name in built_in_names())):
        again = campaign(made.text)
        assert again == made
        assert again.sha256() == made.sha256()
        last = made.count - 1
        assert again.run(last) == made.run(last)
        assert 'base = "' not in made.text


@pytest.mark.requirement("S5")
def test_identity_changes_with_everything_that_decides_what_is_flown() -> None:
    texts = [
        GOOD,
        replaced("seed = 5", "seed = 6"),
        replaced("runs = 20", "runs = 21"),
        replaced("sigma = 0.5", "sigma = 0.6"),
        replaced('"orbit.raan_deg" = 45.0', '"orbit.raan_deg" = 46.0'),
        replaced('duration = "2h"', 'duration = "3h"'),
        replaced("above = 0.1", "above = 0.2"),
    ]
    assert len({campaign(text).sha256() for text in texts}) == len(texts)


@pytest.mark.requirement("S5")
def test_built_in_campaigns_are_there_and_their_first_and_last_runs_are_scenarios() -> None:
    assert {"dispersion", "upsets", "unit-faults", "storm", "smoke"} <= set(built_in_names())
    for name in built_in_names():
        made = load_campaign(name)
        assert made.name == name
        assert made.description
        assert not made.needs_confirmation
        for index in (0, made.count - 1):
            scenario = made.run(index).scenario
            assert parse(to_toml(scenario), Source("run", None)) == scenario
    assert load_campaign("upsets").count == 2_000
    assert load_campaign("upsets").base.duration == 86_400 * 10**9
    dispersion = load_campaign("dispersion")
    assert (dispersion.count, dispersion.base.duration) == (200, 6_000 * 10**9)


@pytest.mark.requirement("S5")
def test_unit_faults_hit_every_unit_with_every_kind_of_hardware_fault() -> None:
    made = load_campaign("unit-faults")
    hit = {(run.labels["fault.kind"], run.labels["fault.target"]) for run in map(made.run, range(made.count))}
    # A flip and a reset are not hardware; an object that passes and the link's weather befall no unit.
    others = {"replica_bit_flip", "computer_reset", "object_approach"}
    every = {(kind.name, target) for kind in kinds().values() for target in kind.targets}
    assert hit == {pair for pair in every if pair[0] not in others and not pair[0].startswith("link_")}


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    ("text", "id", "key", "words"),
    [
        ("schema = 1\nname = 3", "SH-CMP-007", "name", "valid string"),
        (HEAD.replace("schema = 1", "schema = 2"), "SH-CMP-008", "schema", "reads schema = 1"),
        (HEAD.replace("schema = 1", ""), "SH-CMP-006", "schema", "is missing"),
        (HEAD + "runs = 2\nrusn = 3", "SH-CMP-005", "rusn", "did you mean 'runs'"),
        (HEAD + "runs = 0", "SH-CMP-017", "runs", "at least one run"),
        (HEAD + "runs = -4", "SH-CMP-017", "runs", "is -4"),
        (HEAD + 'runs = "many"', "SH-CMP-007", "runs", "'many'"),
        (HEAD + "runs = nan", "SH-CMP-007", "runs", "nan"),
        (HEAD, "SH-CMP-006", "runs", "how many runs"),
        (HEAD + f"runs = {MOST_RUNS + 1}", "SH-CMP-017", "", "at most 1,000,000,000"),
        (HEAD + "runs = 1\nrepeat_share = nan", "SH-CMP-009", "repeat_share", "finite"),
        (HEAD + "runs = 1\nrepeat_share = 1.5", "SH-CMP-008", "repeat_share", "less than or equal"),
        (HEAD + 'runs = 1\nduration = "2 hours"', "SH-CMP-010", "duration", "is not a duration"),
        (HEAD + "runs = 1\nseeds = [1, -2]", "SH-CMP-008", "seeds, element 2", "greater than or equal"),
        (HEAD + "seeds = [1, 2]\nsame_seed = true", "SH-CMP-018", "same_seed", "one seed for all"),
        (HEAD + "runs = 3\nsame_seed = true", "SH-CMP-018", "runs", "would be the same"),
        (HEAD + "runs = 3\n" + GRID, "SH-CMP-018", "runs", "would be the same"),
        (HEAD + "runs = 3\n" + FLIPS, "SH-CMP-018", "runs", "leave it out"),
        (HEAD + FLIPS + GRID, "SH-CMP-018", "flips", "two campaigns"),
        (HEAD + "[flips]\ncount = 0", "SH-CMP-017", "flips.count", "at least one run"),
        (
            HEAD + FLIPS + "replicas = [0, 3]",
            "SH-CMP-008",
            "flips.replicas, element 2",
            "less than or equal to 2",
        ),
        (HEAD + FLIPS + 'from = "25h"', "SH-CMP-019", "flips.from", "end of the flips"),
        (HEAD + FLIPS + 'until = "25h"', "SH-CMP-019", "flips.until", "after the end"),
        (HEAD + 'runs = 1\n[set]\n"initial.rate" = 1', "SH-SCN-005", "initial.rate", "rate_deg_s"),
        (HEAD + 'runs = 1\n[set]\n"name" = "x"', "SH-CMP-013", '[set] "name"', "cannot be varied"),
        (HEAD + 'runs = 1\n[set]\n"seed" = 2', "SH-CMP-013", '[set] "seed"', "seeds"),
        (HEAD + 'runs = 1\n[set]\n"station[7].name" = "x"', "SH-CMP-013", "[set]", "3 elements"),
        (HEAD + 'runs = 1\n[set]\n"flight.replicas" = 2', "SH-SCN-011", "flight.replicas", "1 or 3"),
        (
            HEAD + 'runs = 1\n[set]\n"initial" = {}\n"initial.rate_deg_s" = [1, 2, 3]',
            "SH-CMP-018",
            '[set] "initial.rate_deg_s"',
            "already set",
        ),
        (ONE + "[[expect]]\nquantity = 'speed'\nabove = 1", "SH-SCN-019", "[[expect]] 1", "unknown"),
        (HEAD + "runs = 1\n[[fault]]\nat = '1h'\nkind = 'x'\ntarget = 'y'", "SH-SCN-014", "[[fault]] 1", "x"),
        (HEAD + STORM, "SH-CMP-006", "runs", "how many"),
        (STORMY.replace("5.0", "0.0"), "SH-CMP-008", "storm.rate_per_day", "greater than 0"),
        (STORMY.replace("5.0", "1e5"), "SH-CMP-021", "storm.rate_per_day", "at most 1,000"),
        (STORMY.replace("stuck", "stick"), "SH-CMP-019", "storm.kinds", "'gyro_stuck'"),
        (STORMY.replace("stuck", "bias"), "SH-CMP-019", "storm.kinds", "what is added"),
        (STORMY + "at_most = 0", "SH-CMP-008", "storm.at_most", "greater than"),
        (STORMY + "permanent_share = 1.1", "SH-CMP-008", "permanent_share", "less than"),
        (STORMY + 'until = "2d"', "SH-CMP-019", "storm.until", "after the end"),
        (STORMY + 'from = "1d"', "SH-CMP-019", "storm.from", "end of the storm"),
        (
            STORMY.replace('"10m"', '["10m", "1m"]'),
            "SH-CMP-015",
            "storm.duration",
            "shortest first",
        ),
        (
            STORMY.replace('"10m"', '["1m", "2m", "3m"]'),
            "SH-CMP-007",
            "storm.duration",
            "shortest and the longest",
        ),
        (
            STORMY.replace('kinds = ["gyro_stuck"]', ""),
            "SH-CMP-006",
            "storm",
            "needs kinds",
        ),
        (
            STORMY + THREAT + SHARE,
            "SH-CMP-019",
            "[[storm.kind]] 1, share",
            "between 0 and 1",
        ),
        (
            STORMY + THREAT + "share = { low = 0.5 }",
            "SH-CMP-014",
            "[[storm.kind]] 1, share",
            "needs distribution",
        ),
        (HEAD + "[[grid]]\n", "SH-CMP-006", "[[grid]] 1", "needs kinds"),
        (HEAD + '[[grid]]\nkinds = "gyro_stuck"', "SH-CMP-006", "[[grid]] 1, at", "when the faults begin"),
        (HEAD + '[[grid]]\nat = "1h"\nkeys = { "flight.replicas" = [1, 3] }', "SH-CMP-018", "at", "no kinds"),
        (HEAD + GRID.replace("gyro_bias", "gyro_bais"), "SH-CMP-019", "[[grid]] 1, kinds", "'gyro_bias'"),
        (HEAD + GRID.replace("rate_deg_s", "rate"), "SH-CMP-019", "[[grid]] 1, rate", "has no key 'rate'"),
        (HEAD + GRID.replace("0.2", "200.0"), "SH-CMP-019", "[[grid]] 1, rate_deg_s", "between -100 and 100"),
        (HEAD + GRID.replace("0.2", "nan"), "SH-CMP-019", "[[grid]] 1, rate_deg_s", "finite"),
        (HEAD + GRID.replace("0.2", "[0.2]"), "SH-CMP-007", "[[grid]] 1, rate_deg_s", "must be a number"),
        (HEAD + GRID.replace("[0.1, 0.2]", "[]"), "SH-CMP-008", "[[grid]] 1, rate_deg_s", "empty list"),
        (HEAD + GRID.replace('"1h"', '["1h", "25h"]'), "SH-CMP-019", "[[grid]] 1, at", "after the end"),
        (HEAD + GRID + 'targets = ["gyro.4"]', "SH-CMP-019", "[[grid]] 1, target", "cannot hit 'gyro.4'"),
        (HEAD + GRID + 'keys = { "flight.replica" = [1] }', "SH-CMP-013", "flight.replica", "'replicas'"),
        (HEAD + GRID + 'keys = { "flight.replicas" = [1, 2] }', "SH-CMP-008", "flight.replicas", "1 or 3"),
        (
            HEAD + '[[grid]]\nkinds = "replica_bit_flip"\nat = "1h"\nbit = 1_000_000_000',
            "SH-CMP-019",
            "[[grid]] 1, bit",
            "bits",
        ),
        (
            HEAD + f'[[vary]]\n{VARY}\n[[grid]]\nkeys = {{ "initial.battery_state_of_charge" = [0.5] }}',
            "SH-CMP-018",
            "[[grid]], keys",
            "already set",
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, id: str, key: str, words: str) -> None:
    error = refused(text)
    named = [problem for problem in error.problems if problem.id == id and key in problem.key]
    assert named, error
    assert any(words in problem.text for problem in named), error


def one(key: str, distribution: str = "uniform", **parameters: object) -> str:
    """A dispersion's lines; without parameters, from 0.1 to 0.2."""
    given = parameters or {"low": 0.1, "high": 0.2}
    flags = {name: value for name, value in given.items() if value is True}
    if flags and len(flags) == len(given):
        given = {**given, "low": 0.1, "high": 0.2}
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
    return f'key = "{key}"\ndistribution = "{distribution}"\n{lines}\n'


CHARGE = "initial.battery_state_of_charge"
INERTIA = "spacecraft.inertia_body_kg_m2[0][0]"


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    ("lines", "id", "words"),
    [
        (one("initial.battery_charge"), "SH-CMP-013", "unknown key"),
        (one("initial.rate_deg_s[3]"), "SH-CMP-013", "has 3 elements, counted from 0"),
        (one("initial.rate_deg_s"), "SH-CMP-016", "valid list"),
        (one("initial..rate_deg_s"), "SH-CMP-013", "not a scenario key"),
        (one("../../etc/passwd"), "SH-CMP-013", "not a scenario key"),
        (one("intial.rate_deg_s[0]"), "SH-CMP-013", "did you mean 'initial'"),
        (one("spacecraft.dry_mass"), "SH-CMP-013", "did you mean 'dry_mass_kg'"),
        (one("flight.parameters.nothing"), "SH-CMP-013", "unknown on-board parameter"),
        (one("seed"), "SH-CMP-013", "same_seed"),
        (one("duration"), "SH-CMP-013", "campaign's own duration"),
        (one("fault[0].rate_deg_s"), "SH-CMP-013", "there is no fault"),
        (one("environment.drag"), "SH-CMP-016", "boolean"),
        (one("environment.gravity_degree"), "SH-CMP-016", "integer"),
        (one("command[0].at"), "SH-CMP-010", "must be a duration"),
        (one(CHARGE, relative=True, offset=True), "SH-CMP-018", "relative"),
        (one("initial.rate_deg_s", offset=True), "SH-CMP-013", "give an index"),
        (one("environment.atmosphere", relative=True), "SH-CMP-013", "multiplied"),
        (one("environment.gravity_order", relative=True), "SH-CMP-013", "no value in the base"),
        (one(CHARGE, low=0.5, high=1.1), "SH-CMP-016", "less than or equal to 1"),
        (one(CHARGE, "normal", mean=0.8, sigma=0.1), "SH-CMP-016", "low and high"),
        (one(CHARGE, relative=True, low=0.5, high=1.5), "SH-CMP-016", "1.2"),
        (one(CHARGE, "choice", values=[0.5, 2.0]), "SH-CMP-016", "2.0"),
        (one("environment.atmosphere", "choice", values=["none", "moon"]), "SH-CMP-016", "'moon'"),
        (one("spacecraft.dry_mass_kg", "normal", mean=2.0, sigma=1.0), "SH-CMP-016", "from 1 to"),
        (one(INERTIA, low=8.0, high=13.0), "SH-CMP-016", "sum of the other two"),
        (one("command[0].at", low="1h", high="25h"), "SH-CMP-016", "after the end"),
        (one(INERTIA, "lognormal", median=1.0, sigma=90.0), "SH-CMP-016", "low and high"),
        ('key = 3\ndistribution = "uniform"', "SH-CMP-007", "valid string"),
    ],
)
def test_dispersions_that_the_scenario_does_not_allow_are_refused(lines: str, id: str, words: str) -> None:
    error = refused(HEAD + "runs = 2\n[[vary]]\n" + lines)
    assert any(problem.id == id and words in problem.text for problem in error.problems), error
    assert all(problem.key.startswith("[[vary]] 1") for problem in error.problems), error


@pytest.mark.requirement("S5")
def test_every_problem_is_told_at_once() -> None:
    text = HEAD + (
        "runs = 0\n"
        '[[vary]]\nkey = "initial.speed"\ndistribution = "uniform"\nlow = 0.0\nhigh = 1.0\n'
        '[[vary]]\nkey = "initial.rate_deg_s[0]"\ndistribution = "normal"\nmean = 0.0\nsigma = -1.0\n'
        '[[vary]]\nkey = "initial.rate_deg_s[1]"\ndistribution = "norml"\n'
        '[[grid]]\nkinds = "gyro_bais"\nat = "1h"\n'
        '[[grid]]\nkinds = "gyro_stuck"\nat = "30h"\n'
    )
    found = {(problem.id, problem.key) for problem in refused(text).problems}
    assert {
        ("SH-CMP-017", "runs"),
        ("SH-CMP-013", "[[vary]] 1, key"),
        ("SH-CMP-015", "[[vary]] 2, sigma"),
        ("SH-CMP-014", "[[vary]] 3, distribution"),
        ("SH-CMP-019", "[[grid]] 1, kinds"),
        ("SH-CMP-019", "[[grid]] 2, at"),
    } <= found


def test_a_long_list_is_checked_by_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may hold 150,000 onsets for each of 15 kinds."""
    looked: list[str] = []
    problems = injection.problems

    def counted(scenario: Scenario, one: Fault, where: str) -> list[Problem]:
        looked.append(where)
        return problems(scenario, one, where)

    monkeypatch.setattr(injection, "problems", counted)
    onsets = [f"{second}s" for second in range(1, 5001)]
    lines = f'[[grid]]\nkinds = "gyro_bias"\nat = {json.dumps(onsets)}\nrate_deg_s = %s\n'
    rates = [0.001 * number for number in range(1, 5001)]
    assert campaign(HEAD + lines % rates).count == 4 * 5000 * 5000
    assert len(looked) < 20
    # One that is wrong is found wherever it stands.
    rates[2500] = 1e6
    onsets[2500] = "30h"
    with pytest.raises(CampaignError) as caught:
        campaign(HEAD + f'[[grid]]\nkinds = "gyro_bias"\nat = {json.dumps(onsets)}\nrate_deg_s = {rates}\n')
    assert {problem.key for problem in caught.value.problems} == {"[[grid]] 1, at", "[[grid]] 1, rate_deg_s"}


@pytest.mark.requirement("S5")
def test_the_same_key_is_not_varied_twice_nor_as_a_whole_and_in_part() -> None:
    whole = '[[vary]]\nkey = "initial.rate_deg_s"\ndistribution = "choice"\nvalues = [[1, 2, 3], [3, 2, 1]]\n'
    part = '[[vary]]\nkey = "initial.rate_deg_s[1]"\ndistribution = "uniform"\nlow = 0.0\nhigh = 1.0\n'
    for pair in (whole + part, part + whole, part + part):
        error = refused(HEAD + "runs = 2\n" + pair)
        assert [problem.id for problem in error.problems] == ["SH-CMP-018"]
        assert "already set" in str(error)


@pytest.mark.requirement("S5")
def test_a_million_runs_load_at_once_and_ask_for_confirmation() -> None:
    million = campaign(HEAD + "runs = 1_000_000\n[[vary]]\n" + VARY)
    assert million.count == 1_000_000
    assert million.needs_confirmation
    assert million.run(999_999).index == 999_999
    refusal = million.confirmation()
    assert refusal.id == "SH-CMP-022"
    assert "1,000,000 runs" in str(refusal)
    assert "--yes" in str(refusal)
    assert not campaign(HEAD + "runs = 100_000\n[[vary]]\n" + VARY).needs_confirmation


# --- the base ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("S5")
def test_base_is_a_built_in_scenario_or_a_file_beside_the_campaign(tmp_path: Path) -> None:
    own = to_toml(load("replica-upset")).replace('name = "replica-upset"', 'name = "own"')
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "base.toml").write_text(own)
    place = tmp_path / "mine" / "campaign.toml"
    place.write_text(HEAD.replace("first-contact", "base.toml") + "runs = 2")
    assert load_campaign(place).base.name == "own"
    outside = tmp_path / "mine" / "inner"
    outside.mkdir()
    error = refused(HEAD.replace("first-contact", "../base.toml") + "runs = 2", outside)
    assert error.id == "SH-CMP-012"
    assert "leads out of" in str(error)


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    "name",
    [
        "frist-contact",
        "../base.toml",
        "/etc/passwd",
        "/etc/passwd.toml",
        "a\\u0000.toml",
        "..",
        "",
        "base.txt",
    ],
)
def test_a_base_that_a_campaign_may_not_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "base.txt").write_text("")
    error = refused(HEAD.replace("first-contact", name) + "runs = 2", tmp_path)
    assert error.id == "SH-CMP-012"
    assert error.problems[0].key == "base"


def test_a_link_out_of_the_folder_is_no_way_out(tmp_path: Path) -> None:
    (tmp_path / "secret.toml").write_text(to_toml(load("replica-upset")))
    folder = tmp_path / "campaign"
    folder.mkdir()
    (folder / "base.toml").symlink_to(tmp_path / "secret.toml")
    assert refused(HEAD.replace("first-contact", "base.toml") + "runs = 2", folder).id == "SH-CMP-012"


def test_a_base_that_is_wrong_by_itself_names_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("schema = 1\nname = 'x'")
    with pytest.raises(ScenarioError, match=r"base\.toml: SH-SCN-006"):
        campaign(HEAD.replace("first-contact", "base.toml") + "runs = 2", tmp_path)


# --- hostile files ----------------------------------------------------------------------------------------


@pytest.mark.requirement("S5")
def test_hostile_files_are_refused(tmp_path: Path) -> None:
    fault = '[[fault]]\nat = "1h"\nkind = "gyro_stuck"\ntarget = "gyro.0"\n'
    cases: list[tuple[bytes, str]] = [
        (b"\xff\xfe", "SH-CMP-002"),
        (b"a = 1\na = 2", "SH-CMP-003"),
        (b"[a]\n[a]", "SH-CMP-003"),
        (b"a = [" + b"[" * 100_000, "SH-CMP-002"),
        (b"x" * 10, "SH-CMP-002"),
        (HEAD.encode() + b"a" + b".a" * 300_000 + b" = 1", "SH-CMP-002"),  # 360 GB for tomllib
        (HEAD.encode() + b"[a" + b". 'b'" * 5_000 + b"]", "SH-CMP-002"),
        ((ONE + "[set]\n" + '"fault[0].at" = ' + "[" * 100 + "]" * 100).encode(), "SH-CMP-002"),
        (HEAD.encode() + b"runs = " + b"9" * 5_000, "SH-CMP-002"),
        (HEAD.encode() + b'"' + b"k" * 900_000 + b'" = 1', "SH-CMP-005"),
        ((ONE + "".join(f"k{i} = 1\n" for i in range(80_000))).encode(), "SH-CMP-005"),
        (b"#" * (LARGEST_FILE + 1), "SH-CMP-004"),
        ((ONE + "[[vary]]\n" * 90_000).encode(), "SH-CMP-008"),
        ((ONE + fault * 1_001).encode(), "SH-CMP-008"),
    ]
    place = tmp_path / "hostile.toml"
    for content, id in cases:
        place.write_bytes(content)
        with pytest.raises(CampaignError) as caught:
            load_campaign(place)
        assert caught.value.id == id, content[:40]
        assert len(str(caught.value)) < 20_000


@pytest.mark.requirement("S5")
def test_messages_cannot_steer_a_terminal() -> None:
    for text in ('"\\u001b[31mred" = 1', '[[vary]]\nkey = "\\u001b[31m"\ndistribution = "\\u001b[1m"'):
        message = str(refused(ONE + text))
        assert "\x1b" not in message
        assert "\\x1b[31m" in message


def test_names_that_are_no_campaign_are_refused(tmp_path: Path) -> None:
    for name in ("smok", "../smoke", "nothing.toml", str(tmp_path), "a\0b.toml"):
        with pytest.raises(CampaignError) as caught:
            load_campaign(name)
        assert caught.value.id == "SH-CMP-001"
    with pytest.raises(CampaignError, match="did you mean 'smoke'"):
        load_campaign("smok")


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_mangled_files_are_refused_and_nothing_worse(seed: int) -> None:
    """Cut, swapped and doubled lines of a good file either load or are bad input; nothing else is raised."""
    chosen = random.Random(seed)
    lines = GOOD.splitlines()
    for _ in range(chosen.randrange(1, 4)):
        at, other = chosen.randrange(len(lines)), chosen.randrange(len(lines))
        how = chosen.randrange(4)
        if how == 0:
            del lines[at]
        elif how == 1:
            lines[at], lines[other] = lines[other], lines[at]
        elif how == 2:
            lines.insert(at, lines[other])
        else:
            lines[at] = lines[at][: chosen.randrange(len(lines[at]) + 1)]
    try:
        made = campaign("\n".join(lines))
    except InputError:
        return
    assert made.count >= 1
    made.run(0)


@pytest.mark.requirement("S5")
def test_options_replace_top_level_keys() -> None:
    made = load_campaign("smoke", {"runs": 3, "seed": 9, "duration": "30s"})
    assert (made.count, made.seed, made.base.duration) == (3, 9, 30 * 10**9)
    again = load_campaign(made, {"runs": 2})
    assert again.count == 2
    assert again.run(1) == made.run(1)
    with pytest.raises(CampaignError, match="at least one run"):
        load_campaign("smoke", {"runs": 0})


@pytest.mark.requirement("S5")
def test_the_number_of_runs_of_flips_is_their_count() -> None:
    made = load_campaign("upsets", {"runs": 7})
    assert made.count == 7
    assert [made.run(index) for index in range(7)] == [
        load_campaign("upsets").run(index) for index in range(7)
    ]
