"""`python -m flight`: the flight computer as a process of its own, stepped by sensor frames over ZeroMQ."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from flight.server import serve

LOOPBACK = "tcp://127.0.0.1:*"


def main(arguments: list[str] | None = None) -> int:
    """Runs the flight process; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m flight", description=__doc__)
    parser.add_argument(
        "--bind",
        default=LOOPBACK,
        metavar="ENDPOINT",
        help="where the host finds it, as tcp://HOST:PORT; default a free port of the loopback. Beyond the "
        "loopback it needs CURVE keys (environment variable SAFEHOLD_CURVE)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="keep persistence and mass memory there; a start goes on from what it holds",
    )
    parser.add_argument("--with-parent", action="store_true", help="end when standard input ends")
    chosen = parser.parse_args(arguments)
    try:
        return serve(bind=chosen.bind, with_parent=chosen.with_parent, data=chosen.data)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
