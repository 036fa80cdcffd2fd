// Each field has code of its own, made from the dictionary's table when this is compiled: at ten frames a
// second for a simulated month, what a general loop costs would show.
#include "safehold/host/frame_codec.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

namespace safehold::host {
namespace {

constexpr unsigned unary_max = 24;  // so many ones escape to the raw bits
constexpr std::uint64_t folded_max = 1ULL << 48;
constexpr double whole_max = 4503599627370496.0;  // 2^52

// Where a field's elements begin among all.
constexpr std::array<std::size_t, sensor_frame_fields.size()> first_element = [] {
    std::array<std::size_t, sensor_frame_fields.size()> first{};
    for (std::size_t i = 1; i < first.size(); ++i)
        first[i] = first[i - 1] + sensor_frame_fields[i - 1].count;
    return first;
}();

template <std::size_t I>
struct Field {
    static constexpr FrameFieldEntry entry = sensor_frame_fields[I];
    static constexpr std::size_t size = octets_of(entry.type);
    static constexpr std::size_t octets = size * entry.count;
    static constexpr bool narrow = size <= 2;
    static constexpr bool is_double = entry.type == Type::f64;
    static constexpr bool is_float = entry.type == Type::f32;
    using Bits =
        std::conditional_t<size == 8, std::uint64_t,
                           std::conditional_t<size == 4, std::uint32_t,
                                              std::conditional_t<size == 2, std::uint16_t, std::uint8_t>>>;

    // The bits that stand for a whole number of quanta, or of ones.
    static Bits from_whole(std::int64_t whole) {
        if constexpr (is_double || is_float) {
            using Value = std::conditional_t<is_double, double, float>;
            return std::bit_cast<Bits>(static_cast<Value>(static_cast<double>(whole) * entry.quantum));
        } else {
            return static_cast<Bits>(whole);
        }
    }

    // The whole number that bits stand for; false if there is none.
    static bool to_whole([[maybe_unused]] Bits bits, [[maybe_unused]] std::int64_t& whole) {
        if constexpr ((is_double || is_float) && entry.quantum == 0.0) {
            return false;
        } else if constexpr (is_double || is_float) {
            using Value = std::conditional_t<is_double, double, float>;
            constexpr double quanta_a_unit = 1.0 / entry.quantum;
            const double quanta = static_cast<double>(std::bit_cast<Value>(bits)) * quanta_a_unit;
            if (!(quanta > -whole_max && quanta < whole_max)) return false;  // NaN too
            whole = static_cast<std::int64_t>(quanta + std::copysign(0.5, quanta));
            return from_whole(whole) == bits;
        } else {
            whole = static_cast<std::int64_t>(bits);
            return true;
        }
    }

