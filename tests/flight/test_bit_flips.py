"""Bits flipped in one replica, uniform over its whole state and over the ticks of a recorded flight.

Three replicas with resynchronisation let none through; the same flips show, in one replica alone, that they
were not harmless, and pairs of flips show what resynchronisation is for. `pytest -s` prints the figures.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from flight.computer import FlightComputer, make_computer

from .bit_flips import Experiment, Flip

FLIPS = 2000
SEED = 20260621
PAIR_TICKS = 120
"""Between the two flips of a pair: more than a round of the rolling comparison, which heals the first."""

LONG_TICKS = 2000
"""For a flip that nobody heals: most begin in an estimate's last bits and take their time to a command."""


@pytest.fixture(scope="module")
def voting(recorded_frames: NDArray[np.uint8]) -> Experiment:
    return Experiment(recorded_frames)


@pytest.mark.requirement("L3.1", "L3.3")
@pytest.mark.parametrize("count", [500, pytest.param(FLIPS, marks=pytest.mark.long)])
def test_flips_in_one_of_three_change_no_command(voting: Experiment, count: int) -> None:
    figures = voting.try_all([[flip] for flip in voting.choose(count, SEED)])
    print(f"\nthree replicas: {figures}")
    assert figures.commands_changed == 0
    assert figures.not_reconverged == 0
    assert figures.replica_differed >= 0.2 * count, "the flips must have mattered to the replica they hit"


@pytest.mark.requirement("L3.3")
@pytest.mark.parametrize("count", [500, pytest.param(FLIPS, marks=pytest.mark.long)])
def test_the_same_flips_change_commands_of_one_replica_alone(
    recorded_frames: NDArray[np.uint8], voting: Experiment, count: int
) -> None:
    alone = Experiment(recorded_frames, replicas=1, run_on_ticks=LONG_TICKS)
    assert np.array_equal(alone.commands, voting.commands)
    trials = [[Flip(flip.tick, 0, flip.bit)] for flip in voting.choose(count, SEED)]
    figures = alone.try_all(trials)
    print(f"\none replica: {figures}")
    assert figures.commands_changed >= 1


def pairs(experiment: Experiment, count: int) -> list[list[Flip]]:
    """Flips in the control halves of two replicas, one after the other."""
    firsts = experiment.choose(count, SEED + 2, octets=FlightComputer.control_size)
    seconds = experiment.choose(count, SEED + 3, octets=FlightComputer.control_size)
    return [
        [first, Flip(first.tick + PAIR_TICKS, (first.replica + 1 + second.replica % 2) % 3, second.bit)]
        for first, second in zip(firsts, seconds, strict=True)
        if first.tick + PAIR_TICKS + 250 < len(experiment.frames)
    ]


@pytest.mark.requirement("L3.1", "L3.3")
@pytest.mark.parametrize("count", [400, pytest.param(FLIPS, marks=pytest.mark.long)])
def test_double_faults_get_through_without_resynchronisation_and_not_with_it(
    recorded_frames: NDArray[np.uint8], voting: Experiment, count: int
) -> None:
    trials = pairs(voting, count)
    healed = voting.try_all(trials)
    left = Experiment(recorded_frames, resync=False, run_on_ticks=LONG_TICKS).try_all(trials)
    print(f"\npairs, resynchronised: {healed}\npairs, left alone: {left}")
    assert healed.commands_changed == 0
    assert healed.not_reconverged == 0
    assert left.commands_changed >= 1


@pytest.mark.requirement("L3.7")
def test_no_decision_reads_the_account_half(recorded_frames: NDArray[np.uint8], voting: Experiment) -> None:
    """Every account half is overwritten with noise again and again, over all modes of the recording."""
    computer = make_computer()
    for start in range(0, len(recorded_frames), 100):
        for replica in range(3):
            computer.scramble_account(replica, start)
        commands = computer.step_all(recorded_frames[start : start + 100])
        assert np.array_equal(commands, voting.commands[start : start + 100])


def test_flips_are_uniform_over_the_whole_state(voting: Experiment) -> None:
    flips = voting.choose(FLIPS, SEED)
    bits = np.array([flip.bit for flip in flips])
    assert bits.min() < 0.01 * FlightComputer.state_size * 8
    assert bits.max() > 0.99 * FlightComputer.state_size * 8
    in_control = float(np.mean(bits < FlightComputer.control_size * 8))
    share = FlightComputer.control_size / FlightComputer.state_size
    assert abs(in_control - share) < 4 * (share * (1 - share) / FLIPS) ** 0.5
    assert {flip.replica for flip in flips} == {0, 1, 2}
