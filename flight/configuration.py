"""What a flight computer is made with, as somebody gives it: each field's type and range, by its name.

It is checked here, before the compiled module sees it: that one names all arguments of a call that it cannot
make, and not the one that is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Final, TypeGuard

import numpy as np

from flight.dictionary import SETTINGS, load_native
from flight.tm_protection import PROTECTIONS

REPLICAS: Final = (1, 3)
TICK_NS_MIN: Final = 5_000_000
TICK_NS_MAX: Final = 1_000_000_000
QUOTA_LIMITS: Final[Mapping[str, tuple[int, int]]] = load_native().QUOTA_LIMITS
"""The least and the most octets of each quota of mass memory."""

_REQUIRED = ("replicas", "resync", "tick_ns", "autonomy", "parameters")
_OPTIONAL = ("quotas", "telemetry_protection")
_SHOWN = 80


def check_configuration(
    *,
    replicas: object,
    resync: object,
    tick_ns: object,
    autonomy: object,
    parameters: object,
    quotas: object,
    telemetry_protection: object,
) -> None:
    """Raises ValueError, which names the field, its value and what would be right.

    The range and the number of values of each parameter are the compiled module's to check.
    """
    if not _is_whole(replicas) or replicas not in REPLICAS:
        raise ValueError(f"replicas must be 1 or 3, not {shown(replicas)}")
    if not _is_whole(tick_ns) or not TICK_NS_MIN <= tick_ns <= TICK_NS_MAX:
        raise ValueError(
            f"tick_ns must be a whole number of ns from {TICK_NS_MIN} to {TICK_NS_MAX} (5 ms to 1 s), "
            f"not {shown(tick_ns)}"
        )
    for name, flag in (("resync", resync), ("autonomy", autonomy)):
        if not isinstance(flag, bool | np.bool_):
            raise ValueError(f"{name} must be true or false, not {shown(flag)}")
    if not isinstance(telemetry_protection, str) or telemetry_protection not in PROTECTIONS:
        raise ValueError(
            f"telemetry_protection must be {_listing(PROTECTIONS)}, not {shown(telemetry_protection)}"
        )
    _check_parameters(parameters)
    _check_quotas(quotas)


def check_fields(configuration: object) -> dict[str, Any]:
    """The fields of a START, of which none is missing or unknown; raises ValueError."""
    if not isinstance(configuration, dict):
        raise ValueError(f"START takes a configuration of named fields, not {shown(configuration)}")
    for name in _REQUIRED:
        if name not in configuration:
            raise ValueError(f"START's configuration lacks {name}")
    if unknown := sorted(configuration.keys() - {*_REQUIRED, *_OPTIONAL}):
        raise ValueError(
            f"START's configuration has no field {shown(unknown[0])}; there are "
            + _listing((*_REQUIRED, *_OPTIONAL), "and")
        )
    return configuration


def shown(value: object) -> str:
    """A value as a message tells it, however long it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of more digits than Python writes; too deep a list
        return f"a value of type {type(value).__name__} that is too long to show"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _check_parameters(parameters: object) -> None:
    if not isinstance(parameters, Mapping):
        raise ValueError(f"parameters must be settings with their values, not {shown(parameters)}")
    for name, value in parameters.items():
        if not isinstance(name, str) or name not in SETTINGS:
            raise ValueError(f"parameters: there is no setting {shown(name)}")
        several = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes)
        if not all(_is_number(one) for one in (value if several else [value])):
            raise ValueError(
                f"parameters: setting {name} must be a number, or a list of as many as it has values, "
                f"not {shown(value)}"
            )


def _check_quotas(quotas: object) -> None:
    if not isinstance(quotas, Mapping):
        raise ValueError(f"quotas must be names with octets, not {shown(quotas)}")
    for name, octets in quotas.items():
        if not isinstance(name, str) or name not in QUOTA_LIMITS:
            raise ValueError(f"there is no quota {shown(name)}; there are {_listing(QUOTA_LIMITS, 'and')}")
        least, most = QUOTA_LIMITS[name]
        if not _is_whole(octets) or not least <= octets <= most:
            raise ValueError(
                f"quota {name} must be a whole number of octets from {least} to {most}, not {shown(octets)}"
            )


def _listing(names: Iterable[str], word: str = "or") -> str:
    *others, last = names
    return f"{', '.join(others)} {word} {last}"


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    """Whether it is one that fits a double; whether its setting takes it is the compiled module's to say."""
    try:
        return isinstance(value, Real) and not math.isnan(float(value))
    except OverflowError:
        return False
