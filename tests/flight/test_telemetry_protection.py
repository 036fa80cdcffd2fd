"""Protected telemetry on board: every frame opens in other hands (`cryptography` against OpenSSL), and no
initialisation vector is ever used twice, whatever happens to the computer.

Two frames under one vector would give away the sum of their texts and the key of the MACs, so the tests of
the counter look at the frames that left alone, over resets at any tick, cuts of power within any write and
lost copies of the slot.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flight import dictionary
from flight.computer import secret_keys
from flight.keys import KeyRing
from flight.server import Service
from flight.tm_frames import TM_FRAME_OCTETS, decode_tm_frame
from flight.tm_protection import OPENED_FRAME_OCTETS, TelemetryProtection, parse
from ground.telemetry_security import Opener, seal_telemetry
from tests.telemetry import KEY, RING
from tests.uplink import sealed, sealed_ping

from .test_wire_native import Computer

native = dictionary.load_native()
BLOCK = 1024
SECOND_NS = 1_000_000_000


class Satellite(Computer):
    """A flight computer that protects its telemetry; `left` are all frames that left it, in their order."""

    def __init__(self, protection: TelemetryProtection = "encrypted", folder: Path | None = None) -> None:
        super().__init__()
        self.protection = protection
        self.left: list[bytes] = []
        self.computer = native.FlightComputer(
            parameters={"radio_silence_s": 0.0},
            keys=secret_keys(RING),
            telemetry_protection=protection,
            folder=None if folder is None else str(folder),
        )

    def fly(self, ticks: int, *uplink: bytes) -> list[bytes]:
        """The frames of some ticks."""
        found: list[bytes] = []
        for _ in range(ticks):
            self.sensors["sequence"] = self.tick
            self.sensors["clock_ns"] = self.tick * 100_000_000
            _, frames = self.computer.step(self.sensors.tobytes(), list(uplink))
            self.tick += 1
            uplink = ()
            found += frames
        self.left += found
        return found

    def used(self) -> list[int]:
        """The counters of the frames that left."""
        return [parse(frame).counter for frame in self.left]


@functools.cache
def _airborne() -> tuple[bytes, int, tuple[bytes, ...]]:
    satellite = Satellite()
    satellite.fly(400)
    assert satellite.left
    return satellite.computer.state_bytes(), satellite.tick, tuple(satellite.left)


def airborne() -> Satellite:
    """One whose mode has been kept over a reset: it radiates again two ticks after one."""
    satellite = Satellite()
    state, satellite.tick, left = _airborne()
    satellite.computer.restore(state)
    satellite.left = list(left)
    return satellite


def opened(frames: list[bytes], protection: TelemetryProtection) -> list[bytes]:
    opener = Opener(RING, protection)
    return [opener.read(frame).octets for frame in frames]


@pytest.fixture(scope="module")
def flown() -> dict[TelemetryProtection, list[bytes]]:
    """The frames of the same two minutes under each kind of protection."""
    found: dict[TelemetryProtection, list[bytes]] = {}
    ping, noise = sealed_ping(), [sealed(b"no packet") for _ in range(99)]
    for protection in ("none", "authenticated", "encrypted"):
        satellite = Satellite(protection)
        satellite.fly(600)
        satellite.fly(5, ping)
        for one in noise:
            satellite.fly(6, one)  # the CLCW changes, and nothing is reported
        found[protection] = satellite.left
    return found


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("protection", ["authenticated", "encrypted"])
def test_every_frame_opens_in_other_hands_and_is_what_they_would_have_made(
    flown: dict[TelemetryProtection, list[bytes]], protection: TelemetryProtection
) -> None:
    frames = flown[protection]
    assert len(frames) > 50
    assert {frame[1] >> 1 & 7 for frame in frames} >= {0, 7}, "idle frames too"
    for number, (frame, clear) in enumerate(zip(frames, opened(frames, protection), strict=True), start=1):
        assert len(frame) == TM_FRAME_OCTETS
        decode_tm_frame(clear, OPENED_FRAME_OCTETS)
        assert parse(frame).counter == number
        assert seal_telemetry(RING, clear, protection, key_id=KEY, counter=number) == frame


@pytest.mark.requirement("L2.6")
def test_both_kinds_of_protection_say_the_same_and_one_of_them_to_nobody_else(
    flown: dict[TelemetryProtection, list[bytes]],
) -> None:
    readable, secret = flown["authenticated"], flown["encrypted"]
    assert opened(readable, "authenticated") == opened(secret, "encrypted")
    for clear, hidden in zip(readable, secret, strict=True):
        assert clear[20:1093] == opened([clear], "authenticated")[0][6:1079]
        assert len(set(hidden[20:1093])) > 200, "an idle frame's zeros do not show"
        assert clear[:20] == hidden[:20]
        assert clear[1109:1113] == hidden[1109:1113]


def test_without_protection_frames_are_those_of_docs_wire(
    flown: dict[TelemetryProtection, list[bytes]],
) -> None:
    for frame in flown["none"]:
        decode_tm_frame(frame)
    satellite = Satellite("none")
    satellite.fly(20)
    assert satellite.counters()["telemetry_counter"] == 0
    assert satellite.computer.store_writes > 0


def test_a_golden_frame() -> None:
    """AES-256-GCM of an idle frame, made once by `cryptography` 46: neither side may drift with the other."""
    clear = bytes.fromhex("15af00001ffe") + bytes(1073) + bytes.fromhex("01000000")
    clear += (0x8B63).to_bytes(2, "big")
    encrypted = seal_telemetry(RING, clear, "encrypted", key_id=KEY, counter=1)
    authenticated = seal_telemetry(RING, clear, "authenticated", key_id=KEY, counter=1)
    assert hashlib.sha256(encrypted).hexdigest()[:16] == GOLDEN["encrypted"]
    assert hashlib.sha256(authenticated).hexdigest()[:16] == GOLDEN["authenticated"]


GOLDEN = {"encrypted": "2bcb84387a4d6719", "authenticated": "8b0bdd898e60ff20"}


# --- the counter


def disturb(satellite: Satellite, what: str, number: int) -> None:
    computer = satellite.computer
    if what == "reset":
        computer.reset(number * SECOND_NS // 10)
    elif what == "power":
        computer.cut_power(1 + number % 12, number * 7 % 130)
    elif what == "copy":
        try:
            computer.flip_slot("telemetry", number % 3, 512 + number % 64)
        except ValueError:
            return  # nothing was kept yet
    elif what == "snapshot":
        computer.restore(computer.state_bytes())


@pytest.mark.requirement("L2.6", "L3.6")
@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["reset", "power", "copy", "snapshot"]), st.integers(0, 40), st.integers(1, 30)
        ),
        min_size=1,
        max_size=10,
    )
)
def test_no_counter_is_used_twice_over_resets_cuts_of_power_and_lost_copies(
    events: list[tuple[str, int, int]],
) -> None:
    satellite = airborne()
    for what, number, ticks in events:
        disturb(satellite, what, number)
        satellite.fly(ticks)
        # A copy that was damaged is written anew with the next block; one at a time is what a slot survives.
        if what == "copy":
            satellite.computer.reset(0)
            satellite.fly(3)
    satellite.fly(40)
    used = satellite.used()
    assert len(used) > 0
    assert used == sorted(set(used)), "every one is above the one before"
    assert satellite.counters()["telemetry_withheld"] == 0


@pytest.mark.requirement("L2.6", "L3.6")
def test_a_reset_at_any_tick_never_repeats_a_counter() -> None:
    satellite = airborne()
    for ticks in range(100):
        satellite.computer.reset(0)
        satellite.fly(20 + ticks % 13)
    used = satellite.used()
    assert used == sorted(set(used))
    assert used[-1] > 20 * BLOCK, "every start begins behind the last block"


@pytest.mark.requirement("L2.6", "L3.6")
def test_without_any_copy_a_start_begins_where_none_has_been() -> None:
    satellite = airborne()
    for copy in range(3):
        satellite.computer.flip_slot("telemetry", copy, 530)
    satellite.computer.reset(0)
    satellite.fly(100)
    used = satellite.used()
    assert used == sorted(set(used))
    assert used[-1] > 2 << 40, "the second start"
    for copy in range(3):
        satellite.computer.flip_slot("telemetry", copy, 530)
    satellite.computer.reset(0)
    satellite.fly(100)
    used = satellite.used()
    assert used == sorted(set(used))
    assert used[-1] > 3 << 40


@pytest.mark.requirement("L2.6", "L3.6")
def test_a_block_is_kept_before_a_number_of_it_is_used() -> None:
    """Power fails within each of the writes around a block's end; what leaves after is always higher."""
    for writes in range(1, 10):
        satellite = airborne()
        # To the frame before the one for which the next block is reserved, when half of this one is left.
        while satellite.counters()["telemetry_counter"] < BLOCK // 2:
            satellite.fly(1)
        satellite.computer.cut_power(writes, 20)
        satellite.fly(200)
        used = satellite.used()
        assert used == sorted(set(used))


