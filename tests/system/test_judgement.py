"""The verdict is what becomes of the satellite: each outcome is flown, and its cause looked at in the plant.

Every flight starts from first-contact with something wrong with it, and is short; where the satellite would
have to be flown for a day before it may be given up, the quick tests allow it less and a long one the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from flight.dictionary import ACTUATOR_DTYPE
from flight.packets import encode_command, encode_tc_packet
from flight.tc_frames import TcFrame
from flight.tm_protection import PROTECTIONS, TelemetryProtection
from safehold import snapshot
from safehold.durations import parse_duration
from safehold.judgement import Judgement, judge
from safehold.judgement_phase import Phase
from safehold.run import Outing, adjusted, document
from safehold.scenario import load
from safehold.schema import Fault, Scenario
from safehold.simulation import Simulation
from safehold.timeline import WORKING

HOUR = 3600.0


def scenario(duration: str, *faults: Fault, **changes: object) -> Scenario:
    return adjusted(load("first-contact"), seed=None, duration=duration).model_copy(
        update={"fault": list(faults), "expect": [], "command": [], **changes}
    )


def with_initial(duration: str, *faults: Fault, **initial: object) -> Scenario:
    plain = scenario(duration, *faults)
    return plain.model_copy(update={"initial": plain.initial.model_copy(update=initial)})


def flown(chosen: Scenario, prepare: Callable[[Simulation], None] = lambda _: None) -> Simulation:
    simulation = Simulation(chosen, keep_truth=False)
    prepare(simulation)
    Outing(simulation).fly()
    return simulation


def judged(simulation: Simulation, limit_s: float = 24 * HOUR) -> Judgement:
    return judge(simulation, {}, limit_s=limit_s)


def fault(kind: str, target: str, at: str, duration: str | None = None, **parameters: float) -> Fault:
    keys = {"kind": kind, "target": target, "at": at, "duration": duration, **parameters}
    return Fault.model_validate({key: value for key, value in keys.items() if value is not None})


def without_power(duration: str | None = None) -> list[Fault]:
    return [fault("string_loss", f"wing.{wing}", "10m", duration, share=1.0) for wing in range(2)]


def everything(simulation: Simulation) -> tuple[Any, ...]:
    return snapshot.take(simulation), simulation.digests(), simulation.commands_bad()


# --- the phase leaves the run alone -----------------------------------------------------------------------


@pytest.mark.requirement("S5")
def test_the_run_stays_as_it_is_whatever_is_flown_after_it() -> None:
    simulation = flown(scenario("20m", *without_power("5h")))
    before = everything(simulation)
    found = judged(simulation)
    assert found.flown_s > HOUR, "a phase was flown"
    assert everything(simulation) == before


@pytest.mark.requirement("S5")
def test_the_document_covers_the_scenarios_own_time() -> None:
    simulation = Simulation(scenario("20m", *without_power("5h")), keep_truth=False)
    outing = Outing(simulation)
    complete = outing.fly()
    digests, spans = simulation.digests(), simulation.mode
    found = document(outing, complete)
    assert found["judgement"]["flown_s"] > HOUR
    assert found["digests"] == digests
    assert found["sim_seconds"] == 1200.0
    assert found["modes"][-1] == {"mode": spans, "from_s": found["modes"][-1]["from_s"], "until_s": 1200.0}


@pytest.mark.requirement("S5")
@pytest.mark.parametrize("faults", [[], without_power()], ids=["sound", "faulty"])
def test_what_is_flown_on_is_the_same_satellite(faults: Sequence[Fault]) -> None:
    """Without stations a longer run has no link either: its plant and computer are those of the phase, bit
    for bit.
    """
    short = flown(scenario("15m", *faults, station=[]))
    phase = Phase(short)
    long = flown(scenario("40m", *faults, station=[]))
    phase.advance(long.tick)
    assert phase.plant.state_bytes() == long.plant.state_bytes()
    assert phase.driver.digests() == long.driver.digests()
    assert phase.judge.to_json() == long.judge.to_json()


@pytest.mark.long
@pytest.mark.requirement("S5")
def test_it_is_the_same_satellite_a_day_later() -> None:
    """As far as the tables of the environment reach; a longer run has longer ones."""
    whole = scenario("24h", station=[])
    short = flown(scenario("15m", station=[]))
    phase = Phase(short)
    long = flown(whole.model_copy(update={"duration": parse_duration("24h15m")}))
    phase.advance(long.tick)
    assert phase.plant.state_bytes() == long.plant.state_bytes()
    assert phase.driver.digests() == long.driver.digests()
    assert phase.judge.to_json() == long.judge.to_json()


# --- OK -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("S5", "L2.6")
@pytest.mark.parametrize("protection", PROTECTIONS)
def test_a_nominal_run_pays_for_the_probe_alone(protection: TelemetryProtection) -> None:
    chosen = scenario("1h")
    link = chosen.link.model_copy(update={"telemetry_protection": protection})
    found = judged(flown(chosen.model_copy(update={"link": link})))
    assert found.verdict.outcome == "OK"
    assert found.flown_s < 30.0
    assert (found.power_positive, found.commandable, found.healed) == (True, True, ())
    assert "STANDBY" in found.why


@pytest.mark.requirement("S5")
def test_a_run_too_short_to_settle_is_flown_until_it_has_settled() -> None:
    simulation = flown(scenario("20m"))
    assert simulation.mode == "DETUMBLE"
    found = judged(simulation)
    assert found.verdict.outcome == "OK"
    assert "in STANDBY" in found.verdict.reasons[0]
    assert 1200.0 < found.flown_s < 2 * HOUR


@pytest.mark.requirement("S5")
def test_a_recoverable_fault_that_would_kill_is_healed_first() -> None:
    """The same fault without a duration is the satellite's end, below."""
    simulation = flown(scenario("2h", *without_power("24h")))
    assert simulation.mode == "SURVIVAL"
    found = judged(simulation)
    assert found.healed == ("string_loss wing.0", "string_loss wing.1")
    assert found.verdict.outcome == "OK"
    assert found.flown_s > 5700.0, "an orbit has shown it"


