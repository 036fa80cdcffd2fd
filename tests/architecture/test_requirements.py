"""The requirement markers name rows that exist, and the rows have the shape that the script reads."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = ROOT / "scripts" / "requirements"
    loader = importlib.machinery.SourceFileLoader("requirements_script", str(path))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_every_marker_names_a_row(script: ModuleType) -> None:
    rows = script.rows_of_page((ROOT / "docs" / "requirements.md").read_text(encoding="utf-8"))
    assert {"C1", "L1.1", "L3.3", "L7.2", "S7"} <= rows.keys()
    claims = script.all_claims()
    assert claims
    assert not [(row, test) for row, test in claims if row not in rows]


def test_markers_are_read_from_functions_classes_and_modules(script: ModuleType, tmp_path: Path) -> None:
    source = (
        "import pytest\n"
        "pytestmark = [pytest.mark.requirement('C1')]\n"
        "@pytest.mark.requirement('L1.1', 'L1.3')\n"
        "def test_a(): ...\n"
        "@pytest.mark.requirement('L2.1')\n"
        "class TestB:\n"
        "    def test_c(self): ...\n"
        "def helper(): ...\n"
    )
    path = tmp_path / "test_x.py"
    path.write_text(source)
    script.ROOT = tmp_path
    try:
        claims = script.claims_of_python(path)
    finally:
        script.ROOT = ROOT
    assert claims == [
        ("C1", "test_x.py::test_a"),
        ("L1.1", "test_x.py::test_a"),
        ("L1.3", "test_x.py::test_a"),
        ("C1", "test_x.py::TestB::test_c"),
        ("L2.1", "test_x.py::TestB::test_c"),
    ]
