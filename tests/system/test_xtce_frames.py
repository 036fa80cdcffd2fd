"""A run's frames decode to the last packet with an independent decoder from the exported XTCE, and its values
are the archive's.

The decoder is space-packet-parser, which knows only the exported document; the way from frames to packets is
that of tests/deframe.py. Every value is compared exactly: both sides read the same bits.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from space_packet_parser.xtce.definitions import XtcePacketDefinition

from flight.dictionary import EVENTS, PARAMETERS
from safehold import parquet
from safehold.run_folder import write_run
from safehold.scenario import load
from safehold.schema import Scenario
from tests.deframe import packets

SEVERITIES = ("", "info", "low", "medium", "high")


def definition(folder: Path) -> XtcePacketDefinition:
    """What `safehold dictionary --xtce FILE` writes."""
    file = folder / "dictionary.xml"
    command = [sys.executable, "-m", "safehold", "dictionary", "--xtce", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    return XtcePacketDefinition.from_xtce(file)


def raw(value: Any) -> Any:
    """The number as sent, for an enumerated parameter too; None for one that JSON does not know."""
    number = value.raw_value
    return None if isinstance(number, float) and not math.isfinite(number) else number


def compare(folder: Path, run: Path) -> None:
    decoder = definition(folder)
    telemetry = parquet.read(run / "telemetry.parquet")
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    events = sorted(event_key(one) for one in lines if one["source"] == "ground")
    found_events = []
    row = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the decoder warns of bits that are left over
        for _, octets in packets((run / "frames.tm").read_bytes()):
            packet = decoder.parse_bytes(octets)
            if (packet.get("service"), packet.get("subtype")) == (3, 25):
                same(packet, telemetry, row)
                row += 1
            elif packet.get("service") == 5:
                found_events.append(decoded_event(packet))
    assert row == len(telemetry["time_ns"]) > 0
    assert sorted(found_events) == events
    assert events


def same(packet: Any, telemetry: Any, row: int) -> None:
    assert packet["structure"] == telemetry["structure"][row]
    # The archive rounds the code up to whole nanoseconds, which is within 60 ns of it.
    assert 0 <= telemetry["time_ns"][row] - int(packet["time"].raw_value * 10**9 // 2**24) <= 1
    for parameter in PARAMETERS.values():
        if parameter.structure != packet["structure"]:
            continue
        single = not parameter.shape
        for name in [parameter.name] if single else [f"{parameter.name}_{i}" for i in range(parameter.count)]:
            ours, theirs = float(telemetry[name][row]), float(packet[name].raw_value)
            assert ours == theirs or (math.isnan(ours) and not math.isfinite(theirs)), (row, name)


def event_key(event: dict[str, Any]) -> str:
    parts = [event["on_board_time_ns"], event["id"], event["severity"], list(event["arguments"].items())]
    return json.dumps(parts)


def decoded_event(packet: Any) -> str:
    severity = SEVERITIES[packet["subtype"]]
    event = EVENTS[packet[f"event_id_{severity}"]]
    time_ns = -(-packet["time"].raw_value * 10**9 >> 24)
    arguments = [[name, raw(packet[f"event_{event.name}_{name}"])] for name in event.arguments]
    return json.dumps([time_ns, event.id, severity, arguments])


@pytest.mark.requirement("L2.2")
def test_frames_of_a_contact_decode_to_the_last_packet(half_hour: Scenario, tmp_path: Path) -> None:
    quick = half_hour.model_copy(update={"output": half_hour.output.model_copy(update={"report": False})})
    write_run(quick, tmp_path / "run")
    compare(tmp_path, tmp_path / "run")


@pytest.mark.long
@pytest.mark.requirement("L2.2")
def test_frames_of_a_day_decode_to_the_last_packet(tmp_path: Path) -> None:
    write_run(load("first-contact"), tmp_path / "run")
    compare(tmp_path, tmp_path / "run")
