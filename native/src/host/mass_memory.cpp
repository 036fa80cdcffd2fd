#include "safehold/host/mass_memory.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace safehold::host {
namespace {

using computer::FileAnswer;
using computer::FileEntry;
using computer::FileOperation;
using computer::FileRequest;
using computer::Readback;
using computer::ReadKind;
using computer::ReadRequest;
using computer::ReadStatus;
using computer::RecordHead;
using computer::Stream;

enum Operation : std::uint32_t {
    operation_append = 1,
    operation_drop = 2,
    operation_unseal = 3,
    operation_file = 16
};

RecordHead head_at(const Block& block, std::size_t at) {
    RecordHead head;
    std::memcpy(&head, block.octets().data() + at, sizeof head);
    return head;
}

// Where the first record numbered `from` or higher begins; the end if there is none.
std::size_t find_record(const Block& block, std::uint64_t from) {
    std::size_t at = 0;
    while (at < block.octets().size()) {
        const RecordHead head = head_at(block, at);
        if (head.number >= from) break;
        at += sizeof head + head.length;
    }
    return at;
}

std::size_t room(const ReadRequest& request) {
    return request.octets_max < computer::readback_octets_max ? request.octets_max
                                                              : computer::readback_octets_max;
}

// What is shared is copied before it is changed.
void own(SharedContent& content) {
    if (content.use_count() > 1) content = std::make_shared<Content>(content->octets());
}

constexpr std::uint64_t by_name = 1ULL << 63U;

// Its length, and its octets; or, marked, its length and name, if it does not change any more and there is a
// pool to keep it.
void put_content(Out& out, const SharedContent& content, bool settled) {
    if (out.pool == nullptr || !settled) {
        out.list(content->octets());
        return;
    }
    out.value(by_name | static_cast<std::uint64_t>(content->octets().size()));
    out.value(content->hash());
    out.pool->add(content);
}

SharedContent take_content(In& in) {
    if (in.pool != nullptr && (in.peek() & by_name) != 0) {
        const std::uint64_t octets = in.value<std::uint64_t>() & ~by_name;
        const SharedContent found = in.pool->find(in.value<Digest>());
        if (found == nullptr || found->octets().size() != octets)
            throw std::invalid_argument("a block of the state is not at hand");
        return found;
    }
    return std::make_shared<Content>(in.list<std::uint8_t>());
}

// Whole records and nothing else: what reads them goes from head to head. Asked once of each block, whoever
// it comes from: those of a pool were read from a file as well.
void check_records(const Content& content) {
    if (content.checked()) return;
    const std::vector<std::uint8_t>& octets = content.octets();
    for (std::size_t at = 0; at < octets.size();) {
        RecordHead head{};
        const std::size_t left = octets.size() - at;
        if (left >= sizeof head) std::memcpy(&head, octets.data() + at, sizeof head);
        if (left < sizeof head || head.length > left - sizeof head)
            throw std::invalid_argument("mass memory has a block that ends within a record");
        at += sizeof head + head.length;
    }
    content.mark_checked();
}

// A piece lies within its file.
void check_piece(const FileEntry& entry, std::uint64_t index, std::size_t octets) {
    const std::uint64_t start = index * block_octets;
    const bool holds = octets <= block_octets && start <= entry.length && octets <= entry.length - start;
    if (!holds || entry.length > entry.length_max)
        throw std::invalid_argument("mass memory has a file that is longer than it says");
}

void finish(Readback& readback, std::size_t octets, std::size_t records) {
    readback.octets = static_cast<std::uint32_t>(octets);
    readback.records = static_cast<std::uint32_t>(records);
    readback.crc = computer::crc32(readback.data.data(), octets);
    readback.status = static_cast<std::uint32_t>(octets != 0 ? ReadStatus::done : ReadStatus::nothing);
}

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

// --- files

FileAnswer MassMemory::create(const FileRequest& request) {
    if (request.file == 0) return FileAnswer::unknown;
    const auto before = files_.find(request.file);
    if (before != files_.end()) {
        if (request.check == 0 || before->second.entry.sealed != 0) return FileAnswer::exists;
        file_octets_ -= before->second.entry.length_max;
        files_.erase(before);
    }
    if (files_.size() >= computer::files_max || file_octets_ + request.length > quotas_.files) {
        return FileAnswer::full;
    }
    StoredFile& file = files_[request.file];
    file.entry.id = request.file;
    file.entry.kind = request.kind;
    file.entry.length_max = request.length;
    file_octets_ += request.length;
    return FileAnswer::done;
}

FileAnswer MassMemory::write(StoredFile& file, const FileRequest& request, const std::uint8_t* data) {
    if (file.entry.sealed != 0) return FileAnswer::sealed;
    if (request.offset > file.entry.length_max || request.length > file.entry.length_max - request.offset ||
        (data == nullptr && request.length != 0)) {
        return FileAnswer::range;
    }
    std::size_t offset = request.offset;
    for (std::size_t left = request.length; left > 0;) {
        const std::size_t index = offset / block_octets;
        const std::size_t within = offset % block_octets;
        const std::size_t part = std::min(left, block_octets - within);
        while (file.pieces.size() <= index)
            file.pieces.push_back(std::make_shared<Content>());
        own(file.pieces[index]);
        auto& piece = file.pieces[index]->change();
        if (piece.size() < within + part) {
            piece.reserve(block_octets);  // once: doubling would copy what is there again and again
            piece.resize(within + part);
        }
        std::memcpy(piece.data() + within, data, part);
        data += part;
        offset += part;
        left -= part;
    }
    file.entry.length = std::max(file.entry.length, static_cast<std::uint32_t>(offset));
    return FileAnswer::done;
}

FileAnswer MassMemory::seal(StoredFile& file, const FileRequest& request) {
    if (file.entry.sealed != 0) return FileAnswer::sealed;
    if (request.length != file.entry.length) return FileAnswer::range;
    const auto content = whole(file);
    const std::uint32_t crc = computer::crc32(content.data(), content.size());
    if (request.check != 0 && crc != request.crc) return FileAnswer::mismatch;
    file.entry.crc = crc;
    file.entry.sealed = 1;
    file_octets_ -= file.entry.length_max - file.entry.length;
    file.entry.length_max = file.entry.length;
    if (!file.pieces.empty() && file.pieces.back().use_count() == 1)
        file.pieces.back()->change().shrink_to_fit();
    return FileAnswer::done;
}

FileAnswer MassMemory::file(const FileRequest& request, const std::uint8_t* data) {
    const auto operation = static_cast<FileOperation>(request.operation);
    const auto found = files_.find(request.file);
    FileAnswer answer = FileAnswer::unknown;
    if (operation == FileOperation::create) {
        answer = create(request);
    } else if (found == files_.end()) {
        return FileAnswer::unknown;
    } else if (operation == FileOperation::write) {
        answer = write(found->second, request, data);
    } else if (operation == FileOperation::seal) {
        answer = seal(found->second, request);
    } else if (operation == FileOperation::mark) {
        found->second.entry.delivered = 1;
        answer = FileAnswer::done;
    } else if (operation == FileOperation::rank) {
        found->second.entry.kind = request.kind;
        answer = FileAnswer::done;
    } else if (operation == FileOperation::remove) {
        if (request.check != 0 && found->second.entry.delivered == 0) return FileAnswer::refused;
        file_octets_ -= found->second.entry.length_max;
        files_.erase(found);
        answer = FileAnswer::done;
    }
    if (answer == FileAnswer::done) {
        const bool writes = operation == FileOperation::write;
        note(operation_file + request.operation,
             request.file | (static_cast<std::uint64_t>(request.kind) << 32U),
             (static_cast<std::uint64_t>(request.offset) << 32U) | request.length, data,
             writes ? request.length : 0);
    }
    return answer;
}

void MassMemory::read_file(const ReadRequest& request, Readback& readback) const {
    const auto found = files_.find(request.file);
    if (found == files_.end()) {
        readback.status = static_cast<std::uint32_t>(ReadStatus::unknown);
        return;
    }
    const StoredFile& file = found->second;
    readback.first = request.from;
    const std::uint64_t length = file.entry.length;
    const std::size_t octets =
        request.from >= length ? 0 : std::min<std::size_t>(room(request), length - request.from);
    std::memset(readback.data.data(), 0, octets);
    for (std::size_t done = 0; done < octets;) {
        const std::size_t offset = request.from + done;
        const std::size_t within = offset % block_octets;
        const std::size_t part = std::min(octets - done, block_octets - within);
        const std::size_t index = offset / block_octets;
        if (index < file.pieces.size() && within < file.pieces[index]->octets().size()) {
            const auto& piece = file.pieces[index]->octets();
            std::memcpy(readback.data.data() + done, piece.data() + within,
                        std::min(part, piece.size() - within));
        }
        done += part;
    }
    finish(readback, octets, 0);
}

void MassMemory::read_directory(const ReadRequest& request, Readback& readback) const {
    const std::size_t most = room(request) / sizeof(FileEntry);
    std::size_t entries = 0;
    std::uint64_t place = 0;
    readback.first = request.from;
    for (const auto& [id, file] : files_) {
        if (place++ < request.from) continue;
        if (entries >= most) break;
        std::memcpy(readback.data.data() + entries * sizeof(FileEntry), &file.entry, sizeof(FileEntry));
        ++entries;
    }
    finish(readback, entries * sizeof(FileEntry), entries);
}

// Octets between pieces that were never written are zero.
std::vector<std::uint8_t> MassMemory::whole(const StoredFile& file) {
    std::vector<std::uint8_t> content(file.entry.length);
    for (std::size_t i = 0; i < file.pieces.size(); ++i) {
        const auto& piece = file.pieces[i]->octets();
        std::copy(piece.begin(), piece.end(),
                  content.begin() + static_cast<std::ptrdiff_t>(i * block_octets));
    }
    return content;
}

// --- starts, and content that is kept elsewhere

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

void MassMemory::put(Out& out) const {
    for (const StreamLog& log : streams_) {
        out.value(log.head);
        out.value(std::array<std::uint64_t, 3>{log.first, log.next, log.octets});
        out.value(std::array<std::uint32_t, 2>{log.refused, 0});
        out.list(log.holes);
        out.value(static_cast<std::uint64_t>(log.sealed.size()));
        for (const Block& block : log.sealed) {
            out.value(block.first);
            put_content(out, block.content, true);
            out.value(block.head);
        }
        out.value(log.open.first);
        put_content(out, log.open.content, false);
    }
    out.value(file_octets_);
    out.value(static_cast<std::uint64_t>(files_.size()));
    for (const auto& [id, file] : files_) {
        out.value(file.entry);
        out.value(static_cast<std::uint64_t>(file.pieces.size()));
        for (const SharedContent& piece : file.pieces)
            put_content(out, piece, file.entry.sealed != 0 || piece->octets().size() == block_octets);
    }
    out.value(chain_);
}

void MassMemory::take(In& in) {
    for (StreamLog& log : streams_) {
        log = {};
        log.head = in.value<Digest>();
        const auto numbers = in.value<std::array<std::uint64_t, 3>>();
        const auto counts = in.value<std::array<std::uint32_t, 2>>();
        log.first = numbers[0];
        log.next = numbers[1];
        log.octets = numbers[2];
        log.refused = counts[0];
        log.holes = in.list<Hole>();
        const auto blocks = in.value<std::uint64_t>();
        for (std::uint64_t i = 0; i < blocks; ++i) {
            Block block;
            block.first = in.value<std::uint64_t>();
            block.content = take_content(in);
            check_records(*block.content);
            block.head = in.value<Digest>();
            log.sealed.push_back(std::move(block));
        }
        log.open.first = in.value<std::uint64_t>();
        log.open.content = take_content(in);
        check_records(*log.open.content);
    }
    file_octets_ = in.value<std::uint64_t>();
    files_.clear();
    const auto files = in.value<std::uint64_t>();
    for (std::uint64_t i = 0; i < files; ++i) {
        StoredFile file;
        file.entry = in.value<FileEntry>();
        const auto pieces = in.value<std::uint64_t>();
        for (std::uint64_t k = 0; k < pieces; ++k) {
            file.pieces.push_back(take_content(in));
            check_piece(file.entry, k, file.pieces.back()->octets().size());
        }
        files_[file.entry.id] = std::move(file);
    }
    in.take(&chain_, sizeof chain_);
}

}  // namespace safehold::host
