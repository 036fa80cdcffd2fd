// Blocks of mass memory by what is in them.
//
// Purpose: blocks that are full do not change any more. A state that is kept in this process, or beside
// others of its run in a file, names each of them by the SHA-256 of its octets; the pool has the octets,
// once. A block in the pool and in any number of mass memories is the same one, and whoever changes it copies
// it first.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "safehold/host/sha256.hpp"

namespace safehold::host {

inline constexpr std::size_t block_octets = 65'536;

class Content {
  public:
    Content() = default;
    explicit Content(std::vector<std::uint8_t> octets) : octets_(std::move(octets)) {}

    [[nodiscard]] const std::vector<std::uint8_t>& octets() const { return octets_; }
    // To be changed: what is known of it is forgotten.
    [[nodiscard]] std::vector<std::uint8_t>& change() {
        hashed_ = false;
        checked_ = false;
        return octets_;
    }
    // SHA-256 of the octets, found once.
    [[nodiscard]] const Digest& hash() const {
        if (!hashed_) hash_ = sha256(octets_.data(), octets_.size());
        hashed_ = true;
        return hash_;
    }

    // Whether they were found to be whole records since they were last changed.
    [[nodiscard]] bool checked() const { return checked_; }
    void mark_checked() const { checked_ = true; }

  private:
    std::vector<std::uint8_t> octets_;
    mutable Digest hash_{};
    mutable bool hashed_ = false;
    mutable bool checked_ = false;
};

using SharedContent = std::shared_ptr<Content>;

class BlockPool {
  public:
    void add(const SharedContent& content) { blocks_.try_emplace(content->hash(), content); }
    // Null if it is not there.
    [[nodiscard]] SharedContent find(const Digest& hash) const {
        const auto found = blocks_.find(hash);
        return found == blocks_.end() ? nullptr : found->second;
    }
    [[nodiscard]] const std::map<Digest, SharedContent>& blocks() const { return blocks_; }

  private:
    std::map<Digest, SharedContent> blocks_;
};

}  // namespace safehold::host
