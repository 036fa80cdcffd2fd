"""Runs with protected telemetry: all that a run is worth without it, and the same digest in every deployment.

Their frames are compared with those of the same run without protection only as far as both have them: a
protected frame holds 30 octets less, so that packets are cut elsewhere and some leave a tick later.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from flight.dictionary import load_native
from flight.keys import make_ring, published_ring
from flight.tm_protection import OPENED_FRAME_OCTETS, TelemetryProtection
from safehold import snapshot
from safehold.archive import source_of_run, write_archive
from safehold.black_box import BlackBox
from safehold.errors import ScenarioError
from safehold.folder import RunFolder
from safehold.run import fly
from safehold.run_folder import write_run
from safehold.scenario import Source, load, parse
from safehold.schema import Fault, Scenario
from safehold.simulation import Simulation
from tests.deframe import packets

from .test_xtce_frames import compare

CONTACT_TICK = 13_744


def protected(scenario: Scenario, protection: TelemetryProtection = "encrypted") -> Scenario:
    """The scenario with its telemetry protected."""
    link = scenario.link.model_copy(update={"telemetry_protection": protection})
    return scenario.model_copy(update={"link": link})


@pytest.mark.requirement("S3", "L2.6")
def test_protected_runs_have_one_digest_in_every_deployment(half_hour: Scenario) -> None:
    one, two, three = (
        fly(protected(half_hour), deployment=name)[0] for name in ("in-process", "zmq", "distributed")
    )
    assert one.document["figures"]["pongs"] == 1.0, "the comparison is worth little without a contact"
    assert dict(one.digests) == dict(two.digests) == dict(three.digests)
    assert one.frames == two.frames == three.frames
    assert len(one.frames) == OPENED_FRAME_OCTETS * one.document["figures"]["frames_received"] > 0
    clear, readable = fly(half_hour)[0], fly(protected(half_hour, "authenticated"))[0]
    assert readable.frames == one.frames, "once opened, both kinds are the same"
    assert len({run.digests["link"] for run in (clear, readable, one)}) == 3
    assert [run.document["commands"] for run in (clear, readable, one)] == [clear.document["commands"]] * 3


@pytest.mark.requirement("L6.4", "L2.6")
def test_protected_runs_go_on_from_snapshots(half_hour: Scenario) -> None:
    scenario = protected(half_hour)
    simulation = Simulation(scenario)
    taken = []
    for tick in (4_321, CONTACT_TICK - 1, CONTACT_TICK + 25, CONTACT_TICK + 300):
        simulation.advance(tick)
        taken.append(snapshot.take(simulation))
    simulation.advance(simulation.end_tick)
    simulation.finish()
    digests = simulation.digests()
    simulation.close()
    for data in taken:
        assert dict(fly(scenario, start=data)[0].digests) == digests
    secrets = [*published_ring().telemetry.values(), *published_ring().keys.values()]
    assert not any(key in data for data in taken for key in secrets), "no key is in a snapshot"


@pytest.mark.requirement("L6.4", "L6.3", "L2.6")
def test_a_recording_replays_and_the_black_box_computes_again_without_a_key(
    half_hour: Scenario, tmp_path: Path
) -> None:
    fault = Fault.model_validate(
        {"kind": "computer_reset", "target": "computer", "at": "1500.3s", "down_s": 5}
    )
    simulation = Simulation(protected(half_hour).model_copy(update={"fault": [fault]}))
    recording = tmp_path / "inputs"
    simulation.driver.record_inputs(recording)
    simulation.advance(16_000)
    simulation.driver.record_inputs(None)
    flight = simulation.digests()["flight"]
    assert simulation.computer.counters()["telemetry_counter"] > 1024, "a block, and the start behind it"
    chunks = []
    for id, kind, _, sealed in simulation.computer.files():
        if kind in (1, 2) and sealed:
            chunks.append(tmp_path / f"blackbox-{id}")
            chunks[-1].write_bytes(simulation.computer.read_file(id))
    simulation.close()
    replayed = load_native().replay(recording)
    assert replayed == {"ticks": 16_000, "flight": flight, "equal": True}
    found = BlackBox(chunks).verify()
    assert sum(one.checks_held for one in found) > 20
    assert sum(one.checks_failed for one in found) == 0
    assert max(one.next_tick for one in found) > CONTACT_TICK + 1000, "over a contact"


@pytest.mark.requirement("L2.2", "L2.6")
def test_what_is_kept_decodes_to_the_last_packet(half_hour: Scenario, tmp_path: Path) -> None:
    quick = protected(half_hour).model_copy(
        update={"output": half_hour.output.model_copy(update={"report": False})}
    )
    write_run(quick, tmp_path / "run")
    seen = compare(tmp_path, tmp_path / "run", OPENED_FRAME_OCTETS)
    assert seen["channel 0"] > 100
    assert seen["batches"] > 10
    write_archive(source_of_run(RunFolder.open(tmp_path / "run")), tmp_path / "archive")
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect(str(tmp_path / "archive" / "archive.duckdb"), read_only=True)
    frames = connection.execute("SELECT octets FROM frames ORDER BY number").fetchall()
    connection.close()
    assert b"".join(bytes(row[0]) for row in frames) == (tmp_path / "run" / "frames.tm").read_bytes()


@pytest.mark.requirement("L2.6")
def test_each_side_has_its_keys_from_the_file_alone(
    half_hour: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other keys give other frames on the link, and the same ones once opened."""
    scenario = protected(half_hour)
    before = fly(scenario)[0]
    ring = make_ring(tmp_path / "keys")
    monkeypatch.setenv("SAFEHOLD_KEYS", str(tmp_path / "keys"))
    near, far = fly(scenario)[0], fly(scenario, deployment="distributed")[0]
    assert dict(near.digests) == dict(far.digests)
    assert near.digests["link"] != before.digests["link"]
    assert near.frames == before.frames
    shown = repr(near.document) + repr(near.scenario) + repr(ring)
    assert not any(key.hex() in shown for key in ring.telemetry.values())


def test_the_schema_names_what_would_be_right() -> None:
    text = (
        'schema = 1\nname = "x"\nepoch = 2026-06-21T00:00:00Z\nduration = "1m"\n'
        "[orbit]\naltitude_km = 550.0\ninclination_deg = 97.6\nraan_deg = 90.0\n"
        '[link]\ntelemetry_protection = "signed"\n'
    )
    with pytest.raises(ScenarioError, match="telemetry_protection") as caught:
        parse(text, Source("x.toml", None))
    assert "encrypted" in str(caught.value)


@pytest.mark.long
@pytest.mark.requirement("L2.5", "L2.6")
def test_a_day_under_encryption_brings_every_record(tmp_path: Path) -> None:
    write_run(protected(load("first-contact")), tmp_path / "run")
    result = RunFolder.open(tmp_path / "run").result
    assert result["outcome"] == "OK", result["reasons"]
    assert [one for one in result["expectations"] if not one["met"]] == []
    figures = result["figures"]
    assert (figures["records_missing"], figures["records_given_up"], figures["events_late"]) == (0, 0, 0)
    refused = {name: number for name, number in result["ground"].items() if "refused" in name}
    assert set(refused) <= {"frames_refused_fecf", "frames_refused_not_connected"}, "what noise spoils alone"
    seen = compare(tmp_path, tmp_path / "run", OPENED_FRAME_OCTETS)
    assert seen["live"] > 5000
    octets = (tmp_path / "run" / "frames.tm").read_bytes()
    assert {channel for channel, _ in packets(octets, OPENED_FRAME_OCTETS)} >= {0, 1}