@pytest.mark.requirement("S5", "L3.4")
def test_contact_is_restored_to_a_satellite_that_has_waited_for_it() -> None:
    """It goes to SAFE after an hour without the ground and stays there; a carrier leads it out."""
    plain = scenario("100m", station=[])
    flight = plain.flight.model_copy(update={"parameters": {"contact_timeout_s": 3600.0}})
    simulation = flown(plain.model_copy(update={"flight": flight}))
    assert simulation.mode == "SAFE"
    left_alone = Phase(simulation)
    left_alone.advance(simulation.tick + 6000)
    assert left_alone.span.mode == "SAFE"
    found = judged(simulation)
    assert found.verdict.outcome == "OK", found.verdict.reasons
    assert "STANDBY" in found.why


@pytest.mark.requirement("S5")
def test_a_healed_fault_costs_an_orbit_even_if_it_did_no_harm() -> None:
    """What the orbit before has shown was shown with the fault."""
    found = judged(flown(scenario("125m", fault("gyro_stuck", "gyro.0", "10m", "5h"))))
    assert found.healed == ("gyro_stuck gyro.0",)
    assert found.verdict.outcome == "OK"
    assert found.flown_s > 5700.0


@pytest.mark.requirement("S5")
def test_a_unit_that_was_left_out_for_a_moment_is_waited_for() -> None:
    """A gyro repeats itself for eight seconds and no fault is to blame: it is back a minute later."""

    def hiccup(simulation: Simulation) -> None:
        simulation.advance(simulation.end_tick - 100)
        simulation.plant.state["fault_gyro_stuck"][0, 0] = 1
        simulation.advance(simulation.end_tick - 20)
        simulation.plant.state["fault_gyro_stuck"][0, 0] = 0

    simulation = flown(scenario("125m"), hiccup)
    assert Phase(simulation).power_positive, "the orbit before has shown its power"
    assert Phase(simulation).units_off() == ["gyro.0"]
    found = judged(simulation)
    assert found.verdict.outcome == "OK"
    assert 60.0 < found.flown_s < 1300.0


# --- DEGRADED -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(("kind", "unit"), [("wheel", 0), ("sun_sensor", 0), ("drive", 0)])
def test_a_sound_unit_that_stays_off_is_a_capability_lost(kind: str, unit: int) -> None:
    """The ground has said so: no fault explains it, and no monitor brings it back."""
    number = {"sun_sensor": 4, "wheel": 5, "drive": 6}[kind]
    arguments = {"kind": float(number), "unit": float(unit), "state": 1.0}
    packet = encode_tc_packet(encode_command("set_unit_health", arguments, sequence=1))

    def leave_out(simulation: Simulation) -> None:
        simulation.advance(simulation.end_tick - 100)
        # Sealed by mission control, whose counters go on from there.
        frame = simulation.ground.ground._sender.seal(TcFrame("BD", packet))
        simulation.driver.run(simulation.tick + 1, [frame])

    simulation = flown(scenario("100m"), leave_out)
    assert Phase(simulation).units_off() == [f"{kind}.{unit}"]
    found = judged(simulation, limit_s=0.7 * HOUR)
    assert f"{kind}.{unit}" in " ".join(found.verdict.reasons)
    assert found.verdict.outcome == "DEGRADED"


