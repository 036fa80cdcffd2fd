"""Answers of services: what the satellite reports of itself when it is asked (PUS 3, 5, 6, 11, 15, 17, 20,
23), as rows, and each beside the telecommand that asked for it.

An answer does not name its telecommand. It belongs to one that asks for such answers and whose arguments fit
it, the one whose execution was reported nearest in on-board time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from flight.arguments import resolve
from flight.dictionary import REPORTS, SETTINGS, TELECOMMANDS
from flight.packets import PacketError, decode_tc_packet
from flight.services import ServiceReport, TimeReport
from ground.alarms import LIVE, STORED
from safehold.durations import format_clock
from safehold.result import json_safe

if TYPE_CHECKING:
    from flight.frames import Delivery
    from flight.packets import TmPacket

ASKED_BY = {
    (3, 10): "report_housekeeping_structure",
    (5, 8): "report_disabled_events",
    (6, 6): "dump_memory",
    (6, 10): "check_memory",
    (11, 10): "report_schedule",
    (11, 13): "report_schedule_summary",
    (15, 13): "report_storage",
    (17, 4): "test_connection",
    (20, 2): "report_settings",
    (23, 13): "list_files",
}
ROWS_MAX = 100_000
ANSWERS_OF_ONE = 16
ANSWERS_OF_ALL = 256
CONTENT_CHARACTERS = 8_192
"""Of one answer in result.json; a longer one is in reports.jsonl and in the archive alone."""
SHOWN = 12
_LINE_CHARACTERS = 160
_LATE_NS = 60_000_000_000  # a directory goes down over many ticks
_EARLY_NS = 1_000_000_000

_FITS: Mapping[str, tuple[str, str]] = {  # the argument, and the key of the content that has its value
    "report_housekeeping_structure": ("structure", "structure"),
    "dump_memory": ("offset", "offset"),
    "check_memory": ("offset", "offset"),
    "report_storage": ("stream", "stream"),
    "test_connection": ("apid", "apid"),
    "report_settings": ("setting", "id"),
}


@dataclass(slots=True)
class ReportLog:
    """Answers as rows, each once; `left_out` of them came when there was no room any more."""

    stations: Sequence[str]
    rows: list[dict[str, Any]] = field(default_factory=list)
    left_out: int = 0
    _seen: set[tuple[int, int, int]] = field(default_factory=set)

    def add(self, packet: TmPacket, report: ServiceReport, delivery: Delivery, *, stored: bool) -> None:
        """An answer; time reports are the clock's."""
        if isinstance(report, TimeReport):
            return
        if len(self.rows) >= ROWS_MAX:
            self.left_out += 1
            return
        if (name := (packet.apid, packet.sequence, packet.time_ns)) in self._seen:
            return
        self._seen.add(name)
        layout = REPORTS.get((packet.service, packet.subtype))
        self.rows.append(
            {
                "arrival_ns": delivery.arrival_ns,
                "station": self.stations[delivery.station],
                "quality": STORED if stored else LIVE,
                "time_ns": packet.time_ns,
                "service": packet.service,
                "subtype": packet.subtype,
                "name": "" if layout is None else layout.name,
                "content": json_safe(content_of(report)),
            }
        )


def content_of(value: Any) -> Any:
    """What a report says as plain values: octets as hexadecimal digits, states by their names, telecommands
    by theirs.
    """
    if is_dataclass(value) and not isinstance(value, type):
        told = {one.name: content_of(getattr(value, one.name)) for one in fields(value)}
        return told | {"telecommand": _name_of(value.packet)} if hasattr(value, "packet") else told
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.name
    return [content_of(one) for one in value] if isinstance(value, tuple | list) else value


def _name_of(octets: bytes) -> str:
    """The telecommand in a packet, or nothing."""
    try:
        packet = decode_tc_packet(octets)
    except PacketError:
        return ""
    for command in TELECOMMANDS.values():
        function = int.from_bytes(packet.data[:2], "big") if packet.service == 8 else command.id
        if (command.service, command.subtype, command.id) == (packet.service, packet.subtype, function):
            return command.name
    return ""


