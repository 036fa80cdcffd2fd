"""`safehold passes`: contact windows of a scenario's orbit, or of two-line elements."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from safehold.pass_figures import Track, highest, pass_figures
from safehold.radio import budget
from safehold.run import adjusted
from safehold.scenario import LARGEST_ELEMENTS_FILE, load
from safehold.schema import Scenario

if TYPE_CHECKING:
    from flight.tm_protection import TelemetryProtection
    from ground.windows import Window
    from sim.link import Budget

DEFAULT_SCENARIO = "first-contact"
DEFAULT_MASK_DEG = 10.0
WIDEST = 100
TITLES = ("station", "AOS (UTC)", "TCA", "LOS", "length", "highest", "nearest", "Doppler", "volume")
DEFAULT_DURATION = "1d"
LONGEST_NS = 31 * 86_400_000_000_000
# With --tle: the years of the Earth orientation table; SGP4 asks for nothing else.
START_FIRST = datetime(1990, 1, 1, tzinfo=UTC)
START_LAST = datetime(2050, 1, 1, tzinfo=UTC)
YEARS = "1990 to 2049, the years that the Earth's orientation is known for"
# How far a window may be from the elements' epoch: SGP4 loses kilometres a day of a low orbit.
AGE_NOTED = timedelta(days=14)
AGE_LARGEST = timedelta(days=366)
# Drag and radiation areas over mass of the reference spacecraft pointing at nadir, mean over an orbit.
DRAG_M2_KG = 0.021
PRESSURE_M2_KG = 0.013


@dataclass(frozen=True, slots=True)
class PassesOptions:
    """The options of `safehold passes`."""

    scenario: str | None
    tle: Path | None
    station: str | None
    start: str | None
    duration: str | None
    mask: float | None
    json_output: bool
    ics: Path | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """From when on passes are looked for; for how long they may begin; until when the search sees them, which
    may be later; and, of two-line elements, their own epoch.
    """

    start: datetime
    duration_ns: int
    ends_ns: int
    elements: datetime | None = None


def passes_command(options: PassesOptions) -> int:
    """Find, print; returns the exit code."""
    if options.tle is not None:
        found, name, start = tle_passes(options)
    else:
        if options.start is not None or (options.mask is not None and options.station is None):
            raise UsageError("SH-CLI-001", "--start and --mask go with --tle; a scenario has its own")
        scenario = adjusted(load(options.scenario or DEFAULT_SCENARIO), seed=None, duration=options.duration)
        if scenario.duration > LONGEST_NS:
            raise UsageError("SH-CLI-002", "passes are listed for 31 days at most; give a shorter --duration")
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

    rows = [_cells(one) for one in found]
    widths = [max(map(len, column)) for column in zip(TITLES, *rows, strict=True)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, title in enumerate(TITLES):
        table.add_column(
            title, justify="left" if place < 4 else "right", no_wrap=True, overflow="ellipsis",
            max_width=max(WIDEST - sum(widths[1:]) - 2 * len(widths[1:]), 7) if place == 0 else None,
        )  # fmt: skip
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(width=WIDEST, highlight=False, soft_wrap=False)
    console.print(table)
    minutes = sum(one["duration_s"] for one in found) / 60.0
    megabytes = sum(one["volume_bytes"] for one in found) / 1e6
    count = f"{len(found)} pass{'' if len(found) == 1 else 'es'}"
    console.print(f"{count}, {minutes:.0f} min in all, {megabytes:.0f} MB of packets expected")
    if any(one["cut_at_start"] or one["cut_at_end"] for one in found):
        console.print("< in view before the prediction begins, > and after it ends")


def _cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    length_s = one["duration_s"]
    return (
        one["station"],
        f"{'<' if one['cut_at_start'] else ''}{one['aos'][:10]} {one['aos'][11:19]}",
        _time_after(one["aos"], one["tca"]),
        f"{'>' if one['cut_at_end'] else ''}{_time_after(one['aos'], one['los'])}",
        f"{length_s:.0f} s" if length_s < 36_000.0 else f"{length_s / 3600.0:.1f} h",
        f"{one['elevation_max_deg']:.1f}°",
        f"{one['range_min_km']:.0f} km",
        f"±{one['doppler_max_hz'] / 1e3:.1f} kHz",
        f"{one['volume_bytes'] / 1e6:.1f} MB",
    )


def _time_after(first: str, text: str) -> str:
    """The time of day, to the second or after how many whole days since another instant."""
    days = (datetime.fromisoformat(text) - datetime.fromisoformat(first)).days
    return f"+{days}d {text[11:16]}" if days else text[11:19]


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


@contextmanager
def _searching(duration_ns: int) -> Iterator[Callable[[float], None]]:
    """A bar on standard error while passes are looked for, if a person looks on: a month takes a while. It is
    told to what time, s after the epoch, the search has come.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("looking for passes"), BarColumn(bar_width=40), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=duration_ns / 1e9)
        yield lambda t_s: bar.update(task, completed=t_s)


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
        told(t_s)

    own = places is None
    places = sites(scenario) if places is None else places
    track = Track(scenario.epoch, ground_orbit.STEP_S)
    first = np.asarray(initial_orbit(scenario).state_gcrf, dtype=np.float64)
    finder = Predictor(scenario.epoch.isoformat(), ground_stations(places), advance, first, scenario.duration)
    with _searching(scenario.duration) as told:
        found = finder.windows_until(scenario.duration)
    windows = [window for window in found if window.aos_ns < scenario.duration]
    radio = budget(scenario)
    if not own:
        names = [site.name for site in sites(scenario)]
        radio = _radio_of(radio, [names.index(site.name) if site.name in names else -1 for site in places])
    protection = scenario.link.telemetry_protection
    span = Span(scenario.epoch, scenario.duration, finder.ends_ns)
    return _documents(windows, places, span, track, radio, protection)


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
    from sim.orbit.mean_elements import split_tle, tle_year

    assert options.tle is not None
    if options.scenario is not None:
        raise UsageError("SH-CLI-001", f"{options.scenario}: --tle takes the place of a scenario")
    if options.station is None:
        raise UsageError("SH-CLI-001", f"--tle needs --station, one of {listing(registry.stations(), 30)}")
    place = _place(options)
    try:
        line1, line2 = split_tle(_text(options.tle))
    except ValueError as error:
        raise UsageError("SH-CLI-003", f"{options.tle}: {error}") from None
    if not START_FIRST.year <= tle_year(line1) < START_LAST.year:
        wrong = f"the elements' epoch is in {tle_year(line1)}, outside {YEARS}"
        raise UsageError("SH-CLI-003", f"{options.tle}: {wrong}")
    elements = _epoch(line1, line2)
    epoch = _instant(options.start) if options.start is not None else elements
    try:
        duration_ns = parse_duration(options.duration or DEFAULT_DURATION)
    except ValueError as error:
        raise UsageError("SH-CLI-002", f"--duration: {error}") from None
    if not 0 < duration_ns <= LONGEST_NS:
        raise UsageError("SH-CLI-002", "--duration must be more than nothing and at most 31 days")
    _check_age(options.tle, elements, epoch, duration_ns)
    track = Track(epoch, ground_orbit.STEP_S)

    def keep(t_s: float, states: NDArray[np.float64]) -> None:
        track.keep(t_s, states)
        told(t_s)

    try:
        with _searching(duration_ns) as told:
            found = predict_tle(
                line1,
                line2,
                epoch=epoch.isoformat(),
                stations=ground_stations((place,)),
                duration_ns=duration_ns,
                keep=keep,
            )
    except ValueError as error:
        raise UsageError("SH-CLI-003", f"{options.tle}: {error}") from None
    if found.no_orbit is not None and found.ends_ns < duration_ns:
        until = utc_text(epoch, found.ends_ns)[:16].replace("T", " ")
        _note(f"SGP4 gives no orbit from these elements after {until} UTC, so no passes: {found.no_orbit}")
    radio = _radio_of(budget(load(DEFAULT_SCENARIO)), [-1])
    name = f"catalogue number {line1[2:7].strip()}"
    span = Span(epoch, duration_ns, found.ends_ns, elements)
    return _documents(found.windows, (place,), span, track, radio), name, epoch


