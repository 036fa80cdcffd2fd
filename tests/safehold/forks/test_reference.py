"""The reference as a file: what went in comes out, and nothing else is taken for one."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehold.errors import ForkError
from safehold.forks import Forker, Reference, reference_key
from safehold.forks import reference as module
from safehold.schema import Scenario
from tests.safehold.forks.conftest import faulty, flip


def resealed(data: bytes) -> bytes:
    """With a hash that fits, as somebody would who knows the format."""
    body = data[:-32]
    return body + hashlib.sha256(body).digest()


def test_key_is_of_everything_but_faults_and_names(base: Scenario, reference: Reference) -> None:
    assert reference.key == reference_key(base)
    assert reference_key(faulty(base, flip("1m", 1), name="other")) == reference.key
    assert reference_key(base.model_copy(update={"description": "other words"})) == reference.key
    for other in ({"seed": 2}, {"duration": base.duration * 2}, {"expect": base.expect[1:]}):
        assert reference_key(base.model_copy(update=other)) != reference.key


@pytest.mark.requirement("S5")
def test_read_back_it_is_the_same(reference: Reference) -> None:
    data = reference.to_bytes()
    read = Reference.from_bytes(data)
    assert read.to_bytes() == data
    assert read.key == reference.key
    assert read.document == reference.document
    assert read.events == reference.events
    assert np.array_equal(read.hashes, reference.hashes)
    assert np.array_equal(read.counts, reference.counts)
    assert sorted(read.snapshots) == [0, 6000, 12000]
    assert read.steady


def test_document_is_a_copy(reference: Reference) -> None:
    reference.document["figures"]["pongs"] = -1.0
    assert reference.document["figures"]["pongs"] != -1.0


@settings(max_examples=60)
@given(st.data())
def test_damaged_reference_is_refused(reference: Reference, data: st.DataObject) -> None:
    octets = bytearray(reference.to_bytes())
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ForkError):
        Reference.from_bytes(bytes(octets))
    with pytest.raises(ForkError):
        Reference.from_bytes(bytes(octets[:place]))


def test_resealed_nonsense_is_refused(reference: Reference) -> None:
    """A hash that fits is no proof of sense: lengths, header and sections are looked at all the same."""
    data = reference.to_bytes()
    length = int.from_bytes(data[12:16], "little")
    header = json.loads(data[16 : 16 + length])

    def with_header(**changes: object) -> bytes:
        octets = json.dumps({**header, **changes}).encode()
        return resealed(data[:12] + len(octets).to_bytes(4, "little") + octets + data[16 + length :])

    sections = header["sections"]
    for changes in (
        {"scenario": "name = 3"},
        {"scenario": 7},
        {"steady": "yes"},
        {"sections": sections[1:]},
        {"sections": [[name, -octets] for name, octets in sections]},
        {
            "sections": [
                ["hashes", sections[0][1] + 32],
                *sections[1:-1],
                [sections[-1][0], sections[-1][1] - 32],
            ]
        },
        {"sections": [["books", sections[0][1]], *sections[1:]]},
        {"sections": 5},
    ):
        with pytest.raises(ForkError):
            Reference.from_bytes(with_header(**changes))
    with pytest.raises(ForkError, match="SH-FRK-002"):
        Reference.from_bytes(resealed(data[:8] + (99).to_bytes(4, "little") + data[12:]))
    with pytest.raises(ForkError, match="SH-FRK-003"):
        Reference.from_bytes(with_header(code_id="00" * 32))
    with pytest.raises(ForkError):
        Reference.from_bytes(resealed(data[:12] + (2**31).to_bytes(4, "little") + data[16:]))


def test_compressed_octets_that_expand_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_SECTION", 1000)
    assert module.expand(zlib.compress(b"x" * 999)) == b"x" * 999
    with pytest.raises(ValueError, match="expand to too much"):
        module.expand(zlib.compress(b"x" * 100_000))


@pytest.mark.parametrize("damage", ["none", "short", "other"])
def test_snapshot_that_is_not_of_the_run_is_not_flown(
    base: Scenario, reference: Reference, damage: str
) -> None:
    """Sections that can be read, but are another tick's, are found by the hash of that stop."""
    octets = {
        "none": b"",
        "short": zlib.compress(module.expand(reference.snapshots[6000])[:-1]),
        "other": reference.snapshots[12000],
    }[damage]
    broken = replace(reference, snapshots={**reference.snapshots, 6000: octets})
    with pytest.raises(ForkError, match="SH-FRK-001"):
        Forker(broken).fly(faulty(base, flip("12m", 5)))


def test_snapshots_share_their_blocks(reference: Reference) -> None:
    """Twenty minutes of black box are more than 10 blocks of 64 KiB; each is in the file once."""
    assert len(reference.blocks) > 8
    assert len({hashlib.sha256(octets).digest() for octets in reference.blocks}) == len(reference.blocks)
    largest = max(len(reference.snapshot(tick)[0]["flight"]) for tick in reference.snapshots)
    assert largest < 500_000 < sum(len(octets) for octets in reference.blocks)
    assert Reference.from_bytes(reference.to_bytes()).blocks == reference.blocks


def test_snapshot_without_its_blocks_is_not_flown(base: Scenario, reference: Reference) -> None:
    blocks = list(reference.blocks)
    blocks[0] = bytes([blocks[0][0] ^ 1]) + blocks[0][1:]
    for broken in (replace(reference, blocks=blocks), replace(reference, blocks=())):
        with pytest.raises(ForkError, match="not at hand"):
            Forker(broken).fly(faulty(base, flip("22m", 5)))
