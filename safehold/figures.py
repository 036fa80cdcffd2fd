"""The figures of a whole run: contacts as they were against how the ground saw them, commands, votes.

A predicted window and a true one belong together if they overlap over the same station. Windows count if they
are longer than 60 s and culminate at least 1° above the mask: shorter ones come and go with the last digit of
the drag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ground.timeliness import events_late

if TYPE_CHECKING:
    from safehold.contact_log import TrueWindow
    from safehold.orbits import Site
    from safehold.simulation import Simulation

SHORTEST_S = 60.0
CULMINATION_DEG = 1.0

CONFIRMED = frozenset({"completed", "executed"})
UNSENT = frozenset({"queued", "expired", "cancelled"})


@dataclass(frozen=True, slots=True)
class Contact:
    """A window, true or predicted or both, and what was heard in it. Times in seconds since the epoch."""

    station: str
    true_from_s: float | None
    true_until_s: float | None
    predicted_from_s: float | None
    predicted_until_s: float | None
    elevation_max_deg: float | None
    counts: bool
    edge_error_s: float | None
    frames: int
    commands: int
    doppler_max_hz: float | None = None
    doppler_rate_max_hz_s: float | None = None
    aos_error_s: float | None = None  # predicted less true

    def document(self) -> dict[str, Any]:
        """As an entry of `passes` in result.json."""
        return {
            "station": self.station,
            "aos_s": self.true_from_s if self.true_from_s is not None else self.predicted_from_s,
            "los_s": self.true_until_s if self.true_until_s is not None else self.predicted_until_s,
            "aos_predicted_s": self.predicted_from_s,
            "los_predicted_s": self.predicted_until_s,
            "open": self.true_from_s is not None,
            "predicted": self.predicted_from_s is not None,
            "elevation_max_deg": self.elevation_max_deg,
            "edge_error_s": self.edge_error_s,
            "aos_error_s": self.aos_error_s,
            "counts": self.counts,
            "frames": self.frames,
            "commands": self.commands,
            "doppler_max_hz": self.doppler_max_hz,
            "doppler_rate_max_hz_s": self.doppler_rate_max_hz_s,
        }


def contacts(simulation: Simulation, results: Mapping[str, Any]) -> list[Contact]:
    """Every window of the run, matched, in order of time."""
    tick_s = simulation.tick_ns / 1e9
    end_s = simulation.tick * tick_s
    found: list[Contact] = []
    predicted = [window for window in results["windows"] if window["aos_ns"] / 1e9 < end_s - SHORTEST_S]
    used: set[int] = set()
    for true in simulation.contacts.windows(simulation.tick):
        match = next(
            (
                index
                for index, window in enumerate(predicted)
                if index not in used and window["station"] == true.station and _overlap(window, true, tick_s)
            ),
            None,
        )
        if match is not None:
            used.add(match)
        found.append(
            _contact(simulation, true, predicted[match] if match is not None else None, results["passes"])
        )
    for index, window in enumerate(predicted):
        if index not in used:
            found.append(_only_predicted(simulation.sites, window))
    return sorted(found, key=lambda one: (one.true_from_s or one.predicted_from_s or 0.0, one.station))


def _overlap(window: Mapping[str, Any], true: TrueWindow, tick_s: float) -> bool:
    return bool(
        window["aos_ns"] / 1e9 < true.until_tick * tick_s and true.from_tick * tick_s < window["los_ns"] / 1e9
    )


def _contact(
    simulation: Simulation,
    true: TrueWindow,
    window: Mapping[str, Any] | None,
    passes: Sequence[Mapping[str, Any]],
) -> Contact:
    tick_s = simulation.tick_ns / 1e9
    site = simulation.sites[true.station]
    # Between two ticks nobody looked: the edge lay, on average, half a tick before the first that saw the
    # change.
    from_s, until_s = (true.from_tick - 0.5) * tick_s, (true.until_tick - 0.5) * tick_s
    errors = []
    if window is not None and true.rise_seen:
        errors.append(abs(window["aos_ns"] / 1e9 - from_s))
    if window is not None and true.set_seen:
        errors.append(abs(window["los_ns"] / 1e9 - until_s))
    elevation = simulation.contacts.elevation_max_deg(true)
    whole = true.rise_seen and true.set_seen
    counts = (
        whole
        and until_s - from_s > SHORTEST_S
        and elevation is not None
        and elevation >= site.elevation_mask_deg + CULMINATION_DEG
    )
    doppler_hz, doppler_rate_hz_s = _doppler(simulation, true)
    heard = [
        one
        for one in passes
        if one["station"] == true.station and one["start_ns"] / 1e9 < until_s and one["los_ns"] / 1e9 > from_s
    ]
    return Contact(
        station=site.name,
        true_from_s=true.from_tick * tick_s,
        true_until_s=true.until_tick * tick_s,
        predicted_from_s=window["aos_ns"] / 1e9 if window is not None else None,
        predicted_until_s=window["los_ns"] / 1e9 if window is not None else None,
        elevation_max_deg=elevation,
        counts=counts,
        edge_error_s=max(errors) if errors and counts else None,
        frames=sum(one["frames"] for one in heard),
        commands=sum(one["commands"] for one in heard),
        doppler_max_hz=doppler_hz,
        doppler_rate_max_hz_s=doppler_rate_hz_s,
        aos_error_s=window["aos_ns"] / 1e9 - from_s if window is not None and true.rise_seen else None,
    )


def _doppler(simulation: Simulation, true: TrueWindow) -> tuple[float | None, float | None]:
    """The largest shift of the telemetry carrier in a window, and how fast it changed at most."""
    from sim.link.budget import doppler_hz

    frequency_hz = simulation.scenario.link.budget.tm_frequency_mhz * 1e6
    seen = [(tick, doppler_hz(rate, frequency_hz)) for tick, rate in simulation.contacts.range_rates(true)]
    if not seen:
        return None, None
    tick_s = simulation.tick_ns / 1e9
    slopes = [abs(b - a) / ((then - now) * tick_s) for (now, a), (then, b) in pairwise(seen)]
    return max(abs(shift) for _, shift in seen), max(slopes, default=None)


def _only_predicted(sites: Sequence[Site], window: Mapping[str, Any]) -> Contact:
    site = sites[window["station"]]
    elevation = window["elevation_max_rad"] * 57.29577951308232
    length_s = (window["los_ns"] - window["aos_ns"]) / 1e9
    return Contact(
        station=site.name,
        true_from_s=None,
        true_until_s=None,
        predicted_from_s=window["aos_ns"] / 1e9,
        predicted_until_s=window["los_ns"] / 1e9,
        elevation_max_deg=elevation,
        counts=length_s > SHORTEST_S and elevation >= site.elevation_mask_deg + CULMINATION_DEG,
        edge_error_s=None,
        frames=0,
        commands=0,
    )


def figures(
    simulation: Simulation, results: Mapping[str, Any], found: Sequence[Contact]
) -> dict[str, float | None]:
    """The result quantities (`registry.RESULT_QUANTITIES`); None where there is nothing to measure."""
    counting = [contact for contact in found if contact.counts]
    true = [contact for contact in counting if contact.true_from_s is not None]
    edges = [contact.edge_error_s for contact in counting if contact.edge_error_s is not None]
    pongs = results["pong_delays_ms"]
    commands = results["commands"]
    link = simulation.link.counters
    votes = simulation.computer.counters()
    return {
        "pong_delay_ms": max(pongs) if pongs else None,
        "pongs": float(len(pongs)),
        "commands_unconfirmed": float(
            sum(1 for one in commands if _was_sent(one) and one["state"] not in CONFIRMED)
        ),
        "commands_unsent": float(sum(1 for one in commands if not _was_sent(one))),
        "commands_repeated": float(
            max(0, votes["commands_completed"] + votes["commands_failed"] - _runs(results))
        ),
        "contacts_made": float(sum(1 for contact in true if contact.frames)),
        "contacts_missed": float(sum(1 for contact in true if not contact.frames)),
        "windows_unmatched": float(
            sum(1 for contact in counting if contact.true_from_s is None or contact.predicted_from_s is None)
        ),
        "window_edge_error_s": max(edges) if edges else None,
        "bytes_outside_window": float(
            simulation.uplink_octets_outside + simulation.downlink_octets_outside()
        ),
        "frames_received": float(results["counters"].get("frames_received", 0)),
        "files_received": float(len(results["files"]["received"])),
        "files_incomplete": float(len(results["files"]["incomplete"])),
        "files_delivered_up": float(
            sum(1 for one in results["files"]["uploads"] if one["state"] == "delivered")
        ),
        "data_lost_bytes": float(link["down_loss_of_signal_bytes"]),
        "events_late": float(
            events_late(results["events"], (one.tick * simulation.tick_ns for one in simulation.events))
        ),
        "records_missing": _of_streams(results, "missing"),
        "records_given_up": _of_streams(results, "given_up"),
        "backlog_records": _of_streams(results, "backlog"),
        "replicas_retired": float(int(votes["retired"]).bit_count()),
        "vote_disagreements": float(sum(votes["divergences"])),
    }


def _of_streams(results: Mapping[str, Any], name: str) -> float:
    """A count of mission control's, over all streams of mass memory."""
    return float(sum(one[name] for one in results["records"]["streams"].values()))


def _was_sent(command: Mapping[str, Any]) -> bool:
    return command["departure_ns"] is not None


def _runs(results: Mapping[str, Any]) -> int:
    """How many executions on board what was sent accounts for; a time-tagged command is put into the schedule
    and executed.
    """
    commands = results["commands"]
    executed = sum(1 for one in commands if one["state"] == "executed")
    own: int = sum(number for state, number in results["requests"].items() if state not in UNSENT)
    return sum(map(_was_sent, commands)) + executed + own
