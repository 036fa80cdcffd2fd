"""Nothing is lost and nothing runs twice: rough passes, judged by a checker that believes nobody.

What a run is put through is in `rough_passes`, what is checked in `ledger_checker`; docs/nothing-lost.md.
"""

from __future__ import annotations

import binascii
import os
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from ground.store.memory import MemoryStore
from tests.system import rough_passes
from tests.system.ledger_checker import (
    CRITICAL,
    HOUSEKEEPING,
    ON_ITS_WAY,
    RECORDS_GIVEN_UP,
    Asked,
    Evidence,
    Execution,
    Said,
    apid_of,
    check,
    ends_of,
    files_here,
    packets,
    sound,
    without,
)

FRAME, DATA_AT, TRAILER = 1115, 6, 6
PASSES_OF_PROOF = int(os.environ.get("SAFEHOLD_PROOF_PASSES", "1000"))


@pytest.fixture(scope="module")
def flown() -> tuple[Evidence, dict[str, int]]:
    """Ten passes or so."""
    return rough_passes.fly(seed=2, hours=4.0)


@pytest.mark.requirement("L2.4", "L2.6", "L3.4")
def test_ten_rough_passes_lose_nothing_and_repeat_nothing(flown: tuple[Evidence, dict[str, int]]) -> None:
    evidence, rough = flown
    # It was rough, and it was alive.
    assert rough["passes_heard"] >= 8
    assert rough["frames_lost"] > 0.25 * (rough["frames"] + rough["frames_lost"])
    assert rough["outages"] >= 2
    assert rough["resets"] >= 2
    assert rough["kills"] >= 10
    assert rough["executions"] >= 15
    assert rough["files_resumed"] >= 1
    assert len(evidence.events) >= 100
    verdict = check(evidence)
    assert verdict.findings == []
    assert verdict.records["on the ground"] > 500
    assert sum(verdict.records.values()) == sum(evidence.following.values())
    assert sum(verdict.commands.values()) == len(evidence.asked)
    assert verdict.files["on the ground"] >= 5
    assert sum(verdict.files.values()) == len(evidence.files)
    # What the ground has acknowledged is gone on board, so that the ground's copy was what counted.
    assert any(len(evidence.held[stream]) < len(evidence.committed[stream]) for stream in evidence.held)


@pytest.mark.requirement("L2.6", "L3.6")
def test_a_cold_start_loses_no_record_and_every_command_has_an_outcome() -> None:
    """Three replicas forget all that they had: what waited in the schedule is told to be unknown."""
    evidence, rough = rough_passes.fly(seed=4, hours=3.0, replicas=3, cold=True)
    assert rough["cold_starts"] == 1
    verdict = check(evidence)
    assert verdict.findings == []
    assert verdict.commands["unknown"] == 1


def _manner(seed: int) -> dict[str, Any]:
    """Every fourth with a store on the ground, every third with three replicas on board, every seventh with a
    cold start.
    """
    return {"stored": seed % 4 == 0, "replicas": 3 if seed % 3 == 0 else 1, "cold": seed % 7 == 0}


@pytest.mark.long
@pytest.mark.requirement("L2.4", "L2.6", "L3.4")
def test_a_thousand_rough_passes_lose_nothing_and_repeat_nothing() -> None:
    """Half days, each by a seed of its own, until there are as many passes as asked for."""
    passes = seed = 0
    while passes < PASSES_OF_PROOF:
        seed += 1
        evidence, rough = rough_passes.fly(seed=seed, hours=12.0, **_manner(seed))
        verdict = check(evidence)
        print(
            f"seed {seed}: {rough} {dict(verdict.records)} {dict(verdict.files)} {dict(verdict.commands)}",
            flush=True,
        )
        assert verdict.findings == [], f"rough_passes.fly({seed}, 12.0, **{_manner(seed)})"
        passes += rough["passes_heard"]


# --- what is planted --------------------------------------------------------------------------------------


def _frame(packet: bytes) -> bytes:
    """A TM frame of channel 1 with that packet alone, counted so that nothing before it is torn."""
    idle = FRAME - DATA_AT - TRAILER - len(packet) - 7
    filling = bytes([0x07, 0xFF, 0xC0, 0x00, *idle.to_bytes(2, "big"), *bytes(idle + 1)])
    body = bytes([0x15, 0xA3, 0, 0, 0x18, 0x00]) + packet + filling + bytes(4)
    return body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "big")


