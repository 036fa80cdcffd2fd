"""What a scenario may change of the spacecraft, and how it is told what is wrong."""

from __future__ import annotations

import math

import pytest

from sim.datasheet import MARK, tables
from sim.spacecraft import Spacecraft, SpacecraftKeyError


def test_override_changes_one_constant():
    craft = Spacecraft.with_overrides({"battery_capacity_wh": 80, "size_body_m": [0.5, 0.5, 0.9]})
    assert craft.battery_capacity_wh == 80.0
    assert craft.size_body_m == (0.5, 0.5, 0.9)
    assert craft.array_power_w == Spacecraft().array_power_w


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("battery_capacity", 80.0, "unknown key"),
        ("battery_capacity_wh", -1.0, "from 0.1"),
        ("battery_capacity_wh", math.nan, "finite"),
        ("battery_capacity_wh", "100", "needs a number"),
        ("battery_capacity_wh", True, "needs a number"),
        ("size_body_m", [0.5, 0.5], "a list of 3"),
        ("size_body_m", 0.5, "a list of 3"),
        ("inertia_body_kg_m2", [[8, 1, 0], [0, 7, 0], [0, 0, 5]], "symmetric"),
        ("wheel_axis_body", [[0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]], "longer than zero"),
        ("magnetometer_position_body_m", [[0, 0.1, -0.2]] * 3, "5 cm"),
        ("heat_pipe_k", [290, 290], "closing below"),
        ("undervoltage_recover_v", 24.0, "more than undervoltage_cut_v"),
        ("tank_volume_m3", 0.0015, "more than the propellant"),
        ("temperature_max_k", [200] * 10, "at the structure"),
        ("inertia_body_kg_m2", [[20, 0, 0], [0, 7, 0], [0, 0, 5]], "sum of the other two"),
    ],
)
def test_wrong_override_names_key_value_and_what_would_be_right(key, value, expected):
    with pytest.raises(SpacecraftKeyError, match=expected) as raised:
        Spacecraft.with_overrides({key: value})
    assert raised.value.key == key
    assert key in str(raised.value)


def test_loads_add_up_to_the_budget():
    craft = Spacecraft()
    standby = craft.base_load_w + sum(craft.switch_load_w[:7])
    survival = craft.base_load_w + craft.switch_load_w[1] + craft.heater_w[0]
    assert standby == 80.0
    assert survival <= 20.0
    assert craft.switch_load_w[7] == 40.0
    assert craft.transmitter_load_w == 30.0


def test_data_sheet_shows_what_the_plant_uses(repository):
    page = (repository / "docs" / "spacecraft.md").read_text(encoding="utf-8")
    assert page.partition(MARK)[2] == tables(), "run `python -m sim.datasheet docs/spacecraft.md`"
