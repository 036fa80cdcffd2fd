"""A run's frames decode to the last packet with an independent decoder from the exported XTCE, and its values
are the archive's.

The decoder is space-packet-parser, which knows only the exported document; the way from frames to packets is
that of tests/deframe.py. Every value is compared exactly: both sides read the same bits. Of stored
housekeeping the document describes a batch's first sample; the differences behind it are read by the codec in
Python.
"""

from __future__ import annotations

import json
import math
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flight import batches, xtce
from flight.dictionary import EVENTS, PARAMETERS, Parameter
from flight.packets import decode_tm_packet
from safehold import parquet
from safehold.archive import archive_folder
from safehold.run_folder import write_run
from safehold.scenario import load
from safehold.schema import Scenario
from tests.deframe import FRAME, packets
from tests.system.xtce_reader import definition, raw, time_ns

SEVERITIES = ("", "info", "low", "medium", "high")


def compare(folder: Path, run: Path, frame_octets: int = FRAME) -> Counter[str]:
    """Holds every packet of a run's frames against the archive of that run; what there was of each kind."""
    decoder = definition(folder)
    place = archive_folder(run, folder / "held-against")
    archive = Archived(
        parquet.read(place / "parameters_raw.parquet"), parquet.read(place / "parameters.parquet")
    )
    events = sorted(event_keys(parquet.read(place / "events.parquet")))
    found_events = []
    seen: Counter[str] = Counter()
    records = set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the decoder warns of bits that are left over
        for channel, octets in packets((run / "frames.tm").read_bytes(), frame_octets):
            packet = decoder.parse_bytes(octets)
            kind = (packet.get("service"), packet.get("subtype"))
            seen[f"channel {channel}"] += 1
            if packet["PKT_APID"] in (101, 102):
                # A record that comes again is in the archive once; a run has fewer than 16,384 of a stream.
                record = packet["PKT_APID"], packet["SRC_SEQ_CTR"]
                if record in records:
                    continue
                records.add(record)
            if kind == (3, 25):
                archive.holds_report(packet)
                seen["live"] += 1
            elif kind == (3, 128):
                archive.holds_first_sample(packet)
                seen["samples"] += archive.holds_batch(octets)
                seen["batches"] += 1
            elif kind[0] == 5:
                found_events.append(decoded_event(packet))
    assert archive.live == {}, "live reports that are in no frame"
    assert sorted(found_events) == events
    assert events
    return seen


class Archived:
    """Telemetry of a run, to be held against packets."""

    def __init__(self, columns: dict[str, Any], engineering: dict[str, Any]) -> None:
        self.columns, self.engineering = columns, engineering
        stored = columns["quality"] == "stored"
        self.live = {
            (int(columns["time_ns"][row]), int(columns["structure"][row])): row
            for row in np.flatnonzero(~stored).tolist()
        }
        # Samples lie a control period apart at least; a time code says less than 60 ns too little.
        self.stored = {
            round(int(columns["time_ns"][row]) / 1e6): row for row in np.flatnonzero(stored).tolist()
        }
        assert len(self.stored) == int(stored.sum()), "each sample once"
        assert (np.diff(columns["time_ns"]) >= 0).all(), "in order of on-board time"

    def holds_report(self, packet: Any) -> None:
        row = self.live.pop((time_ns(packet), packet["structure"]))
        for parameter in PARAMETERS.values():
            if parameter.structure == packet["structure"]:
                for name in xtce.element_names(parameter):
                    self.same(name, row, packet[name].raw_value)
                    self.same_engineering(name, parameter, row, packet[name])

    def holds_first_sample(self, packet: Any) -> None:
        """The one that the decoder reads by the exported document alone."""
        row = self.stored[round(time_ns(packet) / 1e6)]
        for element in batches.groups()[packet["housekeeping_batch_group"]]:
            name = xtce.element_names(PARAMETERS[element.parameter])[element.index]
            self.same(name, row, packet[name].raw_value)

    def holds_batch(self, octets: bytes) -> int:
        """All samples, as the codec of docs/wire.md in Python reads them: the archive was made in C++."""
        batch = batches.decode_batch(decode_tm_packet(octets))
        names = [
            xtce.element_names(PARAMETERS[element.parameter])[element.index] for element in batch.elements
        ]
        for tick, values in zip(batch.ticks, batch.samples, strict=True):
            row = self.stored[round(batch.time_ns / 1e6) + (tick - batch.ticks[0]) * 100]
            for name, value in zip(names, values, strict=True):
                self.same(name, row, value)
        return len(batch.ticks)

    def same(self, name: str, row: int, sent: float) -> None:
        ours, theirs = float(self.columns[name][row]), float(sent)
        assert ours == theirs or (math.isnan(ours) and not math.isfinite(theirs)), (row, name)

    def same_engineering(self, name: str, parameter: Parameter, row: int, decoded: Any) -> None:
        """Labels are the decoder's; degrees and degrees Celsius are made of what it reads."""
        if parameter.enumeration:
            assert self.engineering[name][row] == str(decoded), (row, name)
        elif parameter.unit in ("rad", "rad/s"):
            shown = float(self.engineering[name.replace("_rad", "_deg")][row])
            sent = math.degrees(decoded.raw_value)
            assert shown == pytest.approx(sent, rel=1e-12, nan_ok=True), (row, name)
        elif parameter.unit == "K":
            shown = float(self.engineering[name.replace("_k", "_deg_c")][row])
            sent = decoded.raw_value - 273.15
            assert shown == pytest.approx(sent, abs=1e-9, nan_ok=True), (row, name)


def event_keys(events: dict[str, Any]) -> Iterator[str]:
    columns = (events[name] for name in ("on_board_time_ns", "id", "severity", "arguments", "source"))
    for time, number, severity, arguments, source in zip(*columns, strict=True):
        if source == "ground":
            names = next(one for one in EVENTS.values() if one.id == number).arguments
            yield json.dumps([int(time), int(number), severity, [[name, arguments[name]] for name in names]])


def decoded_event(packet: Any) -> str:
    severity = SEVERITIES[packet["subtype"]]
    event = EVENTS[packet[f"event_id_{severity}"]]
    arguments = [[name, raw(packet[f"event_{event.name}_{name}"])] for name in event.arguments]
    return json.dumps([time_ns(packet), event.id, severity, arguments])


@pytest.mark.requirement("L2.2")
def test_frames_of_a_contact_decode_to_the_last_packet(half_hour: Scenario, tmp_path: Path) -> None:
    quick = half_hour.model_copy(update={"output": half_hour.output.model_copy(update={"report": False})})
    write_run(quick, tmp_path / "run")
    seen = compare(tmp_path, tmp_path / "run")
    assert seen["channel 0"] > 100
    assert seen["channel 1"] > 10, "records that were played back"
    assert seen["live"] > 100
    assert seen["batches"] > 10
    assert seen["samples"] > 100


@pytest.mark.long
@pytest.mark.requirement("L2.2")
def test_frames_of_a_day_decode_to_the_last_packet(tmp_path: Path) -> None:
    write_run(load("first-contact"), tmp_path / "run")
    seen = compare(tmp_path, tmp_path / "run")
    # Every 10 s of a day five groups, but for what is under construction at the end.
    assert seen["samples"] > 0.9 * 8640 * len(batches.groups())
    assert seen["live"] > 5000
