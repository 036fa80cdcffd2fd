"""Commands for those who operate a mission control that runs in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safehold.cli.app import app
from safehold.cli.options import JsonOption

PANEL = "Operate"


@app.command(rich_help_panel=PANEL)
def command(
    data: Annotated[
        Path,
        typer.Option(metavar="DIR", help="The folder in which `safehold ground --data DIR` keeps itself."),
    ],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            show_default=False,
            help="A telecommand of the dictionary (safehold dictionary). Without it the queue is shown.",
        ),
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            show_default=False,
            help="Its arguments: numbers (decimal, or 0x1f), names, or several with commas between.",
        ),
    ] = None,
    stack: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The telecommands of a stack instead, in their order; only --at and --priority go with it.",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help='Not before this time since the epoch, like "2h13m". Default: now.'
        ),
    ] = None,
    execute_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the satellite is to execute it (time-tagged).")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="From when on it is not to go up any more.")
    ] = None,
    priority: Annotated[
        str | None, typer.Option(metavar="WORD", help="critical, high, normal (the default) or low.")
    ] = None,
    cancel: Annotated[
        int | None,
        typer.Option(metavar="ID", min=1, help="Take back what has not gone up of a request."),
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Show the queue, as without NAME.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Ask a mission control for a telecommand, or show its queue and what became of each.

    It may run just now or not: what is asked for waits in its folder, is taken once, goes up in a contact.

    Exit code 0: it waits, or the queue was shown; 2: it was refused, and nothing was asked for.

    Examples:

      safehold command ping --data DIR                       in the next contact

      safehold command set_mode mode=SAFE --expires 6h --data DIR

      safehold command arm command=load_memory seconds=60 --data DIR

      safehold command --stack checkout.toml --data DIR      a procedure

      safehold command --data DIR                            what became of all

      safehold command --cancel 3 --data DIR                 if it has not gone up
    """
    from safehold.command_command import CommandOptions, command_command

    options = CommandOptions(
        data=data,
        name=name,
        arguments=tuple(arguments or ()),
        stack=stack,
        at=at,
        execute_at=execute_at,
        expires=expires,
        priority=priority,
        cancel=cancel,
        show=show,
        json_output=json_output,
    )
    raise typer.Exit(command_command(options))
