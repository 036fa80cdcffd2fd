"""Two-line elements and orbit mean-elements messages, checked before SGP4 gets them.

TLE format: Hoots and Roehrich, Spacetrack Report 3, and CelesTrak's description; OMM: CCSDS 502.0-B (the
KVN, XML, JSON and CSV forms that CelesTrak and Space-Track give).
"""

import calendar
import csv
import io
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sim.environment.ephemeris import skyfield_times, timescale
from sim.orbit.errors import OmmError, TleError
from sim.orbit.initial import InitialState

AGE_NOTED_DAYS = 7.0
_LINE_LENGTH = 69
# Columns (from 1) of the fields that must be numbers, by line.
_FIELDS = {
    1: (("epoch year", 19, 20), ("epoch day", 21, 32)),
    2: (
        ("inclination", 9, 16),
        ("right ascension", 18, 25),
        ("eccentricity", 27, 33),
        ("argument of perigee", 35, 42),
        ("mean anomaly", 44, 51),
        ("mean motion", 53, 63),
    ),
}
_OMM_RANGES = {
    "MEAN_MOTION": (0.0, 17.0, "revolutions a day, above 0 and at most 17"),
    "ECCENTRICITY": (0.0, 1.0, "at least 0 and below 1"),
    "INCLINATION": (0.0, 180.0, "degrees between 0 and 180"),
    "RA_OF_ASC_NODE": (-360.0, 360.0, "degrees within one turn"),
    "ARG_OF_PERICENTER": (-360.0, 360.0, "degrees within one turn"),
    "MEAN_ANOMALY": (-360.0, 360.0, "degrees within one turn"),
    "BSTAR": (-1.0, 1.0, "a drag term between -1 and 1 per Earth radius"),
}
_OMM_FIXED = {
    "CENTER_NAME": "EARTH",
    "REF_FRAME": "TEME",
    "TIME_SYSTEM": "UTC",
    "MEAN_ELEMENT_THEORY": "SGP4",
}


def checksum(line: str) -> int:
    """The check digit of a TLE line: its digits plus one for each minus sign, modulo 10."""
    return sum(int(c) if c.isdigit() else c == "-" for c in line[: _LINE_LENGTH - 1]) % 10


def split_tle(text: str) -> tuple[str, str]:
    """The two lines of a TLE, with or without a name line before them, checked.

    Raises TleError: wrong number of lines or length, line number, check digit, catalogue numbers that
    differ, a field that is not a number or out of range, an epoch that is no day of its year.
    """
    lines = [line.rstrip() for line in text.strip().splitlines() if line.strip()]
    if len(lines) == 3:
        lines = lines[1:]
    if len(lines) != 2:
        raise TleError(
            "tle", text[:80], "must hold two lines of elements, with or without a name line before them"
        )
    for number, line in enumerate(lines, start=1):
        _check_line(number, line)
    if lines[0][2:7] != lines[1][2:7]:
        raise TleError("tle", lines[1][2:7], f"is not the catalogue number of line 1, {lines[0][2:7]!r}")
    _check_epoch(lines[0])
    _check_ranges(lines[1])
    return lines[0], lines[1]


def _check_line(number: int, line: str) -> None:
    key = f"tle line {number}"
    if len(line) != _LINE_LENGTH:
        raise TleError(key, line, f"has {len(line)} characters; it must have {_LINE_LENGTH}")
    if not line.isascii() or not line.startswith(f"{number} "):
        raise TleError(key, line, f"must begin with '{number} '")
    expected = checksum(line)
    if line[-1] != str(expected):
        raise TleError(key, line, f"has the check digit {line[-1]!r}, but its digits add up to {expected}")
    for name, first, last in _FIELDS[number]:
        word = line[first - 1 : last].strip()
        try:
            finite = math.isfinite(float(word))
        except ValueError:
            finite = False
        if not finite:
            raise TleError(f"{key}, {name}", word, f"must be a number in columns {first} to {last}")


def _check_epoch(line: str) -> None:
    word, day = line[18:20].strip(), float(line[20:32])
    if not word.isdigit():
        raise TleError("tle line 1, epoch year", word, "must be two digits")
    year = tle_year(line)
    if not 1.0 <= day < 366.0 + calendar.isleap(year):
        raise TleError("tle line 1, epoch day", day, f"must lie between 1 and the last day of {year}")


def tle_year(line: str) -> int:
    """The year of a TLE's epoch, by its checked first line: two digits of 1957 to 2056."""
    year = int(line[18:20])
    return year + (2000 if year < 57 else 1900)


def _check_ranges(line: str) -> None:
    inclination = float(line[8:16])
    mean_motion = float(line[52:63])
    if not 0.0 <= inclination <= 180.0:
        raise TleError("tle line 2, inclination", inclination, "must lie between 0 and 180 degrees")
    if not line[26:33].strip().isdigit():
        raise TleError("tle line 2, eccentricity", line[26:33], "must be seven digits without a point")
    if not 0.0 < mean_motion <= 17.0:
        raise TleError(
            "tle line 2, mean motion", mean_motion, "must be above 0 and at most 17 revolutions a day"
        )


def from_tle(text: str, epoch: datetime) -> InitialState:
    """The GCRF state at an epoch (UTC) by SGP4 from a TLE."""
    from sgp4.api import Satrec

    line1, line2 = split_tle(text)
    return _state(Satrec.twoline2rv(line1, line2), epoch, TleError, "tle")