    static std::uint64_t predicted(const CodedElement& element) {
        const auto last = static_cast<std::uint64_t>(element.last);
        if constexpr (entry.linear) return 2 * last - static_cast<std::uint64_t>(element.before);
        return last;
    }
};

// Differences with their sign in the lowest bit; in unsigned arithmetic, since any bits may come.
std::uint64_t fold(std::uint64_t difference) {
    return (difference << 1) ^ (0 - (difference >> 63));
}
std::uint64_t unfold(std::uint64_t folded) {
    return (folded >> 1) ^ (0 - (folded & 1));
}

unsigned rice_parameter(std::uint64_t mean) {
    return static_cast<unsigned>(std::bit_width((mean >> 4) | 1U)) - 1;
}

void learn(CodedElement& element, std::int64_t value, std::uint64_t folded) {
    element.before = element.last;
    element.last = value;
    element.mean += folded < folded_max ? folded : folded_max;
    element.mean -= element.mean >> 4;
}

[[gnu::always_inline]] inline void put_raw(std::uint64_t bits, unsigned count, BitWriter& out) {
    if (count > 32) {
        out.put(bits >> 32, count - 32);
        bits &= 0xFFFF'FFFFU;
        count = 32;
    }
    out.put(bits, count);
}

template <typename F>
[[gnu::always_inline]] inline void put_wide(CodedElement& element, typename F::Bits bits, BitWriter& out) {
    const unsigned k = rice_parameter(element.mean);
    std::int64_t whole = 0;
    if (F::to_whole(bits, whole)) {
        const std::uint64_t folded = fold(static_cast<std::uint64_t>(whole) - F::predicted(element));
        learn(element, whole, folded);
        const std::uint64_t high = folded >> k;
        if (high < unary_max) {
            const auto ones = static_cast<unsigned>(high);
            const std::uint64_t low = folded & ((1ULL << k) - 1);
            const std::uint64_t unary = ((1ULL << ones) - 1) << 1;
            if (ones + 1 + k <= BitWriter::count_max) {
                out.put((unary << k) | low, ones + 1 + k);
            } else {
                out.put(unary, ones + 1);
                put_raw(low, k, out);
            }
            return;
        }
    }
    out.put((1ULL << unary_max) - 1, unary_max);
    put_raw(bits, 8 * F::size, out);
}

template <typename F>
typename F::Bits get_wide(CodedElement& element, BitReader& in) {
    const unsigned k = rice_parameter(element.mean);
    std::uint64_t ones = 0;
    while (ones < unary_max && in.get(1) == 1)
        ++ones;
    if (ones < unary_max) {
        const std::uint64_t folded = (ones << k) | in.get(k);
        const auto whole = static_cast<std::int64_t>(F::predicted(element) + unfold(folded));
        learn(element, whole, folded);
        return F::from_whole(whole);
    }
    const auto bits = static_cast<typename F::Bits>(in.get(8 * F::size));
    std::int64_t whole = 0;
    if (F::to_whole(bits, whole)) {
        learn(element, whole, fold(static_cast<std::uint64_t>(whole) - F::predicted(element)));
    }
    return bits;
}

template <typename F>
[[gnu::always_inline]] inline void put_narrow(CodedElement& element, typename F::Bits bits, BitWriter& out) {
    const auto value = static_cast<std::int64_t>(bits);
    if (value == element.last) {
        out.put(0, 1);
        return;
    }
    if (value == element.before) {
        out.put(2, 2);
    } else {
        out.put((3ULL << (8 * F::size)) | bits, 2 + 8 * F::size);
    }
    element.before = element.last;
    element.last = value;
}

template <typename F>
typename F::Bits get_narrow(CodedElement& element, BitReader& in) {
    if (in.get(1) == 0) return static_cast<typename F::Bits>(element.last);
    const std::int64_t value =
        in.get(1) == 0 ? element.before : static_cast<std::int64_t>(in.get(8 * F::size));
    element.before = element.last;
    element.last = value;
    return static_cast<typename F::Bits>(value);
}

// The bits in which any of their words differ.
template <std::size_t Octets>
[[gnu::always_inline]] inline std::uint64_t difference(const std::uint8_t* a, const std::uint8_t* b) {
    if constexpr (Octets == 0) {
        return 0;
    } else {
        constexpr std::size_t part = Octets < 8 ? Octets : 8;
        std::uint64_t x = 0;
        std::uint64_t y = 0;
        std::memcpy(&x, a, part);
        std::memcpy(&y, b, part);
        return (x ^ y) | difference<Octets - part>(a + part, b + part);
    }
}

template <std::size_t I>
[[gnu::always_inline]] inline void encode_field(const std::uint8_t* now, const std::uint8_t* last,
                                                CodedElement* elements, BitWriter& out) {
    using F = Field<I>;
    static constexpr std::array<std::uint8_t, F::octets> zeros{};
    const std::uint8_t* at = now + F::entry.offset;
    if (difference<F::octets>(at, last + F::entry.offset) == 0) {
        out.put(0, 1);
        return;
    }
    if (!F::narrow && difference<F::octets>(at, zeros.data()) == 0) {
        out.put(2, 2);
        return;
    }
    out.put(F::narrow ? 1 : 3, F::narrow ? 1 : 2);
    for (std::size_t i = 0; i < F::entry.count; ++i) {
        typename F::Bits bits{};
        std::memcpy(&bits, at + i * F::size, F::size);
        CodedElement& element = elements[first_element[I] + i];
        if constexpr (F::narrow) {
            put_narrow<F>(element, bits, out);
        } else {
            put_wide<F>(element, bits, out);
        }
    }
}

template <std::size_t I>
void decode_field(std::uint8_t* now, CodedElement* elements, BitReader& in) {
    using F = Field<I>;
    std::uint8_t* at = now + F::entry.offset;
    if (in.get(1) == 0) return;
    if (!F::narrow && in.get(1) == 0) {
        std::memset(at, 0, F::octets);
        return;
    }
    for (std::size_t i = 0; i < F::entry.count; ++i) {
        CodedElement& element = elements[first_element[I] + i];
        typename F::Bits bits{};
        if constexpr (F::narrow) {
            bits = get_narrow<F>(element, in);
        } else {
            bits = get_wide<F>(element, in);
        }
        std::memcpy(at + i * F::size, &bits, F::size);
    }
}

}  // namespace

FrameCodec::FrameCodec() {
    elements_.fill({0, 0, 256});
}

std::size_t FrameCodec::encode(const SensorFrame& frame, CodedFrame& out) {
    const auto* now = reinterpret_cast<const std::uint8_t*>(&frame);
    const auto* last = reinterpret_cast<const std::uint8_t*>(&frame_);
    BitWriter bits(out.data());  // in registers, since all of what follows is one function
    [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
        (encode_field<I>(now, last, elements_.data(), bits), ...);
    }
    (std::make_index_sequence<sensor_frame_fields.size()>{});
    frame_ = frame;
    return static_cast<std::size_t>(bits.end() - out.data());
}

bool FrameCodec::decode(BitReader& in, SensorFrame& frame) {
    auto* now = reinterpret_cast<std::uint8_t*>(&frame_);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (decode_field<I>(now, elements_.data(), in), ...);
    }(std::make_index_sequence<sensor_frame_fields.size()>{});
    frame = frame_;
    return !in.failed();
}

}  // namespace safehold::host
