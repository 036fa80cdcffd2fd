// Fuzz target: what is read back from persistence and mass memory. The input's first octet says whether the
// octets behind it are a whole store as a snapshot or the Pi's folder has it (also one that names its blocks,
// with a pool that has one made of the input), or changes to the copies of a slot that was written before.
// Nothing is handed out that was not written, and what cannot be is refused.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "safehold/host/mass_memory.hpp"
#include "safehold/host/persistence.hpp"

namespace {

using namespace safehold;
using namespace safehold::host;
using computer::Slot;

void require(bool holds) {
    if (!holds) std::abort();
}

// Two writes; then bits turned over. Whatever is loaded is one of the two.
void flips(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t octets = 40;
    Persistence store;
    Power power;
    std::array<std::uint8_t, octets> older{};
    std::array<std::uint8_t, octets> newer{};
    older.fill(0x11);
    newer.fill(0x22);
    const auto slot = static_cast<Slot>(size == 0 ? 0U : data[0] % computer::slot_count);
    require(store.write(slot, 1, older.data(), octets, power));
    require(store.write(slot, 2, newer.data(), octets, power));
    for (std::size_t at = 1; at + 3 <= size; at += 3) {
        const std::size_t bit = (static_cast<std::size_t>(data[at + 1]) << 8) | data[at + 2];
        (void)store.flip(slot, data[at] % store.copies(slot), bit);
    }
    std::array<std::uint8_t, octets> came{};
    std::uint32_t sequence = 0;
    const std::size_t loaded = store.load(slot, came.data(), octets, sequence);
    require(loaded == 0 || (sequence == 1 && came == older) || (sequence == 2 && came == newer));
}

void image(const std::uint8_t* data, std::size_t size) {
    Persistence store;
    In in(data, size, "a store");
    store.take(in);
    std::array<std::uint8_t, 64> octets{};
    std::uint32_t sequence = 0;
    for (std::size_t slot = 0; slot < computer::slot_count; ++slot) {
        for (const std::size_t count : {std::size_t{0}, std::size_t{32}, octets.size()})
            require(store.load(static_cast<Slot>(slot), octets.data(), count, sequence) <= octets.size());
        Power power;
        require(store.write(static_cast<Slot>(slot), sequence + 1, octets.data(), octets.size(), power));
        require(store.load(static_cast<Slot>(slot), octets.data(), octets.size(), sequence) == octets.size());
    }
}

void use(MassMemory& memory) {
    static auto readback = std::make_unique<computer::Readback>();
    computer::StoreStatus status{};
    memory.status(status);
    const auto read = [&](computer::ReadKind kind, std::uint64_t from, std::uint32_t file,
                          std::uint8_t stream) {
        computer::ReadRequest request{};
        request.kind = static_cast<std::uint8_t>(kind);
        request.from = from;
        request.file = file;
        request.stream = stream;
        request.octets_max = computer::readback_octets_max;
        memory.read(request, *readback);
        require(readback->octets <= readback->data.size());
    };
    for (std::uint8_t stream = 0; stream < computer::stream_count; ++stream) {
        for (const std::uint64_t from : {std::uint64_t{0}, status.streams[stream].first, ~std::uint64_t{0}}) {
            read(computer::ReadKind::records, from, 0, stream);
            std::size_t at = 0;
            computer::RecordView view{};
            while (computer::next_record(*readback, at, view)) {}
        }
        memory.append(static_cast<computer::Stream>(stream), readback->data.data(), 100);
        computer::DropRequest drop{};
        drop.stream = stream;
        drop.valid = 1;
        drop.until = status.streams[stream].next;
        memory.drop(drop);
    }
    read(computer::ReadKind::directory, 0, 0, 0);
    const std::uint32_t count = readback->records;
    for (std::uint32_t i = 0; i < count && i < 8; ++i) {
        read(computer::ReadKind::directory, i, 0, 0);
        computer::FileEntry entry{};
        if (readback->octets < sizeof entry) break;
        std::memcpy(&entry, readback->data.data(), sizeof entry);
        read(computer::ReadKind::file, 0, entry.id, 0);
        read(computer::ReadKind::file, entry.length / 2, entry.id, 0);
        computer::FileRequest request{};
        request.file = entry.id;
        request.operation = static_cast<std::uint8_t>(computer::FileOperation::write);
        request.length = 16;
        (void)memory.file(request, readback->data.data());
        request.operation = static_cast<std::uint8_t>(computer::FileOperation::seal);
        request.length = entry.length;
        (void)memory.file(request, nullptr);
    }
}

// A pool has a block of what is there, and each stream has it as its sealed one.
void named(const std::uint8_t* data, std::size_t size) {
    const std::size_t count = std::min(size, block_octets);
    BlockPool pool;
    const auto block = std::make_shared<Content>(std::vector<std::uint8_t>(data, data + count));
    pool.add(block);
    Out out(&pool);
    for (std::size_t stream = 0; stream < computer::stream_count; ++stream) {
        out.value(Digest{});
        out.value(std::array<std::uint64_t, 3>{0, 9, count});
        out.value(std::array<std::uint32_t, 2>{});
        out.value(std::array<std::uint64_t, 3>{0, 1, 0});  // lost from; sealed blocks; the first record
        out.value((std::uint64_t{1} << 63U) | count);
        out.value(block->hash());
        out.value(Digest{});
        out.value(std::array<std::uint64_t, 2>{9, 0});
    }
    out.value(std::array<std::uint64_t, 2>{});
    out.value(Chain{"memory"});
    MassMemory memory;
    In in(out.octets.data(), out.octets.size(), "mass memory", &pool);
    memory.take(in);
    use(memory);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    try {
        switch (data[0] % 4) {
            case 0:
                flips(data + 1, size - 1);
                break;
            case 1:
                image(data + 1, size - 1);
                break;
            case 2: {
                MassMemory memory;
                In in(data + 1, size - 1, "mass memory");
                memory.take(in);
                use(memory);
                break;
            }
            default:
                named(data + 1, size - 1);
                break;
        }
    } catch (const std::invalid_argument&) {
        return 0;
    }
    return 0;
}
