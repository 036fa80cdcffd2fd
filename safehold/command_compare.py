"""`safehold compare`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from safehold import compare_report
from safehold import display as displays
from safehold.code_id import import_numba_lightly
from safehold.command_run import Interrupt, summary_lines
from safehold.compare import ARMS, Comparison, compare
from safehold.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from safehold.folder import FolderWriter
from safehold.result import Result
from safehold.run import adjusted
from safehold.scenario import load


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """The options of `safehold compare`."""

    scenario: str
    seed: int | None
    duration: str | None
    out: Path | None
    json_output: bool
    deployment: str
    quiet: bool


def compare_command(options: CompareOptions) -> int:
    """Fly both arms, write the folder, print; returns the exit code, that of the arm with autonomy."""
    import_numba_lightly()
    scenario = adjusted(load(options.scenario), seed=options.seed, duration=options.duration)
    quiet = options.quiet or (options.json_output and not sys.stderr.isatty())
    with (
        Interrupt() as interrupt,
        FolderWriter(options.out, f"compare-{scenario.name}") as writer,
    ):
        found = compare(
            scenario,
            folder=writer.path,
            deployment=options.deployment,
            display=lambda arm: displays.choose(f"{scenario.name}, {arm}", quiet=quiet),
            stopped=lambda: interrupt.wished,
            summary=_summary,
        )
        writer.write_json("compare.json", found.document())
        writer.write_text("compare.txt", "\n".join(compare_report.lines(found)) + "\n")
        if scenario.output.report:
            writer.write_text("compare.html", compare_report.report(found))
        place = writer.commit()
    found = Comparison(
        *(replace(arm, folder=place / name) for arm, name in zip(found.arms, ARMS, strict=True))
    )
    if options.json_output:
        print(json.dumps(found.document(), indent=2, allow_nan=False))
    else:
        for line in compare_report.lines(found):
            print(line)
        print(f"folder    {place}" + (", with compare.html" if scenario.output.report else ""))
    if not all(arm.document["complete"] for arm in found.arms):
        return EXIT_INTERRUPTED
    return EXIT_OK if found.autonomy.ok else EXIT_FAILED


def _summary(result: Result) -> list[str]:
    return list(summary_lines(result))
