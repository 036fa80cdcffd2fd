"""Who may import whom, and what may not appear in which folder, read from the syntax trees.

A tolerance has no place here: one wrong import is an error. Each rule is also shown to catch an offender,
so that a rule that stopped looking would fail.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("flight", "sim", "ground", "safehold")
FORBIDDEN_IMPORTS = {
    "flight": {"sim", "ground", "safehold"},
    "sim": {"ground", "safehold", "_safehold_native"},  # the plant never sees the flight software's state
    "ground": {"sim", "safehold", "_safehold_native"},  # nor does the ground
    "safehold": set(),
}
NEVER_IMPORTED = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"}
# The modules that own the clock of the host: they pace or time-limit, and never steer a simulation.
CLOCK_OWNERS = {"ground/process.py", "flight/__main__.py"}
WALL_CLOCK = {
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "monotonic"),
    ("time", "monotonic_ns"),
    ("time", "perf_counter"),
    ("time", "perf_counter_ns"),
    ("time", "sleep"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}
LIGHT_PATH = {
    "numpy",
    "zmq",
    "_safehold_native",
    "flight",
}  # what `python -m flight` may use beside the standard library


def sources(folder: str) -> Iterator[Path]:
    yield from sorted((ROOT / folder).rglob("*.py"))


def imported_modules(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything that a module imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("importlib.import_module", "import_module", "__import__") and node.args:
                yield (
                    node.lineno,
                    ast.literal_eval(node.args[0]) if isinstance(node.args[0], ast.Constant) else "?",
                )


def wrong_imports(text: str, package: str) -> list[str]:
    forbidden = FORBIDDEN_IMPORTS[package] | NEVER_IMPORTED | {"tests", "bench"}
    return [
        f"line {line}: {name}"
        for line, name in imported_modules(ast.parse(text))
        if name.split(".")[0] in forbidden
    ]


def wrong_words(text: str, *, owns_clock: bool) -> list[str]:
    """Return the calls that no package may make, and those to wall clock and global random state."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        parts = tuple(called.split("."))
        if called in ("eval", "exec") or parts[-1] == "recv_pyobj" or parts[-1] == "send_pyobj":
            found.append(f"line {node.lineno}: {called}")
        if any(word.arg == "allow_pickle" for word in node.keywords):
            found.append(f"line {node.lineno}: allow_pickle")
        if not owns_clock and parts[-2:] in WALL_CLOCK:
            found.append(f"line {node.lineno}: {called}")
        seeded = called == "random.Random" and node.args  # a source of one's own, from a given seed
        if not seeded and (
            parts[0] == "random"
            or parts[:2] in (("np", "random"), ("numpy", "random"))
            or parts[-2:] == ("os", "urandom")
        ):
            found.append(f"line {node.lineno}: {called}")
    return found


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.requirement("S7")
def test_packages_import_only_what_they_may(package: str) -> None:
    files = list(sources(package))
    assert files, f"{package}/ has no Python source"
    wrong = {
        path.relative_to(ROOT).as_posix(): found
        for path in files
        if (found := wrong_imports(path.read_text(), package))
    }
    assert not wrong, wrong


def test_import_rule_catches_offenders() -> None:
    assert wrong_imports("def f():\n    from sim import plant\n", "ground")
    assert wrong_imports("import ground.passes", "sim")
    assert wrong_imports("import importlib\nimportlib.import_module('safehold')", "flight")
    assert wrong_imports("import pickle", "safehold")
    assert not wrong_imports("from flight.dictionary import SENSOR_DTYPE", "sim")
    assert not wrong_imports("from . import plant", "sim")


@pytest.mark.parametrize("package", ["flight", "sim", "ground"])
def test_simulation_has_no_wall_clock_and_no_global_randomness(package: str) -> None:
    """What a digest depends on takes its time and its random numbers from its inputs."""
    wrong = {}
    for path in sources(package):
        name = path.relative_to(ROOT).as_posix()
        if found := wrong_words(path.read_text(), owns_clock=name in CLOCK_OWNERS):
            wrong[name] = found
    assert not wrong, wrong


def test_safehold_evaluates_no_code_and_unpickles_nothing() -> None:
    wrong = {
        path.relative_to(ROOT).as_posix(): found
        for path in sources("safehold")
        if (found := wrong_words(path.read_text(), owns_clock=True))
    }
    assert not wrong, wrong


def test_word_rule_catches_offenders() -> None:
    assert wrong_words("import time\nt = time.time()", owns_clock=False)
    assert wrong_words("import datetime\nt = datetime.datetime.now()", owns_clock=False)
    assert wrong_words("x = np.random.normal()", owns_clock=True)
    assert wrong_words("x = random.random()", owns_clock=True)
    assert wrong_words("x = random.Random()", owns_clock=True)
    assert not wrong_words("x = random.Random(seed)", owns_clock=True)
    assert wrong_words("eval('1')", owns_clock=True)
    assert wrong_words("np.load(f, allow_pickle=True)", owns_clock=True)
    assert not wrong_words("t = time.monotonic()", owns_clock=True)


def module_file(name: str) -> Path | None:
    """Return the source file of a dotted module of this tree, None if it has none."""
    base = ROOT.joinpath(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def import_closure(start: str) -> dict[str, set[str]]:
    """Return the modules of this tree that `start` reaches, each with the foreign modules it imports."""
    reached: dict[str, set[str]] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        path = module_file(name)
        if name in reached or path is None:
            continue
        reached[name] = set()
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += [package] if package else []
        tree = ast.parse(path.read_text())
        relative = [
            ".".join(
                [
                    *package.split(".")[: len(package.split(".")) - node.level + 1],
                    *(part for part in [tail] if part),
                ]
            )
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.level
            for tail in [
                node.module,
                *(f"{node.module}.{a.name}" if node.module else a.name for a in node.names),
            ]
        ]
        for imported in [name for _, name in imported_modules(tree)] + relative:
            if imported.split(".")[0] in PACKAGES:
                waiting.append(imported)
            if imported.split(".")[0] not in sys.stdlib_module_names:
                reached[name].add(imported.split(".")[0])
    return reached


@pytest.mark.requirement("S6")
def test_light_flight_process_needs_numpy_and_zmq_alone() -> None:
    """On the Raspberry Pi, `python -m flight` runs on the standard library, numpy, pyzmq and our module."""
    reached = import_closure("flight.__main__")
    assert "flight" in reached
    assert len(reached) > 2
    heavy = {name: foreign - LIGHT_PATH for name, foreign in reached.items() if foreign - LIGHT_PATH}
    assert not heavy, heavy


@pytest.mark.requirement("S6")
def test_light_requirements_are_a_part_of_the_base() -> None:
    """What the small computer installs has the bounds of pyproject.toml: numpy and pyzmq, nothing else."""
    base = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = (ROOT / "requirements-flight.txt").read_text().splitlines()
    light = [line for line in lines if line and not line.startswith("#")]
    assert {line.split(">=")[0] for line in light} == {"numpy", "pyzmq"}
    assert set(light) <= set(base)
