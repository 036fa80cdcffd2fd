"""The five queries, each run on real results and compared with what Python counts in the result files."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from safehold.campaign.queries import QUERIES, connect
from safehold.errors import FolderError

pytestmark = pytest.mark.requirement("S5")

PAGE = Path(__file__).resolve().parents[3] / "docs" / "campaigns.md"


def ask(folder: Path, name: str) -> list[dict[str, Any]]:
    query = next(query for query in QUERIES if query.name == name)
    found = connect(folder).execute(query.sql)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def records(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    keys = [json.loads(line)["key"] for line in lines]
    return [json.loads((folder / "results" / key[:2] / f"{key}.json").read_bytes()) for key in keys]


def test_outcomes_by_kind_mode_and_light(mixed: Path) -> None:
    expected = Counter(
        (one["kind"], one["mode"], "sunlit" if one["sunlit"] else "eclipse")
        for record in records(mixed)
        for one in record["faults"][:1]
    )
    rows = ask(mixed, "outcomes")
    assert {(row["kind"], row["mode"], row["light"]): row["runs"] for row in rows} == expected
    assert sum(row["ok"] + row["degraded"] + row["lost"] for row in rows) == 7


def test_slowest_detections(mixed: Path) -> None:
    expected = sorted(
        (
            round(one["detected_s"] - one["injected_s"], 9)
            for record in records(mixed)
            for one in record["faults"]
            if one["detected_s"] is not None
        ),
        reverse=True,
    )
    assert [row["detect_s"] for row in ask(mixed, "slowest")] == expected
    assert len(expected) >= 4


def test_how_runs_ended(mixed: Path) -> None:
    rows = ask(mixed, "stops")
    assert {row["ended"]: row["runs"] for row in rows} == Counter(
        record["stop"]["kind"] for record in records(mixed)
    )
    assert all(0 <= row["percent_flown"] <= 100 for row in rows)
    assert any(row["percent_flown"] < 50 for row in rows)


def test_expectations_unmet(mixed: Path) -> None:
    rows = ask(mixed, "unmet")
    assert [(row["what"], row["runs"], row["worst_run"]) for row in rows] == [("rate_norm_deg_s < 9.6", 2, 9)]
    shares = [
        1.0 - one["share"] for record in records(mixed) for one in record["expectations"] if not one["met"]
    ]
    assert rows[0]["worst_short_by"] == pytest.approx(max(shares))
    assert rows[0]["why"] == "no faster than released"


def test_time_to_standby_by_rate(tmp_path: Path) -> None:
    """Labels joined with outcomes, on three lines written for it: 3-4-0 is 5 deg/s, 0-0-9.5 is 9.5."""
    runs = [
        {"index": 0, "labels": rates(3.0, 4.0, 0.0), "working_s": 100.0},
        {"index": 1, "labels": rates(5.5, 0.0, 0.0), "working_s": 300.5},
        {"index": 2, "labels": rates(0.0, 0.0, 9.5), "working_s": None},
    ]
    lines = [json.dumps({"state": "flown", "faults": [], "unmet": []} | run) for run in runs]
    (tmp_path / "runs.jsonl").write_text("\n".join(lines))
    assert [tuple(row.values()) for row in ask(tmp_path, "dispersion")] == [
        (5.0, 2, 100.0, 300.5, 0),
        (9.0, 1, None, None, 1),
    ]


def rates(x: float, y: float, z: float) -> dict[str, float]:
    return {f"initial.rate_deg_s[{axis}]": value for axis, value in enumerate((x, y, z))}


def test_every_query_is_on_the_page_and_every_one_of_the_page_runs(mixed: Path) -> None:
    shown = re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for query in QUERIES:
        assert query.sql + "\n" in shown
    for text in shown:
        connect(mixed).execute(text)


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="safehold report"):
        connect(tmp_path)
