"""Autonomy against the ground: the opponent is honest, its recovery works when the contact comes, and the
switch between the two leaves no trace while nothing is wrong.

The short scenario is half an hour of `in-service`: STANDBY from 738 s, a wheel seizes at 1,200 s, the first
contact opens at 1,374 s.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flight.dictionary import load_native
from safehold import compare_report, snapshot
from safehold.command_compare import CompareOptions, compare_command
from safehold.compare import ARMS, Comparison, arm, compare, recovery
from safehold.errors import ScenarioError
from safehold.run import adjusted, fly
from safehold.scenario import load
from safehold.schema import Expect, Fault, Scenario
from safehold.simulation import Simulation

FAULT_S, CONTACT_S = 1200.0, 1374.4
LATENCY_S = 0.24


@pytest.fixture(scope="module")
def seized() -> Scenario:
    scenario = adjusted(load("in-service"), seed=None, duration="28m")
    return scenario.model_copy(
        update={"fault": [Fault(at="20m", kind="wheel_seize", target="wheel.1")], "expect": []}
    )


@pytest.fixture(scope="module")
def arms(seized: Scenario) -> Comparison:
    return compare(seized)


def flight_chain(scenario: Scenario) -> tuple[str, list[Any]]:
    simulation = Simulation(scenario, keep_truth=False)
    try:
        simulation.advance(simulation.end_tick)
        simulation.finish()
        operator = simulation.ground.results()["operator"]
        return simulation.digests()["flight"], [] if operator is None else operator["actions"]
    finally:
        simulation.close()


def check_equal_chains(scenario: Scenario) -> None:
    with_autonomy, _ = flight_chain(arm(scenario, "autonomy"))
    from_ground, actions = flight_chain(arm(scenario, "ground"))
    assert actions == [], "nothing is wrong, so nothing is to be done"
    assert with_autonomy == from_ground


@pytest.mark.requirement("S5")
def test_without_a_fault_both_arms_give_the_same_flight_chain() -> None:
    check_equal_chains(adjusted(load("first-contact"), seed=None, duration="2h10m"))


@pytest.mark.long
@pytest.mark.requirement("S5")
@pytest.mark.parametrize("name", ["first-contact", "starbase-launch"])
def test_without_a_fault_both_arms_give_the_same_flight_chain_to_the_end(name: str) -> None:
    check_equal_chains(load(name))


@pytest.mark.requirement("S5", "L1.3")
def test_autonomy_recovers_by_itself_and_the_ground_in_the_next_contact(arms: Comparison) -> None:
    alone, helped = (one.document["recovery"] for one in arms.arms)
    assert alone["from_s"] == helped["from_s"] == FAULT_S
    assert alone["symptom_s"] is None
    assert alone["radiated_s"] is None
    # The wheel's momentum takes the body some degrees off; three wheels take it back in half a minute.
    assert 5.0 < alone["back_after_s"] < 60.0
    assert alone["back_after_s"] < CONTACT_S - FAULT_S < helped["back_after_s"]
    assert CONTACT_S < helped["symptom_s"] < helped["radiated_s"] < CONTACT_S + 30.0
    assert helped["back_after_s"] < helped["radiated_s"] - FAULT_S + 60.0, "and then it is quick as well"
    assert helped["out_of_service_s"] > alone["out_of_service_s"] + 100.0

    pointing = arms.ground.truth["pointing_error_deg"]
    assert (pointing[int(FAULT_S) + 60 : int(CONTACT_S)] > 0.5).all(), "until then the wheel is missed"
    assert np.isfinite(pointing[-60:]).all()
    assert (pointing[-60:] < 0.5).all()
    assert arms.ground.outcome == "OK", "basic SAFE and three wheels keep it alive"


@pytest.mark.requirement("S5", "L3.5")
def test_basic_safe_keeps_the_satellite_until_the_ground_sends_it_back_to_work(seized: Scenario) -> None:
    """For a minute no unit tells rate or attitude: both arms go to SAFE, and only one gets out by itself."""
    sources = [("gyro_stuck", "gyro", 4), ("tracker_blind", "tracker", 2)]
    faults = [
        Fault(at="760s", duration="60s", kind=kind, target=f"{unit}.{number}")
        for kind, unit, count in sources
        for number in range(count)
    ]
    flight = seized.flight.model_copy(update={"parameters": {"safe_dwell_s": 60.0}})
    found = compare(seized.model_copy(update={"fault": faults, "flight": flight}))
    left = []
    for result in found.arms:
        safe = [span for span in result.document["modes"] if span["mode"] == "SAFE"][-1]
        assert 765.0 <= safe["from_s"] <= 770.0
        left.append(safe["until_s"])
        assert result.document["modes"][-1]["mode"] in ("STANDBY", "DOWNLINK")
    assert left[0] < 1000.0, "a minute of SAFE, another to be sure"
    (action,) = found.ground.document["operator"]["actions"]
    assert (action["name"], action["arguments"], action["state"]) == ("set_mode", {"mode": 4}, "completed")
    assert left[1] == pytest.approx(action["radiated_s"] + LATENCY_S, abs=0.15)
    assert CONTACT_S < left[1] < CONTACT_S + 30.0
    assert found.ground.document["outage_s"] > found.autonomy.document["outage_s"] + 300.0


@pytest.mark.requirement("S5")
def test_the_operators_action_is_in_the_document_with_its_times(arms: Comparison) -> None:
    assert arms.autonomy.document["operator"] is None
    operator = arms.ground.document["operator"]
    (symptom,) = operator["symptoms"]
    assert symptom["unit"] == "wheel.1"
    (action,) = operator["actions"]
    assert (action["name"], action["state"]) == ("set_unit_health", "completed")
    assert action["arguments"] == {"kind": 5, "unit": 1, "state": 1}
    assert symptom["first_s"] < symptom["believed_s"] == action["decided_s"] <= action["radiated_s"]
    # Twice the latency, and at most three ticks and the frames' own length on board.
    assert 2 * LATENCY_S < action["completed_s"] - action["radiated_s"] < 0.8
    (fault,) = arms.ground.document["faults"]
    assert fault["isolated_s"] == pytest.approx(action["radiated_s"] + LATENCY_S, abs=0.15)


@pytest.mark.requirement("S5")
def test_the_operator_acts_alike_in_a_process_of_its_own(seized: Scenario, arms: Comparison) -> None:
    far = fly(arm(seized, "ground"), deployment="zmq")[0]
    assert dict(far.digests) == dict(arms.ground.digests)
    assert far.document["operator"] == arms.ground.document["operator"]


@pytest.mark.requirement("S5")
def test_both_arms_are_the_same_until_the_fault(arms: Comparison) -> None:
    rows = slice(0, int(FAULT_S) + 1)
    for name in ("rate_body_x_rad_s", "wheel_speed_2_rad_s", "battery_state_of_charge", "flight_mode"):
        assert np.array_equal(arms.autonomy.truth[name][rows], arms.ground.truth[name][rows])
    assert arms.autonomy.digests["flight"] != arms.ground.digests["flight"]


@pytest.mark.requirement("L6.4", "S5")
def test_the_ground_arm_goes_on_from_a_snapshot_in_mid_contact(seized: Scenario, arms: Comparison) -> None:
    simulation = Simulation(arm(seized, "ground"))
    try:
        # Between the symptom's first sample and the telecommand that answers it, and after it.
        for at_s in (arms.ground.document["recovery"]["radiated_s"] - 1.5, CONTACT_S + 60.0):
            simulation.advance(round(at_s * 10.0))
            data = snapshot.take(simulation)
            again = fly(snapshot.scenario_of(data), start=data)[0]
            assert dict(again.digests) == dict(arms.ground.digests)
            assert again.document["operator"] == arms.ground.document["operator"]
        driver = simulation.driver.state()
    finally:
        simulation.close()
    other = Simulation(arm(seized, "autonomy"))
    try:
        with pytest.raises(ValueError, match="another mission"):
            other.driver.restore(driver)
    finally:
        other.close()


@pytest.mark.requirement("L6.4")
def test_a_recording_replays_with_the_switch_that_it_was_made_with(seized: Scenario, tmp_path: Path) -> None:
    chains = {}
    for name in ARMS:
        simulation = Simulation(arm(seized, name))
        try:
            simulation.driver.record_inputs(tmp_path / name)
            simulation.advance(round(FAULT_S * 10.0) + 600)
            simulation.driver.record_inputs(None)
            chains[name] = simulation.driver.digests()["flight"]
        finally:
            simulation.close()
        replayed = load_native().replay(tmp_path / name)
        assert (replayed["equal"], replayed["flight"]) == (True, chains[name])
    assert chains["autonomy"] != chains["ground"]


def test_recovery_counts_from_the_first_second_of_service_without_a_fault() -> None:
    result = fly(arm(adjusted(load("in-service"), seed=None, duration="16m"), "autonomy"))[0]
    found = recovery(result)
    assert found.from_s is None
    assert found.back_after_s == 0.0
    assert found.out_of_service_s is not None
    assert found.out_of_service_s < 60.0


def test_a_satellite_that_is_not_back_at_the_end_says_so(seized: Scenario) -> None:
    short = adjusted(seized, seed=None, duration="22m")
    found = compare(short)
    assert found.autonomy.document["recovery"]["back_after_s"] is not None
    assert found.ground.document["recovery"]["back_after_s"] is None
    assert "not by the end" in "\n".join(compare_report.lines(found))


def test_arms_that_were_stopped_say_so_and_compare_nothing(seized: Scenario) -> None:
    found = compare(seized, stopped=lambda: True)
    assert [one.document["complete"] for one in found.arms] == [False, False]
    lines = compare_report.lines(found)
    assert lines[-1].startswith("stopped")
    assert not any("not by the end" in line for line in lines)


@pytest.mark.requirement("S5")
def test_the_command_leaves_both_runs_and_one_json_document(
    seized: Scenario, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safehold.dump import to_toml

    impossible = Expect(quantity="pointing_error_deg", below=1.0, **{"from": "21m"})
    file = workplace / "seized.toml"
    file.write_text(to_toml(seized.model_copy(update={"expect": [impossible]})), encoding="utf-8")
    options = CompareOptions(
        scenario=str(file), seed=3, duration="25m", out=Path("both"), json_output=True,
        deployment="in-process", quiet=True,
    )  # fmt: skip
    code = compare_command(options)
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == list(ARMS)
    met = {name: printed[name]["expectations"][0]["met"] for name in ARMS}
    assert met == {"autonomy": True, "ground": False}
    assert code == 0, "the arm with autonomy decides"
    assert {printed[name]["seed"] for name in ARMS} == {3}
    folder = workplace / "both"
    assert {path.name for path in folder.iterdir()} == {*ARMS, "compare.json", "compare.txt", "compare.html"}
    assert json.loads((folder / "compare.json").read_text()) == printed
    for name in ARMS:
        written = json.loads((folder / name / "result.json").read_text())
        assert written["digest"] == printed[name]["digest"]
        toml = (folder / name / "scenario.toml").read_text()
        assert f"autonomy = {'true' if name == 'autonomy' else 'false'}" in toml
    assert "set_unit_health" in (folder / "compare.html").read_text()


def test_what_cannot_be_flown_is_refused_before_anything_is_written(workplace: Path) -> None:
    options = CompareOptions(
        scenario="no-such-scenario", seed=None, duration=None, out=Path("both"), json_output=False,
        deployment="in-process", quiet=True,
    )  # fmt: skip
    with pytest.raises(ScenarioError):
        compare_command(options)
    assert not (workplace / "both").exists()
