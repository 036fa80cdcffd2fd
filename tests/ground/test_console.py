"""Requests of people at consoles: taken once whatever crashes, in the order of asking, and never trusted.

The satellite outlives mission control. What consoles have asked for outlives it too: it stands in the store
before mission control looks, so each telecommand has to be executed exactly once in the end.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flight.dictionary import SHA256
from ground.commands import CommandQueue
from ground.config import Command, GroundConfig
from ground.console import WAITING_MAX, Console, encode_request, encode_withdrawal
from ground.mission import Ground
from ground.predict import predict
from ground.store import Request, StoreError
from ground.store.archive import DATABASE, JOURNAL, ArchiveStore, look_into
from ground.store.console import NAME, ConsoleBook
from ground.store.memory import MemoryStore

from .test_store import Crash, CrashingGround

TICK_NS = 100_000_000
SECOND_NS = 1_000_000_000
Configure = Callable[..., GroundConfig]
MakeWorld = Callable[..., Any]
MODES = (2, 3, 4, 2, 3, 4)


def mode(number: int, **more: Any) -> Command:
    return Command(at_ns=0, name="set_mode", arguments={"mode": number}, **more)


def asked(config: GroundConfig, *wanted: Sequence[Command]) -> list[Request]:
    return [
        Request(number, encode_request(config.sha256(), commands))
        for number, commands in enumerate(wanted, start=1)
    ]


@pytest.fixture(scope="module")
def mission(configure: Configure) -> tuple[GroundConfig, list[tuple[int, int, int]]]:
    config = configure()
    return config, [(one.station, one.aos_ns, one.los_ns) for one in predict(config)][:2]


def begin_of(config: GroundConfig) -> int:
    """The tick at which the first pass begins: what is asked for before is taken there."""
    return Ground(config).promise_tick()


@pytest.mark.requirement("L2.6", "L2.3")
def test_a_crash_at_any_write_loses_no_request_and_takes_none_twice(
    mission: Any, make_world: MakeWorld
) -> None:
    config, windows = mission
    requests = asked(config, *([mode(number)] for number in MODES))
    until = (windows[0][1] + 8 * SECOND_NS) // TICK_NS
    counted = CrashingGround(config, MemoryStore(asked=requests))
    make_world(counted, windows).fly(until)
    writes = counted.store.operations
    assert writes > 25
    for place in range(1, writes):
        for after in (False, True):

            def fault(operation: int, done: bool, at: int = place, when: bool = after) -> None:
                if operation == at and done is when:
                    raise Crash

            ground = CrashingGround(config, MemoryStore(asked=requests, fault=fault))
            world = make_world(ground, windows)
            world.fly(until + 60)
            assert ground.crashes == 1
            assert tuple(world.satellite.modes) == MODES, (place, after)
            commands = ground.results()["commands"]
            assert [one["origin"] for one in commands] == [f"request {place}" for place in range(1, 7)]


@pytest.mark.requirement("L2.6")
def test_killed_after_a_request_was_read_and_before_it_was_kept_it_is_taken_again(
    mission: Any, make_world: MakeWorld
) -> None:
    config, windows = mission

    class Dying(MemoryStore):
        deaths = 0

        def requests(self, after: int) -> list[Request]:
            found = super().requests(after)
            if found and self.deaths < 3:
                self.deaths += 1
                raise Crash
            return found

    ground = CrashingGround(config, Dying(asked=asked(config, [mode(3)])))
    world = make_world(ground, windows)
    world.fly((windows[0][1] + 8 * SECOND_NS) // TICK_NS)
    assert (ground.crashes, world.satellite.modes) == (3, [3])


@pytest.mark.requirement("L2.3")
def test_one_that_is_asked_for_in_mid_pass_goes_up_in_that_pass(mission: Any, make_world: MakeWorld) -> None:
    config, windows = mission
    ground = CrashingGround(config, MemoryStore())
    world = make_world(ground, windows)
    world.fly((windows[0][1] + 60 * SECOND_NS) // TICK_NS)
    assert world.satellite.modes == []
    asked_ns = world.tick * TICK_NS
    ground.store.asked += asked(config, [mode(3)])
    world.fly((windows[0][1] + 90 * SECOND_NS) // TICK_NS)
    assert world.satellite.modes == [3]
    (told,) = ground.results()["commands"]
    assert told["state"] == "completed"
    assert asked_ns <= told["at_ns"] <= told["departure_ns"] < told["completed_ns"]


@pytest.mark.requirement("L2.6")
def test_nothing_is_taken_before_the_promise(configure: Configure) -> None:
    """The host has been told that nothing departs before it, and does not look at a sooner one."""
    config = configure()
    store = MemoryStore(asked=asked(config, [mode(3)]))
    ground = Ground(config, store=store)
    begin = ground.promise_tick()
    assert ground.advance(begin - 1, []) == []
    assert ground.results()["commands"] == []
    ground.advance(begin, [])
    assert len(ground.results()["commands"]) == 1


@pytest.mark.requirement("S2")
def test_a_ground_that_nobody_asks_is_as_one_without_consoles(configure: Configure) -> None:
    config = configure(mode(2))
    near, kept = Ground(config), Ground(config, store=MemoryStore())
    for tick in (begin_of(config), begin_of(config) + 100):
        assert near.advance(tick, []) == kept.advance(tick, [])
    assert near.to_bytes() == kept.to_bytes()
    assert near.control_bytes() == kept.control_bytes()
    assert b"console" not in kept.to_bytes()


@pytest.mark.requirement("L2.6")
def test_a_ground_from_the_store_is_the_one_that_was_asked(configure: Configure) -> None:
    config = configure(mode(2))
    store = MemoryStore(asked=[*asked(config, [mode(3)]), Request(2, b"nonsense")])
    ground = Ground(config, store=store)
    ground.advance(begin_of(config), [])
    again = Ground(config, store=store)
    assert (again.to_bytes(), again.digest()) == (ground.to_bytes(), ground.digest())
    unasked = Ground(config)
    unasked.advance(begin_of(config), [])
    assert unasked.digest() != ground.digest()
    assert Ground.from_bytes(config, ground.to_bytes()).digest() == ground.digest()


@pytest.mark.requirement("L2.6")
def test_a_stack_keeps_its_order_and_waits_for_completion(mission: Any, make_world: MakeWorld) -> None:
    config, windows = mission
    stack = [mode(2, priority=3), mode(3, priority=0, after_completion=True), mode(4, priority=0)]
    content = encode_request(config.sha256(), stack, stack="checkout.toml")
    ground = CrashingGround(
        config, MemoryStore(asked=[Request(1, content), *asked(config, [], [mode(5)])[1:]])
    )
    world = make_world(ground, windows)
    world.fly((windows[0][1] + 20 * SECOND_NS) // TICK_NS)
    assert world.satellite.modes == [5, 2, 3, 4]
    told = ground.results()["commands"]
    assert {one["stack"] for one in told[:3]} == {"checkout.toml (request 1)"}


@pytest.mark.requirement("L2.6")
def test_what_is_taken_back_in_time_never_goes_up(mission: Any, make_world: MakeWorld) -> None:
    config, windows = mission
    back = encode_withdrawal(config.sha256(), 1)
    requests = [*asked(config, [mode(2)], [mode(3)]), Request(3, back)]
    ground = CrashingGround(config, MemoryStore(asked=requests))
    world = make_world(ground, windows)
    world.fly((windows[0][1] + 8 * SECOND_NS) // TICK_NS)
    assert world.satellite.modes == [3]
    assert [one["state"] for one in ground.results()["commands"]] == ["cancelled", "completed"]
    ground.store.asked.append(Request(4, encode_withdrawal(config.sha256(), 2)))
    world.fly((windows[0][1] + 40 * SECOND_NS) // TICK_NS)
    assert ground._ground._console.refused == {4: "nothing of request 2 waits any more"}
    assert world.satellite.modes == [3]


def request_of(config: GroundConfig, /, **changes: Any) -> bytes:
    """A sound request with some of its parts changed."""
    parts = {"config": config.sha256(), "dictionary": SHA256, "stack": "", "commands": [asdict(mode(2))]}
    return json.dumps(parts | changes).encode()


def hostile(config: GroundConfig) -> dict[str, bytes]:
    def of(**changes: Any) -> bytes:
        return request_of(config, commands=[asdict(mode(2)) | changes])

    return {
        "nothing": b"",
        "no JSON": b"\xff\x00",
        "a number": b"7",
        "deep": b'{"commands":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "long": b'"' + b"a" * (1 << 20) + b'"',
        "another run's": request_of(config, config="0" * 64),
        "another dictionary": request_of(config, dictionary="0" * 64),
        "no parts": b"{}",
        "no commands": request_of(config, commands=[]),
        "too many": request_of(config, commands=[asdict(mode(2))] * (WAITING_MAX + 1)),
        "no table": request_of(config, commands=[7]),
        "stack of numbers": request_of(config, stack=7),
        "one of two bad": request_of(config, commands=[asdict(mode(2)), asdict(mode(2)) | {"name": "pin"}]),
        "unknown": of(name="self_destruct"),
        "name of numbers": of(name=7),
        "unknown key": of(shell="rm"),
        "unknown argument": of(arguments={"mode": 2, "more": 1}),
        "out of range": of(arguments={"mode": 99}),
        "not finite": of(arguments={"mode": float("nan")}),
        "arguments of numbers": of(arguments=7),
        "priority": of(priority=9),
        "priority of text": of(priority="low"),
        "time of text": of(at_ns="now"),
        "time not finite": of(at_ns=float("nan")),
        "time before": of(at_ns=-1),
        "time beyond": of(expires_ns=2**80),
        "time of truth": of(execute_at_ns=True),
        "taken back by name": request_of(config, take_back="1"),
        "taken back, unknown": request_of(config, take_back=10**30),
    }


@pytest.mark.requirement("L2.6", "S3")
def test_what_is_no_request_of_ours_is_refused_and_the_rest_goes_on(
    mission: Any, make_world: MakeWorld
) -> None:
    config, windows = mission
    bad = hostile(config)
    requests = [Request(number, content) for number, content in enumerate(bad.values(), start=1)]
    last = Request(len(bad) + 1, encode_request(config.sha256(), [mode(3)]))
    ground = CrashingGround(config, MemoryStore(asked=[*requests, last]))
    world = make_world(ground, windows)
    world.fly((windows[0][1] + 8 * SECOND_NS) // TICK_NS)
    assert world.satellite.modes == [3]
    refused = ground._ground._console.refused
    told = {name: refused.get(number) for number, name in enumerate(bad, start=1)}
    assert all(told.values()), told
    assert "99" in str(told["out of range"])
    assert [one["origin"] for one in ground.results()["commands"]] == [f"request {last.number}"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.requirement("L2.6", "S3")
@given(
    key=st.sampled_from([*asdict(mode(2)), "mode", "commands", "stack", "config", "dictionary", "take_back"]),
    value=JSON,
)
def test_whatever_stands_in_a_request_it_is_entered_whole_or_refused(key: str, value: Any) -> None:
    rows = [asdict(mode(2)), asdict(mode(3))]
    parts = {"config": "0" * 64, "dictionary": SHA256, "stack": "s", "commands": rows}
    if key == "mode":
        rows[1]["arguments"] = {"mode": value}
    elif key in rows[1]:
        rows[1][key] = value
    else:
        parts[key] = value
    queue, console = CommandQueue(()), Console()
    done = console.take([Request(1, json.dumps(parts).encode())], queue, 10**9, "0" * 64)
    assert [one.number for one in done] == [1] == [console.taken]
    entered = [one["at_ns"] for one in queue.results(0)]
    assert len(entered) == (0 if console.refused else 2)
    assert all(type(at_ns) is int and at_ns >= 10**9 for at_ns in entered)
    json.dumps(queue.to_plain() | console.to_plain(), allow_nan=False)
    assert Console.from_plain(json.loads(json.dumps(console.to_plain()))) == console


def test_a_mission_control_takes_so_many_in_its_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ground.console.ADDED_MAX", 3)
    queue, console = CommandQueue((mode(2), mode(2))), Console()
    content = json.dumps(
        {"config": "", "dictionary": SHA256, "stack": "", "commands": [asdict(mode(2)), asdict(mode(3))]}
    ).encode()
    console.take([Request(1, content), Request(2, content)], queue, 0, "")
    assert console.refused == {2: "mission control has had 2 telecommands, and takes 3 in all"}
    assert queue.added == 2


def test_a_step_enters_so_many_and_the_next_the_others(configure: Configure) -> None:
    config = configure()
    half = [mode(2)] * (WAITING_MAX // 2)
    store = MemoryStore(asked=asked(config, half, [mode(3)], half, [mode(4)]))
    ground = Ground(config, store=store)
    begin = ground.promise_tick()
    ground.advance(begin, [])
    assert len(ground.results()["commands"]) == WAITING_MAX // 2 + 1
    ground.advance(ground.promise_tick(), [])
    assert len(ground.results()["commands"]) == WAITING_MAX + 2


# --- the database -----------------------------------------------------------------------------------------


def test_requests_are_numbered_in_their_order_and_read_once(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    reader = store._console
    assert reader is not None
    looks: list[str] = []
    with ConsoleBook(tmp_path) as book:
        with book.writing():
            assert [book.add("2026-06-21T00:00:00Z", 1, content) for content in (b"a", b"b")] == [1, 2]
        assert store.requests(0) == [Request(1, b"a"), Request(2, b"b")]
        assert store.requests(1) == [Request(2, b"b")]
        assert reader._database is not None
        reader._database.set_trace_callback(looks.append)
        assert store.requests(2) == store.requests(2) == []
        assert all(look.startswith("PRAGMA data_version") for look in looks), looks
        with book.writing():
            book.add("2026-06-21T00:00:00Z", 1, b"c")
        assert store.requests(2) == [Request(3, b"c")]
        with pytest.raises(ZeroDivisionError), book.writing():
            book.add("2026-06-21T00:00:00Z", 1, b"d" * (1 // 0))
        assert [one.number for one in book.entries()] == [1, 2, 3]
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.requests(0)


def test_many_octets_come_in_pieces(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    with ConsoleBook(tmp_path) as book, book.writing():
        for size in (2 << 20, 600_000, 600_000):
            book.add("", 1, bytes(size))
    taken: list[int] = []
    while found := store.requests(taken[-1] if taken else 0):
        assert sum(len(one.content) for one in found) <= (1 << 20) + 1
        taken += [one.number for one in found]
    assert taken == [1, 2, 3]
    store.close()


@pytest.mark.requirement("S3")
def test_a_console_that_hangs_holds_up_other_consoles_and_not_mission_control(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure(mode(2))
    store = ArchiveStore(tmp_path)
    ground = Ground(config, store=store)
    hung = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    hung.execute("BEGIN IMMEDIATE")
    hung.execute("INSERT INTO request (made, telecommands, content) VALUES ('', 1, x'00')")
    ground.advance(begin_of(config), [])
    assert [one["name"] for one in ground.results()["commands"]] == ["set_mode"]
    monkeypatch.setattr("ground.store.console._PATIENCE_S", 0.1)
    refused = pytest.raises(StoreError, match="locked; nothing was asked for")
    with ConsoleBook(tmp_path) as book, refused, book.writing():
        pass
    hung.close()
    store.close()


@pytest.mark.requirement("S3")
def test_a_damaged_database_is_told_and_mission_control_goes_on(
    configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = configure(mode(2))
    store = ArchiveStore(tmp_path)
    ground = Ground(config, store=store)
    with ConsoleBook(tmp_path) as book, book.writing():
        book.add("", 1, encode_request(config.sha256(), [mode(3)]))
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("ALTER TABLE request RENAME TO lost")
    database.close()
    for tick in (begin_of(config), begin_of(config) + 10):
        ground.advance(tick, [])
    assert capfd.readouterr().err.count("no such table: request; what is asked for there waits") == 1
    assert len(ground.results()["commands"]) == 1
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("ALTER TABLE lost RENAME TO request")
    database.close()
    ground.advance(ground.promise_tick(), [])
    assert len(ground.results()["commands"]) == 2
    store.close()
    (tmp_path / NAME).write_bytes(b"nonsense" * 1000)
    again = ArchiveStore(tmp_path)
    assert "moved aside to console.sqlite.damaged-1; what was asked for" in capfd.readouterr().err
    assert (tmp_path / f"{NAME}.damaged-1").read_bytes() == b"nonsense" * 1000
    assert add(tmp_path, config, mode(4)) == 2, "a number that was taken is not given again"
    restarted = Ground(config, store=again)
    restarted.advance(restarted.promise_tick(), [])
    assert len(restarted.results()["commands"]) == 3
    again.close()


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
SPOILT = {
    "an endless view": f"CREATE VIEW request AS {ENDLESS} SELECT i AS number, x'00' AS content FROM n",
    "an endless view of meta": (
        f"DROP TABLE meta; CREATE VIEW meta AS {ENDLESS} SELECT i AS name, i AS value FROM n"
    ),
    "a number that is none": (
        "CREATE TABLE request (number TEXT, made TEXT, telecommands INTEGER, content BLOB);"
        "INSERT INTO request VALUES ('one', '', 1, x'00')"
    ),
}


def spoil(database_file: Path, table: str, script: str) -> None:
    with sqlite3.connect(database_file) as database:
        database.executescript(f"DROP TABLE IF EXISTS {table}; {script}")
    database.close()


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("what", SPOILT)
def test_a_database_that_would_never_end_is_moved_aside(
    configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str], running: bool, what: str
) -> None:
    """SQLite finds nothing wrong with it: but what stands under our tables' names is none of ours."""
    config = configure(mode(2))
    store = ArchiveStore(tmp_path)
    ground = Ground(config, store=store)
    if not running:
        store.close()
    spoil(tmp_path / NAME, "request", SPOILT[what])
    if not running:
        store = ArchiveStore(tmp_path)
        ground = Ground(config, store=store)
    for tick in (begin_of(config), begin_of(config) + 10):
        ground.advance(tick, [])
        store.requests(0)
    if what != "an endless view of meta" or not running:  # a look reads no meta
        assert "moved aside to console.sqlite.damaged-1; what was asked for" in capfd.readouterr().err
        add(tmp_path, config, mode(3))
        ground.advance(ground.promise_tick(), [])
        assert len(ground.results()["commands"]) == 2
    store.close()


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("table", ["request", "meta"])
def test_a_console_does_not_hang_on_a_database_that_would_never_end(tmp_path: Path, table: str) -> None:
    ArchiveStore(tmp_path).close()
    view = f"CREATE VIEW {table} AS {ENDLESS} SELECT i AS number, i AS name, i AS value FROM n"
    spoil(tmp_path / NAME, table, view)
    with pytest.raises(StoreError, match=f"{table} is no table"):
        ConsoleBook(tmp_path)


