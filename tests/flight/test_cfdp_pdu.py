"""PDUs of CFDP against `spacepackets`, an independent implementation, in both directions; and hostile octets,
each of which must be refused under its reason.
"""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.cfdp import (
    ChecksumType,
    ConditionCode,
    CrcFlag,
    DeliveryCode,
    Direction,
    FileStatus,
    PduConfig,
    TransmissionMode,
)
from spacepackets.cfdp.pdu import (
    AckPdu,
    DirectiveType,
    EofPdu,
    FileDataPdu,
    FinishedPdu,
    KeepAlivePdu,
    MetadataParams,
    MetadataPdu,
    NakPdu,
    PromptPdu,
    TransactionStatus,
)
from spacepackets.cfdp.pdu.file_data import FileDataParams
from spacepackets.cfdp.pdu.finished import FinishedParams
from spacepackets.cfdp.pdu.prompt import ResponseRequired
from spacepackets.util import ByteFieldU8, ByteFieldU32

from flight import cfdp_pdu
from flight.cfdp_checksum import checksum, modular
from flight.cfdp_pdu import (
    Ack,
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
    read_name,
)
from flight.frames import crc16

pytestmark = pytest.mark.requirement("L2.2")

SEQUENCE = 0x01020304


def _config() -> PduConfig:
    return PduConfig(
        source_entity_id=ByteFieldU8(1),
        dest_entity_id=ByteFieldU8(2),
        transaction_seq_num=ByteFieldU32(SEQUENCE),
        trans_mode=TransmissionMode.ACKNOWLEDGED,
        crc_flag=CrcFlag.WITH_CRC,
        direction=Direction.TOWARDS_RECEIVER,
    )


def _theirs() -> list[tuple[cfdp_pdu.Body, bytes]]:
    c = _config
    name = "science/0007"
    pairs = ((0, 0), (992, 1984), (4000, 5000))
    metadata = MetadataParams(False, ChecksumType.CRC_32, 65536, name, name)
    whole = FinishedParams(ConditionCode.NO_ERROR, DeliveryCode.DATA_COMPLETE, FileStatus.FILE_RETAINED)
    ack = TransactionStatus
    return [
        (Metadata(65536, name, name), MetadataPdu(c(), metadata).pack()),
        (FileData(1984, b"octets"), FileDataPdu(c(), FileDataParams(b"octets", 1984)).pack()),
        (Eof(0x11223344, 65536), EofPdu(c(), b"\x11\x22\x33\x44", 65536).pack()),
        (Nak(0, 65536, pairs), NakPdu(c(), 0, 65536, list(pairs)).pack()),
        (Finished(True), FinishedPdu(c(), whole).pack()),
        (
            Ack(Directive.EOF),
            AckPdu(c(), DirectiveType.EOF_PDU, ConditionCode.NO_ERROR, ack.ACTIVE).pack(),
        ),
        (
            Ack(Directive.FINISHED, status=2),
            AckPdu(c(), DirectiveType.FINISHED_PDU, ConditionCode.NO_ERROR, ack.TERMINATED).pack(),
        ),
        (Prompt(), PromptPdu(c(), ResponseRequired.NAK).pack()),
        (KeepAlive(70000), KeepAlivePdu(c(), 70000).pack()),
    ]


@pytest.mark.parametrize("index", range(9))
def test_every_pdu_is_the_same_octets_as_spacepackets_makes(index: int) -> None:
    body, octets = _theirs()[index]
    assert encode_pdu(Pdu(1, SEQUENCE, 2, body)) == octets
    assert decode_pdu(octets) == Pdu(1, SEQUENCE, 2, body)


def test_a_closure_that_is_requested_means_nothing_in_acknowledged_mode() -> None:
    name = "science/0007"
    asked = MetadataParams(True, ChecksumType.CRC_32, 65536, name, name)
    assert decode_pdu(MetadataPdu(_config(), asked).pack()).body == Metadata(65536, name, name)


