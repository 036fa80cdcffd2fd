#include "safehold/cdh/recorder.hpp"

#include <cstring>

namespace safehold::cdh {
namespace {

using computer::ReadKind;
using computer::ReadStatus;
using computer::StoreStatus;
using computer::StreamStatus;

constexpr std::uint32_t attempts_max = 3;  // reads on end that fail before a stream waits for the next second
constexpr std::size_t record_octets_min = 7;  // a packet's header and one octet
constexpr std::size_t record_octets_most = 1024;

// Room is made when a stream is fuller than 15/16 of its quota, by giving up a sixteenth of its records.
constexpr std::uint64_t quota_parts = 16;

// Mass memory that takes no events is told of again after so many ticks, not in each.
constexpr std::uint8_t hold_ticks = 100;

bool may_be_dropped(const StreamStatus& status, std::uint64_t acknowledged) {
    return acknowledged > status.first && acknowledged <= status.next;
}

bool is_nearly_full(const StreamStatus& status) {
    const std::uint64_t limit = status.quota_octets - status.quota_octets / quota_parts;
    return status.octets > limit && status.next > status.first;
}

bool is_stream(std::uint32_t stream) {
    return stream < stream_count;
}

void add(std::uint32_t& count, std::uint64_t by) {
    const std::uint64_t sum = count + (by < 0xFFFF'FFFFU ? by : 0xFFFF'FFFFU);
    count = sum < 0xFFFF'FFFFU ? static_cast<std::uint32_t>(sum) : 0xFFFF'FFFFU;
}

std::uint64_t clamp(std::uint64_t value, std::uint64_t low, std::uint64_t high) {
    return value < low ? low : (value > high ? high : value);
}

bool has_room(const EventList& events) {
    return events.count < EventList::capacity;
}

void name(EventList& events, std::size_t stream, std::size_t reason, std::uint64_t first,
          std::uint64_t count) {
    events.add(EventId::records_given_up, static_cast<double>(stream), static_cast<double>(reason),
               static_cast<double>(first), static_cast<double>(count));
}

// All that the ground has not acknowledged and the stream does not hold any more: what went before is named
// again, since the record that named it may be among those that go.
void name_quota(EventList& events, std::size_t stream, std::uint64_t acknowledged, std::uint64_t until) {
    if (acknowledged >= until) return;
    name(events, stream, static_cast<std::size_t>(GivenUp::quota), acknowledged, until - acknowledged);
}

// What was acknowledged is dropped first; then the oldest of a stream that is nearly full, and not before the
// event that names them is among this tick's. With critical records ledger entries go, those of other streams
// too: they are made anew.
void make_room(RecorderAccount& recorder, const RecorderControl& control, const StoreStatus& store,
               computer::DropRequest& drop, EventList& events) {
    for (std::size_t i = 0; i < stream_count; ++i) {
        const StreamStatus& status = store.streams[i];
        const std::uint64_t acknowledged = control.acknowledged[i];
        if (!may_be_dropped(status, acknowledged)) continue;
        drop = {acknowledged, static_cast<std::uint8_t>(i), 1, {}};
        return;
    }
    for (std::size_t i = 0; i < stream_count; ++i) {
        const StreamStatus& status = store.streams[i];
        if (!is_nearly_full(status)) continue;
        const bool critical = i == static_cast<std::size_t>(Stream::critical);
        if (events.count + (critical ? stream_count : 1) > EventList::capacity) continue;
        const std::uint64_t share = (status.next - status.first) / quota_parts;
        const std::uint64_t count = share == 0 ? 1 : share;
        for (std::size_t k = 0; k < stream_count; ++k) {
            const std::uint64_t first = store.streams[k].first;
            const std::uint64_t acknowledged =
                control.acknowledged[k] < first ? control.acknowledged[k] : first;
            if (k == i) name_quota(events, k, acknowledged, first + count);
            if (k != i && critical) name_quota(events, k, acknowledged, first);
        }
        add(recorder.streams[i].given_up[static_cast<std::size_t>(GivenUp::quota)], count);
        drop = {status.first + count, static_cast<std::uint8_t>(i), 1, {}};
        return;
    }
}

// Records of the last tick that the store did not take: their numbers are taken all the same.
void notice_refusals(RecorderAccount& recorder, std::size_t stream, const StreamStatus& status) {
    StreamAccount& account = recorder.streams[stream];
    const std::uint32_t refused = status.refused - account.refused;
    account.refused = status.refused;
    const std::uint64_t committed = account.committed;
    account.committed = status.next;
    if (refused == 0 || status.next == 0) return;
    // Which ones of a tick is not told, so that all of them are named.
    const bool likely = committed < status.next && status.next - committed <= computer::RecordList::items_max;
    const std::uint64_t first =
        likely ? committed : status.next - (refused < status.next ? refused : status.next);
    give_up(recorder, static_cast<Stream>(stream), GivenUp::storage, first, status.next - first);
}

// What the last tick's events named is in the ledger, unless mass memory has refused events of that tick:
// then it is named again, with what was refused, but not in every tick.
void settle_told(RecorderAccount& recorder, const StoreStatus& store) {
    const auto critical = static_cast<std::size_t>(Stream::critical);
    const bool refused = store.streams[critical].refused != recorder.streams[critical].refused;
    for (StreamAccount& account : recorder.streams) {
        if (account.told == 0) continue;
        if (refused) recorder.hold = hold_ticks;
        for (std::size_t why = 0; why < reason_count; ++why) {
            if (!refused && (account.told >> why & 1U) != 0) account.losses[why] = {};
        }
        account.told = 0;
    }
}

// After a start nothing is known to have left, but what the ground acknowledged.
void start(RecorderAccount& recorder, const StoreStatus& store) {
    for (std::size_t i = 0; i < stream_count; ++i) {
        StreamAccount& account = recorder.streams[i];
        const StreamStatus& status = store.streams[i];
        account = {};
        account.refused = status.refused;
        account.committed = status.next;
        account.sent = status.first;
    }
}

// A range of each stream in each step.
void take_lost(RecorderAccount& recorder, std::size_t stream, const StreamStatus& status) {
    if (status.lost == 0 || status.lost > status.next || status.lost_from > status.next - status.lost) return;
    give_up(recorder, static_cast<Stream>(stream), GivenUp::volatile_tail, status.lost_from, status.lost);
}

void keep_ranges_sound(RecorderAccount& recorder, const StoreStatus& store) {
    if (recorder.range_count > RecorderAccount::ranges_max) recorder.range_count = 0;
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < recorder.range_count; ++i) {
        PlaybackRange range = recorder.ranges[i];
        if (!is_stream(range.stream)) continue;
        const StreamStatus& status = store.streams[range.stream];
        if (range.next < status.first) range.next = status.first;
        if (range.next > range.last || range.next >= status.next) continue;
        recorder.ranges[kept++] = range;
    }
    recorder.range_count = kept;
}

}  // namespace

