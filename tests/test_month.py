"""Memory stays flat as days of operations go by: what `bench.month` measures over thirty, over twelve."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

DAYS, SETTLE = 12, 5
ALLOWED_MB_A_DAY, ALLOWED_AT_THE_END_MB = 0.5, 300.0


@pytest.mark.long
@pytest.mark.requirement("L2.2")
def test_memory_stays_flat_over_twelve_days() -> None:
    """In a process of its own, which has compiled nothing; of its own memory, without what is mapped. Over so
    few days a step of the allocator counts for more than in a month: five days are not judged, and then it
    grows by 0.38 MB a day, of 160 MB; over thirty it is 0.2. The end, which decodes and writes, took
    190 MB more after thirty days.
    """
    command = [sys.executable, "-m", "bench.month", "--days", str(DAYS), "--settle", str(SETTLE), "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert len(told["days"]) == DAYS
    assert told["growth_mb_a_day"] <= ALLOWED_MB_A_DAY, told["days"]
    assert 0.0 < told["ending_mb_max"] - told["days"][-1]["resident_mb"] <= ALLOWED_AT_THE_END_MB
    assert done.returncode == 0, done.stderr
