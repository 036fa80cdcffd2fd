"""Persistence and mass memory in a folder: what outlives the process, whatever was being written when it
ended, and what a disk that refuses leaves of the flight software.
"""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from flight.computer import FlightComputer, make_computer
from flight.dictionary import EVENT_IDS

from .test_power_cut import CUT_TICKS, Pass, before, begin, transmitting
from .test_wire_native import Computer

__all__ = ["before", "transmitting"]

TICKS = 650  # 65 s: the mode has changed, records are committed, control is kept twice


def started(folder: Path) -> Computer:
    """A computer of its own that keeps everything in a folder."""
    computer = Computer()
    computer.computer = make_computer(folder=folder, parameters={"radio_silence_s": 0.0})
    return computer


def flown(folder: Path, ticks: int = TICKS) -> Computer:
    """It has flown for some time."""
    computer = started(folder)
    for _ in range(ticks):
        computer.step()
    return computer


def content(computer: FlightComputer) -> tuple[object, ...]:
    """Records of every stream, and files with their octets."""
    records = [computer.records(stream) for stream in range(5)]
    files = [(entry, computer.read_file(entry[0])) for entry in computer.files()]
    return records, files


def released(computer: Computer) -> None:
    """The process has ended: the folder is free again."""
    del computer.computer


def events_of(computer: Computer, ticks: int = 5) -> list[int]:
    """Ids of the events of some steps."""
    found: list[int] = []
    for _ in range(ticks):
        computer.step()
        found += [one[0] for one in computer.computer.events()]
    return found


@pytest.mark.requirement("L3.6", "L2.4")
def test_what_was_kept_outlives_the_process(tmp_path: Path) -> None:
    first = flown(tmp_path)
    kept, control = content(first.computer), first.computer.control_bytes()
    assert kept[0][0], "there are records"  # type: ignore[index]
    assert kept[1], "there is a black box"
    tick = first.tick
    released(first)
    again = started(tmp_path)
    assert content(again.computer) == kept
    again.tick = tick
    told = events_of(again)
    assert EVENT_IDS["computer_reset"] in told
    assert EVENT_IDS["recorder_gap"] not in told
    report = again.computer.telemetry()
    assert (report["boot_warm"], report["boot_count"]) == (1, 2)
    assert len(control) == len(again.computer.control_bytes())
    assert again.computer.folder_faults() == {"refused": 0, "error": 0, "torn": 0}


@pytest.mark.requirement("L2.4")
def test_a_log_that_is_torn_is_cut_and_named(tmp_path: Path) -> None:
    """Cut anywhere within its last record: the others are there, the number is not given again."""
    first = flown(tmp_path)
    records = first.computer.records(0)
    tick = first.tick
    released(first)
    (log,) = tmp_path.glob("stream-0-*.log")
    whole = log.read_bytes()
    last = len(records[-1][1]) + 16
    for keep in (1, 15, 16, 17, last - 1):
        log.write_bytes(whole[: len(whole) - last + keep])
        again = started(tmp_path)
        again.tick = tick
        assert again.computer.records(0) == records[:-1], keep
        assert log.stat().st_size == len(whole) - last
        assert again.computer.record_range(0)[1] == records[-1][0] + 1
        assert EVENT_IDS["recorder_gap"] in events_of(again)
        assert EVENT_IDS["recorder_gap"] not in events_of(again), "it is told once"
        faults = again.computer.folder_faults()
        assert faults is not None
        assert faults["torn"] >= 1
        released(again)
        for path in tmp_path.glob("stream-0-*.log"):
            path.unlink()
        (tmp_path / "numbers.bin").unlink(missing_ok=True)


def gaps_of(computer: Computer, stream: int = 0, ticks: int = 6) -> list[tuple[int, int]]:
    """First number and count of what is named as lost in some steps."""
    found = []
    for _ in range(ticks):
        computer.step()
        for id_, _, values in computer.computer.events():
            if id_ == EVENT_IDS["recorder_gap"] and values[0] == stream:
                found.append((int(values[1]), int(values[2])))
    return found


def places(log: bytes) -> list[int]:
    """Where the records of a log begin."""
    found, at = [], 0
    while at < len(log):
        found.append(at)
        at += 16 + struct.unpack_from("<QII", log, at)[1]
    return found


@pytest.mark.requirement("L2.4", "L3.6")
@pytest.mark.parametrize("octet", [0, 8, 12, 20], ids=["number", "length", "checksum", "content"])
@pytest.mark.parametrize("spoilt", [(3,), (2, 6), (0, 4, 5)], ids=str)
def test_a_log_that_is_spoilt_in_the_middle_keeps_what_is_behind(
    tmp_path: Path, spoilt: tuple[int, ...], octet: int
) -> None:
    """Exactly the spoilt records are named, none of the sound ones between them; no number is given again."""
    first = flown(tmp_path)
    records, (_, following) = first.computer.records(0), first.computer.record_range(0)
    tick = first.tick
    released(first)
    (log,) = tmp_path.glob("stream-0-*.log")
    octets = bytearray(log.read_bytes())
    begins = places(bytes(octets))
    assert len(begins) == len(records) > 8
    for index in spoilt:
        octets[begins[index] + octet] ^= 4 if octet else 64
    log.write_bytes(octets)
    again = started(tmp_path)
    again.tick = tick
    sound = [one for index, one in enumerate(records) if index not in spoilt]
    assert again.computer.records(0) == sound
    assert again.computer.record_range(0)[1] == following
    named = [number for begin, count in gaps_of(again) for number in range(begin, begin + count)]
    assert named == [records[index][0] for index in spoilt]
    numbers = [number for number, _ in again.computer.records(0)]
    assert numbers == sorted(set(numbers))
    assert not set(named) & set(numbers)
    tick = again.tick
    released(again)
    once = started(tmp_path)
    once.tick = tick
    assert gaps_of(once) == [], "it is told once"


