"""The flight computer through its Python face."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from flight.computer import FlightComputer, make_computer
from flight.dictionary import ACTUATOR_DTYPE, PARAMETERS
from flight.tm_frames import TmFrame, decode_tm_frame
from tests.uplink import sealed_ping

from .conftest import tumbling_frames

LIMITS = {"wheel_torque_n_m": 0.0201, "torquer_dipole_body_a_m2": 10.01, "thruster_on_s": 0.1}


def test_answers_the_sensor_frame_that_came(frames: NDArray[np.uint8]) -> None:
    computer = make_computer()
    for tick in range(20):
        actuator, _ = computer.step(frames[tick].tobytes())
        assert np.frombuffer(actuator, ACTUATOR_DTYPE)["sequence"][0] == tick


@pytest.mark.requirement("L3.3")
def test_one_and_three_replicas_give_the_same_commands(frames: NDArray[np.uint8]) -> None:
    one, three = make_computer(replicas=1).step_all(frames), make_computer().step_all(frames)
    assert np.array_equal(one, three)
    assert len(np.unique(one, axis=0)) > 100, "the commands must be alive for this to mean something"


def test_state_restored_runs_on_alike(frames: NDArray[np.uint8]) -> None:
    computer = make_computer()
    computer.step_all(frames[:500])
    state = computer.state_bytes()
    expected = computer.step_all(frames[500:])
    other = make_computer()
    other.restore(state)
    assert np.array_equal(other.step_all(frames[500:]), expected)
    assert other.state_bytes() == computer.state_bytes()


def test_garbage_as_state_or_frame_is_refused() -> None:
    computer = make_computer()
    with pytest.raises(ValueError, match="a computer's state is cut short"):
        computer.restore(b"abc")
    with pytest.raises(ValueError, match="a sensor frame has 464 octets, not 3"):
        computer.step(b"abc")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"replicas": 2}, "replicas must be 1 or 3, not 2"),
        ({"tick_ns": 0}, "tick_ns must be"),
        ({"parameters": {"radio_silence_s": math.nan}}, "radio_silence_s must be from"),
        ({"parameters": {"radio_silence_s": -1.0}}, "radio_silence_s must be from"),
        ({"parameters": {"radio_silence": 1.0}}, "there is no setting radio_silence"),
        ({"parameters": {"radio_silence_s": [1.0, 2.0]}}, "has 1 values, not 2"),
    ],
)
def test_wrong_configuration_is_refused_by_name(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FlightComputer(**arguments)  # type: ignore[arg-type]


def test_telemetry_has_every_parameter(frames: NDArray[np.uint8]) -> None:
    computer = make_computer()
    computer.step_all(frames[:100])
    telemetry = computer.telemetry()
    assert telemetry.keys() == PARAMETERS.keys()
    assert telemetry["tick"] == 99
    assert len(telemetry["rate_body_rad_s"]) == 3


@pytest.mark.requirement("S3")
def test_ping_comes_back_in_frames_that_the_ground_reads() -> None:
    computer = make_computer(parameters={"radio_silence_s": 0.0})
    locked = tumbling_frames(600, receiver_lock=True)
    computer.step_all(locked[:500])
    _, sent = computer.step(locked[500].tobytes(), [sealed_ping()])
    decoded = [decode_tm_frame(frame) for frame in sent]
    assert decoded
    assert all(isinstance(frame, TmFrame) for frame in decoded)
    assert computer.counters()["commands_completed"] == 1


@pytest.mark.requirement("L3.7")
def test_hostile_uplink_is_counted_and_changes_no_command(frames: NDArray[np.uint8]) -> None:
    expected = make_computer().step_all(frames[:600])
    computer = make_computer()
    garbage = np.random.default_rng(3)
    sent = 0
    for tick in range(600):
        uplink = [garbage.bytes(int(garbage.integers(0, 400))) for _ in range(2)]
        sent += len(uplink)
        actuator, _ = computer.step(frames[tick].tobytes(), uplink)
        assert actuator == expected[tick].tobytes()
    assert sum(computer.counters()["frames_rejected"].values()) == sent


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e38])
def test_sensors_that_lie_never_make_a_command_that_is_not_finite(value: float) -> None:
    """All floats at once, then field by field; commands stay finite and within the units' limits."""
    from flight.dictionary import SENSOR_DTYPE

    floats = [name for name in SENSOR_DTYPE.names or () if SENSOR_DTYPE[name].base.kind == "f"]
    for chosen in [floats, *([name] for name in floats)]:
        octets = tumbling_frames(150)
        view = octets.view(SENSOR_DTYPE)[:, 0]
        for name in chosen:
            view[name][50:100] = value
        commands = make_computer(replicas=1).step_all(octets).view(ACTUATOR_DTYPE)[:, 0]
        for name, limit in (
            ("wheel_torque_n_m", 0.0201),
            ("torquer_dipole_body_a_m2", 10.01),
            ("thruster_on_s", 0.1),
        ):
            assert np.all(np.isfinite(commands[name])), (chosen, name)
            assert np.all(np.abs(commands[name]) <= limit), (chosen, name)
