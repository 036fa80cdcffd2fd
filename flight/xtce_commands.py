"""The telecommands of the dictionary as XTCE: one MetaCommand each, all from one abstract telecommand packet.

The fields of the packet's headers that differ are arguments of the abstract command; a telecommand assigns
those that make it what it is (length, service, subtype), and leaves the sequence count and the
acknowledgement flags to whoever sends it. The type of the packet error control says how it is made.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from flight import dictionary
from flight.dictionary import Argument, Telecommand
from flight.packets import FLIGHT_APID, GROUND_ID, PUS_VERSION
from flight.xtce_sets import ERROR_CONTROL, LENGTH, PRIMARY_HEADER, number_type

BASE = "Telecommand"
PERFORM_FUNCTION = 8
_SECONDARY_HEADER = (
    ("pus_version", 4, "2: PUS-C."),
    ("acknowledgement", 4, "Reports asked for: 1 acceptance, 2 start, 4 progress, 8 completion."),
    ("service", 8, "Service type."),
    ("subtype", 8, "Message subtype."),
    ("source", 16, "1: mission control."),
)
_FIXED = {
    "VERSION": 0,
    "TYPE": 1,
    "SEC_HDR_FLG": 1,
    "PKT_APID": FLIGHT_APID,
    "SEQ_FLGS": 3,
    "pus_version": PUS_VERSION,
    "source": GROUND_ID,
}
_OVERHEAD_OCTETS = 7  # of secondary header and packet error control


def command_meta_data() -> ET.Element:
    """CommandMetaData with the telecommands of the dictionary, but those that carry octets of any number.

    Arguments that may come several times come once, behind a fixed count of 1.
    """
    types, commands = ET.Element("ArgumentTypeSet"), ET.Element("MetaCommandSet")
    commands.append(_base(types))
    for command in dictionary.TELECOMMANDS.values():
        if command.tail:
            continue
        for argument in command.arguments:
            types.append(_argument_type(command, argument))
        commands.append(_command(command))
    data = ET.Element("CommandMetaData")
    data.extend([types, commands])
    return data


def _base(types: ET.Element) -> ET.Element:
    """The abstract telecommand: the header fields that are not the same in all, as arguments."""
    base = ET.Element("MetaCommand", name=BASE, abstract="true", shortDescription="PUS-C telecommand packet.")
    arguments = ET.SubElement(base, "ArgumentList")
    for name, bits, meaning in (*PRIMARY_HEADER, *_SECONDARY_HEADER):
        if name in _FIXED:
            continue
        kind = ET.SubElement(
            types, "IntegerArgumentType", name=f"{name}_type", signed="false", sizeInBits=str(max(bits, 8))
        )
        ET.SubElement(kind, "UnitSet")
        ET.SubElement(kind, "IntegerDataEncoding", sizeInBits=str(bits), encoding="unsigned")
        ET.SubElement(
            arguments, "Argument", name=name, argumentTypeRef=f"{name}_type", shortDescription=meaning
        )
    return base


def _fixed_entry(entries: ET.Element, name: str, value: int, bits: int) -> None:
    octets = value.to_bytes(-(-bits // 8), "big").hex().upper()
    ET.SubElement(entries, "FixedValueEntry", name=name, binaryValue=octets, sizeInBits=str(bits))


def _command(command: Telecommand) -> ET.Element:
    made = ET.Element("MetaCommand", name=command.name, shortDescription=command.meaning)
    assigned = ET.SubElement(
        ET.SubElement(made, "BaseMetaCommand", metaCommandRef=BASE), "ArgumentAssignmentList"
    )
    is_function = command.service == PERFORM_FUNCTION
    octets = _OVERHEAD_OCTETS + (2 if is_function else 0) + (command.counted_from is not None)
    octets += sum(dictionary.TYPE_OCTETS[argument.type] for argument in command.arguments)
    values = {LENGTH: octets - 1, "service": command.service, "subtype": command.subtype}
    for name, value in values.items():
        ET.SubElement(assigned, "ArgumentAssignment", argumentName=name, argumentValue=str(value))
    if command.arguments:
        arguments = ET.SubElement(made, "ArgumentList")
        for argument in command.arguments:
            ET.SubElement(
                arguments,
                "Argument",
                name=argument.name,
                argumentTypeRef=_type_name(command, argument),
                shortDescription=argument.meaning or argument.name,
            )
    container = ET.SubElement(made, "CommandContainer", name=f"{command.name}_packet")
    entries = ET.SubElement(container, "EntryList")
    for name, bits, _ in (*PRIMARY_HEADER, *_SECONDARY_HEADER):
        if name in _FIXED:
            _fixed_entry(entries, name, _FIXED[name], bits)
        else:
            ET.SubElement(entries, "ArgumentRefEntry", argumentRef=name)
    if is_function:
        _fixed_entry(entries, "function_id", command.id, 16)
    for index, argument in enumerate(command.arguments):
        if index == command.counted_from:
            _fixed_entry(entries, "count", 1, 8)
        ET.SubElement(entries, "ArgumentRefEntry", argumentRef=argument.name)
    ET.SubElement(entries, "ParameterRefEntry", parameterRef=ERROR_CONTROL)
    return made


def _type_name(command: Telecommand, argument: Argument) -> str:
    return f"{command.name}_{argument.name}_type"


def _argument_type(command: Telecommand, argument: Argument) -> ET.Element:
    made = number_type("Argument", _type_name(command, argument), argument.type, unit=argument.unit)
    if argument.min is None and argument.max is None:
        return made
    spanned = ET.SubElement(ET.SubElement(made, "ValidRangeSet"), "ValidRange")
    for bound, value in (("minInclusive", argument.min), ("maxInclusive", argument.max)):
        if value is not None:
            spanned.set(bound, repr(float(value)) if argument.type[0] == "f" else str(int(value)))
    return made