@pytest.mark.requirement("L2.4", "L3.6")
def test_numbers_go_on_and_are_named_when_a_log_is_gone(tmp_path: Path) -> None:
    first = flown(tmp_path)
    records, held = first.computer.records(0), first.computer.record_range(0)
    tick = first.tick
    released(first)
    for log in tmp_path.glob("stream-0-*.log"):
        log.unlink()
    again = started(tmp_path)
    again.tick = tick
    assert again.computer.record_range(0) == (held[1], held[1])
    assert gaps_of(again) == [(0, len(records))]
    assert min(number for number, _ in again.computer.records(0)) == held[1]
    faults = again.computer.folder_faults()
    assert faults is not None
    assert faults["torn"] == 1


@pytest.mark.requirement("L3.6")
@pytest.mark.parametrize("damage", ["short", "empty", "flipped", "gone"])
def test_a_damaged_file_is_left_out(tmp_path: Path, damage: str) -> None:
    """Any one file: it still starts, and goes on."""
    released(flown(tmp_path))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert {"slot-0-0.bin", "slot-1-0.bin"} < set(names)
    for name in names:
        path = tmp_path / name
        octets = path.read_bytes()
        flipped = bytearray(octets)
        if flipped:
            flipped[len(flipped) // 2] ^= 4
        path.write_bytes({"short": octets[:-1], "empty": b"", "flipped": bytes(flipped), "gone": b""}[damage])
        if damage == "gone":
            path.unlink()
        again = flown(tmp_path, 20)
        assert not again.computer.is_down
        assert again.computer.telemetry()["boot_count"] >= 2, name
        released(again)


@pytest.mark.requirement("L3.6")
def test_a_name_that_we_would_not_write_is_left_alone(tmp_path: Path) -> None:
    """A copy of a log or a file under a name with the same number: it is not read, and nothing is cut."""
    first = flown(tmp_path)
    kept = content(first.computer)
    released(first)
    (log,) = tmp_path.glob("stream-0-*.log")
    file = min(tmp_path.glob("file-*.bin"))
    number = log.name.removeprefix("stream-0-").removesuffix(".log")
    strays = {f"stream-0-0{number}.log": log, f"stream-00-{number}.log": log}
    strays |= {file.name.replace("-", zeros): file for zeros in ("-0", "-000", "-+")}
    for name, real in strays.items():
        (tmp_path / name).write_bytes(real.read_bytes())
    length = log.stat().st_size
    again = started(tmp_path)
    assert content(again.computer) == kept
    assert log.stat().st_size == length
    assert again.computer.folder_faults() == {"refused": 0, "error": 0, "torn": 0}
    for name in strays:
        assert (tmp_path / name).exists(), name


@pytest.mark.requirement("L3.6")
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_refuses_is_counted_and_the_loop_goes_on(tmp_path: Path, error: int) -> None:
    computer = flown(tmp_path, 300)
    computer.computer.fail_folder(0, error)
    for _ in range(400):
        computer.step()
    faults = computer.computer.folder_faults()
    assert faults is not None
    assert faults["refused"] > 0
    assert faults["error"] == error
    assert computer.computer.telemetry()["persist_refused"] > 0
    computer.computer.fail_folder(2**64 - 1, 0)
    for _ in range(20):  # telemetry is a step behind, and what was refused is asked for again after 1 s
        computer.step()
    refused = computer.computer.telemetry()["persist_refused"]
    for _ in range(400):
        computer.step()
    assert computer.computer.telemetry()["persist_refused"] == refused, "it has recovered"


@pytest.mark.requirement("L3.6", "L2.6")
@pytest.mark.parametrize("every", [13, pytest.param(1, marks=pytest.mark.long)])
def test_power_may_fail_within_any_write_to_the_folder(
    before: tuple[Computer, bytes, int], tmp_path: Path, every: int
) -> None:
    """As with the stores in memory (test_power_cut), but what goes on is what the folder has."""
    computer, state, place = before
    kept = computer.computer
    computer.computer = make_computer(folder=tmp_path, parameters={"radio_silence_s": 0.0})
    try:
        flight = begin((computer, state, place))
        first = flight.native.store_writes
        flight.fly(CUT_TICKS)
        writes = int(flight.native.store_writes) - first
        assert writes > 60
        for cut in range(1, writes + 1, every):
            flight = begin((computer, state, place))
            assert isinstance(flight, Pass)
            flight.native.cut_power(cut, (0, 40, 3000)[cut % 3])
            flight.fly()
            assert flight.starts == 1, f"write {cut} of {writes}"
            flight.judge()
    finally:
        computer.computer = kept


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    first = started(tmp_path)
    with pytest.raises(RuntimeError, match="in use by another process"):
        make_computer(folder=tmp_path)
    released(first)
    released(started(tmp_path))


def test_a_folder_that_cannot_be_had_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RuntimeError, match=r"cannot be made|cannot be opened"):
        make_computer(folder=tmp_path / "file" / "data")
    with pytest.raises(RuntimeError, match="cannot be"):
        make_computer(folder=Path("/proc/safehold"))
    done = subprocess.run(
        [sys.executable, "-m", "flight", "--data", str(tmp_path / "file")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 2
    assert "data folder" in done.stderr
    assert "Traceback" not in done.stderr
