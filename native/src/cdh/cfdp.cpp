#include "safehold/cdh/cfdp.hpp"

#include <cstring>

#include "safehold/cdh/octets.hpp"

namespace safehold::cdh {
namespace {

constexpr std::uint8_t version_bits = 0x20;
constexpr std::uint8_t type_file_data = 0x10;
constexpr std::uint8_t toward_sender = 0x08;
constexpr std::uint8_t unacknowledged = 0x04;
constexpr std::uint8_t with_crc = 0x02;
constexpr std::uint8_t large_file = 0x01;
constexpr std::uint8_t widths = 0x03;  // ids of one octet, sequence numbers of four
constexpr std::uint8_t fault_location = 6;

// Status of a Finished: bit 2 is the delivery code, the last two are the file status.
constexpr std::uint8_t incomplete = 0x04;
constexpr std::uint8_t discarded = 0x00;
constexpr std::uint8_t rejected = 0x01;
constexpr std::uint8_t retained = 0x02;

bool goes_to_sender(PduKind kind, std::uint8_t acknowledged) {
    switch (kind) {
        case PduKind::finished:
        case PduKind::nak:
        case PduKind::keep_alive:
            return true;
        case PduKind::ack:
            return acknowledged == static_cast<std::uint8_t>(PduKind::eof);
        default:
            return false;
    }
}

PduDrop read_metadata(Reader& reader, const std::uint8_t* body, std::size_t octets, PduView& pdu) {
    pdu.checksum_type = reader.u8() & 0x0FU;
    pdu.size = reader.u32();
    std::size_t at = octets - reader.left();
    for (int i = 0; i < 2; ++i) {
        if (reader.failed() || at >= octets || body[at] > octets - at - 1) return PduDrop::fields;
        pdu.data = body + at + 1;
        pdu.data_octets = body[at];
        at += 1 + pdu.data_octets;
    }
    return PduDrop::none;  // options may follow; none is asked for
}

PduDrop read_nak(Reader& reader, PduView& pdu) {
    pdu.offset = reader.u32();
    pdu.size = reader.u32();
    if (reader.failed() || reader.left() % sizeof(Range) != 0) return PduDrop::fields;
    while (reader.left() != 0) {
        const Range range{reader.u32(), reader.u32()};
        if (range.start >= range.end && !(range.start == 0 && range.end == 0)) return PduDrop::fields;
        if (pdu.request_count < nak_requests_max) {
            pdu.requests[pdu.request_count++] = range;
        } else {
            ++pdu.requests_dropped;
        }
    }
    return PduDrop::none;
}

PduDrop read_directive(const std::uint8_t* body, std::size_t octets, PduView& pdu) {
    Reader reader(body, octets);
    pdu.kind = static_cast<PduKind>(reader.u8());
    switch (pdu.kind) {
        case PduKind::eof:
            pdu.condition = reader.u8() >> 4;
            pdu.checksum = reader.u32();
            pdu.size = reader.u32();
            return reader.failed() ? PduDrop::fields : PduDrop::none;
        case PduKind::finished: {
            const std::uint8_t status = reader.u8();
            pdu.condition = status >> 4;
            pdu.complete = (status & 0x04U) == 0;
            return reader.failed() ? PduDrop::fields : PduDrop::none;
        }
        case PduKind::ack: {
            const std::uint8_t directive = reader.u8();
            pdu.acknowledged = directive >> 4;
            pdu.condition = reader.u8() >> 4;
            const bool known = directive == 0x40U || directive == 0x51U;
            return reader.failed() || reader.left() != 0 || !known ? PduDrop::fields : PduDrop::none;
        }
        case PduKind::metadata:
            return read_metadata(reader, body, octets, pdu);
        case PduKind::nak:
            return read_nak(reader, pdu);
        case PduKind::prompt:
            pdu.keep_alive = (reader.u8() & 0x80U) != 0;
            return reader.failed() || reader.left() != 0 ? PduDrop::fields : PduDrop::none;
        case PduKind::keep_alive:
            pdu.offset = reader.u32();
            return reader.failed() || reader.left() != 0 ? PduDrop::fields : PduDrop::none;
        case PduKind::file_data:
            break;
    }
    return PduDrop::directive;
}

// A PDU under construction: header, data, CRC. What has no room is left out; no caller has that much.
class Pdu {
  public:
    Pdu(std::uint8_t* octets, const PduAddress& address, PduKind kind, std::uint8_t acknowledged = 0)
        : octets_(octets) {
        std::uint8_t first = version_bits | with_crc;
        if (kind == PduKind::file_data) first |= type_file_data;
        if (goes_to_sender(kind, acknowledged)) first |= toward_sender;
        u8(first);
        u8(0);
        u8(0);
        u8(widths);
        u8(address.source);
        u32(address.sequence);
        u8(address.destination);
        if (kind != PduKind::file_data) u8(static_cast<std::uint8_t>(kind));
    }

