"""What the tests of the hunt share: a satellite that is watched for twenty seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from safehold.scenario import Source, parse
from safehold.schema import Scenario

# In BOOT the gyros are voted already. `gyro_health` has a bit for each gyro in use.
TEXT = """
schema = 1
name = "watched"
epoch = 2026-06-21T00:00:00Z
duration = "20s"
[orbit]
altitude_km = 550.0
inclination_deg = 97.6
[initial]
rate_deg_s = [0.0, 0.0, 0.0]
[[fault]]
at = "10s"
kind = "gyro_bias"
target = "gyro.1"
rate_deg_s = 0.5
[[fault]]
at = "10s"
kind = "replica_bit_flip"
target = "replica.1"
bit = 7
[[expect]]
quantity = "gyro_health"
equals = 15
from = "9s"
"""


@pytest.fixture
def watched() -> Scenario:
    """Gyro 1 takes on a bias at 10 s, and no gyro may be excluded."""
    return parse(TEXT, Source("watched.toml", None))


@pytest.fixture
def watched_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as a file in an empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "watched.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="session")
def shared_watched() -> Scenario:
    """The same, for tests that draw many examples."""
    return parse(TEXT, Source("watched.toml", None))
