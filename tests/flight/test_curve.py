"""Who may talk to a socket, shown with real sockets: strangers are kept out, peers get through."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from flight.curve import Curve, CurveError, check_endpoint, make_keys, secure_client, secure_server

Context = zmq.Context[zmq.Socket[bytes]]


@pytest.fixture
def context() -> Iterator[Context]:
    made: Context = zmq.Context()
    yield made
    made.destroy(linger=0)


def _pair(folder: Path, first: str, second: str) -> tuple[Curve, Curve]:
    """Two processes that know each other."""
    for name in (first, second):
        make_keys(folder / name)
    for mine, other in ((first, second), (second, first)):
        shutil.copy(folder / other / "own.key", folder / mine / "peers" / f"{other}.key")
    return Curve.load(folder / first), Curve.load(folder / second)


def _answers(context: Context, curve: Curve | None, *asking: Curve | None) -> list[bool]:
    """For each that asks, whether a server with these keys answers; a stranger does not reach it."""
    server = context.socket(zmq.REP)
    guard = secure_server(context, server, curve)
    port = server.bind_to_random_port("tcp://127.0.0.1")
    found = []
    for one in asking:
        client = context.socket(zmq.REQ)
        client.setsockopt(zmq.LINGER, 0)
        secure_client(client, one)
        client.connect(f"tcp://127.0.0.1:{port}")
        client.send(b"question")
        heard = server.poll(2000 if one is not None and curve is not None else 700) != 0
        if heard:
            assert server.recv() == b"question"
            server.send(b"answer")
            assert client.poll(2000)
            assert client.recv() == b"answer"
        found.append(heard)
        client.close()
    server.close()
    if guard is not None:
        guard.stop()
    return found


@pytest.mark.requirement("S3")
def test_a_server_with_keys_answers_its_peers_alone(context: Context, tmp_path: Path) -> None:
    server, friend = _pair(tmp_path, "host", "pi")
    # A stranger who knows the server's public key, but is not known to it.
    make_keys(tmp_path / "stranger")
    shutil.copy(tmp_path / "host" / "own.key", tmp_path / "stranger" / "peers" / "host.key")
    stranger = Curve.load(tmp_path / "stranger")
    assert _answers(context, server, stranger, None, friend) == [False, False, True]


@pytest.mark.requirement("S3")
def test_a_client_with_keys_talks_to_no_other_server(context: Context, tmp_path: Path) -> None:
    _, friend = _pair(tmp_path, "host", "pi")
    impostor, _ = _pair(tmp_path / "other", "host", "pi")
    assert _answers(context, impostor, friend) == [False]
    assert _answers(context, None, friend, None) == [False, True]


@pytest.mark.parametrize(
    "endpoint", ["tcp://0.0.0.0:5555", "tcp://192.168.1.7:5555", "tcp://pi.example:5555", "tcp://*:1"]
)
def test_beyond_the_loopback_only_with_keys(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(CurveError, match="SAFEHOLD_CURVE"):
        check_endpoint(endpoint, None)
    check_endpoint(endpoint, _pair(tmp_path, "a", "b")[0])
    for near in ("tcp://127.0.0.1:5555", "tcp://localhost:*", "tcp://[::1]:80"):
        check_endpoint(near, None)


@pytest.mark.parametrize(
    "endpoint", ["ipc:///tmp/x", "tcp://127.0.0.1", "127.0.0.1:5", "tcp://:5", "tcp://127.0.0.1:70000", ""]
)
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(CurveError, match="tcp://HOST:PORT"):
        check_endpoint(endpoint, None)


def test_keys_that_cannot_be_used_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CurveError, match=r"own\.key_secret.*safehold keys"):
        Curve.load(tmp_path / "missing")
    make_keys(tmp_path)
    assert stat.S_IMODE((tmp_path / "own.key_secret").stat().st_mode) == 0o600
    with pytest.raises(CurveError, match="not overwritten"):
        make_keys(tmp_path)
    with pytest.raises(CurveError, match="no public key of a peer"):
        Curve.load(tmp_path)
    (tmp_path / "own.key_secret").chmod(0o644)
    with pytest.raises(CurveError, match="chmod 600"):
        Curve.load(tmp_path)
    (tmp_path / "own.key_secret").write_text("nonsense\n")
    (tmp_path / "own.key_secret").chmod(0o600)
    with pytest.raises(CurveError, match="no CURVE key"):
        Curve.load(tmp_path)


HASHES = "#" * 40  # Z85 by its characters, but each five are more than four octets hold


def _written(path: Path, **keys: str) -> None:
    """A file of `zmq.auth` with these keys."""
    lines = [f'    {name}-key = "{key}"' for name, key in keys.items()]
    path.write_text("\n".join(["# a comment", "metadata", "curve", *lines, ""]))
    path.chmod(0o600)


@pytest.mark.requirement("S3")
@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("", "has 0 characters instead of 40 of Z85"),
        ("a" * 39, "has 39 characters instead of 40 of Z85"),
        ("a" * 41, "has 41 characters instead of 40 of Z85"),
        ("a" * 32, "has 32 characters"),
        ("é" * 20, "not all Z85"),
        ("a" * 39 + "~", "not all Z85"),
        ("a" * 39 + " ", "has 39 characters"),
        (HASHES, "not all Z85"),
    ],
)
@pytest.mark.parametrize("which", ["public", "secret", "peer"])
def test_a_key_that_is_none_is_refused_by_its_file_and_not_shown(
    tmp_path: Path, key: str, says: str, which: str
) -> None:
    right, _ = _pair(tmp_path, "host", "pi")
    own = {"public": right.public.decode(), "secret": right.secret.decode()}
    wrong = tmp_path / "host" / ("peers/pi.key" if which == "peer" else "own.key_secret")
    _written(wrong, **({"public": key} if which == "peer" else own | {which: key}))
    with pytest.raises(CurveError) as caught:
        Curve.load(tmp_path / "host")
    told = str(caught.value)
    assert told.startswith(f"{wrong}: no CURVE key: ")
    assert says in told
    assert f"{'public' if which == 'peer' else which} key" in told
    assert ("own.key again" if which == "peer" else "safehold keys --curve FOLDER") in told
    for secret in (own["secret"], key):
        assert not secret or secret not in told


@pytest.mark.requirement("S3")
def test_a_pair_that_is_none_is_refused(tmp_path: Path) -> None:
    """With it no peer could be talked to, and nothing would say why."""
    host, pi = _pair(tmp_path, "host", "pi")
    own = tmp_path / "host" / "own.key_secret"
    _written(own, public=pi.public.decode(), secret=host.secret.decode())
    with pytest.raises(CurveError, match="is not that of the secret one"):
        Curve.load(tmp_path / "host")
    _written(own, public=host.public.decode())
    with pytest.raises(CurveError, match=r"own\.key_secret: no CURVE key: holds no secret key"):
        Curve.load(tmp_path / "host")
    _written(own, public=host.public.decode(), secret=host.secret.decode())
    assert Curve.load(tmp_path / "host") == host


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("name", ["own.key_secret", "peers/pi.key"])
def test_key_files_of_any_kind_are_refused_by_name_and_not_waited_for(tmp_path: Path, name: str) -> None:
    _pair(tmp_path, "host", "pi")
    folder = tmp_path / "host"
    place = folder / name

    def refused(says: str) -> None:
        with pytest.raises(CurveError) as caught:
            Curve.load(folder)
        assert str(caught.value).startswith(f"{place}: {says}")

    good = place.read_bytes()
    place.write_bytes(good + b"#" * 20_000)
    refused("more than 16384 octets")
    place.write_bytes(bytes(range(256)))
    refused("no CURVE key")
    place.write_bytes(b"")
    refused("no CURVE key: holds no public key")
    place.unlink()
    os.mkfifo(place, 0o600)
    refused("not a regular file")
    place.unlink()
    place.symlink_to("/dev/zero")
    refused("not a regular file")
    place.unlink()
    place.symlink_to(tmp_path / "nowhere")
    refused("No such file or directory")
    place.unlink()
    place.mkdir()
    refused("Is a directory")


def test_several_servers_have_to_be_told_apart(context: Context, tmp_path: Path) -> None:
    server, _ = _pair(tmp_path, "host", "pi")
    two = Curve(server.public, server.secret, {"pi": server.peers["pi"], "ground": server.peers["pi"]})
    socket = context.socket(zmq.REQ)
    with pytest.raises(CurveError, match="ground, pi"):
        secure_client(socket, two)
    with pytest.raises(CurveError, match="no key of a peer 'moon'"):
        secure_client(socket, two, "moon")
    secure_client(socket, two, "pi")
    assert "secret" not in repr(server)