def from_omm(message: str | Mapping[str, Any], epoch: datetime) -> InitialState:
    """The GCRF state at an epoch (UTC) by SGP4 from an OMM: its text (XML, JSON, CSV or KVN) or its fields.

    Raises OmmError for a field that is missing, not a number, or out of range, or another theory or frame.
    """
    from sgp4 import omm
    from sgp4.api import Satrec

    fields = omm_fields(message) if isinstance(message, str) else {k: str(v) for k, v in message.items()}
    _check_omm(fields)
    satellite = Satrec()
    omm.initialize(satellite, fields)
    return _state(satellite, epoch, OmmError, "omm")


def omm_fields(text: str) -> dict[str, str]:
    """The first message of an OMM file as a flat mapping of upper-case keywords to text."""
    body = text.lstrip("\ufeff \t\r\n")
    if body.startswith("<"):
        return _xml_fields(body)
    if body.startswith(("{", "[")):
        try:
            document = json.loads(body)
        except json.JSONDecodeError as error:
            raise OmmError("omm", body[:60], f"is not JSON: {error}") from error
        first = document[0] if isinstance(document, list) and document else document
        if not isinstance(first, dict):
            raise OmmError("omm", body[:60], "must hold an object of OMM keywords")
        return {str(key).upper(): str(value) for key, value in first.items() if value is not None}
    first_line = body.split("\n", 1)[0]
    if "," in first_line and "=" not in first_line:
        row = next(csv.DictReader(io.StringIO(body)), None)
        if row is None:
            raise OmmError("omm", first_line[:60], "must have a line of values below the keywords")
        return {str(key).strip().upper(): str(value).strip() for key, value in row.items() if value}
    pairs = [line.split("=", 1) for line in body.splitlines() if "=" in line]
    return {pair[0].strip().upper(): pair[1].split("[")[0].strip() for pair in pairs}


def _xml_fields(body: str) -> dict[str, str]:
    from xml.etree import ElementTree

    if "<!DOCTYPE" in body or "<!ENTITY" in body:
        raise OmmError("omm", body[:60], "must not declare a document type or entities")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise OmmError("omm", body[:60], f"is not XML: {error}") from error
    message = root if root.tag == "omm" else root.find(".//omm")
    if message is None:
        raise OmmError("omm", root.tag, "must hold an <omm> element")
    return {
        e.tag.upper(): (e.text or "").strip()
        for e in message.iter()
        if len(e) == 0 and (e.text or "").strip()
    }


def _check_omm(fields: dict[str, str]) -> None:
    for key, expected in _OMM_FIXED.items():
        value = fields.get(key, expected)
        if value.upper() != expected:
            raise OmmError(key, value, f"must be {expected}")
    for key, (low, high, expected) in _OMM_RANGES.items():
        if key not in fields:
            raise OmmError(key, None, f"is missing; it must be {expected}")
        try:
            value_number = float(fields[key])
        except ValueError:
            raise OmmError(key, fields[key], f"must be a number: {expected}") from None
        if not low <= value_number <= high:
            raise OmmError(key, value_number, f"must be {expected}")
    if float(fields["ECCENTRICITY"]) >= 1.0 or float(fields["MEAN_MOTION"]) <= 0.0:
        raise OmmError("ECCENTRICITY, MEAN_MOTION", None, "must describe a closed orbit")
    try:
        datetime.fromisoformat(fields.get("EPOCH", ""))
    except ValueError:
        raise OmmError(
            "EPOCH", fields.get("EPOCH"), "must be a UTC time such as 2026-06-21T00:00:00.000"
        ) from None
    for key, default in (
        ("MEAN_MOTION_DOT", "0"),
        ("MEAN_MOTION_DDOT", "0"),
        ("NORAD_CAT_ID", "99999"),
        ("ELEMENT_SET_NO", "0"),
        ("REV_AT_EPOCH", "0"),
        ("EPHEMERIS_TYPE", "0"),
        ("CLASSIFICATION_TYPE", "U"),
        ("OBJECT_ID", "2000-001A"),
    ):
        fields.setdefault(key, default)
    epoch = fields["EPOCH"]
    fields["EPOCH"] = epoch.removesuffix("Z") + ("" if "." in epoch else ".000000")


def _state(
    satellite: Any, epoch: datetime, error_type: type[TleError] | type[OmmError], key: str
) -> InitialState:
    from skyfield.sgp4lib import EarthSatellite

    time = skyfield_times(epoch, 0.0)
    body = EarthSatellite.from_satrec(satellite, timescale())
    place = body.at(time)
    if place.message:
        raise error_type(key, epoch.isoformat(), f"SGP4 cannot reach the scenario's epoch: {place.message}")
    state = np.concatenate((place.position.m, place.velocity.m_per_s))
    utc = epoch.replace(tzinfo=UTC) if epoch.tzinfo is None else epoch
    age_days = (utc - body.epoch.utc_datetime()).total_seconds() / 86400.0
    notes: tuple[str, ...] = ()
    if abs(age_days) > AGE_NOTED_DAYS:
        notes = (
            f"the elements are {abs(age_days):.0f} days {'old' if age_days > 0 else 'ahead'} at the epoch",
        )
    return InitialState(state, notes)
