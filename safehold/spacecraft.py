"""The scenario's overrides of the reference spacecraft."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from safehold.errors import Problem
from safehold.near import suggestion


def problems(overrides: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with `[spacecraft]`; one problem a key."""
    import dataclasses

    from sim.spacecraft import Spacecraft, SpacecraftKeyError

    known = [field.name for field in dataclasses.fields(Spacecraft)]
    for key, value in overrides.items():
        if key not in known:
            hint = suggestion(key, known) or "; docs/spacecraft.md lists the properties"
            yield Problem("SH-SCN-023", f"unknown spacecraft property{hint}", f"spacecraft.{key}")
            continue
        try:
            Spacecraft.with_overrides({key: value})
        except SpacecraftKeyError as error:
            yield Problem("SH-SCN-008", f"is {value!r}; {error.expected}", f"spacecraft.{key}")
