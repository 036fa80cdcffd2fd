// PUS 11, time-tagged telecommands: each at most once, whatever resets, and its outcome told.
//
// Steps of an activity: waiting -> its time has come: open, and the tick asks to persist -> the intent is
// known to be kept: it is taken out of the schedule, executed, and reported by its own request id. A reset
// finds it waiting (it has not been executed, and may be), open (it may have been executed: reported as
// interrupted, never repeated) or gone (the outcome was persisted with its going). One that is late by more
// than a window is reported as expired, one that is deleted as deleted. None goes before its report has a
// place among those that wait: what finds no room keeps its own, and is reported in a later tick. Time is the
// on-board time of the autonomy, which follows no jump of the clock alone; after a jump of that, nothing is
// released or expires until it has been steady for a while.
#include <algorithm>
#include <cstring>

#include "safehold/cdh/packet.hpp"
#include "safehold/cdh/services.hpp"
#include "safehold/computer/store.hpp"

namespace safehold::cdh {
namespace {

constexpr std::int64_t jump_ns = 1'000'000'000;
constexpr std::uint32_t steady_ms = 30'000;
constexpr std::size_t executed_per_tick = 4;
constexpr std::size_t time_octets = 7;
constexpr std::size_t packet_octets_min = 13;
constexpr std::uint8_t service_schedule = 11;
constexpr double part_schedule = 2.0;

ActivityState state_of(const Activity& activity) {
    return static_cast<ActivityState>(activity.state);
}

// Seconds of a setting as nanoseconds; its limits keep this within the type, and a flip is bounded here.
std::int64_t setting_ns(double seconds_value) {
    constexpr double longest_s = 4.0e9;
    if (!(seconds_value > 0.0)) return 0;
    return static_cast<std::int64_t>((seconds_value < longest_s ? seconds_value : longest_s) * 1e9);
}

std::int64_t now_of(const CommandContext& context) {
    return context.autonomy.clock.time_ns;
}

// a - b without overflow: times beyond what can be told apart are as far as that.
std::int64_t difference(std::int64_t a, std::int64_t b) {
    constexpr std::int64_t most = std::int64_t{1} << 62;
    const std::int64_t bounded_a = std::clamp(a, -most, most - 1);
    const std::int64_t bounded_b = std::clamp(b, -most, most - 1);
    return bounded_a - bounded_b;
}

void remove(Schedule& schedule, std::size_t at) {
    for (std::size_t i = at; i + 1 < schedule.count; ++i)
        schedule.activities[i] = schedule.activities[i + 1];
    --schedule.count;
    schedule.activities[schedule.count] = Activity{};
}

void insert(Schedule& schedule, const Activity& activity) {
    std::size_t at = schedule.count;
    while (at > 0 && schedule.activities[at - 1].time_ns > activity.time_ns) {
        schedule.activities[at] = schedule.activities[at - 1];
        --at;
    }
    schedule.activities[at] = activity;
    ++schedule.count;
}

bool has_room(const CommandContext& context) {
    return context.services.held.count < HeldReports::capacity - held_for_the_rest;
}

// Takes it out for good and says so, now or, if there is no room for the report, later.
void end(CommandContext& context, std::size_t at, ActivityState how) {
    Activity& activity = context.services.schedule.activities[at];
    activity.state = static_cast<std::uint8_t>(how);
    context.control_dirty = true;
    if (!has_room(context)) return;
    const RequestId request{activity.request};
    remove(context.services.schedule, at);
    if (how == ActivityState::deleted) {
        report_not_executed(context, request, Message::completion_failure, FailureCode::deleted);
    } else {
        report_interrupted(context, request);
    }
}

bool has_ended(const Activity& activity) {
    return state_of(activity) == ActivityState::deleted || state_of(activity) == ActivityState::interrupted;
}

// Those that an earlier tick had no room for.
void report_ended(CommandContext& context) {
    Schedule& schedule = context.services.schedule;
    for (std::size_t i = schedule.count; i-- > 0 && has_room(context);) {
        if (has_ended(schedule.activities[i])) end(context, i, state_of(schedule.activities[i]));
    }
}

bool holds_request(const Schedule& schedule, std::uint32_t request) {
    for (std::size_t i = 0; i < schedule.count && i < Schedule::capacity; ++i) {
        if (schedule.activities[i].request == request) return true;
    }
    return false;
}

std::uint32_t sequence_count(const Activity& activity) {
    return activity.request & 0x3FFFU;
}

// --- 11,4 insert
// ---------------------------------------------------------------------------------------------------

// The next release time and packet of the tail at `at`, which moves on; false if they do not fit.
bool next_activity(const Request& request, std::size_t& at, Activity& activity) {
    const std::size_t left = request.tail_octets - at;
    if (left < time_octets + packet_octets_min) return false;
    Reader reader(request.tail + at, left);
    const std::uint64_t seconds = reader.u32();
    const std::uint64_t fraction =
        (static_cast<std::uint64_t>(reader.u8()) << 16) | static_cast<std::uint64_t>(reader.u16());
    const std::uint8_t* packet = request.tail + at + time_octets;
    const std::size_t length = ((static_cast<std::size_t>(packet[4]) << 8) | packet[5]) + 7;
    if (length < packet_octets_min || length > activity_octets_max || length > left - time_octets)
        return false;
    activity = Activity{};
    // Rounded up, so that a time that went down and comes back is the same time.
    activity.time_ns = static_cast<std::int64_t>(seconds * 1'000'000'000ULL +
                                                 ((fraction * 1'000'000'000ULL + 0xFF'FFFFULL) >> 24));
    activity.request = request_id(packet).value;
    activity.length = static_cast<std::uint16_t>(length);
    activity.state = static_cast<std::uint8_t>(ActivityState::waiting);
    std::memcpy(activity.octets.data(), packet, length);
    at += time_octets + length;
    return true;
}

// `armed` is the telecommand that an arming still allows; a dangerous activity uses it up.
FailureCode check_activity(const CommandContext& context, const Activity& activity, std::uint16_t& armed) {
    const std::uint8_t* packet = activity.octets.data();
    const bool telecommand = (packet[0] & 0xF8U) == 0x18U && (packet[2] & 0xC0U) == 0xC0U;
    if (!telecommand) return FailureCode::apid;
    Request inner{};
    const Outcome outcome = read_request(packet, activity.length, inner);
    if (outcome.code != FailureCode::none) return outcome.code;
    if (inner.entry->service == service_schedule) return FailureCode::not_allowed;
    if (inner.entry->dangerous != 0) {
        if (armed != inner.entry->id) return FailureCode::not_armed;
        armed = 0;
    }
    const std::int64_t ahead = difference(activity.time_ns, now_of(context));
    if (ahead <= 0 || ahead > setting_ns(context.parameters.schedule_horizon_s)) return FailureCode::time_tag;
    if (holds_request(context.services.schedule, activity.request)) return FailureCode::duplicate;
    return FailureCode::none;
}

// The failure's parameter is the place of the activity that is wrong.
Outcome check_insert(const CommandContext& context, const Request& request, const Arguments& argument) {
    const std::size_t count = to_u8(argument[0]);
    if (count >
        Schedule::capacity - std::min<std::size_t>(context.services.schedule.count, Schedule::capacity)) {
        return {FailureCode::queue_full, Schedule::capacity};
    }
    std::array<std::uint32_t, Schedule::capacity> requests{};
    const Arming& arming = context.services.arming;
    std::uint16_t armed = arming.left_ms != 0 ? arming.command : std::uint16_t{0};
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto place = static_cast<std::uint32_t>(i);
        Activity activity;
        if (!next_activity(request, at, activity)) return {FailureCode::length, place};
        const FailureCode code = check_activity(context, activity, armed);
        if (code != FailureCode::none) return {code, place};
        for (std::size_t before = 0; before < i; ++before) {
            if (requests[before] == activity.request) return {FailureCode::duplicate, place};
        }
        requests[i] = activity.request;
    }
    if (at != request.tail_octets) return {FailureCode::length, static_cast<std::uint32_t>(count)};
    return {};
}

Outcome run_insert(CommandContext& context, const Request& request, const Arguments& argument) {
    Schedule& schedule = context.services.schedule;
    std::size_t at = 0;
    bool used = false;
    for (std::size_t i = 0; i < to_u8(argument[0]); ++i) {
        Activity activity;
        Request inner{};
        if (schedule.count >= Schedule::capacity || !next_activity(request, at, activity)) break;
        (void)read_request(activity.octets.data(), activity.length, inner);
        if (inner.entry != nullptr && inner.entry->dangerous != 0) {
            activity.armed = used ? 0 : 1;
            used = true;
        }
        insert(schedule, activity);
    }
    if (used) {
        context.events.add(EventId::command_disarmed, context.services.arming.command, 1.0);
        context.services.arming = {};
    }
    return {};
}

// --- 11,1 to 11,3, 11,5, 11,16 and 11,17
// -----------------------------------------------------------------------------------

Outcome run_enable(CommandContext& context, const Request&, const Arguments&) {
    context.services.schedule.enabled = 1;
    return {};
}

Outcome run_disable(CommandContext& context, const Request&, const Arguments&) {
    context.services.schedule.enabled = 0;
    return {};
}

Outcome run_reset(CommandContext& context, const Request&, const Arguments&) {
    Schedule& schedule = context.services.schedule;
    schedule.enabled = 0;
    for (std::size_t i = std::min<std::size_t>(schedule.count, Schedule::capacity); i-- > 0;) {
        if (!has_ended(schedule.activities[i])) end(context, i, ActivityState::deleted);
    }
    return {};
}

std::size_t find_waiting(const Schedule& schedule, std::uint32_t request) {
    for (std::size_t i = 0; i < schedule.count && i < Schedule::capacity; ++i) {
        const Activity& activity = schedule.activities[i];
        if (activity.request == request && state_of(activity) == ActivityState::waiting) return i;
    }
    return Schedule::capacity;
}

Outcome check_delete(const CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint32_t request = to_u32(argument[0]);
    if (find_waiting(context.services.schedule, request) < Schedule::capacity) return {};
    return {FailureCode::unknown, request};
}

Outcome run_delete(CommandContext& context, const Request&, const Arguments& argument) {
    const std::size_t at = find_waiting(context.services.schedule, to_u32(argument[0]));
    if (at < Schedule::capacity) end(context, at, ActivityState::deleted);
    return {};
}

// As many reports as it takes, each with a count of its own; one with none if the schedule is empty.
Outcome run_detail(CommandContext& context, const Request&, const Arguments&) {
    const Schedule& schedule = context.services.schedule;
    constexpr std::size_t group = 8;
    for (std::size_t first = 0; first == 0 || first < schedule.count; first += group) {
        const std::size_t last = std::min<std::size_t>(first + group, schedule.count);
        Packet packet(context.account, Message::schedule_detail, context.clock_ns);
        packet.data().u8(static_cast<std::uint8_t>(last - first));
        for (std::size_t i = first; i < last; ++i) {
            const Activity& activity = schedule.activities[i];
            put_time(packet.data(), activity.time_ns);
            for (std::size_t k = 0; k < activity.length && k < activity_octets_max; ++k)
                packet.data().u8(activity.octets[k]);
        }
        if (!packet.finish()) return {FailureCode::queue_full, 0};
    }
    return {};
}

Outcome run_summary(CommandContext& context, const Request&, const Arguments&) {
    const Schedule& schedule = context.services.schedule;
    Packet packet(context.account, Message::schedule_summary, context.clock_ns);
    packet.data().u8(schedule.enabled);
    packet.data().u8(schedule.count);
    for (std::size_t i = 0; i < schedule.count && i < Schedule::capacity; ++i) {
        put_time(packet.data(), schedule.activities[i].time_ns);
        packet.data().u32(schedule.activities[i].request);
        packet.data().u8(schedule.activities[i].state);
    }
    return packet.finish() ? Outcome{} : Outcome{FailureCode::queue_full, 0};
}

constexpr std::array<Handler, 7> handlers = {{
    {TelecommandId::enable_schedule, nullptr, run_enable},
    {TelecommandId::disable_schedule, nullptr, run_disable},
    {TelecommandId::reset_schedule, nullptr, run_reset},
    {TelecommandId::insert_activities, check_insert, run_insert},
    {TelecommandId::delete_activities, check_delete, run_delete},
    {TelecommandId::report_schedule, nullptr, run_detail},
    {TelecommandId::report_schedule_summary, nullptr, run_summary},
}};

// --- time
// ----------------------------------------------------------------------------------------------------------

// A table that cannot be what this file left behind loses what is not sound in it: nobody knows what became
// of that.
void repair(CommandContext& context) {
    Schedule& schedule = context.services.schedule;
    bool broken = schedule.count > Schedule::capacity;
    if (broken) schedule.count = Schedule::capacity;
    for (std::size_t i = schedule.count; i-- > 0;) {
        const Activity& activity = schedule.activities[i];
        const bool known =
            state_of(activity) == ActivityState::waiting || state_of(activity) == ActivityState::open;
        const bool fits = activity.length >= packet_octets_min && activity.length <= activity_octets_max;
        if ((known && fits) || has_ended(activity)) continue;
        broken = true;
        if (activity.request != 0) {
            end(context, i, ActivityState::interrupted);
        } else {
            remove(schedule, i);
        }
    }
    if (broken) context.events.add(EventId::services_repaired, part_schedule);
}

void expire(CommandContext& context, std::size_t at, std::int64_t late_ns) {
    const Activity& activity = context.services.schedule.activities[at];
    ++context.account.activities_expired;
    context.events.add(EventId::activity_expired, sequence_count(activity),
                       static_cast<double>(late_ns) * 1e-9);
    report_not_executed(context, {activity.request}, Message::start_failure, FailureCode::expired);
    remove(context.services.schedule, at);
}

// What a reset or a restoration left open may have been executed.
void answer_for_open(CommandContext& context) {
    Schedule& schedule = context.services.schedule;
    for (std::size_t i = schedule.count; i-- > 0;) {
        if (state_of(schedule.activities[i]) == ActivityState::open) {
            end(context, i, ActivityState::interrupted);
        }
    }
}

// Whether time is fit to be acted upon.
bool is_steady(CommandContext& context) {
    Schedule& schedule = context.services.schedule;
    const std::int64_t now = now_of(context);
    const std::int64_t passed = difference(now, schedule.last_ns);
    const bool jumped = passed > context.tick_ns + jump_ns || passed < -jump_ns;
    if (schedule.started == 0 || context.restarted || context.restored) {
        schedule.hold_ms = schedule.started == 0 ? 0 : steady_ms;
        schedule.started = 1;
    } else if (jumped) {
        schedule.hold_ms = steady_ms;
        if (schedule.count > 0)
            context.events.add(EventId::schedule_held, static_cast<double>(passed) * 1e-9);
    }
    schedule.last_ns = now;
    if (schedule.hold_ms == 0) return true;
    const auto tick_ms = static_cast<std::uint32_t>(context.tick_ns / 1'000'000);
    schedule.hold_ms -= std::min(std::min(schedule.hold_ms, steady_ms), tick_ms);
    if (schedule.hold_ms > steady_ms) schedule.hold_ms = steady_ms;
    return schedule.hold_ms == 0;
}

// Opens what is due; what is too late expires.
void open_due(CommandContext& context) {
    Schedule& schedule = context.services.schedule;
    const std::int64_t window_ns = setting_ns(context.parameters.schedule_window_s);
    for (std::size_t i = schedule.count; i-- > 0;) {
        Activity& activity = schedule.activities[i];
        const std::int64_t late_ns = difference(now_of(context), activity.time_ns);
        if (late_ns < 0 || has_ended(activity)) continue;
        if (late_ns > window_ns) {
            activity.state =
                static_cast<std::uint8_t>(ActivityState::waiting);  // not to be executed any more
            if (has_room(context)) expire(context, i, late_ns);
        } else if (schedule.suspect != 0) {
            end(context, i, ActivityState::interrupted);
        } else if (state_of(activity) == ActivityState::waiting && schedule.enabled != 0) {
            activity.state = static_cast<std::uint8_t>(ActivityState::open);
            activity.intent = context.persist_next;
            context.control_dirty = true;
        }
    }
    schedule.suspect = 0;
}

// Executes those whose intent is kept, the earliest first.
void execute_open(CommandContext& context) {
    Schedule& schedule = context.services.schedule;
    std::size_t executed = 0;
    for (std::size_t i = 0; i < schedule.count && i < Schedule::capacity && executed < executed_per_tick;) {
        const Activity activity = schedule.activities[i];
        const bool kept = computer::is_persisted(activity.intent, context.persisted);
        if (state_of(activity) != ActivityState::open || !kept) {
            ++i;
            continue;
        }
        remove(schedule, i);
        ++executed;
        ++context.account.activities_executed;
        execute_packet(context, activity.octets.data(), activity.length, {true, activity.armed != 0});
    }
}

}  // namespace

HandlerTable schedule_handlers() {
    return {handlers.data(), handlers.size()};
}

void schedule_step(CommandContext& context) {
    if (context.autonomy.clock.started == 0) return;
    repair(context);
    report_ended(context);
    if (context.restarted || context.restored) answer_for_open(context);
    if (context.restored) context.services.schedule.suspect = 1;
    execute_open(context);
    if (is_steady(context)) open_due(context);
}

}  // namespace safehold::cdh
