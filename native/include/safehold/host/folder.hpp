// A folder that holds what the stores hold, so that it outlives the process: persistence and mass memory on
// the flight computer's own disk.
//
//   slot-S-C.bin         copy C of slot S: written beside it, synchronised, renamed over it
//   stream-S-N.log       at most 64 KiB of records of stream S from number N on, only ever added to
//   file-ID.bin          a head of 64 octets with the directory's entry, then the file's octets
//   mission-C.txt        copy C of whose folder it is (host/mission.hpp), and the SHA-256 of that
//   numbers.bin          of each stream, the numbers of its oldest and its next record, and the octets held;
//                        kept anew before each control state, so that no number is ever given twice
// A record is on the disk before its number is used; a file's octets when it is sealed. What a power failure
// tore, or a disk has spoilt, is found when the folder is read: what is not sound is cut out of a log, the
// records behind it stay, and the numbers that nobody answers to any more are named one by one; a copy, a
// head or a file that is not sound is left out. Nothing here throws but the constructor: what the disk
// refuses is counted, and answered with false. Meets L2.4, L3.6.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "safehold/host/mass_memory.hpp"
#include "safehold/host/persistence.hpp"

namespace safehold::host {

class Folder final : public CopySink {
  public:
    struct Faults {
        std::uint64_t refused = 0;  // operations that the disk did not carry out
        int error = 0;              // errno of the last of them
        std::uint64_t torn = 0;     // logs, copies and files that were found torn or unsound
        std::uint64_t fail_after = ~std::uint64_t{0};  // fault port: so many operations are still carried out
        int fail_error = 0;                            // and what the others are refused with
    };

    // Makes the folder if there is none. Throws std::runtime_error if it cannot be written, or if another
    // process has it.
    explicit Folder(const std::string& path);
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();

    // Whose it is: nothing if the folder is new. Throws OtherMission if there is data and neither copy of the
    // mission is sound.
    [[nodiscard]] std::string mission() const;
    // From now on it belongs to this mission, which is written down before anything else is. Throws
    // OtherMission if it belongs to another one, std::runtime_error if it cannot be written; the folder's
    // data stay as they are.
    void claim(const std::string& mission);

    // What is there. Quotas and the digest chain of `memory` stay.
    void read(Persistence& persistence, MassMemory& memory);
    // Replaces all that is there.
    void write_all(const Persistence& persistence, const MassMemory& memory);

    // `through` octets of the record get to the disk before power fails: all of them, as a rule.
    [[nodiscard]] bool append(std::size_t stream, std::uint64_t number, const std::uint8_t* record,
                              std::size_t octets, std::size_t through);
    void drop(std::size_t stream, const MassMemory& memory);
    [[nodiscard]] bool keep_numbers(const MassMemory& memory);
    // What a file operation that was carried out in memory has made of a file.
    [[nodiscard]] bool follow(const computer::FileRequest& request, const MassMemory& memory,
                              const std::uint8_t* data);
    [[nodiscard]] bool write_copy(std::size_t slot, std::size_t copy, const std::uint8_t* octets,
                                  std::size_t count, std::size_t through) override;

    // Makes every copy of a slot unsound.
    void forget(std::size_t slot, std::size_t copies);

    Faults faults;

  private:
    struct Log {
        std::deque<std::uint64_t> segments;  // number of the first record of each file
        std::size_t octets = 0;              // in the last of them
    };
    [[nodiscard]] std::string name(const std::string& file) const { return path_ + "/" + file; }
    [[nodiscard]] std::string log_name(std::size_t stream, std::uint64_t first) const;
    [[nodiscard]] std::string file_name(std::uint32_t id) const;
    [[nodiscard]] std::string mission_name(std::size_t copy) const;
    [[nodiscard]] bool may();
    bool fail();
    [[nodiscard]] bool write_at(const std::string& path, std::uint64_t offset, const void* octets,
                                std::size_t count, bool synchronise);
    [[nodiscard]] bool replace(const std::string& path, const void* octets, std::size_t count,
                               std::size_t through);
    [[nodiscard]] bool write_entry(const computer::FileEntry& entry, bool synchronise);
    struct StreamNumbers {
        std::uint64_t first;
        std::uint64_t next;
        std::uint64_t octets;
    };
    using AllNumbers = std::array<StreamNumbers, computer::stream_count>;
    struct Found;  // in a stream's logs up to here
    [[nodiscard]] AllNumbers read_numbers();
    void read_stream(std::size_t stream, const StreamNumbers& kept, MassMemory& memory);
    void read_segment(std::size_t stream, std::size_t index, Found& found, MassMemory& memory);
    void mend_segment(std::size_t stream, std::size_t index, const std::vector<std::uint8_t>& sound,
                      std::size_t octets, bool at_end);
    void read_file(std::uint32_t id, MassMemory& memory);
    void clear();

    std::string path_;
    int folder_ = -1;
    std::array<Log, computer::stream_count> logs_;
    AllNumbers kept_{};  // what numbers.bin says
    bool numbers_kept_ = false;
};

}  // namespace safehold::host
