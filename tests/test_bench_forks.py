"""The benchmark of forks measures what it says: a few flips over six minutes through all four ways."""

from __future__ import annotations

from collections import Counter

import pytest

from bench import forks
from safehold.checks import shortened
from safehold.scenario import load

FLIPS = 3000


def test_flips_are_drawn_from_all_bits_ticks_and_replicas() -> None:
    """Uniform: replicas within 4 %, tenths of bits and ticks within 3 %; drawn again, the same."""
    base = load("first-contact")
    runs = [forks.flipped(base, index).fault[0] for index in range(FLIPS)]
    replicas = Counter(fault.target for fault in runs)
    assert set(replicas) == {"replica.0", "replica.1", "replica.2"}
    assert all(abs(count - FLIPS / 3) < 0.04 * FLIPS for count in replicas.values())
    bits = forks.load_native().FlightComputer.state_size * 8
    for places, end in (
        ([int(fault.parameters["bit"]) for fault in runs], bits),
        ([fault.at for fault in runs], base.duration),
    ):
        tenths = Counter(place * 10 // end for place in places)
        assert sorted(tenths) == list(range(10))
        assert all(abs(count - FLIPS / 10) < 0.03 * FLIPS for count in tenths.values())
    assert all(fault.at % base.tick_ns == 0 for fault in runs)
    assert [forks.flipped(base, index).fault[0] for index in range(20)] == runs[:20]


def test_samples_lie_evenly_and_in_order() -> None:
    base = shortened(load("first-contact"), 360_000_000_000)
    runs = forks.in_order(base, 50)
    onsets = [one.fault[0].at for one in runs]
    assert onsets == sorted(onsets)
    chosen = [runs.index(one) for one in forks.spread(runs, 5)]
    assert chosen == [5, 15, 25, 35, 45]
    assert forks.spread(runs[:2], 5) == runs[:2]


@pytest.mark.requirement("S5")
def test_all_four_ways_are_flown_and_none_disagrees() -> None:
    report = forks.measure(6, 0.1, 1, 2)
    assert sum(report["stops"].values()) == 6
    assert report["stops"]["reconverged"] >= 2
    assert report["checked"] == 2
    assert report["disagreements"] == []
    assert report["full_s"] == pytest.approx(6 * report["full_run_s"])
    assert report["fork_ms"] > 0.0
    assert min(report["ratios"].values()) > 0.0
    text = "\n".join(forks.lines(report))
    assert "disagreements in the check: 0" in text
    assert "with the reference's flight" in text
