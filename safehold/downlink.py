"""What the downlink of a run brought: yield of each pass, records missing and given up, delay of each event.

Events are matched with those that the flight software made, by id and time. Which of them came late is what
mission control counts (`ground.timeliness`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flight.tm_frames import TM_FRAME_OCTETS
from ground.alarms import LIVE, Alarm, AlarmMonitor
from ground.gaps import STREAMS
from safehold.answers import with_answers
from safehold.decoding import Received, announce
from safehold.result import json_safe
from safehold.telemetry import TelemetryTable

LAST_MINUTE_S = 60.0


def add_downlink(
    found: dict[str, Any],
    received: Received,
    flight_events: Sequence[tuple[int, int]],
    *,
    events_late: int,
    tm_rate_bit_s: float,
) -> None:
    """Add what the frames show to a document: `downlink`, `alarms`, `ledger`, each pass's yield.

    flight_events: (time ns, id) of every event made on board. events_late: how many came late, or should have
    come and have not.
    """
    received.alarms.alarms += [Alarm(**one) for one in found["alarms"]]
    received.alarms.alarms.sort(key=lambda one: one.raised_ns)
    found["passes"] = pass_yields(found["passes"], received, found["commands"], tm_rate_bit_s=tm_rate_bit_s)
    downlink = downlink_document(received, flight_events, found["passes"], events_late=events_late)
    found["downlink"] = json_safe(downlink)
    found["alarms"] = json_safe(received.alarms.results())
    found["ledger"] = found["downlink"]["ledger"]
    found["commands"] = with_answers(found["commands"], received.reports.rows)
    answers = received.reports
    found["downlink"]["answers"] = {"received": len(answers.rows), "left_out": answers.left_out}
    found["structures"] = received.structures
    found["downlink"]["structures_unknown"] = {
        str(structure): count for structure, count in sorted(received.unknown.items())
    }


def downlink_document(
    received: Received,
    flight_events: Iterable[tuple[int, int]],
    passes: Sequence[Mapping[str, Any]],
    *,
    events_late: int,
) -> dict[str, Any]:
    """`downlink` of result.json.

    flight_events: (time ns, id) of every event made on board. passes: `passes` of result.json. events_late:
    of `ground.timeliness`.
    """
    last = received.last_held
    if last is not None:
        announce(received.gaps, last.octets, last.time_ns)
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
        "backlog_as_of_s": None if last is None else last.time_ns / 1e9,
        "streams": streams,
        "stored_housekeeping": received.stored,
        "ledger": found["ledger"],
        "events": {"late": events_late, **event_delays(received.events, flight_events, passes)},
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
) -> dict[str, Any]:
    """How many events were made and came, and the delays; how many have not come (`waiting`), and how many of
    these were made after the last contact, or in its last minute.
    """
    arrivals: dict[int, list[tuple[int, int]]] = {}
    for event in ground_events:
        arrivals.setdefault(event["id"], []).append((event["on_board_time_ns"], event["sim_time_ns"]))
    made: dict[int, list[int]] = {}
    for time_ns, number in flight_events:
        made.setdefault(number, []).append(time_ns)
    ends_s = (one["los_s"] for one in passes if one["open"] and one["frames"])
    contact_until_s = max(ends_s, default=math.inf) - LAST_MINUTE_S
    delays: list[float] = []
    waiting = since_contact = total = 0
    for number, times in made.items():
        total += len(times)
        for recorded_ns, arrival_s in _paired(sorted(times), sorted(arrivals.get(number, []))):
            recorded_s = recorded_ns / 1e9
            if arrival_s is None:
                since_contact += recorded_s > contact_until_s
                waiting += 1
                continue
            delays.append(arrival_s - recorded_s)
    return {
        "made": total,
        "received": len(delays),
        "waiting": waiting,
        "waiting_since_contact": int(since_contact),
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
    held = holdings(received.telemetry, [_span_ns(entry)[1] for entry in passes if _was_open(entry)])
    made = []
    for entry in passes:
        if not _was_open(entry):
            made.append({**entry, **_NOTHING})
            continue
        begin_ns, end_ns = _span_ns(entry)

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
                "backlog_octets": _octets(told[-1], held.get(end_ns)) if told else None,
            }
        )
    return made


def _was_open(entry: Mapping[str, Any]) -> bool:
    return bool(entry["open"]) and entry["aos_s"] is not None


def _span_ns(entry: Mapping[str, Any]) -> tuple[int, int]:
    """When what a pass brought arrived."""
    return round(entry["aos_s"] * 1e9), round(entry["los_s"] * 1e9) + 1_000_000_000


def _octets(backlog: Sequence[int], held: Holdings | None) -> int | None:
    """How many octets records to come have; None if nothing is known of those held."""
    if not any(backlog):
        return 0
    return None if held is None else held.of(backlog)


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


@dataclass(frozen=True, slots=True)
class Holdings:
    """What mass memory held, by stream: octets, the first record, and the one to come."""

    octets: tuple[float, ...]
    first: tuple[float, ...]
    following: tuple[float, ...]

    def of(self, backlog: Sequence[int]) -> int:
        """How many octets so many records to come have, if they have as many each as those held."""
        held = zip(backlog, self.octets, self.first, self.following, strict=True)
        return round(
            math.fsum(
                number * octets / max(1.0, following - first) for number, octets, first, following in held
            )
        )


def holdings(telemetry: TelemetryTable, times_ns: Iterable[int]) -> dict[int, Holdings]:
    """What the satellite last said that its mass memory held, by each of the times at which it did."""
    wanted = sorted(set(times_ns))
    found: dict[int, Holdings] = {}
    for piece in telemetry.pieces() if wanted else ():
        if "stream_octets_0" not in piece or "records_next_0" not in piece:
            break
        known = np.flatnonzero(np.isfinite(piece["stream_octets_0"]) & np.isfinite(piece["records_next_0"]))
        until = np.searchsorted(piece["time_ns"][known], np.array(wanted, dtype=np.int64), side="right")
        for time_ns, rows in zip(wanted, until.tolist(), strict=True):
            if rows:
                found[time_ns] = Holdings(
                    *(
                        tuple(float(piece[f"{name}_{i}"][known[rows - 1]]) for i in range(len(STREAMS)))
                        for name in ("stream_octets", "records_first", "records_next")
                    )
                )
    return found
