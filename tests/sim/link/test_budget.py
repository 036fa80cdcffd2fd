"""The link budget against published ones and against closed forms, Doppler and geometry against skyfield.

Published budgets are rounded to 0.1 dB in each term: 0.15 dB in a free-space loss, 0.3 dB in a sum of six.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from skyfield.api import wgs84
from skyfield.positionlib import Geocentric

from sim.environment.ephemeris import skyfield_times
from sim.link import Budget, Channel, Patch
from sim.link.budget import BOLTZMANN_DBW_K_HZ, bit_error_rate, doppler_hz, ebn0_db, free_space_loss_db
from sim.plant import Plant


class Place(NamedTuple):
    """A station as the plant takes it."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    elevation_mask_deg: float


def channel(**changes: float) -> Channel:
    values = {
        "frequency_hz": 2250e6,
        "rate_bit_s": 1e6,
        "eirp_dbw": 8.0,
        "g_t_db_k": 8.0,
        "losses_db": 1.5,
        "implementation_db": 1.5,
        "code_gain_db": 5.0,
    }
    return Channel(**{**values, **changes})


@pytest.mark.parametrize(
    ("frequency_mhz", "range_km", "loss_db"),
    [
        # NOAA, EMWIN-N link budget (www.nws.noaa.gov/emwin/emwin-n-link-budget.htm), 5 degrees elevation.
        (2034.70, 41127.0, 190.9),
        (1692.70, 41127.0, 189.3),
        # FCC, SAT-LOI-20110809-00148, telemetry on station; geostationary, at the station's zenith distance.
        (19700.5, 39000.0, 210.2),
    ],
)
def test_free_space_loss_against_published_budgets(
    frequency_mhz: float, range_km: float, loss_db: float
) -> None:
    assert free_space_loss_db(range_km * 1e3, frequency_mhz * 1e6) == pytest.approx(loss_db, abs=0.15)


@pytest.mark.requirement("L2.1")
def test_budget_against_noaa_emwin_n() -> None:
    """Both ways of NOAA's EMWIN-N budget: C/N0 of 69.1 and 53.2 dBHz, and 13.4 dB of Eb/N0 at 9,600 bit/s in
    the downlink (13.3 with the uplink's noise, which it carries along).
    """
    up = channel(
        frequency_hz=2034.70e6,
        rate_bit_s=1.0,
        eirp_dbw=46.7,
        g_t_db_k=-14.2,
        losses_db=0.5 + 0.4 + 0.2,
    )
    assert ebn0_db(up, 41127e3, 1.0, 0.0) == pytest.approx(69.1, abs=0.3)
    down = channel(
        frequency_hz=1692.70e6, rate_bit_s=9600.0, eirp_dbw=14.8, g_t_db_k=-0.3, losses_db=0.4 + 0.2
    )
    assert ebn0_db(down, 41127e3, 1.0, 0.0) == pytest.approx(53.2 - 39.8, abs=0.3)


def test_boltzmann_and_atmosphere() -> None:
    assert pytest.approx(10.0 * math.log10(1.380649e-23), abs=1e-3) == BOLTZMANN_DBW_K_HZ
    clear, through = (ebn0_db(channel(), 1e6, math.sin(math.radians(10.0)), db) for db in (0.0, 0.5))
    assert clear - through == pytest.approx(0.5 / math.sin(math.radians(10.0)))


@pytest.mark.parametrize(
    ("effective_db", "rate"),
    # Proakis, Digital Communications (2001), figure 5.2-4: BPSK needs 9.6 dB for 1e-5 and 10.5 dB for 1e-6.
    [(9.588, 1e-5), (10.530, 1e-6), (6.79, 1e-3)],
)
def test_bit_errors_of_bpsk(effective_db: float, rate: float) -> None:
    one = channel(implementation_db=1.5, code_gain_db=5.0)
    assert bit_error_rate(one, effective_db - 3.5) == pytest.approx(rate, rel=0.02)


