// The host's stores behind the flight computer's port, and a flight computer that owns its stores.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "safehold/computer/flight_computer.hpp"
#include "safehold/host/black_box.hpp"
#include "safehold/host/folder.hpp"
#include "safehold/host/mass_memory.hpp"
#include "safehold/host/mission.hpp"
#include "safehold/host/persistence.hpp"

namespace safehold::host {

class Stores final : public computer::StorePort {
  public:
    explicit Stores(const Quotas& quotas = {}) : memory(quotas) {}

    void status(computer::StoreStatus& status) const override { memory.status(status); }
    void append(computer::Stream stream, const std::uint8_t* record, std::size_t record_octets) override {
        if (power.out != 0) return;
        const auto index = static_cast<std::size_t>(stream);
        const bool fits = memory.has_room(index, record_octets);
        const std::size_t through = power.admit(record_octets);
        const bool kept = folder == nullptr || !fits ||
                          folder->append(index, memory.next(index), record, record_octets, through);
        if (through != record_octets) {
            memory.tear(index);
        } else if (kept && fits) {
            memory.append(stream, record, record_octets);
        } else {
            memory.refuse(index);
            if (folder != nullptr) (void)folder->keep_numbers(memory);
        }
    }
    void drop(const computer::DropRequest& request) override {
        if (power.out != 0) return;
        memory.drop(request);
        if (folder != nullptr && request.stream < computer::stream_count)
            folder->drop(request.stream, memory);
    }
    computer::FileAnswer file(const computer::FileRequest& request, const std::uint8_t* data) override {
        if (power.admit(1) != 1) return computer::FileAnswer::refused;
        const bool exposes = request.operation == static_cast<std::uint8_t>(computer::FileOperation::expose);
        return exposes ? expose(request) : change(request, data);
    }
    void read(const computer::ReadRequest& request, computer::Readback& readback) const override {
        memory.read(request, readback);
    }
    bool persist(computer::Slot slot, std::uint32_t sequence, const void* octets,
                 std::size_t count) override {
        // The numbers go first: what leaves once control is kept is never followed by a number given again.
        if (slot == computer::Slot::control && power.out == 0 && folder != nullptr &&
            !folder->keep_numbers(memory)) {
            return false;
        }
        return persistence.write(slot, sequence, octets, count, power, folder.get());
    }
    std::size_t load(computer::Slot slot, void* octets, std::size_t count,
                     std::uint32_t& sequence) const override {
        return persistence.load(slot, octets, count, sequence);
    }

    void forget(computer::Slot slot) override {
        persistence.forget(slot);
        if (folder != nullptr) folder->forget(static_cast<std::size_t>(slot), persistence.copies(slot));
    }
    [[nodiscard]] bool powered() const override { return power.out == 0; }
    void lost_told() override { memory.lost_told(); }
    void power_up() override {
        if (power.out != 0 && folder != nullptr) folder->read(persistence, memory);
        if (power.out != 0) power = {power.writes, 0, 0, 0};
    }

    // The first number of TM frames that is not reserved; 0 if none ever was.
    [[nodiscard]] std::uint64_t reserved_telemetry() const {
        computer::TelemetryKept found{};
        std::uint32_t sequence = 0;
        const std::size_t octets = load(computer::Slot::telemetry, &found, sizeof found, sequence);
        return octets == sizeof found ? found.below : 0;
    }

    // Takes over, in memory alone, that all below were.
    void reserve_telemetry(std::uint64_t below) {
        if (below <= reserved_telemetry()) return;
        const computer::TelemetryKept reserved{below};
        computer::TelemetryKept found{};
        std::uint32_t sequence = 0;
        (void)load(computer::Slot::telemetry, &found, sizeof found, sequence);
        Power on;
        (void)persistence.write(computer::Slot::telemetry, sequence + 1, &reserved, sizeof reserved, on);
    }

    // From now on all that is kept is kept there too, and what is there is taken over.
    void keep_in(std::shared_ptr<Folder> chosen) {
        folder = std::move(chosen);
        folder->read(persistence, memory);
    }

    void put(Out& out) const {
        out.value(power);
        persistence.put(out);
        memory.put(out);
    }
    void take(In& in) {
        power = in.value<Power>();
        persistence.take(in);
        memory.take(in);
    }

    // The payload: the octets of an image taken now, none if it fails. Not part of the state; `image` is the
    // last one's, to be recorded.
    using Camera = std::function<std::vector<std::uint8_t>(std::uint32_t file, std::uint32_t exposure_ms)>;
    Camera camera;
    std::vector<std::uint8_t> image;

    Power power;
    Persistence persistence;
    MassMemory memory;
    std::shared_ptr<Folder> folder;  // none: in memory alone

