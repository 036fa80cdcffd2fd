"""The flight process: the same bytes as in this process, light enough for the Pi, and no orphan."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import zmq
from numpy.typing import NDArray

from flight import protocol
from flight.computer import make_computer
from flight.curve import make_keys
from flight.dictionary import SHA256
from flight.remote import FlightLostError, FlightRefusedError, RemoteComputer
from flight.server import Service

CONFIGURATION = {"replicas": 3, "resync": True, "autonomy": True, "tick_ns": 100_000_000, "parameters": {}}
WRONG_TYPE = CONFIGURATION | {"parameters": {"radio_silence_s": {}}}

# Runs the flight process with every other installed package out of reach; the service is stepped without a
# socket, because a socket would not make it import more.
LIGHT = """
import json, sys, importlib.machinery

ALLOWED = {"numpy", "zmq", "_safehold_native", "flight"}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in ALLOWED or top.startswith("_"):
            return None
        raise ModuleNotFoundError(f"{name} is not for the flight process", name=name)

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import flight.__main__
from flight import protocol
from flight.curve import make_keys
from flight.dictionary import SHA256
from flight.server import Service
service = Service()
configuration = {"replicas": 3, "resync": True, "autonomy": True, "tick_ns": 100_000_000, "parameters": {}}
start = [protocol.START, SHA256.encode(), json.dumps(configuration).encode()]
assert service.handle(start) == [protocol.START]
reply = service.handle([protocol.STEP, bytes(464)])
assert reply[0] == protocol.STEP and len(reply[1]) == 88, reply
try:
    import numba
    sys.exit("the refusal does not work")
except ModuleNotFoundError:
    pass
