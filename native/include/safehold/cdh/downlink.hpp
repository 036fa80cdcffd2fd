// The downlink: virtual channels multiplexed into TM transfer frames.
//
// Purpose: VC 0 takes what is new (reports, events, housekeeping), VC 1 plays records back from mass memory,
// VC 2 carries the PDUs of files, VC 7 idle frames. In each tick VC 0 comes first, then critical records,
// then the files of a black box after an anomaly, then housekeeping, then other files, then debug records:
// the order of L2.5. An idle frame leaves when there is nothing else and the CLCW has changed, or after 1 s
// of silence. Rate: every control tick; frames leave only while a transmitter is on. Meets L2.2, L2.5, S3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "safehold/cdh/file_pdu_source.hpp"
#include "safehold/cdh/state.hpp"

namespace safehold::cdh {

inline constexpr std::size_t file_pdu_octets_max = tm_packet_octets_max - 6;

using Frame = std::array<std::uint8_t, tm_frame_octets>;
using Frames = std::array<Frame, tm_frames_max>;

struct DownlinkContext {
    CdhAccount& account;
    const computer::StoreStatus& store;
    const computer::RecordList& records;  // committed in this tick
    const computer::Readback* readback;   // may be null
    FilePduSource* files;                 // may be null
    std::uint32_t clcw;
    std::int64_t tick_ns;
    TelemetryProtection protection = TelemetryProtection::none;
};

// Takes the records of this tick out of the packet queue: numbers them and hands them to `records`. They stay
// in the queue as well if a transmitter is on and nothing older of the stream waits, and then count as sent.
void commit_records(CdhAccount& account, const computer::StoreStatus& store, bool transmitter_on,
                    computer::RecordList& records);

// Makes the frames of this tick, at most `frames_max`; returns how many. Protected frames have zeros where
// security header, MAC and FECF will be: the crypto stage behind the voter fills them in.
[[nodiscard]] std::size_t make_frames(DownlinkContext& context, Frames& frames, std::size_t frames_max);

// What to read for the next tick's frames.
[[nodiscard]] computer::ReadRequest next_read(DownlinkContext& context, std::size_t frames_max);

// Frames sent on all virtual channels.
[[nodiscard]] std::uint32_t frames_sent(const CdhAccount& account);

// What the recorder and the downlink say of themselves in telemetry.
void fill_recorder_telemetry(const CdhAccount& account, const RecorderControl& control,
                             const computer::StoreStatus& store, Telemetry& telemetry);

}  // namespace safehold::cdh
