"""An independent checker: is every committed record accounted for, and was no command executed twice?

It is written from docs/wire.md and shares no code with `flight`, `ground` and `native`: it has a reader of
frames and packets of its own, and believes no counter, receiver or FOP-1. It compares

    what mass memory was seen to take            with    what the ground's frames hold, to the octet
    (records, and files that were sealed),               and what the loss ledger names
    what it still holds at the end
    what was given up for want of room           with    the quotas: only what was oldest, only when full
    events seen in the voted outputs             with    what mass memory was seen to take
    executions seen in the voted outputs         with    what was asked for, and what the ground says of it
"""

from __future__ import annotations

import binascii
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

CRITICAL, HOUSEKEEPING = 0, 2
APIDS = {101: CRITICAL, 102: HOUSEKEEPING}
FILES_APID = 110
RECORDS_GIVEN_UP, FILE_REMOVED, COMPUTER_RESET = 200, 233, 100
SATELLITE, METADATA, FILE_ID = 1, 7, 0xFF_FFFF
QUOTA = 0  # the ledger's reason for the oldest of a stream that is nearly full
RECORD_HEAD = 16  # octets that a record takes in mass memory besides its own
WITHOUT_NUMBER = 4  # the ledger's reason for records that never had one
SCHEDULED = 1 << 13  # in the request id of a time-tagged telecommand
NEVER_EXECUTED = ("queued", "expired", "cancelled", "rejected")
EXECUTED = ("completed", "executed")
ON_ITS_WAY = ("sent", "accepted", "started")
STATES = (*NEVER_EXECUTED, *EXECUTED, *ON_ITS_WAY, "failed", "interrupted", "unknown")

_FRAME, _HEADER, _TRAILER = 1115, 6, 6
_NO_START, _ONLY_IDLE, _IDLE_APID = 0x7FF, 0x7FE, 0x7FF
_PRIMARY, _SECONDARY, _PACKET_CRC = 6, 14, 2


@dataclass(frozen=True, slots=True)
class Asked:
    """A telecommand as the ground was asked for it: it gives the setting a value that no other gives it.

    `due_tick`: in which control tick a time-tagged one is to be executed.
    """

    index: int
    value: int
    due_tick: int | None = None

    @property
    def tagged(self) -> bool:
        """Whether it waits on board for its time."""
        return self.due_tick is not None


@dataclass(frozen=True, slots=True)
class Said:
    """What the ground says became of it; `since_tick`: when it went up, or was last reported on its way."""

    state: str
    request_id: int | None
    since_tick: int


@dataclass(frozen=True, slots=True)
class Execution:
    """The setting's value as the voted outputs told it in a control tick."""

    tick: int
    value: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the checker is given. `committed`: by stream and number, as mass memory was seen to take them.
    `following`: by stream, the number after the last that was given. `held`: what mass memory holds at the
    end. `frames`: those that the ground holds, in their order. `end_tick`: of the run; an execution in the
    last `settle_ticks` may still lack its report; what should have been executed before them and was not must
    have an outcome, or its report be on its way. What went up and was never heard of may go up again for
    `patience_ticks`. `events`: those of the voted outputs, each with its
    arguments. `quotas`: octets that a stream may hold, and `fullest` the most that it was seen to hold;
    a record takes 16 more than it has. `files`: by id, as they were when they were seen sealed,
    and `held_files` at the end.
    """

    committed: dict[int, dict[int, bytes]]
    following: dict[int, int]
    held: dict[int, dict[int, bytes]]
    frames: list[bytes]
    asked: list[Asked]
    executions: list[Execution]
    said: dict[int, Said]
    end_tick: int
    settle_ticks: int
    patience_ticks: int
    events: list[tuple[int, tuple[float, ...]]]
    quotas: dict[int, int]
    fullest: dict[int, int]
    files: dict[int, bytes]
    held_files: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be: its kind, and which record or command."""

    kind: str
    what: str


@dataclass(slots=True)
class Verdict:
    """What was found, and how much was looked at."""

    findings: list[Finding] = field(default_factory=list)
    records: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)

    def find(self, kind: str, what: str) -> None:
        """Notes a finding."""
        self.findings.append(Finding(kind, what))


