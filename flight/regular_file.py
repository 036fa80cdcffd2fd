"""Small files that are given by name, such as keys: read without waiting for anybody."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_regular(path: Path, octets_max: int) -> tuple[bytes, int]:
    """The octets of a regular file, and its mode; raises OSError, also for a pipe or a longer one."""
    # A pipe without a writer is not waited for.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        octets = file.read(octets_max + 1)
    if len(octets) > octets_max:
        raise OSError(errno.EFBIG, f"more than {octets_max} octets", str(path))
    return octets, status.st_mode
