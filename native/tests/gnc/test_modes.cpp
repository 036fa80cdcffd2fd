// The mode logic alone: what each mode waits for, how long it waits, what it refuses. No physics.
#include <doctest/doctest.h>

#include "safehold/gnc/modes.hpp"
#include "safehold/math/elementary.hpp"

using namespace safehold;

namespace {

Situation healthy() {
    Situation now{};
    now.autonomous = true;
    now.rate_rad_s = 0.0005;
    now.attitude_sigma_rad = 0.0001;
    now.charge = 0.8;
    now.charge_forecast = 0.6;
    now.sun_seen = true;
    now.lock_age_s = 1e9;
    now.wheels = 4;
    now.rate_valid = true;
    now.attitude_running = true;
    now.orbit_valid = true;
    now.separated = true;
    now.deployed = true;
    now.deployment_ended = true;
    return now;
}

struct Logic {
    Parameters p = parameters_default;
    ModeLogic state{};
    EventList events{};
    std::array<double, 4> last_change{};

    explicit Logic(Mode mode) {
        modes_init(state);
        state.mode = static_cast<std::uint32_t>(mode);
    }
    // Steps for a time; returns the seconds after which the mode changed, or -1.
    double run(const Situation& now, double duration_s) {
        const Mode before = mode_of(state);
        for (int k = 1; k <= static_cast<int>(duration_s / p.control_period_s); ++k) {
            events = {};
            modes_step(state, p, now, events);
            for (std::uint32_t i = 0; i < events.count; ++i) {
                if (events.items[i].id == static_cast<std::uint16_t>(EventId::mode_changed)) {
                    last_change = events.items[i].arguments;
                }
            }
            if (mode_of(state) != before) return k * p.control_period_s;
        }
        return -1.0;
    }
    bool request(Mode mode, const Situation& now, Submode submode = Submode::none) {
        ModeRequest request{};
        request.valid = 1;
        request.mode = static_cast<std::uint8_t>(mode);
        request.submode = static_cast<std::uint8_t>(submode);
        return ask(request, now);
    }
    bool ask(const ModeRequest& request, const Situation& now) {
        events = {};
        return modes_request(state, p, request, now, events);
    }
    [[nodiscard]] Refusal refusal() const {
        for (std::uint32_t i = 0; i < events.count; ++i) {
            if (events.items[i].id == static_cast<std::uint16_t>(EventId::mode_request_refused)) {
                return static_cast<Refusal>(static_cast<int>(events.items[i].arguments[1]));
            }
        }
        return Refusal::none;
    }
    [[nodiscard]] ModeReason reason() const { return static_cast<ModeReason>(state.reason); }
};

}  // namespace

