"""The plant as a whole: determinism, snapshots, the halves of its state, its C functions, contacts."""

from __future__ import annotations

import ctypes
import math
from types import SimpleNamespace

import numpy as np
import pytest
from numba import njit
from numba.core.runtime import _nrt_python
from skyfield.api import load, wgs84

from sim.faults import fault_row
from sim.records import CONTROL_FIELDS, CONTROL_OCTETS, STATE_DTYPE

SITE = {"latitude_deg": 78.23, "longitude_deg": 15.39, "altitude_m": 450.0, "elevation_mask_deg": 10.0}
TUMBLE = {"rate_body_rad_s": tuple(np.radians([3.0, -2.0, 4.0]))}


def _run(plant, command, ticks):
    frames = []
    for _ in range(ticks):
        plant.step(command)
        frames.append(plant.sensor_frame.tobytes())
    return frames


@pytest.mark.requirement("S2")
def test_same_seed_gives_the_same_bytes_and_another_seed_others(make_plant, command):
    command["wheel_torque_n_m"] = (0.001, -0.002, 0.003, 0.0)
    first = make_plant(seed=5, initial=TUMBLE)
    again = make_plant(seed=5, initial=TUMBLE)
    other = make_plant(seed=6, initial=TUMBLE)
    assert _run(first, command, 120) == _run(again, command, 120)
    assert first.state_bytes() == again.state_bytes()
    assert _run(first, command, 1) != _run(other, command, 1)


def test_snapshot_restored_into_another_plant_runs_on_alike(make_plant, command):
    fault = fault_row("gyro_stuck", "gyro.1", 5_000_000_000, 6_000_000_000, {})
    rng = np.random.default_rng(1)
    plant = make_plant(seed=5, initial=TUMBLE, faults=[fault])
    twin = make_plant(seed=5, initial=TUMBLE, faults=[fault])
    for _ in range(8):
        _run(plant, command, int(rng.integers(1, 25)))
        twin.restore(plant.state_bytes())
        ahead = _run(plant, command, 30)
        assert _run(twin, command, 30) == ahead
        assert twin.state_bytes() == plant.state_bytes()


def test_snapshot_of_another_length_is_refused(make_plant):
    plant = make_plant()
    with pytest.raises(ValueError, match="octets"):
        plant.restore(plant.state_bytes()[:-1])


def test_account_half_decides_nothing(make_plant, command):
    command["torquer_dipole_body_a_m2"] = (3.0, -3.0, 5.0)
    plant, scrambled = make_plant(seed=2, initial=TUMBLE), make_plant(seed=2, initial=TUMBLE)
    rng = np.random.default_rng(3)
    raw = scrambled.state.view(np.uint8)
    for _ in range(40):
        raw[CONTROL_OCTETS:] = rng.integers(0, 256, raw.size - CONTROL_OCTETS, dtype=np.uint8)
        plant.step(command)
        scrambled.step(command)
        assert plant.sensor_frame.tobytes() == scrambled.sensor_frame.tobytes()
        assert plant.control_bytes() == scrambled.control_bytes()


def test_state_is_whole_numbers_and_doubles_without_padding():
    for name in STATE_DTYPE.names or ():
        assert STATE_DTYPE[name].base in (np.dtype("<i8"), np.dtype("<f8")), name
    assert sum(STATE_DTYPE[name].itemsize for name in STATE_DTYPE.names or ()) == STATE_DTYPE.itemsize
    assert np.dtype(CONTROL_FIELDS).itemsize == CONTROL_OCTETS


def test_functions_by_address_do_what_the_methods_do(make_plant, command):
    by_method, by_address = make_plant(seed=4), make_plant(seed=4)
    step = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(
        by_address.step_address
    )
    frame = np.zeros_like(by_address.sensor_frame)
    for _ in range(5):
        mask = step(by_address.context, command.ctypes.data, frame.ctypes.data)
        assert mask == by_method.step(command)
    assert frame.tobytes() == by_method.sensor_frame.tobytes()
    assert by_address.state.tobytes() == by_method.state.tobytes()


@pytest.mark.parametrize("tick_ns", [10_000_000, 100_000_000, 200_000_000])
def test_every_tick_length_flies_the_same_orbit(make_plant, command, tick_ns):
    # The integrator's start shifts the position by h²/12 of the perturbation: 3e-5 m at 200 ms.
    plant = make_plant(tick_ns=tick_ns)
    reference = make_plant(tick_ns=100_000_000)
    for _ in range(10_000_000_000 // tick_ns):
        plant.step(command)
    for _ in range(100):
        reference.step(command)
    assert int(plant.state["time_ns"][0]) == 10_000_000_000
    offset = plant.state["position_gcrf_m"][0] - reference.state["position_gcrf_m"][0]
    assert np.linalg.norm(offset) < 1e-4


@pytest.mark.requirement("L2.1")
def test_contact_mask_against_skyfield(make_plant, command, geometry):
    # Elevation by skyfield from the plant's own GCRF position; both use IAU 2000A/2006 and the same UT1, so
    # that they agree to the interpolation of the orientation (1e-4 deg asked here, which at 0.06 deg/s is 2
    # ms).
    site = SimpleNamespace(**SITE)
    plant = make_plant(stations=[site], tick_ns=1_000_000_000)
    ground = wgs84.latlon(site.latitude_deg, site.longitude_deg, site.altitude_m)
    scale = load.timescale(builtin=True)
    seen = 0
    for second in range(1, 5800):
        mask = plant.step(command)
        if second % 60 and not mask:
            continue
        time = scale.from_datetime(geometry.epoch)
        time = scale.tt_jd(time.whole, time.tt_fraction + second / 86400.0)
        relative = plant.state["position_gcrf_m"][0] - ground.at(time).xyz.m
        up = ground.rotation_at(time)[2]
        sine = relative @ up / np.linalg.norm(relative)
        assert math.degrees(math.asin(plant.state["elevation_sin"][0][0])) == pytest.approx(
            math.degrees(math.asin(sine)), abs=1e-4
        )
        assert bool(mask) == (sine >= math.sin(math.radians(10.0)))
        seen += mask
    assert seen > 60, "no pass over Svalbard within an orbit: the test saw nothing"


def test_too_many_stations_and_bad_charge_are_refused(make_plant):
    site = SimpleNamespace(latitude_deg=0.0, longitude_deg=0.0, altitude_m=0.0, elevation_mask_deg=5.0)
    with pytest.raises(ValueError, match="at most 16"):
        make_plant(stations=[site] * 17)
    with pytest.raises(ValueError, match="battery_state_of_charge"):
        make_plant(initial={"battery_state_of_charge": math.nan})


@njit
def _allocating(count):
    return np.zeros(count)


def test_step_allocates_nothing(make_plant, command):
    # Numba counts what compiled code allocates: one array in the step or the row of truth would show.
    plant = make_plant(initial=TUMBLE, stations=[SimpleNamespace(**SITE)])
    _allocating(3)
    _nrt_python.memsys_enable_stats()
    try:
        before = _nrt_python.memsys_get_stats_alloc()
        for _ in range(20):
            plant.step(command)
            plant.truth_row(command)
        assert _nrt_python.memsys_get_stats_alloc() == before
        _allocating(3)
        assert _nrt_python.memsys_get_stats_alloc() > before
    finally:
        _nrt_python.memsys_disable_stats()
