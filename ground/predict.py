"""Predicts passes from the ground's own elements, in chunks of three hours, so that a run need not wait for
its whole day.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np

from ground import fit, orbit, orientation, passes
from ground.config import GroundConfig, Orbit, Station
from ground.passes import Floats
from ground.windows import Window

CHUNK_STEPS = 1080
_CHUNK_S = CHUNK_STEPS * orbit.STEP_S
_CHUNKS_A_BLOCK = 8
_CHUNKS_KEPT = 2
_NS_PER_S = 1_000_000_000
NEVER_NS = 2**62
# Of SGP4 between the elements' epoch and the first instant: every minute for a year.
_CHECKS_A_DAY = 1440
_CHECKS_MOST = 600_000


class Predictor:
    """The passes over some stations, found as far ahead as anybody asked.

    What it finds depends on its arguments alone, never on how it was asked. It looks up to six hours past
    `until_ns`; a pass that still lasts then ends there.
    """

    def __init__(
        self,
        epoch: str,
        stations: tuple[Station, ...],
        advance: Callable[[float, Floats, Floats], None],
        first: Floats,
        until_ns: int,
    ) -> None:
        self._epoch_tt = orientation.epoch_tt(datetime.fromisoformat(epoch))
        self._stations = [
            (
                orientation.station_row(s.latitude_rad, s.longitude_rad, s.altitude_m),
                math.sin(s.elevation_mask_rad),
            )
            for s in stations
        ]
        self._advance = advance
        self._states = np.array([first])
        self._t0_s = 0.0
        self._chunks = 0
        self._chunks_last = math.ceil(until_ns / _NS_PER_S / _CHUNK_S) + 1
        self._orientation = np.zeros((0, 12))
        self._starts: list[tuple[Floats, Floats]] = []  # each chunk's first state and its orientation
        self._kept: dict[int, Floats] = {}  # the states of the chunks that were wanted last
        self._open: list[list[float]] = [[] for _ in stations]
        self._windows: list[Window] = []

    @property
    def ends_ns(self) -> int:
        """Where it stops looking: a pass that ends there may last longer."""
        return self._chunks_last * CHUNK_STEPS * round(orbit.STEP_S * _NS_PER_S)

    def windows_until(self, time_ns: int) -> list[Window]:
        """Every pass that begins by `time_ns`, in order of acquisition; later ones may follow them."""
        while self.found_until_ns() < time_ns:
            self._next_chunk()
        return self._windows

    def found_until_ns(self) -> int:
        """No pass that is not yet in `windows_until` begins before this."""
        if self._chunks == self._chunks_last or not self._stations:
            return NEVER_NS
        complete_s = max(self._chunks * _CHUNK_S - orbit.STEP_S, 0.0)
        return math.floor(min([complete_s] + [rise[0] for rise in self._open if rise]) * _NS_PER_S)

    def states_at(self, times_s: Floats) -> Floats:
        """Where the satellite is, GCRF m and m/s, at times in s after the epoch, up to `until_ns`.
        Chunks that are not at hand any more are propagated again, from their first state.
        """
        chunks = np.clip(np.floor(times_s / _CHUNK_S).astype(np.int64), 0, self._chunks_last - 1)
        found = np.zeros((len(times_s), 6))
        for chunk in np.unique(chunks).tolist():
            here = chunks == chunk
            found[here] = fit.at(self._chunk(chunk), chunk * _CHUNK_S, times_s[here])
        return found

    def _chunk(self, chunk: int) -> Floats:
        """The states of a chunk, and the first one of the next."""
        while self._chunks <= chunk:
            self._next_chunk()
        states = self._kept.pop(chunk, None)
        if states is None:
            first, row = self._starts[chunk]
            states = np.zeros((CHUNK_STEPS + 1, 6))
            states[0] = first
            self._advance(chunk * _CHUNK_S, states, row)
        self._keep(chunk, states)
        return states

    def _keep(self, chunk: int, states: Floats) -> None:
        self._kept[chunk] = states
        if len(self._kept) > _CHUNKS_KEPT:
            del self._kept[next(iter(self._kept))]

    def _next_chunk(self) -> None:
        start_s = self._chunks * _CHUNK_S
        if self._chunks % _CHUNKS_A_BLOCK == 0:
            edges_s = start_s + _CHUNK_S * np.arange(_CHUNKS_A_BLOCK + 1, dtype=np.float64)
            self._orientation = orientation.orientation_rows(self._epoch_tt, edges_s)
        row = self._orientation[self._chunks % _CHUNKS_A_BLOCK]
        fresh = np.zeros((CHUNK_STEPS + 1, 6))
        fresh[0] = self._states[-1]
        self._advance(start_s, fresh, row)
        self._starts.append((fresh[0].copy(), row.copy()))
        self._keep(self._chunks, fresh)
        # The last step of the chunk before comes along: a culmination needs its neighbours.
        kept = self._states[-2:-1]
        states = np.concatenate([kept, fresh])
        t0_s = start_s - orbit.STEP_S * len(kept)
        found = []
        for index, (place, mask) in enumerate(self._stations):
            arc = passes.Arc(t0_s, orbit.STEP_S, states, row, place, mask)
            found += self._windows_of(index, passes.find_edges(arc, first=self._chunks == 0))
            if self._chunks + 1 == self._chunks_last and self._open[index]:
                found += self._windows_of(index, [(start_s + _CHUNK_S, passes.SET, mask)])
        self._states = states[-2:].copy()
        self._chunks += 1
        self._windows += found
        self._windows.sort(key=lambda window: (window.aos_ns, window.station))

    def _windows_of(self, index: int, edges: list[passes.Edge]) -> list[Window]:
        found = []
        for time_s, kind, sine in edges:
            rise = self._open[index]
            if kind == passes.RISE:
                self._open[index] = [time_s, time_s, -1.0]
            elif rise and kind == passes.CULMINATION and sine > rise[2]:
                rise[1:] = [time_s, sine]
            elif rise and kind == passes.SET:
                aos_ns, tca_ns, los_ns = (round(t * _NS_PER_S) for t in (rise[0], rise[1], time_s))
                found.append(Window(index, aos_ns, tca_ns, los_ns, math.asin(max(rise[2], -1.0))))
                self._open[index] = []
        return found


@lru_cache(maxsize=8)
def _from_elements(epoch: str, stations: tuple[Station, ...], elements: Orbit, until_ns: int) -> Predictor:
    centuries = (orientation.epoch_tt(datetime.fromisoformat(epoch)) - orientation.J2000_TT) / 36525.0
    model = np.array([elements.gravity_degree, elements.gravity_order, elements.ballistic_m2_kg, centuries])
    coefficients, table = orbit.gravity_coefficients(), orbit.density_table()

    def advance(t_s: float, states: Floats, row: Floats) -> None:
        orbit.propagate(t_s, states, row, model, coefficients, table)

    first = np.array([*elements.position_gcrf_m, *elements.velocity_gcrf_m_s])
    return Predictor(epoch, stations, advance, first, until_ns)


def predictor(config: GroundConfig) -> Predictor:
    """The predictor of a configuration; equal ones share it, since it only ever grows."""
    return _from_elements(config.epoch, config.stations, config.orbit, config.duration_ns)


def forget_predictions() -> None:
    """Lets whoever asks next predict anew."""
    _from_elements.cache_clear()


def predict(config: GroundConfig) -> list[Window]:
    """Every pass that begins within a configuration's duration, from its elements and its model of the
    forces.
    """
    windows = predictor(config).windows_until(config.duration_ns)
    return [window for window in windows if window.aos_ns < config.duration_ns]


@dataclass(frozen=True, slots=True)
class TlePrediction:
    """The passes of a TLE; until when they were looked for, ns after the epoch: one that lasts until then may
    last longer; and, if SGP4 gives no orbit from then on, why.
    """

    windows: list[Window]
    ends_ns: int
    no_orbit: str | None


def predict_tle(
    line1: str,
    line2: str,
    *,
    epoch: str,
    stations: tuple[Station, ...],
    duration_ns: int,
    keep: Callable[[float, Floats], None] = lambda t_s, states: None,
) -> TlePrediction:
    """Every pass of a TLE by SGP4 that begins within `duration_ns` of the epoch (ISO 8601 with its offset),
    or before SGP4 gives no orbit any more.

    `keep` is told each stretch of states on the way: its first time, s after the epoch, and GCRF m and m/s.

    Raises ValueError if SGP4 cannot carry the elements to the epoch. The lines' form and checksums are the
    caller's to check.
    """
    from skyfield.api import EarthSatellite

    satellite = EarthSatellite(line1, line2, None, orientation.timescale())
    epoch_tt = orientation.epoch_tt(datetime.fromisoformat(epoch))
    ends: list[tuple[float, str]] = []

    def advance(t_s: float, states: Floats, _: Floats) -> None:
        if ends:  # the finder looks on for a while: nothing moves there, and what it finds is left out
            states[:] = states[0]
            return
        times_s = t_s + orbit.STEP_S * np.arange(len(states))
        at = satellite.at(orientation.timescale().tt_jd(epoch_tt + times_s / orientation.SECONDS_A_DAY))
        fresh = np.concatenate([np.asarray(at.position.m), np.asarray(at.velocity.m_per_s)]).T
        failed = np.array([message is not None for message in at.message]) | ~np.isfinite(fresh).all(axis=1)
        good = int(np.argmax(failed)) if failed.any() else len(states)
        if good < len(states):
            ends.append((t_s + orbit.STEP_S * (good - 1), at.message[good] or "its state is not finite"))
            fresh[good:] = fresh[good - 1] if good else states[0]
        states[:] = fresh
        keep(t_s, states)

    first = np.zeros((1, 6))
    advance(0.0, first, np.zeros(12))
    why = ends[0][1] if ends else _failure_on_the_way(satellite, epoch_tt)
    if why is not None:
        raise ValueError(f"SGP4 cannot carry these elements to {epoch}: {why}")
    finder = Predictor(epoch, stations, advance, first[0], duration_ns)
    found = finder.windows_until(duration_ns)
    if not ends:
        return TlePrediction([one for one in found if one.aos_ns < duration_ns], finder.ends_ns, None)
    ends_ns, why = round(ends[0][0] * _NS_PER_S), ends[0][1]
    if ends_ns <= 0:
        raise ValueError(f"SGP4 cannot carry these elements beyond {epoch}: {why}")
    begun = [one for one in found if one.aos_ns < min(duration_ns, ends_ns)]
    return TlePrediction([replace(one, los_ns=min(one.los_ns, ends_ns)) for one in begun], ends_ns, why)


def _failure_on_the_way(satellite: Any, epoch_tt: float) -> str | None:
    """Why SGP4 gives no orbit at some time between the elements' own epoch and a later one: it may give one
    again afterwards, of a satellite that has decayed.
    """
    from sgp4.api import SGP4_ERRORS

    model, days = satellite.model, epoch_tt - satellite.epoch.tt
    if days <= 0.0:
        return None
    offsets = np.linspace(0.0, days, min(max(math.ceil(days * _CHECKS_A_DAY), 2), _CHECKS_MOST))
    errors, _, _ = model.sgp4_array(np.full(len(offsets), model.jdsatepoch), model.jdsatepochF + offsets)
    failed = errors[errors != 0]
    return SGP4_ERRORS[int(failed[0])] if len(failed) else None