TEST_CASE("each mode has its time-out [L3.4] [L3.7]") {
    Situation stuck = healthy();
    SUBCASE("BOOT without rates") {
        Logic logic(Mode::boot);
        stuck.rate_valid = false;
        stuck.deployed = false;
        stuck.deployment_ended = false;
        CHECK(logic.run(stuck, 200.0) == doctest::Approx(120.1).epsilon(1e-3));
        CHECK(mode_of(logic.state) == Mode::separation);
        CHECK(logic.reason() == ModeReason::boot_timeout);
    }
    SUBCASE("SEPARATION that is never seen") {
        Logic logic(Mode::separation);
        stuck.separated = false;
        stuck.deployment_ended = false;
        CHECK(logic.run(stuck, 8000.0) == doctest::Approx(7200.1).epsilon(1e-3));
        CHECK(mode_of(logic.state) == Mode::detumble);
        CHECK(logic.reason() == ModeReason::separation_timeout);
    }
    SUBCASE("DETUMBLE that does not come down") {
        Logic logic(Mode::detumble);
        stuck.rate_rad_s = 0.2;
        CHECK(logic.run(stuck, 20000.0) == doctest::Approx(9000.1).epsilon(1e-3));
        CHECK(mode_of(logic.state) == Mode::safe);
        CHECK(logic.reason() == ModeReason::detumble_timeout);
    }
    SUBCASE("SAFE whose automatic exits are used up") {
        Logic logic(Mode::safe);
        logic.state.safe_exits = 3;
        const double left = logic.run(stuck, 30000.0);
        CHECK(left > 21600.0);
        CHECK(left < 21700.0);
        CHECK(mode_of(logic.state) == Mode::standby);
    }
    SUBCASE("STANDBY without contact") {
        Logic logic(Mode::standby);
        CHECK(logic.run(stuck, 90000.0) == doctest::Approx(86400.1).epsilon(1e-3));
        CHECK(mode_of(logic.state) == Mode::safe);
        CHECK(logic.reason() == ModeReason::contact_lost);
        // and SAFE waits for the ground, not for a carrier
        CHECK(logic.run(stuck, 5000.0) < 0.0);
        stuck.lock_age_s = 0.0;
        CHECK(logic.run(stuck, 100.0) < 0.0);
        modes_contact(logic.state);
        CHECK(logic.run(stuck, 100.0) > 0.0);
    }
    SUBCASE("STANDBY and DOWNLINK under a carrier that brings no telecommand") {
        stuck.lock_age_s = 0.0;
        Logic logic(Mode::downlink);
        double time_s = 0.0;
        while (mode_of(logic.state) != Mode::safe && time_s < 90'000.0) {
            const double left_s = logic.run(stuck, 90'000.0 - time_s);
            if (left_s < 0.0) break;
            time_s += left_s;
        }
        CHECK(time_s == doctest::Approx(86400.1).epsilon(1e-3));
        CHECK(logic.reason() == ModeReason::contact_lost);
    }
    SUBCASE("MISSION, DOWNLINK, MANOEUVRE") {
        stuck.lock_age_s = 0.0;
        Logic mission(Mode::mission);
        CHECK(mission.run(stuck, 6000.0) == doctest::Approx(5400.1).epsilon(1e-3));
        Logic downlink(Mode::downlink);
        CHECK(downlink.run(stuck, 2000.0) == doctest::Approx(1200.1).epsilon(1e-3));
        CHECK(downlink.reason() == ModeReason::mode_timeout);
        Logic manoeuvre(Mode::manoeuvre);
        CHECK(manoeuvre.run(stuck, 4000.0) == doctest::Approx(3600.1).epsilon(1e-3));
    }
    SUBCASE("SURVIVAL ends with the charge") {
        Logic logic(Mode::survival);
        stuck.charge_critical = true;
        CHECK(logic.run(stuck, 5000.0) < 0.0);
        stuck.charge_critical = false;
        CHECK(logic.run(stuck, 1.0) == doctest::Approx(0.1));
        CHECK(mode_of(logic.state) == Mode::safe);
    }
}

TEST_CASE("conditions must last, and the reason is told [L3.4] [L6.1]") {
    const auto leaves = [](Situation now, double after_s, Mode to, ModeReason reason) {
        Logic logic(Mode::standby);
        REQUIRE(logic.run(healthy(), 10.0) < 0.0);
        const double left = logic.run(now, 400.0);
        CHECK(left == doctest::Approx(after_s).epsilon(0.02));
        CHECK(mode_of(logic.state) == to);
        CHECK(logic.reason() == reason);
        CHECK(logic.last_change[2] == static_cast<double>(reason));
        // A glitch shorter than that changes nothing.
        if (after_s < 1.0) return;
        Logic again(Mode::standby);
        for (int k = 0; k < 5; ++k) {
            CHECK(again.run(now, 0.9 * after_s) < 0.0);
            CHECK(again.run(healthy(), 1.0) < 0.0);
        }
    };
    Situation now = healthy();
    now.rate_rad_s = 0.1;
    leaves(now, 20.0, Mode::detumble, ModeReason::rate_excess);
    now = healthy();
    now.attitude_running = false;
    leaves(now, 120.0, Mode::safe, ModeReason::attitude_lost);
    now = healthy();
    now.attitude_sigma_rad = 0.1;
    leaves(now, 120.0, Mode::safe, ModeReason::attitude_lost);
    now = healthy();
    now.orbit_valid = false;
    leaves(now, 120.0, Mode::safe, ModeReason::orbit_lost);
    now = healthy();
    now.pointing_error_rad = 0.5;
    leaves(now, 300.0, Mode::safe, ModeReason::pointing_lost);
    now = healthy();
    now.rate_valid = false;
    leaves(now, 5.0, Mode::safe, ModeReason::sensors_lost);
    now = healthy();
    now.wheels = 2;
    leaves(now, 0.1, Mode::safe, ModeReason::wheels_lost);
    now = healthy();
    now.charge_low = true;
    leaves(now, 0.1, Mode::safe, ModeReason::charge_low);
    now = healthy();
    now.charge_forecast = 0.2;
    leaves(now, 30.0, Mode::safe, ModeReason::charge_forecast);
    now = healthy();
    now.charge_critical = true;
    leaves(now, 0.1, Mode::survival, ModeReason::charge_critical);
}

TEST_CASE("a large pointing error during a commanded slew is no reason") {
    Logic logic(Mode::standby);
    Situation now = healthy();
    now.pointing_error_rad = 1.0;
    now.slewing = true;
    CHECK(logic.run(now, 1000.0) < 0.0);
}

TEST_CASE("each mode has a command path, and refusals say why [L3.5]") {
    const Situation now = healthy();
    for (const Mode from :
         {Mode::detumble, Mode::safe, Mode::standby, Mode::mission, Mode::downlink, Mode::manoeuvre}) {
        for (const Mode to : {Mode::detumble, Mode::safe, Mode::standby, Mode::mission, Mode::downlink,
                              Mode::manoeuvre, Mode::survival}) {
            Logic logic(from);
            CHECK(logic.request(to, now));
            CHECK(mode_of(logic.state) == to);
            CHECK(logic.reason() == ModeReason::commanded);
        }
    }
    const auto refused = [](Mode from, Mode to, const Situation& situation) {
        Logic logic(from);
        CHECK_FALSE(logic.request(to, situation));
        CHECK(mode_of(logic.state) == from);
        return logic.refusal();
    };
    CHECK(refused(Mode::standby, Mode::boot, now) == Refusal::not_reachable);
    CHECK(refused(Mode::standby, static_cast<Mode>(77), now) == Refusal::mode_unknown);
    CHECK(refused(Mode::separation, Mode::standby, now) == Refusal::not_deployed);
    Situation bad = now;
    bad.attitude_running = false;
    CHECK(refused(Mode::safe, Mode::standby, bad) == Refusal::attitude_unknown);
    bad = now;
    bad.orbit_valid = false;
    CHECK(refused(Mode::safe, Mode::standby, bad) == Refusal::orbit_unknown);
    bad = now;
    bad.charge_low = true;
    CHECK(refused(Mode::safe, Mode::mission, bad) == Refusal::charge_low);
    bad = now;
    bad.wheels = 2;
    CHECK(refused(Mode::safe, Mode::standby, bad) == Refusal::wheels_lost);
    bad = now;
    bad.rate_rad_s = 0.1;
    CHECK(refused(Mode::safe, Mode::standby, bad) == Refusal::rate_excess);
}

TEST_CASE("a place or an attitude that makes no sense is refused") {
    Logic logic(Mode::standby);
    ModeRequest request{};
    request.valid = 1;
    request.mode = static_cast<std::uint8_t>(Mode::mission);
    request.submode = static_cast<std::uint8_t>(Submode::target);
    request.target_itrs_m = {1.0, 2.0, 3.0};
    CHECK_FALSE(logic.ask(request, healthy()));
    CHECK(logic.refusal() == Refusal::argument_invalid);
    request.target_itrs_m = {6.378e6, 0.0, __builtin_nan("")};
    CHECK_FALSE(logic.ask(request, healthy()));
    request.target_itrs_m = {6.378e6, 0.0, 0.0};
    CHECK(logic.ask(request, healthy()));
    CHECK(submode_of(logic.state) == Submode::target);
    request.submode = static_cast<std::uint8_t>(Submode::inertial_hold);
    request.attitude_body_from_gcrf = {0.5, 0.5, 0.5, 0.0};
    CHECK_FALSE(logic.ask(request, healthy()));
    request.attitude_body_from_gcrf = {0.5, 0.5, 0.5, -0.5};
    CHECK(logic.ask(request, healthy()));
    request.submode = 99;
    CHECK_FALSE(logic.ask(request, healthy()));
}

TEST_CASE("what the ground put in SAFE stays; what the computer put there comes back by itself") {
    Logic logic(Mode::standby);
    REQUIRE(logic.request(Mode::safe, healthy()));
    CHECK(logic.run(healthy(), 3000.0) < 0.0);
    REQUIRE(logic.request(Mode::standby, healthy()));
    ModeRequest request{};
    request.valid = 1;
    request.mode = static_cast<std::uint8_t>(Mode::safe);
    request.by_computer = 1;
    REQUIRE(logic.ask(request, healthy()));
    CHECK(logic.reason() == ModeReason::external);
    CHECK(logic.run(healthy(), 700.0) == doctest::Approx(600.0).epsilon(0.01));
}

TEST_CASE("SAFE waits for charge, knowledge and its dwell before it hands over") {
    Logic logic(Mode::safe);
    Situation now = healthy();
    now.charge = 0.40;
    CHECK(logic.run(now, 2000.0) < 0.0);
    CHECK(logic.state.navigation == 0);
    now.charge = 0.56;
    now.attitude_running = false;
    CHECK(logic.run(now, 1000.0) < 0.0);
    CHECK(logic.state.navigation == 1);
    now.charge = 0.52;  // hysteresis: trackers stay on
    CHECK(logic.run(now, 10.0) < 0.0);
    CHECK(logic.state.navigation == 1);
    now.charge = 0.56;
    now.attitude_running = true;
    CHECK(logic.run(now, 100.0) == doctest::Approx(60.0).epsilon(0.01));
    CHECK(mode_of(logic.state) == Mode::standby);
}

TEST_CASE("SAFE is not left for an eclipse that the battery would not last [L4.1]") {
    Logic logic(Mode::safe);
    Situation now = healthy();
    now.charge = 0.7;
    now.charge_forecast = 0.3;
    CHECK(logic.run(now, 1000.0) < 0.0);
    now.charge_forecast = -1.0;  // unknown
    CHECK(logic.run(now, 1000.0) < 0.0);
    now.charge_forecast = 0.5;
    CHECK(logic.run(now, 100.0) > 0.0);
    Logic dark(Mode::safe);
    now.sun_seen = false;
    CHECK(dark.run(now, 100.0) < 0.0);
    CHECK(dark.state.navigation == 0);
    now.sun_seen = true;
    CHECK(dark.run(now, 1.0) < 0.0);
    CHECK(dark.state.navigation == 1);
}

TEST_CASE("after a low charge SAFE asks for more before it hands over [L4.1]") {
    Logic logic(Mode::safe);
    Situation now = healthy();
    now.charge = 0.3;
    now.charge_low = true;
    CHECK(logic.run(now, 700.0) < 0.0);
    now.charge = 0.6;
    now.charge_low = false;
    CHECK(logic.run(now, 700.0) < 0.0);
    now.charge = 0.92;
    CHECK(logic.run(now, 700.0) > 0.0);
    CHECK(mode_of(logic.state) == Mode::standby);
}

TEST_CASE("a reset that finds the wings out goes on without releasing them") {
    Logic slow(Mode::boot);
    CHECK(slow.run(healthy(), 10.0) == doctest::Approx(5.0).epsilon(0.03));
    CHECK(mode_of(slow.state) == Mode::safe);
    Situation tumbling = healthy();
    tumbling.rate_rad_s = 0.05;
    Logic fast(Mode::boot);
    fast.run(tumbling, 10.0);
    CHECK(mode_of(fast.state) == Mode::detumble);
    CHECK(fast.reason() == ModeReason::already_deployed);
}

TEST_CASE("a mode number that no code wrote leads to SAFE [L3.7]") {
    Logic logic(static_cast<Mode>(200));
    logic.run(healthy(), 0.2);
    CHECK(mode_of(logic.state) == Mode::safe);
    CHECK(logic.reason() == ModeReason::state_corrupt);
}

TEST_CASE("without autonomy SAFE is left once for commissioning, and then at the ground's word alone [S5]") {
    Situation now = healthy();
    now.autonomous = false;
    Logic logic(Mode::safe);
    REQUIRE(logic.run(now, 700.0) > 0.0);
    REQUIRE(mode_of(logic.state) == Mode::standby);
    Situation tumbling = now;
    tumbling.attitude_running = false;
    REQUIRE(logic.run(tumbling, 200.0) > 0.0);
    REQUIRE(mode_of(logic.state) == Mode::safe);
    CHECK(logic.run(now, 40000.0) < 0.0);  // past the time-out of SAFE as well
    CHECK(logic.request(Mode::standby, now));
    CHECK(mode_of(logic.state) == Mode::standby);
}
