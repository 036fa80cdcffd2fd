"""junit.xml against the structure that Jenkins' xUnit plugin asks for, and with text that means harm.

The structure is that of junit-10.xsd (github.com/jenkinsci/xunit-plugin, src/main/resources/.../xsd): which
elements may hold which, and which attributes they may and must have, as far as it concerns what we write.
"""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from safehold.campaign.analysis import analyse
from safehold.campaign.junit import clean, write_junit

pytestmark = pytest.mark.requirement("S5")

# element: children allowed, attributes required, attributes allowed besides
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        {"name", "tests"},
        {"failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package"},
    ),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, set()),
    "testcase": ({"skipped", "error", "failure", "system-out"}, {"name"}, {"classname", "time", "status"}),
    "skipped": (set(), set(), {"message", "type"}),
    "error": (set(), set(), {"message", "type"}),
    "failure": (set(), set(), {"message", "type"}),
}
HOSTILE = "\x1b[2J]]><script>alert('&\"')</script>\x00\x07\ud800\ufffe</failure>"


def assert_valid(element: ET.Element) -> None:
    children, required, allowed = SCHEMA[element.tag]
    assert {child.tag for child in element} <= children
    assert required <= set(element.attrib) <= required | allowed
    for child in element:
        assert_valid(child)


def written(folder: Path, **options: int) -> ET.Element:
    root = ET.parse(write_junit(folder, analyse(folder), **options)).getroot()
    assert_valid(root)
    (suite,) = root
    cases = suite.findall("testcase")
    counted = {
        "tests": len(cases),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    assert {name: int(suite.attrib[name]) for name in counted} == counted
    return suite


@pytest.fixture
def copy(mixed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(mixed, tmp_path / "campaign"))


def test_a_case_a_run_and_failures_say_why_and_how_to_replay(copy: Path) -> None:
    suite = written(copy)
    cases = suite.findall("testcase")
    assert len(cases) == 10
    assert {case.attrib["classname"] for case in cases} == {"campaign"}
    assert (
        cases[0].attrib["name"].startswith("run 000000 fault.at_s=70, fault.duration_s=30, fault.kind=gyro_b")
    )
    failed = {case.attrib["name"][:10]: case.find("failure") for case in cases if len(case)}
    assert set(failed) == {"run 000008", "run 000009"}
    unmet, lost = failed["run 000008"], failed["run 000009"]
    assert unmet is not None
    assert lost is not None
    assert unmet.attrib["type"] == "unmet"
    assert "rate_norm_deg_s < 9.6" in unmet.attrib["message"]
    assert lost.attrib["type"] == "LOST"
    assert "30 deg/s" in lost.attrib["message"]
    for element, index in ((unmet, 8), (lost, 9)):
        command = (element.text or "").rpartition("replay: safehold run ")[2]
        assert command == str(copy / f"scenarios/{index:06d}.toml")
        assert Path(command).is_file()


def test_properties_name_the_campaign(copy: Path) -> None:
    properties = {one.attrib["name"]: one.attrib["value"] for one in written(copy).findall("properties/*")}
    assert properties["verdict"] == "FAILED"
    assert properties["campaign_seed"] == "5"
    assert properties["runs"] == "10"
    assert len(properties["code_id"]) == 64


def test_crashed_runs_are_errors_and_runs_to_fly_are_skipped(copy: Path) -> None:
    lines = [json.loads(line) for line in (copy / "manifest.jsonl").read_text().splitlines()]
    for index in (0, 1):
        (copy / "results" / lines[index]["key"][:2] / f"{lines[index]['key']}.json").unlink()
    crash = {"index": 1, "key": lines[1]["key"], "why": "worker died 3 times: signal 9"}
    (copy / "crashed.jsonl").write_text(json.dumps(crash) + "\n")
    cases = written(copy).findall("testcase")
    assert cases[0].find("skipped") is not None
    error = cases[1].find("error")
    assert error is not None
    assert error.attrib["message"] == "worker died 3 times: signal 9"


def test_a_check_that_disagrees_is_an_error_of_its_own(copy: Path) -> None:
    log = copy / "checks.jsonl"
    line = next(one for one in log.read_text().splitlines() if '"repeat"' in one)
    log.write_text(json.dumps(json.loads(line) | {"equal": False}) + "\n")
    cases = [case for case in written(copy).findall("testcase") if case.attrib["classname"] != "campaign"]
    assert len(cases) == 1
    error = cases[0].find("error")
    assert error is not None
    assert "two results" in error.attrib["message"]


def test_of_many_passing_runs_the_first_are_listed_and_of_failures_all(copy: Path) -> None:
    suite = written(copy, passed_listed=3)
    names = [case.attrib["name"][:10] for case in suite.findall("testcase")]
    assert names == ["run 000000", "run 000001", "run 000002", "run 000008", "run 000009"]
    properties = {one.attrib["name"]: one.attrib["value"] for one in suite.findall("properties/*")}
    assert properties["passed_left_out"] == "5"


def test_hostile_text_stays_text(copy: Path) -> None:
    """Labels, reasons and names can come from anywhere; none may end an element or reach a terminal."""
    lines = [json.loads(line) for line in (copy / "manifest.jsonl").read_text().splitlines()]
    lines[9]["labels"] = {HOSTILE: HOSTILE}
    (copy / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    key = lines[8]["key"]
    (copy / "results" / key[:2] / f"{key}.json").unlink()
    (copy / "crashed.jsonl").write_text(json.dumps({"index": 8, "key": key, "why": HOSTILE}) + "\n")
    suite = written(copy)
    data = (copy / "junit.xml").read_bytes()
    assert not set(data) & set(range(32)) - {10}
    name = suite.findall("testcase")[9].attrib["name"]
    error = suite.findall("testcase")[8].find("error")
    assert "</script>" in name
    assert error is not None
    assert error.attrib["message"] == clean(HOSTILE)
    assert "\\u001b[2J]]><script>" in name


def test_text_is_cleaned_of_what_xml_cannot_carry_and_nothing_else() -> None:
    assert clean("naïve ✓ \U0001f6f0 < & > \" '\t\n") == "naïve ✓ \U0001f6f0 < & > \" '\t\n"
    assert clean("\x1b\x00\ud800\ufffe\x85") == "\\u001b\\u0000\\ud800\\ufffe\\u0085"
    assert len(clean("x" * 10_000)) < 5_000
