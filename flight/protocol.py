"""Messages between a host and the flight process: multipart, a kind first, then octets; nothing is unpickled.

| request | parts after the kind | reply: the same kind, then |
|---|---|---|
| START | dictionary's SHA-256 in ASCII; configuration as JSON | nothing |
| STEP | sensor frame; TC frames | actuator frame; TM frames |
| STATE | | the computer's state |
| RESTORE | a state | nothing |
| TELEMETRY | | parameters and counters as JSON |
| STOP | | nothing |

A request that cannot be answered gets ERROR and the reason; the process goes on.
"""

from __future__ import annotations

START = b"START"
STEP = b"STEP"
STATE = b"STATE"
RESTORE = b"RESTORE"
TELEMETRY = b"TELEMETRY"
STOP = b"STOP"
ERROR = b"ERROR"

PART_OCTETS_MAX = 4 * 1024 * 1024
"""More than any state; a longer message closes the connection."""
PARTS_MAX = 64
