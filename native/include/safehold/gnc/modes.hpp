// The modes and what leads from one to another.
//
// Purpose: BOOT -> SEPARATION -> DETUMBLE -> SAFE -> STANDBY <-> DOWNLINK, MISSION, MANOEUVRE; SURVIVAL from
// anywhere. Each condition must persist, has hysteresis, and raises an event with its reason; each mode has a
// command path and a time-out. Rate: every tick. Meets L1.1, L3.4, L3.7, L6.1.
#pragma once

#include <cstdint>
#include <type_traits>

#include "safehold/computer/interface.hpp"
#include "safehold/gnc/mode.hpp"

namespace safehold {

struct ModeLogic {
    double in_mode_s;
    double rate_low_s;  // persistence of each condition
    double rate_high_s;
    double captured_s;
    double ready_s;
    double attitude_lost_s;
    double orbit_lost_s;
    double pointing_lost_s;
    double sensors_lost_s;
    double forecast_low_s;
    double locked_s;
    double contact_age_s;   // since the last telecommand frame that was authentic and accepted
    double navigation_s;    // how long trackers and GPS have been on
    double tracker_wait_s;  // how long navigation has been on without an attitude
    std::uint32_t mode;
    std::uint32_t submode;
    std::uint32_t reason;
    std::uint32_t safe_reason;
    std::uint32_t safe_exits;
    std::uint32_t navigation;  // 1 while SAFE keeps trackers and GPS on
    std::uint32_t contact_lost;
    std::uint32_t charge_was_low;  // 1 from a low charge to the next STANDBY
    std::uint32_t commissioned;    // 1 once a mode of fine pointing has been reached
    std::uint32_t spare;
};
static_assert(sizeof(ModeLogic) == 14 * 8 + 10 * 4);
static_assert(std::is_trivially_copyable_v<ModeLogic>);

// What the decisions look at.
struct Situation {
    double rate_rad_s;
    double attitude_sigma_rad;
    double pointing_error_rad;  // from the commanded attitude
    double charge;
    double charge_forecast;  // for the end of this or the next eclipse; -1 if unknown
    double lock_age_s;
    std::uint32_t wheels;  // healthy
    bool rate_valid;
    bool attitude_running;
    bool orbit_valid;
    bool slewing;
    bool drive_lost;
    bool sun_seen;
    bool charge_low;
    bool charge_critical;
    bool separated;
    bool deployed;          // by the switches
    bool deployment_ended;  // done or given up
    bool deployment_failed;
    bool autonomous;  // SAFE is left without the ground
};

void modes_init(ModeLogic& state);
// After a reset with the state of before: goes on in the same mode, in STANDBY instead of DOWNLINK and
// MANOEUVRE, or in SAFE instead of any mode of fine pointing if resets follow each other (`troubled`).
void modes_restart(ModeLogic& state, double down_s, bool troubled, EventList& events);
// The ground has spoken: a telecommand frame was authentic, and FARM-1 accepted it. A carrier alone, or
// frames of a stranger, are no contact.
void modes_contact(ModeLogic& state);
// Answers a request: takes the mode, or raises mode_request_refused with the reason. True if it was taken.
bool modes_request(ModeLogic& state, const Parameters& parameters, const ModeRequest& request,
                   const Situation& now, EventList& events);
void modes_step(ModeLogic& state, const Parameters& parameters, const Situation& now, EventList& events);

[[nodiscard]] Mode mode_of(const ModeLogic& state);
[[nodiscard]] Submode submode_of(const ModeLogic& state);
// STANDBY, MISSION, DOWNLINK, MANOEUVRE: those that need attitude and orbit.
[[nodiscard]] bool fine_pointing(Mode mode);

}  // namespace safehold
