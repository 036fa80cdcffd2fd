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

// Nothing if it cannot be read.
Octets read_whole(const std::string& path) {
    const Handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct ::stat status {};
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    if (status.st_size < 0 || static_cast<std::uint64_t>(status.st_size) > octets_max) return {};
    Octets octets(static_cast<std::size_t>(status.st_size));
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
    std::array<std::array<std::uint64_t, 2>, computer::stream_count> streams;  // first and next
    std::uint32_t spare;
    std::uint32_t crc;
};
static_assert(sizeof(Numbers) == 8 + 16 * computer::stream_count + 8);

constexpr char numbers_magic[8] = {'S', 'A', 'F', 'E', 'N', 'U', 'M', '1'};
constexpr char entry_magic[8] = {'S', 'A', 'F', 'E', 'F', 'I', 'L', '1'};

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

void Folder::keep_numbers(const MassMemory& memory) {
    Numbers numbers{};
    std::memcpy(numbers.magic, numbers_magic, sizeof numbers.magic);
    computer::StoreStatus status{};
    memory.status(status);
    for (std::size_t i = 0; i < numbers.streams.size(); ++i)
        numbers.streams[i] = {status.streams[i].first, status.streams[i].next};
    numbers.crc = computer::crc32(&numbers, sizeof numbers - sizeof numbers.crc);
    (void)replace(name("numbers.bin"), &numbers, sizeof numbers, sizeof numbers);
}

// Logs in which no record is held any more go; the last one stays, for those to come.
void Folder::drop(std::size_t stream, const MassMemory& memory) {
    keep_numbers(memory);
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
    return memory.entry(request.file, entry) && write_entry(entry, operation == FileOperation::seal);
}

void Folder::clear() {
    for (const std::string& file : names_in(path_)) {
        if (is_ours(file)) ::unlink(name(file).c_str());
    }
    logs_ = {};
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
    keep_numbers(memory);
}

// --- reading

void Folder::read(Persistence& persistence, MassMemory& memory) {
    logs_ = {};
    ::unlink(name("new.tmp").c_str());
    persistence.replace([this](std::size_t slot, std::size_t copy) {
        return read_whole(name("slot-" + std::to_string(slot) + "-" + std::to_string(copy) + ".bin"));
    });
    memory.empty();
    for (std::size_t i = 0; i < logs_.size(); ++i)
        read_stream(i, memory);
    for (const std::string& file : names_in(path_)) {
        std::uint64_t id = 0;
        if (number_in(file, "file-", ".bin", id) && id != 0 && id <= 0xFFFF'FFFFU)
            read_file(static_cast<std::uint32_t>(id), memory);
    }
    const Octets octets = read_whole(name("numbers.bin"));
    Numbers numbers{};
    if (octets.size() != sizeof numbers) return;
    std::memcpy(&numbers, octets.data(), sizeof numbers);
    const bool sound = std::memcmp(numbers.magic, numbers_magic, sizeof numbers_magic) == 0 &&
                       numbers.crc == computer::crc32(&numbers, sizeof numbers - sizeof numbers.crc);
    if (!sound) {
        ++faults.torn;
        return;
    }
    for (std::size_t i = 0; i < numbers.streams.size(); ++i)
        memory.reach(i, numbers.streams[i][0], numbers.streams[i][1]);
}

void Folder::read_stream(std::size_t stream, MassMemory& memory) {
    Log& log = logs_.at(stream);
    for (const std::string& file : names_in(path_)) {
        std::uint64_t first = 0;
        if (number_in(file, "stream-" + std::to_string(stream) + "-", ".log", first))
            log.segments.push_back(first);
    }
    std::sort(log.segments.begin(), log.segments.end());
    for (std::size_t i = 0; i < log.segments.size(); ++i)
        read_segment(stream, i, memory);
}

// Up to the first record that is not sound; the log is cut there.
void Folder::read_segment(std::size_t stream, std::size_t index, MassMemory& memory) {
    Log& log = logs_.at(stream);
    const std::string path = log_name(stream, log.segments[index]);
    const Octets octets = read_whole(path);
    std::uint64_t next = std::max(log.segments[index], memory.next(stream));
    std::size_t at = 0;
    while (octets.size() - at >= sizeof(RecordHead)) {
        RecordHead head;
        std::memcpy(&head, octets.data() + at, sizeof head);
        const std::uint8_t* record = octets.data() + at + sizeof head;
        const bool sound = head.number >= next && head.number - next < 0x1'0000'0000U && head.length != 0 &&
                           head.length <= computer::record_octets_max &&
                           head.length <= octets.size() - at - sizeof head &&
                           computer::crc32(record, head.length) == head.crc;
        if (!sound) break;
        memory.restore_record(stream, head.number, record, head.length);
        next = head.number + 1;
        at += sizeof head + head.length;
    }
    log.octets = at;
    if (at == octets.size()) return;
    ++faults.torn;
    // The numbers up to the next log are gone; behind the last one, that of the record that was being
    // written.
    const bool last = index + 1 == log.segments.size();
    const std::uint64_t end = last ? next + 1 : std::max(log.segments[index + 1], next + 1);
    memory.lose(stream, next, end);
    if (::truncate(path.c_str(), static_cast<::off_t>(at)) != 0) (void)fail();
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