    void u8(std::uint8_t value) {
        if (count_ < pdu_octets_max - 2) octets_[count_++] = value;
    }
    void u32(std::uint32_t value) {
        for (unsigned shift = 32; shift != 0; shift -= 8)
            u8(static_cast<std::uint8_t>(value >> (shift - 8)));
    }
    void add(const std::uint8_t* data, std::size_t count) {
        if (count > pdu_octets_max - 2 - count_) return;
        std::memcpy(octets_ + count_, data, count);
        count_ += count;
    }
    // `entity`: where it was found, or who has cancelled.
    void condition(Condition condition, std::uint8_t status, std::uint8_t entity) {
        u8(static_cast<std::uint8_t>(static_cast<unsigned>(condition) << 4 | status));
        const bool located = condition != Condition::none && condition != Condition::checksum_unsupported;
        fault_entity_ = located ? entity : 0;
    }

    std::size_t finish() {
        if (fault_entity_ != 0) {
            u8(fault_location);
            u8(1);
            u8(fault_entity_);
        }
        const std::size_t length = count_ - pdu_header_octets + 2;
        octets_[1] = static_cast<std::uint8_t>(length >> 8);
        octets_[2] = static_cast<std::uint8_t>(length);
        const std::uint16_t crc = crc16(octets_, count_);
        octets_[count_] = static_cast<std::uint8_t>(crc >> 8);
        octets_[count_ + 1] = static_cast<std::uint8_t>(crc);
        return count_ + 2;
    }