  private:
    // The disk follows what was done in memory; what it refuses to begin, to add or to seal is refused.
    computer::FileAnswer change(const computer::FileRequest& request, const std::uint8_t* data) {
        computer::FileEntry before{};
        const bool was_there = memory.entry(request.file, before);
        const computer::FileAnswer answer = memory.file(request, data);
        if (folder == nullptr || answer != computer::FileAnswer::done) return answer;
        if (folder->follow(request, memory, data)) return answer;
        const auto operation = static_cast<computer::FileOperation>(request.operation);
        if (operation == computer::FileOperation::write) return computer::FileAnswer::refused;
        if (operation == computer::FileOperation::seal && was_there) {
            memory.unseal(before);
            return computer::FileAnswer::refused;
        }
        if (operation != computer::FileOperation::create) return answer;
        computer::FileRequest undo = request;
        undo.operation = static_cast<std::uint8_t>(computer::FileOperation::remove);
        undo.check = 0;
        (void)memory.file(undo, nullptr);
        return computer::FileAnswer::refused;
    }

    computer::FileAnswer expose(const computer::FileRequest& request) {
        if (!camera) return computer::FileAnswer::refused;
        image = camera(request.file, request.length);
        if (image.empty()) return computer::FileAnswer::refused;
        computer::FileRequest step = request;
        step.length = static_cast<std::uint32_t>(image.size());
        for (const auto operation : {computer::FileOperation::create, computer::FileOperation::write,
                                     computer::FileOperation::seal}) {
            step.operation = static_cast<std::uint8_t>(operation);
            step.check = 0;
            step.offset = 0;
            const computer::FileAnswer answer = change(step, image.data());
            if (answer != computer::FileAnswer::done) return answer;
        }
        return computer::FileAnswer::done;
    }
};

// The stores are made first: the computer asks them how things stand when it starts.
struct StoreOwner {
    explicit StoreOwner(const Quotas& quotas) : kept(quotas) {}
    Stores kept;
};

class HostedComputer : private StoreOwner, public computer::FlightComputer {
  public:
    explicit HostedComputer(const computer::ComputerConfig& config, const Quotas& quotas = {})
        : StoreOwner(quotas), computer::FlightComputer(config, &kept), black_box_(kept) {
        set_witness(&black_box_);
    }
    HostedComputer(const HostedComputer&) = delete;
    HostedComputer& operator=(const HostedComputer&) = delete;

    [[nodiscard]] Stores& stores() { return kept; }
    [[nodiscard]] const Stores& stores() const { return kept; }
    [[nodiscard]] const BlackBox& black_box() const { return black_box_; }
    [[nodiscard]] std::string mission() const { return describe_mission(config(), kept.memory.quotas()); }

    // Goes on from what a folder holds, and keeps everything there. Throws OtherMission, and leaves the
    // folder as it is, if it belongs to another mission.
    void keep_in(const std::shared_ptr<Folder>& folder) {
        folder->claim(mission());
        kept.keep_in(folder);
    }

    // The computer's state, then that of its stores and of the black box.
    void put(Out& out) const {
        out.value(state());
        kept.put(out);
        out.value(black_box_.state());
        if (protects_telemetry()) out.value(telemetry_state());
    }
    // What `put` wrote, read but not yet taken over.
    struct Kept {
        std::unique_ptr<computer::ComputerState> state = std::make_unique<computer::ComputerState>();
        Stores stores;
        std::unique_ptr<BlackBox::State> black_box = std::make_unique<BlackBox::State>();
        computer::TelemetryState telemetry{};
    };
    [[nodiscard]] Kept read(In& in) const {
        Kept read;
        in.take(read.state.get(), sizeof *read.state);
        read.stores.take(in);
        in.take(read.black_box.get(), sizeof *read.black_box);
        if (protects_telemetry()) in.take(&read.telemetry, sizeof read.telemetry);
        return read;
    }
    void take(Kept read) {
        read.stores.camera = std::move(kept.camera);
        read.stores.folder = std::move(kept.folder);
        read.stores.memory.set_quotas(kept.memory.quotas());
        const std::uint64_t used = kept.reserved_telemetry();
        kept = std::move(read.stores);
        if (kept.folder != nullptr) {
            // What is kept in a folder has flown: an older state must not use the numbers of its frames
            // again.
            kept.reserve_telemetry(used);
            kept.folder->write_all(kept.persistence, kept.memory);
        }
        restore(*read.state, read.telemetry);
        black_box_.restore(*read.black_box);
        if (kept.folder != nullptr && protects_telemetry()) skip_telemetry_to(used);
    }
    // Throws std::invalid_argument, and changes nothing, if the octets are not exactly such a state.
    void take(const std::uint8_t* octets, std::size_t count) {
        In in(octets, count, "a computer's state");
        Kept found = read(in);
        if (!in.empty()) throw std::invalid_argument("a computer's state is too long");
        take(std::move(found));
    }

  private:
    BlackBox black_box_;
};

}  // namespace safehold::host
