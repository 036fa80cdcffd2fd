// What a voted step asked for is carried out: records, files, reads, persistence, the key in force.
#include "safehold/computer/flight_computer.hpp"

namespace safehold::computer {

void FlightComputer::carry_out_files() {
    const FileList& files = voted_->files;
    state_.store.file_answers = 0;
    state_.store.file_answer = {};
    for (std::size_t i = 0; i < files.count && i < file_requests_max; ++i) {
        const FileRequest& request = files.items[i];
        const bool writes = request.operation == static_cast<std::uint8_t>(FileOperation::write);
        const bool held = files.length <= files.octets.size() && request.at <= files.length &&
                          request.length <= files.length - request.at;
        FileAnswer answer = FileAnswer::refused;
        if (writes && !held) {
            answer = FileAnswer::range;
        } else if (stores_ != nullptr) {
            answer = stores_->file(request, writes ? files.octets.data() + request.at : nullptr);
        }
        state_.store.file_answer[i] = static_cast<std::uint8_t>(answer);
        ++state_.store.file_answers;
    }
}

// The control state is kept only if its winner's octets are those that were voted on.
void FlightComputer::persist() {
    const PersistRequest& request = voted_->persist;
    const ControlState& control = leader().control;
    if (stores_ == nullptr) {
        state_.store.persisted = request.sequence;
    } else if (crc32(&control, sizeof control) != request.crc ||
               !stores_->persist(Slot::control, request.sequence, &control, sizeof control)) {
        ++state_.store.persist_refused;
    } else {
        state_.store.persisted = request.sequence;
    }
    const std::uint32_t milestones = state_.start.record.milestones | request.milestones;
    if (milestones == state_.start.record.milestones) return;
    state_.start.record.milestones = milestones;
    keep_boot_record();
}

// What the step asked of the stores. Costs next to nothing in a tick that asks nothing.
void FlightComputer::carry_out() {
    const StepOutput& asked = *voted_;
    if (state_.store.file_answers != 0 || asked.files.count != 0) carry_out_files();
    // Records go before the state: what the state no longer holds as still to be told has then been told.
    std::size_t at = 0;
    for (std::size_t i = 0; i < asked.records.count && i < RecordList::items_max; ++i) {
        const RecordList::Item& item = asked.records.items[i];
        if (stores_ == nullptr || item.stream >= stream_count || item.length > asked.records.length - at)
            break;
        stores_->append(static_cast<Stream>(item.stream), asked.records.octets.data() + at, item.length);
        at += item.length;
    }
    if (asked.persist.valid != 0) persist();
    if (stores_ != nullptr && asked.drop.valid != 0) stores_->drop(asked.drop);
    state_.readback.status = static_cast<std::uint32_t>(ReadStatus::none);
    if (asked.read.kind != 0) {
        state_.readback.request = asked.read;
        state_.readback.octets = 0;
        state_.readback.records = 0;
        if (stores_ != nullptr) stores_->read(asked.read, state_.readback);
    }
    const bool changed =
        asked.records.count + asked.files.count + asked.persist.valid + asked.drop.valid != 0;
    if (stores_ != nullptr && changed) stores_->status(state_.store);
}

// What the step was told of lost records is told once.
void FlightComputer::go_on_with_lost() {
    std::uint32_t lost = 0;
    for (const StreamStatus& stream : input_.store.streams)
        lost |= stream.lost;
    if (lost == 0 || stores_ == nullptr) return;
    stores_->lost_told();
    stores_->status(state_.store);
}

// A key that the replicas asked for is in force from the next frame on, if that can be kept: what the ground
// is told of it is never undone by a reset. Whether it is in force the replicas see in the next step.
void FlightComputer::carry_out_security() {
    const std::uint16_t id = voted_->security.select;
    const std::uint16_t before = state_.security.kept.active;
    if (id == 0 || id == before || !security::select_key(state_.security, id)) return;
    if (!keep_security()) state_.security.kept.active = before;
}

// What the crypto stage must not forget is kept before a frame goes on.
bool FlightComputer::keep_security() {
    security::SecurityState& security = state_.security;
    ++security.sequence;
    const bool kept = stores_ == nullptr || stores_->persist(Slot::security, security.sequence,
                                                             &security.kept, sizeof security.kept);
    if (kept) {
        security.unkept_tick = 0;
    } else if (security.unkept_tick == 0) {
        security.unkept_tick = state_.voter.ticks + 1;
    }
    return kept;
}

// How long no copy of what the crypto stage must not forget could be written.
std::int64_t FlightComputer::unkept_ns() const {
    const std::uint64_t since = state_.security.unkept_tick;
    const std::uint64_t now = state_.voter.ticks + 1;
    if (since == 0 || since > now) return 0;
    return static_cast<std::int64_t>(now - since) * config_.tick_ns;
}

// What could not be kept is, as soon as the store takes it.
void FlightComputer::retry_security() {
    if (stores_ != nullptr && stores_->powered() && unkept_ns() % unkept_retry_ns < config_.tick_ns)
        (void)keep_security();
}

// Frames are numbered, whether or not there is a key: a replay has none, and its numbers are the same.
void FlightComputer::seal_frames() {
    sealed_count_ = 0;
    for (std::size_t i = 0; i < voted_->frame_count && i < sealed_.size(); ++i) {
        const std::uint64_t number = next_counter(telemetry_, stores_, state_.boot.count);
        if (number == 0) continue;
        security::TmFrame& frame = sealed_[sealed_count_];
        frame = voted_->frames[i];
        if (telemetry_stage_.key() == 0) continue;
        if (telemetry_stage_.seal(frame, config_.telemetry_protection, number)) {
            ++sealed_count_;
        } else {
            ++telemetry_.withheld;
        }
    }
}

}  // namespace safehold::computer
