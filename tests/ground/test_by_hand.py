"""A ground that is started by hand, as on another host: let in by its token or its CURVE keys, else not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flight.curve import CurveError, make_keys
from ground.config import Command, GroundConfig
from ground.process import GroundLostError, InProcessGround, ZmqGround

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
