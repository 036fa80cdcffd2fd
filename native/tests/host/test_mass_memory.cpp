// Mass memory against a model of it kept here: streams of numbered records, files, quotas, sharing.
#include <doctest/doctest.h>

#include <map>
#include <memory>

#include "safehold/cdh/cfdp.hpp"
#include "safehold/host/stores.hpp"

namespace safehold::tests {
namespace {

using namespace computer;
using host::MassMemory;
using Octets = std::vector<std::uint8_t>;

Octets made(std::size_t size, std::uint64_t seed) {
    Octets octets(size);
    for (std::uint8_t& octet : octets) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        octet = static_cast<std::uint8_t>(seed >> 56U);
    }
    return octets;
}

std::unique_ptr<Readback> read(const MassMemory& memory, const ReadRequest& request) {
    auto readback = std::make_unique<Readback>();
    memory.read(request, *readback);
    return readback;
}

ReadRequest records_from(std::uint64_t from, Stream stream, std::uint32_t most = readback_octets_max) {
    ReadRequest request{};
    request.from = from;
    request.octets_max = most;
    request.kind = static_cast<std::uint8_t>(ReadKind::records);
    request.stream = static_cast<std::uint8_t>(stream);
    return request;
}

FileRequest file_request(FileOperation operation, std::uint32_t file, std::uint32_t offset = 0,
                         std::uint32_t length = 0) {
    FileRequest request{};
    request.file = file;
    request.offset = offset;
    request.length = length;
    request.operation = static_cast<std::uint8_t>(operation);
    return request;
}

TEST_CASE("every record comes back under its number, across blocks and drops [L2.4]") {
    MassMemory memory;
    std::map<std::uint64_t, Octets> held;
    for (std::uint64_t number = 0; number < 3000; ++number) {
        held[number] = made(1 + number * 37 % 300, number);
        memory.append(Stream::critical, held[number].data(), held[number].size());
        if (number % 500 != 499) continue;
        memory.drop({number - 250, static_cast<std::uint8_t>(Stream::critical), 1, {}});
        held.erase(held.begin(), held.lower_bound(number - 250));
    }
    auto expected = held.begin();
    std::uint64_t from = 0;
    for (;;) {
        const ReadRequest asked = records_from(from, Stream::critical);
        const auto readback = read(memory, asked);
        if (readback->status == static_cast<std::uint32_t>(ReadStatus::nothing)) break;
        REQUIRE(readback_is_sound(*readback, asked));
        CHECK(readback->first == expected->first);
        std::size_t at = 0;
        RecordView view{};
        for (; next_record(*readback, at, view); ++expected) {
            REQUIRE(expected != held.end());
            CHECK(view.head.number == expected->first);
            CHECK(Octets(view.octets, view.octets + view.head.length) == expected->second);
        }
        from = expected == held.end() ? 3000 : expected->first;
    }
    CHECK(expected == held.end());
    StoreStatus status{};
    memory.status(status);
    std::uint64_t octets = 0;
    for (const auto& [number, record] : held)
        octets += record.size() + sizeof(RecordHead);
    CHECK(status.streams[0].first == held.begin()->first);
    CHECK(status.streams[0].next == 3000);
    CHECK(status.streams[0].octets == octets);
}

TEST_CASE("a stream that is full refuses, counts, and never gives a number twice [L2.4]") {
    MassMemory memory;
    const Octets record = made(4096, 1);
    for (int i = 0; i < 1000; ++i)
        memory.append(Stream::debug, record.data(), record.size());
    StoreStatus status{};
    memory.status(status);
    const StreamStatus& debug = status.streams[static_cast<std::size_t>(Stream::debug)];
    CHECK(debug.octets <= debug.quota_octets);
    CHECK(debug.refused > 400);
    CHECK(debug.next == 1000);
    memory.drop({1000, static_cast<std::uint8_t>(Stream::debug), 1, {}});
    memory.append(Stream::debug, record.data(), record.size());
    const auto readback = read(memory, records_from(0, Stream::debug));
    CHECK(readback->first == 1000);
    CHECK(readback->records == 1);
}

TEST_CASE("a copy keeps what it had, whatever is written to the other [L2.4]") {
    MassMemory memory;
    const Octets record = made(100, 5);
    for (int i = 0; i < 10; ++i)
        memory.append(Stream::science, record.data(), record.size());
    CHECK(memory.file(file_request(FileOperation::create, 3, 0, 1000), nullptr) == FileAnswer::done);
    CHECK(memory.file(file_request(FileOperation::write, 3, 0, 100), record.data()) == FileAnswer::done);
    const MassMemory kept = memory;
    const host::Digest digest = kept.digest();
    const Octets other = made(100, 6);
    memory.append(Stream::science, other.data(), other.size());
    CHECK(memory.file(file_request(FileOperation::write, 3, 0, 100), other.data()) == FileAnswer::done);
    CHECK(read(kept, records_from(0, Stream::science))->records == 10);
    ReadRequest request{};
    request.kind = static_cast<std::uint8_t>(ReadKind::file);
    request.file = 3;
    request.octets_max = 1000;
    CHECK(std::memcmp(read(kept, request)->data.data(), record.data(), 100) == 0);
    CHECK(std::memcmp(read(memory, request)->data.data(), other.data(), 100) == 0);
    CHECK(kept.digest() == digest);
    CHECK(memory.digest() != digest);
}

TEST_CASE("files: written anywhere, sealed by their CRC, refused beyond their bounds [L2.4]") {
    MassMemory memory;
    const Octets content = made(150'000, 9);
    const auto size = static_cast<std::uint32_t>(content.size());
    CHECK(memory.file(file_request(FileOperation::write, 4, 0, 1), content.data()) == FileAnswer::unknown);
    CHECK(memory.file(file_request(FileOperation::create, 4, 0, size), nullptr) == FileAnswer::done);
    CHECK(memory.file(file_request(FileOperation::create, 4, 0, size), nullptr) == FileAnswer::exists);
    for (std::uint32_t at = 0; at < size; at += 5000) {  // from the end to the beginning
        const std::uint32_t offset = size - 5000 - at;
        CHECK(memory.file(file_request(FileOperation::write, 4, offset, 5000), content.data() + offset) ==
              FileAnswer::done);
    }
    CHECK(memory.file(file_request(FileOperation::write, 4, size - 1, 2), content.data()) ==
          FileAnswer::range);
    CHECK(memory.file(file_request(FileOperation::write, 4, 0xFFFF'FFFFU, 2), content.data()) ==
          FileAnswer::range);
    FileRequest seal = file_request(FileOperation::seal, 4, 0, size);
    seal.check = 1;
    CHECK(memory.file(seal, nullptr) == FileAnswer::mismatch);
    seal.crc = crc32(content.data(), content.size());
    CHECK(memory.file(seal, nullptr) == FileAnswer::done);
    CHECK(memory.file(file_request(FileOperation::write, 4, 0, 1), content.data()) == FileAnswer::sealed);
    Octets found;
    while (found.size() < content.size()) {
        ReadRequest request{};
        request.kind = static_cast<std::uint8_t>(ReadKind::file);
        request.file = 4;
        request.from = found.size();
        request.octets_max = 12'000;
        const auto readback = read(memory, request);
        REQUIRE(readback_is_sound(*readback, request));
        found.insert(found.end(), readback->data.data(), readback->data.data() + readback->octets);
    }
    CHECK(found == content);
    std::uint32_t accepted = 1;
    for (std::uint32_t id = 100; id < 100 + 600; ++id)
        accepted += memory.file(file_request(FileOperation::create, id, 0, 10), nullptr) == FileAnswer::done;
    // The rest is the black box's, and it has it whatever else there is.
    CHECK(accepted == files_max - host::chunks_kept);
    std::uint32_t chunks = 0;
    for (std::uint32_t id = 1; id < 1 + 200; ++id) {
        const auto request =
            file_request(FileOperation::create, cdh::file_id_black_box + id, 0, host::chunk_octets_max);
        chunks += memory.file(request, nullptr) == FileAnswer::done;
    }
    CHECK(chunks == host::chunks_kept);
    CHECK(memory.file(file_request(FileOperation::remove, 4), nullptr) == FileAnswer::done);
    CHECK(memory.file(file_request(FileOperation::create, 9, 0, 0xFFFF'FFFFU), nullptr) == FileAnswer::full);
}

TEST_CASE("images leave the black box its octets, whatever the quota of files [L2.5]") {
    host::Quotas quotas;
    quotas.files = host::Quotas::files_least;
    MassMemory memory(quotas);
    const std::uint32_t image = 65'551;
    std::uint32_t images = 0;
    while (memory.file(file_request(FileOperation::create, 1 + images, 0, image), nullptr) ==
           FileAnswer::done)
        ++images;
    CHECK(images == (1U << 20U) / image);
    for (std::uint32_t id = 1; id <= host::chunks_kept; ++id) {
        const auto request =
            file_request(FileOperation::create, cdh::file_id_black_box + id, 0, host::chunk_octets_max);
        REQUIRE(memory.file(request, nullptr) == FileAnswer::done);
    }
}

TEST_CASE("a file that is there is not restored a second time [L3.6]") {
    MassMemory memory;
    const Octets content = made(100'000, 4);
    FileEntry entry{};
    entry.id = 7;
    entry.length = 70'000;
    entry.length_max = 100'000;
    REQUIRE(memory.restore_file(entry, content.data()));
    CHECK_FALSE(memory.restore_file(entry, content.data()));
    StoreStatus status{};
    memory.status(status);
    CHECK(status.files == 1);
    CHECK(status.file_octets == 100'000);
    FileRequest seal = file_request(FileOperation::seal, 7, 0, 70'000);
    seal.check = 1;
    seal.crc = crc32(content.data(), 70'000);
    CHECK(memory.file(seal, nullptr) == FileAnswer::done);
}

TEST_CASE("a state with a pool names what does not change, and shares it [L2.4]") {
    MassMemory memory;
    for (std::uint64_t number = 0; number < 600; ++number) {  // more than one block
        const Octets record = made(300, number);
        memory.append(Stream::critical, record.data(), record.size());
    }
    const Octets content = made(100'000, 1);
    REQUIRE(memory.file(file_request(FileOperation::create, 7, 0, 200'000), nullptr) == FileAnswer::done);
    REQUIRE(memory.file(file_request(FileOperation::write, 7, 0, 100'000), content.data()) ==
            FileAnswer::done);

    host::BlockPool pool;
    host::Out named(&pool);
    memory.put(named);
    host::Out whole;
    memory.put(whole);
    // Two sealed blocks of records and the file's first piece; what may still grow stays in the state.
    CHECK(pool.blocks().size() == 3);
    CHECK(named.octets.size() + 3 * (host::block_octets - 1'000) < whole.octets.size());

    MassMemory again;
    host::In in(named.octets.data(), named.octets.size(), "memory", &pool);
    again.take(in);
    CHECK(in.empty());
    host::Out whole_again;
    again.put(whole_again);
    CHECK(whole_again.octets == whole.octets);

    // What is written to one of them reaches neither the other nor the pool.
    const Octets other = made(1'000, 2);
    REQUIRE(again.file(file_request(FileOperation::write, 7, 0, 1'000), other.data()) == FileAnswer::done);
    host::Out untouched;
    memory.put(untouched);
    CHECK(untouched.octets == whole.octets);
    for (const auto& [hash, block] : pool.blocks())
        CHECK(host::sha256(block->octets().data(), block->octets().size()) == hash);

    // A block that the pool does not have, or no pool, is an error.
    const host::BlockPool empty;
    MassMemory refused;
    host::In without(named.octets.data(), named.octets.size(), "memory", &empty);
    CHECK_THROWS_AS(refused.take(without), std::invalid_argument);
    host::In none(named.octets.data(), named.octets.size(), "memory");
    CHECK_THROWS_AS(refused.take(none), std::invalid_argument);
}

TEST_CASE("the state as octets gives the same memory, and none of it when cut short [L2.4]") {
    MassMemory memory;
    for (std::uint64_t i = 0; i < 2000; ++i) {
        const Octets record = made(200, i);
        memory.append(static_cast<Stream>(i % stream_count), record.data(), record.size());
    }
    const Octets content = made(70'000, 2);
    CHECK(memory.file(file_request(FileOperation::create, 1, 0, 70'000), nullptr) == FileAnswer::done);
    CHECK(memory.file(file_request(FileOperation::write, 1, 0, 70'000), content.data()) == FileAnswer::done);
    host::Out out;
    memory.put(out);
    MassMemory again;
    host::In in(out.octets.data(), out.octets.size(), "the state");
    again.take(in);
    CHECK(in.empty());
    CHECK(again.digest() == memory.digest());
    host::Out second;
    again.put(second);
    CHECK(second.octets == out.octets);
    for (std::size_t size = 0; size < out.octets.size(); size += 997) {
        host::In cut(out.octets.data(), size, "the state");
        MassMemory other;
        CHECK_THROWS_AS(other.take(cut), std::invalid_argument);
    }
}

}  // namespace
}  // namespace safehold::tests
