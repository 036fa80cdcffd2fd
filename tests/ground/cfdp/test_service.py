"""File transfer over a link that loses, repeats, reorders and ends: what arrives is what was sent, each end
learns of it, and whatever cannot be is refused under a reason.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flight.cfdp_checksum import checksum
from flight.cfdp_pdu import (
    FILE_OCTETS_MAX,
    GROUND,
    SATELLITE,
    Ack,
    Body,
    Condition,
    Directive,
    Eof,
    FileData,
    Finished,
    KeepAlive,
    Metadata,
    Nak,
    Pdu,
    PduError,
    Prompt,
    decode_pdu,
    encode_pdu,
)
from ground.cfdp import destination, reception, sending, service
from ground.cfdp.service import FileService
from ground.cfdp.timer import NEVER_NS
from tests.ground.cfdp.peers import TICK_NS, Lossy, Satellite, fly, picture

pytestmark = pytest.mark.requirement("L2.2", "L2.6")

NAME = "science/0007"


def _ground() -> FileService:
    ground = FileService()
    ground.resume(0)
    return ground


def _give(ground: FileService, *bodies: Body, now_ns: int = 0, sequence: int = 7) -> list[Body]:
    for body in bodies:
        ground.on_pdu(encode_pdu(Pdu(SATELLITE, sequence, GROUND, body)), now_ns)
    return [decode_pdu(octets).body for octets in ground.due(now_ns)]


def _metadata(data: bytes, name: str = NAME) -> Metadata:
    return Metadata(len(data), name, name, 3)


def _eof(data: bytes) -> Eof:
    import zlib

    return Eof(zlib.crc32(data), len(data))


@pytest.mark.parametrize("loss", [0.0, 0.3, 0.5])
def test_files_come_down_whole_over_a_lossy_reordering_repeating_link(loss: float) -> None:
    ground, satellite = _ground(), Satellite()
    down = Lossy("down", loss, repeat=0.1, jitter=9)
    up = Lossy("up", loss, repeat=0.1, jitter=9)
    sizes = (0, 1, 992, 65536, 40001)
    sent = {f"science/{i:04d}": picture(size, i) for i, size in enumerate(sizes, start=1)}
    for sequence, (name, data) in enumerate(sent.items(), start=1):
        satellite.send(sequence, name, data)
    fly(ground, satellite, down, up, 0, 500)
    ground.suspend(500 * TICK_NS)
    ground.resume(500 * TICK_NS)  # patience is by contact
    fly(ground, satellite, down, up, 500, 900)
    assert {file.name: file.data for file in ground.take_files()} == sent
    assert all(one.finished == Finished(True) for one in satellite.sending.values())
    assert not ground.files()


def test_without_loss_every_octet_goes_once() -> None:
    ground, satellite, data = _ground(), Satellite(), picture(65536)
    satellite.send(7, NAME, data)
    down, up = Lossy("down"), Lossy("up")
    fly(ground, satellite, down, up, 0, 300)
    assert [file.data for file in ground.take_files()] == [data]
    assert down.sent == 1 + -(-len(data) // 992) + 1 + 1  # metadata, segments, EOF, ACK of Finished
    assert up.sent == 2  # ACK of EOF, Finished


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.lists(st.integers(3, 60), min_size=2, max_size=12), st.integers(0, 60000))
def test_a_file_resumes_over_passes_that_end_anywhere(seed: int, passes: list[int], octets: int) -> None:
    """Each pass ends wherever it ends; in the gaps nothing is sent and no timer runs out."""
    ground, satellite, data = _ground(), Satellite(), picture(octets)
    satellite.send(7, NAME, data)
    down, up = Lossy(f"{seed}d", 0.3, 0.1, jitter=5), Lossy(f"{seed}u", 0.3, 0.1, jitter=5)
    tick = 0
    for length in [*passes, 400]:
        now_ns = tick * TICK_NS
        ground.resume(now_ns)
        satellite.resume(now_ns)
        fly(ground, satellite, down, up, tick, tick + length)
        tick += length
        ground.suspend(tick * TICK_NS)
        satellite.suspend(tick * TICK_NS)
        down.flying.clear()
        up.flying.clear()
        before = down.sent, up.sent
        assert ground.next_timer_ns() == NEVER_NS
        assert ground.due(tick * TICK_NS + 3600 * 10**9) == []
        tick += 50_000
        assert (down.sent, up.sent) == before
    files = ground.take_files()
    assert [file.data for file in files] == [data]
    assert satellite.sending[7].finished == Finished(True)


@pytest.mark.parametrize("loss", [0.0, 0.4])
def test_a_file_goes_up_whole(loss: float) -> None:
    ground, satellite, data = _ground(), Satellite(), picture(20_000)
    sequence = ground.put("upload/0012", data)
    down, up = Lossy("d", loss, jitter=3), Lossy("u", loss, jitter=3)
    fly(ground, satellite, down, up, 0, 900)
    assert satellite.reception is not None
    assert satellite.reception.complete
    assert bytes(satellite.reception.data) == data
    assert ground.ended == [(sequence, "upload/0012", True)]
    assert not ground.sendings


def test_the_satellite_forgets_all_and_begins_anew_and_nothing_is_asked_twice() -> None:
    """Its transaction number is the file's, so that after a reset its EOF alone brings the old NAK state."""
    ground, satellite, data = _ground(), Satellite(), picture(60_000)
    down, up = Lossy("d"), Lossy("u")
    satellite.send(7, NAME, data)
    fly(ground, satellite, down, up, 0, 3)
    held = ground.files()[0].octets
    assert 0 < held < len(data)
    satellite = Satellite()
    satellite.send(7, NAME, data)
    satellite.sending[7].offset, satellite.sending[7].eof_due = len(data), True
    down = Lossy("d")
    fly(ground, satellite, down, up, 3, 200)
    assert [file.data for file in ground.take_files()] == [data]
    again = -(-(len(data) - held) // 992)
    assert down.sent <= again + 4  # metadata, EOF, acknowledgement; one more segment where a gap is split


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(1, 300))
def test_the_ground_restored_from_its_bytes_goes_on_as_if_nothing_had_been(seed: int, at: int) -> None:
    results = []
    for restored in (False, True):
        ground, satellite = _ground(), Satellite()
        satellite.send(7, NAME, picture(30_000))
        ground.put("upload/0001", picture(3_000))
        down, up = Lossy(f"{seed}d", 0.3, jitter=4), Lossy(f"{seed}u", 0.3, jitter=4)
        fly(ground, satellite, down, up, 0, at)
        if restored:
            ground = FileService.from_plain(json.loads(json.dumps(ground.to_plain())))
        fly(ground, satellite, down, up, at, 400)
        results.append((json.dumps(ground.to_plain()), down.sent, up.sent))
    assert results[0] == results[1]


