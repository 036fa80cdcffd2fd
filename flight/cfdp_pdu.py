"""Protocol data units of CFDP, class 2 (CCSDS 727.0-B), in the profile of docs/wire.md: entity identifiers of
one octet, transaction sequence numbers of four, a CRC in every PDU, no large files, no
segmentation control.

Everything that comes over the link is hostile: a PDU that does not fit is refused with a `PduError` that
names the reason, under which the receiver counts it.
"""

from __future__ import annotations

import enum
import re
import struct
from dataclasses import dataclass

from flight.frames import crc16

FILE_APID = 110
SATELLITE = 1
GROUND = 2
FILE_OCTETS_MAX = 8 * 1024 * 1024
"""The longest file that either side takes."""
FILE_NUMBER_MAX = 0x3F_FFFF
"""A folder's files are numbered from 1 on."""
SEGMENT_UP = 192
"""Octets of a file in one PDU: a packet of the uplink holds 218 altogether."""
PDU_OCTETS_MAX = 1018
"""The longest PDU of either direction: a packet of the downlink less its header."""
NAK_UP_MAX = 23
"""Segment requests that fit a PDU of the uplink."""
SEQUENCE_MAX = 0xFFFFFFFF

_HEADER = struct.Struct(">BHBBIB")
_FIXED = 0b001 << 5
_RECEIVER_TO_SENDER = 1 << 3
_UNACKNOWLEDGED = 1 << 2
_WITH_CRC = 1 << 1
_LARGE = 1
_WIDTHS = 0 << 4 | 3
_FAULT_LOCATION = 6
_NAME = re.compile(rb"(science|blackbox|upload)/([0-9]{4,8})")


class Directive(enum.IntEnum):
    """File directive codes."""

    EOF = 4
    FINISHED = 5
    ACK = 6
    METADATA = 7
    NAK = 8
    PROMPT = 9
    KEEP_ALIVE = 12


class Condition(enum.IntEnum):
    """Condition codes."""

    NO_ERROR = 0
    ACK_LIMIT = 1
    KEEP_ALIVE_LIMIT = 2
    MODE = 3
    FILESTORE_REJECTION = 4
    CHECKSUM_FAILURE = 5
    SIZE_ERROR = 6
    NAK_LIMIT = 7
    INACTIVITY = 8
    FILE_STRUCTURE = 9
    CHECK_LIMIT = 10
    CHECKSUM_UNSUPPORTED = 11
    SUSPENDED = 14
    CANCELLED = 15


class ChecksumType(enum.IntEnum):
    """Checksum types of the SANA registry that this project computes."""

    MODULAR = 0
    CRC_32 = 3


_NOT_LOCATED = (Condition.NO_ERROR, Condition.CHECKSUM_UNSUPPORTED)


class PduError(ValueError):
    """A PDU that is not taken; `reason` is the name under which it is counted."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Metadata:
    """What file comes: its size, its names at both ends, how its checksum is computed."""

    size: int
    source_name: str
    destination_name: str
    checksum_type: int = ChecksumType.CRC_32


@dataclass(frozen=True, slots=True)
class FileData:
    """Octets of the file from `offset` on."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Eof:
    """The sender has sent all, or gives up (a condition other than NO_ERROR)."""

    checksum: int
    size: int
    condition: int = Condition.NO_ERROR


@dataclass(frozen=True, slots=True)
class Finished:
    """The receiver has the file whole (`complete`), or gives up; `by_source`: because the sender did."""

    complete: bool
    condition: int = Condition.NO_ERROR
    by_source: bool = False


@dataclass(frozen=True, slots=True)
class Ack:
    """Acknowledges an EOF or a Finished. Status: 0 undefined, 1 active, 2 terminated, 3 unrecognised."""

    directive: int
    condition: int = Condition.NO_ERROR
    status: int = 1


@dataclass(frozen=True, slots=True)
class Nak:
    """The segments that are missing within a scope; (0, 0) asks for the metadata."""

    start: int
    end: int
    requests: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """Asks the receiver for a NAK now, or for a Keep Alive."""

    keep_alive: bool = False


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """How far the receiver has come."""

    progress: int


Body = Metadata | FileData | Eof | Finished | Ack | Nak | Prompt | KeepAlive


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU of a transaction, which its source and sequence number identify."""

    source: int
    sequence: int
    destination: int
    body: Body

    @property
    def toward_sender(self) -> bool:
        """Whether it goes from the file's receiver to its sender."""
        return _toward_sender(self.body)


