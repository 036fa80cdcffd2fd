"""Crash safety of mission control: killed at every write and at random moments, disk full, two on an archive.

The satellite outlives the ground. After each crash a new mission control goes on from what the store holds;
in the end every command that was taken has been executed exactly once. A report may come while nobody
listens; the satellite of these tests has no recorder to play it back, so the CLCW is then all that tells.
"""

from __future__ import annotations

import errno
import json
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flight.frames import Delivery, Uplink
from ground.config import Command, GroundConfig
from ground.console import encode_request
from ground.mission import Ground
from ground.predict import predict
from ground.process import InProcessGround
from ground.store import StoreError
from ground.store.archive import ArchiveStore
from ground.store.console import ConsoleBook
from ground.store.journal import Journal, read, record
from ground.store.memory import MemoryStore

TICK_NS = 100_000_000
SECOND_NS = 1_000_000_000
CHILD = [sys.executable, "-m", "tests.ground.store_child"]
ROOT = Path(__file__).resolve().parents[2]
Configure = Callable[..., GroundConfig]
MakeWorld = Callable[..., Any]
FRAMES = [Delivery(number * 10**9, number % 3, bytes([number]) * 1115) for number in range(5)]
COMMANDS = [Command(at_ns=0, name="set_mode", arguments={"mode": mode}) for mode in (2, 3, 4, 2, 3, 4)]


class Crash(BaseException):
    """The process is gone."""


class CrashingGround(InProcessGround):
    """Mission control that is started anew from its store whenever it has crashed."""

    def __init__(self, config: GroundConfig, store: MemoryStore) -> None:
        super().__init__(config)
        self.store, self.crashes = store, 0
        self._ground = self._start()

    def _start(self) -> Ground:
        while True:
            try:
                return Ground(self.config, store=self.store)
            except Crash:
                self.crashes += 1

    def exchange(self, until_tick: int, deliveries: list[Delivery]) -> tuple[list[Uplink], int]:
        """What arrives at a ground that is down is lost, and so is what it had not let go."""
        try:
            uplinks = self._ground.advance(until_tick, deliveries)
            return uplinks, self._ground.promise_tick()
        except Crash:
            self.crashes += 1
            self._ground = self._start()
            return [], until_tick + 1


def ask(folder: Path, config: GroundConfig, *commands: Command) -> None:
    """As a console does."""
    with ConsoleBook(folder) as book, book.writing():
        book.add("2026-06-21T00:00:00Z", len(commands), encode_request(config.sha256(), commands))


