// What stands in for libFuzzer where there is none: it runs a target over the files of a folder of seeds, and
// over mutations of them that are the same each time.
//     fuzz_TARGET FOLDER MUTATIONS
// A finding ends it as in libFuzzer, by a signal or a sanitizer's report; the number of the input that was
// run last is then on standard error, and `fuzz_TARGET FOLDER MUTATIONS NUMBER` runs that one alone.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Octets = std::vector<std::uint8_t>;
constexpr std::size_t octets_max = 16384;

unsigned long running = 0;

void tell(int signal) {
    std::fprintf(stderr, "input %lu\n", running);
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

struct Chance {
    std::uint64_t state;
    std::size_t below(std::size_t limit) {
        state ^= state << 13U;
        state ^= state >> 7U;
        state ^= state << 17U;
        return limit == 0 ? 0 : static_cast<std::size_t>((state >> 16U) % limit);
    }
};

std::vector<Octets> seeds_of(const char* folder) {
    std::vector<Octets> seeds = {{}, {0}, Octets(64, 0xFF), Octets(300, 0)};
    std::vector<std::filesystem::path> paths;
    if (std::filesystem::is_directory(folder)) {
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
        std::ifstream file(path, std::ios::binary);
        seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return seeds;
}

// One of what hurts parsers most: a bit, a length at its limits, a part that is gone, doubled or another's.
void mutate(Octets& octets, const std::vector<Octets>& seeds, Chance& chance) {
    constexpr std::uint8_t limits[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF};
    const std::size_t at = chance.below(octets.size());
    const auto place = octets.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t some = chance.below(std::min<std::size_t>(octets.size() - at, 64) + 1);
    const auto end = place + static_cast<std::ptrdiff_t>(some);
    switch (chance.below(6)) {
        case 0:
            if (!octets.empty()) *place = static_cast<std::uint8_t>(*place ^ (1U << chance.below(8)));
            break;
        case 1:
            if (!octets.empty()) *place = limits[chance.below(std::size(limits))];
            break;
        case 2:
            octets.erase(place, end);
            break;
        case 3: {
            const Octets part(place, end);
            octets.insert(place, part.begin(), part.end());
            break;
        }
        case 4: {
            const Octets& other = seeds[chance.below(seeds.size())];
            const std::size_t from = chance.below(other.size());
            octets.insert(place, other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
            break;
        }
        default:
            octets.insert(place, static_cast<std::uint8_t>(chance.below(256)));
            break;
    }
    if (octets.size() > octets_max) octets.resize(octets_max);
}

void run(const Octets& octets) {
    // On the heap, so that a sanitizer sees the first octet beyond the end.
    const Octets exact(octets);
    (void)LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 3) {
        std::fprintf(stderr, "usage: %s FOLDER MUTATIONS [NUMBER]\n", arguments[0]);
        return 2;
    }
    for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGBUS})
        std::signal(signal, tell);
    const std::vector<Octets> seeds = seeds_of(arguments[1]);
    const unsigned long mutations = std::strtoul(arguments[2], nullptr, 10);
    const unsigned long alone = count > 3 ? std::strtoul(arguments[3], nullptr, 10) : ~0UL;
    for (running = 0; running < seeds.size() + mutations; ++running) {
        if (alone != ~0UL && running != alone) continue;
        if (running < seeds.size()) {
            run(seeds[running]);
            continue;
        }
        Chance chance{0x9E3779B97F4A7C15ULL ^ (running * 0xD1B54A32D192ED03ULL)};
        (void)chance.below(1);
        Octets octets = seeds[chance.below(seeds.size())];
        for (std::size_t i = 1 + chance.below(6); i-- > 0;)
            mutate(octets, seeds, chance);
        run(octets);
    }
    std::printf("stat::number_of_executed_units: %lu\n", running);
    return 0;
}
