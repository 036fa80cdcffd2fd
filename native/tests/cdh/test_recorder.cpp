// The recorder against a mass memory: playback, retries, quotas, refusals, damage, and an account full of
// flips.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "safehold/cdh/downlink.hpp"
#include "safehold/cdh/octets.hpp"
#include "safehold/cdh/telemetry.hpp"
#include "safehold/host/mass_memory.hpp"

namespace safehold::tests {
namespace {

using namespace cdh;
using computer::ReadStatus;

constexpr std::uint32_t locked = 0x0100'0000U;
constexpr auto critical = static_cast<std::size_t>(Stream::critical);

struct Named {
    std::size_t stream;
    std::size_t reason;
    std::uint64_t first;
    std::uint64_t count;
};

// The end of a tick as the executive runs it, and mass memory behind it.
struct Bench {
    std::unique_ptr<CdhAccount> account = std::make_unique<CdhAccount>();
    RecorderControl control{};
    host::MassMemory memory;
    computer::StoreStatus store{};
    std::unique_ptr<computer::Readback> readback = std::make_unique<computer::Readback>();
    std::unique_ptr<computer::RecordList> records = std::make_unique<computer::RecordList>();
    std::unique_ptr<Frames> frames = std::make_unique<Frames>();
    std::vector<Named> ledger;
    std::vector<std::uint16_t> heard;  // sequence counts of APID 101 in the order of arrival
    bool storage_refuses = false;
    bool answers = true;
    bool first_is_refused = false;  // of each tick's records
    std::uint64_t quota = 0;        // instead of mass memory's own
    std::size_t quota_stream = critical;

    void tick(bool on, std::size_t events_made = 0) {
        memory.status(store);
        if (quota != 0) store.streams[quota_stream].quota_octets = quota;
        if (storage_refuses) store.streams[critical].refused = refused;
        computer::DropRequest drop{};
        EventList events{};
        for (std::size_t i = 0; i < events_made; ++i)
            events.add(EventId::setting_changed, static_cast<double>(i));
        recorder_step(account->recorder, control, store, {}, on, drop, events);
        for (std::size_t i = 0; i < events.count; ++i) {
            const Event& event = events.items[i];
            if (event.id != static_cast<std::uint16_t>(EventId::records_given_up)) continue;
            ledger.push_back({static_cast<std::size_t>(event.arguments[0]),
                              static_cast<std::size_t>(event.arguments[1]),
                              static_cast<std::uint64_t>(event.arguments[2]),
                              static_cast<std::uint64_t>(event.arguments[3])});
        }
        report_events(*account, 0, events, EventReportControl{});
        records->count = 0;
        records->length = 0;
        commit_records(*account, store, on, *records);
        computer::ReadRequest read{};
        if (on) {
            DownlinkContext context{*account, store, *records, readback.get(), nullptr, locked, 100'000'000};
            const std::size_t count = make_frames(context, *frames, tm_frames_max);
            for (std::size_t i = 0; i < count; ++i)
                hear((*frames)[i]);
            read = next_read(context, tm_frames_max);
        }
        std::size_t at = 0;
        for (std::size_t i = 0; i < records->count; ++i) {
            const std::size_t length = records->items[i].length;
            if (first_is_refused && i == 0) {
                memory.refuse(records->items[i].stream);
            } else if (storage_refuses) {
                ++refused;
                memory.append(Stream::critical, nullptr, 0);  // its number stays taken
            } else {
                memory.append(static_cast<Stream>(records->items[i].stream), records->octets.data() + at,
                              length);
            }
            at += length;
        }
        if (drop.valid != 0) memory.drop(drop);
        readback->status = static_cast<std::uint32_t>(ReadStatus::none);
        if (read.kind != 0 && answers) memory.read(read, *readback);
    }

    // Packets of these tests are short, so that those that straddle frames are rare; they are put together.
    void hear(const Frame& frame) {
        const std::size_t channel = (frame[1] >> 1) & 7U;
        if (channel > 2) return;
        auto& stream = streams[channel];
        stream.insert(stream.end(), frame.begin() + 6, frame.begin() + 1109);
        while (stream.size() >= 7) {
            const std::size_t length = ((static_cast<std::size_t>(stream[4]) << 8) | stream[5]) + 7;
            if (stream.size() < length) return;
            const std::size_t apid = ((static_cast<std::size_t>(stream[0]) & 7U) << 8) | stream[1];
            if (apid == apid_critical) {
                CHECK(crc16(stream.data(), length) == 0);
                heard.push_back(static_cast<std::uint16_t>(((stream[2] & 0x3FU) << 8) | stream[3]));
            }
            stream.erase(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(length));
        }
    }

