"""Plans: what would run is what runs; times follow from the calibration by the formulas that are said."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from safehold.campaign.definition import built_in_names, load_campaign, parse_campaign
from safehold.campaign.expand import Campaign
from safehold.campaign.plan import Calibration, calibrate, plan, plan_document, plan_lines, spread
from safehold.scenario import Source

HEAD = 'schema = 1\nname = "x"\nbase = "first-contact"\n'
COST = Calibration(tick_s=10e-6, setup_s=0.5, fork_s=0.01)


def campaign(text: str) -> Campaign:
    return parse_campaign(HEAD + text, Source("x", None))


@pytest.mark.requirement("S5")
def test_plan_counts_what_the_runs_are() -> None:
    made = load_campaign("unit-faults")
    found = plan(made)
    runs = [made.run(index) for index in range(made.count)]
    assert found.runs == len(runs)
    assert found.kinds == Counter(run.labels["fault.kind"] for run in runs)
    assert found.axes["fault.at"] == len({run.labels["fault.at_s"] for run in runs})
    assert found.axes["fault.target"] == len({run.labels["fault.target"] for run in runs})
    assert (found.references, found.forkable) == (1, len(runs))
    for index, labels in found.examples:
        assert labels == made.run(index).labels
    assert len({index for index, _ in found.examples}) == 5


@pytest.mark.requirement("S5")
def test_runs_that_share_no_reference_are_not_forked() -> None:
    assert plan(load_campaign("dispersion")).forkable == 0
    assert plan(load_campaign("storm")).forkable == 0
    assert plan(load_campaign("upsets")).forkable == 2_000


@pytest.mark.requirement("S5")
def test_whole_flights_cost_their_ticks_and_starts_shared_by_the_workers() -> None:
    text = (
        'runs = 20\nrepeat_share = 0.5\nduration = "1000s"\nexpect = []\n[[vary]]\n'
        'key = "initial.rate_deg_s[0]"\ndistribution = "uniform"\nlow = 0.0\nhigh = 1.0\n'
    )
    one = plan(campaign(text), workers=1, calibration=COST).estimate
    two = plan(campaign(text), workers=2, calibration=COST).estimate
    assert one is not None
    assert two is not None
    # 20 runs and half of them again, each 10,000 ticks of 10 us and a start of 0.5 s.
    assert one.direct_s == pytest.approx(30 * (0.1 + 0.5))
    assert two.direct_s == pytest.approx(one.direct_s / 2)
    assert one.forked_least_s is None


@pytest.mark.requirement("S5")
def test_forks_cost_between_one_comparison_and_the_rest_of_the_run() -> None:
    text = (
        'repeat_share = 0.0\nduration = "10000s"\nexpect = []\n'
        '[flips]\ncount = 1000\nfrom = "5000s"\nuntil = "5001s"\n'
    )
    found = plan(campaign(text), workers=1, calibration=COST).estimate
    assert found is not None
    assert found.forked_least_s is not None
    assert found.forked_most_s is not None
    flight = 100_000 * 10e-6
    # The reference, the walk along it, and 1,000 forks of 100 ticks between two comparisons.
    assert found.forked_least_s == pytest.approx(2 * (flight + 0.5) + 1_000 * (0.01 + 100 * 10e-6))
    # Or of half the flight, and 100 of them again as a check.
    assert found.forked_most_s == pytest.approx(2 * (flight + 0.5) + 1_100 * (0.01 + flight / 2), rel=1e-3)
    assert found.direct_s == pytest.approx(1_000 * (flight + 0.5))


@pytest.mark.requirement("S5")
def test_calibration_flies_the_base_and_its_costs_are_positive() -> None:
    cost = calibrate(load_campaign("smoke"))
    assert cost.tick_s > 0.0
    assert cost.setup_s > 0.0
    assert cost.fork_s > 0.0


@pytest.mark.requirement("S5")
def test_plans_are_told_in_words_and_as_json() -> None:
    for name in built_in_names():
        made = load_campaign(name)
        found = plan(made, workers=2, calibration=COST)
        text = "\n".join(plan_lines(found))
        assert text.startswith(f"{name}: ")
        assert f"{made.count:,} runs of first-contact" in text
        assert "with 2 workers" in text
        assert ("can be forked from one fault-free reference" in text) == (found.forkable > 0)
        document = json.loads(json.dumps(plan_document(found), allow_nan=False))
        assert document["campaign"] == name
        assert document["runs"] == made.count
        assert document["examples"][0]["labels"] == dict(made.run(0).labels)
    storm = "\n".join(plan_lines(plan(load_campaign("storm"))))
    assert "6.33 faults a run" in storm
    assert "at most 2 at once" in storm
    million = campaign("[flips]\ncount = 1_000_000\n")
    assert "--yes" in "\n".join(plan_lines(plan(million)))


def test_examples_are_spread_over_all_runs() -> None:
    assert spread(10, 5) == [0, 2, 4, 6, 8]
    assert spread(3, 3) == [0, 1, 2]
    assert spread(1_000_000, 4) == [0, 250_000, 500_000, 750_000]
