"""Of what mission control holds, only what has changed is written down and kept."""

from __future__ import annotations

from typing import Any

import pytest

from ground import keeper
from ground.commands import CommandQueue
from ground.config import Command
from ground.keeper import Keeper
from ground.store.memory import MemoryStore


def queue(count: int) -> CommandQueue:
    return CommandQueue(tuple(Command(at_ns=at, name="ping") for at in range(count)))


@pytest.mark.requirement("L2.6")
def test_a_row_that_did_not_change_is_not_even_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[Any] = []
    plain = keeper._octets

    def octets(value: Any) -> bytes:
        encoded.append(value)
        return plain(value)

    monkeypatch.setattr(keeper, "_octets", octets)
    store, commands = MemoryStore(), queue(100)
    kept = Keeper(store)
    kept.keep({"a": 1}, commands.rows())
    assert len(encoded) == 101
    encoded.clear()
    kept.keep({"a": 1}, commands.rows())
    assert (encoded, store.operations) == ([1], 1)
    encoded.clear()
    index = commands.add(Command(at_ns=7, name="ping"))
    kept.keep({"a": 2}, commands.rows())
    assert len(encoded) == 2, "the part and the row that are new"
    assert store.saved is not None
    assert store.saved.commands[index] == plain(commands.rows()[index])


@pytest.mark.requirement("L2.6")
def test_what_is_kept_is_what_there_is_after_any_changes() -> None:
    store, rows = MemoryStore(), {at: {"state": "queued", "n": at} for at in range(20)}
    kept = Keeper(store)
    for step in range(60):
        rows = dict(rows)
        if step % 3 == 0:
            rows[100 + step] = {"state": "queued", "n": step}
        if step % 4 == 1:
            rows.pop(min(rows))
        if step % 2:
            rows[max(rows)] = {**rows[max(rows)], "state": f"step {step}"}
        if step == 30:
            kept = Keeper(store)
            assert kept.load() is not None
        kept.keep({"step": step // 5}, rows)
        assert store.saved is not None
        assert store.saved.commands == {at: keeper._octets(row) for at, row in rows.items()}
