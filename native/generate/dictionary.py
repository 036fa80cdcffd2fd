"""Make the C++ face of flight/dictionary.toml: frames, settings, parameters, events, telecommands.

Run by CMake as `python dictionary.py flight/dictionary.toml OUTPUT.hpp`, with the standard library only.
Each struct is laid out without padding: frames exactly in the declared order (one that would need padding is
refused), settings and parameters sorted by size, with a named spare at the end. C++ asserts it again.
"""

from __future__ import annotations

import hashlib
import math
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

# Raised when the meaning of the compiled module's interface changes, together with flight/dictionary.py's.
ABI = 3

TYPES = {
    "f64": ("double", 8),
    "i64": ("std::int64_t", 8),
    "u64": ("std::uint64_t", 8),
    "f32": ("float", 4),
    "u32": ("std::uint32_t", 4),
    "u16": ("std::uint16_t", 2),
    "i16": ("std::int16_t", 2),
    "u8": ("std::uint8_t", 1),
}
INTEGER_LIMITS = {
    "i64": (-(2**63), 2**63 - 1),
    "u64": (0, 2**64 - 1),
    "u32": (0, 2**32 - 1),
    "u16": (0, 2**16 - 1),
    "i16": (-(2**15), 2**15 - 1),
    "u8": (0, 255),
}
SEVERITIES = ("info", "low", "medium", "high")
EVENT_ARGUMENTS_MAX = 4
TELECOMMAND_ARGUMENTS_MAX = 8
NOT_COUNTED = 255
HOUSEKEEPING_BYTES_MAX = 1000  # so that a structure fits one packet of 1,024 octets with its headers
IDLE_APID = 2047
EXACT_IN_DOUBLE = 2**53  # settings travel as doubles
PREAMBLE = Path(__file__).with_name("preamble.hpp.in")
NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


class DictionaryError(ValueError):
    """An entry that cannot be turned into code; the message names it."""


def require(condition: bool, message: str) -> None:
    if not condition:
        raise DictionaryError(message)


def count_of(entry: dict[str, Any]) -> int:
    return math.prod(entry.get("shape", [1]))


def cpp_type(entry: dict[str, Any]) -> str:
    name = TYPES[entry["type"]][0]
    for length in reversed(entry.get("shape", [])):
        name = f"std::array<{name}, {length}>"
    return name


def cpp_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def cpp_number(value: float, *, type_name: str) -> str:
    if type_name in INTEGER_LIMITS:
        if type_name == "i64" and value == -(2**63):
            return "INT64_MIN"
        return f"{int(value)}" + {"u64": "ULL", "i64": "LL", "u32": "U", "u16": "U", "u8": "U"}.get(
            type_name, ""
        )
    text = repr(float(value))
    return text + ("F" if type_name == "f32" else "")


def check_entries(kind: str, entries: list[dict[str, Any]], *, ids: bool = True) -> None:
    """Names well formed and unique, types known, ids unique."""
    seen_names: set[str] = set()
    seen_ids: set[int] = set()
    for entry in entries:
        name = entry.get("name", "")
        require(bool(NAME.match(name)), f"{kind}: {name!r} is not a lower-case name")
        require(name not in seen_names, f"{kind}.{name}: the name is declared twice")
        require(bool(entry.get("meaning")), f"{kind}.{name}: `meaning` is missing")
        seen_names.add(name)
        if ids:
            number = entry.get("id")
            require(
                isinstance(number, int) and 0 < number < 65536, f"{kind}.{name}: `id` must be in 1..65535"
            )
            require(number not in seen_ids, f"{kind}.{name}: id {number} is declared twice")
            seen_ids.add(number)


def check_typed(kind: str, entry: dict[str, Any]) -> None:
    require(entry.get("type") in TYPES, f"{kind}.{entry['name']}: unknown type {entry.get('type')!r}")


def frame_struct(name: str, frame: dict[str, Any]) -> list[str]:
    """A struct in the declared order; an order that the compiler would pad is refused here."""
    struct = "".join(part.capitalize() for part in name.split("_")) + "Frame"
    lines = [f"// {frame['meaning']}", f"struct {struct} {{"]
    asserts = []
    offset = 0
    widest = 1
    check_entries(f"frame.{name}", frame["fields"], ids=False)
    for field in frame["fields"]:
        check_typed(f"frame.{name}", field)
        size = TYPES[field["type"]][1]
        require(offset % size == 0, f"frame.{name}.{field['name']}: would need padding at offset {offset}")
        widest = max(widest, size)
        lines.append(f"  {cpp_type(field)} {field['name']};  // {field['meaning']}")
        asserts.append(f"static_assert(offsetof({struct}, {field['name']}) == {offset});")
        offset += size * count_of(field)
    require(offset % widest == 0, f"frame.{name}: {offset} octets need padding at the end")
    lines += ["};", f"static_assert(sizeof({struct}) == {offset});"]
    lines.append(
        f"static_assert(std::is_trivially_copyable_v<{struct}> && std::is_standard_layout_v<{struct}>);"
    )
    return [
        *lines,
        *asserts,
        f"inline constexpr std::size_t {name}_frame_octets = {offset};",
        "",
        *frame_fields(name, frame["fields"]),
    ]