def test_whole_file_acknowledged_only_after_it_could_be_taken() -> None:
    ground, data = _ground(), picture(100)
    ground.on_pdu(encode_pdu(Pdu(SATELLITE, 7, GROUND, _metadata(data))), 0)
    ground.on_pdu(encode_pdu(Pdu(SATELLITE, 7, GROUND, FileData(0, data))), 0)
    ground.on_pdu(encode_pdu(Pdu(SATELLITE, 7, GROUND, _eof(data))), 0)
    assert [file.data for file in ground.take_files()] == [data]
    assert Finished(True) in [decode_pdu(octets).body for octets in ground.due(0)]


# --- hostile ----------------------------------------------------------------------------------------------


def test_eof_before_anything_asks_for_metadata_and_the_whole_file() -> None:
    data = picture(5000)
    assert _give(_ground(), _eof(data)) == [
        Ack(Directive.EOF),
        Nak(0, 5000, ((0, 0), (0, 5000))),
    ]


def test_duplicate_eof_is_acknowledged_and_asks_nothing_more() -> None:
    ground, data = _ground(), picture(5000)
    first = _give(ground, _metadata(data), _eof(data))
    assert first == [Ack(Directive.EOF), Nak(0, 5000, ((0, 5000),))]
    assert _give(ground, _eof(data), _eof(data)) == [Ack(Directive.EOF)] * 2
    assert ground.destination.counts == {"eof_again": 2}


def test_eof_after_the_end_is_answered_from_memory() -> None:
    ground, data = _ground(), picture(10)
    assert _give(ground, _metadata(data), FileData(0, data), _eof(data)) == [
        Ack(Directive.EOF),
        Finished(True),
    ]
    assert _give(ground, Ack(Directive.FINISHED, status=2)) == []
    assert not ground.destination.receptions
    assert _give(ground, _eof(data)) == [Ack(Directive.EOF, status=2), Finished(True)]
    assert len(ground.take_files()) == 1


