"""`safehold passes`: figures of a pass against the plant and closed forms, its table, and its calendar as the
independent `icalendar` package reads it.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.command_passes import PassesOptions, passes_command, scenario_passes
from safehold.errors import UsageError
from safehold.icalendar import calendar, escaped, folded
from safehold.run import adjusted
from safehold.scenario import load
from sim.orbit.mean_elements import checksum

# The ISS on 2008-09-20, as in Wikipedia's article on two-line elements.
ISS = """1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927
2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537
"""


# Made up: one that is geostationary over 100 degrees west, and one that decays by SGP4 after 4.62 days.
GEOSTATIONARY = """1 25544U 98067A   26172.50000000  .00016717  00000-0  10270-3 0  9000
2 25544   0.0100 208.9163 0001000  69.9862  25.2906  1.00270000    18
"""
DECAYING = """1 25544U 98067A   26172.50000000  .00016717  00000-0  80000-1 0  9006
2 25544  51.6400 208.9163 0006317  69.9862  25.2906 15.49561420    16
"""


def options(**changes: Any) -> PassesOptions:
    values: dict[str, Any] = {
        "scenario": None,
        "tle": None,
        "station": None,
        "start": None,
        "duration": "3h",
        "mask": None,
        "json_output": True,
    }
    return PassesOptions(**{**values, **changes})


def listed(capsys: pytest.CaptureFixture[str], **changes: Any) -> list[dict[str, Any]]:
    assert passes_command(options(**changes)) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.requirement("L2.1")
def test_figures_of_a_pass() -> None:
    """The nearest range from the elevation there by the triangle of a spherical Earth (within 10 km), Doppler
    at the edge below the bound of the orbital speed, volume that of the rate over the pass.
    """
    found = scenario_passes(adjusted(load("first-contact"), seed=None, duration="3h"))
    assert len(found) == 2
    for one in found:
        sine = math.sin(math.radians(one["elevation_max_deg"]))
        earth_km, orbit_km = 6360.0, 6360.0 + 570.0  # at Svalbard, where the ellipsoid is flat
        expected = -earth_km * sine + math.sqrt((earth_km * sine) ** 2 + orbit_km**2 - earth_km**2)
        assert one["range_min_km"] == pytest.approx(expected, rel=0.04)
        assert 40e3 < one["doppler_max_hz"] < 2250e6 * 7.6e3 / 299792458.0
        assert 400.0 < one["doppler_rate_max_hz_s"] < 800.0
        assert one["volume_bytes"] == pytest.approx((one["duration_s"] - 3.0) * 125e3 * 1103 / 1115, rel=0.01)


@pytest.mark.requirement("L2.1")
def test_doppler_is_that_of_the_run() -> None:
    from safehold.run import fly

    scenario = adjusted(load("first-contact"), seed=None, duration="33m")
    (found,) = scenario_passes(scenario)
    (flown,) = fly(scenario)[0].document["passes"]
    assert flown["doppler_max_hz"] == pytest.approx(found["doppler_max_hz"], rel=5e-3)
    assert flown["doppler_rate_max_hz_s"] == pytest.approx(found["doppler_rate_max_hz_s"], rel=2e-2)


@pytest.fixture
def tle(tmp_path: Path) -> Path:
    path = tmp_path / "iss.txt"
    path.write_text(ISS)
    return path


@pytest.mark.requirement("L2.1")
def test_passes_end_with_the_orbit_and_it_is_said(tle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tle.write_text(DECAYING)
    assert passes_command(options(tle=tle, station="starbase", duration="7d")) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert len(found) >= 6
    assert all(one["los"] < "2026-06-26T02:57" for one in found)
    assert "no orbit from these elements after 2026-06-26 02:5" in told.err
    assert "decayed" in told.err
    assert passes_command(options(tle=tle, station="starbase", duration="4d")) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.requirement("S4")
def test_elements_without_an_orbit_are_refused(tle: Path) -> None:
    for start in ("2026-06-26T03:40:00Z", "2026-06-28T00:00:00Z"):
        tle.write_text(DECAYING)
        with pytest.raises(UsageError, match=r"SH-CLI-003.*SGP4 cannot carry.*decayed"):
            passes_command(options(tle=tle, station="starbase", start=start))


@pytest.mark.requirement("L2.1")
@pytest.mark.parametrize(
    ("start", "middle_days", "noted"),
    [
        ("2008-10-03T00:00:00Z", 12.98, ""),
        ("2008-10-10T00:00:00Z", 19.98, "up to 20 days old"),
        ("2008-08-30T00:00:00Z", -21.02, "up to 21 days ahead"),
    ],
)
def test_elements_far_from_the_window_are_noted(
    tle: Path, capsys: pytest.CaptureFixture[str], start: str, middle_days: float, noted: str
) -> None:
    assert passes_command(options(tle=tle, station="starbase", start=start, duration="1d")) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found
    assert all(one["elements_age_days"] == pytest.approx(middle_days, abs=0.51) for one in found)
    assert noted in told.err
    assert bool(told.err) == bool(noted)


@pytest.mark.requirement("S4")
def test_elements_of_another_year_are_refused(tle: Path) -> None:
    for start in ("2010-01-01T00:00:00Z", "1990-01-01T00:00:00Z"):
        with pytest.raises(UsageError, match=r"SH-CLI-003.*the elements are of 2008-09-20"):
            passes_command(options(tle=tle, station="starbase", start=start))


@pytest.mark.requirement("S4")
@pytest.mark.parametrize("epoch", ["57264", "89365", "50001", "08000", "08367", "08999"])
def test_elements_whose_own_epoch_cannot_be_used_are_refused(tle: Path, epoch: str) -> None:
    line1, line2 = ISS.splitlines()
    changed = line1.replace("08264.", f"{epoch}.")
    tle.write_text(f"{changed[:68]}{checksum(changed)}\n{line2}\n")
    with pytest.raises(UsageError, match=r"SH-CLI-003.*epoch"):
        passes_command(options(tle=tle, station="starbase"))


@pytest.mark.requirement("S4")
@pytest.mark.parametrize("start", ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-10:00"])
def test_an_instant_beyond_the_calendar_is_refused(tle: Path, start: str) -> None:
    with pytest.raises(UsageError, match="SH-CLI-002 --start is outside 1990 to 2049"):
        passes_command(options(tle=tle, station="starbase", start=start))


@pytest.mark.requirement("S4")
def test_a_scenario_and_elements_together_are_refused(tle: Path) -> None:
    with pytest.raises(UsageError, match="SH-CLI-001 nosuch: --tle takes the place"):
        passes_command(options(scenario="nosuch", tle=tle, station="starbase"))


@pytest.mark.requirement("S4")
def test_more_than_a_month_is_refused(tle: Path) -> None:
    for changes in ({}, {"tle": tle, "station": "starbase"}):
        with pytest.raises(UsageError, match=r"SH-CLI-002.*31 days"):
            passes_command(options(duration="32d", **changes))


@pytest.mark.requirement("L2.1")
def test_a_pass_without_an_end_is_cut_where_the_prediction_ends(
    tle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its highest elevation, and when, are those of the part that was seen."""
    tle.write_text(GEOSTATIONARY)
    path = tle.with_name("passes.ics")
    (one,) = listed(capsys, tle=tle, station="0,-100", duration="1d", ics=path)
    assert (one["aos"], one["los"]) == ("2026-06-21T12:00:00.000Z", "2026-06-22T12:00:00.000Z")
    assert (one["cut_at_start"], one["cut_at_end"], one["duration_s"]) == (True, True, 86_400.0)
    (event,) = icalendar.Calendar.from_ical(path.read_bytes()).walk("VEVENT")
    assert event.decoded("DTEND") == datetime(2026, 6, 22, 12, tzinfo=UTC)
    assert "In view before" in str(event["DESCRIPTION"])
    assert "In view afterwards" in str(event["DESCRIPTION"])
    (short,) = listed(capsys, tle=tle, station="0,-100", duration="1h")
    assert one["aos"] <= short["tca"] <= short["los"] == "2026-06-21T13:00:00.000Z"
    assert 10.0 < short["elevation_max_deg"] <= one["elevation_max_deg"]
    assert passes_command(options(tle=tle, station="0,-100", duration="1d", json_output=False)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "<2026-06-21 12:00:00" in lines[1]
    assert ">+1d 12:00" in lines[1]
    assert lines[-1].startswith("< in view before")


@pytest.mark.requirement("L2.1")
def test_a_pass_that_ends_after_the_window_ends_as_in_a_longer_one(
    tle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = listed(capsys, duration="3h")[0]
    assert (longer["cut_at_start"], longer["cut_at_end"]) == (False, False)
    assert listed(capsys, duration="25m") == [longer]
    assert longer["los"] > "2026-06-21T00:25"


def test_a_weak_station_gets_less(capsys: pytest.CaptureFixture[str]) -> None:
    scenario = adjusted(load("first-contact"), seed=None, duration="3h")
    weak = scenario.model_copy(
        update={"station": [one.model_copy(update={"g_t_db_k": -6.0}) for one in scenario.station]}
    )
    for strong, less in zip(scenario_passes(scenario), scenario_passes(weak), strict=True):
        assert less["volume_bytes"] < 0.9 * strong["volume_bytes"]
        assert less["aos"] == strong["aos"]


def test_any_station(capsys: pytest.CaptureFixture[str]) -> None:
    own = listed(capsys, station="svalbard")
    assert {one["station"] for one in own} == {"svalbard"}
    low = listed(capsys, station="svalbard", mask=0.0)
    assert low[0]["duration_s"] > own[0]["duration_s"] + 60.0
    same = listed(capsys, station="78.230,15.408,440", mask=10.0)
    assert same[0]["aos"][:19] == own[0]["aos"][:19]
    assert same[0]["station"] == "78.230,15.408,440"


@pytest.mark.parametrize("station", ["north pole", "91,0", "1,2,3,4", "nan,0", "1,", "svalbart"])
def test_a_place_that_is_none_is_refused(station: str) -> None:
    with pytest.raises(UsageError) as caught:
        passes_command(options(station=station))
    assert caught.value.id == "SH-CLI-002"


def test_table_fits_a_hundred_columns(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tle = tmp_path / "iss.txt"
    tle.write_text(ISS)
    for changes in ({}, {"station": "-52.123456,-113.1234,4321"}, {"tle": tle, "station": "starbase"}):
        assert passes_command(options(duration="12h", json_output=False, **changes)) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) >= 3
        assert max(map(len, lines)) <= 100
        assert all(word in lines[0] for word in ("AOS", "TCA", "LOS", "Doppler", "volume"))
        assert "MB of packets expected" in lines[-1]


@pytest.mark.requirement("L2.1")
def test_calendar_as_another_program_reads_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "passes.ics"
    found = listed(capsys, duration="6h", ics=path)
    octets = path.read_bytes()
    read = icalendar.Calendar.from_ical(octets)
    assert not read.errors
    events = read.walk("VEVENT")
    assert len(events) == len(found) > 3
    for event, one in zip(events, found, strict=True):
        assert not event.errors
        assert event.decoded("DTSTART") == datetime.fromisoformat(one["aos"]).replace(microsecond=0)
        assert event.decoded("DTEND") == datetime.fromisoformat(one["los"]).replace(microsecond=0)
        assert event.decoded("DTSTAMP") == datetime(2026, 6, 21, tzinfo=UTC)
        assert str(event["LOCATION"]) == one["station"]
        assert f"{one['elevation_max_deg']:.1f}°" in str(event["DESCRIPTION"])
    assert len({str(event["UID"]) for event in events}) == len(events)
    assert all(len(line) <= 75 for line in octets.split(b"\r\n"))
    assert b"\n" not in octets.replace(b"\r\n", b"")
    listed(capsys, duration="6h", ics=path)
    assert path.read_bytes() == octets


def test_calendar_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        passes_command(options(ics=tmp_path / "missing" / "passes.ics"))
    assert caught.value.id == "SH-CLI-003"


@given(st.text(max_size=300))
def test_any_text_survives_escaping_and_folding(text: str) -> None:
    """What is read back is the text, but for control characters and the kind of line break."""
    one = {
        "station": text,
        "aos": "2026-06-21T00:22:54.312Z",
        "tca": "2026-06-21T00:26:51.000Z",
        "los": "2026-06-21T00:30:46.000Z",
        "duration_s": 472.0,
        "elevation_max_deg": 55.8,
        "range_min_km": 668.0,
        "doppler_max_hz": 50600.0,
        "volume_bytes": 58_000_000,
    }
    (event,) = icalendar.Calendar.from_ical(calendar([one], name=text, stamp=one["aos"])).walk("VEVENT")
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    plain = "".join(
        character for character in plain if character == "\n" or (character >= " " and character != "\x7f")
    )
    assert str(event["LOCATION"]) == plain


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=400))
def test_folding_cuts_no_character(text: str) -> None:
    parts = folded(text).split(b"\r\n")
    assert parts.pop() == b""
    assert all(len(part) <= 75 for part in parts)
    assert "".join(
        part.decode() if index == 0 else part.decode()[1:] for index, part in enumerate(parts)
    ) == text  # fmt: skip


def test_escaping_leaves_no_control_character() -> None:
    assert escaped("a;b,c\\d\ne\x00\x1b[31m") == "a\\;b\\,c\\\\d\\ne[31m"


@pytest.mark.requirement("L2.1")
@pytest.mark.parametrize("looked_on", [True, False])
@pytest.mark.parametrize("tle", [True, False])
def test_a_bar_shows_how_far_the_search_is_to_who_looks_on(
    tle: bool,
    looked_on: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    if looked_on:
        monkeypatch.setenv("FORCE_COLOR", "1")  # to rich, standard error is then a terminal
    changes: dict[str, Any] = {}
    if tle:
        (tmp_path / "iss.txt").write_text(ISS)
        changes = {"tle": tmp_path / "iss.txt", "station": "starbase"}
    assert passes_command(options(**changes)) == 0
    shown = capsys.readouterr()
    assert ("looking for passes" in shown.err) == looked_on
    json.loads(shown.out)
