// What the parts of MassMemory share: records within a block, content that is shared, answers to a read.
#pragma once

#include <cstring>

#include "safehold/host/mass_memory.hpp"

namespace safehold::host::memory {

using computer::Readback;
using computer::ReadRequest;
using computer::ReadStatus;
using computer::RecordHead;

enum Operation : std::uint32_t {
    operation_append = 1,
    operation_drop = 2,
    operation_unseal = 3,
    operation_file = 16
};

inline RecordHead head_at(const Block& block, std::size_t at) {
    RecordHead head;
    std::memcpy(&head, block.octets().data() + at, sizeof head);
    return head;
}

// Where the first record numbered `from` or higher begins; the end if there is none.
inline std::size_t find_record(const Block& block, std::uint64_t from) {
    std::size_t at = 0;
    while (at < block.octets().size()) {
        const RecordHead head = head_at(block, at);
        if (head.number >= from) break;
        at += sizeof head + head.length;
    }
    return at;
}

inline std::size_t room(const ReadRequest& request) {
    return request.octets_max < computer::readback_octets_max ? request.octets_max
                                                              : computer::readback_octets_max;
}

// What is shared is copied before it is changed.
inline void own(SharedContent& content) {
    if (content.use_count() > 1) content = std::make_shared<Content>(content->octets());
}

inline void finish(Readback& readback, std::size_t octets, std::size_t records) {
    readback.octets = static_cast<std::uint32_t>(octets);
    readback.records = static_cast<std::uint32_t>(records);
    readback.crc = computer::crc32(readback.data.data(), octets);
    readback.status = static_cast<std::uint32_t>(octets != 0 ? ReadStatus::done : ReadStatus::nothing);
}

}  // namespace safehold::host::memory
