#include "safehold/cdh/downlink.hpp"

#include <cstring>

#include "safehold/cdh/octets.hpp"

namespace safehold::cdh {
namespace {

using computer::ReadKind;
using computer::ReadRequest;

constexpr std::size_t packet_header_octets = 6;
constexpr std::size_t fecf_octets = 2;
constexpr std::size_t packet_octets_min = 7;
constexpr std::uint16_t only_idle_data = 0x7FE;
constexpr std::uint32_t silence_ms = 1000;

// The packet's length by its header at `at`, or 0 if it does not lie wholly within `end`.
std::size_t packet_length(const PacketQueue& queue, std::size_t at, std::size_t end) {
    if (end > PacketQueue::capacity || at > end || end - at < packet_octets_min) return 0;
    const std::size_t length =
        ((static_cast<std::size_t>(queue.octets[at + 4]) << 8) | queue.octets[at + 5]) + packet_octets_min;
    return length <= end - at ? length : 0;
}

std::uint16_t apid_at(const PacketQueue& queue, std::size_t at) {
    return static_cast<std::uint16_t>(((queue.octets[at] & 7U) << 8) | queue.octets[at + 1]);
}

void empty(PacketQueue& queue) {
    queue.length = 0;
    queue.seen = 0;
}

// A queue that cannot be what this file left behind is emptied; its packets are lost and counted.
void keep_sound(CdhAccount& account) {
    PacketQueue& queue = account.packets;
    if (queue.length <= PacketQueue::capacity && queue.seen <= queue.length) return;
    empty(queue);
    ++account.packets_lost;
}

// Takes the octets from `from` to `to` out of the queue.
void erase(PacketQueue& queue, std::size_t from, std::size_t to) {
    std::memmove(queue.octets.data() + from, queue.octets.data() + to, queue.length - to);
    const auto gone = static_cast<std::uint32_t>(to - from);
    queue.length -= gone;
    queue.seen -= queue.seen < gone ? queue.seen : gone;
}

// --- where a channel's packets come from
// -----------------------------------------------------------------------------------

// `peek` gives the next packet and its length, 0 if there is none now; `taken` moves on.
class QueueSource {
  public:
    explicit QueueSource(PacketQueue& queue) : queue_(queue) {}
    QueueSource(const QueueSource&) = delete;
    QueueSource& operator=(const QueueSource&) = delete;
    ~QueueSource() {
        if (at_ != 0 && at_ <= queue_.length) erase(queue_, 0, at_);
    }

    [[nodiscard]] std::size_t peek(const std::uint8_t*& packet) {
        if (at_ >= queue_.length) return 0;
        const std::size_t length = packet_length(queue_, at_, queue_.length);
        broken_ = broken_ || length == 0;
        packet = queue_.octets.data() + at_;
        return length;
    }
    void taken() { at_ += packet_length(queue_, at_, queue_.length); }
    [[nodiscard]] bool broken() const { return broken_; }

  private:
    PacketQueue& queue_;
    std::size_t at_ = 0;
    bool broken_ = false;
};

// PDUs of files, each in a packet of its own: no secondary header, no packet error control.
class FileSource {
  public:
    FileSource(FilePduSource* files, DownlinkAccount& account) : files_(files), account_(account) {}

    [[nodiscard]] std::size_t peek(const std::uint8_t*& packet) {
        if (length_ == 0 && files_ != nullptr) {
            const std::size_t pdu = files_->next(packet_.data() + packet_header_octets, file_pdu_octets_max);
            if (pdu != 0 && pdu <= file_pdu_octets_max) {
                length_ = pdu + packet_header_octets;
                Writer writer(packet_.data(), packet_header_octets);
                writer.u16(apid_files);
                writer.u16(static_cast<std::uint16_t>(0xC000U | (account_.file_sequence_count++ & 0x3FFFU)));
                writer.u16(static_cast<std::uint16_t>(pdu - 1));
            }
        }
        packet = packet_.data();
        return length_;
    }
    void taken() { length_ = 0; }

