"""What the system tests share: scenarios cut short, and the whole of first-contact flown once."""

from __future__ import annotations

from pathlib import Path

import pytest

from safehold.code_id import prepare_numba_cache

prepare_numba_cache()

from safehold.result import Result  # noqa: E402  after the cache has its place
from safehold.run import adjusted, fly  # noqa: E402
from safehold.scenario import load  # noqa: E402
from safehold.schema import Scenario  # noqa: E402


def cut(name: str, duration: str, seed: int | None = None) -> Scenario:
    """A built-in scenario, shorter."""
    return adjusted(load(name), seed=seed, duration=duration)


@pytest.fixture(scope="session")
def half_hour() -> Scenario:
    """The first 28 minutes of first-contact: release, B-dot, and five minutes of the first contact."""
    return cut("first-contact", "28m")


@pytest.fixture(scope="session")
def day() -> Result:
    """The whole of first-contact as shipped, ground in process."""
    return fly(load("first-contact"))[0]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
