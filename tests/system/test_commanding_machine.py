"""Commanding as a state machine: whatever the line, the resets, the crashes and an adversary do, in whatever
order, each telecommand is executed at most once, in order, and told truly; and there is always a way out.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flight.packets import encode_command, encode_tc_packet
from flight.tc_frames import TcFrame, clear_octets, parse, set_expected_frame, unlock_frame
from ground.security import seal_frame
from tests.uplink import RING, repaired

from .commanding import TICK_NS, Crash, World, audit, no_fault

FORGED_COUNTER = 2**40
_PING = encode_tc_packet(encode_command("ping", {}, sequence=7))


def _flipped(octets: bytes, at: int) -> bytes:
    other = bytearray(octets)
    other[at % (len(other) - 2)] ^= 1 << at % 8
    return repaired(bytes(other))


def _in_the_clear(frame: TcFrame) -> bytes:
    octets = bytearray(clear_octets(frame) + b"\0\0")
    octets[2], octets[3] = 0, len(octets) - 1
    return repaired(bytes(octets))


_FOREIGN: tuple[Callable[[int], bytes], ...] = (
    lambda at: _flipped(seal_frame(RING, TcFrame("AD", _PING, at), key_id=1, counter=FORGED_COUNTER), at),
    lambda at: _flipped(seal_frame(RING, unlock_frame(), key_id=1, counter=FORGED_COUNTER), at),
    lambda at: seal_frame(RING, set_expected_frame(at), key_id=2, counter=FORGED_COUNTER),
    lambda at: _in_the_clear(set_expected_frame(at)),
    lambda at: _in_the_clear(TcFrame("BD", _PING)),
    lambda at: bytes(at),
)


class Commanding(RuleBasedStateMachine):
    """One satellite, one mission control, and everything that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(0, 250)

    @initialize(seed=st.integers(0, 2**32), expected=st.sampled_from((250, 0, 127)))
    def start(self, seed: int, expected: int) -> None:
        self.world = World(seed, expected)
        self.world.begin_pass()

    # --- what the operator does ---------------------------------------------------------------------------

    @rule(count=st.integers(1, 8), priority=st.sampled_from((2, 2, 1, 3)))
    def command(self, count: int, priority: int) -> None:
        for _ in range(count):
            self.world.command(priority)

    @rule(seconds=st.integers(1, 20))
    def command_that_expires(self, seconds: int) -> None:
        self.world.command(2, self.world.now_ns + seconds * 10 * TICK_NS)

    @rule(seconds=st.integers(2, 40))
    def time_tagged_command(self, seconds: int) -> None:
        self.world.command(execute_at_ns=self.world.now_ns + seconds * 10 * TICK_NS)

    @rule()
    def critical_command(self) -> None:
        self.world.command(0)

    @rule(ticks=st.integers(1, 60))
    def fly(self, ticks: int) -> None:
        self.world.fly(ticks)

    # --- what the line does -------------------------------------------------------------------------------

    @rule(up=st.booleans(), loss=st.sampled_from((0.0, 0.1, 0.3, 0.5)), repeats=st.sampled_from((0.0, 0.3)))
    def line_loses(self, up: bool, loss: float, repeats: float) -> None:
        line = self.world.up if up else self.world.down
        line.loss, line.repeats = loss, repeats

    @rule(up=st.booleans(), ticks=st.integers(0, 5))
    def line_reorders(self, up: bool, ticks: int) -> None:
        (self.world.up if up else self.world.down).jitter_ticks = ticks

    @rule(up=st.booleans(), ticks=st.integers(1, 400))
    def outage(self, up: bool, ticks: int) -> None:
        line = self.world.up if up else self.world.down
        line.out = True
        self.world.fly(ticks)
        line.out = False

    @precondition(lambda self: self.world.in_pass)
    @rule(ticks=st.integers(0, 60))
    def loss_of_signal(self, ticks: int) -> None:
        self.world.end_pass()
        self.world.fly(ticks)

    @precondition(lambda self: not self.world.in_pass)
    @rule()
    def acquisition_of_signal(self) -> None:
        self.world.fly(30)  # a carrier is off for a while before another is on
        self.world.begin_pass()

    # --- what happens to the two ends -----------------------------------------------------------------------

    @rule(ticks=st.integers(1, 30))
    def satellite_is_reset(self, ticks: int) -> None:
        self.world.reset(ticks)

    @rule(writes=st.integers(1, 8), keeps=st.integers(0, 4000))
    def satellite_loses_power(self, writes: int, keeps: int) -> None:
        self.world.satellite.cut_power(writes, keeps)
        self.world.fly(5)
        self.world.satellite.cut_power(0)

    @rule()
    def satellite_starts_cold(self) -> None:
        self.world.reset_cold()

    @rule(operation=st.integers(1, 6), done=st.booleans(), commands=st.integers(0, 2))
    def ground_crashes(self, operation: int, done: bool, commands: int) -> None:
        due = self.world.store.operations + operation

        def fault(number: int, after: bool) -> None:
            if number == due and after == done:
                raise Crash

        self.world.store.fault = fault
        for _ in range(commands):
            self.world.command()
        self.world.fly(5)
        self.world.store.fault = no_fault

    @rule()
    def ground_is_restarted(self) -> None:
        self.world.crash_ground()

    # --- what an adversary does -----------------------------------------------------------------------------

    @precondition(lambda self: self.world.recorded and not self.world.satellite.is_down)
    @rule(back=st.integers(0, 400))
    def replay(self, back: int) -> None:
        """A frame that was recorded, once its counter is passed, is refused; whatever has happened since."""
        world = self.world
        frame = world.recorded[-1 - back % len(world.recorded)]
        if parse(frame).counter <= world.satellite.counters()["key_counter"]:
            assert world.deliver(frame) == {"replay": 1}

    @precondition(lambda self: self.world.up.lost and not self.world.satellite.is_down)
    @rule(back=st.integers(0, 40))
    def withheld_frame_comes_late(self, back: int) -> None:
        """Somebody kept a frame from arriving, and radiates it when it suits him."""
        self.world.deliver_withheld(back)

    @precondition(lambda self: not self.world.satellite.is_down)
    @rule(which=st.integers(0, len(_FOREIGN) - 1), at=st.integers(0, 60))
    def foreign(self, which: int, at: int) -> None:
        counter = self.world.satellite.counters()["key_counter"]
        counted = self.world.deliver(_FOREIGN[which](at))
        assert sum(counted.values()) == 1, counted
        while (
            self.world.satellite.is_down
        ):  # power had failed at the end of the tick before: what was kept counts
            self.world.fly(1)
        assert self.world.satellite.counters()["key_counter"] == counter

    # --- what always holds ----------------------------------------------------------------------------------

    @invariant()
    def executed_at_most_once(self) -> None:
        executed = self.world.executed
        assert len(set(executed)) == len(executed), executed

    def teardown(self) -> None:
        """At the end the line is mended: all that is queued gets through within a pass, and is told truly."""
        world = self.world
        waits = sum(one["state"] == "queued" for one in world.control.queue.results(world.now_ns))
        assert world.heal(600 + 5 * waits), world.control.uplink
        self.executed_at_most_once()
        audit(world)


def _explore(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Commanding,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.requirement("L2.3", "L2.6")
def test_commanding_holds_whatever_happens() -> None:
    _explore(40, 25)


@pytest.mark.long
@pytest.mark.requirement("L2.3", "L2.6")
def test_commanding_holds_whatever_happens_for_long() -> None:
    _explore(5_000, 60)
