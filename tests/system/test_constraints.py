"""The constraints that no software can argue with, as they come out of a day of first-contact.

None of these numbers is put in: they follow from the orbit, the geometry and the spacecraft. Truth has one
row a second, which is the tolerance of every time below.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from safehold.result import Result

MINUTE_S = 60.0


def column(day: Result, name: str) -> NDArray[Any]:
    return np.asarray(day.truth[name])


def runs(condition: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lengths, in rows, of the stretches on which a condition holds, those cut by either end left out."""
    edges = np.diff(condition.astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    ends = ends[ends > starts[0]]
    return ends - starts[: len(ends)]


@pytest.mark.requirement("C1")
def test_an_orbit_takes_95_minutes_and_35_of_them_are_dark(day: Result) -> None:
    """95.6 min from node to node; the shadow's cylinder gives 35.4 min at beta 15°, 35.7 at 0."""
    z = column(day, "position_gcrf_z_m")
    nodes = np.flatnonzero((z[:-1] < 0.0) & (z[1:] >= 0.0))
    assert len(nodes) == pytest.approx(15, abs=1)
    assert np.diff(nodes).mean() / MINUTE_S == pytest.approx(95.6, abs=0.2)
    dark = runs(column(day, "illumination") < 0.5) / MINUTE_S
    assert len(dark) >= 14
    assert (dark > 34.0).all()
    assert (dark < 36.0).all()


@pytest.mark.requirement("C3")
def test_contact_is_short_and_rare(day: Result) -> None:
    """At 550 km above 10° of elevation a pass lasts at most 8.5 min; 8 % of the day at three stations."""
    passes = day.document["passes"]
    lengths = [one["los_s"] - one["aos_s"] for one in passes]
    assert len(lengths) > 10
    assert max(lengths) < 8.5 * MINUTE_S
    assert sum(lengths) / 86_400.0 == pytest.approx(0.08, abs=0.01)


@pytest.mark.requirement("C5")
def test_power_is_what_the_arrays_and_the_loads_make_it(day: Result) -> None:
    """200 W at normal incidence and 1 au; in June the Sun gives 3 % less, and 93 % reach the bus: 180 W.

    80 W of standby load; 40 W of payload and 30 W of transmitter when an image is taken in contact. The
    wheels take up to 1 W more as they turn.
    """
    assert column(day, "array_power_w").max() == pytest.approx(180.0, abs=5.0)
    standby = column(day, "flight_mode") == 4
    load = column(day, "bus_power_w")[standby]
    assert 75.0 < np.median(load) < 90.0
    assert column(day, "bus_power_w").max() == pytest.approx(150.0, abs=1.0)
