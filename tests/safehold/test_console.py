"""`safehold command`: what it puts into a mission control's folder, what it shows, and what it refuses.

Everything refused has to leave the folder as it was, with exit code 2 and a message that names what is wrong.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ground.config import Command, GroundConfig, Orbit, Station
from ground.console import ADDED_MAX, WAITING_MAX, read_request
from ground.mission import Ground
from ground.store.archive import DATABASE, JOURNAL, ArchiveStore
from ground.store.console import NAME, ConsoleBook
from ground.tracking import Tracking
from safehold.cli import main
from safehold.command_command import read_arguments
from safehold.console import Wishes, ask, queue
from safehold.errors import ConsoleError

HOUR_NS = 3_600_000_000_000
STACK = """
[[command]]
name = "set_mode"
arguments = { mode = "SAFE" }
[[command]]
name = "ping"
after_completion = true
expires = "20h"
"""
Run = Callable[..., tuple[int, str, str]]


def config_of(*commands: Command) -> GroundConfig:
    return GroundConfig(
        epoch="2026-06-21T00:00:00+00:00",
        duration_ns=24 * HOUR_NS,
        tick_ns=100_000_000,
        latency_ns=240_000_000,
        orbit=Orbit(position_gcrf_m=(0.0, 6928e3, 0.0), velocity_gcrf_m_s=(1003.0, 0.0, 7518.0)),
        stations=(
            Station(
                name="svalbard",
                latitude_rad=math.radians(78.2),
                longitude_rad=math.radians(15.4),
                altitude_m=450.0,
                elevation_mask_rad=math.radians(10.0),
            ),
        ),
        commands=commands,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a mission control that is not running just now, and has lived for two hours and some."""
    place = tmp_path / "data"
    store = ArchiveStore(place)
    ground = Ground(config_of(Command(at_ns=20 * HOUR_NS, name="ping")), store=store)
    while ground.time_ns < 2 * HOUR_NS:
        ground.advance(ground.promise_tick() + 1, [])
    store.close()
    return place


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `safehold command`: exit code, output, messages."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["safehold", "command", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return run


def go_on(folder: Path, config: GroundConfig) -> list[dict[str, Any]]:
    """Starts the mission control again and lets it live on for one promise; its telecommands."""
    store = ArchiveStore(folder)
    ground = Ground(config, store=store)
    ground.advance(ground.promise_tick(), [])
    store.close()
    commands: list[dict[str, Any]] = ground.results()["commands"]
    return commands


def requests(folder: Path) -> list[dict[str, Any]]:
    with ConsoleBook(folder) as book:
        return [read_request(one.content) for one in book.entries()]


@pytest.mark.requirement("L2.3", "L2.6")
def test_a_telecommand_waits_in_the_folder_until_mission_control_takes_it(folder: Path, run: Run) -> None:
    code, out, _ = run("set_mode", "mode=SAFE", "--priority", "critical", "--expires", "9h", "--data", folder)
    assert code == 0
    assert out.startswith("request  1 waits for mission control")
    config = config_of(Command(at_ns=20 * HOUR_NS, name="ping"))
    _, mine = go_on(folder, config)
    assert mine["name"] == "set_mode"
    assert mine["arguments"] == {"mode": 3.0}
    assert (mine["priority"], mine["expires_ns"], mine["origin"]) == (0, 9 * HOUR_NS, "request 1")
    assert mine["at_ns"] > 2 * HOUR_NS
    assert len(go_on(folder, config)) == 2, "taken once"


@pytest.mark.requirement("L2.3")
def test_the_queue_shows_what_waits_and_what_became_of_each(folder: Path, run: Run) -> None:
    assert json.loads(run("ping", "--data", folder, "--json")[1]) == {"request": 1}
    run("ping", "--at", "3h", "--execute-at", "5h", "--data", folder)
    code, out, _ = run("--data", folder, "--json")
    shown = json.loads(out)
    assert code == 0
    assert [one["state"] for one in shown["telecommands"]] == ["queued", "waiting", "waiting"]
    assert [one["request"] for one in shown["telecommands"]] == [None, 1, 2]
    assert shown["telecommands"][2]["execute_at_ns"] == 5 * HOUR_NS
    assert 2 * HOUR_NS <= shown["time_ns"] < 24 * HOUR_NS == shown["end_ns"]
    go_on(folder, config_of(Command(at_ns=20 * HOUR_NS, name="ping")))
    lines = run("--list", "--data", folder)[1].splitlines()
    assert lines[0].startswith("mission control has come to 0")
    assert [line.split()[:3] for line in lines[2:]] == [
        ["-", "ping", "queued"],
        ["1", "ping", "queued"],
        ["2", "ping", "queued"],
    ]


