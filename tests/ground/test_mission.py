"""The ground joined to a link and a satellite of a few lines: contacts, commands, answers, promises."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flight.frames import Delivery
from flight.packets import TmPacket
from flight.tm_frames import LIVE_CHANNEL, PLAYBACK_CHANNEL
from ground.commands import CommandQueue
from ground.config import Command, GroundConfig
from ground.contacts import Contacts
from ground.desk import Desk
from ground.mission import BLIND_AFTER_NS, NEVER, Ground
from ground.predict import predict
from ground.process import InProcessGround
from ground.receiver import Report
from ground.uplink import CRITICAL
from safehold.decoding import decode
from tests.downlink import encode_housekeeping

TICK_NS = 100_000_000
SECOND_NS = 1_000_000_000
LATENCY_NS = 240_000_000
CARRIER_GUARD_NS = 3_000_000_000  # 2.52 s and twice the latency
PING = Command(at_ns=0, name="ping")

Configure = Callable[..., GroundConfig]
MakeWorld = Callable[..., Any]


def true_windows(config: GroundConfig) -> list[tuple[int, int, int]]:
    return [(window.station, window.aos_ns, window.los_ns) for window in predict(config)]


@pytest.mark.requirement("L2.1", "L2.2", "S3")
@pytest.mark.parametrize("late_ms", [-700, 0, 700])
def test_first_contact_brings_telemetry_and_a_pong_in_time(
    configure: Configure, make_world: MakeWorld, late_ms: int
) -> None:
    config = configure(PING)
    windows = true_windows(config)
    world = make_world(InProcessGround(config), windows, late_ns=late_ms * 1_000_000)
    station, aos_ns, los_ns = windows[0]
    world.fly(los_ns // TICK_NS + 100)
    results = world.ground.results()
    contact = results["passes"][0]
    assert contact["station"] == station
    # Housekeeping at each whole second of the receiver's lock, which lasts from the carrier's arrival, or the
    # rise if that is later, until its last arrival. A frame more leaves when the CLCW is first told, and when
    # it has changed: by the ping and by two acknowledgements, none of them at a whole second.
    rise_ns = max(contact["start_ns"] + LATENCY_NS, aos_ns + late_ms * 1_000_000)
    fall_ns = contact["carrier_off_ns"] + LATENCY_NS
    assert contact["carrier_off_ns"] == los_ns - CARRIER_GUARD_NS
    seconds = (fall_ns - 1) // SECOND_NS - (-(-rise_ns // SECOND_NS) - 1)
    assert contact["frames"] == seconds + 4
    (ping,) = results["commands"]
    assert (ping["state"], ping["name"]) == ("completed", "ping")
    # Two latencies, a tick until it is handled, one until it leaves, and both frames' time on the air.
    (delay_ms,) = results["pong_delays_ms"]
    assert 480.0 <= delay_ms <= 480.0 + 3 * 100.0 + 8.92 + 2.7
    assert world.link.counters["up_delivered_frames"] == 3


@pytest.mark.requirement("L2.1")
def test_stations_radiate_inside_predicted_windows_alone(configure: Configure, make_world: MakeWorld) -> None:
    config = configure(*[Command(at_ns=hour * 3600 * SECOND_NS, name="ping") for hour in range(0, 24, 2)])
    windows = true_windows(config)
    world = make_world(InProcessGround(config), windows)
    world.fly(864_000)
    radiated = [(when, station) for when, station, _ in world.sent_up]
    assert len(radiated) >= 2 * len(windows)
    for when, station in radiated:
        assert any(station == s and aos <= when <= los for s, aos, los in windows)
    assert all(c["state"] == "completed" for c in world.ground.results()["commands"])
    assert all(one["frames"] > 0 for one in world.ground.results()["passes"])
    # Each command goes up in the first window that begins or lasts after it was asked for.
    for command in world.ground.results()["commands"]:
        usable = [los - CARRIER_GUARD_NS - 1_480_000_000 for _, _, los in windows]
        first = next(i for i, last in enumerate(usable) if last > command["at_ns"])
        assert windows[first][1] <= command["departure_ns"] <= windows[first][2]


@pytest.mark.requirement("L2.1")
def test_nothing_depends_on_how_often_time_is_granted(configure: Configure, make_world: MakeWorld) -> None:
    config = configure(PING, Command(at_ns=7_100 * SECOND_NS, name="set_mode", arguments={"mode": 3}))
    windows = true_windows(config)
    until = windows[1][2] // TICK_NS + 50

    def fly(stops: list[int]) -> tuple[Any, ...]:
        world = make_world(InProcessGround(config), windows, late_ns=300_000_000)
        world.fly(until, stops)
        return (
            world.ground.digest(),
            world.ground.to_bytes(),
            world.link.digest(),
            world.link.to_bytes(),
            world.ground.results(),
            world.ground.archive,
            world.satellite.heard,
        )

    reference = fly([])
    assert reference[4]["commands"][1]["state"] == "completed"
    chance = random.Random(1)
    for _ in range(3):
        near = [windows[0][1] // TICK_NS + chance.randrange(-20, 200) for _ in range(50)]
        anywhere = [chance.randrange(1, until) for _ in range(50)]
        assert fly(sorted({*near, *anywhere})) == reference


@pytest.mark.requirement("L2.6")
def test_state_restored_at_any_tick_of_a_contact_goes_on_the_same(
    configure: Configure, make_world: MakeWorld
) -> None:
    config = configure(PING, PING, PING)
    windows = true_windows(config)[:1]
    start, until = windows[0][1] // TICK_NS - 5, windows[0][2] // TICK_NS + 50
    for at in (*range(start, start + 24), until - 60, until - 40):
        world = make_world(InProcessGround(config), windows)
        world.fly(until, [at])
        other = make_world(InProcessGround(config), windows)
        other.fly(at)
        state = other.ground.to_bytes()
        # An archive is an output; the restored ground must not have seen the first half.
        other.ground = InProcessGround(config)
        other.ground.restore(state)
        other.link = type(other.link).from_bytes(other.link.config, other.link.to_bytes())
        other.fly(until)
        assert other.ground.digest() == world.ground.digest()
        assert other.link.digest() == world.link.digest()
        assert other.ground.results() == world.ground.results()


def test_a_refused_command_is_reported_with_its_reason(configure: Configure, make_world: MakeWorld) -> None:
    config = configure(PING)
    windows = true_windows(config)[:1]
    world = make_world(InProcessGround(config), windows)
    world.satellite.refuse = 8
    world.fly(windows[0][2] // TICK_NS)
    (command,) = world.ground.results()["commands"]
    assert (command["state"], command["failure_code"], command["failure_parameter"]) == ("rejected", 8, 42)
    assert command["answer_ns"] is None


def test_answers_find_their_own_pings(configure: Configure, make_world: MakeWorld) -> None:
    # The first ping is refused and never answered; the answers to the others are not taken for its.
    config = configure(PING, *[Command(at_ns=7_000 * SECOND_NS, name="ping")] * 5)
    windows = true_windows(config)[:2]
    world = make_world(InProcessGround(config), windows)
    world.satellite.refuse = 8
    world.fly(windows[0][2] // TICK_NS + 50)
    world.satellite.refuse = 0
    world.fly(windows[1][2] // TICK_NS + 50)
    commands = world.ground.results()["commands"]
    assert [command["state"] for command in commands] == ["rejected"] + ["completed"] * 5
    assert commands[0]["answer_ns"] is None
    assert all(480.0 <= delay_ms <= 792.0 for delay_ms in world.ground.results()["pong_delays_ms"])
    assert len(world.ground.results()["pong_delays_ms"]) == 5


def test_a_satellite_that_cannot_speak_is_commanded_blind(
    configure: Configure, make_world: MakeWorld
) -> None:
    config = configure(replace(PING, priority=CRITICAL), PING)
    windows = true_windows(config)[:1]
    world = make_world(InProcessGround(config), windows)
    world.satellite.mute = True
    world.fly(windows[0][2] // TICK_NS + 50)
    assert world.satellite.heard == ["17,1"]
    command, other = world.ground.results()["commands"]
    assert (command["state"], other["state"]) == ("sent", "queued")
    assert command["departure_ns"] == windows[0][1] + BLIND_AFTER_NS
    assert world.ground.results()["passes"][0]["frames"] == 0


STACK = (
    replace(PING, priority=CRITICAL, stack="a"),
    Command(at_ns=0, name="set_mode", arguments={"mode": 3}, stack="a", after_completion=True),
)


def after_a_blind_command(
    configure: Configure, make_world: MakeWorld, *, lost: bool, records_lost: bool = False
) -> tuple[Any, list[tuple[int, int, int]]]:
    """A stack whose first command went up unheard in the first of two passes; at the end of the second."""
    windows = true_windows(config := configure(*STACK))[:2]
    world = make_world(InProcessGround(config), windows)
    world.satellite.mute, world.satellite.deaf = True, lost
    world.fly(windows[0][2] // TICK_NS + 50)
    assert [one["state"] for one in world.ground.results()["commands"]] == ["sent", "queued"]
    world.satellite.mute = False
    if records_lost:  # made while nobody heard it, and never played back
        world.satellite.events = 5
    world.fly(windows[1][2] // TICK_NS + 50)
    return world, windows


@pytest.mark.requirement("L2.1", "L2.6", "S5")
@pytest.mark.parametrize("lost", [True, False])
def test_a_blind_command_that_nothing_is_heard_of_ends_its_stack_and_never_goes_up_again(
    configure: Configure, make_world: MakeWorld, lost: bool
) -> None:
    world, windows = after_a_blind_command(configure, make_world, lost=lost)
    blind, behind = world.ground.results()["commands"]
    assert (blind["state"], behind["state"]) == ("unknown", "cancelled")
    assert blind["closed_ns"] == behind["closed_ns"] == windows[1][2] - CARRIER_GUARD_NS
    assert blind["radiations"] == 1
    assert world.satellite.heard == ([] if lost else ["17,1"])
    assert world.ground.results()["alarms"] == []


@pytest.mark.requirement("L2.1", "L2.4", "L2.6")
def test_a_blind_command_is_open_while_critical_records_are_missing_and_its_stack_raises_an_alarm(
    configure: Configure, make_world: MakeWorld
) -> None:
    world, windows = after_a_blind_command(configure, make_world, lost=True, records_lost=True)
    assert [one["state"] for one in world.ground.results()["commands"]] == ["sent", "queued"]
    (alarm,) = world.ground.results()["alarms"]
    assert (alarm["name"], alarm["level"], alarm["value"]) == ("stack_waits", "yellow", 0.0)
    assert alarm["raised_ns"] == windows[1][2] - CARRIER_GUARD_NS
    assert alarm["cleared_ns"] is None


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("boots", [1, 2])
def test_what_waited_on_board_for_its_time_is_unknown_once_housekeeping_tells_of_a_cold_start(
    configure: Configure, make_world: MakeWorld, boots: int
) -> None:
    config = configure(PING, Command(at_ns=0, name="ping", execute_at_ns=10**15))
    windows = true_windows(config)[:2]
    world = make_world(InProcessGround(config), windows)
    world.fly(windows[0][2] // TICK_NS + 50)
    assert [one["state"] for one in world.ground.results()["commands"]] == ["completed", "completed"]
    world.satellite.boots, world.satellite.started = boots, world.tick if boots > 1 else 0
    world.fly(windows[1][1] // TICK_NS + 100)
    at_once, tagged = world.ground.results()["commands"]
    assert (at_once["state"], at_once["reason"]) == ("completed", "")
    expected = ("unknown", "cold_start") if boots > 1 else ("completed", "")
    assert (tagged["state"], tagged["reason"]) == expected


@pytest.mark.requirement("L6.1")
def test_mission_control_judges_limits_itself_as_the_archive_does(
    configure: Configure, make_world: MakeWorld
) -> None:
    """The satellite of these tests says 0 for nearly everything, its bus voltage among it."""
    windows = true_windows(config := configure())[:1]
    world = make_world(InProcessGround(config), windows)
    world.fly(windows[0][2] // TICK_NS + 50)
    told = world.ground.results()["telemetry_alarms"]
    (bus,) = [one for one in told if one["name"] == "bus_voltage_v"]
    assert (bus["kind"], bus["level"], bus["quality"], bus["value"]) == ("limit", "red", "live", 0.0)
    first_ns = world.ground.archive[0].arrival_ns
    assert first_ns + 2 * SECOND_NS <= bus["raised_ns"] <= first_ns + 3 * SECOND_NS
    assert (
        told == decode(world.ground.archive, [station.name for station in config.stations]).alarms.results()
    )


@pytest.mark.requirement("L6.1")
@pytest.mark.parametrize(("channel", "quality"), [(LIVE_CHANNEL, "live"), (PLAYBACK_CHANNEL, "stored")])
def test_housekeeping_that_is_played_back_raises_no_live_alarm(
    configure: Configure, channel: int, quality: str
) -> None:
    config = configure()
    desk = Desk(config, CommandQueue(()), Contacts(config))
    for second in range(3):
        packet = TmPacket(3, 25, second * SECOND_NS, encode_housekeeping(1, {"tick": 10 * second}))
        desk.follow(Report(packet, None, channel), (second + 9) * SECOND_NS)
    (bus,) = [one for one in desk.alarms.results() if one["name"] == "bus_voltage_v"]
    assert (bus["quality"], bus["on_board_ns"]) == (quality, 2 * SECOND_NS)


def test_the_promise_is_kept_and_grants_outside_contact_are_few(
    configure: Configure, make_world: MakeWorld
) -> None:
    config = configure()
    windows = true_windows(config)
    world = make_world(InProcessGround(config), windows)
    world.fly(windows[0][1] // TICK_NS - 1)
    # One exchange at the start, one forced at the end: 22 minutes in between cost nothing.
    assert world.exchanges == 2
    assert world.promise == windows[0][1] // TICK_NS


def test_without_stations_the_ground_promises_silence_for_ever(configure: Configure) -> None:
    ground = Ground(configure(PING, stations=()))
    assert ground.advance(10, []) == []
    assert ground.promise_tick() == NEVER
    assert ground.advance(864_000, []) == []
    assert ground.results()["windows"] == []
    assert ground.results()["commands"][0]["state"] == "queued"


@pytest.mark.requirement("L2.1")
def test_overlapping_stations_take_turns(configure: Configure, make_world: MakeWorld) -> None:
    svalbard = configure().stations[1]
    config = configure(PING, stations=(svalbard, svalbard, svalbard), duration_ns=2_000 * SECOND_NS)
    windows = true_windows(config)
    assert len(windows) == 3
    world = make_world(InProcessGround(config), windows)
    world.fly(20_000)
    results = world.ground.results()
    # All three see the same satellite; one tracks it, what the others pick up is not counted twice.
    assert [one["station"] for one in results["passes"]] == [0]
    assert results["counters"]["frames_refused_not_connected"] == 2 * results["passes"][0]["frames"]
    assert world.satellite.heard == ["17,1"]


@pytest.mark.requirement("L2.1", "L2.6")
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([10_000_000, 100_000_000, 250_000_000]),
    st.integers(1, 40),
    st.integers(-900, 900),
    st.lists(st.tuples(st.integers(0, 2_100), st.sampled_from(["ping", "set_mode"])), max_size=12),
)
def test_whatever_the_tick_latency_and_error_of_prediction(
    configure: Configure,
    make_world: MakeWorld,
    tick_ns: int,
    ticks: int,
    late_ms: int,
    wanted: list[tuple[int, str]],
) -> None:
    latency_ns = ticks * tick_ns
    commands = [
        Command(at_ns=at * SECOND_NS, name=name, arguments={} if name == "ping" else {"mode": 3})
        for at, name in wanted
    ]
    config = configure(*commands, tick_ns=tick_ns, latency_ns=latency_ns, duration_ns=3_000 * SECOND_NS)
    windows = true_windows(config)
    (_, aos_ns, los_ns), *_ = windows
    timing = {"late_ns": late_ms * 1_000_000, "tick_ns": tick_ns, "latency_ns": latency_ns}
    world = make_world(InProcessGround(config), windows, **timing)
    world.fly((los_ns + 60 * SECOND_NS) // tick_ns)
    results, counters = world.ground.results(), world.link.counters
    assert all(aos_ns <= when <= los_ns for when, _, _ in world.sent_up)
    # Each frame goes up once and arrives: one for each command, and the pass's two acknowledgements.
    assert [subtype for subtype, *_ in world.satellite.records] == [11, 11]
    frames = sum(kind == "frame" for _, _, kind in world.sent_up)
    assert len(world.satellite.heard) + 2 == frames == counters["up_delivered_frames"]
    # A command runs at most once, and what the ground believes happened.
    heard = sorted(world.satellite.heard)
    done = [
        "17,1" if c["name"] == "ping" else "8,1" for c in results["commands"] if c["state"] == "completed"
    ]
    assert sorted(done) == heard
    late = [c["at_ns"] for c in results["commands"] if c["state"] == "queued"]
    assert all(at > los_ns - 2.52e9 - 4 * latency_ns - 1e9 - len(commands) * 1e8 for at in late)
    air_ms = 8.92 + 3.0
    for delay_ms in results["pong_delays_ms"]:
        assert 2 * latency_ns / 1e6 <= delay_ms <= (2 * latency_ns + 3 * tick_ns) / 1e6 + air_ms
    # The carrier goes off in time for everything that the satellite sends to arrive.
    assert counters["down_loss_of_signal_frames"] == 0 or late_ms < -500


def test_hostile_frames_are_counted_by_reason_and_change_nothing(configure: Configure) -> None:
    config = configure()
    (_, aos_ns, _), *_ = true_windows(config)
    ground, chance = Ground(config), random.Random(2)
    tick = aos_ns // TICK_NS + 10
    ground.advance(tick, [])
    frames = [b"", bytes(1115), bytes(5000)] + [chance.randbytes(1115) for _ in range(20)]
    frames[3] = frames[3][:-1]
    deliveries = [Delivery(tick * TICK_NS + i, 1, frame) for i, frame in enumerate(frames)]
    assert ground.advance(tick + 1, deliveries) == []
    assert ground.accepted() == [False] * len(frames)
    counters = ground.results()["counters"]
    assert counters["frames_refused_length"] == 3
    assert counters["frames_refused_fecf"] == 20
    assert ground.results()["passes"][0]["frames"] == 0


@pytest.mark.parametrize(
    ("until", "deliveries", "message"),
    [
        (5, [], "cannot go back"),
        (20, [Delivery(500_000_000, 0, b"")], "outside"),
        (20, [Delivery(2_100_000_000, 0, b"")], "outside"),
        (20, [Delivery(1_600_000_000, 0, b""), Delivery(1_500_000_000, 0, b"")], "outside"),
        (20, [Delivery(1_500_000_000, 3, b"")], "station 3 of 3"),
    ],
)
def test_a_grant_that_cannot_be_is_refused(
    configure: Configure, until: int, deliveries: list[Delivery], message: str
) -> None:
    ground = Ground(configure())
    ground.advance(10, [])
    with pytest.raises(ValueError, match=message):
        ground.advance(until, deliveries)


def test_a_state_of_another_configuration_is_refused(configure: Configure) -> None:
    state = Ground(configure()).to_bytes()
    with pytest.raises(ValueError, match="another configuration"):
        Ground.from_bytes(configure(PING), state)


def test_a_command_that_the_dictionary_does_not_know_is_refused_at_once(configure: Configure) -> None:
    with pytest.raises(ValueError, match="unknown telecommand"):
        Ground(configure(Command(at_ns=0, name="dance")))
