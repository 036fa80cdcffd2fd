"""What befalls frames: each impairment by itself, outages, and that the link still loses count of nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flight.frames import Uplink
from sim.faults import FaultError
from sim.link import NEVER, Budget, Channel, Link, LinkConfig, View
from sim.link.impairments import BOTH, DOWN, KINDS, UP, Impairment, cut, impairment, weather

TICK_NS = 100_000_000
FRAME = bytes(range(256)) * 4 + bytes(91)
ON_AIR_NS = 8_920_000
CHANNEL = Channel(
    frequency_hz=2250e6,
    rate_bit_s=1e6,
    eirp_dbw=8.0,
    g_t_db_k=8.0,
    losses_db=1.5,
    implementation_db=1.5,
    code_gain_db=5.0,
)
BUDGET = Budget(tm=CHANNEL, tc=CHANNEL)
NEAR = View(range_m=1e6, range_rate_m_s=0.0, sine_elevation=0.5, cosine_boresight=1.0)


def made(kind: str, target: str = "link.both", duration_ns: int | None = None, **keys: float) -> Impairment:
    return impairment(kind, target, 0, duration_ns, keys)


def link_with(*impairments: Impairment, **changes: object) -> Link:
    config = LinkConfig(TICK_NS, 240_000_000, 2, seed=5, impairments=impairments)
    link = Link(replace(config, **changes))  # type: ignore[arg-type]
    link.set_contact(0, 0b01)
    link.send_up(Uplink(0, 0, "carrier_on"))
    link.deliver_up(3)
    return link


def downlinked(link: Link, frames: int = 1000) -> list[bytes]:
    """The numbered frames that arrive of those sent, in the order of their arrival."""
    for number in range(frames):
        link.send_down(10 + number, number.to_bytes(4, "big") + FRAME[4:])
    return [one.frame for one in link.deliver_down(10_000)]


@pytest.mark.requirement("L2.6")
def test_loss() -> None:
    link = link_with(made("link_loss", share=0.3))
    arrived = downlinked(link)
    lost = link.counters["down_lost_frames"]
    assert len(arrived) + lost == 1000
    assert abs(lost - 300) < 5.0 * math.sqrt(1000 * 0.3 * 0.7)
    assert downlinked(link_with(made("link_loss", share=0.3))) == arrived
    assert downlinked(link_with(made("link_loss", share=0.3), seed=6)) != arrived
    assert len(downlinked(link_with(made("link_loss", "link.up", share=0.3)))) == 1000


def test_duplication() -> None:
    link = link_with(made("link_duplication", share=0.2))
    arrived = downlinked(link)
    again = link.counters["down_frames_repeated"]
    assert len(arrived) == 1000 + again
    assert abs(again - 200) < 5.0 * math.sqrt(1000 * 0.2 * 0.8)
    assert len(set(arrived)) == 1000


@pytest.mark.parametrize("frames", [1, 126])
def test_reordering_is_bounded(frames: int) -> None:
    """Frames sent back to back; none arrives after more than that many later ones."""
    link = link_with(made("link_reorder", share=0.5, frames=frames))
    for number in range(1000):
        link.send_down(10 + number * 9 // 100, number.to_bytes(4, "big") + FRAME[4:])
    numbers = [int.from_bytes(one.frame[:4], "big") for one in link.deliver_down(10_000)]
    assert sorted(numbers) == list(range(1000))
    assert numbers != sorted(numbers)
    overtaken = [sum(later > number for later in numbers[: numbers.index(number)]) for number in range(1000)]
    assert 0 < max(overtaken) <= frames


def test_reordering_of_the_window_or_more_is_refused() -> None:
    with pytest.raises(FaultError, match="126"):
        made("link_reorder", share=0.1, frames=127)


@pytest.mark.requirement("C2")
def test_jitter() -> None:
    link = link_with(made("link_jitter", jitter_ms=100.0))
    assert link.config.lookahead_ticks == 1
    for number in range(500):
        link.send_down(10 + 20 * number, FRAME)
    delays = [
        one.arrival_ns - (10 + 20 * number) * TICK_NS - ON_AIR_NS
        for number, one in enumerate(link.deliver_down(20_000))
    ]
    assert min(delays) >= 140_000_000
    assert max(delays) <= 340_000_000
    assert max(delays) - min(delays) > 190_000_000
    with pytest.raises(ValueError, match="less the jitter"):
        link_with(made("link_jitter", jitter_ms=141.0))


def test_burst() -> None:
    link = link_with(made("link_burst", share=1.0, bits=32))
    for number, frame in enumerate(downlinked(link, 100)):
        sent = number.to_bytes(4, "big") + FRAME[4:]
        turned = [
            bit for bit in range(8 * len(sent)) if (frame[bit >> 3] ^ sent[bit >> 3]) << (bit & 7) & 0x80
        ]
        assert turned
        assert turned[-1] - turned[0] < 32
    assert link.counters["down_frames_with_errors"] == 100


@pytest.mark.parametrize(
    ("target", "up", "down"), [("link.up", 0, 3), ("link.down", 3, 0), ("link.both", 0, 0)]
)
def test_outage(target: str, up: int, down: int) -> None:
    """Frames that are under way at any time of it are lost, and the receiver loses the carrier."""
    outage = impairment("link_outage", target, 2_000_000_000, 1_000_000_000, {})
    link = link_with(outage)
    for tick in (18, 25, 29):
        link.send_down(tick, FRAME)
        link.send_up(Uplink(tick * TICK_NS, 0, "frame", FRAME[:200]))
    assert link.next_look_tick(3) == (20 if target != "link.down" else NEVER)
    assert link.receiver_lock(19)
    assert link.receiver_lock(20) == (target == "link.down")
    assert link.receiver_lock(30)
    assert len(link.deliver_up(40)) == up
    assert len(link.deliver_down(40)) == down
    lost = link.counters["up_outage_frames"], link.counters["down_outage_frames"]
    assert lost == (3 - up, 3 - down)


def test_attenuation_takes_lock_and_bits() -> None:
    weak = link_with(made("link_attenuation", "link.down", loss_db=27.0), budget=BUDGET)
    weak.look([NEAR, NEAR], 0)
    sent = [number.to_bytes(4, "big") + FRAME[4:] for number in range(200)]
    arrived = downlinked(weak, 200)
    assert sum(a != b for a, b in zip(sent, arrived, strict=True)) > 100
    gone = link_with(made("link_attenuation", loss_db=60.0), budget=BUDGET)
    gone.look([NEAR, NEAR], 0)
    gone.deliver_up(10)
    assert not gone.receiver_lock(10)
    assert downlinked(gone, 5) == []
    assert gone.counters["down_weak_frames"] == 5
    gone.send_up(Uplink(5_000_000_000, 0, "frame", FRAME[:200]))
    assert gone.deliver_up(100) == []
    assert gone.counters["up_weak_frames"] == 1


def test_a_strong_link_turns_no_bit_and_the_wrong_patch_many() -> None:
    strong = link_with(budget=BUDGET)
    strong.look([NEAR, NEAR], 0)
    assert [frame[4:] for frame in downlinked(strong, 100)] == [FRAME[4:]] * 100
    far = replace(CHANNEL, g_t_db_k=-2.0)
    turned_away = link_with(budget=replace(BUDGET, tm=far))
    turned_away.look([NEAR, NEAR], 1)
    downlinked(turned_away, 100)
    assert turned_away.counters["down_frames_with_errors"] > 50


def test_weather_combines() -> None:
    acting = weather(
        (
            made("link_loss", share=0.5),
            made("link_loss", "link.up", share=0.5),
            made("link_attenuation", loss_db=3.0),
            made("link_attenuation", loss_db=4.0),
            made("link_jitter", jitter_ms=10.0),
            made("link_jitter", jitter_ms=20.0),
        ),
        UP,
        0,
    )
    assert acting.loss == pytest.approx(0.75)
    assert acting.attenuation_db == pytest.approx(7.0)
    assert acting.jitter_ns == 20_000_000
    over = Impairment(KINDS["link_outage"].id, BOTH, 100, 200)
    assert not cut((over,), DOWN, 0, 99)
    assert cut((over,), DOWN, 0, 100)
    assert cut((over,), UP, 199, 300)
    assert not cut((over,), UP, 200, 300)


@pytest.mark.parametrize(
    ("kind", "target", "keys", "key"),
    [
        ("link_loss", "link.both", {}, "share"),
        ("link_loss", "link.both", {"share": 1.5}, "share"),
        ("link_loss", "link.both", {"share": math.nan}, "share"),
        ("link_loss", "link.both", {"share": True}, "share"),
        ("link_loss", "link.sideways", {"share": 0.5}, "target"),
        ("link_outage", "link.up", {"share": 0.5}, "share"),
        ("link_melt", "link.up", {}, "kind"),
        ("link_attenuation", "link.up", {"loss_db": -1.0}, "loss_db"),
    ],
)
def test_what_makes_no_sense_is_refused(kind: str, target: str, keys: dict[str, object], key: str) -> None:
    with pytest.raises(FaultError) as caught:
        impairment(kind, target, 0, None, keys)
    assert caught.value.key == key


ALL = (
    made("link_loss", share=0.2),
    made("link_burst", share=0.2, bits=16),
    made("link_duplication", share=0.2),
    made("link_reorder", share=0.2, frames=5),
    made("link_jitter", jitter_ms=80.0),
    impairment("link_outage", "link.both", 6_000_000_000, 400_000_000, {}),
)


def played(script: list[tuple[int, int]], stops: set[int], *, snapshot: bool) -> tuple[object, ...]:
    """Frames (tick, kind: 0 down, 1 up, 2 contact lost, 3 contact) through everything at once."""
    config = LinkConfig(TICK_NS, 240_000_000, 2, seed=9, budget=BUDGET, impairments=ALL)
    link = Link(config)
    link.set_contact(0, 0b11)
    link.send_up(Uplink(0, 0, "carrier_on"))
    up: list[bytes] = []
    down: list[object] = []
    locks = []
    for tick in range(160):
        here = [kind for when, kind in script if when == tick]
        for kind in here:
            if kind >= 2:
                link.set_contact(tick, 0b11 if kind == 3 else 0)
        due = link.next_arrival_up_tick() <= tick or link.next_look_tick(tick - 1) == tick
        if tick in stops or due or here or tick == 159:
            link.look([NEAR, NEAR], 0)
            down += link.deliver_down(tick)
            up += link.deliver_up(tick)
        for number, kind in enumerate(here):
            if kind == 0:
                link.send_down(tick, bytes([tick, number]) * 300)
            elif kind == 1:
                link.send_up(Uplink(tick * TICK_NS, 0, "frame", bytes([tick, number]) * 50))
        if snapshot:
            link = Link.from_bytes(config, link.to_bytes())
        locks.append(link.receiver_lock(tick))
    return up, down, locks, link.digest(), link.to_bytes(), link.control_bytes(160), link.counters


scripts = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 3)), max_size=60).map(
    lambda steps: sorted(steps, key=lambda step: step[0])
)


@pytest.mark.requirement("L2.6")
@given(scripts, st.sets(st.integers(0, 159), max_size=40))
def test_nothing_depends_on_how_often_it_is_asked(script: list[tuple[int, int]], stops: set[int]) -> None:
    asked = played(script, stops, snapshot=False)
    assert asked == played(script, set(), snapshot=False)
    assert asked == played(script, set(), snapshot=True)
    counters = asked[-1]
    assert isinstance(counters, dict)
    for name, kind in (("down", 0), ("up", 1)):
        outcomes = sum(n for key, n in counters.items() if key.startswith(name) and key.endswith("_frames"))
        assert outcomes == sum(one == kind for _, one in script) + counters[f"{name}_frames_repeated"]