@pytest.mark.requirement("S3")
def test_what_never_ends_when_it_is_asked_is_given_up_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trigger of a table that is sound: nothing but its work betrays it."""
    monkeypatch.setattr("ground.store.database.STEPS_MAX", 1_000_000)
    ArchiveStore(tmp_path).close()
    endless = f"INSERT INTO meta {ENDLESS} SELECT i, i FROM n"
    trigger = f"CREATE TRIGGER t AFTER INSERT ON request BEGIN {endless}; END"
    spoil(tmp_path / NAME, "none", trigger)
    with (
        ConsoleBook(tmp_path) as book,
        pytest.raises(StoreError, match="more steps to read than any of ours; nothing was asked for"),
        book.writing(),
    ):
        book.add("", 1, b"a")
    with ConsoleBook(tmp_path) as book:
        assert book.entries() == []


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("table", ["command", "piece", "reserved", "meta"])
def test_a_state_that_would_never_end_is_refused_by_name(
    configure: Configure, tmp_path: Path, table: str
) -> None:
    store = ArchiveStore(tmp_path)
    Ground(configure(), store=store).keep()
    store.close()
    columns = "i AS number, i AS row, i AS name, i AS value, i AS key, i AS below"
    spoil(tmp_path / DATABASE, table, f"CREATE VIEW {table} AS {ENDLESS} SELECT {columns} FROM n")
    for read in (look_into, ArchiveStore):
        with pytest.raises(StoreError, match=f"queue.sqlite: {table} is no table"):
            read(tmp_path)


@pytest.mark.requirement("S3")
def test_more_than_any_state_is_refused_before_it_is_read(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArchiveStore(tmp_path)
    Ground(configure(), store=store).keep()
    for limit, value in (("OCTETS_MAX", 500), ("ROWS_MAX", 3)):
        with monkeypatch.context() as patch:
            patch.setattr(f"ground.store.database.{limit}", value)
            with pytest.raises(StoreError, match=r"piece has .* more than any of ours"):
                store.load()
    assert store.load() is not None
    store.close()


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("name", [NAME, DATABASE, f"{DATABASE}-wal", JOURNAL])
def test_a_pipe_in_the_folder_holds_up_nobody(tmp_path: Path, name: str) -> None:
    """Opening one would wait for whoever writes to it."""
    ArchiveStore(tmp_path).close()
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    if name == NAME:
        with pytest.raises(StoreError, match=r"console\.sqlite: no file"):
            ConsoleBook(tmp_path)
        store = ArchiveStore(tmp_path)
        assert store.requests(0) == []
        store.close()
        return
    with pytest.raises(StoreError, match=f"{name}: no file"):
        ArchiveStore(tmp_path)
    if name != JOURNAL:
        with pytest.raises(StoreError, match=f"{name}: no file"):
            look_into(tmp_path)


def add(folder: Path, config: GroundConfig, *wanted: Command) -> int:
    with ConsoleBook(folder) as book, book.writing():
        return book.add("", len(wanted), encode_request(config.sha256(), wanted))


@pytest.mark.requirement("S3", "L2.6")
@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("older", [True, False])
def test_a_database_that_took_another_s_place_gives_no_number_again(
    configure: Configure, tmp_path: Path, running: bool, older: bool
) -> None:
    """Deleted, or restored from a copy that is older than what was taken."""
    config = configure()
    folder = tmp_path / "data"
    store = ArchiveStore(folder)
    ground = Ground(config, store=store)
    assert add(folder, config, mode(2)) == 1
    ground.advance(begin_of(config), [])
    with sqlite3.connect(folder / NAME) as database:
        database.execute("VACUUM INTO ?", (str(tmp_path / "copy"),))
    database.close()
    assert [add(folder, config, mode(number)) for number in (3, 4)] == [2, 3]
    ground.advance(ground.promise_tick(), [])
    assert len(ground.results()["commands"]) == 3
    if not running:
        store.close()
    for end in ("", "-wal", "-shm"):
        (folder / f"{NAME}{end}").unlink(missing_ok=True)
    if older:
        (tmp_path / "copy").rename(folder / NAME)
    if running:
        ground.advance(ground.promise_tick(), [])
    else:
        store = ArchiveStore(folder)
        ground = Ground(config, store=store)
    assert add(folder, config, mode(2)) == 4
    ground.advance(ground.promise_tick(), [])
    assert [one["origin"] for one in ground.results()["commands"]] == [f"request {n}" for n in (1, 2, 3, 4)]
    store.close()


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("changed", [False, True])
def test_mission_control_starts_while_a_console_hangs(
    configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str], changed: bool
) -> None:
    """changed: it would have to write its dictionary; so it waits with the requests, and goes on."""
    config = configure(mode(2))
    ArchiveStore(tmp_path).close()
    add(tmp_path, config, mode(3))
    hung = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    if changed:
        hung.execute("UPDATE meta SET value = 'other' WHERE name = 'dictionary'")
    hung.execute("BEGIN IMMEDIATE")
    store = ArchiveStore(tmp_path)
    ground = Ground(config, store=store)
    ground.advance(begin_of(config), [])
    ground.advance(ground.promise_tick(), [])
    assert len(ground.results()["commands"]) == (1 if changed else 2)
    told = capfd.readouterr().err
    assert told.count("database is locked; what is asked for there waits") == int(changed)
    hung.close()
    ground.advance(ground.promise_tick(), [])
    assert len(ground.results()["commands"]) == 2
    store.close()


@pytest.mark.requirement("S3")
def test_a_database_of_another_version_is_left_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ArchiveStore(tmp_path).close()
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("UPDATE meta SET value = '9' WHERE name = 'schema'")
        database.execute("INSERT INTO request (made, telecommands, content) VALUES ('', 1, x'00')")
    database.close()
    store = ArchiveStore(tmp_path)
    assert store.requests(0) == store.requests(0) == []
    assert capfd.readouterr().err.count("version 9; this one has 1; what is asked for there waits") == 1
    store.close()
    with sqlite3.connect(tmp_path / NAME) as database:
        assert database.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone() == ("9",)
    database.close()


@pytest.mark.requirement("S3")
def test_one_that_is_damaged_in_flight_is_moved_aside(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = ArchiveStore(tmp_path)
    (tmp_path / "other").write_bytes(b"nonsense" * 1000)
    (tmp_path / "other").rename(tmp_path / NAME)
    for end in ("-wal", "-shm"):
        (tmp_path / f"{NAME}{end}").unlink()
    assert store.requests(7) == []
    assert "moved aside to console.sqlite.damaged-1" in capfd.readouterr().err
    with ConsoleBook(tmp_path) as book, book.writing():
        assert book.add("", 1, b"a") == 8
    assert store.requests(7) == [Request(8, b"a")]
    store.close()


@pytest.mark.requirement("S3")
def test_a_console_does_not_write_into_what_was_moved_away(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    with ConsoleBook(tmp_path) as book:
        (tmp_path / NAME).rename(tmp_path / "elsewhere")
        with pytest.raises(StoreError, match="another one is in its place"), book.writing():
            book.add("", 1, b"a")
    store.close()


def test_no_number_is_given_twice(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    with ConsoleBook(tmp_path) as book:
        with book.writing():
            book.add("", 1, b"a")
        book._database.execute("DELETE FROM request")
        with book.writing():
            assert book.add("", 1, b"b") == 2
    store.close()