@pytest.mark.requirement("L2.6")
def test_a_stack_is_one_request_and_keeps_its_order(folder: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    assert run("--stack", tmp_path / "stack.toml", "--priority", "high", "--data", folder)[0] == 0
    mode, ping = go_on(folder, config_of(Command(at_ns=20 * HOUR_NS, name="ping")))[1:]
    assert (mode["name"], mode["priority"], ping["expires_ns"]) == ("set_mode", 1, 20 * HOUR_NS)
    assert mode["stack"] == ping["stack"] == "stack.toml (request 1)"
    assert requests(folder)[0]["commands"][1]["after_completion"] is True


@pytest.mark.requirement("L2.3")
def test_what_still_waits_is_taken_back(folder: Path, run: Run) -> None:
    run("ping", "--data", folder)
    code, out, _ = run("--cancel", "1", "--data", folder)
    assert (code, out.split(";")[0]) == (0, "request  2 to take back request 1 waits for mission control")
    commands = go_on(folder, config_of(Command(at_ns=20 * HOUR_NS, name="ping")))
    assert [one["state"] for one in commands] == ["queued", "cancelled"]
    code, _, err = run("--cancel", "1", "--data", folder)
    assert code == 2
    assert "SH-CON-007 nothing of request 1 waits any more: it is cancelled" in err
    shown = json.loads(run("--data", folder, "--json")[1])["telecommands"]
    assert [(one["state"], one.get("take_back")) for one in shown[1:]] == [("cancelled", None), ("done", 1)]


@pytest.mark.parametrize(
    ("arguments", "octets"), [(["octets=00 0f"], "000f"), (["octets=0000"], "0000"), (["file=patch"], "7f00")]
)
def test_octets_are_digits_or_a_file_wherever_it_lies(
    folder: Path, run: Run, tmp_path: Path, arguments: list[str], octets: str
) -> None:
    (tmp_path / "patch").write_bytes(b"\x7f\x00")
    given = [one.replace("file=", f"file={tmp_path}/") for one in arguments]
    assert run("load_memory", "area=1", "offset=0", *given, "--data", folder)[0] == 0
    assert requests(folder)[0]["commands"][0]["arguments"]["octets"] == octets


def test_arguments_in_groups_are_lists(folder: Path, run: Run) -> None:
    given = ["setting=schedule_window_s,radio_silence_s", "index=0", "value=60,1e2"]
    assert run("set_setting", *given, "--data", folder)[0] == 0
    assert requests(folder)[0]["commands"][0]["arguments"]["value"] == [60.0, 100.0]


REFUSED = {
    "unknown telecommand": (["pin"], "SH-SCN-018", "name: unknown telecommand 'pin'; did you mean 'ping'?"),
    "unknown argument": (["ping", "x=1"], "SH-SCN-018", "there is no argument 'x'"),
    "missing argument": (["set_mode"], "SH-SCN-018", "the argument 'mode' is missing"),
    "out of range": (["set_mode", "mode=99"], "SH-SCN-018", "mode is 99; it must lie between"),
    "no name": (["mode=SAFE"], "SH-CLI-002", "NAME is missing before 'mode=SAFE'; write safehold command"),
    "no such name": (["set_mode", "mode=SAVE"], "SH-SCN-018", "did you mean 'SAFE'?"),
    "half an octet": (["load_memory", "area=1", "offset=0", "octets=0"], "SH-SCN-018", "half an octet"),
    "no file": (["load_memory", "area=1", "offset=0", "file=nowhere"], "SH-SCN-001", "cannot be read"),
    "no pair": (["set_mode", "SAFE"], "SH-CLI-002", "'SAFE' is no argument; write safehold command"),
    "no key": (["set_mode", "=SAFE"], "SH-CLI-002", "is no argument"),
    "twice": (["set_mode", "mode=2", "mode=3"], "SH-CLI-002", "'mode' is given twice"),
    "priority": (["ping", "--priority", "hgh"], "SH-SCN-011", "did you mean 'high'?"),
    "no time": (["ping", "--at", "soon"], "SH-SCN-010", "at: 'soon' is not a duration"),
    "past": (["ping", "--at", "1h"], "SH-CON-005", "at: is past: mission control has come to 0"),
    "expired": (["ping", "--expires", "1h"], "SH-CON-005", "expires: is past"),
    "executed before": (["ping", "--execute-at", "1h"], "SH-CON-005", "execute_at: is past"),
    "expires before": (["ping", "--at", "5h", "--expires", "4h"], "SH-SCN-021", "expires: is not after `at`"),
    "after the end": (["ping", "--at", "25h"], "SH-SCN-021", "at: is after the end of the run"),
    "about the schedule": (
        ["reset_schedule", "--execute-at", "9h"],
        "SH-SCN-018",
        "cannot itself be time-tagged",
    ),
    "no request": (["--cancel", "7"], "SH-CON-007", "has no request 7"),
    "request 0": (["--cancel", "0"], "SH-CLI-002", "greater than or equal to 1"),
    "two things": (["ping", "--list"], "SH-CLI-001", "NAME and --list do not go together"),
    "out of place": (["--list", "--at", "3h"], "SH-CLI-001", "--at is out of place"),
    "no folder": (["--stack", "stack.toml", "--expires", "3h"], "SH-CLI-001", "go only --at and --priority"),
    "time-tagged": (["--stack", "stack.toml", "--execute-at", "3h"], "SH-CLI-001", "go only --at and"),
}


@pytest.mark.requirement("S3", "L2.6")
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_asked_for_is_refused_at_once(folder: Path, run: Run, what: str) -> None:
    arguments, id, said = REFUSED[what]
    code, out, err = run(*arguments, "--data", folder)
    assert (code, out) == (2, "")
    assert id in err
    assert said in err
    assert err.count("\n") == 1
    assert requests(folder) == []


STACKS = {
    "none": (None, "SH-SCN-001", "cannot be read"),
    "a pipe": ("pipe", "SH-SCN-001", "is no regular file"),
    "octets": (b"\xff\xfe", "SH-SCN-002", "is not UTF-8"),
    "no TOML": (b"[[command", "SH-SCN-002", "is not valid TOML"),
    "empty": (b"", "SH-SCN-006", "holds no [[command]] table"),
    "a scenario": (b'schema = 1\nname = "x"\n', "SH-SCN-005", "holds [[command]]"),
    "unknown key": (b'[[command]]\nname = "ping"\nat = "3h"\n', "SH-SCN-005", "has the key 'at'"),
    "unknown telecommand": (b'[[command]]\nname = "pin"\n', "SH-SCN-018", "[[command]] 1, name: unknown"),
    "bad second": (
        b'[[command]]\nname = "ping"\n[[command]]\nname = "set_mode"\narguments = { mode = 99 }\n',
        "SH-SCN-018",
        "[[command]] 2, arguments: set_mode: mode is 99",
    ),
    "expired": (b'[[command]]\nname = "ping"\nexpires = "1h"\n', "SH-CON-005", "[[command]] 1, expires"),
    "a file": (b'[[upload]]\nname = "upload/0001"\nfile = "x"\n', "SH-CON-008", "from a scenario alone"),
    "long": (b'[[command]]\nname = "ping"\n' * (WAITING_MAX + 1), "SH-CON-004", "at most 256"),
}


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("what", STACKS)
def test_a_stack_that_cannot_be_taken_is_refused_whole(
    folder: Path, run: Run, tmp_path: Path, what: str
) -> None:
    content, id, said = STACKS[what]
    path = tmp_path / "stack.toml"
    if content == "pipe":
        os.mkfifo(path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    code, _, err = run("--stack", path, "--data", folder)
    assert code == 2
    assert id in err
    assert said in err
    assert requests(folder) == []


@pytest.mark.requirement("S3")
def test_what_is_no_mission_control_s_folder_is_refused_by_name(
    folder: Path, run: Run, tmp_path: Path
) -> None:
    def refused(place: Path, *arguments: str) -> str:
        code, out, err = run(*(arguments or ("ping",)), "--data", place)
        assert (code, out) == (2, "")
        return err

    assert "has no frames.journal: it is none that a mission control keeps" in refused(tmp_path / "nowhere")
    assert "SH-CON-001" in refused(tmp_path)
    for name in (JOURNAL, DATABASE, NAME):
        (folder / name).rename(folder / "elsewhere")
        assert f"has no {name}" in refused(folder)
        (folder / "elsewhere").rename(folder / name)
    octets = (folder / NAME).read_bytes()
    (folder / NAME).write_bytes(b"nonsense" * 1000)
    assert "SH-CON-001" in refused(folder)
    (folder / NAME).write_bytes(octets)
    with sqlite3.connect(folder / NAME) as database:
        database.execute("UPDATE meta SET value = 'other' WHERE name = 'dictionary'")
    database.close()
    assert "SH-CON-002" in refused(folder)
    with sqlite3.connect(folder / NAME) as database:
        database.execute("UPDATE meta SET value = '9' WHERE name = 'schema'")
    database.close()
    assert "version 9; this one has 1" in refused(folder)
    (folder / NAME).write_bytes(octets)
    with sqlite3.connect(folder / DATABASE) as database:
        database.execute("UPDATE piece SET value = '[]' WHERE name = 'configuration'")
    database.close()
    assert "holds no ground that can be read" in refused(folder)
    fresh = tmp_path / "fresh"
    ArchiveStore(fresh).close()
    assert "SH-CON-003" in refused(fresh)
    assert "SH-CON-003" in refused(fresh, "--list")


def test_a_mission_that_is_over_takes_nothing(run: Run, tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "data")
    ground = Ground(config_of(), store=store)
    ground.advance(24 * 36_000, [])
    ground.keep()
    store.close()
    code, _, err = run("ping", "--data", tmp_path / "data")
    assert code == 2
    assert "SH-CON-005" in err
    assert "the end of its mission" in err


@pytest.mark.requirement("L2.6")
def test_so_many_may_wait_and_no_more(
    folder: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that mission control has taken and not sent count like those that it has not taken."""
    (tmp_path / "stack.toml").write_text('[[command]]\nname = "ping"\n' * (WAITING_MAX // 2))
    assert run("--stack", tmp_path / "stack.toml", "--at", "20h", "--data", folder)[0] == 0
    go_on(folder, config_of(Command(at_ns=20 * HOUR_NS, name="ping")))
    assert run("--stack", tmp_path / "stack.toml", "--data", folder)[0] == 0
    code, _, err = run("ping", "--data", folder)
    assert code == 2
    assert f"SH-CON-004 {folder}: {WAITING_MAX} telecommands of consoles wait, and 1 more" in err
    assert len(requests(folder)) == 2
    monkeypatch.setattr("safehold.console.WAITING_MAX", 10 * WAITING_MAX)
    monkeypatch.setattr("safehold.console.ADDED_MAX", WAITING_MAX)
    assert "has had 256 telecommands, and takes 256 in all" in run("ping", "--data", folder)[2]
    assert ADDED_MAX == 10_000


@pytest.mark.requirement("L2.6")
def test_many_consoles_at_once_get_numbers_of_their_own_and_no_more_than_may_wait(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, each = 100, 20
    monkeypatch.setattr("safehold.console.WAITING_MAX", most)

    def person(_: int) -> tuple[list[int], int]:
        given, refused = [], 0
        for _ in range(each):
            try:
                given.append(ask(folder, "ping", {}, Wishes()))
            except ConsoleError as error:
                refused += error.id == "SH-CON-004"
        return given, refused

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(person, range(8)))
    numbers = [number for given, _ in told for number in given]
    assert sorted(numbers) == list(range(1, most + 1))
    assert sum(refused for _, refused in told) == 8 * each - most


@pytest.mark.requirement("L2.6")
def test_a_console_that_is_killed_leaves_a_whole_request_or_none(folder: Path, tmp_path: Path) -> None:
    """Killed ever later, from before it has begun to after it has told its number."""
    (tmp_path / "stack.toml").write_text('[[command]]\nname = "ping"\n' * 20)
    line = [sys.executable, "-m", "safehold", "command", "--stack", str(tmp_path / "stack.toml")]
    told = 0
    for place in range(8):
        process = subprocess.Popen([*line, "--data", str(folder)], stdout=subprocess.PIPE)
        try:
            process.wait(place * 0.15)
        except subprocess.TimeoutExpired:
            process.kill()
        told += bool(process.communicate()[0])
    found = requests(folder)
    assert told <= len(found) <= 8
    assert all(len(one["commands"]) == 20 for one in found)
    commands = go_on(folder, config_of(Command(at_ns=20 * HOUR_NS, name="ping")))
    assert len(commands) == 1 + 20 * len(found)


def test_a_name_in_the_database_cannot_steer_a_terminal(folder: Path, run: Run) -> None:
    content = {"commands": [{"at_ns": 0, "name": "\x1b[2Jping"}], "stack": ""}
    with ConsoleBook(folder) as book, book.writing():
        book.add("\x1b]0;x\x07", 1, json.dumps(content).encode())
        book.add("", 1, b"nonsense")
    code, out, _ = run("--data", folder)
    assert code == 0
    assert "\x1b" not in out
    assert "waiting" in out
    assert "refused" in out


@pytest.mark.requirement("L2.6")
def test_a_number_that_mission_control_would_pass_over_is_not_given(folder: Path, run: Run) -> None:
    """Its database was replaced while it was away."""
    config = config_of(Command(at_ns=20 * HOUR_NS, name="ping"))
    assert run("ping", "--data", folder)[0] == 0
    go_on(folder, config)
    with ConsoleBook(folder) as book:
        for statement in ("DELETE FROM request", "DELETE FROM sqlite_sequence"):
            book._database.execute(statement)
    code, out, err = run("ping", "--data", folder)
    assert (code, out) == (2, "")
    assert "SH-CON-006" in err
    assert "has come to request 1, and mission control has taken those up to 1" in err
    assert requests(folder) == []
    assert len(go_on(folder, config)) == 2
    assert json.loads(run("ping", "--data", folder, "--json")[1]) == {"request": 2}
    assert len(go_on(folder, config)) == 3


def test_the_queue_is_read_once_however_many_have_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each telecommand is looked at once, not once for each request."""
    count, made = 200, 0
    for _ in range(count):
        ask(folder, "ping", {}, Wishes(at="20h"))
    assert len(go_on(folder, config_of(Command(at_ns=20 * HOUR_NS, name="ping")))) == 1 + count

    def counted(**values: Any) -> Tracking:
        nonlocal made
        made += 1
        return Tracking(**values)

    monkeypatch.setattr("safehold.console_queue.Tracking", counted)
    rows = queue(folder)["telecommands"]
    assert [(one["request"], one["state"]) for one in rows[1:]] == [
        (n, "queued") for n in range(1, count + 1)
    ]
    assert made == 1 + count


@pytest.mark.requirement("S3")
def test_a_request_is_taken_back_once_and_a_withdrawal_never(folder: Path, run: Run) -> None:
    run("ping", "--data", folder)
    assert run("--cancel", "1", "--data", folder)[0] == 0
    for number, said in (
        (1, "request 2, which waits, takes back request 1 already"),
        (2, "request 2 is itself one to take back another"),
        (10**30, "has no request 1000000"),
    ):
        code, out, err = run("--cancel", number, "--data", folder)
        assert (code, out) == (2, "")
        assert f"SH-CON-007 {folder if number > 2 else ''}".strip() in err
        assert said in err
    assert len(requests(folder)) == 2


def test_asking_does_not_read_what_others_have_asked_for(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken long ago costs a console nothing while it holds up the others."""
    run("ping", "--data", folder)
    monkeypatch.setattr(ConsoleBook, "entries", lambda _: pytest.fail("all of it is read"))
    assert run("ping", "--data", folder)[0] == 0
    assert run("--cancel", "1", "--data", folder)[0] == 0


@pytest.mark.requirement("L2.6")
def test_a_refusal_whose_reason_was_forgotten_is_shown_as_that(folder: Path, run: Run) -> None:
    with ConsoleBook(folder) as book, book.writing():
        content = json.dumps({"commands": [{"at_ns": 0, "name": "ping"}], "stack": ""}).encode()
        for _ in range(257):
            book.add("", 1, content)
    go_on(folder, config_of(Command(at_ns=20 * HOUR_NS, name="ping")))
    go_on(folder, config_of(Command(at_ns=20 * HOUR_NS, name="ping")))
    first, second = json.loads(run("--data", folder, "--json")[1])["telecommands"][1:3]
    assert (first["state"], first["why"]) == ("refused", "its reason is no longer kept")
    assert second["why"] == "it was made for the mission control of another run"


@pytest.mark.requirement("S3")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-007", -7),
        ("0x1F", 31),
        ("1e2", 100.0),
        ("-.5", -0.5),
        ("2.", 2.0),
        *(
            (name, name)
            for name in ("1_0", "\u0661", " 1", "1\n", "nan", "inf", "1e999", "0x", "0b1", ".", "1e")
        ),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_number_is_written_in_decimal_or_hexadecimal(text: str, value: object) -> None:
    read = read_arguments([f"x={text}"])["x"]
    assert (type(read), read) == (type(value), value)


def test_the_help_says_how_it_ends_and_keeps_each_example_on_a_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run("--help")
    lines = [line.strip() for line in out.splitlines()]
    examples = lines[lines.index("Examples:") + 1 :]
    examples = [
        line for line in examples[: next(at for at, one in enumerate(examples) if "Arg" in one)] if line
    ]
    assert code == 0
    assert len(examples) == 6
    assert all(line.startswith("safehold command ") for line in examples)
    assert "or the queue was shown" in " ".join(lines)
