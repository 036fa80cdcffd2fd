// The PUS services by themselves: the schedule over resets at every step, arming, memory, structures, events.
//
// The bench keeps what a computer would: control state, account, and the copy that persistence has. A reset
// takes the copy back and empties the account.
#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string_view>

#include "safehold/cdh/packet.hpp"
#include "safehold/cdh/services.hpp"
#include "telecommands.hpp"

namespace safehold::tests {
namespace {

using namespace cdh;

constexpr std::int64_t tick_ns = 100'000'000;
constexpr std::int64_t second_ns = 1'000'000'000;

struct Control {
    Parameters parameters = parameters_default;
    AutonomyState autonomy{};
    ServicesState services{};
    RecorderControl recorder{};
    std::uint32_t persist_sequence = 0;
    std::uint32_t spare = 0;
};

struct Bench {
    std::unique_ptr<Control> control = std::make_unique<Control>();
    std::unique_ptr<Control> kept = std::make_unique<Control>();
    std::unique_ptr<CdhAccount> account = std::make_unique<CdhAccount>();
    Telemetry telemetry{};
    ModeRequest mode_request{};
    PendingMode pending{};
    EventList events{};
    computer::StoreStatus store{};
    std::uint32_t persisted = 0;
    std::uint32_t executed = 0;     // activities, over resets
    std::uint32_t interrupted = 0;  // reported as that, over resets
    bool dirty = false;
    bool store_works = true;
    bool restarted = false;
    bool restored = false;
    std::uint16_t count = 0;  // of packets sent
    security::SecurityState security{};
    security::SecurityRequest security_request{};
    std::uint8_t reset_request = 0;

    Bench() {
        services_init(control->services);
        control->autonomy.clock.started = 1;
        control->autonomy.modes.mode = static_cast<std::uint32_t>(Mode::standby);
        tick();
    }

    CommandContext context() {
        return {*account,
                telemetry,
                control->parameters,
                control->autonomy,
                control->services,
                control->recorder,
                store,
                mode_request,
                pending,
                events,
                dirty,
                reinterpret_cast<const std::uint8_t*>(control.get()),
                sizeof(Control),
                security,
                security_request,
                reset_request,
                control->autonomy.clock.time_ns,
                tick_ns,
                persisted,
                control->persist_sequence + 1,
                restarted,
                restored,
                true};
    }
    std::int64_t now() const { return control->autonomy.clock.time_ns; }
    Schedule& schedule() { return control->services.schedule; }

