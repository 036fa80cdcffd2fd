"""Arguments and options that commands share, and how they print JSON."""

from __future__ import annotations

import json
from typing import Annotated

import typer

ScenarioArgument = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO",
        show_default=True,
        help="A built-in scenario's name, or the path of a .toml file.",
    ),
]
# Left out where it may not be given: beside --from-snapshot, beside --tle.
ScenarioOrNone = Annotated[
    str | None,
    typer.Argument(
        metavar="SCENARIO",
        show_default="first-contact",
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


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(document, indent=2, allow_nan=False))