def test_contradicting_eof_and_metadata_are_refused() -> None:
    ground, data = _ground(), picture(5000)
    _give(ground, _metadata(data), _eof(data), Eof(1, 5000), _metadata(data, "science/0008"))
    assert ground.destination.counts == {"eof_conflict": 1, "metadata_conflict": 1}
    _give(ground, *(FileData(at, data[at : at + 900]) for at in range(0, 5000, 900)))
    assert [file.data for file in ground.take_files()] == [data]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "science/0001\x00", "science/" + "0" * 240]
)
def test_a_hostile_name_ends_the_transaction(name: str) -> None:
    ground, data = _ground(), picture(10)
    assert _give(ground, _metadata(data, name)) == [Finished(False, Condition.FILESTORE_REJECTION)]
    _give(ground, FileData(0, data), _eof(data))
    assert ground.take_files() == []


@pytest.mark.parametrize("size", [FILE_OCTETS_MAX + 1, 2**32 - 1])
def test_a_size_beyond_the_limit_ends_the_transaction(size: int) -> None:
    refused = Finished(False, Condition.FILESTORE_REJECTION)
    assert refused in _give(_ground(), Metadata(size, NAME, NAME))
    assert refused in _give(_ground(), Eof(0, size))


def test_file_data_beyond_the_size_is_refused() -> None:
    ground, data = _ground(), picture(100)
    _give(ground, FileData(2**32 - 10, b"0123456789"), FileData(FILE_OCTETS_MAX, b"x"))
    _give(ground, _metadata(data), FileData(99, b"xx"))
    assert ground.destination.counts["size"] == 3
    assert len(ground.destination.receptions[7].data) == 0
    ended = _ground()
    assert Finished(False, Condition.SIZE_ERROR) in _give(ended, FileData(50, b"x" * 60), _eof(data))


def test_overlapping_segments_with_other_content_are_refused_and_with_the_same_taken() -> None:
    ground, data = _ground(), picture(100)
    _give(ground, _metadata(data), FileData(10, data[10:50]), FileData(40, b"?" * 30))
    assert ground.destination.counts == {"overlap": 1}
    _give(ground, FileData(0, data[:60]), FileData(50, data[50:]), FileData(20, data[20:30]), _eof(data))
    assert ground.destination.counts == {"overlap": 1, "duplicate": 1, "complete": 1}
    assert [file.data for file in ground.take_files()] == [data]


def test_a_wrong_checksum_ends_the_transaction_and_the_file_may_come_again() -> None:
    ground, data = _ground(), picture(100)
    failed = Finished(False, Condition.CHECKSUM_FAILURE)
    assert failed in _give(ground, _metadata(data), FileData(0, data), Eof(1, 100))
    _give(ground, Ack(Directive.FINISHED, Condition.CHECKSUM_FAILURE, 2))
    assert Finished(True) in _give(ground, _metadata(data), FileData(0, data), _eof(data))
    assert [file.data for file in ground.take_files()] == [data]


def test_an_unknown_checksum_type_ends_the_transaction() -> None:
    assert Finished(False, Condition.CHECKSUM_UNSUPPORTED) in _give(_ground(), Metadata(10, NAME, NAME, 15))


def test_a_bomb_of_holes_is_bounded_and_the_file_still_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "RANGES_MAX", 50)
    ground, data = _ground(), picture(1000)
    _give(ground, _metadata(data), *(FileData(i, data[i : i + 1]) for i in range(0, 1000, 2)))
    kept = ground.destination.receptions[7]
    assert len(kept.coverage.starts) == 50
    assert ground.destination.counts["holes"] == 450
    asked = _give(ground, _eof(data))
    naks = [body for body in asked if isinstance(body, Nak)]
    assert len(naks) == reception.NAKS_A_ROUND
    assert all(len(encode_pdu(Pdu(SATELLITE, 7, GROUND, nak))) <= 212 for nak in naks)
    assert naks[0].start == 0  # of a round the first, and each other where the one before it ended
    assert [nak.start for nak in naks[1:]] == [nak.end for nak in naks[:-1]]
    assert naks[-1].end == naks[-1].requests[-1][1]  # more is missing beyond: the scope says so
    _give(ground, FileData(0, data))
    assert [file.data for file in ground.take_files()] == [data]


