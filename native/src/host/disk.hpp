// Files of a folder: opened, written and read as a whole, and found by their names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace safehold::host::disk {

inline constexpr std::uint64_t octets_max = 256U << 20U;  // of any file that is read

// An open file; -1 for none.
class Handle {
  public:
    explicit Handle(int handle) : handle_(handle) {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle();
    [[nodiscard]] int get() const { return handle_; }

  private:
    int handle_;
};

// False, with errno, if the disk refuses.
[[nodiscard]] bool write_whole(int handle, const void* data, std::size_t count, std::uint64_t offset);

// Nothing if it cannot be read; of one that is longer than `most`, its beginning.
[[nodiscard]] std::vector<std::uint8_t> read_whole(const std::string& path, std::uint64_t most = octets_max);

// The number between a name's beginning and its end; false for any other name than we would write with it.
[[nodiscard]] bool number_in(const std::string& text, const std::string& before, const std::string& after,
                             std::uint64_t& number);

// Of all that is there, in order.
[[nodiscard]] std::vector<std::string> names_in(const std::string& path);

}  // namespace safehold::host::disk
