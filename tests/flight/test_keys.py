"""Key rings: the published one, files of every quality, and that nothing said about them shows a key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flight.keys import KeyFileError, KeyRing, load_ring, make_ring, published_ring, read_ring

SECRET = "5ec2e7" * 10 + "abcd"


def key_file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.requirement("L2.3")
def test_a_ring_comes_from_the_file_that_the_variable_names(tmp_path: Path) -> None:
    path = key_file(tmp_path, f"# chmod 600\n\n7 {SECRET} # flown\n300\t{'00' * 32}\n")
    ring = load_ring({"SAFEHOLD_KEYS": str(path)})
    assert list(ring.keys) == [7, 300]
    assert ring.keys[7] == bytes.fromhex(SECRET)
    assert ring.first == 7
    assert not ring.published


@pytest.mark.requirement("L2.6")
def test_a_third_word_makes_a_key_one_for_telemetry(tmp_path: Path) -> None:
    text = f"7 {SECRET}\n107 {'11' * 32} telemetry\n106 {'12' * 32}  telemetry # later\n"
    ring = read_ring(key_file(tmp_path, text))
    assert list(ring.keys) == [7]
    assert list(ring.telemetry) == [107, 106]
    made = make_ring(tmp_path / "made")
    assert made == read_ring(tmp_path / "made")
    assert (list(made.keys), list(made.telemetry)) == ([1, 2, 3, 4], [101, 102, 103, 104])
    assert len({*made.keys.values(), *made.telemetry.values()}) == 8


def test_without_the_variable_the_published_ring_is_used() -> None:
    assert load_ring({}) == load_ring({"SAFEHOLD_KEYS": ""}) == published_ring()
    assert published_ring().published
    assert list(published_ring().keys) == [1, 2, 3, 4]
    assert len(set(published_ring().keys.values())) == 4


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o601, 0o777])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_ring(key_file(tmp_path, f"1 {SECRET}\n", mode))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1 to 8 keys"),
        (f"1 {SECRET}\n" * 2, "key 1 is there twice"),
        ("".join(f"{number} {SECRET}\n" for number in range(1, 10)), "1 to 8 keys"),
        (f"0 {SECRET}\n", "1 to 65535"),
        (f"65536 {SECRET}\n", "1 to 65535"),
        (f"-1 {SECRET}\n", "an id and 64"),
        (f"x {SECRET}\n", "an id and 64"),
        (f"{SECRET}\n", "an id and 64"),
        (f"{SECRET} 1\n", "an id and 64"),
        (f"1 {SECRET} {SECRET}\n", "an id and 64"),
        (f"1 {SECRET[:-1]}\n", "64 hexadecimal digits"),
        (f"1 {SECRET}0\n", "64 hexadecimal digits"),
        (f"1 {SECRET[:-1]}g\n", "64 hexadecimal digits"),
        ("#" * 20_000, "more than 16384"),
        (f"1 {SECRET} telemetry\n", "1 to 8 keys"),
        (f"1 {SECRET} telecommand\n", "an id and 64"),
        (f"1 {SECRET} telemetry telemetry\n", "an id and 64"),
        (f"1 {SECRET}\n2 {SECRET} telemetry\n", "each use needs its own"),
        (f"1 {SECRET}\n1 {'11' * 32} telemetry\n", "key 1 is there twice"),
        (f"1 {SECRET}\n" + "".join(f"{n} {n:064x} telemetry\n" for n in range(2, 11)), "up to 8 telemetry"),
    ],
)
def test_a_file_that_is_no_ring_is_refused_and_shows_no_key(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(KeyFileError, match=says) as caught:
        read_ring(key_file(tmp_path, text))
    shown = str(caught.value) + repr(caught.value) + repr(caught.value.__cause__)
    assert SECRET[:12] not in shown
    assert str(tmp_path) in shown


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        read_ring(tmp_path / "none")
    with pytest.raises(KeyFileError):
        read_ring(tmp_path)
    with pytest.raises(KeyFileError, match="not a regular file"):
        read_ring(Path("/dev/null"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(KeyFileError, match="not a regular file"):
        read_ring(tmp_path / "pipe")


def test_a_ring_does_not_show_its_keys() -> None:
    ring = KeyRing({1: bytes.fromhex(SECRET)})
    assert SECRET[:8] not in repr(ring)
    assert "\\x" not in repr(ring)
    with pytest.raises(ValueError, match="key 1 has 31 octets"):
        KeyRing({1: bytes(31)})
