"""Builds of the flight software with one flaw planted in it, to see whether a hunt finds it.

A flaw is an exact edit of one source line, made on a copy; if the line is not found exactly once, the edit
fails loudly and has to be written anew. CMake builds the compiled module of the copy into a folder, and
whoever has that folder first on PYTHONPATH flies it, editable installation or not.

    python tests/flaws/planted.py wheel-sharing-sign build/flaw

builds one and prints the command that hunts for it; `sound` is the build without a flaw.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The environment's own CMake, from the test extra, serves where the system has none.
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
HUNT = ("hunt", "in-service", "--search", "--at-most", "2", "--examples", "100")


@dataclass(frozen=True)
class Flaw:
    """One line of the flight software made wrong."""

    file: str
    line: str
    wrong: str
    meaning: str


FLAWS = {
    "wheel-sharing-sign": Flaw(
        file="native/src/gnc/wheels.cpp",
        line="gram = gram + Matrix{{a.x * a.x,",
        wrong="gram = gram - Matrix{{a.x * a.x,",
        meaning="a sign in the sharing of torque; the line runs only while a wheel is excluded",
    ),
    "silent-wheel-monitor": Flaw(
        file="native/src/gnc/wheels.cpp",
        line="held(state.doubt_s[i], contradicted, dt, p.wheel_fault_s)",
        wrong="held(state.doubt_s[i], false, dt, p.wheel_fault_s)",
        meaning="the monitor of wheels that do not obey never fires",
    ),
}

# Before the import hook of an editable installation, which knows the module as well.
SITE = '''\
"""Lets this folder's compiled flight software come first."""

import sys
from importlib.machinery import PathFinder
from pathlib import Path


class Planted:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "_safehold_native":
            return None
        return PathFinder.find_spec(name, [str(Path(__file__).parent)])


sys.meta_path.insert(0, Planted)
'''


def plant(flaw: Flaw, source: Path) -> None:
    """Make the edit in a copy of the sources; raises ValueError if its line is not there exactly once."""
    path = source / flaw.file
    text = path.read_text(encoding="utf-8")
    if text.count(flaw.line) != 1:
        raise ValueError(f"{flaw.file}: {flaw.line!r} is there {text.count(flaw.line)} times, not once")
    path.write_text(text.replace(flaw.line, flaw.wrong), encoding="utf-8")


def build(flaw: Flaw | None, folder: Path) -> Path:
    """Build the module with a flaw, or sound, below a folder; returns the folder for PYTHONPATH.

    Raises ValueError if the flaw cannot be planted, RuntimeError with the compiler's words if it is not
    built.
    """
    import pybind11

    source, made, module = folder / "source", folder / "build", folder / "module"
    shutil.copytree(ROOT / "native", source / "native")
    (source / "flight").mkdir()
    for name in ("CMakeLists.txt", "flight/dictionary.toml"):
        shutil.copy(ROOT / name, source / name)
    if flaw is not None:
        plant(flaw, source)
    configure = ["cmake", "-S", str(source), "-B", str(made), f"-DPython_EXECUTABLE={sys.executable}"]
    configure.append(f"-Dpybind11_DIR={pybind11.get_cmake_dir()}")
    for command in (configure, ["cmake", "--build", str(made), "-j", "2", "--target", "_safehold_native"]):
        environment = {**os.environ, "PATH": PATH}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode != 0:
            raise RuntimeError(done.stdout[-4000:] + done.stderr[-4000:])
    module.mkdir()
    (library,) = made.glob("_safehold_native*.so")
    shutil.copy(library, module)
    (module / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    return module


def main(name: str, folder: str) -> None:
    """Build one and say how to hunt for it."""
    module = build(None if name == "sound" else FLAWS[name], Path(folder).resolve())
    print(f"PYTHONPATH={module} safehold {' '.join(HUNT)}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in (*FLAWS, "sound"):
        sys.exit(f"usage: planted.py {'|'.join((*FLAWS, 'sound'))} FOLDER")
    main(sys.argv[1], sys.argv[2])
