"""NRLMSIS 2.1 on a grid, by the `msis` extra (pymsis; the model is licensed for academic use only).

The logarithm of the density is tabulated over altitude, local solar time and latitude twice: its mean over
universal time every third day, and the departure from that mean at eight universal times (the model's
dependence on longitude at one local time) on the first day. The sum is interpolated linearly.
Solar flux and magnetic index are given: nothing is fetched.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from sim.compiled import compiled
from sim.environment.layout import HEADER_ATMOSPHERE, Array

ALTITUDE_LOW_KM = 100.0
ALTITUDE_STEP_KM = 20.0
ALTITUDE_COUNT = 46  # to 1,000 km
LATITUDE_STEP_DEG = 10.0
LATITUDE_COUNT = 19
LOCAL_TIME_COUNT = 24  # hours
STEP_DAYS = 3  # the mean changes with the season alone
UNIVERSAL_TIME_COUNT = 8
DAY_NS = 86_400_000_000_000

# The grid's own header, before its values: [day, altitude, local time, latitude], then [universal time, ...].
_DAYS, _DAY_STEP_NS, _START_UTC_S = range(3)
_HEADER = 3
_PLANE = LOCAL_TIME_COUNT * LATITUDE_COUNT
_VOLUME = ALTITUDE_COUNT * _PLANE


def msis_table(epoch: datetime, duration_s: float, f107: float, f107a: float, ap: float) -> Array:
    """Tabulate the model from an epoch (UTC) on, for a solar flux F10.7 (of the day and its mean over 81
    days) and Ap.

    Raises ModuleNotFoundError, naming the extra, without pymsis.
    """
    try:
        from pymsis import calculate
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "atmosphere 'nrlmsis' needs the extra: pip install 'safehold[msis]'"
        ) from error
    utc = epoch.astimezone(UTC).replace(tzinfo=None) if epoch.tzinfo else epoch
    midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0)
    days = math.ceil((duration_s / 86400.0 + 2.0) / STEP_DAYS) + 1
    means = np.zeros((days, ALTITUDE_COUNT, LOCAL_TIME_COUNT, LATITUDE_COUNT))
    quarters = UNIVERSAL_TIME_COUNT // 2
    for day in range(days):
        for quarter in range(quarters):
            when = midnight + timedelta(days=day * STEP_DAYS, hours=24.0 * quarter / quarters)
            means[day] += _logarithm(calculate, when, f107, f107a, ap) / quarters
    step_h = 24.0 / UNIVERSAL_TIME_COUNT
    times = [midnight + timedelta(hours=step_h * i) for i in range(UNIVERSAL_TIME_COUNT)]
    departures = np.stack([_logarithm(calculate, when, f107, f107a, ap) for when in times])
    departures -= departures.mean(axis=0)
    header = np.zeros(_HEADER)
    header[_DAYS] = days
    header[_DAY_STEP_NS] = STEP_DAYS * DAY_NS
    header[_START_UTC_S] = (utc - midnight).total_seconds()
    return np.concatenate((header, means.ravel(), departures.ravel()))


def _logarithm(calculate: Any, when: datetime, f107: float, f107a: float, ap: float) -> Array:
    """Logarithm of the density over [altitude, local time, latitude] at one universal time."""
    altitudes = ALTITUDE_LOW_KM + ALTITUDE_STEP_KM * np.arange(ALTITUDE_COUNT)
    latitudes = -90.0 + LATITUDE_STEP_DEG * np.arange(LATITUDE_COUNT)
    longitudes = (15.0 * (np.arange(LOCAL_TIME_COUNT) - when.hour) + 180.0) % 360.0 - 180.0
    indices = np.full((1, 7), ap)
    output = calculate(
        np.datetime64(when), longitudes, latitudes, altitudes, f107, f107a, indices, version=2.1
    )
    # [time, longitude, latitude, altitude, quantity]; the first quantity is the total mass density.
    logarithm: Array = np.log(output[0, :, :, :, 0]).transpose(2, 0, 1)
    return logarithm


@compiled
def _plane(tables: Array, at: int, hour: float, latitude: float) -> float:
    """Bilinear value in one plane of local time (cyclic) and latitude, both in cells."""
    h0 = int(hour)
    l0 = int(latitude)
    h = hour - h0
    b = latitude - l0
    here = at + h0 * LATITUDE_COUNT + l0
    after = at + ((h0 + 1) % LOCAL_TIME_COUNT) * LATITUDE_COUNT + l0
    value: float = (1.0 - h) * ((1.0 - b) * tables[here] + b * tables[here + 1]) + h * (
        (1.0 - b) * tables[after] + b * tables[after + 1]
    )
    return value


@compiled
def _volume(tables: Array, at: int, height: float, hour: float, latitude: float) -> float:
    a0 = int(height)
    a = height - a0
    low = _plane(tables, at + a0 * _PLANE, hour, latitude)
    return (1.0 - a) * low + a * _plane(tables, at + (a0 + 1) * _PLANE, hour, latitude)


@compiled
def density_msis(
    tables: Array, t_ns: int, latitude_rad: float, longitude_rad: float, altitude_m: float
) -> float:
    """Density in kg/m3 from the grid at a geodetic place; zero above 1,000 km, clamped below 100 km."""
    height = (altitude_m * 1e-3 - ALTITUDE_LOW_KM) / ALTITUDE_STEP_KM
    if height >= ALTITUDE_COUNT - 1.0:
        return 0.0
    height = max(0.0, height)
    at = int(tables[HEADER_ATMOSPHERE])
    days = int(tables[at + _DAYS])
    elapsed_ns = t_ns + tables[at + _START_UTC_S] * 1e9
    day = max(0.0, min(elapsed_ns / tables[at + _DAY_STEP_NS], days - 1.001))
    hour = (elapsed_ns / 3.6e12 + longitude_rad * (12.0 / math.pi)) % 24.0
    latitude = max(0.0, min((math.degrees(latitude_rad) + 90.0) / LATITUDE_STEP_DEG, LATITUDE_COUNT - 1.001))
    universal = (elapsed_ns / 3.6e12 % 24.0) * (UNIVERSAL_TIME_COUNT / 24.0)
    means = at + _HEADER
    d0 = int(day)
    d = day - d0
    total = (1.0 - d) * _volume(tables, means + d0 * _VOLUME, height, hour, latitude)
    total += d * _volume(tables, means + (d0 + 1) * _VOLUME, height, hour, latitude)
    departures = means + days * _VOLUME
    u0 = int(universal) % UNIVERSAL_TIME_COUNT
    u1 = (u0 + 1) % UNIVERSAL_TIME_COUNT
    u = universal - int(universal)
    total += (1.0 - u) * _volume(tables, departures + u0 * _VOLUME, height, hour, latitude)
    total += u * _volume(tables, departures + u1 * _VOLUME, height, hour, latitude)
    return math.exp(total)
