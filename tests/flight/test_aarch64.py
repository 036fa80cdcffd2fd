"""The flight core built for aarch64, run by an emulator, gives the bytes that it gave here.

The inputs of a flight are recorded on this machine with the flight chain's digest; the replay tool,
cross-built without OpenSSL and Python, flies them again on the other processor. Equal means equal: no
tolerance. The tools are Debian's g++-aarch64-linux-gnu and qemu-user-static; without them there is nothing to
compare.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMPILER = "aarch64-linux-gnu-g++"
EMULATOR = next((name for name in ("qemu-aarch64-static", "qemu-aarch64") if shutil.which(name)), "")

pytestmark = [
    pytest.mark.requirement("S6"),
    pytest.mark.skipif(
        not shutil.which(COMPILER) or not EMULATOR or not shutil.which("cmake"),
        reason="needs cmake and Debian's g++-aarch64-linux-gnu and qemu-user-static",
    ),
]


@pytest.fixture(scope="module")
def replay_tool(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The replay tool for aarch64."""
    folder = tmp_path_factory.mktemp("aarch64")
    options = {
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": "aarch64",
        "CMAKE_CXX_COMPILER": COMPILER,
        "CMAKE_EXE_LINKER_FLAGS": "-static",
        "SAFEHOLD_PYTHON": "OFF",
        "SAFEHOLD_TOOLS": "ON",
        "SAFEHOLD_OPENSSL": "OFF",
        "Python_EXECUTABLE": sys.executable,
    }
    configure = [
        "cmake",
        "-S",
        str(repository),
        "-B",
        str(folder),
        *(f"-D{k}={v}" for k, v in options.items()),
    ]
    for command in (configure, ["cmake", "--build", str(folder), "-j", "2", "--target", "safehold_replay"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return folder / "safehold_replay"


def replayed(tool: Path, recording: Path) -> dict[str, str]:
    done = subprocess.run([EMULATOR, str(tool), str(recording)], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def test_tool_is_for_the_other_processor(replay_tool: Path) -> None:
    machine = int.from_bytes(replay_tool.read_bytes()[18:20], "little")
    assert machine == 183  # EM_AARCH64


def test_from_release_to_standby_the_other_processor_gives_the_same_bytes(
    replay_tool: Path, recording: Path
) -> None:
    found = replayed(replay_tool, recording)
    assert found["ticks"] == "42000"
    assert found["start"] == "equal"
    assert found["recorded"] == "equal"


def test_a_recording_of_other_inputs_is_told_apart(
    replay_tool: Path, recording: Path, tmp_path: Path
) -> None:
    """One bit of one sensor value differs: the verdict must notice, or "equal" above means nothing.

    A flipped bit may also fall on the file's own structure, which is refused; the search goes on to a value.
    """
    octets = recording.read_bytes()
    other = tmp_path / "other.inputs"
    verdicts = []
    for offset in range(len(octets) // 2, len(octets) // 2 + 64, 8):
        other.write_bytes(octets[:offset] + bytes([octets[offset] ^ 0x10]) + octets[offset + 1 :])
        done = subprocess.run(
            [EMULATOR, str(replay_tool), str(other)], capture_output=True, text=True, check=False
        )
        verdicts.append(done.returncode)
        if done.returncode == 1:
            assert "recorded: different" in done.stdout
            return
    raise AssertionError(f"no flipped bit gave another digest: exit codes {verdicts}")


@pytest.mark.long
def test_the_whole_of_first_contact_gives_the_same_flight_chain(replay_tool: Path, tmp_path: Path) -> None:
    from safehold.scenario import load
    from safehold.simulation import Simulation

    path = tmp_path / "day.inputs"
    simulation = Simulation(load("first-contact"))
    try:
        simulation.driver.record_inputs(path)
        simulation.advance(simulation.end_tick)
        simulation.finish()
        here = simulation.digests()["flight"]
        simulation.driver.record_inputs(None)
    finally:
        simulation.close()
    found = replayed(replay_tool, path)
    assert found["ticks"] == "864000"
    assert found["recorded"] == "equal"
    assert found["flight"] == here
