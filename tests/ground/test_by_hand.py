"""A ground that is started by hand, as on another host: let in by its token or its CURVE keys, else not."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flight.curve import CurveError, make_keys
from flight.frames import Delivery, Uplink
from ground.config import Command, GroundConfig
from ground.console import encode_request
from ground.mission import Ground
from ground.predict import predict
from ground.process import GroundError, GroundLostError, InProcessGround, ZmqGround
from ground.server import serve
from ground.store.archive import ArchiveStore
from ground.store.console import ConsoleBook
from ground.store.journal import read

ROOT = Path(__file__).resolve().parents[2]
ANY_PORT = "tcp://127.0.0.1:*"
Configure = Callable[..., GroundConfig]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    running = []

    def start(*arguments: str, curve: Path | None = None) -> subprocess.Popen[str]:
        environment = {"PYTHONPATH": str(ROOT)} | ({} if curve is None else {"SAFEHOLD_CURVE": str(curve)})
        process = subprocess.Popen(
            [sys.executable, "-m", "ground", *arguments], env=environment, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """The folders of a host and of a ground that know each other."""
    for mine, other in (("host", "ground"), ("ground", "host")):
        public = make_keys(tmp_path / mine)
        (tmp_path / other / "peers").mkdir(parents=True, exist_ok=True)
        shutil.copy(public, tmp_path / other / "peers" / f"{mine}.key")
    return tmp_path / "host", tmp_path / "ground"


def _invitation(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """The arguments that the host tells its user to start the ground with."""
    pattern = r"safehold ground (--connect tcp://\S+( --token [0-9a-f]{64})?)$"
    told = re.search(pattern, capfd.readouterr().err, re.M)
    assert told is not None
    return told[1].split()


@pytest.mark.requirement("S3")
def test_it_answers_as_by_direct_calls_and_ends_with_the_run(
    configure: Configure, start: Start, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAFEHOLD_CURVE", raising=False)
    config = configure(Command(at_ns=0, name="ping"))
    with ZmqGround(config, listen=ANY_PORT) as far, InProcessGround(config) as near:
        process = start(*_invitation(capfd))
        assert far.exchange(40_000, []) == near.exchange(40_000, [])
        assert far.results() == near.results()
        assert far.digest() == near.digest()
    assert process.wait(timeout=20) == 0


def test_a_wrong_token_is_not_let_in(
    configure: Configure, start: Start, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAFEHOLD_CURVE", raising=False)
    monkeypatch.setattr("ground.process._BY_HAND_S", 4.0)
    with ZmqGround(configure(), listen=ANY_PORT) as ground:
        invitation = _invitation(capfd)
        start(*invitation[:3], "00" * 32)
        with pytest.raises(GroundLostError, match="has not answered for 4 s"):
            ground.digest()
        assert ground.strangers == 1
    assert (
        f"somebody came with another token, or none; waiting for: safehold ground {' '.join(invitation)}"
        in (capfd.readouterr().err)
    )


@pytest.mark.requirement("S3")
def test_a_ground_that_nobody_answers_says_what_may_be_wrong(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAFEHOLD_CURVE", raising=False)
    monkeypatch.setattr("ground.server._UNHEARD_MS", 50)
    monkeypatch.setattr("ground.server._loop", lambda *_, **__: 0)
    assert serve("tcp://127.0.0.1:1", with_parent=False) == 0
    told = capfd.readouterr().err
    assert "nothing has come from tcp://127.0.0.1:1 for 0.05 s" in told
    assert "--token" in told


@pytest.mark.requirement("S3")
def test_curve_keys_let_the_right_ground_in_and_no_other(
    configure: Configure,
    start: Start,
    keys: tuple[Path, Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, friend = keys
    stranger = tmp_path / "stranger"
    make_keys(stranger)
    shutil.copy(host / "own.key", stranger / "peers" / "host.key")
    monkeypatch.setenv("SAFEHOLD_CURVE", str(host))
    with ZmqGround(configure(), listen=ANY_PORT) as far, InProcessGround(configure()) as near:
        invitation = _invitation(capfd)
        assert "--token" not in invitation
        start(*invitation, curve=stranger)
        start(*invitation)
        start(*invitation, curve=friend)
        assert far.digest() == near.digest()
        assert far.strangers == 0


def test_beyond_the_loopback_neither_end_goes_without_keys(
    configure: Configure, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAFEHOLD_CURVE", raising=False)
    with pytest.raises(CurveError, match="SAFEHOLD_CURVE"):
        ZmqGround(configure(), listen="tcp://0.0.0.0:*")
    process = start("--connect", "tcp://192.0.2.1:5557")
    assert "SAFEHOLD_CURVE" in process.communicate(timeout=30)[1]
    assert process.returncode == 2


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_in_mid_pass_it_goes_on_and_neither_loses_nor_repeats(
    seed: int,
    configure: Configure,
    make_world: Callable[..., Any],
    start: Start,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process is killed (SIGKILL) with a request on its way: unread, half done, or kept and not answered.

    The satellite outlives it. Every command has to be executed once and in order, and every frame that came
    down has to be with the host once.
    """
    monkeypatch.delenv("SAFEHOLD_CURVE", raising=False)
    window = predict(configure())[0]
    modes = [2, 3, 4, 3, 2, 4, 2, 3, 4, 2]
    commands = [
        Command(at_ns=window.aos_ns + at * 4 * 10**9, name="set_mode", arguments={"mode": mode})
        for at, mode in enumerate(modes, 1)
    ]
    config = configure(*commands)
    chance, kills, in_pass = random.Random(seed), 0, False
    with ZmqGround(config, listen=ANY_PORT) as far:
        arguments = [*_invitation(capfd), "--data", str(tmp_path / "data")]
        process = start(*arguments)
        send = far._send

        def send_and_kill(request: bytes) -> None:
            nonlocal process, kills
            send(request)
            if kills < 6 and in_pass and chance.random() < 0.3:
                time.sleep(chance.choice([0.0, 0.002, 0.005, 0.05]))
                process.kill()
                process.wait()
                kills += 1
                process = start(*arguments)

        monkeypatch.setattr(far, "_send", send_and_kill)
        world = make_world(far, [(window.station, window.aos_ns, window.los_ns)])
        world.fly((window.aos_ns + 2 * 10**9) // config.tick_ns)
        in_pass = True
        world.fly((window.aos_ns + 80 * 10**9) // config.tick_ns)
        # One that is killed again before it has said anything is none that went on.
        assert kills == 6
        assert 3 <= far.resumed <= kills
        assert world.satellite.modes == modes
        told = far.results()["commands"]
        assert all(one["received_ns"] or one["state"] == "completed" for one in told)
        frames = [(one.arrival_ns, one.frame) for one in far.archive]
        assert len(set(frames)) == len(frames) > 80
    assert process.wait(timeout=20) == 0
    store = ArchiveStore(tmp_path / "data")
    assert Ground(config, store=store).results()["commands"] == told
    store.close()
    journalled, damaged = read(tmp_path / "data" / "frames.journal")
    assert ([(one.arrival_ns, one.frame) for one in journalled], damaged) == (frames, 0)


@pytest.mark.requirement("L2.3", "L2.6")
def test_what_consoles_ask_for_in_a_pass_departs_in_time(
    configure: Configure,
    make_world: Callable[..., Any],
    start: Start,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The host asks only when it has to, and drains frames in between without looking at what is promised
    then. So nothing may be taken there: it would depart at a time that the satellite has behind it.
    """
    monkeypatch.delenv("SAFEHOLD_CURVE", raising=False)
    config = configure()
    window = predict(config)[0]
    chance = random.Random(3)
    asked: list[tuple[int, int]] = []
    with ZmqGround(config, listen=ANY_PORT) as far:
        process = start(*_invitation(capfd), "--data", str(tmp_path / "data"))
        world = make_world(far, [(window.station, window.aos_ns, window.los_ns)])
        exchange = far.exchange
        late: list[int] = []

        def in_time(until_tick: int, deliveries: list[Delivery]) -> tuple[list[Uplink], int]:
            uplinks, promise = exchange(until_tick, deliveries)
            late.extend(until_tick * config.tick_ns - one.departure_ns for one in uplinks)
            return uplinks, promise

        monkeypatch.setattr(far, "exchange", in_time)
        for second in range(2, 300, 2):
            world.fly((window.aos_ns + second * 10**9) // config.tick_ns)
            if chance.random() < 0.5:
                far.archive.clear()
            if chance.random() < 0.1 and second < 260:
                mode = 2 + len(asked) % 3
                command = Command(at_ns=0, name="set_mode", arguments={"mode": mode})
                with ConsoleBook(tmp_path / "data") as book, book.writing():
                    book.add("2026-06-21T00:00:00Z", 1, encode_request(config.sha256(), [command]))
                asked.append((world.tick * config.tick_ns, mode))
            if chance.random() < 0.5:
                far.archive.clear()
        told = far.results()["commands"]
    assert process.wait(timeout=20) == 0
    assert len(asked) > 8
    assert world.satellite.modes == [mode for _, mode in asked]
    assert [one["state"] for one in told] == ["completed"] * len(asked)
    waited = [one["at_ns"] - asked_ns for one, (asked_ns, _) in zip(told, asked, strict=True)]
    assert 0 <= min(waited) <= max(waited) <= 20 * 10**9
    assert 0 <= min(late) <= max(late) <= config.tick_ns


def test_one_that_kept_nothing_does_not_take_over(
    configure: Configure, start: Start, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAFEHOLD_CURVE", raising=False)
    with ZmqGround(configure(), listen=ANY_PORT, timeout_s=60.0) as far:
        arguments = _invitation(capfd)
        first = start(*arguments)
        far.exchange(10, [])
        second = start(*arguments)
        time.sleep(2.0)
        for tick in range(11, 15):
            far.exchange(tick, [])
        assert (far.resumed, first.poll(), second.poll()) == (0, None, None)
        first.kill()
        first.wait()
        with pytest.raises(GroundLostError, match=r"cannot be reached|has not answered"):
            far.results()


def test_an_archive_of_another_run_is_not_gone_on_with(
    configure: Configure,
    start: Start,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SAFEHOLD_CURVE", raising=False)
    config = configure(Command(at_ns=0, name="ping"))
    begin = predict(config)[0].aos_ns // config.tick_ns
    for refused in (False, True):
        with ZmqGround(config, listen=ANY_PORT) as far:
            process = start(*_invitation(capfd), "--data", str(tmp_path / "data"))
            if refused:
                with pytest.raises(GroundError, match="this one begins; name another folder"):
                    far.exchange(10, [])
            else:
                assert far.exchange(begin + 10, [])[0], "the carrier goes on"
        assert process.wait(timeout=20) == 0