RecorderAnswer request_playback(RecorderAccount& recorder, const StoreStatus& store, std::uint32_t stream,
                                std::uint64_t first, std::uint64_t last) {
    if (!is_stream(stream)) return RecorderAnswer::stream_unknown;
    const StreamStatus& status = store.streams[stream];
    if (last < first || first >= status.next || last < status.first) return RecorderAnswer::range_wrong;
    if (recorder.range_count >= RecorderAccount::ranges_max) return RecorderAnswer::full;
    recorder.ranges[recorder.range_count++] = {first, last, stream, 0};
    return RecorderAnswer::done;
}

RecorderAnswer acknowledge(RecorderControl& control, const StoreStatus& store, std::uint32_t stream,
                           std::uint64_t until) {
    if (!is_stream(stream)) return RecorderAnswer::stream_unknown;
    if (until > store.streams[stream].next) return RecorderAnswer::range_wrong;
    std::uint64_t& acknowledged = control.acknowledged[stream];
    if (until > acknowledged || acknowledged > store.streams[stream].next) acknowledged = until;
    return RecorderAnswer::done;
}

StreamSummary summarise(const RecorderAccount& recorder, const RecorderControl& control,
                        const StoreStatus& store, Stream stream) {
    const auto index = static_cast<std::size_t>(stream);
    if (index >= stream_count) return {};
    const StreamStatus& status = store.streams[index];
    StreamSummary summary{};
    summary.first = status.first;
    summary.next = status.next;
    summary.sent = clamp(recorder.streams[index].sent, status.first, status.next);
    summary.acknowledged = control.acknowledged[index];
    summary.octets = status.octets;
    summary.quota_octets = status.quota_octets;
    for (const std::uint32_t count : recorder.streams[index].given_up)
        add(summary.given_up, count);
    return summary;
}

