"""Runs of a campaign: a function of the campaign and the number alone; grids, storms and flips as they are
written; every scenario one that could have been written by hand.

Storms are compared with Erlang's loss formula, which holds for service times of any distribution: of Poisson
arrivals at a rate r, each active for d on average, N at most at once, the share B(N, r d) is left out.
"""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from safehold.campaign.definition import built_in_names, load_campaign, parse_campaign
from safehold.campaign.expand import Campaign, PlannedRun
from safehold.campaign.injection import state_bits
from safehold.dump import to_toml
from safehold.durations import parse_duration
from safehold.errors import CampaignError
from safehold.scenario import Source, load, parse
from safehold.schema import Scenario

HEAD = 'schema = 1\nname = "x"\nbase = "first-contact"\nseed = 11\n'
RATE = '[[vary]]\nkey = "initial.rate_deg_s[0]"\ndistribution = "normal"\nmean = 3.0\nsigma = 0.5\n'
MASS = (
    '[[vary]]\nkey = "spacecraft.dry_mass_kg"\nrelative = true\n'
    'distribution = "uniform"\nlow = 0.9\nhigh = 1.1\n'
)
GRID = (
    '[[grid]]\nkinds = "gyro_bias"\nat = ["1h", "2h", "3h"]\n'
    'duration = ["1m", "permanent"]\nrate_deg_s = [0.1, 0.2]\n'
)
STORM = (
    '[storm]\nrate_per_day = {rate}\nkinds = ["gyro_stuck", "wheel_seize"]\nat_most = {at_most}\n'
    'permanent_share = {permanent}\nduration = ["{shortest}", "{longest}"]\n'
)
CALM = STORM.format(rate=2.0, at_most=1, permanent=0.0, shortest="1m", longest="2m")


def campaign(text: str) -> Campaign:
    return parse_campaign(text, Source("x", None))


def plain(run: PlannedRun) -> tuple[str, str]:
    return to_toml(run.scenario), json.dumps(dict(run.labels), sort_keys=True)


# --- a function of the campaign and the number ------------------------------------------------------------


MIXED = campaign(
    HEAD
    + "runs = 300\n"
    + RATE
    + MASS
    + STORM.format(rate=6.0, at_most=2, permanent=0.2, shortest="1m", longest="2h")
)


@pytest.mark.requirement("S5")
@settings(max_examples=20)
@given(order=st.lists(st.integers(0, 299), min_size=1, max_size=12), fewer=st.integers(1, 300))
def test_a_run_does_not_depend_on_the_order_nor_on_the_number_of_runs(order: list[int], fewer: int) -> None:
    found = {index: plain(MIXED.run(index)) for index in order}
    assert {index: plain(MIXED.run(index)) for index in sorted(order)} == found
    shorter = load_campaign(MIXED, {"runs": fewer})
    for index in order:
        if index < fewer:
            assert plain(shorter.run(index)) == found[index]
        else:
            with pytest.raises(IndexError):
                shorter.run(index)


