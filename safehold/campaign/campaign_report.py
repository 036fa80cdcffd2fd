"""A campaign's report: one HTML file that works offline, with the verdict on its first page."""

from __future__ import annotations

from pathlib import Path

from safehold.campaign import campaign_tables
from safehold.campaign.analysis import Analysis, analyse, write_campaign_json
from safehold.campaign.campaign_figures import figures
from safehold.campaign.campaign_summary import percent, rate_text, seconds_text
from safehold.campaign.campaign_tables import folded, text
from safehold.campaign.counters import FAILED_KEPT, OUTCOMES, Rate
from safehold.campaign.entry import Entry
from safehold.campaign.junit import clean, write_junit
from safehold.campaign.lines import read_lines
from safehold.campaign.reading import can_replay, replay_command
from safehold.campaign.whole_file import Whole
from safehold.report_style import page, table

LABELS_SHOWN = 6

STYLE = """
.verdict { display: flex; gap: 22px; align-items: center; margin: 10px 0 4px; }
.verdict .word { font-size: 34px; font-weight: 800; letter-spacing: .02em; color: #fff; border-radius: 10px;
  padding: 8px 24px; background: #5c6b73; }
.verdict .word.passed { background: #2a9d5c; } .verdict .word.failed { background: #b3261e; }
.verdict .word.incomplete { background: #d08c2c; }
.verdict ul { margin: 0; padding-left: 18px; font-size: 16px; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin-top: 12px; }
.tile { border: 1px solid #dfe3ea; border-left: 6px solid #9aa3b2; border-radius: 8px; padding: 8px 14px; }
.tile b { font-size: 24px; display: block; } .tile span { color: #5a6473; font-size: 13px; }
.tile.ok { border-left-color: #2a9d5c; } .tile.degraded { border-left-color: #d08c2c; }
.tile.lost, .tile.failed { border-left-color: #b3261e; }
code { font: 12.5px ui-monospace, monospace; background: #f1f3f6; padding: 1px 6px; border-radius: 4px;
  user-select: all; overflow-wrap: anywhere; }
td.rate { white-space: nowrap; }
tr.lost td:first-child { color: #b3261e; font-weight: 700; } tr.degraded td:first-child { color: #b77412; }
.note { color: #5a6473; font-size: 13px; }
"""


def conclude(folder: Path) -> Analysis:
    """Read a campaign's folder; leave campaign.json, junit.xml and report.html in it. Raises FolderError."""
    analysis = analyse(folder)
    write_junit(folder, analysis)
    write_report(folder, analysis)
    write_campaign_json(folder, analysis)
    return analysis


def report_again(folder: Path) -> Path:
    """Make a campaign's report anew, with junit.xml and campaign.json; returns the report's path.

    campaign.json says whether the campaign is complete; if it is not, the same command goes on with it.
    """
    conclude(folder)
    return folder / "report.html"


def write_report(folder: Path, analysis: Analysis) -> Path:
    """Write report.html; returns its path. Raises FolderError."""
    path = folder / "report.html"
    text = report_page(folder, analysis)
    with Whole(path) as out:
        out.write(text)
    return path


def report_page(folder: Path, analysis: Analysis) -> str:
    """The whole report as text."""
    drawn = figures(analysis)
    place = {name: f'<div id="figure-{index}"></div>' for index, name in enumerate(drawn)}
    boxes = {name: f"<section>{box}</section>" for name, box in place.items()}
    sections = [
        _head(folder, analysis, place.get("outcomes", "")),
        _worst(folder, analysis),
        campaign_tables.expectations(analysis),
        boxes.get("heat", ""),
        campaign_tables.score_card(analysis),
        boxes.get("detect", ""),
        boxes.get("recover", ""),
        campaign_tables.times(analysis),
        campaign_tables.cells(analysis),
        boxes.get("dispersions", ""),
        boxes.get("working", ""),
        campaign_tables.numbers(analysis),
        campaign_tables.words(analysis),
        boxes.get("stops", ""),
        campaign_tables.flips(analysis),
        _failed(folder, analysis),
        _crashed(folder, analysis),
        _how_to_read(),
    ]
    return page(
        f"safehold campaign {clean(analysis.head.name)}", "\n".join(sections), list(drawn.values()), STYLE
    )


