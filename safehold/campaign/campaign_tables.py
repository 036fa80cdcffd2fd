"""The tables of a campaign's report, as HTML; what comes from files is escaped."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from safehold.campaign.analysis import Analysis, dispersions
from safehold.campaign.analysis import score_card as score_card_lines
from safehold.campaign.campaign_summary import rate_text, seconds_text
from safehold.campaign.counters import OUTCOMES, Cell, Rate
from safehold.campaign.junit import clean
from safehold.report_style import table

NUMBERS_SHOWN = 20
WORDS_SHOWN = 60
CELLS_SHOWN = 120
STAGES_OF_A_FAULT = ("detected", "isolated", "recovered", "sheltered")


def text(value: object) -> str:
    """A value as HTML."""
    return html.escape(clean(value))


def folded(title: str, section: str) -> str:
    """A section that opens when somebody asks for it."""
    return f"<details><summary>{title}</summary>{section}</details>"


def _note(words: str) -> str:
    return f'<p class="note">{words}</p>'


def expectations(analysis: Analysis) -> str:
    """Every expectation, how often it was unmet, and the run that was worst."""
    rows = ""
    for what, one in analysis.tally.expectations.items():
        rate = rate_text(Rate(one.unmet, one.runs))
        rows += f'<tr class="{"unmet" if one.unmet else "met"}"><td>{"unmet" if one.unmet else "met"}</td>'
        rows += f"<td>{text(what)}</td><td>{rate}</td><td>{text(one.found)}</td><td>{one.run}</td></tr>"
    if not rows:
        return ""
    return table("Expectations", ("", "what", "unmet", "found in the worst run", "run"), rows)


def score_card(analysis: Analysis) -> str:
    """The FDIR score card."""
    rows = "".join(
        "<tr>"
        + f"<td>{text(line['kind'])}</td><td>{line['injected']:,}</td>"
        + "".join(f'<td class="rate">{_rate(line[name])}</td>' for name in STAGES_OF_A_FAULT)
        + "</tr>"
        for line in score_card_lines(analysis.tally)
    )
    if not rows:
        return ""
    head = ("fault", "injected", "detected", "isolated", "recovered", "took shelter")
    note = _note(
        "Detected and isolated: of all that were injected. Recovered: of those that ended within the run, "
        "and of bit flips. Took shelter: went to SAFE or SURVIVAL, of the runs in which it was the first "
        "fault."
    )
    return table("Fault detection, isolation and recovery", head, rows, note)


def _rate(document: Mapping[str, Any]) -> str:
    return rate_text(Rate(document["events"], document["trials"])) if document["trials"] else "-"


def times(analysis: Analysis) -> str:
    """Times as percentiles."""
    lines = [one.document() for one in analysis.times if one.ordered]
    if not lines:
        return ""
    rows = "".join(
        f"<tr><td>{text(line['kind'])}</td><td>{line['stage']}</td><td>{line['reached']:,}</td>"
        f"<td>{line['never']:,}</td>"
        + "".join(f"<td>{_percentile(line, name)}</td>" for name in ("p50", "p90", "p95", "p99"))
        + f"<td>{seconds_text(line['max'])}</td></tr>"
        for line in lines
    )
    head = ("fault", "to", "reached", "never", "p50", "p90", "p95", "p99", "longest")
    note = _note("From the injection, among the faults that reached the stage.")
    return table("Times", head, rows, note)


def _percentile(line: Mapping[str, Any], name: str) -> str:
    low, high = line[f"{name}_interval"]
    span = " to ".join("…" if bound is None else seconds_text(bound) for bound in (low, high))
    return f'{seconds_text(line[name])} <span class="note">({span})</span>'


def cells(analysis: Analysis) -> str:
    """Outcomes by kind of fault, mode and light, the worst first."""
    found = sorted(
        analysis.tally.cells.items(), key=lambda item: (-(item[1].not_clean.share or 0.0), item[0])
    )
    if len(found) < 2:
        return ""
    rows = "".join(
        "<tr>" + "".join(f"<td>{text(part)}</td>" for part in key) + _cell_columns(cell) + "</tr>"
        for key, cell in found[:CELLS_SHOWN]
    )
    note = f"<p>{len(found) - CELLS_SHOWN} more in campaign.json.</p>" if len(found) > CELLS_SHOWN else ""
    head = ("first fault", "in mode", "light", *CELL_HEAD)
    return (
        f"<details><summary>Rates by fault, mode and light</summary>{table('', head, rows, note)}</details>"
    )


CELL_HEAD = ("runs", "OK", "DEGRADED", "LOST", "failed")


def _cell_columns(cell: Cell) -> str:
    rates = [Rate(cell.outcomes[name], cell.runs) for name in OUTCOMES] + [Rate(cell.failed, cell.runs)]
    return f"<td>{cell.runs:,}</td>" + "".join(f"<td>{rate_text(rate)}</td>" for rate in rates)


def numbers(analysis: Analysis) -> str:
    """Means of what was drawn, in clean runs and in the others."""
    lines = [line for line in dispersions(analysis.tally)["numbers"] if line["other"]["runs"]]
    if not lines:
        return ""
    lines.sort(key=lambda line: (-abs(line["difference"] or 0.0), line["label"]))
    rows = "".join(
        f"<tr><td>{text(line['label'])}</td>{_moments(line['clean'])}{_moments(line['other'])}"
        f"<td>{'-' if line['difference'] is None else format(line['difference'], '+.2f')}</td></tr>"
        for line in lines[:NUMBERS_SHOWN]
    )
    head = ("drawn", "clean runs", "mean", "deviation", "other runs", "mean", "deviation", "difference")
    note = _note(
        "Clean: OK with every expectation met. The difference of the means is in units of their common "
        f"standard deviation. {len(lines)} numbers were compared: among many, some differ by chance."
    )
    return table("Numbers drawn, in clean runs and in the others", head, rows, note)


def _moments(moments: Mapping[str, Any]) -> str:
    mean = "-" if not moments["runs"] else f"{moments['mean']:.5g}"
    deviation = "-" if moments["deviation"] is None else f"{moments['deviation']:.3g}"
    return f"<td>{moments['runs']:,}</td><td>{mean}</td><td>{deviation}</td>"


def words(analysis: Analysis) -> str:
    """Outcomes by the words that were drawn."""
    lines = [
        (name, word, cell)
        for name, label in sorted(analysis.tally.labels.items())
        if len(label.words) > 1
        for word, cell in sorted(label.words.items())
    ]
    if not lines:
        return ""
    rows = "".join(
        f"<tr><td>{text(name)}</td><td>{text(word)}</td>{_cell_columns(cell)}</tr>"
        for name, word, cell in lines[:WORDS_SHOWN]
    )
    section = table("", ("drawn", "value", *CELL_HEAD), rows)
    return folded("Outcomes by words drawn", section)


def flips(analysis: Analysis) -> str:
    """What bit flips did, by the number of replicas."""
    rows = ""
    for replicas, found in sorted(analysis.tally.flips.items()):
        stops = ", ".join(f"{count:,} {stop}" for stop, count in sorted(found.stops.items()))
        wrong = rate_text(found.rate) if found.rate.trials else "not compared"
        rows += f"<tr><td>{replicas}</td><td>{found.cell.runs:,}</td><td>{text(stops)}</td><td>{wrong}</td>"
        rows += f"<td>{found.unknown:,}</td>{_cell_columns(found.cell)}</tr>"
    if not rows:
        return ""
    head = ("replicas", "flips", "ended", "wrong actuation", "not compared", *CELL_HEAD)
    note = _note(
        "Over all flips of the region that they were drawn from, harmless ones included. Wrong actuation: "
        "the plant was not the fault-free run's, to the last bit."
    )
    return table("Bit flips", head, rows, note)
