#include "safehold/host/folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "disk.hpp"
#include "folder_format.hpp"

namespace safehold::host {
namespace {

using computer::FileEntry;
using computer::FileOperation;
using computer::RecordHead;
using disk::Handle;
using disk::names_in;
using disk::write_whole;
using folder::entry_magic;
using folder::entry_octets;
using folder::Numbers;
using folder::numbers_magic;
using Octets = std::vector<std::uint8_t>;

bool is_ours(const std::string& file) {
    return file.rfind("slot-", 0) == 0 || file.rfind("stream-", 0) == 0 || file.rfind("file-", 0) == 0 ||
           file == "numbers.bin" || file == "new.tmp";
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

}  // namespace safehold::host
