"""The driver against a plant made here: a counter that answers by formula, so that every figure is known.

The plant's sensor frame is that of the tick; its truth row is (tick, mode, first wheel torque); it sees
station 0 in ticks 100 to 199. Chains are held against flight/chain.py, which was written from the same page.
"""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from flight.chain import Chain
from flight.computer import make_computer
from flight.dictionary import ACTUATOR_DTYPE, load_native

from .conftest import tumbling_frames

native = load_native()
TICK_NS = 100_000_000
STEP = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
TRUTH = ctypes.CFUNCTYPE(None, *(4 * [ctypes.c_void_p]), ctypes.c_int64, ctypes.c_int64)
WIDTH = 3


class Plant:
    """Frames by tick, and the state that joins the chain."""

    def __init__(self, count: int = 1500) -> None:
        self.frames = tumbling_frames(count)
        self.state = np.zeros(1, np.int64)
        self.truth_calls = 0
        self.columns: set[tuple[int, int]] = set()
        self.step = STEP(self._step)
        self.truth = TRUTH(self._truth)

    def _step(self, context: int, actuator: int, sensor: int) -> int:
        self.state[0] += 1
        ctypes.memmove(sensor, self.frames[self.state[0]].ctypes.data, 464)
        return 1 if 100 <= self.state[0] < 200 else 0

    def _truth(self, context: int, actuator: int, belief: int, row: int, first: int, until: int) -> None:
        self.truth_calls += 1
        self.columns.add((first, until))
        frame = np.frombuffer(ctypes.string_at(actuator, 88), ACTUATOR_DTYPE)[0]
        values = (float(self.state[0]), float(frame["mode"]), float(frame["wheel_torque_n_m"][0]))
        ctypes.memmove(row, struct.pack("<3d", *values), 24)

    def driver(self, **options: Any) -> Any:
        driver = native.Driver(
            make_computer(**options),
            address(self.step),
            address(self.truth),
            0,
            WIDTH,
            TICK_NS,
            self.frames[0],
        )
        driver.set_plant_state(self.state.ctypes.data, self.state.nbytes)
        return driver


def address(function: Any) -> int:
    value = ctypes.cast(function, ctypes.c_void_p).value
    assert value is not None
    return value


def run_to(driver: Any, tick: int) -> None:
    while driver.tick < tick:
        driver.run(tick)


def test_chains_are_those_of_the_page() -> None:
    """Rebuilt in Python: time and sensor frame; time, commands and TM frames; full states every 600 ticks."""
    plant = Plant()
    driver = plant.driver()
    run_to(driver, 1300)
    computer, expected = make_computer(), {"plant": Chain("plant"), "flight": Chain("flight")}
    for tick in range(1300):
        if tick % 600 == 0:
            expected["plant"].add(struct.pack("<q", tick))
            expected["flight"].add(computer.chain_bytes())
        sensor = plant.frames[tick].tobytes()
        time = struct.pack("<q", tick * TICK_NS)
        actuator, sent = computer.step(sensor)
        expected["plant"].add(time + sensor)
        expected["flight"].add(time + actuator + b"".join(sent))
    expected["plant"].add(struct.pack("<q", 1300))
    expected["flight"].add(computer.chain_bytes())
    assert driver.digests() == {name: chain.hexdigest() for name, chain in expected.items()}


def test_asking_for_digests_changes_nothing() -> None:
    asked, silent = Plant().driver(), Plant().driver()
    for tick in range(50, 700, 50):
        run_to(asked, tick)
        asked.digests()
    run_to(silent, 650)
    assert asked.digests() == silent.digests()


def test_returns_when_a_contact_begins_and_ends() -> None:
    driver = Plant().driver()
    assert driver.run(1000) == 100
    assert driver.attention & native.ATTENTION_CONTACT
    assert driver.contact_mask == 1
    assert driver.run(1000) == 200
    assert driver.contact_mask == 0
    assert driver.run(1000) == 1000
    assert driver.attention == 0


