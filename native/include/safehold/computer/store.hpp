// What a step may ask of the host's stores, and what it is answered.
//
// Purpose: mass memory and persistence are outside the replicas, whose steps stay functions of state and
// input. A step leaves requests in its output; the voted ones are carried out through a StorePort, and the
// answers come in the next step's input, where each replica checks their CRC itself. Rate: every control
// tick. Octets beyond a count are never looked at. Meets L2.4, L3.1, L3.6.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace safehold::computer {

// CRC-32 (IEEE 802.3), of octets that follow those of which it was `before`.
[[nodiscard]] std::uint32_t crc32(const void* octets, std::size_t count, std::uint32_t before = 0);

// --- records and files: mass memory
// ---------------------------------------------------------------------------------------------------

enum class Stream : std::uint8_t {
    critical = 0,  // verification reports and events (APID 101)
    black_box = 1,
    housekeeping = 2,  // compressed batches (APID 102)
    science = 3,
    debug = 4,  // APID 103
    count = 5,
};
inline constexpr std::size_t stream_count = static_cast<std::size_t>(Stream::count);
inline constexpr std::size_t record_octets_max = 4096;

// Records committed in this tick, back to back. Record n of a stream gets the number `next + n` of the
// stream's status in this tick's input.
struct RecordList {
    static constexpr std::size_t capacity = 8192;
    static constexpr std::size_t items_max = 48;
    struct Item {
        std::uint32_t length;
        std::uint8_t stream;
        std::array<std::uint8_t, 3> spare;
    };
    std::array<Item, items_max> items;
    std::uint32_t count;
    std::uint32_t length;
    std::array<std::uint8_t, capacity> octets;

    // False, and nothing added, when there is no room: the caller counts it.
    [[nodiscard]] bool add(Stream stream, const std::uint8_t* record, std::size_t record_octets);
};
static_assert(sizeof(RecordList::Item) == 8);
static_assert(sizeof(RecordList) == 8 * RecordList::items_max + 8 + RecordList::capacity);

enum class ReadKind : std::uint8_t { none = 0, records = 1, file = 2, directory = 3 };

inline constexpr std::size_t readback_octets_max = 12'288;

// At most one a tick; answered in the next tick's input.
struct ReadRequest {
    std::uint64_t from;        // first record number, offset in a file, or place in the directory
    std::uint32_t octets_max;  // at most readback_octets_max
    std::uint32_t file;        // file id; 0 for records
    std::uint8_t kind;         // ReadKind
    std::uint8_t stream;
    std::array<std::uint8_t, 6> spare;
};
static_assert(sizeof(ReadRequest) == 24);

enum class ReadStatus : std::uint32_t { none = 0, done = 1, nothing = 2, unknown = 3, corrupt = 4 };

// Before each record in a readback, little-endian as in memory.
struct RecordHead {
    std::uint64_t number;
    std::uint32_t length;
    std::uint32_t crc;  // of the record
};
static_assert(sizeof(RecordHead) == 16);

// A file as the directory has it.
struct FileEntry {
    std::uint32_t id;
    std::uint32_t length;      // octets up to the last one written
    std::uint32_t length_max;  // as reserved when it was created
    std::uint32_t crc;         // CRC-32 of the content once sealed
    std::uint8_t kind;
    std::uint8_t sealed;
    std::uint8_t delivered;  // 1: the ground has it
    std::array<std::uint8_t, 5> spare;
};
static_assert(sizeof(FileEntry) == 24);

// The answer to the last tick's ReadRequest. Records: each a RecordHead and its octets, whole ones only,
// from the first that is still held at or after `from`. A directory: FileEntry after FileEntry.
struct Readback {
    ReadRequest request;
    std::uint64_t first;    // number of the first record, the offset, or the place
    std::uint32_t records;  // records or entries in it
    std::uint32_t octets;
    std::uint32_t crc;  // CRC-32 of the octets
    std::uint32_t status;
    std::array<std::uint8_t, readback_octets_max> data;
};
static_assert(sizeof(Readback) == 48 + readback_octets_max);

// True if it is the answer to `asked` and its CRC holds. To be asked in each replica before use.
[[nodiscard]] bool readback_is_sound(const Readback& readback, const ReadRequest& asked);

