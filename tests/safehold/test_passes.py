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

# The ISS on 2008-09-20, as in Wikipedia's article on two-line elements.
ISS = """1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927
2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537
"""


def options(**changes: Any) -> PassesOptions:
    values: dict[str, Any] = {
        "scenario": "first-contact",
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
