"""A hunt finds flaws that were planted in the flight software, and nothing in the build without them.

The same command with the same budget is flown on three builds. Each flaw must be found and shrunk to at most
two events, and the scenario that is left must fail when it is flown again, but not on the sound build: so it
is the flaw that was found and not the fault. The control is what makes the two findings worth anything.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .planted import FLAWS, HUNT, Flaw, build, plant


def safehold(module: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line on the flight software of a build."""
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(module), *([inherited] if inherited else [])])
    return subprocess.run(
        [sys.executable, "-m", "safehold", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flight software as it is, built in the same way as the flawed ones."""
    return build(None, tmp_path_factory.mktemp("sound"))


@pytest.fixture(scope="module", params=FLAWS)
def flawed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with a flaw."""
    return build(FLAWS[request.param], tmp_path_factory.mktemp(request.param))


def hunt(module: Path, folder: Path) -> tuple[int, dict[str, Any]]:
    done = safehold(module, folder, *HUNT, "--out", "found", "--quiet", "--json")
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.requirement("S5")
@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_fits_the_sources(name: str, tmp_path: Path, repository: Path) -> None:
    """Quick, so that a change of the line is noticed at once and not in the next long proof."""
    flaw = FLAWS[name]
    (tmp_path / flaw.file).parent.mkdir(parents=True)
    (tmp_path / flaw.file).write_text((repository / flaw.file).read_text())
    plant(flaw, tmp_path)
    assert (tmp_path / flaw.file).read_text().count(flaw.wrong) == 1
    with pytest.raises(ValueError, match="0 times"):
        plant(flaw, tmp_path)
    with pytest.raises(ValueError, match="not once"):
        plant(Flaw(flaw.file, "state", "", ""), tmp_path)


@pytest.mark.long
@pytest.mark.requirement("S5")
def test_a_planted_flaw_is_found(flawed: Path, sound: Path, tmp_path: Path) -> None:
    code, document = hunt(flawed, tmp_path)
    assert code == 1
    assert document["broken"]
    assert 1 <= len(document["smallest"]) <= 2, document["smallest"]
    again = safehold(flawed, tmp_path, "run", "found/breaking.toml", "--in-process", "--json", "--quiet")
    assert again.returncode == 1
    assert json.loads(again.stdout)["digest"] == document["digest"]
    assert json.loads(again.stdout)["code_id"] == document["code_id"]
    honest = safehold(sound, tmp_path, "run", "found/breaking.toml", "--in-process", "--json", "--quiet")
    assert honest.returncode == 0, honest.stdout
    assert json.loads(honest.stdout)["code_id"] != document["code_id"]


@pytest.mark.long
@pytest.mark.requirement("S5")
def test_the_same_hunt_finds_nothing_in_the_sound_build(sound: Path, tmp_path: Path) -> None:
    code, document = hunt(sound, tmp_path)
    assert code == 0, document["smallest"]
    assert not document["broken"]
    assert document["schedules"] >= 90
