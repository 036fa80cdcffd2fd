"""Plants for tests: the reference spacecraft on the reference orbit, with what a test wants changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from flight.dictionary import ACTUATOR_DTYPE
from sim.environment.constants import EARTH_GM, EARTH_RADIUS_M
from sim.environment.tables import EnvironmentModel, EnvironmentTables
from sim.plant import Initial, Plant
from sim.spacecraft import Spacecraft

EPOCH = datetime(2026, 6, 21, tzinfo=UTC)


@cache
def tables(model: EnvironmentModel | None = None, duration_s: float = 90_000.0) -> EnvironmentTables:
    return EnvironmentTables(EPOCH, duration_s, model or EnvironmentModel())


def circular(altitude_m: float = 550e3, inclination_deg: float = 97.6, raan_deg: float = 90.0) -> Any:
    """Position and velocity at the ascending node of a circular orbit, GCRF axes."""
    radius = EARTH_RADIUS_M + altitude_m
    speed = math.sqrt(EARTH_GM / radius)
    node, tilt = math.radians(raan_deg), math.radians(inclination_deg)
    position = radius * np.array([math.cos(node), math.sin(node), 0.0])
    velocity = speed * np.array(
        [-math.sin(node) * math.cos(tilt), math.cos(node) * math.cos(tilt), math.sin(tilt)]
    )
    return position, velocity


@pytest.fixture
def make_plant() -> Callable[..., Plant]:
    """A factory: `make_plant(initial={...}, spacecraft={...}, environment={...}, **of Plant)`."""

    def make(
        *,
        initial: dict[str, Any] | None = None,
        spacecraft: dict[str, object] | None = None,
        environment: dict[str, Any] | None = None,
        **more: Any,
    ) -> Plant:
        position, velocity = circular()
        given = {"position_gcrf_m": tuple(position), "velocity_gcrf_m_s": tuple(velocity)} | (initial or {})
        return Plant(
            Spacecraft.with_overrides(spacecraft or {}),
            tables(EnvironmentModel(**(environment or {}))),
            Initial(**given),
            **more,
        )

    return make


@pytest.fixture
def command() -> np.ndarray:
    """An actuator frame that keeps everything powered and asks for nothing."""
    frame = np.zeros(1, ACTUATOR_DTYPE)
    frame["switch_command"] = 0x7F
    return frame


@pytest.fixture
def geometry() -> SimpleNamespace:
    return SimpleNamespace(tables=tables, circular=circular, epoch=EPOCH)
