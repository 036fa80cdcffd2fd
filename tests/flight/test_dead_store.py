"""A store that cannot be written, for a moment or for good: the satellite obeys, and takes no frame twice.

What a reset makes of a counter that was never kept is decided in ADR 14.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from flight.dictionary import EVENT_IDS, TELECOMMANDS
from flight.packets import TmPacket, decode_verification, encode_command, encode_tc_packet
from flight.tc_frames import TcFrame, unlock_frame
from tests.uplink import sealed, sealed_frame, sealed_ping

from .test_folder import flown
from .test_wire_native import Computer

REFUSED_TICKS = 50  # for 5 s after the first write that failed, frames are refused
NEVER = 2**64 - 1
SECOND_NS = 1_000_000_000
ERRORS = [errno.EROFS, errno.ENOSPC, errno.EIO]


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    """It keeps everything in a folder, and radiates."""
    found = flown(tmp_path, 1000)
    assert found.clcw is not None
    return found


def die(computer: Computer, error: int = errno.EROFS) -> None:
    computer.computer.fail_folder(0, error)


def rejected(computer: Computer, reason: str) -> int:
    return int(computer.counters()["frames_rejected"][reason])


def completed(computer: Computer) -> int:
    return int(computer.counters()["commands_completed"])


def events(computer: Computer, *names: str) -> list[str]:
    """Of these, those of the last step."""
    ids = {EVENT_IDS[name]: name for name in names}
    return [ids[one[0]] for one in computer.computer.events() if one[0] in ids]


def dead(computer: Computer) -> list[bytes]:
    """The store has died, and the time in which frames are refused is over; what was radiated since."""
    die(computer)
    sent = [sealed_ping()]
    computer.step(*sent)
    for _ in range(REFUSED_TICKS):
        computer.step()
    return sent


def come_back(computer: Computer) -> None:
    computer.computer.reset(3 * SECOND_NS)
    while computer.computer.is_down:
        computer.step()
    computer.step()


def outcomes(heard: list[TmPacket]) -> set[int]:
    """Subtypes of what is told of the start and the completion of telecommands."""
    return {decode_verification(one).subtype for one in heard if one.service == 1} & {4, 7, 8}


@pytest.mark.requirement("L2.6", "L3.5", "L3.6")
@pytest.mark.parametrize("error", ERRORS)
def test_a_ping_is_obeyed_although_nothing_can_be_kept(computer: Computer, error: int) -> None:
    """For 5 s it is refused, for it might be taken again; from then on it is obeyed and counted."""
    die(computer, error)
    before, sent, told, pongs = completed(computer), [], [], 0
    for tick in range(150):
        frames = [sealed_ping()] if tick % 10 == 0 else []
        sent += frames
        heard = computer.step(*frames)
        pongs += sum((one.service, one.subtype) == (17, 2) for one in heard)
        told += events(computer, "counter_unkept", "counter_kept")
        obeyed = max(0, tick // 10 - REFUSED_TICKS // 10 + 1)
        assert completed(computer) - before == pongs == obeyed, f"tick {tick}"
        assert rejected(computer, "store") == min(tick // 10 + 1, 5), f"tick {tick}"
    assert computer.counters()["frames_unkept"] == computer.computer.telemetry()["frames_unkept"] == 10
    assert told == ["counter_unkept"]
    replays = rejected(computer, "replay")
    computer.step(*sent)
    assert rejected(computer, "replay") - replays == len(sent), "those that were refused among them"
    assert completed(computer) - before == 10


@pytest.mark.requirement("L2.6", "L3.5")
def test_every_type_of_frame_gets_through_and_a_reset_can_be_commanded(computer: Computer) -> None:
    dead(computer)
    expected = computer.computer.telemetry()["farm_expected"]
    ping = encode_tc_packet(encode_command("ping", {}, sequence=9))
    before = completed(computer)
    computer.send(sealed_frame(TcFrame("AD", ping, (expected + 127) % 256)))
    assert computer.clcw is not None
    assert computer.clcw.lockout
    computer.send(sealed_frame(unlock_frame()))
    assert not computer.clcw.lockout
    computer.send(sealed_frame(TcFrame("AD", ping, expected)))
    assert computer.clcw.report_value == (expected + 1) % 256
    assert completed(computer) - before == 1
    for name, arguments in (
        ("arm", {"command": TELECOMMANDS["reset_computer"].id, "seconds": 60}),
        ("reset_computer", {}),
    ):
        computer.step(sealed(encode_tc_packet(encode_command(name, arguments, sequence=10))))
    assert computer.computer.is_down


@pytest.mark.requirement("L2.6", "L3.6")
def test_a_store_that_fails_for_a_moment_opens_nothing(computer: Computer) -> None:
    """It writes again within the 5 s: no frame was taken that is not kept, before or after a reset."""
    die(computer)
    sent = [sealed_ping() for _ in range(4)]
    before = completed(computer)
    for frame in sent:
        computer.step(frame)
        for _ in range(9):
            computer.step()
    computer.computer.fail_folder(NEVER, 0)
    for _ in range(10):
        computer.step()
    assert (completed(computer), rejected(computer, "store")) == (before, 4)
    assert computer.counters()["frames_unkept"] == 0
    come_back(computer)
    replays = rejected(computer, "replay")
    computer.step(*sent)
    assert rejected(computer, "replay") - replays == 4, "the counter was kept once it could be"
    die(computer)  # and the next failure is another one
    computer.step(sealed_ping())
    assert completed(computer) == 0


@pytest.mark.requirement("L2.6", "L3.6")
def test_what_was_taken_unkept_is_kept_when_the_store_writes_again(computer: Computer) -> None:
    sent = dead(computer)
    for _ in range(3):
        sent.append(sealed_ping())
        computer.step(sent[-1])
    assert computer.counters()["frames_unkept"] == 3
    computer.computer.fail_folder(NEVER, 0)
    told = []
    for _ in range(12):  # it is tried once a second, without a frame
        computer.step()
        told += events(computer, "counter_unkept", "counter_kept")
    assert told == ["counter_kept"]
    counter = computer.counters()["key_counter"]
    come_back(computer)
    assert computer.counters()["key_counter"] == counter
    computer.step(*sent)
    assert completed(computer) == 0
    assert computer.counters()["frames_unkept"] == 0


@pytest.mark.requirement("L2.6", "L3.6")
def test_after_a_reset_with_a_dead_store_the_grounds_next_frame_closes_the_door(computer: Computer) -> None:
    """As decided: the counter is the one that was kept last. What was taken before the store died is refused
    at once, what was taken since from the ground's next frame on, and that one is obeyed.
    """
    kept = sealed_ping()
    computer.step(kept)
    counter = computer.counters()["key_counter"]
    sent = dead(computer)
    sent += [sealed_ping(), sealed_ping()]
    computer.step(*sent[-2:])
    come_back(computer)
    assert computer.counters()["key_counter"] == counter
    assert computer.computer.telemetry()["key_counter"] == counter, "the ground sees that it went back"
    refused = rejected(computer, "store")
    for _ in range(REFUSED_TICKS):
        computer.step(kept)
    assert rejected(computer, "replay") >= REFUSED_TICKS
    assert rejected(computer, "store") == refused
    computer.step(sealed_ping())  # the first that could not be kept since the start
    assert rejected(computer, "store") == refused + 1
    for _ in range(REFUSED_TICKS):
        computer.step()
    computer.step(sealed_ping())
    assert completed(computer) == 1
    computer.step(*sent)
    assert completed(computer) == 1


@pytest.mark.requirement("L2.6", "L3.6")
def test_a_key_that_could_not_be_kept_is_not_in_force_and_said_so(computer: Computer) -> None:
    def select(key: int, under: int) -> set[int]:
        packet = encode_tc_packet(encode_command("select_key", {"key": key}, sequence=12))
        heard = computer.step(sealed(packet, key_id=under))
        for _ in range(70):  # what cannot be kept is told after 5 s all the same
            heard += computer.step()
        return outcomes(heard)

    dead(computer)
    assert select(2, under=1) == {8}
    assert computer.counters()["key_active"] == 1
    before = completed(computer)
    computer.step(sealed_ping())
    assert completed(computer) - before == 1
    computer.computer.fail_folder(NEVER, 0)
    assert select(2, under=1) == {7}
    assert computer.counters()["key_active"] == 2
    come_back(computer)
    assert computer.counters()["key_active"] == 2


@pytest.mark.requirement("L2.6", "L3.6")
def test_what_is_told_of_a_key_is_so_after_a_reset_whichever_write_is_the_first_to_fail(
    computer: Computer,
) -> None:
    state, tick = computer.computer.state_bytes(), computer.tick
    packet = encode_tc_packet(encode_command("select_key", {"key": 2}, sequence=13))
    seen = set()
    for writes in range(16):
        computer.computer.fail_folder(NEVER, 0)
        computer.computer.restore(state)
        computer.extractors, computer.tick = {}, tick
        computer.computer.fail_folder(writes, errno.EROFS)
        heard = computer.step(sealed(packet))
        for _ in range(70):
            heard += computer.step()
        told, taken = outcomes(heard), rejected(computer, "store") == 0
        active = computer.counters()["key_active"]
        come_back(computer)
        assert computer.counters()["key_active"] == active, f"{writes} writes"
        assert told == ({7} if active == 2 else {8} if taken else set()), f"{writes} writes"
        seen.add((taken, active))
    assert seen == {(False, 1), (True, 1), (True, 2)}
