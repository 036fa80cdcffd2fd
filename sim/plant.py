"""The plant: everything outside the flight computer, advanced one control tick at a time.

`Plant` owns the buffers (state, model, faults, tables) and hands out addresses, so that the C++ driver
steps it without Python. Everything that changes is in `state`; a copy of its bytes is a snapshot.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flight.dictionary import ACTUATOR_DTYPE, SENSOR_DTYPE
from sim.callbacks import (
    BELIEF_SIZE,
    CONTEXT_FAULTS,
    CONTEXT_FAULTS_UNTIL,
    CONTEXT_SIZE,
    VIEW_SIZE,
    callbacks,
)
from sim.environment.tables import EnvironmentTables
from sim.faults import fault_table
from sim.link.geometry import View, read_sight
from sim.model import Site, model_record
from sim.noise import normals
from sim.records import CONTROL_OCTETS, FAULTS_MAX, STATE_DTYPE
from sim.spacecraft import Spacecraft
from sim.truth import COLUMNS, WIDTH

_STEP = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_TRUTH = ctypes.CFUNCTYPE(None, *(4 * [ctypes.c_void_p]), ctypes.c_int64, ctypes.c_int64)
_SIGHT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
# At power-on the computer's lanes and the sensors are fed.
_SWITCHES_AT_POWER_ON = 0b0000_0011


@dataclass(frozen=True, slots=True, kw_only=True)
class Initial:
    """How the spacecraft is released.

    position, velocity: GCRF, m and m/s. rate: body axes, rad/s. quaternion: body from GCRF, scalar first;
    None draws one from the seed. wings_deployed and wheel speeds serve tests and scenarios that start in
    mid-mission.
    """

    position_gcrf_m: tuple[float, float, float]
    velocity_gcrf_m_s: tuple[float, float, float]
    rate_body_rad_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    quaternion_body_from_gcrf: tuple[float, float, float, float] | None = None
    battery_state_of_charge: float = 0.8
    wheel_speed_rad_s: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    wings_deployed: bool = False
    array_angle_rad: float = 0.0


class Plant:
    """The satellite and its world.

    spacecraft: its constants; tables: the environment of the run; stations: ground sites in the order of
    the contact mask's bits; faults: rows made by `sim.faults.fault_row`; seed: of every dispersion and
    noise; tick_ns: the control period. `state`, `model` and `sensor_frame` are structured arrays of shape
    (1,).
    """

    def __init__(
        self,
        spacecraft: Spacecraft,
        tables: EnvironmentTables,
        initial: Initial,
        *,
        stations: Sequence[Site] = (),
        faults: Sequence[Any] = (),
        seed: int = 1,
        tick_ns: int = 100_000_000,
        gravity_gradient: bool = True,
        residual_dipole: bool = True,
    ) -> None:
        self.spacecraft = spacecraft
        self.tables = tables
        self.tick_ns = tick_ns
        self.model = model_record(
            spacecraft,
            tables.model,
            stations,
            seed=seed,
            tick_ns=tick_ns,
            gravity_gradient=gravity_gradient,
            residual_dipole=residual_dipole,
        )
        self._packed = np.ascontiguousarray(tables.packed)
        self.state = np.zeros(1, STATE_DTYPE)
        self.sensor_frame = np.zeros(1, SENSOR_DTYPE)
        self._context = np.zeros(CONTEXT_SIZE, np.int64)
        self._context[:] = (
            self.state.ctypes.data,
            self.model.ctypes.data,
            0,
            self._packed.ctypes.data,
            self._packed.size,
            1,  # the first call begins
            0,
        )
        self.set_faults(faults)
        functions = callbacks()
        self._step = _STEP(functions.step.address)
        self._truth = _TRUTH(functions.truth.address)
        self._sight = _SIGHT(functions.sight.address)
        self._seen = np.zeros(VIEW_SIZE * int(self.model["station_count"][0]) + 1)
        self._set_initial(initial, seed)
        self._step(self.context, 0, self.sensor_frame.ctypes.data)

    @property
    def context(self) -> int:
        """Address of the context that `plant_step`, `plant_truth` and `plant_sight` take."""
        return int(self._context.ctypes.data)

    @property
    def step_address(self) -> int:
        """Address of `int64_t plant_step(void*, const uint8_t*, uint8_t*)`."""
        return int(callbacks().step.address)

    @property
    def truth_address(self) -> int:
        """Address of `void plant_truth(void*, const uint8_t*, const double*, double*, int64_t, int64_t)`."""
        return int(callbacks().truth.address)

    @property
    def sight_address(self) -> int:
        """Address of `void plant_sight(void*, double*)`."""
        return int(callbacks().sight.address)

    @property
    def sight_width(self) -> int:
        """Numbers in a row of the sight."""
        return len(self._seen)

    @property
    def contact_mask(self) -> int:
        """Stations that see the satellite above their mask at the state's time, a bit each."""
        return int(self.state["contact_mask"][0])

    def sight(self) -> list[float]:
        """What the stations see of the satellite at the state's time, as `sim.link.read_sight` takes it."""
        self._sight(self.context, self._seen.ctypes.data)
        seen: list[float] = self._seen.tolist()
        return seen

    def views(self) -> list[View]:
        """What each station sees of the satellite, and it of them, at the state's time."""
        return read_sight(self.sight())[0]

    def set_faults(self, rows: Sequence[Any]) -> None:
        """From the next step on these faults act instead of those given before, each in its own time.

        rows: made by `sim.faults.fault_row`. Raises ValueError if they are too many.
        """
        if len(rows) > FAULTS_MAX:
            raise ValueError(f"{len(rows)} faults: the plant takes at most {FAULTS_MAX}")
        self._faults = fault_table(rows)
        self._context[CONTEXT_FAULTS] = self._faults.ctypes.data
        self._context[CONTEXT_FAULTS_UNTIL] = 0
        self.model["fault_count"] = len(rows)

    def step(self, actuator_frame: NDArray[np.void]) -> int:
        """Advance a tick under an actuator frame, shape (1,) of ACTUATOR_DTYPE; returns the contact mask."""
        return int(self._step(self.context, actuator_frame.ctypes.data, self.sensor_frame.ctypes.data))

    def truth_row(
        self, actuator_frame: NDArray[np.void] | None = None, belief: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """The row of truth at the state's time, in the order of `COLUMNS`."""
        frame = np.zeros(1, ACTUATOR_DTYPE) if actuator_frame is None else actuator_frame
        believed = np.zeros(BELIEF_SIZE) if belief is None else np.ascontiguousarray(belief, np.float64)
        row = np.empty(WIDTH)
        self._truth(self.context, frame.ctypes.data, believed.ctypes.data, row.ctypes.data, 0, WIDTH)
        return row

    def truth(self, actuator_frame: NDArray[np.void] | None = None) -> dict[str, float]:
        """The row of truth by name."""
        return dict(zip(COLUMNS, self.truth_row(actuator_frame).tolist(), strict=True))

    def state_bytes(self) -> bytes:
        """A snapshot: the whole state and the sensor frame of its time."""
        return self.state.tobytes() + self.sensor_frame.tobytes()

    def control_bytes(self) -> bytes:
        """The half of the state that can change what happens next."""
        return self.state.tobytes()[:CONTROL_OCTETS]

    def restore(self, data: bytes) -> None:
        """Put a snapshot back; the buffers keep their addresses."""
        size = STATE_DTYPE.itemsize
        if len(data) != size + SENSOR_DTYPE.itemsize:
            raise ValueError(f"a plant snapshot has {size + SENSOR_DTYPE.itemsize} octets, not {len(data)}")
        self.state[:] = np.frombuffer(data, STATE_DTYPE, 1)
        self.sensor_frame[:] = np.frombuffer(data, SENSOR_DTYPE, 1, size)
        self._context[CONTEXT_FAULTS_UNTIL] = 0

    def _set_initial(self, initial: Initial, seed: int) -> None:
        craft, state = self.spacecraft, self.state[0]
        state["position_gcrf_m"] = initial.position_gcrf_m
        state["velocity_gcrf_m_s"] = initial.velocity_gcrf_m_s
        given = initial.quaternion_body_from_gcrf
        quaternion = normals(seed, "initial_attitude", 4) if given is None else np.array(given)
        quaternion = quaternion / np.linalg.norm(quaternion)
        state["quaternion_body_from_gcrf"] = quaternion
        state["quaternion_history"] = quaternion
        rate = np.array(initial.rate_body_rad_s)
        state["rate_body_rad_s"] = rate
        state["rate_mean_body_rad_s"] = rate
        wheels = np.array(initial.wheel_speed_rad_s) + self.model["wheel_axis"][0] @ rate
        state["wheel_momentum_n_m_s"] = craft.wheel_inertia_kg_m2 * wheels
        state["propellant_kg"] = craft.propellant_kg
        state["wing_deployed"] = 1 if initial.wings_deployed else 0
        state["array_angle_rad"] = initial.array_angle_rad
        if not 0.0 <= initial.battery_state_of_charge <= 1.0 or not math.isfinite(
            initial.battery_state_of_charge
        ):
            raise ValueError(
                f"battery_state_of_charge must be from 0 to 1, not {initial.battery_state_of_charge}"
            )
        state["battery_charge"] = initial.battery_state_of_charge
        state["bus_voltage_v"] = craft.battery_nominal_v
        state["switches"] = _SWITCHES_AT_POWER_ON
        state["temperature_k"] = craft.temperature_initial_k
        drift = normals(seed, "gyro_drift_start", 12).reshape(4, 3)
        state["gyro_drift_rad_s"] = craft.gyro_bias_instability_rad_s * drift