def frame_fields(name: str, fields: list[dict[str, Any]]) -> list[str]:
    """The table of a frame's fields: where they lie, and what the black box codes them by."""
    rows = []
    offset = 0
    for field in fields:
        where = f"frame.{name}.{field['name']}"
        quantum = float(field.get("quantum", 0.0))
        require(quantum >= 0.0 and math.isfinite(quantum), f"{where}: `quantum` must not be negative")
        require(quantum == 0.0 or field["type"] in ("f64", "f32"), f"{where}: only floats have a `quantum`")
        predicted = field.get("predicted", "constant")
        require(predicted in ("constant", "linear"), f"{where}: `predicted` is constant or linear")
        linear = "true" if predicted == "linear" else "false"
        rows.append(f"{{Type::{field['type']}, {linear}, {count_of(field)}, {offset}, {quantum!r}}}")
        offset += TYPES[field["type"]][1] * count_of(field)
    return table("FrameFieldEntry", f"{name}_frame_fields", rows)


def packed_struct(
    struct: str, comment: str, entries: list[dict[str, Any]]
) -> tuple[list[str], dict[str, int]]:
    """A struct sorted by falling size, a spare filling it to a multiple of eight octets."""
    lines = [f"// {comment}", f"struct {struct} {{"]
    offsets: dict[str, int] = {}
    offset = 0
    for entry in sorted(entries, key=lambda e: -TYPES[e["type"]][1]):
        offsets[entry["name"]] = offset
        unit = f" [{entry['unit']}]" if entry.get("unit") else ""
        lines.append(f"  {cpp_type(entry)} {entry['name']};  // {entry['meaning']}{unit}")
        offset += TYPES[entry["type"]][1] * count_of(entry)
    spare = -offset % 8 or (8 if offset == 0 else 0)
    if spare:
        lines.append(f"  std::array<std::uint8_t, {spare}> spare;  // zero")
        offset += spare
    lines += ["};", f"static_assert(sizeof({struct}) == {offset});"]
    lines += [f"static_assert(offsetof({struct}, {name}) == {at});" for name, at in offsets.items()]
    lines.append(
        f"static_assert(std::is_trivially_copyable_v<{struct}> && std::is_standard_layout_v<{struct}>);"
    )
    return lines, offsets


def settings(entries: list[dict[str, Any]]) -> list[str]:
    """`Parameters`: what the ground can set, with default and limits that are checked before a store."""
    check_entries("setting", entries)
    for entry in entries:
        check_typed("setting", entry)
        name, type_name = entry["name"], entry["type"]
        low, high = INTEGER_LIMITS.get(type_name, (-math.inf, math.inf))
        entry.setdefault("min", max(low, -EXACT_IN_DOUBLE) if type_name in INTEGER_LIMITS else low)
        entry.setdefault("max", min(high, EXACT_IN_DOUBLE) if type_name in INTEGER_LIMITS else high)
        widest = max(abs(entry["min"]), abs(entry["max"]))
        exact = type_name not in ("i64", "u64") or widest <= EXACT_IN_DOUBLE
        require(exact, f"setting.{name}: limits beyond 2^53 are not exact in a double")
        require("default" in entry, f"setting.{name}: `default` is missing")
        values = (
            entry["default"] if isinstance(entry["default"], list) else [entry["default"]] * count_of(entry)
        )
        require(
            len(values) == count_of(entry), f"setting.{name}: the default must have {count_of(entry)} values"
        )
        for value in (*values, entry["min"], entry["max"]):
            require(
                math.isfinite(value), f"setting.{name}: `default`, `min` and `max` must be given and finite"
            )
            require(
                entry["min"] <= value <= entry["max"], f"setting.{name}: {value} is outside its own limits"
            )
        entry["values"] = values
    lines, offsets = packed_struct("Parameters", "Settings that the ground can change.", entries)
    lines += ["", "inline constexpr Parameters parameters_default = [] {", "  Parameters p{};"]
    for entry in entries:
        flat = f"p.{entry['name']}"
        shape = entry.get("shape", [])
        for index, value in enumerate(entry["values"]):
            place = flat
            rest = index
            for axis, _ in enumerate(shape):
                stride = math.prod(shape[axis + 1 :])
                place += f"[{rest // stride}]"
                rest %= stride
            lines.append(f"  {place} = {cpp_number(value, type_name=entry['type'])};")
    lines += ["  return p;", "}();", ""]
    rows = [
        f"{{{e['id']}, Type::{e['type']}, {count_of(e)}, {offsets[e['name']]}, {float(e['min'])!r}, "
        f"{float(e['max'])!r}, {cpp_text(e['name'])}}}"
        for e in sorted(entries, key=lambda e: e["id"])
    ]
    return lines + table("SettingEntry", "setting_entries", rows)


