// The host's stores behind the flight computer's port, and a flight computer that owns its stores.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "safehold/computer/flight_computer.hpp"
#include "safehold/host/black_box.hpp"
#include "safehold/host/mass_memory.hpp"
#include "safehold/host/persistence.hpp"

namespace safehold::host {

class Stores final : public computer::StorePort {
  public:
    void status(computer::StoreStatus& status) const override { memory.status(status); }
    void append(computer::Stream stream, const std::uint8_t* record, std::size_t record_octets) override {
        if (power.admit(record_octets) == record_octets) memory.append(stream, record, record_octets);
    }
    void drop(const computer::DropRequest& request) override {
        if (power.out == 0) memory.drop(request);
    }
    computer::FileAnswer file(const computer::FileRequest& request, const std::uint8_t* data) override {
        if (power.admit(1) != 1) return computer::FileAnswer::refused;
        const bool exposes = request.operation == static_cast<std::uint8_t>(computer::FileOperation::expose);
        return exposes ? expose(request) : memory.file(request, data);
    }
    void read(const computer::ReadRequest& request, computer::Readback& readback) const override {
        memory.read(request, readback);
    }
    bool persist(computer::Slot slot, std::uint32_t sequence, const void* octets,
                 std::size_t count) override {
        return persistence.write(slot, sequence, octets, count, power);
    }
    std::size_t load(computer::Slot slot, void* octets, std::size_t count,
                     std::uint32_t& sequence) const override {
        return persistence.load(slot, octets, count, sequence);
    }

    void forget(computer::Slot slot) override { persistence.forget(slot); }
    [[nodiscard]] bool powered() const override { return power.out == 0; }
    void power_up() override {
        if (power.out != 0) power = {power.writes, 0, 0, 0};
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

  private:
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
            const computer::FileAnswer answer = memory.file(step, image.data());
            if (answer != computer::FileAnswer::done) return answer;
        }
        return computer::FileAnswer::done;
    }
};

// The stores are made first: the computer asks them how things stand when it starts.
struct StoreOwner {
    Stores kept;
};

class HostedComputer : private StoreOwner, public computer::FlightComputer {
  public:
    explicit HostedComputer(const computer::ComputerConfig& config)
        : StoreOwner{}, computer::FlightComputer(config, &kept), black_box_(kept) {
        set_witness(&black_box_);
    }
    HostedComputer(const HostedComputer&) = delete;
    HostedComputer& operator=(const HostedComputer&) = delete;

    [[nodiscard]] Stores& stores() { return kept; }
    [[nodiscard]] const Stores& stores() const { return kept; }
    [[nodiscard]] const BlackBox& black_box() const { return black_box_; }

    // The computer's state, then that of its stores and of the black box.
    void put(Out& out) const {
        out.value(state());
        kept.put(out);
        out.value(black_box_.state());
    }
    // What `put` wrote, read but not yet taken over.
    struct Kept {
        std::unique_ptr<computer::ComputerState> state = std::make_unique<computer::ComputerState>();
        Stores stores;
        std::unique_ptr<BlackBox::State> black_box = std::make_unique<BlackBox::State>();
    };
    [[nodiscard]] static Kept read(In& in) {
        Kept read;
        in.take(read.state.get(), sizeof *read.state);
        read.stores.take(in);
        in.take(read.black_box.get(), sizeof *read.black_box);
        return read;
    }
    void take(Kept read) {
        read.stores.camera = std::move(kept.camera);
        kept = std::move(read.stores);
        restore(*read.state);
        black_box_.restore(*read.black_box);
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
