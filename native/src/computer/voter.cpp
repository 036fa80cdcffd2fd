#include "safehold/computer/voter.hpp"

#include <cstring>

#include "safehold/computer/replica_mask.hpp"

namespace safehold::computer {
namespace {

// Octets up to a count that may itself be wrong.
template <typename T, std::size_t n>
bool same_items(const std::array<T, n>& a, const std::array<T, n>& b, std::size_t count) {
    const std::size_t bounded = count < n ? count : n;
    return bounded == 0 || std::memcmp(a.data(), b.data(), bounded * sizeof(T)) == 0;
}

bool same_requests(const StepOutput& a, const StepOutput& b) {
    constexpr std::size_t fixed = sizeof(ReadRequest) + sizeof(DropRequest) + sizeof(PersistRequest);
    static_assert(offsetof(StepOutput, records) == offsetof(StepOutput, read) + fixed);
    if (std::memcmp(&a.read, &b.read, fixed) != 0) return false;
    if (a.records.count != b.records.count || a.records.length != b.records.length) return false;
    if (a.files.count != b.files.count || a.files.length != b.files.length) return false;
    return same_items(a.records.items, b.records.items, a.records.count) &&
           same_items(a.records.octets, b.records.octets, a.records.length) &&
           same_items(a.files.items, b.files.items, a.files.count) &&
           same_items(a.files.octets, b.files.octets, a.files.length);
}

bool same(const StepOutput& a, const StepOutput& b) {
    constexpr std::size_t head = sizeof(ActuatorFrame) + 8;  // with status and frame count
    if (std::memcmp(&a, &b, head) != 0) return false;
    if (a.events.count != b.events.count || a.events.dropped != b.events.dropped) return false;
    if (a.security.select != b.security.select || a.reset != b.reset) return false;
    return same_items(a.events.items, b.events.items, a.events.count) && same_requests(a, b) &&
           same_items(a.frames, b.frames, a.frame_count);
}

std::uint64_t word(const std::uint8_t* octets) {
    std::uint64_t value;
    std::memcpy(&value, octets, 8);
    return value;
}

}  // namespace

Vote vote(const std::array<StepOutput, replicas_max>& outputs, std::uint8_t voting) {
    std::uint8_t speaking = voting;
    for (std::size_t i = 0; i < replicas_max; ++i) {
        const StepOutput& output = outputs[i];
        if (has(voting, i) && output.status != static_cast<std::uint32_t>(StepStatus::done)) {
            speaking = without(speaking, bit(i));
        }
    }
    const auto silent = without(voting, speaking);
    const int count = population(speaking);
    if (population(voting) == 1) return count == 1 ? Vote{speaking >> 1, 0} : Vote{no_winner, voting};
    // Of a pair, the one that fell silent is known to be the faulty one.
    if (population(voting) == 2 && count == 1) return {speaking >> 1, silent};
    const bool e01 = has(speaking, 0) && has(speaking, 1) && same(outputs[0], outputs[1]);
    if (e01) return {0, !has(speaking, 2) || same(outputs[0], outputs[2]) ? silent : bit(2)};
    if (has(speaking, 2)) {
        if (has(speaking, 0) && same(outputs[0], outputs[2])) return {0, without(voting, bit(0) | bit(2))};
        if (has(speaking, 1) && same(outputs[1], outputs[2])) return {1, without(voting, bit(1) | bit(2))};
    }
    return {no_winner, voting};
}

std::uint8_t differing_slice(const std::array<ReplicaState, replicas_max>& replicas, std::uint8_t voting,
                             std::size_t offset, std::size_t octets) {
    const auto equal = [&](std::size_t a, std::size_t b) {
        return std::memcmp(reinterpret_cast<const std::uint8_t*>(&replicas[a]) + offset,
                           reinterpret_cast<const std::uint8_t*>(&replicas[b]) + offset, octets) == 0;
    };
    if (population(voting) < 2) return 0;
    if (population(voting) == 2) {
        const std::size_t a = has(voting, 0) ? 0 : 1;
        const std::size_t b = has(voting, 2) ? 2 : 1;
        return equal(a, b) ? std::uint8_t{0} : voting;
    }
    const bool e01 = equal(0, 1);
    const bool e02 = equal(0, 2);
    if (e01) return e02 ? std::uint8_t{0} : bit(2);
    if (e02) return bit(1);
    return equal(1, 2) ? bit(0) : voting;
}

bool resynchronise(std::array<ReplicaState, replicas_max>& replicas, std::uint8_t voting, int target) {
    const auto t = static_cast<std::size_t>(target);
    const std::uint8_t others = without(voting, bit(t));
    if (population(others) != 2) return false;
    const std::size_t a = has(others, 0) ? 0 : 1;
    const std::size_t b = has(others, 2) ? 2 : 1;
    auto* octets_a = reinterpret_cast<std::uint8_t*>(&replicas[a]);
    auto* octets_b = reinterpret_cast<std::uint8_t*>(&replicas[b]);
    auto* octets_t = reinterpret_cast<std::uint8_t*>(&replicas[t]);
    if (std::memcmp(octets_a, octets_b, sizeof(ReplicaState)) != 0) {
        for (std::size_t i = 0; i < sizeof(ReplicaState); i += 8) {
            const std::uint64_t va = word(octets_a + i);
            const std::uint64_t vb = word(octets_b + i);
            if (va != vb && word(octets_t + i) != va && word(octets_t + i) != vb) return false;
        }
        for (std::size_t i = 0; i < sizeof(ReplicaState); i += 8) {
            if (word(octets_a + i) == word(octets_b + i)) continue;
            const bool with_a = word(octets_t + i) == word(octets_a + i);
            std::memcpy(with_a ? octets_b + i : octets_a + i, octets_t + i, 8);
        }
    }
    const std::uint32_t crc = crc32(octets_a, sizeof(ReplicaState));
    if (crc != crc32(octets_b, sizeof(ReplicaState))) return false;
    std::memcpy(octets_t, octets_a, sizeof(ReplicaState));
    return crc32(octets_t, sizeof(ReplicaState)) == crc;
}

}  // namespace safehold::computer
