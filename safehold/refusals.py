"""What did not get through in a run, and what COP-1 made of it: `link` and `ground` of result.json.

The link counts every frame by direction and outcome. Mission control counts frames and packets that it took
and refused, by reason, and what befell its uplink: alerts of FOP-1 by reason, suspensions, Unlocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DIRECTIONS = ("up", "down")
_REFUSED = ("frames_refused_", "packets_refused_", "packets_dropped_")


def link_document(counters: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """`link` of result.json: by direction, frames and octets by outcome, and of those delivered how many were
    disturbed, came twice or out of their place.
    """
    return {
        direction: {
            name.removeprefix(f"{direction}_"): number
            for name, number in sorted(counters.items())
            if name.startswith(f"{direction}_")
        }
        for direction in DIRECTIONS
    }


def ground_document(results: Mapping[str, Any]) -> dict[str, Any]:
    """`ground` of result.json, of `Ground.results`: `downlink` (frames and packets taken, and refused by
    reason), `uplink` (alerts, suspensions, Unlocks and the like), `requests` (mission control's own
    telecommands by state), `alarms` (that it raised itself as telemetry came), `frames_up` and of these
    `frames_again`.
    """
    return {
        "downlink": dict(results["counters"]),
        "uplink": dict(results["uplink"]),
        "requests": dict(results["requests"]),
        "alarms": _alarm_counts(results["telemetry_alarms"]),
        "frames_up": sum(one["frames_up"] for one in results["passes"]),
        "frames_again": sum(one["frames_again"] for one in results["passes"]),
    }


def _alarm_counts(alarms: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    limits = [one for one in alarms if one["kind"] == "limit"]
    return {
        "limits_raised": len(limits),
        "limits_open": sum(1 for one in limits if one["cleared_ns"] is None),
        "events": len(alarms) - len(limits),
    }


def heard_in(one: Mapping[str, Any], entry: Mapping[str, Any], tick_s: float) -> bool:
    """Whether a station's pass (of `Ground.results`) is counted under a window of `passes` of result.json, as
    `safehold.figures` decides.
    """
    until_s, from_s = entry["los_s"] - 0.5 * tick_s, entry["aos_s"] - 0.5 * tick_s
    return bool(
        one["name"] == entry["station"] and one["start_ns"] / 1e9 < until_s and one["los_ns"] / 1e9 > from_s
    )


def passes_with_frames(
    entries: Sequence[Mapping[str, Any]], passes: Sequence[Mapping[str, Any]], tick_s: float
) -> list[dict[str, Any]]:
    """`passes` of result.json with the frames that the station refused and radiated in each."""
    made = []
    for entry in entries:
        heard = [one for one in passes if entry["open"] and heard_in(one, entry, tick_s)]
        counts = {
            name: sum(one[name] for one in heard) for name in ("frames_refused", "frames_up", "frames_again")
        }
        made.append({**entry, **counts})
    return made


def refusal_lines(document: Mapping[str, Any]) -> list[str]:
    """A line for people if mission control refused frames or packets or FOP-1 gave an alert; else none."""
    if "ground" not in document:
        return []
    downlink, uplink = document["ground"]["downlink"], document["ground"]["uplink"]
    told = []
    for prefix, noun in zip(_REFUSED, ("frames", "packets", "packets dropped"), strict=True):
        if reasons := _by_reason(downlink, prefix):
            told.append(f"{sum(reasons.values())} {noun} ({_listed(reasons)})")
    if alerts := _by_reason(uplink, "alerts_"):
        others = {
            name: number
            for name in ("suspensions", "unlocks", "commands_unknown")
            if (number := uplink.get(name, 0))
        }
        behind = "".join(f", {number} {name.replace('_', ' ')}" for name, number in others.items())
        told.append(f"FOP-1 {sum(alerts.values())} alerts ({_listed(alerts)}){behind}")
    return [f"refused  {'; '.join(told)}"] if told else []


def _by_reason(counters: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): number
        for name, number in counters.items()
        if name.startswith(prefix) and number
    }


def _listed(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in sorted(reasons.items()))
