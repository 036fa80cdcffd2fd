// Mass memory: starts, and content that is kept elsewhere.
#include <algorithm>
#include <utility>

#include "mass_memory_parts.hpp"

namespace safehold::host {
namespace {

using computer::FileEntry;
using computer::RecordHead;
using memory::find_record;
using memory::head_at;
using memory::operation_unseal;

}  // namespace

void MassMemory::lose(std::size_t stream, std::uint64_t from, std::uint64_t end) {
    StreamLog& log = streams_.at(stream);
    if (from < end && !log.holes.empty() && log.holes.back().end == from) {
        log.holes.back().end = end;
    } else if (from < end) {
        log.holes.push_back({from, end});
    }
    reach(stream, end);
}

void MassMemory::lose_gaps(std::size_t stream, std::uint64_t from, std::uint64_t end) {
    StreamLog& log = streams_.at(stream);
    const std::vector<Hole> before = std::exchange(log.holes, {});
    std::uint64_t expected = from;
    const auto walk = [&](const Block& block) {
        for (std::size_t at = find_record(block, from); at < block.octets().size();) {
            const RecordHead head = head_at(block, at);
            if (head.number >= end) return;
            lose(stream, expected, head.number);
            expected = head.number + 1;
            at += sizeof head + head.length;
        }
    };
    for (const Block& block : log.sealed)
        walk(block);
    walk(log.open);
    lose(stream, expected, end);
    for (const Hole& hole : before)
        lose(stream, std::max(hole.from, end), hole.end);
}

void MassMemory::lost_told() {
    for (StreamLog& log : streams_) {
        if (!log.holes.empty()) log.holes.erase(log.holes.begin());
    }
}

void MassMemory::empty() {
    for (StreamLog& log : streams_)
        log = {};
    files_.clear();
    file_octets_ = 0;
}

void MassMemory::restore_record(std::size_t stream, std::uint64_t number, const std::uint8_t* record,
                                std::size_t record_octets) {
    StreamLog& log = streams_.at(stream);
    if (log.octets == 0) log.first = log.open.first = number;
    log.next = number;
    put_record(stream, record, record_octets);
}

bool MassMemory::restore_file(const FileEntry& entry, const std::uint8_t* content) {
    if (entry.id == 0 || files_.count(entry.id) != 0 || entry.length > entry.length_max ||
        files_.size() >= computer::files_max || file_octets_ + entry.length_max > quotas_.files) {
        return false;
    }
    StoredFile& file = files_[entry.id];
    file.entry = entry;
    for (std::size_t at = 0; at < entry.length; at += block_octets) {
        const std::size_t part = std::min<std::size_t>(block_octets, entry.length - at);
        file.pieces.push_back(
            std::make_shared<Content>(std::vector<std::uint8_t>(content + at, content + at + part)));
    }
    file_octets_ += entry.length_max;
    return true;
}

// Numbers that were taken, beyond the records that are there.
void MassMemory::reach(std::size_t stream, std::uint64_t next) {
    StreamLog& log = streams_.at(stream);
    log.next = std::max(log.next, next);
    if (log.octets == 0) log.first = log.open.first = log.next;
}

void MassMemory::unseal(const FileEntry& before) {
    const auto found = files_.find(before.id);
    if (found == files_.end()) return;
    file_octets_ += before.length_max - found->second.entry.length_max;
    found->second.entry = before;
    note(operation_unseal, before.id, before.length_max, nullptr, 0);
}

bool MassMemory::entry(std::uint32_t file, FileEntry& entry) const {
    const auto found = files_.find(file);
    if (found == files_.end()) return false;
    entry = found->second.entry;
    return true;
}

void MassMemory::each_record(
    const std::function<void(std::size_t, std::uint64_t, const std::uint8_t*, std::size_t)>& see) const {
    for (std::size_t stream = 0; stream < streams_.size(); ++stream) {
        const StreamLog& log = streams_[stream];
        const auto each = [&](const Block& block) {
            for (std::size_t at = find_record(block, log.first); at < block.octets().size();) {
                const RecordHead head = head_at(block, at);
                see(stream, head.number, block.octets().data() + at + sizeof head, head.length);
                at += sizeof head + head.length;
            }
        };
        for (const Block& block : log.sealed)
            each(block);
        each(log.open);
    }
}

void MassMemory::each_file(
    const std::function<void(const FileEntry&, const std::vector<std::uint8_t>&)>& see) const {
    for (const auto& [id, file] : files_)
        see(file.entry, whole(file));
}

}  // namespace safehold::host
