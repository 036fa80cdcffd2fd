"""Simulation, flight and ground as three processes give the run of one, bit for bit; what dies is told."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from safehold import snapshot
from safehold.deployment import Deployment
from safehold.errors import InternalError, UsageError
from safehold.run import fly
from safehold.scenario import load
from safehold.schema import Scenario
from safehold.simulation import Simulation

# Both faults of the flight computer, rows of truth and watches on truth and on telemetry.
UPSETS = """
schema = 1
name = "upsets"
epoch = 2026-06-21T00:00:00Z
duration = "2m"
orbit = { altitude_km = 550.0, inclination_deg = 97.6, raan_deg = 90.0 }
[[station]]
name = "svalbard"
[[fault]]
at = "20s"
kind = "replica_bit_flip"
target = "replica.1"
bit = 777
[[fault]]
at = "40s"
kind = "computer_reset"
target = "computer"
down_s = 10.0
[[expect]]
quantity = "rate_norm_deg_s"
above = 1.0
[[expect]]
quantity = "mode"
equals = 0
[[expect]]
quantity = "pointing_error_deg"
below = 0.001
"""

# A place that the satellite images by itself half an hour after the release, seen by a station.
IMAGING = """
schema = 1
name = "imaging"
epoch = 2026-06-21T00:00:00Z
duration = "32m"
orbit = { altitude_km = 550.0, inclination_deg = 97.6, raan_deg = 90.0, argument_of_latitude_deg = -60.0 }
initial = { rate_deg_s = [0.1, -0.1, 0.1], battery_state_of_charge = 0.95 }
link = { burst = 0.05, loss = 0.02 }
[[station]]
name = "before"
latitude_deg = 10.0
longitude_deg = 175.0
altitude_m = 0.0
elevation_mask_deg = 5.0
[[command]]
at = "0s"
name = "image_target"
arguments = { latitude = 45.0, longitude = 165.0, altitude = 0.0, exposure = 20, within = 7200 }
"""


def _scenario(folder: Path, text: str) -> Scenario:
    (folder / "scenario.toml").write_text(text, encoding="utf-8")
    return load(str(folder / "scenario.toml"))


@pytest.fixture
def upsets(tmp_path: Path) -> Scenario:
    """Two minutes with a bit flip and a reset."""
    return _scenario(tmp_path, UPSETS)


@pytest.fixture
def flight_by_hand() -> Iterator[str]:
    """The endpoint of a `safehold flight` that was started by hand."""
    command = [sys.executable, "-m", "safehold", "flight"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def _without_timing(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "timing"}


@pytest.mark.requirement("S3")
def test_three_processes_give_the_digest_of_one(tmp_path: Path) -> None:
    """With a contact in which frames bounce, a command, and an image that the payload takes of the plant."""
    scenario = _scenario(tmp_path, IMAGING)
    one, two, three = (fly(scenario, deployment=name)[0] for name in ("in-process", "zmq", "distributed"))
    assert any(contact["frames"] for contact in one.document["passes"])
    assert any(event["name"] == "image_taken" for event in one.events), "no image was asked for"
    assert three.digests == one.digests == two.digests
    assert three.digest == one.digest
    assert _without_timing(three.document) == _without_timing(one.document)
    assert three.events == one.events
    _accounts_agree(one.document)


def _accounts_agree(document: dict[str, Any]) -> None:
    """What mission control refused is what the link disturbed; what it radiated the link was given."""
    link, ground = document["link"], document["ground"]
    refused = sum(n for name, n in ground["downlink"].items() if name.startswith("frames_refused_"))
    assert refused == link["down"]["frames_with_errors"] > 0
    assert refused + ground["downlink"]["frames_received"] == link["down"]["delivered_frames"]
    assert link["down"]["lost_frames"] > 0
    outcomes = (n for name, n in link["up"].items() if name.endswith("_frames"))
    assert ground["frames_up"] == sum(outcomes) > 0
    for name in ("frames_refused", "frames_up", "frames_again"):
        total = refused if name == "frames_refused" else ground[name]
        assert sum(one[name] for one in document["passes"]) == total, name


@pytest.mark.requirement("S3", "S4")
def test_faults_snapshots_and_watches_are_the_same_over_the_socket(upsets: Scenario) -> None:
    here, there = Simulation(upsets), Simulation(upsets, deployment="distributed")
    try:
        here.advance(300)
        there.advance(300)
        assert max(here.computer.counters()["divergences"]) > 0, "the flip did nothing"
        kept = snapshot.take(there)
        assert kept == snapshot.take(here)
        for simulation in (here, there):
            simulation.advance(upsets.ticks)
            simulation.finish()
        assert there.digests() == here.digests()
        assert there.computer.counters() == json.loads(json.dumps(here.computer.counters()))
        assert there.mode == here.mode
        seen, sees = (simulation.driver.watches() for simulation in (here, there))
        assert len(seen) == 3
        for name in ("evaluated", "met", "value_min", "value_max", "value_last"):
            assert [getattr(one, name) for one in sees] == [getattr(one, name) for one in seen], name
    finally:
        there.close()
    again = snapshot.restore(kept, deployment="distributed")
    try:
        again.advance(upsets.ticks)
        again.finish()
        assert again.digests() == here.digests()
    finally:
        again.close()


@pytest.mark.requirement("S3")
def test_a_flight_process_that_dies_ends_the_run_with_its_own_error(
    upsets: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flight import remote

    started = []

    class Watched(remote.RemoteComputer):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            started.append(self)

    monkeypatch.setattr(remote, "RemoteComputer", Watched)

    def stopped() -> bool:
        pid = started[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return False

    with pytest.raises(InternalError, match="the flight process has ended") as caught:
        fly(upsets, deployment="distributed", stopped=stopped)
    assert caught.value.id == "SH-INT-004"
    assert caught.value.exit_code == 3


@pytest.mark.requirement("S3", "S6")
def test_a_flight_by_hand_that_is_not_there_is_the_users_to_start(
    upsets: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flight import remote

    monkeypatch.setattr(remote, "RemoteComputer", partial(remote.RemoteComputer, timeout_s=0.3))
    nobody = Deployment("distributed", flight="tcp://127.0.0.1:1")
    with pytest.raises(UsageError, match=r"safehold flight --bind tcp://127\.0\.0\.1:1") as caught:
        fly(upsets, deployment=nobody)
    assert caught.value.exit_code == 2


@pytest.mark.requirement("S3", "S6")
def test_a_flight_by_hand_serves_one_run_after_another(upsets: Scenario, flight_by_hand: str) -> None:
    short = upsets.model_copy(update={"duration": 30 * 10**9, "expect": [], "fault": upsets.fault[:1]})
    near = fly(short)[0]
    for _ in range(2):
        far = fly(short, deployment=Deployment("in-process", flight=flight_by_hand))[0]
        assert far.digests == near.digests


@pytest.mark.requirement("S3", "S6")
def test_another_run_takes_a_flight_process_over_and_the_first_one_is_told(
    upsets: Scenario, flight_by_hand: str
) -> None:
    deployment = Deployment("in-process", flight=flight_by_hand)
    first = Simulation(upsets, deployment=deployment)
    first.advance(10)
    second = Simulation(upsets, deployment=deployment)
    second.advance(5)
    with pytest.raises(ValueError, match="tick 10 is asked for; the next is 5"):
        first.advance(20)
    second.advance(20)
    first.close()
    second.close()


def _safehold(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "safehold", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.requirement("S3")
def test_distributed_on_the_command_line(workplace: Path) -> None:
    (workplace / "upsets.toml").write_text(UPSETS.partition("[[expect]]")[0], encoding="utf-8")
    digests = []
    for option in ("--in-process", "--distributed"):
        done = _safehold("run", "upsets.toml", "--json", "--quiet", "--out", f"out{option}", option)
        assert done.returncode == 0, done.stderr
        digests.append(json.loads(done.stdout)["digest"])
    assert digests[0] == digests[1]
    assert ", deployment distributed" in (workplace / "out--distributed" / "run.log").read_text()


@pytest.mark.requirement("S3")
def test_a_ground_by_hand_on_the_command_line(workplace: Path) -> None:
    (workplace / "upsets.toml").write_text(UPSETS.partition("[[expect]]")[0], encoding="utf-8")
    arguments = ["run", "upsets.toml", "-q", "--out", "out", "--ground", "tcp://127.0.0.1:*"]
    with subprocess.Popen(
        [sys.executable, "-m", "safehold", *arguments], stderr=subprocess.PIPE, text=True
    ) as host:
        assert host.stderr is not None
        told = re.fullmatch(r"waiting for: safehold (ground .*)\n", host.stderr.readline())
        assert told is not None
        ground = _safehold(*told[1].split())
        assert host.wait(timeout=120) == 0
        assert ground.returncode == 0, ground.stderr


@pytest.mark.requirement("S3")
@pytest.mark.parametrize(
    ("options", "id"),
    [
        (["--in-process", "--distributed"], "SH-CLI-001"),
        (["--flight", "ipc://here"], "SH-CLI-004"),
        (["--flight", "tcp://192.0.2.1:7001"], "SH-CLI-004"),
        (["--ground", "tcp://192.0.2.1:7001"], "SH-CLI-004"),
    ],
)
def test_endpoints_that_cannot_be_used_are_refused(workplace: Path, options: list[str], id: str) -> None:
    done = _safehold("run", *options)
    assert done.returncode == 2
    assert f"safehold: {id}" in done.stderr
    assert not list(workplace.iterdir())


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("options", [["run"], ["run", "--distributed"], ["campaign", "smoke"]])
@pytest.mark.parametrize(("content", "mode"), [(None, 0), ("1 00\n", 0o600), (f"1 {'5a' * 32}\n", 0o644)])
def test_link_keys_that_cannot_be_used_are_refused(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], content: str | None, mode: int
) -> None:
    file = workplace / "keys"
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    monkeypatch.setenv("SAFEHOLD_KEYS", str(file))
    done = _safehold(*options)
    assert done.returncode == 2, done.stderr
    assert f"safehold: SH-CLI-004 SAFEHOLD_KEYS: {file}" in done.stderr
    assert "Traceback" not in done.stderr


SERVING = [["flight"], ["ground", "--connect", "tcp://127.0.0.1:1", "--token", "00" * 32]]


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("options", SERVING)
def test_a_process_without_its_keys_says_so_at_once(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setenv("SAFEHOLD_KEYS", str(workplace / "none"))
    done = _safehold(*options)
    assert done.returncode == 2
    assert done.stdout == ""
    said = f"safehold: SH-CLI-004 SAFEHOLD_KEYS: {workplace / 'none'}: No such file or directory\n"
    assert done.stderr == said
    module = [sys.executable, "-m", *options]
    alone = subprocess.run(module, capture_output=True, text=True, check=False, timeout=60)
    assert alone.returncode == 2
    assert f"SAFEHOLD_KEYS: {workplace / 'none'}: No such file" in alone.stderr


@pytest.mark.requirement("S3")
@pytest.mark.parametrize(
    "options",
    [*SERVING, ["run", "--ground", "tcp://127.0.0.1:*"], ["run", "--flight", "tcp://127.0.0.1:1"]],
)
@pytest.mark.parametrize("name", ["own.key_secret", "peers/flight.key"])
def test_process_keys_that_cannot_be_used_are_refused_by_their_file(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], name: str
) -> None:
    """A key that is cut short, and a pipe to which nobody writes."""
    from flight.curve import make_keys

    shutil.copy(make_keys(workplace), workplace / "peers" / "flight.key")
    monkeypatch.setenv("SAFEHOLD_CURVE", str(workplace))
    (workplace / name).write_text('curve\n    public-key = "short"\n    secret-key = "short"\n')
    done = _safehold(*options)
    assert done.returncode == 2, done.stderr
    assert "safehold: SH-CLI-004 " in done.stderr
    assert f"{workplace / name}: no CURVE key: its public key has 5 characters" in done.stderr
    assert "Traceback" not in done.stderr
    (workplace / name).unlink()
    os.mkfifo(workplace / name, 0o600)
    done = _safehold(*options)
    assert done.returncode == 2, done.stderr
    assert f"{workplace / name}: not a regular file" in done.stderr


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("token", ["abc", "5ec2e7" * 10 + "abc", "5ec2e7" * 10 + "xyza", "5ec2e7" * 11])
def test_a_token_that_is_none_is_refused_and_not_shown(token: str) -> None:
    done = _safehold("ground", "--connect", "tcp://127.0.0.1:1", "--token", token)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"safehold: SH-CLI-002 --token: what is given has {len(token)} characters; "
    )
    assert "64 hexadecimal digits, as the run showed them" in done.stderr
    assert token not in done.stderr
    assert "usage" not in done.stderr


@pytest.mark.requirement("L2.6")
def test_protected_telemetry_needs_a_key_of_its_own(
    half_hour: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(f"{number} {'5a' * 31}{number:02x}\n" for number in (1, 2))
    (tmp_path / "keys").write_text(lines)
    (tmp_path / "keys").chmod(0o600)
    monkeypatch.setenv("SAFEHOLD_KEYS", str(tmp_path / "keys"))
    link = half_hour.link.model_copy(update={"telemetry_protection": "encrypted"})
    with pytest.raises(UsageError, match="no telemetry key"):
        fly(half_hour.model_copy(update={"link": link}))


def test_an_unknown_deployment_is_refused() -> None:
    with pytest.raises(UsageError, match="SH-CLI-002"):
        Deployment("everywhere")


@pytest.mark.requirement("S3")
def test_keys_are_made_once_and_for_their_owner_alone(workplace: Path) -> None:
    from flight.keys import read_ring

    done = _safehold("keys", "--curve", "curve", "--link", "link.keys")
    assert done.returncode == 0, done.stderr
    assert not read_ring(Path("link.keys")).published
    for secret in (Path("link.keys"), Path("curve/own.key_secret")):
        assert secret.stat().st_mode & 0o777 == 0o600
    for key in read_ring(Path("link.keys")).keys.values():
        assert key.hex() not in done.stdout + done.stderr
    assert Path("curve/own.key").exists()
    for options in (["--link", "link.keys"], ["--curve", "curve"], []):
        assert _safehold("keys", *options).returncode == 2
