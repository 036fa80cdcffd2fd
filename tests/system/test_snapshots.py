"""A snapshot restored and flown on gives the digest of the uninterrupted run; a damaged one is refused."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from pathlib import Path

import pytest

from safehold import snapshot
from safehold.errors import SnapshotError
from safehold.run import adjusted, fly
from safehold.scenario import load
from safehold.schema import Scenario
from safehold.simulation import Simulation

NEVER = 2**62
CONTACT_TICK = 13_744  # the first contact of first-contact opens at 1,374.4 s


def flown_on(data: bytes) -> tuple[dict[str, str], list[dict[str, object]]]:
    result = fly(snapshot.scenario_of(data), start=data)[0]
    return dict(result.digests), result.expectations


def take_at(scenario: Scenario, ticks: list[int]) -> tuple[dict[int, bytes], int, dict[str, str], object]:
    """Snapshots on the way, how many had frames in flight, and the digests at the end of that same run."""
    simulation = Simulation(scenario)
    taken: dict[int, bytes] = {}
    in_flight = 0
    for tick in sorted(ticks):
        simulation.advance(tick)
        taken[tick] = snapshot.take(simulation)
        in_flight += simulation.link.next_arrival_down_tick() < NEVER
    simulation.advance(simulation.end_tick)
    simulation.finish()
    return taken, in_flight, simulation.digests(), None


@pytest.mark.requirement("L6.4")
def test_restored_runs_end_like_the_uninterrupted_one(half_hour: Scenario) -> None:
    whole = fly(half_hour)[0]
    # At the start, while it tumbles, on both sides of acquisition, and in contact.
    ticks = [0, 4321, CONTACT_TICK - 1, CONTACT_TICK + 1, *range(CONTACT_TICK + 20, CONTACT_TICK + 32, 1)]
    taken, in_flight, digests, _ = take_at(half_hour, ticks)
    assert in_flight >= 1, "at least one snapshot has frames in flight"
    assert digests == dict(whole.digests), "taking a snapshot changes nothing"
    chosen = [
        0,
        4321,
        CONTACT_TICK - 1,
        CONTACT_TICK + 1,
        *list(range(CONTACT_TICK + 20, CONTACT_TICK + 32))[:2],
    ]
    for tick in chosen:
        after, expectations = flown_on(taken[tick])
        assert after == dict(whole.digests), f"restored at tick {tick}"
        assert expectations == whole.expectations, f"restored at tick {tick}"


@pytest.mark.long
@pytest.mark.requirement("L6.4")
def test_fifty_random_ticks_of_a_longer_run() -> None:
    scenario = adjusted(load("first-contact"), seed=None, duration="3h")
    whole = fly(scenario)[0]
    choose = random.Random(20260621)
    ticks = sorted(choose.sample(range(scenario.ticks), 35) + choose.sample(range(13_800, 18_400), 15))
    taken, in_flight, _, _ = take_at(scenario, ticks)
    assert in_flight >= 3
    for tick in ticks:
        assert flown_on(taken[tick])[0] == dict(whole.digests), f"restored at tick {tick}"


@pytest.mark.requirement("L6.4")
def test_a_snapshot_goes_to_another_deployment(half_hour: Scenario) -> None:
    taken = take_at(half_hour, [CONTACT_TICK + 25])[0][CONTACT_TICK + 25]
    near = fly(half_hour, start=taken)[0]
    far = fly(half_hour, start=taken, deployment="zmq")[0]
    assert far.digest == near.digest == fly(half_hour)[0].digest


@pytest.mark.requirement("L6.4")
def test_the_result_gives_a_snapshot_of_any_time(half_hour: Scenario) -> None:
    result = fly(half_hour)[0]
    data = result.snapshot("20m")
    assert snapshot.restore(data).tick == 12_000
    assert flown_on(data)[0] == dict(result.digests)
    with pytest.raises(ValueError, match="not a control tick"):
        result.snapshot("29m")


@pytest.fixture(scope="module")
def sound() -> bytes:
    simulation = Simulation(adjusted(load("replica-upset"), seed=None, duration="1m"))
    simulation.advance(100)
    return snapshot.take(simulation)


def rehashed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def with_header(data: bytes, **changes: object) -> bytes:
    octets = struct.unpack_from("<I", data, 12)[0]
    header = json.loads(data[16 : 16 + octets]) | changes
    text = json.dumps(header).encode()
    return rehashed(data[:12] + struct.pack("<I", len(text)) + text + data[16 + octets : -32])


@pytest.mark.requirement("L6.4")
def test_hostile_snapshots_are_refused_with_an_id(sound: bytes) -> None:
    cases = {
        "empty": (b"", "SH-SNP-002"),
        "something else": (b"PK\x03\x04" + bytes(200), "SH-SNP-002"),
        "cut": (sound[:-1], "SH-SNP-002"),
        "cut to the header": (sound[:50], "SH-SNP-002"),
        "longer": (sound + b"x", "SH-SNP-002"),
        "one bit": (sound[:5000] + bytes([sound[5000] ^ 1]) + sound[5001:], "SH-SNP-002"),
        "version": (rehashed(sound[:8] + struct.pack("<I", 2) + sound[12:-32]), "SH-SNP-003"),
        "header too long": (
            rehashed(sound[:12] + struct.pack("<I", 2**32 - 1) + sound[16:-32]),
            "SH-SNP-002",
        ),
        "other code": (with_header(sound, code_id="0" * 64), "SH-SNP-004"),
        "other tick": (with_header(sound, tick=101), "SH-SNP-002"),
        "sections": (with_header(sound, sections=[["plant", -1]]), "SH-SNP-002"),
        "no sections": (with_header(sound, sections=None), "SH-SNP-002"),
        "bad scenario": (with_header(sound, scenario="schema = 1"), "SH-SNP-002"),
        "header is a list": (rehashed(sound[:12] + struct.pack("<I", 2) + b"[]"), "SH-SNP-002"),
    }
    for name, (data, id) in cases.items():
        with pytest.raises(SnapshotError) as caught:
            snapshot.restore(data)
        assert caught.value.id == id, name


@pytest.mark.requirement("L6.4")
def test_damaged_sections_behind_a_right_hash_are_refused(sound: bytes) -> None:
    """The hash tells damage, not malice: each part checks its own state as well."""
    octets = struct.unpack_from("<I", sound, 12)[0]
    header = json.loads(sound[16 : 16 + octets])
    start = 16 + octets
    for name, length in header["sections"]:
        for wrong in (b"", b"\x00" * (length - 1), b"{}"):
            sections = [[other, len(wrong) if other == name else size] for other, size in header["sections"]]
            text = json.dumps(header | {"sections": sections}).encode()
            body = sound[:12] + struct.pack("<I", len(text)) + text
            body += sound[16 + octets : start] + wrong + sound[start + length : -32]
            with pytest.raises(SnapshotError):
                snapshot.restore(rehashed(body))
        start += length


@pytest.mark.requirement("L6.4")
def test_a_snapshot_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError) as caught:
        snapshot.read(tmp_path / "missing.bin")
    assert caught.value.id == "SH-SNP-001"