struct RecordView {
    RecordHead head;
    const std::uint8_t* octets;
};
// The record at `at`, which moves on to the next; false at the end, or if a head does not fit.
[[nodiscard]] bool next_record(const Readback& readback, std::size_t& at, RecordView& view);

enum class FileOperation : std::uint8_t {
    none = 0,
    create = 1,
    write = 2,
    seal = 3,
    remove = 4,
    mark = 5,
    expose = 6,
    rank = 7
};
enum class FileAnswer : std::uint8_t {
    none = 0,
    done = 1,
    unknown = 2,  // no such file
    exists = 3,
    full = 4,      // no room in the directory or the quota
    range = 5,     // beyond length_max, or octets that the request does not have
    sealed = 6,    // a sealed file does not change
    mismatch = 7,  // the content's CRC-32 is not the one given
    refused = 8,   // the host cannot write; or not delivered, where that was asked
};

inline constexpr std::size_t file_requests_max = 8;
inline constexpr std::size_t files_max = 512;

// create: file, kind, length (the most that it may grow to); if `check` is 1, instead of an unsealed one.
// write: file, offset, length, octets at `at` of the list's. seal: file, length, crc (compared if `check` is
// 1). expose: the payload takes an image, length is the exposure in ms; it becomes a sealed file of kind
// `kind`. remove: file (only one that is delivered, if `check` is 1). mark: file, which the ground has from
// now on. rank: file, which is of kind `kind` from now on.
struct FileRequest {
    std::uint32_t file;
    std::uint32_t offset;
    std::uint32_t length;
    std::uint32_t crc;
    std::uint32_t at;
    std::uint8_t operation;  // FileOperation
    std::uint8_t kind;
    std::uint8_t check;
    std::uint8_t spare;
};
static_assert(sizeof(FileRequest) == 24);

// Carried out in order.
struct FileList {
    static constexpr std::size_t capacity = 8192;
    std::array<FileRequest, file_requests_max> items;
    std::uint32_t count;
    std::uint32_t length;
    std::array<std::uint8_t, capacity> octets;

    // Each is false, and adds nothing, when the list is full.
    // `anew`: what is not sealed yet is given up for it.
    [[nodiscard]] bool create(std::uint32_t file, std::uint8_t kind, std::uint32_t length_max,
                              bool anew = false);
    [[nodiscard]] bool write(std::uint32_t file, std::uint32_t offset, const std::uint8_t* data,
                             std::size_t data_octets);
    [[nodiscard]] bool seal(std::uint32_t file, std::uint32_t length_final);
    [[nodiscard]] bool seal(std::uint32_t file, std::uint32_t length_final, std::uint32_t crc);
    // `delivered_only`: refused for a file that the ground does not have.
    [[nodiscard]] bool remove(std::uint32_t file, bool delivered_only = false);
    [[nodiscard]] bool mark(std::uint32_t file);
    [[nodiscard]] bool expose(std::uint32_t file, std::uint8_t kind, std::uint32_t exposure_ms);

  private:
    [[nodiscard]] FileRequest* add(FileOperation operation, std::uint32_t file);
};
static_assert(sizeof(FileList) == 24 * file_requests_max + 8 + FileList::capacity);

// Gives up the records below `until`.
struct DropRequest {
    std::uint64_t until;
    std::uint8_t stream;
    std::uint8_t valid;
    std::array<std::uint8_t, 6> spare;
};
static_assert(sizeof(DropRequest) == 16);

// --- persistence
// ---------------------------------------------------------------------------------------------------

enum class Slot : std::uint8_t { control = 0, boot = 1, security = 2, telemetry = 3, count = 4 };
inline constexpr std::size_t slot_count = static_cast<std::size_t>(Slot::count);

// Asks for the winner's ControlState, as it is after this step, to be kept over a reset.
struct PersistRequest {
    std::uint32_t valid;
    std::uint32_t sequence;
    std::uint32_t crc;  // CRC-32 of the ControlState: the vote on this is a vote on all of it
    std::uint32_t milestones;
};
static_assert(sizeof(PersistRequest) == 16);

// True if what was asked for with `sequence` is kept, as told by StoreStatus::persisted; modulo 2^32.
[[nodiscard]] constexpr bool is_persisted(std::uint32_t sequence, std::uint32_t persisted) {
    return persisted - sequence < 0x8000'0000U;
}

