// Mass memory: its records, and what it says of itself.
#include <algorithm>

#include "mass_memory_parts.hpp"

namespace safehold::host {
namespace {

using computer::Readback;
using computer::ReadKind;
using computer::ReadRequest;
using computer::ReadStatus;
using computer::RecordHead;
using computer::Stream;
using memory::find_record;
using memory::finish;
using memory::head_at;
using memory::operation_append;
using memory::operation_drop;
using memory::own;
using memory::room;

}  // namespace

// --- what joins the chain

void MassMemory::note(std::uint32_t operation, std::uint64_t a, std::uint64_t b, const void* data,
                      std::size_t count) {
    struct {
        std::uint32_t operation;
        std::uint32_t count;
        std::uint64_t a;
        std::uint64_t b;
    } const head = {operation, static_cast<std::uint32_t>(count), a, b};
    chain_.add(&head, sizeof head);
    if (count != 0) chain_.add(data, count);
}

// --- records

void MassMemory::seal(std::size_t stream, StreamLog& log) {
    Block block = std::move(log.open);
    std::array<std::uint8_t, 32 + 32 + 16> link{};
    const std::array<std::uint64_t, 2> place = {static_cast<std::uint64_t>(stream), block.first};
    std::memcpy(link.data(), log.head.data(), 32);
    std::memcpy(link.data() + 32, block.content->hash().data(), 32);
    std::memcpy(link.data() + 64, place.data(), 16);
    block.head = log.head = sha256(link.data(), link.size());
    log.sealed.push_back(std::move(block));
    log.open = Block{};
    log.open.first = log.next;
}

bool MassMemory::has_room(std::size_t stream, std::size_t record_octets) const {
    return record_octets != 0 && record_octets <= computer::record_octets_max &&
           streams_.at(stream).octets + sizeof(RecordHead) + record_octets <= quotas_.streams.at(stream);
}

void MassMemory::refuse(std::size_t stream) {
    // Its number stays taken: what was sent under it is never mistaken for another record.
    ++streams_.at(stream).refused;
    ++streams_.at(stream).next;
}

// Behind those that are there, under the next number.
void MassMemory::put_record(std::size_t stream, const std::uint8_t* record, std::size_t record_octets) {
    StreamLog& log = streams_.at(stream);
    const std::size_t needed = sizeof(RecordHead) + record_octets;
    if (log.open.octets().size() + needed > block_octets) seal(stream, log);
    own(log.open.content);
    const RecordHead head = {log.next, static_cast<std::uint32_t>(record_octets),
                             computer::crc32(record, record_octets)};
    auto& octets = log.open.content->change();
    const std::size_t at = octets.size();
    octets.resize(at + needed);
    std::memcpy(octets.data() + at, &head, sizeof head);
    std::memcpy(octets.data() + at + sizeof head, record, record_octets);
    log.octets += needed;
    ++log.next;
}

void MassMemory::append(Stream stream, const std::uint8_t* record, std::size_t record_octets) {
    const auto index = static_cast<std::size_t>(stream);
    if (!has_room(index, record_octets)) {
        refuse(index);
        return;
    }
    note(operation_append, index, next(index), record, record_octets);
    put_record(index, record, record_octets);
}

void MassMemory::drop(const computer::DropRequest& request) {
    if (request.stream >= streams_.size()) return;
    StreamLog& log = streams_.at(request.stream);
    const std::uint64_t until = std::min(request.until, log.next);
    if (until <= log.first) return;
    const auto dropped_from = [&](const Block& block) {
        return find_record(block, until) - find_record(block, log.first);
    };
    while (!log.sealed.empty()) {
        const std::uint64_t end = log.sealed.size() > 1 ? log.sealed[1].first : log.open.first;
        log.octets -= dropped_from(log.sealed.front());
        if (end > until) break;
        log.sealed.pop_front();
    }
    if (log.sealed.empty()) log.octets -= dropped_from(log.open);
    log.first = until;
    note(operation_drop, request.stream, until, nullptr, 0);
}

void MassMemory::read_records(const ReadRequest& request, Readback& readback) const {
    if (request.stream >= streams_.size()) {
        readback.status = static_cast<std::uint32_t>(ReadStatus::unknown);
        return;
    }
    const StreamLog& log = streams_.at(request.stream);
    const std::uint64_t from = std::max(request.from, log.first);
    const std::size_t most = room(request);
    std::size_t octets = 0;
    std::size_t records = 0;
    // False once the readback is full.
    const auto take = [&](const Block& block) {
        for (std::size_t at = find_record(block, from); at < block.octets().size();) {
            const std::size_t size = sizeof(RecordHead) + head_at(block, at).length;
            if (size > most - octets) return false;
            if (records == 0) readback.first = head_at(block, at).number;
            std::memcpy(readback.data.data() + octets, block.octets().data() + at, size);
            octets += size;
            ++records;
            at += size;
        }
        return true;
    };
    const auto after =
        std::upper_bound(log.sealed.begin(), log.sealed.end(), from,
                         [](std::uint64_t number, const Block& block) { return number < block.first; });
    bool more = true;
    for (auto at = after == log.sealed.begin() ? after : after - 1; more && at != log.sealed.end(); ++at)
        more = take(*at);
    if (more) take(log.open);
    finish(readback, octets, records);
}

// --- both

void MassMemory::read(const ReadRequest& request, Readback& readback) const {
    readback.request = request;
    readback.first = 0;
    finish(readback, 0, 0);
    switch (static_cast<ReadKind>(request.kind)) {
        case ReadKind::records:
            read_records(request, readback);
            break;
        case ReadKind::file:
            read_file(request, readback);
            break;
        case ReadKind::directory:
            read_directory(request, readback);
            break;
        default:
            readback.status = static_cast<std::uint32_t>(ReadStatus::unknown);
            break;
    }
}

void MassMemory::status(computer::StoreStatus& status) const {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        const StreamLog& log = streams_[i];
        status.streams[i] = {log.first, log.next, log.octets, quotas_.streams[i], log.refused, 0, 0};
        if (log.holes.empty()) continue;
        const Hole& hole = log.holes.front();
        status.streams[i].lost_from = hole.from;
        status.streams[i].lost =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(hole.end - hole.from, 0xFFFF'FFFFU));
    }
    status.files = static_cast<std::uint32_t>(files_.size());
    status.file_octets = file_octets_;
    status.file_quota_octets = quotas_.files;
}

}  // namespace safehold::host
