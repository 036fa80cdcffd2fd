#include "safehold/host/persistence.hpp"

#include "safehold/dictionary.hpp"

namespace safehold::host {
namespace {

using computer::Slot;

constexpr std::uint32_t layout_version = 1;

struct CopyHead {
    char magic[8];
    std::array<std::uint8_t, 32> dictionary;  // the first half of its SHA-256 in hexadecimal
    std::uint32_t layout;
    std::uint32_t slot;
    std::uint32_t sequence;
    std::uint32_t length;
    std::uint32_t spare;
    std::uint32_t crc;  // of the head before this field, then of the octets
};
static_assert(sizeof(CopyHead) == 64);
constexpr std::size_t head_covered = 60;

// Boot and security must be readable by every image; control belongs to one state layout alone.
bool is_bound_to_layout(Slot slot) {
    return slot == Slot::control;
}

CopyHead make_head(Slot slot, std::uint32_t sequence, std::size_t length) {
    CopyHead head{};
    std::memcpy(head.magic, "SAFESLOT", sizeof head.magic);
    if (is_bound_to_layout(slot)) {
        std::memcpy(head.dictionary.data(), dictionary_sha256, head.dictionary.size());
        head.layout = layout_version;
    }
    head.slot = static_cast<std::uint32_t>(slot);
    head.sequence = sequence;
    head.length = static_cast<std::uint32_t>(length);
    return head;
}

std::uint32_t crc_of(const std::uint8_t* copy, std::size_t length) {
    const std::uint32_t head = computer::crc32(copy, head_covered);
    return head ^ computer::crc32(copy + sizeof(CopyHead), length);
}

// The head of a copy that is whole and of this slot; its length is then right.
bool read_head(const std::vector<std::uint8_t>& copy, Slot slot, CopyHead& head) {
    if (copy.size() < sizeof head) return false;
    std::memcpy(&head, copy.data(), sizeof head);
    if (head.length != copy.size() - sizeof head) return false;
    CopyHead wanted = make_head(slot, head.sequence, head.length);
    wanted.crc = crc_of(copy.data(), head.length);
    return std::memcmp(&head, &wanted, sizeof head) == 0;
}

bool is_newer(std::uint32_t a, std::uint32_t b) {
    return a != b && a - b < 0x8000'0000U;
}

}  // namespace

Persistence::Persistence() {
    for (std::size_t i = 0; i < slots_.size(); ++i)
        slots_[i].resize(static_cast<Slot>(i) == Slot::control ? 2 : 3);
}

std::size_t Persistence::copies(Slot slot) const {
    return slots_.at(static_cast<std::size_t>(slot)).size();
}

bool Persistence::write(Slot slot, std::uint32_t sequence, const void* octets, std::size_t count,
                        Power& power, CopySink* sink) {
    auto& copies = slots_.at(static_cast<std::size_t>(slot));
    CopyHead head = make_head(slot, sequence, count);
    Copy made(sizeof head + count);
    std::memcpy(made.data(), &head, sizeof head);
    if (count != 0) std::memcpy(made.data() + sizeof head, octets, count);
    head.crc = crc_of(made.data(), count);
    std::memcpy(made.data(), &head, sizeof head);
    // The first to go is an unsound copy, then the oldest.
    std::size_t first = 0;
    CopyHead oldest{};
    for (std::size_t i = 0; i < copies.size(); ++i) {
        CopyHead found{};
        if (!read_head(copies[i], slot, found)) {
            first = i;
            break;
        }
        if (i == 0 || is_newer(oldest.sequence, found.sequence)) {
            first = i;
            oldest = found;
        }
    }
    const std::size_t written = slot == Slot::control ? 1 : copies.size();
    bool kept = false;
    for (std::size_t i = 0; i < written; ++i) {
        const std::size_t place = (first + i) % copies.size();
        Copy& copy = copies[place];
        const std::size_t through = power.admit(made.size());
        if (sink != nullptr && power.out != 0 && through == 0 && power.cut_at != power.writes) continue;
        if (sink != nullptr &&
            !sink->write_copy(static_cast<std::size_t>(slot), place, made.data(), made.size(), through)) {
            continue;  // what was there is still there
        }
        if (through == made.size()) {
            copy = made;
            kept = true;
        } else if (through != 0 || power.cut_at == power.writes) {
            // Torn: the new octets up to there, the old ones behind them.
            if (copy.size() < made.size()) copy.resize(made.size());
            std::memcpy(copy.data(), made.data(), through);
        }
    }
    return kept;
}

std::size_t Persistence::load(Slot slot, void* octets, std::size_t count, std::uint32_t& sequence) const {
    const Copy* best = nullptr;
    CopyHead newest{};
    for (const Copy& copy : slots_.at(static_cast<std::size_t>(slot))) {
        CopyHead head{};
        if (!read_head(copy, slot, head) || head.length != count) continue;
        if (best != nullptr && !is_newer(head.sequence, newest.sequence)) continue;
        best = &copy;
        newest = head;
    }
    if (best == nullptr) return 0;
    std::memcpy(octets, best->data() + sizeof(CopyHead), count);
    sequence = newest.sequence;
    return count;
}

void Persistence::forget(Slot slot) {
    for (Copy& copy : slots_.at(static_cast<std::size_t>(slot)))
        copy.clear();
}

bool Persistence::flip(Slot slot, std::size_t copy, std::size_t bit) {
    auto& copies = slots_.at(static_cast<std::size_t>(slot));
    if (copy >= copies.size() || bit / 8 >= copies[copy].size()) return false;
    copies[copy][bit / 8] = static_cast<std::uint8_t>(copies[copy][bit / 8] ^ (1U << (bit % 8)));
    return true;
}

void Persistence::each(
    const std::function<void(std::size_t slot, std::size_t copy, const Copy& octets)>& see) const {
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
        for (std::size_t copy = 0; copy < slots_[slot].size(); ++copy)
            see(slot, copy, slots_[slot][copy]);
    }
}

void Persistence::replace(const std::function<Copy(std::size_t slot, std::size_t copy)>& give) {
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
        for (std::size_t copy = 0; copy < slots_[slot].size(); ++copy)
            slots_[slot][copy] = give(slot, copy);
    }
}

void Persistence::put(Out& out) const {
    for (const auto& copies : slots_) {
        for (const Copy& copy : copies)
            out.list(copy);
    }
}

void Persistence::take(In& in) {
    for (auto& copies : slots_) {
        for (Copy& copy : copies)
            copy = in.list<std::uint8_t>();
    }
}

}  // namespace safehold::host
