// A folder as it is found: what is sound is taken, what is not is cut out and named.
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "disk.hpp"
#include "folder_format.hpp"
#include "safehold/host/folder.hpp"

namespace safehold::host {
namespace {

using computer::FileEntry;
using computer::RecordHead;
using disk::names_in;
using disk::number_in;
using disk::read_whole;
using folder::entry_magic;
using folder::entry_octets;
using folder::Numbers;
using folder::numbers_end;
using folder::numbers_magic;
using Octets = std::vector<std::uint8_t>;

constexpr std::uint64_t jump_max = 0x1'0000'0000U;

// Where a record of a log begins: its head, if it and the record behind it are whole.
bool whole_record(const Octets& log, std::size_t at, RecordHead& head) {
    if (at > log.size() || log.size() - at < sizeof head) return false;
    std::memcpy(&head, log.data() + at, sizeof head);
    return head.length != 0 && head.length <= computer::record_octets_max &&
           head.length <= log.size() - at - sizeof head;
}

// A record that is sound and numbered from `next` to before `end`. No checksum covers its number, but that of
// a sound one behind it is higher.
bool sound_record(const Octets& log, std::size_t at, std::uint64_t next, std::uint64_t end,
                  RecordHead& head) {
    if (!whole_record(log, at, head) || head.number < next || head.number >= end) return false;
    if (computer::crc32(log.data() + at + sizeof head, head.length) != head.crc) return false;
    if (head.number == next) return true;
    RecordHead other = head;
    std::size_t behind = at;
    for (int looked = 0; looked < 16; ++looked) {
        behind += sizeof other + other.length;
        if (!whole_record(log, behind, other)) return true;
        const bool sound = computer::crc32(log.data() + behind + sizeof other, other.length) == other.crc;
        if (sound && other.number <= head.number) return false;
    }
    return true;
}

}  // namespace

void Folder::read(Persistence& persistence, MassMemory& memory) {
    logs_ = {};
    ::unlink(name("new.tmp").c_str());
    persistence.replace([this](std::size_t slot, std::size_t copy) {
        return read_whole(name("slot-" + std::to_string(slot) + "-" + std::to_string(copy) + ".bin"));
    });
    memory.empty();
    const AllNumbers numbers = read_numbers();
    for (std::size_t i = 0; i < logs_.size(); ++i)
        read_stream(i, numbers[i], memory);
    for (const std::string& file : names_in(path_)) {
        std::uint64_t id = 0;
        if (number_in(file, "file-", ".bin", id) && id != 0 && id <= 0xFFFF'FFFFU)
            read_file(static_cast<std::uint32_t>(id), memory);
    }
    (void)keep_numbers(memory);
}

// Zeros if nothing sound is there.
Folder::AllNumbers Folder::read_numbers() {
    numbers_kept_ = false;
    AllNumbers found{};
    const std::string path = name("numbers.bin");
    const Octets octets = read_whole(path);
    Numbers numbers{};
    if (octets.size() == sizeof numbers) std::memcpy(&numbers, octets.data(), sizeof numbers);
    bool sound = std::memcmp(numbers.magic, numbers_magic, sizeof numbers_magic) == 0 &&
                 numbers.crc == computer::crc32(&numbers, sizeof numbers - sizeof numbers.crc);
    for (std::size_t i = 0; i < found.size(); ++i) {
        const auto& [first, next, held] = numbers.streams[i];
        sound = sound && first <= next && next < numbers_end;
        found[i] = {first, next, held};
    }
    if (sound) return found;
    if (::access(path.c_str(), F_OK) == 0) ++faults.torn;
    return {};
}

struct Folder::Found {
    std::uint64_t first;     // what is below was dropped
    std::uint64_t next;      // the number that is expected
    std::uint64_t end;       // of what was kept
    std::uint64_t read = 0;  // behind the highest number so far
    std::uint64_t held = 0;  // octets of records before `end`
    std::uint64_t bad = 0;   // octets that are no records
    bool cut = false;        // bad ones are the last ones
    bool full = false;       // what comes is beyond the quota
};

void Folder::read_stream(std::size_t stream, const StreamNumbers& kept, MassMemory& memory) {
    Log& log = logs_.at(stream);
    for (const std::string& file : names_in(path_)) {
        std::uint64_t first = 0;
        if (number_in(file, "stream-" + std::to_string(stream) + "-", ".log", first) && first < numbers_end)
            log.segments.push_back(first);
    }
    std::sort(log.segments.begin(), log.segments.end());
    memory.reach(stream, kept.first);
    Found found{kept.first, kept.first, kept.next};
    for (std::size_t i = 0; i < log.segments.size(); ++i)
        read_segment(stream, i, found, memory);
    // Behind the last log, what is lost is at least the record that was being written.
    if (found.cut) memory.lose(stream, found.next, std::max(found.next + 1, kept.next));
    // What else is missing, if anything is: the records that were refused are not.
    if (!found.full && found.held + found.bad < kept.octets) {
        ++faults.torn;
        memory.lose_gaps(stream, kept.first, kept.next);
    }
    memory.reach(stream, std::max(found.next, kept.next));
}

// All that is sound. Numbers between two records are lost if what lies there is no record.
void Folder::read_segment(std::size_t stream, std::size_t index, Found& found, MassMemory& memory) {
    Log& log = logs_.at(stream);
    const std::string path = log_name(stream, log.segments[index]);
    const bool last = index + 1 == log.segments.size();
    if (found.cut || found.full) memory.lose(stream, found.next, log.segments[index]);
    found.cut = false;
    found.next = std::max(found.next, log.segments[index]);
    if (found.full && !last) return;
    const Octets octets = read_whole(path, block_octets + 1);  // no log of ours has one more
    Octets sound;
    std::uint64_t& next = found.read = std::max(found.read, log.segments[index]);
    const std::uint64_t limit = next + jump_max;
    const std::uint64_t end = last ? limit : std::min(limit, log.segments[index + 1]);
    for (std::size_t at = 0; at < octets.size();) {
        RecordHead head;
        if (!sound_record(octets, at, next, end, head)) {
            ++at;
            ++found.bad;
            found.cut = true;
            continue;
        }
        const std::size_t size = sizeof head + head.length;
        sound.insert(sound.end(), octets.begin() + static_cast<std::ptrdiff_t>(at),
                     octets.begin() + static_cast<std::ptrdiff_t>(at + size));
        next = head.number + 1;
        if (head.number >= found.first) {
            if (found.cut) memory.lose(stream, found.next, head.number);
            if (head.number < found.end) found.held += size;
            found.full = found.full || !memory.has_room(stream, head.length);
            if (found.full) {
                memory.lose(stream, head.number, next);
            } else {
                memory.restore_record(stream, head.number, octets.data() + at + sizeof head, head.length);
            }
            found.next = std::max(found.next, next);
        }
        found.cut = false;
        at += size;
    }
    log.octets = octets.size();
    if (found.full || sound.size() == octets.size()) return;
    ++faults.torn;
    mend_segment(stream, index, sound, octets.size(), found.cut);
}

// Without what is no record. If the disk refuses that, what comes next goes behind it.
void Folder::mend_segment(std::size_t stream, std::size_t index, const Octets& sound, std::size_t octets,
                          bool at_end) {
    Log& log = logs_.at(stream);
    const std::string path = log_name(stream, log.segments[index]);
    const bool only_end = at_end && sound.size() < octets &&
                          read_whole(path, sound.size()) == sound;  // else it is written anew
    if (only_end) {
        if (::truncate(path.c_str(), static_cast<::off_t>(sound.size())) != 0) (void)fail();
        log.octets = sound.size();
    } else if (replace(path, sound.data(), sound.size(), sound.size())) {
        log.octets = sound.size();
    }
}

void Folder::read_file(std::uint32_t id, MassMemory& memory) {
    const Octets octets = read_whole(file_name(id));
    FileEntry entry{};
    std::uint32_t crc = 0;
    bool sound = octets.size() >= entry_octets && std::memcmp(octets.data(), entry_magic, 8) == 0;
    if (sound) {
        std::memcpy(&entry, octets.data() + 8, sizeof entry);
        std::memcpy(&crc, octets.data() + entry_octets - 4, 4);
        sound = crc == computer::crc32(octets.data(), entry_octets - 4) && entry.id == id;
    }
    const std::size_t length = sound ? octets.size() - entry_octets : 0;
    const std::uint8_t* content = octets.data() + entry_octets;
    if (sound && entry.sealed != 0)
        sound = length == entry.length && computer::crc32(content, length) == entry.crc;
    if (sound && entry.sealed == 0)
        entry.length = static_cast<std::uint32_t>(std::min<std::size_t>(length, entry.length_max));
    if (sound && memory.restore_file(entry, content)) return;
    ++faults.torn;
    ::unlink(file_name(id).c_str());
}

}  // namespace safehold::host
