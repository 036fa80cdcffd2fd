"""The dictionary: one source for Python and C++, and a build from another one is refused."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from flight import dictionary


@pytest.fixture(scope="module")
def generator(repository: Path) -> ModuleType:
    """native/generate/dictionary.py as a module."""
    path = repository / "native" / "generate" / "dictionary.py"
    spec = importlib.util.spec_from_file_location("generate_dictionary", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_frames_have_the_agreed_sizes() -> None:
    assert dictionary.SENSOR_DTYPE.itemsize == 464
    assert dictionary.ACTUATOR_DTYPE.itemsize == 88


def test_compiled_module_carries_this_dictionary() -> None:
    native = dictionary.load_native()
    assert native.DICTIONARY_SHA256 == dictionary.SHA256
    assert native.ABI == dictionary.ABI


@pytest.mark.parametrize(
    ("abi", "digest"), [(dictionary.ABI + 1, dictionary.SHA256), (dictionary.ABI, "0" * 64)]
)
def test_module_of_another_build_is_refused(monkeypatch: pytest.MonkeyPatch, abi: int, digest: str) -> None:
    other = SimpleNamespace(ABI=abi, DICTIONARY_SHA256=digest)
    monkeypatch.setitem(sys.modules, "_safehold_native", other)  # type: ignore[misc]
    with pytest.raises(dictionary.NativeMismatchError, match="rebuild it"):
        dictionary.load_native()


def test_missing_module_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "_safehold_native":
                raise ModuleNotFoundError(name)

    monkeypatch.delitem(sys.modules, "_safehold_native")
    monkeypatch.setattr(sys, "meta_path", [Absent()])
    with pytest.raises(dictionary.NativeMismatchError, match="pip install"):
        dictionary.load_native()


def test_python_and_generator_have_the_same_abi(generator: ModuleType) -> None:
    assert generator.ABI == dictionary.ABI


SETTING = """
[[setting]]
id = 1
name = "a"
type = "f64"
default = {default}
min = 0.0
max = 1.0
meaning = "m"
"""
LIMITED = '[[parameter]]\nid = 1\nname = "p"\ntype = "f64"\nlimits = {limits}\nmeaning = "m"\n'
REPORT = """
[[report]]
service = 6
subtype = 6
name = "r"
meaning = "m"
fields = [{ name = "x", type = "u16", meaning = "m" }]
"""
HEAD = 'schema = 1\n[frame.sensor]\nmeaning = "m"\nfields = [{ name = "x", type = "f64", meaning = "m" }]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SETTING.format(default="2.0"), "setting.a: 2.0 is outside"),
        (SETTING.format(default="nan"), "setting.a: .*finite"),
        (SETTING.format(default="0.5") + SETTING.format(default="0.5"), "declared twice"),
        ('[[event]]\nid = 1\nname = "e"\nseverity = "loud"\nmeaning = "m"\n', "event.e: severity"),
        ('[[event]]\nid = 0\nname = "e"\nseverity = "low"\nmeaning = "m"\n', "event.e: `id`"),
        ('[[parameter]]\nid = 1\nname = "p"\ntype = "f16"\nmeaning = "m"\n', "parameter.p: unknown type"),
        ('[[parameter]]\nid = 1\nname = "p"\ntype = "f64"\nshape = [200]\nmeaning = "m"\n', "do not fit"),
        (LIMITED.format(limits="{ yellow = [1, 0] }"), r"parameter.p: `limits` are \[low, high\]"),
        (LIMITED.format(limits="{ orange = [0, 1] }"), "parameter.p: `limits` are yellow and red"),
        (LIMITED.format(limits="{ yellow = [0, 3], red = [1, 2] }"), "red lies within yellow"),
        (LIMITED.format(limits="[{ yellow = [0, 1] }, { yellow = [0, 1] }]"), "fit no array of its shape"),
        (REPORT + REPORT.replace('"r"', '"q"'), "report.q: service 6, 6 is declared twice"),
        (REPORT.replace("u16", "u24"), "report.r.x: unknown type 'u24'"),
        (REPORT + 'content = "event"\n', "report.r: `content` and `fields` exclude each other"),
        (REPORT.replace("subtype = 6", "subtype = 256"), "`service` and `subtype` must be in 1..255"),
        (REPORT + 'content = "picture"\n', "report.r: unknown content 'picture'"),
        ('[[application]]\nid = 2047\nname = "a"\nlayout = "pus"\nmeaning = "m"\n', "must be below 2047"),
        (
            '[[application]]\nid = 7\nname = "a"\nlayout = "free"\nmeaning = "m"\n',
            "layout must be pus or octets",
        ),
    ],
)
def test_generator_refuses_and_names_the_entry(generator: ModuleType, text: str, message: str) -> None:
    with pytest.raises(generator.DictionaryError, match=message):
        generator.generate((HEAD + text).encode())


def test_generator_refuses_a_frame_that_needs_padding(generator: ModuleType) -> None:
    text = HEAD.replace("fields = [", 'fields = [{ name = "y", type = "u8", meaning = "m" }, ')
    with pytest.raises(generator.DictionaryError, match=r"frame\.sensor\.x: would need padding at offset 1"):
        generator.generate(text.encode())


def test_every_declared_entry_reaches_cpp(generator: ModuleType, repository: Path) -> None:
    source = (repository / "flight" / "dictionary.toml").read_bytes()
    text = generator.generate(source)
    tree = tomllib.loads(source.decode())
    for kind in ("setting", "parameter", "event", "telecommand"):
        for entry in tree[kind]:
            assert f'"{entry["name"]}"' in text, f"{kind} {entry['name']}"