def _check_age(path: Path, elements: datetime, start: datetime, duration_ns: int) -> None:
    """Notes elements that are far from the window, refuses those that say nothing about it."""
    end = start + timedelta(microseconds=duration_ns / 1e3)
    age = max(start - elements, end - elements, key=abs)
    told = f"{abs(age).days} days {'old' if age > timedelta() else 'ahead'}"
    if abs(age) > AGE_LARGEST:
        wrong = f"the elements are of {elements:%Y-%m-%d}, {told}; {AGE_LARGEST.days} days are the most"
        raise UsageError("SH-CLI-003", f"{path}: {wrong}")
    if abs(age) > AGE_NOTED:
        _note(f"the elements are up to {told}; passes may come minutes earlier or later than listed")


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


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
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except OverflowError:  # the first and the last day of the calendar, in another time zone
        raise UsageError("SH-CLI-002", f"--start is outside {YEARS}") from None
    except ValueError:
        raise UsageError(
            "SH-CLI-002", f"--start: {text!r} is no instant; write it like 2026-06-21T00:00:00Z"
        ) from None
    if not START_FIRST <= instant < START_LAST:
        raise UsageError("SH-CLI-002", f"--start is outside {YEARS}")
    return instant


def _documents(
    windows: Sequence[Window],
    places: Sequence[Site],
    span: Span,
    track: Track,
    radio: Budget,
    protection: TelemetryProtection = "none",
) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    for window in windows:
        place = places[window.station]
        cut = window.los_ns >= span.ends_ns
        seen = _until(window, min(span.duration_ns, span.ends_ns), track, place) if cut else window
        document: dict[str, Any] = {
            "station": place.name,
            "aos": utc_text(span.start, seen.aos_ns),
            "tca": utc_text(span.start, seen.tca_ns),
            "los": utc_text(span.start, seen.los_ns),
            "duration_s": round((seen.los_ns - seen.aos_ns) / 1e9, 3),
            "cut_at_start": seen.aos_ns == 0,
            "cut_at_end": cut,
            "elevation_max_deg": round(math.degrees(seen.elevation_max_rad), 3),
            "elevation_mask_deg": place.elevation_mask_deg,
            **pass_figures(track, seen, place, radio, seen.station, protection),
        }
        if span.elements is not None:
            age = span.start + timedelta(microseconds=seen.aos_ns / 1e3) - span.elements
            document["elements_age_days"] = round(age / timedelta(days=1), 2)
        documents.append(document)
    return documents


def _until(window: Window, end_ns: int, track: Track, place: Site) -> Window:
    """A pass that was not seen to end, up to an instant: the highest elevation is that of the part."""
    part = replace(window, los_ns=end_ns)
    tca_ns, elevation_rad = highest(track, part, place)
    return replace(part, tca_ns=tca_ns, elevation_max_rad=elevation_rad)


def utc_text(epoch: datetime, nanoseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds."""
    instant = epoch + timedelta(microseconds=round(nanoseconds / 1e6) * 1000)
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
