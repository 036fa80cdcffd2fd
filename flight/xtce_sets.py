"""The sets of an XTCE document's telemetry, filled entry by entry: types, parameters, containers."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from flight import dictionary
from flight.dictionary import Limits

LENGTH = "PKT_LEN"
ERROR_CONTROL = "packet_error_control"
_INTEGERS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64, "i16": -16, "i64": -64}
_FLOATS = {"f32": 32, "f64": 64}

# The fields of the primary header: name, bits, meaning. Decoders commonly expect these names.
PRIMARY_HEADER = (
    ("VERSION", 3, "Packet version number."),
    ("TYPE", 1, "0 telemetry, 1 telecommand."),
    ("SEC_HDR_FLG", 1, "1 with a secondary header."),
    ("PKT_APID", 11, "Application process identifier."),
    ("SEQ_FLGS", 2, "3: unsegmented."),
    ("SRC_SEQ_CTR", 14, "By APID, modulo 16,384."),
    (LENGTH, 16, "Octets after this header, less one."),
)


@dataclass(slots=True)
class Telemetry:
    """The three sets of TelemetryMetaData, filled entry by entry."""

    types: ET.Element = field(default_factory=lambda: ET.Element("ParameterTypeSet"))
    parameters: ET.Element = field(default_factory=lambda: ET.Element("ParameterSet"))
    containers: ET.Element = field(default_factory=lambda: ET.Element("ContainerSet"))
    _type_names: set[str] = field(default_factory=set)
    _parameter_names: set[str] = field(default_factory=set)

    def declare(self, name: str, type_name: str, meaning: str) -> str:
        """Declare a parameter; raises ValueError if its name is taken."""
        if name in self._parameter_names:
            raise ValueError(f"two telemetry parameters are named {name}")
        self._parameter_names.add(name)
        ET.SubElement(
            self.parameters, "Parameter", name=name, parameterTypeRef=type_name, shortDescription=meaning
        )
        return name

    def number(
        self,
        name: str,
        type_name: str,
        *,
        unit: str = "",
        enumeration: str = "",
        limits: Limits | None = None,
    ) -> str:
        """Declare a type for a number of the dictionary's type; returns its name."""
        if name not in self._type_names:
            self._type_names.add(name)
            made = number_type("Parameter", name, type_name, unit=unit, enumeration=enumeration)
            if limits is not None:
                made.append(_default_alarm(limits))
            self.types.append(made)
        return name

    def bits(self, count: int) -> str:
        """A type for an unsigned number of some bits."""
        name = f"uint{count}"
        if name not in self._type_names:
            self._type_names.add(name)
            kind = ET.SubElement(
                self.types, "IntegerParameterType", name=name, signed="false", sizeInBits=str(max(count, 8))
            )
            ET.SubElement(kind, "UnitSet")
            ET.SubElement(kind, "IntegerDataEncoding", sizeInBits=str(count), encoding="unsigned")
        return name

    def rest(self, name: str, octets_before: int) -> str:
        """A type for the octets up to the packet's end, but for `octets_before` of its data field."""
        kind = ET.SubElement(self.types, "BinaryParameterType", name=name)
        ET.SubElement(kind, "UnitSet")
        size = ET.SubElement(ET.SubElement(kind, "BinaryDataEncoding"), "SizeInBits")
        dynamic = ET.SubElement(size, "DynamicValue")
        ET.SubElement(dynamic, "ParameterInstanceRef", parameterRef=LENGTH, useCalibratedValue="false")
        ET.SubElement(dynamic, "LinearAdjustment", slope="8", intercept=str(8 * (1 - octets_before)))
        return name

    def container(
        self,
        name: str,
        entries: list[str],
        meaning: str,
        *,
        base: str = "",
        when: dict[str, int] | None = None,
        abstract: bool = False,
    ) -> None:
        """Declare a container: its entries after those of `base`, which it extends where `when` holds."""
        made = ET.SubElement(self.containers, "SequenceContainer", name=name, shortDescription=meaning)
        if abstract:
            made.set("abstract", "true")
        listed = ET.SubElement(made, "EntryList")
        for entry in entries:
            ET.SubElement(listed, "ParameterRefEntry", parameterRef=entry)
        if not base:
            return
        criteria = ET.SubElement(
            ET.SubElement(made, "BaseContainer", containerRef=base), "RestrictionCriteria"
        )
        comparisons = ET.SubElement(criteria, "ComparisonList")
        for parameter, value in (when or {}).items():
            ET.SubElement(
                comparisons,
                "Comparison",
                parameterRef=parameter,
                value=str(value),
                useCalibratedValue="false",
            )


def number_type(kind: str, name: str, type_name: str, *, unit: str = "", enumeration: str = "") -> ET.Element:
    """A ParameterType or ArgumentType (`kind`) for a number of the dictionary's type."""
    if type_name in _FLOATS:
        size = str(_FLOATS[type_name])
        made = ET.Element(f"Float{kind}Type", name=name, sizeInBits=size)
        encoding = ET.Element("FloatDataEncoding", sizeInBits=size, encoding="IEEE754_1985")
    else:
        bits = _INTEGERS[type_name]
        signed, size = bits < 0, str(abs(bits))
        encoding = ET.Element(
            "IntegerDataEncoding", sizeInBits=size, encoding="twosComplement" if signed else "unsigned"
        )
        if enumeration:
            made = ET.Element(f"Enumerated{kind}Type", name=name)
        else:
            made = ET.Element(
                f"Integer{kind}Type", name=name, signed="true" if signed else "false", sizeInBits=size
            )
    units = ET.SubElement(made, "UnitSet")
    if unit not in ("", "1"):
        ET.SubElement(units, "Unit").text = unit
    made.append(encoding)
    if enumeration:
        labels = ET.SubElement(made, "EnumerationList")
        for value, label in enumerate(dictionary.ENUMERATIONS[enumeration]):
            ET.SubElement(labels, "Enumeration", value=str(value), label=label)
    return made


def _default_alarm(limits: Limits) -> ET.Element:
    """Yellow as the warning range, red as the critical one."""
    alarm = ET.Element("DefaultAlarm")
    ranges = ET.SubElement(alarm, "StaticAlarmRanges")
    for name, (low, high) in (("WarningRange", limits.yellow), ("CriticalRange", limits.red)):
        bounds = {"minInclusive": low, "maxInclusive": high}
        given = {key: repr(value) for key, value in bounds.items() if math.isfinite(value)}
        if given:
            ET.SubElement(ranges, name, given)
    return alarm
