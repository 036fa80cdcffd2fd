"""The hostile list of protected telemetry at mission control: whatever is not the satellite's frame, once, is
refused under a counted reason, and nothing else of the ground's state moves.

The frames that are taken are made by `cryptography`; that the satellite makes the same is shown in
tests/flight/test_telemetry_protection.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flight.frames import Delivery, FrameError
from flight.keys import KeyFileError, KeyRing, make_ring
from flight.packets import TmPacket, encode_time
from flight.tm_frames import TM_DATA_OCTETS, TM_FRAME_OCTETS, Clcw, TmFramer
from flight.tm_protection import OPENED_FRAME_OCTETS, PROTECTIONS, TelemetryProtection, data_octets
from ground.config import GroundConfig
from ground.mission import Ground
from ground.receiver import Receiver
from ground.store.archive import ArchiveStore
from ground.telemetry_security import WINDOW, Opener, Taken, seal_telemetry
from safehold.errors import FolderError
from safehold.ground_folder import source_of_ground
from tests.downlink import encode_tm_packet, idle_frame
from tests.telemetry import KEY, RING, Sealer
from tests.uplink import repaired, sealed_ping

ALIVE = encode_tm_packet(TmPacket(17, 2, 0, b"", 0, 0))
KINDS: tuple[TelemetryProtection, ...] = ("authenticated", "encrypted")


def receiver(protection: TelemetryProtection) -> Receiver:
    return Receiver(opener=Opener.start(RING, protection))


def unmoved(one: Receiver) -> dict[str, Any]:
    return {key: value for key, value in one.to_plain().items() if key != "counters"}


Make = Callable[[Sealer, list[bytes]], list[bytes]]


def changed(octets: bytes, at: int, mask: int = 1) -> bytes:
    made = bytearray(octets)
    made[at] ^= mask
    return repaired(bytes(made))


def spliced(sealer: Sealer, came: list[bytes]) -> list[bytes]:
    """The data field of one channel under the header of another, and the other way round."""
    other = Sealer(sealer.protection, channel=1, counter=50)
    (one,), (two,) = sealer.frames([ALIVE]), other.frames([ALIVE])
    return [repaired(one[:6] + two[6:]), repaired(two[:6] + one[6:]), repaired(one[:20] + two[20:])]


def others(sealer: Sealer, came: list[bytes]) -> list[bytes]:
    """A frame of the other kind of protection."""
    kind: TelemetryProtection = "encrypted" if sealer.protection == "authenticated" else "authenticated"
    return Sealer(kind, counter=50).frames([ALIVE])


def under(key: int) -> Make:
    """A frame under another key of the ring."""

    def make(sealer: Sealer, came: list[bytes]) -> list[bytes]:
        (frame,) = Sealer(sealer.protection, counter=50, key_id=key).frames([ALIVE])
        return [frame]

    return make


def items() -> Iterator[tuple[str, Make, dict[str, int]]]:
    every = range(TM_FRAME_OCTETS)
    yield "empty", lambda s, _: [b""], {"length": 1}
    yield (
        "every truncation",
        lambda s, _: [one[:n] for one in [s.idle()] for n in every],
        {"length": len(every)},
    )
    yield "one octet more", lambda s, _: [s.idle() + b"x"], {"length": 1}
    yield "10 MB", lambda s, _: [bytes(10_000_000)], {"length": 1}
    yield "a flipped bit", lambda s, _: [s.idle()[:-1] + b"\0"], {"fecf": 1}
    yield "another version", lambda s, _: [changed(s.idle(), 0, 0x40)], {"version": 1}
    yield "another spacecraft", lambda s, _: [changed(s.idle(), 1, 0x20)], {"scid": 1}
    yield "a channel that there is not", lambda s, _: [changed(s.idle(), 1, 0x04)], {"vcid": 1}
    yield "another channel", lambda s, _: [changed(s.frames([ALIVE])[0], 1, 0x02)], {"mac": 1}
    yield "another master frame count", lambda s, _: [changed(s.idle(), 2)], {"mac": 1}
    yield "another channel frame count", lambda s, _: [changed(s.idle(), 3)], {"mac": 1}
    yield "another pointer", lambda s, _: [changed(s.idle(), 5)], {"mac": 1}
    yield "a key that there is not", lambda s, _: [changed(s.idle(), 6)], {"key_unknown": 1}
    yield "a key that is not in force", under(102), {"key_idle": 1}
    yield "another fixed part", lambda s, _: [changed(s.idle(), 8)], {"iv": 1}
    yield "a forged high counter", lambda s, _: [changed(s.idle(), 12)], {"mac": 1}
    yield "every bit of data, MAC and CLCW", all_bits, {"mac": 8 * (1109 - 20 + 4)}
    yield (
        "the CLCW of another frame",
        lambda s, came: [repaired(s.idle()[:1109] + came[1][1109:])],
        {"mac": 1},
    )
    yield "the same frame again", lambda s, came: list(came), {"replay": 3}
    yield "a frame of the other protection", others, {"mac": 1}
    yield "spliced over channels", spliced, {"mac": 3}
    yield "an unprotected frame", lambda s, _: TmFramer().frames([ALIVE], Clcw()), {"key_unknown": 1}
    yield "an unprotected idle frame", lambda s, _: [idle_frame(9, 9, Clcw())], {"key_unknown": 1}
    yield "an opened frame", lambda s, came: [Opener(RING, s.protection).read(came[0]).octets], {"length": 1}
    yield "the uplink reflected", lambda s, _: [sealed_ping()], {"length": 1}
    yield "a frame under a telecommand key", under_telecommand_key, {"key_unknown": 1, "mac": 1}


def all_bits(sealer: Sealer, came: list[bytes]) -> list[bytes]:
    frame = sealer.frames([ALIVE], Clcw(report_value=3))[0]
    places = [*range(20, 1109), *range(1109, 1113)]
    return [changed(frame, at, 1 << bit) for at in places for bit in range(8)]


def under_telecommand_key(sealer: Sealer, came: list[bytes]) -> list[bytes]:
    """With the telecommand key's id, and with its octets under the telemetry key's id."""
    clear = idle_frame(1, 1, Clcw(), data_octets(sealer.protection))
    first = KeyRing({9: bytes(32)}, telemetry={1: RING.keys[1]})
    second = KeyRing({9: bytes(32)}, telemetry={KEY: RING.keys[1]})
    return [
        seal_telemetry(first, clear, sealer.protection, key_id=1, counter=60),
        seal_telemetry(second, clear, sealer.protection, key_id=KEY, counter=60),
    ]


ITEMS = list(items())


@pytest.mark.requirement("L2.6", "L3.7")
@pytest.mark.parametrize("protection", KINDS)
@pytest.mark.parametrize(("name", "make", "counts"), ITEMS, ids=[one[0] for one in ITEMS])
def test_a_hostile_frame_bounces_and_moves_nothing(
    name: str, make: Make, counts: dict[str, int], protection: TelemetryProtection
) -> None:
    one, sealer = receiver(protection), Sealer(protection)
    came = [sealer.frames([ALIVE])[0], sealer.idle(Clcw(report_value=7)), sealer.frames([ALIVE])[0]]
    assert all(one.receive(octets) is not None for octets in came)
    before, was = unmoved(one), one.results()
    for octets in make(sealer, came):
        assert one.receive(octets) is None
    now = one.results()
    refused = {f"frames_refused_{reason}": number for reason, number in counts.items()}
    assert {key: value - was.get(key, 0) for key, value in now.items() if value != was.get(key, 0)} == refused
    assert unmoved(one) == before
    assert one.receive(sealer.frames([ALIVE])[0]) is not None, "the satellite is still heard"


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("protection", KINDS)
def test_a_frame_counts_once_over_a_restart_of_the_ground_and_a_reset_of_the_satellite(
    protection: TelemetryProtection,
) -> None:
    one, sealer = receiver(protection), Sealer(protection)
    came = [sealer.idle() for _ in range(10)]
    for octets in came:
        assert one.receive(octets) is not None
    again = Receiver.from_plain(json.loads(json.dumps(one.to_plain())), Opener.start(RING, protection))
    sealer.counter = 2048  # the satellite began behind its block
    late = sealer.idle()
    assert again.receive(late) is not None
    for octets in [*came, late]:
        assert again.receive(octets) is None
    assert again.results()["frames_refused_replay"] == 11
    assert unmoved(again) == unmoved(Receiver.from_plain(again.to_plain(), Opener.start(RING, protection)))


@pytest.mark.requirement("L2.6")
@settings(max_examples=200)
@given(st.lists(st.integers(0, 400), max_size=300))
def test_the_window_takes_each_counter_once_and_none_too_far_behind(counters: list[int]) -> None:
    """Against a set of all that came."""
    taken, came = Taken(), set[int]()
    for counter in counters:
        highest = max(came, default=0)
        fresh = counter > 0 and counter not in came and (counter > highest or highest - counter < WINDOW)
        assert taken.is_fresh(counter) == fresh
        if fresh:
            taken.take(counter)
            came.add(counter)
    assert taken.highest == max(came, default=0)
    assert taken.seen >> WINDOW == 0


@settings(max_examples=300)
@given(st.binary(max_size=1200), st.booleans(), st.sampled_from(KINDS))
def test_no_octets_without_the_key_are_ever_taken(
    octets: bytes, mended: bool, protection: TelemetryProtection
) -> None:
    opener = Opener(RING, protection)
    if mended:
        frame = bytearray(octets.ljust(TM_FRAME_OCTETS, b"\0")[:TM_FRAME_OCTETS])
        frame[:2], frame[4] = b"\x15\xa1", 0x18 | frame[4] & 7
        frame[6:12] = KEY.to_bytes(2, "big") + b"\x54\x4d\0\0"
        octets = repaired(bytes(frame))
    with pytest.raises(FrameError) as caught:
        opener.open(octets)
    assert caught.value.reason != "replay", "the counter is looked at last"
    assert opener.to_plain() == {}
    if mended:
        assert caught.value.reason == "mac"


def test_capacity_is_what_is_left_of_a_frame() -> None:
    assert [data_octets(kind) for kind in PROTECTIONS] == [TM_DATA_OCTETS, 1073, 1073]
    assert OPENED_FRAME_OCTETS == TM_FRAME_OCTETS - 30


def test_without_a_telemetry_key_a_protected_link_is_refused() -> None:
    with pytest.raises(KeyFileError, match="no telemetry key"):
        Opener.start(KeyRing({1: bytes(32)}), "encrypted")
    assert Opener.start(KeyRing({1: bytes(32)}), "none") is None
    assert not any(key.hex() in repr(Opener(RING, "encrypted")) for key in RING.telemetry.values())


# --- a ground in a pass


def in_contact(config: GroundConfig, store: ArchiveStore | None = None) -> tuple[Ground, int, int]:
    """A ground ten seconds into its first pass; the time, and the station."""
    ground = Ground(config, store=store)
    ground.advance(ground.promise_tick() + 1, [])
    (first,) = ground.results()["passes"]
    start_ns = max(first["start_ns"], first["aos_ns"]) // config.tick_ns * config.tick_ns + 10_000_000_000
    ground.advance(start_ns // config.tick_ns, [])
    return ground, start_ns, first["station"]


def state_of(ground: Ground) -> dict[str, Any]:
    """All of its state that a frame could move, but for counts of refused frames and the journal's chain."""
    plain = json.loads(ground.to_bytes())
    for name in ("chain", "time_ns"):
        del plain[name]
    plain["receiver"].pop("counters")
    for one in plain["contacts"]["passes"]:
        one.pop("frames_refused")
    return plain


