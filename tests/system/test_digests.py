"""Same code, scenario and seed give the same digest, whatever the deployment and the division of the run."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from safehold.run import fly
from safehold.schema import Scenario
from safehold.simulation import Simulation


@pytest.mark.requirement("S3")
def test_the_ground_over_zeromq_gives_the_digest_of_the_ground_in_process(half_hour: Scenario) -> None:
    near = fly(half_hour)[0]
    far = fly(half_hour, deployment="zmq")[0]
    assert near.document["figures"]["pongs"] == 1.0, "the comparison is worth little without a contact"
    assert far.digests == near.digests
    assert far.digest == near.digest
    assert far.document["commands"] == near.document["commands"]


@pytest.mark.requirement("S4")
def test_the_division_of_a_run_does_not_show_in_its_digest(half_hour: Scenario) -> None:
    whole, parts = Simulation(half_hour), Simulation(half_hour)
    whole.advance(whole.end_tick)
    for tick in (1, 2, 3, 1000, 13_999, 14_000, 14_001, 14_003, 16_000):
        parts.advance(tick)
        assert parts.tick == tick
    parts.advance(parts.end_tick)
    whole.finish()
    parts.finish()
    assert parts.digests() == whole.digests()


@pytest.mark.requirement("S4")
def test_what_is_written_does_not_show_in_the_digest(half_hour: Scenario) -> None:
    # Truth at 10 Hz, and no expectations, so that the driver makes other rows than in the plain run.
    output = half_hour.output.model_copy(update={"truth_rate_hz": 10.0})
    other = half_hour.model_copy(update={"output": output, "expect": []})
    assert fly(other)[0].digest == fly(half_hour)[0].digest


@pytest.mark.requirement("S4")
def test_another_seed_gives_another_digest(half_hour: Scenario) -> None:
    one, other = (fly(half_hour.model_copy(update={"seed": seed}))[0] for seed in (1, 2))
    assert one.digests["plant"] != other.digests["plant"]
    assert one.digests["flight"] != other.digests["flight"]
    assert one.digest != other.digest


@pytest.mark.requirement("S4")
@pytest.mark.parametrize(
    ("kind", "target", "parameters"),
    [
        ("gyro_stuck", "gyro.0", {}),
        ("gyro_bias", "gyro.1", {"rate_deg_s": 0.5}),
        ("magnetometer_bias", "magnetometer.2", {"field_nt": 500.0}),
        ("torquer_reversed", "torquer.1", {}),
        ("string_loss", "wing.0", {"share": 0.5}),
    ],
)
def test_a_fault_to_come_changes_nothing_before_it(
    half_hour: Scenario, kind: str, target: str, parameters: dict[str, float]
) -> None:
    """The run is the same up to the fault's tick, and another one from then on. At 600 s the satellite
    detumbles: every kind here hits a unit that is in use then.
    """
    from safehold.schema import Fault

    at = 600_000_000_000
    fault = Fault(at="600s", kind=kind, target=target, **parameters)
    faulty = Simulation(half_hour.model_copy(update={"fault": [fault]}))
    sound = Simulation(half_hour)
    tick = at // half_hour.tick_ns
    faulty.advance(tick)
    sound.advance(tick)
    assert faulty.driver.sensor_frame == sound.driver.sensor_frame
    assert faulty.driver.digests()["flight"] == sound.driver.digests()["flight"]
    later = tick + 1200  # the tumbling wings have seen the Sun by then
    faulty.advance(later)
    sound.advance(later)
    assert faulty.driver.sensor_frame != sound.driver.sensor_frame
    assert faulty.onsets == {0: ("DETUMBLE", True)}


@pytest.mark.requirement("L3.1", "L3.3")
def test_a_flip_in_one_replica_is_found_and_healed_and_nothing_outside_changes() -> None:
    """The plant's chain holds every sensor frame and its whole state each minute: one other command would
    show.

    A flip in a value that the next step writes anew is gone before anybody compares: most, not all, are
    found.
    """
    from safehold.run import adjusted
    from safehold.scenario import load
    from safehold.schema import Fault

    upset = adjusted(load("replica-upset"), seed=None, duration="12m")
    sound = fly(upset.model_copy(update={"fault": []}))[0]
    assert sound.document["figures"]["vote_disagreements"] == 0
    bits = [-1, 0, 777, 4321, 9000, 20_000, 54_321]
    found = 0
    for bit in bits:
        fault = Fault(at="10m", kind="replica_bit_flip", target="replica.2", bit=bit)
        struck = fly(upset.model_copy(update={"fault": [fault]}))[0]
        assert struck.digests["plant"] == sound.digests["plant"], bit
        if struck.document["figures"]["vote_disagreements"]:
            found += 1
            (entry,) = struck.document["faults"]
            assert 600.0 <= entry["detected_s"] <= entry["recovered_s"] < 610.0, bit
    assert found >= len(bits) // 2


@pytest.mark.requirement("S3")
def test_a_ground_process_that_dies_ends_the_run_with_its_own_error(
    half_hour: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ground import process
    from safehold.errors import InternalError

    grounds = []

    class Watched(process.ZmqGround):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            grounds.append(self)

    monkeypatch.setattr(process, "ZmqGround", Watched)

    def stopped() -> bool:
        os.kill(grounds[0].pid, signal.SIGKILL)
        return False

    with pytest.raises(InternalError) as caught:
        fly(half_hour, deployment="zmq", stopped=stopped)
    assert caught.value.id == "SH-INT-002"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gravity_degree", 0),
        ("gravity_order", 0),
        ("drag", False),
        ("atmosphere", "exponential"),
        ("solar_pressure", False),
        ("third_bodies", False),
        ("magnetic_degree", 1),
        ("gravity_gradient", False),
        ("residual_dipole", False),
    ],
)
@pytest.mark.requirement("S2")
def test_every_environment_key_changes_the_flight(half_hour: Scenario, key: str, value: object) -> None:
    """A key that is read but goes nowhere would leave the digest as it is."""
    plain = half_hour.model_copy(update={"duration": 300 * 10**9, "expect": [], "command": []})
    environment = plain.environment.model_copy(update={key: value})
    other = plain.model_copy(update={"environment": environment})
    states = []
    for scenario in (plain, other):
        simulation = Simulation(scenario)
        simulation.advance(scenario.ticks)
        states.append(simulation.plant.state_bytes())
    assert states[0] != states[1]
