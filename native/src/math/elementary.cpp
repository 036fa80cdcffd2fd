// Argument reduction followed by Taylor series whose neglected term is below 1e-19 on the reduced range. The
// constants come from mpmath at 60 digits.
#include "safehold/math/elementary.hpp"

#include <array>

namespace safehold {
namespace {

// pi/2 in three parts; the first two have 33 bits, so that their products with the quadrant count are exact.
constexpr double half_pi_1 = 0x1.921fb54400000p+0;
constexpr double half_pi_2 = 0x1.0b4611a600000p-34;
constexpr double half_pi_3 = 0x1.3198a2e037073p-69;
constexpr double two_over_pi = 0x1.45f306dc9c883p-1;

double sine_reduced(double x) {
    const double q = x * x;
    double sum = 1.0 / 355687428096000.0;
    sum = sum * q - 1.0 / 1307674368000.0;
    sum = sum * q + 1.0 / 6227020800.0;
    sum = sum * q - 1.0 / 39916800.0;
    sum = sum * q + 1.0 / 362880.0;
    sum = sum * q - 1.0 / 5040.0;
    sum = sum * q + 1.0 / 120.0;
    sum = sum * q - 1.0 / 6.0;
    return x + x * q * sum;
}

double cosine_reduced(double x) {
    const double q = x * x;
    double sum = 1.0 / 20922789888000.0;
    sum = sum * q - 1.0 / 87178291200.0;
    sum = sum * q + 1.0 / 479001600.0;
    sum = sum * q - 1.0 / 3628800.0;
    sum = sum * q + 1.0 / 40320.0;
    sum = sum * q - 1.0 / 720.0;
    sum = sum * q + 1.0 / 24.0;
    return 1.0 - (0.5 * q - q * q * sum);
}

// Arc tangent of k/8, rounded, and what the rounding left.
constexpr std::array<double, 9> arc_tangent_high = {0x0.0p+0,
                                                    0x1.fd5ba9aac2f6ep-4,
                                                    0x1.f5b75f92c80ddp-3,
                                                    0x1.6f61941e4def1p-2,
                                                    0x1.dac670561bb4fp-2,
                                                    0x1.1e00babdefeb4p-1,
                                                    0x1.4978fa3269ee1p-1,
                                                    0x1.700a7c5784634p-1,
                                                    0x1.921fb54442d18p-1};
constexpr std::array<double, 9> arc_tangent_low = {0.0,
                                                   -3.1253241424539383e-18,
                                                   1.0698755618734451e-17,
                                                   -2.4623815582638635e-17,
                                                   2.2698777452961687e-17,
                                                   -5.4556305485916264e-18,
                                                   1.5834785051444286e-17,
                                                   -2.1478388444456983e-17,
                                                   3.061616997868383e-17};
constexpr double pi_low = 1.2246467991473532e-16;
constexpr double half_pi = 0x1.921fb54442d18p+0;
constexpr double half_pi_low = 6.123233995736766e-17;

// Arc tangent of numerator / denominator in [0, 1], denominator > 0, as a sum of two parts.
struct TwoPart {
    double high;
    double low;
};
TwoPart arc_tangent_octant(double numerator, double denominator) {
    const double ratio = numerator / denominator;
    const auto k = static_cast<std::uint32_t>(8.0 * ratio + 0.5);
    const double node = static_cast<double>(k) / 8.0;
    const double t = (numerator - node * denominator) / (denominator + node * numerator);
    const double q = t * t;
    double sum = 1.0 / 13.0;
    sum = sum * q - 1.0 / 11.0;
    sum = sum * q + 1.0 / 9.0;
    sum = sum * q - 1.0 / 7.0;
    sum = sum * q + 1.0 / 5.0;
    sum = sum * q - 1.0 / 3.0;
    return {arc_tangent_high[k], arc_tangent_low[k] + (t + t * q * sum)};
}

double scale_by_power_of_two(double value, std::int64_t exponent) {
    // Two factors, so that results near the ends of the range survive.
    const std::int64_t half = exponent / 2;
    const auto power = [](std::int64_t e) {
        return std::bit_cast<double>(static_cast<std::uint64_t>(e + 1023) << 52U);
    };
    return value * power(half) * power(exponent - half);
}

}  // namespace

SineCosine sine_cosine(double angle_rad) {
    if (!(absolute(angle_rad) <= angle_max)) return {0.0, 1.0};
    const double count = (angle_rad * two_over_pi + rounder) - rounder;
    const double x = ((angle_rad - count * half_pi_1) - count * half_pi_2) - count * half_pi_3;
    const double s = sine_reduced(x);
    const double c = cosine_reduced(x);
    switch (static_cast<std::int64_t>(count) & 3) {
        case 0:
            return {s, c};
        case 1:
            return {c, -s};
        case 2:
            return {-s, -c};
        default:
            return {-c, s};
    }
}

double sine(double angle_rad) {
    return sine_cosine(angle_rad).sine;
}
double cosine(double angle_rad) {
    return sine_cosine(angle_rad).cosine;
}

double arc_tangent(double y, double x) {
    if (!is_finite(x) || !is_finite(y)) return 0.0;
    const double ax = absolute(x);
    const double ay = absolute(y);
    if (ax == 0.0 && ay == 0.0) return 0.0;
    double angle = 0.0;
    if (ay <= ax) {
        const TwoPart a = arc_tangent_octant(ay, ax);
        angle = x < 0.0 ? (pi - a.high) + (pi_low - a.low) : a.high + a.low;
    } else {
        const TwoPart a = arc_tangent_octant(ax, ay);
        angle =
            x < 0.0 ? (half_pi + a.high) + (half_pi_low + a.low) : (half_pi - a.high) + (half_pi_low - a.low);
    }
    return y < 0.0 ? -angle : angle;
}

double arc_sine(double value) {
    const double v = clamp(value, -1.0, 1.0);
    return arc_tangent(v, square_root((1.0 - v) * (1.0 + v)));
}

double arc_cosine(double value) {
    const double v = clamp(value, -1.0, 1.0);
    return arc_tangent(square_root((1.0 - v) * (1.0 + v)), v);
}

double exponential(double value) {
    if (!(value > -708.0)) return 0.0;
    if (value > 709.0) return 0x1.fffffffffffffp+1023;
    constexpr double ln2_1 = 0.6931471803691238;
    constexpr double ln2_2 = 1.9082149292705877e-10;
    const double count = (value * 1.4426950408889634 + rounder) - rounder;
    const double high = value - count * ln2_1;
    const double x = high - count * ln2_2;
    // Horner from 1/14! down.
    double sum = 1.0 / 87178291200.0;
    constexpr std::array<double, 12> inverse_factorials = {
        1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0,
        1.0 / 362880.0,     1.0 / 40320.0,     1.0 / 5040.0,     1.0 / 720.0,
        1.0 / 120.0,        1.0 / 24.0,        1.0 / 6.0,        0.5};
    for (const double coefficient : inverse_factorials)
        sum = sum * x + coefficient;
    return scale_by_power_of_two(1.0 + (x + x * x * sum), static_cast<std::int64_t>(count));
}

double logarithm(double value) {
    if (!(value > 0.0) || !is_finite(value)) return 0.0;
    double scaled = value;
    std::int64_t exponent = 0;
    if (scaled < 0x1.0p-1022) {
        scaled *= 0x1.0p+54;
        exponent = -54;
    }
    const auto bits = std::bit_cast<std::uint64_t>(scaled);
    exponent += static_cast<std::int64_t>(bits >> 52U) - 1023;
    double mantissa = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
    if (mantissa > 1.4142135623730951) {
        mantissa *= 0.5;
        ++exponent;
    }
    // log m = 2 artanh(s) with s = (m - 1)/(m + 1), |s| <= 0.172.
    const double f = mantissa - 1.0;
    const double s = f / (2.0 + f);
    const double q = s * s;
    double sum = 1.0 / 23.0;
    for (int n = 21; n >= 3; n -= 2)
        sum = sum * q + 1.0 / static_cast<double>(n);
    const double count = static_cast<double>(exponent);
    constexpr double ln2_1 = 0.6931471803691238;
    constexpr double ln2_2 = 1.9082149292705877e-10;
    // 2s = f - s f, which keeps the leading term exact.
    return count * ln2_1 + (f - (s * f - (2.0 * s * q * sum + count * ln2_2)));
}

}  // namespace safehold
