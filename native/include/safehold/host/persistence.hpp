// Persistence: named slots that survive a reset, atomic by construction.
//
// Purpose: each slot has copies, every one with its sequence, its length and a CRC-32. A write replaces the
// oldest or an unsound copy and leaves the others alone, so that power may fail within it: what was kept
// before is still there. Control has two copies; boot and security have three, all of them written each time,
// so that any one may be lost. A copy of another state layout or dictionary is never taken. Meets L3.6.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "safehold/computer/store.hpp"
#include "safehold/host/octets.hpp"

namespace safehold::host {

// The supply as the stores see it. Every write to a store asks it first; fault ports cut it.
struct Power {
    std::uint64_t writes = 0;  // since the start of the run
    std::uint64_t cut_at = 0;  // the write, counted from 1, within which power fails; 0 never
    std::uint32_t out = 0;     // 1 from then until the next start: nothing is written
    std::uint32_t keeps = 0;   // octets of the torn write that are there all the same

    // How many of a write's octets get through.
    [[nodiscard]] std::size_t admit(std::size_t octets) {
        if (out != 0) return 0;
        ++writes;
        if (writes != cut_at) return octets;
        out = 1;
        return keeps < octets ? keeps : octets;
    }
};
static_assert(sizeof(Power) == 24);

// Where a copy also goes before it counts as written. False if it did not get there; of a torn one only the
// first `through` octets do.
class CopySink {
  public:
    [[nodiscard]] virtual bool write_copy(std::size_t slot, std::size_t copy, const std::uint8_t* octets,
                                          std::size_t count, std::size_t through) = 0;

  protected:
    ~CopySink() = default;
};

class Persistence {
  public:
    Persistence();

    // True once at least one sound copy holds it.
    [[nodiscard]] bool write(computer::Slot slot, std::uint32_t sequence, const void* octets,
                             std::size_t count, Power& power, CopySink* sink = nullptr);
    // The newest sound copy's octets, if it has exactly `count`; else 0.
    [[nodiscard]] std::size_t load(computer::Slot slot, void* octets, std::size_t count,
                                   std::uint32_t& sequence) const;

    void forget(computer::Slot slot);

    // Fault port: turns one bit of one copy over. False if there is no such bit.
    bool flip(computer::Slot slot, std::size_t copy, std::size_t bit);
    [[nodiscard]] std::size_t copies(computer::Slot slot) const;

    void put(Out& out) const;
    void take(In& in);

    // For whoever keeps the copies elsewhere: hands over each, and takes each anew.
    using Copy = std::vector<std::uint8_t>;
    void each(const std::function<void(std::size_t slot, std::size_t copy, const Copy& octets)>& see) const;
    void replace(const std::function<Copy(std::size_t slot, std::size_t copy)>& give);

  private:
    std::array<std::vector<Copy>, computer::slot_count> slots_;
};

}  // namespace safehold::host
