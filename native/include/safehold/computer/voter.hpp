// The voter: compares the replicas' outputs bit for bit, and a slice of their whole states every tick.
//
// Purpose: find the majority's output and the replicas that differ from it. A slice that differs is found
// before the latent flip in it matters; the slices go round the whole state. Meets L3.1, L3.3.
#pragma once

#include <array>
#include <cstdint>

#include "safehold/computer/state.hpp"

namespace safehold::computer {

// A round over the whole state (37 kB) takes 59 ticks.
inline constexpr std::size_t slice_octets = 640;
inline constexpr int no_winner = -1;

struct Vote {
    int winner;              // a replica whose output is the majority's, or no_winner
    std::uint8_t differing;  // replicas that are not with the majority, bit by replica
};

// `voting` has a bit for each replica that takes part. One alone wins; two must agree, unless one of them is
// silent; three need two. A silent one is with nobody.
[[nodiscard]] Vote vote(const std::array<StepOutput, replicas_max>& outputs, std::uint8_t voting);

// The replicas, among three that vote, whose octets of the slice differ from the other two's. All differing,
// or two voting and differing, cannot be told apart: the result is then the whole of `voting`.
[[nodiscard]] std::uint8_t differing_slice(const std::array<ReplicaState, replicas_max>& replicas,
                                           std::uint8_t voting, std::size_t offset, std::size_t octets);

// Makes `state[target]` the majority's, octet for octet, word by word where the others disagree: a latent
// flip in a source is outvoted by the target itself. False, and nothing changed, if a word has three values
// or the CRC of the copy is wrong.
[[nodiscard]] bool resynchronise(std::array<ReplicaState, replicas_max>& replicas, std::uint8_t voting,
                                 int target);

}  // namespace safehold::computer