def fly(world: Any, windows: Any, passes: int) -> None:
    world.fly(windows[passes - 1][2] // TICK_NS + 50)


@pytest.fixture(scope="module")
def two_passes(configure: Configure) -> tuple[GroundConfig, list[tuple[int, int, int]]]:
    config = configure(*COMMANDS)
    return config, [(one.station, one.aos_ns, one.los_ns) for one in predict(config)][:2]


@pytest.mark.requirement("L2.6")
def test_a_crash_at_any_write_loses_nothing_and_repeats_nothing(
    two_passes: Any, make_world: MakeWorld
) -> None:
    config, windows = two_passes
    # The commands go up in the first second of the pass; every write of its first seconds, and some later.
    until = (windows[0][1] + 8 * SECOND_NS) // TICK_NS
    counted = CrashingGround(config, MemoryStore())
    make_world(counted, windows).fly(until)
    writes = counted.store.operations
    assert writes > 25
    for place in [*range(1, writes), writes + 100, writes + 701]:
        for after in (False, True):

            def fault(operation: int, done: bool, at: int = place, when: bool = after) -> None:
                if operation == at and done is when:
                    raise Crash

            ground = CrashingGround(config, MemoryStore(fault=fault))
            world = make_world(ground, windows)
            world.fly(until + 60 if place < writes else windows[1][1] // TICK_NS + 100)
            assert ground.crashes == 1
            assert world.satellite.modes == [2, 3, 4, 2, 3, 4], (place, after)
            commands = ground.results()["commands"]
            assert all(one["received_ns"] or one["state"] == "completed" for one in commands), (place, after)
            assert sum(one["state"] != "completed" for one in commands) <= 2, (place, after)


@pytest.mark.requirement("L2.6")
def test_killed_at_random_moments_a_process_goes_on(
    two_passes: Any, make_world: MakeWorld, tmp_path: Path
) -> None:
    config, windows = two_passes
    (tmp_path / "config.json").write_text(config.to_json())
    ground = ProcessGround(tmp_path, random.Random(4))
    world = make_world(ground, windows)
    asked = 0
    for second in range(0, 120, 6):
        world.fly((windows[0][1] + second * SECOND_NS) // TICK_NS)
        if second % 24 == 0:
            ask(tmp_path / "archive", config, replace(COMMANDS[0], arguments={"mode": 2 + second // 24 % 3}))
            asked += 1
    world.fly((windows[0][1] + 200 * SECOND_NS) // TICK_NS)
    ground.close()
    assert ground.kills >= 3
    store = ArchiveStore(tmp_path / "archive")
    commands = Ground(config, store=store).results()["commands"]
    store.close()
    # Whatever was asked for is there, and executed once: mission control may die while it takes it.
    assert asked == 5
    assert len(commands) == len(COMMANDS) + asked
    assert all(one["received_ns"] or one["state"] == "completed" for one in commands)
    assert len(world.satellite.modes) == len(commands)
    frames, damaged = read(tmp_path / "archive" / "frames.journal")
    assert len(frames) > 100
    assert damaged == 0


class ProcessGround:
    """`tests.ground.store_child`, killed now and then: before it has answered, or when it has."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        self.kills = 0
        self.archive: list[Delivery] = []
        self._start()

    def exchange(self, until_tick: int, deliveries: list[Delivery]) -> tuple[list[Uplink], int]:
        down = [[one.arrival_ns, one.station, one.frame.hex()] for one in deliveries]
        answer = self._ask({"until": until_tick, "down": down})
        if answer is None:
            return [], until_tick + 1
        uplinks = [Uplink(at, station, kind, bytes.fromhex(up)) for at, station, kind, up in answer["up"]]
        return uplinks, answer["promise"]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        if self.chance.random() < 0.02:
            if self.chance.random() < 0.5:
                self._process.stdout.readline()
            self.kills += 1
            self.close()
            self._start()
            return None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [*CHILD, self.folder / "archive", self.folder / "config.json"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip


def test_a_second_mission_control_on_one_archive_is_refused(tmp_path: Path) -> None:
    first = ArchiveStore(tmp_path)
    with pytest.raises(StoreError, match=rf"process {os.getpid()}\) has this archive"):
        ArchiveStore(tmp_path)
    first.close()
    first.close()
    ArchiveStore(tmp_path).close()


@pytest.mark.parametrize("cut", [1, 19, 20, 21, 500, 1134])
def test_a_torn_end_of_the_journal_is_cut_off(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "frames.journal"
    whole = b"".join(map(record, FRAMES))
    path.write_bytes(whole[:-cut])
    journal = Journal(path)
    assert journal.cut_off == len(record(FRAMES[-1])) - cut
    journal.append(FRAMES[-1:])
    journal.close()
    assert path.read_bytes() == whole


def test_damage_in_the_middle_of_the_journal_costs_the_damaged_frame_alone(tmp_path: Path) -> None:
    path = tmp_path / "frames.journal"
    whole = bytearray(b"".join(map(record, FRAMES)))
    for at in (20, 2 * 1135 + 1, 3 * 1135 + 700):
        whole[at] ^= 1
    path.write_bytes(whole)
    found, damaged = read(path)
    assert found == [FRAMES[1], FRAMES[4]]
    assert damaged == 3 * 1135


def test_a_full_disk_keeps_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "frames.journal"
    journal = Journal(path)
    journal.append(FRAMES[:2])
    real = os.write

    def write(file: int, octets: bytes) -> int:
        if len(octets) < 1500:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, octets[:1500])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(StoreError, match="No space left on device; no frame of this batch was kept"):
            journal.append(FRAMES[2:4])
    journal.append(FRAMES[4:])
    journal.close()
    assert read(path) == ([FRAMES[0], FRAMES[1], FRAMES[4]], 0)


def test_a_full_database_is_told_and_the_ground_goes_no_further(configure: Configure, tmp_path: Path) -> None:
    config = configure()
    store = ArchiveStore(tmp_path)
    ground = Ground(config, store=store)
    ask(tmp_path, config, COMMANDS[0])
    ground.advance(ground.promise_tick(), [])
    database = store._connected()
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    ask(tmp_path, config, *[COMMANDS[1]] * 200)
    with pytest.raises(StoreError, match="full; nothing of it was kept"):
        ground.advance(ground.promise_tick(), [])
    with pytest.raises(StoreError, match="has to be started again"):
        ground.advance(ground.promise_tick(), [])
    database.execute(f"PRAGMA max_page_count = {pages * 10}")
    again = Ground(config, store=store)
    assert len(again.results()["commands"]) == 1
    again.advance(again.promise_tick(), [])
    store.close()
    assert len(again.results()["commands"]) == 201, "what could not be kept is taken once there is room"


def test_what_is_no_archive_is_refused(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "queue.sqlite").write_bytes(random.Random(1).randbytes(8192))
    with pytest.raises(StoreError, match="not a database"):
        ArchiveStore(tmp_path)
    (tmp_path / "queue.sqlite").unlink()
    store = ArchiveStore(tmp_path)
    Ground(configure(), store=store).keep()
    with pytest.raises(StoreError, match="another configuration"):
        Ground(configure(duration_ns=5), store=store)
    store.commit({"uplink": b"[]"}, {})
    with pytest.raises(StoreError, match="not mission control's"):
        Ground(configure(), store=store)
    store.close()
    with sqlite3.connect(tmp_path / "queue.sqlite") as database:
        database.execute("UPDATE meta SET value = 99")
    database.close()
    with pytest.raises(StoreError, match="version 99"):
        ArchiveStore(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="File exists"):
        ArchiveStore(tmp_path / "file")


@pytest.mark.requirement("L2.6", "S3")
@pytest.mark.parametrize("lost", ["missing", "empty", "without its log"])
def test_frames_without_the_state_are_refused(configure: Configure, tmp_path: Path, lost: str) -> None:
    """Beginning anew would use the counters of its key once more, which are initialisation vectors."""
    store = ArchiveStore(tmp_path)
    ground = Ground(configure(), store=store)
    ground.keep()
    store.journal(FRAMES)
    if lost == "without its log":  # killed, and copied without what SQLite keeps beside the database
        for name in ("frames.journal", "queue.sqlite"):
            (tmp_path / f"copy-{name}").write_bytes((tmp_path / name).read_bytes())
    store.close()
    for end in ("", "-wal", "-shm"):
        (tmp_path / f"queue.sqlite{end}").unlink(missing_ok=True)
    if lost == "empty":
        (tmp_path / "queue.sqlite").touch()
    elif lost == "without its log":
        for name in ("frames.journal", "queue.sqlite"):
            (tmp_path / f"copy-{name}").replace(tmp_path / name)
        assert (tmp_path / "queue.sqlite").stat().st_size
    before = (tmp_path / "frames.journal").read_bytes()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"queue\.sqlite: missing or empty.* restore it, or begin with"):
            ArchiveStore(tmp_path)
    assert (tmp_path / "frames.journal").read_bytes() == before
    (tmp_path / "frames.journal").unlink()
    ArchiveStore(tmp_path).close()


@pytest.mark.requirement("L2.6")
def test_killed_in_its_first_writes_it_starts_again(tmp_path: Path) -> None:
    """Nothing is journalled before the database is there: it alone, or with frames and no state yet."""
    (tmp_path / "frames.journal").touch()
    store = ArchiveStore(tmp_path)
    store.journal(FRAMES)
    kept = {one.name: one.read_bytes() for one in tmp_path.iterdir()}  # as a kill leaves it
    store.close()
    for name, octets in kept.items():
        (tmp_path / name).write_bytes(octets)
    again = ArchiveStore(tmp_path)
    assert again.load() is None
    again.close()
    assert read(tmp_path / "frames.journal") == (FRAMES, 0)


def test_counters_go_on_behind_those_that_were_reserved(two_passes: Any, make_world: MakeWorld) -> None:
    config, windows = two_passes
    store = MemoryStore()
    ground = CrashingGround(config, store)
    world = make_world(ground, windows)
    world.fly(windows[0][1] // TICK_NS + 60)
    used = world.satellite.farm.counter
    assert 0 < used < 100
    # What is kept is as old as can be: only the reservation is left of the counters.
    ground._ground = Ground(config, store=MemoryStore(saved=replace(store.saved, pieces={}, commands={})))
    world.satellite.farm.expected = 0
    fly(world, windows, 1)
    assert world.satellite.farm.counter > 1024 > used


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("octets", [64, 1500, 4096])
def test_a_long_journal_is_opened_a_piece_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: int
) -> None:
    path = tmp_path / "frames.journal"
    chance = random.Random(octets)
    frames = [
        Delivery(at, 0, chance.randbytes(1115 if at == 0 else chance.choice([3, 900, 2048])))
        for at in range(40)
    ]
    whole = b"".join(map(record, frames))
    path.write_bytes(whole[:5000] + b"damage" + whole[5006:] + whole[:700])
    largest = 0

    def pread(file: int, count: int, offset: int) -> bytes:
        nonlocal largest
        found = read_at(file, count, offset)
        largest = max(largest, len(found))
        return found

    read_at = os.pread
    monkeypatch.setattr("ground.store.journal._PIECE_OCTETS", octets)
    monkeypatch.setattr("ground.store.journal.os.pread", pread)
    journal = Journal(path)
    assert journal.cut_off == 700
    assert 0 < largest <= octets
    journal.append(frames[-1:])  # it has that one
    assert read(path)[0][-2:] == frames[-2:]
    journal.append([Delivery(99, 0, b"new")])
    journal.close()
    assert read(path)[0][-2:] == [frames[-1], Delivery(99, 0, b"new")]


def test_what_the_end_of_the_journal_has_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "frames.journal"
    same = Delivery(4 * 10**9, 0, b"same")
    batch = [FRAMES[3], same, same, FRAMES[4]]  # two that are equal are two
    journal = Journal(path)
    journal.append(FRAMES[:3])
    journal.append(batch)
    journal.append(batch)  # killed before it was committed, asked again in the same process
    journal.close()
    assert read(path) == (FRAMES[:3] + batch, 0)
    torn = path.read_bytes()[:-10]
    path.write_bytes(torn)
    later = Delivery(4 * 10**9, 1, b"another of the same time")
    journal = Journal(path)  # and in another
    journal.append([*batch, later])
    journal.close()
    assert read(path)[0] == [*FRAMES[:3], *batch, later]
    memory = MemoryStore()
    for frames in (FRAMES[:3], batch, batch, [*batch, later]):
        memory.journal(frames)
    assert memory.frames == [*FRAMES[:3], *batch, later]


@pytest.mark.requirement("L2.6")
def test_nothing_is_written_while_nothing_happens(configure: Configure) -> None:
    store = MemoryStore()
    config = configure(*COMMANDS)
    ground = Ground(config, store=store)
    tick = predict(config)[0].aos_ns // config.tick_ns
    ground.advance(1, [])
    before = store.operations
    for now in range(2, 60):
        assert ground.advance(now, []) == []
    assert store.operations == before
    assert ground.advance(tick + 10, []), "the carrier goes on"
    assert store.operations > before
    assert Ground(config, store=store).to_bytes() == ground.to_bytes()
