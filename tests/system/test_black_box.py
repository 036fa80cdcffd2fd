"""The black box of a flight gives back, bit for bit, what flew, and tells when it cannot."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from safehold import parquet
from safehold.black_box import CHUNK_OCTETS_MAX, BlackBox
from safehold.cli import app
from safehold.errors import BlackBoxError, FolderError, UsageError
from safehold.scenario import load
from safehold.schema import Fault, Scenario
from safehold.simulation import Simulation

LOST_TICK = 62_000
CHUNK_OCTETS = 512 * 1024
BLACK_BOX = (1, 2)  # those of an anomaly, and the others
Flown = tuple[dict[int, tuple[bytes, dict[str, Any]]], list[Path]]


def _fly(scenario: Scenario, ticks: list[int], folder: Path) -> Flown:
    """Control state and parameters after some ticks of a flight, and the chunks that it left."""
    simulation = Simulation(scenario)
    try:
        seen = {}
        for tick in ticks:
            simulation.advance(tick + 1)
            assert simulation.tick == tick + 1
            computer = simulation.computer
            seen[tick] = (computer.control_bytes(), computer.telemetry())
        paths = []
        for id, kind, _, sealed in simulation.computer.files():
            if kind in BLACK_BOX and sealed:
                paths.append(folder / f"blackbox-{id}")
                paths[-1].write_bytes(simulation.computer.read_file(id))
        return seen, paths
    finally:
        simulation.close()


@pytest.fixture(scope="module")
def flown(
    tmp_path_factory: pytest.TempPathFactory,
) -> Flown:
    """`wheel-loss` with its fault in the eleventh chunk, and contacts and commands before and after it."""
    scenario = load("wheel-loss")
    (fault,) = scenario.fault
    lost = fault.model_copy(update={"at": LOST_TICK * scenario.tick_ns})
    ticks = sorted(random.Random(1).sample(range(78_000), 25))
    folder = tmp_path_factory.mktemp("chunks")
    return _fly(scenario.model_copy(update={"fault": [lost]}), [*ticks, 78_010], folder)


@pytest.mark.requirement("L6.3", "L6.4")
def test_any_tick_of_an_anomalous_flight_comes_back_bit_for_bit(
    flown: Flown,
) -> None:
    seen, paths = flown
    box = BlackBox(paths)
    # One after the other, each of ten minutes if it was not full before; a check a minute, and all hold.
    found = box.verify()
    assert [one.first_tick for one in found] == [0, *(one.next_tick for one in found[:-1])]
    assert found[-1].next_tick == 78_000
    full = [len(chunk.octets) > CHUNK_OCTETS - 16_384 for chunk in box.chunks]
    assert [one.next_tick % 6_000 != 0 for one in found] == full
    assert len(paths) == 13 + sum(full)
    assert sum(full) <= 1
    assert [sum(one.checks_held for one in found), sum(one.checks_failed for one in found)] == [130, 0]
    health = [box.at(tick)[1]["wheel_health"] for tick in (LOST_TICK - 1, LOST_TICK + 600)]
    assert health == [0b1111, 0b1101]
    compared = 0
    for tick, (control, telemetry) in seen.items():
        if tick >= 78_000:
            continue
        _, again, control_again = box.at(tick)
        assert control_again == control, f"control state at tick {tick}"
        assert again == telemetry, f"parameters at tick {tick}"
        compared += 1
    assert compared == 25
    assert len({json.dumps(telemetry) for _, telemetry in seen.values()}) == 26


@pytest.mark.requirement("L6.3", "L3.6")
def test_over_a_reset_nothing_but_the_last_second_before_it_is_missing(tmp_path: Path) -> None:
    fault = Fault.model_validate(
        {"kind": "computer_reset", "target": "computer", "at": "905.3s", "down_s": 20}
    )
    scenario = load("in-service").model_copy(update={"fault": [fault]})
    ticks = [100, 9_042, 9_253, 9_254, 9_400, 11_000]  # the reset is at 9,053, the start after it at 9,253
    seen, paths = _fly(scenario, [*ticks, 12_010], tmp_path)
    box = BlackBox(paths)
    assert [(one.first_tick, one.next_tick, one.checks_failed) for one in box.verify()] == [
        (0, 6_000, 0),
        (6_000, 9_050, 0),
        (9_253, 12_000, 0),
    ]
    for tick in ticks:
        _, again, control = box.at(tick)
        assert (control, again) == seen[tick], tick
    assert box.at(9_253)[1]["boot_cause"] == 4
    with pytest.raises(BlackBoxError, match="SH-BBX-004 no chunk has tick 9100"):
        box.at(9_100)


@pytest.mark.requirement("L6.3")
def test_a_tick_costs_at_most_64_octets(flown: Flown) -> None:
    _, paths = flown
    octets = sum(path.stat().st_size for path in paths)
    assert octets < 64 * 78_000


@pytest.mark.requirement("L6.3", "L6.4")
def test_the_command_verifies_shows_and_writes(flown: Flown, tmp_path: Path) -> None:
    seen, paths = flown
    names = [str(path) for path in paths]
    runner = CliRunner()
    verified = runner.invoke(app, ["black-box", *names, "--json"])
    assert verified.exit_code == 0
    chunks = json.loads(verified.stdout)["chunks"]
    assert sum(chunk["checks_held"] for chunk in chunks) == 130
    assert sum(chunk["checks_failed"] for chunk in chunks) == 0
    tick = next(iter(seen))
    shown = runner.invoke(
        app, ["black-box", *names, "--at", f"{tick * 100}ms", "--parameter", "mode", "--json"]
    )
    assert json.loads(shown.stdout)["telemetry"] == {"mode": seen[tick][1]["mode"]}
    table = tmp_path / "flight.parquet"
    assert runner.invoke(app, ["black-box", names[3], "--out", str(table), "--every", "10s"]).exit_code == 0
    rows = parquet.read(
        table, ["tick", "clock_ns", "rate_norm_rad_s" if "rate_norm_rad_s" in seen[tick][1] else "mode"]
    )
    np.testing.assert_array_equal(rows["tick"], np.arange(18_000, 24_000, 100))


def test_what_is_no_chunk_is_refused_by_name(flown: Flown, tmp_path: Path) -> None:
    _, paths = flown
    octets = paths[0].read_bytes()
    for content, said in ((b"", "cut short"), (b"x" * 5000, "begins otherwise"), (octets[:-7], "cut short")):
        bad = tmp_path / "bad"
        bad.write_bytes(content)
        with pytest.raises(BlackBoxError, match=f"SH-BBX-002.*{said}"):
            _run("black-box", bad)
    with pytest.raises(BlackBoxError, match="SH-BBX-004 no chunk has tick 720000; there are 0 to 5999"):
        _run("black-box", paths[0], "--at", "20h")
    with pytest.raises(UsageError, match="no telemetry parameter speed"):
        _run("black-box", paths[0], "--at", "5s", "--parameter", "speed")


@pytest.mark.requirement("L6.3")
def test_octets_changed_on_their_way_do_not_pass_for_what_flew(flown: Flown, tmp_path: Path) -> None:
    octets = flown[1][0].read_bytes()
    changed = tmp_path / "changed"
    for place in (20_000, 60_000, 120_000, 200_000):
        changed.write_bytes(octets[:-place] + bytes([octets[-place] ^ 1]) + octets[1 - place :])
        assert _noticed(changed), place


def _noticed(path: Path) -> bool:
    """Whether a chunk is refused, or its checks do not hold."""
    try:
        return any(one.checks_failed for one in BlackBox([path]).verify())
    except BlackBoxError:
        return True


@pytest.mark.requirement("S4")
def test_no_more_of_a_file_is_read_than_a_chunk_may_have(tmp_path: Path) -> None:
    """A device has no end and no size, and a pipe that nobody writes to keeps its reader."""
    os.mkfifo(tmp_path / "pipe")
    for endless in (Path("/dev/zero"), tmp_path / "pipe"):
        with pytest.raises(BlackBoxError, match=r"SH-BBX-001.*is no regular file"):
            _run("black-box", endless)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(CHUNK_OCTETS_MAX + 1)
    with pytest.raises(BlackBoxError, match=r"SH-BBX-001.*larger than a chunk"):
        _run("black-box", tmp_path / "large")


@pytest.mark.requirement("S4")
def test_a_table_that_cannot_be_written_is_refused(flown: Flown, tmp_path: Path) -> None:
    _, paths = flown
    for place in (tmp_path / "missing" / "flight.parquet", tmp_path, paths[0] / "flight.parquet"):
        with pytest.raises(FolderError, match="SH-OUT-001"):
            _run("black-box", paths[0], "--out", place)
    long = tmp_path / ("x" * 300)  # only the attempt shows it
    with pytest.raises(FolderError, match=r"SH-OUT-001.*too long"):
        _run("black-box", paths[0], "--out", long, "--every", "10m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("S4")
@pytest.mark.parametrize(
    "options",
    [
        ("--out", "x.parquet", "--at", "5s"),
        ("--out", "x.parquet", "--parameter", "mode"),
        ("--parameter", "mode"),
        ("--every", "5s"),
        ("--at", "5s", "--every", "1s"),
    ],
)
def test_options_that_do_not_fit_are_refused(flown: Flown, tmp_path: Path, options: tuple[str, ...]) -> None:
    placed = [str(tmp_path / one) if one == "x.parquet" else one for one in options]
    with pytest.raises(UsageError, match="SH-CLI-001"):
        _run("black-box", flown[1][0], *placed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("S4")
def test_a_table_without_a_row_is_refused(flown: Flown, tmp_path: Path) -> None:
    table = tmp_path / "flight.parquet"
    with pytest.raises(UsageError, match=r"SH-CLI-002 --every.*there are 6000 to 11999"):
        _run("black-box", flown[1][1], "--out", table, "--every", "1000d")
    assert not table.exists()


@pytest.mark.requirement("S4")
def test_a_chunk_that_is_given_twice_is_refused(flown: Flown, tmp_path: Path) -> None:
    _, paths = flown
    with pytest.raises(BlackBoxError, match=r"SH-BBX-003.*is given twice"):
        _run("black-box", paths[0], paths[1], paths[0])
    (tmp_path / "again").write_bytes(paths[0].read_bytes())
    with pytest.raises(BlackBoxError, match=r"SH-BBX-003.*is the same chunk as"):
        _run("black-box", paths[0], tmp_path / "again")


def test_the_table_is_told_of_as_json(flown: Flown, tmp_path: Path) -> None:
    table = tmp_path / "flight.parquet"
    arguments = ["black-box", str(flown[1][1]), "--out", str(table), "--every", "1m", "--json"]
    told = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert told == {"file": str(table), "rows": 10, "columns": len(parquet.names(table))}


def _run(*arguments: object) -> None:
    CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
