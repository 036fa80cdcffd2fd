"""What the scripted operator saw and did, as a part of a run's document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def operator_document(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """`ground.operator` results with times in seconds since the epoch; None without an operator.

    symptoms: symptom, unit, first_s (first sample that showed it was received), believed_s (enough samples
    were). actions: name, arguments, reason, decided_s, radiated_s, accepted_s, completed_s, state.
    """
    if found is None:
        return None
    return {
        "symptoms": [
            {
                "symptom": one["symptom"],
                "unit": one["unit"],
                "first_s": _seconds(one["first_ns"]),
                "believed_s": _seconds(one["believed_ns"]),
            }
            for one in found["symptoms"]
        ],
        "actions": [
            {
                "name": one["name"],
                "arguments": one["arguments"],
                "reason": one["reason"],
                "decided_s": _seconds(one["decided_ns"]),
                "radiated_s": _seconds(one["departure_ns"]),
                "accepted_s": _seconds(one["accepted_ns"]),
                "completed_s": _seconds(one["completed_ns"]),
                "state": one["state"],
                "failure_code": one["failure_code"],
            }
            for one in found["actions"]
        ],
    }


def _seconds(time_ns: int | None) -> float | None:
    return None if time_ns is None else time_ns / 1e9