def test_truth_rows_come_at_their_interval_and_are_drained() -> None:
    plant = Plant()
    driver = plant.driver()
    driver.set_truth_interval(10)
    run_to(driver, 95)
    rows: NDArray[np.float64] = driver.truth_rows()
    assert rows.shape == (10, 1 + WIDTH)
    assert np.array_equal(rows[:, 0], np.arange(0, 100, 10))
    assert np.array_equal(rows[:, 1], rows[:, 0]), "the row is of the tick, before the plant's step"
    assert driver.truth_rows().shape == (0, 1 + WIDTH)
    assert plant.truth_calls == 10, "truth is not worked out when nobody asks"


def test_watches_count_what_was_seen() -> None:
    driver = Plant().driver()
    early = driver.add_watch(0, "<", 30.0)
    window = driver.add_watch(0, ">", 55.0, 0, 50, 80, 10)
    never = driver.add_watch(0, "==", -1.0)
    telemetry = driver.add_watch("tick", ">=", 20.0)
    element = driver.add_watch("replica_divergences[1]", "==", 0.0)
    mode = driver.add_watch("mode", "==", 0.0, mode_mask=0b1)
    run_to(driver, 95)
    watches = driver.watches()
    assert (watches[early].evaluated, watches[early].met) == (95, 30)
    assert watches[early].first_unmet_tick == 30
    assert watches[early].longest_met_ticks == 30
    assert (watches[window].evaluated, watches[window].met) == (30, 24)
    assert watches[window].first_unmet_tick == 50
    assert watches[window].held_tick == 65
    assert (watches[never].met, watches[never].held_tick) == (0, -1)
    assert watches[telemetry].met == 75
    assert watches[element].met == 95
    assert 0 < watches[mode].evaluated < 95
    assert watches[mode].met == watches[mode].evaluated
    assert watches[early].value_max == 94.0


def test_only_the_columns_that_somebody_looks_at_are_asked_for() -> None:
    plant = Plant()
    driver = plant.driver()
    driver.add_watch(1, "<", 30.0, from_tick=5, until_tick=25)
    driver.add_watch(2, "<", 30.0, from_tick=15, until_tick=45)
    driver.set_truth_interval(50)
    run_to(driver, 100)
    assert plant.columns == {(0, WIDTH), (1, 2), (1, 3), (2, 3)}
    assert plant.truth_calls == 2 + 40


def test_a_value_that_is_nan_is_evaluated_and_not_met() -> None:
    plant = Plant()

    def truth(context: int, actuator: int, belief: int, row: int, first: int, until: int) -> None:
        ctypes.memmove(row, struct.pack("<3d", float("nan"), 0.0, 0.0), 24)

    plant.truth = TRUTH(truth)
    driver = plant.driver()
    watch = driver.add_watch(0, "<", 1.0)
    run_to(driver, 20)
    found = driver.watches()[watch]
    assert (found.evaluated, found.met, found.undefined) == (20, 0, 20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, "<", 1.0), "no such truth column"),
        ((-1, "<", 1.0), "index from 0"),
        ((0, "~", 1.0), "compares with"),
        (("tock", "<", 1.0), "no telemetry parameter tock"),
        (("tick[1]", "<", 1.0), "no such telemetry parameter"),
        (("tick[x]", "<", 1.0), r"not name\[index\]"),
    ],
)
def test_a_watch_on_nothing_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plant().driver().add_watch(*arguments)


