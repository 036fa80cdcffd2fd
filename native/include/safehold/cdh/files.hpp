// Files between mass memory and the ground: CFDP class 2 (CCSDS 727.0-B) on board, both directions.
//
// Purpose: sealed files that the ground does not have yet go down, two at a time, black box before science;
// one file at a time comes up. Rate: every control tick. Inputs: PDUs of APID 110, readbacks of mass memory,
// telecommands. Outputs: PDUs while a transmitter is on, requests to mass memory, events. Timers stand still
// without a transmitter, so that a transfer goes on where the last contact ended. A transaction going down is
// numbered by its file, and what the ground has is known to the ground: after a reset the EOF alone brings
// back what is missing. What goes down is account; what comes up is control. Any bit may flip: every count
// and place is bounded where it is used. Meets L2.2, L2.3, L2.5, L2.6.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "safehold/cdh/cfdp.hpp"
#include "safehold/cdh/file_pdu_source.hpp"
#include "safehold/computer/interface.hpp"
#include "safehold/computer/store.hpp"

namespace safehold::cdh {

// --- down
// --------------------------------------------------------------------------------------------------------------

// A file on its way down; none if `file` is 0.
struct FileSend {
    std::uint32_t file;
    std::uint32_t length;
    std::uint32_t crc;
    std::uint32_t offset;    // all below has been sent once
    std::uint32_t timer_ms;  // until the EOF is sent again; 0 is off
    std::uint32_t expiries;
    std::uint32_t attempt;
    std::uint32_t request_count;
    std::array<Range, nak_requests_max>
        requests;  // what the ground misses, before anything new: in order, apart
    std::uint8_t kind;
    std::uint8_t metadata_due;
    std::uint8_t eof_due;
    std::uint8_t cancelled;  // 1: the EOF says so, and nothing else is sent
    std::uint32_t crc_sent;  // CRC-32 of all below `offset`
};
static_assert(sizeof(FileSend) == 32 + 8 * nak_requests_max + 8);

// A sealed file that the ground does not have.
struct FileWaiting {
    std::uint32_t file;
    std::uint32_t length;
    std::uint32_t crc;
    std::uint8_t kind;
    std::uint8_t old;      // may have been begun before the computer started
    std::uint8_t attempt;  // a file that the ground had once, sent again by command
    std::uint8_t spare;
};
static_assert(sizeof(FileWaiting) == 16);

struct FinishedAck {
    std::uint32_t sequence;
    std::uint32_t condition;
};

struct FilesAccount {
    static constexpr std::size_t sends_max = 2;
    static constexpr std::size_t waiting_max = 8;
    static constexpr std::size_t skipped_max = 8;
    static constexpr std::size_t acks_max = 8;
    std::array<FileSend, sends_max> sends;
    std::array<FileWaiting, waiting_max> waiting;
    std::array<FinishedAck, acks_max> acks;          // Finished PDUs to be acknowledged
    std::array<std::uint32_t, skipped_max> skipped;  // given up until asked for by command; a ring
    computer::ReadRequest asked;                     // in the last tick
    std::array<std::uint32_t, static_cast<std::size_t>(PduDrop::count)> dropped;
    std::uint32_t waiting_count;
    std::uint32_t ack_count;
    std::uint32_t skipped_next;
    std::uint32_t scan_ms;     // until the directory is looked at again
    std::uint32_t seen_files;  // when it was last looked at
    std::uint32_t files_sent;
    std::uint32_t files_received;
    std::uint32_t pdus_sent;
    std::uint32_t pdus_received;
    std::uint32_t requests_dropped;
    std::uint8_t scanned;    // 1: the directory has been looked at since the start
    std::uint8_t restarted;  // 1: this is not the first start
    std::uint8_t was_on;
    std::uint8_t listing;   // 1: the ground wants the directory told
    std::uint16_t list_at;  // place from which on it still is to be told
    std::array<std::uint8_t, 2> spare;
};
static_assert(sizeof(FilesAccount) ==
              sizeof(FileSend) * FilesAccount::sends_max + sizeof(FileWaiting) * FilesAccount::waiting_max +
                  8 * FilesAccount::acks_max + 4 * FilesAccount::skipped_max + sizeof(computer::ReadRequest) +
                  4 * static_cast<std::size_t>(PduDrop::count) + 48);
static_assert(std::is_trivially_copyable_v<FilesAccount> && sizeof(FilesAccount) % 8 == 0);

// --- up
// ----------------------------------------------------------------------------------------------------------------

enum class ReceiveState : std::uint8_t { none = 0, receiving = 1, sealing = 2, finished = 3 };

// What is to be said of a file that comes up.
inline constexpr std::uint8_t due_ack = 1;  // of the EOF
inline constexpr std::uint8_t due_finished = 2;
inline constexpr std::uint8_t due_nak = 4;
inline constexpr std::uint8_t due_keep_alive = 8;

// The file that comes up. The gaps are what is missing below `end`; beyond it everything is.
struct FileReceive {
    static constexpr std::size_t gaps_max = 32;
    std::array<Range, gaps_max> gaps;
    std::uint32_t sequence;
    std::uint32_t file;  // 0 until the metadata has come
    std::uint32_t size;
    std::uint32_t checksum;
    std::uint32_t sum;  // modular checksum of what has come
    std::uint32_t end;
    std::uint32_t gap_count;
    std::uint32_t timer_ms;
    std::uint32_t silent_ms;  // in contact, since anything of it came
    std::uint32_t expiries;
    std::uint8_t state;  // ReceiveState
    std::uint8_t has_metadata;
    std::uint8_t has_eof;
    std::uint8_t condition;  // of the Finished
    std::uint8_t due;        // bits: what is to be said
    std::uint8_t by_source;  // 1: the ground has cancelled
    std::uint8_t spare;
    std::uint8_t eof_condition;
};
static_assert(sizeof(FileReceive) == 8 * FileReceive::gaps_max + 48);

// What is known of a transaction that is over.
inline constexpr std::uint8_t end_known = 1;
inline constexpr std::uint8_t end_has_eof = 2;
inline constexpr std::uint8_t end_by_source = 4;  // the ground has cancelled

// How a transaction that came up has ended, for a ground that missed the Finished and asks by its EOF. The
// file is noted beside the number: a ground that begins to count anew means another one.
struct ReceiveEnd {
    std::uint32_t sequence;
    std::uint32_t file;  // 0: the metadata was refused or never came
    std::uint32_t size;
    std::uint32_t checksum;
    std::uint8_t known;  // bits
    std::uint8_t condition;
    std::uint8_t due;  // bits: ACK of the EOF, Finished
    std::uint8_t eof_condition;
};
static_assert(sizeof(ReceiveEnd) == 20);

// What mass memory was asked to do in the last tick: its answers are in this tick's status.
enum class FileAsked : std::uint8_t {
    nothing = 0,
    create = 1,
    write = 2,
    seal = 3,
    remove = 4,
    lose = 5,
    expose = 6
};

struct FilesControl {
    static constexpr std::size_t commanded_max = 8;
    static constexpr std::size_t ended_max = 8;
    FileReceive receive;
    std::array<ReceiveEnd, ended_max> ended;             // the last transactions before this one; a ring
    std::array<std::uint32_t, commanded_max> commanded;  // files to send, whatever the ground has of them
    std::array<std::uint8_t, computer::file_requests_max> asked;  // FileAsked, by place in the list
    std::uint32_t removing;
    std::uint32_t commands;      // to send a file; makes the number of a transaction new
    std::uint32_t was_on;        // 1: a transmitter was on in the last tick
    std::uint32_t chunks_first;  // of the black box that the ground wants, by number; none if the last is 0
    std::uint32_t chunks_last;
    std::uint32_t ended_next;
};
static_assert(sizeof(FilesControl) == sizeof(FileReceive) + sizeof(ReceiveEnd) * FilesControl::ended_max +
                                          4 * FilesControl::commanded_max + computer::file_requests_max + 24);
static_assert(std::is_trivially_copyable_v<FilesControl> && sizeof(FilesControl) % 8 == 0);

// --- the tick
// ----------------------------------------------------------------------------------------------------------

struct FilesContext {
    FilesControl& control;
    FilesAccount& account;
    computer::FileList& requests;
    const computer::StoreStatus& store;
    EventList& events;
};

void files_init(FilesControl& control, FilesAccount& account);

// First in a tick: what mass memory answered to the last tick's requests.
void files_answers(FilesContext& context);

// Takes the data field of one packet of APID 110.
void files_pdu(FilesContext& context, const std::uint8_t* pdu, std::size_t octets);

// Once a tick, after the telecommands: timers, and the directory if it was read.
void files_step(FilesContext& context, const computer::BootStatus& boot, const computer::Readback* readback,
                bool transmitter_on, std::int64_t tick_ns);

// --- telecommands
// ------------------------------------------------------------------------------------------------------

enum class FilesCommand : std::uint8_t { done, unknown, full };

[[nodiscard]] FilesCommand files_send(FilesContext& context, std::uint32_t file);
// Chunks of the black box by number, instead of those asked for before; they go down as they are complete.
[[nodiscard]] FilesCommand files_send_chunks(FilesContext& context, std::uint32_t first, std::uint32_t last);
[[nodiscard]] FilesCommand files_cancel(FilesContext& context, std::uint32_t file);
// Without `force`, mass memory removes only what the ground has; an event tells the outcome.
[[nodiscard]] FilesCommand files_remove(FilesContext& context, std::uint32_t file, bool force);
// Has the directory told, from its beginning, while a transmitter is on.
void files_list(FilesContext& context);

// --- the downlink's side
// -----------------------------------------------------------------------------------------------

// Makes PDUs as long as the downlink has room for them.
class FilePdus final : public FilePduSource {
  public:
    FilePdus(FilesControl& control, FilesAccount& account, const computer::Readback* readback,
             bool transmitter_on);