  private:
    FilePduSource* files_;
    DownlinkAccount& account_;
    std::array<std::uint8_t, tm_packet_octets_max> packet_;
    std::size_t length_ = 0;
};

// Nothing more, so that only a packet that was begun is finished.
class NoSource {
  public:
    [[nodiscard]] static std::size_t peek(const std::uint8_t*&) { return 0; }
    static void taken() {}
};

// --- frames
// ---------------------------------------------------------------------------------------------------------

void put_idle_packet(std::uint8_t* at, std::size_t length) {
    std::memset(at, 0, length);
    Writer writer(at, packet_header_octets);
    writer.u16(apid_idle);
    writer.u16(0xC000);
    writer.u16(static_cast<std::uint16_t>(length - packet_octets_min));
}

// Fills one data field with packets and, behind the last, an idle packet that ends with it. A gap that is too
// small for one begins an idle packet whose rest opens the next frame.
template <typename Source>
void fill(Channel& channel, Source& source, std::uint8_t* data, std::size_t data_octets) {
    std::size_t used = channel.rest_length;
    std::memcpy(data, channel.rest.data(), used);
    channel.rest_length = 0;
    channel.rest_is_idle = 0;
    while (used < data_octets) {
        const std::uint8_t* packet = nullptr;
        const std::size_t room = data_octets - used;
        std::size_t length = source.peek(packet);
        std::array<std::uint8_t, packet_octets_min> idle{};
        const bool is_idle = length == 0;
        if (is_idle) {
            if (room >= packet_octets_min) {
                put_idle_packet(data + used, room);
                return;
            }
            length = packet_octets_min;
            put_idle_packet(idle.data(), length);
            packet = idle.data();
        }
        const std::size_t part = length < room ? length : room;
        std::memcpy(data + used, packet, part);
        used += part;
        if (part < length && length - part <= channel.rest.size()) {
            std::memcpy(channel.rest.data(), packet + part, length - part);
            channel.rest_length = static_cast<std::uint16_t>(length - part);
            channel.rest_is_idle = is_idle ? 1 : 0;
        }
        if (!is_idle) source.taken();
    }
}

class Multiplexer {
  public:
    Multiplexer(DownlinkContext& context, Frames& frames, std::size_t frames_max)
        : context_(context),
          frames_(frames),
          layout_(tm_layout(context.protection)),
          left_(frames_max < tm_frames_max ? frames_max : tm_frames_max) {}

    template <typename Source>
    void send(VirtualChannel number, Source& source) {
        Channel& channel = context_.account.downlink.channels[static_cast<std::size_t>(number)];
        if (channel.rest_length >= tm_packet_octets_max) channel.rest_length = 0;
        const std::uint8_t* packet = nullptr;
        while (left_ > 0 &&
               ((channel.rest_length != 0 && channel.rest_is_idle == 0) || source.peek(packet) != 0)) {
            const std::uint16_t pointer = channel.rest_length;
            fill(channel, source, frames_[count_].data() + layout_.data_at, layout_.data_octets);
            ++channel.frames_sent;
            finish(number, channel.frame_count++, pointer);
        }
    }

    void send_idle() {
        DownlinkAccount& downlink = context_.account.downlink;
        std::memset(frames_[count_].data() + layout_.data_at, 0, layout_.data_octets);
        ++downlink.idle_frames;
        finish(VirtualChannel::idle, downlink.idle_frame_count++, only_idle_data);
    }

    [[nodiscard]] std::size_t count() const { return count_; }

  private:
    void finish(VirtualChannel number, std::uint8_t frame_count, std::uint16_t pointer) {
        Frame& frame = frames_[count_];
        Writer writer(frame.data(), tm_header_octets);
        writer.u16(
            static_cast<std::uint16_t>((spacecraft_id << 4) | (static_cast<unsigned>(number) << 1) | 1U));
        writer.u8(context_.account.downlink.master_frame_count++);
        writer.u8(frame_count);
        writer.u16(static_cast<std::uint16_t>(0x1800U | pointer));
        Writer trailer(frame.data() + tm_header_octets + tm_data_octets, 6);
        trailer.u32(context_.clcw);
        if (context_.protection == TelemetryProtection::none) {
            trailer.u16(crc16(frame.data(), tm_frame_octets - fecf_octets));
        } else {
            std::memset(frame.data() + tm_header_octets, 0, tm_security_header_octets);
            std::memset(frame.data() + layout_.data_at + layout_.data_octets, 0, tm_mac_octets);
            trailer.u16(0);
        }
        ++count_;
        --left_;
    }