def _only_here(evidence: Evidence, stream: int) -> Iterator[tuple[int, bytes]]:
    """Records that the ground has and the satellite has not any more."""
    here = set(packets(evidence.frames))
    for number, record in sorted(evidence.committed[stream].items()):
        if record in here and number not in evidence.held[stream]:
            yield number, record


def _with_records(evidence: Evidence, records: set[bytes]) -> Evidence:
    """The evidence as if the ground's archive held exactly those records, each in a frame of its own."""
    return replace(evidence, frames=[_frame(record) for record in sorted(records)])


def _archive_loses_a_record(evidence: Evidence) -> Evidence:
    """One packet goes from the archive whose record the satellite has given up since."""
    _, lost = next(_only_here(evidence, HOUSEKEEPING))
    here = {one for one in packets(evidence.frames) if apid_of(one) in (101, 102) and sound(one)}
    return _with_records(evidence, here - {lost})


def _execution_repeated(evidence: Evidence) -> Evidence:
    again = replace(evidence.executions[3], tick=evidence.executions[3].tick + 40)
    return replace(evidence, executions=[*evidence.executions, again])


def _record_dropped(evidence: Evidence) -> Evidence:
    """Mass memory loses a record that nobody has acknowledged or named."""
    here = set(packets(evidence.frames))
    number = next(number for number, record in sorted(evidence.held[CRITICAL].items()) if record not in here)
    held = {number_: record for number_, record in evidence.held[CRITICAL].items() if number_ != number}
    return replace(evidence, held={**evidence.held, CRITICAL: held})


def _entry(evidence: Evidence, stream: int, number: int) -> bytes:
    """A record by which the ledger names one number."""
    event = next(one for one in evidence.committed[CRITICAL].values() if one[7] == 5)
    named = struct.pack(">HH4f", RECORDS_GIVEN_UP, 7, float(stream), 1.0, float(number), 1.0)
    body = event[:4] + (14 + len(named) + 2 - 1).to_bytes(2, "big") + event[6:20] + named
    return body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "big")


def _ledger_forged(evidence: Evidence) -> Evidence:
    """An entry that no flight software made: it names a record that was lost."""
    number, record = next(_only_here(evidence, CRITICAL))
    forged = _entry(evidence, CRITICAL, number)
    here = {one for one in packets(evidence.frames) if apid_of(one) in (101, 102) and sound(one)}
    return _with_records(evidence, here - {record} | {forged})


def _outcome_hidden(evidence: Evidence) -> Evidence:
    """The ground says of a completed command that it still waits for it."""
    index = _said(evidence, "completed").index
    hidden = replace(evidence.said[index], state="sent")
    return replace(evidence, said={**evidence.said, index: hidden})


