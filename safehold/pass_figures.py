"""What a predicted pass is worth: range, Doppler, and the octets that the link budget lets through.

The satellite is taken to point its patch +z at nadir, as STANDBY and DOWNLINK do. A volume counts the
data fields of whole frames at the telemetry rate, less those in which a bit would turn, from acquisition to
three seconds before loss of signal, when the carrier goes off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from flight.tm_protection import TelemetryProtection
    from ground.windows import Window
    from safehold.orbits import Site
    from sim.link import Budget

SAMPLE_S = 5.0
SAMPLES_MOST = 20_000  # of a pass of more than a day, as of a geostationary satellite
CARRIER_OFF_S = 3.0
_EARTH_ROTATION_RAD_S = 7.292115146706979e-5

Floats = NDArray[np.float64]


class Track:
    """The states that a predictor went through, kept as they come: GCRF, m and m/s, evenly spaced."""

    def __init__(self, epoch: datetime, step_s: float) -> None:
        self._epoch = epoch
        self._step_s = step_s
        self._chunks: dict[float, Floats] = {}

    def keep(self, t_s: float, states: Floats) -> None:
        """A chunk of states from a time (s after the epoch) on."""
        self._chunks[t_s] = states.copy()

    def itrs(self, times_s: Floats) -> tuple[Floats, Floats]:
        """Positions and velocities relative to the turning Earth, in ITRS axes."""
        from ground import orientation

        states = np.array([self._state(t) for t in times_s])
        edges = np.array([times_s[0], max(times_s[-1], times_s[0] + 1.0)])
        row = orientation.orientation_rows(orientation.epoch_tt(self._epoch), edges)[0]
        pole = row[:9].reshape(3, 3)
        angle = row[9] + row[10] * (times_s - row[11])
        cosine, sine = np.cos(angle), np.sin(angle)
        turned = []
        for part in (states[:, :3], states[:, 3:]):
            true = part @ pole.T
            x, y = cosine * true[:, 0] + sine * true[:, 1], -sine * true[:, 0] + cosine * true[:, 1]
            turned.append(np.column_stack([x, y, true[:, 2]]))
        positions, velocities = turned
        velocities[:, 0] += _EARTH_ROTATION_RAD_S * positions[:, 1]
        velocities[:, 1] -= _EARTH_ROTATION_RAD_S * positions[:, 0]
        return positions, velocities

    def _state(self, t_s: float) -> Floats:
        """Cubic between the states around a time."""
        start_s = max(key for key in self._chunks if key <= t_s + 1e-6)
        states, h = self._chunks[start_s], self._step_s
        index = min(max(int((t_s - start_s) / h), 0), len(states) - 2)
        u = (t_s - start_s) / h - index
        a, b = states[index], states[index + 1]
        position = (
            (1 + 2 * u) * (1 - u) ** 2 * a[:3]
            + u * (1 - u) ** 2 * h * a[3:]
            + u * u * (3 - 2 * u) * b[:3]
            + u * u * (u - 1) * h * b[3:]
        )
        velocity = (
            6 * u * (u - 1) / h * (a[:3] - b[:3]) + (1 - u) * (1 - 3 * u) * a[3:] + u * (3 * u - 2) * b[3:]
        )
        return np.concatenate([position, velocity])


@dataclass(frozen=True, slots=True)
class _Sight:
    """A pass from its station, sampled: s after the epoch; satellite and line of sight in ITRS axes, m;
    velocity relative to the turning Earth, m/s; range, m; sine of the elevation.
    """

    times_s: Floats
    positions: Floats
    velocities: Floats
    lines: Floats
    ranges: Floats
    sines: Floats


def _sight(track: Track, window: Window, place: Site) -> _Sight:
    from ground import orientation

    aos_s, los_s = window.aos_ns / 1e9, window.los_ns / 1e9
    samples = min(max(3, math.ceil((los_s - aos_s) / SAMPLE_S) + 1), SAMPLES_MOST)
    times_s = np.linspace(aos_s, los_s, samples)
    positions, velocities = track.itrs(times_s)
    row = orientation.station_row(
        math.radians(place.latitude_deg), math.radians(place.longitude_deg), place.altitude_m
    )
    lines = positions - row[:3]
    ranges = np.linalg.norm(lines, axis=1)
    return _Sight(times_s, positions, velocities, lines, ranges, lines @ row[3:] / ranges)


def highest(track: Track, window: Window, place: Site) -> tuple[int, float]:
    """When in a pass the satellite stands highest, ns after the epoch and to a sample, and how high, rad."""
    sight = _sight(track, window, place)
    index = int(np.argmax(sight.sines))
    return round(float(sight.times_s[index]) * 1e9), math.asin(float(sight.sines[index]))


def pass_figures(
    track: Track,
    window: Window,
    place: Site,
    budget: Budget,
    station: int,
    protection: TelemetryProtection = "none",
) -> dict[str, float]:
    """`range_min_km`, `doppler_max_hz`, `doppler_rate_max_hz_s` and `volume_bytes` of a pass."""
    from sim.link.budget import bit_error_rate, doppler_hz

    sight = _sight(track, window, place)
    times_s, positions, lines, ranges = sight.times_s, sight.positions, sight.lines, sight.ranges
    rates = np.einsum("ij,ij->i", lines, sight.velocities) / ranges
    # Nadir towards the station: minus the position against minus the line.
    nadir_cosines = np.einsum("ij,ij->i", lines, positions) / ranges / np.linalg.norm(positions, axis=1)
    shifts = np.array([doppler_hz(float(rate), budget.tm.frequency_hz) for rate in rates])
    good = [
        _frame_share(bit_error_rate(budget.tm, ebn0_db) if ebn0_db >= budget.acquisition_ebn0_db else 0.5)
        for ebn0_db in (
            budget.tm_ebn0_db(station, float(distance), float(sine), float(cosine), 0)
            for distance, sine, cosine in zip(ranges, sight.sines, nadir_cosines, strict=True)
        )
    ]
    used_s = np.clip(times_s[-1] - CARRIER_OFF_S - times_s, 0.0, None)
    seconds = -np.diff(used_s)
    share = 0.5 * (np.array(good[1:]) + np.array(good[:-1]))
    return {
        "range_min_km": round(float(ranges.min()) / 1e3, 1),
        "doppler_max_hz": round(float(np.abs(shifts).max()), 1),
        "doppler_rate_max_hz_s": round(float(np.abs(np.diff(shifts) / np.diff(times_s)).max()), 2),
        "volume_bytes": int(
            float(np.sum(seconds * share)) * budget.tm.rate_bit_s / 8.0 * _data_share(protection)
        ),
    }


def _frame_share(rate: float) -> float:
    """How many of the frames arrive without a turned bit."""
    from flight.tm_frames import TM_FRAME_OCTETS

    return math.exp(8.0 * TM_FRAME_OCTETS * math.log1p(-min(rate, 0.5)))


def _data_share(protection: TelemetryProtection) -> float:
    from flight.tm_frames import TM_FRAME_OCTETS
    from flight.tm_protection import data_octets

    return data_octets(protection) / TM_FRAME_OCTETS
