"""Writes seeds for the C++ fuzz targets:  python -m tests.fuzz.write_seeds FOLDER [TARGET...]

Exits with 77, which CTest takes for skipped, where safehold is not installed: the targets then begin with
seeds of their own.
"""

from __future__ import annotations

import sys
from pathlib import Path

SKIPPED = 77

if __name__ == "__main__":
    try:
        from tests.fuzz.seeds import write
    except ImportError as error:
        print(f"no seeds: {error}", file=sys.stderr)
        sys.exit(SKIPPED)
    write(Path(sys.argv[1]), sys.argv[2:])
