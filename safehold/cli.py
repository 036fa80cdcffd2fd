"""The command line. Each command is a thin face of a function that Python can call as well."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from safehold import errors

app = typer.Typer(
    name="safehold",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help=(
        "Fly a satellite that must assume it is alone.\n\n"
        "A C++ flight computer of three voting replicas flies a simulated world and talks to a ground station"
        " "
        "that reaches it only in computed contact windows, through a link with 240 ms latency.\n\n"
        "Start with [bold]safehold run[/bold]: a day from a tumbling release to the first contacts, "
        "in seconds.\n\n"
        "Exit codes: 0 all expectations met, 1 an expectation failed or the satellite was lost, 2 bad input, "
        "3 internal error, 130 interrupted."
    ),
)

ScenarioArgument = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO",
        show_default=True,
        help="A built-in scenario's name, or the path of a .toml file.",
    ),
]
SeedOption = Annotated[int | None, typer.Option(min=0, help="Another seed than the scenario's.")]
DurationOption = Annotated[
    str | None,
    typer.Option(help='Another duration, like "90s" or "2h13m"; what lies after it is left out.'),
]
InProcessOption = Annotated[
    bool,
    typer.Option("--in-process", help="Ground in this process instead of one of its own over ZeroMQ."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else there.")
]


@app.command()
def run(
    scenario: Annotated[
        str | None,
        typer.Argument(
            metavar="SCENARIO",
            show_default="first-contact",
            help="A built-in scenario's name, or the path of a .toml file.",
        ),
    ] = None,
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
def passes(
    scenario: ScenarioArgument = "first-contact",
    tle: Annotated[
        Path | None, typer.Option(help="Predict from the two lines in this file instead of a scenario.")
    ] = None,
    station: Annotated[
        str | None,
        typer.Option(help="Only this one: a name, or latitude,longitude[,altitude]; --tle needs it."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(help="With --tle: first instant, UTC, like 2026-06-21T00:00:00Z. Default: its epoch."),
    ] = None,
    duration: Annotated[
        str | None, typer.Option(help="How long to look ahead. Default: the scenario's, or 1d.")
    ] = None,
    mask: Annotated[
        float | None, typer.Option(min=0.0, max=89.0, help="With --station: elevation mask in degrees.")
    ] = None,
    ics: Annotated[Path | None, typer.Option(help="Write them to this file as a calendar, too.")] = None,
    json_output: JsonOption = False,
) -> None:
    """List contact windows: when each station sees the satellite above its elevation mask.

    A scenario's passes come from its orbit with its own force model; with --tle they come from SGP4. Volume
    is what the link budget lets through with the patch at nadir.

    Examples:

      safehold passes --ics passes.ics

      safehold passes --station 52.5,13.4 --mask 5

      safehold passes --tle iss.txt --station svalbard --duration 2d
    """
    from safehold.command_passes import PassesOptions, passes_command

    options = PassesOptions(scenario, tle, station, start, duration, mask, json_output, ics)
    raise typer.Exit(passes_command(options))


@app.command()
def scenarios(
    json_output: JsonOption = False,
    campaigns: Annotated[bool, typer.Option("--campaigns", help="The built-in campaigns instead.")] = False,
) -> None:
    """List the built-in scenarios, or campaigns."""
    from safehold.listing import campaign_rows, rows_as_lines, scenario_rows

    rows = campaign_rows() if campaigns else scenario_rows()
    if json_output:
        _print_json(rows)
        return
    for line in rows_as_lines(rows):
        typer.echo(line)


@app.command()
def schema(
    campaign: Annotated[bool, typer.Option("--campaign", help="Of campaign files instead.")] = False,
) -> None:
    """Print the JSON schema of scenario files, or of campaign files."""
    from safehold.campaign.schema import CampaignFile
    from safehold.schema import Scenario

    model = CampaignFile if campaign else Scenario
    _print_json(model.model_json_schema(by_alias=True))


@app.command()
def faults(json_output: JsonOption = False) -> None:
    """List the kinds of fault, what each can hit and its keys."""
    from dataclasses import asdict

    from safehold.fault_kinds import kinds

    if json_output:
        _print_json([asdict(kind) for kind in kinds().values()])
        return
    for kind in kinds().values():
        typer.echo(f"{kind.name}\n  {kind.meaning}\n  targets: {', '.join(kind.targets)}")
        for parameter in kind.parameters:
            default = "required" if parameter.default is None else f"default {parameter.default:g}"
            span = f"{parameter.lowest:g} to {parameter.highest:g} {parameter.unit}".rstrip()
            typer.echo(f"  {parameter.name}: {parameter.meaning} ({span}; {default})")


@app.command()
def quantities(json_output: JsonOption = False) -> None:
    """List what an expectation of a scenario can speak about."""
    from safehold import registry

    groups = {
        "truth": list(registry.truth_columns()),
        "telemetry": registry.telemetry_names(),
        "results": dict(registry.RESULT_QUANTITIES),
    }
    if json_output:
        _print_json(groups)
        return
    for group, names in groups.items():
        typer.echo(f"{group}:")
        for name in names:
            meaning = registry.RESULT_QUANTITIES.get(name, "") if group == "results" else ""
            typer.echo(f"  {name}" + (f": {meaning}" if meaning else ""))


@app.command()
def archive(
    folder: Annotated[Path, typer.Argument(help="A run's folder.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to make; by default `archive` in the run's folder.")
    ] = None,
) -> None:
    """Make a DuckDB database and Parquet files of what the ground received in a run."""
    from safehold.archive import write_archive
    from safehold.folder import RunFolder

    place = write_archive(RunFolder.open(folder), out if out is not None else folder / "archive")
    typer.echo(f"archive  {place}")


@app.command()
def dictionary(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="With --xtce: the file to write.", show_default=False),
    ] = None,
    xtce: Annotated[
        bool,
        typer.Option(
            "--xtce", help="Export telemetry and telecommands as XTCE 1.2, to FILE or standard output."
        ),
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Print the dictionary: telemetry, events, telecommands and on-board parameters; or export it as XTCE."""
    from safehold.command_dictionary import dictionary_document, dictionary_lines, export_xtce

    if xtce:
        export_xtce(file)
        return
    if file is not None:
        raise errors.UsageError("SH-CLI-001", f"{file}: only --xtce writes a file")
    if json_output:
        _print_json(dictionary_document())
        return
    for line in dictionary_lines():
        typer.echo(line)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="Folder of a run or of a campaign.")]) -> None:
    """Make report.html again; of a campaign its junit.xml and campaign.json too, as far as it got."""
    from safehold.folder import RunFolder
    from safehold.report import write_report

    if (folder / "manifest.jsonl").exists():
        from safehold.campaign.campaign_report import report_again

        typer.echo(str(report_again(folder)))
        return
    typer.echo(str(write_report(RunFolder.open(folder))))


