"""Mending of the ground's elements by samples that are made from known orbits, good and bad.

Samples are exact but for the 0.5 m of a 32-bit float, so that a fit lies within a few metres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ground import fit, orbit
from ground.config import GroundConfig
from ground.elements import SAMPLES_LEAST, Elements
from ground.predict import CHUNK_STEPS, predict

NS = 1_000_000_000


def samples_of(config: GroundConfig, from_s: float, until_s: float) -> list[list[float]]:
    times_s = np.arange(from_s, until_s, 20.0)
    states = fit.states_at(config, times_s).astype(np.float32).astype(np.float64)
    return [[float(t), *map(float, state)] for t, state in zip(times_s, states, strict=True)]


def late(config: GroundConfig, seconds: float) -> GroundConfig:
    """The same orbit, as elements that have the satellite elsewhere on it."""
    states = fit.carrier(config, 0.0, 600.0)(
        np.array([*config.orbit.position_gcrf_m, *config.orbit.velocity_gcrf_m_s])
    )
    x, y, z, u, v, w = map(float, fit.at(states, 0.0, np.array([seconds]))[0])
    return replace(
        config, orbit=replace(config.orbit, position_gcrf_m=(x, y, z), velocity_gcrf_m_s=(u, v, w))
    )


@pytest.mark.requirement("L2.1")
def test_samples_mend_wrong_elements(configure: Callable[..., GroundConfig]) -> None:
    truth = configure()
    windows = predict(truth)
    first = windows[0]
    elements = Elements(replace(late(truth, 20.0), uncertainty_s=30.0))
    assert elements.windows_until(first.los_ns)[0].margin_ns == 30 * NS
    elements.samples = samples_of(truth, first.aos_ns / 1e9, first.los_ns / 1e9)
    assert elements.pass_ended(first.los_ns, first.station, 1) == "mended"
    soon = list(elements.windows_until(first.los_ns + 1))
    mended = elements.windows_until(truth.duration_ns)
    assert len(soon) < len(mended)
    assert mended[: len(soon)] == soon
    assert elements.windows_until(truth.duration_ns) is mended, "made anew each time it is asked for"
    assert mended[0].margin_ns == 30 * NS
    for one, true in zip(mended[1:6], windows[1:6], strict=True):
        assert one.station == true.station
        assert one.margin_ns == 0
        assert abs(one.aos_ns - true.aos_ns) < 0.2 * NS
    other = Elements(elements.config)
    other.restore(elements.to_plain())
    assert other.windows_until(truth.duration_ns) == mended


@pytest.mark.requirement("L2.1", "L3.7")
@pytest.mark.parametrize("fault", ["cross", "jump", "elsewhere", "above"])
def test_navigation_that_lies_is_refused(configure: Callable[..., GroundConfig], fault: str) -> None:
    """100 km beside or above the orbit, a jump of 3 km in mid-pass, and a satellite that the station could
    not have heard there.
    """
    truth = configure()
    first = predict(truth)[0]
    elements = Elements(truth)
    before = elements.windows_until(truth.duration_ns)
    samples = samples_of(truth, first.aos_ns / 1e9, first.los_ns / 1e9)
    if fault == "elsewhere":
        samples = [
            [t, *rest] for t, *rest in samples_of(late(truth, 100.0), first.aos_ns / 1e9, first.los_ns / 1e9)
        ]
    for index, one in enumerate(samples):
        position, velocity = np.array(one[1:4]), np.array(one[4:7])
        if fault == "cross":
            position = position + 100e3 * np.cross(position, velocity) / np.linalg.norm(
                np.cross(position, velocity)
            )
        elif fault == "above":
            position = position * (1.0 + 100e3 / np.linalg.norm(position))
        elif fault == "jump" and index > len(samples) // 2:
            position = position + np.array([3000.0, 0.0, 0.0])
        one[1:4] = map(float, position)
    elements.samples = samples
    assert elements.pass_ended(first.los_ns, first.station, 1) == "refused"
    assert elements.samples == []
    assert elements.windows_until(truth.duration_ns) == before


def test_agreement_changes_nothing(configure: Callable[..., GroundConfig]) -> None:
    truth = configure()
    first = predict(truth)[0]
    elements = Elements(truth)
    elements.samples = samples_of(truth, first.aos_ns / 1e9, first.los_ns / 1e9)
    assert elements.pass_ended(first.los_ns, first.station, 1) == "agreed"
    assert elements.control_plain() == Elements(truth).control_plain()


@pytest.mark.parametrize(
    "octets", [b"", b"\x00\x01", b"\x00\x02" + bytes(2000), bytes(2000), b"\x00\x01" + b"\xff" * 2000]
)
def test_hostile_housekeeping_gives_no_sample(configure: Callable[..., GroundConfig], octets: bytes) -> None:
    elements = Elements(configure())
    elements.see(octets, NS)
    assert elements.samples == []


@pytest.mark.requirement("L2.1")
def test_judging_a_pass_costs_no_more_the_longer_the_elements_hold(
    configure: Callable[..., GroundConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The states that led to the window are at hand; of what has gone, one chunk is propagated again."""
    truth = configure()
    windows = predict(truth)
    samples = [samples_of(truth, one.aos_ns / 1e9, one.los_ns / 1e9) for one in windows]
    propagated: list[int] = []
    inner = orbit.propagate

    def counted(t_s: float, states: np.ndarray, *rest: np.ndarray) -> None:
        propagated.append(len(states) - 1)
        inner(t_s, states, *rest)

    elements = Elements(truth)
    monkeypatch.setattr(orbit, "propagate", counted)
    verdicts = []
    for window, seen in zip(windows, samples, strict=True):
        elements.samples = seen
        propagated.clear()
        verdicts.append(elements.pass_ended(window.los_ns, window.station, 1))
        assert sum(propagated) <= 2 * CHUNK_STEPS
    assert verdicts.count("agreed") == sum(1 for seen in samples if len(seen) >= SAMPLES_LEAST) > 10
