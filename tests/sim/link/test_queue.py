"""The link's queues: latency, rate, windows, carrier, and that nothing depends on how often it is asked.

Arrival times are exact: they are integer arithmetic. 1,115 octets at 1 Mbit/s last 8.92 ms.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flight.frames import Delivery, Uplink
from sim.link import NEVER, Link, LinkConfig

TICK_NS = 100_000_000
CONFIG = LinkConfig(TICK_NS, 240_000_000, 3)
FRAME = bytes(range(256)) * 4 + bytes(91)


@pytest.mark.requirement("C2")
def test_a_tm_frame_arrives_after_its_time_on_the_air_and_the_latency() -> None:
    link = Link(CONFIG)
    link.set_contact(10, 0b101)
    link.send_down(10, FRAME)
    link.send_down(10, FRAME[::-1])
    assert link.next_arrival_down_tick() == 13
    assert link.next_arrival_down_tick(FRAME[::-1].__eq__) == 13
    assert link.next_arrival_down_tick(b"another".__eq__) == NEVER
    link.set_contact(12, 0b101)
    assert link.deliver_down(12) == []
    assert link.deliver_down(13) == [
        Delivery(1_248_920_000, 0, FRAME),
        Delivery(1_248_920_000, 2, FRAME),
        Delivery(1_257_840_000, 0, FRAME[::-1]),
        Delivery(1_257_840_000, 2, FRAME[::-1]),
    ]
    assert link.next_arrival_down_tick() == NEVER


def with_carrier(station: int = 1) -> Link:
    link = Link(CONFIG)
    link.set_contact(0, 0b111)
    link.send_up(Uplink(0, station, "carrier_on"))
    assert link.next_arrival_up_tick() == 3
    assert link.deliver_up(3) == []
    return link


@pytest.mark.requirement("C2")
def test_a_tc_frame_arrives_after_its_time_on_the_air_and_the_latency() -> None:
    link = with_carrier()
    # 250 octets at 64 kbit/s last 31.25 ms; the second waits for the first.
    for _ in range(2):
        link.send_up(Uplink(1_000_000_000, 1, "frame", bytes(250)))
    assert link.next_arrival_up_tick() == 13
    assert link.deliver_up(13) == [bytes(250)]
    assert link.deliver_up(14) == [bytes(250)]


def test_receiver_locks_to_the_carrier_of_a_station_that_sees_it() -> None:
    link = with_carrier(station=1)
    assert link.receiver_lock(3)
    assert not link.receiver_lock(-1)
    link.set_contact(20, 0b101)
    assert not link.receiver_lock(20)
    link.set_contact(30, 0b010)
    assert link.receiver_lock(30)
    link.send_up(Uplink(3_000_000_000, 1, "carrier_off"))
    assert link.receiver_lock(32)
    assert link.deliver_up(33) == []
    assert not link.receiver_lock(33)


@pytest.mark.requirement("L2.1")
def test_what_is_in_flight_at_loss_of_signal_is_lost() -> None:
    link = with_carrier()
    link.send_down(50, FRAME)
    link.send_up(Uplink(5_000_000_000, 1, "frame", FRAME[:20]))
    link.set_contact(52, 0b000)
    assert link.deliver_down(60) == []
    assert link.deliver_up(60) == []
    assert link.counters["down_loss_of_signal_bytes"] == 1115
    assert link.counters["up_loss_of_signal_bytes"] == 20
    # Seen again in between makes no difference: the frame was cut.
    link.set_contact(70, 0b111)
    link.send_down(70, FRAME)
    link.set_contact(71, 0b000)
    link.set_contact(72, 0b111)
    assert link.deliver_down(80) == []


@pytest.mark.requirement("L2.1")
def test_without_contact_nothing_is_carried() -> None:
    link = Link(CONFIG)
    link.send_down(5, FRAME)
    link.send_up(Uplink(500_000_000, 0, "frame", FRAME[:20]))
    link.set_contact(7, 0b111)
    assert link.next_arrival_down_tick() == NEVER
    assert link.deliver_down(20) == []
    assert link.deliver_up(20) == []
    assert link.counters["down_no_contact_frames"] == 1
    assert link.counters["up_no_contact_frames"] == 1


def test_without_a_carrier_no_tc_frame_is_carried() -> None:
    link = with_carrier(station=1)
    link.send_up(Uplink(1_000_000_000, 0, "frame", FRAME[:20]))
    assert link.deliver_up(20) == []
    assert link.counters["up_no_carrier_frames"] == 1


def test_more_than_the_rate_carries_is_lost_after_a_second() -> None:
    link = Link(CONFIG)
    link.set_contact(0, 1)
    for _ in range(200):
        link.send_down(0, FRAME)
    # 1 s of backlog holds 112 frames of 8.92 ms, and the one that starts within it.
    assert len(link.deliver_down(100)) == 113
    assert link.counters["down_rate_frames"] == 87


@pytest.mark.parametrize(
    ("tick_ns", "latency_ns", "stations", "message"),
    [
        (TICK_NS, TICK_NS - 1, 1, "at least one tick"),
        (0, TICK_NS, 1, "positive"),
        (TICK_NS, TICK_NS, 63, "0 to 62 stations"),
    ],
)
def test_a_link_that_cannot_be_is_refused(tick_ns: int, latency_ns: int, stations: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LinkConfig(tick_ns, latency_ns, stations)


def test_wrong_use_is_refused() -> None:
    link = with_carrier()
    link.set_contact(9, 0)
    with pytest.raises(ValueError, match="contact at tick 8 told after tick 9"):
        link.set_contact(8, 1)
    with pytest.raises(ValueError, match="station 3 of 3"):
        link.send_up(Uplink(0, 3, "carrier_on"))
    with pytest.raises(ValueError, match="another number of stations"):
        Link.from_bytes(LinkConfig(TICK_NS, TICK_NS, 2), link.to_bytes())


def test_a_frame_that_is_asked_for_an_orbit_later_is_judged_as_if_at_once() -> None:
    digests = []
    for asked in (13, 60_000):
        link = Link(CONFIG)
        link.set_contact(0, 0b001)
        link.send_down(10, FRAME)
        link.send_down(2_000, FRAME)
        for tick, mask in ((2_001, 0), (50_000, 0b001), (50_001, 0), (60_000, 0b001)):
            link.set_contact(tick, mask)
            if asked == 13:
                link.deliver_down(tick)
        link.deliver_down(60_000)
        assert link.counters["down_delivered_frames"] == 1
        assert link.counters["down_loss_of_signal_frames"] == 1
        digests.append((link.digest(), link.to_bytes()))
    assert digests[0] == digests[1]


Script = list[tuple[int, str, int]]

scripts = st.lists(
    st.tuples(
        st.integers(0, 120),
        st.sampled_from(["contact", "down", "up", "carrier_on", "carrier_off"]),
        st.integers(0, 7),
    ),
    max_size=60,
).map(lambda steps: sorted(steps, key=lambda step: step[0]))


def play(script: Script, stops: set[int], *, snapshot: bool = False) -> tuple[object, ...]:
    """Runs a script of (tick, what, mask or station) and asks for arrivals at the stops; both in order of
    ticks.
    """
    link = Link(CONFIG)
    up: list[bytes] = []
    down: list[Delivery] = []
    locks: list[bool] = []
    for tick in range(131):
        here = [step for step in script if step[0] == tick]
        for _, what, value in here:
            if what == "contact":
                link.set_contact(tick, value)
        for number, (_, what, value) in enumerate(here):
            content = bytes([tick, number]) * (50 * value + 1)
            if what == "down":
                link.send_down(tick, content)
            elif what == "up":
                link.send_up(Uplink(tick * TICK_NS, value % 3, "frame", content[:256]))
            elif what != "contact":
                link.send_up(Uplink(tick * TICK_NS, value % 3, what))  # type: ignore[arg-type]
        if tick in stops or tick == 130 or link.next_arrival_up_tick() <= tick or here:
            down += link.deliver_down(tick)
            up += link.deliver_up(tick)
        if snapshot:
            link = Link.from_bytes(CONFIG, link.to_bytes())
        locks.append(link.receiver_lock(tick))
    return up, down, locks, link.digest(), link.to_bytes(), link.counters


@given(scripts, st.sets(st.integers(0, 130), max_size=40))
def test_nothing_depends_on_how_often_it_is_asked(script: Script, stops: set[int]) -> None:
    assert play(script, set()) == play(script, stops)


@given(scripts)
def test_state_restored_at_every_tick_goes_on_the_same(script: Script) -> None:
    assert play(script, set()) == play(script, set(), snapshot=True)


@pytest.mark.requirement("L2.1", "L2.6")
@given(scripts)
def test_no_byte_outside_a_window_and_none_unaccounted(script: Script) -> None:
    _, down, _, _, _, counters = play(script, set())
    masks, mask = [], 0
    for tick in range(131):
        for when, what, value in script:
            mask = value if what == "contact" and when == tick else mask
        masks.append(mask)
    assert isinstance(down, list)
    assert isinstance(counters, dict)
    for arrival_ns, station, frame in down:
        arrived = -(-arrival_ns // TICK_NS)
        departed = (arrival_ns - CONFIG.latency_ns - 8_000 * len(frame)) // TICK_NS
        assert all(masks[tick] >> station & 1 for tick in range(departed, arrived + 1))
    sent = sum(what == "down" for _, what, _ in script)
    assert sent == sum(
        n for name, n in counters.items() if name.startswith("down") and name.endswith("frames")
    )
