"""Elements that are wrong at the start: passes are found all the same, and navigation mends the prediction.

After one pass the fitted orbit is good to some 10 m and 1 cm/s: below 0.3 s at the next acquisition; a pass
within the first hours of the release carries no navigation yet.
"""

from __future__ import annotations

from typing import Any

import pytest

from safehold.run import fly
from safehold.schema import Ground, Scenario
from tests.system.conftest import cut


def flown(scenario: Scenario, **keys: Any) -> dict[str, Any]:
    ground = Ground.model_validate(keys)
    return fly(scenario.model_copy(update={"ground": ground}))[0].document


def aos_errors(document: dict[str, Any]) -> list[float]:
    return [one["aos_error_s"] for one in document["passes"] if one["aos_error_s"] is not None]


@pytest.mark.requirement("L2.1")
@pytest.mark.parametrize("offset_s", [-30.0, 30.0])
def test_half_a_minute_wrong_is_found_and_mended(offset_s: float) -> None:
    document = flown(cut("first-contact", "5h40m"), along_track_s=offset_s)
    errors = aos_errors(document)
    assert len(errors) == 4
    assert errors[0] == pytest.approx(-offset_s, abs=3.0)
    assert errors[1] == pytest.approx(-offset_s, abs=3.0)  # the first pass saw no orbit yet
    assert max(map(abs, errors[2:])) < 0.5
    # Found at once, from the first second to the last but those that the carrier takes.
    for one in document["passes"]:
        assert one["frames"] > 0.97 * (one["los_s"] - one["aos_s"]) - 6.0
    assert document["figures"]["contacts_missed"] == 0
    assert document["figures"]["bytes_outside_window"] == 0
    assert document["figures"]["pongs"] == 1


@pytest.mark.requirement("L2.1")
def test_without_mending_it_stays_wrong() -> None:
    document = flown(cut("first-contact", "5h40m"), along_track_s=30.0, refine=False)
    assert min(map(abs, aos_errors(document))) > 25.0


@pytest.mark.requirement("L2.1")
def test_a_week_old() -> None:
    document = flown(cut("first-contact", "5h40m"), age="7d")
    errors = aos_errors(document)
    assert 2.0 < abs(errors[0]) < 30.0
    assert max(map(abs, errors[2:])) < 0.5


@pytest.mark.requirement("L2.1")
def test_exact_elements_are_left_alone() -> None:
    scenario = cut("first-contact", "3h40m")
    refined, kept = flown(scenario), flown(scenario, refine=False)
    assert refined["passes"] == kept["passes"]
    assert max(map(abs, aos_errors(refined))) < 0.15
