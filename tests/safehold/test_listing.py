"""Lists of what is built in: every file is there, in columns."""

from __future__ import annotations

import pytest

from safehold.campaign import definition
from safehold.listing import campaign_rows, rows_as_lines, scenario_rows
from safehold.scenario import built_in_names, load


@pytest.mark.requirement("S4", "S5")
def test_every_built_in_scenario_and_campaign_is_listed_as_it_is() -> None:
    scenarios = {row["name"]: row for row in scenario_rows()}
    assert list(scenarios) == built_in_names()
    assert all(row["description"] == load(str(name)).description for name, row in scenarios.items())
    campaigns = {row["name"]: row for row in campaign_rows()}
    assert list(campaigns) == definition.built_in_names()
    assert campaigns["upsets"] == {
        "name": "upsets",
        "runs": 2_000,
        "duration": "1d",
        "description": definition.load_campaign("upsets").description,
    }


def test_columns_stand_under_each_other() -> None:
    rows = [{"name": "a", "runs": 2_000, "description": "x"}, {"name": "long", "runs": 5, "description": "y"}]
    assert rows_as_lines(rows) == ["a     2,000  x", "long      5  y"]
    assert rows_as_lines([]) == []
