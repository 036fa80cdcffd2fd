#include "safehold/host/black_box_replay.hpp"

#include <cstring>
#include <stdexcept>
#include <utility>

#include "safehold/computer/replica.hpp"
#include "safehold/host/packing.hpp"

namespace safehold::host {
namespace {

constexpr char magic[16] = "SAFEHOLD-BLACK1";

[[noreturn]] void refuse(const char* why) {
    throw std::invalid_argument(std::string("a chunk of the black box ") + why);
}

}  // namespace

BlackBoxReplay::BlackBoxReplay(std::vector<std::uint8_t> chunk, bool autonomy)
    : chunk_(std::move(chunk)),
      state_(std::make_unique<computer::ReplicaState>()),
      input_(std::make_unique<computer::StepInput>()),
      output_(std::make_unique<computer::StepOutput>()),
      readback_(std::make_unique<computer::Readback>()) {
    take(&head_, sizeof head_);
    if (std::memcmp(head_.magic, magic, sizeof magic) != 0) refuse("begins otherwise");
    if (std::memcmp(head_.dictionary, dictionary_sha256, sizeof head_.dictionary) != 0)
        refuse("was made with another dictionary");
    if (head_.config_octets != sizeof config_ || head_.state_octets != sizeof *state_ ||
        head_.context_octets != sizeof(StepContext)) {
        refuse("was made with another layout of the state");
    }
    take(&config_, sizeof config_);
    if (config_.tick_ns <= 0) refuse("has no control period");
    if (head_.packed_octets > chunk_.size() - at_) refuse("is cut short");
    if (!unpack_zeros(chunk_.data() + at_, head_.packed_octets, state_.get(), sizeof *state_))
        refuse("has a state that cannot be unpacked");
    at_ += head_.packed_octets;
    next_tick_ = head_.first_tick;
    input_->tick_ns = config_.tick_ns;
    input_->autonomy = autonomy ? 1 : 0;
    input_->telemetry_protection = config_.telemetry_protection;
    input_->configured = &config_.parameters;
    input_->readback = readback_.get();
}

void BlackBoxReplay::take(void* octets, std::size_t count) {
    if (count > chunk_.size() - at_) refuse("is cut short");
    if (count != 0) std::memcpy(octets, chunk_.data() + at_, count);
    at_ += count;
}

void BlackBoxReplay::take_context() {
    auto* octets = reinterpret_cast<std::uint8_t*>(&context_);
    constexpr std::size_t words = sizeof(StepContext) / 8;
    for (std::size_t group = 0; group < words; group += 8) {
        std::uint8_t mask = 0;
        take(&mask, 1);
        for (std::size_t w = group; w < words && w < group + 8; ++w)
            if (((mask >> (w - group)) & 1) != 0) take(octets + 8 * w, 8);
    }
}

void BlackBoxReplay::take_uplink() {
    std::uint8_t count = 0;
    take(&count, 1);
    if (count > computer::uplink_frames_max) refuse("has more uplink than a tick can take");
    for (std::size_t i = 0; i < count; ++i) {
        UplinkHead head;
        take(&head, sizeof head);
        computer::UplinkFrame& frame = input_->uplink[i];
        if (head.length > frame.octets.size()) refuse("has an uplink frame that is too long");
        take(frame.octets.data(), head.length);
        frame.counter = head.counter;
        frame.crc = head.crc;
        frame.length = head.length;
        frame.key = head.key;
    }
    input_->uplink_count = count;
}

void BlackBoxReplay::take_readback() {
    take(readback_.get(), offsetof(computer::Readback, data));
    if (readback_->octets > readback_->data.size()) refuse("has a readback that is too long");
    if (readback_->request.kind != static_cast<std::uint8_t>(computer::ReadKind::file)) {
        take(readback_->data.data(), readback_->octets);
        return;
    }
    // What was in the file is not kept; in its place stand zeros that are as sound as it was.
    std::memset(readback_->data.data(), 0, readback_->octets);
    readback_->crc = computer::crc32(readback_->data.data(), readback_->octets);
}

bool BlackBoxReplay::step() {
    std::uint8_t parts = 0;
    for (;;) {
        if (at_ == chunk_.size()) return false;
        take(&parts, 1);
        if (parts != mark_check) break;
        Digest digest;
        take(digest.data(), digest.size());
        ++(digest == check_of(*state_) ? checks_held_ : checks_failed_);
    }
    std::uint16_t coded = 0;
    take(&coded, 2);
    if (coded > chunk_.size() - at_) refuse("is cut short");
    BitReader bits(chunk_.data() + at_, coded);
    if (!codec_.decode(bits, input_->sensor)) refuse("has a sensor frame that ends too soon");
    at_ += coded;
    if ((parts & part_context) != 0) take_context();
    context_.give(*input_);
    input_->uplink_count = 0;
    if ((parts & part_uplink) != 0) take_uplink();
    readback_->status = 0;
    if ((parts & part_readback) != 0) take_readback();
    computer::replica_step(*state_, *input_, *output_);
    ++next_tick_;
    return true;
}

}  // namespace safehold::host
