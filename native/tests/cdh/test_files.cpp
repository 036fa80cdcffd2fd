// Files on board, without the ground: octets to PDUs, names, and flips anywhere in the state. The transfers
// themselves are tested against the ground's entity (tests/flight/test_files.py).
#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "safehold/cdh/files.hpp"

using namespace safehold;
using namespace safehold::cdh;
using computer::FileAnswer;
using computer::FileOperation;

namespace {

std::uint32_t id_of(const std::string& name) {
    return file_id(reinterpret_cast<const std::uint8_t*>(name.data()), name.size());
}

struct Entity {
    FilesControl control{};
    FilesAccount account{};
    computer::FileList requests{};
    computer::StoreStatus store{};
    EventList events{};
    computer::BootStatus boot{};
    computer::Readback readback{};

    FilesContext context() { return {control, account, requests, store, events}; }
    void tick(const std::vector<std::uint8_t>& pdu) {
        FilesContext here = context();
        files_answers(here);
        if (!pdu.empty()) files_pdu(here, pdu.data(), pdu.size());
        files_step(here, boot, &readback, true, 100'000'000);
        FilePdus pdus(control, account, &readback, true);
        std::array<std::uint8_t, pdu_octets_max> out;
        for (int i = 0; i < 11 && pdus.next(out.data(), out.size()) != 0; ++i) {}
        static_cast<void>(pdus.wanted());
        requests.count = requests.length = 0;
        events.count = 0;
    }
};

}  // namespace

TEST_CASE("L2.2 a file's name is its folder and number, and no other name is one") {
    for (const std::uint32_t id : {1U, 7U, 12345U, 0x3F'FFFFU, 0x40'0001U, 0x80'0001U, 0xBF'FFFFU}) {
        std::array<std::uint8_t, name_octets_max> name;
        const std::size_t octets = file_name(id, name.data());
        CHECK(file_id(name.data(), octets) == id);
    }
    CHECK(id_of("science/0007") == 7);
    CHECK(id_of("upload/0012") == file_id_upload + 12);
    CHECK(id_of("blackbox/00000003") == file_id_black_box + 3);
    for (const char* name :
         {"", "science/", "science/007", "science/0000", "science/000000001", "Science/0007", "science/00a7",
          "/science/0007", "../../etc/passwd", "science/0007/", "blackbox/99999999"})
        CHECK(id_of(name) == 0);
    CHECK(id_of(std::string("science/0007\0", 13)) == 0);
    CHECK(id_of(std::string(4096, '0')) == 0);
}

