"""What the ground's own housekeeping structures hold, and when; reports of others are refused by a reason."""

from __future__ import annotations

import pytest

from flight import packets
from flight.dictionary import PARAMETERS
from flight.packets import PacketError, TmPacket
from flight.structures import CHANGES_MAX, Definitions, definitions_of
from flight.tm_frames import Clcw, TmFramer
from ground.receiver import Receiver
from tests.downlink import encode_tm_packet

TICK, MODE = PARAMETERS["tick"], PARAMETERS["mode"]


def report(structure: int, octets: bytes, time_ns: int = 10) -> TmPacket:
    return TmPacket(3, 25, time_ns, structure.to_bytes(2, "big") + octets)


def test_each_report_is_read_by_the_definition_of_its_time() -> None:
    """The order in which the ground hears of it does not matter."""
    known = Definitions()
    known.create(130, (MODE.id,), 50)
    known.delete(130, 30)
    known.create(130, (TICK.id, MODE.id), 10)
    assert [known.ids(130, at) for at in (9, 10, 29, 30, 49, 50, 99)] == [
        (),
        (TICK.id, MODE.id),
        (TICK.id, MODE.id),
        (),
        (),
        (MODE.id,),
        (MODE.id,),
    ]
    octets = (77).to_bytes(4, "big") + b"\x03"
    assert packets.decode_housekeeping(report(130, octets), known).values == {"tick": 77, "mode": 3}
    assert packets.decode_housekeeping(report(130, b"\4", 60), known).values == {"mode": 4}
    assert Definitions.from_plain(known.to_plain()) == known


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (report(130, b"\0" * 5, 5), "structure"),
        (report(131, b"\0"), "structure"),
        (report(130, b"\0" * 8), "data"),
        (report(130, b""), "data"),
        (report(300, b"\0"), "data"),
        (report(99, b"\0"), "data"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_reason(packet: TmPacket, reason: str) -> None:
    known = Definitions()
    known.create(130, (TICK.id, MODE.id), 10)
    with pytest.raises(PacketError) as caught:
        packets.decode_housekeeping(packet, known)
    assert caught.value.reason == reason


def test_a_report_of_the_satellite_defines_what_nobody_had() -> None:
    known = Definitions()
    known.report(130, ("tick", "parameter_65000"), 5)
    assert known.ids(130, 9) == ()
    known.report(130, ("tick", "mode"), 20)
    known.report(130, ("tick", "mode"), 25)  # says nothing new
    assert known.ids(130, 0) == known.ids(130, 30) == (TICK.id, MODE.id)
    assert len(known.results()) == 1
    known.create(1, (MODE.id,), 0)  # not the ground's to define
    assert known.ids(1, 10) == ()
    for time_ns in range(100, 300):
        known.create(131, (MODE.id,), time_ns)
    assert len(known.changes[131]) == CHANGES_MAX


def test_telecommands_define_once_they_are_executed() -> None:
    create = {"structure": 130.0, "interval_ms": 1000.0, "parameter": ["tick", float(MODE.id)]}
    row = {"name": "create_housekeeping", "arguments": create, "onboard_ns": 40, "execute_at_ns": None}
    rows = [
        row | {"state": "completed"},
        row | {"state": "failed", "arguments": create | {"structure": 131.0}},
        row | {"state": "completed", "execute_at_ns": 90, "arguments": create | {"structure": 132.0}},
        row | {"state": "executed", "execute_at_ns": 90, "arguments": create | {"structure": 133.0}},
        row
        | {
            "state": "completed",
            "name": "delete_housekeeping",
            "arguments": {"structure": [130.0]},
            "onboard_ns": 60,
        },
    ]
    assert [
        (one["structure"], one["from_ns"], one["parameters"]) for one in definitions_of(rows).results()
    ] == [
        (130, 40, ["tick", "mode"]),
        (130, 60, []),
        (133, 40, ["tick", "mode"]),
    ]


def test_the_ground_counts_and_names_structures_that_nobody_defined() -> None:
    receiver, framer = Receiver(), TmFramer()
    known = TmPacket(3, 10, 5, bytes([0, 130, 1, 0, 0, 3, 232, 0, 1]) + MODE.id.to_bytes(2, "big"))
    sent = [known, report(130, b"\3"), report(140, b"\3"), report(140, b"\3")]
    found = []
    for frame in framer.frames([encode_tm_packet(packet) for packet in sent], Clcw()):
        found += receiver.receive(frame) or []
    assert [one.packet.subtype for one in found] == [10, 25]
    assert receiver.counters["packets_refused_structure"] == 2
    assert receiver.unknown == {140: 2}
    again = Receiver.from_plain(receiver.to_plain())
    assert (again.unknown, again.definitions) == (receiver.unknown, receiver.definitions)
    assert "definitions" not in Receiver().to_plain()
