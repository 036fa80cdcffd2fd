// Whose a folder is: two copies, each with its checksum, written before anything else is.
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "disk.hpp"
#include "safehold/host/folder.hpp"
#include "safehold/host/mission.hpp"

namespace safehold::host {
namespace {

constexpr std::size_t copies = 2;
constexpr std::uint64_t mission_octets_max = 1U << 20U;
constexpr const char* head = "safehold flight computer 1\n";
constexpr const char* mark = "sha256 ";

std::string hex(const Digest& digest) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t octet : digest) {
        text += digits[octet >> 4U];
        text += digits[octet & 15U];
    }
    return text;
}

std::string sealed(const std::string& mission) {
    const std::string text = head + mission;
    return text + mark + hex(mission_digest(text)) + "\n";
}

// Nothing if what is there is not what `sealed` makes.
std::string unsealed(const std::vector<std::uint8_t>& octets) {
    const std::string text(octets.begin(), octets.end());
    const std::size_t begin = std::strlen(head);
    const std::size_t end = text.rfind(mark);
    if (end == std::string::npos || end <= begin) return {};
    const std::string mission = text.substr(begin, end - begin);
    return sealed(mission) == text ? mission : std::string{};
}

bool is_data(const std::string& file) {
    return file.rfind("slot-", 0) == 0 || file.rfind("stream-", 0) == 0 || file.rfind("file-", 0) == 0 ||
           file == "numbers.bin";
}

}  // namespace

std::string Folder::mission_name(std::size_t copy) const {
    return name("mission-" + std::to_string(copy) + ".txt");
}

std::string Folder::mission() const {
    std::string found;
    for (std::size_t copy = 0; copy < copies; ++copy) {
        const std::string one = unsealed(disk::read_whole(mission_name(copy), mission_octets_max));
        if (found.empty()) found = one;
        if (!one.empty() && one != found) {
            throw OtherMission("the flight computer's data folder " + path_ +
                               " belongs to two missions: mission-0.txt and mission-1.txt differ (" +
                               what_differs(found, one) + "); take the wrong one away");
        }
    }
    if (!found.empty()) return found;
    for (const std::string& file : disk::names_in(path_)) {
        if (!is_data(file)) continue;
        throw OtherMission(
            "the flight computer's data folder " + path_ +
            " holds data and does not say of which mission: neither mission-0.txt nor "
            "mission-1.txt is sound. Give another folder, or put that file back: a start of the "
            "same run in an empty folder makes it");
    }
    return {};
}

void Folder::claim(const std::string& mission) {
    const std::string found = this->mission();
    if (!found.empty() && found != mission) {
        throw OtherMission(
            "the flight computer's data folder " + path_ + " belongs to another mission: expected " +
            short_name(mission_digest(mission)) + ", found " + short_name(mission_digest(found)) + " (" +
            what_differs(mission, found) + "). Give another folder, or start the mission that it belongs to");
    }
    const std::string text = sealed(mission);
    for (std::size_t copy = 0; copy < copies; ++copy) {
        if (!unsealed(disk::read_whole(mission_name(copy), mission_octets_max)).empty()) continue;
        if (!replace(mission_name(copy), text.data(), text.size(), text.size())) {
            throw std::runtime_error("the flight computer's data folder " + path_ +
                                     " cannot be written: " + std::strerror(faults.error));
        }
    }
}

}  // namespace safehold::host
