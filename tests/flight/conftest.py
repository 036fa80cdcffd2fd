"""Sensor frames for the flight computer without a plant: a slow tumble with repeatable noise."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from flight.dictionary import SENSOR_DTYPE, load_native


def tumbling_frames(count: int, *, receiver_lock: bool = False) -> NDArray[np.uint8]:
    """`count` sensor frames of a tumble at 2 °/s in sunlight with a turning field, as octets (count, 464)."""
    frames = np.zeros(count, SENSOR_DTYPE)
    tick = np.arange(count)
    noise = np.frombuffer(hashlib.shake_256(b"gyro noise").digest(count * 12), np.uint8).reshape(count, 4, 3)
    frames["clock_ns"] = tick * 100_000_000
    frames["sequence"] = tick
    frames["gyro_rate_body_rad_s"] = np.array([0.02, -0.015, 0.02]) + 1e-6 * (noise.astype(float) - 127.5)
    angle = 0.003 * tick
    field = 3e-5 * np.stack([np.cos(angle), np.sin(angle), 0.5 * np.ones(count)], axis=1)
    frames["magnetometer_body_t"] = field[:, None, :]
    frames["sun_sensor"][:, [0, 6]] = np.clip(np.cos(angle), 0, 1)[:, None]
    frames["sun_sensor"][:, [1, 7]] = np.clip(-np.cos(angle), 0, 1)[:, None]
    frames["temperature_k"] = 290.0
    frames["bus_voltage_v"] = 28.0
    frames["battery_charge_fraction"] = 0.8
    frames["valid"] = 0b1_0001_1100_1111
    frames["separation_switches"] = 7
    frames["deployment_switches"] = 3
    frames["switch_status"] = 0b0111_1111
    frames["receiver_lock"] = int(receiver_lock)
    return frames.view(np.uint8).reshape(count, SENSOR_DTYPE.itemsize)


@pytest.fixture(scope="session")
def frames() -> NDArray[np.uint8]:
    """Three minutes of tumbling."""
    return tumbling_frames(1800)


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs of the flight computer over the first 70 minutes of first-contact: from BOOT to STANDBY."""
    from safehold.scenario import load
    from safehold.simulation import Simulation

    path = tmp_path_factory.mktemp("recording") / "first-contact.inputs"
    simulation = Simulation(load("first-contact"))
    try:
        simulation.driver.record_inputs(path)
        simulation.advance(42_000)
        simulation.driver.record_inputs(None)
        assert simulation.mode in ("STANDBY", "DOWNLINK"), "the recording must cover fine pointing"
    finally:
        simulation.close()
    return path


@pytest.fixture(scope="session")
def recorded_frames(recording: Path) -> NDArray[np.uint8]:
    """The recording's sensor frames, (42000, 464)."""
    frames: NDArray[np.uint8] = load_native().recorded_sensor_frames(recording)
    return frames
