"""Messages between a host and the flight process: multipart, a kind first, then octets; nothing is unpickled.

| request | parts after the kind | reply: the same kind, then |
|---|---|---|
| START | dictionary's SHA-256 in ASCII; configuration as JSON | nothing |
| STEP | sensor frame; TC frames | actuator frame; TM frames |
| STATE | | the computer's state |
| RESTORE | a state | nothing |
| TELEMETRY | | parameters, counters and what was refused as JSON |
| TICK | a tick's inputs | a tick's outputs |
| LAST | | the last tick's outputs |
| DIGEST | | the flight chain's digest, 32 octets |
| SAVE | | SHA-256 of the mission, configuration, computer, stores, chain |
| LOAD | tick, 8 octets; what SAVE gave | nothing |
| STOP | | nothing |

TICK is what a run asks (layout in docs/wire.md): it has a number, and is refused out of turn. If the payload
takes an image in it, the reply is EXPOSE with the file's id and the exposure in ms, 4 octets each; the host
answers IMAGE with its octets, and then comes the reply to TICK.

A request that cannot be answered gets ERROR and the reason, which begins with its type (OtherMissionError if
a folder or a state belongs to another mission); the process goes on.
"""

from __future__ import annotations

START = b"START"
STEP = b"STEP"
STATE = b"STATE"
RESTORE = b"RESTORE"
TELEMETRY = b"TELEMETRY"
STOP = b"STOP"
TICK = b"TICK"
LAST = b"LAST"
DIGEST = b"DIGEST"
SAVE = b"SAVE"
LOAD = b"LOAD"
EXPOSE = b"EXPOSE"
IMAGE = b"IMAGE"
ERROR = b"ERROR"

PART_OCTETS_MAX = 1 << 28
"""More than any state with its stores; a longer message closes the connection."""
PARTS_MAX = 64
