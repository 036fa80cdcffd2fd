"""`python -m flight`: the flight computer as a process of its own, stepped by sensor frames over ZeroMQ."""

from __future__ import annotations

import argparse
import sys

from flight.server import serve


def main(arguments: list[str] | None = None) -> int:
    """Runs the flight process; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m flight", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 (default) takes a free one")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input ends")
    chosen = parser.parse_args(arguments)
    if not 0 <= chosen.port < 65536:
        parser.error(f"--port must be from 0 to 65535, not {chosen.port}")
    try:
        return serve(port=chosen.port, with_parent=chosen.with_parent)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
