"""Nothing that the ground keeps is outside of both hashes, and no verdict on it is outside of control."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ground.mission import Ground
from safehold.forks.walker import Walker
from safehold.schema import Scenario
from safehold.timeline import FlightEvent

CONTACT_TICK = 13_744
TIME = {("time_ns",), ("config",), ("chain",)}  # left out by design; of another ground; octets, tested apart


@pytest.fixture(scope="module")
def flown(base: Scenario) -> Walker:
    """A run in its first contact, with time reports seen and frames under way."""
    walker = Walker(base)
    walker.walk_to(CONTACT_TICK + 400)
    return walker


def numbers(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any, tuple[Any, ...]]]:
    """Where each number is kept: what holds it, under which key, and the way to it."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if isinstance(value, dict | list):
            yield from numbers(value, (*path, key))
        elif isinstance(value, bool | int | float):
            yield node, key, (*path, key)


def follows(path: tuple[Any, ...]) -> bool:
    """Whether a number follows from others: of a pass, its window's; whose command has which request id."""
    return (path[:2] == ("contacts", "passes") and path[-1] in ("aos_ns", "tca_ns", "elevation_max_rad")) or (
        path[:2] == ("commands", "requests")
    )


@pytest.mark.requirement("S5")
def test_every_number_of_the_ground_is_control_or_account(flown: Walker) -> None:
    """Each is changed alone; a state that is refused for it cannot be told from another by any hash."""
    state = json.loads(flown.ground.to_bytes())
    config = flown.ground._inner.ground.config

    def halves() -> tuple[bytes, bytes]:
        ground = Ground.from_bytes(config, json.dumps(state).encode())
        return ground.control_bytes(), ground.account_bytes()

    untouched, seen = halves(), set()
    for node, key, path in numbers(state):
        if (path[0],) in TIME or follows(path):
            continue
        value = node[key]
        node[key] = not value if isinstance(value, bool) else value + 1
        try:
            assert halves() != untouched, path
            seen.add(path[0])
        except (ValueError, KeyError, TypeError):
            pass
        finally:
            node[key] = value
    assert {"clock", "timeliness", "recovery", "receiver", "commands", "uplink", "contacts"} <= seen
    assert halves() == untouched


@pytest.mark.requirement("S5", "L2.2")
def test_what_came_late_or_was_given_up_is_control(flown: Walker) -> None:
    """A run stopped early takes the reference's figures, so it may not differ in them."""
    state = json.loads(flown.ground.to_bytes())
    config = flown.ground._inner.ground.config

    def control() -> bytes:
        return Ground.from_bytes(config, json.dumps(state).encode()).control_bytes()

    untouched = control()
    state["timeliness"]["received"] += 1
    assert control() == untouched, "how many events came is only told"
    state["timeliness"]["late"] += 1
    late = control()
    assert late != untouched
    state["recovery"]["gaps"]["streams"][0]["given_up"] += 1
    assert control() not in (untouched, late)


@pytest.mark.requirement("S5", "L2.2")
def test_an_event_that_was_due_and_is_not_there_is_control(flown: Walker) -> None:
    """Once its pass has ended; before, and for one recorded later, it may still come."""
    kept, events = flown.ground.to_bytes(), flown.simulation.events
    tick = flown.tick - 300
    lost = FlightEvent(tick, 1, 1, ())

    def differs() -> bool:
        before = flown.control_hash()
        events.append(lost)
        try:
            return flown.control_hash() != before
        finally:
            events.remove(lost)

    assert not differs()
    contacts = flown.ground._inner.ground._contacts
    current = contacts.passes[-1]
    current.start_ns, current.los_ns, current.ended = 0, (tick + 900) * 100_000_000, True
    assert (flown.events_late(), differs()) == (0, True)
    current.los_ns = (tick + 500) * 100_000_000
    assert not differs()
    flown.ground.restore(kept)
