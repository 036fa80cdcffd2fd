"""junit.xml: a test case a run, so that a CI shows a campaign as it shows any other tests.

The elements and attributes are those that Jenkins' xUnit plugin takes (its junit-10.xsd). A lost run or an
unmet expectation is a failure; a run whose worker died is an error; one that was not flown is skipped. All of
these are always listed. Of the runs that passed, the first 10,000 are: a CI reads the whole file into memory,
and what it is read for is what went wrong. The property `passed_left_out` says how many are not listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from safehold.campaign.analysis import Analysis, read_runs
from safehold.campaign.entry import CRASHED, MISSING
from safehold.campaign.reading import can_replay, replay_command
from safehold.campaign.whole_file import Whole

PASSED_LISTED = 10_000
LABELS_SHOWN = 8
TEXT_LONGEST = 4000

# What XML 1.0 cannot carry in any notation, and what a terminal would obey.
_NOT_XML = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(folder: Path, analysis: Analysis, *, passed_listed: int = PASSED_LISTED) -> Path:
    """Write junit.xml from the folder's runs.jsonl; returns its path. Raises FolderError."""
    path = folder / "junit.xml"
    failures, skipped = analysis.failed_runs, analysis.missing
    errors = analysis.crashed + len(analysis.checks.bad)
    passed = analysis.flown - failures
    left_out = max(0, passed - passed_listed)
    tests = analysis.planned - left_out + len(analysis.checks.bad)
    with Whole(path) as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n')
        out.write(
            f"<testsuite name={_attribute(analysis.head.name)} tests={_attribute(tests)} "
            f"failures={_attribute(failures)} errors={_attribute(errors)} skipped={_attribute(skipped)}>\n"
        )
        out.write(_properties(analysis, left_out))
        for run in read_runs(folder):
            if run.get("state") not in (CRASHED, MISSING) and not run["failed"]:
                if passed_listed <= 0:
                    continue
                passed_listed -= 1
            out.write(_case(folder, run))
        out.writelines(_check_cases(folder, analysis))
        out.write("</testsuite>\n</testsuites>\n")
    return path


def clean(text: object) -> str:
    """Text that XML can carry, with a visible mark for each character that it cannot; cut at 4,000."""
    words = str(text)
    if len(words) > TEXT_LONGEST:
        words = words[:TEXT_LONGEST] + " (cut)"
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", words)


def _properties(analysis: Analysis, left_out: int) -> str:
    document = analysis.document()
    said = {
        "verdict": analysis.verdict,
        "reasons": "; ".join(analysis.reasons),
        "campaign_seed": analysis.head.seed,
        "base": analysis.head.base,
        "code_id": document["code_id"],
        "runs": analysis.planned,
        "passed_left_out": left_out,
        "checked": analysis.checks.checked,
        "repeated": analysis.checks.repeated,
    }
    lines = [
        f"<property name={_attribute(name)} value={_attribute(value)}/>\n" for name, value in said.items()
    ]
    return f"<properties>\n{''.join(lines)}</properties>\n"


def _case(folder: Path, run: Mapping[str, Any]) -> str:
    name = f"run {run['index']:06d}{_labels(run['labels'])}"
    inside = _inside(folder, run)
    head = f'<testcase classname="campaign" name={_attribute(name)}'
    return f"{head}>{inside}</testcase>\n" if inside else f"{head}/>\n"


def _labels(labels: Mapping[str, Any]) -> str:
    shown = [
        f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in list(labels.items())[:LABELS_SHOWN]
    ]
    more = f", {len(labels) - LABELS_SHOWN} more" if len(labels) > LABELS_SHOWN else ""
    return f" {', '.join(shown)}{more}" if shown else ""


def _inside(folder: Path, run: Mapping[str, Any]) -> str:
    """What went wrong, as an element; nothing for a run that passed."""
    if run["state"] == MISSING:
        return f"<skipped message={_attribute(run['why'])}/>"
    replay = f"replay: {replay_command(folder, run['index'])}"
    if run["state"] == CRASHED:
        return _element("error", "crashed", run["why"], [replay] if can_replay(folder, run["index"]) else [])
    if not run["failed"]:
        return ""
    unmet = [f"unmet: {one['what']}: {one['found']} {one['why']}".rstrip() for one in run["unmet"]]
    kind = "LOST" if run["outcome"] == "LOST" else "unmet"
    first = "; ".join(run["reasons"]) if kind == "LOST" else unmet[0]
    details = [f"outcome {run['outcome']}: {'; '.join(run['reasons'])}", *unmet, replay]
    return _element("failure", kind, first, details)


def _check_cases(folder: Path, analysis: Analysis) -> Iterator[str]:
    for index, key, what in analysis.checks.bad:
        details = [f"result {key}", f"replay: {replay_command(folder, index)}"]
        inside = _element("error", "check", what, details)
        name = _attribute(f"run {index:06d} flown once more")
        yield f'<testcase classname="campaign.checks" name={name}>{inside}</testcase>\n'


def _element(tag: str, kind: str, message: str, details: list[str]) -> str:
    text = escape(clean("\n".join(details)))
    return f"<{tag} type={_attribute(kind)} message={_attribute(message)}>{text}</{tag}>"


def _attribute(value: object) -> str:
    return quoteattr(clean(value))