BODIES = [body for body, _ in _theirs()] + [
    Eof(7, 9, Condition.CANCELLED),
    Finished(False, Condition.CHECKSUM_FAILURE),
    Nak(5, 9),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_every_truncation_and_extension_is_refused(body: cfdp_pdu.Body) -> None:
    octets = encode_pdu(Pdu(1, SEQUENCE, 2, body))
    for length in range(len(octets)):
        with pytest.raises(PduError):
            decode_pdu(octets[:length])
    with pytest.raises(PduError, match="length"):
        decode_pdu(octets + b"\x00")


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_every_flipped_bit_is_refused(body: cfdp_pdu.Body) -> None:
    octets = encode_pdu(Pdu(1, SEQUENCE, 2, body))
    for bit in range(len(octets) * 8):
        broken = bytearray(octets)
        broken[bit // 8] ^= 0x80 >> bit % 8
        with pytest.raises(PduError):
            decode_pdu(bytes(broken))


def _sealed(octets: bytes) -> bytes:
    """With the length and CRC that fit whatever lies inside."""
    octets = octets[:1] + (len(octets) - 10 + 2).to_bytes(2, "big") + octets[3:]
    return octets + crc16(octets).to_bytes(2, "big")


EOF_OCTETS = encode_pdu(Pdu(1, 5, 2, Eof(1, 2)))[:-2]


@pytest.mark.parametrize(
    ("reason", "octets"),
    [
        ("length", b""),
        ("length", b"\x22"),
        ("version", _sealed(bytes([0x42]) + EOF_OCTETS[1:])),
        ("format", _sealed(EOF_OCTETS[:3] + b"\x77" + EOF_OCTETS[4:])),
        ("mode", _sealed(bytes([0x26]) + EOF_OCTETS[1:])),
        ("large", _sealed(bytes([0x23]) + EOF_OCTETS[1:])),
        ("crc", _sealed(bytes([0x20]) + EOF_OCTETS[1:])),
        ("direction", _sealed(bytes([0x2A]) + EOF_OCTETS[1:])),
        ("directive", _sealed(EOF_OCTETS[:10] + b"\x0f" + EOF_OCTETS[11:])),
        ("truncated", _sealed(EOF_OCTETS[:10] + b"\x07\x00\x00\x00\x00\x01\xff\x01")),
        ("truncated", _sealed(EOF_OCTETS[:10] + b"\x08" + bytes(12))),
        ("fields", _sealed(EOF_OCTETS[:10] + b"\x08" + bytes(8) + b"\0\0\0\x09\0\0\0\x03")),
        ("fields", _sealed(EOF_OCTETS[:10] + b"\x06\x70\x00")),
        ("truncated", _sealed(bytes([0x32]) + EOF_OCTETS[1:10] + bytes(4))),
    ],
)
def test_a_pdu_with_a_right_crc_and_a_wrong_field_is_refused_under_its_reason(
    reason: str, octets: bytes
) -> None:
    with pytest.raises(PduError) as caught:
        decode_pdu(octets)
    assert caught.value.reason == reason


@given(st.binary(min_size=6, max_size=80), st.booleans())
def test_no_octets_do_more_than_be_refused(octets: bytes, sealed: bool) -> None:
    try:
        pdu = decode_pdu(_sealed(b"\x22\x00\x00\x03" + octets) if sealed else octets)
    except PduError:
        return
    assert decode_pdu(encode_pdu(pdu)).body == pdu.body


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "science/../0001",
        "science/0001\x00",
        "science/0001\n",
        "science/" + "0" * 4096,
        "x" * 4096,
        "SCIENCE/0001",
        "science/٠٠٠١",
        "science\\0001",
        "science/1",
        "science/0000",
        "science/00007",
        "upload/04194303",
        "upload/4194304",
        "upload/99999999",
        "",
        "science/0001/..",
        "\udcff/0001",
    ],
)
def test_only_the_satellites_own_names_are_taken(name: str) -> None:
    with pytest.raises(PduError) as caught:
        read_name(name)
    assert caught.value.reason == "name"


def test_own_names_are_taken() -> None:
    assert read_name("science/0007") == ("science", 7)
    assert read_name("blackbox/123456") == ("blackbox", 123456)
    assert read_name("upload/4194303") == ("upload", 4194303)
    assert read_name(cfdp_pdu.file_name("upload", 12)) == ("upload", 12)


def test_modular_checksum_by_hand_and_in_any_order_of_segments() -> None:
    # The words 0x01020304 + 0x05060708 + 0x09000000, by hand.
    data = bytes(range(1, 10))
    assert checksum(0, data) == 0x0F080A0C
    assert checksum(3, data) == zlib.crc32(data)
    parts = [(7, 9), (0, 3), (3, 7)]
    assert sum(modular(data[a:b], a) for a, b in parts) & 0xFFFFFFFF == 0x0F080A0C
    with pytest.raises(ValueError, match="not computed"):
        checksum(1, data)
