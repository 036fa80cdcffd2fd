// Whose data it is: the mission that a folder, or a state that was kept, belongs to.
//
// Purpose: what a flight computer was made with decides what its stores mean. It is told as text, a setting a
// line, so that two missions can be compared and what differs be named. Keys are no part of it.
#pragma once

#include <stdexcept>
#include <string>

#include "safehold/computer/flight_computer.hpp"
#include "safehold/host/quotas.hpp"
#include "safehold/host/sha256.hpp"

namespace safehold::host {

// Of what belongs to another mission than the one that is to go on from it. Nothing has changed.
class OtherMission : public std::invalid_argument {
  public:
    using std::invalid_argument::invalid_argument;
};

[[nodiscard]] std::string describe_mission(const computer::ComputerConfig& config, const Quotas& quotas);

// SHA-256 of the text, and its first 12 hexadecimal digits.
[[nodiscard]] Digest mission_digest(const std::string& mission);
[[nodiscard]] std::string short_name(const Digest& digest);

// "replicas: 3 here, 1 there; ...": the first few lines that differ, and how many more do.
[[nodiscard]] std::string what_differs(const std::string& here, const std::string& there);

}  // namespace safehold::host
