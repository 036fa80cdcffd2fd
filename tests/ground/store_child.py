"""Mission control in a process of its own with an archive, for a test that kills it.

    python -m tests.ground.store_child FOLDER CONFIGURATION

A line of JSON in, one out: {"until": tick, "down": [[arrival ns, station, hex], …]} → {"up": [[departure ns,
station, kind, hex], …], "promise": tick}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from flight.frames import Delivery
from ground.config import GroundConfig
from ground.mission import Ground
from ground.store.archive import ArchiveStore


def main(folder: str, config: str) -> None:
    ground = Ground(GroundConfig.from_json(Path(config).read_bytes()), store=ArchiveStore(Path(folder)))
    for line in sys.stdin:
        request = json.loads(line)
        down = [Delivery(at, station, bytes.fromhex(frame)) for at, station, frame in request["down"]]
        up = ground.advance(request["until"], [one for one in down if one.arrival_ns >= ground.time_ns])
        shown = [[one.departure_ns, one.station, one.kind, one.frame.hex()] for one in up]
        print(json.dumps({"up": shown, "promise": ground.promise_tick()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