def _toward_sender(body: Body) -> bool:
    if isinstance(body, Ack):
        return body.directive == Directive.EOF
    return isinstance(body, Finished | Nak | KeepAlive)


def file_name(folder: str, number: int) -> str:
    """`science/0007` of ("science", 7)."""
    return f"{folder}/{number:04d}"


def read_name(name: str) -> tuple[str, int]:
    """("science", 7) of `science/0007`; raises PduError `name` for any but the satellite's names."""
    match = _NAME.fullmatch(name.encode("utf-8", "surrogateescape"))
    if match is None:
        raise PduError("name", "not a name of the satellite's files")
    folder, number = match[1].decode(), int(match[2])
    if not 0 < number <= FILE_NUMBER_MAX or name != file_name(folder, number):
        raise PduError("name", "not the number of a file, or with more zeros than it has")
    return folder, number


def encode_pdu(pdu: Pdu) -> bytes:
    """The octets of a PDU."""
    body = pdu.body
    data = _FILE_DATA.pack(body.offset) + body.data if isinstance(body, FileData) else _directive(pdu)
    first = _FIXED | _WITH_CRC
    if isinstance(body, FileData):
        first |= 1 << 4
    if pdu.toward_sender:
        first |= _RECEIVER_TO_SENDER
    octets = _HEADER.pack(first, len(data) + 2, _WIDTHS, pdu.source, pdu.sequence, pdu.destination) + data
    return octets + crc16(octets).to_bytes(2, "big")


_FILE_DATA = struct.Struct(">I")
_METADATA = struct.Struct(">BI")
_EOF = struct.Struct(">BII")
_SCOPE = struct.Struct(">II")


def _directive(pdu: Pdu) -> bytes:
    match body := pdu.body:
        case Metadata():
            return (
                bytes([Directive.METADATA])
                + _METADATA.pack(body.checksum_type, body.size)
                + _name_value(body.source_name)
                + _name_value(body.destination_name)
            )
        case Eof():
            return (
                bytes([Directive.EOF])
                + _EOF.pack(body.condition << 4, body.checksum, body.size)
                + _fault_location(body.condition, pdu.source)
            )
        case Finished():
            status = body.condition << 4 | (not body.complete) << 2 | _file_status(body)
            entity = pdu.source if body.by_source else pdu.destination
            return bytes([Directive.FINISHED, status]) + _fault_location(body.condition, entity)
        case Ack():
            subtype = 1 if body.directive == Directive.FINISHED else 0
            return bytes([Directive.ACK, body.directive << 4 | subtype, body.condition << 4 | body.status])
        case Nak():
            pairs = ((body.start, body.end), *body.requests)
            return bytes([Directive.NAK]) + b"".join(_SCOPE.pack(*pair) for pair in pairs)
        case Prompt():
            return bytes([Directive.PROMPT, body.keep_alive << 7])
        case KeepAlive():
            return bytes([Directive.KEEP_ALIVE]) + _FILE_DATA.pack(body.progress)
        case FileData():
            raise TypeError("file data is no directive")


def _name_value(name: str) -> bytes:
    octets = name.encode("utf-8", "surrogateescape")
    return bytes([len(octets)]) + octets


def _file_status(body: Finished) -> int:
    """2 retained, 1 discarded because it could not be kept, 0 discarded deliberately."""
    return 2 if body.complete else 1 if body.condition == Condition.FILESTORE_REJECTION else 0


def _fault_location(condition: int, entity: int) -> bytes:
    """Where a fault was found, or who has cancelled."""
    return bytes([_FAULT_LOCATION, 1, entity]) if condition not in _NOT_LOCATED else b""


def _is_by_source(data: bytes, source: int) -> bool:
    """Whether a Finished names the sender; responses to filestore requests may stand before that."""
    at = 1
    while at + 3 <= len(data) and data[at] != _FAULT_LOCATION:
        at += 2 + data[at + 1]
    return data[0] >> 4 not in _NOT_LOCATED and data[at : at + 3] == bytes([_FAULT_LOCATION, 1, source])


