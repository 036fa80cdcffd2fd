"""Single parameters read out of a live housekeeping report, without decoding its hundreds of others."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache
from typing import Any

_CODES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i16": "h", "i64": "q", "f32": "f", "f64": "d"}


@cache
def _places() -> dict[str, tuple[int, str]]:
    """Where each parameter lies in the data of a housekeeping report of structure 1."""
    from flight.dictionary import PARAMETERS

    found, at = {}, 2
    for parameter in sorted(PARAMETERS.values(), key=lambda one: one.id):
        if parameter.structure != 1:
            continue
        form = f">{parameter.count}{_CODES[parameter.type]}"
        found[parameter.name] = (at, form)
        at += struct.calcsize(form)
    return found


def read(data: bytes, names: Iterable[str]) -> dict[str, tuple[Any, ...]] | None:
    """The values of parameters of structure 1; None if the report is of another one or cut short."""
    if data[:2] != b"\x00\x01":
        return None
    places = _places()
    try:
        return {name: struct.unpack_from(places[name][1], data, places[name][0]) for name in names}
    except struct.error:
        return None
