"""A sealed file gives back what went in, and nothing else passes for one."""

from __future__ import annotations

import hashlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.sealed import OtherVersionError, Seal, SealError

SEAL = Seal(noun="thing", magic=b"THINGS!!", version=3, largest=4096)
SECTIONS = st.dictionaries(st.text(max_size=8), st.binary(max_size=64), min_size=1, max_size=5).map(
    lambda found: list(found.items())
)


@pytest.mark.requirement("L6.4")
@given(sections=SECTIONS, tick=st.integers())
def test_what_goes_in_comes_out(sections: list[tuple[str, bytes]], tick: int) -> None:
    header, found = SEAL.open(SEAL.close({"tick": tick}, sections))
    assert list(found.items()) == sections
    assert header["tick"] == tick


@pytest.mark.requirement("L6.4")
def test_every_flipped_bit_and_every_cut_is_refused() -> None:
    sound = SEAL.close({"tick": 1}, [("a", b"12345"), ("b", b"")])
    SEAL.open(sound)
    for bit in range(8 * len(sound)):
        damaged = bytearray(sound)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealError):
            SEAL.open(bytes(damaged))
    for length in range(len(sound)):
        with pytest.raises(SealError):
            SEAL.open(sound[:length])


@pytest.mark.requirement("L6.4")
@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ([["a", 4]], "do not add up"),
        ([["a", -1], ["b", 6]], "makes no sense"),
        ([["a", 2], ["a", 3]], "makes no sense"),
        ("five", "makes no sense"),
    ],
)
def test_a_header_that_lies_is_refused_though_its_hash_fits(sections: object, words: str) -> None:
    """Whoever writes such a file can give it its hash."""
    text = json.dumps({"sections": sections}).encode()
    body = struct.pack("<8sII", SEAL.magic, SEAL.version, len(text)) + text + b"12345"
    with pytest.raises(SealError, match=words):
        SEAL.open(body + hashlib.sha256(body).digest())


@pytest.mark.requirement("L6.4")
def test_another_kind_another_version_and_too_much_are_told_apart() -> None:
    content = [("a", b"12345")]
    other = Seal(noun="thing", magic=SEAL.magic, version=4, largest=4096)
    with pytest.raises(OtherVersionError, match="has version 4; this safehold reads 3"):
        SEAL.open(other.close({}, content))
    with pytest.raises(SealError, match="is not a thing"):
        SEAL.open(Seal(noun="cat", magic=b"CATSCATS", version=3, largest=4096).close({}, content))
    with pytest.raises(SealError, match="larger"):
        SEAL.open(SEAL.close({}, [("a", bytes(5000))]))


@pytest.mark.parametrize("header", [{}, {"tick": "1"}, {"tick": None}, {"tick": [1]}])
def test_a_header_without_what_its_kind_must_have_is_refused(header: dict[str, object]) -> None:
    strict = Seal(noun="thing", magic=SEAL.magic, version=3, largest=4096, header={"tick": int})
    sections = [("a", b"12345")]
    assert strict.open(strict.close({"tick": 1, "more": 2}, sections))[0]["tick"] == 1
    with pytest.raises(SealError, match="has a header that makes no sense"):
        strict.open(strict.close(header, sections))