def with_answers(
    commands: Sequence[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """`commands` of a result, those that were answered with `answers`: a bounded number of them, and of each
    a bounded content. `answers_left_out` counts the others.
    """
    made = [dict(one) for one in commands]
    total = 0
    for row in rows:
        one = _asker(made, row)
        if one is None:
            continue
        told = {name: row[name] for name in ("service", "subtype", "arrival_ns", "time_ns", "quality")}
        answers = one.setdefault("answers", [])
        if len(answers) >= ANSWERS_OF_ONE or total >= ANSWERS_OF_ALL:
            one["answers_left_out"] = one.get("answers_left_out", 0) + 1
            continue
        short = len(json.dumps(row["content"])) <= CONTENT_CHARACTERS
        answers.append(told | {"content": row["content"] if short else None})
        total += 1
    return made


def _asker(commands: Sequence[dict[str, Any]], row: Mapping[str, Any]) -> dict[str, Any] | None:
    name = ASKED_BY.get((row["service"], row["subtype"]))
    best: tuple[int, dict[str, Any]] | None = None
    for one in commands:
        done_ns = one.get("onboard_ns")
        if one["name"] != name or done_ns is None or not _fits(one, row["content"]):
            continue
        late_ns = row["time_ns"] - done_ns
        if -_EARLY_NS <= late_ns <= _LATE_NS and (best is None or abs(late_ns) < best[0]):
            best = abs(late_ns), one
    return None if best is None else best[1]


def _fits(command: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    """Whether an answer is to what the telecommand asked about."""
    if command["name"] not in _FITS or "arguments" not in command:
        return True
    argument, key = _FITS[command["name"]]
    asked = resolve(TELECOMMANDS[command["name"]], command["arguments"])[argument]
    return content[key] in (asked if isinstance(asked, list) else [asked])


def answer_lines(commands: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a person is told of the answers, the last `SHOWN` of them."""
    lines = [
        f"answer   {format_clock(answer['time_ns'])}  {one['name']}: {_sentence(answer)}"
        for one in commands
        for answer in one.get("answers", ())
    ]
    left_out = len(lines) - SHOWN
    more = [f"answer   {left_out} more before these, in result.json"] if left_out > 0 else []
    return [
        *more,
        *(one if len(one) <= _LINE_CHARACTERS else f"{one[:_LINE_CHARACTERS]}..." for one in lines[-SHOWN:]),
    ]


def _sentence(answer: Mapping[str, Any]) -> str:
    content = answer["content"]
    if content is None:
        return "long, in reports.jsonl"
    special: Callable[[Mapping[str, Any]], str] | None = _SENTENCES.get(
        (answer["service"], answer["subtype"])
    )
    if special is not None:
        return special(content)
    return ", ".join(f"{name} {_short(value)}" for name, value in content.items())


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"({', '.join(_short(one) for one in value)})"
    if isinstance(value, Mapping):
        return " ".join(_short(one) for one in value.values())
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _setting(content: Mapping[str, Any]) -> str:
    unit = SETTINGS[content["name"]].unit if content["name"] in SETTINGS else ""
    return f"{content['name']} = {', '.join(_short(one) for one in content['values'])} {unit}".rstrip()


def _check(content: Mapping[str, Any]) -> str:
    where = f"area {content['area']}, offset {content['offset']}, {content['length']} octets"
    return f"{where}: checksum 0x{content['checksum']:04X}"


def _files(content: Mapping[str, Any]) -> str:
    files = (f"{one['id']} {one['length']:,} octets {one['state']}" for one in content["files"])
    return f"{content['files_held']} files: {'; '.join(files)}"


_SENTENCES: Mapping[tuple[int, int], Callable[[Mapping[str, Any]], str]] = {
    (20, 2): _setting,
    (6, 10): _check,
    (23, 13): _files,
}
