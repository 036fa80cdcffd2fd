"""The dictionary as XTCE 1.2 (OMG XTCE / CCSDS 660.0-B): every telemetry packet and every telecommand.

All of it follows from the tables of `dictionary.toml`: what is declared is exported. Containers inherit:

    CCSDSPacket ─► PusTelemetry (secondary header) ─► one for each report, by service and subtype
                                                       ├─► one for each housekeeping structure
                                                       ├─► one for each group of stored housekeeping
                                                       └─► one for each event
                ─► one for each application without secondary header (octets to the packet's end)

Arrays are exported element by element, `name_0`, `name_1` …, row by row, as columns of telemetry.parquet are
named. Numbers are as sent: SI units, no calibration. Of a batch of stored housekeeping the first sample is
described value by value; the differences behind it are octets (docs/wire.md). Telecommands are in
`flight.xtce_commands`.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from flight import dictionary
from flight.batches import BATCH, groups
from flight.dictionary import Event, Parameter, ReportLayout
from flight.frames import IDLE_APID
from flight.xtce_commands import command_meta_data
from flight.xtce_sets import ERROR_CONTROL, PRIMARY_HEADER, Telemetry

NAMESPACE = "http://www.omg.org/spec/XTCE/20180204"
ROOT = "CCSDSPacket"
TIME_OCTETS = 7
_PUS_OCTETS = 16  # of secondary header and packet error control
_SEVERITY_NAMES = ("", "info", "low", "medium", "high")

_SECONDARY_HEADER = (
    ("pus_version", 4, "2: PUS-C."),
    ("time_reference_status", 4, "0."),
    ("service", 8, "Service type."),
    ("subtype", 8, "Message subtype."),
    ("message_type_counter", 16, "By service and subtype, modulo 65,536."),
    ("destination", 16, "1: mission control."),
)


def document() -> bytes:
    """The XTCE document, UTF-8; the same dictionary gives the same octets."""
    system = ET.Element(
        "SpaceSystem",
        name="safehold",
        shortDescription="Telemetry and telecommands of the safehold satellite.",
    )
    system.set("xmlns", NAMESPACE)
    system.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
    system.set("xsi:schemaLocation", f"{NAMESPACE} {NAMESPACE}/SpaceSystem.xsd")
    ET.SubElement(system, "Header", version=dictionary.SHA256[:12], validationStatus="Working")
    telemetry = Telemetry()
    _headers(telemetry)
    _applications(telemetry)
    for report in dictionary.REPORTS.values():
        _report(telemetry, report)
    data = ET.SubElement(system, "TelemetryMetaData")
    data.extend([telemetry.types, telemetry.parameters, telemetry.containers])
    system.append(command_meta_data())
    ET.indent(system)
    text: bytes = ET.tostring(system, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _error_control_type() -> ET.Element:
    """The packet error control (docs/wire.md)."""
    made = ET.Element("IntegerParameterType", name="crc16", signed="false", sizeInBits="16")
    ET.SubElement(made, "UnitSet")
    encoding = ET.SubElement(made, "IntegerDataEncoding", sizeInBits="16", encoding="unsigned")
    crc = ET.SubElement(
        ET.SubElement(encoding, "ErrorDetectCorrect"), "CRC", width="16", bitsFromReference="0"
    )
    ET.SubElement(crc, "Polynomial").text = "1021"
    ET.SubElement(crc, "InitRemainder").text = "FFFF"
    ET.SubElement(crc, "FinalXOR").text = "0000"
    return made


def _headers(telemetry: Telemetry) -> None:
    primary = [telemetry.declare(name, telemetry.bits(bits), text) for name, bits, text in PRIMARY_HEADER]
    telemetry.container(ROOT, primary, "Space packet (CCSDS 133.0-B).", abstract=True)
    secondary = [
        telemetry.declare(name, telemetry.bits(bits), text) for name, bits, text in _SECONDARY_HEADER
    ]
    telemetry.types.append(_time_type())
    text = "CUC time since the scenario's epoch; of an event, when it occurred."
    secondary.append(telemetry.declare("time", "cuc", text))
    when = {"TYPE": 0, "SEC_HDR_FLG": 1}
    telemetry.container(
        "PusTelemetry", secondary, "PUS-C telemetry packet.", base=ROOT, when=when, abstract=True
    )
    telemetry.types.append(_error_control_type())
    telemetry.declare(ERROR_CONTROL, "crc16", "CRC-16-CCITT over the packet before it.")


def _time_type() -> ET.Element:
    """CUC, 4 + 3 octets: seconds as a binary fraction, from an epoch that is the scenario's."""
    made = ET.Element("AbsoluteTimeParameterType", name="cuc")
    encoding = ET.SubElement(made, "Encoding", units="seconds", scale=repr(2.0**-24))
    ET.SubElement(encoding, "IntegerDataEncoding", sizeInBits=str(8 * TIME_OCTETS), encoding="unsigned")
    return made