    DownlinkContext& context_;
    Frames& frames_;
    TmLayout layout_;
    std::size_t count_ = 0;
    std::size_t left_;
};

void send_real_time(DownlinkContext& context, Multiplexer& multiplexer) {
    PacketQueue& queue = context.account.packets;
    keep_sound(context.account);
    bool broken = false;
    {
        QueueSource source(queue);
        multiplexer.send(VirtualChannel::real_time, source);
        broken = source.broken();
    }
    if (!broken) return;
    empty(queue);
    ++context.account.packets_lost;
}

void send_records(Multiplexer& multiplexer, PlaybackSource& playback, Stream stream) {
    if (playback.answered() && playback.stream() == stream)
        multiplexer.send(VirtualChannel::playback, playback);
}

ReadRequest read_records(const DownlinkContext& context, Stream stream, std::size_t range,
                         std::size_t octets_max) {
    const auto index = static_cast<std::size_t>(stream);
    const RecorderAccount& recorder = context.account.recorder;
    const bool by_range = range < RecorderAccount::ranges_max;
    const std::uint64_t from = by_range ? recorder.ranges[range].next : recorder.streams[index].sent;
    ReadRequest request{};
    request.from = from;
    request.octets_max = static_cast<std::uint32_t>(octets_max);
    request.kind = static_cast<std::uint8_t>(ReadKind::records);
    request.stream = static_cast<std::uint8_t>(index);
    return request;
}

}  // namespace

void commit_records(CdhAccount& account, const computer::StoreStatus& store, bool transmitter_on,
                    computer::RecordList& records) {
    PacketQueue& queue = account.packets;
    keep_sound(account);
    if (queue.seen == queue.length) return;
    StreamAccount& critical = account.recorder.streams[static_cast<std::size_t>(Stream::critical)];
    std::uint64_t number = store.streams[static_cast<std::size_t>(Stream::critical)].next;
    for (std::size_t at = queue.seen; at < queue.length;) {
        const std::size_t length = packet_length(queue, at, queue.length);
        if (length == 0) {
            empty(queue);
            ++account.packets_lost;
            return;
        }
        if (apid_at(queue, at) != apid_critical) {
            at += length;
            continue;
        }
        std::uint8_t* packet = queue.octets.data() + at;
        Writer sequence(packet + 2, 2);
        sequence.u16(static_cast<std::uint16_t>(0xC000U | (number & 0x3FFFU)));
        Writer check(packet + length - 2, 2);
        check.u16(crc16(packet, length - 2));
        if (!records.add(Stream::critical, packet, length)) {
            give_up(account.recorder, Stream::critical, GivenUp::no_room, 0, 1);
            erase(queue, at, at + length);
            continue;
        }
        const bool live = transmitter_on && critical.sent == number;
        ++number;
        if (live) {
            critical.sent = number;
            at += length;
        } else {
            erase(queue, at, at + length);
        }
    }
    queue.seen = queue.length;
}

std::size_t make_frames(DownlinkContext& context, Frames& frames, std::size_t frames_max) {
    DownlinkAccount& downlink = context.account.downlink;
    Multiplexer multiplexer(context, frames, frames_max);
    send_real_time(context, multiplexer);
    PlaybackSource playback(context.account.recorder, context.store, context.readback);
    FileSource files(context.files, downlink);
    const bool urgent = context.files != nullptr && context.files->urgent();
    send_records(multiplexer, playback, Stream::critical);
    if (urgent) multiplexer.send(VirtualChannel::files, files);
    send_records(multiplexer, playback, Stream::housekeeping);
    multiplexer.send(VirtualChannel::files, files);
    send_records(multiplexer, playback, Stream::debug);
    NoSource nothing;
    multiplexer.send(VirtualChannel::playback, nothing);
    const auto tick_ms = static_cast<std::uint32_t>(context.tick_ns / 1'000'000);
    downlink.silent_ms = downlink.silent_ms < silence_ms ? downlink.silent_ms + tick_ms : silence_ms;
    const bool quiet = multiplexer.count() == 0;
    if (quiet && (context.clcw != downlink.clcw || downlink.silent_ms >= silence_ms)) multiplexer.send_idle();
    if (multiplexer.count() != 0) {
        downlink.clcw = context.clcw;
        downlink.silent_ms = 0;
    }
    return multiplexer.count();
}

ReadRequest next_read(DownlinkContext& context, std::size_t frames_max) {
    constexpr std::array<Stream, 3> streams = {Stream::critical, Stream::housekeeping, Stream::debug};
    RecorderAccount& recorder = context.account.recorder;
    const std::size_t wanted = (frames_max + 1) * tm_layout(context.protection).data_octets;
    const std::size_t octets_max =
        wanted < computer::readback_octets_max ? wanted : computer::readback_octets_max;
    const ReadRequest file = context.files != nullptr ? context.files->wanted() : ReadRequest{};
    const bool file_wanted = file.kind != static_cast<std::uint8_t>(ReadKind::none);
    const bool urgent = file_wanted && context.files->urgent();
    recorder.read = {};
    recorder.read_by = static_cast<std::uint8_t>(ReadBy::nobody);
    for (const Stream stream : streams) {
        // Files go before debug records, and before housekeeping if they are urgent.
        const bool file_first =
            stream == Stream::debug ? file_wanted : (stream == Stream::housekeeping && urgent);
        if (file_first) break;
        std::size_t range = 0;
        std::uint64_t fresh = 0;
        for (std::size_t i = 0; i < context.records.count && i < computer::RecordList::items_max; ++i)
            fresh += context.records.items[i].stream == static_cast<std::uint8_t>(stream) ? 1 : 0;
        if (!playback_waits(recorder, context.store, stream, fresh, range)) continue;
        const bool by_range = range < RecorderAccount::ranges_max;
        recorder.read = read_records(context, stream, range, octets_max);
        recorder.read_by = static_cast<std::uint8_t>(by_range ? ReadBy::range : ReadBy::stream);
        return recorder.read;
    }
    if (!file_wanted) return {};
    recorder.read_by = static_cast<std::uint8_t>(ReadBy::files);
    return file;
}

std::uint32_t frames_sent(const CdhAccount& account) {
    std::uint32_t total = account.downlink.idle_frames;
    for (const Channel& channel : account.downlink.channels)
        total += channel.frames_sent;
    return total;
}

void fill_recorder_telemetry(const CdhAccount& account, const RecorderControl& control,
                             const computer::StoreStatus& store, Telemetry& telemetry) {
    for (std::size_t i = 0; i < stream_count; ++i) {
        const StreamSummary summary = summarise(account.recorder, control, store, static_cast<Stream>(i));
        telemetry.records_first[i] = static_cast<std::uint32_t>(summary.first);
        telemetry.records_next[i] = static_cast<std::uint32_t>(summary.next);
        telemetry.records_sent[i] = static_cast<std::uint32_t>(summary.sent);
        telemetry.records_acknowledged[i] = static_cast<std::uint32_t>(summary.acknowledged);
        telemetry.stream_octets[i] = static_cast<std::uint32_t>(summary.octets);
        const auto& given_up = account.recorder.streams[i].given_up;
        telemetry.given_up_quota[i] = given_up[static_cast<std::size_t>(GivenUp::quota)];
        telemetry.given_up_corrupt[i] = given_up[static_cast<std::size_t>(GivenUp::corrupt_block)];
        telemetry.given_up_storage[i] = given_up[static_cast<std::size_t>(GivenUp::storage)];
        telemetry.given_up_volatile[i] = given_up[static_cast<std::size_t>(GivenUp::volatile_tail)];
        telemetry.given_up_no_room[i] = given_up[static_cast<std::size_t>(GivenUp::no_room)];
    }
    for (std::size_t i = 0; i < packet_channels; ++i)
        telemetry.channel_frames[i] = account.downlink.channels[i].frames_sent;
    telemetry.channel_frames[packet_channels] = account.downlink.idle_frames;
    telemetry.reads_failed = account.recorder.reads_failed;
    telemetry.playback_ranges = static_cast<std::uint8_t>(account.recorder.range_count);
}

}  // namespace safehold::cdh
