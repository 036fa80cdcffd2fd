#include "safehold/cdh/farm.hpp"

namespace safehold::cdh {
namespace {

// What an event does besides leading to the next mode.
enum Effect : std::uint8_t {
    none = 0,
    accept = 1,
    advance = 2,          // V(R) + 1
    ask_again = 4,        // retransmit flag set
    satisfied = 8,        // retransmit flag cleared
    start_waiting = 16,   // wait flag set
    stop_waiting = 32,    // wait flag cleared
    count_bypass = 64,    // FARM-B counter + 1
    take_expected = 128,  // V(R) = V*(R)
};

struct Cell {
    unsigned effects;
    FarmMode next;
};

constexpr auto open = FarmMode::open;
constexpr auto waiting = FarmMode::wait;
constexpr auto lockout = FarmMode::lockout;
constexpr unsigned taken = accept | advance | satisfied;
constexpr unsigned freed = accept | count_bypass | satisfied | stop_waiting;

// CCSDS 232.1-B-2, table 6-1: a row an event, a column a mode (S1, S2, S3). E1 cannot come in S2 by the
// standard, because E10 comes first; a flipped bit can bring it, and it is then taken as behind an E10. The
// wait flag is down in S1; that E7, E8 and E10 put it down there again heals a flipped bit.
using Row = std::array<Cell, farm_modes>;
constexpr std::array<Row, static_cast<std::size_t>(FarmEvent::count)> table = {{
    /* E1  */ {{{taken, open}, {taken | stop_waiting, open}, {none, lockout}}},
    /* E2  */ {{{ask_again | start_waiting, waiting}, {none, waiting}, {none, lockout}}},
    /* E3  */ {{{ask_again, open}, {none, waiting}, {none, lockout}}},
    /* E4  */ {{{none, open}, {none, waiting}, {none, lockout}}},
    /* E5  */ {{{none, lockout}, {none, lockout}, {none, lockout}}},
    /* E6  */
    {{{accept | count_bypass, open}, {accept | count_bypass, waiting}, {accept | count_bypass, lockout}}},
    /* E7  */ {{{freed, open}, {freed, open}, {freed, open}}},
    /* E8  */
    {{{freed | take_expected, open}, {freed | take_expected, open}, {accept | count_bypass, lockout}}},
    /* E10 */ {{{stop_waiting, open}, {stop_waiting, open}, {stop_waiting, lockout}}},
}};

bool has(unsigned effects, Effect effect) {
    return (effects & effect) != 0;
}

}  // namespace

FarmEvent farm_event(const FarmState& state, std::uint8_t sequence, bool room) {
    const unsigned ahead = (sequence - state.expected) & 0xFFU;
    if (ahead == 0) return room ? FarmEvent::in_turn_with_room : FarmEvent::in_turn_without_room;
    if (ahead < farm_window_positive) return FarmEvent::ahead;
    if (ahead >= 256 - farm_window_negative) return FarmEvent::behind;
    return FarmEvent::outside;
}

bool farm_step(FarmState& state, FarmEvent event, std::uint8_t value) {
    if (event >= FarmEvent::count) return false;
    // A mode that there is not, after a flipped bit, is open: it needs nobody to get out of it.
    const std::size_t mode = state.mode < farm_modes ? state.mode : 0;
    const Cell& cell = table[static_cast<std::size_t>(event)][mode];
    if (has(cell.effects, advance)) ++state.expected;
    if (has(cell.effects, take_expected)) state.expected = value;
    if (has(cell.effects, ask_again)) state.retransmit = 1;
    if (has(cell.effects, satisfied)) state.retransmit = 0;
    if (has(cell.effects, start_waiting)) state.wait = 1;
    if (has(cell.effects, stop_waiting)) state.wait = 0;
    if (has(cell.effects, count_bypass)) ++state.farm_b_counter;
    if (cell.next != lockout) state.cold = 0;
    state.mode = static_cast<std::uint8_t>(cell.next);
    return has(cell.effects, accept);
}

void farm_start_cold(FarmState& state) {
    state = FarmState{};
    state.mode = static_cast<std::uint8_t>(lockout);
    state.cold = 1;
}

std::uint32_t clcw(const FarmState& state, bool receiver_lock) {
    constexpr std::uint32_t cop_1 = 0x0100'0000;
    const std::uint32_t no_signal = receiver_lock ? 0U : 0xC000U;  // no RF available, no bit lock
    const bool is_locked = state.mode == static_cast<std::uint8_t>(FarmMode::lockout);
    const std::uint32_t locked = is_locked ? 0x2000U : 0U;
    const std::uint32_t status = is_locked && state.cold != 0 ? 0x0400'0000U : 0U;  // 001: started cold
    const std::uint32_t wait = state.wait != 0 ? 0x1000U : 0U;
    const std::uint32_t retransmit = state.retransmit != 0 ? 0x0800U : 0U;
    return cop_1 | status | no_signal | locked | wait | retransmit | ((state.farm_b_counter & 3U) << 9) |
           state.expected;
}

}  // namespace safehold::cdh
