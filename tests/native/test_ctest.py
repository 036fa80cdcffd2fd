"""The C++ tests, as built by CMake: plain, and under AddressSanitizer and UndefinedBehaviorSanitizer.

What each of them checks is said in `native/tests`. Warnings are errors in both builds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# The environment's own CMake, from the test extra, serves where the system has none.
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
DOCTEST = [Path(root, "include/doctest/doctest.h") for root in ("/usr", "/usr/local")]

pytestmark = [
    pytest.mark.requirement("S1"),
    pytest.mark.skipif(
        not shutil.which("cmake", path=PATH) or not any(path.exists() for path in DOCTEST),
        reason="needs cmake and Debian's doctest-dev",
    ),
]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param([], id="plain"),
        pytest.param(["-DSAFEHOLD_SANITIZE=ON", "-DCMAKE_BUILD_TYPE=RelWithDebInfo"], id="sanitized"),
    ],
)
def test_the_cpp_tests_pass(repository: Path, tmp_path: Path, options: list[str]) -> None:
    configure = ["cmake", "-S", str(repository), "-B", str(tmp_path), "-DSAFEHOLD_TESTS=ON"]
    configure += ["-DSAFEHOLD_PYTHON=OFF", f"-DPython_EXECUTABLE={sys.executable}", *options]
    build = ["cmake", "--build", str(tmp_path), "-j", "2"]
    run = ["ctest", "--test-dir", str(tmp_path), "--output-on-failure", "--no-tests=error"]
    environment = {**os.environ, "PATH": PATH}
    for command in (configure, build, run):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