@pytest.mark.requirement("S5")
def test_a_run_does_not_depend_on_the_process() -> None:
    code = (
        "import hashlib; from safehold.dump import to_toml; "
        "from safehold.campaign.definition import load_campaign; "
        "c = load_campaign('storm'); "
        "print(c.sha256(), hashlib.sha256(to_toml(c.run(7).scenario).encode()).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop().split()) == 2


@pytest.mark.requirement("S5")
def test_another_seed_draws_something_else_and_another_dispersion_does_not_disturb_the_first() -> None:
    text = HEAD + "runs = 5\n" + RATE
    one, other = campaign(text), campaign(text.replace("seed = 11", "seed = 12"))
    key = "initial.rate_deg_s[0]"
    assert not {one.run(i).labels[key] for i in range(5)} & {other.run(i).labels[key] for i in range(5)}
    with_mass = campaign(text + MASS)
    assert [with_mass.run(i).labels[key] for i in range(5)] == [one.run(i).labels[key] for i in range(5)]


@pytest.mark.requirement("S5")
def test_every_run_could_have_been_written_by_hand() -> None:
    """The quick check of what changed agrees with the whole check of the written scenario."""
    for made in (MIXED, *(load_campaign(name) for name in built_in_names())):
        for index in range(0, made.count, max(1, made.count // 12)):
            scenario = made.run(index).scenario
            assert parse(to_toml(scenario), Source("run", None)) == scenario


# --- values and seeds -------------------------------------------------------------------------------------


@pytest.mark.requirement("S5")
def test_what_is_drawn_is_in_the_scenario_and_in_the_labels() -> None:
    lines = {
        "initial.rate_deg_s[2]": 'distribution = "constant"\nvalue = -1.5',
        "spacecraft.dry_mass_kg": 'relative = true\ndistribution = "constant"\nvalue = 1.1',
        "spacecraft.thermal_capacity_j_k": 'relative = true\ndistribution = "constant"\nvalue = 2.0',
        "spacecraft.centre_of_mass_body_m[1]": 'offset = true\ndistribution = "constant"\nvalue = 0.01',
        "command[0].at": 'offset = true\ndistribution = "constant"\nvalue = "90s"',
        "environment.atmosphere": 'distribution = "choice"\nvalues = ["none"]',
        "environment.drag": 'distribution = "choice"\nvalues = [false]',
        "environment.gravity_degree": 'distribution = "integers"\nlow = 4\nhigh = 5',
    }
    from flight.dictionary import SETTINGS

    parameter = next(name for name, setting in SETTINGS.items() if not isinstance(setting.default, tuple))
    lines[f"flight.parameters.{parameter}"] = 'relative = true\ndistribution = "constant"\nvalue = 1.0'
    tables = "".join(f'[[vary]]\nkey = "{key}"\n{rest}\n' for key, rest in lines.items())
    run = campaign(HEAD + "runs = 2\n" + tables).run(1)
    scenario, labels = run.scenario, run.labels
    assert scenario.initial.rate_deg_s == [3.0, -2.0, -1.5]
    assert scenario.spacecraft["dry_mass_kg"] == pytest.approx(107.8)
    assert labels["spacecraft.dry_mass_kg"] == scenario.spacecraft["dry_mass_kg"]
    assert scenario.spacecraft["thermal_capacity_j_k"][:2] == [90e3, 3.2e3]
    assert labels["spacecraft.thermal_capacity_j_k"] == 2.0
    assert scenario.spacecraft["centre_of_mass_body_m"] == pytest.approx([0.005, 0.007, 0.008])
    assert scenario.command[0].at == 90 * 10**9
    assert labels["command[0].at_s"] == 90.0
    assert scenario.environment.atmosphere == labels["environment.atmosphere"] == "none"
    assert scenario.environment.drag is False
    assert labels["environment.drag"] == "false"
    assert scenario.environment.gravity_degree == labels["environment.gravity_degree"] in (4, 5)
    assert scenario.flight.parameters[parameter] == SETTINGS[parameter].default
    assert labels["seed"] == scenario.seed
    # What is not varied is the base's.
    assert scenario.orbit == load("first-contact").orbit


@pytest.mark.requirement("S5")
def test_durations_are_drawn_in_whole_ticks() -> None:
    text = (
        HEAD
        + 'runs = 50\n[[vary]]\nkey = "command[0].at"\ndistribution = "uniform"\nlow = "1h"\nhigh = "2h"\n'
    )
    made = campaign(text)
    times = [made.run(index).scenario.command[0].at for index in range(50)]
    assert all(time % 100_000_000 == 0 for time in times)
    assert all(3_600 * 10**9 <= time <= 7_200 * 10**9 for time in times)
    assert len(set(times)) > 40


@pytest.mark.requirement("S5")
def test_seeds_differ_unless_one_is_asked_for_and_grids_and_flips_share_one() -> None:
    def seeds(text: str) -> list[int]:
        made = campaign(HEAD + text)
        return [made.run(index).scenario.seed for index in range(made.count)]

    assert len(set(seeds("runs = 20\n"))) == 20
    assert set(seeds("runs = 5\nsame_seed = true\n" + RATE)) == {1}
    assert seeds("seeds = [7, 8, 9]\n") == [7, 8, 9]
    assert seeds("runs = 5\nseeds = [7, 8]\n") == [7, 8, 7, 8, 7]
    assert set(seeds(GRID)) == {1}
    assert set(seeds("[flips]\ncount = 20\n")) == {1}
    assert len(set(seeds("same_seed = false\n" + GRID))) == 48
    assert Counter(seeds("seeds = [7, 8]\n" + GRID)) == {7: 48, 8: 48}


@pytest.mark.requirement("S5")
def test_what_is_drawn_can_be_impossible_together_and_says_which_run() -> None:
    # Each end of either key alone is a body's inertia; the two together are sometimes not.
    tables = "".join(
        f'[[vary]]\nkey = "spacecraft.inertia_body_kg_m2[{axis}][{axis}]"\n'
        f'distribution = "uniform"\nlow = {low}\nhigh = {high}\n'
        for axis, low, high in ((0, 8.0, 11.9), (1, 3.1, 7.0))
    )
    with pytest.raises(CampaignError, match=r"SH-CMP-020 .*run \d+ cannot be flown: .* sum of the other two"):
        campaign(HEAD + "runs = 50\n" + tables)


# --- grids ------------------------------------------------------------------------------------------------


NAMES = st.lists(st.sampled_from([f"gyro.{i}" for i in range(4)]), min_size=1, max_size=4, unique=True)
TIMES = st.lists(st.integers(1, 80_000), min_size=1, max_size=5, unique=True)
RATES = st.lists(st.integers(-90, 90), min_size=1, max_size=4, unique=True)
CHARGES = st.lists(st.integers(10, 100), min_size=1, max_size=3, unique=True)


@pytest.mark.requirement("S5")
@settings(max_examples=40)
@given(targets=NAMES, at=TIMES, rates=RATES, charges=CHARGES, runs=st.integers(1, 3))
def test_a_grid_is_the_product_of_its_lists_each_point_once(
    targets: list[str], at: list[int], rates: list[int], charges: list[int], runs: int
) -> None:
    made = campaign(
        HEAD
        + f"runs = {runs}\nsame_seed = false\n"
        + f'[[grid]]\nkinds = "gyro_bias"\ntargets = {json.dumps(targets)}\n'
        + f"at = {json.dumps([f'{s}s' for s in at])}\nrate_deg_s = {rates}\n"
        + f'keys = {{ "initial.battery_state_of_charge" = {[charge / 100 for charge in charges]} }}\n'
    )
    assert made.count == len(targets) * len(at) * len(rates) * len(charges) * runs
    found: Counter[tuple[Any, ...]] = Counter()
    for index in range(made.count):
        scenario = made.run(index).scenario
        (fault,) = scenario.fault
        found[
            fault.target,
            fault.at // 10**9,
            fault.parameters["rate_deg_s"],
            round(scenario.initial.battery_state_of_charge * 100),
        ] += 1
    every = itertools.product(targets, at, rates, charges)
    assert found == {point: runs for point in every}


@pytest.mark.requirement("S5")
def test_blocks_of_a_grid_follow_one_another_and_units_are_those_of_the_kind() -> None:
    made = campaign(
        HEAD + GRID + '[[grid]]\nkinds = ["tracker_blind", "drive_stuck"]\nat = "2h"\n'
        '[[grid]]\nkeys = { "flight.replicas" = [1, 3] }\n'
    )
    runs = [made.run(index) for index in range(made.count)]
    assert made.count == 4 * 3 * 2 * 2 + 2 + 1 + 2
    kinds = [run.labels.get("fault.kind") for run in runs]
    assert kinds == ["gyro_bias"] * 48 + ["tracker_blind"] * 2 + ["drive_stuck"] + [None] * 2
    assert [run.scenario.flight.replicas for run in runs[-2:]] == [1, 3]
    assert not runs[-1].scenario.fault
    lasting = {run.labels.get("fault.duration_s") for run in runs[:48]}
    assert lasting == {None, 60.0}
    # A value that is listed twice is flown once.
    assert campaign(HEAD + GRID.replace('"2h"', '"1h"')).count == 32


@pytest.mark.requirement("S5")
def test_every_point_of_a_grid_meets_the_same_satellites() -> None:
    made = campaign(HEAD + "runs = 3\n" + GRID + RATE)
    drawn = [made.run(index).labels["initial.rate_deg_s[0]"] for index in range(made.count)]
    assert len(set(drawn)) == 3
    assert drawn == drawn[:3] * (made.count // 3)


@pytest.mark.requirement("S5")
def test_a_grid_of_a_billion_points_costs_nothing() -> None:
    times = json.dumps([f"{second}s" for second in range(1, 5_001)])
    bits = list(range(5_000))
    block = f'[[grid]]\nkinds = "replica_bit_flip"\nat = {times}\nbit = {bits}\n'
    made = campaign(HEAD + block)
    assert made.count == 3 * 5_000 * 5_000
    last = made.run(made.count - 1).labels
    assert (last["fault.target"], last["fault.at_s"], last["fault.bit"]) == ("replica.2", 5_000.0, 4_999)
    with pytest.raises(CampaignError, match="SH-CMP-017"):
        campaign(HEAD + "runs = 20\nsame_seed = false\n" + block)


# --- references -------------------------------------------------------------------------------------------


def without_faults(scenario: Scenario) -> str:
    return to_toml(scenario.model_copy(update={"fault": []}))


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    "text",
    [
        "runs = 6\n",
        "runs = 6\n" + RATE,
        "runs = 6\nseeds = [1, 2]\n" + CALM,
        "[flips]\ncount = 30\n",
        "seeds = [4, 5]\n" + GRID,
        "seeds = [4, 5, 6]\nruns = 2\n" + GRID,
        "runs = 3\n" + GRID + RATE,
        "same_seed = false\n" + GRID,
        GRID + 'keys = { "flight.replicas" = [1, 3] }\n',
        GRID + GRID.replace("gyro_bias", "gyro_noise").replace("rate_deg_s", "factor"),
    ],
)  # fmt: skip
def test_references_are_counted_as_there_are_scenarios_without_the_faults(text: str) -> None:
    made = campaign(HEAD + text)
    found = {without_faults(made.run(index).scenario) for index in range(made.count)}
    assert made.references == len(found)


# --- storms -----------------------------------------------------------------------------------------------


def active(starts: list[int], ends: list[float], at: float) -> int:
    return sum(start <= at < end for start, end in zip(starts, ends, strict=True))


@pytest.mark.requirement("S5")
@settings(max_examples=40)
@given(
    rate=st.floats(1.0, 200.0),
    at_most=st.integers(1, 5),
    permanent=st.floats(0.0, 1.0),
    minutes=st.integers(1, 60),
    longer=st.integers(1, 20),
    run=st.integers(0, 1_000),
)
def test_storms_never_exceed_so_many_at_once_and_stay_in_their_time(
    rate: float, at_most: int, permanent: float, minutes: int, longer: int, run: int
) -> None:
    text = STORM.format(
        rate=rate,
        at_most=at_most,
        permanent=permanent,
        shortest=f"{minutes}m",
        longest=f"{minutes * longer}m",
    )
    made = campaign(HEAD + "runs = 1001\n" + text + 'from = "1h"\nuntil = "20h"\n')
    planned = made.run(run)
    faults = planned.scenario.fault
    starts = [fault.at for fault in faults]
    ends = [math.inf if fault.duration is None else fault.at + fault.duration for fault in faults]
    assert starts == sorted(starts)
    assert all(parse_duration("1h") <= start < parse_duration("20h") for start in starts)
    assert all(active(starts, ends, start) <= at_most for start in starts)
    lasting = [fault.duration for fault in faults if fault.duration is not None]
    assert all(minutes * 60 <= duration / 1e9 <= minutes * longer * 60 for duration in lasting)
    # The same unit is not hit by the same kind while it still has it.
    for i, fault in enumerate(faults):
        held = {(faults[j].kind, faults[j].target) for j in range(i) if ends[j] > fault.at}
        assert (fault.kind, fault.target) not in held
    assert planned.labels["storm.faults"] == len(faults)
    assert planned.labels["storm.permanent"] == sum(fault.duration is None for fault in faults)


def erlang_b(servers: int, load: float) -> float:
    share = 1.0
    for n in range(1, servers + 1):
        share = load * share / (n + load * share)
    return share


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(("at_most", "rate"), [(64, 10.0), (1, 12.0), (2, 24.0)])
def test_storm_rates_are_right_on_average(at_most: int, rate: float) -> None:
    """Over 12 storms of 30 days; an accepted count's deviation is below that of a Poisson count, 5 of which
    are allowed, and the empty beginning of each storm is worth less than one fault.
    """
    hours = (0.5, 2.0)
    text = STORM.format(rate=rate, at_most=at_most, permanent=0.0, shortest="30m", longest="2h")
    made = campaign(HEAD + 'runs = 12\nduration = "30d"\nexpect = []\n' + text)
    assert made.storm is not None
    counts = [len(made.storm.faults(made.seed, run)) for run in range(12)]
    mean_h = (hours[1] - hours[0]) / math.log(hours[1] / hours[0])
    expected = 12 * 30 * rate * (1.0 - erlang_b(at_most, rate * mean_h / 24.0))
    assert abs(sum(counts) - expected) < 5.0 * math.sqrt(expected) + 12


@pytest.mark.requirement("S5")
def test_storms_choose_kinds_units_and_lengths_as_written() -> None:
    text = (
        "[storm]\nrate_per_day = 3.0\nat_most = 64\npermanent_share = 0.25\n"
        'duration = ["1s", "100s"]\nuntil = "2d"\n'
        '[[storm.kind]]\nkind = "gyro_bias"\nweight = 3.0\n'
        'rate_deg_s = { distribution = "uniform", low = 0.1, high = 0.3 }\naxis = 2\n'
        '[[storm.kind]]\nkind = "wheel_friction"\ntargets = ["wheel.1", "wheel.3"]\nfactor = 4.0\n'
        '[[storm.kind]]\nkind = "replica_bit_flip"\n'
    )
    made = campaign(HEAD + 'runs = 10\nduration = "3d"\nexpect = []\n' + text)
    assert made.storm is not None
    # A permanent fault keeps its unit for good, so that only the first of each run tells of the shares.
    first = [fault for run in range(2_000) for fault in made.storm.faults(5, run)[:1]]
    kinds = Counter(fault.kind for fault in first)
    shares = [kinds["gyro_bias"], kinds["wheel_friction"], kinds["replica_bit_flip"]]
    assert scipy.stats.chisquare(shares, np.array([0.6, 0.2, 0.2]) * len(first)).pvalue > 1e-3
    biases = [fault for fault in first if fault.kind == "gyro_bias"]
    assert all(0.1 <= float(fault.parameters["rate_deg_s"]) <= 0.3 for fault in biases)
    assert {fault.parameters["axis"] for fault in biases} == {2.0}
    units = Counter(fault.target for fault in biases)
    assert scipy.stats.chisquare(list(units.values())).pvalue > 1e-3
    assert len(units) == 4
    friction = [fault for fault in first if fault.kind == "wheel_friction"]
    assert {fault.target for fault in friction} == {"wheel.1", "wheel.3"}
    hardware = biases + friction
    permanent = sum(fault.duration is None for fault in hardware)
    assert scipy.stats.binomtest(permanent, len(hardware), 0.25).pvalue > 1e-3
    lengths = [fault.duration / 1e9 for fault in hardware if fault.duration is not None]
    # Log-uniform to within the rounding to ticks of 0.1 s.
    assert scipy.stats.kstest(lengths, scipy.stats.loguniform(1.0, 100.0).cdf).statistic < 0.05
    flips = [fault for fault in first if fault.kind == "replica_bit_flip"]
    assert all(fault.duration is None for fault in flips)


# --- flips ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("S5")
def test_flips_are_uniform_over_bit_tick_and_replica() -> None:
    made = campaign(HEAD + 'duration = "2h"\nexpect = []\n[flips]\ncount = 3000\nfrom = "30m"\n')
    assert made.flips is not None
    faults = [made.run(index).scenario.fault[0] for index in range(3_000)]
    assert {fault.kind for fault in faults} == {"replica_bit_flip"}
    times = [(fault.at - 1_800 * 10**9) / (5_400 * 10**9) for fault in faults]
    bits = [float(fault.parameters["bit"]) / state_bits() for fault in faults]
    assert all(fault.at % 100_000_000 == 0 for fault in faults)
    assert 0.0 <= min(times) < max(times) < 1.0
    for shares in (times, bits):
        assert scipy.stats.kstest(shares, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(times, bits)[0, 1]) < 4.0 / math.sqrt(3_000)
    replicas = Counter(fault.target for fault in faults)
    assert set(replicas) == {"replica.0", "replica.1", "replica.2"}
    assert scipy.stats.chisquare(list(replicas.values())).pvalue > 1e-3
    only = campaign(HEAD + "[flips]\ncount = 50\nreplicas = [2]\n")
    assert {only.run(index).labels["fault.target"] for index in range(50)} == {"replica.2"}
