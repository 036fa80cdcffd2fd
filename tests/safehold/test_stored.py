"""Stored housekeeping comes out of its batches as it went in, once, in order, and told apart from live.

The batches are those of a flight computer; flight.batches, which is written from docs/wire.md alone, says
what is in them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from flight import batches
from flight.dictionary import PARAMETERS, Limits
from flight.packets import HOUSEKEEPING_APID, PacketError, TmPacket
from ground.alarms import STORED, AlarmMonitor
from safehold.downlink import alarm_counts
from safehold.stored import Samples, StoredBuilder
from safehold.summaries import SummaryBuilder
from safehold.telemetry import STORED_STRUCTURE, TelemetryBuilder
from tests.downlink import encode_housekeeping
from tests.flight.test_recorder import Craft

TICK_NS = 100_000_000


@pytest.fixture(scope="module")
def packets() -> list[TmPacket]:
    """Thirteen minutes of noisy samples, a second apart for the first 400 s."""
    craft = Craft(batch_interval_s=1.0)
    craft.fly(4_000, contact=False, noise=random.Random(4))
    craft.fly(3_800, contact=False)
    craft.fly(200, contact=True)
    found = [one for one in craft.of(HOUSEKEEPING_APID) if one.subtype == 128]
    assert {one.data[0] for one in found} == set(range(len(batches.groups())))
    return found


def built(packets: list[TmPacket]) -> StoredBuilder:
    builder = StoredBuilder(TICK_NS)
    for at, packet in enumerate(packets):
        builder.add(packet, arrival_ns=10**12 + at, station=0)
    return builder


def samples_of(builder: StoredBuilder) -> Samples:
    """Those of the only window."""
    (window,) = builder.windows()
    return builder.samples(window)


def reference(packets: list[TmPacket]) -> Iterator[tuple[tuple[str, int], int, float]]:
    """(element, on-board time in ms, value) of every sample."""
    for packet in packets:
        batch = batches.decode_batch(packet)
        for tick, values in zip(batch.ticks, batch.samples, strict=True):
            time_ms = round(batch.time_ns / 1e6) + (tick - batch.ticks[0]) * 100
            for element, value in zip(batch.elements, values, strict=True):
                yield (element.parameter, element.index), time_ms, value


@pytest.mark.requirement("L6.2")
def test_samples_are_those_of_the_codec_in_order_and_once(packets: list[TmPacket]) -> None:
    shuffled = [*packets, *packets[:7]]
    random.Random(1).shuffle(shuffled)
    samples = samples_of(built(shuffled))
    assert samples.repeated > 0
    times_ms = np.round(samples.times_ns / 1e6).astype(int)
    assert (np.diff(times_ms) > 0).all()
    found = {
        (key, int(times_ms[place])): value.item()
        for key, (places, values) in samples.values.items()
        for place, value in zip(places, values, strict=True)
    }
    expected = {(key, time_ms): value for key, time_ms, value in reference(packets)}
    assert len(expected) > 100_000
    assert found.keys() == expected.keys()
    assert all(found[key] == value or value != value for key, value in expected.items())


@pytest.mark.requirement("L6.2")
def test_a_group_that_did_not_come_is_missing_and_not_zero(packets: list[TmPacket]) -> None:
    builder = TelemetryBuilder(["here"])
    for packet in packets:
        if packet.data[0] != 0:
            builder.stored.add(packet, arrival_ns=10**12, station=0)
    table = builder.table()
    assert len(table) == builder.samples > 100
    row = table[5]
    assert (row["structure"], row["quality"], row["station"]) == (STORED_STRUCTURE, STORED, "here")
    absent = batches.groups()[0][0].parameter
    assert absent not in table.columns
    present = next(one.parameter for one in batches.groups()[1] if one.index == 0)
    assert row[present] is not None


@pytest.mark.parametrize("cut", [0, 5, 8, 40])
def test_what_contradicts_itself_is_counted_and_dropped(packets: list[TmPacket], cut: int) -> None:
    whole = packets[3]
    for data in (whole.data[:cut], b"\xff" + whole.data[1:], whole.data + b"\0"):
        builder = built([TmPacket(3, 128, 0, data)])
        assert (builder.refused, builder.batches, builder.windows()) == (1, 0, [])


@pytest.mark.requirement("S3")
def test_any_octets_are_refused_by_both_codecs_or_read_alike(packets: list[TmPacket]) -> None:
    draw = random.Random(2)
    outcomes = set()
    for _ in range(300):
        whole = bytearray(draw.choice(packets[:40]).data)
        for _ in range(draw.choice((1, 1, 4))):
            whole[draw.randrange(2, len(whole))] ^= 1 << draw.randrange(8)
        packet = TmPacket(3, 128, 10**9, bytes(whole[: draw.choice((len(whole), len(whole), 300))]))
        builder = built([packet])
        try:
            batch = batches.decode_batch(packet)
        except PacketError:
            assert not builder.windows()
            outcomes.add("refused")
            continue
        outcomes.add("read")
        found = [builder.samples(window) for window in builder.windows()]
        values = sum(len(places) for samples in found for places, _ in samples.values.values())
        assert values == len(set(batch.ticks)) * len(batch.elements)
    assert outcomes == {"refused", "read"}


@pytest.mark.requirement("L6.1")
def test_ticks_that_begin_anew_are_other_samples(packets: list[TmPacket]) -> None:
    """After a cold start ticks are counted from 0 again; the clock goes on."""
    again = [TmPacket(3, 128, one.time_ns + 3600 * 10**9, one.data) for one in packets]
    once, both = samples_of(built(packets)), samples_of(built([*packets, *again]))
    assert (len(both), both.repeated) == (2 * len(once), 0)


@pytest.mark.requirement("L6.2")
@pytest.mark.parametrize("window_s", [7, 61, 400])
def test_windows_hold_the_same_as_one_of_all(packets: list[TmPacket], window_s: int) -> None:
    """Pieces of one sample that lie on two sides of an edge are put together, once, and in their order."""
    shuffled = [*packets, *packets[:7]]
    random.Random(1).shuffle(shuffled)
    tables, monitors = [], []
    for window_ns in (10**15, window_s * 10**9):
        builder = TelemetryBuilder(["here", "there"], window_ns=window_ns)
        monitors.append(AlarmMonitor())
        for at, packet in enumerate(shuffled):
            # The clock drifts between the batches of a sample's groups.
            drifting = replace(packet, time_ns=packet.time_ns + 4_000_000 * (at % 50))
            builder.stored.add(drifting, arrival_ns=10**12 + at // 9, station=at % 2)
        report = encode_housekeeping(1, {"tick": 5})[2:]
        for second in (3, 500, 700):
            times = {"time_ns": second * 10**9, "arrival_ns": 10**12}
            builder.add(1, report, **times, station=1, stored=False)
        tables.append((builder.table(), builder.samples, builder.repeated))
    (whole, *counts), (cut, *again) = tables
    assert counts == again
    assert counts[0] > 400
    assert counts[1] > 0
    assert sum(1 for _ in whole.pieces()) == 1
    assert sum(1 for _ in cut.pieces()) >= 780 // window_s
    assert list(whole.columns) == list(cut.columns)
    for name, column in whole.columns.items():
        assert column.dtype == cut.columns[name].dtype, name
        np.testing.assert_array_equal(column, cut.columns[name], err_msg=name)
    assert [row["time_ns"] for row in cut] == cut.columns["time_ns"].tolist()


@pytest.mark.requirement("L6.1")
def test_alarms_of_stored_values_do_not_depend_on_the_windows() -> None:
    """Judged in pieces as at once, and told in the order of the values' names, not of the pieces."""
    draw = np.random.default_rng(3)
    seconds = np.arange(600, dtype=np.int64) * 10**9
    limits = Limits(yellow=(0.0, 1.0), red=(-1.0, 2.0))
    given = {name: np.repeat(draw.choice([0.5, 1.5, 2.5], 60), 10) for name in ("b", "a", "c")}
    found = []
    for step in (600, 7):
        monitor = AlarmMonitor()
        for at in range(0, 600, step):
            part = slice(at, at + step)
            for name, values in given.items():
                times = {"times_ns": seconds[part], "arrivals_ns": seconds[part] // (50 * 10**9)}
                monitor.see_samples(name, limits, values[part], **times)
        monitor.order_from(0, lambda alarm: list(given).index(alarm.name))
        found.append((monitor.results(), monitor.open()))
    assert len(found[0][0]) > 30
    assert found[0] == found[1]


@pytest.mark.requirement("L6.1")
def test_stored_values_beyond_a_limit_raise_a_stored_alarm_alone() -> None:
    monitor = AlarmMonitor()
    (limits,) = PARAMETERS["bus_voltage_v"].limits
    volts = np.array([28.0, 24.0, 24.0, 24.0, 28.0, 28.0, 28.0, 24.0], dtype=np.float32)
    seconds = np.arange(8, dtype=np.int64) * 10**9
    monitor.see_samples("bus_voltage_v", limits, volts, times_ns=seconds, arrivals_ns=seconds + 7)
    (alarm,) = monitor.alarms
    assert (alarm.level, alarm.quality, alarm.value) == ("red", STORED, 24.0)
    assert (alarm.on_board_ns, alarm.raised_ns, alarm.cleared_ns) == (3 * 10**9, 3 * 10**9 + 7, 6 * 10**9 + 7)
    assert alarm_counts(monitor) == {"raised_live": 0, "raised_stored": 1, "open": 0, "left_out": 0}


@pytest.mark.requirement("L6.2")
def test_summaries_are_rows_of_what_each_element_was() -> None:
    """As the codec of docs/wire.md alone reads them; what contradicts itself is counted and dropped."""
    craft = Craft()
    craft.fly(12_500, contact=False)
    craft.fly(200, contact=True)
    sent = [one for one in craft.of(HOUSEKEEPING_APID) if one.subtype == 129]
    assert len(sent) >= 2
    builder = SummaryBuilder(["here", "there"])
    for at, packet in reversed(list(enumerate(sent))):
        builder.add(packet, arrival_ns=10**12 + at, station=1)
        builder.add(replace(packet, data=packet.data[:-1]), arrival_ns=10**12 + at, station=1)
    assert (builder.taken, builder.refused) == (len(sent), len(sent))
    (columns,) = builder.pieces()
    rows = list(zip(*(columns[name].tolist() for name in ROW), strict=True))
    expected = []
    for at, packet in enumerate(sent):
        told = batches.decode_summary(packet)
        for one in told.extremes:
            name = f"{one.parameter}_{one.index}" if PARAMETERS[one.parameter].shape else one.parameter
            head = packet.time_ns, 10**12 + at, "there", told.tick_first, told.tick_last, told.samples, name
            expected.append((*head, one.least, one.mean, one.greatest))
    assert rows == expected
    assert {row[5] for row in rows} == {600}


ROW = (
    "time_ns",
    "arrival_ns",
    "station",
    "tick_first",
    "tick_last",
    "samples",
    "element",
    "least",
    "mean",
    "greatest",
)