print("light")
"""


@pytest.mark.requirement("S6")
def test_flight_process_runs_with_numpy_and_zmq_alone(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(repository)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "light", done.stderr


def _tick(number: int, *, flips: bytes = b"", resets: bytes = b"", rest: bytes = b"") -> bytes:
    head = struct.pack("<QIIII", number, 3, len(flips) // 8, len(resets) // 8, 0)
    return head + bytes(464) + flips + resets + rest


@pytest.mark.requirement("S3")
@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (b"", "cut short"),
        (_tick(0)[:-1], "cut short"),
        (_tick(0, rest=b"x"), "too long"),
        (_tick(1), "tick 1 is asked for; the next is 0"),
        (_tick(0, flips=struct.pack("<II", 3, 0)), "no such bit"),
        (_tick(0, flips=struct.pack("<II", 0, 2**31)), "no such bit"),
        (_tick(0, resets=struct.pack("<q", -1)), "not negative"),
        (struct.pack("<QIIII", 0, 0, 2**32 - 1, 0, 0) + bytes(464), "cut short"),
        (struct.pack("<QIIII", 0, 0, 0, 0, 1) + bytes(464) + b"\xff" * 8, "cut short"),
    ],
)
def test_a_tick_that_makes_no_sense_changes_nothing(request_: bytes, reason: str) -> None:
    service = Service()
    service.handle([protocol.START, SHA256.encode(), json.dumps(CONFIGURATION).encode()])
    before = service.handle([protocol.SAVE])
    reply = service.handle([protocol.TICK, request_])
    assert reply[0] == protocol.ERROR
    assert reason in reply[1].decode()
    assert service.handle([protocol.SAVE]) == before
    assert service.handle([protocol.LOAD, before[1]])[0] == protocol.ERROR, "it has no tick before it"
    assert service.handle([protocol.SAVE]) == before
    assert service.handle([protocol.TICK, _tick(0)])[0] == protocol.TICK


@pytest.mark.requirement("S3", "S6")
def test_another_process_gives_the_same_bytes(frames: NDArray[np.uint8]) -> None:
    here = make_computer()
    with RemoteComputer() as there:
        for tick in range(300):
            sensor = frames[tick].tobytes()
            uplink = [b"not a frame"] if tick % 50 == 0 else []
            assert there.step(sensor, uplink) == here.step(sensor, uplink)
        state = there.state_bytes()
        assert state == here.state_bytes()
        there.step(frames[300].tobytes())
        there.restore(state)
        assert there.state_bytes() == state
        assert there.telemetry() == json.loads(json.dumps(here.telemetry()))
        assert sum(there.counters()["frames_rejected"].values()) == 6


def test_wrong_configuration_is_refused_with_its_reason() -> None:
    with pytest.raises(FlightRefusedError, match="replicas must be 1 or 3, not 2"):
        RemoteComputer(replicas=2)


def test_silence_is_an_error_in_time() -> None:
    with pytest.raises(FlightLostError, match="does not answer"):
        RemoteComputer(endpoint="tcp://127.0.0.1:9", timeout_s=0.2)


def test_process_ends_with_its_host() -> None:
    computer = RemoteComputer()
    process = computer._process
    assert process is not None
    assert process.poll() is None
    computer.close()
    assert process.wait(timeout=10) == 0


def test_process_listens_on_the_loopback_only(frames: NDArray[np.uint8]) -> None:
    command = [sys.executable, "-m", "flight", "--with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().startswith("tcp://127.0.0.1:")
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_a_port_in_use_gives_a_message_and_exit_code_2() -> None:
    with zmq.Context() as context, context.socket(zmq.REP) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        command = [sys.executable, "-m", "flight", "--bind", f"tcp://127.0.0.1:{port}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert f":{port}: Address already in use" in done.stderr


def test_beyond_the_loopback_it_needs_keys() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "SAFEHOLD_CURVE"}
    command = [sys.executable, "-m", "flight", "--bind", "tcp://0.0.0.0:5599"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=environment)
    assert done.returncode == 2
    assert "SAFEHOLD_CURVE" in done.stderr


@pytest.mark.requirement("L2.5")
def test_beyond_the_loopback_the_published_telecommand_keys_are_refused(tmp_path: Path) -> None:
    public = make_keys(tmp_path)
    shutil.copy(public, tmp_path / "peers" / "host.key")
    environment = os.environ | {"SAFEHOLD_CURVE": str(tmp_path), "SAFEHOLD_KEYS": ""}
    command = [sys.executable, "-m", "flight", "--bind", "tcp://0.0.0.0:5599"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=environment)
    assert done.returncode == 2
    assert "SAFEHOLD_KEYS" in done.stderr


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([b"DANCE"], "unknown request"),
        ([b""], "unknown request"),
        ([protocol.STEP, bytes(464)], "has not been started"),
        ([protocol.START, b"0" * 64, b"{}"], "another dictionary"),
        ([protocol.START, SHA256.encode()], "START takes"),
        ([protocol.START, SHA256.encode(), b"{}"], "replicas"),
        ([protocol.START, SHA256.encode(), b"[1"], "JSONDecodeError"),
        ([protocol.START, SHA256.encode(), b"\xff"], "UnicodeDecodeError"),
        ([protocol.START, SHA256.encode(), b'{"replicas": 1e999, "resync": true}'], "lacks tick_ns"),
        ([protocol.START, SHA256.encode(), b'[{"\\ud800": 1}]'], "named fields"),
        ([protocol.START, SHA256.encode(), b'{"\\ud800": 1}'], "lacks replicas"),
        ([protocol.START, SHA256.encode(), b"[" * 100_000], "RecursionError"),
        ([protocol.START, SHA256.encode(), json.dumps(WRONG_TYPE).encode()], "must be a number"),
        ([protocol.STEP] * 100, "at most 64"),
    ],
)
def test_a_request_that_makes_no_sense_gets_a_reason(parts: list[bytes], reason: str) -> None:
    reply = Service().handle(parts)
    assert reply[0] == protocol.ERROR
    assert reason in reply[1].decode()


def test_the_service_goes_on_after_garbage(frames: NDArray[np.uint8]) -> None:
    service = Service()
    service.handle([protocol.START, SHA256.encode(), json.dumps(CONFIGURATION).encode()])
    random = np.random.default_rng(5)
    for _ in range(200):
        kind = random.choice([protocol.STEP, protocol.RESTORE, protocol.START, b"?"])
        service.handle([bytes(kind), random.bytes(int(random.integers(0, 600)))])
    reply = service.handle([protocol.STEP, frames[0].tobytes()])
    assert reply[0] == protocol.STEP


def test_a_service_that_is_let_go_takes_its_computer_with_it() -> None:
    service = Service(lambda _parts: [])
    reply = service.handle([protocol.START, SHA256.encode(), json.dumps(CONFIGURATION).encode()])
    assert reply == [protocol.START]
    there = weakref.ref(service)
    del service
    assert there() is None
