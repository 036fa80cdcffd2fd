// Mass memory as octets of a snapshot, and read back from octets of any kind.
#include <stdexcept>
#include <utility>

#include "mass_memory_parts.hpp"

namespace safehold::host {
namespace {

using computer::FileEntry;
using computer::RecordHead;

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

// A file ends with its last piece: what it says of its length is what is asked of the host's memory.
void check_end(const FileEntry& entry, const std::vector<SharedContent>& pieces) {
    const std::size_t end =
        pieces.empty() ? 0 : (pieces.size() - 1) * block_octets + pieces.back()->octets().size();
    if (entry.length != end) throw std::invalid_argument("mass memory has a file that is not all there");
}

}  // namespace

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
    std::uint64_t reserved = 0;
    const auto files = in.value<std::uint64_t>();
    for (std::uint64_t i = 0; i < files; ++i) {
        StoredFile file;
        file.entry = in.value<FileEntry>();
        const auto pieces = in.value<std::uint64_t>();
        for (std::uint64_t k = 0; k < pieces; ++k) {
            file.pieces.push_back(take_content(in));
            check_piece(file.entry, k, file.pieces.back()->octets().size());
        }
        check_end(file.entry, file.pieces);
        reserved += file.entry.length_max;
        if (!files_.emplace(file.entry.id, std::move(file)).second || files_.size() > computer::files_max)
            throw std::invalid_argument("mass memory has more files than can be, or one twice");
    }
    if (reserved != file_octets_)
        throw std::invalid_argument("mass memory has not reserved what its files take");
    in.take(&chain_, sizeof chain_);
}

}  // namespace safehold::host
