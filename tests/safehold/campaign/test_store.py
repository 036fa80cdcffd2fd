"""Records: what their names depend on, and that nothing but the record that was written is ever read back."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from safehold.campaign.folder import link_or_copy
from safehold.campaign.store import (
    DIRECT,
    WAYS,
    DamagedError,
    Store,
    make_record,
    open_record,
    run_key,
    write_whole,
)
from safehold.campaign.whole_file import Whole
from safehold.errors import FolderError
from safehold.scenario import load

DOCUMENT = {
    "schema": 1,
    "outcome": "OK",
    "digest": "ab" * 32,
    "sim_seconds": 90.0,
    "timing": {"wall_seconds": 0.123},
}
KEY = "0123456789abcdef" * 4


@pytest.mark.requirement("S5")
def test_key_names_scenario_seed_code_and_way_of_flying() -> None:
    scenario = load("first-contact")
    keys = {
        run_key(scenario, "a" * 64),
        run_key(scenario, "b" * 64),
        run_key(scenario.model_copy(update={"seed": 2}), "a" * 64),
        run_key(scenario.model_copy(update={"duration": scenario.duration - scenario.tick_ns}), "a" * 64),
        *(run_key(scenario, "a" * 64, way) for way in WAYS),
    }
    assert len(keys) == 6
    assert run_key(load("first-contact"), "a" * 64, DIRECT) in keys


def test_record_has_no_wall_time_and_does_not_depend_on_the_order_of_keys() -> None:
    record = make_record(KEY, DOCUMENT, 900)
    assert record == make_record(KEY, dict(reversed(DOCUMENT.items())) | {"timing": None}, 900)
    assert b"wall" not in record
    assert b"timing" not in record
    content = open_record(record, KEY)
    assert content["stop"] == {"kind": "end", "at_s": 90.0, "forked_at_s": None, "ticks_flown": 900}


def test_every_altered_octet_and_every_cut_is_noticed() -> None:
    record = make_record(KEY, DOCUMENT, 900)
    for place in range(len(record)):
        altered = bytearray(record)
        altered[place] ^= 0x04
        with pytest.raises(DamagedError):
            open_record(bytes(altered), KEY)
    for length in range(len(record)):
        with pytest.raises(DamagedError):
            open_record(record[:length], KEY)


def test_a_record_under_another_name_is_refused() -> None:
    with pytest.raises(DamagedError, match="another run"):
        open_record(make_record(KEY, DOCUMENT, 900), KEY[::-1])


def test_store_gives_back_what_was_written_and_sets_damage_aside(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.read(KEY) is None
    record = make_record(KEY, DOCUMENT, 900)
    store.write(KEY, record)
    found = store.read(KEY)
    assert found is not None
    assert found[0] == record
    assert found[1] == json.loads(record)
    store.path(KEY).write_bytes(record[:-10])
    with pytest.raises(DamagedError):
        store.read(KEY)
    aside = store.set_aside(KEY)
    assert aside is not None
    assert aside.read_bytes() == record[:-10]
    assert store.read(KEY) is None
    assert [path for path in (tmp_path / "results").rglob("*") if path.is_file()] == []


def test_a_damaged_file_that_another_process_has_moved_is_no_error(tmp_path: Path) -> None:
    assert Store(tmp_path).set_aside(KEY) is None


def test_a_damaged_file_that_cannot_be_moved_is_an_error_of_the_folder(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(KEY, b"damaged")
    (tmp_path / "damaged").write_text("in the way", encoding="utf-8")
    with pytest.raises(FolderError, match=f"SH-OUT-001.*{KEY}.*cannot be moved"):
        store.set_aside(KEY)


def test_what_cannot_be_written_is_an_error_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way", encoding="utf-8")
    with pytest.raises(FolderError, match="SH-OUT-001"):
        Store(tmp_path).write(KEY, b"record")
    with pytest.raises(FolderError, match="SH-OUT-001"):
        link_or_copy(tmp_path / "theirs", b"record", Store(tmp_path).path(KEY))


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":,'])
def test_a_sealed_file_that_is_no_json_is_damaged(content: bytes) -> None:
    sealed = b'%s,"sha256":"%s"}\n' % (content, hashlib.sha256(content + b"}").hexdigest().encode())
    with pytest.raises(DamagedError, match="not JSON"):
        open_record(sealed, KEY)


def test_writers_with_one_process_number_on_two_hosts_do_not_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one writes, another begins and ends: each leaves its own, whole."""
    path = tmp_path / "shared.json"
    with Whole(path) as first:
        first.write("first, ")
        with Whole(path) as second:
            second.write("second")
        assert path.read_text(encoding="utf-8") == "second"
        first.write("whole")
    assert path.read_text(encoding="utf-8") == "first, whole"
    move, moved = os.replace, set()

    def replace(one: Path, other: Path) -> None:
        moved.add(one)
        move(one, other)

    monkeypatch.setattr(os, "replace", replace)
    for data in (b"one", b"other"):
        write_whole(path, data)
    assert len(moved) == 2
    assert list(tmp_path.iterdir()) == [path]
