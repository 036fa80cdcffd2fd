"""Commands that fly: one run, many, a hunt for the fault that breaks, two arms side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safehold.cli.app import app
from safehold.cli.options import (
    DurationOption,
    InProcessOption,
    JsonOption,
    ScenarioArgument,
    ScenarioOrNone,
    SeedOption,
)

PANEL = "Fly"


@app.command(rich_help_panel=PANEL)
def run(
    scenario: ScenarioOrNone = None,
    seed: SeedOption = None,
    duration: DurationOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run; it must not hold anything yet. Default: runs/NAME-N."),
    ] = None,
    json_output: JsonOption = False,
    in_process: InProcessOption = False,
    distributed: Annotated[
        bool,
        typer.Option("--distributed", help="Simulation, flight and ground as three processes in lockstep."),
    ] = False,
    flight: Annotated[
        str | None,
        typer.Option(
            metavar="ENDPOINT", help="Use the flight process there (safehold flight), as tcp://HOST:PORT."
        ),
    ] = None,
    ground: Annotated[
        str | None,
        typer.Option(
            metavar="ENDPOINT",
            help="Await a ground there that is started by hand (safehold ground), as tcp://HOST:PORT.",
        ),
    ] = None,
    snapshot_at: Annotated[
        list[str] | None,
        typer.Option(help="Leave a snapshot of the whole run at this time; may be repeated."),
    ] = None,
    from_snapshot: Annotated[
        Path | None, typer.Option(help="Run on from a snapshot to its scenario's end.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the summary.")] = False,
) -> None:
    """Fly a scenario and leave a folder with its result, truth, telemetry, events and report.

    Examples:

      safehold run                                 the default mission, a day

      safehold run wheel-loss --seed 7             another seed

      safehold run my-scenario.toml --out today    a file of yours

      safehold run --snapshot-at 3h --duration 4h  leave the whole state at 3 h

      safehold run --distributed                   simulation, flight and ground as three processes
    """
    from safehold.command_run import RunOptions, run_command
    from safehold.deployment import chosen

    options = RunOptions(
        scenario=scenario,
        seed=seed,
        duration=duration,
        out=out,
        json_output=json_output,
        deployment=chosen(in_process=in_process, distributed=distributed, flight=flight, ground=ground),
        snapshot_at=tuple(snapshot_at or ()),
        from_snapshot=from_snapshot,
        quiet=quiet,
    )
    raise typer.Exit(run_command(options))


@app.command(rich_help_panel=PANEL)
def campaign(
    campaign: Annotated[
        str,
        typer.Argument(metavar="CAMPAIGN", help="A built-in campaign's name, or the path of a .toml file."),
    ],
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be flown, and fly nothing.")] = False,
    engine: Annotated[
        str,
        typer.Option(help="local; dask for a Dask cluster on this machine; dask://HOST:PORT for another."),
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processes on this machine. Default: its cores.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the campaign. Default: runs/campaign-NAME-N, an unfinished one first."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed than the campaign's.")] = None,
    runs: Annotated[int | None, typer.Option(help="Another number of runs.")] = None,
    part: Annotated[str, typer.Option(help='Only a part of the runs: "1/2" is every second one.')] = "1/1",
    merge: Annotated[
        list[Path] | None,
        typer.Option(help="Take the results of another folder of this campaign; may be repeated."),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Folder of results that several campaigns share.")
    ] = None,
    no_fork: Annotated[
        bool, typer.Option("--no-fork", help="Fly every run from its beginning (for comparison).")
    ] = False,
    no_early_stop: Annotated[
        bool, typer.Option("--no-early-stop", help="Fly forked runs to their end (for comparison).")
    ] = False,
    keep_runs: Annotated[
        str, typer.Option(help="Which runs leave their whole folder: none, failed or all.")
    ] = "none",
    yes: Annotated[bool, typer.Option("--yes", help="Fly however many runs there are.")] = False,
    json_output: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the summary.")] = False,
) -> None:
    """Fly many runs of one definition and judge them together.

    What is done is kept: Ctrl-C stops, and the same command goes on. Any run that is lost or fails an
    expectation makes the exit code 1, and the summary ends with the command that replays it.

    Examples:

      safehold campaign smoke --plan               what it would fly, and how long that takes

      safehold campaign smoke --workers 2          fly it on two cores

      safehold campaign mine.toml --part 1/2       half of it; the other half elsewhere, then

      safehold campaign mine.toml --out whole --merge half-1 --merge half-2
    """
    from safehold.command_campaign import CampaignOptions, campaign_command

    options = CampaignOptions(
        campaign=campaign,
        plan=plan,
        engine=engine,
        workers=workers,
        out=out,
        seed=seed,
        runs=runs,
        part=part,
        store=store,
        merge=tuple(merge or ()),
        fork=not no_fork,
        early_stop=not no_early_stop,
        keep_runs=keep_runs,
        yes=yes,
        json_output=json_output,
        quiet=quiet,
    )
    raise typer.Exit(campaign_command(options))


@app.command(rich_help_panel=PANEL)
def hunt(
    scenario: ScenarioArgument,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY", help="Key of a fault to vary, like fault.1.factor; repeat to turn several alike."
        ),
    ] = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="LOW HIGH", help="The ends of its range, in the unit of the file."),
    ] = None,
    search: Annotated[
        bool, typer.Option("--search", help="Search schedules of faults, contacts and commands instead.")
    ] = False,
    faults: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="With --search: draw only this kind; may be repeated."),
    ] = None,
    at_most: Annotated[
        int | None, typer.Option(min=1, max=20, help="With --search: events in a schedule. Default: 3.")
    ] = None,
    examples: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="With --search: schedules to draw. Default: 100."),
    ] = None,
    back_within: Annotated[
        str | None,
        typer.Option(help='With --search: time to be back at work after the last event. Default: "45m".'),
    ] = None,
    broken_if: Annotated[
        str | None,
        typer.Option(
            metavar="WORD",
            help="What counts as broken: lost, degraded or unmet. Default: unmet, or degraded if there is "
            "nothing that it expects.",
        ),
    ] = None,
    tolerance: Annotated[
        str | None, typer.Option(help='How close to come: "1%" (the default), or a difference.')
    ] = None,
    grid: Annotated[
        int | None, typer.Option(min=0, max=1000, help="Values flown between the ends first. Default: 7.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Another seed than the scenario's; with --search the seed of the draws."),
    ] = None,
    duration: Annotated[str | None, typer.Option(help='Another duration, like "2h".')] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the hunt. Default: runs/hunt-NAME-N.")] = None,
    json_output: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")] = False,
) -> None:
    """Find the smallest fault that breaks the satellite; exit code 1 if one is found.

    With --vary it bisects a fault's size, onset or duration to the boundary between survived and broken.
    With --search it draws schedules of faults, contacts and commands, and shrinks what breaks.

    Examples:

      safehold hunt second-wheel-friction --vary fault.2.factor --between 1 1000

      safehold hunt in-service --search --at-most 2
    """
    from safehold.command_hunt import HuntOptions, hunt_command

    options = HuntOptions(
        scenario=scenario,
        vary=tuple(vary or ()),
        between=between,
        tolerance=tolerance,
        grid=grid,
        search=search,
        faults=tuple(faults or ()),
        at_most=at_most,
        examples=examples,
        back_within=back_within,
        broken_if=broken_if,
        seed=seed,
        duration=duration,
        out=out,
        json_output=json_output,
        quiet=quiet,
    )
    raise typer.Exit(hunt_command(options))


@app.command(rich_help_panel=PANEL)
def compare(
    scenario: ScenarioArgument = "wheel-loss",
    seed: SeedOption = None,
    duration: DurationOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the comparison, with a run's folder an arm. Default: runs/compare-NAME-N."
        ),
    ] = None,
    json_output: JsonOption = False,
    in_process: InProcessOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the table.")] = False,
) -> None:
    """Fly a scenario with autonomy and with a ground operator instead, side by side.

    The exit code is that of the arm with autonomy.

    Examples:

      safehold compare wheel-loss

      safehold compare my-scenario.toml --seed 7 --out both
    """
    from safehold.command_compare import CompareOptions, compare_command
    from safehold.deployment import GROUND_APART, IN_PROCESS

    options = CompareOptions(
        scenario=scenario,
        seed=seed,
        duration=duration,
        out=out,
        json_output=json_output,
        deployment=IN_PROCESS if in_process else GROUND_APART,
        quiet=quiet,
    )
    raise typer.Exit(compare_command(options))
