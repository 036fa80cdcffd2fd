"""Frames are kept as they came, outside memory."""

from __future__ import annotations

from pathlib import Path

from flight.frames import Delivery
from safehold.frame_store import FrameStore


def frames(count: int) -> list[Delivery]:
    """Frames of different lengths, the later ones across the store's reading blocks."""
    return [Delivery(10 * i, i % 3, bytes([i % 256]) * (1 + i % 1115)) for i in range(count)]


def test_frames_come_back_in_order_and_whole(tmp_path: Path) -> None:
    store, given = FrameStore(), frames(5000)
    store.add(given[:1234])
    assert list(store) == given[:1234]
    store.add(given[1234:])
    assert list(store) == given
    assert (store.count, store.octets) == (5000, sum(len(one.frame) for one in given))
    store.write_frames(tmp_path / "frames.tm")
    assert (tmp_path / "frames.tm").read_bytes() == b"".join(one.frame for one in given)


def test_frames_can_be_added_while_they_are_read() -> None:
    store = FrameStore()
    store.add(frames(10))
    seen = []
    for index, one in enumerate(store):
        seen.append(one)
        if index == 0:
            store.add(frames(3))
    assert seen[:10] == frames(10)
    assert list(store) == frames(10) + frames(3)


def test_what_is_not_kept_is_counted() -> None:
    store = FrameStore(keep=False)
    store.add(frames(7))
    assert list(store) == []
    assert (store.count, store.octets) == (7, sum(len(one.frame) for one in frames(7)))


def test_closing_twice_is_fine() -> None:
    store = FrameStore()
    store.add(frames(2))
    store.close()
    store.close()
    assert list(store) == []
