"""What may not appear in the C++ flight code: heap, exceptions, libm's transcendental functions, pybind11.

The compiler already refuses exceptions and RTTI there (-fno-exceptions, -fno-rtti) and a test of the native
suite refuses heap use at run time; what is read here is what neither of them sees. Comments and strings are
taken out first.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"
FLIGHT = ("math", "gnc", "computer", "cdh")  # the areas that fly; host/ is the ground support side
FORBIDDEN = {
    # The own functions have the usual names in a namespace of ours; the C library's are std:: ones here.
    "libm": r"std::(?:a?sin|a?cos|a?tan|atan2|exp2?|expm1|log(?:2|10|1p)?|pow|hypot|cbrt|fmod)f?\b"
    r"|std::(?:sinh|cosh|tanh)f?\b",
    "heap": r"\bnew\b|\bmalloc\b|\bfree\s*\("
    r"|std::(?:vector|string|map|unordered_map|list|deque|function|make_unique|shared_ptr)\b",
    "exceptions": r"\bthrow\b|\btry\b|\bcatch\b|\bdynamic_cast\b|\btypeid\b",
    "fused": r"\bfma\s*\(|\blong double\b",
    "clock": r"std::chrono|\btime\s*\(|\bclock_gettime\b|\brand\s*\(|std::random",
    "pybind11": r"pybind11",
}


def bare(text: str) -> str:
    """Return C++ source without comments and string literals, line breaks kept."""
    pattern = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])'", re.DOTALL)
    return pattern.sub(lambda match: "\n" * match[0].count("\n") or " ", text)


def flight_sources() -> list[Path]:
    folders = [NATIVE / side / area for side in ("src", "include/safehold") for area in FLIGHT]
    return sorted(path for folder in folders for path in folder.rglob("*.[ch]pp"))


def offences(text: str, word: str) -> list[str]:
    lines = enumerate(bare(text).splitlines(), 1)
    return [f"line {number}: {line.strip()}" for number, line in lines if re.search(FORBIDDEN[word], line)]


@pytest.mark.parametrize("word", FORBIDDEN)
@pytest.mark.requirement("S1")
def test_flight_code_is_free_of(word: str) -> None:
    files = flight_sources()
    assert len(files) > 10
    wrong = {
        path.relative_to(ROOT).as_posix(): found
        for path in files
        if (found := offences(path.read_text(), word))
    }
    assert not wrong, wrong


def test_native_rules_catch_offenders() -> None:
    assert offences("int* p = new int;", "heap")
    assert offences("std::vector<int> v;", "heap")
    assert offences("throw 1;", "exceptions")
    assert offences("double s = std::sin(x);", "libm")
    assert offences("#include <pybind11/pybind11.h>", "pybind11")
    assert not offences("double s = math::sin(x) + std::sqrt(x);", "libm")
    assert offences("auto t = std::chrono::steady_clock::now();", "clock")
    assert not offences('// a new thing\nint a = 1; /* throw */ const char* s = "new";', "heap")


@pytest.mark.requirement("S1")
def test_pybind11_appears_in_bindings_alone() -> None:
    files = NATIVE.rglob("*.[ch]pp")
    users = {path.relative_to(NATIVE).parts[0] for path in files if "pybind11" in bare(path.read_text())}
    assert users == {"bindings"}
