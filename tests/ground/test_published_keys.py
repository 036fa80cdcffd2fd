"""A ground by hand does not command beyond the loopback with keys that everybody has."""

from __future__ import annotations

from pathlib import Path

import pytest

from flight.curve import ENVIRONMENT, make_keys
from flight.keys import KEYS_VARIABLE
from ground.server import serve


@pytest.mark.requirement("L2.6")
def test_the_published_keys_are_refused_beyond_the_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    public = make_keys(tmp_path / "curve")
    peers = tmp_path / "curve" / "peers"
    peers.mkdir(exist_ok=True)
    (peers / "other.key").write_bytes(Path(public).read_bytes())
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "curve"))
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)
    assert serve("tcp://192.0.2.1:5555", with_parent=False) == 2
    assert "published telecommand keys" in capsys.readouterr().err
