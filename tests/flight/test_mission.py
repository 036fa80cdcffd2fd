"""A data folder belongs to one mission: another one is refused, and changes nothing there."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flight import protocol
from flight.computer import OtherMissionError, make_computer
from flight.dictionary import SHA256
from flight.keys import KeyRing
from flight.server import Service

CONFIGURATION = {"replicas": 3, "resync": True, "autonomy": True, "tick_ns": 100_000_000, "parameters": {}}
OTHERS: dict[str, dict[str, Any]] = {
    "replicas": {"replicas": 1},
    "tick_ns": {"tick_ns": 200_000_000},
    "autonomy": {"autonomy": False},
    "batch_interval_s": {"parameters": {"batch_interval_s": 30.0}},
    "quota.debug": {"quotas": {"debug": 1 << 20}},
}


def start(service: Service, **other: Any) -> list[bytes]:
    configuration = json.dumps(CONFIGURATION | other).encode()
    return service.handle([protocol.START, SHA256.encode(), configuration])


def flown(folder: Path, ticks: int = 30, **other: Any) -> Service:
    """A service that has flown there for some ticks."""
    service = Service(data=folder)
    assert start(service, **other) == [protocol.START]
    for _ in range(ticks):
        assert service.handle([protocol.STEP, bytes(464)])[0] == protocol.STEP
    return service


def ended(service: Service) -> None:
    """The process has ended: the folder is free again."""
    service.computer = service._station = None


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.mark.requirement("L3.6", "L2.4")
@pytest.mark.parametrize("what", OTHERS)
def test_a_folder_of_another_mission_is_refused_and_stays_as_it_is(tmp_path: Path, what: str) -> None:
    ended(flown(tmp_path))
    before = snapshot(tmp_path)
    service = Service(data=tmp_path)
    kind, reason = start(service, **OTHERS[what])
    assert kind == protocol.ERROR
    text = reason.decode()
    assert text.startswith("OtherMissionError: ")
    assert str(tmp_path) in text
    assert f"{what}: " in text
    assert " here, " in text
    assert "expected " in text
    assert "Give another folder" in text
    assert service.refused["start_of_another_mission"] == 1
    assert service.computer is None
    assert snapshot(tmp_path) == before
    assert start(service) == [protocol.START]
    assert service.computer is not None
    assert service.computer.record_range(0)[1] > 0, "it goes on"


@pytest.mark.requirement("L3.6")
def test_what_runs_goes_on_when_another_mission_is_refused(tmp_path: Path) -> None:
    service = flown(tmp_path)
    running = service.computer
    state = service.handle([protocol.STATE])
    assert start(service, replicas=1)[0] == protocol.ERROR
    assert service.computer is running
    assert service.handle([protocol.STATE]) == state
    report = json.loads(service.handle([protocol.TELEMETRY])[1])
    assert report["refused"] == {"start_of_another_mission": 1, "load_of_another_mission": 0}


@pytest.mark.requirement("L3.6")
def test_keys_are_no_part_of_a_mission(tmp_path: Path) -> None:
    first = make_computer(folder=tmp_path, keys=KeyRing({7: bytes(range(32))}, published=False))
    mission = first.mission()
    del first
    again = make_computer(folder=tmp_path, keys=KeyRing({9: bytes(range(1, 33))}, published=False))
    assert again.mission() == mission
    told = b"".join(path.read_bytes() for path in tmp_path.glob("mission-*.txt"))
    assert bytes(range(32)).hex().encode() not in told


@pytest.mark.requirement("L3.6")
def test_a_state_of_another_mission_is_not_loaded(tmp_path: Path) -> None:
    """Nor one that does not say whose it is; what runs and its folder stay as they are."""
    other = Service()
    start(other, parameters={"batch_interval_s": 30.0})
    foreign = other.handle([protocol.SAVE])[1]
    service = flown(tmp_path)
    own = service.handle([protocol.SAVE])[1]
    before = snapshot(tmp_path)
    kind, reason = service.handle([protocol.LOAD, bytes(8) + foreign])
    assert kind == protocol.ERROR
    assert "OtherMissionError" in reason.decode()
    assert "batch_interval_s: 10 here, 30 there" in reason.decode()
    kind, reason = service.handle([protocol.RESTORE, service.handle([protocol.STATE])[1]])
    assert kind == protocol.ERROR
    assert "does not say" in reason.decode()
    assert service.refused["load_of_another_mission"] == 2
    assert service.handle([protocol.SAVE])[1] == own
    assert snapshot(tmp_path) == before
    assert service.handle([protocol.LOAD, bytes(8) + own]) == [protocol.LOAD]
    flipped = bytearray(own)
    flipped[0] ^= 1  # of the mission's digest
    assert service.handle([protocol.LOAD, bytes(8) + bytes(flipped)])[0] == protocol.ERROR


@pytest.mark.requirement("L3.6")
@pytest.mark.parametrize("damage", ["gone", "empty", "short", "flipped", "longer"])
def test_one_copy_of_the_mission_is_enough_and_the_other_is_mended(tmp_path: Path, damage: str) -> None:
    ended(flown(tmp_path))
    whole = (tmp_path / "mission-0.txt").read_bytes()
    for copy in ("mission-0.txt", "mission-1.txt"):
        spoil(tmp_path / copy, damage)
        assert start(Service(data=tmp_path), replicas=1)[0] == protocol.ERROR
        service = Service(data=tmp_path)
        assert start(service) == [protocol.START]
        ended(service)
        assert (tmp_path / copy).read_bytes() == whole


def spoil(path: Path, damage: str) -> None:
    octets = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
        return
    if damage == "flipped":
        octets[len(octets) // 2] ^= 1
    path.write_bytes({"empty": b"", "short": octets[:-1], "longer": octets + b"x"}.get(damage, bytes(octets)))


@pytest.mark.requirement("L3.6")
@pytest.mark.parametrize("damage", ["gone", "short", "flipped"])
def test_data_of_an_unknown_mission_are_refused(tmp_path: Path, damage: str) -> None:
    """Unless the folder holds nothing yet: then power failed while it was made."""
    ended(flown(tmp_path))
    whole = (tmp_path / "mission-0.txt").read_bytes()
    for copy in ("mission-0.txt", "mission-1.txt"):
        spoil(tmp_path / copy, damage)
    before = snapshot(tmp_path)
    with pytest.raises(OtherMissionError, match="does not say of which mission"):
        make_computer(folder=tmp_path)
    assert snapshot(tmp_path) == before
    done = subprocess.run(
        [sys.executable, "-m", "flight", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert str(tmp_path) in done.stderr
    assert "does not say of which mission" in done.stderr
    (tmp_path / "mission-1.txt").write_bytes(whole)  # as the message says
    make_computer(folder=tmp_path)
    for path in tmp_path.iterdir():
        if path.name.startswith("mission-"):
            spoil(path, damage)
        else:
            path.unlink()
    make_computer(folder=tmp_path)
    assert (tmp_path / "mission-1.txt").read_bytes() == whole


@pytest.mark.requirement("L3.6")
def test_a_folder_of_another_dictionary_is_refused_before_a_run_comes(tmp_path: Path) -> None:
    make_computer(folder=tmp_path)
    text = (tmp_path / "mission-0.txt").read_text().replace(SHA256, "0" * 64)
    body = text[: text.rindex("sha256 ")]
    for copy in range(2):
        sealed = body + f"sha256 {hashlib.sha256(body.encode()).hexdigest()}\n"
        (tmp_path / f"mission-{copy}.txt").write_text(sealed)
    done = subprocess.run(
        [sys.executable, "-m", "flight", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "another mission" in done.stderr
    assert "000000000000" in done.stderr
    assert SHA256[:12] in done.stderr


@pytest.mark.requirement("L3.6")
def test_two_copies_that_differ_are_refused(tmp_path: Path) -> None:
    make_computer(folder=tmp_path / "a")
    make_computer(folder=tmp_path / "b", replicas=1)
    (tmp_path / "a/mission-1.txt").write_bytes((tmp_path / "b/mission-1.txt").read_bytes())
    with pytest.raises(OtherMissionError, match="two missions"):
        make_computer(folder=tmp_path / "a")
