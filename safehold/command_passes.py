"""`safehold passes`: contact windows of a scenario's orbit, or of two-line elements."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from safehold import registry
from safehold.assembly import ground_stations
from safehold.durations import parse_duration
from safehold.errors import EXIT_OK, UsageError
from safehold.near import listing, suggestion
from safehold.orbits import Site, environment_model, initial_orbit, sites
from safehold.pass_figures import Track, pass_figures
from safehold.radio import budget
from safehold.run import adjusted
from safehold.scenario import LARGEST_ELEMENTS_FILE, load
from safehold.schema import Scenario

if TYPE_CHECKING:
    from flight.tm_protection import TelemetryProtection
    from ground.windows import Window
    from sim.link import Budget

DEFAULT_MASK_DEG = 10.0
WIDEST = 100
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
    ics: Path | None = None


def passes_command(options: PassesOptions) -> int:
    """Find, print; returns the exit code."""
    if options.tle is not None:
        found, name, start = tle_passes(options)
    else:
        if options.start is not None or (options.mask is not None and options.station is None):
            raise UsageError("SH-CLI-001", "--start and --mask go with --tle; a scenario has its own")
        scenario = adjusted(load(options.scenario), seed=None, duration=options.duration)
        found = scenario_passes(scenario, _places(scenario, options))
        name, start = scenario.name, scenario.epoch
    if options.ics is not None:
        _write_calendar(options.ics, found, name, start)
    if options.json_output:
        print(json.dumps(found, indent=2, allow_nan=False))
        return EXIT_OK
    _print_table(found)
    return EXIT_OK


def _write_calendar(path: Path, found: Sequence[Mapping[str, Any]], name: str, start: datetime) -> None:
    from safehold.icalendar import calendar

    try:
        path.write_bytes(calendar(found, name=f"Passes of {name}", stamp=utc_text(start, 0)))
    except OSError as error:
        raise UsageError("SH-CLI-003", f"{path} cannot be written: {error.strerror or error}") from None


def _print_table(found: Sequence[Mapping[str, Any]]) -> None:
    """One line a pass, at most 100 columns."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, right in (
        ("station", False),
        ("AOS (UTC)", False),
        ("TCA", False),
        ("LOS", False),
        ("length", True),
        ("highest", True),
        ("nearest", True),
        ("Doppler", True),
        ("volume", True),
    ):
        table.add_column(
            title, justify="right" if right else "left", no_wrap=True, overflow="ellipsis",
            max_width=16 if title == "station" else None,
        )  # fmt: skip
    for one in found:
        cells = (
            one["station"],
            f"{one['aos'][:10]} {one['aos'][11:19]}",
            one["tca"][11:19],
            one["los"][11:19],
            f"{one['duration_s']:.0f} s",
            f"{one['elevation_max_deg']:.1f}°",
            f"{one['range_min_km']:.0f} km",
            f"±{one['doppler_max_hz'] / 1e3:.1f} kHz",
            f"{one['volume_bytes'] / 1e6:.1f} MB",
        )
        table.add_row(*(Text(cell) for cell in cells))
    console = Console(width=WIDEST, highlight=False, soft_wrap=False)
    console.print(table)
    minutes = sum(one["duration_s"] for one in found) / 60.0
    megabytes = sum(one["volume_bytes"] for one in found) / 1e6
    count = f"{len(found)} pass{'' if len(found) == 1 else 'es'}"
    console.print(f"{count}, {minutes:.0f} min in all, {megabytes:.0f} MB of packets expected")


def _places(scenario: Scenario, options: PassesOptions) -> tuple[Site, ...]:
    """The scenario's stations, or the one that was asked for, which need not be one of them."""
    own = sites(scenario)
    if options.station is None:
        return own
    chosen = [site for site in own if site.name == options.station]
    if chosen and options.mask is None:
        return tuple(chosen)
    return (_place(options, [site.name for site in own]),)


def _place(options: PassesOptions, more: Sequence[str] = ()) -> Site:
    """The station of `--station`: a name of the catalogue, or latitude,longitude[,altitude]."""
    assert options.station is not None
    mask = options.mask if options.mask is not None else DEFAULT_MASK_DEG
    if "," in options.station:
        return _coordinates(options.station, mask)
    known = registry.stations()
    if options.station not in known:
        _known_station(options.station, [*more, *known])
    found = known[options.station]
    return Site(found.name, found.latitude_deg, found.longitude_deg, found.altitude_m, mask)


