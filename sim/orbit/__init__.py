"""The orbit: initial states, the integrator, and propagation of an orbit alone."""

import numpy as np
from numpy.typing import NDArray

from sim.environment.layout import RECORD_SIZE
from sim.environment.tables import EnvironmentTables
from sim.orbit.integrate import orbit_start, propagate_grid

STEP_S_MAX = 5.0  # up to here the series of the Kepler arc is cut below 1e-9 m in low orbit


def propagate(
    state_gcrf: NDArray[np.float64],
    tables: EnvironmentTables,
    times_ns: NDArray[np.int64],
    *,
    drag_m2_kg: float = 0.0,
    pressure_m2_kg: float = 0.0,
    step_s: float = 1.0,
) -> NDArray[np.float64]:
    """Fly an orbit without attitude, thrust or sensors.

    state_gcrf: position m and velocity m/s at times_ns[0], six numbers in GCRF; times_ns: ascending
    simulation times; drag_m2_kg: drag coefficient x area / mass; pressure_m2_kg: radiation coefficient x
    area / mass; step_s: the longest step (the error grows with its square: in low orbit 3 mm a day at 1 s).
    Returns an array [time, 6] of the states. Raises ValueError for times that do not ascend or a step out of
    range.
    """
    times = np.ascontiguousarray(times_ns, dtype=np.int64)
    if times.ndim != 1 or times.size == 0 or np.any(np.diff(times) < 0):
        raise ValueError("times_ns must be a non-empty one-dimensional array that ascends")
    if not 0.0 < step_s <= STEP_S_MAX:
        raise ValueError(f"step_s must be above 0 and at most {STEP_S_MAX}, not {step_s}")
    state = np.zeros(9)
    state[:6] = state_gcrf
    record = np.zeros(RECORD_SIZE)
    out = np.empty((times.size, 6))
    packed = tables.packed
    orbit_start(
        packed, times[0], step_s, state[0:3], state[3:6], state[6:9], drag_m2_kg, pressure_m2_kg, record
    )
    propagate_grid(packed, times, step_s, state, drag_m2_kg, pressure_m2_kg, record, out)
    out[0] = state_gcrf  # as given, without the start's correction
    return out
