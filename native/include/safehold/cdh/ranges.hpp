// Ranges of octets of a file, kept in order and apart in an array of fixed size.
//
// Purpose: what is missing of a file that comes up, and what is asked for of one that goes down. Any bit may
// flip: ranges that are in disorder give wrong ranges, never a place outside the array. Meets L2.2, L2.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "safehold/cdh/cfdp.hpp"

namespace safehold::cdh {

// Takes [start, end), which lies in the range at `place`, out of it; false, and nothing changed, if that
// makes two of it and there is no room.
template <std::size_t Max>
[[nodiscard]] bool take_out(std::array<Range, Max>& ranges, std::uint32_t& count, std::size_t place,
                            std::uint32_t start, std::uint32_t end) {
    Range& range = ranges[place];
    if (start == range.start && end == range.end) {
        --count;
        for (std::size_t i = place; i < count; ++i)
            ranges[i] = ranges[i + 1];
    } else if (start == range.start) {
        range.start = end;
    } else if (end == range.end) {
        range.end = start;
    } else {
        if (count >= Max) return false;
        for (std::size_t i = count; i > place; --i)
            ranges[i] = ranges[i - 1];
        ++count;
        ranges[place].end = start;
        ranges[place + 1].start = end;
    }
    return true;
}

}  // namespace safehold::cdh
