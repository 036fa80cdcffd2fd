"""The campaign report: what is on its page, that it needs nothing from outside, and that text stays text."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from safehold.campaign.analysis import Analysis, analyse
from safehold.campaign.campaign_figures import figures
from safehold.campaign.campaign_report import report_page
from safehold.campaign.campaign_strips import working_scatter
from safehold.campaign.entry import Entry
from safehold.campaign.reading import Checks, Head
from safehold.campaign.tally import Tally

pytestmark = pytest.mark.requirement("S5")


class Page(HTMLParser):
    """Text and elements outside scripts, and the ids of elements; refuses what does not nest."""

    VOID = frozenset({"meta", "br", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def text(mixed: Path) -> str:
    return report_page(mixed, analyse(mixed))


def drawings(text: str) -> list[dict[str, object]]:
    found = re.search(r"<script>const drawings = (\[.*?\]);\n", text, re.DOTALL)
    assert found
    loaded: list[dict[str, object]] = json.loads(found[1].replace("<\\/", "</"))
    return loaded


def test_the_verdict_comes_first(text: str) -> None:
    body = text[text.index("<body>") :]
    assert body.index("FAILED") < body.index("The worst runs") < body.index('id="figure-1"')
    page = Page(text)
    assert page.text.index("FAILED") < page.text.index("1 run lost") < page.text.index("The worst runs")
    assert "1 run lost" in page.text
    assert "0.25 % to 44.5 %" in page.text  # 1 of 10 lost


def test_worst_runs_carry_the_command_that_replays_them(text: str, mixed: Path) -> None:
    commands = re.findall(r"<code>(safehold run [^<]*)</code>", text[: text.index("The worst runs") + 5000])
    paths = [Path(html.unescape(command).removeprefix("safehold run ")) for command in commands]
    assert paths[0] == mixed / "scenarios" / "000009.toml"
    assert all(path.is_file() for path in paths)


def test_it_works_offline(text: str) -> None:
    page = Page(text)
    assert page.addresses == []
    assert not {"link", "img", "iframe", "object"} & set(page.tags)


def test_every_drawing_has_its_place(text: str, mixed: Path) -> None:
    page = Page(text)
    places = [one for one in page.ids if one.startswith("figure-")]
    drawn = drawings(text)
    assert sorted(places) == sorted(f"figure-{number}" for number in range(len(drawn)))
    assert list(figures(analyse(mixed))) == [
        "outcomes", "heat", "detect", "recover", "dispersions", "stops",
    ]  # fmt: skip
    assert all(one["data"] for one in drawn)


def test_drawings_show_what_was_counted(mixed: Path) -> None:
    drawn = figures(analyse(mixed))
    lengths = {trace["name"]: trace["x"][0] for trace in drawn["outcomes"]["data"]}
    assert lengths["LOST"] == 0.1
    assert sum(lengths.values()) == pytest.approx(1.0)
    cells = [cell for trace in drawn["heat"]["data"] for row in trace["text"] for cell in row if cell]
    assert sum(int(cell.partition(" / ")[2]) for cell in cells) == 7
    curve = next(trace for trace in drawn["detect"]["data"] if trace["name"].startswith("gyro_bias"))
    assert curve["name"] == "gyro_bias (4 of 4)"
    assert curve["y"][-1] == 1.0
    assert sum(sum(trace["x"]) for trace in drawn["stops"]["data"]) == 10


def test_a_curve_ends_at_the_share_that_was_answered(mixed: Path, tmp_path: Path) -> None:
    """Faults that were never detected are not forgotten: one of four gyro faults made silent ends at 75 %."""
    from safehold.campaign.store import Store, open_record, seal

    folder = Path(shutil.copytree(mixed, tmp_path / "campaign"))
    key = json.loads((folder / "manifest.jsonl").read_text().splitlines()[0])["key"]
    record = open_record(Store(folder).path(key).read_bytes(), key)
    record["faults"][0]["detected_s"] = None
    Store(folder).write(key, seal(record))
    curve = next(
        one for one in figures(analyse(folder))["detect"]["data"] if one["name"].startswith("gyro_bias")
    )
    assert curve["name"] == "gyro_bias (3 of 4)"
    assert curve["y"][-1] == 0.75


def test_time_to_work_is_drawn_against_what_it_depends_on() -> None:
    """Four numbers drawn for 50 runs, of which one decides: it comes first, with NumPy's correlation."""
    generator = np.random.default_rng(3)
    drawn = generator.normal(size=(50, 4))
    working_s = 3000.0 + 500.0 * drawn[:, 2] + 100.0 * drawn[:, 0]
    tally = Tally()
    for index in range(50):
        labels = {f"key.{column}": float(drawn[index, column]) for column in range(4)} | {"seed": index}
        tally.add(
            Entry(index, f"{index:064x}", labels, "flown", outcome="OK", working_s=float(working_s[index]))
        )
    scatter = working_scatter(Analysis(Head("x", "", 1, ""), tally, Checks(), ()))
    assert scatter is not None
    titles = [axis["title"]["text"] for name, axis in scatter["layout"].items() if name.startswith("xaxis")]
    r = np.corrcoef(drawn[:, 2], working_s)[0, 1]
    assert titles[0] == f"key.2, r = {r:+.2f}"
    assert titles[1].startswith("key.0")
    assert not any("seed" in title for title in titles)
    assert scatter["data"][0]["y"] == working_s.tolist()


def test_hostile_text_stays_text(mixed: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(mixed, tmp_path / "campaign"))
    hostile = "</script><script>alert(1)</script>\x1b<img src=x onerror=alert(1)>"
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    for line in lines:
        line["labels"][hostile] = line["index"] + 0.5 if line["index"] < 9 else hostile
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = report_page(folder, analyse(folder))
    page = Page(text)
    assert page.tags.count("script") == 2
    assert "img" not in page.tags
    assert "\x1b" not in text
    assert drawings(text)


def test_an_unflown_campaign_has_a_report(mixed: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(mixed, tmp_path / "campaign"))
    shutil.rmtree(folder / "results")
    page = Page(report_page(folder, analyse(folder)))
    assert "INCOMPLETE" in page.text
    assert "10 runs not flown yet" in page.text


def test_report_command_makes_a_campaigns_report_again(mixed: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(mixed, tmp_path / "campaign"))
    for name in ("report.html", "junit.xml", "campaign.json"):
        (folder / name).unlink()
    ran = subprocess.run(
        [sys.executable, "-m", "safehold", "report", str(folder)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str(folder / "report.html")
    assert (folder / "report.html").stat().st_size > 1_000_000
    assert (folder / "junit.xml").read_bytes().startswith(b"<?xml")
    assert (folder / "campaign.json").read_bytes() == (mixed / "campaign.json").read_bytes()
