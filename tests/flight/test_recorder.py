"""The recorder, flown: what is committed reaches the ground or is named in the ledger, whatever the contact.

A bare flight computer whose receiver lock is the contact. Values are compared exactly: they are octets.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from flight import batches, dictionary, packets
from flight.frames import FrameError
from flight.packets import PacketError, TmPacket
from flight.tm_frames import PacketExtractor, decode_tm_frame

FILES_CHANNEL = 2

native = dictionary.load_native()


class Craft:
    """A flight computer in a still world, and a ground that hears it only while the receiver is locked."""

    def __init__(self, **parameters: float) -> None:
        self.computer = native.FlightComputer(replicas=3, parameters={"radio_silence_s": 0.0, **parameters})
        self.sensors = np.zeros(1, dictionary.SENSOR_DTYPE)
        self.sensors["tracker_quaternion_tracker_from_gcrf"][..., 0] = 1.0
        self.sensors["separation_switches"] = 7
        self.sensors["battery_charge_fraction"] = 0.8
        self.extractors: dict[int, PacketExtractor] = {}
        self.tick = 0
        self.raised: list[tuple[Any, ...]] = []
        self.heard: list[tuple[int, TmPacket]] = []

    def fly(
        self, ticks: int, *, contact: bool, noise: random.Random | None = None, loss: float = 0.0
    ) -> None:
        """So many ticks; `loss` is the chance that a frame does not arrive."""
        self.sensors["receiver_lock"] = int(contact)
        for _ in range(ticks):
            self.sensors["sequence"] = self.tick
            self.sensors["clock_ns"] = self.tick * 100_000_000
            if noise is not None:
                for name in ("gyro_rate_rad_s", "magnetometer_t"):
                    if name in (dictionary.SENSOR_DTYPE.names or ()):
                        shape = self.sensors[name].shape
                        count = int(np.prod(shape))
                        drawn = [noise.gauss(0.0, 1e-5) for _ in range(count)]
                        self.sensors[name] = np.array(drawn).reshape(shape)
            _, frames = self.computer.step(self.sensors.tobytes(), [])
            self.tick += 1
            self.raised += self.computer.events()
            for octets in frames:
                if noise is None or noise.random() >= loss:
                    self._hear(octets)

    def _hear(self, octets: bytes) -> None:
        try:
            frame = decode_tm_frame(octets)
        except FrameError as error:
            raise AssertionError("the satellite sends sound frames") from error
        if frame.virtual_channel == FILES_CHANNEL:
            return  # the black box of this start, which is not spoken of here
        extractor = self.extractors.setdefault(frame.virtual_channel, PacketExtractor())
        for packet in extractor.push(frame):
            self.heard.append((frame.virtual_channel, packets.decode_tm_packet(packet)))

    def of(self, apid: int) -> list[TmPacket]:
        return [packet for _, packet in self.heard if packet.apid == apid]


@pytest.mark.requirement("L2.4", "L2.6")
def test_events_of_a_long_absence_come_down_in_order_and_without_a_gap() -> None:
    craft = Craft(deployment_wait_s=1.0)
    craft.fly(3_000, contact=False)
    raised = len(craft.raised)
    assert raised > 5
    assert not craft.heard
    craft.fly(300, contact=True)
    records = craft.of(packets.CRITICAL_APID)
    assert [record.sequence for record in records] == list(range(len(records)))
    assert len(records) >= raised
    events = [packets.decode_event(record) for record in records if record.service == 5]
    assert [event.counter for event in events] == list(range(len(events)))
    # What waited is played back; what came up in contact, once nothing older waited, went straight down.
    channels = {channel for channel, packet in craft.heard if packet.apid == packets.CRITICAL_APID}
    assert 1 in channels


@pytest.mark.requirement("L2.5")
def test_critical_records_come_down_before_stored_housekeeping() -> None:
    craft = Craft(batch_interval_s=1.0)
    craft.fly(6_000, contact=False)
    craft.fly(200, contact=True)
    played = [packet.apid for channel, packet in craft.heard if channel == 1]
    assert packets.HOUSEKEEPING_APID in played
    first = played.index(packets.HOUSEKEEPING_APID)
    assert first > 0
    assert set(played[:first]) == {packets.CRITICAL_APID}


@pytest.mark.requirement("L6.2")
def test_stored_housekeeping_gives_back_every_value_exactly() -> None:
    craft = Craft(batch_interval_s=1.0)
    noise = random.Random(4)
    own: dict[int, dict[str, Any]] = {}
    for _ in range(400):
        craft.fly(1, contact=False, noise=noise)
        own[craft.tick - 1] = craft.computer.telemetry()
        craft.fly(9, contact=False, noise=noise)
    craft.fly(6_200, contact=False)
    craft.fly(200, contact=True)
    read = [batches.decode_batch(p) for p in craft.of(packets.HOUSEKEEPING_APID) if p.subtype == 128]
    assert {batch.group for batch in read} == set(range(len(batches.groups())))
    compared = 0
    for batch in read:
        for (name, index), column in batch.columns().items():
            for tick, value in zip(batch.ticks, column, strict=True):
                if tick not in own or name in ("work_max",):
                    continue
                expected = own[tick][name]
                expected = expected[index] if isinstance(expected, (list, tuple)) else expected
                if expected is not None and name not in ("events_lost",):
                    assert value == expected, (name, index, tick)
                    compared += 1
    assert compared > 10_000


@pytest.mark.requirement("L6.2")
def test_stored_housekeeping_is_smaller_than_its_values() -> None:
    craft = Craft(batch_interval_s=10.0)
    craft.fly(36_000, contact=False, noise=random.Random(5))
    craft.fly(300, contact=True)
    stored = [p for p in craft.of(packets.HOUSEKEEPING_APID) if p.subtype == 128]
    read = [batches.decode_batch(packet) for packet in stored]
    octets = {"f64": 8, "i64": 8, "u64": 8, "f32": 4, "u32": 4, "u16": 2, "i16": 2, "u8": 1}
    raw = sum(len(b.samples) * sum(octets[e.type] for e in b.elements) for b in read)
    sent = sum(len(packet.data) + 22 for packet in stored)
    assert raw > 4 * sent


@pytest.mark.requirement("L6.2")
def test_a_summary_tells_least_mean_and_greatest_of_ten_minutes() -> None:
    craft = Craft()
    craft.fly(6_500, contact=False)
    craft.fly(200, contact=True)
    (summary, *_) = [
        batches.decode_summary(p) for p in craft.of(packets.HOUSEKEEPING_APID) if p.subtype == 129
    ]
    assert summary.samples == 600
    charge = next(one for one in summary.extremes if one.parameter == "battery_charge_fraction")
    assert charge.least <= charge.mean <= charge.greatest
    assert charge.mean == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("cut", [0, 5, 8, 40])
def test_a_batch_cut_short_or_of_another_dictionary_is_refused(cut: int) -> None:
    craft = Craft(batch_interval_s=1.0)
    craft.fly(6_200, contact=False)
    craft.fly(100, contact=True)
    whole = next(p for p in craft.of(packets.HOUSEKEEPING_APID) if p.subtype == 128)
    with pytest.raises(PacketError):
        batches.decode_batch(TmPacket(3, 128, 0, whole.data[:cut]))
    with pytest.raises(PacketError):
        batches.decode_batch(TmPacket(3, 128, 0, b"\xff" + whole.data[1:]))
    with pytest.raises(PacketError):
        batches.decode_batch(TmPacket(3, 128, 0, whole.data + b"\0"))
