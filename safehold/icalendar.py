"""Passes as a calendar, RFC 5545: one event a pass, times in UTC.

Nothing in it depends on when it was made, so that the same passes give the same file: DTSTAMP is the first
instant of the prediction, and an event's UID a hash of its station and acquisition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_LINE_OCTETS = 75


def calendar(passes: Iterable[Mapping[str, Any]], *, name: str, stamp: str) -> bytes:
    """The file's octets. `stamp`: first instant, ISO 8601 in UTC, as the passes' own times are."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//safehold//passes//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{escaped(name)}",
    ]
    for one in passes:
        lines += _event(one, stamp)
    lines.append("END:VCALENDAR")
    return b"".join(folded(line) for line in lines)


def escaped(text: str) -> str:
    """A TEXT value: backslash, semicolon, comma, line break escaped; other control characters left out."""
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
    return "".join(character for character in text if character >= " " and character != "\x7f")


def folded(line: str) -> bytes:
    """A content line: at most 75 octets, what is longer goes on after a space; no character is cut apart."""
    parts: list[bytes] = []
    part = b""
    for character in line:
        octets = character.encode("utf-8")
        if len(part) + len(octets) > _LINE_OCTETS:
            parts.append(part)
            part = b" "
        part += octets
    return b"\r\n".join([*parts, part]) + b"\r\n"


def _event(one: Mapping[str, Any], stamp: str) -> Iterator[str]:
    uid = hashlib.sha256(f"{one['station']} {one['aos']}".encode()).hexdigest()[:32]
    words = (
        f"Highest {one['elevation_max_deg']:.1f}° at {one['tca'][11:19]} UTC, {one['duration_s']:.0f} s, "
        f"nearest {one['range_min_km']:.0f} km\n"
        f"Doppler up to {one['doppler_max_hz'] / 1e3:.1f} kHz; {one['volume_bytes'] / 1e6:.1f} MB expected"
    )
    if one.get("cut_at_start"):
        words += "\nIn view before: the prediction begins here"
    if one.get("cut_at_end"):
        words += "\nIn view afterwards: the prediction ends here"
    yield "BEGIN:VEVENT"
    yield f"UID:{uid}@safehold"
    yield f"DTSTAMP:{_instant(stamp)}"
    yield f"DTSTART:{_instant(one['aos'])}"
    yield f"DTEND:{_instant(one['los'])}"
    yield f"SUMMARY:{escaped('Pass over ' + str(one['station']))}"
    yield f"LOCATION:{escaped(str(one['station']))}"
    yield f"DESCRIPTION:{escaped(words)}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _instant(text: str) -> str:
    """2026-06-21T00:22:54.312Z as 20260621T002254Z."""
    return text[:19].replace("-", "").replace(":", "") + "Z"
