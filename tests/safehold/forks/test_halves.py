"""Control and account: what each hash sees, and what it must not see."""

from __future__ import annotations

import pytest

from flight.frames import Delivery, Uplink
from ground.process import InProcessGround
from safehold.forks.kept_ground import KeptGround
from safehold.forks.walker import Walker
from safehold.schema import Scenario
from safehold.simulation import Simulation
from sim.link import Link, LinkConfig
from tests.safehold.forks.conftest import CONTROL_BITS

TICK_NS = 100_000_000
CONTACT_TICK = 13_744


@pytest.fixture(scope="module")
def flown(base: Scenario) -> Walker:
    """A run in its first contact, frames under way."""
    walker = Walker(base)
    walker.walk_to(CONTACT_TICK + 400)
    return walker


def hashes(walker: Walker) -> tuple[bytes, bytes]:
    return walker.control_hash(), walker.whole_hash()


def test_account_of_all_replicas_is_not_control(flown: Walker) -> None:
    """Telemetry and queues, alike in all three, steer nothing; in one alone, the voter will answer it."""
    mark = flown.mark()
    control, whole = hashes(flown)
    native = flown.native_hash()
    computer = flown.simulation.computer
    for replica in range(3):
        computer.flip(replica, CONTROL_BITS + 40_000)
        assert (flown.native_hash() == native) == (replica == 2)
    assert flown.control_hash() == control
    assert flown.whole_hash() != whole
    flown.rewind(mark)
    assert hashes(flown) == (control, whole)


def test_control_of_replicas_is_control(flown: Walker) -> None:
    mark, native = flown.mark(), flown.native_hash()
    for replica in range(3):
        flown.simulation.computer.flip(replica, 4321)
    assert flown.native_hash() != native
    flown.rewind(mark)
    assert flown.native_hash() == native


def test_plants_account_is_not_control_but_bad_commands_are(flown: Walker) -> None:
    mark = flown.mark()
    control, whole = hashes(flown)
    state = flown.simulation.plant.state
    state["eclipse_ns"] += 1
    assert flown.control_hash() == control
    assert flown.whole_hash() != whole
    state["eclipse_ns"] -= 1
    for name in ("commands_not_finite", "position_gcrf_m", "receiver_lock"):
        flown.simulation.plant.state[name] += 1
        assert flown.control_hash() != control, name
        flown.simulation.plant.restore(mark.plant)
    flown.rewind(mark)
    assert hashes(flown) == (control, whole)


def test_books_of_the_verdict_are_control(flown: Walker) -> None:
    mark = flown.mark()
    control, whole = hashes(flown)
    flown.simulation.judge.tumbling_s += 1
    assert flown.control_hash() != control
    flown.rewind(mark)
    flown.simulation.uplink_octets_outside += 1
    assert flown.control_hash() != control
    flown.simulation.uplink_octets_outside -= 1
    assert hashes(flown) == (control, whole)


def test_rewound_run_goes_on_as_if_nothing_had_been(flown: Walker, base: Scenario) -> None:
    """Flown on for 20 s in contact, put back, flown on again: the hashes of a run that was never put back."""
    start = flown.tick
    mark = flown.mark()
    flown.walk_to(start + 200)
    once = hashes(flown), flown.digests()
    flown.rewind(mark)
    flown.walk_to(start + 200)
    assert (hashes(flown), flown.digests()) == once
    straight = Walker(base)
    straight.walk_to(start + 200)
    assert (hashes(straight), straight.digests()) == once
    simulation = Simulation(base, keep_truth=False)
    simulation.advance(start + 200)
    assert simulation.digests()["link"] == once[1]["link"]
    simulation.close()


def contact_link() -> Link:
    link = Link(LinkConfig(tick_ns=TICK_NS, latency_ns=240_000_000, station_count=2))
    link.set_contact(0, 0b11)
    return link


def test_links_control_is_when_and_where_not_what() -> None:
    one, other, later = contact_link(), contact_link(), contact_link()
    one.send_down(5, b"a" * 1115)
    other.send_down(5, b"b" * 1115)
    later.send_down(6, b"a" * 1115)
    assert one.control_bytes(6) == other.control_bytes(6) != later.control_bytes(6)
    assert one.to_bytes() != other.to_bytes()
    for link in (one, other):
        assert len(link.deliver_down(20)) == 2
    assert one.control_bytes(20) == other.control_bytes(20) == contact_link().control_bytes(20)
    one.set_contact(30, 0b01)
    assert one.control_bytes(30) != other.control_bytes(30)


def test_links_losses_are_control() -> None:
    one, other = contact_link(), contact_link()
    one.send_down(5, b"a" * 1115)
    for link in (one, other):
        link.set_contact(6, 0)
        link.deliver_down(50)
    assert one.control_bytes(50) != other.control_bytes(50)


def test_links_copy_goes_its_own_way() -> None:
    link = contact_link()
    link.send_up(Uplink(0, 1, "carrier_on"))
    link.send_down(5, b"a" * 1115)
    state = link.to_bytes()
    copy = link.copy()
    assert copy.to_bytes() == state
    copy.deliver_up(10)
    copy.deliver_down(10)
    copy.set_contact(12, 0)
    assert link.to_bytes() == state
    link.deliver_up(10)
    link.deliver_down(10)
    link.set_contact(12, 0)
    assert copy.to_bytes() == link.to_bytes()


def test_grounds_halves_together_are_its_state(base: Scenario) -> None:
    """Frames that say nothing new change account alone; the start of a pass changes control."""
    simulation = Simulation(base, keep_truth=False)
    ground = simulation.ground
    assert isinstance(ground, InProcessGround)
    control, account = ground.ground.control_bytes(), ground.ground.account_bytes()
    ground.exchange(10, [])
    assert (ground.ground.control_bytes(), ground.ground.account_bytes()) == (control, account)
    ground.exchange(20, [Delivery(11 * TICK_NS, 0, b"\0" * 1115)])
    assert ground.ground.control_bytes() == control
    assert ground.ground.account_bytes() != account
    ground.exchange(CONTACT_TICK + 10, [])
    assert ground.ground.control_bytes() != control
    simulation.close()


def test_kept_ground_is_written_down_only_if_it_is_spoken_to(
    base: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = Simulation(base, keep_truth=False)
    inner = simulation.ground
    assert isinstance(inner, InProcessGround)
    written = 0

    def to_bytes() -> bytes:
        nonlocal written
        written += 1
        return InProcessGround.to_bytes(inner)

    monkeypatch.setattr(inner, "to_bytes", to_bytes)
    ground = KeptGround(inner)
    digest, whole = ground.digest(), ground.whole_hash()
    ground.keep()
    ground.rewind()
    assert written == 0
    ground.keep()
    for tick in (100, CONTACT_TICK + 10, CONTACT_TICK + 20):
        ground.exchange(tick, [Delivery(tick * TICK_NS, 0, b"\0" * 1115)])
    assert ground.whole_hash() != whole
    assert written == 1
    ground.rewind()
    assert (ground.digest(), ground.whole_hash()) == (digest, whole)
    simulation.close()
