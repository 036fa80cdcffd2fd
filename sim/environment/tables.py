"""The environment of a run as one flat array, made once before it starts."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sim.environment import layout
from sim.environment.atmosphere import exponential_table, harris_priester_table
from sim.environment.ephemeris import ephemeris_rows
from sim.environment.gravity import DEGREE_MAX, gravity_table
from sim.environment.magnetic import magnetic_table
from sim.environment.msis import msis_table

TABLES_KEPT = 4  # the environments that a process remembers; one of a day takes 35 kB
ATMOSPHERES = ("harris-priester", "exponential", "nrlmsis", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentModel:
    """Which models act, and their parameters; the defaults are everything, as the design has it."""

    gravity_degree: int = 8
    gravity_order: int | None = None  # None: the degree
    drag: bool = True
    solar_pressure: bool = True
    third_bodies: bool = True
    atmosphere: str = "harris-priester"
    bulge_exponent: float = 6.0  # Harris-Priester: 2 for low inclinations to 6 for polar orbits
    exponential_density_kg_m3: float = 2.0e-13
    exponential_altitude_m: float = 550e3
    exponential_scale_height_m: float = 65e3
    f107: float = 150.0  # NRLMSIS: solar flux of the day, 1e-22 W/m2/Hz
    f107a: float = 150.0  # its mean over 81 days
    ap: float = 15.0  # daily magnetic index
    magnetic_degree: int = 13

    def __post_init__(self) -> None:
        if not 0 <= self.gravity_degree <= DEGREE_MAX:
            raise ValueError(f"gravity_degree must lie between 0 and {DEGREE_MAX}, not {self.gravity_degree}")
        if self.gravity_order is not None and not 0 <= self.gravity_order <= self.gravity_degree:
            raise ValueError(f"gravity_order must lie between 0 and gravity_degree, not {self.gravity_order}")
        if self.atmosphere not in ATMOSPHERES:
            raise ValueError(f"atmosphere must be one of {', '.join(ATMOSPHERES)}, not {self.atmosphere!r}")
        if not 1 <= self.magnetic_degree <= 13:
            raise ValueError(f"magnetic_degree must lie between 1 and 13, not {self.magnetic_degree}")


@dataclass(frozen=True, slots=True)
class EnvironmentTables:
    """Ephemerides, orientation and coefficients from an epoch (UTC) on, for `duration_s` and a day more.

    What is at a place and time does not depend on the duration, so that runs of different lengths agree.
    Equal tables are made once and shared: by runs in one process, and by processes that are forked from it.

    `packed` is the one argument `tables` of every compiled function of the environment; `arrays` the same
    in a tuple.
    """

    epoch: datetime
    duration_s: float
    model: EnvironmentModel = field(default_factory=EnvironmentModel)
    packed: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "packed", _pack(self.epoch, self.duration_s, self.model))

    @property
    def arrays(self) -> tuple[NDArray[np.float64]]:
        return (self.packed,)


@lru_cache(maxsize=TABLES_KEPT)
def _pack(epoch: datetime, duration_s: float, model: EnvironmentModel) -> NDArray[np.float64]:
    order = model.gravity_degree if model.gravity_order is None else model.gravity_order
    start_ns, ephemeris = ephemeris_rows(epoch, duration_s)
    gravity = gravity_table(model.gravity_degree, order)
    days = math.ceil(duration_s / 86400.0) + 1
    magnetic = magnetic_table(epoch, days, model.magnetic_degree)
    atmosphere_model, atmosphere = _atmosphere(epoch, duration_s, model)
    header = np.zeros(layout.HEADER_SIZE)
    parts = [header]
    offset = layout.HEADER_SIZE
    # What is longer for a longer run comes last: the plant's state holds the place of a day's magnetic block,
    # and must not depend on the duration.
    for index, part in (
        (layout.HEADER_GRAVITY, gravity),
        (layout.HEADER_MAGNETIC, magnetic),
        (layout.HEADER_EPHEMERIS, ephemeris),
        (layout.HEADER_ATMOSPHERE, atmosphere),
    ):
        header[index] = offset
        offset += part.size
        parts.append(part)
    header[layout.HEADER_EPHEMERIS_START_NS] = start_ns
    header[layout.HEADER_EPHEMERIS_ROWS] = ephemeris.size // layout.EPHEMERIS_ROW
    header[layout.HEADER_GRAVITY_DEGREE] = model.gravity_degree
    header[layout.HEADER_GRAVITY_ORDER] = order
    header[layout.HEADER_MAGNETIC_DAYS] = days
    header[layout.HEADER_MAGNETIC_DEGREE] = model.magnetic_degree
    header[layout.HEADER_ATMOSPHERE_MODEL] = atmosphere_model
    header[layout.HEADER_DRAG] = model.drag
    header[layout.HEADER_SOLAR_PRESSURE] = model.solar_pressure
    header[layout.HEADER_THIRD_BODIES] = model.third_bodies
    return np.concatenate(parts)


def _atmosphere(
    epoch: datetime, duration_s: float, model: EnvironmentModel
) -> tuple[int, NDArray[np.float64]]:
    if model.atmosphere == "harris-priester":
        return layout.ATMOSPHERE_HARRIS_PRIESTER, harris_priester_table(model.bulge_exponent)
    if model.atmosphere == "exponential":
        return layout.ATMOSPHERE_EXPONENTIAL, exponential_table(
            model.exponential_density_kg_m3, model.exponential_altitude_m, model.exponential_scale_height_m
        )
    if model.atmosphere == "nrlmsis":
        return layout.ATMOSPHERE_GRID, msis_table(epoch, duration_s, model.f107, model.f107a, model.ap)
    return layout.ATMOSPHERE_NONE, np.zeros(1)
