// What both directions of file transfer share: who gets a PDU, the telecommands, and what mass memory
// answers.
#include "safehold/cdh/files.hpp"

namespace safehold::cdh {

using computer::FileAnswer;
using computer::FileList;

void files_init(FilesControl& control, FilesAccount& account) {
    control = FilesControl{};
    account = FilesAccount{};
}

void count_drop(FilesAccount& account, PduDrop reason) {
    const auto index = static_cast<std::size_t>(reason);
    if (index < account.dropped.size()) ++account.dropped[index];
}

void note_asked(FilesContext& context, FileAsked asked) {
    const std::size_t place = context.requests.count - 1U;
    if (place < context.control.asked.size()) context.control.asked[place] = static_cast<std::uint8_t>(asked);
}

void files_pdu(FilesContext& context, const std::uint8_t* octets, std::size_t count) {
    ++context.account.pdus_received;
    PduView pdu;
    const PduDrop drop = read_pdu(octets, count, pdu);
    if (drop != PduDrop::none) {
        count_drop(context.account, drop);
    } else if (pdu.source == entity_satellite && pdu.destination == entity_ground) {
        send_take_pdu(context, pdu);
    } else if (pdu.source == entity_ground && pdu.destination == entity_satellite) {
        receive_take_pdu(context, pdu);
    } else {
        count_drop(context.account, PduDrop::entity);
    }
}

void files_answers(FilesContext& context) {
    auto& asked = context.control.asked;
    for (std::size_t i = 0; i < asked.size(); ++i) {
        const auto what = static_cast<FileAsked>(asked[i]);
        asked[i] = 0;
        if (what == FileAsked::nothing || what == FileAsked::expose) continue;
        if (i >= context.store.file_answers) {
            if (what == FileAsked::create) receive_answer(context, what, FileAnswer::none);
            continue;
        }
        const auto answer = static_cast<FileAnswer>(context.store.file_answer[i]);
        if (what == FileAsked::remove || what == FileAsked::lose) {
            const bool removed = answer == FileAnswer::done;
            context.events.add(removed ? EventId::file_removed : EventId::file_kept, context.control.removing,
                               removed ? (what == FileAsked::lose ? 1.0 : 0.0) : static_cast<double>(answer));
            context.control.removing = 0;
        } else {
            receive_answer(context, what, answer);
        }
    }
}

void files_step(FilesContext& context, const computer::BootStatus& boot, const computer::Readback* readback,
                bool transmitter_on, std::int64_t tick_ns) {
    const auto tick_ms = static_cast<std::uint32_t>(tick_ns / 1'000'000);
    send_step(context, boot, readback, transmitter_on, tick_ms == 0 ? 1 : tick_ms);
    receive_step(context, transmitter_on, tick_ms == 0 ? 1 : tick_ms);
    context.control.was_on = transmitter_on ? 1 : 0;
}

FilesCommand files_send(FilesContext& context, std::uint32_t file) {
    if (file == 0 || file > file_id_mask) return FilesCommand::unknown;
    for (std::uint32_t& skipped : context.account.skipped) {
        if (skipped == file) skipped = 0;
    }
    context.account.scan_ms = 0;
    for (const std::uint32_t waiting : context.control.commanded) {
        if (waiting == file) return FilesCommand::done;
    }
    for (std::uint32_t& place : context.control.commanded) {
        if (place != 0) continue;
        place = file;
        ++context.control.commands;
        return FilesCommand::done;
    }
    return FilesCommand::full;
}

FilesCommand files_send_chunks(FilesContext& context, std::uint32_t first, std::uint32_t last) {
    if (first > last || last >= file_ids_per_folder) return FilesCommand::unknown;
    context.control.chunks_first = first;
    context.control.chunks_last = last;
    context.account.scan_ms = 0;
    return FilesCommand::done;
}

FilesCommand files_cancel(FilesContext& context, std::uint32_t file) {
    bool found = false;
    for (std::uint32_t& waiting : context.control.commanded) {
        if (waiting != file || file == 0) continue;
        waiting = 0;
        found = true;
    }
    for (FileSend& send : context.account.sends) {
        if (send.file != file || file == 0) continue;
        send.cancelled = 1;
        send.eof_due = 1;
        send.expiries = 0;
        found = true;
    }
    FileReceive& receive = context.control.receive;
    if (receive.state == static_cast<std::uint8_t>(ReceiveState::receiving) && receive.file == file &&
        file != 0) {
        receive_finish(receive, Condition::cancelled);
        found = true;
    }
    // A file that only waits is not sent by itself any more.
    if (file != 0 && !found) {
        for (const FileWaiting& waiting : context.account.waiting)
            found = found || waiting.file == file;
    }
    if (!found) return FilesCommand::unknown;
    context.account.skipped[context.account.skipped_next % FilesAccount::skipped_max] = file;
    context.account.skipped_next = (context.account.skipped_next + 1U) % FilesAccount::skipped_max;
    context.account.scan_ms = 0;
    return FilesCommand::done;
}

void files_list(FilesContext& context) {
    context.account.listing = 1;
    context.account.list_at = 0;
}

FilesCommand files_remove(FilesContext& context, std::uint32_t file, bool force) {
    if (file == 0 || file > file_id_mask) return FilesCommand::unknown;
    if (context.control.removing != 0) return FilesCommand::full;
    if (!context.requests.remove(file, !force)) return FilesCommand::full;
    note_asked(context, force ? FileAsked::lose : FileAsked::remove);
    context.control.removing = file;
    return FilesCommand::done;
}

}  // namespace safehold::cdh
