"""Commands that tell: contact windows, what can be flown, what files may say, this installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safehold import errors
from safehold.cli.app import app
from safehold.cli.options import JsonOption, ScenarioOrNone, print_json

PANEL = "Look up"


@app.command(rich_help_panel=PANEL)
def passes(
    scenario: ScenarioOrNone = None,
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
        str | None, typer.Option(help="How long to look ahead, at most 31d. Default: the scenario's, or 1d.")
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


@app.command(rich_help_panel=PANEL)
def scenarios(
    json_output: JsonOption = False,
    campaigns: Annotated[bool, typer.Option("--campaigns", help="The built-in campaigns instead.")] = False,
) -> None:
    """List the built-in scenarios, or campaigns."""
    from safehold.listing import campaign_rows, rows_as_lines, scenario_rows

    rows = campaign_rows() if campaigns else scenario_rows()
    if json_output:
        print_json(rows)
        return
    for line in rows_as_lines(rows):
        typer.echo(line)


@app.command(rich_help_panel=PANEL)
def faults(json_output: JsonOption = False) -> None:
    """List the kinds of fault, what each can hit and its keys."""
    from dataclasses import asdict

    from safehold.fault_kinds import kinds

    if json_output:
        print_json([asdict(kind) for kind in kinds().values()])
        return
    for kind in kinds().values():
        typer.echo(f"{kind.name}\n  {kind.meaning}\n  targets: {', '.join(kind.targets)}")
        for parameter in kind.parameters:
            default = "required" if parameter.default is None else f"default {parameter.default:g}"
            span = f"{parameter.lowest:g} to {parameter.highest:g} {parameter.unit}".rstrip()
            typer.echo(f"  {parameter.name}: {parameter.meaning} ({span}; {default})")


@app.command(rich_help_panel=PANEL)
def quantities(json_output: JsonOption = False) -> None:
    """List what an expectation of a scenario can speak about."""
    from safehold import registry

    groups = {
        "truth": list(registry.truth_columns()),
        "telemetry": registry.telemetry_names(),
        "results": dict(registry.RESULT_QUANTITIES),
    }
    if json_output:
        print_json(groups)
        return
    for group, names in groups.items():
        typer.echo(f"{group}:")
        for name in names:
            meaning = registry.RESULT_QUANTITIES.get(name, "") if group == "results" else ""
            typer.echo(f"  {name}" + (f": {meaning}" if meaning else ""))


@app.command(rich_help_panel=PANEL)
def schema(
    campaign: Annotated[bool, typer.Option("--campaign", help="Of campaign files instead.")] = False,
) -> None:
    """Print the JSON schema of scenario files, or of campaign files."""
    from safehold.campaign.schema import CampaignFile
    from safehold.schema import Scenario

    model = CampaignFile if campaign else Scenario
    print_json(model.model_json_schema(by_alias=True))


@app.command(rich_help_panel=PANEL)
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

    if xtce and json_output:
        raise errors.UsageError("SH-CLI-001", "--xtce writes XML; --json does not go with it")
    if xtce:
        export_xtce(file)
        return
    if file is not None:
        raise errors.UsageError("SH-CLI-001", f"{file}: only --xtce writes a file")
    if json_output:
        print_json(dictionary_document())
        return
    for line in dictionary_lines():
        typer.echo(line)


@app.command(rich_help_panel=PANEL)
def doctor(json_output: JsonOption = False) -> None:
    """Check the installation: libraries, compiled module, caches, data, a short flight."""
    from safehold.command_doctor import doctor_command

    raise typer.Exit(doctor_command(json_output))


@app.command(rich_help_panel=PANEL)
def version(json_output: JsonOption = False) -> None:
    """Print the version and the identity of the code."""
    from safehold import __version__
    from safehold.code_id import code_id

    if json_output:
        print_json({"version": __version__, "code_id": code_id()})
        return
    typer.echo(f"safehold {__version__}, code {code_id()}")
