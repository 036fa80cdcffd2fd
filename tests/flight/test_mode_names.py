"""The dictionary's enumerations and the C++ enums of modes and reasons are the same lists.

Ground and report turn numbers of events into names by it; one out of step would tell a wrong reason.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENUMS = {
    "mode": "Mode",
    "submode": "Submode",
    "mode_reason": "ModeReason",
    "refusal": "Refusal",
    "exclusion": "Exclusion",
}
DICTIONARY = tomllib.loads((ROOT / "flight" / "dictionary.toml").read_text(encoding="utf-8"))


def cpp_values(name: str) -> list[str]:
    """The enumerators of a C++ enum in order, checked to count from 0."""
    text = (ROOT / "native/include/safehold/gnc/mode.hpp").read_text(encoding="utf-8")
    found = re.search(rf"enum class {name} : std::uint8_t {{(.*?)}};", text, re.DOTALL)
    assert found, f"mode.hpp has no enum {name}"
    pairs = re.findall(r"(\w+) = (\d+),", found.group(1))
    assert [int(number) for _, number in pairs] == list(range(len(pairs)))
    return [key for key, _ in pairs]


@pytest.mark.requirement("L6.1")
@pytest.mark.parametrize("name", ENUMS)
def test_enumeration_equals_the_flight_software(name: str) -> None:
    values = DICTIONARY["enumeration"][name]["values"]
    assert [value.lower() for value in values] == cpp_values(ENUMS[name])


@pytest.mark.requirement("L6.1")
def test_events_and_parameters_refer_to_enumerations_that_exist() -> None:
    known = set(DICTIONARY["enumeration"])
    for parameter in DICTIONARY["parameter"]:
        assert parameter.get("enumeration", "mode") in known
    for event in DICTIONARY["event"]:
        names = event.get("enumerations", [])
        assert set(names) <= known | {""}
        assert not names or len(names) == len(event["arguments"]), event["name"]
