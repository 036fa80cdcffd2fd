"""Replays of what was recorded, and resets of either end: nothing runs twice, and commanding resumes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flight.packets import TcPacket, encode_tc_packet
from flight.tc_frames import TcFrame, parse
from flight.tm_frames import Clcw
from ground.fop import State

from .commanding import TICK_NS, World, audit


def _world(expected: int = 250) -> World:
    world = World(1, expected)
    world.begin_pass()
    world.fly(20)
    return world


def _states(world: World) -> list[str]:
    return [one["state"] for one in world.control.queue.results(world.now_ns)]


def _take_unseen(world: World, count: int) -> None:
    """The satellite executes commands, and nothing of what it says about them arrives."""
    world.down.out = True
    for _ in range(count):
        world.command()
    world.fly(2 * count + 10)
    assert len(world.executed) == count


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("count", [1, 6, 7, 10, 20])
def test_a_cold_start_whose_count_lies_in_what_is_in_doubt_executes_nothing_twice(count: int) -> None:
    world = _world()
    _take_unseen(world, count)
    world.reset_cold()
    assert world.heal(600)
    assert world.executed == list(range(2, 2 + count))
    assert world.control.uplink.counters["commands_unknown"] == count
    assert set(_states(world)) <= {"completed", "unknown"}, "some were told by playback after all"
    world.command()
    world.fly(20)
    assert _states(world)[-1] == "completed"
    audit(world)


@pytest.mark.requirement("L2.1", "L2.6")
def test_after_an_alert_no_number_is_given_again_while_an_old_frame_may_still_be_under_way() -> None:
    """Rule 4 of docs/adr/0017: else the old command ran, and the new one counted as its repetition."""
    world = _world()
    world.fly(20)
    assert world.control.uplink.fop.state is State.ACTIVE
    world.command(expires_ns=world.now_ns + 2 * TICK_NS)
    world.fly(1)
    ((_, frame),) = world.up.under_way
    world.up.under_way = [(world.tick + 14, frame)]  # held up on its way
    world.fly(2)
    uplink = world.control.uplink
    uplink.fop.clcw(Clcw(lockout=True, report_value=uplink.fop.nnr), world.now_ns)
    uplink.changed(world.now_ns)
    assert uplink.counters["alerts_LOCKOUT"] == 1
    assert [one[0] for one in uplink.doubt] == [0]
    world.fly(10)
    world.command()
    world.fly(100)
    assert world.executed == [2, 3]
    assert _states(world) == ["completed", "completed"]
    audit(world)


@pytest.mark.requirement("L2.6")
def test_a_withheld_frame_that_is_taken_before_ad_service_begins_again_runs_its_command_once() -> None:
    """What has not been taken by an alert may be taken until it goes up again: V(R) is asked anew then."""
    world = _world()
    world.fly(20)
    uplink = world.control.uplink
    assert uplink.fop.state is State.ACTIVE
    world.up.out = True
    world.command()
    world.fly(1)
    world.up.out = False
    world.command()  # out of sequence: retransmission is asked for, and AD service begins with an Unlock
    world.fly(1)
    world.up.out = True
    world.fly(8)
    uplink.fop.clcw(Clcw(lockout=True, report_value=uplink.fop.nnr), world.now_ns)
    uplink.changed(world.now_ns)
    world.fly(40)
    assert uplink.counters["unlocks"] == 1
    assert [one[0] for one in uplink.doubt] == [0, 1]
    world.down.out = True
    frames = [frame for frame in world.up.lost if (parse(frame).kind, frame[4]) == ("AD", 250)]
    assert world.deliver(frames[-1]) == {}
    assert world.executed == [2]
    world.fly(30)
    assert world.heal(600)
    assert world.executed == [2, 3]
    audit(world)


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("unseen", [False, True])
def test_a_time_tagged_command_that_a_cold_start_swept_away_is_told_as_unknown(unseen: bool) -> None:
    """unseen: nothing of what the satellite said of it had arrived before."""
    world = _world()
    world.down.out = unseen
    world.command(execute_at_ns=world.now_ns + 60 * 10 * TICK_NS)
    world.fly(30)
    assert _states(world) == ["sent" if unseen else "completed"]
    world.reset_cold()
    world.down.out = False
    assert world.heal(600)
    world.fly(900)
    assert world.executed == []
    audit(world)
    (one,) = world.control.queue.results(world.now_ns)
    assert (one["state"], one["reason"]) == ("unknown", "cold_start")


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("warm_resets", [0, 1])
def test_a_cold_start_is_told_though_a_warm_one_follows_before_the_next_contact(warm_resets: int) -> None:
    """Live housekeeping tells of the last start alone; the event of the cold one is played back."""
    world = _world()
    world.command(execute_at_ns=world.now_ns + 600 * 10 * TICK_NS)
    world.fly(30)
    assert _states(world) == ["completed"]
    world.end_pass()
    world.reset_cold()
    world.fly(40)
    for _ in range(warm_resets):
        world.reset(1)
        world.fly(40)
    world.begin_pass()
    world.fly(100)
    (one,) = world.control.queue.results(world.now_ns)
    assert (one["state"], one["reason"]) == ("unknown", "cold_start")
    audit(world)


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("reset", [False, True])
def test_a_time_tagged_command_is_executed_at_its_time_over_a_warm_reset_too(reset: bool) -> None:
    world = _world()
    world.command(execute_at_ns=world.now_ns + 60 * 10 * TICK_NS)
    world.fly(30)
    assert _states(world) == ["completed"]
    if reset:
        world.reset(10)
    world.fly(550)
    assert world.executed == []
    world.fly(40)
    assert world.executed == [2]
    audit(world)
    assert _states(world) == ["executed"]


def _reset_warm(world: World) -> None:
    world.reset(20)


def _fail_power(world: World) -> None:
    world.satellite.cut_power(1)


def _reset_both(world: World) -> None:
    world.reset(20)
    world.crash_ground()


RESETS: dict[str, Callable[[World], None]] = {
    "nothing": lambda world: None,
    "satellite": _reset_warm,
    "power failure": _fail_power,
    "cold start": World.reset_cold,
    "ground": World.crash_ground,
    "both": _reset_both,
}


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("name", RESETS)
def test_after_a_reset_of_either_end_commanding_resumes_in_the_same_pass(name: str) -> None:
    world = _world()
    for _ in range(10):
        world.command()
    world.fly(6)
    RESETS[name](world)
    world.fly(60)
    for _ in range(10):
        world.command()
    world.fly(300)
    assert world.control.idle(), world.control.uplink
    assert _states(world)[-10:] == ["completed"] * 10
    audit(world)


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("name", RESETS)
@pytest.mark.parametrize("next_pass", [False, True], ids=["same pass", "next pass"])
def test_a_recorded_uplink_is_refused_whenever_it_is_radiated(name: str, next_pass: bool) -> None:
    world = _world()
    world.up.loss = 0.2
    for _ in range(12):
        world.command()
    world.fly(200)
    world.up.loss = 0.0
    world.fly(60)
    recorded = list(world.recorded)
    assert len(recorded) > 12, "some were lost, and repeated"
    RESETS[name](world)
    if next_pass:
        world.end_pass()
        world.fly(300)
        world.begin_pass()
    world.fly(40)
    executed = list(world.executed)
    last = world.satellite.counters()["key_counter"]
    for frame in [*recorded, *reversed(recorded)]:
        assert parse(frame).counter <= last
        assert world.deliver(frame) == {"replay": 1}
    world.fly(10)
    assert world.executed == executed
    world.command()
    world.fly(60)
    assert world.executed[-1] == world.serial
    audit(world)


def _before() -> World:
    world = _world()
    world.end_pass()
    return world


def _beginning() -> World:
    """Mission control initiates when a CLCW has come, which is then the one that it waits for; here it does
    so before.
    """
    world = World(1, 250)
    world.begin_pass()
    world.control.uplink.fop.initiate(world.now_ns, check=True)
    return world


def _unlocking() -> World:
    world = _world()
    world.end_pass()
    world.reset_cold()
    world.fly(40)
    world.begin_pass()
    return world


def _losing() -> World:
    """One frame is lost, and those behind it come."""
    world = _world()
    world.fly(40)
    world.up.out = True
    world.command()
    world.fly(1)
    world.up.out = False
    for _ in range(4):
        world.command()
    return world


def _crowded() -> World:
    """The buffer on board is full of expedited telecommands when frames of type AD come."""
    world = _world()
    world.fly(40)
    packet = encode_tc_packet(TcPacket(99, 1, bytes(218 - 13), 7))
    full = [world.control.sender.seal(TcFrame("BD", packet)) for _ in range(18)]
    for _ in range(6):
        world.command()
    world.fly(1)
    world.up.under_way[:0] = [(min(due for due, _ in world.up.under_way), frame) for frame in full]
    return world


def _working() -> World:
    world = _world()
    for _ in range(6):
        world.command()
    return world


IN_STATE: dict[State, Callable[[], World]] = {
    State.ACTIVE: _working,
    State.RETRANSMIT_WITHOUT_WAIT: _losing,
    State.RETRANSMIT_WITH_WAIT: _crowded,
    State.INITIALISING_WITHOUT_BC: _beginning,
    State.INITIALISING_WITH_BC: _unlocking,
    State.INITIAL: _before,
}


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("state", IN_STATE, ids=lambda state: state.name.lower())
@pytest.mark.parametrize("name", RESETS)
def test_after_a_reset_in_any_state_of_fop_commanding_resumes_within_one_pass(
    name: str, state: State
) -> None:
    """Within 46 s, where a pass has five minutes and more; and nothing is executed twice or told wrongly."""
    world = IN_STATE[state]()
    for _ in range(60):
        if world.control.uplink.fop.state is state:
            break
        world.fly(1)
    assert world.control.uplink.fop.state is state
    RESETS[name](world)
    world.fly(60)
    world.satellite.cut_power(0)
    if not world.in_pass:
        world.begin_pass()
    for _ in range(10):
        world.command()
    world.fly(400)
    assert world.control.idle(), world.control.uplink
    assert _states(world)[-10:] == ["completed"] * 10
    audit(world)
