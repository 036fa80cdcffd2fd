"""`safehold passes`: contact windows of a scenario's orbit, or of two-line elements."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from safehold import registry
from safehold.durations import parse_duration
from safehold.errors import EXIT_OK, UsageError
from safehold.near import listing, suggestion
from safehold.orbits import Site, environment_model, initial_orbit, sites
from safehold.run import adjusted
from safehold.scenario import LARGEST_ELEMENTS_FILE, load
from safehold.schema import Scenario

if TYPE_CHECKING:
    from ground.config import Station
    from ground.windows import Window

DEFAULT_MASK_DEG = 10.0
DEFAULT_DURATION = "1d"
LONGEST_NS = 31 * 86_400_000_000_000
# With --tle: the years of the Earth orientation table; SGP4 asks for nothing else.
START_FIRST = datetime(1990, 1, 1, tzinfo=UTC)
START_LAST = datetime(2050, 1, 1, tzinfo=UTC)
# Drag and radiation areas over mass of the reference spacecraft pointing at nadir, mean over an orbit.
DRAG_M2_KG = 0.021
PRESSURE_M2_KG = 0.013


@dataclass(frozen=True, slots=True)
class PassesOptions:
    """The options of `safehold passes`."""

    scenario: str
    tle: Path | None
    station: str | None
    start: str | None
    duration: str | None
    mask: float | None
    json_output: bool


def passes_command(options: PassesOptions) -> int:
    """Find, print; returns the exit code."""
    if options.tle is not None:
        found = tle_passes(options)
    else:
        if options.start is not None or options.mask is not None:
            raise UsageError("SH-CLI-001", "--start and --mask go with --tle; a scenario has its own")
        scenario = adjusted(load(options.scenario), seed=None, duration=options.duration)
        found = scenario_passes(scenario)
        if options.station is not None:
            _known_station(options.station, [site.name for site in sites(scenario)])
            found = [one for one in found if one["station"] == options.station]
    if options.json_output:
        print(json.dumps(found, indent=2, allow_nan=False))
        return EXIT_OK
    print(f"{'station':<16} {'rise (UTC)':<24} {'culmination':<13} {'set':<13} {'length':>8} {'highest':>8}")
    for one in found:
        print(
            f"{one['station']:<16} {one['aos']:<24} {one['tca'][11:-1]:<13} {one['los'][11:-1]:<13} "
            f"{one['duration_s']:>6.0f} s {one['elevation_max_deg']:>7.1f}°"
        )
    total = sum(one["duration_s"] for one in found)
    print(f"{len(found)} passes, {total / 60.0:.0f} min in all")
    return EXIT_OK


def scenario_passes(scenario: Scenario) -> list[dict[str, Any]]:
    """The passes of a scenario over its duration, from its orbit with its own force model."""
    from ground import orbit as ground_orbit
    from ground.predict import Predictor
    from sim.environment.tables import EnvironmentTables
    from sim.orbit import propagate

    model = environment_model(scenario)
    # The finder looks at whole chunks, and so a little beyond the end.
    tables = EnvironmentTables(scenario.epoch, scenario.duration / 1e9 + 4 * 3600.0, model)
    drag = DRAG_M2_KG if model.drag else 0.0
    pressure = PRESSURE_M2_KG if model.solar_pressure else 0.0

    def advance(t_s: float, states: NDArray[np.float64], _: NDArray[np.float64]) -> None:
        times = np.round((t_s + ground_orbit.STEP_S * np.arange(len(states))) * 1e9).astype(np.int64)
        states[:] = propagate(states[0], tables, times, drag_m2_kg=drag, pressure_m2_kg=pressure)

    places = sites(scenario)
    first = np.asarray(initial_orbit(scenario).state_gcrf, dtype=np.float64)
    finder = Predictor(scenario.epoch.isoformat(), _stations(places), advance, first, scenario.duration)
    windows = [
        window for window in finder.windows_until(scenario.duration) if window.aos_ns < scenario.duration
    ]
    return _documents(windows, places, scenario.epoch)


def tle_passes(options: PassesOptions) -> list[dict[str, Any]]:
    """The passes of two-line elements over one station of the catalogue, by SGP4."""
    from ground.predict import predict_tle
    from sim.orbit.mean_elements import split_tle

    assert options.tle is not None
    if options.station is None:
        raise UsageError("SH-CLI-001", f"--tle needs --station, one of {listing(registry.stations(), 30)}")
    known = registry.stations()
    _known_station(options.station, list(known))
    catalogued = known[options.station]
    mask = options.mask if options.mask is not None else DEFAULT_MASK_DEG
    place = Site(
        catalogued.name, catalogued.latitude_deg, catalogued.longitude_deg, catalogued.altitude_m, mask
    )
    try:
        line1, line2 = split_tle(_text(options.tle))
    except ValueError as error:
        raise UsageError("SH-CLI-003", f"{options.tle}: {error}") from None
    epoch = _instant(options.start) if options.start is not None else _epoch(line1, line2)
    try:
        duration_ns = parse_duration(options.duration or DEFAULT_DURATION)
    except ValueError as error:
        raise UsageError("SH-CLI-002", f"--duration: {error}") from None
    if not 0 < duration_ns <= LONGEST_NS:
        raise UsageError("SH-CLI-002", "--duration must be more than nothing and at most 31 days")
    try:
        windows = predict_tle(
            line1, line2, epoch=epoch.isoformat(), stations=_stations((place,)), duration_ns=duration_ns
        )
    except ValueError as error:
        raise UsageError("SH-CLI-003", f"{options.tle}: {error}") from None
    return _documents(windows, (place,), epoch)


def _known_station(name: str, known: Sequence[str]) -> None:
    if name not in known:
        hint = suggestion(name, known) or f"; there are {listing(known, 30)}"
        raise UsageError("SH-CLI-002", f"unknown station {name!r}{hint}")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_ELEMENTS_FILE + 1)
    except OSError as error:
        raise UsageError("SH-CLI-003", f"{path} cannot be read: {error.strerror or error}") from None
    if len(content) > LARGEST_ELEMENTS_FILE:
        raise UsageError("SH-CLI-003", f"{path} is larger than 64 KiB")
    return content.decode("utf-8", errors="replace")


def _epoch(line1: str, line2: str) -> datetime:
    """The elements' epoch, UTC, to the millisecond."""
    from sgp4.api import Satrec

    satellite = Satrec.twoline2rv(line1, line2)
    days = (satellite.jdsatepoch - 2440587.5) + satellite.jdsatepochF
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=round(days * 86_400_000))


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "SH-CLI-002", f"--start: {text!r} is no instant; write it like 2026-06-21T00:00:00Z"
        ) from None
    instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    if not START_FIRST <= instant < START_LAST:
        raise UsageError(
            "SH-CLI-002",
            "--start is outside 1990 to 2049, the years that the Earth's orientation is known for",
        )
    return instant


def _stations(places: Sequence[Site]) -> tuple[Station, ...]:
    from ground.config import Station

    return tuple(
        Station(
            name=site.name,
            latitude_rad=math.radians(site.latitude_deg),
            longitude_rad=math.radians(site.longitude_deg),
            altitude_m=site.altitude_m,
            elevation_mask_rad=math.radians(site.elevation_mask_deg),
        )
        for site in places
    )


def _documents(windows: Sequence[Window], places: Sequence[Site], epoch: datetime) -> list[dict[str, Any]]:
    return [
        {
            "station": places[window.station].name,
            "aos": utc_text(epoch, window.aos_ns),
            "tca": utc_text(epoch, window.tca_ns),
            "los": utc_text(epoch, window.los_ns),
            "duration_s": round((window.los_ns - window.aos_ns) / 1e9, 3),
            "elevation_max_deg": round(math.degrees(window.elevation_max_rad), 3),
            "elevation_mask_deg": places[window.station].elevation_mask_deg,
        }
        for window in windows
    ]


def utc_text(epoch: datetime, nanoseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds."""
    instant = epoch + timedelta(microseconds=round(nanoseconds / 1e6) * 1000)
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
