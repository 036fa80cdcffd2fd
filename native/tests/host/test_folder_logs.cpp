// The logs of a stream in a folder: how many there are is bounded by the quota, however long it flies.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "safehold/host/stores.hpp"

namespace safehold::tests {
namespace {

using computer::Stream;

std::size_t logs_in(const std::filesystem::path& folder, std::size_t stream) {
    std::size_t count = 0;
    const std::string name = "stream-" + std::to_string(stream) + "-";
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        count += entry.path().filename().string().rfind(name, 0) == 0 ? 1 : 0;
    return count;
}

TEST_CASE("a stream that overflows ten times keeps as many logs as its quota needs [L2.4]") {
    // A log ends where the next record finds no room: it has at least 64 KiB but for the longest record. One
    // more is the oldest, of which most has gone, and one is the newest.
    host::Quotas quotas;
    quotas.streams[0] = (1U << 20U);
    const std::size_t shortest =
        host::block_octets - computer::record_octets_max - sizeof(computer::RecordHead);
    const std::size_t most = quotas.streams[0] / shortest + 2;
    CHECK(most == 19);
    const auto path =
        std::filesystem::temp_directory_path() / ("safehold-logs-" + std::to_string(::getpid()));
    {
        auto stores = std::make_unique<host::Stores>(quotas);
        stores->keep_in(std::make_shared<host::Folder>(path.string()));
        const std::vector<std::uint8_t> record(1000, 7);
        std::size_t highest = 0;
        computer::StoreStatus status{};
        for (int i = 0; i < 10'500; ++i) {
            stores->status(status);
            const auto& stream = status.streams[0];
            if (stream.octets > stream.quota_octets - stream.quota_octets / 16) {
                stores->drop({stream.first + (stream.next - stream.first) / 16, 0, 1, {}});
            }
            stores->append(Stream::critical, record.data(), record.size());
            if (i % 16 == 0) highest = std::max(highest, logs_in(path, 0));
        }
        stores->status(status);
        CHECK(status.streams[0].refused == 0);
        CHECK(highest > 14);
        CHECK(highest <= most);
        // What is acknowledged as a whole leaves one log, for the records to come.
        stores->drop({status.streams[0].next, 0, 1, {}});
        CHECK(logs_in(path, 0) == 1);
    }
    std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace safehold::tests
