"""An event is late after the first pass with a minute left; what never came is known from what was made."""

from __future__ import annotations

import pytest

from ground.contacts import Pass
from ground.timeliness import Timeliness, events_late

S = 10**9


def passes() -> list[Pass]:
    """Too short to count, heard, silent, heard, and one that goes on."""
    made = []
    spans = [(1000, 1050, 9), (2000, 2300, 9), (3000, 3300, 0), (4000, 4300, 9), (5000, 5600, 9)]
    for start, end, frames in spans:
        one = Pass(0, start * S, start * S, end * S, 1.0, start * S, end * S)
        one.frames, one.ended = frames, end < 5000
        made.append(one)
    return made


@pytest.mark.requirement("L2.2")
@pytest.mark.parametrize(
    ("recorded_s", "arrival_s", "late"),
    [
        (500, 2010, 0),
        (500, 2300, 0),
        (500, 4001, 1),
        (2200, 2299, 0),
        (2250, 4299, 0),  # only 50 s were left
        (2250, 5001, 1),
        (4290, 5001, 0),
        (5500, 5501, 0),
    ],
)
def test_an_event_is_late_after_the_first_usable_pass(recorded_s: int, arrival_s: int, late: int) -> None:
    told = Timeliness()
    told.see(recorded_s * S, arrival_s * S, passes())
    assert (told.received, told.late) == (1, late)
    assert events_late(told.results(passes()), [recorded_s * S]) == late


@pytest.mark.requirement("L2.2")
def test_what_never_came_is_late_once_it_was_due() -> None:
    told = Timeliness()
    for recorded_s, arrival_s in ((500, 2010), (600, 2011), (4295, 5001)):
        told.see(recorded_s * S, arrival_s * S, passes())
        told.follow(passes()[:2])
    made_ns = [one * S for one in (500, 600, 700, 2290, 4238, 4250, 4295, 5550)]
    # 700 and 2290 were due in the pass to 4300, as was 4238; of 4250 on a minute was not left.
    assert events_late(told.results(passes()), made_ns) == 3
    assert events_late(told.results(passes()[:2]), made_ns) == 1


@pytest.mark.requirement("L2.2")
@pytest.mark.parametrize("came_s", [4238.0, 4238.9, 4239.0, 4239.5, 4240.0, 4241.0])
def test_an_event_near_the_last_due_time_hides_no_lost_one(came_s: float) -> None:
    """The pass ends at 4300 s: what was recorded a minute before was due. 3500 was lost."""
    told = Timeliness()
    told.see(int(came_s * S), 4250 * S, passes())
    made_ns = [3500 * S, int(came_s * S)]
    assert events_late(told.results(passes()), made_ns) == 1


@pytest.mark.requirement("L2.2")
@pytest.mark.parametrize("stamp_off_ns", [-900_000_000, -60, 60, 900_000_000])
def test_a_clock_that_is_a_little_off_makes_nothing_late(stamp_off_ns: int) -> None:
    made_ns = [4200 * S + number * 700_000_000 for number in range(70)]  # on both sides of what was due
    made_ns += [3000 * S + number * 7 * S for number in range(150)]
    told = Timeliness()
    for one in made_ns:
        told.see(one + stamp_off_ns, 4290 * S, passes())
    assert events_late(told.results(passes()), made_ns) == 0
    made_ns.append(3500 * S)
    assert events_late(told.results(passes()), made_ns) == 1


def test_it_goes_on_from_its_plain_values() -> None:
    told = Timeliness()
    told.see(5500 * S, 5501 * S, passes())
    again = Timeliness.from_plain(told.to_plain())
    assert again == told
    again.see(5500 * S, 5502 * S, passes())
    assert again != told
