#include "safehold/host/mission.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <string_view>

#include "safehold/dictionary.hpp"

namespace safehold::host {
namespace {

constexpr std::size_t differences_told = 4;
constexpr std::array<const char*, computer::stream_count> stream_names = {"critical", "black_box",
                                                                          "housekeeping", "science", "debug"};

// The shortest decimal that gives the same number again.
std::string decimal(double value) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
    return {text.data(), end.ptr};
}

std::map<std::string_view, std::string_view> lines_of(const std::string& text) {
    std::map<std::string_view, std::string_view> found;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        const std::size_t name_end = std::min(line.find(' '), line.size());
        found[line.substr(0, name_end)] = line.substr(std::min(name_end + 1, line.size()));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return found;
}

}  // namespace

std::string describe_mission(const computer::ComputerConfig& config, const Quotas& quotas) {
    std::string text = "dictionary " + std::string(dictionary_sha256, 64) + "\n";
    const auto line = [&text](const std::string& name, const std::string& value) {
        text += name + " " + value + "\n";
    };
    line("tick_ns", std::to_string(config.tick_ns));
    line("replicas", std::to_string(config.replicas));
    line("resync", std::to_string(config.resync));
    line("persistence", std::to_string(config.persistence));
    line("autonomy", std::to_string(config.autonomy));
    if (config.telemetry_protection != cdh::TelemetryProtection::none)
        line("telemetry_protection", std::to_string(static_cast<unsigned>(config.telemetry_protection)));
    for (std::size_t i = 0; i < quotas.streams.size(); ++i)
        line("quota." + std::string(stream_names.at(i)), std::to_string(quotas.streams.at(i)));
    line("quota.files", std::to_string(quotas.files));
    const auto* base = reinterpret_cast<const std::uint8_t*>(&config.parameters);
    for (const SettingEntry& entry : setting_entries) {
        std::string values;
        for (std::uint16_t i = 0; i < entry.count; ++i) {
            with_type(entry.type, [&](auto value) {
                std::memcpy(&value, base + entry.offset + i * sizeof value, sizeof value);
                values += (i == 0 ? "" : " ") + decimal(static_cast<double>(value));
            });
        }
        line(entry.name, values);
    }
    return text;
}

Digest mission_digest(const std::string& mission) {
    return sha256(reinterpret_cast<const std::uint8_t*>(mission.data()), mission.size());
}

std::string short_name(const Digest& digest) {
    constexpr const char* digits = "0123456789abcdef";
    std::string name;
    for (std::size_t i = 0; i < 6; ++i) {
        name += digits[digest[i] >> 4U];
        name += digits[digest[i] & 15U];
    }
    return name;
}

std::string what_differs(const std::string& here, const std::string& there) {
    const auto mine = lines_of(here);
    const auto theirs = lines_of(there);
    std::string told;
    std::size_t count = 0;
    const auto compare = [&](std::string_view name, std::string_view ours, std::string_view other) {
        if (ours == other || ++count > differences_told) return;
        told += (count == 1 ? "" : "; ") + std::string(name) + ": " + std::string(ours.substr(0, 80)) +
                " here, " + std::string(other.substr(0, 80)) + " there";
    };
    for (const auto& [name, value] : mine) {
        const auto other = theirs.find(name);
        compare(name, value, other == theirs.end() ? "nothing" : other->second);
    }
    for (const auto& [name, value] : theirs) {
        if (mine.count(name) == 0) compare(name, "nothing", value);
    }
    if (count > differences_told) told += "; and " + std::to_string(count - differences_told) + " more";
    return told;
}

}  // namespace safehold::host
