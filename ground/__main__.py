"""`python -m ground`: the ground as a process of its own, started by its host or by hand."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ground.server import TOKEN_OCTETS, serve, token_of


def main(arguments: list[str] | None = None) -> int:
    """Runs the ground process; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m ground",
        description="Stations and mission control as their own process. The host of a run listens "
        "(`safehold run --ground ENDPOINT`) and shows the token that this asks for; between machines both "
        "need CURVE keys (environment variable SAFEHOLD_CURVE) and no token.",
    )
    parser.add_argument(
        "--connect", required=True, metavar="ENDPOINT", help="where the host listens, as tcp://HOST:PORT"
    )
    parser.add_argument("--token", default="", help="what the host showed; not needed with CURVE keys")
    parser.add_argument(
        "--with-parent", action="store_true", help="the token comes on standard input, whose end ends this"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="keep mission control in this folder; if the process ends in mid-run, start it again alike",
    )
    chosen = parser.parse_args(arguments)
    try:
        token = token_of(chosen.token) if chosen.token else bytes(TOKEN_OCTETS)
    except ValueError as error:
        parser.error(f"--token: {error}")
    try:
        return serve(chosen.connect, with_parent=chosen.with_parent, token=token, data=chosen.data)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