@app.command()
def replay(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.")],
    json_output: JsonOption = False,
) -> None:
    """Fly a run's scenario again and compare digests; exit code 1 if they differ."""
    from safehold.command_replay import replay_command

    raise typer.Exit(replay_command(folder, json_output))


@app.command(name="black-box")
def black_box(
    chunks: Annotated[
        list[Path],
        typer.Argument(help="Chunks of the black box, or the folder of a run in which they came down."),
    ],
    at: Annotated[
        str | None, typer.Option(help='Show the parameters at a time of the flight computer, like "2h13m".')
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Show only this one; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write all parameters as a Parquet file.")] = None,
    every: Annotated[str, typer.Option(help="How far apart the rows of --out are.")] = "1s",
    json_output: JsonOption = False,
) -> None:
    """Compute again what flew, from the black box: any parameter at any control tick.

    Without options it computes all chunks to their ends and compares with what the satellite noted each
    minute; exit code 1 if that differs.

    Examples:

      safehold black-box runs/wheel-loss-1                              verify

      safehold black-box blackbox-* --at 2h13m --parameter mode         one value

      safehold black-box blackbox-* --out flight.parquet                everything
    """
    from safehold.command_black_box import black_box_command

    raise typer.Exit(
        black_box_command(
            chunks,
            at=at,
            parameters=tuple(parameter or ()),
            out=out,
            every=every,
            json_output=json_output,
        )
    )


@app.command()
def flight(
    bind: Annotated[
        str,
        typer.Option(
            metavar="ENDPOINT",
            help="Where runs find it, as tcp://HOST:PORT. Beyond the loopback it needs keys in "
            "SAFEHOLD_CURVE and SAFEHOLD_KEYS.",
        ),
    ] = "tcp://127.0.0.1:*",
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep persistence and mass memory there; a flight computer that starts goes on from them.",
        ),
    ] = None,
) -> None:
    """Serve as a flight computer; runs use it with --flight. It prints its endpoint.

    Examples:

      safehold flight --bind tcp://127.0.0.1:7001

      safehold run --flight tcp://127.0.0.1:7001   in another terminal
    """
    from flight.server import serve

    raise typer.Exit(serve(bind=bind, with_parent=False, data=data))


