"""The ground's watch over its uplink: which key is in force on board, and whether anything gets through."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from flight.keys import KeyRing, published_ring
from ground.config import Command, GroundConfig
from ground.mission import Ground
from ground.predict import predict
from ground.process import InProcessGround
from ground.security import Sender
from ground.store.memory import MemoryStore
from ground.watch import UplinkWatch
from tests.downlink import encode_housekeeping

S = 10**9


def start(*key_ids: int) -> tuple[UplinkWatch, Sender]:
    keys = published_ring().keys
    return UplinkWatch(), Sender.start(KeyRing(MappingProxyType({one: keys[one] for one in key_ids})))


def windows_of(configure: Callable[..., GroundConfig]) -> list[tuple[int, int, int]]:
    return [(window.station, window.aos_ns, window.los_ns) for window in predict(configure())]


def housekeeping(key_id: int, counter: int = 0) -> bytes:
    return encode_housekeeping(1, {"key_active": key_id, "key_counter": counter})


@pytest.mark.requirement("L2.6")
def test_the_sender_follows_telemetry_to_another_key() -> None:
    watch, sender = start(1, 2)
    watch.see_housekeeping(sender, housekeeping(1), 10 * S, 11 * S)
    watch.see_housekeeping(sender, housekeeping(0), 11 * S, 12 * S)
    assert sender.key_id == 1
    watch.see_housekeeping(sender, housekeeping(2), 12 * S, 13 * S)
    assert sender.key_id == 2
    watch = UplinkWatch.from_plain(json.loads(json.dumps(watch.to_plain())))
    watch.see_housekeeping(sender, housekeeping(1), 12 * S, 14 * S)
    assert sender.key_id == 2, "made before the change that was followed"
    assert watch.results() == []


@pytest.mark.requirement("L2.6")
def test_a_report_of_a_change_from_before_the_last_one_changes_nothing() -> None:
    watch, sender = start(1, 2, 3)
    watch.see_key(sender, 3, 20 * S, 21 * S)
    watch.see_key(sender, 2, 19 * S, 60 * S)
    assert sender.key_id == 3


@pytest.mark.requirement("L2.6")
def test_a_key_that_the_ring_has_not_is_an_alarm_until_one_that_it_has() -> None:
    watch, sender = start(1, 2)
    for second in range(10, 20):
        watch.see_housekeeping(sender, housekeeping(9), second * S, second * S)
    assert sender.key_id == 1
    (alarm,) = watch.results()
    assert (alarm["name"], alarm["value"], alarm["cleared_ns"]) == ("key_not_in_ring", 9.0, None)
    watch = UplinkWatch.from_plain(json.loads(json.dumps(watch.to_plain())))
    watch.see_housekeeping(sender, housekeeping(1), 20 * S, 20 * S)
    (alarm,) = watch.results()
    assert alarm["cleared_ns"] == 20 * S


@pytest.mark.requirement("L2.6")
def test_a_counter_that_was_never_given_out_is_an_alarm_and_the_sender_goes_on_behind_it() -> None:
    watch, sender = start(1, 2)
    watch.see_housekeeping(sender, housekeeping(1, 0), 10 * S, 11 * S)
    assert watch.results() == []
    watch.see_housekeeping(sender, housekeeping(1, 700), 20 * S, 21 * S)
    assert sender.next_counter[1] == 701
    (alarm,) = watch.results()
    assert (alarm["name"], alarm["level"], alarm["value"]) == ("counter_behind", "red", 700.0)
    assert alarm["cleared_ns"] is None
    watch = UplinkWatch.from_plain(json.loads(json.dumps(watch.to_plain())))
    watch.see_housekeeping(sender, housekeeping(1, 700), 30 * S, 31 * S)
    (alarm,) = watch.results()
    assert alarm["cleared_ns"] == 31 * S
    watch.see_housekeeping(sender, housekeeping(1, 2**63), 40 * S, 41 * S)
    watch.see_housekeeping(sender, housekeeping(1, 2**63), 50 * S, 51 * S)
    assert sender.next_counter[1] == 701, "too far to be believed"
    assert [one["cleared_ns"] for one in watch.results()] == [31 * S, None]
    watch.see_housekeeping(sender, housekeeping(2, 40), 60 * S, 61 * S)
    assert (sender.key_id, sender.next_counter[2]) == (2, 41), "of the key in force, once it is followed"


@pytest.mark.requirement("L2.6")
def test_a_satellite_that_takes_nothing_raises_an_alarm(
    configure: Callable[..., GroundConfig], make_world: Callable[..., Any]
) -> None:
    config = configure(Command(at_ns=0, name="ping"))
    windows = windows_of(configure)
    world = make_world(InProcessGround(config), windows)
    world.satellite.deaf = True
    world.fly(windows[0][2] // 100_000_000 + 50)
    (alarm,) = world.ground.results()["alarms"]
    assert (alarm["name"], alarm["cleared_ns"]) == ("uplink_barren", None)
    world.satellite.deaf = False
    world.fly(windows[1][2] // 100_000_000 + 50)
    (alarm,) = world.ground.results()["alarms"]
    assert alarm["cleared_ns"] is not None
    assert world.ground.results()["commands"][0]["state"] == "completed"


def unsure(config: GroundConfig, store: MemoryStore) -> InProcessGround:
    """A mission control with keys of its own and a folder."""
    ground = InProcessGround(config)
    ground._ground = Ground(config, replace(published_ring(), published=False), store)
    return ground


@pytest.mark.requirement("L2.6")
def test_with_keys_of_its_own_and_an_empty_folder_it_waits_for_the_counter_that_was_used_last(
    configure: Callable[..., GroundConfig], make_world: Callable[..., Any]
) -> None:
    """Nothing goes up under a vector that may have been used; with its folder there is no wait."""
    config = configure(Command(at_ns=0, name="ping"))
    windows = windows_of(configure)
    store = MemoryStore()
    world = make_world(unsure(config, store), windows)
    aos, los = (edge // 100_000_000 for edge in windows[0][1:])
    world.fly(aos + 200)
    assert [kind for _, _, kind in world.sent_up] == ["carrier_on"]
    assert world.ground.ground.reacts()
    world.satellite.key, world.satellite.farm.counter = (1, 500), 500
    world.fly(aos + 400)
    assert world.ground.results()["commands"][0]["state"] == "completed"
    assert world.satellite.heard == ["17,1"], "no frame was refused as a replay"
    assert [one["name"] for one in world.ground.results()["alarms"]] == ["counter_behind"]
    world.fly(los + 50)
    assert store.saved is not None
    assert not unsure(config, store).ground._uplink.held


@pytest.mark.requirement("L2.6")
def test_if_nothing_tells_the_counter_commanding_begins_all_the_same_with_an_alarm(
    configure: Callable[..., GroundConfig], make_world: Callable[..., Any]
) -> None:
    """Housekeeping may have been disabled: then only a telecommand enables it again."""
    config = configure(Command(at_ns=0, name="ping"))
    windows = windows_of(configure)
    world = make_world(unsure(config, MemoryStore()), windows)
    aos = windows[0][1] // 100_000_000
    world.fly(aos + 290)
    assert [kind for _, _, kind in world.sent_up] == ["carrier_on"]
    world.fly(aos + 400)
    assert world.ground.results()["commands"][0]["state"] == "completed"
    (alarm,) = world.ground.results()["alarms"]
    assert (alarm["name"], alarm["level"], alarm["cleared_ns"]) == ("counter_unknown", "red", None)
    world.satellite.key = (1, 1)
    world.fly(aos + 450)
    (alarm,) = world.ground.results()["alarms"]
    assert alarm["cleared_ns"] is not None


@pytest.mark.requirement("L2.6")
def test_the_wait_for_the_counter_is_of_one_pass(
    configure: Callable[..., GroundConfig], make_world: Callable[..., Any]
) -> None:
    """A glimpse at the end of a pass is no reason to send without knowing at the begin of the next."""
    config = configure(Command(at_ns=0, name="ping"))
    windows = windows_of(configure)
    world = make_world(unsure(config, MemoryStore()), windows)
    world.satellite.mute = True
    world.fly(windows[0][2] // 100_000_000 - 100)
    world.satellite.mute = False
    world.fly(windows[1][1] // 100_000_000 + 200)
    assert not [kind for _, _, kind in world.sent_up if kind == "frame"]
    assert world.ground.results()["alarms"] == []
    world.satellite.key = (1, 0)
    world.fly(windows[1][1] // 100_000_000 + 300)
    assert world.ground.results()["commands"][0]["state"] == "completed"


@pytest.mark.requirement("L2.6")
def test_a_key_that_the_folder_does_not_know_is_waited_for_as_well(
    configure: Callable[..., GroundConfig], make_world: Callable[..., Any]
) -> None:
    later = Command(at_ns=windows_of(configure)[0][1] + 20 * S, name="ping")
    config = configure(Command(at_ns=0, name="ping"), later)
    windows = windows_of(configure)
    world = make_world(unsure(config, MemoryStore()), windows)
    aos = windows[0][1] // 100_000_000
    world.satellite.key = (1, 0)
    world.fly(aos + 150)
    assert world.ground.results()["commands"][0]["state"] == "completed"
    went = len(world.sent_up)
    world.satellite.key, world.satellite.says = (0, 0), [("key_changed", (1.0, 2.0))]
    world.fly(aos + 300)
    assert len(world.sent_up) == went
    world.satellite.key, world.satellite.farm.counter = (2, 900), 900
    world.fly(aos + 400)
    assert world.ground.results()["commands"][1]["state"] == "completed"
    assert "dropped replay" not in world.satellite.heard
