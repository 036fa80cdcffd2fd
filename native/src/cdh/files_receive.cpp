// The file that comes up: the receiving side of CFDP class 2.
//
//   Metadata            the file is created in mass memory; what came before it is not kept and comes again
//   File Data           what is missing of it is written; its modular checksum is summed in any order
//   EOF                 ACK, and a NAK for what is missing; again by a timer, less and less often
//   all is there        checksum, seal; once mass memory has sealed it, Finished, until that is acknowledged
// One file at a time: another may begin when this one is over, or has been silent for a while in contact. How
// the last ones ended is remembered, so that an EOF that comes again is answered and begins nothing.
#include "safehold/cdh/files.hpp"
#include "safehold/cdh/ranges.hpp"

namespace safehold::cdh {
namespace {

using computer::FileAnswer;

constexpr std::uint32_t nak_interval_ms = 3000;
constexpr std::uint32_t doublings_max = 4;
constexpr std::uint32_t silent_ms_max = 60'000;

bool is(const FileReceive& receive, ReceiveState state) {
    return receive.state == static_cast<std::uint8_t>(state);
}

void set(FileReceive& receive, ReceiveState state) {
    receive.state = static_cast<std::uint8_t>(state);
}

void unsay(FileReceive& receive, std::uint8_t what) {
    receive.due = static_cast<std::uint8_t>(receive.due & ~static_cast<unsigned>(what));
}

void wait(FileReceive& receive) {
    receive.timer_ms = nak_interval_ms
                       << (receive.expiries < doublings_max ? receive.expiries : doublings_max);
}

void repair(FileReceive& receive) {
    if (receive.gap_count > FileReceive::gaps_max || receive.size > file_octets_max ||
        receive.end > receive.size || receive.state > static_cast<std::uint8_t>(ReceiveState::finished))
        receive = {};
}

// Everything is missing again.
void forget_data(FileReceive& receive) {
    receive.gap_count = 0;
    receive.end = 0;
    receive.sum = 0;
}

// The first part of [start, end) that is missing; false if none is. `place` is its gap, or gap_count beyond
// the end.
bool missing_part(const FileReceive& receive, std::uint32_t start, std::uint32_t end, Range& part,
                  std::size_t& place) {
    for (place = 0; place < receive.gap_count; ++place) {
        const Range& gap = receive.gaps[place];
        if (gap.end <= start) continue;
        if (gap.start >= end) return false;
        part = {gap.start > start ? gap.start : start, gap.end < end ? gap.end : end};
        return true;
    }
    part = {receive.end > start ? receive.end : start, end};
    return part.start < part.end;
}

// One write; false if it cannot be now.
bool keep(FilesContext& context, const PduView& pdu, const Range& part, std::size_t place) {
    FileReceive& receive = context.control.receive;
    const bool beyond = place >= receive.gap_count;
    const bool opens = beyond && part.start > receive.end;
    const bool splits =
        !beyond && part.start > receive.gaps[place].start && part.end < receive.gaps[place].end;
    if ((opens || splits) && receive.gap_count >= FileReceive::gaps_max) {
        count_drop(context.account, PduDrop::holes);
        return false;
    }
    const std::uint8_t* data = pdu.data + (part.start - pdu.offset);
    if (!context.requests.write(receive.file, part.start, data, part.end - part.start)) {
        count_drop(context.account, PduDrop::full);
        return false;
    }
    note_asked(context, FileAsked::write);
    receive.sum += modular_checksum(data, part.end - part.start, part.start);
    if (!beyond) return take_out(receive.gaps, receive.gap_count, place, part.start, part.end);
    if (opens) receive.gaps[receive.gap_count++] = {receive.end, part.start};
    receive.end = part.end;
    return true;
}

void take_data(FilesContext& context, const PduView& pdu) {
    FileReceive& receive = context.control.receive;
    if (!is(receive, ReceiveState::receiving) || receive.has_metadata == 0) {
        count_drop(context.account, PduDrop::unexpected);
        return;
    }
    if (pdu.offset > receive.size || pdu.data_octets > receive.size - pdu.offset) {
        count_drop(context.account, PduDrop::size);
        return;
    }
    const std::uint32_t end = pdu.offset + static_cast<std::uint32_t>(pdu.data_octets);
    Range part{};
    std::size_t place = 0;
    bool any = false;
    // At most as many parts as mass memory takes requests.
    for (std::size_t i = 0; i < computer::file_requests_max; ++i) {
        if (!missing_part(receive, pdu.offset, end, part, place)) break;
        if (!keep(context, pdu, part, place)) break;
        any = true;
    }
    if (!any) {
        count_drop(context.account, PduDrop::overlap);
        return;
    }
    receive.expiries = 0;
    if (receive.has_eof != 0) wait(receive);
}

// The transaction ends for what a PDU says, and that is counted.
void refuse(FilesContext& context, PduDrop reason, Condition condition) {
    count_drop(context.account, reason);
    receive_finish(context.control.receive, condition);
}

ReceiveEnd end_of(const FileReceive& receive) {
    const auto known = static_cast<std::uint8_t>(end_known | (receive.has_eof != 0 ? end_has_eof : 0) |
                                                 (receive.by_source != 0 ? end_by_source : 0));
    return {receive.sequence, receive.file, receive.size, receive.checksum, known, receive.condition, 0, 0};
}

// Whether a PDU with the number of a transaction that is over is of that one, and not of another file.
bool is_of(const ReceiveEnd& end, const PduView& pdu) {
    if (pdu.kind == PduKind::metadata)
        return end.file == 0 || (end.file == file_id(pdu.data, pdu.data_octets) && end.size == pdu.size);
    if (pdu.kind == PduKind::eof && pdu.condition == 0 && (end.known & end_has_eof) != 0)
        return end.size == pdu.size && end.checksum == pdu.checksum;
    return true;
}

// The transaction of a PDU among those that are over; null if it is none of them.
ReceiveEnd* find_end(FilesControl& control, const PduView& pdu) {
    for (ReceiveEnd& end : control.ended) {
        if ((end.known & end_known) != 0 && end.sequence == pdu.sequence && is_of(end, pdu)) return &end;
    }
    return nullptr;
}

void answer_again(FilesContext& context, ReceiveEnd& end, const PduView& pdu) {
    if (pdu.kind == PduKind::eof) {
        end.due = due_ack | due_finished;
        end.eof_condition = pdu.condition;
    } else if (pdu.kind == PduKind::ack) {
        end.due = 0;
    } else {
        count_drop(context.account, PduDrop::unexpected);
    }
}

// Whether mass memory has been asked in this tick to create the file: whether it is ours, or one that was
// there, is known in the next.
bool is_asked_for(const FilesControl& control) {
    for (const std::uint8_t asked : control.asked) {
        if (asked == static_cast<std::uint8_t>(FileAsked::create)) return true;
    }
    return false;
}

// Another transaction takes the place of this one: its end is remembered, and what it left open is removed.
void begin(FilesContext& context, std::uint32_t sequence) {
    FilesControl& control = context.control;
    if (is(control.receive, ReceiveState::finished)) {
        const ReceiveEnd end = end_of(control.receive);
        for (ReceiveEnd& other : control.ended) {
            if (other.sequence == end.sequence) other = {};
        }
        control.ended[control.ended_next % FilesControl::ended_max] = end;
        control.ended_next = (control.ended_next + 1U) % FilesControl::ended_max;
    }
    const bool open = control.receive.has_metadata != 0 && !is(control.receive, ReceiveState::sealing) &&
                      (is(control.receive, ReceiveState::receiving) || control.receive.condition != 0);
    if (open) static_cast<void>(context.requests.remove(control.receive.file));
    control.receive = {};
    control.receive.sequence = sequence;
    set(control.receive, ReceiveState::receiving);
}

void take_metadata(FilesContext& context, const PduView& pdu) {
    FileReceive& receive = context.control.receive;
    if (receive.has_metadata != 0 || !is(receive, ReceiveState::receiving)) return;
    const std::uint32_t file = file_id(pdu.data, pdu.data_octets);
    const bool ours = file >= file_id_upload && file < file_id_upload + file_ids_per_folder;
    if (!ours || pdu.size > file_octets_max) {
        refuse(context, ours ? PduDrop::size : PduDrop::name, Condition::filestore_rejection);
        return;
    }
    if (receive.has_eof != 0 && receive.size != pdu.size) {
        refuse(context, PduDrop::conflict, Condition::size_error);
        return;
    }
    if (pdu.checksum_type != checksum_modular) {
        refuse(context, PduDrop::conflict, Condition::checksum_unsupported);
        return;
    }
    if (!context.requests.create(file, static_cast<std::uint8_t>(FileKind::upload), pdu.size, true)) {
        count_drop(context.account, PduDrop::full);
        return;
    }
    note_asked(context, FileAsked::create);
    receive.has_metadata = 1;
    receive.file = file;
    receive.size = pdu.size;
    receive.expiries = 0;
    forget_data(receive);
    if (receive.has_eof != 0) receive.timer_ms = 1;  // what is missing is known now
}

void take_eof(FilesContext& context, const PduView& pdu) {
    FileReceive& receive = context.control.receive;
    receive.due |= due_ack;
    receive.eof_condition = pdu.condition;
    if (is(receive, ReceiveState::finished)) {
        receive.due |= due_finished;
        return;
    }
    if (!is(receive, ReceiveState::receiving)) return;
    if (pdu.condition != 0) {
        receive_finish(receive, static_cast<Condition>(pdu.condition));
        receive.by_source = 1;
        return;
    }
    if (receive.has_eof != 0) {
        if (pdu.size != receive.size || pdu.checksum != receive.checksum)
            count_drop(context.account, PduDrop::unexpected);
        receive.timer_ms = 1;  // the ground waits for a word
        return;
    }
    if (pdu.size > file_octets_max) {
        refuse(context, PduDrop::size, Condition::filestore_rejection);
        return;
    }
    if (receive.has_metadata != 0 && receive.size != pdu.size) {
        refuse(context, PduDrop::conflict, Condition::size_error);
        return;
    }
    receive.size = pdu.size;
    receive.checksum = pdu.checksum;
    receive.has_eof = 1;
    receive.timer_ms = 1;
}

// All is there: the checksum decides, and mass memory seals the file.
void judge(FilesContext& context) {
    FileReceive& receive = context.control.receive;
    if (!is(receive, ReceiveState::receiving) || receive.has_metadata == 0 || receive.has_eof == 0) return;
    if (receive.gap_count != 0 || receive.end != receive.size) return;
    if (is_asked_for(context.control)) {
        receive.timer_ms = 0;  // nothing is missing: the next tick
        return;
    }
    if (receive.sum != receive.checksum) {
        receive_finish(receive, Condition::checksum_failure);
        return;
    }
    if (!context.requests.seal(receive.file, receive.size)) return;  // the next tick
    note_asked(context, FileAsked::seal);
    set(receive, ReceiveState::sealing);
    receive.timer_ms = 0;
    unsay(receive, due_nak);
}

// The ground asks: a NAK that may say that nothing is missing, or how far this side has come. An end is told
// by its Finished alone.
void take_prompt(FileReceive& receive, bool keep_alive) {
    if (is(receive, ReceiveState::receiving)) receive.due |= keep_alive ? due_keep_alive : due_nak;
    if (is(receive, ReceiveState::sealing) && keep_alive) receive.due |= due_keep_alive;
}

}  // namespace

void receive_finish(FileReceive& receive, Condition condition) {
    set(receive, ReceiveState::finished);
    receive.condition = static_cast<std::uint8_t>(condition);
    receive.due |= due_finished;
    unsay(receive, due_nak | due_keep_alive);
    receive.by_source = 0;
    receive.expiries = 0;
    receive.timer_ms = nak_interval_ms;
}

void receive_take_pdu(FilesContext& context, const PduView& pdu) {
    FileReceive& receive = context.control.receive;
    repair(receive);
    const bool over = is(receive, ReceiveState::finished);
    const bool known = !is(receive, ReceiveState::none) && receive.sequence == pdu.sequence &&
                       (!over || is_of(end_of(receive), pdu));
    const bool begins = pdu.kind == PduKind::metadata || pdu.kind == PduKind::eof;
    if (!known) {
        if (ReceiveEnd* end = find_end(context.control, pdu)) {
            answer_again(context, *end, pdu);
            return;
        }
        const bool free = is(receive, ReceiveState::none) || over || receive.silent_ms > silent_ms_max;
        // What the one before it is to leave behind is not known yet: the ground says it again.
        if (!begins || !free || is_asked_for(context.control)) {
            count_drop(context.account, PduDrop::unexpected);
            return;
        }
        begin(context, pdu.sequence);
    }
    receive.silent_ms = 0;
    switch (pdu.kind) {
        case PduKind::metadata:
            take_metadata(context, pdu);
            break;
        case PduKind::file_data:
            take_data(context, pdu);
            break;
        case PduKind::eof:
            take_eof(context, pdu);
            break;
        case PduKind::prompt:
            take_prompt(receive, pdu.keep_alive);
            break;
        case PduKind::ack:
            if (is(receive, ReceiveState::finished)) {
                receive.timer_ms = 0;
                unsay(receive, due_finished);
            }
            break;
        default:
            count_drop(context.account, PduDrop::unexpected);
            break;
    }
}

void receive_answer(FilesContext& context, FileAsked asked, FileAnswer answer) {
    FileReceive& receive = context.control.receive;
    if (asked == FileAsked::seal && is(receive, ReceiveState::sealing)) {
        const bool sealed = answer == FileAnswer::done || answer == FileAnswer::sealed;
        if (sealed) {
            ++context.account.files_received;
            context.events.add(EventId::file_received, receive.file, receive.size);
        }
        receive_finish(receive, sealed ? Condition::none : Condition::filestore_rejection);
        return;
    }
    if (asked == FileAsked::create && answer != FileAnswer::done && is(receive, ReceiveState::finished))
        receive.has_metadata = 0;  // given up before it was known that the file is not ours
    if (asked == FileAsked::create && answer == FileAnswer::none && is(receive, ReceiveState::receiving)) {
        forget_data(receive);  // a reset came before the answer: the ground is asked for the metadata again
        receive.has_metadata = 0;
        if (receive.has_eof != 0) receive.timer_ms = 1;
        return;
    }
    if (!is(receive, ReceiveState::receiving) || answer == FileAnswer::done) return;
    if (asked == FileAsked::create || answer == FileAnswer::sealed) receive.has_metadata = 0;  // not ours
    // Not written: the file cannot be trusted to be what was counted.
    if (asked == FileAsked::write && (answer == FileAnswer::unknown || answer == FileAnswer::refused) &&
        receive.expiries < doublings_max) {
        forget_data(receive);
        receive.has_metadata = 0;
        if (receive.timer_ms == 0 && receive.has_eof != 0) receive.timer_ms = 1;
        ++receive.expiries;
        return;
    }
    context.events.add(EventId::file_refused, receive.file,
                       static_cast<double>(static_cast<std::uint8_t>(Condition::filestore_rejection)));
    receive_finish(receive, Condition::filestore_rejection);
}

void receive_step(FilesContext& context, bool transmitter_on, std::uint32_t tick_ms) {
    FileReceive& receive = context.control.receive;
    repair(receive);
    if (is(receive, ReceiveState::none)) return;
    judge(context);
    // What was given up is not kept.
    if (is(receive, ReceiveState::finished) && receive.condition != 0 && receive.has_metadata != 0 &&
        !is_asked_for(context.control) && context.requests.remove(receive.file))
        receive.has_metadata = 0;
    if (!transmitter_on) return;
    if (context.control.was_on == 0) {
        receive.expiries = 0;  // patience is by contact
        if (receive.timer_ms != 0) receive.timer_ms = 1;
    }
    if (receive.silent_ms <= silent_ms_max) receive.silent_ms += tick_ms;
    if (receive.timer_ms == 0) return;
    if (receive.timer_ms > tick_ms) {
        receive.timer_ms -= tick_ms;
        return;
    }
    if (is(receive, ReceiveState::receiving)) receive.due |= due_nak;
    if (is(receive, ReceiveState::finished)) receive.due |= due_finished;
    wait(receive);
    if (receive.expiries < doublings_max) ++receive.expiries;
}

}  // namespace safehold::cdh
