#include "disk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace safehold::host::disk {

Handle::~Handle() {
    if (handle_ >= 0) ::close(handle_);
}

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

std::vector<std::uint8_t> read_whole(const std::string& path, std::uint64_t most) {
    const Handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct ::stat status {};
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    if (status.st_size < 0 || static_cast<std::uint64_t>(status.st_size) > octets_max) return {};
    std::vector<std::uint8_t> octets(
        static_cast<std::size_t>(std::min(static_cast<std::uint64_t>(status.st_size), most)));
    std::size_t done = 0;
    while (done < octets.size()) {
        const ::ssize_t got = ::read(file.get(), octets.data() + done, octets.size() - done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return {};
        done += static_cast<std::size_t>(got);
    }
    return octets;
}

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

}  // namespace safehold::host::disk
