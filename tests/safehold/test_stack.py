"""Command stacks: what a file makes of a scenario, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from safehold.errors import ScenarioError
from safehold.scenario import load
from safehold.simulation import Simulation

SCENARIO = """
schema = 1
name = "stacked"
epoch = 2026-06-21T00:00:00Z
duration = "2h"
[orbit]
altitude_km = 550.0
inclination_deg = 97.6
[[command]]
at = "1m"
name = "ping"
priority = "critical"
expires = "1h"
[[command]]
at = "10m"
stack = "stack.toml"
priority = "high"
"""
STACK = """
[[command]]
name = "set_mode"
arguments = { mode = 3 }
[[command]]
name = "ping"
after_completion = true
priority = "low"
"""


def write(folder: Path, stack: str | bytes, name: str = "stack.toml") -> Path:
    (folder / "stack.toml").write_bytes(stack if isinstance(stack, bytes) else stack.encode())
    path = folder / "scenario.toml"
    path.write_text(SCENARIO.replace('"stack.toml"', f'"{name}"'))
    return path


def test_a_stack_becomes_commands_of_one_group_in_its_order(tmp_path: Path) -> None:
    scenario = load(write(tmp_path, STACK))
    ping, mode, last = scenario.command
    assert (ping.name, ping.priority, ping.group, ping.expires) == ("ping", "critical", "", 3600 * 10**9)
    assert (mode.name, mode.at, mode.priority, mode.arguments) == (
        "set_mode",
        600 * 10**9,
        "high",
        {"mode": 3},
    )
    assert (last.name, last.at, last.priority, last.after_completion) == ("ping", 600 * 10**9, "low", True)
    assert mode.group == last.group != ""


@pytest.mark.parametrize("commands", [STACK, ""])
def test_files_of_a_stack_go_up_from_its_time_on(tmp_path: Path, commands: str) -> None:
    (tmp_path / "patch.bin").write_bytes(b"octets")
    scenario = load(write(tmp_path, commands + "[[upload]]\nname = 'upload/0012'\nfile = 'patch.bin'\n"))
    assert len(scenario.command) == (3 if commands else 1)
    (upload,) = scenario.upload
    assert (upload.at, upload.name) == (600 * 10**9, "upload/0012")
    simulation = Simulation(scenario)
    (told,) = simulation.ground.config.uploads
    simulation.close()
    assert (told.at_ns, told.name, told.data) == (600 * 10**9, "upload/0012", b"octets")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("name = 'upload/0012'\nfile = '../secret'", "leads out of the scenario's folder"),
        ("name = 'upload/0012'\nfile = 'none.bin'", "none.bin cannot be read"),
        ("name = 'science/0001'\nfile = 'patch.bin'", "science/0001"),
        ("name = 'upload/0012'\nfile = 'patch.bin'\nat = '1s'", "has the key 'at'"),
        ("name = 'upload/0012'", "content"),
    ],
)
def test_hostile_uploads_of_a_stack_are_refused(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "patch.bin").write_bytes(b"octets")
    path = write(tmp_path, f"{STACK}[[upload]]\n{row}\n")
    with pytest.raises(ScenarioError, match=message):
        load(path)


def test_the_ground_is_told_all_of_it(tmp_path: Path) -> None:
    from safehold.assembly import ground_config
    from safehold.orbits import initial_orbit, sites

    scenario = load(write(tmp_path, STACK))
    told = ground_config(scenario, initial_orbit(scenario), sites(scenario), latency_ns=240_000_000).commands
    assert [(one.priority, one.after_completion) for one in told] == [(0, False), (1, False), (3, True)]
    assert told[0].expires_ns == 3600 * 10**9
    assert told[1].stack == told[2].stack != ""


@pytest.mark.parametrize(
    ("stack", "message"),
    [
        ("", "holds no"),
        ("command = 5", "holds no"),
        ("[[command]]\nname = 'ping'\nat = '5m'", "has the key 'at'"),
        ("[[command]]\nname = 'ping'\nstack = 'stack.toml'", "has the key 'stack'"),
        ("[[command]]\nname = 'ping'\n[link]", "not 'link'"),
        ("[[command]]\nname = 'dance'", "unknown telecommand 'dance'"),
        ("[[command]]\nname = 'ping'\npriority = 'urgent'", "priority"),
        ("[[command]]\nname = 'ping'\nname = 'ping'", "given twice"),
        ("[[command]\n", "not valid TOML"),
        (b"\xff", "not UTF-8"),
        ("a = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        (" " * (2 << 20), "larger than 1 MiB"),
        ("[[command]]\nname = 'ping'\n" * 10_001, "more than 10000 commands"),
    ],
)
def test_hostile_stacks_are_refused(tmp_path: Path, stack: str | bytes, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        load(write(tmp_path, stack))


@pytest.mark.parametrize("name", ["../stack.toml", "/etc/passwd", "x" * 300, "none.toml", ".", "a\\u0000b"])
def test_a_stack_lies_beside_its_scenario(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "stack.toml").write_text(STACK)
    with pytest.raises(ScenarioError, match=r"leads out of|cannot be read|is a folder"):
        load(write(inner, STACK, name))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ('expires = "1m"', "not after `at`"),
        ("after_completion = true", "needs a group"),
        ('stack = "stack.toml"', "goes with `at` and `priority` alone"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(tmp_path: Path, keys: str, message: str) -> None:
    path = write(tmp_path, STACK)
    path.write_text(SCENARIO + f'[[command]]\nat = "2m"\nname = "ping"\n{keys}\n')
    with pytest.raises(ScenarioError, match=message):
        load(path)