    // One tick: the schedule, a packet, and what persistence makes of it. `kept_now`: whether it is kept.
    void tick(const Octets& packet = {}) {
        control->autonomy.clock.time_ns += tick_ns;
        events = EventList{};
        dirty = false;
        pending = PendingMode{};
        const std::uint32_t executed_before = account->activities_executed;
        const std::uint32_t interrupted_before = account->activities_interrupted;
        CommandContext now = context();
        arming_step(now);
        schedule_step(now);
        if (!packet.empty()) handle_packet(now, packet.data(), packet.size());
        executed += account->activities_executed - executed_before;
        interrupted += account->activities_interrupted - interrupted_before;
        restarted = false;
        restored = false;
        if (!dirty) return;
        ++control->persist_sequence;
        if (!store_works) return;
        *kept = *control;
        persisted = control->persist_sequence;
    }
    void ticks(int number) {
        for (int i = 0; i < number; ++i)
            tick();
    }
    void reset(std::int64_t down_ns = 0) {
        const std::int64_t now_ns = now();
        *control = *kept;
        *account = CdhAccount{};
        control->autonomy.clock.time_ns = now_ns + down_ns;
        restarted = true;
    }
    Octets packet(std::uint8_t service, std::uint8_t subtype, const Octets& data = {}) {
        return tc_packet(service, subtype, data, 9, ++count);
    }
    void send(std::uint8_t service, std::uint8_t subtype, const Octets& data = {}) {
        tick(packet(service, subtype, data));
    }
    // The last verification report that waits.
    HeldReport report() const {
        REQUIRE(control->services.held.count > 0);
        return control->services.held.items[control->services.held.count - 1];
    }
    void check_report(Message message, FailureCode code = FailureCode::none,
                      std::uint32_t parameter = 0) const {
        CHECK(report().message == static_cast<std::uint8_t>(message));
        CHECK(report().code == static_cast<std::uint16_t>(code));
        CHECK(report().parameter == parameter);
    }
    std::size_t reports_of(Message message, FailureCode code = FailureCode::none) const {
        std::size_t found = 0;
        for (std::size_t i = 0; i < control->services.held.count; ++i) {
            const HeldReport& one = control->services.held.items[i];
            found += one.message == static_cast<std::uint8_t>(message) &&
                             one.code == static_cast<std::uint16_t>(code)
                         ? 1
                         : 0;
        }
        return found;
    }
};

void append_time(Octets& octets, std::int64_t time_ns) {
    std::array<std::uint8_t, 7> code{};
    Writer writer(code.data(), code.size());
    put_time(writer, time_ns);
    octets.insert(octets.end(), code.begin(), code.end());
}

Octets activity(std::int64_t time_ns, const Octets& packet) {
    Octets data = {1};
    append_time(data, time_ns);
    data.insert(data.end(), packet.begin(), packet.end());
    return data;
}

// A setting that a scheduled command changes: how it stands tells whether it has run.
Octets set_window(double value) {
    Octets data = {1, 0, 140, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    Writer writer(data.data() + 5, 8);
    writer.f64(value);
    return data;
}

// --- 11, the schedule
// --------------------------------------------------------------------------------------------------

TEST_CASE(
    "an activity is executed once, at its time, and its outcome reported by its own request id [L2.6]") {
    Bench bench;
    const Octets ping = bench.packet(17, 1);
    bench.send(11, 4, activity(bench.now() + 5 * second_ns, ping));
    bench.check_report(Message::completion_success);
    CHECK(bench.schedule().count == 1);
    bench.ticks(49);
    CHECK(bench.executed == 0);
    bench.ticks(3);
    CHECK(bench.executed == 1);
    CHECK(bench.schedule().count == 0);
    bench.check_report(Message::completion_success);
    CHECK(bench.report().request == request_id(ping.data()).value);
    bench.ticks(1000);
    CHECK(bench.executed == 1);
}

TEST_CASE("whatever tick a reset comes in, an activity is executed at most once and answered for [L2.6]") {
    for (int before = 0; before < 80; ++before) {
        CAPTURE(before);
        Bench bench;
        bench.send(11, 4, activity(bench.now() + 5 * second_ns, bench.packet(17, 1)));
        bench.ticks(before);
        bench.reset(second_ns);
        bench.ticks(600);  // longer than what must be steady
        CHECK(bench.executed + bench.interrupted == 1);
        CHECK(bench.schedule().count == 0);
    }
}

TEST_CASE(
    "a reset between the steps of an execution: waiting runs later, open is interrupted, gone is gone") {
    const auto run_to = [](Bench& bench, bool reset_when_open) {
        bench.send(11, 4, activity(bench.now() + second_ns, bench.packet(17, 1)));
        for (int i = 0; i < 100; ++i) {
            const bool open = bench.schedule().count == 1 && bench.schedule().activities[0].state == 2;
            if (reset_when_open && open) return;
            if (!reset_when_open && bench.schedule().count == 0) return;
            bench.tick();
        }
        FAIL("it never came so far");
    };
    Bench open;
    run_to(open, true);
    open.reset();
    open.tick();
    CHECK(open.interrupted == 1);
    open.check_report(Message::completion_failure, FailureCode::interrupted);
    open.ticks(1000);
    CHECK(open.executed == 0);

    Bench gone;
    run_to(gone, false);
    CHECK(gone.executed == 1);
    gone.reset();
    gone.ticks(1000);
    CHECK(gone.executed == 1);
    CHECK(gone.interrupted == 0);
}

TEST_CASE("a reset right after an execution leaves its report to be sent [L2.6]") {
    Bench bench;
    const Octets ping = bench.packet(17, 1);
    bench.send(11, 4, activity(bench.now() + second_ns, ping));
    (void)release_verification(bench.control->services.held, *bench.account, bench.persisted, tick_ns);
    while (bench.executed == 0)
        bench.tick();
    bench.reset();
    bench.check_report(Message::completion_success);
    CHECK(bench.report().request == request_id(ping.data()).value);
    CHECK(bench.account->packets.length == 0);
    (void)release_verification(bench.control->services.held, *bench.account, bench.persisted, tick_ns);
    CHECK(bench.account->packets.length > 0);
}

TEST_CASE("no activity is executed while its intent cannot be kept; it expires") {
    Bench bench;
    bench.send(11, 4, activity(bench.now() + second_ns, bench.packet(17, 1)));
    bench.store_works = false;
    bench.ticks(600);
    CHECK(bench.executed == 0);
    CHECK(bench.schedule().count == 1);
    bench.ticks(20);
    CHECK(bench.schedule().count == 0);
    bench.check_report(Message::start_failure, FailureCode::expired);
    CHECK(bench.account->activities_expired == 1);
}

TEST_CASE("what a checkpoint brings back and was due is not executed again") {
    Bench bench;
    bench.send(11, 4, activity(bench.now() + 2 * second_ns, bench.packet(17, 1)));
    const auto checkpoint = std::make_unique<Control>(*bench.control);
    bench.ticks(30);
    CHECK(bench.executed == 1);
    const std::int64_t now = bench.now();
    *bench.control = *checkpoint;
    bench.control->autonomy.clock.time_ns = now;
    bench.restored = true;
    bench.ticks(600);
    CHECK(bench.executed == 1);
    CHECK(bench.interrupted == 1);
}

TEST_CASE("activities run in order of time, whatever the order in which they came, four a tick at most") {
    Bench bench;
    const std::int64_t base = bench.now() + 10 * second_ns;
    for (const int place : {3, 1, 2}) {
        bench.send(11, 4, activity(base + place * second_ns, bench.packet(17, 1)));
    }
    for (std::size_t i = 0; i < 3; ++i) {  // to the 60 ns of the time code
        const std::int64_t early = base + (static_cast<int>(i) + 1) * second_ns;
        CHECK(early - bench.schedule().activities[i].time_ns >= 0);
        CHECK(early - bench.schedule().activities[i].time_ns < 60);
    }
    for (int i = 0; i < 6; ++i)
        bench.send(11, 4, activity(base + 4 * second_ns, bench.packet(17, 1)));
    std::uint32_t most = 0;
    for (int i = 0; i < 200; ++i) {
        const std::uint32_t before = bench.executed;
        bench.tick();
        most = std::max(most, bench.executed - before);
    }
    CHECK(bench.executed == 9);
    CHECK(most == 4);
}

TEST_CASE("clock jumps of ten years neither fire nor freeze the schedule [L3.7]") {
    constexpr std::int64_t ten_years_ns = 315'576'000 * second_ns;
    for (const std::int64_t jump : {ten_years_ns, -ten_years_ns}) {
        CAPTURE(jump);
        Bench bench;
        bench.send(11, 4, activity(bench.now() + 20 * second_ns, bench.packet(17, 1)));
        bench.ticks(10);
        // A transient of a few seconds: nothing happens in it, and all goes on after it.
        bench.control->autonomy.clock.time_ns += jump;
        bench.ticks(30);
        CHECK(bench.executed == 0);
        CHECK(bench.schedule().count == 1);
        bench.control->autonomy.clock.time_ns -= jump;
        bench.ticks(310);
        CHECK(bench.executed == 1);
        CHECK(bench.account->activities_expired == 0);
    }
    // A jump that stays: ahead of its time it waits, behind it it expires; neither is executed wrongly.
    Bench ahead;
    ahead.send(11, 4, activity(ahead.now() + 20 * second_ns, ahead.packet(17, 1)));
    ahead.control->autonomy.clock.time_ns += ten_years_ns;
    ahead.ticks(400);
    CHECK(ahead.executed == 0);
    CHECK(ahead.account->activities_expired == 1);
    Bench extremes;
    extremes.send(11, 4, activity(extremes.now() + 20 * second_ns, extremes.packet(17, 1)));
    for (const std::int64_t time : {INT64_MIN + second_ns, INT64_MAX - 100 * second_ns}) {
        extremes.control->autonomy.clock.time_ns = time;
        extremes.ticks(10);
    }
    CHECK(extremes.executed == 0);
}

TEST_CASE("what passed during a downtime is reported as expired, not executed") {
    Bench bench;
    bench.send(11, 4, activity(bench.now() + 60 * second_ns, bench.packet(17, 1)));
    bench.reset(3600 * second_ns);
    bench.ticks(600);
    CHECK(bench.executed == 0);
    CHECK(bench.reports_of(Message::start_failure, FailureCode::expired) == 1);
}

TEST_CASE("hostile activities are refused whole, and name the one that is wrong") {
    Bench bench;
    const std::int64_t later = bench.now() + 100 * second_ns;
    const Octets ping = bench.packet(17, 1);
    const auto refused = [&](const Octets& data, FailureCode code, std::uint32_t place) {
        bench.control->services.held.count = 0;
        bench.send(11, 4, data);
        bench.check_report(Message::start_failure, code, place);
        CHECK(bench.schedule().count == 0);
    };
    refused(activity(bench.now() - second_ns, ping), FailureCode::time_tag, 0);
    refused(activity(later + 400LL * 86'400 * second_ns, ping), FailureCode::time_tag, 0);
    refused(activity(later, bench.packet(99, 1)), FailureCode::service, 0);
    refused(activity(later, bench.packet(17, 1, {1})), FailureCode::length, 0);
    refused(activity(later, bench.packet(8, 1, {0, 2, 99})), FailureCode::range, 0);
    refused(activity(later, bench.packet(11, 3)), FailureCode::not_allowed, 0);
    Octets damaged = ping;
    damaged.back() ^= 1U;
    refused(activity(later, damaged), FailureCode::crc, 0);
    Octets telemetry = ping;
    telemetry[0] = 0x08;
    refused(activity(later, telemetry), FailureCode::apid, 0);
    Octets twice = activity(later, ping);
    const Octets again = activity(later, ping);
    twice.insert(twice.end(), again.begin() + 1, again.end());
    twice[0] = 2;
    refused(twice, FailureCode::duplicate, 1);
    Octets surplus = activity(later, ping);
    surplus.push_back(0);
    refused(surplus, FailureCode::length, 1);
    Octets declared = activity(later, ping);
    declared[0] = 2;
    refused(declared, FailureCode::length, 1);
    const Octets whole = activity(later, ping);
    for (std::size_t length = 1; length < whole.size(); ++length) {
        refused(Octets(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)),
                FailureCode::length, 0);
    }
    refused(activity(later, bench.packet(8, 1, Octets(100, 0))), FailureCode::length, 0);
    bench.send(11, 4, activity(later, ping));
    CHECK(bench.schedule().count == 1);
    bench.send(11, 4, activity(later + second_ns, ping));  // the same request id
    bench.check_report(Message::start_failure, FailureCode::duplicate, 0);
}

TEST_CASE("the schedule takes 32 activities, is deleted by request id, reset and switched off") {
    Bench bench;
    const std::int64_t later = bench.now() + 100 * second_ns;
    for (int i = 0; i < 32; ++i)
        bench.send(11, 4, activity(later, bench.packet(17, 1)));
    CHECK(bench.schedule().count == 32);
    bench.control->services.held.count = 0;
    bench.send(11, 4, activity(later, bench.packet(17, 1)));
    bench.check_report(Message::start_failure, FailureCode::queue_full, 32);
    const std::uint32_t request = bench.schedule().activities[7].request;
    Octets which = {1, 0, 0, 0, 0};
    Writer writer(which.data() + 1, 4);
    writer.u32(request);
    bench.send(11, 5, which);
    CHECK(bench.schedule().count == 31);
    bench.send(11, 5, which);
    bench.check_report(Message::start_failure, FailureCode::unknown, request);
    bench.send(11, 2);
    bench.control->services.held.count = 0;
    bench.ticks(1100);
    CHECK(bench.executed == 0);
    bench.control->services.held.count = 0;
    bench.send(11, 1);
    bench.send(11, 4, activity(bench.now() + second_ns, bench.packet(17, 1)));
    bench.ticks(20);
    CHECK(bench.executed >= 1);
    bench.control->services.held.count = 0;
    bench.send(11, 3);
    CHECK(bench.schedule().count == 0);
    CHECK(bench.schedule().enabled == 0);
}

// Fills the schedule; the request ids.
std::set<std::uint32_t> fill(Bench& bench, std::int64_t time_ns) {
    std::set<std::uint32_t> requests;
    for (int i = 0; i < 32; ++i) {
        bench.send(11, 4, activity(time_ns, bench.packet(17, 1)));
        bench.control->services.held.count = 0;
    }
    for (std::size_t i = 0; i < bench.schedule().count; ++i)
        requests.insert(bench.schedule().activities[i].request);
    REQUIRE(requests.size() == 32);
    return requests;
}

// Takes the reports that wait, as if they had left; of those with a code, the request ids.
void take_reports(Bench& bench, FailureCode code, std::multiset<std::uint32_t>& requests) {
    HeldReports& held = bench.control->services.held;
    for (std::size_t i = 0; i < held.count; ++i) {
        if (held.items[i].code == static_cast<std::uint16_t>(code)) requests.insert(held.items[i].request);
    }
    held.count = 0;
}

TEST_CASE("every time-tagged telecommand that is deleted is reported once, whatever waits already [L2.6]") {
    for (const bool reset : {false, true}) {
        Bench bench;
        const std::set<std::uint32_t> requests = fill(bench, bench.now() + 100 * second_ns);
        std::multiset<std::uint32_t> told;
        for (int i = 0; i < 20; ++i)  // reports that wait, and leave room for few
            bench.control->services.held.items[bench.control->services.held.count++] = {};
        bench.send(11, 3);
        CHECK(bench.reports_of(Message::completion_failure, FailureCode::deleted) > 0);
        CHECK(bench.schedule().count > 0);
        CHECK(bench.account->packets_lost == 0);
        bench.check_report(Message::completion_success);
        take_reports(bench, FailureCode::deleted, told);
        if (reset) {
            *bench.kept = *bench.control;
            bench.reset(200 * second_ns);  // their time has passed
        }
        bench.send(11, 1);
        for (int i = 0; i < 5; ++i) {
            bench.tick();
            take_reports(bench, FailureCode::deleted, told);
        }
        CHECK(bench.schedule().count == 0);
        CHECK(told == std::multiset<std::uint32_t>(requests.begin(), requests.end()));
        CHECK(bench.executed == 0);
    }
}

TEST_CASE("a time-tagged telecommand that is deleted by its request id is reported under it [L2.6]") {
    Bench bench;
    bench.send(11, 4, activity(bench.now() + 100 * second_ns, bench.packet(17, 1)));
    const std::uint32_t request = bench.schedule().activities[0].request;
    Octets which = {1, 0, 0, 0, 0};
    Writer writer(which.data() + 1, 4);
    writer.u32(request);
    bench.control->services.held.count = 0;
    bench.send(11, 5, which);
    std::multiset<std::uint32_t> told;
    take_reports(bench, FailureCode::deleted, told);
    CHECK(told == std::multiset<std::uint32_t>{request});
    CHECK(bench.schedule().count == 0);
}

TEST_CASE("32 that expire, or that a reset interrupts, in one tick are all reported, none twice [L2.6]") {
    for (const bool interrupted : {false, true}) {
        Bench bench;
        const std::set<std::uint32_t> requests = fill(bench, bench.now() + 100 * second_ns);
        if (interrupted) {
            for (Activity& one : bench.schedule().activities)
                one.state = static_cast<std::uint8_t>(ActivityState::open);
        }
        *bench.kept = *bench.control;
        bench.reset((interrupted ? 1 : 200) * second_ns);
        std::multiset<std::uint32_t> told;
        for (int i = 0; i < 400; ++i) {
            bench.tick();
            take_reports(bench, interrupted ? FailureCode::interrupted : FailureCode::expired, told);
        }
        CHECK(told == std::multiset<std::uint32_t>(requests.begin(), requests.end()));
        CHECK(bench.executed == 0);
        CHECK(bench.account->packets_lost == 0);
        CHECK(bench.schedule().count == 0);
    }
}

TEST_CASE("what a flip leaves unsound in the schedule is reported as interrupted [L2.6]") {
    Bench bench;
    bench.send(11, 4, activity(bench.now() + 100 * second_ns, bench.packet(17, 1)));
    const std::uint32_t request = bench.schedule().activities[0].request;
    bench.schedule().activities[0].state = 77;
    bench.control->services.held.count = 0;
    bench.tick();
    std::multiset<std::uint32_t> told;
    take_reports(bench, FailureCode::interrupted, told);
    CHECK(told == std::multiset<std::uint32_t>{request});
    CHECK(bench.schedule().count == 0);
}

TEST_CASE("any flipped bit of the schedule is survived: nothing is read or written outside it") {
    Bench bench;
    for (int i = 0; i < 5; ++i)
        bench.send(11, 4, activity(bench.now() + (10 + i) * second_ns, bench.packet(17, 1)));
    const auto sound = std::make_unique<Control>(*bench.control);
    const auto clean = std::make_unique<CdhAccount>(*bench.account);
    for (std::size_t bit = 0; bit < sizeof(Schedule) * 8; bit += 7) {
        *bench.control = *sound;
        *bench.account = *clean;
        auto* octets = reinterpret_cast<std::uint8_t*>(&bench.schedule());
        octets[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        bench.ticks(3);
        CHECK(bench.schedule().count <= Schedule::capacity);
    }
}

// --- 8, arm and fire, and modes
// -------------------------------------------------------------------------------------------

Octets load(std::uint32_t offset, const Octets& content, std::uint8_t area = 1) {
    Octets data(7);
    Writer writer(data.data(), data.size());
    writer.u8(area);
    writer.u32(offset);
    writer.u16(static_cast<std::uint16_t>(content.size()));
    Octets checked = content;
    append_crc(checked);
    data.insert(data.end(), checked.begin(), checked.end());
    return data;
}

const Octets arm_load = {0, 140, 0, 152, 0, 10};  // load_memory, ten seconds

std::size_t offset_of(std::string_view name) {
    for (const SettingEntry& entry : setting_entries) {
        if (name == entry.name) return entry.offset;
    }
    FAIL("there is no setting ", name);
    return 0;
}

Octets as_memory(double value) {
    Octets octets(8);
    std::memcpy(octets.data(), &value, 8);
    return octets;
}

TEST_CASE("a dangerous telecommand needs its own arming, once, and in time [L2.6]") {
    Bench bench;
    const auto offset = static_cast<std::uint32_t>(offset_of("schedule_window_s"));
    const Octets data = load(offset, as_memory(120.0));
    bench.send(6, 2, data);
    bench.check_report(Message::start_failure, FailureCode::not_armed, 152);
    bench.send(8, 1, arm_load);
    bench.send(6, 2, data);
    bench.check_report(Message::completion_success);
    CHECK(bench.control->parameters.schedule_window_s == 120.0);
    bench.send(6, 2, data);
    bench.check_report(Message::start_failure, FailureCode::not_armed, 152);
    bench.send(8, 1, arm_load);
    bench.ticks(101);
    bench.send(6, 2, data);
    bench.check_report(Message::start_failure, FailureCode::not_armed, 152);
    bench.send(8, 1, arm_load);
    bench.send(8, 1, {0, 142});
    bench.send(6, 2, data);
    bench.check_report(Message::start_failure, FailureCode::not_armed, 152);
    bench.send(8, 1, arm_load);
    bench.reset();
    bench.tick();
    bench.send(6, 2, data);
    bench.check_report(Message::start_failure, FailureCode::not_armed, 152);
    bench.send(8, 1, {0, 140, 0, 1, 0, 10});  // a ping is not dangerous
    bench.check_report(Message::start_failure, FailureCode::unknown, 1);
}

TEST_CASE("a telecommand is refused in a mode that it is not allowed in, and stays armed") {
    Bench bench;
    bench.control->autonomy.modes.mode = static_cast<std::uint32_t>(Mode::survival);
    bench.send(8, 1, arm_load);
    bench.send(6, 2, load(static_cast<std::uint32_t>(offset_of("schedule_window_s")), as_memory(90.0)));
    bench.check_report(Message::start_failure, FailureCode::not_allowed, 8);
    CHECK(bench.control->services.arming.command == 152);
    CHECK(bench.control->parameters.schedule_window_s == 60.0);
}

TEST_CASE("a dangerous telecommand is armed when it is put into the schedule, and then needs no more") {
    Bench bench;
    const auto offset = static_cast<std::uint32_t>(offset_of("schedule_window_s"));
    const Octets inner = bench.packet(6, 2, load(offset, as_memory(75.0)));
    bench.send(11, 4, activity(bench.now() + 30 * second_ns, inner));
    bench.check_report(Message::start_failure, FailureCode::not_armed, 0);
    bench.send(8, 1, arm_load);
    bench.send(11, 4, activity(bench.now() + 30 * second_ns, inner));
    bench.check_report(Message::completion_success);
    CHECK(bench.control->services.arming.command == 0);
    bench.ticks(310);
    CHECK(bench.control->parameters.schedule_window_s == 75.0);
}

// --- 6, memory
// ------------------------------------------------------------------------------------------------------

TEST_CASE("memory outside the whitelist, or that would not be sound, is refused, told and unchanged") {
    Bench bench;
    const Parameters before = bench.control->parameters;
    const auto refused = [&](const Octets& data, FailureCode code, std::uint32_t parameter) {
        bench.control->services.held.count = 0;
        bench.send(8, 1, arm_load);
        bench.send(6, 2, data);
        bench.check_report(Message::start_failure, code, parameter);
        bool told = false;
        for (std::size_t i = 0; i < bench.events.count; ++i)
            told = told || bench.events.items[i].id == static_cast<std::uint16_t>(EventId::memory_refused);
        CHECK(told);
        CHECK(std::memcmp(&before, &bench.control->parameters, sizeof before) == 0);
    };
    const auto window = static_cast<std::uint32_t>(offset_of("schedule_window_s"));
    refused(load(window, as_memory(__builtin_nan(""))), FailureCode::unsound, 1);
    refused(load(window, as_memory(1e9)), FailureCode::unsound, 1);
    refused(load(static_cast<std::uint32_t>(offset_of("control_period_s")), as_memory(0.05)),
            FailureCode::unsound, 1);
    refused(load(window, as_memory(90.0), 2), FailureCode::not_allowed, 2);
    refused(load(window, as_memory(90.0), 9), FailureCode::unknown, 9);
    refused(load(sizeof(Parameters) - 4, as_memory(90.0)), FailureCode::outside_area, sizeof(Parameters));
    refused(load(65'535, as_memory(90.0)), FailureCode::outside_area, sizeof(Parameters));
    Octets damaged = load(window, as_memory(90.0));
    damaged[9] ^= 1U;
    refused(damaged, FailureCode::checksum, 0);
    Octets cut = load(window, as_memory(90.0));
    cut.pop_back();
    refused(cut, FailureCode::length, 9);
}

TEST_CASE("a dump and a check tell the octets and the checksum of what is there") {
    Bench bench;
    bench.account->packets.length = 0;
    bench.send(6, 5, {1, 2, 0, 0, 0, 8, 0, 16, 0, 0, 0, 0, 0, 4});
    bench.check_report(Message::completion_success);
    const auto* memory = reinterpret_cast<const std::uint8_t*>(&bench.control->parameters);
    const std::uint8_t* packet = bench.account->packets.octets.data();
    CHECK(packet[7] == 6);
    CHECK(packet[8] == 6);
    CHECK(std::memcmp(packet + 27, memory + 8, 16) == 0);
    CHECK(std::memcmp(packet + 27 + 16 + 4 + 27, memory, 4) == 0);
    bench.account->packets.length = 0;
    bench.send(6, 9, {2, 1, 0, 0, 0, 0, 0, 0, 0, 100});
    Reader reader(packet + 29, 4);
    reader.u16();
    CHECK(crc16(reinterpret_cast<const std::uint8_t*>(bench.control.get()), 100) != 0);
    bench.send(6, 9, {2, 1, 0, 0, 0, 0, 0, 15, 255, 255});
    bench.check_report(Message::start_failure, FailureCode::outside_area, sizeof(Control));
    bench.send(6, 5, {1, 1, 255, 255, 255, 255, 0, 1});
    bench.check_report(Message::acceptance_failure, FailureCode::range, 1);
    Octets flood = {1, 200};
    for (int i = 0; i < 200; ++i)
        flood.insert(flood.end(), {0, 0, 0, 0, 0, 1});
    bench.send(6, 5, flood);
    bench.check_report(Message::start_failure, FailureCode::range, 8);
}

// --- 15, storage
// ----------------------------------------------------------------------------------------------------

TEST_CASE("records are played back and acknowledged by number; critical ones are always kept [L2.5]") {
    Bench bench;
    bench.store.streams[2] = {100, 500, 9000, 10'000, 0, 0, 0};
    bench.send(15, 128, {1, 2, 0, 0, 0, 120, 0, 0, 0, 140});
    bench.check_report(Message::completion_success);
    REQUIRE(bench.account->recorder.range_count == 1);
    CHECK(bench.account->recorder.ranges[0].next == 120);
    CHECK(bench.account->recorder.ranges[0].last == 140);
    bench.send(15, 128, {1, 2, 0, 0, 0, 140, 0, 0, 0, 120});
    bench.check_report(Message::completion_failure, FailureCode::range, 2);
    bench.send(15, 128, {1, 5, 0, 0, 0, 1, 0, 0, 0, 2});
    bench.check_report(Message::acceptance_failure, FailureCode::range, 0);
    bench.send(15, 11, {1, 2, 0, 0, 1, 44});
    CHECK(bench.control->recorder.acknowledged[2] == 300);
    bench.send(15, 11, {1, 2, 0, 0, 1, 245});  // beyond what there is
    bench.check_report(Message::completion_failure, FailureCode::range, 2);
    CHECK(bench.control->recorder.acknowledged[2] == 300);
    bench.send(15, 2, {1, 3});
    CHECK_FALSE(is_stored(bench.control->services, 3));
    bench.send(15, 1, {1, 3});
    CHECK(is_stored(bench.control->services, 3));
    bench.send(15, 2, {1, 0});
    bench.check_report(Message::start_failure, FailureCode::not_allowed, 0);
    bench.account->packets.length = 0;
    bench.send(15, 12, {1, 2});
    const std::uint8_t* packet = bench.account->packets.octets.data();
    Reader reader(packet + 20, 54);
    CHECK(reader.u8() == 2);
    CHECK(reader.u8() == 1);
    CHECK(reader.u64() == 100);
    CHECK(reader.u64() == 500);
    reader.u64();
    CHECK(reader.u64() == 300);
    CHECK(reader.u64() == 9000);
    CHECK(reader.u64() == 10'000);
}

// --- 3, 5, 20 and progress
// ------------------------------------------------------------------------------------------------

TEST_CASE("a structure is made, sent when it is due, asked for, and deleted") {
    Bench bench;
    const auto report = [&](std::uint64_t tick) {
        bench.account->packets.length = 0;
        report_periodic(bench.control->services, *bench.account, bench.telemetry, bench.now(), tick, tick_ns);
        std::size_t found = 0;
        const auto& queue = bench.account->packets;
        for (std::size_t at = 0; at + 22 < queue.length;) {
            if (queue.octets[at + 7] == 3 && queue.octets[at + 21] == 200) ++found;
            at += ((static_cast<std::size_t>(queue.octets[at + 4]) << 8) | queue.octets[at + 5]) + 7;
        }
        return found;
    };
    const Octets create = {200, 0, 0, 1, 244, 2, 0, 140, 0, 142};
    bench.send(3, 1, create);
    bench.check_report(Message::completion_success);
    CHECK(report(0) == 0);
    bench.send(3, 5, {1, 200});
    CHECK(report(0) == 1);
    CHECK(report(3) == 0);
    CHECK(report(5) == 1);
    bench.send(3, 31, {1, 200, 0, 0, 0, 200});
    CHECK(report(2) == 1);
    bench.send(3, 1, create);
    bench.check_report(Message::start_failure, FailureCode::duplicate, 200);
    bench.send(3, 3, {1, 200});
    bench.check_report(Message::start_failure, FailureCode::not_allowed, 200);
    bench.send(3, 6, {1, 200});
    CHECK(report(0) == 0);
    bench.send(3, 3, {1, 200});
    bench.send(3, 27, {1, 200});
    bench.check_report(Message::start_failure, FailureCode::unknown, 200);
    bench.send(3, 1, {201, 0, 0, 1, 244, 1, 255, 255});
    bench.check_report(Message::start_failure, FailureCode::unknown, 65535);
    Octets large = {202, 0, 0, 1, 244, 24};
    for (int i = 0; i < 24; ++i)
        large.insert(large.end(), {0x04, 0x12});  // temperature_k, 40 octets each
    bench.send(3, 1, large);
    CHECK(bench.control->services.housekeeping.user[0].id == 202);
    for (std::uint8_t id = 203; id < 206; ++id)
        bench.send(3, 1, {id, 0, 0, 1, 244, 1, 0, 140});
    bench.send(3, 1, {210, 0, 0, 1, 244, 1, 0, 140});
    bench.check_report(Message::start_failure, FailureCode::queue_full, 4);
}

TEST_CASE("an event's reports are switched off and on; one of high severity always comes") {
    Bench bench;
    const EventReportControl& control = bench.control->services.events;
    bench.send(5, 6, {1, 0, 140});
    CHECK_FALSE(is_reported(control, 140));
    CHECK(is_reported(control, 141));
    bench.send(5, 5, {1, 0, 140});
    CHECK(is_reported(control, 140));
    bench.send(5, 6, {1, 0x03, 0xEA});  // survival_entered
    bench.check_report(Message::start_failure, FailureCode::not_allowed, 1002);
    bench.send(5, 6, {1, 0xFF, 0xF0});
    bench.check_report(Message::start_failure, FailureCode::unknown, 0xFFF0);
}

TEST_CASE("a list of settings is set whole or not at all, with its progress if that is asked for") {
    Bench bench;
    Octets two = set_window(70.0);
    const Octets second = set_window(80.0);
    two.insert(two.end(), second.begin() + 1, second.end());
    two[0] = 2;
    bench.tick(tc_packet(20, 3, two, 15, 900));
    CHECK(bench.control->parameters.schedule_window_s == 80.0);
    CHECK(bench.reports_of(Message::start_success) == 1);
    CHECK(bench.reports_of(Message::progress_success) == 2);
    two[two.size() - 8] = 0x7F;  // the second out of range
    two[two.size() - 7] = 0xE0;
    bench.tick(tc_packet(20, 3, two, 15, 901));
    bench.check_report(Message::start_failure, FailureCode::range, 140);
    CHECK(bench.control->parameters.schedule_window_s == 80.0);
    bench.send(20, 3, {0});
    bench.check_report(Message::acceptance_failure, FailureCode::length, 1);
}

TEST_CASE("reports leave when they are kept, in their order; a store that does not answer holds them 5 s") {
    Bench bench;
    bench.send(17, 1);
    bench.account->packets.length = 0;
    CHECK(bench.control->services.held.count == 2);
    CHECK_FALSE(
        release_verification(bench.control->services.held, *bench.account, bench.persisted - 1, tick_ns));
    CHECK(bench.account->packets.length == 0);
    CHECK_FALSE(release_verification(bench.control->services.held, *bench.account, bench.persisted, tick_ns));
    CHECK(bench.control->services.held.count == 0);
    const std::uint8_t* packet = bench.account->packets.octets.data();
    CHECK(packet[8] == 1);
    CHECK(packet[26 + 8] == 7);
    bench.store_works = false;
    bench.send(17, 1);
    bench.account->packets.length = 0;
    int waited = 0;
    while (!release_verification(bench.control->services.held, *bench.account, bench.persisted, tick_ns) &&
           waited < 1000)
        ++waited;
    CHECK(waited == 50);
    CHECK(bench.account->packets.length == 52);
}

TEST_CASE("any octets are only ever counted, refused or carried out") {
    Bench bench;
    std::uint64_t x = 7;
    const auto next = [&x] { return x = x * 6364136223846793005ULL + 1442695040888963407ULL, x >> 33; };
    for (int round = 0; round < 30'000; ++round) {
        const auto& entry = telecommand_entries[next() % telecommand_entries.size()];
        Octets data;
        if (entry.service == 8)
            data = {static_cast<std::uint8_t>(entry.id >> 8), static_cast<std::uint8_t>(entry.id)};
        const std::size_t length = next() % 40;
        for (std::size_t i = 0; i < length; ++i)
            data.push_back(static_cast<std::uint8_t>(next() % 3 == 0 ? next() : next() % 3));
        bench.control->services.held.count = 0;
        bench.account->packets.length = 0;
        const std::uint32_t before = bench.account->commands_accepted + bench.account->commands_refused;
        bench.send(entry.service, entry.subtype, data);
        CHECK(bench.account->commands_accepted + bench.account->commands_refused - before >= 1);
        bool sound = true;
        for (const SettingEntry& setting : setting_entries) {
            for (std::uint16_t i = 0; i < setting.count; ++i) {
                const double value = setting_value(bench.control->parameters, setting, i);
                sound = sound && value >= setting.min && value <= setting.max;
            }
        }
        REQUIRE(sound);
    }
}

}  // namespace
}  // namespace safehold::tests
