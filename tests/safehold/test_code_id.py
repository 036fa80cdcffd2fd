"""The code's identity: it follows every source byte, costs little, and names Numba's cache directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

PACKAGES = ("flight", "ground", "safehold", "scenarios", "sim")

PRINT_IDS = "from safehold.code_id import code_id, compiled_code_id; print(code_id(), compiled_code_id())"


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    """A copy of the sources, imported in place of the installed ones."""
    for name in PACKAGES:
        shutil.copytree(repository / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def ids(folder: Path) -> tuple[str, str]:
    # An editable installation's finder would put the repository before the copy.
    plain = "sys.meta_path[:] = [f for f in sys.meta_path if 'ScikitBuild' not in type(f).__name__]"
    code = f"import sys; {plain}; sys.path.insert(0, {str(folder)!r}); {PRINT_IDS}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    first, second = done.stdout.split()
    return first, second


@pytest.mark.requirement("S2")
def test_an_edited_source_changes_the_id_and_the_cache_of_compiled_code(copy: Path) -> None:
    before = ids(copy)
    assert ids(copy) == before
    plant = copy / "sim" / "thermal.py"
    plant.write_text(plant.read_text() + "\n# edited\n")
    edited_plant = ids(copy)
    assert edited_plant[0] != before[0]
    assert edited_plant[1] != before[1]
    tool = copy / "safehold" / "cli" / "__init__.py"
    tool.write_text(tool.read_text() + "\n# edited\n")
    edited_tool = ids(copy)
    assert edited_tool[0] != edited_plant[0]
    # Nothing that is compiled can depend on the command line, so its edit costs no recompilation.
    assert edited_tool[1] == edited_plant[1]


@pytest.mark.parametrize(
    "name", ["flight/dictionary.toml", "scenarios/first-contact.toml", "sim/data/egm96_degree20.gfc"]
)
@pytest.mark.requirement("S2")
def test_data_files_belong_to_the_code(copy: Path, name: str) -> None:
    before = ids(copy)[0]
    path = copy / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert ids(copy)[0] != before


@pytest.mark.requirement("S2")
def test_the_id_is_found_quickly() -> None:
    code = "import time; s = time.perf_counter(); from safehold.code_id import code_id; code_id()"
    code += "; print(time.perf_counter() - s)"
    seconds = min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3))
    assert seconds < 0.5  # 0.05 s on a quiet machine; the budget is 0.15 s


@pytest.mark.requirement("S2")
def test_importing_safehold_is_light() -> None:
    code = "import sys, safehold; print(any(name in sys.modules for name in ('numba', 'numpy', 'pydantic')))"
    started = time.perf_counter()
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
    assert time.perf_counter() - started < 2.0


def prepare(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    code = (
        "from safehold.code_id import prepare_numba_cache as p; p(); f = p(); import os, numba; "
        "print(f); print(numba.config.CACHE_DIR); print(os.path.isdir(f))"
    )
    base = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    return subprocess.run(
        [sys.executable, "-c", code], env=base | environment, capture_output=True, text=True, check=True
    )


@pytest.mark.requirement("S2")
def test_numba_uses_a_directory_of_this_codes_own(tmp_path: Path) -> None:
    done = prepare({"XDG_CACHE_HOME": str(tmp_path)})
    folder, configured, there = done.stdout.split()
    assert Path(folder).parent == tmp_path / "safehold" / "numba"
    assert configured == folder
    assert there == "True"
    assert done.stderr == ""


@pytest.mark.requirement("S2")
def test_an_unwritable_cache_is_said_once_and_replaced_by_a_temporary_one(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = prepare({"XDG_CACHE_HOME": str(blocked)})
    folder = done.stdout.split()[0]
    assert not Path(folder).is_relative_to(tmp_path)
    assert not Path(folder).exists(), "the temporary directory is removed at the end"
    assert done.stderr.count("cannot be written") == 1


@pytest.mark.requirement("S2")
def test_loading_a_scenario_from_python_chooses_the_cache_first(tmp_path: Path) -> None:
    """The checks of a scenario import the plant; Numba must not cache beside the sources by then."""
    code = (
        "from safehold.scenario import load; load('first-contact'); "
        "import numba; print(numba.config.CACHE_DIR)"
    )
    base = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    environment = base | {"XDG_CACHE_HOME": str(tmp_path)}
    folder = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip()
    assert Path(folder).parent == tmp_path / "safehold" / "numba"
