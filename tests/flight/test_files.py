"""File transfer on board (C++) against the ground's entity (Python), through links that lose, repeat, reorder
and break off, with resets of either side: every file arrives whole, each end learns of it, nothing is sent
for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flight.cfdp_checksum import checksum
from flight.cfdp_pdu import (
    GROUND,
    SATELLITE,
    Ack,
    ChecksumType,
    Condition,
    Directive,
    Eof,
    FileData,
    Finished,
    KeepAlive,
    Metadata,
    Nak,
    Pdu,
    Prompt,
    decode_pdu,
    encode_pdu,
)
from flight.dictionary import EVENT_IDS, load_native
from ground.cfdp.service import FileService
from tests.ground.cfdp.peers import TICK_NS, Lossy, picture

native = load_native()

pytestmark = pytest.mark.requirement("L2.2", "L2.3", "L2.6")

ANOMALY, BLACK_BOX, SCIENCE, UPLOAD = 1, 2, 3, 4
UPLOADS, BLACK_BOXES = 0x400000, 0x800000
DROPS = (
    *("none", "length", "version", "format", "crc", "mode", "large", "directive", "direction", "fields"),
    *("entity", "unexpected", "size", "overlap", "holes", "full", "name", "conflict"),
)
PDUS_A_TICK = 11


class World:
    """Satellite, ground, and the link between them; in contact from the start."""

    def __init__(self, loss: float = 0.0, seed: str = "", jitter: int = 0) -> None:
        self.bench = native.FileBench()
        self.ground = FileService()
        self.down = Lossy(f"{seed}d", loss, repeat=loss / 5, jitter=jitter)
        self.up = Lossy(f"{seed}u", loss, repeat=loss / 5, jitter=jitter)
        self.tick = 0
        self.contact = True
        self.files: dict[str, bytes] = {}
        self.events: list[tuple[int, float, float, float]] = []
        self.sent: list[Pdu] = []
        self.ground.resume(0)

    def fly(self, ticks: int) -> None:
        for _ in range(ticks):
            now_ns = self.tick * TICK_NS
            for pdu in self.down.arrive(self.tick):
                self.ground.on_pdu(pdu, now_ns)
            self.files.update((file.name, file.data) for file in self.ground.take_files())
            made = self.bench.tick(self.up.arrive(self.tick), self.contact, PDUS_A_TICK)
            assert self.contact or not made
            self.sent += [decode_pdu(pdu) for pdu in made]
            self.down.send(self.tick, made)
            self.up.send(self.tick, self.ground.due(now_ns, 800))
            self.events += self.bench.take_events()
            self.tick += 1

    def set_contact(self, contact: bool) -> None:
        self.contact = contact
        self.down.flying.clear()
        self.up.flying.clear()
        if contact:
            self.ground.resume(self.tick * TICK_NS)
        else:
            self.ground.suspend(self.tick * TICK_NS)

    def count(self, name: str) -> int:
        return sum(event[0] == EVENT_IDS[name] for event in self.events)

    def dropped(self) -> dict[str, int]:
        return {name: n for name, n in zip(DROPS, self.bench.dropped(), strict=True) if n}

    def data_octets(self) -> int:
        return sum(len(pdu.body.data) for pdu in self.sent if isinstance(pdu.body, FileData))


def _delivered(bench: object) -> dict[int, bool]:
    return {entry[0]: entry[4] for entry in native.FileBench.directory(bench)}


def test_without_loss_a_file_goes_down_once_and_is_marked() -> None:
    world, data = World(), picture(65536)
    world.bench.add_file(7, SCIENCE, data)
    world.fly(60)
    assert world.files == {"science/0007": data}
    assert world.data_octets() == len(data)
    assert [type(pdu.body) for pdu in world.sent if not isinstance(pdu.body, FileData)] == [
        Metadata,
        Eof,
        Ack,
    ]
    assert world.bench.directory() == [(7, SCIENCE, 65536, True, True)]
    assert world.count("file_delivered") == 1
    world.fly(300)
    assert world.data_octets() == len(data)
    assert not world.ground.files()


def test_a_picture_needs_less_than_a_second_and_a_half() -> None:
    """65,536 octets at 1 Mbit/s are 0.6 s with headers; directory, first read and latency come on top."""
    world = World()
    world.bench.add_file(7, SCIENCE, picture(65536))
    while not world.files:
        world.fly(1)
    assert world.tick * TICK_NS <= 1_500_000_000


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from([0.1, 0.3, 0.5]), st.lists(st.integers(0, 70_000), max_size=4))
def test_files_arrive_over_any_link(seed: int, loss: float, sizes: list[int]) -> None:
    world = World(loss, str(seed), jitter=8)
    files = {number + 1: picture(size, number) for number, size in enumerate(sizes)}
    for number, data in files.items():
        world.bench.add_file(number, SCIENCE, data)
    for _ in range(6):
        world.fly(300)
        world.set_contact(False)
        world.fly(5)
        world.set_contact(True)
    world.fly(200)
    assert world.files == {f"science/{number:04d}": data for number, data in files.items()}
    assert all(_delivered(world.bench).values())
    assert world.count("file_delivered") == len(files)


@settings(max_examples=20)
@given(
    st.integers(0, 2**32),
    st.lists(
        st.tuples(st.integers(1, 40), st.sampled_from(["outage", "cold", "warm", "ground", "ground_lost"])),
        min_size=3,
        max_size=14,
    ),
)
def test_files_both_ways_over_outages_and_resets_of_both_sides(
    seed: int, story: list[tuple[int, str]]
) -> None:
    """What is acknowledged stays so: a file that the ground said to have, it has."""
    world = World(0.3, str(seed), jitter=5)
    down = {1: picture(40_000, 1), 2: picture(3_000, 2), BLACK_BOXES + 5: picture(20_000, 3)}
    for number, data in down.items():
        world.bench.add_file(number, SCIENCE if number < UPLOADS else ANOMALY, data)
    up = picture(9_000, 4)
    world.ground.put("upload/0012", up)
    kept = world.bench.control()
    for ticks, what in story:
        world.fly(ticks)
        if what == "outage":
            world.set_contact(False)
            world.fly(3)
            world.set_contact(True)
        elif what == "cold":
            world.bench.restart(None)
        elif what == "warm":
            world.bench.restart(kept)
        elif what == "ground":
            world.ground = FileService.from_plain(json.loads(json.dumps(world.ground.to_plain())))
        else:  # its memory of files on their way is gone; its queue and numbers are not
            plain = world.ground.to_plain()
            plain["destination"]["receptions"] = []
            world.ground = FileService.from_plain(plain)
        kept = world.bench.control()
        assert all(
            world.files.get(_name(number)) == down[number]
            for number, delivered in _delivered(world.bench).items()
            if delivered
        )
    for _ in range(6):
        world.fly(250)
        world.set_contact(False)
        world.fly(1)
        world.set_contact(True)
    world.fly(600)
    assert world.files == {_name(number): data for number, data in down.items()}
    assert all(_delivered(world.bench)[number] for number in down)
    ended = [complete for _, _, complete in world.ground.ended]
    assert len(ended) == 1
    if not ended[0]:  # it was sealed, and the reset came before the ground heard of it: refused as known
        assert any(what in ("cold", "warm") for _, what in story)
    assert world.bench.content(UPLOADS + 12) == up


def _name(number: int) -> str:
    return f"blackbox/{number - BLACK_BOXES:04d}" if number >= BLACK_BOXES else f"science/{number:04d}"


def test_after_a_reset_only_what_the_ground_misses_is_sent_again() -> None:
    world, data = World(), picture(65536)
    world.bench.add_file(7, SCIENCE, data)
    world.fly(7)
    before = world.data_octets()
    assert 20_000 < before < len(data)
    world.bench.restart(world.bench.control())
    world.fly(100)
    assert world.files == {"science/0007": data}
    assert world.data_octets() <= len(data) + 992 * 2


def test_loss_of_signal_in_mid_file_costs_only_what_was_in_flight() -> None:
    world, data = World(), picture(65536)
    world.bench.add_file(7, SCIENCE, data)
    world.fly(6)
    in_flight = sum(len(decode_pdu(pdu).body.data) for _, _, pdu in world.down.flying)  # type: ignore[union-attr]
    world.set_contact(False)
    world.fly(5000)
    world.set_contact(True)
    world.fly(100)
    assert world.files == {"science/0007": data}
    assert world.data_octets() == len(data) + in_flight


def _order(world: World) -> list[int]:
    return [pdu.sequence & 0xFFFFFF for pdu in world.sent if isinstance(pdu.body, Metadata)]


@pytest.mark.requirement("L2.5")
def test_a_black_box_after_an_anomaly_goes_before_science_and_another_only_if_asked_for() -> None:
    world = World()
    for number, kind in [
        (1, SCIENCE),
        (2, SCIENCE),
        (BLACK_BOXES + 3, BLACK_BOX),
        (BLACK_BOXES + 4, ANOMALY),
    ]:
        world.bench.add_file(number, kind, picture(5000, number))
    world.fly(100)
    assert _order(world) == [BLACK_BOXES + 4, 1, 2]
    world.bench.command("send", BLACK_BOXES + 3)
    world.fly(200)
    assert _order(world) == [BLACK_BOXES + 4, 1, 2, BLACK_BOXES + 3]
    assert len(world.files) == 4


@pytest.mark.requirement("L2.5", "L6.3")
def test_chunks_asked_for_by_number_go_down_once_also_those_that_come_to_be_later() -> None:
    world = World()
    for number in range(1, 21):
        world.bench.add_file(BLACK_BOXES + number, BLACK_BOX, picture(3000, number))
    world.bench.add_file(1, SCIENCE, picture(3000, 21))
    world.bench.command("send_black_box", 30)  # from the third on
    world.fly(400)
    assert _order(world) == [BLACK_BOXES + number for number in range(3, 21)] + [1]
    world.bench.add_file(BLACK_BOXES + 30, BLACK_BOX, picture(3000, 30))
    world.bench.add_file(BLACK_BOXES + 31, BLACK_BOX, picture(3000, 31))
    world.fly(200)
    assert _order(world)[19:] == [BLACK_BOXES + 30]
    assert len(world.files) == 20
    assert world.data_octets() == 20 * 3000
    world.bench.command("send_black_box", 0)  # ends before it begins
    world.fly(2)
    assert world.bench.take_answers() == [0, 1]


@pytest.mark.requirement("L2.5")
def test_a_black_box_after_an_anomaly_takes_the_place_of_science_that_is_being_sent() -> None:
    world = World()
    for number in (1, 2):
        world.bench.add_file(number, SCIENCE, picture(1_000_000, number))
    world.fly(20)
    world.bench.add_file(BLACK_BOXES + 1, ANOMALY, picture(30_000, 9))
    world.fly(20)
    assert "blackbox/0001" in world.files
    assert not {"science/0001", "science/0002"} & set(world.files)
    world.fly(400)
    assert len(world.files) == 3
    assert world.data_octets() < 2_030_000 + 60 * 992


def test_many_more_files_than_places_all_go_down_in_order() -> None:
    world = World()
    for number in range(1, 41):
        world.bench.add_file(number, SCIENCE, picture(2000, number))
    world.fly(900)
    assert len(world.files) == 40
    assert _order(world) == list(range(1, 41))


# --- telecommands -----------------------------------------------------------------------------------------


def test_a_file_is_sent_again_by_command_as_a_new_transaction() -> None:
    world, data = World(), picture(5000)
    world.bench.add_file(7, SCIENCE, data)
    world.fly(40)
    world.files.clear()
    world.bench.command("send", 7)
    world.fly(100)
    assert world.bench.take_answers() == [0]
    assert world.files == {"science/0007": data}
    assert len({pdu.sequence for pdu in world.sent}) == 2
    assert world.data_octets() == 2 * len(data)


def test_a_file_is_cancelled_by_command_and_taken_up_again_by_another() -> None:
    world = World()
    world.bench.add_file(7, SCIENCE, picture(200_000))
    world.fly(8)
    world.bench.command("cancel", 7)
    world.fly(200)
    assert world.bench.take_answers() == [0]
    assert not world.files
    assert world.data_octets() < 150_000
    came = world.data_octets()
    sent_so_far = Eof(checksum(ChecksumType.CRC_32, picture(200_000)[:came]), came, Condition.CANCELLED)
    assert [pdu.body for pdu in world.sent if isinstance(pdu.body, Eof)] == [sent_so_far]
    assert not world.ground.files()
    world.bench.command("send", 7)
    world.fly(200)
    assert world.files == {"science/0007": picture(200_000)}


def test_a_file_is_removed_only_when_the_ground_has_it_or_by_force() -> None:
    world = World()
    world.bench.add_file(7, SCIENCE, picture(100))
    world.contact = False
    world.bench.command("remove", 7)
    world.fly(2)
    assert world.events == [(EVENT_IDS["file_kept"], 7.0, 8.0, 0.0)]
    world.bench.command("force", 7)
    world.fly(2)
    assert world.events[1:] == [(EVENT_IDS["file_removed"], 7.0, 1.0, 0.0)]
    assert world.bench.directory() == []
    world.bench.add_file(8, SCIENCE, picture(100))
    world.contact = True
    world.fly(40)
    world.bench.command("remove", 8)
    world.fly(2)
    assert world.events[-1] == (EVENT_IDS["file_removed"], 8.0, 0.0, 0.0)
    world.bench.command("remove", 99)
    world.fly(2)
    assert world.events[-1] == (EVENT_IDS["file_kept"], 99.0, 2.0, 0.0)
    assert world.bench.take_answers() == [0, 0, 0, 0]
    world.bench.command("remove", 0)
    world.bench.command("cancel", 5)
    world.bench.command("send", 0x1000000)
    world.fly(1)
    assert world.bench.take_answers() == [1, 1, 1]


def test_commands_to_send_are_bounded_and_one_for_no_file_does_no_harm() -> None:
    world = World()
    for number in range(1, 11):
        world.bench.command("send", number)
    world.fly(200)
    assert world.bench.take_answers() == [0] * 8 + [2] * 2


# --- what the ground asks --------------------------------------------------------------------------------


def _upload(number: int = 1, octets: int = 4000) -> Metadata:
    name = f"upload/{number:04d}"
    return Metadata(octets, name, name, ChecksumType.MODULAR)


def test_the_metadata_requests_no_closure_which_acknowledged_mode_does_not_have() -> None:
    world = World()
    world.bench.add_file(7, SCIENCE, picture(100))
    made = [pdu for _ in range(5) for pdu in world.bench.tick([], True, PDUS_A_TICK)]
    assert [pdu[11] for pdu in made if pdu[10] == Directive.METADATA] == [ChecksumType.CRC_32]


def test_a_prompt_for_a_nak_is_answered_with_what_is_missing_of_what_has_come() -> None:
    world, data = World(), picture(4000)
    assert _answers(world, _up(1, Prompt())) == []
    assert world.dropped() == {"unexpected": 1}
    assert _answers(world, _up(1, _upload(), FileData(0, data[:900]))) == []
    assert _answers(world, _up(1, Prompt())) == [Nak(0, 900)]
    assert _answers(world, _up(1, FileData(1800, data[1800:2700]))) == []
    assert _answers(world, _up(1, Prompt()), ticks=60) == [Nak(0, 2700, ((900, 1800),))]
    _answers(world, _up(1, Eof(checksum(0, data), 4000)), ticks=0)
    _answers(world, [], ticks=2)
    assert _answers(world, _up(1, Prompt())) == [Nak(0, 4000, ((900, 1800), (2700, 4000)))]


def test_a_prompt_for_a_nak_before_the_metadata_asks_for_that() -> None:
    world, data = World(), picture(4000)
    _answers(world, _up(1, Eof(checksum(0, data), 4000)))
    assert _answers(world, _up(1, Prompt())) == [Nak(0, 0, ((0, 0),))]


def test_a_prompt_for_a_keep_alive_is_answered_with_how_far_the_file_has_come() -> None:
    world, data = World(), picture(4000)
    _answers(world, _up(1, _upload(), FileData(1800, data[1800:2700])))
    assert _answers(world, _up(1, Prompt(keep_alive=True)), ticks=60) == [KeepAlive(2700)]
    _answers(world, _up(1, FileData(0, data[:900]), FileData(900, data[900:1800])))
    both = _answers(world, _up(1, Prompt(), Prompt(keep_alive=True), Prompt(keep_alive=True)))
    assert both == [KeepAlive(2700), Nak(0, 2700)]
    _answers(
        world,
        _up(1, FileData(2700, data[2700:3600]), FileData(3600, data[3600:]), Eof(checksum(0, data), 4000)),
    )
    _answers(world, _up(1, Ack(Directive.FINISHED, status=2)))
    assert _answers(world, _up(1, Prompt(), Prompt(keep_alive=True))) == []


def _finished(world: World, pdus: Sequence[bytes]) -> list[bytes]:
    """The data of the Finished PDUs that answer, as octets."""
    made = world.bench.tick(list(pdus), True, PDUS_A_TICK)
    for _ in range(4):
        made += world.bench.tick([], True, PDUS_A_TICK)
    return [pdu[11:-2] for pdu in made if pdu[10] == Directive.FINISHED]


def test_a_finished_says_what_became_of_the_file_and_who_ended_it() -> None:
    data = picture(4000)
    begun = _up(1, _upload(), FileData(0, data[:900]))
    by_ground = Eof(checksum(0, data[:900]), 900, Condition.CANCELLED)
    world = World()
    assert _finished(world, [*begun, *_up(1, by_ground)]) == [b"\xf4\x06\x01\x02"]
    assert _finished(world, _up(1, by_ground)) == [b"\xf4\x06\x01\x02"]
    assert _finished(world, _up(2, Eof(1, 2**31))) == [b"\x45\x06\x01\x01"], "could not be kept"
    assert _finished(world, _up(1, by_ground)) == [b"\xf4\x06\x01\x02"], "from memory"
    world = World()
    assert _finished(world, begun) == []
    world.bench.command("cancel", UPLOADS + 1)
    assert _finished(world, []) == [b"\xf4\x06\x01\x01"]
    assert _finished(World(), _up(1, _upload(octets=4), FileData(0, b"data"), Eof(1, 4))) == [
        b"\x54\x06\x01\x01"
    ]
    whole = _up(1, _upload(octets=4), FileData(0, b"data"), Eof(checksum(0, b"data"), 4))
    assert _finished(World(), whole) == [b"\x02"]


def test_a_second_nak_asks_for_nothing_twice() -> None:
    """What goes out while the same is asked for again goes once more only as far as it had come."""
    world, data = World(), picture(60_000)
    world.bench.add_file(7, SCIENCE, data)
    world.down.loss = 1.0
    world.fly(20)
    before, read = world.data_octets(), world.bench.read_octets()
    nak = encode_pdu(Pdu(SATELLITE, 7, GROUND, Nak(0, 60_000, ((0, 36_000),))))
    offsets: list[int] = []
    for tick in range(12):
        made = world.bench.tick([nak] if tick in (0, 2) else [], True, PDUS_A_TICK)
        bodies = [decode_pdu(pdu).body for pdu in made]
        offsets += [body.offset for body in bodies if isinstance(body, FileData)]
        world.sent += [decode_pdu(pdu) for pdu in made]
    again = PDUS_A_TICK * 992
    assert 36_000 < world.data_octets() - before <= 36_000 + again
    assert set(range(0, 36_000 - 992, 992)) <= set(offsets)
    # Of what is read in a tick a twelfth does not go out in it; the rest is read once.
    assert world.bench.read_octets() - read <= (36_000 + again) * 12_288 // again + 12_288


@pytest.mark.parametrize("how", ["command", "eof", "conflict"])
def test_a_transfer_that_ends_in_the_tick_in_which_it_began_leaves_a_sealed_file_of_that_name(
    how: str,
) -> None:
    world, kept = World(), picture(500, 1)
    world.bench.add_file(UPLOADS + 1, UPLOAD, kept)
    pdus = _up(1, _upload())
    if how == "command":
        world.bench.command("cancel", UPLOADS + 1)
    elif how == "eof":
        pdus += _up(1, Eof(0, 0, Condition.CANCELLED))
    else:
        pdus += _up(1, Eof(0, 3999))
    ended = [body for body in _answers(world, pdus) if isinstance(body, Finished)]
    assert len(ended) == 1
    assert not ended[0].complete
    assert world.bench.content(UPLOADS + 1) == kept
    _answers(world, _up(1, Ack(Directive.FINISHED, status=2)))
    # What was begun and is not sealed goes.
    _answers(world, _up(2, _upload(2), FileData(0, b"x"), Eof(0, 1, Condition.CANCELLED)))
    assert [entry[0] for entry in world.bench.directory()] == [UPLOADS + 1]


# --- hostile ----------------------------------------------------------------------------------------------


def _up(sequence: int, *bodies: object) -> list[bytes]:
    return [encode_pdu(Pdu(GROUND, sequence, SATELLITE, body)) for body in bodies]  # type: ignore[arg-type]


def _answers(world: World, pdus: Sequence[bytes], ticks: int = 4) -> list[object]:
    made = world.bench.tick(list(pdus), True, PDUS_A_TICK)
    for _ in range(ticks):
        made += world.bench.tick([], True, PDUS_A_TICK)
    return [decode_pdu(pdu).body for pdu in made]


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "upload/00\x00",
        "upload/" + "9" * 240,
        "science/0001",
        "upload/0000",
        "",
    ],
)
def test_names_other_than_of_uploads_are_refused(name: str) -> None:
    world = World()
    refused = Finished(False, Condition.FILESTORE_REJECTION)
    assert _answers(world, _up(1, Metadata(10, name, name, 0))) == [refused]
    assert world.bench.directory() == []


@pytest.mark.parametrize("size", [8 * 2**20 + 1, 2**32 - 1])
def test_sizes_beyond_the_limit_are_refused(size: int) -> None:
    refused = Finished(False, Condition.FILESTORE_REJECTION)
    assert _answers(World(), _up(1, Metadata(size, "upload/0001", "upload/0001", 0))) == [refused]
    assert refused in _answers(World(), _up(1, Eof(0, size)))
    world = World()
    _answers(world, _up(1, Metadata(100, "upload/0001", "upload/0001", 0), FileData(2**32 - 2, b"four")))
    _answers(world, _up(1, FileData(99, b"xx"), FileData(101, b"x")))
    assert world.dropped() == {"size": 3}


def test_other_checksums_and_contradicting_sizes_are_refused() -> None:
    unsupported = Finished(False, Condition.CHECKSUM_UNSUPPORTED)
    assert _answers(World(), _up(1, Metadata(9, "upload/0001", "upload/0001", 3))) == [unsupported]
    wrong = Finished(False, Condition.SIZE_ERROR)
    assert wrong in _answers(World(), _up(1, Eof(0, 10), Metadata(9, "upload/0001", "upload/0001", 0)))
    assert wrong in _answers(World(), _up(1, Metadata(9, "upload/0001", "upload/0001", 0), Eof(0, 10)))


def test_overlapping_segments_keep_what_came_first() -> None:
    world, data = World(), picture(200)
    from flight.cfdp_checksum import checksum

    _answers(world, _up(1, Metadata(200, "upload/0001", "upload/0001", 0), FileData(50, data[50:100])))
    _answers(world, _up(1, FileData(60, b"?" * 30)))
    _answers(world, _up(1, FileData(0, data[:60] + b"?" * 20)))
    _answers(world, _up(1, FileData(90, b"?" * 10 + data[100:])))
    assert world.dropped() == {"overlap": 1}
    assert Finished(True) in _answers(world, _up(1, Eof(checksum(0, data), 200)))
    assert world.bench.content(UPLOADS + 1) == data


def test_a_wrong_checksum_is_told_and_nothing_is_kept() -> None:
    world = World()
    failed = Finished(False, Condition.CHECKSUM_FAILURE)
    pdus = _up(1, Metadata(4, "upload/0001", "upload/0001", 0), FileData(0, b"data"), Eof(1, 4))
    assert failed in _answers(world, pdus)
    assert world.bench.directory() == []


def test_a_bomb_of_holes_is_bounded_and_the_file_still_comes() -> None:
    world, data = World(), picture(4000)
    _answers(world, _up(1, Metadata(4000, "upload/0001", "upload/0001", 0)))
    for start in range(1, 4000, 40):
        _answers(world, _up(1, FileData(start, data[start : start + 20])), ticks=0)
    assert world.dropped() == {"holes": 100 - 32, "overlap": 100 - 32}
    from flight.cfdp_checksum import checksum

    answers = _answers(world, _up(1, Eof(checksum(0, data), 4000)))
    naks = [body for body in answers if isinstance(body, Nak)]
    assert len(naks) == 1
    assert len(naks[0].requests) == 32
    assert naks[0].end == naks[0].requests[-1][1] + 20 < 4000, "more is missing beyond what it has room for"
    answers = []
    for start in range(0, 4000, 190):
        answers += _answers(world, _up(1, FileData(start, data[start : start + 190])), ticks=2)
    assert Finished(True) in answers
    assert world.bench.content(UPLOADS + 1) == data


def test_a_nak_larger_than_what_is_kept_is_cut_and_asked_for_again() -> None:
    world, data = World(), picture(300_000)
    world.bench.add_file(7, SCIENCE, data)
    world.down.loss = 1.0
    world.fly(40)
    world.down.loss = 0.0
    requests = tuple((start, start + 992) for start in range(0, 80_000, 2000))
    nak = encode_pdu(Pdu(SATELLITE, 7, GROUND, Nak(0, 300_000, requests)))
    before = world.data_octets()
    world.bench.tick([nak], True, 0)
    world.fly(10)
    assert world.data_octets() == before + 32 * 992
    world.fly(400)
    assert world.files == {"science/0007": data}


def test_a_nak_that_overlaps_what_is_queued_sends_nothing_twice() -> None:
    world, data = World(), picture(300_000)
    world.bench.add_file(7, SCIENCE, data)
    world.down.loss = 1.0
    world.fly(40)
    world.down.loss = 0.0
    before = world.data_octets()
    asked = [((0, 40), (50, 60)), ((10, 45), (55, 70)), ((0, 80),), ((0, 80),)]
    naks = [tuple((first * 992, last * 992) for first, last in ranges) for ranges in asked]
    world.bench.tick(
        [encode_pdu(Pdu(SATELLITE, 7, GROUND, Nak(0, 300_000, ranges))) for ranges in naks], True, 0
    )
    world.fly(10)
    assert world.data_octets() == before + 80 * 992
    world.fly(400)
    assert world.files == {"science/0007": data}


def test_a_nak_of_what_has_not_been_sent_yet_sends_it_once() -> None:
    world, data = World(), picture(300_000)
    world.bench.add_file(7, SCIENCE, data)
    while not world.data_octets():
        world.fly(1)
    sent = world.data_octets()
    assert sent < 100_000
    nak = encode_pdu(Pdu(SATELLITE, 7, GROUND, Nak(0, 300_000, ((0, 300_000),))))
    world.bench.tick([nak], True, 0)
    world.fly(400)
    assert world.files == {"science/0007": data}
    assert world.data_octets() == sent + 300_000


def test_requests_beyond_the_file_and_answers_to_nothing_are_counted() -> None:
    world = World()
    world.bench.add_file(7, SCIENCE, picture(100))
    world.fly(3)
    beyond = encode_pdu(Pdu(SATELLITE, 7, GROUND, Nak(0, 200, ((0, 101), (100, 2**32 - 1)))))
    unknown = encode_pdu(Pdu(SATELLITE, 8, GROUND, Nak(0, 200, ((0, 10),))))
    other = encode_pdu(Pdu(SATELLITE, 7 | 1 << 24, GROUND, Ack(Directive.EOF)))
    strangers = [
        encode_pdu(Pdu(3, 7, 4, Eof(0, 1))),
        encode_pdu(Pdu(GROUND, 5, SATELLITE, FileData(0, b"x"))),
    ]
    world.bench.tick([beyond, unknown, other, *strangers], True, 0)
    assert world.dropped() == {"size": 2, "unexpected": 3, "entity": 1}


def test_a_finished_of_a_forgotten_transfer_marks_its_file_and_is_acknowledged() -> None:
    world = World()
    world.bench.add_file(7, SCIENCE, picture(100))
    answers = _answers(world, [encode_pdu(Pdu(SATELLITE, 7, GROUND, Finished(True)))], ticks=0)
    assert answers == [Ack(Directive.FINISHED, status=2)]
    assert world.bench.directory() == [(7, SCIENCE, 100, True, True)]


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_no_octets_do_more_than_be_counted(octets: list[bytes]) -> None:
    world = World()
    world.fly(1)
    before = world.bench.control()
    for one in octets:
        world.bench.tick([one], True, PDUS_A_TICK)
    assert world.bench.control() == before
    assert sum(world.dropped().values()) == len(octets)


@settings(max_examples=15)
@given(
    st.integers(0, 2**32), st.lists(st.tuples(st.booleans(), st.integers(0, 2**20)), min_size=1, max_size=40)
)
def test_flipped_bits_anywhere_are_survived(seed: int, flips: list[tuple[bool, int]]) -> None:
    """In the account they delay, at the worst until the next start; no octet that arrives is wrong."""
    world, data = World(0.2, str(seed)), picture(30_000)
    world.bench.add_file(7, SCIENCE, data)
    world.ground.put("upload/0001", picture(3000))
    for control, bit in flips:
        world.bench.flip(control, bit)
        world.fly(4)
    world.bench.restart(None)
    world.fly(300)
    for _ in range(3):
        world.set_contact(False)
        world.fly(1)
        world.set_contact(True)
        world.fly(300)
    assert world.files.get("science/0007") == data


@settings(max_examples=15)
@given(
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.3, 0.5]),
    st.lists(st.integers(0, 6000), min_size=2, max_size=12),
)
def test_files_that_go_up_one_after_the_other_all_arrive_over_any_link(
    seed: int, loss: float, sizes: list[int]
) -> None:
    world = World(loss, str(seed), jitter=8)
    files = {f"upload/{number + 1:04d}": picture(size, number) for number, size in enumerate(sizes)}
    queued = list(files.items())
    for turn in range(60 * len(sizes)):
        if queued and not world.ground.sendings:
            world.ground.put(*queued.pop(0))
        world.fly(20)
        if turn % 20 == 19:
            world.set_contact(False)
            world.fly(1)
            world.set_contact(True)
        if not queued and not world.ground.sendings:
            break
    assert world.ground.ended == [(number + 1, name, True) for number, name in enumerate(files)]
    assert world.count("file_received") == len(files)
    assert world.count("file_refused") == 0
    for number, data in enumerate(files.values()):
        assert world.bench.content(UPLOADS + number + 1) == data


def test_an_eof_that_comes_again_is_answered_from_memory_and_begins_nothing() -> None:
    world = World()
    data = {number: picture(300 + number, number) for number in range(1, 12)}

    def say(sequence: int, *bodies: Metadata | FileData | Eof) -> list[tuple[int, object]]:
        octets = [encode_pdu(Pdu(GROUND, sequence, SATELLITE, body)) for body in bodies]
        made = world.bench.tick(octets, True, PDUS_A_TICK)
        for _ in range(3):
            made += world.bench.tick([], True, PDUS_A_TICK)
        world.events += world.bench.take_events()
        return [(pdu.sequence, pdu.body) for pdu in map(decode_pdu, made)]

    def eof(number: int) -> Eof:
        return Eof(checksum(ChecksumType.MODULAR, data[number]), len(data[number]))

    def metadata(number: int) -> Metadata:
        name = f"upload/{number:04d}"
        return Metadata(len(data[number]), name, name, ChecksumType.MODULAR)

    for number in range(1, 11):  # nobody acknowledges a Finished
        parts = [FileData(at, data[number][at : at + 192]) for at in range(0, len(data[number]), 192)]
        told = say(number, metadata(number), *parts, eof(number))
        assert told == [(number, Ack(Directive.EOF, 0, 1)), (number, Finished(True))]
    for number in (3, 9, 2, 10):
        again = [(number, Ack(Directive.EOF, 0, 2)), (number, Finished(True))]
        assert say(number, metadata(number), eof(number)) == again, number
    assert world.count("file_received") == 10
    assert world.dropped() == {"unexpected": 3}
    # A ground that counts anew means another file by the same number.
    parts = [FileData(at, data[11][at : at + 192]) for at in range(0, len(data[11]), 192)]
    told = say(9, metadata(11), *parts, eof(11))
    assert told == [(9, Ack(Directive.EOF, 0, 1)), (9, Finished(True))]
    assert world.bench.content(UPLOADS + 11) == data[11]
    assert world.count("file_refused") == 0