def _coordinates(text: str, mask: float) -> Site:
    parts = text.split(",")
    try:
        latitude, longitude, *rest = (float(part) for part in parts)
        altitude = rest[0] if rest else 0.0
        sound = (
            len(parts) <= 3
            and abs(latitude) <= 90.0
            and -180.0 <= longitude <= 360.0
            and -500.0 <= altitude <= 9000.0
        )
    except ValueError:
        sound = False
    if not sound:
        raise UsageError(
            "SH-CLI-002",
            f"--station: {text!r} is no place; write latitude,longitude[,altitude] in degrees and metres, "
            "like 52.5,13.4,34",
        )
    return Site(text, latitude, longitude, altitude, mask)


def scenario_passes(scenario: Scenario, places: tuple[Site, ...] | None = None) -> list[dict[str, Any]]:
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
        track.keep(t_s, states)

    own = places is None
    places = sites(scenario) if places is None else places
    track = Track(scenario.epoch, ground_orbit.STEP_S)
    first = np.asarray(initial_orbit(scenario).state_gcrf, dtype=np.float64)
    finder = Predictor(scenario.epoch.isoformat(), ground_stations(places), advance, first, scenario.duration)
    windows = [
        window for window in finder.windows_until(scenario.duration) if window.aos_ns < scenario.duration
    ]
    radio = budget(scenario)
    if not own:
        names = [site.name for site in sites(scenario)]
        radio = _radio_of(radio, [names.index(site.name) if site.name in names else -1 for site in places])
    protection = scenario.link.telemetry_protection
    return _documents(windows, places, scenario.epoch, track, radio, protection)


def _radio_of(radio: Budget, which: Sequence[int]) -> Budget:
    """The budget for other stations than the scenario's: -1 for one that it does not have."""
    return replace(
        radio,
        station_eirp_dbw=tuple(
            radio.tc.eirp_dbw if one < 0 else radio.station_eirp_dbw[one] for one in which
        ),
        station_g_t_db_k=tuple(
            radio.tm.g_t_db_k if one < 0 else radio.station_g_t_db_k[one] for one in which
        ),
    )


def tle_passes(options: PassesOptions) -> tuple[list[dict[str, Any]], str, datetime]:
    """The passes of two-line elements over a station, by SGP4 and with the default radio; a name for them
    and the first instant.
    """
    from ground import orbit as ground_orbit
    from ground.predict import predict_tle
    from sim.orbit.mean_elements import split_tle

    assert options.tle is not None
    if options.station is None:
        raise UsageError("SH-CLI-001", f"--tle needs --station, one of {listing(registry.stations(), 30)}")
    place = _place(options)
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
        track = Track(epoch, ground_orbit.STEP_S)
        windows = predict_tle(
            line1,
            line2,
            epoch=epoch.isoformat(),
            stations=ground_stations((place,)),
            duration_ns=duration_ns,
            keep=track.keep,
        )
    except ValueError as error:
        raise UsageError("SH-CLI-003", f"{options.tle}: {error}") from None
    radio = _radio_of(budget(load("first-contact")), [-1])
    name = f"catalogue number {line1[2:7].strip()}"
    return _documents(windows, (place,), epoch, track, radio), name, epoch


def _known_station(name: str, known: Sequence[str]) -> None:
    if name not in known:
        hint = suggestion(name, known) or f"; there are {listing(set(known), 30)}"
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


def _documents(
    windows: Sequence[Window],
    places: Sequence[Site],
    epoch: datetime,
    track: Track,
    radio: Budget,
    protection: TelemetryProtection = "none",
) -> list[dict[str, Any]]:
    return [
        {
            "station": places[window.station].name,
            "aos": utc_text(epoch, window.aos_ns),
            "tca": utc_text(epoch, window.tca_ns),
            "los": utc_text(epoch, window.los_ns),
            "duration_s": round((window.los_ns - window.aos_ns) / 1e9, 3),
            "elevation_max_deg": round(math.degrees(window.elevation_max_rad), 3),
            "elevation_mask_deg": places[window.station].elevation_mask_deg,
            **pass_figures(track, window, places[window.station], radio, window.station, protection),
        }
        for window in windows
    ]


def utc_text(epoch: datetime, nanoseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds."""
    instant = epoch + timedelta(microseconds=round(nanoseconds / 1e6) * 1000)
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