def _event_never_recorded(evidence: Evidence) -> Evidence:
    """One more event was voted for than was ever committed."""
    return replace(evidence, events=[*evidence.events, evidence.events[len(evidence.events) // 2]])


def _file_dropped(evidence: Evidence) -> Evidence:
    """Mass memory loses a file that is nowhere else."""
    file = next(file for file in sorted(evidence.held_files) if file not in files_here(evidence.frames))
    return replace(
        evidence, held_files={id: octets for id, octets in evidence.held_files.items() if id != file}
    )


def _file_changed(evidence: Evidence) -> Evidence:
    """One bit of a file was another when it was sealed."""
    file = min(files_here(evidence.frames))
    octets = bytearray(evidence.files[file])
    octets[len(octets) // 2] ^= 1
    return replace(evidence, files={**evidence.files, file: bytes(octets)})


def _record_never_seen(evidence: Evidence) -> Evidence:
    """Of an event that the voted outputs tell."""
    return without(evidence, next(_only_here(evidence, CRITICAL))[0], CRITICAL)


def _command_forgotten(evidence: Evidence) -> Evidence:
    said = dict(evidence.said)
    del said[evidence.asked[0].index]
    return replace(evidence, said=said)


def _ledger_beyond_the_end(evidence: Evidence) -> Evidence:
    """The flight software commits an entry for a number that mass memory has not given yet."""
    number = evidence.following[CRITICAL]
    entry = _entry(evidence, HOUSEKEEPING, evidence.following[HOUSEKEEPING])
    return replace(
        evidence,
        committed={**evidence.committed, CRITICAL: {**evidence.committed[CRITICAL], number: entry}},
        following={**evidence.following, CRITICAL: number + 1},
        frames=[*evidence.frames, _frame(entry)],
    )


_UNUSED = 0x1FFF
"""Makes of a request id one that no command of so few has."""


def _said(evidence: Evidence, state: str) -> Asked:
    """The first command of that outcome that did not wait on board."""
    return next(one for one in evidence.asked if evidence.said[one.index].state == state and not one.tagged)


def _other_outcome(evidence: Evidence, one: Asked, said: Said) -> Evidence:
    return replace(evidence, said={**evidence.said, one.index: said})


def _execution_never_voted(evidence: Evidence) -> Evidence:
    """Mission control says completed, and no voted output did it."""
    value = _said(evidence, "completed").value
    return replace(evidence, executions=[one for one in evidence.executions if one.value != value])


def _execution_denied(evidence: Evidence) -> Evidence:
    """Mission control says expired, never radiated, of what was executed."""
    return _other_outcome(evidence, _said(evidence, "completed"), Said("expired", None, 0))


def _execution_by_nobody(evidence: Evidence) -> Evidence:
    """A value that nobody asked for."""
    stray = Execution(evidence.executions[0].tick + 7, max(one.value for one in evidence.asked) + 1)
    return replace(evidence, executions=[*evidence.executions, stray])


def _report_never_made(evidence: Evidence) -> Evidence:
    """Of what was executed under its request id no report was ever committed."""
    one = _said(evidence, "completed")
    said = evidence.said[one.index]
    return _other_outcome(evidence, one, replace(said, request_id=_UNUSED ^ (said.request_id or 0)))


def _file_never_sealed(evidence: Evidence) -> Evidence:
    """The ground has a file that no mass memory sealed."""
    file = min(files_here(evidence.frames))
    return replace(evidence, files={id: octets for id, octets in evidence.files.items() if id != file})


def _schedule_forgotten(evidence: Evidence) -> Evidence:
    """What waited on board for its time was dropped, and nobody was told."""
    one = _said(evidence, "completed")
    ran = next(other for other in evidence.executions if other.value == one.value)
    asked = [replace(other, due_tick=ran.tick) if other is one else other for other in evidence.asked]
    return replace(
        evidence, asked=asked, executions=[other for other in evidence.executions if other is not ran]
    )


def _left(evidence: Evidence, state: str, *, tagged: bool) -> Evidence:
    """Never executed and never reported, for as long as that is in order and a tick more."""
    one = _said(evidence, "completed")
    ran = next(other for other in evidence.executions if other.value == one.value)
    over = evidence.end_tick - evidence.settle_ticks - 1
    since = over - (evidence.patience_ticks if state == "sent" else 0)
    said = Said(state, _UNUSED ^ (evidence.said[one.index].request_id or 0), since)
    asked = [replace(other, due_tick=over) if tagged and other is one else other for other in evidence.asked]
    executions = [other for other in evidence.executions if other is not ran]
    return replace(_other_outcome(evidence, one, said), asked=asked, executions=executions)


def _entry_hidden(evidence: Evidence) -> Evidence:
    """A time-tagged command was entered, the ground has the report, and says that it is only accepted."""
    one = _said(evidence, "completed")
    due = evidence.end_tick + 1
    asked = [replace(other, due_tick=due) if other is one else other for other in evidence.asked]
    ran = [other for other in evidence.executions if other.value != one.value]
    said = replace(evidence.said[one.index], state="accepted")
    return replace(_other_outcome(evidence, one, said), asked=asked, executions=ran)


def _entry_untold(evidence: Evidence) -> Evidence:
    """It was entered and dropped; the report of its entry has not come for longer than is in order."""
    one = _said(evidence, "completed")
    request = evidence.said[one.index].request_id or 0
    records = {
        packet for packet in packets(evidence.frames) if apid_of(packet) in (101, 102) and sound(packet)
    }
    told = {one for one in records if request in ends_of([one])}
    held = {number: record for number, record in evidence.committed[CRITICAL].items() if record in told}
    left = _left(evidence, "accepted", tagged=True)
    since = left.said[one.index].since_tick - evidence.patience_ticks
    return replace(
        _other_outcome(left, one, Said("accepted", request, since)),
        frames=_with_records(evidence, records - told).frames,
        held={**evidence.held, CRITICAL: {**evidence.held[CRITICAL], **held}},
    )


@pytest.mark.requirement("L2.4", "L2.6", "L3.4")
@pytest.mark.parametrize(
    ("plant", "kinds"),
    [
        (_archive_loses_a_record, {"record unaccounted for"}),
        (_execution_repeated, {"executed twice"}),
        (_record_dropped, {"record unaccounted for"}),
        (_ledger_forged, {"never committed", "record unaccounted for"}),
        (_outcome_hidden, {"outcome hidden"}),
        (_record_never_seen, {"never committed", "number without a record", "event never recorded"}),
        (_command_forgotten, {"no outcome"}),
        (_event_never_recorded, {"event never recorded"}),
        (_file_dropped, {"file unaccounted for"}),
        (_file_changed, {"file is not what it was"}),
        (_file_never_sealed, {"never sealed"}),
        (_ledger_beyond_the_end, {"ledger names nothing"}),
        (_execution_never_voted, {"said to be executed, and was not"}),
        (_execution_denied, {"executed, and said not to be"}),
        (_execution_by_nobody, {"executed and never asked for"}),
        (_report_never_made, {"outcome never recorded"}),
        (_schedule_forgotten, {"left open"}),
        *((partial(_left, state=state, tagged=False), {"left open"}) for state in ON_ITS_WAY),
        *((partial(_left, state=state, tagged=True), {"left open"}) for state in ON_ITS_WAY),
        (_entry_hidden, {"outcome hidden"}),
        (_entry_untold, {"left open"}),
    ],
)
def test_what_is_planted_is_found(
    flown: tuple[Evidence, dict[str, int]], plant: Callable[[Evidence], Evidence], kinds: set[str]
) -> None:
    verdict = check(plant(flown[0]))
    assert {finding.kind for finding in verdict.findings} == kinds
    assert len(verdict.findings) == len(kinds)


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("state", ON_ITS_WAY)
def test_what_has_not_waited_too_long_is_not_found(
    flown: tuple[Evidence, dict[str, int]], state: str
) -> None:
    left = _left(flown[0], state, tagged=False)
    fresh = {
        index: replace(said, since_tick=said.since_tick + 1) if said.state == state else said
        for index, said in left.said.items()
    }
    assert check(replace(left, said=fresh)).findings == []


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("late_ticks", [0, 1])
def test_what_is_in_the_schedule_is_left_open_only_once_its_time_is_over(
    flown: tuple[Evidence, dict[str, int]], late_ticks: int
) -> None:
    """It went up long ago; the ground knows of its entry, or does not yet."""
    for plant in (partial(_left, state="completed", tagged=True), _entry_untold):
        left = plant(flown[0])
        settled_tick = left.end_tick - left.settle_ticks
        asked = [
            replace(one, due_tick=settled_tick - late_ticks) if one.tagged else one for one in left.asked
        ]
        kinds = {finding.kind for finding in check(replace(left, asked=asked)).findings}
        assert kinds == ({"left open"} if late_ticks else set())


# --- records that are gone in the middle of a stream ------------------------------------------------------


@pytest.mark.requirement("L2.4", "L2.6", "L3.6")
def test_records_torn_in_mid_stream_are_in_the_ledger_once() -> None:
    """What a start finds torn is named at once, and named again when playback passes over its numbers: the
    ground's ledger has each of them once, under the first reason.
    """
    flight = rough_passes.WitnessedFlight(
        rough_passes.calm(seed=4, hours=2.5), random.Random(4), 0.0, MemoryStore()
    )
    torn: dict[str, list[int]] = {"critical": [], "housekeeping": []}
    try:
        for hour in (0.3, 0.9):
            flight.advance(round(hour * 7200))
            for stream, name, count in ((CRITICAL, "critical", 3), (HOUSEKEEPING, "housekeeping", 2)):
                first = flight.computer.record_range(stream)[1]
                torn[name] += range(first, first + count)
                flight.computer.lose_records(stream, count)
        flight.advance(flight.end_tick)
        evidence = flight.evidence()
        results = flight.ground.results()["records"]
    finally:
        flight.close()
    verdict = check(evidence)
    assert verdict.findings == []
    assert verdict.records["named in the ledger"] == 10
    named = Counter(
        number
        for event, values in evidence.events
        if event == RECORDS_GIVEN_UP and values[0] == CRITICAL
        for number in range(int(values[2]), int(values[2] + values[3]))
    )
    assert all(named[number] == 2 for number in torn["critical"]), "the holes were found twice"
    in_ledger: dict[str, list[int]] = {name: [] for name in torn}
    for one in results["ledger"]:
        assert one["reason"] == "volatile"
        in_ledger[one["stream"]] += range(one["first"], one["first"] + one["count"])
    assert {name: sorted(numbers) for name, numbers in in_ledger.items()} == torn