def sound(octets: bytes) -> bool:
    """Whether octets end in the CRC-16-CCITT over those before."""
    return len(octets) > 2 and binascii.crc_hqx(octets[:-2], 0xFFFF) == int.from_bytes(octets[-2:], "big")


def packets(frames: Iterable[bytes]) -> Iterator[bytes]:
    """The packets of TM frames, idle ones left out; what a missing frame tears is dropped."""
    counts: dict[int, int] = {}
    open_packets: dict[int, bytearray | None] = {}
    for frame in frames:
        if len(frame) != _FRAME or not sound(frame):
            continue
        channel, pointer = frame[1] >> 1 & 7, int.from_bytes(frame[4:6], "big") & 0x7FF
        if counts.get(channel) != (frame[3] - 1) % 256:
            open_packets[channel] = None
        counts[channel] = frame[3]
        data = frame[_HEADER : _FRAME - _TRAILER]
        partial = open_packets.get(channel)
        if pointer == _ONLY_IDLE:
            open_packets[channel] = None
            continue
        if pointer != _NO_START:
            # What a packet left over ends where the first header is, whatever the count says after a wrap.
            if partial is not None:
                yield from _whole(partial + data[:pointer])
            partial, data = bytearray(), data[pointer:]
        elif partial is None:
            continue
        partial += data
        yield from _whole(partial)
        open_packets[channel] = partial


def _whole(octets: bytearray) -> Iterator[bytes]:
    """Takes the whole packets away from the front of some octets."""
    while len(octets) >= _PRIMARY:
        length = 7 + int.from_bytes(octets[4:6], "big")
        if len(octets) < length:
            break
        if apid_of(octets) != _IDLE_APID:
            yield bytes(octets[:length])
        del octets[:length]


def files_here(frames: Iterable[bytes]) -> dict[int, tuple[str, bytes]]:
    """By id, name and octets of the files that these frames hold whole."""
    names, parts = pieces_here(frames)
    whole = {}
    for file, (name, size) in names.items():
        octets = bytearray()
        for offset, part in sorted(parts.get(file, {}).items()):
            if offset > len(octets):
                break
            octets[offset : offset + len(part)] = part
        if len(octets) == size:
            whole[file] = (name, bytes(octets))
    return whole


def pieces_here(
    frames: Iterable[bytes],
) -> tuple[dict[int, tuple[str, int]], dict[int, dict[int, bytes]]]:
    """By id, name and size of the files that these frames announce, and what they bring, by offset."""
    names: dict[int, tuple[str, int]] = {}
    parts: dict[int, dict[int, bytes]] = {}
    for packet in packets(frames):
        pdu = packet[_PRIMARY:]
        if apid_of(packet) != FILES_APID or len(pdu) < 13 or not sound(pdu):
            continue
        if pdu[4] != SATELLITE or pdu[0] & 0x08:
            continue  # of a file that goes up
        file, data = int.from_bytes(pdu[5:9], "big") & FILE_ID, pdu[10:-2]
        if pdu[0] & 0x10:
            known, offset = parts.setdefault(file, {}), int.from_bytes(data[:4], "big")
            known[offset] = max(known.get(offset, b""), data[4:], key=len)  # a repeat may be shorter
        elif data[0] == METADATA:
            size, length = int.from_bytes(data[2:6], "big"), data[6]
            names[file] = data[7 : 7 + length].decode("ascii"), size
    return names, parts


def apid_of(packet: bytes | bytearray) -> int:
    """The application of a packet."""
    return int.from_bytes(packet[:2], "big") & 0x7FF


def service_of(packet: bytes) -> tuple[int, int]:
    """Service and subtype of a telemetry packet."""
    return packet[_PRIMARY + 1], packet[_PRIMARY + 2]


def data_of(packet: bytes) -> bytes:
    """What a telemetry packet says, without headers and packet error control."""
    return packet[_PRIMARY + _SECONDARY : -_PACKET_CRC]


def ends_of(records: Iterable[bytes]) -> set[int]:
    """Request ids whose end some of these packets report: refused, not started, completed or failed."""
    return {
        int.from_bytes(data_of(one)[:4], "big")
        for one in records
        if service_of(one) in ((1, 2), (1, 4), (1, 7), (1, 8))
    }


