// Mass memory out of octets that somebody else has made: taken whole, or refused before anything is read of
// it.
#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "safehold/host/stores.hpp"

using namespace safehold;
using namespace safehold::host;
using computer::RecordHead;

namespace {

struct Image {
    std::vector<std::uint8_t> block;  // of the first stream, open
    computer::FileEntry entry{};      // of the one file
    std::vector<std::uint8_t> piece;
    std::size_t times = 1;           // that the file is there
    std::size_t reserved = 0;        // beyond what the files say
    const Digest* sealed = nullptr;  // names a block of the pool, the first stream's only sealed one
    std::size_t sealed_octets = 0;

    [[nodiscard]] std::vector<std::uint8_t> octets() const {
        Out out;
        for (std::size_t stream = 0; stream < computer::stream_count; ++stream) {
            out.value(Digest{});
            out.value(std::array<std::uint64_t, 3>{0, 9, 0});
            out.value(std::array<std::uint32_t, 2>{});
            out.value(std::uint64_t{0});
            const bool named = stream == 0 && sealed != nullptr;
            out.value(std::uint64_t{named ? 1U : 0U});  // sealed blocks
            if (named) {
                out.value(std::uint64_t{0});
                out.value((std::uint64_t{1} << 63U) | sealed_octets);
                out.value(*sealed);
                out.value(Digest{});
            }
            out.value(std::uint64_t{0});
            out.list(stream == 0 ? block : std::vector<std::uint8_t>{});
        }
        out.value(std::uint64_t{entry.length_max * times + reserved});
        out.value(std::uint64_t{times});
        for (std::size_t i = 0; i < times; ++i) {
            out.value(entry);
            out.value(std::uint64_t{1});
            out.list(piece);
        }
        out.value(Chain{"memory"});
        return out.octets;
    }
};

Image sound() {
    Image image;
    RecordHead head{};
    head.length = 5;
    image.block.resize(sizeof head + 5);
    std::memcpy(image.block.data(), &head, sizeof head);
    image.entry.id = 7;
    image.entry.length = image.entry.length_max = 300;
    image.piece.assign(300, 1);
    return image;
}

void take(const Image& image) {
    const std::vector<std::uint8_t> octets = image.octets();
    MassMemory memory;
    In in(octets.data(), octets.size(), "mass memory");
    memory.take(in);
    // What is taken is read and sealed without a step outside it.
    auto readback = std::make_unique<computer::Readback>();
    computer::ReadRequest request{};
    request.kind = static_cast<std::uint8_t>(computer::ReadKind::records);
    request.octets_max = computer::readback_octets_max;
    memory.read(request, *readback);
    CHECK(readback->records == 1);
    computer::FileRequest seal{};
    seal.file = 7;
    seal.length = 300;
    seal.operation = static_cast<std::uint8_t>(computer::FileOperation::seal);
    CHECK(memory.file(seal, nullptr) == computer::FileAnswer::done);
}

}  // namespace

TEST_CASE("L3.7 mass memory that says what cannot be is refused, not read beyond its end") {
    take(sound());
    Image image = sound();
    SUBCASE("a record longer than its block") {
        image.block[8] = 6;
    }
    SUBCASE("a record of 4 GiB") {
        image.block[11] = 0xFF;
    }
    SUBCASE("half a head") {
        image.block.resize(image.block.size() + 3);
    }
    SUBCASE("a piece longer than its file") {
        image.piece.resize(301);
    }
    SUBCASE("a file longer than its reservation") {
        image.entry.length_max = 299;
    }
    SUBCASE("a piece longer than a piece may be") {
        image.entry.length = image.entry.length_max = 200'000;
        image.piece.resize(block_octets + 1);
    }
    SUBCASE("a file of 4 GiB of which nearly nothing is there") {
        image.entry.length = image.entry.length_max = 0xFFFFFFFF;
    }
    SUBCASE("a file whose last octet is not there") {
        image.piece.resize(299);
    }
    SUBCASE("a file twice") {
        image.times = 2;
    }
    SUBCASE("more reserved than the files take") {
        image.reserved = 1;
    }
    CHECK_THROWS_AS(take(image), std::invalid_argument);
}

