"""`python -m ground --port N`: the ground as a process of its own, started by the host that listens on port
N.
"""

from __future__ import annotations

import argparse
import sys

from ground.server import serve


def main() -> int:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(
        prog="python -m ground",
        description="The ground station as its own process. A host starts it, listens on a loopback port and "
        "writes a token of 32 octets to its standard input.",
    )
    parser.add_argument("--port", type=int, required=True, help="loopback port on which the host listens")
    arguments = parser.parse_args()
    if not 0 < arguments.port < 65536:
        parser.error(f"--port is between 1 and 65535, not {arguments.port}")
    return serve(arguments.port)


if __name__ == "__main__":
    sys.exit(main())