    std::array<std::vector<std::uint8_t>, 3> streams;
    std::uint32_t refused = 0;
};

void check_all_heard(const Bench& bench, std::size_t first, std::size_t count) {
    REQUIRE(bench.heard.size() == count);
    for (std::size_t i = 0; i < count; ++i)
        CHECK(bench.heard[i] == first + i);
}

TEST_CASE("records of an absence are played back whole and in order [L2.6]") {
    Bench bench;
    for (int i = 0; i < 100; ++i)
        bench.tick(false, 10);
    for (int i = 0; i < 20; ++i)
        bench.tick(true);
    check_all_heard(bench, 0, 1000);
    CHECK(bench.ledger.empty());
}

TEST_CASE("in contact a record goes straight down once nothing older waits, never twice [L2.2]") {
    Bench bench;
    bench.tick(false, 5);
    for (int i = 0; i < 10; ++i)
        bench.tick(true, i % 2 == 0 ? 0 : 3);
    bench.tick(true);
    bench.tick(true);
    check_all_heard(bench, 0, 20);
    CHECK(bench.account->downlink.channels[0].frames_sent > 0);
    CHECK(bench.account->downlink.channels[1].frames_sent > 0);
}

TEST_CASE("reads that are not answered, or damaged, are made again and counted [L2.6]") {
    Bench bench;
    for (int i = 0; i < 20; ++i)
        bench.tick(false, 10);
    bench.answers = false;
    for (int i = 0; i < 6; ++i)
        bench.tick(true);
    CHECK(bench.heard.empty());
    CHECK(bench.account->recorder.reads_failed == 3);  // then it rests until the next second
    bench.answers = true;
    retry_reads(bench.account->recorder);
    bench.tick(true);
    bench.readback->data[100] ^= 1;
    bench.tick(true);
    CHECK(bench.account->recorder.reads_failed == 4);
    for (int i = 0; i < 5; ++i)
        bench.tick(true);
    check_all_heard(bench, 0, 200);
    CHECK(bench.ledger.empty());
}

TEST_CASE("a record that mass memory holds damaged is named, and the others come down [L2.6]") {
    Bench bench;
    bench.tick(false, 10);
    bench.tick(true);
    // The fourth record's octets change, and the answer's CRC with them: as mass memory has it.
    std::size_t at = 0;
    computer::RecordView view{};
    for (int i = 0; i < 4; ++i)
        REQUIRE(next_record(*bench.readback, at, view));
    bench.readback->data[at - 5] ^= 0x10;
    bench.readback->crc = computer::crc32(bench.readback->data.data(), bench.readback->octets);
    for (int i = 0; i < 5; ++i)
        bench.tick(true);
    REQUIRE(bench.ledger.size() == 1);
    CHECK(bench.ledger[0].reason == static_cast<std::size_t>(GivenUp::corrupt_block));
    CHECK(bench.ledger[0].first == 3);
    CHECK(bench.ledger[0].count == 1);
    const std::vector<std::uint16_t> expected = {0, 1, 2, 4, 5, 6, 7, 8, 9, 10};  // 10 is the ledger's own
    CHECK(bench.heard == expected);
}

TEST_CASE("what the quota pushes out is named before it goes, number by number [L2.6]") {
    Bench bench;
    bench.quota = 20'000;
    std::vector<bool> lost(100'000, false);
    for (int i = 0; i < 400; ++i)
        bench.tick(false, 8);
    for (int i = 0; i < 40; ++i)
        bench.tick(true);
    // Each entry names all that has gone so far and is not acknowledged, for those before it may go with it.
    std::uint64_t gone = 0;
    for (const Named& named : bench.ledger) {
        CHECK(named.stream == critical);
        CHECK(named.reason == static_cast<std::size_t>(GivenUp::quota));
        CHECK(named.first == 0);
        CHECK(named.count > gone);
        gone = named.count;
    }
    CHECK(bench.ledger.size() > 10);
    for (std::uint64_t n = 0; n < gone; ++n)
        lost[n] = true;
    for (const std::uint16_t number : bench.heard) {
        CHECK_FALSE(lost[number]);
        lost[number] = true;
    }
    // Every number is either heard or named, and none is both.
    bench.memory.status(bench.store);
    for (std::uint64_t n = 0; n < bench.store.streams[critical].next; ++n)
        CHECK(lost[n]);
}

TEST_CASE("records that mass memory refuses are named [L2.6]") {
    Bench bench;
    bench.tick(false, 4);
    bench.storage_refuses = true;
    bench.tick(false, 3);
    bench.tick(false);
    bench.storage_refuses = false;
    bench.account->recorder.streams[critical].refused = 0;
    REQUIRE(bench.ledger.size() == 1);
    CHECK(bench.ledger[0].reason == static_cast<std::size_t>(GivenUp::storage));
    CHECK(bench.ledger[0].first == 4);
    CHECK(bench.ledger[0].count == 3);
}

TEST_CASE(
    "a mass memory that takes nothing is told of now and then, and all of it once it takes records [L2.6]") {
    Bench bench;
    bench.tick(false, 4);
    bench.storage_refuses = true;
    bench.tick(false, 3);
    for (int i = 0; i < 350; ++i)
        bench.tick(false);
    CHECK(bench.ledger.size() >= 3);
    CHECK(bench.ledger.size() <= 5);  // each entry is itself refused
    bench.storage_refuses = false;
    bench.account->recorder.streams[critical].refused = 0;
    bench.ledger.clear();
    for (int i = 0; i < 150; ++i)
        bench.tick(false);
    REQUIRE(bench.ledger.size() == 1);
    CHECK(bench.ledger[0].reason == static_cast<std::size_t>(GivenUp::storage));
    CHECK(bench.ledger[0].first == 4);
    bench.memory.status(bench.store);
    CHECK(bench.ledger[0].count == bench.store.streams[critical].next - 1 - 4);  // but for the entry itself
}

TEST_CASE("of a tick's records every one is named when mass memory refuses the first of them [L2.6]") {
    Bench bench;
    bench.tick(false, 4);
    bench.first_is_refused = true;
    bench.tick(false, 2);
    bench.first_is_refused = false;
    for (int i = 0; i < 3; ++i)
        bench.tick(false);
    REQUIRE(bench.ledger.size() == 1);
    CHECK(bench.ledger[0].reason == static_cast<std::size_t>(GivenUp::storage));
    CHECK(bench.ledger[0].first == 4);  // the one that is not held, and the one behind it, which may not be
    CHECK(bench.ledger[0].count == 2);
}

TEST_CASE("two holes in one answer of mass memory are both named [L2.6]") {
    Bench bench;
    bench.tick(false, 10);
    bench.tick(true);
    // The third and the seventh record are damaged, and the answer's CRC is that of what mass memory has.
    std::size_t at = 0;
    computer::RecordView view{};
    for (int i = 1; i <= 7; ++i) {
        REQUIRE(next_record(*bench.readback, at, view));
        if (i == 3 || i == 7) bench.readback->data[at - 5] ^= 0x10;
    }
    bench.readback->crc = computer::crc32(bench.readback->data.data(), bench.readback->octets);
    for (int i = 0; i < 5; ++i)
        bench.tick(true);
    CHECK(std::count(bench.heard.begin(), bench.heard.end(), 2) == 0);
    CHECK(std::count(bench.heard.begin(), bench.heard.end(), 6) == 0);
    for (const std::uint64_t hole : {2U, 6U}) {
        const bool named = std::any_of(bench.ledger.begin(), bench.ledger.end(), [hole](const Named& entry) {
            return entry.stream == critical &&
                   entry.reason == static_cast<std::size_t>(GivenUp::corrupt_block) && entry.first <= hole &&
                   hole < entry.first + entry.count;
        });
        CHECK_MESSAGE(named, "record ", hole, " is neither heard nor named");
    }
}

TEST_CASE(
    "losses of the same reason in one tick are named together, in whatever order they are found [L2.6]") {
    for (const bool backwards : {false, true}) {
        Bench bench;
        RecorderAccount& recorder = bench.account->recorder;
        give_up(recorder, Stream::housekeeping, GivenUp::corrupt_block, backwards ? 40 : 10, 3);
        give_up(recorder, Stream::housekeeping, GivenUp::corrupt_block, backwards ? 10 : 40, 3);
        bench.memory.status(bench.store);
        EventList events{};
        name_losses(recorder, bench.store, events);
        REQUIRE(events.count == 1);
        CHECK(events.items[0].arguments[2] == 10.0);
        CHECK(events.items[0].arguments[3] == 33.0);
    }
}

TEST_CASE("the entry that names housekeeping's losses outlives a flood of critical records [L2.6]") {
    // Housekeeping overflows, and its loss is named by a critical record. Then only critical records come,
    // until that one is pushed out itself: the loss is named anew, each time.
    constexpr auto housekeeping = static_cast<std::size_t>(Stream::housekeeping);
    Bench bench;
    const std::array<std::uint8_t, 200> batch{};
    bench.tick(false, 1);
    for (int i = 0; i < 100; ++i)
        bench.memory.append(Stream::housekeeping, batch.data(), batch.size());
    bench.quota_stream = housekeeping;
    bench.quota = 20'000;
    while (bench.ledger.empty())
        bench.tick(false);
    for (int i = 0; i < 20; ++i)
        bench.tick(false);
    bench.memory.status(bench.store);
    const std::uint64_t gone = bench.store.streams[housekeeping].first;
    REQUIRE(gone > 0);
    const std::uint64_t named_by = bench.store.streams[critical].next;  // every entry so far is below
    bench.ledger.clear();
    bench.quota_stream = critical;
    do {
        bench.tick(false, 8);
        bench.memory.status(bench.store);
        REQUIRE(bench.store.streams[housekeeping].first == gone);
    } while (bench.store.streams[critical].first < named_by);
    bool named = false;
    for (const Named& entry : bench.ledger) {
        if (entry.stream != housekeeping) continue;
        named = true;
        CHECK(entry.reason == static_cast<std::size_t>(GivenUp::quota));
        CHECK(entry.first == 0);
        CHECK(entry.count == gone);
    }
    CHECK(named);
}

TEST_CASE("only what is acknowledged is released; a new contact begins with the rest [L2.6]") {
    Bench bench;
    bench.tick(false, 10);
    for (int i = 0; i < 4; ++i)
        bench.tick(true);
    check_all_heard(bench, 0, 10);
    bench.memory.status(bench.store);
    CHECK(bench.store.streams[critical].first == 0);  // sent, and held all the same
    CHECK(acknowledge(bench.control, bench.store, 0, 11) == RecorderAnswer::range_wrong);
    CHECK(acknowledge(bench.control, bench.store, 5, 1) == RecorderAnswer::stream_unknown);
    REQUIRE(acknowledge(bench.control, bench.store, 0, 7) == RecorderAnswer::done);
    bench.tick(true);
    bench.memory.status(bench.store);
    CHECK(bench.store.streams[critical].first == 7);
    CHECK(bench.ledger.empty());
    bench.tick(false);
    bench.heard.clear();
    for (int i = 0; i < 4; ++i)
        bench.tick(true);
    check_all_heard(bench, 7, 3);
}

TEST_CASE("the ground gets the range that it asked for again, as far as it is held [L2.6]") {
    Bench bench;
    bench.tick(false, 16);
    bench.tick(false, 16);
    for (int i = 0; i < 4; ++i)
        bench.tick(true);
    bench.heard.clear();
    auto& recorder = bench.account->recorder;
    CHECK(request_playback(recorder, bench.store, 9, 0, 1) == RecorderAnswer::stream_unknown);
    CHECK(request_playback(recorder, bench.store, 0, 5, 4) == RecorderAnswer::range_wrong);
    CHECK(request_playback(recorder, bench.store, 0, 32, 40) == RecorderAnswer::range_wrong);
    REQUIRE(request_playback(recorder, bench.store, 0, 5, 7) == RecorderAnswer::done);
    REQUIRE(request_playback(recorder, bench.store, 0, 30, 99) == RecorderAnswer::done);
    for (int i = 0; i < 8; ++i)
        bench.tick(true);
    const std::vector<std::uint16_t> expected = {5, 6, 7, 30, 31};
    CHECK(bench.heard == expected);
    CHECK(recorder.range_count == 0);
    for (std::size_t i = 0; i < RecorderAccount::ranges_max; ++i)
        CHECK(request_playback(recorder, bench.store, 0, 1, 2) == RecorderAnswer::done);
    CHECK(request_playback(recorder, bench.store, 0, 1, 2) == RecorderAnswer::full);
}

TEST_CASE("an idle frame brings a new CLCW at once, and breaks a second of silence") {
    Bench bench;
    for (int i = 0; i < 31; ++i)
        bench.tick(true);
    CHECK(bench.account->downlink.idle_frames == 4);  // the first CLCW, and three seconds
    CHECK((*bench.frames)[0][1] == (0xA0 | 7 << 1 | 1));
    CHECK(bench.heard.empty());
}

TEST_CASE("an account scrambled in every octet is never read beyond, and records go on [L3.1]") {
    std::uint64_t x = 7;
    for (int round = 0; round < 300; ++round) {
        Bench bench;
        bench.tick(true, 8);
        auto* octets = reinterpret_cast<std::uint8_t*>(bench.account.get());
        for (std::size_t i = 0; i < sizeof(CdhAccount); ++i) {
            x = x * 6364136223846793005ULL + 1442695040888963407ULL;
            octets[i] = static_cast<std::uint8_t>(x >> 56);
        }
        for (int i = 0; i < 5; ++i) {
            bench.tick(true, 8);
            retry_reads(bench.account->recorder);
        }
        bench.memory.status(bench.store);
        CHECK(bench.store.streams[critical].next >= 40);
    }
}

}  // namespace
}  // namespace safehold::tests