@pytest.mark.parametrize("tick", [1, 99, 100, 599, 600, 601, 937])
def test_state_restored_runs_on_to_the_same_digest(tick: int) -> None:
    def fresh() -> tuple[Plant, Any]:
        plant = Plant()
        driver = plant.driver()
        driver.set_truth_interval(7)
        driver.schedule_flip(610, 1, 777)
        driver.schedule_flip(90, 2, 5555)
        driver.add_watch(2, "<", 0.0)
        return plant, driver

    _, whole = fresh()
    run_to(whole, 1200)
    plant, first = fresh()
    run_to(first, tick)
    state, plant_state = first.state(), plant.state.copy()
    other = Plant()
    second = other.driver()
    second.restore(state)
    other.state[:] = plant_state
    run_to(second, 1200)
    assert second.digests() == whole.digests()
    assert second.events() == whole.events()
    assert np.array_equal(second.truth_rows(), whole.truth_rows())
    assert second.watches()[0].met == whole.watches()[0].met
    assert second.state() == whole.state()


def test_states_that_do_not_fit_are_refused() -> None:
    driver = Plant().driver()
    state = bytearray(driver.state())
    for damaged, message in (
        (state[:-1], "cut short"),
        (state + b"x", "too long"),
        (b"x" + state[1:], "not a driver's state"),
        (bytes(10), "cut short"),
    ):
        with pytest.raises(ValueError, match=message):
            driver.restore(bytes(damaged))
    with pytest.raises(ValueError, match=r"of another mission.*replicas: 1 here, 3 there"):
        Plant().driver(replicas=1).restore(bytes(state))
    driver.restore(bytes(state))


@pytest.mark.requirement("L3.1")
def test_a_scheduled_flip_is_healed_and_reported() -> None:
    plain, hit = Plant().driver(), Plant().driver()
    hit.schedule_flip(50, 1, 8 * 100 + 3)
    for driver in (plain, hit):
        run_to(driver, 300)
        assert driver.actuator_frame == plain.actuator_frame
    names = {event[1] for event in hit.events()} - {event[1] for event in plain.events()}
    assert {1, 2} <= names, "replica_diverged and replica_resynchronised"


@pytest.mark.parametrize(("replica", "bit"), [(3, 0), (0, 8 * 1_000_000)])
def test_a_flip_beyond_the_state_is_refused(replica: int, bit: int) -> None:
    with pytest.raises(ValueError, match="no such"):
        Plant().driver().schedule_flip(5, replica, bit)


@pytest.mark.requirement("L6.4")
@pytest.mark.parametrize("start", [0, 333])
def test_a_recording_replays_to_the_same_flight_chain(tmp_path: Path, start: int) -> None:
    path = tmp_path / "inputs"
    driver = Plant().driver()
    driver.schedule_flip(400, 2, 1234)
    run_to(driver, start)
    driver.record_inputs(path)
    driver.run(driver.tick + 1, [b"rubbish", bytes(300)])
    run_to(driver, 900)
    driver.record_inputs(None)
    assert native.replay(path) == {"ticks": 900, "flight": driver.digests()["flight"], "equal": True}
    frames = native.recorded_sensor_frames(path)
    assert np.array_equal(frames, Plant().frames[start:900])


def test_recordings_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    path = tmp_path / "inputs"
    driver = Plant().driver()
    driver.record_inputs(path)
    run_to(driver, 50)
    driver.record_inputs(None)
    octets = path.read_bytes()
    for damaged, message in (
        (octets[:-40], "cut short"),
        (b"?" + octets[1:], "not a recording"),
        (octets[:20] + b"?" + octets[21:], "another dictionary"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(RuntimeError, match=message):
            native.replay(path)
    with pytest.raises(RuntimeError, match="cannot read"):
        native.replay(tmp_path / "absent")
    with pytest.raises(RuntimeError, match="cannot write"):
        driver.record_inputs(tmp_path / "no" / "folder")


def test_both_routes_of_sha256_agree_with_the_standard_library() -> None:
    import hashlib

    for length in (*range(0, 200), 4096 + 32, 10_000):
        data = bytes(i * 7 & 255 for i in range(length))
        assert native.sha256(data) == native.sha256_portable(data) == hashlib.sha256(data).digest()
