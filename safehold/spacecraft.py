"""The scenario's overrides of the reference spacecraft."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from safehold.errors import Problem
from safehold.near import suggestion


def problems(overrides: Mapping[str, Any], tick_ns: int) -> Iterator[Problem]:
    """What is wrong with `[spacecraft]`: a problem a key; if each is right, how they go together."""
    import dataclasses

    from sim.spacecraft import Spacecraft, SpacecraftKeyError, check_rate, check_value

    known = [field.name for field in dataclasses.fields(Spacecraft)]
    sound = True
    for key, value in overrides.items():
        if key not in known:
            sound = False
            hint = suggestion(key, known) or "; docs/spacecraft.md lists the properties"
            yield Problem("SH-SCN-023", f"unknown spacecraft property{hint}", f"spacecraft.{key}")
            continue
        try:
            check_value(key, value)
        except SpacecraftKeyError as error:
            sound = False
            yield Problem("SH-SCN-008", f"is {value!r}; {error.expected}", f"spacecraft.{key}")
    if not sound:
        return
    try:
        check_rate(Spacecraft.with_overrides(overrides), tick_ns)
    except SpacecraftKeyError as error:
        yield Problem("SH-SCN-008", f"is {error.value!r}; {error.expected}", f"spacecraft.{error.key}")