def test_transactions_are_bounded_and_one_put_out_comes_back() -> None:
    ground, data = _ground(), picture(100)
    for sequence in range(100):
        _give(ground, FileData(0, data[:50]), now_ns=sequence, sequence=sequence)
    assert len(ground.destination.receptions) == destination.RECEPTIONS_MAX
    assert ground.destination.counts["evicted"] == 100 - destination.RECEPTIONS_MAX
    _give(ground, _eof(data), sequence=0)
    _give(ground, _metadata(data), FileData(0, data), sequence=0)
    assert [file.data for file in ground.take_files()] == [data]


def test_history_and_queues_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destination, "HISTORY_MAX", 3)
    monkeypatch.setattr(service, "OUTGOING_MAX", 5)
    ground, data = _ground(), picture(10)
    for sequence in range(10):
        _give(ground, _metadata(data), FileData(0, data), _eof(data), sequence=sequence)
        _give(ground, Ack(Directive.FINISHED, status=2), sequence=sequence)
    assert list(ground.destination.history) == [7, 8, 9]
    for _ in range(20):
        ground.on_pdu(encode_pdu(Pdu(SATELLITE, 9, GROUND, _eof(data))), 0)
    assert len(ground.outgoing) == 5
    assert ground.counts["outgoing_full"] == 35


def test_silence_after_so_many_requests_in_vain_until_the_next_contact() -> None:
    ground, data = _ground(), picture(100)
    _give(ground, _metadata(data), _eof(data))
    asked = [len(ground.due(second * 10**9)) for second in range(100)]
    assert 1 + sum(asked) == reception.LIMIT
    assert ground.destination.counts["nak_limit"] == 1
    ground.suspend(100 * 10**9)
    ground.resume(5000 * 10**9)
    assert [decode_pdu(octets).body for octets in ground.due(5000 * 10**9)] == [Nak(0, 100, ((0, 100),))]


def test_answers_to_what_was_never_sent_are_counted_and_a_finished_is_put_to_rest() -> None:
    ground = _ground()
    ground.on_pdu(encode_pdu(Pdu(GROUND, 99, SATELLITE, Nak(0, 10, ((0, 10),)))), 0)
    assert ground.due(0) == []
    ground.on_pdu(encode_pdu(Pdu(GROUND, 99, SATELLITE, Finished(True))), 0)
    assert [decode_pdu(octets).body for octets in ground.due(0)] == [Ack(Directive.FINISHED, status=2)]
    ground.on_pdu(encode_pdu(Pdu(SATELLITE, 99, GROUND, Ack(Directive.FINISHED))), 0)
    ground.on_pdu(encode_pdu(Pdu(9, 99, GROUND, Eof(0, 1))), 0)
    ground.on_pdu(encode_pdu(Pdu(9, 99, SATELLITE, Nak(0, 1))), 0)
    ground.on_pdu(b"rubbish, more than twelve octets", 0)
    assert ground.counts == {"unknown_transaction": 2, "entity": 2, "version": 1}
    assert ground.destination.counts == {"unknown_transaction": 1}
    assert not ground.destination.receptions


def test_requests_beyond_the_file_or_beyond_what_is_kept_are_counted() -> None:
    ground = _ground()
    sequence = ground.put("upload/0001", picture(5000))
    ground.due(0)
    pairs = tuple((i, i + 1) for i in range(0, 140, 2))
    for requests in (pairs, ((4999, 5001),), ((0, 1),)):
        ground.on_pdu(encode_pdu(Pdu(GROUND, sequence, SATELLITE, Nak(0, 5000, requests))), 0)
    assert ground.counts == {"nak_full": 70 - sending.REQUESTS_MAX, "nak_range": 1, "nak_again": 1}
    assert len(ground.sendings[sequence].requests) == sending.REQUESTS_MAX


def test_put_refuses_names_sizes_and_numbers() -> None:
    ground = _ground()
    for name, data, reason in [("../x", b"", "name"), (NAME, bytes(FILE_OCTETS_MAX + 1), "size")]:
        with pytest.raises(PduError) as caught:
            ground.put(name, data)
        assert caught.value.reason == reason
    for _ in range(service.SENDINGS_MAX):
        ground.put(NAME, b"x")
    with pytest.raises(PduError, match="full"):
        ground.put(NAME, b"x")