def time_report(frame_count: int, time_ns: int) -> bytes:
    data = bytes([3, frame_count & 0xFF]) + encode_time(time_ns)
    return encode_tm_packet(TmPacket(9, 2, time_ns, data, 1, 0))


def arrive(ground: Ground, station: int, now_ns: int, frames: list[bytes]) -> list[bool]:
    ground.advance(now_ns // ground.config.tick_ns, [Delivery(now_ns, station, one) for one in frames])
    return ground.accepted()


@dataclass
class Pass:
    """A ground in a pass, with the clock of its satellite known from true reports; the forger hears them."""

    ground: Ground
    station: int
    now_ns: int
    sealer: Sealer
    heard: list[bytes] = field(default_factory=list)

    @classmethod
    def begin(cls, config: GroundConfig, store: ArchiveStore | None = None) -> Pass:
        ground, now_ns, station = in_contact(config, store)
        kind = config.telemetry_protection
        one = cls(ground, station, now_ns, Sealer("encrypted" if kind == "none" else kind))
        if kind == "none":
            one.sealer.framer.data_octets = TM_DATA_OCTETS
        for _ in range(4):
            one.report(one.true_ns)
        return one

    @property
    def true_ns(self) -> int:
        """What the satellite's clock said when a frame left that arrives now."""
        return self.now_ns - self.ground.config.downlink_ns

    def clear(self, time_ns: int) -> bytes:
        """A frame with a time report, as the satellite makes it before it is sealed."""
        framer = self.sealer.framer
        (frame,) = framer.frames([time_report(framer.channel_count, time_ns)], Clcw())
        return frame

    def report(self, time_ns: int) -> None:
        """The satellite's own report, which has to be taken."""
        clear = self.clear(time_ns)
        protected = self.ground.config.telemetry_protection != "none"
        frame = self.sealer.seal(clear) if protected else clear
        assert arrive(self.ground, self.station, self.now_ns, [frame]) == [True]
        self.heard.append(frame)
        self.now_ns += 5_000_000_000


JUMP_NS = 3_600_000_000_000


def forge(told: Pass, how: str) -> bytes:
    """A frame whose time report says that the clock has jumped by an hour."""
    framer = TmFramer(channel_count=told.sealer.framer.channel_count)
    (clear,) = framer.frames([time_report(framer.channel_count, told.true_ns + JUMP_NS)], Clcw(lockout=True))
    if how == "unprotected":
        return clear
    if how == "built on one that was heard":
        frame = bytearray(told.heard[-1])
        frame[20:1093] = clear[6:1079]
        frame[2:4] = clear[2:4]
        return repaired(bytes(frame))
    return told.heard[0]


FORGERIES = ("unprotected", "built on one that was heard", "heard before")


@pytest.mark.requirement("L2.6", "L3.7")
@pytest.mark.parametrize("how", FORGERIES)
@pytest.mark.parametrize("protection", KINDS)
def test_forged_time_reports_over_seconds_feign_no_jump_of_the_clock(
    configure: Callable[..., GroundConfig], protection: TelemetryProtection, how: str
) -> None:
    told = Pass.begin(replace(configure(), telemetry_protection=protection))
    before = state_of(told.ground)
    assert before["clock"]["pairs"] or before["clock"], "the clock is known"
    for _ in range(6):
        assert arrive(told.ground, told.station, told.now_ns, [forge(told, how)]) == [False]
        told.now_ns += 2_000_000_000
    assert state_of(told.ground) == before, "nor is a CLCW believed, nor anything asked for"
    assert told.ground.results()["passes"][0]["frames_refused"] == 6
    told.report(told.true_ns)


@pytest.mark.requirement("L2.6")
def test_without_protection_the_same_reports_are_believed(configure: Callable[..., GroundConfig]) -> None:
    """What protection is for; and that the test above would see a jump."""
    told = Pass.begin(configure())
    jumps = json.loads(told.ground.to_bytes())["clock"]
    for _ in range(6):
        frame = told.clear(told.true_ns + JUMP_NS)
        assert arrive(told.ground, told.station, told.now_ns, [frame]) == [True]
        told.now_ns += 2_000_000_000
    assert json.loads(told.ground.to_bytes())["clock"] != jumps
    assert told.ground.results()["clock"]["jumps"] != []


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("protection", KINDS)
def test_a_ground_goes_on_from_its_state_and_takes_no_frame_twice(
    configure: Callable[..., GroundConfig], protection: TelemetryProtection
) -> None:
    config = replace(configure(), telemetry_protection=protection)
    told = Pass.begin(config)
    again = Ground.from_bytes(config, told.ground.to_bytes())
    assert again.to_bytes() == told.ground.to_bytes()
    assert arrive(again, told.station, told.now_ns, told.heard) == [False] * len(told.heard)
    assert again.results()["counters"]["frames_refused_replay"] == len(told.heard)
    for frame in told.heard:
        assert again.read_again(frame) == Opener(RING, protection).read(frame).octets
    assert again.read_again(told.heard[0][:-1] + b"\0") is None
    assert again.opened() == []
    with pytest.raises(ValueError, match="another configuration"):
        Ground.from_bytes(configure(), told.ground.to_bytes())


@pytest.mark.requirement("L2.6")
def test_a_ground_that_keeps_itself_is_read_with_its_telemetry_keys_alone(
    configure: Callable[..., GroundConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(configure(), telemetry_protection="encrypted")
    store = ArchiveStore(tmp_path / "data")
    told = Pass.begin(config, store)
    arrive(told.ground, told.station, told.now_ns, [told.heard[0], forge(told, "unprotected")])
    store.close()
    source = source_of_ground(tmp_path / "data", tmp_path)
    opener = Opener(RING, "encrypted")
    assert source.frames.read_bytes() == b"".join(opener.read(one).octets for one in told.heard)
    assert source.frame_octets == OPENED_FRAME_OCTETS
    make_ring(tmp_path / "others")
    monkeypatch.setenv("SAFEHOLD_KEYS", str(tmp_path / "others"))
    with pytest.raises(FolderError, match="open none of its frames"):
        source_of_ground(tmp_path / "data", tmp_path)


def test_a_configuration_without_protection_is_written_as_ever(
    configure: Callable[..., GroundConfig],
) -> None:
    config = configure()
    assert "telemetry_protection" not in config.to_json()
    protected = replace(config, telemetry_protection="encrypted")
    assert GroundConfig.from_json(protected.to_json()) == protected
    assert protected.sha256() != config.sha256()
    with pytest.raises(ValueError, match="telemetry_protection"):
        replace(config, telemetry_protection="some")