# --- the first page -----------------------------------------------------------------------------------------


def _head(folder: Path, analysis: Analysis, bar: str) -> str:
    whole = analysis.tally.all
    facts = {
        "runs": f"{analysis.flown:,} of {analysis.planned:,}",
        "base": analysis.head.base,
        "seed": analysis.head.seed,
        "code": ", ".join(sorted(code[:16] for code in analysis.tally.code_ids)) or "-",
        "flown": f"{seconds_text(analysis.tally.flown_s)} of {seconds_text(analysis.tally.sim_s)} simulated",
        **_cost(folder),
    }
    cells = "".join(f"<span><b>{text(name)}</b> {text(value)}</span>" for name, value in facts.items())
    reasons = "".join(f"<li>{text(reason)}</li>" for reason in analysis.reasons)
    tiles = "".join(_tile(name, Rate(whole.outcomes[name], whole.runs)) for name in OUTCOMES)
    tiles += _tile("failed", Rate(whole.failed, whole.runs))
    return (
        f"<header><h1>{text(analysis.head.name)}</h1><p>{text(analysis.head.description)}</p>"
        f'<div class="verdict"><div class="word {analysis.verdict.lower()}">{analysis.verdict}</div>'
        f'<ul>{reasons}</ul></div><div class="tiles">{tiles}</div>{bar}{_checks(analysis)}'
        f'<p class="facts">{cells}</p></header>'
    )


def _tile(name: str, rate: Rate) -> str:
    if not rate.trials:
        return f'<div class="tile"><b>-</b>{text(name)}<br><span>no runs</span></div>'
    document = rate.document()
    if not rate.events:
        span = f"at most {percent(document['at_most'])}"
    else:
        low, high = document["clopper_pearson"]
        span = f"{percent(low)} to {percent(high)}"
    kind = name.lower() if rate.events else ""
    return (
        f'<div class="tile {kind}"><b>{rate.events:,}</b>{text(name)}, {percent(rate.share)}'
        f"<br><span>{span}</span></div>"
    )


def _cost(folder: Path) -> dict[str, str]:
    """What the flights took on the wall, from costs.jsonl; nothing if there is none."""
    unfit: list[str] = []  # a flight that was ended leaves half a line, and the next one goes on behind it
    walls = [
        line["wall_s"]
        for line in read_lines(folder / "costs.jsonl", unfit=unfit)
        if isinstance(line.get("wall_s"), float)
    ]
    if not walls:
        return {}
    lost = f"; {len(unfit):,} lines cannot be read" if unfit else ""
    return {"cost": f"{seconds_text(sum(walls))}, {sum(walls) / len(walls):.3g} s a flight{lost}"}


def _checks(analysis: Analysis) -> str:
    tally, checks = analysis.tally, analysis.checks
    rows = [
        ("false safe", "left its work for SAFE or SURVIVAL before any fault",
         Rate(tally.false_safe["events"], tally.false_safe["runs"])),
    ]  # fmt: skip
    if checks.repeated:
        rows.append(
            ("repeats", "flown twice, results differ", Rate(len(checks.differences), checks.repeated))
        )
    if checks.checked or tally.stops["reconverged"]:
        what = f"flown on to the end, disagree (of {tally.stops['reconverged']:,} reconverged)"
        rows.append(("reconverged", what, Rate(len(checks.disagreements), checks.checked)))
    bad = {"repeats": bool(checks.differences), "reconverged": bool(checks.disagreements)}
    lines = "".join(
        f'<tr class="{"unmet" if bad.get(name) else ""}"><td>{name}</td><td>{text(what)}</td>'
        f"<td>{rate_text(rate)}</td></tr>"
        for name, what, rate in rows
    )
    return f'<table style="margin:10px 0 8px">{lines}</table>'


