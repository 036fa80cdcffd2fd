// What the downlink asks of whoever has files to send.
#pragma once

#include <cstddef>
#include <cstdint>

#include "safehold/computer/store.hpp"

namespace safehold::cdh {

// Called while a transmitter is on, as often in a tick as frames have room.
class FilePduSource {
  public:
    // True while the next PDU belongs to a file that goes before housekeeping: a black box after an anomaly.
    [[nodiscard]] virtual bool urgent() const = 0;
    // Writes the next PDU, at most `octets_max` octets (never less than file_pdu_octets_max); 0 if there is
    // none.
    [[nodiscard]] virtual std::size_t next(std::uint8_t* pdu, std::size_t octets_max) = 0;
    // What it wants to be read from mass memory; kind none if nothing. Read only if no record of a higher
    // priority is: the answer is then the next tick's readback.
    [[nodiscard]] virtual computer::ReadRequest wanted() const = 0;

  protected:
    ~FilePduSource() = default;
};

}  // namespace safehold::cdh