TEST_CASE("L2.2 every truncation and every flipped bit of a PDU is refused") {
    const PduAddress address{entity_ground, entity_satellite, 77};
    std::vector<std::vector<std::uint8_t>> pdus(5, std::vector<std::uint8_t>(pdu_octets_max));
    const std::array<Range, 2> ranges = {{{0, 0}, {992, 1984}}};
    const std::uint8_t name[] = "upload/0012";
    const std::uint8_t data[] = {1, 2, 3, 4};
    pdus[0].resize(write_metadata(pdus[0].data(), address, 9, checksum_modular, name, 11));
    pdus[1].resize(write_file_data(pdus[1].data(), address, 4, data, 4));
    pdus[2].resize(write_eof(pdus[2].data(), address, Condition::cancelled, 5, 9));
    pdus[3].resize(write_nak(pdus[3].data(), address, 0, 2000, ranges.data(), 2));
    pdus[4].resize(write_finished(pdus[4].data(), address, Condition::none, false));
    for (const auto& pdu : pdus) {
        PduView view;
        CHECK(read_pdu(pdu.data(), pdu.size(), view) == PduDrop::none);
        CHECK(view.sequence == 77);
        for (std::size_t count = 0; count < pdu.size(); ++count)
            CHECK(read_pdu(
                      std::vector<std::uint8_t>(pdu.begin(), pdu.begin() + static_cast<std::ptrdiff_t>(count))
                          .data(),
                      count, view) != PduDrop::none);
        for (std::size_t bit = 0; bit < pdu.size() * 8; ++bit) {
            auto broken = pdu;
            broken[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
            CHECK(read_pdu(broken.data(), broken.size(), view) != PduDrop::none);
        }
    }
}

TEST_CASE("L2.3 the modular checksum is the same in any order of segments") {
    std::vector<std::uint8_t> data;
    for (unsigned i = 0; i < 101; ++i)
        data.push_back(static_cast<std::uint8_t>(i * 37U));
    const std::uint32_t whole = modular_checksum(data.data(), data.size(), 0);
    CHECK(modular_checksum(data.data(), 4, 0) == 0x00254A6FU);  // by hand: octets 0, 37, 74, 111
    std::uint32_t sum = 0;
    for (const auto& [from, to] : {std::pair{50U, 101U}, std::pair{0U, 13U}, std::pair{13U, 50U}})
        sum += modular_checksum(data.data() + from, to - from, from);
    CHECK(sum == whole);
}

TEST_CASE("L3.1 any flipped bit of the state is survived") {
    const PduAddress up{entity_ground, entity_satellite, 3};
    const PduAddress down{entity_satellite, entity_ground, 7};
    std::vector<std::uint8_t> data(pdu_octets_max);
    const std::uint8_t octets[64] = {};
    data.resize(write_file_data(data.data(), up, 100, octets, 64));
    std::vector<std::uint8_t> nak(pdu_octets_max);
    const Range range{0, 992};
    nak.resize(write_nak(nak.data(), down, 0, 5000, &range, 1));
    auto entity = std::make_unique<Entity>();
    constexpr std::size_t control_bits = sizeof(FilesControl) * 8;
    constexpr std::size_t account_bits = sizeof(FilesAccount) * 8;
    for (std::size_t bit = 0; bit < control_bits + account_bits; ++bit) {
        *entity = Entity{};
        entity->account.sends[0].file = 7;
        entity->account.sends[0].length = 5000;
        entity->account.waiting_count = 3;
        entity->control.receive.state = static_cast<std::uint8_t>(ReceiveState::receiving);
        entity->control.receive.sequence = 3;
        entity->control.receive.has_metadata = 1;
        entity->control.receive.file = file_id_upload + 1;
        entity->control.receive.size = 4000;
        entity->control.receive.gap_count = 2;
        entity->control.receive.gaps = {{{10, 20}, {30, 300}}};
        entity->control.receive.end = 400;
        auto* state = bit < control_bits ? reinterpret_cast<std::uint8_t*>(&entity->control)
                                         : reinterpret_cast<std::uint8_t*>(&entity->account);
        const std::size_t at = bit < control_bits ? bit : bit - control_bits;
        state[at / 8] ^= static_cast<std::uint8_t>(1U << at % 8);
        for (int i = 0; i < 3; ++i) {
            entity->tick(data);
            entity->tick(nak);
        }
        CHECK(entity->control.receive.gap_count <= FileReceive::gaps_max);
        CHECK(entity->account.waiting_count <= FilesAccount::waiting_max);
    }
}

TEST_CASE("L2.4 a file is marked as delivered only once the ground says that it has all of it") {
    const PduAddress down{entity_satellite, entity_ground, 7};
    std::vector<std::uint8_t> incomplete(pdu_octets_max);
    incomplete.resize(write_finished(incomplete.data(), down, Condition::checksum_failure, false));
    std::vector<std::uint8_t> complete(pdu_octets_max);
    complete.resize(write_finished(complete.data(), down, Condition::none, false));
    // Of a transfer that goes on, of one sent for the last time, and of one that a reset has forgotten.
    struct Case {
        std::uint32_t sending;
        std::uint8_t cancelled;
    };
    for (const Case how : {Case{7, 0}, Case{7, 1}, Case{0, 0}}) {
        Entity entity;
        FilesContext here = entity.context();
        entity.account.sends[0].file = how.sending;
        entity.account.sends[0].length = 5000;
        entity.account.sends[0].cancelled = how.cancelled;
        files_pdu(here, incomplete.data(), incomplete.size());
        CHECK(entity.requests.count == 0);
        CHECK(entity.account.files_sent == 0);
        for (std::size_t i = 0; i < entity.events.count; ++i)
            CHECK(entity.events.items[i].id != static_cast<std::uint16_t>(EventId::file_delivered));
        files_pdu(here, complete.data(), complete.size());
        REQUIRE(entity.requests.count == 1);
        CHECK(entity.requests.items[0].operation == static_cast<std::uint8_t>(FileOperation::mark));
        CHECK(entity.requests.items[0].file == 7);
    }
}

TEST_CASE("L6.1 a transfer given up before mass memory has answered removes no file that was there") {
    const PduAddress up{entity_ground, entity_satellite, 3};
    const std::uint8_t name[] = "upload/0001";
    std::vector<std::uint8_t> metadata(pdu_octets_max);
    metadata.resize(write_metadata(metadata.data(), up, 0, checksum_modular, name, 11));
    std::vector<std::uint8_t> eof(pdu_octets_max);
    eof.resize(write_eof(eof.data(), up, Condition::none, 0, 0));
    std::vector<std::uint8_t> cancelled(pdu_octets_max);
    cancelled.resize(write_eof(cancelled.data(), up, Condition::cancelled, 0, 0));
    const PduAddress other{entity_ground, entity_satellite, 4};
    std::vector<std::uint8_t> next(pdu_octets_max);
    next.resize(write_metadata(next.data(), other, 0, checksum_modular, name, 11));

    enum class How { command, cancelled, replaced, whole };
    for (const How how : {How::command, How::cancelled, How::replaced, How::whole}) {
        for (const FileAnswer answer :
             {FileAnswer::done, FileAnswer::exists, FileAnswer::full, FileAnswer::none}) {
            Entity entity;
            FilesContext here = entity.context();
            std::size_t removed = 0, sealed = 0;
            const auto end_tick = [&] {
                files_step(here, entity.boot, nullptr, true, 100'000'000);
                for (std::size_t i = 0; i < entity.requests.count; ++i) {
                    const auto operation = static_cast<FileOperation>(entity.requests.items[i].operation);
                    removed += operation == FileOperation::remove ? 1U : 0U;
                    sealed += operation == FileOperation::seal ? 1U : 0U;
                }
            };
            files_pdu(here, metadata.data(), metadata.size());
            if (how == How::command)
                CHECK(files_cancel(here, file_id_upload + 1) == FilesCommand::done);
            else if (how == How::whole)
                files_pdu(here, eof.data(), eof.size());
            else
                files_pdu(here, cancelled.data(), cancelled.size());
            if (how == How::replaced) files_pdu(here, next.data(), next.size());
            end_tick();
            CHECK(entity.requests.count == 1);  // the file, and nothing that takes it for ours
            entity.requests.count = 0;

            entity.store.file_answers = answer == FileAnswer::none ? 0 : 1;
            entity.store.file_answer[0] = static_cast<std::uint8_t>(answer);
            files_answers(here);
            entity.store.file_answers = 0;
            end_tick();
            const bool ours = answer == FileAnswer::done;
            CHECK(removed == (ours && how != How::whole ? 1U : 0U));
            CHECK(sealed == (ours && how == How::whole ? 1U : 0U));
        }
    }
}
