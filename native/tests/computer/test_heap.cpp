// No heap after start-up: operator new aborts the program while a guard is on.
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "../cdh/telecommands.hpp"
#include "frames.hpp"
#include "safehold/cdh/downlink.hpp"

namespace {

bool heap_forbidden = false;

void* allocate(std::size_t size) {
    if (heap_forbidden) std::abort();
    void* memory = std::malloc(size);
    if (memory == nullptr) std::abort();
    return memory;
}

}  // namespace

void* operator new(std::size_t size) {
    return allocate(size);
}
void* operator new[](std::size_t size) {
    return allocate(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace safehold::tests {
namespace {

TEST_CASE(
    "no heap after start-up: flight, uplink, downlink, divergence, resynchronisation, restoration [S1]") {
    auto flight = make_computer();
    const auto ping = telecommand(17, 1);
    const auto set_mode = telecommand(8, 1, {0, 2, 3});
    std::uint64_t accepted = 0;
    heap_forbidden = true;
    for (std::uint64_t tick = 0; tick < 20'000; ++tick) {
        SensorFrame frame = sensor_frame(tick);
        frame.receiver_lock = 1;
        if (tick % 50 == 0) hand_on(*flight, ping);
        if (tick % 333 == 0) hand_on(*flight, set_mode);
        if (tick % 7001 == 0) flight->flip(1, tick % 8000);
        if (tick == 15'000) {
            flight->stall(0, 4);
            flight->stall(1, 4);
        }
        flight->step(frame);
        accepted = flight->leader().account.cdh.frames_accepted;
    }
    heap_forbidden = false;
    CHECK(accepted > 100);
    CHECK(flight->voter().status.restorations == 1);
    CHECK(cdh::frames_sent(flight->leader().account.cdh) > 0);
}

}  // namespace
}  // namespace safehold::tests
