"""The satellite's own prediction of its contacts, its antenna, and station tracking, against the plant.

An orbit filter with J2 alone is about 1 km off after some hours: 0.13 s along the orbit; 1 s leaves room for
the filter's velocity, 1 cm/s of which makes 0.2 s in four hours.
"""

from __future__ import annotations

import math

import pytest

from safehold.radio import station_table
from safehold.schema import Scenario
from safehold.simulation import Simulation
from tests.system.conftest import cut

EDGE_S = 1.0


@pytest.mark.requirement("L2.1")
def test_predicted_contacts_are_the_true_ones() -> None:
    """Nine hours: every contact after the orbit is known is predicted at least half an hour ahead, with both
    edges within a second, and the last prediction before a contact is as good.
    """
    simulation = Simulation(cut("first-contact", "9h"), keep_truth=False)
    said: list[tuple[int, int, int, int]] = []
    try:
        for minute in range(1, 9 * 60):
            simulation.advance(minute * 600)
            seen = simulation.computer.telemetry()
            if seen["next_contact_station"] != 255:
                said.append(
                    (
                        simulation.time_ns,
                        seen["next_contact_station"],
                        seen["next_contact_aos_ns"],
                        seen["next_contact_los_ns"],
                    )
                )
        windows = [
            one for one in simulation.contacts.windows(simulation.tick) if one.rise_seen and one.set_seen
        ]
    finally:
        simulation.close()
    known_ns = said[0][0]
    later = [one for one in windows if one.from_tick * simulation.tick_ns > known_ns]
    assert len(later) >= 5
    for window in later:
        aos_ns, los_ns = ((tick - 0.5) * simulation.tick_ns for tick in (window.from_tick, window.until_tick))
        about = [
            one
            for one in said
            if one[1] == window.station and abs(one[3] - los_ns) < 300e9 and one[0] < los_ns
        ]
        assert about
        assert aos_ns - about[0][0] > 1800e9
        for one in about:
            assert abs(one[2] - aos_ns) < EDGE_S * 1e9
            assert abs(one[3] - los_ns) < EDGE_S * 1e9
    # Nothing else was promised for the time that was flown.
    for _, station, aos_ns, los_ns in said:
        if los_ns < simulation.time_ns:
            assert any(
                station == window.station and abs(los_ns / simulation.tick_ns - window.until_tick) < 20
                for window in windows
            ), (station, aos_ns / 1e9)


def boresight_deg(
    scenario: Scenario, parameters: dict[str, int | float | bool]
) -> tuple[float, float, set[str]]:
    """The largest angle between the patch in use and the station in the middle of the second contact, the
    least Eb/N0 there, and the modes.
    """
    flight = scenario.flight.model_copy(update={"parameters": parameters})
    simulation = Simulation(scenario.model_copy(update={"flight": flight}), keep_truth=False)
    angles, strengths, modes = [], [], set()
    budget = simulation.link.config.budget
    assert budget is not None
    try:
        for second in (7240, 7300, 7400, 7480):
            simulation.advance(second * 10)
            antenna = int(simulation.plant.state["antenna"][0])
            view = simulation.plant.views()[1]
            cosine = -view.cosine_boresight if antenna else view.cosine_boresight
            angles.append(math.degrees(math.acos(cosine)))
            strengths.append(
                budget.tm_ebn0_db(1, view.range_m, view.sine_elevation, view.cosine_boresight, antenna)
            )
            modes.add(simulation.mode)
    finally:
        simulation.close()
    return max(angles), min(strengths), modes


@pytest.mark.requirement("L1.1")
def test_downlink_tracks_the_station_if_asked() -> None:
    """Nadir pointing leaves up to 65 degrees to the station; two minutes after acquisition, at 0.5 degrees a
    second, tracking has brought the patch onto it, worth 8 dB at the edge.
    """
    scenario = cut("first-contact", "2h6m")
    nadir_deg, nadir_db, modes = boresight_deg(scenario, {})
    assert modes == {"DOWNLINK"}
    assert 50.0 < nadir_deg < 66.0
    tracked_deg, tracked_db, modes = boresight_deg(scenario, {"downlink_tracking": 1})
    assert modes == {"DOWNLINK"}
    assert tracked_deg < 0.5
    assert tracked_db > nadir_db + 4.0


@pytest.mark.requirement("L3.5")
def test_without_attitude_both_patches_take_turns_and_the_ground_hears() -> None:
    """In the first contact the satellite tumbles: both patches are used, and hardly a frame is lost."""
    simulation = Simulation(cut("first-contact", "32m"), keep_truth=False)
    used = set()
    try:
        for second in range(1380, 1840, 5):
            simulation.advance(second * 10)
            used.add(int(simulation.plant.state["antenna"][0]))
        counters = simulation.link.counters
        assert used == {0, 1}
        assert counters["down_delivered_frames"] > 400
        assert counters["down_frames_with_errors"] <= 0.02 * counters["down_delivered_frames"]
        assert counters["down_weak_frames"] == 0
    finally:
        simulation.close()


def test_the_table_on_board_takes_eight_stations() -> None:
    simulation = Simulation(cut("first-contact", "1s"), keep_truth=False)
    simulation.close()
    table = station_table(simulation.sites * 4)
    assert table["station_count"] == 8
    assert len(table["station_latitude_rad"]) == 8
    few = station_table(simulation.sites)
    assert few["station_count"] == 3
    assert few["station_longitude_rad"][1] == pytest.approx(math.radians(simulation.sites[1].longitude_deg))