// --- what a step is told
// -------------------------------------------------------------------------------------------------

struct StreamStatus {
    std::uint64_t first;  // number of the oldest record held; `next` if none is
    std::uint64_t next;   // number of the next record
    std::uint64_t octets;
    std::uint64_t quota_octets;
    std::uint32_t refused;  // records that found no room, or that the host could not write
    std::uint32_t lost;  // numbers from `lost_from` that were found torn or spoilt: nothing answers to them;
                         // told in one step, the next ones in the next
    std::uint64_t lost_from;
};
static_assert(sizeof(StreamStatus) == 48);

struct StoreStatus {
    std::array<StreamStatus, stream_count> streams;
    std::uint64_t file_octets;  // reserved by the files
    std::uint64_t file_quota_octets;
    std::uint32_t files;
    std::uint32_t persisted;  // sequence of the last PersistRequest that was carried out
    std::uint32_t persist_refused;
    std::uint32_t file_answers;                               // to the last tick's FileList
    std::array<std::uint8_t, file_requests_max> file_answer;  // FileAnswer, in the requests' order
};
static_assert(sizeof(StoreStatus) == 48 * stream_count + 16 + 16 + file_requests_max);
static_assert(std::is_trivially_copyable_v<StoreStatus>);

// `external` is a reset line that something else has pulled, such as an upset in the supervisor.
enum class ResetCause : std::uint8_t {
    power_on = 0,
    commanded = 1,
    watchdog = 2,
    brown_out = 3,
    external = 4,
};

// What has been reached for good: kept in the boot slot, so that even a start without any control state
// neither fires a release again nor falls silent. Bits of PersistRequest::milestones.
namespace milestone {
inline constexpr std::uint32_t separated = 1;
inline constexpr std::uint32_t silence_over = 2;
inline constexpr std::uint32_t deployment_ended = 4;
}  // namespace milestone

// How the computer came up. `fresh` is 1 until the first step after a start has been voted; the rest stays.
struct BootStatus {
    std::int64_t down_ns;      // from the reset to the start
    std::uint32_t count;       // starts since launch, as persisted
    std::uint32_t successive;  // of them, those without ten minutes of work in between, this one included
    std::uint32_t milestones;
    std::uint8_t fresh;
    std::uint8_t cause;  // ResetCause
    std::uint8_t warm;   // 1: the control state came from persistence
    std::uint8_t spare;
};
static_assert(sizeof(BootStatus) == 24);

// The boot slot's content. Every image reads it: the layout is frozen, and only `spare` may get a meaning.
struct BootRecord {
    std::uint32_t count;
    std::uint32_t successive;
    std::uint32_t watchdogs;  // starts by the watchdog without ten minutes of work in between
    std::uint32_t milestones;
    std::array<std::uint32_t, 4> spare;
};
static_assert(sizeof(BootRecord) == 32);

// --- the port
// --------------------------------------------------------------------------------------------------------

// What carries out voted requests; the host implements it. Nothing here throws.
class StorePort {
  public:
    virtual void status(StoreStatus& status) const = 0;  // of streams and files; the rest is the computer's
    virtual void append(Stream stream, const std::uint8_t* record, std::size_t record_octets) = 0;
    virtual void drop(const DropRequest& request) = 0;
    [[nodiscard]] virtual FileAnswer file(const FileRequest& request, const std::uint8_t* data) = 0;
    virtual void read(const ReadRequest& request, Readback& readback) const = 0;
    // True once it is kept: whatever happens later, `load` gives this or something newer.
    [[nodiscard]] virtual bool persist(Slot slot, std::uint32_t sequence, const void* octets,
                                       std::size_t count) = 0;
    // The newest sound copy: its octets, or 0 if none is sound and of exactly that length.
    [[nodiscard]] virtual std::size_t load(Slot slot, void* octets, std::size_t count,
                                           std::uint32_t& sequence) const = 0;
    // Makes every copy unsound.
    virtual void forget(Slot slot) = 0;
    // False from the moment that power failed within a write until the next start.
    [[nodiscard]] virtual bool powered() const = 0;
    virtual void power_up() = 0;
    // The step was carried out that was told of lost records: the status goes on to the next ones.
    virtual void lost_told() = 0;

  protected:
    ~StorePort() = default;
};

}  // namespace safehold::computer
