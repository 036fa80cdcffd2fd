"""What must hold whatever befalls the satellite, written as expectations of the scenario.

Because they are expectations, the scenario file that a search leaves shows the failure to `safehold run`.
LOST, which covers actuator commands that are not finite or out of range, needs none: it fails every run.
"""

from __future__ import annotations

from safehold.durations import format_duration
from safehold.hunt.schedule import SECOND_NS, Schedule, apply, last_s
from safehold.schema import Expect, Scenario
from safehold.timeline import WORKING

POINTING_DEG = 0.5
POINTING_FRACTION = 0.99


def with_invariants(base: Scenario, schedule: Schedule, *, settled_s: int, back_within_s: int) -> Scenario:
    """The base with a schedule's events and what has to hold in spite of them.

    `settled_s`: when the base has come to work by itself. `back_within_s`: how long after that, and after the
    schedule's last event or end of a fault, the satellite may take to be in a working mode again, on its
    target.
    """
    scenario = apply(base, schedule)
    back_ns = (max(last_s(schedule), settled_s) + back_within_s) * SECOND_NS
    expected = [*base.expect, *law_six(bool(scenario.command))]
    if schedule and back_ns < base.duration:
        expected.extend(back_again(back_ns, back_within_s))
    return scenario.model_copy(update={"expect": expected})


def back_again(back_ns: int, back_within_s: int) -> list[Expect]:
    """From then on: a working mode, and on target."""
    limit = format_duration(back_within_s * SECOND_NS)
    return [
        Expect.model_validate(
            {
                "quantity": "flight_mode",
                "equals": list(WORKING),
                "from": format_duration(back_ns),
                "why": f"back in a working mode within {limit} of the last event",
            }
        ),
        Expect.model_validate(
            {
                "quantity": "pointing_error_deg",
                "below": POINTING_DEG,
                "from": format_duration(back_ns),
                "fraction": POINTING_FRACTION,
                "why": f"and on target within {limit} of the last event",
            }
        ),
    ]


def law_six(commanded: bool) -> list[Expect]:
    """Nothing outside windows; a command runs at most once and its outcome is reported."""
    expected = [
        Expect(quantity="bytes_outside_window", equals=0.0, why="nothing is sent outside contact windows")
    ]
    if commanded:
        expected.append(Expect(quantity="commands_repeated", equals=0.0, why="a command runs at most once"))
        expected.append(
            Expect(
                quantity="commands_unconfirmed", equals=0.0, why="the outcome of every command is reported"
            )
        )
    return expected