    // True while the next PDU belongs to a black box after an anomaly.
    [[nodiscard]] bool urgent() const override;
    // Writes the next PDU, at most pdu_octets_max octets; 0 if there is none.
    [[nodiscard]] std::size_t next(std::uint8_t* pdu, std::size_t octets_max) override;
    // What to read for the next tick.
    [[nodiscard]] computer::ReadRequest wanted() const override;

  private:
    [[nodiscard]] std::size_t receiver_pdu(std::uint8_t* pdu);
    [[nodiscard]] std::size_t nak_pdu(std::uint8_t* pdu);
    [[nodiscard]] std::size_t sender_pdu(FileSend& send, std::uint8_t* pdu);
    [[nodiscard]] std::size_t data_pdu(FileSend& send, std::uint8_t* pdu);

    FilesControl& control_;
    FilesAccount& account_;
    const computer::Readback* readback_;  // null unless it is the file data that was asked for
    bool on_;
};

// The place of the next file to serve, by kind and number; sends_max if there is none.
[[nodiscard]] std::size_t first_send(const FilesAccount& account, std::uint32_t served);

// --- of one direction, for the other files of this part
// ----------------------------------------------------------------

void send_take_pdu(FilesContext& context, const PduView& pdu);
void send_step(FilesContext& context, const computer::BootStatus& boot, const computer::Readback* readback,
               bool transmitter_on, std::uint32_t tick_ms);
void receive_take_pdu(FilesContext& context, const PduView& pdu);
void receive_answer(FilesContext& context, FileAsked asked, computer::FileAnswer answer);
void receive_step(FilesContext& context, bool transmitter_on, std::uint32_t tick_ms);
void receive_finish(FileReceive& receive, Condition condition);
void count_drop(FilesAccount& account, PduDrop reason);
// Notes which of this tick's requests the last one is, so that its answer is understood.
void note_asked(FilesContext& context, FileAsked asked);

}  // namespace safehold::cdh
