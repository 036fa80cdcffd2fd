"""Scenario keys: what is read at a path is what is set there, and a change passes the scenario's checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehold.campaign import keys
from safehold.campaign.distribution_tables import UnfitError
from safehold.dump import plain, to_toml
from safehold.durations import format_duration
from safehold.errors import ScenarioError
from safehold.scenario import Source, load, parse

SCENARIO = load("wheel-loss")


def leaves(tree: Any, path: keys.Path = ()) -> Iterator[tuple[keys.Path, Any]]:
    """Every value of a tree that is not a table or a list, with its path."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from leaves(value, (*path, name))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from leaves(value, (*path, index))
    else:
        yield path, tree


LEAVES = [(path, value) for path, value in leaves(plain(SCENARIO)) if path[0] not in keys.FIXED]


@pytest.mark.requirement("S5")
def test_every_key_of_a_scenario_can_be_named_read_and_set() -> None:
    assert len(LEAVES) > 60
    for path, value in LEAVES:
        assert keys.parse_key(keys.key_of(path)) == path
        assert keys.value_at(SCENARIO, path) == value
        assert keys.changed(SCENARIO, {path: value}) == SCENARIO


@pytest.mark.requirement("S5")
def test_durations_are_told_from_other_values() -> None:
    lasting = {keys.key_of(path) for path, _ in LEAVES if keys.duration_key(path)}
    assert {"fault[0].at", "expect[0].within", "expect[1].from"} <= lasting
    assert not {"fault[0].kind", "initial.battery_state_of_charge", "link.latency_ms"} & lasting


@pytest.mark.requirement("S5")
@settings(max_examples=60)
@given(
    charge=st.floats(-0.5, 1.5),
    latency=st.floats(0.0, 20_000.0),
    mass=st.floats(-10.0, 1e6),
    replicas=st.integers(0, 4),
    at=st.integers(0, 40_000),
)
def test_a_change_is_allowed_exactly_if_the_written_scenario_is(
    charge: float, latency: float, mass: float, replicas: int, at: int
) -> None:
    """The oracle is the whole loader, given the text of the changed scenario."""
    values: dict[keys.Path, Any] = {
        ("initial", "battery_state_of_charge"): charge,
        ("link", "latency_ms"): latency,
        ("spacecraft", "dry_mass_kg"): mass,
        ("flight", "replicas"): replicas,
        ("fault", 0, "at"): format_duration(at * 10**9),
    }
    tree = plain(SCENARIO)
    tree["initial"]["battery_state_of_charge"] = charge
    tree["link"]["latency_ms"] = latency
    tree["spacecraft"]["dry_mass_kg"] = mass
    tree["flight"]["replicas"] = replicas
    tree["fault"][0]["at"] = format_duration(at * 10**9)
    from safehold.scenario import from_tree

    try:
        expected = from_tree(tree, Source("tree", None))
    except ScenarioError:
        with pytest.raises(keys.RefusedError):
            keys.changed(SCENARIO, values)
        return
    assert keys.changed(SCENARIO, values) == expected
    assert parse(to_toml(expected), Source("text", None)) == expected


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "there is no"),
        ("initial", None),
        ("inital.rate_deg_s", "did you mean 'initial'"),
        ("initial.", "not a scenario key"),
        (".initial", "not a scenario key"),
        ("[0]", "not a scenario key"),
        ("initial[-1]", "not a scenario key"),
        ("initial[0", "not a scenario key"),
        ("initial rate", "not a scenario key"),
        ("initial[0]rate", "a dot before"),
        ("fault[99999999]", "not a scenario key"),
        ("schema", "cannot be varied"),
        ("__class__.x", "there is no"),
        ("model_config.extra", "there is no"),
    ],
)
def test_keys_that_are_none_are_refused(key: str, words: str | None) -> None:
    if words is None:
        assert keys.parse_key(key) == (key,)
        return
    with pytest.raises(UnfitError, match=words):
        keys.parse_key(key)
