"""The sender: a counter is used once, whatever happens to the ground, and its state holds no key."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flight.keys import published_ring
from flight.tc_frames import COUNTER_MAX, TcFrame, parse, unlock_frame
from ground.security import AHEAD_MAX, BLOCK, Sender
from tests.uplink import open_frame

RING = published_ring()
FRAME = TcFrame("BD", b"segment")


class Store:
    """What survives a crash of the ground."""

    def __init__(self) -> None:
        self.kept: dict[int, int] = {}
        self.writes = 0

    def reserve(self, key_id: int, below: int) -> None:
        assert below > self.kept.get(key_id, 0)
        self.kept[key_id] = below
        self.writes += 1


@pytest.mark.requirement("L2.3")
def test_every_radiation_has_a_counter_and_a_nonce_of_its_own() -> None:
    sender = Sender.start(RING)
    frames = [sender.seal(FRAME) for _ in range(3000)]
    assert [parse(octets).counter for octets in frames] == list(range(1, 3001))
    assert len({parse(octets).nonce for octets in frames}) == len({octets for octets in frames}) == 3000
    assert all(open_frame(RING, octets)[0] == FRAME for octets in frames[::500])


@pytest.mark.requirement("L2.6")
@given(st.lists(st.one_of(st.integers(1, 3 * BLOCK), st.just("crash"), st.sampled_from([1, 2]).map(str))))
def test_no_counter_is_used_twice_over_any_number_of_crashes(story: list[int | str]) -> None:
    store = Store()
    sender = Sender.start(RING, reserve=store.reserve)
    used: set[tuple[int, int]] = set()
    last: dict[int, int] = {}
    for act in story:
        if act == "crash":
            sender = Sender.start(RING, reserve=store.reserve, kept=store.kept)
        elif isinstance(act, str):
            sender.select(int(act))
        else:
            for _ in range(act // BLOCK + 1):
                sealed = parse(sender.seal(FRAME))
                assert (sealed.key_id, sealed.counter) not in used
                assert sealed.counter > last.get(sealed.key_id, 0)
                assert sealed.counter < store.kept[sealed.key_id], "used before it was reserved"
                used.add((sealed.key_id, sealed.counter))
                last[sealed.key_id] = sealed.counter


def test_a_block_is_reserved_before_its_first_counter_is_used_and_not_for_each() -> None:
    store = Store()
    sender = Sender.start(RING, reserve=store.reserve)
    for _ in range(2 * BLOCK):
        sender.seal(FRAME)
    assert store.writes == 2

    def broken(key_id: int, below: int) -> None:
        raise OSError("disk full")

    sender.reserve = broken
    for _ in range(3):
        with pytest.raises(OSError, match="disk full"):
            sender.seal(FRAME)
    assert sender.next_counter[1] == 2 * BLOCK + 1, "a counter that was not reserved is not used"


def test_the_state_goes_on_as_it_was_and_holds_no_key() -> None:
    sender = Sender.start(RING)
    for _ in range(5):
        sender.seal(FRAME)
    sender.select(3)
    sender.seal(FRAME)
    plain = json.loads(json.dumps(sender.to_plain()))
    again = Sender.from_plain(plain, RING)
    assert again.seal(unlock_frame()) == sender.seal(unlock_frame())
    for key in RING.keys.values():
        assert key.hex() not in json.dumps(plain)
    with pytest.raises(ValueError, match="no key 9"):
        Sender.from_plain({**plain, "key": 9}, RING)
    with pytest.raises(KeyError, match="no key 9"):
        sender.select(9)


def test_counters_end_before_they_wrap() -> None:
    sender = Sender.start(RING, kept={1: COUNTER_MAX})
    assert parse(sender.seal(FRAME)).counter == COUNTER_MAX
    with pytest.raises(ValueError, match="used up"):
        sender.seal(FRAME)
    sender.select(2)
    assert parse(sender.seal(FRAME)).counter == 1


@pytest.mark.requirement("L2.6")
def test_a_sender_goes_on_behind_what_the_satellite_has_taken_and_not_beyond_belief() -> None:
    kept: dict[int, int] = {}
    sender = Sender.start(RING, reserve=kept.__setitem__)
    sender.seal(FRAME)
    assert not sender.is_behind(1)
    assert sender.is_behind(2)
    assert sender.go_beyond(5_000)
    assert sender.remembers()
    assert parse(sender.seal(FRAME)).counter == 5_001
    assert kept[1] > 5_001
    for forged in (5_002 + AHEAD_MAX, COUNTER_MAX):
        assert not sender.go_beyond(forged)
    assert parse(sender.seal(FRAME)).counter == 5_002


@pytest.mark.requirement("L2.6")
def test_a_sender_that_remembers_nothing_believes_more_and_keeps_half_of_all_counters() -> None:
    """Forged reports may once have moved the one before it and the satellite far: it has to find them."""
    sender = Sender.start(RING)
    assert not sender.remembers()
    assert not sender.go_beyond(COUNTER_MAX // 2)
    assert sender.go_beyond(COUNTER_MAX // 2 - 1)
    assert not sender.go_beyond(COUNTER_MAX // 2 + AHEAD_MAX), "but only once"
    assert parse(sender.seal(FRAME)).counter == COUNTER_MAX // 2
