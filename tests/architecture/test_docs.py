"""The pages name what is there: what a page promises exists, and no scenario key or command is left out."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from safehold import schema

ROOT = Path(__file__).resolve().parents[2]
RUNNING = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "sim").rglob("*.md")])


def keys_of(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.requirement("S4")
@pytest.mark.parametrize(
    "model",
    [value for value in vars(schema).values() if isinstance(value, type) and issubclass(value, schema.Table)],
    ids=lambda model: model.__name__,
)
def test_every_scenario_key_is_in_the_reference(model: type[BaseModel]) -> None:
    missing = {key for key in keys_of(model) if not re.search(rf"[`\[ ,{{]{key}\b", RUNNING)}
    assert not missing


def default_text(value: object) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )


@pytest.mark.requirement("S4")
@pytest.mark.parametrize("table", ["environment", "initial", "station", "link", "flight", "expect", "output"])
def test_defaults_of_the_reference_are_those_of_the_schema(table: str) -> None:
    section = re.search(rf"^### `\[+{table}\]+`.*?(?=^##)", RUNNING, re.MULTILINE | re.DOTALL)
    assert section
    rows = re.findall(r"^\| (`.*?) \|.*\| (.*?) \|$", section[0], re.MULTILINE)
    told = {key: default for keys, default in rows for key in re.findall(r"`(\w+)`", keys)}
    fields = getattr(schema, table.capitalize()).model_fields
    wrong = {
        key: told.get(key)
        for key, field in fields.items()
        if isinstance(field.default, bool | int | float | str)
        and field.default != ""
        and default_text(field.default).removesuffix(".0") not in told.get(field.alias or key, "")
    }
    assert told
    assert not wrong


@pytest.mark.requirement("S4")
def test_commands_of_the_page_are_those_of_the_program() -> None:
    from safehold.cli import app

    there = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    table = RUNNING.split("| command |", 1)[1].split("\n\n", 1)[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == there


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    broken = [target for target in targets if not (page.parent / target).exists()]
    assert not broken


def test_readme_has_its_two_commands() -> None:
    blocks = re.findall(
        r"^```bash\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) >= 2
    assert "safehold run" in blocks[0]
    assert "pytest" in blocks[1]


@pytest.mark.requirement("S5")
def test_contributing_names_every_long_proof_and_no_other() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(r"^## Long proofs.*?(?=^## )", page, re.MULTILINE | re.DOTALL)
    assert section
    named = set(re.findall(r"`(test_\w+)`", section[0]))
    marked = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        blocks = path.read_text(encoding="utf-8").split("\n\n\n")
        for block in blocks:
            if re.match(r"@pytest", block) and "pytest.mark.long" in block.split("def test_")[0]:
                found = re.search(r"def (test_\w+)", block)
                assert found, block
                marked.add(found[1])
                assert f"`{path.relative_to(ROOT)}`" in section[0]
    assert len(marked) >= 16
    assert named == marked


def test_third_party_names_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        needed += extra
    page = (ROOT / "THIRD-PARTY.md").read_text(encoding="utf-8").lower()
    names = {re.split(r"[ <>=;\[]", one, maxsplit=1)[0] for one in needed}
    assert len(names) > 30
    assert not {name for name in names if not re.search(rf"(?<![\w-]){name}(?![\w-])", page)}
