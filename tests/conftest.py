"""What all tests share: where the source tree and the stored reference vectors are."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

from safehold.code_id import prepare_numba_cache

# Before anything imports Numba: its cache must not serve code of callees that have been edited since.
prepare_numba_cache()

# The gate asks the same questions every time and of any machine, however loaded;
# `--hypothesis-profile=explore` asks new ones.
hypothesis.settings.register_profile("gate", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True)
hypothesis.settings.load_profile("gate")

ROOT = Path(__file__).resolve().parent.parent

LONGEST = ("tests/native/test_ctest.py", "tests/native/test_fuzz.py")


def pytest_configure(config: pytest.Config) -> None:
    """Workers take the files in our order, not those with most tests first."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files go first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Return the folder of stored reference vectors; each has its provenance beside it."""
    return ROOT / "tests" / "vectors"
