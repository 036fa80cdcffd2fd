"""What a person is told at the end of a campaign, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator

from safehold.campaign.analysis import Analysis
from safehold.campaign.counters import OUTCOMES, Rate
from safehold.campaign.entry import NO_FAULT
from safehold.campaign.junit import clean

KINDS_SHOWN = 12
FAILED_SHOWN = 5


def summary_lines(analysis: Analysis) -> list[str]:
    """The summary; the last line is the verdict."""
    lines = [*_rates(analysis), *_answers(analysis), *_stops(analysis), *_ends(analysis)]
    return [clean(line) for line in lines]


def rate_text(rate: Rate) -> str:
    """A rate with its interval, such as "3 of 200, 1.5 % (0.31 to 4.3 %)"; of no events at most what."""
    if not rate.trials:
        return "none of none"
    document = rate.document()
    if not rate.events:
        return f"0 of {rate.trials:,} (at most {percent(document['at_most'])})"
    low, high = document["clopper_pearson"]
    span = f"{percent(low).removesuffix(' %')} to {percent(high)}"
    return f"{rate.events:,} of {rate.trials:,}, {percent(rate.share)} ({span})"


def percent(share: float | None) -> str:
    """A share as a percentage with two or three digits that mean something."""
    if share is None:
        return "-"
    value = share * 100.0
    if value in (0.0, 100.0):
        return f"{value:.0f} %"
    # Close to 0 and to 100 the distance from them is what counts.
    distance = min(value, 100.0 - value) * (1.0 + 1e-9)
    digits = 1
    while digits < 7 and distance < 10.0 ** (1 - digits):
        digits += 1
    return f"{value:.{digits}f} %"


def seconds_text(seconds: float | None) -> str:
    """A time for a table: "0.40 s", "35 s", "12 min", "3.1 h"."""
    if seconds is None:
        return "-"
    if seconds < 10.0:
        return f"{seconds:.2f} s"
    if seconds < 600.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 7200.0 else f"{seconds / 3600.0:.1f} h"


def _rates(analysis: Analysis) -> Iterator[str]:
    whole = analysis.tally.all
    for name in OUTCOMES:
        yield f"{name:<9}{rate_text(Rate(whole.outcomes[name], whole.runs))}"
    yield f"failed   {rate_text(Rate(whole.failed, whole.runs))}"


def _answers(analysis: Analysis) -> Iterator[str]:
    answers = analysis.tally.answers
    medians = {(one.kind, one.stage): one.document()["p50"] for one in analysis.times}
    for kind in sorted(answers)[:KINDS_SHOWN]:
        rates = answers[kind].rates()
        detected, recovered = rates["detected"], rates["recovered"]
        text = f"{detected.events:,} of {detected.trials:,} detected"
        if medians[kind, "detect"] is not None:
            text += f" (median {seconds_text(medians[kind, 'detect'])})"
        if recovered.trials:
            text += f", {recovered.events:,} of {recovered.trials:,} recovered"
        yield f"fault    {kind}: {text}"
    if len(answers) > KINDS_SHOWN:
        yield f"fault    {len(answers) - KINDS_SHOWN} kinds more in report.html"


def _stops(analysis: Analysis) -> Iterator[str]:
    tally = analysis.tally
    if set(tally.stops) - {"end"}:
        counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(tally.stops.items()))
        yield f"stopped  {counts}; {percent(tally.flown_s / tally.sim_s)} of the time was flown"
    checks = analysis.checks
    if checks.checked or tally.stops["reconverged"]:
        yield f"checked  {checks.checked:,} reconverged runs flown on, {len(checks.disagreements):,} disagree"
    if checks.repeated:
        yield f"repeated {checks.repeated:,} runs flown twice, {len(checks.differences):,} differ"
    for replicas, flips in sorted(tally.flips.items()):
        if flips.rate.trials:
            yield f"flips    {replicas} replicas: wrong actuation in {rate_text(flips.rate)}"


def _ends(analysis: Analysis) -> Iterator[str]:
    for entry in analysis.tally.failed[:FAILED_SHOWN]:
        first = entry.first_fault
        where = f", {first.kind} on {first.target} in {first.mode}" if first is not None else f", {NO_FAULT}"
        why = "; ".join(entry.reasons) if entry.outcome == "LOST" else entry.unmet[0].what
        yield f"failed   run {entry.index} {entry.outcome}{where}: {why}"
    if analysis.failed_runs > FAILED_SHOWN:
        yield f"failed   {analysis.failed_runs - FAILED_SHOWN:,} more in report.html and junit.xml"
    yield f"verdict  {analysis.verdict}: {'; '.join(analysis.reasons)}"
