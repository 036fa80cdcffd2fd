"""The lists of hostile input, item by item, on board: each bounces.

To bounce is to be counted under a reason of its own, and to leave everything else as it is in a twin that was
never disturbed: every octet of the control state (where the item's own protocol moves nothing), the writes to
persistence, and the counted work of the replicas in the very tick. What the crypto stage works for a frame,
outside the replicas, is counted in blocks of AES: none before the MAC is looked at, and bounded in a tick.
Time is not measured.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from flight.cfdp_pdu import GROUND, SATELLITE, FileData, Pdu, encode_pdu
from flight.computer import FlightComputer
from flight.dictionary import TELECOMMANDS, Telecommand
from flight.frames import crc16
from flight.keys import KeyRing
from flight.packets import TcPacket, encode_command, encode_tc_packet
from flight.tc_frames import (
    SegmentFlag,
    TcFrame,
    clear_octets,
    segment_packet,
    set_expected_frame,
    unlock_frame,
)
from ground.security import Sender, seal_frame
from tests.uplink import RING, repaired, sealed, sealed_frame, sealed_ping

from .test_hostile_uplink import FRAMES, PING, Satellite, in_the_clear

WORK_MAX = 1000
STAGE_FRAMES_MAX = 96
STAGE_BLOCKS_MAX = STAGE_FRAMES_MAX * 16  # the longest text has 218 octets: 14 blocks, and 2 for the MAC
CRITICAL = 0
PAGE = os.sysconf("SC_PAGE_SIZE")
Frames = Callable[[], list[bytes]]


class Pair:
    """A satellite and its undisturbed twin."""

    def __init__(self) -> None:
        self.satellite, self.twin = Satellite(), Satellite()

    def counted(self, frames: list[bytes], quiet: list[bytes] | None = None) -> dict[str, int]:
        """What a tick with these frames counts, while the twin gets `quiet`."""
        counts = self.satellite.counted(*frames)
        self.twin.step(*(quiet or []))
        return counts

    def unmoved(self) -> None:
        """Nothing but counts has changed."""
        one, other = self.satellite.computer, self.twin.computer
        assert self.satellite.control() == self.twin.control(), "control state"
        # Each doubling of the number of refused frames is told by an event, which is a record.
        told = len(one.records(CRITICAL)) - len(other.records(CRITICAL))
        assert told <= sum(one.counters()["frames_rejected"].values()).bit_length()
        assert one.store_writes - other.store_writes == told, "writes to persistence"
        work = one.counters()["work"]
        assert 0 < work == other.counters()["work"] <= WORK_MAX, "work of the replicas in this tick"
        assert one.counters()["key_counter"] == other.counters()["key_counter"], "window of anti-replay"
        assert one.counters()["commands_completed"] == other.counters()["commands_completed"]

    def stage(self) -> tuple[int, int]:
        """Frames that the crypto stage looked at for the last tick, and the blocks of AES that it took."""
        counters = self.satellite.computer.counters()
        return counters["stage_frames"], counters["stage_blocks"]


def blocks_of(frame: bytes) -> int:
    """Of AES, to find out whether the MAC of this frame holds: the hash key, the MAC's mask, the text."""
    header = 5 if frame[0] & 0x10 else 6
    return 2 + -(-(len(frame) - header - 14 - 16 - 2) // 16)


@pytest.fixture
def pair() -> Pair:
    return Pair()


def resident_octets() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def with_length(octets: bytes, length: int) -> bytes:
    """The frame with another length field and a FECF that fits."""
    return repaired(octets[:2] + bytes([octets[2] & 0xFC | length >> 8 & 3, length & 0xFF]) + octets[4:])


def foreign_ring() -> KeyRing:
    """Keys of somebody who does not have ours, under the same ids."""
    return KeyRing({key: bytes(32 * [key]) for key in RING.keys})


def reflected(computer: FlightComputer) -> list[bytes]:
    """What the satellite itself has sent, whole and cut to what a telecommand frame may have."""
    satellite = Satellite()
    frames: list[bytes] = []
    while not frames:
        _, frames = satellite.computer.step(FRAMES[satellite.tick].tobytes(), [sealed_ping()])
        satellite.tick += 1
    cut = frames[0][:256]
    return [frames[0], cut, repaired(cut), with_length(cut, 255)]


# --- frames and authentication: what anyone can send --------------------------------------------------------


def frame_items() -> Iterator[tuple[str, Frames, dict[str, int]]]:
    whole = sealed(PING)
    yield "empty", lambda: [b""], {"length": 1}
    yield "one octet", lambda: [b"x"], {"length": 1}
    for first in range(0, len(whole), 50):
        cut = [whole[:n] for n in range(first, min(first + 50, len(whole)))]
        yield f"truncations from {first}", lambda cut=cut: cut, {"length": len(cut)}
    # Cut and mended: as long as it says, with a FECF that fits.
    for n in (9, 10, 20, 37, 38, len(whole) - 1):
        reason = "header" if n <= 38 else "mac"
        yield (
            f"truncated to {n} and mended",
            lambda n=n: [with_length(sealed(PING)[:n], n - 1)],
            {reason: 1},
        )
    yield "length field 0", lambda: [with_length(sealed(PING), 0)], {"length": 1}
    yield "length field 1,023", lambda: [with_length(sealed(PING), 1023)], {"length": 1}
    yield "length field less 1", lambda: [with_length(sealed(PING), len(whole) - 2)], {"length": 1}
    yield "length field plus 1", lambda: [with_length(sealed(PING), len(whole))], {"length": 1}
    yield "257 octets", lambda: [with_length(bytes(257), 256)], {"length": 1}
    yield "10 MB", lambda: [bytes(10_000_000)], {"length": 1}
    yield "another spacecraft", lambda: [_changed(sealed(PING), 1, 1)], {"scid": 1}
    yield "another channel", lambda: [_changed(sealed(PING), 2, 4)], {"vcid": 1}
    yield "slow drip", lambda: [bytes([octet]) for octet in sealed(PING)], {"length": len(whole)}
    yield "unsigned", lambda: [in_the_clear(TcFrame("BD", PING))], {"header": 1}
    yield "flipped tag", lambda: [_changed(sealed(PING), -18 + n, 1) for n in range(16)], {"mac": 16}
    yield "forged high sequence", lambda: [_changed(sealed(PING), 12, 0x80)], {"mac": 1}
    yield "downgrade to clear mode", lambda: [_key_zero(sealed(PING))], {"key_unknown": 1}
    yield "reflected telemetry", lambda: reflected(Satellite().computer), {"length": 2, "fecf": 0}
    yield "old key", lambda: [sealed(PING, key_id=2)], {"key_idle": 1}
    yield "spoofed ground", lambda: [_spoofed(TcFrame("BD", PING))], {"mac": 1}
    yield "spoofed Unlock", lambda: [_spoofed(unlock_frame())], {"mac": 1}
    yield "AD made BD", lambda: [_changed(sealed_frame(TcFrame("AD", PING, 9)), 0, 0x20)], {"mac": 1}
    yield "BD made BC", lambda: [_changed(sealed(PING), 0, 0x10)], {"key_unknown": 1}
    yield "another N(S)", lambda: [_changed(sealed_frame(TcFrame("AD", PING, 0)), 4, 1)], {"mac": 1}
    yield "another segment flag", lambda: [_changed(sealed(PING), 5, 0x80)], {"mac": 1}
    yield "unauthenticated Unlock", lambda: [in_the_clear(unlock_frame())], {"length": 1}
    yield "unauthenticated Set V(R)", lambda: [in_the_clear(set_expected_frame(9))], {"header": 1}
    yield "forged Set V(R)", lambda: [_changed(sealed_frame(set_expected_frame(9)), -3, 1)], {"mac": 1}


def _changed(octets: bytes, at: int, mask: int) -> bytes:
    other = bytearray(octets)
    other[at] ^= mask
    return repaired(bytes(other))


def _key_zero(octets: bytes) -> bytes:
    """SPI 0, as a frame without security would have it."""
    return repaired(octets[:6] + bytes(2) + octets[8:])


def _spoofed(frame: TcFrame) -> bytes:
    return seal_frame(foreign_ring(), frame, key_id=1, counter=2**63)


FRAME_ITEMS = list(frame_items())


@pytest.mark.requirement("L2.3", "L3.7")
@pytest.mark.parametrize(("name", "make", "counts"), FRAME_ITEMS, ids=[one[0] for one in FRAME_ITEMS])
def test_a_frame_of_a_stranger_bounces(pair: Pair, name: str, make: Frames, counts: dict[str, int]) -> None:
    frames = make()
    counted = pair.counted(frames)
    assert sum(counted.values()) == len(frames)
    if name != "reflected telemetry":
        assert counted == counts
    checked = sum(blocks_of(frame) for frame in frames) if counts == {"mac": len(frames)} else 0
    assert pair.stage() == (len(frames), checked), "work of the crypto stage"
    pair.unmoved()
    assert pair.satellite.obeys()


@pytest.mark.requirement("L3.7")
def test_a_million_tiny_parts_in_a_tick_bounce_and_cost_no_memory(pair: Pair) -> None:
    parts = [b"x"] * 1_000_000
    pair.counted(parts)
    before = resident_octets()
    for _ in range(4):
        overflow = pair.satellite.computer.counters()["uplink_overflow"]
        assert pair.counted(parts) == {"length": 96}, "no more are looked at in a tick"
        assert pair.stage() == (STAGE_FRAMES_MAX, 0)
        assert pair.satellite.computer.counters()["uplink_overflow"] - overflow == 1_000_000 - 96
    assert resident_octets() - before < 32_000_000, "an octet of each would take 128 MB"
    pair.unmoved()
    assert pair.satellite.obeys()


@pytest.mark.requirement("L3.7")
def test_messages_of_10_mb_on_end_cost_no_memory(pair: Pair) -> None:
    message = bytes(10_000_000)
    pair.counted([message] * 4)
    before = resident_octets()
    for _ in range(50):
        assert pair.counted([message] * 4) == {"length": 4}
    assert resident_octets() - before < 4_000_000
    pair.unmoved()


@pytest.mark.requirement("L3.7")
def test_a_flood_above_the_control_rate_bounces_tick_after_tick(pair: Pair) -> None:
    """Of strangers a thousand a tick, then of the ground itself: what a step may work is not exceeded."""
    forged = [repaired(sealed(packet)[:-3] + bytes(3)) for packet in (PING, PING + bytes(218 - len(PING)))]
    assert len(forged[1]) == 256
    for frame in forged:
        for _ in range(15):
            assert pair.counted([frame] * 1_000) == {"mac": 96}
            assert pair.stage() == (STAGE_FRAMES_MAX, STAGE_FRAMES_MAX * blocks_of(frame))
        pair.unmoved()
    assert pair.stage()[1] == STAGE_BLOCKS_MAX, "the most that a tick can cost"
    pair.counted([])
    assert pair.stage() == (0, 0), "of a tick alone"
    for _ in range(30):
        before = pair.satellite.computer.counters()
        pair.satellite.step(*[sealed_ping() for _ in range(200)])
        after = pair.satellite.computer.counters()
        assert after["frames_accepted"] - before["frames_accepted"] <= 24
        assert after["work"] <= WORK_MAX
        assert pair.stage() == (24, 24 * blocks_of(sealed_ping())), "no more are looked at than handed on"
    for _ in range(70):
        pair.satellite.step()
    telemetry = pair.satellite.computer.telemetry()
    assert telemetry["work_max"] <= WORK_MAX
    assert telemetry["commands_waiting"] == 0
    assert not any(telemetry["replica_divergences"]), "no step fell silent"
    assert pair.satellite.obeys()


# --- what a key holder may send wrongly ---------------------------------------------------------------------


def sealed_segment(flag: SegmentFlag, octets: bytes) -> bytes:
    return sealed_frame(TcFrame("BD", octets, 0, flag))


def inner_lengths() -> Iterator[tuple[str, bytes, dict[str, int]]]:
    """Frames that are authentic, around packets whose own length is wrong."""
    for name, change in (("less 1", -1), ("plus 1", 1), ("0", None), ("65,535", 0xFFFF)):
        declared = len(PING) - 7 + change if change in (-1, 1) else (change or 0)
        packet = PING[:4] + declared.to_bytes(2, "big") + PING[6:]
        yield f"inner length {name}", packet, {"packet": 1}
    yield "a packet of 1 octet", b"\x18", {"packet": 1}
    yield "a packet of 6 octets", PING[:6], {"packet": 1}
    yield "a packet of telemetry", b"\x08" + PING[1:], {"header": 1}
    yield "a packet of zeros", bytes(4) + b"\0\1" + bytes(2), {"header": 1}


INNER = list(inner_lengths())


@pytest.mark.requirement("L2.3")
@pytest.mark.parametrize(("name", "packet", "counts"), INNER, ids=[one[0] for one in INNER])
def test_a_wrong_inner_length_behind_a_valid_seal_bounces(
    pair: Pair, name: str, packet: bytes, counts: dict[str, int]
) -> None:
    """The frame is taken, as its seal is good; so the twin takes a ping. What the frame holds is dropped."""
    assert pair.counted([sealed(packet)], [sealed_ping()]) == counts
    assert pair.satellite.computer.counters()["commands_completed"] == 0
    assert pair.satellite.control()[: prefix()] == pair.twin.control()[: prefix()]
    assert pair.satellite.obeys()


@pytest.mark.requirement("L2.3", "L3.7")
def test_tiny_segments_without_end_and_one_a_tick_fill_one_packet_at_most(pair: Pair) -> None:
    """1,200 segments of one octet, more and more slowly: they end where a packet does, and nothing waits."""
    pair.satellite.step(sealed_segment(SegmentFlag.FIRST, b"\x18"))
    dropped: dict[str, int] = {}
    for tick in range(90):
        count = 20 if tick < 60 else 1
        parts = [sealed_segment(SegmentFlag.CONTINUING, b"x") for _ in range(count)]
        for reason, number in pair.satellite.counted(*parts).items():
            dropped[reason] = dropped.get(reason, 0) + number
    assert dropped["packet"] == 1, "the one that makes it longer than a packet may be"
    assert dropped["segment"] == 60 * 20 + 30 - 1_024, "and what comes behind it without a beginning"
    assert pair.satellite.computer.telemetry()["commands_waiting"] == 0
    assert pair.satellite.obeys()


def prefix() -> int:
    """Octets of the control state before the services': settings, autonomy, executive."""
    one, other = Satellite(), Satellite()
    command = encode_command("arm", {"command": TELECOMMANDS["load_memory"].id, "seconds": 9}, sequence=7)
    one.step(sealed_ping())
    other.step(sealed(encode_tc_packet(command)))
    pairs = zip(one.control(), other.control(), strict=True)
    return next(at for at, (a, b) in enumerate(pairs) if a != b)


@pytest.fixture(scope="module")
def services_from() -> int:
    return prefix()


def _wrong_values() -> Iterator[tuple[str, str, str, float]]:
    """Command, argument, how, value: outside its limits by one, or not finite."""
    for command in TELECOMMANDS.values():
        for argument in command.arguments:
            if argument.type[0] == "f":
                for value in (float("nan"), float("inf"), float("-inf")):
                    yield command.name, argument.name, str(value), value
            below = None if argument.min is None else argument.min - 1
            above = None if argument.max is None else argument.max + 1
            for value in (below, above):
                if value is not None and _fits(argument.type, value):
                    yield command.name, argument.name, f"{value:g}", value


_FORMS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i16": "h", "i64": "q", "f32": "f", "f64": "d"}


def _fits(kind: str, value: float) -> bool:
    if kind[0] == "f":
        return True
    bits = int(kind[1:])
    low, high = (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return low <= value <= high


def _packet_with(command: Telecommand, wrong: str, value: float) -> bytes:
    data = command.id.to_bytes(2, "big") if command.service == 8 else b""
    for index, argument in enumerate(command.arguments):
        if index == command.counted_from:
            data += b"\1"
        chosen = value if argument.name == wrong else (0.0 if argument.min is None else argument.min)
        form = ">" + _FORMS[argument.type]
        data += struct.pack(form, chosen if argument.type[0] == "f" else int(chosen))
    return encode_tc_packet(TcPacket(command.service, command.subtype, data, 7))


WRONG_VALUES = list(_wrong_values())


@pytest.mark.requirement("L2.3", "L3.7")
def test_arguments_that_are_not_finite_or_out_of_range_bounce(pair: Pair, services_from: int) -> None:
    """Every argument of every telecommand, one after another; each is refused and nothing is set."""
    assert len(WRONG_VALUES) > 60
    assert {how for _, _, how, _ in WRONG_VALUES} >= {"nan", "inf", "-inf"}
    for name, argument, how, value in WRONG_VALUES:
        before = pair.satellite.computer.counters()["commands_refused"]
        packet = _packet_with(TELECOMMANDS[name], argument, value)
        assert pair.counted([sealed(packet)], [sealed_ping()]) == {}
        counters = pair.satellite.computer.counters()
        assert counters["commands_refused"] == before + 1, f"{name}, {argument} = {how}"
        assert counters["commands_completed"] == 0
        settled = pair.satellite.control()[:services_from] == pair.twin.control()[:services_from]
        assert settled, f"{name}, {argument} = {how}"
        if pair.satellite.tick > 190:
            pair.satellite, pair.twin = Satellite(), Satellite()
    assert pair.satellite.obeys()


@pytest.mark.requirement("L2.3")
@pytest.mark.parametrize(
    ("service", "subtype"), [(0, 0), (2, 1), (8, 2), (11, 99), (13, 1), (128, 1), (255, 255)]
)
def test_an_unknown_service_bounces(pair: Pair, services_from: int, service: int, subtype: int) -> None:
    packet = encode_tc_packet(TcPacket(service, subtype, b"\0\1", 7))
    assert pair.counted([sealed(packet)], [sealed_ping()]) == {}
    assert pair.satellite.computer.counters()["commands_refused"] == 1
    assert pair.satellite.control()[:services_from] == pair.twin.control()[:services_from]
    unknown = encode_tc_packet(TcPacket(8, 1, (9999).to_bytes(2, "big"), 7))
    assert pair.counted([sealed(unknown)], [sealed_ping()]) == {}
    assert pair.satellite.computer.counters()["commands_refused"] == 2
    assert pair.satellite.obeys()


# --- replay, over passes and resets -------------------------------------------------------------------------


def _restored(satellite: Satellite) -> None:
    """No majority: the replicas are restored from what was kept."""
    for replica in range(3):
        satellite.computer.stall(replica, 3)
    for _ in range(6):
        satellite.step()
    assert satellite.computer.telemetry()["computer_restorations"] == 1


def _reset(satellite: Satellite) -> None:
    satellite.computer.reset(500_000_000)
    while satellite.computer.is_down:
        satellite.step()
    satellite.step()


def _cold(satellite: Satellite) -> None:
    for copy in (0, 1):
        with suppress(ValueError):  # not written yet
            satellite.computer.flip_slot("control", copy, 4_000)
    _reset(satellite)
    assert satellite.computer.telemetry()["boot_warm"] == 0


def _power_cut(satellite: Satellite) -> None:
    satellite.computer.cut_power(1)
    satellite.step(sealed_ping())
    assert satellite.computer.is_down
    satellite.computer.cut_power(0)
    while satellite.computer.is_down:
        satellite.step()
    satellite.step()


def _later(satellite: Satellite) -> None:
    for _ in range(20):
        satellite.step()


def _reset_twice(satellite: Satellite) -> None:
    _reset(satellite)
    _reset(satellite)


def _snapshot(satellite: Satellite) -> None:
    """The whole computer as octets, in another one."""
    state = satellite.computer.state_bytes()
    satellite.computer = Satellite().computer
    satellite.computer.restore(state)


AFTER: dict[str, Callable[[Satellite], None]] = {
    "nothing": lambda satellite: None,
    "two seconds": _later,
    "a restoration": _restored,
    "a warm reset": _reset,
    "a cold start": _cold,
    "a power cut": _power_cut,
    "two resets": _reset_twice,
    "a snapshot": _snapshot,
}


@pytest.mark.requirement("L2.6", "L3.6")
@pytest.mark.parametrize("name", AFTER)
def test_what_was_taken_once_is_refused_after(name: str) -> None:
    """Exact replays of every type of frame; the counter, and with it every nonce, is never gone back on."""
    satellite = Satellite()
    recorded = [sealed_ping(), sealed_frame(unlock_frame()), sealed_frame(set_expected_frame(3))]
    recorded += [sealed_frame(TcFrame("AD", PING, 3)), sealed_ping()]
    assert satellite.counted(*recorded) == {}
    counter = satellite.computer.counters()["key_counter"]
    AFTER[name](satellite)
    assert satellite.computer.counters()["key_counter"] >= counter
    farm = [satellite.computer.telemetry()[what] for what in ("farm_mode", "farm_expected")]
    done = satellite.computer.counters()["commands_completed"]
    assert satellite.counted(*recorded, *reversed(recorded)) == {"replay": 10}
    satellite.step()
    assert [satellite.computer.telemetry()[what] for what in ("farm_mode", "farm_expected")] == farm
    assert satellite.computer.counters()["commands_completed"] == done
    assert satellite.obeys()


@pytest.mark.requirement("L2.6")
def test_a_ground_that_crashes_again_and_again_uses_no_nonce_twice() -> None:
    """Counters are reserved before they are used; what was reserved and not used is skipped."""
    kept: dict[int, int] = {}
    used: list[bytes] = []
    for frames in (1, 40, 0, 300, 7):
        sender = Sender.start(RING, kept=dict(kept), reserve=kept.__setitem__)
        used += [sender.seal(TcFrame("BD", PING)) for _ in range(frames)]
    nonces = [frame[8:20] for frame in used]
    assert len(set(nonces)) == len(nonces) == 348
    satellite = Satellite()
    for frame in used:
        assert satellite.counted(frame) == {}
        if satellite.tick > 190:
            satellite.tick = 10


# --- COP-1: every state, every type, every edge of the window -----------------------------------------------

OPEN, WAIT, LOCKOUT = 0, 1, 2
EXPECTED = 250
LONG = encode_tc_packet(TcPacket(6, 2, bytes(1024 - 13), 7))
EDGES = (0, 1, 2, 63, 125, 126, 127, 128, 129, 130, 192, 254, 255)


def _into(state: int) -> list[bytes]:
    """Frames that lead a FARM to a state within one tick, before anything is executed."""
    frames = [sealed_frame(set_expected_frame(EXPECTED))]
    if state == LOCKOUT:
        frames.append(sealed_frame(TcFrame("AD", PING, (EXPECTED + 127) % 256)))
    if state == WAIT:
        # Two long packets leave no room for a third; it makes the FARM wait.
        parts = [part for _ in range(2) for part in segment_packet(LONG, "BD")]
        frames += [sealed_frame(part) for part in parts]
        frames.append(sealed_frame(TcFrame("AD", PING, EXPECTED)))
    return frames


def _expected_of(state: int, kind: str, ahead: int) -> tuple[str | None, int]:
    """Reason of the drop, and whether a packet is executed: 232.1-B-2, table 6-1, said anew."""
    if kind != "AD":
        return None, 1 if kind == "BD" else 0
    if state == LOCKOUT:
        return "lockout", 0
    if ahead == 0:
        return ("wait", 0) if state == WAIT else (None, 1)
    if ahead < 127:
        return "ahead", 0
    return ("lockout", 0) if ahead < 129 else ("behind", 0)


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("state", [OPEN, WAIT, LOCKOUT], ids=["open", "wait", "lockout"])
@pytest.mark.parametrize("ahead", EDGES)
def test_every_farm_state_takes_and_refuses_ad_as_the_standard_says(state: int, ahead: int) -> None:
    lead, probed = Satellite(), Satellite()
    before = lead.counted(*_into(state))
    frames = _into(state)
    after = probed.counted(*frames, sealed_frame(TcFrame("AD", PING, (EXPECTED + ahead) % 256)))
    counted = {reason: after[reason] - before.get(reason, 0) for reason in after}
    reason, executed = _expected_of(state, "AD", ahead)
    assert {name: number for name, number in counted.items() if number} == ({reason: 1} if reason else {})
    for _ in range(12):
        lead.step()
        probed.step()
    done = [one.computer.counters()["commands_completed"] for one in (lead, probed)]
    assert done[1] - done[0] == executed
    telemetry = probed.computer.telemetry()
    locks = state == LOCKOUT or (reason == "lockout")
    assert telemetry["farm_mode"] == (LOCKOUT if locks else OPEN)
    assert telemetry["farm_expected"] == (EXPECTED + executed) % 256
    # There is a way out of each of them.
    assert probed.counted(sealed_frame(unlock_frame()), sealed_frame(set_expected_frame(7))) == {}
    assert probed.counted(sealed_frame(TcFrame("AD", PING, 7))) == {}
    probed.step()
    assert probed.computer.counters()["commands_completed"] == done[1] + 1


BC_FRAMES = {
    "Unlock": (b"\x00", None),
    "Set V(R)": (b"\x82\x00\x07", None),
    "unknown control command": (b"\x01", "control"),
    "Unlock of two octets": (b"\x00\x00", "control"),
    "Set V(R) of two octets": (b"\x82\x00", "control"),
    "Set V(R) with another second octet": (b"\x82\x01\x07", "control"),
    "Set V(R) of four octets": (b"\x82\x00\x07\x00", "control"),
}


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("state", [OPEN, WAIT, LOCKOUT], ids=["open", "wait", "lockout"])
@pytest.mark.parametrize("name", ["BD", *BC_FRAMES])
def test_every_farm_state_takes_and_refuses_bd_and_bc_as_the_standard_says(state: int, name: str) -> None:
    lead, probed = Satellite(), Satellite()
    data, reason = BC_FRAMES.get(name, (b"", None))
    before = lead.counted(*_into(state))
    frames = _into(state)
    probe = sealed_ping() if name == "BD" else sealed_frame(TcFrame("BC", data))
    after = probed.counted(*frames, probe)
    counted = {reason: after[reason] - before.get(reason, 0) for reason in after}
    assert {what: number for what, number in counted.items() if number} == ({reason: 1} if reason else {})
    for _ in range(12):
        lead.step()
        probed.step()
    done = [one.computer.counters()["commands_completed"] for one in (lead, probed)]
    assert done[1] - done[0] == (1 if name == "BD" else 0)
    telemetry = probed.computer.telemetry()
    assert telemetry["farm_mode"] == (LOCKOUT if state == LOCKOUT and name != "Unlock" else OPEN)
    moved = name == "Set V(R)" and state != LOCKOUT
    assert telemetry["farm_expected"] == (7 if moved else EXPECTED)


# --- files, through the whole computer ----------------------------------------------------------------------


@pytest.mark.requirement("L2.3", "L3.7")
def test_file_pdus_of_a_key_holder_that_make_no_sense_move_nothing(pair: Pair, services_from: int) -> None:
    stray = encode_pdu(Pdu(GROUND, 5, SATELLITE, FileData(0, b"x" * 50)))
    wrong = [stray, stray[:-1], stray[:3], b"", b"\xff" * 200]
    for number, pdu in enumerate(wrong):
        if not pdu:
            continue
        head = bytes([0x10, 110, 0xC0, number]) + (len(pdu) - 1).to_bytes(2, "big")
        assert pair.counted([sealed(head + pdu)], [sealed_ping()]) == {}
        assert pair.satellite.control()[:services_from] == pair.twin.control()[:services_from]
    assert pair.satellite.computer.counters()["commands_refused"] == 0
    assert pair.satellite.obeys()


def test_the_crc_of_the_table_is_that_of_the_wire() -> None:
    octets = clear_octets(TcFrame("BD", PING))
    assert crc16(octets + crc16(octets).to_bytes(2, "big")) == 0
