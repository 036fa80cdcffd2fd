// Files on their way down: the sending side of CFDP class 2.
//
//   a contact begins, or nothing is left to do: the directory is read for what is sealed and not with the
//                      ground
//   a place is free    the first of these by kind and number
//   Metadata, File Data, EOF: as fast as the downlink has room
//   NAK                what it asks for, before anything new
//   EOF timer          EOF again; at longer and longer intervals
//   Finished           ACK; the file is marked in mass memory as being with the ground
// A file that may have been begun before the computer started begins with its EOF: the NAK says what is
// missing, and the rest is not sent twice.
#include <cstring>

#include "safehold/cdh/files.hpp"
#include "safehold/cdh/ranges.hpp"

namespace safehold::cdh {
namespace {

using computer::FileEntry;
using computer::Readback;
using computer::ReadKind;
using computer::ReadRequest;
using computer::ReadStatus;

constexpr std::uint32_t eof_interval_ms = 3000;
constexpr std::uint32_t eof_doublings_max = 4;
constexpr std::uint32_t scan_interval_ms = 5000;
constexpr std::uint32_t files_kept = 64;  // of those that the ground has; more are cleared away
constexpr std::uint32_t attempts_max = 3;
constexpr std::uint32_t again_step = 8;  // attempts between two commands to send a file

FilesAccount& repaired(FilesAccount& account) {
    if (account.waiting_count > FilesAccount::waiting_max) account.waiting_count = 0;
    if (account.ack_count > FilesAccount::acks_max) account.ack_count = 0;
    for (FileSend& send : account.sends) {
        if (send.request_count > nak_requests_max) send.request_count = 0;
        if (send.offset > send.length) send.offset = send.length;
        if (send.file > file_id_mask) send = {};
    }
    return account;
}

bool is_downward(std::uint8_t kind) {
    return kind >= static_cast<std::uint8_t>(FileKind::black_box_anomaly) &&
           kind <= static_cast<std::uint8_t>(FileKind::science);
}

// A day of the black box is more than a day of everything else: without an anomaly it goes down if asked for.
bool goes_by_itself(std::uint8_t kind) {
    return kind != static_cast<std::uint8_t>(FileKind::black_box);
}

// The ground has asked for this part of the black box.
bool is_wanted_chunk(const FilesControl& control, std::uint32_t file) {
    if (file < file_id_black_box || file - file_id_black_box >= file_ids_per_folder) return false;
    const std::uint32_t number = file - file_id_black_box;
    return control.chunks_first <= number && number <= control.chunks_last;
}

// Lower goes first: by command, then by kind, then by number.
std::uint64_t rank(std::uint8_t kind, std::uint32_t file) {
    return static_cast<std::uint64_t>(kind) << 32 | file;
}

void skip(FilesAccount& account, std::uint32_t file) {
    account.skipped[account.skipped_next % FilesAccount::skipped_max] = file;
    account.skipped_next = (account.skipped_next + 1U) % FilesAccount::skipped_max;
}

bool is_skipped(const FilesAccount& account, std::uint32_t file) {
    for (const std::uint32_t skipped : account.skipped) {
        if (skipped == file) return true;
    }
    return false;
}

FileSend* find(FilesAccount& account, std::uint32_t file) {
    for (FileSend& send : account.sends) {
        if (send.file == file && file != 0) return &send;
    }
    return nullptr;
}

bool is_commanded(const FilesControl& control, std::uint32_t file) {
    for (const std::uint32_t commanded : control.commanded) {
        if (commanded == file) return true;
    }
    return false;
}

// A number of the transaction that none of this file had, for as many commands as there are numbers.
std::uint8_t again_attempt(const FilesControl& control) {
    return static_cast<std::uint8_t>(again_step + again_step * (control.commands % 31U));
}

void forget_command(FilesControl& control, std::uint32_t file) {
    for (std::uint32_t& commanded : control.commanded) {
        if (commanded == file) commanded = 0;
    }
}

// Keeps the best of what waits, in order.
void insert(FilesAccount& account, const FileWaiting& waiting) {
    std::size_t place = account.waiting_count;
    while (place > 0 && rank(waiting.kind, waiting.file) <
                            rank(account.waiting[place - 1].kind, account.waiting[place - 1].file)) {
        --place;
    }
    if (place >= FilesAccount::waiting_max) return;
    const std::size_t last = account.waiting_count < FilesAccount::waiting_max ? account.waiting_count
                                                                               : account.waiting_count - 1U;
    for (std::size_t i = last; i > place; --i)
        account.waiting[i] = account.waiting[i - 1];
    account.waiting[place] = waiting;
    account.waiting_count = static_cast<std::uint32_t>(last) + 1;
}

// The directory as it was read: what waits is found anew, and a file that the ground has is cleared away
// where there are many.
void take_directory(FilesContext& context, const Readback& readback) {
    FilesAccount& account = context.account;
    account.waiting_count = 0;
    bool cleared = false;
    for (std::size_t at = 0; at + sizeof(FileEntry) <= readback.octets; at += sizeof(FileEntry)) {
        FileEntry entry;
        std::memcpy(&entry, readback.data.data() + at, sizeof entry);
        if (entry.sealed == 0 || !is_downward(entry.kind) || entry.id == 0 || entry.id > file_id_mask)
            continue;
        const bool commanded = is_commanded(context.control, entry.id);
        if (!commanded && !goes_by_itself(entry.kind) && !is_wanted_chunk(context.control, entry.id))
            continue;
        if (entry.delivered != 0 && !commanded) {
            if (!cleared && context.store.files > files_kept && find(account, entry.id) == nullptr)
                cleared = context.requests.remove(entry.id, true);
            continue;
        }
        if (entry.length > file_octets_max || is_skipped(account, entry.id) ||
            find(account, entry.id) != nullptr)
            continue;
        const bool old = account.scanned == 0 && account.restarted != 0;
        insert(account, {entry.id, entry.length, entry.crc, entry.kind,
                         static_cast<std::uint8_t>(old && entry.delivered == 0 ? 1 : 0),
                         entry.delivered != 0 ? again_attempt(context.control) : std::uint8_t{0}, 0});
    }
    account.scanned = 1;
}

void begin(FileSend& send, const FileWaiting& waiting) {
    send = {};
    send.file = waiting.file;
    send.length = waiting.length;
    send.crc = waiting.crc;
    send.kind = waiting.kind;
    send.metadata_due = 1;
    send.attempt = waiting.attempt;
    const bool eof_first = waiting.old != 0 || waiting.length == 0;
    send.eof_due = eof_first ? 1 : 0;
    send.offset = eof_first ? waiting.length : 0;
}

// Free places get what waits; what goes before everything else takes the place of the least.
void fill_places(FilesAccount& account) {
    while (account.waiting_count != 0) {
        const FileWaiting first = account.waiting[0];
        std::size_t place = FilesAccount::sends_max;
        for (std::size_t i = 0; i < FilesAccount::sends_max; ++i) {
            if (account.sends[i].file == 0) place = i;
        }
        if (place == FilesAccount::sends_max) {
            std::size_t least = 0;
            for (std::size_t i = 1; i < FilesAccount::sends_max; ++i) {
                if (rank(account.sends[i].kind, account.sends[i].file) >
                    rank(account.sends[least].kind, account.sends[least].file))
                    least = i;
            }
            if (first.kind >= account.sends[least].kind) return;
            place = least;  // it goes on later, from what the ground misses
            account.restarted = 1;
            account.scanned = 0;
        }
        begin(account.sends[place], first);
        --account.waiting_count;
        for (std::size_t i = 0; i < account.waiting_count; ++i)
            account.waiting[i] = account.waiting[i + 1];
    }
}

std::uint32_t sequence_of(const FileSend& send) {
    return (send.attempt << 24) | send.file;
}

// Adds what of a range is neither queued nor still to come by itself: the queue is in order, and disjoint.
void add_request(FilesContext& context, FileSend& send, const Range& range) {
    const std::uint32_t last = range.end < send.offset ? range.end : send.offset;
    std::uint32_t from = range.start;
    for (std::size_t step = 0; step <= 2 * nak_requests_max && from < last; ++step) {
        std::size_t place = 0;
        while (place < send.request_count && send.requests[place].end <= from)
            ++place;
        const bool more = place < send.request_count;
        if (more && send.requests[place].start <= from) {
            from = send.requests[place].end;
            continue;
        }
        if (send.request_count >= nak_requests_max) {
            ++context.account.requests_dropped;  // the ground asks again when these are filled
            return;
        }
        const std::uint32_t until =
            more && send.requests[place].start < last ? send.requests[place].start : last;
        for (std::size_t k = send.request_count; k > place; --k)
            send.requests[k] = send.requests[k - 1];
        send.requests[place] = {from, until};
        ++send.request_count;
        from = until;
    }
}

void take_nak(FilesContext& context, FileSend& send, const PduView& pdu) {
    send.expiries = 0;
    if (send.timer_ms != 0) send.timer_ms = eof_interval_ms;
    context.account.requests_dropped += static_cast<std::uint32_t>(pdu.requests_dropped);
    for (std::size_t i = 0; i < pdu.request_count; ++i) {
        const Range& range = pdu.requests[i];
        if (range.end == 0) {
            send.metadata_due = 1;
        } else if (range.end > send.length) {
            count_drop(context.account, PduDrop::size);
        } else {
            add_request(context, send, range);
        }
    }
}

void take_finished(FilesContext& context, FileSend* send, const PduView& pdu) {
    FilesAccount& account = context.account;
    const std::uint32_t file = pdu.sequence & file_id_mask;
    if (account.ack_count < FilesAccount::acks_max)
        account.acks[account.ack_count++] = {pdu.sequence, pdu.condition};
    if (pdu.complete) {
        // Whoever forgot the transfer knows by the number which file it was.
        if (context.requests.mark(file)) forget_command(context.control, file);
        // A directory that was read before the mark knows nothing of it.
        if (account.asked.kind == static_cast<std::uint8_t>(ReadKind::directory)) account.asked = {};
        if (send != nullptr) {
            ++account.files_sent;
            context.events.add(EventId::file_delivered, file, send->length);
            *send = {};
        }
        account.scan_ms = 0;
        return;
    }
    if (send == nullptr) return;
    const bool again = pdu.condition == static_cast<std::uint8_t>(Condition::checksum_failure) &&
                       send->attempt % again_step < attempts_max && send->cancelled == 0;
    context.events.add(EventId::file_refused, file, pdu.condition, again ? 1.0 : 0.0);
    if (again) {
        const FileWaiting anew{
            send->file, send->length, send->crc, send->kind, 0, static_cast<std::uint8_t>(send->attempt + 1),
            0};
        begin(*send, anew);
        return;
    }
    skip(account, file);
    forget_command(context.control, file);
    *send = {};
    account.scan_ms = 0;
}

bool wants_data(const FileSend& send) {
    return send.file != 0 && send.cancelled == 0 && (send.request_count != 0 || send.offset < send.length);
}

bool has_something(const FileSend& send) {
    return send.file != 0 && (send.metadata_due != 0 || send.eof_due != 0 || wants_data(send));
}

// True once for each bit that is due.
bool say(std::uint8_t& due, std::uint8_t what) {
    const bool said = (due & what) != 0;
    due = static_cast<std::uint8_t>(due & ~static_cast<unsigned>(what));
    return said;
}

// A file that is gone, or that mass memory cannot read, is not tried again by itself.
void drop_unreadable(FilesContext& context, const Readback* readback) {
    FilesAccount& account = context.account;
    if (readback == nullptr || account.asked.kind != static_cast<std::uint8_t>(ReadKind::file)) return;
    if (readback->request.kind != account.asked.kind || readback->request.file != account.asked.file) return;
    if (readback->status == static_cast<std::uint32_t>(ReadStatus::done)) return;
    FileSend* send = find(account, account.asked.file);
    if (send == nullptr) return;
    context.events.add(EventId::file_unreadable, send->file, readback->status);
    skip(account, send->file);
    *send = {};
}

}  // namespace

void send_take_pdu(FilesContext& context, const PduView& pdu) {
    FilesAccount& account = repaired(context.account);
    FileSend* send = find(account, pdu.sequence & file_id_mask);
    if (send != nullptr && sequence_of(*send) != pdu.sequence) send = nullptr;
    if (pdu.kind == PduKind::finished) {
        take_finished(context, send, pdu);
    } else if (send == nullptr) {
        count_drop(account, PduDrop::unexpected);
    } else if (pdu.kind == PduKind::nak && send->cancelled == 0) {
        take_nak(context, *send, pdu);
    } else if (pdu.kind == PduKind::ack && pdu.acknowledged == static_cast<std::uint8_t>(PduKind::eof)) {
        send->expiries = 0;
        send->timer_ms = eof_interval_ms;
    } else {
        count_drop(account, PduDrop::unexpected);
    }
}

void send_step(FilesContext& context, const computer::BootStatus& boot, const Readback* readback,
               bool transmitter_on, std::uint32_t tick_ms) {
    FilesAccount& account = repaired(context.account);
    if (boot.fresh != 0 && boot.count > 1) account.restarted = 1;
    drop_unreadable(context, readback);
    if (readback != nullptr && account.asked.kind == static_cast<std::uint8_t>(ReadKind::directory) &&
        readback->status == static_cast<std::uint32_t>(ReadStatus::done) &&
        computer::readback_is_sound(*readback, account.asked)) {
        take_directory(context, *readback);
        fill_places(account);
        account.scan_ms = scan_interval_ms;
        account.seen_files = context.store.files;
    }
    if (!transmitter_on) {
        account.was_on = 0;
        return;
    }
    if (account.was_on == 0 || account.seen_files != context.store.files) account.scan_ms = 0;
    if (account.was_on == 0) {
        for (FileSend& send : account.sends) {
            send.expiries = 0;
            // What the last contact's end cut off may not have come: its EOF asks.
            if (send.timer_ms != 0) send.timer_ms = 1;
        }
    }
    account.was_on = 1;
    account.scan_ms = account.scan_ms > tick_ms ? account.scan_ms - tick_ms : 0;
    for (FileSend& send : account.sends) {
        if (send.file == 0 || send.timer_ms == 0) continue;
        if (send.timer_ms > tick_ms) {
            send.timer_ms -= tick_ms;
            continue;
        }
        send.timer_ms = 0;
        send.eof_due = 1;
        if (send.expiries < eof_doublings_max) ++send.expiries;
    }
    fill_places(account);
}

std::size_t first_send(const FilesAccount& account, std::uint32_t served) {
    std::size_t best = FilesAccount::sends_max;
    for (std::size_t i = 0; i < FilesAccount::sends_max; ++i) {
        const FileSend& send = account.sends[i];
        if (send.file == 0 || ((served >> i) & 1U) != 0) continue;
        if (best == FilesAccount::sends_max ||
            rank(send.kind, send.file) < rank(account.sends[best].kind, account.sends[best].file))
            best = i;
    }
    return best;
}

FilePdus::FilePdus(FilesControl& control, FilesAccount& account, const Readback* readback,
                   bool transmitter_on)
    : control_(control), account_(account), readback_(nullptr), on_(transmitter_on) {
    static_cast<void>(repaired(account));
    if (readback == nullptr || account.asked.kind != static_cast<std::uint8_t>(ReadKind::file)) return;
    if (!computer::readback_is_sound(*readback, account.asked)) return;
    if (readback->status == static_cast<std::uint32_t>(ReadStatus::done)) readback_ = readback;
}

bool FilePdus::urgent() const {
    if (!on_) return false;
    const std::size_t first = first_send(account_, 0);
    return first < FilesAccount::sends_max && has_something(account_.sends[first]) &&
           account_.sends[first].kind == static_cast<std::uint8_t>(FileKind::black_box_anomaly);
}

std::size_t FilePdus::next(std::uint8_t* pdu, std::size_t octets_max) {
    if (!on_ || octets_max < pdu_octets_max) return 0;
    std::size_t octets = receiver_pdu(pdu);
    std::uint32_t served = 0;
    while (octets == 0) {
        const std::size_t place = first_send(account_, served);
        if (place >= FilesAccount::sends_max) return 0;
        octets = sender_pdu(account_.sends[place], pdu);
        served |= 1U << place;
    }
    ++account_.pdus_sent;
    return octets;
}

// What answers the ground goes before what is new.
std::size_t FilePdus::receiver_pdu(std::uint8_t* pdu) {
    if (account_.ack_count != 0) {
        const FinishedAck ack = account_.acks[--account_.ack_count];
        return write_ack(pdu, {entity_satellite, entity_ground, ack.sequence}, PduKind::finished,
                         static_cast<std::uint8_t>(ack.condition), false);
    }
    FileReceive& receive = control_.receive;
    const PduAddress address{entity_ground, entity_satellite, receive.sequence};
    if (say(receive.due, due_ack)) {
        const bool active = receive.state != static_cast<std::uint8_t>(ReceiveState::finished);
        return write_ack(pdu, address, PduKind::eof, receive.eof_condition, active);
    }
    if (say(receive.due, due_finished)) {
        return write_finished(pdu, address, static_cast<Condition>(receive.condition & 0x0FU),
                              receive.by_source != 0);
    }
    for (ReceiveEnd& end : control_.ended) {
        const PduAddress ended{entity_ground, entity_satellite, end.sequence};
        if (say(end.due, due_ack))
            return write_ack(pdu, ended, PduKind::eof, end.eof_condition & 0x0FU, false);
        if (say(end.due, due_finished)) {
            return write_finished(pdu, ended, static_cast<Condition>(end.condition & 0x0FU),
                                  (end.known & end_by_source) != 0);
        }
    }
    if (say(receive.due, due_keep_alive)) return write_keep_alive(pdu, address, receive.end);
    return say(receive.due, due_nak) ? nak_pdu(pdu) : 0;
}

// What is missing up to the end of the scope: the end of the file once its EOF has come, else of what has
// come.
std::size_t FilePdus::nak_pdu(std::uint8_t* pdu) {
    const FileReceive& receive = control_.receive;
    const PduAddress address{entity_ground, entity_satellite, receive.sequence};
    std::array<Range, FileReceive::gaps_max> ranges;
    if (receive.has_metadata == 0) {
        ranges[0] = {0, 0};  // octets have no place before it
        return write_nak(pdu, address, 0, 0, ranges.data(), 1);
    }
    std::size_t count = 0;
    for (; count < receive.gap_count && count < ranges.size(); ++count)
        ranges[count] = receive.gaps[count];
    std::uint32_t scope_end = receive.end;
    if (receive.has_eof != 0 && receive.end < receive.size && count < ranges.size()) {
        scope_end = receive.size;
        ranges[count++] = {receive.end, receive.size};
    }
    return write_nak(pdu, address, 0, scope_end, ranges.data(), count);
}

std::size_t FilePdus::sender_pdu(FileSend& send, std::uint8_t* pdu) {
    const PduAddress address{entity_satellite, entity_ground, sequence_of(send)};
    if (send.metadata_due != 0) {
        send.metadata_due = 0;
        std::array<std::uint8_t, name_octets_max> name;
        const std::size_t octets = file_name(send.file, name.data());
        return write_metadata(pdu, address, send.length, checksum_crc32, name.data(), octets);
    }
    if (wants_data(send)) {
        const std::size_t octets = data_pdu(send, pdu);
        if (octets != 0) return octets;
    }
    if (send.eof_due == 0 || (send.cancelled == 0 && wants_data(send))) return 0;
    send.eof_due = 0;
    send.timer_ms =
        eof_interval_ms << (send.expiries < eof_doublings_max ? send.expiries : eof_doublings_max);
    if (send.cancelled == 0 || send.offset == send.length)
        return write_eof(pdu, address, send.cancelled != 0 ? Condition::cancelled : Condition::none, send.crc,
                         send.length);
    return write_eof(pdu, address, Condition::cancelled, send.crc_sent, send.offset);  // as far as it came
}

// A segment that lies in what was read; what is asked for first. 0 if there is none. What was asked for since
// the reading, and lies outside it, waits for the next: what was read is not read again.
std::size_t FilePdus::data_pdu(FileSend& send, std::uint8_t* pdu) {
    if (readback_ == nullptr || account_.asked.file != send.file) return 0;
    const auto first = static_cast<std::uint32_t>(account_.asked.from);
    const std::uint32_t last = first + readback_->octets;
    std::size_t place = 0;
    while (place < send.request_count && send.requests[place].end <= first)
        ++place;
    const bool asked = place < send.request_count && send.requests[place].start < last;
    const Range wanted = asked ? send.requests[place] : Range{send.offset, send.length};
    const std::uint32_t start = asked && wanted.start < first ? first : wanted.start;
    std::uint32_t end = wanted.end < last ? wanted.end : last;
    if (start < first || start >= end) return 0;
    if (end - start > segment_octets) end = start + static_cast<std::uint32_t>(segment_octets);
    const std::uint8_t* data = readback_->data.data() + (start - first);
    if (asked) {
        if (!take_out(send.requests, send.request_count, place, start, end)) return 0;
    } else {
        send.crc_sent = computer::crc32(data, end - start, send.crc_sent);
        send.offset = end;
        if (end == send.length) send.eof_due = 1;
    }
    return write_file_data(pdu, {entity_satellite, entity_ground, sequence_of(send)}, start, data,
                           end - start);
}

ReadRequest FilePdus::wanted() const {
    ReadRequest request{};
    if (on_ && (account_.scan_ms == 0 || account_.listing != 0)) {
        request.kind = static_cast<std::uint8_t>(ReadKind::directory);
        request.octets_max = computer::readback_octets_max;
    }
    std::uint32_t served = 0;
    while (on_ && request.kind == 0) {
        const std::size_t place = first_send(account_, served);
        if (place >= FilesAccount::sends_max) break;
        served |= 1U << place;
        const FileSend& send = account_.sends[place];
        if (!wants_data(send)) continue;
        request.kind = static_cast<std::uint8_t>(ReadKind::file);
        request.file = send.file;
        request.from = send.request_count != 0 ? send.requests[0].start : send.offset;
        request.octets_max = computer::readback_octets_max;
    }
    account_.asked = request;
    return request;
}

}  // namespace safehold::cdh
