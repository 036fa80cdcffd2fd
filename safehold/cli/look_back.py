"""Commands that read what a run, a campaign or the satellite left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safehold.cli.app import app
from safehold.cli.options import JsonOption

PANEL = "Look back"


@app.command(rich_help_panel=PANEL)
def report(folder: Annotated[Path, typer.Argument(help="Folder of a run or of a campaign.")]) -> None:
    """Make report.html again; of a campaign its junit.xml and campaign.json too, as far as it got."""
    if (folder / "manifest.jsonl").exists():
        from safehold.campaign.campaign_report import report_again
    else:
        from safehold.report import report_again
    typer.echo(str(report_again(folder)))


@app.command(rich_help_panel=PANEL)
def archive(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A run's folder, or the one in which `safehold ground --data` keeps itself.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to make; by default `archive` in the folder.")
    ] = None,
) -> None:
    """Make a DuckDB database and Parquet files of what the ground received.

    A ground may be running meanwhile, or have been killed: what it had kept is archived.
    """
    from safehold.archive import archive_folder

    place = archive_folder(folder, out if out is not None else folder / "archive")
    typer.echo(f"archive  {place}")


@app.command(rich_help_panel=PANEL)
def replay(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.")],
    json_output: JsonOption = False,
) -> None:
    """Fly a run's scenario again and compare digests; exit code 1 if they differ."""
    from safehold.command_replay import replay_command

    raise typer.Exit(replay_command(folder, json_output))


@app.command(name="black-box", rich_help_panel=PANEL)
def black_box(
    chunks: Annotated[
        list[Path],
        typer.Argument(help="Chunks of the black box, or the folder of a run in which they came down."),
    ],
    at: Annotated[
        str | None, typer.Option(help='Show the parameters at a time of the flight computer, like "2h13m".')
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="With --at: only this one; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write all parameters as a Parquet file.")] = None,
    every: Annotated[
        str | None, typer.Option(help="How far apart the rows of --out are. Default: 1s.")
    ] = None,
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
