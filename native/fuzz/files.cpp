// Fuzz target: the file transfer of the satellite. The input is what comes up: PDUs, each behind an octet
// that says how many ticks pass before it and whether a transmitter is on, and one for its length. Their
// header's length and CRC are mended in half of them, so that what is behind is reached. Mass memory answers
// as it does in flight. No count leaves its list, and no write leaves its file.
#include "safehold/cdh/files.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "safehold/cdh/octets.hpp"
#include "safehold/host/mass_memory.hpp"

namespace {

using namespace safehold;

struct Satellite {
    cdh::FilesControl control{};
    cdh::FilesAccount account{};
    computer::FileList list{};
    computer::StoreStatus status{};
    computer::BootStatus boot{};
    computer::Readback readback{};
    EventList events{};
    host::MassMemory memory;
    std::array<std::uint8_t, cdh::pdu_octets_max> pdu{};

    Satellite() {
        cdh::files_init(control, account);
        std::vector<std::uint8_t> octets(5'000, 0x5A);
        for (std::uint32_t file : {7U, cdh::file_id_black_box + 1}) {
            const auto kind = static_cast<std::uint8_t>(file == 7 ? cdh::FileKind::science
                                                                  : cdh::FileKind::black_box_anomaly);
            require(list.create(file, kind, 5'000));
            require(list.write(file, 0, octets.data(), octets.size()));
            require(list.seal(file, 5'000));
            carry_out();
        }
    }
    static void require(bool holds) {
        if (!holds) std::abort();
    }
    void carry_out() {
        status.file_answers = list.count;
        for (std::size_t i = 0; i < list.count; ++i) {
            const computer::FileRequest& request = list.items[i];
            const bool writes =
                request.operation == static_cast<std::uint8_t>(computer::FileOperation::write);
            require(!writes || (request.at <= list.length && request.length <= list.length - request.at));
            status.file_answer[i] = static_cast<std::uint8_t>(
                memory.file(request, writes ? list.octets.data() + request.at : nullptr));
        }
        list.count = list.length = 0;
        memory.status(status);
    }
    void tick(const std::uint8_t* octets, std::size_t count, bool on) {
        events = {};
        cdh::FilesContext context{control, account, list, status, events};
        cdh::files_answers(context);
        if (octets != nullptr) cdh::files_pdu(context, octets, count);
        cdh::files_step(context, boot, &readback, on, 100'000'000);
        cdh::FilePdus pdus(control, account, &readback, on);
        for (int i = 0; i < 8; ++i)
            require(pdus.next(pdu.data(), pdu.size()) <= pdu.size());
        const computer::ReadRequest request = pdus.wanted();
        readback.status = 0;
        if (request.kind != 0) memory.read(request, readback);
        carry_out();
        require(control.receive.gap_count <= cdh::FileReceive::gaps_max);
        require(control.receive.size <= cdh::file_octets_max || control.receive.state == 0);
        require(account.ack_count <= cdh::FilesAccount::acks_max);
        require(account.waiting_count <= cdh::FilesAccount::waiting_max);
        for (const cdh::FileSend& send : account.sends)
            require(send.request_count <= cdh::nak_requests_max && send.offset <= send.length);
        require(events.count <= EventList::capacity);
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto start = std::make_unique<Satellite>();
    const auto satellite = std::make_unique<Satellite>(*start);
    while (size >= 3) {
        const bool on = (data[0] & 1U) != 0;
        const bool mended = (data[0] & 2U) != 0;
        const std::size_t idle = data[0] >> 4U;
        const std::size_t wanted = (static_cast<std::size_t>(data[1]) << 8) | data[2];
        const std::size_t octets = wanted < size - 3 ? wanted : size - 3;
        std::vector<std::uint8_t> pdu(data + 3, data + 3 + octets);
        data += 3 + octets;
        size -= 3 + octets;
        if (mended && octets >= cdh::pdu_header_octets + 2) {
            const std::size_t field = octets - cdh::pdu_header_octets;
            pdu[1] = static_cast<std::uint8_t>(field >> 8);
            pdu[2] = static_cast<std::uint8_t>(field);
            const std::uint16_t crc = cdh::crc16(pdu.data(), octets - 2);
            pdu[octets - 2] = static_cast<std::uint8_t>(crc >> 8);
            pdu[octets - 1] = static_cast<std::uint8_t>(crc);
        }
        for (std::size_t i = 0; i < idle; ++i)
            satellite->tick(nullptr, 0, on);
        satellite->tick(pdu.data(), pdu.size(), on);
    }
    for (int i = 0; i < 4; ++i)
        satellite->tick(nullptr, 0, true);
    return 0;
}