def decode_pdu(octets: bytes) -> Pdu:
    """Reads a PDU.

    Raises PduError with reason `length`, `version`, `crc` (wrong or absent), `mode` (class 1), `large` (a
    large file), `format` (other widths), `directive` (unknown), `direction` (the wrong way), `fields`
    (values that cannot be) or `truncated`.
    """
    if not _HEADER.size + 3 <= len(octets) <= PDU_OCTETS_MAX:
        raise PduError("length", f"{len(octets)} octets")
    first, length, widths, source, sequence, destination = _HEADER.unpack_from(octets)
    if first >> 5 != 1:
        raise PduError("version", f"version {first >> 5}")
    if widths != _WIDTHS:
        raise PduError("format", f"widths of the identifiers 0x{widths:02X}")
    if len(octets) != _HEADER.size + length:
        raise PduError("length", f"{length} octets announced, {len(octets) - _HEADER.size} came")
    if not first & _WITH_CRC or crc16(octets) != 0:
        raise PduError("crc", "the CRC is absent or does not fit")
    if first & _UNACKNOWLEDGED:
        raise PduError("mode", "an unacknowledged transmission")
    if first & _LARGE:
        raise PduError("large", "a large file")
    data = bytes(octets[_HEADER.size : -2])
    body = _read_file_data(data) if first & 1 << 4 else _read_directive(data, source)
    if bool(first & _RECEIVER_TO_SENDER) != _toward_sender(body):
        raise PduError("direction", f"{type(body).__name__} in the wrong direction")
    return Pdu(source, sequence, destination, body)


def _read_file_data(data: bytes) -> FileData:
    if len(data) <= _FILE_DATA.size:
        raise PduError("truncated", "no file data")
    return FileData(_FILE_DATA.unpack_from(data)[0], data[_FILE_DATA.size :])


_LENGTHS = {
    Directive.EOF: (9, 9 + 10),
    Directive.FINISHED: (1, 256),
    Directive.ACK: (2, 2),
    Directive.METADATA: (7, 1024),
    Directive.NAK: (8, 1024),
    Directive.PROMPT: (1, 1),
    Directive.KEEP_ALIVE: (4, 4),
}


def _read_directive(data: bytes, source: int) -> Body:
    try:
        code = Directive(data[0])
    except ValueError:
        raise PduError("directive", f"directive {data[0]}") from None
    data = data[1:]
    shortest, longest = _LENGTHS[code]
    if not shortest <= len(data) <= longest:
        raise PduError("truncated", f"{len(data)} octets of {code.name}")
    match code:
        case Directive.EOF:
            condition, checksum, size = _EOF.unpack_from(data)
            return Eof(checksum, size, condition >> 4)
        case Directive.FINISHED:
            return Finished(not data[0] >> 2 & 1, data[0] >> 4, _is_by_source(data, source))
        case Directive.ACK:
            directive, subtype = data[0] >> 4, data[0] & 15
            if (directive, subtype) not in ((Directive.EOF, 0), (Directive.FINISHED, 1)):
                raise PduError("fields", f"acknowledges directive {directive}, {subtype}")
            return Ack(directive, data[1] >> 4, data[1] & 3)
        case Directive.METADATA:
            return _read_metadata(data)
        case Directive.NAK:
            return _read_nak(data)
        case Directive.PROMPT:
            return Prompt(bool(data[0] >> 7))
        case Directive.KEEP_ALIVE:
            return KeepAlive(_FILE_DATA.unpack(data)[0])


def _read_metadata(data: bytes) -> Metadata:
    flags, size = _METADATA.unpack_from(data)
    names, at = [], _METADATA.size
    for _ in range(2):
        if at >= len(data) or at + 1 + data[at] > len(data):
            raise PduError("truncated", "a name ends beyond the metadata")
        names.append(data[at + 1 : at + 1 + data[at]].decode("utf-8", "surrogateescape"))
        at += 1 + data[at]
    return Metadata(size, names[0], names[1], flags & 15)  # closure means nothing in this mode


def _read_nak(data: bytes) -> Nak:
    if len(data) % _SCOPE.size:
        raise PduError("truncated", f"{len(data)} octets are no whole segment requests")
    (start, end), *requests = _SCOPE.iter_unpack(data)
    for first, last in requests:
        if not (first < last or first == last == 0):
            raise PduError("fields", f"a request from {first} to {last}")
    return Nak(start, end, tuple((first, last) for first, last in requests))
