// Mass memory: streams of numbered records in blocks, and files in pieces of the same size.
//
// Purpose: what is committed here stays over resets. Records of a stream lie back to back in blocks of at
// most 64 KiB; a full block is sealed, hashed, and never changes again. Pieces and blocks are shared by
// pointer: a copy of a MassMemory is a snapshot that costs as many pointers as there are blocks, and what
// changes afterwards is copied first. Every operation joins a digest chain. Meets L2.4, L3.6.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "safehold/computer/store.hpp"
#include "safehold/host/block_pool.hpp"
#include "safehold/host/chain.hpp"
#include "safehold/host/octets.hpp"
#include "safehold/host/quotas.hpp"

namespace safehold::host {

struct Block {
    std::uint64_t first = 0;                              // number of its first record
    SharedContent content = std::make_shared<Content>();  // RecordHead, octets of the record, and so on
    Digest head{};  // of the stream's chain of sealed blocks up to this one

    [[nodiscard]] const std::vector<std::uint8_t>& octets() const { return content->octets(); }
};

class MassMemory {
  public:
    explicit MassMemory(const Quotas& quotas = {}) : quotas_(quotas) {}

    // Of what is held, nothing changes: what lies beyond a smaller quota is given up as the flight software
    // finds it.
    void set_quotas(const Quotas& quotas) { quotas_ = quotas; }
    [[nodiscard]] const Quotas& quotas() const { return quotas_; }

    void append(computer::Stream stream, const std::uint8_t* record, std::size_t record_octets);
    void drop(const computer::DropRequest& request);
    [[nodiscard]] computer::FileAnswer file(const computer::FileRequest& request, const std::uint8_t* data);
    void read(const computer::ReadRequest& request, computer::Readback& readback) const;
    void status(computer::StoreStatus& status) const;

    // Number of the next record, and whether there is room for one.
    [[nodiscard]] std::uint64_t next(std::size_t stream) const { return streams_.at(stream).next; }
    [[nodiscard]] bool has_room(std::size_t stream, std::size_t record_octets) const;
    // A record that could not be kept: its number stays taken.
    void refuse(std::size_t stream);

    // --- starts. Power failed while the next record was being written: nobody answers to its number.
    void tear(std::size_t stream) { lose(stream, next(stream), next(stream) + 1); }
    // Nobody answers to the numbers from `from` to before `end`; told range by range, one in each step.
    void lose(std::size_t stream, std::uint64_t from, std::uint64_t end);
    // All that are not held of those from `from` to before `end`.
    void lose_gaps(std::size_t stream, std::uint64_t from, std::uint64_t end);
    // The ranges that `status` names have been told of.
    void lost_told();

    // --- for whoever keeps the content elsewhere (host/folder.hpp). What is restored joins no chain.
    void empty();
    void restore_record(std::size_t stream, std::uint64_t number, const std::uint8_t* record,
                        std::size_t record_octets);
    [[nodiscard]] bool restore_file(const computer::FileEntry& entry, const std::uint8_t* content);
    void reach(std::size_t stream, std::uint64_t next);
    // Whoever keeps the content elsewhere could not seal it there: the file is as `before`.
    void unseal(const computer::FileEntry& before);
    [[nodiscard]] bool entry(std::uint32_t file, computer::FileEntry& entry) const;
    void each_record(const std::function<void(std::size_t stream, std::uint64_t number,
                                              const std::uint8_t* record, std::size_t octets)>& see) const;
    void each_file(const std::function<void(const computer::FileEntry& entry,
                                            const std::vector<std::uint8_t>& content)>& see) const;

    // Of everything that was ever done to it, since it was made.
    [[nodiscard]] Digest digest() const { return chain_.digest(); }

    void put(Out& out) const;
    void take(In& in);

  private:
    struct Hole {
        std::uint64_t from;
        std::uint64_t end;
    };
    struct StreamLog {
        std::deque<Block> sealed;
        Block open;
        Digest head{};
        std::uint64_t first = 0;
        std::uint64_t next = 0;
        std::uint64_t octets = 0;
        std::uint32_t refused = 0;
        std::vector<Hole> holes;  // numbers that nobody answers to, not told yet; by number
    };
    struct StoredFile {
        computer::FileEntry entry{};
        std::vector<SharedContent> pieces;
    };

    void note(std::uint32_t operation, std::uint64_t a, std::uint64_t b, const void* data, std::size_t count);
    void seal(std::size_t stream, StreamLog& log);
    void put_record(std::size_t stream, const std::uint8_t* record, std::size_t record_octets);
    [[nodiscard]] static std::vector<std::uint8_t> whole(const StoredFile& file);
    [[nodiscard]] bool has_room_for(const computer::FileRequest& request) const;
    [[nodiscard]] computer::FileAnswer create(const computer::FileRequest& request);
    [[nodiscard]] computer::FileAnswer write(StoredFile& file, const computer::FileRequest& request,
                                             const std::uint8_t* data);
    [[nodiscard]] computer::FileAnswer seal(StoredFile& file, const computer::FileRequest& request);
    void read_records(const computer::ReadRequest& request, computer::Readback& readback) const;
    void read_file(const computer::ReadRequest& request, computer::Readback& readback) const;
    void read_directory(const computer::ReadRequest& request, computer::Readback& readback) const;

    Quotas quotas_;
    std::array<StreamLog, computer::stream_count> streams_;
    std::map<std::uint32_t, StoredFile> files_;
    std::uint64_t file_octets_ = 0;
    Chain chain_{"memory"};
};

}  // namespace safehold::host