@pytest.mark.requirement("L2.6")
def test_a_snapshot_goes_on_as_the_run_would_have() -> None:
    satellite, other = airborne(), Satellite()
    state, tick = satellite.computer.state_bytes(), satellite.tick
    other.computer.restore(state)
    other.tick = tick
    assert other.fly(50) == satellite.fly(50)
    assert other.computer.state_bytes() == satellite.computer.state_bytes()


@pytest.mark.requirement("L2.6", "L3.6")
def test_a_folder_that_has_flown_never_goes_back_to_a_counter(tmp_path: Path) -> None:
    """A snapshot of before is put into a computer whose folder remembers a later one."""
    satellite = Satellite(folder=tmp_path)
    satellite.fly(20)
    old = satellite.computer.state_bytes()
    satellite.fly(200)
    highest = max(satellite.used())
    satellite.computer.restore(old)
    satellite.fly(50)
    used = satellite.used()
    assert used == sorted(set(used))
    assert min(used[-5:]) > highest
    # And so it is for the process that comes after it.
    satellite.computer.restore(old)
    del satellite.computer
    again = Satellite(folder=tmp_path)
    again.fly(50)
    assert min(again.used()) > max(used)


@pytest.mark.requirement("L2.6", "L3.6")
def test_a_store_that_refuses_a_block_withholds_frames_and_repeats_none(tmp_path: Path) -> None:
    satellite = Satellite(folder=tmp_path)
    satellite.fly(20)
    satellite.computer.fail_folder(0, errno.ENOSPC)
    for _ in range(40):
        satellite.fly(500)
        if satellite.counters()["telemetry_withheld"]:
            break
    assert satellite.counters()["telemetry_withheld"] > 0
    assert satellite.fly(200) == [], "it falls silent rather than to repeat a vector"
    assert max(satellite.used()) == BLOCK, "to the last number that was reserved"