@pytest.mark.requirement("S5")
def test_two_wheels_lost_for_good_leave_it_in_safe() -> None:
    wheels = [fault("wheel_seize", f"wheel.{wheel}", "55m") for wheel in range(2)]
    found = judged(flown(scenario("1h10m", *wheels)))
    assert found.verdict.outcome == "DEGRADED"
    assert found.verdict.reasons == (f"in SAFE at the end, {found.flown_s / HOUR:.1f} h after the end",)
    assert (found.power_positive, found.commandable) == (True, True)


@pytest.mark.requirement("S5")
def test_a_unit_that_stays_off_without_a_fault_is_a_lost_capability() -> None:
    """A replica that was retired does not come back. A unit lost to a lasting fault is no surprise."""

    def hang(simulation: Simulation) -> None:
        simulation.advance(30_000)
        simulation.computer.stall(1, 200)

    simulation = flown(scenario("55m"), hang)
    assert simulation.computer.counters()["retired"] == 2
    found = judged(simulation)
    assert found.verdict.outcome == "DEGRADED"
    assert found.verdict.reasons == ("replica.1 not in use, and no active fault explains it",)
    wheel = judged(flown(scenario("55m", fault("wheel_seize", "wheel.1", "52m"))))
    assert wheel.verdict.outcome == "OK", wheel.verdict.reasons


@pytest.mark.requirement("S5")
def test_without_autonomy_it_may_wait_for_the_ground_after_healing() -> None:
    """Nobody flies the operator on who would lead it out of SAFE; a fault that stays is no such excuse."""
    outcomes = {}
    for name, lasting in (("heals", "1h"), ("stays", None)):
        wheels = [fault("wheel_seize", f"wheel.{wheel}", "55m", lasting) for wheel in range(2)]
        plain = scenario("1h10m", *wheels, station=[])
        flight = plain.flight.model_copy(update={"autonomy": False})
        simulation = flown(plain.model_copy(update={"flight": flight}))
        assert simulation.mode == "SAFE"
        outcomes[name] = judged(simulation).verdict.outcome
    assert outcomes == {"heals": "OK", "stays": "DEGRADED"}


# --- LOST ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("S5", "L4.1")
def test_without_power_it_is_lost() -> None:
    simulation = flown(scenario("20m", *without_power()))
    phase = Phase(simulation, 8 * HOUR)
    phase.fly()
    assert phase.plant.state["battery_charge"][0] == 0.0
    assert phase.plant.state["bus_voltage_v"][0] == 0.0
    assert not phase.answered
    found = judged(simulation, 8 * HOUR)
    assert found.verdict.outcome == "LOST"
    assert found.healed == ()
    assert found.verdict.reasons[0].startswith("not power-positive, 8.0 h after the end: charge")
    assert found.verdict.reasons[1] == "not commandable, 8.0 h after the end: no answer to a ping"


@pytest.mark.requirement("S5", "L4.1")
def test_the_orbit_before_a_fault_says_nothing_about_the_one_after() -> None:
    simulation = flown(
        scenario("125m", *[fault("string_loss", f"wing.{wing}", "123m", share=1.0) for wing in range(2)])
    )
    power = simulation.judge.power()
    assert power is not None
    assert power.positive
    assert simulation.mode in WORKING
    found = judged(simulation, 2 * HOUR)
    assert found.verdict.outcome == "LOST"
    assert "not power-positive" in found.verdict.reasons[0]


@pytest.mark.long
@pytest.mark.requirement("S5", "L4.1")
def test_without_power_it_is_given_up_after_a_day_at_the_latest() -> None:
    """In the cold a unit is outside its limits for an hour before the day is over: that decides."""
    found = judged(flown(scenario("20m", *without_power())))
    assert found.verdict.outcome == "LOST"
    assert any("outside its limits" in reason for reason in found.verdict.reasons)
    assert found.flown_s <= 24 * HOUR


