// Protocol data units of CFDP, class 2 (CCSDS 727.0-B), in the profile of docs/wire.md.
//
// Purpose: octets to PDUs and back. Everything that comes up is hostile: a PDU that does not fit is refused
// under a reason, and nothing outside its octets is read. Meets L2.2, L2.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace safehold::cdh {

inline constexpr std::uint8_t entity_satellite = 1;
inline constexpr std::uint8_t entity_ground = 2;
inline constexpr std::size_t pdu_octets_max = 1018;  // a packet of the downlink less its header
inline constexpr std::size_t segment_octets = 992;   // of a file in one PDU
inline constexpr std::size_t pdu_header_octets = 10;
inline constexpr std::size_t nak_requests_max = 32;  // taken from one NAK
inline constexpr std::uint32_t file_octets_max = 8U << 20U;

enum class PduKind : std::uint8_t {
    file_data = 0,
    eof = 4,
    finished = 5,
    ack = 6,
    metadata = 7,
    nak = 8,
    prompt = 9,
    keep_alive = 12,
};

enum class Condition : std::uint8_t {
    none = 0,
    filestore_rejection = 4,
    checksum_failure = 5,
    size_error = 6,
    inactivity = 8,
    checksum_unsupported = 11,
    cancelled = 15,
};

inline constexpr std::uint8_t checksum_modular = 0;
inline constexpr std::uint8_t checksum_crc32 = 3;

// Why a PDU is not taken, in the order of the checks.
enum class PduDrop : std::uint8_t {
    none,
    length,
    version,
    format,
    crc,
    mode,
    large,
    directive,
    direction,
    fields,
    entity,
    unexpected,  // of no transaction, or not now
    size,        // file data beyond the file
    overlap,     // came before
    holes,       // more gaps than are kept
    full,        // no room in this tick
    name,        // of a file that is none of ours, or not to be written from the ground
    conflict,    // Metadata or EOF that contradict each other, or ask for a checksum that is not computed
    count,
};

struct Range {
    std::uint32_t start;
    std::uint32_t end;
};
static_assert(sizeof(Range) == 8);

// A PDU as read; what its kind does not have is zero. `data` points into the octets that were read.
struct PduView {
    PduKind kind;
    std::uint8_t source;
    std::uint8_t destination;
    std::uint32_t sequence;
    std::uint32_t offset;  // of file data
    const std::uint8_t* data;
    std::size_t data_octets;    // of file data, or of the destination's name
    std::uint32_t size;         // EOF, Metadata
    std::uint32_t checksum;     // EOF
    std::uint8_t condition;     // EOF, Finished, ACK
    std::uint8_t acknowledged;  // ACK: the directive
    std::uint8_t checksum_type;
    bool complete;    // Finished
    bool keep_alive;  // Prompt: asks for a Keep Alive, not for a NAK
    std::size_t request_count;
    std::array<Range, nak_requests_max> requests;
    std::size_t requests_dropped;  // beyond what is taken
};

[[nodiscard]] PduDrop read_pdu(const std::uint8_t* octets, std::size_t count, PduView& pdu);

// Each writes a whole PDU and returns its octets; `pdu` has room for pdu_octets_max.
struct PduAddress {
    std::uint8_t source;
    std::uint8_t destination;
    std::uint32_t sequence;
};
std::size_t write_metadata(std::uint8_t* pdu, const PduAddress& address, std::uint32_t size,
                           std::uint8_t checksum_type, const std::uint8_t* name, std::size_t name_octets);
std::size_t write_file_data(std::uint8_t* pdu, const PduAddress& address, std::uint32_t offset,
                            const std::uint8_t* data, std::size_t data_octets);
std::size_t write_eof(std::uint8_t* pdu, const PduAddress& address, Condition condition,
                      std::uint32_t checksum, std::uint32_t size);
// `by_source`: the source has cancelled; else what ends the transaction is found at the destination.
std::size_t write_finished(std::uint8_t* pdu, const PduAddress& address, Condition condition, bool by_source);
std::size_t write_ack(std::uint8_t* pdu, const PduAddress& address, PduKind directive, std::uint8_t condition,
                      bool active);
// How far the destination has come, as an offset.
std::size_t write_keep_alive(std::uint8_t* pdu, const PduAddress& address, std::uint32_t progress);
// `ranges` of at most nak_requests_max.
std::size_t write_nak(std::uint8_t* pdu, const PduAddress& address, std::uint32_t start, std::uint32_t end,
                      const Range* ranges, std::size_t count);

// What octets at `offset` add to a file's modular checksum.
[[nodiscard]] std::uint32_t modular_checksum(const std::uint8_t* data, std::size_t count,
                                             std::uint32_t offset);

// --- names
// -------------------------------------------------------------------------------------------------------------

// What a file is: its kind in mass memory.
enum class FileKind : std::uint8_t {
    none = 0,
    black_box_anomaly = 1,  // goes down first
    black_box = 2,
    science = 3,
    upload = 4,
};

// A file's name is a folder and a number; its id in mass memory is the number in the folder's range of ids.
inline constexpr std::uint32_t file_ids_per_folder = 0x40'0000;
inline constexpr std::uint32_t file_id_science = 0;
inline constexpr std::uint32_t file_id_upload = 0x40'0000;
inline constexpr std::uint32_t file_id_black_box = 0x80'0000;
inline constexpr std::uint32_t file_id_mask = 0xFF'FFFF;
inline constexpr std::size_t name_octets_max = 24;

// Writes `science/0007`; returns its octets.
std::size_t file_name(std::uint32_t id, std::uint8_t* name);
// The id of a name, 0 if it is none of ours: exactly a folder, a slash, four to eight digits.
[[nodiscard]] std::uint32_t file_id(const std::uint8_t* name, std::size_t octets);

}  // namespace safehold::cdh