@app.command()
def ground(
    connect: Annotated[
        str, typer.Option(metavar="ENDPOINT", help="Where the run waits, as tcp://HOST:PORT.")
    ],
    token: Annotated[
        str, typer.Option(help="What the run showed; not needed with keys in SAFEHOLD_CURVE.")
    ] = "",
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep mission control there. Killed in mid-run, it goes on when started the same way again.",
        ),
    ] = None,
) -> None:
    """Serve as the ground of a run that waits for one.

    Examples:

      safehold run --ground tcp://127.0.0.1:7002   says what to start

      safehold ground --connect tcp://127.0.0.1:7002 --token ...   in another terminal
    """
    from ground.__main__ import main as serve

    arguments = ["--connect", connect, *(["--token", token] if token else [])]
    arguments += [] if data is None else ["--data", str(data)]
    raise typer.Exit(serve(arguments))


@app.command()
def keys(
    curve: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Make a CURVE pair in this folder, for SAFEHOLD_CURVE."),
    ] = None,
    link: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a ring of telecommand keys, for SAFEHOLD_KEYS."),
    ] = None,
) -> None:
    """Make keys: of processes for one another, or of the ground for its telecommands.

    Examples:

      safehold keys --curve ~/.safehold/curve      then give own.key to the peers, as peers/NAME.key

      safehold keys --link link.keys               one file for flight and ground
    """
    from safehold.command_keys import keys_command

    raise typer.Exit(keys_command(curve, link))


@app.command()
def doctor(json_output: JsonOption = False) -> None:
    """Check the installation: libraries, compiled module, caches, data, a short flight."""
    from safehold.command_doctor import doctor_command

    raise typer.Exit(doctor_command(json_output))


@app.command()
def version(json_output: JsonOption = False) -> None:
    """Print the version and the identity of the code."""
    from safehold import __version__
    from safehold.code_id import code_id

    if json_output:
        _print_json({"version": __version__, "code_id": code_id()})
        return
    typer.echo(f"safehold {__version__}, code {code_id()}")


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, indent=2, allow_nan=False))


def main() -> None:
    """Entry point of `safehold`: one message for what went wrong, and the exit code that says whose fault it
    is.
    """
    from safehold.code_id import prepare_numba_cache

    prepare_numba_cache()
    try:
        code = app(standalone_mode=False)
    except errors.InputError as error:
        typer.echo(f"safehold: {error}", err=True)
        code = error.exit_code
    except KeyboardInterrupt:
        typer.echo("safehold: interrupted", err=True)
        code = errors.EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; what was to be said to them may have been bad.
        sys.stderr.close()
        code = errors.EXIT_FAILED
    except (
        Exception
    ) as error:  # the outermost boundary: what gets here is our own fault, and exit code 3 says so
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):
            typer.echo(f"safehold: SH-CLI-002 {error.format_message()}", err=True)
            code = errors.EXIT_INPUT
        else:
            code = _internal(error)
    sys.exit(code if isinstance(code, int) else errors.EXIT_OK)


def _internal(error: Exception) -> int:
    import traceback

    if isinstance(error, ImportError):
        # A missing or outdated part of the installation; where in our code it was missed helps nobody.
        typer.echo(f"safehold: SH-INT-003 the installation is not whole: {error}", err=True)
        return errors.EXIT_INTERNAL
    traceback.print_exception(error)
    id = error.id if isinstance(error, errors.SafeholdError) else "SH-INT-001"
    typer.echo(f"safehold: {id} internal error: {error}; please report this with the lines above", err=True)
    return errors.EXIT_INTERNAL


if __name__ == "__main__":
    main()
