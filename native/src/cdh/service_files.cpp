// PUS 8, functions of files and of the payload: send, cancel, remove; image a place. PUS 23: list.
#include <cstring>

#include "safehold/cdh/files.hpp"
#include "safehold/cdh/packet.hpp"
#include "safehold/cdh/services.hpp"
#include "safehold/gnc/imaging.hpp"

namespace safehold::cdh {
namespace {

Outcome outcome(FilesCommand answer, std::uint32_t file) {
    switch (answer) {
        case FilesCommand::done:
            return {};
        case FilesCommand::unknown:
            return {FailureCode::unknown, file};
        case FilesCommand::full:
            return {FailureCode::queue_full, file};
    }
    return {FailureCode::execution, file};
}

Outcome check_files(const CommandContext& context, const Request&, const Arguments&) {
    return context.files != nullptr ? Outcome{} : Outcome{FailureCode::execution, 0};
}

Outcome run_send(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint32_t file = to_u32(argument[0]);
    return outcome(files_send(*context.files, file), file);
}

Outcome run_send_chunks(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint32_t last = to_u32(argument[1]);
    return outcome(files_send_chunks(*context.files, to_u32(argument[0]), last), last);
}

Outcome run_cancel(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint32_t file = to_u32(argument[0]);
    return outcome(files_cancel(*context.files, file), file);
}

Outcome run_remove(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint32_t file = to_u32(argument[0]);
    return outcome(files_remove(*context.files, file, to_u8(argument[1]) != 0), file);
}

// The list is told in the ticks that follow, as mass memory answers and the queue has room.
Outcome run_list(CommandContext& context, const Request&, const Arguments&) {
    files_list(*context.files);
    return {};
}

Outcome check_image(const CommandContext& context, const Request&, const Arguments&) {
    return context.imaging != nullptr ? Outcome{} : Outcome{FailureCode::execution, 0};
}

Outcome run_image(CommandContext& context, const Request&, const Arguments& argument) {
    const bool planned = imaging_plan(*context.imaging, argument[0], argument[1], argument[2],
                                      to_u32(argument[3]), to_u32(argument[4]));
    context.control_dirty = context.control_dirty || planned;
    return planned ? Outcome{} : Outcome{FailureCode::queue_full, ImagingControl::plans_max};
}

constexpr std::array<Handler, 6> handlers = {{
    {TelecommandId::send_file, check_files, run_send},
    {TelecommandId::send_black_box, check_files, run_send_chunks},
    {TelecommandId::cancel_file, check_files, run_cancel},
    {TelecommandId::remove_file, check_files, run_remove},
    {TelecommandId::list_files, check_files, run_list},
    {TelecommandId::image_target, check_image, run_image},
}};

}  // namespace

HandlerTable file_handlers() {
    return {handlers.data(), handlers.size()};
}

void report_file_list(CdhAccount& cdh, FilesAccount& files, const computer::StoreStatus& store,
                      const computer::Readback* readback, std::int64_t clock_ns) {
    using computer::FileEntry;
    constexpr std::size_t entries_max = 64;  // of 14 octets each
    if (files.listing == 0 || readback == nullptr) return;
    if (files.asked.kind != static_cast<std::uint8_t>(computer::ReadKind::directory)) return;
    if (!computer::readback_is_sound(*readback, files.asked)) return;
    constexpr std::size_t room = PacketQueue::capacity - PacketQueue::kept_for_records;
    if (cdh.packets.length > room - tm_packet_octets_max) return;  // later
    const std::size_t held = readback->octets / sizeof(FileEntry);
    const std::size_t first = files.list_at < held ? files.list_at : held;
    const std::size_t count = held - first < entries_max ? held - first : entries_max;
    Packet packet(cdh, Message::file_list, clock_ns);
    packet.data().u16(static_cast<std::uint16_t>(store.files));
    packet.data().u16(static_cast<std::uint16_t>(first));
    packet.data().u8(static_cast<std::uint8_t>(count));
    for (std::size_t i = first; i < first + count; ++i) {
        FileEntry entry;
        std::memcpy(&entry, readback->data.data() + i * sizeof entry, sizeof entry);
        packet.data().u32(entry.id);
        packet.data().u32(entry.length);
        packet.data().u32(entry.sealed != 0 ? entry.crc : 0U);
        packet.data().u8(entry.kind);
        packet.data().u8(entry.delivered != 0 ? std::uint8_t{2}
                                              : (entry.sealed != 0 ? std::uint8_t{1} : std::uint8_t{0}));
    }
    packet.finish();
    files.list_at = static_cast<std::uint16_t>(first + count);
    if (first + count >= held) files.listing = 0;
}

}  // namespace safehold::cdh
