"""The benchmark measures what it says: a tiny run through all of it but Basilisk, an extra of its own."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest

from bench import analysis, campaign, judgement, link, loop, month
from safehold.campaign.definition import load_campaign
from safehold.contact_log import ContactLog
from safehold.scenario import load

LINK_AND_GROUND_SHARE = 0.04


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return loop.measure(0.02, 1, None, 0)


def test_parts_are_all_there_and_add_up(report: dict[str, Any]) -> None:
    """Parts and whole come from two runs, on a machine that may be busy: a factor of five either way."""
    parts = {
        name: us
        for name, us in report["parts_us"].items()
        if name not in ("of which noise", "flight x 1", "a further replica")
    }
    assert set(parts) == {"plant", "flight x 3", "digest", "recording", "link", "ground", "glue"}
    assert all(us > 0.0 for us in parts.values())
    assert 0.2 < sum(parts.values()) / report["us_per_step"] < 5.0
    assert report["steps"] == 720
    assert 0.0 < report["parts_us"]["of which noise"] < report["parts_us"]["plant"] * 5.0


def test_report_names_the_speed(report: dict[str, Any]) -> None:
    text = "\n".join(loop.lines(report))
    assert "× real time" in text
    assert "plant" in text


def test_basilisk_flies_the_same_orbit_in_the_same_field() -> None:
    config = loop.basilisk_config(load("first-contact"), 10)
    assert math.hypot(*config["position_gcrf_m"]) == pytest.approx(6_928_137.0, abs=1.0)
    assert config["gravity_c"][2][0] == pytest.approx(-4.8417e-4, rel=1e-4)  # EGM96, tide free
    assert config["magnetic_g_nt"][1][0] == pytest.approx(-29_350.0, abs=100.0)  # IGRF-14 about 2025
    assert np.isfinite([config["moon_gcrf_m"]]).all()


def test_the_cost_of_judging_is_a_share_of_the_run() -> None:
    faults = judgement.CASES["a wheel stays lost"]
    report = judgement.measure("12m", 1, {"sound": (), "wheel": faults})
    sound, wheel = report["cases"]["sound"], report["cases"]["wheel"]
    assert 600.0 < sound["flown_s"] <= wheel["flown_s"], "neither has settled after 12 min"
    assert sound["share"] > 0.0
    assert len(judgement.lines(report)) == 2


def test_campaigns_are_timed_on_one_worker_and_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two short runs through all of it but Basilisk; how fast depends on who else is on the machine."""
    short = load_campaign("dispersion", {"runs": 2, "duration": "60s", "expect": []})
    monkeypatch.setattr(campaign, "load_campaign", lambda name, overrides: short)
    monkeypatch.setattr(campaign, "EARLY", 1)
    report = campaign.measure(2, None, 0, [])
    for name, workers in (("one_worker", 1), ("two_workers", 2)):
        row = report[name]
        assert (row["workers"], row["runs"], row["flown_twice"]) == (workers, 2, 1)
        assert row["cpu_s_a_run"] > 0.0
        assert row["runs_a_minute"] == pytest.approx(2 / row["wall_s"] * 60.0)
        assert set(row["memory_mb"]) == {"1", "2"}
        assert all(0.0 < one["private"] < one["resident"] for one in row["memory_mb"].values())
    assert report["scaling"] > 0.0
    assert "runs a minute on 2 worker(s)" in "\n".join(campaign.lines(report))


def test_the_analysis_is_timed_on_copies_of_real_results() -> None:
    report = analysis.measure(3)
    assert report["results"] == [3, 30]
    assert set(report["read"]) == {"analysis", "DuckDB, many files", "DuckDB, one file"}
    assert all(
        one["wall_s"] > 0.0 and one["peak_mb"] > 10.0 for two in report["read"].values() for one in two
    )
    assert len(analysis.lines(report)) == 4


def test_outside_contact_link_and_ground_are_next_to_nothing() -> None:
    """Nobody calls them at every step: nine calls in twenty minutes, fewer than one in a thousand steps.
    In twenty minutes their time is 11 % of the flight side's, nearly all of it the prediction of the day's
    windows, made once; over hours it is less (the test below). Shares of one run's processor time, and twice
    what is measured, so that a busy machine fails nobody.
    """
    report = link.measure(0.34, 1)  # two blocks of ten minutes
    assert report["steps_outside"] == report["steps"] == 12_240, "the first contact comes later"
    us = report["us_per_step"]
    assert 0 < report["calls_outside"] <= 18
    assert 0.0 < us["link"] < 0.005 * us["flight"]
    assert 0.0 < us["ground"] < 0.25 * us["flight"]
    assert report["link_and_ground_us"] == pytest.approx(us["link"] + us["ground"])
    assert us["flight"] > us["black box"] > 0.0
    assert len(link.lines(report)) == 7


def test_outside_contact_link_and_ground_are_within_their_limit() -> None:
    """The limit is 0.2 µs a step, which is 4 % of the flight side's 4.6 to 5 µs; measured are 1.7 to 2.4 %,
    of two hours. As a share of processor time, and the best of three: others on the machine can only make it
    worse.
    """
    shares = []
    while len(shares) < 3 and min(shares, default=1.0) >= LINK_AND_GROUND_SHARE:
        shares.append(link.measure(2.0, 1)["share_of_flight"]["link and ground"])
    assert min(shares) < LINK_AND_GROUND_SHARE, shares


def test_contact_is_counted_once_where_stations_overlap() -> None:
    class Flown:
        tick = 1_000
        contacts = ContactLog(2)

    flown = Flown()
    for tick, mask in ((100, 1), (150, 3), (200, 2), (260, 0), (900, 1)):
        flown.contacts.note(tick, mask)
    assert link.ticks_in_contact(flown) == (260 - 100) + (1_000 - 900)  # type: ignore[arg-type]


def test_memory_that_was_held_for_a_moment_is_seen() -> None:
    before_mb = month.resident_mb()
    with month.most_resident() as most:
        held = bytearray(b"x" * 100_000_000)
        time.sleep(10 * month.SAMPLE_S)
        del held
    assert 90.0 < most.mb - before_mb < 400.0


def test_memory_is_sampled_day_by_day() -> None:
    """Three days of a minute each, and the end of the run."""
    flown = month.fly(3, 60 * 10**9)
    rows = flown.days
    assert [row["day"] for row in rows] == [1, 2, 3]
    assert all(10.0 < row["resident_mb"] < 1_000.0 for row in rows)
    assert min(flown.flying_mb_max, flown.ending_mb_max) > 10.0
    assert flown.folder_mb > 1.0, "the report alone is larger"
    assert rows[0]["files_mb"] < rows[2]["files_mb"], "the black box goes on"
    assert month.growth_mb_a_day([{"day": day, "resident_mb": 100.0 + 2.0 * day} for day in range(9)], 3) == (
        pytest.approx(2.0)
    )
    with pytest.raises(ValueError, match="two days"):
        month.growth_mb_a_day(rows, 2)
