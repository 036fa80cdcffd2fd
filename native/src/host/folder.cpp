#include "safehold/host/folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace safehold::host {
namespace {

using computer::FileEntry;
using computer::FileOperation;
using computer::RecordHead;
using Octets = std::vector<std::uint8_t>;

constexpr std::size_t entry_octets = 64;
constexpr std::uint64_t octets_max = 256U << 20U;  // of any file that is read

class Handle {
  public:
    explicit Handle(int handle) : handle_(handle) {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() {
        if (handle_ >= 0) ::close(handle_);
    }
    [[nodiscard]] int get() const { return handle_; }

  private:
    int handle_;
};

bool write_whole(int handle, const void* data, std::size_t count, std::uint64_t offset) {
    const auto* at = static_cast<const std::uint8_t*>(data);
    while (count > 0) {
        const ::ssize_t written = ::pwrite(handle, at, count, static_cast<::off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            if (written == 0) errno = EIO;
            return false;
        }
        at += written;
        offset += static_cast<std::uint64_t>(written);
        count -= static_cast<std::size_t>(written);
    }
    return true;
}

// Nothing if it cannot be read; of one that is longer than `most`, its beginning.
Octets read_whole(const std::string& path, std::uint64_t most = octets_max) {
    const Handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct ::stat status {};
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    if (status.st_size < 0 || static_cast<std::uint64_t>(status.st_size) > octets_max) return {};
    Octets octets(static_cast<std::size_t>(std::min(static_cast<std::uint64_t>(status.st_size), most)));
    std::size_t done = 0;
    while (done < octets.size()) {
        const ::ssize_t got = ::read(file.get(), octets.data() + done, octets.size() - done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return {};
        done += static_cast<std::size_t>(got);
    }
    return octets;
}

// The number between a name's beginning and its end; false for any other name than we would write with it.
bool number_in(const std::string& text, const std::string& before, const std::string& after,
               std::uint64_t& number) {
    if (text.size() <= before.size() + after.size() || text.compare(0, before.size(), before) != 0 ||
        text.compare(text.size() - after.size(), after.size(), after) != 0) {
        return false;
    }
    const char* begin = text.data() + before.size();
    const char* end = text.data() + text.size() - after.size();
    const auto result = std::from_chars(begin, end, number);
    return result.ec == std::errc{} && result.ptr == end && text == before + std::to_string(number) + after;
}

std::vector<std::string> names_in(const std::string& path) {
    std::vector<std::string> found;
    ::DIR* folder = ::opendir(path.c_str());
    if (folder == nullptr) return found;
    while (const ::dirent* entry = ::readdir(folder))
        found.emplace_back(entry->d_name);
    ::closedir(folder);
    std::sort(found.begin(), found.end());
    return found;
}

bool is_ours(const std::string& file) {
    return file.rfind("slot-", 0) == 0 || file.rfind("stream-", 0) == 0 || file.rfind("file-", 0) == 0 ||
           file == "numbers.bin" || file == "new.tmp";
}

struct Numbers {
    char magic[8];
    std::array<std::array<std::uint64_t, 3>, computer::stream_count> streams;  // first, next, octets held
    std::uint32_t spare;
    std::uint32_t crc;
};
static_assert(sizeof(Numbers) == 8 + 24 * computer::stream_count + 8);

constexpr char numbers_magic[8] = {'S', 'A', 'F', 'E', 'N', 'U', 'M', '2'};
constexpr char entry_magic[8] = {'S', 'A', 'F', 'E', 'F', 'I', 'L', '1'};
constexpr std::uint64_t numbers_end = 1ULL << 48U;  // beyond any that a mission reaches
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

Folder::Folder(const std::string& path) : path_(path) {
    const auto refuse = [&path](const char* what) {
        throw std::runtime_error("the flight computer's data folder " + path + " " + what + ": " +
                                 std::strerror(errno));
    };
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) refuse("cannot be made");
    folder_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_ < 0) refuse("cannot be opened");
    if (::flock(folder_, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        ::close(folder_);
        errno = error;
        refuse("is in use by another process");
    }
    const std::uint8_t nothing = 0;
    if (!replace(name("probe.bin"), &nothing, 1, 1)) {
        errno = faults.error;
        ::close(folder_);
        refuse("cannot be written");
    }
    ::unlink(name("probe.bin").c_str());
}

Folder::~Folder() {
    ::close(folder_);
}

std::string Folder::log_name(std::size_t stream, std::uint64_t first) const {
    return name("stream-" + std::to_string(stream) + "-" + std::to_string(first) + ".log");
}

std::string Folder::file_name(std::uint32_t id) const {
    return name("file-" + std::to_string(id) + ".bin");
}

// False if the fault port refuses.
bool Folder::may() {
    if (faults.fail_after == 0) {
        errno = faults.fail_error;
        return false;
    }
    if (faults.fail_after != ~std::uint64_t{0}) --faults.fail_after;
    return true;
}

bool Folder::fail() {
    ++faults.refused;
    faults.error = errno;
    return false;
}

// --- writing

bool Folder::write_at(const std::string& path, std::uint64_t offset, const void* octets, std::size_t count,
                      bool synchronise) {
    if (!may()) return fail();
    const Handle file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0 || !write_whole(file.get(), octets, count, offset)) return fail();
    if (synchronise && ::fdatasync(file.get()) != 0) return fail();
    return true;
}

// All of it or nothing: what is there is only replaced by what is on the disk.
bool Folder::replace(const std::string& path, const void* octets, std::size_t count, std::size_t through) {
    if (!may()) return fail();
    const std::string fresh = name("new.tmp");
    {
        const Handle file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (file.get() < 0 || !write_whole(file.get(), octets, through, 0)) return fail();
        if (through != count) return false;  // power has failed
        if (::fsync(file.get()) != 0) return fail();
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0 || ::fsync(folder_) != 0) return fail();
    return true;
}

bool Folder::write_copy(std::size_t slot, std::size_t copy, const std::uint8_t* octets, std::size_t count,
                        std::size_t through) {
    return replace(name("slot-" + std::to_string(slot) + "-" + std::to_string(copy) + ".bin"), octets, count,
                   through);
}

void Folder::forget(std::size_t slot, std::size_t copies) {
    for (std::size_t copy = 0; copy < copies; ++copy)
        (void)write_copy(slot, copy, nullptr, 0, 0);
}

bool Folder::append(std::size_t stream, std::uint64_t number, const std::uint8_t* record, std::size_t octets,
                    std::size_t through) {
    Log& log = logs_.at(stream);
    const RecordHead head = {number, static_cast<std::uint32_t>(octets), computer::crc32(record, octets)};
    Octets whole(sizeof head + octets);
    std::memcpy(whole.data(), &head, sizeof head);
    std::memcpy(whole.data() + sizeof head, record, octets);
    const bool begins = log.segments.empty() || log.octets + whole.size() > block_octets;
    const std::uint64_t first = begins ? number : log.segments.back();
    const std::size_t at = begins ? 0 : log.octets;
    const std::size_t written = through == octets ? whole.size() : through;
    const bool done = write_at(log_name(stream, first), at, whole.data(), written, true);
    if (!done || through != octets) {
        // What has got there although the disk refused goes again; what power failure tore is found at the
        // start.
        if (!done && begins) (void)::unlink(log_name(stream, first).c_str());
        if (!done && !begins && ::truncate(log_name(stream, first).c_str(), static_cast<::off_t>(at)) != 0)
            (void)fail();
        return false;
    }
    if (begins) {
        log.segments.push_back(number);
        log.octets = 0;
        if (::fsync(folder_) != 0) return fail();
    }
    log.octets += whole.size();
    return true;
}

bool Folder::keep_numbers(const MassMemory& memory) {
    Numbers numbers{};
    std::memcpy(numbers.magic, numbers_magic, sizeof numbers.magic);
    computer::StoreStatus status{};
    memory.status(status);
    bool same = numbers_kept_;
    AllNumbers now{};
    for (std::size_t i = 0; i < now.size(); ++i) {
        now[i] = {status.streams[i].first, status.streams[i].next, status.streams[i].octets};
        same = same && now[i].first == kept_[i].first && now[i].next == kept_[i].next &&
               now[i].octets == kept_[i].octets;
        numbers.streams[i] = {now[i].first, now[i].next, now[i].octets};
    }
    if (same) return true;
    numbers.crc = computer::crc32(&numbers, sizeof numbers - sizeof numbers.crc);
    numbers_kept_ = false;
    if (!replace(name("numbers.bin"), &numbers, sizeof numbers, sizeof numbers)) return false;
    kept_ = now;
    numbers_kept_ = true;
    return true;
}

// Logs in which no record is held any more go; the last one stays, for those to come.
void Folder::drop(std::size_t stream, const MassMemory& memory) {
    (void)keep_numbers(memory);
    computer::StoreStatus status{};
    memory.status(status);
    Log& log = logs_.at(stream);
    while (log.segments.size() > 1 && log.segments[1] <= status.streams[stream].first) {
        if (::unlink(log_name(stream, log.segments.front()).c_str()) != 0 && errno != ENOENT) (void)fail();
        log.segments.pop_front();
    }
}

bool Folder::write_entry(const FileEntry& entry, bool synchronise) {
    std::array<std::uint8_t, entry_octets> head{};
    static_assert(8 + sizeof(FileEntry) + 4 <= entry_octets);
    std::memcpy(head.data(), entry_magic, 8);
    std::memcpy(head.data() + 8, &entry, sizeof entry);
    const std::uint32_t crc = computer::crc32(head.data(), entry_octets - 4);
    std::memcpy(head.data() + entry_octets - 4, &crc, 4);
    return write_at(file_name(entry.id), 0, head.data(), head.size(), synchronise);
}

bool Folder::follow(const computer::FileRequest& request, const MassMemory& memory,
                    const std::uint8_t* data) {
    const auto operation = static_cast<FileOperation>(request.operation);
    if (operation == FileOperation::remove) {
        if (::unlink(file_name(request.file).c_str()) != 0 && errno != ENOENT) return fail();
        return true;
    }
    if (operation == FileOperation::write)
        return write_at(file_name(request.file), entry_octets + request.offset, data, request.length, false);
    if (operation == FileOperation::create && ::unlink(file_name(request.file).c_str()) != 0 &&
        errno != ENOENT) {
        return fail();
    }
    FileEntry entry{};
    if (!memory.entry(request.file, entry) || !write_entry(entry, operation == FileOperation::seal))
        return false;
    // Its name is on the disk before anything is said of it.
    return operation != FileOperation::create || ::fsync(folder_) == 0 || fail();
}

void Folder::clear() {
    for (const std::string& file : names_in(path_)) {
        if (is_ours(file)) ::unlink(name(file).c_str());
    }
    logs_ = {};
    numbers_kept_ = false;
}

void Folder::write_all(const Persistence& persistence, const MassMemory& memory) {
    clear();
    persistence.each([this](std::size_t slot, std::size_t copy, const Octets& octets) {
        (void)write_copy(slot, copy, octets.data(), octets.size(), octets.size());
    });
    memory.each_record([this](std::size_t stream, std::uint64_t number, const std::uint8_t* record,
                              std::size_t octets) { (void)append(stream, number, record, octets, octets); });
    memory.each_file([this](const FileEntry& entry, const Octets& octets) {
        if (write_at(file_name(entry.id), entry_octets, octets.data(), octets.size(), false))
            (void)write_entry(entry, true);
    });
    (void)keep_numbers(memory);
}

// --- reading

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
