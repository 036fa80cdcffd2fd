"""Key rings: what the frames of the space link are authenticated with, on both sides of it.

A ring comes from the file that the environment variable `SAFEHOLD_KEYS` names, or is the published test ring,
which protects nothing and serves simulations. A file has one key a line, its id and 64 hexadecimal digits;
the first is in force until the ground selects another. A third word says that a key is for telemetry: the
first of these is in force, and none of them is, or equals, a key for telecommands:

    # chmod 600
    7    <64 hexadecimal digits>
    107  <64 hexadecimal digits>  telemetry

No message and no representation of anything here shows a key.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from flight.regular_file import read_regular

KEYS_VARIABLE = "SAFEHOLD_KEYS"
KEY_OCTETS = 32
KEYS_MAX = 8
_FILE_OCTETS_MAX = 16_384
_TEST_KEYS = 4
_TEST_TELEMETRY_FIRST = 101
_TELEMETRY = b"telemetry"


def _no_keys() -> Mapping[int, bytes]:
    return MappingProxyType({})


class KeyFileError(ValueError):
    """A key file that is not taken; the message says why without showing what is in it."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys by id, in order: `keys` for telecommands, `telemetry` for telemetry; `published` is true of the
    test ring.
    """

    keys: Mapping[int, bytes] = field(repr=False)
    published: bool = False
    telemetry: Mapping[int, bytes] = field(default_factory=_no_keys, repr=False)

    def __post_init__(self) -> None:
        """Raises ValueError for no key, too many, a bad id, a key of another size or one for both uses."""
        if not 1 <= len(self.keys) <= KEYS_MAX:
            raise ValueError(f"a key ring holds 1 to {KEYS_MAX} keys, not {len(self.keys)}")
        if len(self.telemetry) > KEYS_MAX:
            raise ValueError(f"a key ring holds up to {KEYS_MAX} telemetry keys, not {len(self.telemetry)}")
        if shared := self.keys.keys() & self.telemetry.keys():
            raise ValueError(f"key {min(shared)} is for telecommands and for telemetry; each needs its own")
        if set(self.keys.values()) & set(self.telemetry.values()):
            raise ValueError("a telemetry key equals a telecommand key; each use needs its own")
        for number, key in [*self.keys.items(), *self.telemetry.items()]:
            if not 1 <= number <= 0xFFFF:
                raise ValueError(f"a key's id is from 1 to 65535, not {number}")
            if len(key) != KEY_OCTETS:
                raise ValueError(f"key {number} has {len(key)} octets instead of {KEY_OCTETS}")

    @property
    def first(self) -> int:
        """The id of the key in force at the first start."""
        return next(iter(self.keys))


def published_ring() -> KeyRing:
    """The test ring, ids 1 to 4, for telemetry 101 to 104: everybody has it."""
    keys = {
        number: hashlib.sha256(b"safehold published test key %d" % number).digest()
        for number in range(1, _TEST_KEYS + 1)
    }
    telemetry = {
        number: hashlib.sha256(b"safehold published test telemetry key %d" % number).digest()
        for number in range(_TEST_TELEMETRY_FIRST, _TEST_TELEMETRY_FIRST + _TEST_KEYS)
    }
    return KeyRing(MappingProxyType(keys), published=True, telemetry=MappingProxyType(telemetry))


def load_ring(environment: Mapping[str, str] | None = None) -> KeyRing:
    """The ring of the file named by SAFEHOLD_KEYS, or the published one if the variable is not set.

    Raises KeyFileError for a file that cannot be read, that others may read, or that is no key file.
    """
    name = (os.environ if environment is None else environment).get(KEYS_VARIABLE, "")
    return read_ring(Path(name)) if name else published_ring()


def load_usable_ring() -> KeyRing:
    """As `load_ring`, with an error that names the variable: for a process that is about to serve."""
    try:
        return load_ring()
    except KeyFileError as error:
        raise KeyFileError(f"{KEYS_VARIABLE}: {error}") from None


def read_ring(path: Path) -> KeyRing:
    """The ring in a file; raises KeyFileError as `load_ring` does."""
    try:
        octets, mode = read_regular(path, _FILE_OCTETS_MAX)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror or 'cannot be read'}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(
            f"{path}: group or others may use it (mode {stat.S_IMODE(mode):04o}); "
            "give it to its owner alone with chmod 600"
        )
    keys: dict[int, bytes] = {}
    telemetry: dict[int, bytes] = {}
    for number, line in enumerate(octets.split(b"\n"), start=1):
        entry = line.split(b"#", 1)[0].split()
        if entry:
            use = telemetry if entry[2:] == [_TELEMETRY] else keys
            key_id, key = _entry(entry[:2] if use is telemetry else entry, f"{path}:{number}")
            if key_id in keys or key_id in telemetry:
                raise KeyFileError(f"{path}:{number}: key {key_id} is there twice")
            use[key_id] = key
    try:
        return KeyRing(MappingProxyType(keys), telemetry=MappingProxyType(telemetry))
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from None


def make_ring(path: Path) -> KeyRing:
    """New keys, ids 1 to 4 and 101 to 104 for telemetry, in a file of their own; raises KeyFileError if there
    is one, or OSError.
    """
    lines = [f"{number}  {secrets.token_hex(KEY_OCTETS)}" for number in range(1, _TEST_KEYS + 1)]
    lines += [
        f"{number}  {secrets.token_hex(KEY_OCTETS)}  {_TELEMETRY.decode()}"
        for number in range(_TEST_TELEMETRY_FIRST, _TEST_TELEMETRY_FIRST + _TEST_KEYS)
    ]
    try:
        place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(f"{path} exists; it is not overwritten") from None
    with os.fdopen(place, "w", encoding="ascii") as file:
        file.write("# safehold keys: id, key; those for telemetry say so\n" + "\n".join(lines) + "\n")
    return read_ring(path)


def _entry(entry: list[bytes], where: str) -> tuple[int, bytes]:
    hexadecimal = set(b"0123456789abcdefABCDEF")
    if len(entry) != 2 or not entry[0].isdigit() or len(entry[0]) > 5:
        raise KeyFileError(
            f"{where}: a line has an id and {2 * KEY_OCTETS} hexadecimal digits; `telemetry` may follow"
        )
    if len(entry[1]) != 2 * KEY_OCTETS or not set(entry[1]) <= hexadecimal:
        raise KeyFileError(f"{where}: the key has not {2 * KEY_OCTETS} hexadecimal digits")
    return int(entry[0]), bytes.fromhex(entry[1].decode("ascii"))