void give_up(RecorderAccount& recorder, Stream stream, GivenUp reason, std::uint64_t first,
             std::uint64_t count) {
    const auto index = static_cast<std::size_t>(stream);
    const auto why = static_cast<std::size_t>(reason);
    if (index >= stream_count || why >= reason_count || count == 0) return;
    add(recorder.streams[index].given_up[why], count);
    Loss& loss = recorder.streams[index].losses[why];
    if (loss.count == 0) {
        loss = {first, count};
    } else if (reason == GivenUp::no_room) {
        loss.count += count;
    } else {
        const std::uint64_t begin = first < loss.first ? first : loss.first;
        const std::uint64_t end_old = loss.first + loss.count;
        const std::uint64_t end_new = first + count;
        loss = {begin, (end_new > end_old ? end_new : end_old) - begin};
    }
}

namespace {

bool is_any_lost(const RecorderAccount& recorder) {
    std::uint64_t lost = 0;
    for (const StreamAccount& stream : recorder.streams) {
        for (const Loss& loss : stream.losses)
            lost |= loss.count;
    }
    return lost != 0;
}

}  // namespace

void name_losses(RecorderAccount& recorder, const StoreStatus& store, EventList& events) {
    if (!is_any_lost(recorder)) return;  // as in nearly every tick
    if (recorder.hold != 0) {
        --recorder.hold;
        return;
    }
    for (std::size_t i = 0; i < stream_count; ++i) {
        for (std::size_t why = 0; why < reason_count; ++why) {
            const Loss& loss = recorder.streams[i].losses[why];
            if (loss.count == 0) continue;
            if (!has_room(events)) return;
            const bool numbered = why != static_cast<std::size_t>(GivenUp::no_room);
            name(events, i, why, numbered ? loss.first : store.streams[i].next, loss.count);
            recorder.streams[i].told |= 1U << why;
        }
    }
}

void recorder_step(RecorderAccount& recorder, const RecorderControl& control, const StoreStatus& store,
                   const computer::BootStatus& boot, bool transmitter_on, computer::DropRequest& drop,
                   EventList& events) {
    if (boot.fresh != 0) start(recorder, store);
    settle_told(recorder, store);
    bool crowded = false;
    const bool acquired = transmitter_on && recorder.was_on == 0;
    recorder.was_on = transmitter_on ? 1 : 0;
    for (std::size_t i = 0; i < stream_count; ++i) {
        StreamAccount& account = recorder.streams[i];
        const StreamStatus& status = store.streams[i];
        take_lost(recorder, i, status);
        notice_refusals(recorder, i, status);
        crowded = crowded || may_be_dropped(status, control.acknowledged[i]) || is_nearly_full(status);
        account.sent = clamp(account.sent, status.first, status.next);
        // A new contact begins with what the ground has not acknowledged, once it has begun to acknowledge.
        if (acquired && i != static_cast<std::size_t>(Stream::debug) && control.acknowledged[i] != 0) {
            account.sent = clamp(control.acknowledged[i], status.first, status.next);
        }
    }
    if (recorder.range_count != 0) keep_ranges_sound(recorder, store);
    if (crowded) make_room(recorder, control, store, drop, events);
    name_losses(recorder, store, events);
}

void retry_reads(RecorderAccount& recorder) {
    for (StreamAccount& account : recorder.streams)
        account.attempts = 0;
}