TEST_CASE("L3.7 nothing written at a place makes no file longer") {
    MassMemory memory;
    computer::FileRequest request{};
    request.file = 7;
    request.length = 1000;
    request.operation = static_cast<std::uint8_t>(computer::FileOperation::create);
    REQUIRE(memory.file(request, nullptr) == computer::FileAnswer::done);
    request.operation = static_cast<std::uint8_t>(computer::FileOperation::write);
    request.offset = 500;
    request.length = 0;
    CHECK(memory.file(request, nullptr) == computer::FileAnswer::done);
    computer::FileEntry entry{};
    REQUIRE(memory.entry(7, entry));
    CHECK(entry.length == 0);
    Out out;
    memory.put(out);
    MassMemory again;
    In in(out.octets.data(), out.octets.size(), "mass memory");
    again.take(in);
    CHECK(again.entry(7, entry));
}

TEST_CASE("L3.7 a block that a pool has from a file is checked like any other") {
    computer::RecordHead head{};
    head.length = 84;
    std::vector<std::uint8_t> octets(sizeof head + 84, 'A');
    bool holds = true;
    SUBCASE("as it should be") {}
    SUBCASE("a record longer than its block") {
        head.length = 12'000;
        holds = false;
    }
    std::memcpy(octets.data(), &head, sizeof head);
    BlockPool pool;
    const auto block = std::make_shared<Content>(octets);
    pool.add(block);
    Image image = sound();
    image.sealed = &block->hash();
    image.sealed_octets = octets.size();
    const std::vector<std::uint8_t> state = image.octets();
    for (int time = 0; time < 2; ++time) {
        MassMemory memory;
        In in(state.data(), state.size(), "mass memory", &pool);
        if (!holds) {
            CHECK_THROWS_AS(memory.take(in), std::invalid_argument);
            continue;
        }
        memory.take(in);
        auto readback = std::make_unique<computer::Readback>();
        computer::ReadRequest request{};
        request.kind = static_cast<std::uint8_t>(computer::ReadKind::records);
        request.octets_max = computer::readback_octets_max;
        memory.read(request, *readback);
        CHECK(readback->records == 2);
    }
}

TEST_CASE("L3.6 a file that the disk does not seal is not sealed, and can be sealed later") {
    std::string path = (std::filesystem::temp_directory_path() / "safehold-XXXXXX").string();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    const std::vector<std::uint8_t> data(100, 1);
    computer::FileRequest request{};
    request.file = 7;
    request.kind = 1;
    const auto ask = [&request](Stores& stores, computer::FileOperation operation, std::uint32_t length,
                                const std::uint8_t* octets) {
        request.operation = static_cast<std::uint8_t>(operation);
        request.length = length;
        return stores.file(request, octets);
    };
    computer::FileEntry entry{};
    {
        Stores stores;
        const auto folder = std::make_shared<Folder>(path);
        stores.keep_in(folder);
        REQUIRE(ask(stores, computer::FileOperation::create, 1000, nullptr) == computer::FileAnswer::done);
        REQUIRE(ask(stores, computer::FileOperation::write, 100, data.data()) == computer::FileAnswer::done);
        folder->faults.fail_after = 0;
        folder->faults.fail_error = ENOSPC;
        CHECK(ask(stores, computer::FileOperation::seal, 100, nullptr) == computer::FileAnswer::refused);
        REQUIRE(stores.memory.entry(7, entry));
        CHECK(entry.sealed == 0);
        CHECK(entry.length_max == 1000);
        computer::StoreStatus status{};
        stores.status(status);
        CHECK(status.file_octets == 1000);
        folder->faults.fail_after = ~std::uint64_t{0};
        CHECK(ask(stores, computer::FileOperation::write, 100, data.data()) == computer::FileAnswer::done);
        CHECK(ask(stores, computer::FileOperation::seal, 100, nullptr) == computer::FileAnswer::done);
    }
    Stores again;
    again.keep_in(std::make_shared<Folder>(path));
    REQUIRE(again.memory.entry(7, entry));
    CHECK(entry.sealed == 1);
    CHECK(entry.length == 100);
    again.folder.reset();
    std::filesystem::remove_all(path);
}