def _applications(telemetry: Telemetry) -> None:
    plain = [
        (one.id, one.name, one.meaning) for one in dictionary.APPLICATIONS.values() if one.layout == "octets"
    ]
    for apid, name, meaning in [*plain, (IDLE_APID, "idle", "Idle packet: fill, to be dropped.")]:
        content = telemetry.declare(f"{name}_octets", telemetry.rest(f"{name}_octets_type", 0), meaning)
        when = {"SEC_HDR_FLG": 0, "PKT_APID": apid}
        telemetry.container(name, [content], meaning, base=ROOT, when=when)


def _report(telemetry: Telemetry, report: ReportLayout) -> None:
    when = {"service": report.service, "subtype": report.subtype}
    if report.content == "housekeeping":
        structure = telemetry.declare("structure", telemetry.bits(16), "Housekeeping structure.")
        telemetry.container(
            report.name, [structure], report.meaning, base="PusTelemetry", when=when, abstract=True
        )
        _structures(telemetry, report.name)
        return
    if report.content == "event":
        severity = report.subtype
        head = [
            telemetry.declare(f"event_id_{_SEVERITY_NAMES[severity]}", telemetry.bits(16), "Which event."),
            telemetry.declare(
                f"event_counter_{_SEVERITY_NAMES[severity]}", telemetry.bits(16), "All events since boot."
            ),
        ]
        telemetry.container(report.name, head, report.meaning, base="PusTelemetry", when=when, abstract=True)
        for event in dictionary.EVENTS.values():
            if event.severity == severity:
                _event(telemetry, report.name, head[0], event)
        return
    entries = []
    octets = _PUS_OCTETS
    for one in report.fields:
        name = f"{report.name}_{one.name}"
        if one.type == "time":
            octets += TIME_OCTETS
            entries.append(telemetry.declare(name, "cuc", one.meaning))
        else:
            octets += dictionary.TYPE_OCTETS[one.type]
            entries.append(telemetry.declare(name, telemetry.number(one.type, one.type), one.meaning))
    if (report.service, report.subtype) == BATCH:
        _batches(telemetry, report, entries, octets)
        return
    if report.rest:
        name = f"{report.name}_{report.rest}"
        entries.append(telemetry.declare(name, telemetry.rest(f"{name}_type", octets), report.meaning))
    telemetry.container(
        report.name, [*entries, ERROR_CONTROL], report.meaning, base="PusTelemetry", when=when
    )


def _batches(telemetry: Telemetry, report: ReportLayout, head: list[str], octets: int) -> None:
    """A batch's header, then by group its first sample and the octets of all others."""
    when = {"service": report.service, "subtype": report.subtype}
    telemetry.container(report.name, head, report.meaning, base="PusTelemetry", when=when, abstract=True)
    for number, elements in enumerate(groups()):
        entries = [element_names(dictionary.PARAMETERS[one.parameter])[one.index] for one in elements]
        before = octets + sum(dictionary.TYPE_OCTETS[one.type] for one in elements)
        name = f"{report.name}_{number}_{report.rest}"
        entries.append(telemetry.declare(name, telemetry.rest(f"{name}_type", before), report.meaning))
        telemetry.container(
            f"{report.name}_{number}",
            [*entries, ERROR_CONTROL],
            f"Group {number} of stored housekeeping: its first sample, and the differences behind it.",
            base=report.name,
            when={f"{report.name}_group": number},
        )


def _structures(telemetry: Telemetry, base: str) -> None:
    structures: dict[int, list[str]] = {}
    for parameter in dictionary.PARAMETERS.values():
        entries = structures.setdefault(parameter.structure, [])
        for index, name in enumerate(element_names(parameter)):
            type_name = telemetry.number(
                f"{name if parameter.limits else parameter.name}_type",
                parameter.type,
                unit=parameter.unit,
                enumeration=parameter.enumeration,
                limits=parameter.limits[index] if parameter.limits else None,
            )
            entries.append(telemetry.declare(name, type_name, parameter.meaning))
    for number, entries in sorted(structures.items()):
        telemetry.container(
            f"{base}_structure_{number}",
            [*entries, ERROR_CONTROL],
            f"Housekeeping structure {number}.",
            base=base,
            when={"structure": number},
        )


def element_names(parameter: Parameter) -> list[str]:
    """The names of a parameter's values: its own, or one for each element of an array."""
    if not parameter.shape:
        return [parameter.name]
    return [f"{parameter.name}_{index}" for index in range(parameter.count)]


def _event(telemetry: Telemetry, base: str, id_name: str, event: Event) -> None:
    entries = [
        telemetry.declare(f"event_{event.name}_{argument}", telemetry.number("f32", "f32"), event.meaning)
        for argument in event.arguments
    ]
    telemetry.container(
        f"event_{event.name}", [*entries, ERROR_CONTROL], event.meaning, base=base, when={id_name: event.id}
    )