bool playback_waits(const RecorderAccount& recorder, const StoreStatus& store, Stream stream,
                    std::uint64_t fresh, std::size_t& range) {
    const auto index = static_cast<std::size_t>(stream);
    range = RecorderAccount::ranges_max;
    if (index >= stream_count || recorder.streams[index].attempts >= attempts_max) return false;
    const StreamStatus& status = store.streams[index];
    const std::uint64_t next = status.next + fresh;
    if (clamp(recorder.streams[index].sent, status.first, next) < next) return true;
    for (std::size_t i = 0; i < recorder.range_count && i < RecorderAccount::ranges_max; ++i) {
        if (recorder.ranges[i].stream != index) continue;
        range = i;
        return true;
    }
    return false;
}

PlaybackSource::PlaybackSource(RecorderAccount& recorder, const StoreStatus& store,
                               const computer::Readback* readback)
    : recorder_(recorder), readback_(readback) {
    const computer::ReadRequest& read = recorder.read;
    const bool by_stream = recorder.read_by == static_cast<std::uint8_t>(ReadBy::stream);
    const bool by_range = recorder.read_by == static_cast<std::uint8_t>(ReadBy::range);
    if ((!by_stream && !by_range) || !is_stream(read.stream)) return;
    stream_ = static_cast<Stream>(read.stream);
    StreamAccount& account = recorder.streams[read.stream];
    place_ = &account.sent;
    end_ = 0xFFFF'FFFF'FFFF'FFFFU;
    if (by_range) {
        std::size_t i = 0;
        while (i < recorder.range_count && i < RecorderAccount::ranges_max &&
               recorder.ranges[i].stream != read.stream)
            ++i;
        if (i >= recorder.range_count || i >= RecorderAccount::ranges_max) return;
        place_ = &recorder.ranges[i].next;
        end_ = recorder.ranges[i].last == end_ ? end_ : recorder.ranges[i].last + 1;
    }
    if (readback != nullptr && *place_ == read.from) take_answer(store);
    if (usable_) {
        account.attempts = 0;
    } else {
        ++account.attempts;
        ++recorder.reads_failed;
    }
}

// Records, or the word that there are none: the numbers asked for are then names without a record.
void PlaybackSource::take_answer(const StoreStatus& store) {
    const computer::ReadRequest& read = recorder_.read;
    if (readback_is_sound(*readback_, read)) {
        usable_ = true;
        look();
        return;
    }
    if (std::memcmp(&readback_->request, &read, sizeof read) != 0) return;
    const std::uint64_t next = store.streams[read.stream].next;
    const std::uint64_t end = end_ < next ? end_ : next;
    if (readback_->status == static_cast<std::uint32_t>(ReadStatus::nothing)) {
        usable_ = true;
        skip_to(end, GivenUp::storage);
    } else if (readback_->status == static_cast<std::uint32_t>(ReadStatus::corrupt) &&
               readback_->first > *place_) {
        usable_ = true;
        skip_to(readback_->first < end ? readback_->first : end, GivenUp::corrupt_block);
    }
}

void PlaybackSource::skip_to(std::uint64_t number, GivenUp reason) {
    if (number <= *place_) return;
    give_up(recorder_, stream_, reason, *place_, number - *place_);
    *place_ = number;
}

// Moves on to the next record that is sound and wanted.
void PlaybackSource::look() {
    has_ = false;
    while (computer::next_record(*readback_, at_, view_)) {
        if (view_.head.number < *place_) continue;
        if (view_.head.number >= end_) {
            skip_to(end_, GivenUp::storage);
            return;
        }
        skip_to(view_.head.number, GivenUp::storage);
        const std::size_t length = view_.head.length;
        const bool sound = length >= record_octets_min && length <= record_octets_most &&
                           computer::crc32(view_.octets, length) == view_.head.crc &&
                           ((static_cast<std::size_t>(view_.octets[4]) << 8) | view_.octets[5]) + 7 == length;
        if (sound) {
            has_ = true;
            return;
        }
        skip_to(view_.head.number + 1, GivenUp::corrupt_block);
    }
}

std::size_t PlaybackSource::peek(const std::uint8_t*& packet) {
    if (!has_) return 0;
    packet = view_.octets;
    return view_.head.length;
}

void PlaybackSource::taken() {
    if (!has_) return;
    *place_ = view_.head.number + 1;
    look();
}

}  // namespace safehold::cdh
