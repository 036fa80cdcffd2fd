"""The step itself: against an adaptive integrator with every force, its order, and that it is a function of
its state.
"""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sim.environment.evaluate import evaluate_environment
from sim.environment.layout import AT_DENSITY, AT_ILLUMINATION, RECORD_SIZE
from sim.environment.tables import EnvironmentModel, EnvironmentTables
from sim.orbit import propagate
from sim.orbit.initial import from_circular
from sim.orbit.integrate import orbit_acceleration, orbit_start, orbit_step

EPOCH = datetime(2026, 6, 21, tzinfo=UTC)
DRAG, PRESSURE = 0.02, 0.02


@pytest.fixture(scope="module")
def tables() -> EnvironmentTables:
    return EnvironmentTables(EPOCH, 86400.0)


def reference(altitude_m: float = 550e3) -> np.ndarray:
    return from_circular(
        altitude_m=altitude_m,
        inclination_rad=np.radians(97.6),
        raan_rad=np.pi / 2.0,
        argument_of_latitude_rad=0.0,
    ).state_gcrf


@pytest.mark.requirement("S2")
@pytest.mark.parametrize("altitude_m", [300e3, 550e3])
def test_two_revolutions_with_every_force_against_dop853(
    tables: EnvironmentTables, altitude_m: float
) -> None:
    """scipy's DOP853 at 1e-13 on the same force: what differs is the integration, 1 mm being asked for.

    Steps of 10 s at most, because in longer ones DOP853 does not see the 11 s of penumbra (2 cm by the end).
    """
    record = np.zeros(RECORD_SIZE)

    def derivative(t: float, s: np.ndarray) -> np.ndarray:
        pull = orbit_acceleration(tables.packed, round(t * 1e9), *s, DRAG, PRESSURE, record)
        return np.array([*s[3:], *pull])

    end = 11_400
    exact = solve_ivp(
        derivative, (0.0, end), reference(altitude_m), method="DOP853", rtol=1e-13, atol=1e-8, max_step=10.0
    )
    times = np.array([0, end]) * 10**9
    ours = propagate(
        reference(altitude_m), tables, times, drag_m2_kg=DRAG, pressure_m2_kg=PRESSURE, step_s=0.1
    )[-1]
    assert np.linalg.norm(ours[:3] - exact.y[:3, -1]) < 1e-3
    assert np.linalg.norm(ours[3:] - exact.y[3:, -1]) < 1e-6


@pytest.mark.requirement("S2")
def test_error_over_a_day_falls_with_the_square_of_the_step(tables: EnvironmentTables) -> None:
    """4 s, 2 s and 1 s against 0.1 s: two halvings, each between 3 and 5, and 5 mm at 1 s."""
    times = np.array([0, 86_400]) * 10**9
    flown = [
        propagate(reference(), tables, times, drag_m2_kg=DRAG, step_s=h)[-1][:3] for h in (0.1, 1.0, 2.0, 4.0)
    ]
    errors = [float(np.linalg.norm(place - flown[0])) for place in flown[1:]]
    assert errors[0] < 5e-3
    assert 3.0 < errors[1] / errors[0] < 5.0
    assert 3.0 < errors[2] / errors[1] < 5.0


@pytest.mark.requirement("S2")
def test_step_is_a_function_of_state_and_time(tables: EnvironmentTables) -> None:
    """Position, velocity and kick restored half-way give the same bytes; the record is made again from them
    alone.
    """
    h, tick = 0.1, 100_000_000
    record = np.zeros(RECORD_SIZE)
    state = np.concatenate((reference(), np.zeros(3)))
    parts = (state[0:3], state[3:6], state[6:9])
    orbit_start(tables.packed, 0, h, *parts, DRAG, PRESSURE, record)
    for k in range(1, 501):
        orbit_step(tables.packed, k * tick, h, *parts, 0.0, 0.0, 0.0, DRAG, PRESSURE, record)
    saved = state.copy()
    for k in range(501, 1001):
        orbit_step(tables.packed, k * tick, h, *parts, 0.0, 0.0, 0.0, DRAG, PRESSURE, record)
    again = saved.copy()
    other = np.full(RECORD_SIZE, np.nan)
    for k in range(501, 1001):
        orbit_step(
            tables.packed,
            k * tick,
            h,
            again[0:3],
            again[3:6],
            again[6:9],
            0.0,
            0.0,
            0.0,
            DRAG,
            PRESSURE,
            other,
        )
    assert again.tobytes() == state.tobytes()
    evaluate_environment(tables.packed, 1000 * tick, *state[:6], other)
    assert other[AT_DENSITY] == record[AT_DENSITY]
    assert other[AT_ILLUMINATION] == record[AT_ILLUMINATION]


@pytest.mark.requirement("S2")
def test_thrust_adds_its_impulse(tables: EnvironmentTables) -> None:
    """A constant 1 mm/s2 along the velocity for 10 s beside the same coast: 10 mm/s and 50 mm, within what
    the orbit bends.
    """
    h, tick = 0.1, 100_000_000
    along = reference()[3:] / np.linalg.norm(reference()[3:])

    def fly(thrust: np.ndarray) -> np.ndarray:
        record = np.zeros(RECORD_SIZE)
        state = np.concatenate((reference(), np.zeros(3)))
        parts = (state[0:3], state[3:6], state[6:9])
        orbit_start(tables.packed, 0, h, *parts, 0.0, 0.0, record)
        for k in range(1, 101):
            orbit_step(tables.packed, k * tick, h, *parts, *thrust, 0.0, 0.0, record)
        return state

    gained = fly(1e-3 * along) - fly(np.zeros(3))
    assert gained[3:6] @ along == pytest.approx(1e-2, rel=1e-4)
    assert gained[0:3] @ along == pytest.approx(5e-2, rel=1e-4)


@pytest.mark.requirement("S2")
@pytest.mark.parametrize(
    ("change", "low_m", "high_m"),
    [
        ({"drag": False}, 100.0, 5000.0),
        ({"solar_pressure": False}, 0.5, 40.0),
        ({"third_bodies": False}, 20.0, 200.0),
        ({"gravity_degree": 20}, 50.0, 2000.0),
    ],
)
def test_each_model_can_be_switched_and_is_worth_what_the_design_says(
    tables: EnvironmentTables, change: dict[str, object], low_m: float, high_m: float
) -> None:
    """After a day at 550 km: drag 1.7-2.7 km, 8x8 against 20x20 0.1-1 km, Sun and Moon 40-80 m, sunlight
    5-11 m.
    """
    times = np.array([0, 86_400]) * 10**9
    other = EnvironmentTables(EPOCH, 86400.0, EnvironmentModel(**change))  # type: ignore[arg-type]
    a, b = (
        propagate(reference(), t, times, drag_m2_kg=DRAG, pressure_m2_kg=PRESSURE)[-1]
        for t in (tables, other)
    )
    assert low_m < np.linalg.norm(a[:3] - b[:3]) < high_m


@pytest.mark.requirement("S2")
def test_times_and_steps_out_of_range_are_refused(tables: EnvironmentTables) -> None:
    with pytest.raises(ValueError, match="ascends"):
        propagate(reference(), tables, np.array([10, 0]))
    with pytest.raises(ValueError, match="at most 5"):
        propagate(reference(), tables, np.array([0, 10]), step_s=6.0)