def _worst(folder: Path, analysis: Analysis) -> str:
    entries = analysis.tally.worst.entries()
    if not entries:
        return ""
    rows = "".join(_run_row(folder, analysis, entry) for entry in entries)
    return table("The worst runs", RUN_HEAD, rows)


RUN_HEAD = ("outcome", "run", "first fault", "why, and how to replay it", "drawn")


def _run_row(folder: Path, analysis: Analysis, entry: Entry) -> str:
    first = entry.first_fault
    where = (
        "" if first is None else f"{first.kind} on {first.target} at {first.injected_s:,.0f} s, {first.mode}"
    )
    if first is not None and first.light != "unknown":
        where += f", {first.light}"
    if len(entry.faults) > 1:
        where += f" (and {len(entry.faults) - 1} more)"
    unmet = [f"{one.what}: {one.found}" for one in entry.unmet]
    why = "; ".join([*entry.reasons, *unmet] if entry.outcome != "OK" or not unmet else unmet)
    replay = f"<p><code>{text(replay_command(folder, entry.index))}</code></p>" if entry.failed else ""
    outcome = text(entry.outcome) + (" unmet" if unmet else "")
    return (
        f'<tr class="{text(entry.outcome.lower())}"><td>{outcome}</td>'
        f"<td>{entry.index}</td><td>{text(where)}</td><td>{text(why)}{replay}</td>"
        f"<td>{text(_labels(analysis, entry))}</td></tr>"
    )


def _labels(analysis: Analysis, entry: Entry) -> str:
    """What was drawn for a run; not what is the same in all, nor the one fault that is told beside it."""
    told = ("fault.kind", "fault.target", "fault.at_s") if len(entry.faults) == 1 else ()
    shown = [
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in entry.labels.items()
        if name not in told and analysis.tally.labels[name].varies
    ]
    more = [f"{len(shown) - LABELS_SHOWN} more"] if len(shown) > LABELS_SHOWN else []
    return ", ".join(shown[:LABELS_SHOWN] + more)


def _failed(folder: Path, analysis: Analysis) -> str:
    entries = analysis.tally.failed
    if not entries:
        return ""
    rows = "".join(_run_row(folder, analysis, entry) for entry in entries)
    left_out = analysis.failed_runs - len(entries)
    note = f"<p>{left_out:,} more in junit.xml and runs.jsonl.</p>" if left_out else ""
    section = table("", RUN_HEAD, rows, note)
    return folded(f"All failed runs ({analysis.failed_runs:,})", section)


def _crashed(folder: Path, analysis: Analysis) -> str:
    rows = ""
    for entry in analysis.tally.crashed:
        replay = replay_command(folder, entry.index) if can_replay(folder, entry.index) else ""
        cell = f"<code>{text(replay)}</code>" if replay else "-"
        rows += f"<tr><td>{entry.index}</td><td>{text(entry.why)}</td><td>{cell}</td></tr>"
    if not rows:
        return ""
    left_out = analysis.crashed - min(analysis.crashed, FAILED_KEPT)
    note = f"<p>{left_out:,} more in junit.xml.</p>" if left_out else ""
    return table("Runs without a result", ("run", "why", "replay"), rows, note)


def _how_to_read() -> str:
    return folded(
        "How to read this",
        "<p>Ranges are intervals of Clopper and Pearson at 95 %: they hold the true share in at least 95 of "
        "100 such campaigns. “At most” is the one-sided bound at 95 % when nothing was seen. Percentiles are "
        "observed values; their ranges come from order statistics, and … says that there are too few values "
        "for a bound. A run is counted where its first fault hit: the mode and the light at that moment.</p>",
    )
