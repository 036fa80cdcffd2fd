"""What a flight computer is made with: a field that is wrong is named with what would be right, and nothing
that is said of it shows a key. The keys are of a file, as a satellite's are, and looked for in the octets of
the reply, as text, as Python writes bytes and in hexadecimal digits; six octets in a row are taken for a key.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flight import dictionary, protocol
from flight.computer import make_computer, secret_keys
from flight.configuration import QUOTA_LIMITS
from flight.dictionary import SHA256
from flight.keys import KEYS_VARIABLE, KeyRing, make_ring
from flight.server import Service

native = dictionary.load_native()
RIGHT = {"replicas": 3, "resync": True, "autonomy": True, "tick_ns": 100_000_000, "parameters": {}}
TICK = "tick_ns must be a whole number of ns from 5000000 to 1000000000"
WRONG: list[tuple[str, Any, str]] = [
    *[
        ("replicas", value, "replicas must be 1 or 3")
        for value in (0, 2, -1, 10**30, 3.0, 1e300, True, "3", None, [], {})
    ],
    *[
        ("tick_ns", value, TICK)
        for value in (0, -1, 4_999_999, 1_000_000_001, 10**30, 1.5, 1e8, 1e300, True, "1", None, [], {})
    ],
    *[
        (name, value, f"{name} must be true or false")
        for name in ("resync", "autonomy")
        for value in (0, 1, 10**30, 1.5, "true", None, [], {})
    ],
    *[
        ("telemetry_protection", value, "must be none, authenticated or encrypted")
        for value in (5, 1.5, True, None, [], {}, "clear", "\ud800", "x" * 10_000)
    ],
    *[("parameters", value, "parameters must be settings") for value in (5, True, "radio_silence_s", [1])],
    *[
        ("parameters", {"radio_silence_s": value}, "radio_silence_s must be a number")
        for value in (None, "1", {}, [[]], ["1"], [None], 10**400, float("nan"))
    ],
    *[
        ("parameters", {"radio_silence_s": value}, "radio_silence_s must be from")
        for value in (-1, 1e300, 10**30, float("inf"))
    ],
    ("parameters", {"radio_silence_s": [1.0, 2.0]}, "has 1 values, not 2"),
    ("parameters", {"radio_silence_s": []}, "has 1 values, not 0"),
    ("parameters", {"radio_silence": 1.0}, "there is no setting 'radio_silence'"),
    ("parameters", {"\ud800": 1.0}, "there is no setting"),
    *[("quotas", value, "quotas must be names") for value in (5, True, "files", [1])],
    *[("quotas", {name: 1 << 26}, "there is no quota") for name in ("science", "", "\ud800", "x" * 10_000)],
    *[
        ("quotas", {name: value}, f"quota {name} must be a whole number of octets from")
        for name in QUOTA_LIMITS
        for value in (-1, 0, 10**30, 1e300, 1.5, 2.0**27, True, "1", None, [], {})
    ],
]


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyRing:
    """What SAFEHOLD_KEYS names."""
    made = make_ring(tmp_path / "keys")
    monkeypatch.setenv(KEYS_VARIABLE, str(tmp_path / "keys"))
    assert made.keys
    assert made.telemetry
    return made


def shows_a_key(text: str, ring: KeyRing) -> bool:
    octets = text.encode(errors="backslashreplace")
    for key in (*ring.keys.values(), *ring.telemetry.values()):
        for piece in (key[at : at + 6] for at in range(len(key) - 5)):
            ways = (piece, repr(piece)[2:-1].encode(), piece.hex().encode(), piece.hex().upper().encode())
            if any(way in octets for way in ways) or str(list(piece))[1:-1] in text:
                return True
    return False


def start(configuration: object) -> list[bytes]:
    return Service().handle([protocol.START, SHA256.encode(), json.dumps(configuration).encode()])


def refusal(arguments: Mapping[str, Any]) -> tuple[str, str]:
    """What making a computer says, and all that a traceback tells of it."""
    with pytest.raises(ValueError, match=r"not |there is no |has 1 values") as caught:
        make_computer(**arguments)
    chain = "".join(traceback.format_exception(caught.value))
    return str(caught.value), f"{chain} {caught.value!r} {caught.value.args}"


@pytest.mark.requirement("L2.3", "L2.6")
@pytest.mark.parametrize(("field", "value", "says"), WRONG)
def test_a_start_that_is_wrong_is_refused_by_its_field_and_shows_no_key(
    ring: KeyRing, field: str, value: object, says: str
) -> None:
    reply = start(RIGHT | {field: value})
    assert reply[0] == protocol.ERROR
    text = reply[1].decode()
    assert text.startswith("ValueError: ")
    assert says in text
    assert len(text) < 400
    assert not shows_a_key(text, ring)


@pytest.mark.requirement("L2.3", "L2.6")
@pytest.mark.parametrize(("field", "value", "says"), WRONG)
def test_a_computer_that_cannot_be_made_shows_no_key(
    ring: KeyRing, field: str, value: object, says: str
) -> None:
    if value is None and field in ("parameters", "quotas"):
        return
    text, told = refusal({field: value, "keys": ring})
    assert says in text
    assert not shows_a_key(told, ring)


@pytest.mark.requirement("L2.3", "L2.6")
@pytest.mark.parametrize(
    ("configuration", "says"),
    [
        ([], "named fields"),
        (7, "named fields"),
        ([[]] * 3000, "named fields"),
        (RIGHT | {"keys": {"1": "00"}}, "no field 'keys'; there are replicas, "),
        (RIGHT | {"folder": "/tmp"}, "no field 'folder'"),
        (RIGHT | {"telemetry_protecton": "encrypted"}, "no field 'telemetry_protecton'"),
        (RIGHT | {"\ud800": 1}, "no field '\\ud800'"),
        *[({key: RIGHT[key] for key in RIGHT if key != name}, f"lacks {name}") for name in RIGHT],
    ],
)
def test_a_start_without_its_fields_or_with_others_is_refused(
    ring: KeyRing, configuration: object, says: str
) -> None:
    reply = start(configuration)
    assert reply[0] == protocol.ERROR
    assert says in reply[1].decode()
    assert not shows_a_key(reply[1].decode(), ring)


def test_a_right_start_is_taken(ring: KeyRing) -> None:
    assert start(RIGHT) == [protocol.START]
    quotas = {name: most for name, (_, most) in QUOTA_LIMITS.items()}
    full = RIGHT | {"quotas": quotas, "telemetry_protection": "encrypted", "tick_ns": 5_000_000}
    assert start(full | {"parameters": {"radio_silence_s": True}}) == [protocol.START]


@pytest.mark.requirement("L2.3", "L2.6")
@pytest.mark.parametrize("field", ["keys", "folder"])
def test_keys_and_folder_of_another_type_are_refused_without_a_key(ring: KeyRing, field: str) -> None:
    text, told = refusal({"keys": ring, field: dict(ring.keys)} if field == "keys" else {field: 7})
    assert text.startswith(f"{field} must be a")
    assert not shows_a_key(told, ring)


@pytest.mark.requirement("L2.3", "L2.6")
def test_what_holds_keys_shows_none_and_what_cannot_hold_them_neither(ring: KeyRing) -> None:
    """The compiled module, beneath the checks: even a call that it cannot make has no keys in its message."""
    key = next(iter(ring.keys.values()))
    keys = secret_keys(ring)
    assert not shows_a_key(repr(keys) + str(keys) + repr(vars(type(keys))), ring)
    with pytest.raises(TypeError, match="incompatible constructor arguments") as caught:
        native.FlightComputer(keys=keys, tick_ns=1.5)
    assert "SecretKeys" in str(caught.value)
    assert not shows_a_key(str(caught.value), ring)
    many = {number: key for number in range(1, 10)}
    for given in (
        (),
        (dict(ring.keys),),
        (dict(ring.keys), None),
        (key, {}),
        ([(1, key)], {}),
        (dict(ring.keys), {}, {}),
        (many, {}),
        ({0: key}, {}),
        ({65536: key}, {}),
        ({10**30: key}, {}),
        ({key: key}, {}),
        ({True: key}, {}),
        ({"1": key}, {}),
        ({1: key[:-1]}, {}),
        ({1: key + b"x"}, {}),
        ({1: key.hex()[:32]}, {}),
        ({1: bytearray(key)}, {}),
        ({}, {1: list(key)}),
    ):
        with pytest.raises(ValueError, match="key") as refused:
            native.SecretKeys(*given)
        assert not shows_a_key(str(refused.value), ring)
    with pytest.raises(ValueError, match="two dicts"):
        native.SecretKeys(telecommand=dict(ring.keys), telemetry={})


@pytest.mark.requirement("L2.3", "L2.6")
def test_the_compiled_module_takes_no_keys_in_the_clear_and_shows_none(ring: KeyRing) -> None:
    with pytest.raises(ValueError, match="keys are SecretKeys") as refused:
        native.FlightComputer(keys=dict(ring.keys))
    assert not shows_a_key(str(refused.value), ring)


def test_a_key_is_found_where_there_is_one(ring: KeyRing) -> None:
    """So that the other tests look for what they mean to."""
    key = next(iter(ring.telemetry.values()))
    for text in (str(dict(ring.keys)), key.hex(), f"x{list(key)}", repr({7: key}), key.hex().upper()):
        assert shows_a_key(text, ring)
