"""Arguments of telecommands: lists, names and octets become what the dictionary lays out, or are refused."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flight import arguments, dictionary, packets
from flight.frames import crc16
from flight.tc_frames import TC_PACKET_OCTETS_MAX

CREATE = dictionary.TELECOMMANDS["create_housekeeping"]
IDS = [one.id for one in dictionary.PARAMETERS.values()][:30]
NAMES = [one.name for one in dictionary.PARAMETERS.values()][:30]


def data(name: str, **values: Any) -> bytes:
    return packets.encode_command(name, values, sequence=0).data


def test_a_structure_of_several_parameters_has_them_behind_their_count() -> None:
    made = data("create_housekeeping", structure=130, interval_ms=500, parameter=IDS[:3])
    assert made == struct.pack(">BIB3H", 130, 500, 3, *IDS[:3])
    assert data("create_housekeeping", structure=130, interval_ms=500, parameter=NAMES[:3]) == made


def test_names_stand_for_their_numbers() -> None:
    assert data("set_mode", mode="SAFE") == data("set_mode", mode=3)
    assert data("set_unit_health", kind="wheel", unit=1, state="exclude") == data(
        "set_unit_health", kind=5, unit=1, state=1
    )
    load = dictionary.TELECOMMANDS["load_memory"].id
    assert data("arm", command="load_memory", seconds=60) == data("arm", command=load, seconds=60)
    assert data("disable_event_reports", event=["mode_changed"]) == data(
        "disable_event_reports", event=dictionary.EVENT_IDS["mode_changed"]
    )


def test_octets_of_a_memory_load_go_behind_their_length_and_before_their_checksum() -> None:
    made = data("load_memory", area=1, offset=16, octets="0aff 01")
    octets = bytes([10, 255, 1])
    assert made == struct.pack(">BIH", 1, 16, 3) + octets + crc16(octets).to_bytes(2, "big")
    assert data("load_memory", area=1, offset=16, length=3, octets="0AFF01") == made


def test_every_enumeration_fits_its_argument() -> None:
    """A name that an argument's range refuses would be no name of it; and each range has its names."""
    for command in dictionary.TELECOMMANDS.values():
        for argument in command.arguments:
            if not (enumeration := arguments.enumeration_of(command, argument)):
                continue
            most = argument.max
            assert most is not None
            assert most < len(dictionary.ENUMERATIONS[enumeration])


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("set_mode", {"mode": "SAVE"}, "mode is 'SAVE', which is no name of a mode; did you mean 'SAFE'"),
        ("set_mode", {"mode": "safe"}, "did you mean 'SAFE'"),
        ("set_mode", {"mode": "BOOT"}, "mode is BOOT; it must lie between 2 and 8"),
        ("set_mode", {"mode": [3]}, "mode is a list; it has one value here"),
        ("set_mode", {"mode": True}, "mode is True; it must be a number"),
        ("set_mode", {"mode": None}, "it must be a number"),
        ("set_mode", {"mdoe": 3}, "no argument 'mdoe'; its arguments are mode; did you mean 'mode'"),
        ("ping", {"octets": "00"}, "there is no argument 'octets'"),
        ("report_storage", {"stream": [1, 5]}, r"stream\[1\] is 5; it must lie between -inf and 4"),
        ("report_storage", {"stream": [1, 2.5]}, r"stream\[1\] is 2.5; it must be a whole number"),
        ("report_storage", {"stream": [1, [2]]}, r"stream\[1\] is \[2\]; it must be a number"),
        ("report_storage", {"stream": -1}, "stream is -1, which is no u8"),
        ("report_storage", {"stream": []}, "stream has 0 values; 1 to 255 can be sent"),
        ("report_storage", {"stream": [1] * 256}, "stream has 256 values; 1 to 255 can be sent"),
        (
            "set_setting",
            {"setting": [1, 2], "index": 0, "value": [1]},
            "differ in length: setting 2, value 1",
        ),
        (
            "create_housekeeping",
            {"structure": 130, "interval_ms": 500, "parameter": IDS[:25]},
            "parameter has 25 values; 1 to 24 can be sent",
        ),
        ("load_memory", {"area": 1, "offset": 0}, "argument 'octets' is missing"),
        ("load_memory", {"area": 1, "offset": 0, "octets": "0x10"}, "has 'x' at place 2, which is no hexa"),
        ("load_memory", {"area": 1, "offset": 0, "octets": "101"}, "half an octet"),
        ("load_memory", {"area": 1, "offset": 0, "octets": ""}, "octets has 1 to 900 octets, not 0"),
        ("load_memory", {"area": 1, "offset": 0, "octets": "00" * 901}, "has 1 to 900 octets, not 901"),
        (
            "load_memory",
            {"area": 1, "offset": 0, "octets": 16},
            "octets is 16; it must be hexadecimal digits in quotes",
        ),
        (
            "load_memory",
            {"area": 1, "offset": 0, "length": 2, "octets": "00"},
            "length is 2, but octets has 1",
        ),
    ],
)
def test_what_cannot_be_sent_says_what_is_wrong(name: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        packets.encode_command(name, values, sequence=0)


def test_as_many_groups_as_are_allowed_fit_a_packet() -> None:
    for command in dictionary.TELECOMMANDS.values():
        if command.counted_from is None:
            continue
        most = arguments.groups_max(command)
        values: dict[str, Any] = {one.name: one.min or 0.0 for one in command.arguments}
        for one in command.arguments[command.counted_from :]:
            values[one.name] = [one.min or 0.0] * most
        packet = packets.encode_tc_packet(packets.encode_command(command.name, values, sequence=0))
        assert len(packet) <= TC_PACKET_OCTETS_MAX


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)


@given(st.sampled_from(sorted(dictionary.TELECOMMANDS)), st.data())
def test_whatever_is_given_is_sent_or_refused(name: str, drawn: st.DataObject) -> None:
    command = dictionary.TELECOMMANDS[name]
    names = [*(one.name for one in command.arguments), *(["octets"] if command.tail else [])]
    values: dict[str, Any] = {one: drawn.draw(_ANY) for one in names}
    try:
        packet = packets.encode_command(name, values, sequence=0)
    except ValueError:
        return
    assert packets.decode_tc_packet(packets.encode_tc_packet(packet)) == packet