def test_cancel_either_way() -> None:
    ground, satellite, data = _ground(), Satellite(), picture(50_000)
    satellite.send(7, NAME, data)
    sequence = ground.put("upload/0001", data)
    down, up = Lossy("d"), Lossy("u")
    fly(ground, satellite, down, up, 0, 4)
    assert ground.cancel(7, 4 * TICK_NS, downward=True)
    assert ground.cancel(sequence, 4 * TICK_NS, downward=False)
    fly(ground, satellite, down, up, 4, 100)
    assert satellite.sending[7].finished == Finished(False, Condition.CANCELLED)
    assert satellite.reception is not None
    assert satellite.reception.finished == Finished(False, Condition.CANCELLED, by_source=True)
    assert ground.take_files() == []
    assert ground.ended == [(sequence, "upload/0001", False)]
    assert not ground.files()
    assert not ground.cancel(7, 0, downward=True)
    assert not ground.cancel(99, 0, downward=False)


def test_a_file_given_up_on_its_way_up_ends_with_what_was_sent_of_it() -> None:
    """The EOF tells progress and the checksum of that, and that the ground has cancelled."""
    ground, data = _ground(), picture(5000)
    sequence = ground.put("upload/0001", data)
    sent = len([one for one in ground.due(0, 1500) if isinstance(decode_pdu(one).body, FileData)]) * 192
    assert 0 < sent < 5000
    assert ground.cancel(sequence, 0, downward=False)
    (eof,) = ground.due(0)
    assert decode_pdu(eof).body == Eof(checksum(0, data[:sent]), sent, Condition.CANCELLED)
    assert eof[-5:-2] == b"\x06\x01\x02"
    answer = Finished(False, Condition.CANCELLED, by_source=True)
    ground.on_pdu(encode_pdu(Pdu(GROUND, sequence, SATELLITE, answer)), 0)
    assert _give(ground) == [Ack(Directive.FINISHED, Condition.CANCELLED, 2)]


def test_a_finished_says_what_became_of_the_file_and_who_ended_it() -> None:
    def said(*bodies: Body) -> list[bytes]:
        ground = _ground()
        for body in bodies:
            ground.on_pdu(encode_pdu(Pdu(SATELLITE, 7, GROUND, body)), 0)
        return [octets[11:-2] for octets in ground.due(0) if octets[10] == Directive.FINISHED]

    data = picture(100)
    assert said(_metadata(data), Eof(0, 0, Condition.CANCELLED)) == [b"\xf4\x06\x01\x01"]
    assert said(_metadata(data, "upload/../x")) == [b"\x45\x06\x01\x02"], "could not be kept"
    assert said(_metadata(data), FileData(0, data), Eof(1, 100)) == [b"\x54\x06\x01\x02"]
    assert said(_metadata(data), FileData(0, data), _eof(data)) == [b"\x02"]


def test_a_prompt_is_answered_at_once_and_not_again_before_the_eof() -> None:
    ground, data = _ground(), picture(5000)
    assert _give(ground, Prompt(), Prompt(keep_alive=True)) == []
    assert ground.destination.counts == {"unknown_transaction": 2}
    assert _give(ground, _metadata(data), FileData(0, data[:900])) == []
    assert _give(ground, Prompt()) == [Nak(0, 900)], "nothing is missing of what has come"
    assert _give(ground, FileData(1800, data[1800:2700]), Prompt(keep_alive=True)) == [KeepAlive(2700)]
    assert _give(ground, Prompt()) == [Nak(0, 2700, ((900, 1800),))]
    assert ground.next_timer_ns() == NEVER_NS
    _give(ground, _eof(data))
    assert _give(ground, Prompt()) == [Nak(0, 5000, ((900, 1800), (2700, 5000)))]
    assert ground.next_timer_ns() == reception.NAK_INTERVAL_NS
    rest = [FileData(at, data[at : at + 900]) for at in (900, 2700, 3600, 4500)]
    assert Finished(True) in _give(ground, *rest)
    assert _give(ground, Prompt(), Prompt(keep_alive=True)) == [], "the Finished tells the end"


def test_what_is_due_keeps_to_the_octets_that_fit() -> None:
    ground = _ground()
    ground.put("upload/0001", picture(5000))
    for _ in range(30):
        assert sum(map(len, ground.due(0, 700))) <= 700
    assert ground.sendings[1].offset == 5000
    assert ground.next_timer_ns() == sending.EOF_INTERVAL_NS
