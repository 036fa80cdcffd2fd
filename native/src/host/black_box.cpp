#include "safehold/host/black_box.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "safehold/host/packing.hpp"

namespace safehold::host {
namespace {

using computer::FileAnswer;
using computer::FileOperation;
using computer::StepInput;

constexpr char magic[16] = "SAFEHOLD-BLACK1";
constexpr std::size_t chunks_spared = 16;
constexpr std::uint32_t numbers = cdh::file_ids_per_folder;
constexpr std::size_t tick_octets_max = 1'024 + sizeof(StepContext);  // of a tick without uplink and readback
constexpr std::size_t uplink_octets_max =
    1 + computer::uplink_frames_max * (sizeof(UplinkHead) + cdh::tc_frame_octets_max);
static_assert(tick_octets_max + uplink_octets_max + sizeof(computer::Readback) + 64 <=
              sizeof(BlackBox::State::waiting));

std::uint32_t id_of(std::uint32_t number) {
    return cdh::file_id_black_box + number % numbers;
}

// A mask for each eight words of eight octets, and the words that differ.
std::size_t put_delta(std::uint8_t* out, const StepContext& before, const StepContext& now) {
    constexpr std::size_t words = sizeof(StepContext) / 8;
    const auto* a = reinterpret_cast<const std::uint8_t*>(&before);
    const auto* b = reinterpret_cast<const std::uint8_t*>(&now);
    std::size_t length = 0;
    for (std::size_t group = 0; group < words; group += 8) {
        std::uint8_t* mask = out + length++;
        *mask = 0;
        for (std::size_t w = group; w < words && w < group + 8; ++w) {
            if (std::memcmp(a + 8 * w, b + 8 * w, 8) == 0) continue;
            *mask = static_cast<std::uint8_t>(*mask | (1U << (w - group)));
            std::memcpy(out + length, b + 8 * w, 8);
            length += 8;
        }
    }
    return length;
}

}  // namespace

// Whoever gives a step something new has the black box keep it: in the context, or in a part of its own.
static_assert(sizeof(StepInput) == sizeof(SensorFrame) + sizeof(StepContext) -
                                       sizeof(security::SecurityState) +
                                       sizeof(computer::UplinkFrame) * computer::uplink_frames_max +
                                       8 /* period */ + 24 /* pointers */ + 16 /* counts and flags */);
static_assert(sizeof(computer::UplinkFrame) == cdh::tc_frame_octets_max + sizeof(UplinkHead) + 8);

namespace {

// What the ground wants to look into before anything else.
bool is_anomaly(const Event& event) {
    switch (static_cast<EventId>(event.id)) {
        case EventId::safe_entered:
        case EventId::survival_entered:
        case EventId::computer_reset:
        case EventId::wheel_excluded:
            return true;
        default:
            return event.severity == static_cast<std::uint8_t>(Severity::high);
    }
}

}  // namespace

StepContext::StepContext(const StepInput& input)
    : status(input.status), store(input.store), boot(input.boot), security(*input.security) {}

void StepContext::give(StepInput& input) const {
    input.status = status;
    input.store = store;
    input.boot = boot;
    input.security = &security;
}

Digest check_of(const computer::ReplicaState& state) {
    std::array<std::uint8_t, sizeof(computer::ControlState) + sizeof(Telemetry)> octets;
    std::memcpy(octets.data(), &state.control, sizeof state.control);
    std::memcpy(octets.data() + sizeof state.control, &state.account.telemetry, sizeof(Telemetry));
    return sha256(octets.data(), octets.size());
}

void BlackBox::started() {
    state_ = State{};
}

void BlackBox::given(const computer::FlightComputer& computer, const StepInput& input) {
    const auto tick = static_cast<std::uint64_t>(computer.voter().ticks);
    if (state_.ticks != 0) {
        const auto chunk_ticks = static_cast<std::uint64_t>(chunk_ns / input.tick_ns);
        const bool full = state_.written + state_.length + 4 * tick_octets_max > chunk_octets_max;
        if (tick % chunk_ticks == 0 || full) end();
    }
    if (state_.ticks == 0) begin(computer, input);
    ++state_.ticks;
    if (state_.file == 0) return;  // there was no room: until the next chunk's time nothing is kept
    // A tick is written through as a whole, so that a reset tears none.
    const std::size_t most = tick_octets_max + (input.uplink_count != 0 ? uplink_octets_max : 0) +
                             (input.readback->status != 0 ? sizeof(computer::Readback) : 0);
    if (state_.length + most > state_.waiting.size()) write_through();
    const StepContext context(input);
    const bool changed = std::memcmp(&context, &state_.context, sizeof context) != 0;
    const bool read = input.readback->status != 0;
    const auto parts =
        static_cast<std::uint8_t>((changed ? part_context : 0) | (input.uplink_count != 0 ? part_uplink : 0) |
                                  (read ? part_readback : 0));
    const auto coded = static_cast<std::uint16_t>(state_.codec.encode(input.sensor, coded_));
    put(&parts, 1);
    put(&coded, 2);
    put(coded_.data(), coded);
    if (changed) {
        std::array<std::uint8_t, sizeof(StepContext) + sizeof(StepContext) / 64 + 1> delta;
        put(delta.data(), put_delta(delta.data(), state_.context, context));
        state_.context = context;
    }
    if (input.uplink_count != 0) put_uplink(input);
    if (read) put_readback(*input.readback);
}

bool BlackBox::done(const computer::FlightComputer& computer) {
    if (computer.voted() == nullptr) {
        // What the replicas are now does not follow from their input: the next chunk begins from it.
        if (state_.ticks != 0) end();
    } else if (state_.file != 0) {
        const auto tick = static_cast<std::uint64_t>(computer.voter().ticks);
        const std::int64_t tick_ns = computer.config().tick_ns;
        note_anomaly(*computer.voted(), tick, static_cast<std::uint64_t>(chunk_ns / tick_ns));
        if (tick % static_cast<std::uint64_t>(check_interval_ns / tick_ns) == 0) put_check(computer.leader());
        if (tick % static_cast<std::uint64_t>(1'000'000'000 / tick_ns) == 0) write_through();
    }
    const bool changed = state_.stores_changed != 0;
    state_.stores_changed = 0;
    return changed;
}

void BlackBox::begin(const computer::FlightComputer& computer, const StepInput& input) {
    if (state_.next == 0) find_numbers(computer.voter().ticks);
    keep_room();
    state_.codec = FrameCodec();
    state_.context = StepContext();
    state_.written = 0;
    state_.length = 0;
    state_.first_tick = computer.voter().ticks;
    const std::uint32_t file = id_of(state_.next);
    if (ask(FileOperation::create, file, 0, chunk_octets_max, nullptr) != FileAnswer::done) {
        ++state_.refused;
        return;
    }
    state_.file = file;
    ++state_.next;
    ++state_.held;
    state_.anomalous = state_.first_tick < state_.calm_tick ? 1 : 0;
    if (state_.anomalous != 0) rank_first(file);
    state_.stores_changed = 1;
    const auto packed = pack_zeros(&computer.leader(), sizeof(computer::ReplicaState));
    ChunkHead head{};
    std::memcpy(head.magic, magic, sizeof magic);
    std::memcpy(head.dictionary, dictionary_sha256, sizeof head.dictionary);
    head.first_tick = state_.first_tick;
    head.config_octets = sizeof(computer::ComputerConfig);
    head.state_octets = sizeof(computer::ReplicaState);
    head.context_octets = sizeof(StepContext);
    head.packed_octets = static_cast<std::uint32_t>(packed.size());
    computer::ComputerConfig config = computer.config();
    config.parameters = *input.configured;
    config.autonomy = 1;  // as is told to who computes it again: what flies with and without hashes alike
    put(&head, sizeof head);
    put(&config, sizeof config);
    put(packed.data(), packed.size());
    write_through();
}

void BlackBox::end() {
    const std::uint64_t next_tick = state_.first_tick + state_.ticks;
    state_.ticks = 0;
    if (state_.file == 0) return;
    write_through();
    if (state_.file != 0) {
        if (ask(FileOperation::seal, state_.file, 0, state_.written, nullptr) != FileAnswer::done)
            ++state_.refused;
        state_.stores_changed = 1;
    }
    if (state_.anomalous == 0) remember(state_.file, next_tick);
    state_.file = 0;
}

// `reach` ticks before and after an anomaly are what the ground wants first.
void BlackBox::note_anomaly(const computer::StepOutput& voted, std::uint64_t tick, std::uint64_t reach) {
    for (std::size_t i = 0; i < voted.events.count && i < EventList::capacity; ++i) {
        if (!is_anomaly(voted.events.items[i])) continue;
        state_.calm_tick = tick + reach;
        if (state_.anomalous == 0) rank_first(state_.file);
        state_.anomalous = 1;
        for (Past& past : state_.pasts) {
            if (past.file == 0 || past.next_tick + reach <= tick) continue;
            rank_first(past.file);
            past.file = 0;
        }
    }
}

void BlackBox::remember(std::uint32_t file, std::uint64_t next_tick) {
    if (file == 0) return;
    state_.pasts[state_.pasts_next % pasts_max] = {next_tick, file, 0};
    state_.pasts_next = (state_.pasts_next + 1) % pasts_max;
}

void BlackBox::rank_first(std::uint32_t file) {
    const FileAnswer answer = ask(FileOperation::rank, file, 0, 0, nullptr, cdh::FileKind::black_box_anomaly);
    if (answer != FileAnswer::done) ++state_.refused;
}

// The numbers go on from those of the chunks that are there.
void BlackBox::find_numbers(std::uint64_t tick) {
    state_.next = 1;
    state_.oldest = 1;
    const auto readback = std::make_unique<computer::Readback>();
    computer::ReadRequest request{};
    request.kind = static_cast<std::uint8_t>(computer::ReadKind::directory);
    request.octets_max = computer::readback_octets_max;
    std::vector<computer::FileEntry> held;
    do {
        stores_.read(request, *readback);
        for (std::size_t i = 0; i < readback->records; ++i) {
            computer::FileEntry entry;
            std::memcpy(&entry, readback->data.data() + i * sizeof entry, sizeof entry);
            if (entry.id < cdh::file_id_black_box || entry.id >= cdh::file_id_black_box + numbers) continue;
            const std::uint32_t number = entry.id - cdh::file_id_black_box;
            if (held.empty() || number < state_.oldest) state_.oldest = number;
            if (number >= state_.next) state_.next = number + 1;
            held.push_back(entry);
        }
        request.from += readback->records;
    } while (readback->records != 0);
    if (held.empty()) state_.oldest = state_.next;
    thin_out(held);
    state_.held = static_cast<std::uint32_t>(held.size());
    if (!held.empty() && held.back().sealed == 0) give_back(held.back());
    find_pasts(held, tick);
}

// A start may be followed by an anomaly, and is one itself mostly: how far back the newest chunks reach is in
// their heads.
void BlackBox::find_pasts(const std::vector<computer::FileEntry>& held, std::uint64_t tick) {
    const std::size_t count = held.size() < pasts_max ? held.size() : pasts_max;
    std::array<Past, pasts_max> found{};
    for (std::size_t i = 0; i < count; ++i) {
        const computer::FileEntry& entry = held[held.size() - 1 - i];
        ChunkHead head{};
        if (!read_head(entry.id, head)) continue;
        found[i] = {tick, entry.id, 0};
        tick = head.first_tick;
    }
    for (std::size_t i = count; i > 0; --i)
        remember(found[i - 1].file, found[i - 1].next_tick);
}

bool BlackBox::read_head(std::uint32_t file, ChunkHead& head) {
    const auto readback = std::make_unique<computer::Readback>();
    computer::ReadRequest request{};
    request.kind = static_cast<std::uint8_t>(computer::ReadKind::file);
    request.file = file;
    request.octets_max = sizeof head;
    stores_.read(request, *readback);
    std::memcpy(&head, readback->data.data(), sizeof head);
    return readback->octets == sizeof head;
}

// Starts on end leave a short chunk each: these go before any that tells of a longer time, but for the
// newest.
void BlackBox::thin_out(std::vector<computer::FileEntry>& held) {
    while (held.size() >= chunks_kept) {
        const auto shortest =
            std::min_element(held.begin(), held.end() - static_cast<std::ptrdiff_t>(chunks_spared),
                             [](const auto& a, const auto& b) { return a.length < b.length; });
        static_cast<void>(ask(FileOperation::remove, shortest->id, 0, 0, nullptr));
        held.erase(shortest);
        state_.stores_changed = 1;
    }
}

// The chunk that was open when the computer stopped: sealed, unless not even its state was written.
void BlackBox::give_back(const computer::FileEntry& entry) {
    ChunkHead head{};
    const bool read = read_head(entry.id, head);
    const std::uint64_t least =
        sizeof head + std::uint64_t{head.config_octets} + std::uint64_t{head.packed_octets};
    const bool whole = read && entry.length >= least;
    const FileOperation operation = whole ? FileOperation::seal : FileOperation::remove;
    if (!whole) --state_.held;
    static_cast<void>(ask(operation, entry.id, 0, whole ? entry.length : 0, nullptr));
    state_.stores_changed = 1;
}

void BlackBox::keep_room() {
    while (state_.held >= chunks_kept && state_.oldest < state_.next) {
        if (ask(FileOperation::remove, id_of(state_.oldest), 0, 0, nullptr) == FileAnswer::done) {
            --state_.held;
            state_.stores_changed = 1;
        }
        ++state_.oldest;
    }
}

void BlackBox::put(const void* octets, std::size_t count) {
    const auto* at = static_cast<const std::uint8_t*>(octets);
    while (count > 0 && state_.file != 0) {
        const std::size_t room = state_.waiting.size() - state_.length;
        const std::size_t part = count < room ? count : room;
        std::memcpy(state_.waiting.data() + state_.length, at, part);
        state_.length += static_cast<std::uint32_t>(part);
        at += part;
        count -= part;
        if (state_.length == state_.waiting.size()) write_through();
    }
}

void BlackBox::put_uplink(const StepInput& input) {
    const auto count = static_cast<std::uint8_t>(input.uplink_count);
    put(&count, 1);
    for (std::size_t i = 0; i < input.uplink_count; ++i) {
        const computer::UplinkFrame& frame = input.uplink[i];
        const UplinkHead head = {frame.counter, frame.crc, static_cast<std::uint16_t>(frame.length),
                                 frame.key};
        put(&head, sizeof head);
        put(frame.octets.data(), head.length);
    }
}

// Records are kept, since what is done with them depends on them. A file's octets pass through unseen.
void BlackBox::put_readback(const computer::Readback& readback) {
    put(&readback, offsetof(computer::Readback, data));
    if (readback.request.kind != static_cast<std::uint8_t>(computer::ReadKind::file))
        put(readback.data.data(), readback.octets);
}

void BlackBox::put_check(const computer::ReplicaState& state) {
    const Digest digest = check_of(state);
    put(&mark_check, 1);
    put(digest.data(), digest.size());
}

void BlackBox::write_through() {
    if (state_.file == 0 || state_.length == 0) return;
    const bool fits = state_.length <= chunk_octets_max - state_.written;
    if (!fits || ask(FileOperation::write, state_.file, state_.written, state_.length,
                     state_.waiting.data()) != FileAnswer::done) {
        ++state_.refused;
        state_.file = 0;
    } else {
        state_.written += state_.length;
    }
    state_.length = 0;
}

FileAnswer BlackBox::ask(FileOperation operation, std::uint32_t file, std::uint32_t offset,
                         std::uint32_t length, const std::uint8_t* octets, cdh::FileKind kind) {
    computer::FileRequest request{};
    request.file = file;
    request.offset = offset;
    request.length = length;
    request.operation = static_cast<std::uint8_t>(operation);
    request.kind = static_cast<std::uint8_t>(kind);
    return stores_.file(request, octets);
}

}  // namespace safehold::host
