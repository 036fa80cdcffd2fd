// The recorder: streams of records in mass memory, their playback, and the ledger of those that were lost.
//
// Purpose: a record is one whole TM packet. Mass memory gives each record of a stream the next number, which
// modulo 16,384 is its packet's sequence count, over resets. A record stays until the ground acknowledges it
// or its stream's quota pushes it out; one that is lost is named by an event first. Rate: every control tick.
// Inputs: the stores' status and readback, requests of PUS 15. Outputs: records, one read and one drop
// request a tick. Any bit of the account may flip, so that every number is brought back between the store's
// first and next, and every index is checked. Meets L2.4, L2.5, L2.6.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "safehold/computer/interface.hpp"
#include "safehold/computer/store.hpp"

namespace safehold::cdh {

using computer::Stream;
using computer::stream_count;

// Why a record was given up.
enum class GivenUp : std::uint8_t {
    quota = 0,          // pushed out by newer ones
    corrupt_block = 1,  // mass memory gave back something else
    storage = 2,        // mass memory did not take it, or does not have it
    volatile_tail = 3,  // not yet written when the computer was reset
    no_room = 4,        // more in one tick than can be committed
    count = 5,
};
inline constexpr std::size_t reason_count = static_cast<std::size_t>(GivenUp::count);

// The control half: what a reset must not undo.
struct RecorderControl {
    std::array<std::uint64_t, stream_count> acknowledged;  // the ground has every record below
};
static_assert(sizeof(RecorderControl) == 8 * stream_count);

// Records that wait to be named in the ledger; none if `count` is 0.
struct Loss {
    std::uint64_t first;
    std::uint64_t count;
};

// Records that the ground asked for, up to and with `last`.
struct PlaybackRange {
    std::uint64_t next;
    std::uint64_t last;
    std::uint32_t stream;
    std::uint32_t spare;
};

struct StreamAccount {
    std::uint64_t sent;       // every record below has left once
    std::uint64_t committed;  // number of the first record that the last tick committed
    std::uint32_t refused;    // as counted by the store, when last looked at
    std::uint32_t attempts;   // reads on end that failed
    std::array<Loss, reason_count> losses;
    std::array<std::uint32_t, reason_count> given_up;  // records, since the start
    std::uint32_t told;  // a bit for each of `losses` that the last tick's events name
};
static_assert(sizeof(StreamAccount) == 24 + 16 * reason_count + 4 * reason_count + 4);

// What a read in progress is for.
enum class ReadBy : std::uint8_t { nobody = 0, stream = 1, range = 2, files = 3 };

struct RecorderAccount {
    static constexpr std::size_t ranges_max = 16;
    std::array<StreamAccount, stream_count> streams;
    std::array<PlaybackRange, ranges_max> ranges;  // the first `range_count`, in the order asked for
    computer::ReadRequest read;                    // whose answer is due in this tick
    std::uint32_t range_count;
    std::uint32_t reads_failed;
    std::uint8_t read_by;  // ReadBy
    std::uint8_t was_on;   // 1: a transmitter was on in the last tick
    std::uint8_t hold;     // ticks for which no loss is named, since mass memory did not take the last names
    std::array<std::uint8_t, 5> spare;
};
static_assert(sizeof(RecorderAccount) == sizeof(StreamAccount) * stream_count +
                                             sizeof(PlaybackRange) * RecorderAccount::ranges_max +
                                             sizeof(computer::ReadRequest) + 16);
static_assert(std::is_trivially_copyable_v<RecorderAccount> && sizeof(RecorderAccount) % 8 == 0);

// --- PUS 15: storage and retrieval
// ---------------------------------------------------------------------------------------------------

enum class RecorderAnswer : std::uint8_t { done, stream_unknown, range_wrong, full };

// Plays records back, `first` to `last`, as far as they are still held.
[[nodiscard]] RecorderAnswer request_playback(RecorderAccount& recorder, const computer::StoreStatus& store,
                                              std::uint32_t stream, std::uint64_t first, std::uint64_t last);

// The ground has every record below `until`: they are given up, and not named as lost.
[[nodiscard]] RecorderAnswer acknowledge(RecorderControl& control, const computer::StoreStatus& store,
                                         std::uint32_t stream, std::uint64_t until);

struct StreamSummary {
    std::uint64_t first;
    std::uint64_t next;
    std::uint64_t sent;
    std::uint64_t acknowledged;
    std::uint64_t octets;
    std::uint64_t quota_octets;
    std::uint32_t given_up;
};
[[nodiscard]] StreamSummary summarise(const RecorderAccount& recorder, const RecorderControl& control,
                                      const computer::StoreStatus& store, Stream stream);

// --- the ledger
// --------------------------------------------------------------------------------------------------------

// Notes that `count` records from number `first` on are given up; `name_losses` makes it an event. Losses of
// one stream and reason that have not been named yet are named together, from the first to the last of them.
void give_up(RecorderAccount& recorder, Stream stream, GivenUp reason, std::uint64_t first,
             std::uint64_t count);

// Turns what waits in the ledger into events, as far as the list has room. Records that found no room have no
// number: they are named with that of the next record.
void name_losses(RecorderAccount& recorder, const computer::StoreStatus& store, EventList& events);

// --- the tick
// ---------------------------------------------------------------------------------------------------------

// Once a tick, before its events are queued: takes notice of what the stores did with the last tick's
// records, releases what was acknowledged, makes room in a stream that is nearly full, and names losses.
void recorder_step(RecorderAccount& recorder, const RecorderControl& control,
                   const computer::StoreStatus& store, const computer::BootStatus& boot, bool transmitter_on,
                   computer::DropRequest& drop, EventList& events);

// Once a second: streams whose reads failed are read again.
void retry_reads(RecorderAccount& recorder);

// True if there is something to be played back of the stream, `fresh` records of this tick included; `range`
// is then its place in the ranges, or ranges_max for records that have not been sent.
[[nodiscard]] bool playback_waits(const RecorderAccount& recorder, const computer::StoreStatus& store,
                                  Stream stream, std::uint64_t fresh, std::size_t& range);

// The records of a readback, one after another, as they are put into frames. What is missing or damaged is
// skipped and goes into the ledger.
class PlaybackSource {
  public:
    PlaybackSource(RecorderAccount& recorder, const computer::StoreStatus& store,
                   const computer::Readback* readback);

    [[nodiscard]] bool answered() const { return usable_; }
    [[nodiscard]] Stream stream() const { return stream_; }
    // The next packet and its length, 0 at the end; it stays the next one until `taken`.
    [[nodiscard]] std::size_t peek(const std::uint8_t*& packet);
    void taken();

  private:
    void take_answer(const computer::StoreStatus& store);
    void skip_to(std::uint64_t number, GivenUp reason);
    void look();

    RecorderAccount& recorder_;
    const computer::Readback* readback_;
    std::uint64_t* place_ = nullptr;  // number of the next record
    computer::RecordView view_{};
    std::uint64_t end_ = 0;  // no record from here on is wanted
    std::size_t at_ = 0;
    Stream stream_ = Stream::critical;
    bool usable_ = false;
    bool has_ = false;
};

}  // namespace safehold::cdh
