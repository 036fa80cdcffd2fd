"""The ground as a process: the same answers as by direct calls, and a clear end whichever side dies.

Times are generous, because they only bound how long a failing test hangs.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from flight.frames import Delivery, Uplink
from ground import protocol
from ground.config import Command, GroundConfig
from ground.mission import Ground
from ground.predict import predict
from ground.process import GroundClient, GroundError, GroundLostError, InProcessGround, ZmqGround
from ground.protocol import Kind, MessageError
from ground.recovery import ACKNOWLEDGE_BEFORE_NS, LOOK_NS
from ground.server import Service
from ground.store import ENDED, StoreError
from ground.store.memory import MemoryStore
from ground.uplink import ANSWER_MARGIN_NS

ROOT = Path(__file__).resolve().parents[2]
TICK_NS = 100_000_000

Configure = Callable[..., GroundConfig]


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def wait_until_gone(pid: int) -> None:
    for _ in range(200):
        if gone(pid):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} lives on")


def answer(service: Service, kind: Kind, payload: bytes = b"") -> bytes:
    """The payload of the reply, which is no error."""
    reply = service.handle(protocol.encode(kind, 1, payload))
    assert reply is not None
    replied, _, body = protocol.decode(reply)
    assert replied == kind | protocol.REPLY, body
    return body


@pytest.mark.requirement("L2.3")
def test_what_is_kept_at_the_end_says_that_it_is_over(configure: Configure) -> None:
    """Time that brought nothing is kept, too; and a mission control that goes on is not over."""
    config = configure()
    store = MemoryStore()
    service = Service(store)
    answer(service, Kind.CONFIGURE, config.to_json().encode())
    answer(service, Kind.EXCHANGE, protocol.encode_exchange(70, []))
    assert store.saved is not None
    assert Ground(config, store=store).time_ns == 0
    answer(service, Kind.STOP)
    assert Ground(config, store=store).time_ns == 70 * TICK_NS
    assert ENDED in store.saved.pieces
    answer(Service(store), Kind.RESUME, config.to_json().encode())
    assert ENDED not in store.saved.pieces


def test_it_ends_even_if_that_cannot_be_kept(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault(_operation: int, _done: bool) -> None:
        raise StoreError("the disk is full")

    store = MemoryStore()
    service = Service(store)
    answer(service, Kind.CONFIGURE, configure().to_json().encode())
    store.fault = fault
    answer(service, Kind.STOP)
    assert capsys.readouterr().err == "safehold ground: the disk is full\n"


@pytest.mark.requirement("S3")
def test_over_zeromq_everything_is_as_by_direct_calls(
    configure: Configure, make_world: Callable[..., Any]
) -> None:
    config = configure(Command(at_ns=0, name="ping"))
    windows = [(w.station, w.aos_ns, w.los_ns) for w in predict(config)][:2]
    worlds = []
    with ZmqGround(config) as far, InProcessGround(config) as near:
        for ground in (far, near):
            world = make_world(ground, windows, late_ns=200_000_000)
            world.fly(windows[1][2] // TICK_NS + 50)
            worlds.append((world.sent_up, world.exchanges, world.link.digest(), ground.archive))
        assert worlds[0] == worlds[1]
        assert far.results() == near.results()
        assert far.results()["commands"][0]["state"] == "completed"
        assert far.digest() == near.digest()
        assert far.to_bytes() == near.to_bytes()
        far.restore(near.to_bytes())
        assert far.digest() == near.digest()
        assert far.strangers == 0


def test_a_refusal_says_why_and_the_ground_lives_on(configure: Configure) -> None:
    with ZmqGround(configure()) as ground:
        ground.exchange(10, [])
        with pytest.raises(GroundError, match="cannot go back"):
            ground.exchange(5, [])
        with pytest.raises(GroundError, match="another configuration"):
            ground.restore(InProcessGround(configure(Command(at_ns=0, name="ping"))).to_bytes())
        assert ground.exchange(20, []) == InProcessGround(configure()).exchange(20, [])


def test_the_death_of_the_ground_is_a_clear_error(configure: Configure) -> None:
    with ZmqGround(configure()) as ground:
        ground.exchange(10, [])
        os.kill(ground.pid, signal.SIGKILL)
        with pytest.raises(GroundLostError, match="has ended with exit code -9"):
            ground.results()
        with pytest.raises(GroundLostError, match="has been closed"):
            ground.exchange(30, [])


def test_the_death_of_the_ground_shows_while_frames_are_held(configure: Configure) -> None:
    with ZmqGround(configure()) as ground:
        ground.exchange(10, [])
        os.kill(ground.pid, signal.SIGKILL)
        ground._process.wait()
        with pytest.raises(GroundLostError, match="has ended with exit code -9"):
            ground.exchange(20, [])


def test_frames_that_change_nothing_cost_no_round_trip(
    configure: Configure, make_world: Callable[..., Any]
) -> None:
    config = configure(Command(at_ns=0, name="ping"))
    (station, aos_ns, los_ns), *_ = [(w.station, w.aos_ns, w.los_ns) for w in predict(config)]
    with ZmqGround(config) as ground:
        world = make_world(ground, [(station, aos_ns, los_ns)])
        world.fly(los_ns // TICK_NS + 50)
        # Configuration, start, carrier on, first frame, ping acknowledged; acknowledgements of the records:
        # queued, first frame on the air, second, both acknowledged; carrier off. Beside these the looks at
        # what is missing, which have to see every frame that came before them; 477 frames arrive.
        (carrier_on_ns, *_), (carrier_off_ns, *_) = (one for one in world.sent_up if "carrier" in one[2])
        last_ns = carrier_off_ns - 2 * config.latency_ns - ANSWER_MARGIN_NS
        looks = (last_ns - ACKNOWLEDGE_BEFORE_NS - carrier_on_ns) // LOOK_NS
        assert looks == 23
        assert ground._sequence == 10 + looks
        assert world.exchanges > 460
        assert len(ground.archive) > 460


def test_what_the_host_holds_is_asked_for_as_if_it_had_been_handed_over_at_once(
    configure: Configure, make_world: Callable[..., Any]
) -> None:
    """Records are missing of which only frames tell that need no round trip."""
    config = configure()
    (station, aos_ns, los_ns), *_ = [(w.station, w.aos_ns, w.los_ns) for w in predict(config)]

    def fly(ground: GroundClient) -> tuple[Any, ...]:
        world = make_world(ground, [(station, aos_ns, los_ns)])
        world.satellite.recorded = 200
        world.satellite.lost = frozenset({20, 30, 31, 100, 150})
        world.fly(los_ns // TICK_NS + 50)
        return world.sent_up, world.satellite.records, world.link.digest(), ground.digest()

    near = InProcessGround(config)
    with ZmqGround(config) as far:
        expected = fly(near)
        assert [one[3:] for one in expected[1] if one[0] == 128] == [
            (20, 20),
            (30, 31),
            (100, 100),
            (150, 150),
        ]
        assert fly(far) == expected
        assert far._sequence < 60


def test_a_ground_that_cannot_start_says_its_last_words(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "zmq.py").write_text("raise ImportError('no zmq for you')\n", encoding="ascii")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with ZmqGround(configure()) as ground, pytest.raises(GroundLostError, match="no zmq for you"):
        ground.exchange(0, [])


def test_files_of_the_current_folder_are_not_taken_for_the_ground(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("ground.py", "flight.py", "zmq.py"):
        (tmp_path / name).write_text("raise SystemExit(7)\n", encoding="ascii")
    monkeypatch.chdir(tmp_path)
    with ZmqGround(configure()) as ground:
        assert ground.exchange(0, []) == InProcessGround(configure()).exchange(0, [])


def test_a_ground_that_hangs_is_given_up_and_ended(configure: Configure) -> None:
    with ZmqGround(configure(), timeout_s=60.0) as ground:
        ground.exchange(10, [])
        ground._timeout_s = 0.3
        os.kill(ground.pid, signal.SIGSTOP)
        with pytest.raises(GroundLostError, match=r"has not answered for 0\.3 s"):
            ground.results()
    wait_until_gone(ground.pid)


def test_ctrl_c_does_not_end_the_ground_before_its_host(configure: Configure) -> None:
    with ZmqGround(configure()) as ground:
        ground.exchange(10, [])
        os.kill(ground.pid, signal.SIGINT)
        ground.exchange(20, [])
    wait_until_gone(ground.pid)


def test_the_ground_ends_when_its_host_is_killed(configure: Configure) -> None:
    program = (
        "import sys; from ground.config import GroundConfig; from ground.process import ZmqGround\n"
        "ground = ZmqGround(GroundConfig.from_json(sys.stdin.readline())); ground.exchange(10, [])\n"
        "print(ground.pid, flush=True); sys.stdin.read()\n"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert host.stdin is not None
    assert host.stdout is not None
    host.stdin.write(configure().to_json() + "\n")
    host.stdin.flush()
    pid = int(host.stdout.readline())
    assert not gone(pid)
    host.kill()
    host.wait()
    host.stdin.close()
    host.stdout.close()
    wait_until_gone(pid)


@pytest.mark.requirement("S3")
def test_strangers_on_the_port_are_counted_and_ignored(configure: Configure) -> None:
    context = zmq.Context()
    try:
        with ZmqGround(configure()) as ground:
            endpoint = ground._socket.getsockopt_string(zmq.LAST_ENDPOINT)
            assert endpoint.startswith("tcp://127.0.0.1:")
            stranger = context.socket(zmq.DEALER)
            stranger.connect(endpoint)
            stranger.send(b"SHG1" + bytes(32))
            stranger.send(protocol.encode(Kind.EXCHANGE | protocol.REPLY, 1, bytes(16)))
            stranger.send_multipart([b"a", b"b", b"c"])
            for tick in range(1, 200):
                assert ground.exchange(tick, [])[0] == []
                if ground.strangers == 3:
                    break
                time.sleep(0.01)
            assert ground.strangers == 3
            stranger.close(linger=0)
    finally:
        context.term()


@given(st.binary(max_size=200))
def test_no_message_crashes_the_service(message: bytes) -> None:
    service = Service()
    replies = [service.handle(message)]
    replies += [service.handle(protocol.encode(kind, 7, message)) for kind in (*range(12), 255)]
    for reply in replies[1:]:
        assert reply is not None
        kind, sequence, _ = protocol.decode(reply)
        assert sequence == 7
        assert kind in (protocol.ERROR, Kind.STOP | protocol.REPLY)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["epoch", "orbit", "stations", "commands", "config", "passes", "chain", "x"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(plain)
def test_no_json_crashes_the_service(values: object) -> None:
    service = Service()
    text = json.dumps(values).encode()
    for kind, payload in (
        (Kind.CONFIGURE, text),
        (Kind.RESTORE, protocol.encode_pair(text, text)),
        (Kind.CONFIGURE, b"[" * 100_000),
    ):
        reply = service.handle(protocol.encode(kind, 1, payload))
        assert reply is not None
        assert reply[4] == protocol.ERROR


def test_a_configured_service_survives_garbage(configure: Configure) -> None:
    service, chance = Service(), random.Random(3)
    service.handle(protocol.encode(Kind.CONFIGURE, 1, configure().to_json().encode()))
    for _ in range(500):
        kind = chance.choice([Kind.EXCHANGE, Kind.RESTORE, Kind.CONFIGURE, 99])
        reply = service.handle(protocol.encode(kind, 2, chance.randbytes(chance.randrange(60))))
        assert reply is not None
        assert reply[4] == protocol.ERROR
    exchange = protocol.encode_exchange(10, [])
    reply = service.handle(protocol.encode(Kind.EXCHANGE, 3, exchange))
    assert reply is not None
    assert reply[4] == Kind.EXCHANGE | protocol.REPLY


deliveries = st.builds(
    Delivery, st.integers(-(2**63), 2**63 - 1), st.integers(0, 65535), st.binary(max_size=1200)
)
uplinks = st.one_of(
    st.builds(
        Uplink,
        st.integers(0, 2**62),
        st.integers(0, 65535),
        st.just("frame"),
        st.binary(min_size=1, max_size=256),
    ),
    st.builds(
        Uplink,
        st.integers(0, 2**62),
        st.integers(0, 65535),
        st.sampled_from(["carrier_on", "carrier_off"]),
        st.just(b""),
    ),
)


@given(st.integers(0, 2**62), st.lists(deliveries, max_size=5), st.data())
def test_exchanges_come_back_as_they_were(tick: int, frames: list[Delivery], data: st.DataObject) -> None:
    octets = protocol.encode_exchange(tick, frames)
    assert protocol.decode_exchange(octets) == (tick, frames)
    cut = data.draw(st.integers(0, len(octets) - 1))
    with pytest.raises(MessageError):
        protocol.decode_exchange(octets[:cut])
    with pytest.raises(MessageError):
        protocol.decode_exchange(octets + b"\0")


@given(
    st.integers(0, 2**62),
    st.booleans(),
    st.lists(st.booleans(), max_size=9),
    st.lists(uplinks, max_size=5),
    st.data(),
)
def test_answers_come_back_as_they_were(
    promise: int, reacts: bool, accepted: list[bool], sent: list[Uplink], data: st.DataObject
) -> None:
    answer = protocol.Answer(promise, reacts, accepted, sent)
    octets = protocol.encode_answer(answer)
    assert protocol.decode_answer(octets) == answer
    cut = data.draw(st.integers(0, len(octets) - 1))
    with pytest.raises(MessageError):
        protocol.decode_answer(octets[:cut])


def test_a_message_of_another_kind_or_size_is_refused() -> None:
    for message in (b"", b"SHG1", b"SHG2\x01\0\0\0\0", bytes(protocol.MESSAGE_OCTETS_MAX + 1)):
        with pytest.raises(MessageError):
            protocol.decode(message)


def test_importing_the_ground_is_light() -> None:
    program = (
        "import sys, ground.process, ground.receiver\n"
        "print([name for name in ('numba', 'scipy', 'skyfield', 'sgp4', 'llvmlite') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_the_command_line_refuses_what_is_no_endpoint() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ground", "--connect", "tcp://127.0.0.1:70000"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert "tcp://HOST:PORT" in done.stderr


def test_without_a_token_the_process_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ground", "--with-parent", "--connect", "tcp://127.0.0.1:9"],
        input=b"short",
        capture_output=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 2