def cold_starts_of(records: Iterable[bytes]) -> set[bytes]:
    """Those of these packets that tell that the computer forgot everything: its schedule too."""
    return {
        one
        for one in records
        if service_of(one)[0] == 5
        and int.from_bytes(data_of(one)[:2], "big") == COMPUTER_RESET
        and struct.unpack(">4f", data_of(one)[4:20])[2] == 0.0
    }


def named_in(records: Iterable[bytes]) -> Iterator[tuple[int, int, int, int]]:
    """Of the loss ledger's entries among these packets: stream, reason, first number, how many."""
    for one in records:
        service, data = service_of(one), data_of(one)
        if service[0] != 5 or service[1] > 4 or int.from_bytes(data[:2], "big") != RECORDS_GIVEN_UP:
            continue
        stream, reason, first, count = (int(value) for value in struct.unpack(">4f", data[4:20]))
        if reason != WITHOUT_NUMBER:
            yield stream, reason, first, count


def check(evidence: Evidence) -> Verdict:
    """Everything that must not be; no findings is the proof."""
    verdict = Verdict()
    here: set[bytes] = set()
    for packet in packets(evidence.frames):
        if apid_of(packet) in APIDS and sound(packet):
            here.add(packet)
    _check_records(evidence, here, verdict)
    _check_quotas(evidence, here, verdict)
    _check_events(evidence, verdict)
    _check_commands(evidence, here, verdict)
    _check_files(evidence, here, verdict)
    return verdict


def _check_records(evidence: Evidence, here: set[bytes], verdict: Verdict) -> None:
    known = {record for records in evidence.committed.values() for record in records.values()}
    for packet in here - known:
        count = int.from_bytes(packet[2:4], "big") & 0x3FFF
        verdict.find("never committed", f"the ground has APID {apid_of(packet)} count {count}")
    held_critical = set(evidence.held[CRITICAL].values())
    named: dict[int, set[int]] = {stream: set() for stream in evidence.committed}
    for stream, _reason, first, count in named_in(known & (here | held_critical)):
        if stream not in named:
            continue  # a stream of files
        if first < 0 or count <= 0 or first + count > evidence.following[stream]:
            verdict.find("ledger names nothing", f"stream {stream}: {count} from {first}")
            continue
        named[stream].update(range(first, first + count))
    for stream, records in evidence.committed.items():
        held = evidence.held[stream]
        for number in range(evidence.following[stream]):
            record = records.get(number)
            if record is not None and record in here:
                verdict.records["on the ground"] += 1
            elif record is not None and held.get(number) == record:
                verdict.records["held on board"] += 1
            elif number in named[stream]:
                verdict.records["named in the ledger"] += 1
            elif record is None:
                verdict.find("number without a record", f"stream {stream}: {number}")
            else:
                verdict.find("record unaccounted for", f"stream {stream}: {number}")


def _check_quotas(evidence: Evidence, here: set[bytes], verdict: Verdict) -> None:
    """What is given up for want of room is the oldest of its stream, and only when there is no room."""
    for stream, quota in evidence.quotas.items():
        if evidence.fullest[stream] > quota:
            verdict.find("quota exceeded", f"stream {stream}: {evidence.fullest[stream]} of {quota} octets")
    known = {record for records in evidence.committed.values() for record in records.values()}
    entries = named_in(known & (here | set(evidence.held[CRITICAL].values())))
    given_up = sorted({(stream, first + count) for stream, why, first, count in entries if why == QUOTA})
    place = dict.fromkeys(evidence.quotas, 0)
    for stream, until in given_up:
        if stream not in evidence.quotas:
            continue  # of files
        what = f"stream {stream}: below {until}"
        records = evidence.committed[stream]
        if any(number < until for number in evidence.held[stream]):
            verdict.find("given up and still held", what)
        octets = sum(
            len(record) + RECORD_HEAD for number, record in records.items() if number >= place[stream]
        )
        if octets <= evidence.quotas[stream] - evidence.quotas[stream] // 16:
            verdict.find("given up without need", what)
        place[stream] = until


