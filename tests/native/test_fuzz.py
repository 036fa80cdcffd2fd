"""`scripts/fuzz` finds nothing in two seconds a target, guided by coverage. The same targets run over seeds
and a fixed number of mutations of them, too: CTest those in C++ with GCC's sanitizers, `tests/fuzz` those in
Python.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]


def _listed(name: str) -> list[str]:
    found = re.search(rf"^{name}=\((.*)\)$", (ROOT / "scripts" / "fuzz").read_text(), re.MULTILINE)
    assert found is not None
    return found[1].split()


def test_every_target_is_in_the_script_and_has_seeds() -> None:
    sources = {path.stem for path in (ROOT / "native" / "fuzz").glob("*.cpp")} - {"standalone"}
    built = re.search(r"set\(fuzz_targets (.*)\)", (ROOT / "CMakeLists.txt").read_text())
    assert built is not None
    assert set(_listed("native")) == sources == set(built[1].split())
    assert set(_listed("ground")) == set(TARGETS)
    assert sources - {"uplink"} <= set(SEEDS)


@pytest.mark.requirement("L2.3", "L3.7")
@pytest.mark.skipif(shutil.which("clang++") is None, reason="clang++ is not installed")
def test_the_fuzz_targets_find_nothing_in_a_few_seconds() -> None:
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(
        [ROOT / "scripts" / "fuzz", "2"], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    executed = [
        int(line.split()[-1]) for line in done.stdout.splitlines() if "number_of_executed_units" in line
    ]
    assert len(executed) == len(_listed("native")) + len(_listed("ground"))
    assert min(executed) > 100