def parameters(entries: list[dict[str, Any]]) -> list[str]:
    """`Telemetry`: what housekeeping reports."""
    check_entries("parameter", entries)
    sizes: dict[int, int] = {}
    for entry in entries:
        check_typed("parameter", entry)
        structure = entry.setdefault("structure", 1)
        require(0 < structure < 256, f"parameter.{entry['name']}: `structure` must be in 1..255")
        check_limits(entry)
        sizes[structure] = sizes.get(structure, 0) + TYPES[entry["type"]][1] * count_of(entry)
    for structure, size in sizes.items():
        require(
            size <= HOUSEKEEPING_BYTES_MAX,
            f"housekeeping structure {structure}: {size} octets do not fit a frame",
        )
    lines, offsets = packed_struct("Telemetry", "Parameters that housekeeping reports.", entries)
    rows = [
        f"{{{e['id']}, Type::{e['type']}, {count_of(e)}, {offsets[e['name']]}, {e['structure']}, "
        f"{cpp_text(e['name'])}}}"
        for e in sorted(entries, key=lambda e: e["id"])
    ]
    return lines + table("TelemetryEntry", "telemetry_entries", rows)


def check_limits(entry: dict[str, Any]) -> None:
    """Limits of a telemetry parameter, which mission control alone reads: ordered, red around yellow."""
    limits = entry.get("limits", [])
    where = f"parameter.{entry['name']}: `limits`"
    each = limits if isinstance(limits, list) else [limits]
    require(
        not isinstance(limits, list) or len(each) in (0, count_of(entry)),
        f"{where} fit no array of its shape",
    )
    for one in each:
        spans = [one.get(colour, [-math.inf, math.inf]) for colour in ("yellow", "red")]
        require(set(one) <= {"yellow", "red"}, f"{where} are yellow and red")
        require(all(len(span) == 2 and span[0] <= span[1] for span in spans), f"{where} are [low, high]")
        yellow, red = spans
        require(
            "yellow" not in one or (red[0] <= yellow[0] and yellow[1] <= red[1]),
            f"{where}: red lies within yellow",
        )


def table(entry_type: str, name: str, rows: list[str]) -> list[str]:
    body = [f"  {row}," for row in rows]
    return [
        f"inline constexpr std::array<{entry_type}, {len(rows)}> {name} = {{{{",
        *body,
        "}};",
        "",
    ]


def enum(name: str, pairs: list[tuple[str, int]]) -> list[str]:
    return [
        f"enum class {name} : std::uint16_t {{",
        *(f"  {key} = {value}," for key, value in pairs),
        "};",
        "",
    ]


def events(entries: list[dict[str, Any]]) -> list[str]:
    check_entries("event", entries)
    for entry in entries:
        require(
            entry.get("severity") in SEVERITIES,
            f"event.{entry['name']}: severity must be one of {SEVERITIES}",
        )
        require(
            len(entry.get("arguments", [])) <= EVENT_ARGUMENTS_MAX,
            f"event.{entry['name']}: at most {EVENT_ARGUMENTS_MAX} arguments",
        )
    ordered = sorted(entries, key=lambda e: e["id"])
    rows = [
        f"{{{e['id']}, Severity::{e['severity']}, {len(e.get('arguments', []))}, {cpp_text(e['name'])}}}"
        for e in ordered
    ]
    return enum("EventId", [(e["name"], e["id"]) for e in ordered]) + table(
        "EventEntry", "event_entries", rows
    )


def allowed_modes(entry: dict[str, Any], modes: list[str]) -> int:
    """The modes in which a command may start, bit by mode; every one if it names none."""
    if "modes" not in entry:
        return 0xFFFF
    unknown = [name for name in entry["modes"] if name not in modes]
    require(
        not unknown and bool(entry["modes"]),
        f"telecommand.{entry['name']}: `modes` are among {', '.join(modes)}",
    )
    return sum(1 << modes.index(name) for name in set(entry["modes"]))


