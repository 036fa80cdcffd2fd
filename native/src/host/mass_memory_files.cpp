// Mass memory: its files.
#include <algorithm>

#include "mass_memory_parts.hpp"
#include "safehold/cdh/cfdp.hpp"

namespace safehold::host {
namespace {

using computer::FileAnswer;
using computer::FileEntry;
using computer::FileOperation;
using computer::FileRequest;
using computer::Readback;
using computer::ReadRequest;
using computer::ReadStatus;
using memory::finish;
using memory::operation_file;
using memory::own;
using memory::room;

bool is_black_box(std::uint32_t file) {
    return file >= cdh::file_id_black_box;
}

}  // namespace

// The black box has room of its own, which no other file takes.
bool MassMemory::has_room_for(const FileRequest& request) const {
    if (files_.size() >= computer::files_max || file_octets_ + request.length > quotas_.files) return false;
    if (is_black_box(request.file)) return true;
    std::uint64_t octets = request.length;
    std::size_t count = 1;
    for (const auto& [id, file] : files_) {
        if (is_black_box(id)) continue;
        octets += file.entry.length_max;
        ++count;
    }
    return count <= computer::files_max - chunks_kept && octets <= quotas_.files - black_box_octets;
}

FileAnswer MassMemory::create(const FileRequest& request) {
    if (request.file == 0) return FileAnswer::unknown;
    const auto before = files_.find(request.file);
    if (before != files_.end()) {
        if (request.check == 0 || before->second.entry.sealed != 0) return FileAnswer::exists;
        file_octets_ -= before->second.entry.length_max;
        files_.erase(before);
    }
    if (!has_room_for(request)) return FileAnswer::full;
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
    if (request.length != 0)
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

}  // namespace safehold::host