def test_patch_falls_off_to_its_back_lobe() -> None:
    patch = Patch(peak_dbi=6.5, beamwidth_rad=math.radians(80.0), back_dbi=-10.0)
    assert patch.gain_dbi(1.0) == 6.5
    assert patch.gain_dbi(math.cos(math.radians(40.0))) == pytest.approx(3.5)  # half of the beam width
    assert patch.gain_dbi(-1.0) == -10.0
    gains = [patch.gain_dbi(math.cos(angle)) for angle in np.linspace(0.0, math.pi, 50)]
    assert gains == sorted(gains, reverse=True)


def test_opposed_patches() -> None:
    """The transmitter's patch is the one chosen; the receivers' is the better one."""
    both = Budget(tm=channel(), tc=channel())
    view = (1e6, 0.5)
    assert both.tm_ebn0_db(0, *view, 0.9, 0) == both.tm_ebn0_db(0, *view, -0.9, 1)
    assert both.tm_ebn0_db(0, *view, 0.9, 0) - both.tm_ebn0_db(0, *view, 0.9, 1) > 10.0
    assert both.tc_ebn0_db(0, *view, 0.9) == both.tc_ebn0_db(0, *view, -0.9)
    better = Budget(tm=channel(), tc=channel(), station_g_t_db_k=(8.0, 20.0), station_eirp_dbw=(8.0, 3.0))
    assert better.tm_ebn0_db(1, *view, 0.9, 0) - both.tm_ebn0_db(1, *view, 0.9, 0) == pytest.approx(12.0)
    assert better.tc_ebn0_db(1, *view, 0.9) - both.tc_ebn0_db(1, *view, 0.9) == pytest.approx(-5.0)


@pytest.mark.requirement("L2.1")
def test_views_against_skyfield(
    make_plant: Callable[..., Plant], command: Any, geometry: SimpleNamespace
) -> None:
    """Range within a metre and range rate within 5 mm/s of skyfield's wgs84 (another Earth orientation: 0.1"
    at 2,000 km is a metre), elevation within 1e-6; Doppler at 2,250 MHz follows within 0.05 Hz.
    """
    place = Place(25.997, -97.157, 2.0, 10.0)
    plant = make_plant(stations=[place])
    site = wgs84.latlon(place.latitude_deg, place.longitude_deg, place.altitude_m)
    for _ in range(40):
        for _ in range(100):
            plant.step(command)
        state = plant.state[0]
        time = skyfield_times(geometry.epoch, np.array([state["time_ns"] / 1e9]))[0]
        satellite = Geocentric(
            state["position_gcrf_m"] / 149597870700.0,
            state["velocity_gcrf_m_s"] / 149597870700.0 * 86400.0,
            t=time,
            center=399,
        )
        elevation, _, distance, _, _, rate = (satellite - site.at(time)).frame_latlon_and_rates(site)
        view = plant.views()[0]
        assert view.range_m == pytest.approx(distance.m, abs=1.0)
        assert view.range_rate_m_s == pytest.approx(rate.m_per_s, abs=5e-3)
        assert view.sine_elevation == pytest.approx(math.sin(elevation.radians), abs=1e-6)
        shift = -rate.m_per_s / 299792458.0 * 2250e6
        assert doppler_hz(view.range_rate_m_s, 2250e6) == pytest.approx(shift, abs=0.05)


def test_boresight_turns_with_the_body(make_plant: Callable[..., Plant], command: Any) -> None:
    """The cosine is that of body +z against the station in GCRF, worked out from matrices."""
    plant = make_plant(stations=[Place(10.0, 20.0, 0.0, 0.0)], initial={"rate_body_rad_s": (0.1, 0.0, 0.05)})
    for _ in range(200):
        plant.step(command)
    state, model = plant.state[0], plant.model[0]
    rotation = state["environment"][6:15].reshape(3, 3)
    line = rotation.T @ model["station_itrs_m"][0] - state["position_gcrf_m"]
    w, x, y, z = state["quaternion_body_from_gcrf"]
    body_z_in_gcrf = np.array([2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)])
    expected = float(line @ body_z_in_gcrf / np.linalg.norm(line))
    assert plant.views()[0].cosine_boresight == pytest.approx(expected, abs=1e-7)
