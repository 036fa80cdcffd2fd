"""Who may talk to a socket: loopback, or CURVE keys (ZeroMQ RFC 26).

A process listens or connects beyond the loopback only if it has keys: a folder, named by the environment
variable `SAFEHOLD_CURVE`, that holds

    own.key_secret     its own pair of keys
    peers/NAME.key     the public key of each process that it talks to

in the format of `zmq.auth` (`safehold keys --curve FOLDER` makes the pair). Both ends prove who they are: a
server takes only the peers in its folder, a client only the server whose key is in its own. With keys, the
loopback is secured too.
"""

from __future__ import annotations

import ipaddress
import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from flight.regular_file import read_regular

ENVIRONMENT = "SAFEHOLD_CURVE"
OWN = "own.key_secret"
PEERS = "peers"

_PUBLIC = b"public-key"
_SECRET = b"secret-key"
_KEY_CHARACTERS = 40
_FILE_OCTETS_MAX = 16_384
_Z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


class CurveError(ValueError):
    """Keys that cannot be used, or an endpoint that needs some; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A process's keys, Z85-encoded; the secret one is never shown."""

    public: bytes
    secret: bytes = field(repr=False)
    peers: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Curve:
        """From a folder; raises CurveError."""
        own = folder / OWN
        public, secret = _read_own(own)
        peers = {path.stem: _read_peer(path) for path in sorted((folder / PEERS).glob("*.key"))}
        if not peers:
            raise CurveError(
                f"{folder / PEERS}: holds no public key of a peer (NAME.key): nobody could connect"
            )
        return cls(public, secret, peers)

    @classmethod
    def from_environment(cls) -> Curve | None:
        """From the folder that `SAFEHOLD_CURVE` names; None if it is not set. Raises CurveError."""
        folder = os.environ.get(ENVIRONMENT)
        return cls.load(Path(folder)) if folder else None


def _read_own(path: Path) -> tuple[bytes, bytes]:
    """The public and the secret key of a pair."""
    hint = "`safehold keys --curve FOLDER` makes a pair"
    entries, mode = _read(path, hint)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CurveError(f"{path}: others may read it; chmod 600 it")
    public, secret = _key(entries, _PUBLIC, path, hint), _key(entries, _SECRET, path, hint)
    if zmq.curve_public(secret) != public:
        raise CurveError(f"{path}: the public key is not that of the secret one; {hint}")
    return public, secret


def _read_peer(path: Path) -> bytes:
    hint = "give it the peer's own.key again"
    entries, _ = _read(path, hint)
    return _key(entries, _PUBLIC, path, hint)


def _read(path: Path, hint: str) -> tuple[dict[bytes, bytes], int]:
    """The keys in a file of `zmq.auth`, as they stand there by name, and the file's mode."""
    try:
        octets, mode = read_regular(path, _FILE_OCTETS_MAX)
    except OSError as error:
        raise CurveError(f"{path}: {error.strerror or 'cannot be read'}; {hint}") from None
    entries: dict[bytes, bytes] = {}
    for line in octets.splitlines():
        name, _, value = line.strip().partition(b"=")
        entries.setdefault(name.strip(), value.strip(b" \t'\""))
    return entries, mode


def _key(entries: dict[bytes, bytes], name: bytes, path: Path, hint: str) -> bytes:
    """A key, if it is one; what is said of one that is none does not show it."""
    what = name.decode().removesuffix("-key") + " key"
    if name not in entries:
        raise CurveError(f"{path}: no CURVE key: holds no {what}; {hint}")
    key = entries[name]
    if len(key) != _KEY_CHARACTERS:
        raise CurveError(
            f"{path}: no CURVE key: its {what} has {len(key)} characters instead of {_KEY_CHARACTERS} "
            f"of Z85; {hint}"
        )
    if not _is_z85(key):
        raise CurveError(
            f"{path}: no CURVE key: the {_KEY_CHARACTERS} characters of its {what} are not all Z85; {hint}"
        )
    return key


def _is_z85(text: bytes) -> bool:
    """Whether it encodes octets (ZeroMQ RFC 32): five digits of base 85 for each four."""
    if not set(text) <= set(_Z85):
        return False
    for at in range(0, len(text), 5):
        value = 0
        for digit in text[at : at + 5]:
            value = value * 85 + _Z85.index(digit)
        if value >= 1 << 32:
            return False
    return True


def make_keys(folder: Path) -> Path:
    """A new pair in a folder; returns the file of its public key, for peers. Raises CurveError, OSError."""
    if (folder / OWN).exists():
        raise CurveError(f"{folder / OWN} exists; it is not overwritten")
    (folder / PEERS).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        public, secret = zmq.auth.create_certificates(scratch, "own")
        os.chmod(secret, 0o600)
        os.replace(secret, folder / OWN)
        os.replace(public, folder / "own.key")
    return folder / "own.key"


def check_endpoint(endpoint: str, curve: Curve | None) -> None:
    """Refuses, by CurveError, what is not tcp://HOST:PORT, or beyond the loopback without keys."""
    scheme, _, rest = endpoint.partition("://")
    host, _, port = rest.rpartition(":")
    named = port == "*" or (port.isdigit() and int(port) < 65536)
    if scheme != "tcp" or not host or not named:
        raise CurveError(f"{endpoint!r} is not an endpoint; write tcp://HOST:PORT")
    if curve is None and not _is_loopback(host):
        raise CurveError(
            f"{endpoint} is not on the loopback, and no keys are configured: set {ENVIRONMENT} to a folder "
            "made by `safehold keys --curve FOLDER`, or use tcp://127.0.0.1:PORT"
        )


def is_beyond_loopback(endpoint: str) -> bool:
    """Of an endpoint that `check_endpoint` takes."""
    return not _is_loopback(endpoint.partition("://")[2].rpartition(":")[0])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def secure_server(
    context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes], curve: Curve | None
) -> ThreadAuthenticator | None:
    """Before `bind`: the socket takes only the peers in `curve`. Stop what is returned before the context."""
    if curve is None:
        return None
    guard = ThreadAuthenticator(context)
    guard.start()
    guard.configure_curve_callback(domain="*", credentials_provider=_Peers(frozenset(curve.peers.values())))
    socket.curve_server = True
    socket.curve_publickey = curve.public
    socket.curve_secretkey = curve.secret
    return guard


def secure_client(socket: zmq.Socket[bytes], curve: Curve | None, server: str | None = None) -> None:
    """Before `connect`: the socket talks to the peer `server` alone, or the only one. Raises CurveError."""
    if curve is None:
        return
    names = sorted(curve.peers)
    if server is None and len(names) != 1:
        raise CurveError(f"several peers are configured ({', '.join(names)}): which one is the server?")
    name = names[0] if server is None else server
    if name not in curve.peers:
        raise CurveError(f"no key of a peer {name!r}; there are {', '.join(names)}")
    socket.curve_publickey = curve.public
    socket.curve_secretkey = curve.secret
    socket.curve_serverkey = curve.peers[name]


@dataclass(frozen=True, slots=True)
class _Peers:
    """Answers the authenticator: whether a public key is a peer's."""

    keys: frozenset[bytes]

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether the key may come in."""
        return key in self.keys