@pytest.mark.requirement("S5", "L3.5")
def test_a_satellite_that_cannot_transmit_is_lost_however_well_it_is() -> None:
    """Its under-voltage cut-off was built for another battery and keeps the transmitters off for good."""
    simulation = flown(
        scenario("20m", spacecraft={"undervoltage_cut_v": 40.0, "undervoltage_recover_v": 41.0})
    )
    phase = Phase(simulation, 2 * HOUR)
    phase.fly()
    assert phase.plant.state["battery_charge"][0] > 0.4
    assert np.frombuffer(phase.driver.actuator_frame, ACTUATOR_DTYPE)["transmitter_on"][0] == 1, "it tries"
    found = judged(simulation, 2 * HOUR)
    assert found.commandable is False
    assert found.verdict.outcome == "LOST"
    assert "not commandable, 2.0 h after the end: no answer to a ping" in found.verdict.reasons


@pytest.mark.requirement("S5", "L3.6")
def test_a_satellite_whose_computer_never_starts_again_is_lost() -> None:
    def stop(simulation: Simulation) -> None:
        simulation.advance(30_000)
        simulation.driver.schedule_reset(simulation.tick, 10**15)

    found = judged(flown(scenario("55m"), stop), 2 * HOUR)
    assert found.commandable is False
    assert found.verdict.outcome == "LOST"


@pytest.mark.requirement("S5", "L3.6")
def test_a_computer_that_hangs_is_started_again_by_its_watchdog() -> None:
    def hang(simulation: Simulation) -> None:
        simulation.advance(30_000)
        for replica in range(3):
            simulation.computer.stall(replica, 2**31)

    simulation = flown(scenario("55m"), hang)
    simulation.collect()
    assert any(event.name == "computer_reset" for event in simulation.events)
    assert judged(simulation, 2 * HOUR).verdict.outcome == "OK"


@pytest.mark.requirement("S5")
def test_a_tumble_that_nothing_stops_is_lost_and_one_that_slows_down_is_not() -> None:
    fast = [30.0, -20.0, 20.0]
    dead = [fault("torquer_dead", f"torquer.{axis}", "1s") for axis in range(3)]
    lost = judged(flown(with_initial("100m", *dead, rate_deg_s=fast)))
    assert lost.verdict.outcome == "LOST"
    assert "not slowing down" in lost.verdict.reasons[0]
    slowing = flown(with_initial("100m", rate_deg_s=fast))
    assert np.degrees(np.linalg.norm(slowing.plant.state["rate_body_rad_s"][0])) > 30.0
    assert slowing.judge.lost() == []


@pytest.mark.requirement("S5")
def test_a_command_that_no_actuator_can_follow_is_lost() -> None:
    def nonsense(simulation: Simulation) -> None:
        simulation.plant.state["commands_not_finite"][0] += 1

    found = judged(flown(scenario("1m"), nonsense))
    assert found.verdict.outcome == "LOST"
    assert found.verdict.reasons == ("1 actuator commands were not finite or out of range",)
    assert found.flown_s < 60.0, "nothing more can be shown"


# --- what else the document says ----------------------------------------------------------------------------


@pytest.mark.requirement("S5")
def test_a_run_that_was_cut_short_is_not_flown_on() -> None:
    simulation = Simulation(scenario("20m"), keep_truth=False)
    simulation.advance(3000)
    simulation.finish()
    found = document(Outing(simulation), False)
    assert found["judgement"] == {
        "flown_s": 0.0,
        "healed": [],
        "power_positive": None,
        "commandable": None,
        "why": "cut short, so not flown on",
    }
    assert found["outcome"] == "OK"


@pytest.mark.requirement("S5")
def test_each_fault_says_what_it_befell() -> None:
    """At 60 min the satellite stands by in the Earth's shadow, at 10 min it detumbles in the Sun."""
    faults = [fault("gyro_stuck", "gyro.0", "60m", "1m"), fault("gyro_stuck", "gyro.1", "10m", "1m")]
    simulation = flown(scenario("61m", *faults))
    sound = flown(scenario("61m"))
    late, early = document(Outing(simulation), True)["faults"]
    assert (early["mode"], early["sunlit"]) == ("DETUMBLE", True)
    assert (late["mode"], late["sunlit"]) == ("STANDBY", False)
    # Restored behind an onset, it is still known, and so is all that the judge has seen.
    restored = snapshot.restore(snapshot.take(simulation))
    assert restored.onsets == simulation.onsets
    assert restored.judge.to_json() == simulation.judge.to_json()
    assert restored.judge.charges
    assert sound.onsets == {}
