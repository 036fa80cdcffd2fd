"""What is shown while a campaign flies: counts, pace and time left, on a clock of the test's own."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from safehold.campaign import progress
from safehold.campaign.summary import Summary, failure


class Clock:
    """Stands at the seconds it is set to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(progress, "wall_seconds", found)
    return found


def test_a_line_every_ten_seconds_with_pace_and_time_left(clock: Clock) -> None:
    stream = io.StringIO()
    display = progress.choose("name", quiet=False, stream=stream)
    summary = Summary(Path("folder"), total=1000, cached=400)
    display.start(summary)
    for second in range(1, 31):
        clock.seconds = 100.0 + second
        summary.flown = 5 * second
        summary.done = summary.cached + summary.flown
        summary.outcomes["LOST"] = second // 10
        display.update(summary)
    display.close()
    assert stream.getvalue().splitlines() == [
        # 5 a second; what was there already does not count into the pace.
        "450 of 1,000 runs, 300 a minute, 1m50s left, LOST 1",
        "500 of 1,000 runs, 300 a minute, 1m40s left, LOST 2",
        "550 of 1,000 runs, 300 a minute, 1m30s left, LOST 3",
    ]


def test_checks_are_shown_as_checks(clock: Clock) -> None:
    summary = Summary(Path("folder"), total=3000, done=3000, flown=3000, to_check=100, checked=37)
    summary.outcomes["DEGRADED"] = 4
    assert progress.Pace().text(summary) == "37 of 100 reconverged runs checked, DEGRADED 4"


def test_nothing_is_shown_where_nothing_was_asked_for() -> None:
    stream = io.StringIO()
    display = progress.choose("name", quiet=True, stream=stream)
    display.start(Summary(Path("folder"), total=1))
    display.update(Summary(Path("folder"), total=1, done=1, flown=1))
    assert stream.getvalue() == ""


@pytest.mark.requirement("S5")
def test_lost_or_an_unmet_expectation_fails_a_campaign_and_degraded_does_not() -> None:
    met, unmet = ({"quantity": "pong_delay_ms", "met": flag} for flag in (True, False))
    stop = {"kind": "end"}
    records = [
        {"outcome": "OK", "expectations": [met], "stop": stop},
        {"outcome": "DEGRADED", "expectations": [met], "stop": stop},
        {"outcome": "OK", "expectations": [met, unmet], "stop": stop},
        {"outcome": "LOST", "reasons": ["not power-positive"], "expectations": [met], "stop": stop},
    ]
    assert [failure(record) for record in records] == [
        "",
        "",
        "expectation on pong_delay_ms not met",
        "LOST: not power-positive",
    ]
    summary = Summary(Path("folder"), total=4)
    for index, record in enumerate(records[:2]):
        summary.count(index, record, rank=0)
    assert summary.ok
    for index, record in reversed(list(enumerate(records))[2:]):  # whatever came back first
        summary.count(index, record, rank=0)
    assert not summary.ok
    assert summary.complete
    assert summary.first_failed == (2, "expectation on pong_delay_ms not met", "end")


def test_crashed_runs_and_disagreements_fail_a_campaign() -> None:
    assert not Summary(Path("folder"), total=1, crashed=[(0, "died")]).ok
    assert not Summary(Path("folder"), total=1, done=1, disagreements=["two digests"]).ok
