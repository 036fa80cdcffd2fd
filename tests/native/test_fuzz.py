"""The fuzz targets of the uplink find nothing in a few seconds; `scripts/fuzz` runs them for longer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long  # the targets take a minute or two to build
@pytest.mark.requirement("L2.3", "L3.7")
@pytest.mark.skipif(shutil.which("clang++") is None, reason="clang++ is not installed")
def test_the_fuzz_targets_find_nothing_in_a_few_seconds() -> None:
    done = subprocess.run([ROOT / "scripts" / "fuzz", "5"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    executed = [
        int(line.split()[-1]) for line in done.stdout.splitlines() if "number_of_executed_units" in line
    ]
    assert len(executed) == 2
    assert min(executed) > 100
