"""What the downlink of a run brought: yield of each pass, records missing and given up, delay of each event.

An event ought to be on the ground by the end of the first usable pass after its recording: a true contact of
which more than 60 s were left when it was recorded. Events are matched with those that the flight software
made, by id and time; what never came counts as late if its pass is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from flight.tm_frames import TM_FRAME_OCTETS
from ground.alarms import LIVE, AlarmMonitor
from ground.gaps import STREAMS, Gaps
from safehold.telemetry import Received, TelemetryTable

USABLE_S = 60.0


def announce_last(gaps: Gaps, telemetry: TelemetryTable) -> int | None:
    """Tell the gaps what the last live report says that mass memory holds; returns its on-board time."""
    columns = telemetry.columns
    if "records_next_0" not in columns:
        return None
    told = np.flatnonzero((columns["quality"] == LIVE) & ~np.isnan(columns["records_next_0"].astype(float)))
    if not len(told):
        return None
    row = told[np.argmax(columns["arrival_ns"][told])]
    time_ns = int(columns["time_ns"][row])
    for stream in range(len(STREAMS)):
        first, following = (int(columns[f"records_{edge}_{stream}"][row]) for edge in ("first", "next"))
        gaps.announce(stream, first, following, time_ns)
    return time_ns


def downlink_document(
    received: Received,
    flight_events: Iterable[tuple[int, int]],
    passes: Sequence[Mapping[str, Any]],
    *,
    end_s: float,
) -> dict[str, Any]:
    """`downlink` of result.json.

    flight_events: (time ns, id) of every event made on board. passes: `passes` of result.json.
    """
    as_of_ns = announce_last(received.gaps, received.telemetry)
    found = received.gaps.results()
    streams = found["streams"]
    return {
        "bytes_received": received.frames * TM_FRAME_OCTETS,
        "frames_missing": sum(number for _, number in received.frames_missing),
        "bytes_repeated": sum(octets for _, octets in received.repeated),
        "records_received": sum(one["received"] for one in streams.values()),
        "records_repeated": sum(one["repeated"] for one in streams.values()),
        "records_missing": sum(one["missing"] for one in streams.values()),
        "records_given_up": sum(one["given_up"] for one in streams.values()),
        "backlog_records": sum(one["backlog"] for one in streams.values()),
        "backlog_as_of_s": None if as_of_ns is None else as_of_ns / 1e9,
        "streams": streams,
        "stored_housekeeping": received.stored,
        "ledger": found["ledger"],
        "events": event_delays(received.events, flight_events, passes, end_s=end_s),
        "alarms": alarm_counts(received.alarms),
    }


def alarm_counts(monitor: AlarmMonitor) -> dict[str, int]:
    """How many alarms were raised, by quality, and how many limits are still exceeded."""
    live = sum(1 for one in monitor.alarms if one.quality == LIVE)
    return {
        "raised_live": live,
        "raised_stored": len(monitor.alarms) - live,
        "open": len(monitor.open()),
        "left_out": monitor.left_out,
    }


def event_delays(
    ground_events: Sequence[Mapping[str, Any]],
    flight_events: Iterable[tuple[int, int]],
    passes: Sequence[Mapping[str, Any]],
    *,
    end_s: float,
) -> dict[str, Any]:
    """How many events were made and came, how many came late, and the delays."""
    arrivals: dict[int, list[tuple[int, int]]] = {}
    for event in ground_events:
        arrivals.setdefault(event["id"], []).append((event["on_board_time_ns"], event["sim_time_ns"]))
    made: dict[int, list[int]] = {}
    for time_ns, number in flight_events:
        made.setdefault(number, []).append(time_ns)
    usable = sorted(
        (one["los_s"], one["aos_s"])
        for one in passes
        if one["open"] and one["frames"] and one["los_s"] - one["aos_s"] > USABLE_S
    )
    delays: list[float] = []
    late = waiting = total = 0
    for number, times in made.items():
        total += len(times)
        for recorded_ns, arrival_s in _paired(sorted(times), sorted(arrivals.get(number, []))):
            recorded_s = recorded_ns / 1e9
            deadline_s = next(
                (los for los, aos in usable if los - max(aos, recorded_s) > USABLE_S), float("inf")
            )
            if arrival_s is None:
                late += deadline_s < end_s
                waiting += 1
                continue
            delays.append(arrival_s - recorded_s)
            late += arrival_s > deadline_s + 1.0
    return {
        "made": total,
        "received": len(delays),
        "waiting": waiting,
        "late": int(late),
        "delay_s_max": max(delays, default=None),
        "delay_s_median": sorted(delays)[len(delays) // 2] if delays else None,
    }


def _paired(made_ns: Sequence[int], came: Sequence[tuple[int, int]]) -> Iterable[tuple[int, float | None]]:
    """Each time of making with its arrival in seconds, or None. Events of one id come in no fixed order, but
    carry the on-board time, which is the time of making within a control tick or so.
    """
    waiting = list(came)
    for time_ns in made_ns:
        nearest = min(range(len(waiting)), key=lambda at: abs(waiting[at][0] - time_ns), default=None)
        if nearest is None or abs(waiting[nearest][0] - time_ns) > 1_000_000_000:
            yield time_ns, None
        else:
            yield time_ns, waiting.pop(nearest)[1] / 1e9


def pass_yields(
    passes: Sequence[Mapping[str, Any]],
    received: Received,
    commands: Sequence[Mapping[str, Any]],
    *,
    tm_rate_bit_s: float,
) -> list[dict[str, Any]]:
    """`passes` of result.json with what each could bring and brought: octets, lost frames, repeated records,
    commands whose outcome became known in it, and what the recorder still held back as of its last live
    report.
    """
    outcomes = [one[name] for one in commands for name in ("executed_ns", "completed_ns") if one[name]]
    known = set(outcomes)
    made = []
    for entry in passes:
        if not entry["open"] or entry["aos_s"] is None:
            made.append({**entry, **_NOTHING})
            continue
        begin_ns, end_ns = round(entry["aos_s"] * 1e9), round(entry["los_s"] * 1e9) + 1_000_000_000

        def inside(pairs: Iterable[tuple[int, int]], begin: int = begin_ns, end: int = end_ns) -> int:
            return sum(number for time_ns, number in pairs if begin <= time_ns <= end)

        verified = {one for one in known if begin_ns <= one <= end_ns} if entry["frames"] else set()
        known -= verified  # of two stations at a time one was connected
        lost = inside(received.frames_missing)
        told = [one for at_ns, one in received.backlogs if begin_ns <= at_ns <= end_ns]
        made.append(
            {
                **entry,
                "bytes_possible": round((entry["los_s"] - entry["aos_s"]) * tm_rate_bit_s / 8),
                "bytes_received": entry["frames"] * TM_FRAME_OCTETS,
                "frames_lost": lost,
                "bytes_lost": lost * TM_FRAME_OCTETS,
                "bytes_repeated": inside(received.repeated),
                "commands_verified": sum(1 for one in outcomes if one in verified),
                "backlog_records": sum(told[-1]) if told else None,
                "backlog_octets": _octets(received.telemetry, end_ns, told[-1]) if told else None,
            }
        )
    return made


_NOTHING = {
    "bytes_possible": 0,
    "bytes_received": 0,
    "frames_lost": 0,
    "bytes_lost": 0,
    "bytes_repeated": 0,
    "commands_verified": 0,
    "backlog_records": None,
    "backlog_octets": None,
}


def _octets(telemetry: TelemetryTable, time_ns: int, backlog: Sequence[int]) -> int | None:
    """How many octets records to come have: by stream as many as those have on the mean that the satellite
    held at a time, by its stored housekeeping; None if that tells nothing of it.
    """
    if not any(backlog):
        return 0
    columns = telemetry.columns
    if "stream_octets_0" not in columns or "records_next_0" not in columns:
        return None
    known = np.isfinite(columns["stream_octets_0"]) & np.isfinite(columns["records_next_0"])
    rows = np.flatnonzero(known & (columns["time_ns"] <= time_ns))
    if not len(rows):
        return None
    total = 0.0
    for stream, number in enumerate(backlog):
        octets, first, following = (
            float(columns[f"{name}_{stream}"][rows[-1]])
            for name in ("stream_octets", "records_first", "records_next")
        )
        total += number * octets / max(1.0, following - first)
    return round(total)