# --- keys


@pytest.mark.requirement("L2.6")
def test_no_key_is_in_a_state() -> None:
    satellite = Satellite()
    satellite.fly(50)
    state = satellite.computer.state_bytes()
    for key in [*RING.telemetry.values(), *RING.keys.values()]:
        assert key not in state


def test_what_cannot_be_protected_is_refused_at_the_start() -> None:
    keys = native.SecretKeys(dict(RING.keys), {})
    with pytest.raises(ValueError, match="without a telemetry key"):
        native.FlightComputer(keys=keys, telemetry_protection="encrypted")
    with pytest.raises(ValueError, match="without a telemetry key"):
        native.FlightComputer(telemetry_protection="encrypted")
    with pytest.raises(ValueError, match="none, authenticated or encrypted, not clear"):
        native.FlightComputer(keys=keys, telemetry_protection="clear")


@pytest.mark.requirement("L2.6")
def test_each_use_has_keys_of_its_own() -> None:
    with pytest.raises(ValueError, match="each needs its own"):
        KeyRing({1: bytes(32)}, telemetry={1: bytes([1] * 32)})
    with pytest.raises(ValueError, match="each use needs its own"):
        KeyRing({1: bytes(32)}, telemetry={2: bytes(32)})
    assert not set(RING.keys) & set(RING.telemetry)
    assert not set(RING.keys.values()) & set(RING.telemetry.values())


def test_beyond_the_loopback_the_counter_has_to_be_kept(tmp_path: Path) -> None:
    """A process that begins anew without a folder would seal under old vectors again."""
    configuration = {
        "replicas": 1,
        "resync": True,
        "tick_ns": 100_000_000,
        "autonomy": True,
        "parameters": {},
        "telemetry_protection": "encrypted",
    }

    def start(service: Service, **changes: str) -> list[bytes]:
        document = json.dumps(configuration | changes).encode()
        return service.handle([b"START", dictionary.SHA256.encode(), document])

    assert start(Service(beyond=True))[0] == b"ERROR"
    assert b"--data" in start(Service(beyond=True))[1]
    assert start(Service(beyond=True), telemetry_protection="none") == [b"START"]
    assert start(Service(beyond=True, data=tmp_path)) == [b"START"]
    assert start(Service()) == [b"START"]
    assert b"telemetry_protection" in start(Service(), telemetry_protection="clear")[1]