  private:
    std::uint8_t* octets_;
    std::size_t count_ = 0;
    std::uint8_t fault_entity_ = 0;
};

struct Folder {
    const char* name;
    std::size_t octets;
    std::uint32_t first;
};
constexpr std::array<Folder, 3> folders = {
    {{"science/", 8, file_id_science}, {"upload/", 7, file_id_upload}, {"blackbox/", 9, file_id_black_box}}};
constexpr std::size_t digits_min = 4;
constexpr std::size_t digits_max = 8;

}  // namespace

PduDrop read_pdu(const std::uint8_t* octets, std::size_t count, PduView& pdu) {
    pdu = {};
    if (count < pdu_header_octets + 3 || count > pdu_octets_max) return PduDrop::length;
    Reader reader(octets, count);
    const std::uint8_t first = reader.u8();
    const std::size_t length = reader.u16();
    const std::uint8_t width = reader.u8();
    pdu.source = reader.u8();
    pdu.sequence = reader.u32();
    pdu.destination = reader.u8();
    if (first >> 5 != 1) return PduDrop::version;
    if (width != widths) return PduDrop::format;
    if (length + pdu_header_octets != count) return PduDrop::length;
    if ((first & with_crc) == 0) return PduDrop::crc;
    const auto crc = static_cast<std::uint16_t>((octets[count - 2] << 8) | octets[count - 1]);
    if (crc16(octets, count - 2) != crc) return PduDrop::crc;
    if ((first & unacknowledged) != 0) return PduDrop::mode;
    if ((first & large_file) != 0) return PduDrop::large;
    const std::uint8_t* body = octets + pdu_header_octets;
    const std::size_t body_octets = count - pdu_header_octets - 2;
    if ((first & type_file_data) != 0) {
        if (body_octets <= 4) return PduDrop::fields;
        pdu.kind = PduKind::file_data;
        pdu.offset = reader.u32();
        pdu.data = body + 4;
        pdu.data_octets = body_octets - 4;
    } else {
        const PduDrop drop = read_directive(body, body_octets, pdu);
        if (drop != PduDrop::none) return drop;
    }
    if (((first & toward_sender) != 0) != goes_to_sender(pdu.kind, pdu.acknowledged))
        return PduDrop::direction;
    return PduDrop::none;
}

std::size_t write_metadata(std::uint8_t* pdu, const PduAddress& address, std::uint32_t size,
                           std::uint8_t checksum_type, const std::uint8_t* name, std::size_t name_octets) {
    Pdu made(pdu, address, PduKind::metadata);
    made.u8(checksum_type);  // closure is requested of an unacknowledged transmission only
    made.u32(size);
    for (int i = 0; i < 2; ++i) {
        made.u8(static_cast<std::uint8_t>(name_octets));
        made.add(name, name_octets);
    }
    return made.finish();
}

std::size_t write_file_data(std::uint8_t* pdu, const PduAddress& address, std::uint32_t offset,
                            const std::uint8_t* data, std::size_t data_octets) {
    Pdu made(pdu, address, PduKind::file_data);
    made.u32(offset);
    made.add(data, data_octets);
    return made.finish();
}

std::size_t write_eof(std::uint8_t* pdu, const PduAddress& address, Condition condition,
                      std::uint32_t checksum, std::uint32_t size) {
    Pdu made(pdu, address, PduKind::eof);
    made.condition(condition, 0, address.source);
    made.u32(checksum);
    made.u32(size);
    return made.finish();
}

std::size_t write_finished(std::uint8_t* pdu, const PduAddress& address, Condition condition,
                           bool by_source) {
    Pdu made(pdu, address, PduKind::finished);
    std::uint8_t status = incomplete | discarded;
    if (condition == Condition::none) status = retained;
    if (condition == Condition::filestore_rejection) status = incomplete | rejected;
    made.condition(condition, status, by_source ? address.source : address.destination);
    return made.finish();
}

std::size_t write_ack(std::uint8_t* pdu, const PduAddress& address, PduKind directive, std::uint8_t condition,
                      bool active) {
    const auto code = static_cast<unsigned>(directive);
    Pdu made(pdu, address, PduKind::ack, static_cast<std::uint8_t>(code));
    made.u8(static_cast<std::uint8_t>(code << 4 | (directive == PduKind::finished ? 1U : 0U)));
    made.u8(static_cast<std::uint8_t>((condition & 0x0FU) << 4 | (active ? 1U : 2U)));
    return made.finish();
}

std::size_t write_keep_alive(std::uint8_t* pdu, const PduAddress& address, std::uint32_t progress) {
    Pdu made(pdu, address, PduKind::keep_alive);
    made.u32(progress);
    return made.finish();
}

std::size_t write_nak(std::uint8_t* pdu, const PduAddress& address, std::uint32_t start, std::uint32_t end,
                      const Range* ranges, std::size_t count) {
    Pdu made(pdu, address, PduKind::nak);
    made.u32(start);
    made.u32(end);
    for (std::size_t i = 0; i < count; ++i) {
        made.u32(ranges[i].start);
        made.u32(ranges[i].end);
    }
    return made.finish();
}

std::uint32_t modular_checksum(const std::uint8_t* data, std::size_t count, std::uint32_t offset) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < count; ++i)
        sum += static_cast<std::uint32_t>(data[i]) << (8U * (3U - (offset + i) % 4U));
    return sum;
}

std::size_t file_name(std::uint32_t id, std::uint8_t* name) {
    std::size_t folder = 0;
    while (folder + 1 < folders.size() && id >= folders[folder + 1].first)
        ++folder;
    std::memcpy(name, folders[folder].name, folders[folder].octets);
    std::uint32_t number = (id - folders[folder].first) & file_id_mask;
    std::array<std::uint8_t, digits_max> digits{};
    std::size_t count = 0;
    while (count < digits_min || (number != 0 && count < digits_max)) {
        digits[count++] = static_cast<std::uint8_t>('0' + number % 10U);
        number /= 10U;
    }
    for (std::size_t i = 0; i < count; ++i)
        name[folders[folder].octets + i] = digits[count - 1 - i];
    return folders[folder].octets + count;
}

std::uint32_t file_id(const std::uint8_t* name, std::size_t octets) {
    for (const Folder& folder : folders) {
        if (octets < folder.octets + digits_min || octets > folder.octets + digits_max) continue;
        if (std::memcmp(name, folder.name, folder.octets) != 0) continue;
        std::uint32_t number = 0;
        for (std::size_t i = folder.octets; i < octets; ++i) {
            if (name[i] < '0' || name[i] > '9') return 0;
            number = number * 10U + (name[i] - static_cast<std::uint32_t>('0'));
        }
        return number != 0 && number < file_ids_per_folder ? folder.first + number : 0;
    }
    return 0;
}

}  // namespace safehold::cdh
