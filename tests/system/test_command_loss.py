"""The command-loss timer: an authentic telecommand starts it anew, not a carrier, nor frames of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from flight.packets import encode_command, encode_tc_packet
from flight.tc_frames import TcFrame, set_expected_frame
from safehold.run import adjusted
from safehold.scenario import load
from safehold.simulation import Simulation
from tests.uplink import repaired, sealed, sealed_frame, sealed_ping

TIMEOUT_S = 600.0
TICKS_A_SECOND = 10
SAFE, STANDBY = 3, 4
PING = encode_tc_packet(encode_command("ping", {}, sequence=7))
BEYOND_WINDOW = 120


@pytest.fixture
def satellite() -> Iterator[Simulation]:
    """In service, with nobody on the ground but who the test is, and ten minutes of patience."""
    plain = adjusted(load("in-service"), seed=None, duration="60m")
    flight = plain.flight.model_copy(update={"parameters": {"contact_timeout_s": TIMEOUT_S}})
    simulation = Simulation(plain.model_copy(update={"flight": flight, "station": [], "command": []}))
    try:
        in_standby(simulation)
        yield simulation
    finally:
        simulation.close()


def run(satellite: Simulation, seconds: int, frames: list[bytes]) -> int:
    """The mode after so many seconds, in the first tick of which the frames arrive."""
    until = satellite.driver.tick + seconds * TICKS_A_SECOND
    while satellite.driver.tick < until:
        satellite.driver.run(until, frames)
        frames = []
        satellite.driver.downlink()
    mode: int = satellite.computer.telemetry()["mode"]
    return mode


def in_standby(satellite: Simulation) -> None:
    """It commissions itself, while somebody keeps calling."""
    satellite.plant.state["receiver_lock"][0] = 0
    for _ in range(100):
        if run(satellite, 60, [sealed_ping()]) == STANDBY:
            return
    raise AssertionError("STANDBY was not reached")


def safe_after(satellite: Simulation, uplink: Callable[[int], list[bytes]], most_s: int = 2_000) -> int:
    """Seconds under a carrier until the satellite is in SAFE; `uplink` makes what is radiated in each."""
    satellite.plant.state["receiver_lock"][0] = 1
    assert run(satellite, 1, [sealed_ping()]) == STANDBY
    for second in range(most_s):
        if run(satellite, 1, uplink(second)) == SAFE:
            return second
    return most_s


def _forged() -> bytes:
    return repaired(sealed(PING)[:-3] + bytes(3))


@pytest.mark.requirement("L3.4")
def test_a_carrier_alone_is_no_contact(satellite: Simulation) -> None:
    assert safe_after(satellite, lambda _: []) == pytest.approx(TIMEOUT_S, abs=3.0)


@pytest.mark.requirement("L3.4", "L3.7")
def test_frames_of_a_stranger_are_no_contact(satellite: Simulation) -> None:
    """Forged, replayed, of another key, noise: every second, and it goes to SAFE as if it heard nothing."""
    recorded = sealed_ping()
    satellite.driver.run(satellite.driver.tick + 1, [recorded])
    strangers = [_forged(), recorded, sealed(PING, key_id=2), b"\0" * 40]
    waited = safe_after(satellite, lambda second: [strangers[second % len(strangers)]])
    assert waited == pytest.approx(TIMEOUT_S, abs=3.0)


@pytest.mark.requirement("L3.4")
def test_an_authentic_telecommand_is_contact_and_leads_out(satellite: Simulation) -> None:
    waited = safe_after(satellite, lambda second: [sealed_ping()] if second == 300 else [])
    assert waited == pytest.approx(300 + TIMEOUT_S, abs=3.0)


@pytest.mark.requirement("L3.4")
def test_a_frame_that_farm_discards_is_no_contact(satellite: Simulation) -> None:
    """Authentic, but outside the window: commanding does not work, so the timer runs on."""
    satellite.driver.run(satellite.driver.tick + 1, [sealed_frame(set_expected_frame(0))])
    waited = safe_after(satellite, lambda _: [sealed_frame(TcFrame("AD", PING, BEYOND_WINDOW))])
    assert waited == pytest.approx(TIMEOUT_S, abs=3.0)
