// Images of places on the Earth, taken by the satellite's own decision when and how.
//
// Purpose: the ground says what to image and until when; the satellite waits for a pass over the place with
// the Sun on it, charge to spare and STANDBY to return to, points at it, exposes once the line of sight is
// close enough and at rest, and returns. Rate: every control tick, looking for a pass once a second. Inputs:
// the autonomy's estimates, switches, mass memory's answers. Outputs: mode requests, exposures, events with
// reasons. Meets L2.2, L2.4, L4.2.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "safehold/computer/store.hpp"
#include "safehold/gnc/autonomy.hpp"

namespace safehold {

// A place that is to be imaged.
struct ImagePlan {
    Vector place_itrs_m;
    std::uint32_t left_s;  // until it is given up
    std::uint16_t exposure_ms;
    std::uint8_t told;  // 1: an event has said why a pass was not used
    std::uint8_t tries;
};
static_assert(sizeof(ImagePlan) == 32);

enum class ImagingState : std::uint32_t { idle = 0, pointing = 1, exposing = 2 };

// Why a pass was not used or a plan given up: the argument of events.
enum class ImagingReason : std::uint8_t {
    expired = 1,
    place_dark = 2,
    eclipse = 3,
    charge_low = 4,
    mode_left = 5,  // something else took the mode
    passed = 6,     // the place sank before the line of sight was close enough
    refused = 7,    // mass memory did not take the image
};

struct ImagingControl {
    static constexpr std::size_t plans_max = 8;
    std::array<ImagePlan, plans_max> plans;  // the first `count`, in the order asked for
    std::uint32_t count;
    std::uint32_t state;    // ImagingState
    std::uint32_t current;  // of the plans, while not idle
    std::uint32_t waited_ms;
    std::uint32_t powered_ms;  // the payload, on end
    std::uint32_t second_ms;   // until the next look
    std::uint32_t images;      // file id of the last one
    std::uint32_t answer;      // 1 + FileAnswer of the exposure, once it has come
};
static_assert(sizeof(ImagingControl) == 32 * ImagingControl::plans_max + 32);
static_assert(std::is_trivially_copyable_v<ImagingControl>);

struct ImagingContext {
    ImagingControl& control;
    const AutonomyState& autonomy;
    const Parameters& parameters;
    const SensorFrame& sensor;
    ModeRequest& mode_request;
    EventList& events;
    bool& control_dirty;
    bool expose;  // out: take an image now
    std::uint32_t file;
    std::uint32_t exposure_ms;
};

// False if as many places as fit are waiting. Degrees are of WGS 84.
[[nodiscard]] bool imaging_plan(ImagingControl& control, double latitude_deg, double longitude_deg,
                                double altitude_m, std::uint32_t exposure_ms, std::uint32_t within_s);
// Before the control task, after the telecommands.
void imaging_step(ImagingContext& context, std::uint32_t tick_ms);

}  // namespace safehold