def _check_events(evidence: Evidence, verdict: Verdict) -> None:
    """Whatever the voted outputs tell is recorded, as often as they tell it."""
    recorded = Counter(
        data_of(one)[:2] + data_of(one)[4:]
        for one in evidence.committed[CRITICAL].values()
        if service_of(one)[0] == 5
    )
    told = Counter(struct.pack(f">H{len(values)}f", event, *values) for event, values in evidence.events)
    for event, times in (told - recorded).items():
        verdict.find("event never recorded", f"event {int.from_bytes(event[:2], 'big')}, {times} times")


def _check_files(evidence: Evidence, here: set[bytes], verdict: Verdict) -> None:
    whole = files_here(evidence.frames)
    named = {
        int(struct.unpack(">2f", data_of(one)[4:12])[0])
        for one in here | set(evidence.held[CRITICAL].values())
        if service_of(one)[0] == 5 and int.from_bytes(data_of(one)[:2], "big") == FILE_REMOVED
    }
    for file in whole.keys() - evidence.files.keys():
        verdict.find("never sealed", f"the ground has file {file}")
    for file, octets in evidence.files.items():
        if file in whole and whole[file][1] != octets:
            verdict.find("file is not what it was", f"file {file}, {whole[file][0]}")
        elif file in whole:
            verdict.files["on the ground"] += 1
        elif evidence.held_files.get(file) == octets:
            verdict.files["held on board"] += 1
        elif file in named:
            verdict.files["named as removed"] += 1
        else:
            verdict.find("file unaccounted for", f"file {file}, {len(octets)} octets")


def _check_commands(evidence: Evidence, here: set[bytes], verdict: Verdict) -> None:
    runs = Counter(one.value for one in evidence.executions)
    last = {one.value: one.tick for one in evidence.executions}
    asked = {one.value: one for one in evidence.asked}
    settled_tick = evidence.end_tick - evidence.settle_ticks
    for value, times in runs.items():
        if value not in asked:
            verdict.find("executed and never asked for", f"value {value}")
        elif times > 1:
            verdict.find("executed twice", f"command {asked[value].index}, {times} times")
    reported = ends_of(here)
    recorded = ends_of(evidence.committed[CRITICAL].values())
    to_be_told = cold_starts_of(evidence.committed[CRITICAL].values()) - cold_starts_of(here)
    for one in evidence.asked:
        said, ran = evidence.said.get(one.index), runs[one.value] > 0
        name = f"command {one.index}"
        if said is None or said.state not in STATES:
            verdict.find("no outcome", name)
            continue
        verdict.commands[said.state] += 1
        if ran and said.state in NEVER_EXECUTED:
            verdict.find("executed, and said not to be", f"{name} is {said.state}")
        done = said.state == "executed" if one.tagged else said.state in EXECUTED
        if not ran and done:
            verdict.find("said to be executed, and was not", name)
        if said.request_id is None:
            continue
        request = said.request_id | SCHEDULED if one.tagged else said.request_id
        waiting = (*ON_ITS_WAY, *(("completed",) if one.tagged else ()))
        hidden = said.state in ("unknown", *waiting) and request in reported
        if hidden or (said.state in ON_ITS_WAY and said.request_id in reported):
            verdict.find(
                "outcome hidden", f"{name} is {said.state}, and the ground has the report of its end"
            )
        settled = ran and last[one.value] < settled_tick
        if settled and request not in recorded:
            verdict.find("outcome never recorded", name)
        in_vain = said.state in waiting and not ran and request not in recorded and not to_be_told
        if in_vain and (by := _end_by(evidence, one, said, recorded)) < settled_tick:
            verdict.find("left open", f"{name} is {said.state}, and was to have an end by tick {by}")


def _end_by(evidence: Evidence, one: Asked, said: Said, recorded: set[int]) -> int:
    """By when what the ground waits for should have ended: at its time if it was entered into the schedule,
    else at once if it was taken; and what was not, or what nobody has told the ground of, in some passes.
    """
    entered = one.due_tick is not None and said.request_id in recorded
    if said.state == "completed":
        return one.due_tick or 0
    by = said.since_tick + (evidence.patience_ticks if said.state == "sent" or entered else 0)
    return max(by, one.due_tick or 0) if entered else by


def without(evidence: Evidence, number: int, stream: int) -> Evidence:
    """The evidence as if mass memory had been seen to take one record less."""
    committed = {**evidence.committed, stream: dict(evidence.committed[stream])}
    del committed[stream][number]
    return replace(evidence, committed=committed)