def telecommands(entries: list[dict[str, Any]], modes: list[str]) -> list[str]:
    """Commands with PUS service and subtype; service 8 tells its commands apart by the function id."""
    check_entries("telecommand", entries)
    rows = []
    keys: set[tuple[int, ...]] = set()
    ordered = sorted(entries, key=lambda e: e["id"])
    for entry in ordered:
        arguments = entry.get("arguments", [])
        service, subtype = entry.get("service", 8), entry.get("subtype", 1)
        key = (service, subtype, entry["id"]) if service == 8 else (service, subtype)
        require(
            key not in keys, f"telecommand.{entry['name']}: service {service}, {subtype} is declared twice"
        )
        keys.add(key)
        require(
            len(arguments) <= TELECOMMAND_ARGUMENTS_MAX,
            f"telecommand.{entry['name']}: at most {TELECOMMAND_ARGUMENTS_MAX} arguments",
        )
        cells = []
        for argument in arguments:
            check_typed(f"telecommand.{entry['name']}", argument)
            low, high = INTEGER_LIMITS.get(
                argument["type"], (-1.7976931348623157e308, 1.7976931348623157e308)
            )
            low, high = argument.get("min", low), argument.get("max", high)
            cells.append(f"{{Type::{argument['type']}, {float(low)!r}, {float(high)!r}}}")
        filled = ", ".join(cells)
        counted = entry.get("counted_from", NOT_COUNTED)
        require(
            counted == NOT_COUNTED or 0 <= counted < len(arguments),
            f"telecommand.{entry['name']}: `counted_from` is the index of an argument",
        )
        require(
            not (entry.get("tail") and counted != NOT_COUNTED),
            f"telecommand.{entry['name']}: nothing can follow the counted arguments",
        )
        rows.append(
            f"{{{entry['id']}, {service}, {subtype}, {len(arguments)}, {counted}, "
            f"{int(bool(entry.get('tail')))}, {int(entry.get('dangerous', False))}, "
            f"{allowed_modes(entry, modes)}, {{{{{filled}}}}}, {cpp_text(entry['name'])}}}"
        )
    return enum("TelecommandId", [(e["name"], e["id"]) for e in ordered]) + table(
        "TelecommandEntry", "telecommand_entries", rows
    )


def check_packets(applications: list[dict[str, Any]], reports: list[dict[str, Any]]) -> None:
    """What Python and XTCE alone read of telemetry packets, refused here all the same if it is wrong."""
    check_entries("application", applications)
    for entry in applications:
        require(
            entry.get("layout") in ("pus", "octets"),
            f"application.{entry['name']}: layout must be pus or octets",
        )
        require(entry["id"] < IDLE_APID, f"application.{entry['name']}: `id` must be below {IDLE_APID}")
    check_entries("report", reports, ids=False)
    keys: set[tuple[Any, Any]] = set()
    for entry in reports:
        name = f"report.{entry['name']}"
        key = (entry.get("service"), entry.get("subtype"))
        require(
            all(isinstance(one, int) and 0 < one < 256 for one in key),
            f"{name}: `service` and `subtype` must be in 1..255",
        )
        require(key not in keys, f"{name}: service {key[0]}, {key[1]} is declared twice")
        keys.add(key)
        content = entry.get("content", "")
        require(content in ("", "housekeeping", "event"), f"{name}: unknown content {content!r}")
        require(
            not content or not (entry.get("fields") or entry.get("rest")),
            f"{name}: `content` and `fields` exclude each other",
        )
        for field in entry.get("fields", []):
            require(bool(NAME.match(field.get("name", ""))), f"{name}: {field.get('name')!r} is no name")
            require(
                field.get("type") in (*TYPES, "time"),
                f"{name}.{field['name']}: unknown type {field.get('type')!r}",
            )


def generate(source: bytes) -> str:
    """The header's text for the dictionary's bytes."""
    dictionary = tomllib.loads(source.decode("utf-8"))
    require(dictionary.get("schema") == 1, "schema must be 1")
    text = PREAMBLE.read_text(encoding="utf-8")
    values = {
        "abi": ABI,
        "digest": hashlib.sha256(source).hexdigest(),
        "event_arguments": EVENT_ARGUMENTS_MAX,
        "telecommand_arguments": TELECOMMAND_ARGUMENTS_MAX,
        "not_counted": NOT_COUNTED,
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    lines: list[str] = []
    for name, frame in dictionary["frame"].items():
        lines += frame_struct(name, frame)
    lines += settings(dictionary.get("setting", []))
    lines += parameters(dictionary.get("parameter", []))
    lines += events(dictionary.get("event", []))
    modes = dictionary.get("enumeration", {}).get("mode", {}).get("values", [])
    lines += telecommands(dictionary.get("telecommand", []), modes)
    check_packets(dictionary.get("application", []), dictionary.get("report", []))
    return text + "\n".join(lines) + "\n}  // namespace safehold\n"


def main() -> int:
    source, output = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        text = generate(source.read_bytes())
    except (DictionaryError, tomllib.TOMLDecodeError) as error:
        print(f"{source}: error: {error}", file=sys.stderr)
        return 1
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
