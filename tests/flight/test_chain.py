"""The digest chain: the same whatever the pieces, resumable, and different for different octets."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flight.chain import Chain


def digest_by_definition(name: str, data: bytes) -> bytes:
    """docs/wire.md, word for word."""
    head, blocks = hashlib.sha256(name.encode()).digest(), len(data) // 4096
    for block in range(blocks):
        head = hashlib.sha256(head + data[4096 * block : 4096 * (block + 1)]).digest()
    return hashlib.sha256(head + data[4096 * blocks :] + len(data).to_bytes(8, "little")).digest()


@given(st.lists(st.integers(0, 9000), max_size=6), st.integers(0, 255))
def test_chain_is_its_definition_however_the_octets_come(sizes: list[int], seed: int) -> None:
    data = bytes((seed + i * i) % 256 for i in range(sum(sizes)))
    chain, at = Chain("flight"), 0
    for size in sizes:
        chain.add(data[at : at + size])
        at += size
        chain = Chain.from_bytes(chain.to_bytes())
    assert chain.digest() == digest_by_definition("flight", data)
    assert chain.digest() == chain.digest()


def test_name_and_length_are_part_of_the_digest() -> None:
    assert Chain("plant").digest() != Chain("flight").digest()
    chain = Chain("plant")
    chain.add(bytes(4096))
    other = Chain("plant")
    other.add(bytes(8192))
    assert chain.digest() != other.digest()


@pytest.mark.parametrize(
    "state", [b"", bytes(39), bytes(41), bytes(32) + (7).to_bytes(8, "little") + bytes(6)]
)
def test_a_state_of_another_length_is_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match=r"octets|block"):
        Chain.from_bytes(state)
