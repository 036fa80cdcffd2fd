"""Commands that start a part of a run in a process of its own, and make the keys that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safehold.cli.app import app

PANEL = "Serve"


@app.command(rich_help_panel=PANEL)
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
    from safehold.deployment import check_keys

    check_keys()
    raise typer.Exit(serve(bind=bind, with_parent=False, data=data))


@app.command(rich_help_panel=PANEL)
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

      safehold command ping --data DIR             in a third, to command one that was given --data DIR
    """
    from ground.server import TOKEN_OCTETS, serve, token_of
    from safehold.deployment import check_keys
    from safehold.errors import UsageError

    try:
        shown = token_of(token) if token else bytes(TOKEN_OCTETS)
    except ValueError as error:
        raise UsageError("SH-CLI-002", f"--token: {error}") from None
    check_keys()
    raise typer.Exit(serve(connect, with_parent=False, token=shown, data=data))


@app.command(rich_help_panel=PANEL)
def keys(
    curve: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Make a CURVE pair in this folder, for SAFEHOLD_CURVE."),
    ] = None,
    link: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a ring of keys for the space link, for SAFEHOLD_KEYS."),
    ] = None,
) -> None:
    """Make keys: of processes for one another, or of the ground for its telecommands.

    Examples:

      safehold keys --curve ~/.safehold/curve      then give own.key to the peers, as peers/NAME.key

      safehold keys --link link.keys               one file for flight and ground
    """
    from safehold.command_keys import keys_command

    raise typer.Exit(keys_command(curve, link))
