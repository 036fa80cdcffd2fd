"""Campaigns, timed: runs a minute on 1 and on 2 workers, and their memory, beside Basilisk's Monte Carlo.

    python -m bench.campaign                              the built-in campaign `dispersion`: 200 × 6,000 s
    python -m bench.campaign --runs 40 --basilisk-runs 10 --json
    python -m bench.campaign --basilisk /path/to/python   Basilisk from another environment (else this one)

Runs a minute are results divided by the wall time from the first run that was expanded to the last result on
the disk; the share of runs that is flown twice is in the time and not in the count. Compilation and what all
share are made before; the analysis at the end is given apart. Basilisk flies the model of `bench/basilisk.py`
(`full` and `lean`) for the same 60,000 steps a run on as many processes as we have workers, in turn with
ours; its imports are not counted either.

Processor time is that of all processes, parents and analysis included: on a busy machine, where wall times
say more about who else is on it, the figure to compare. Memory is that of the workers: resident, and of that
what they share with nobody (private)."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from safehold.code_id import prepare_numba_cache

prepare_numba_cache()  # before numba is imported

from bench.loop import basilisk, basilisk_config  # noqa: E402
from safehold.campaign.definition import load_campaign  # noqa: E402
from safehold.campaign.execute import execute  # noqa: E402
from safehold.campaign.expand import Campaign  # noqa: E402
from safehold.campaign.fly_run import warm_up  # noqa: E402
from safehold.campaign.progress import Quiet  # noqa: E402
from safehold.campaign.summary import Summary  # noqa: E402

EARLY = 10


class Memory(Quiet):
    """Reads the workers' memory as results come in."""

    def __init__(self) -> None:
        self.by_runs: dict[int, dict[str, float]] = {}

    def update(self, summary: Summary) -> None:
        if summary.flown not in self.by_runs and summary.flown in (EARLY, summary.total):
            workers = [memory_mb(int(child.pid or 0)) for child in multiprocessing.active_children()]
            self.by_runs[summary.flown] = {
                name: max(worker[name] for worker in workers) for name in ("resident", "private")
            }


def memory_mb(pid: int) -> dict[str, float]:
    """A process's memory in MB: resident, and private to it."""
    found = {"resident": 0.0, "private": 0.0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        name, _, rest = line.partition(":")
        if name == "Rss":
            found["resident"] += int(rest.split()[0]) / 1e3
        elif name in ("Private_Clean", "Private_Dirty"):
            found["private"] += int(rest.split()[0]) / 1e3
    return found


def cpu_s() -> float:
    """Processor time of this process and of its children that have ended."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def ours(campaign: Campaign, workers: int) -> dict[str, Any]:
    """Fly the campaign into a new folder."""
    memory = Memory()
    with tempfile.TemporaryDirectory() as folder:
        start, before = time.perf_counter(), cpu_s()
        summary = execute(campaign, Path(folder) / "campaign", workers=workers, progress=memory)
        whole_s, spent_s = time.perf_counter() - start, cpu_s() - before
    return {
        "workers": workers,
        "runs": summary.flown,
        "flown_twice": summary.repeated,
        "wall_s": summary.wall_s,
        "analysis_s": whole_s - summary.wall_s,
        "runs_a_minute": summary.flown / summary.wall_s * 60.0,
        "cpu_s_a_run": spent_s / (summary.flown + summary.repeated),
        "outcomes": dict(summary.outcomes),
        "failed": summary.failed,
        "disagreements": len(summary.disagreements),
        "memory_mb": {str(runs): found for runs, found in sorted(memory.by_runs.items())},
    }


def basilisk_campaign(python: str, config: dict[str, Any]) -> dict[str, Any] | None:
    """Basilisk's controller in a process of its own; None if it is not installed there."""
    found = basilisk(python, config, "bench.basilisk_campaign")
    if found is None:
        return None
    if found["failed"] or found["different_ends"] != config["runs"]:
        raise RuntimeError(f"Basilisk's runs are not what they should be: {found}")
    return found | {"runs_a_minute": found["runs"] / found["wall_s"] * 60.0}


def measure(runs: int, python: str | None, basilisk_runs: int, variants: list[str]) -> dict[str, Any]:
    """Ours on one worker, Basilisk, ours on two."""
    campaign = load_campaign("dispersion", {"runs": runs})
    warm_up(campaign)
    report: dict[str, Any] = {
        "campaign": campaign.name,
        "runs": runs,
        "sim_s": campaign.base.duration / 1e9,
        "one_worker": ours(campaign, 1),
    }
    config = basilisk_config(campaign.base, campaign.base.ticks) | {"runs": basilisk_runs, "processes": 2}
    others = (
        {name: basilisk_campaign(python, config | {"variant": name}) for name in variants} if python else {}
    )
    report["two_workers"] = ours(campaign, 2)
    rate = report["two_workers"]["runs_a_minute"]
    report["scaling"] = rate / report["one_worker"]["runs_a_minute"]
    for name, found in others.items():
        if found is not None:
            report.setdefault("basilisk", {})[name] = found | {
                "ratio": rate / found["runs_a_minute"],
                "cpu_ratio": found["cpu_s_a_run"] / report["two_workers"]["cpu_s_a_run"],
            }
    return report


def lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    text = [f"{report['campaign']}, {report['runs']} runs of {report['sim_s']:,.0f} s, everything on:"]
    for name in ("one_worker", "two_workers"):
        row = report[name]
        text.append(
            f"  {row['runs_a_minute']:6.0f} runs a minute on {row['workers']} worker(s): "
            f"{row['wall_s']:.1f} s, {row['flown_twice']} flown twice within it, "
            f"{row['analysis_s']:.1f} s of analysis after it"
        )
        text.append(f"         {row['cpu_s_a_run']:.2f} s of processor a flight")
        for runs, memory in row["memory_mb"].items():
            text.append(
                f"         a worker's memory after {runs} runs: {memory['resident']:.1f} MB, "
                f"{memory['private']:.1f} MB of its own"
            )
    text.append(f"  {report['scaling']:6.2f} × from one worker to two")
    for name, row in report.get("basilisk", {}).items():
        text.append(
            f"  {row['runs_a_minute']:6.0f} runs a minute by Basilisk {row['version']}, {name}, "
            f"on 2 processes ({row['runs']} runs): ours is {row['ratio']:.1f} × that"
        )
        text.append(
            f"         {row['cpu_s_a_run']:.2f} s of processor a flight: {row['cpu_ratio']:.1f} × ours"
        )
    if "basilisk" not in report:
        text.append("Basilisk is not installed here: pip install '.[bench]' pandas, or --basilisk PYTHON")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description="Time campaigns, beside Basilisk's Monte Carlo controller.")
    parser.add_argument("--runs", type=int, default=200, help="runs of each of ours (default: 200)")
    parser.add_argument(
        "--basilisk", default=sys.executable, metavar="PYTHON", help="interpreter that has bsk"
    )
    parser.add_argument("--no-basilisk", action="store_true", help="leave Basilisk out")
    parser.add_argument("--basilisk-runs", type=int, default=40, help="runs of Basilisk (default: 40)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    python = None if arguments.no_basilisk else arguments.basilisk
    report = measure(arguments.runs, python, arguments.basilisk_runs, ["full", "lean"])
    print(json.dumps(report, indent=2) if arguments.json else "\n".join(lines(report)))


if __name__ == "__main__":
    main()
