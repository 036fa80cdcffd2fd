"""A run's folder appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from safehold import parquet
from safehold.errors import FolderError
from safehold.folder import FolderWriter, RunFolder


@pytest.mark.requirement("S4")
def test_a_folder_appears_only_when_it_is_committed(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b" / "run"
    with FolderWriter(place, "x") as writer:
        writer.write_json("result.json", {"met": True})
        writer.write_text("scenario.toml", "schema = 1\n")
        assert not place.exists()
        writer.commit()
    assert sorted(path.name for path in place.iterdir()) == ["result.json", "scenario.toml"]
    assert RunFolder.open(place).result == {"met": True}
    assert [path.name for path in place.parent.iterdir()] == ["run"]


@pytest.mark.requirement("S4")
def test_what_fails_in_between_leaves_nothing_behind(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b" / "run"

    def fail() -> None:
        with FolderWriter(place, "x") as writer:
            writer.write_text("scenario.toml", "schema = 1\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("S4")
def test_an_empty_folder_may_be_given_but_not_one_that_holds_something(tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.mkdir()
    with FolderWriter(place, "x") as writer:
        writer.write_text("a", "b")
        writer.commit()
    with pytest.raises(FolderError) as caught:
        FolderWriter(place, "x")
    assert caught.value.id == "SH-OUT-002"
    assert (place / "a").read_text() == "b"


@pytest.mark.requirement("S4")
def test_a_place_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderError) as caught:
        FolderWriter(tmp_path / "file" / "run", "x")
    assert caught.value.id == "SH-OUT-001"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.requirement("S4")
def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"), FolderWriter(tmp_path / "run", "x") as writer:
        writer.write_json("result.json", {"value": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("S4")
def test_parquet_keeps_columns_types_and_values(tmp_path: Path) -> None:
    path = tmp_path / "it's.parquet"
    columns = {
        "sim_time_ns": np.array([0, 2**62], dtype=np.int64),
        "value": np.array([1.5, np.nan]),
        "in_contact": np.array([True, False]),
        "station": np.array(["a", "é"], dtype=object),
    }
    parquet.write(path, columns)
    found = parquet.read(path)
    assert list(found) == list(columns)
    assert found["sim_time_ns"].dtype == np.int64
    assert found["sim_time_ns"].tolist() == [0, 2**62]
    assert found["in_contact"].tolist() == [True, False]
    np.testing.assert_array_equal(found["value"], columns["value"])
    assert parquet.read(path, ["value"]).keys() == {"value"}


@pytest.mark.requirement("L6.3")
@pytest.mark.parametrize("cut", [1_000, 16_384, 50_000])
def test_parquet_in_pieces_is_the_same_file(tmp_path: Path, cut: int) -> None:
    rows = 40_000
    columns = {
        "time_ns": np.arange(rows) * 10**8,
        "value": np.where(np.arange(rows) % 7, np.sin(np.arange(rows)), np.nan),
        "station": np.array(["a", "é"], dtype=object)[np.arange(rows) % 2],
    }
    parquet.write(tmp_path / "whole.parquet", columns)
    pieces = ({name: one[at : at + cut] for name, one in columns.items()} for at in range(0, rows, cut))
    parquet.write_pieces(tmp_path / "cut.parquet", pieces)
    assert (tmp_path / "cut.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert parquet.rows(tmp_path / "cut.parquet") == rows
    assert parquet.names(tmp_path / "cut.parquet") == list(columns)
    parts = list(parquet.read_pieces(tmp_path / "cut.parquet", ["value", "time_ns"], [0, 5, 16_390, rows]))
    assert [len(part["value"]) for part in parts] == [5, 16_385, rows - 16_390]
    for name in ("value", "time_ns"):
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), columns[name])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["cut.parquet", "whole.parquet"]


def test_parquet_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    parquet.write(tmp_path / "none.parquet", {"time_ns": np.zeros(0, dtype=np.int64)})
    assert parquet.read(tmp_path / "none.parquet")["time_ns"].tolist() == []
