"""The application that the commands join."""

from __future__ import annotations

import typer

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
