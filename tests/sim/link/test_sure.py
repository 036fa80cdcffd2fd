"""For how long a carrier is certainly strong: no geometry that can be reached by then makes it weak."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flight.frames import Uplink
from sim.link import NEVER, Budget, Channel, Link, LinkConfig, Patch, View
from sim.link.impairments import impairment
from sim.link.signal import SPEED_MOST_M_S, Signal

TICK_NS = 100_000_000
TC = Channel(
    frequency_hz=2071.875e6,
    rate_bit_s=64e3,
    eirp_dbw=40.0,
    g_t_db_k=-28.8,
    losses_db=1.5,
    implementation_db=1.5,
    code_gain_db=0.0,
)
BUDGET = Budget(tm=TC, tc=TC)
CONFIG = LinkConfig(TICK_NS, 240_000_000, 2, budget=BUDGET)
ranges = st.floats(3e5, 4e6)
cosines = st.floats(-1.0, 1.0)


@pytest.mark.requirement("L2.6")
@given(ranges, cosines, st.floats(0.0, 1.0), cosines, cosines, st.floats(25.0, 45.0), st.floats(-15.0, 5.0))
def test_what_is_sure_a_look_would_find(
    range_m: float, cosine: float, when: float, away: float, turned: float, eirp: float, back: float
) -> None:
    """After any part of that time, at any speed and attitude, down to the horizon."""
    budget = replace(BUDGET, tc=replace(TC, eirp_dbw=eirp), patch=Patch(back_dbi=back))
    config = replace(CONFIG, budget=budget)
    sure_ns = Signal([View(range_m, 0.0, 0.9, cosine)]).sure_for_ns(config, 1, 0)
    then_m = range_m + away * SPEED_MOST_M_S * when * sure_ns * 1e-9
    assume(sure_ns > 0 and then_m > 0.0)
    then = Signal([View(then_m, 0.0, 0.0, turned)])
    assert then.strong_stations(config, 1, 0) == 1


def test_what_attenuation_or_distance_leaves_uncertain_is_looked_at_each_second() -> None:
    weak = impairment("link_attenuation", "link.up", 0, None, {"loss_db": 30.0})
    view = View(1e6, 0.0, 0.9, 1.0)
    assert Signal([view]).sure_for_ns(CONFIG, 1, 0) > 60_000_000_000
    assert Signal([view]).sure_for_ns(replace(CONFIG, impairments=(weak,)), 1, 0) == 0
    assert Signal([view, View(1e8, 0.0, 0.9, 1.0)]).sure_for_ns(CONFIG, 0b11, 0) == 0
    assert Signal([view, View(1e8, 0.0, 0.9, 1.0)]).sure_for_ns(CONFIG, 0b01, 0) > 0


@pytest.mark.parametrize(("loss_db", "next_tick"), [(0.0, None), (30.0, 20)])
def test_the_link_asks_for_a_look_when_it_is_no_longer_sure(loss_db: float, next_tick: int | None) -> None:
    weak = impairment("link_attenuation", "link.up", 0, 5_000_000_000_000, {"loss_db": loss_db})
    link = Link(replace(CONFIG, impairments=(weak,)))
    assert link.next_look_tick(0) == NEVER
    link.set_contact(0, 0b01)
    link.send_up(Uplink(0, 0, "carrier_on"))
    link.look([View(1e6, 0.0, 0.9, 1.0)] * 2, 0)
    link.deliver_up(3)
    asked = link.next_look_tick(13)
    if next_tick is None:
        sure_ns = Signal([View(1e6, 0.0, 0.9, 1.0)]).sure_for_ns(link.config, 1, 1_300_000_000)
        assert 13 * TICK_NS + sure_ns < asked * TICK_NS <= 13 * TICK_NS + sure_ns + 1_000_000_000
        assert asked > 500
    else:
        assert asked == next_tick
