// The potential is summed by Cunningham's recursion (Montenbruck and Gill, Satellite Orbits, 3.2.4-3.2.5) in
// Cartesian coordinates: no angle, no pole. Coefficients: IGRF-14, https://doi.org/10.5281/zenodo.14012302.
#include "safehold/gnc/magnetic_model.hpp"

#include <array>

namespace safehold {
namespace {

constexpr std::size_t degree = 8;
constexpr double reference_radius_m = 6371200.0;

struct Gauss {
    double g_nt;
    double h_nt;
    double g_nt_per_year;
    double h_nt_per_year;
};

// Schmidt semi-normalised, degree by degree, order 0 to the degree.
constexpr std::array<Gauss, 44> schmidt = {{
    {-29350.00, 0.00, 12.60, 0.00},     {-1410.30, 4545.50, 10.00, -21.50}, {-2556.20, 0.00, -11.20, 0.00},
    {2950.90, -3133.60, -5.30, -27.30}, {1648.70, -814.20, -8.30, -11.10},  {1360.90, 0.00, -1.50, 0.00},
    {-2404.20, -56.90, -4.40, 3.80},    {1243.80, 237.60, 0.40, -0.20},     {453.40, -549.60, -15.60, -3.90},
    {894.70, 0.00, -1.70, 0.00},        {799.60, 278.60, -2.30, -1.30},     {55.80, -134.00, -5.80, 4.10},
    {-281.10, 212.00, 5.40, 1.60},      {12.00, -375.40, -6.80, -4.10},     {-232.90, 0.00, 0.60, 0.00},
    {369.00, 45.30, 1.30, -0.50},       {187.20, 220.00, 0.00, 2.10},       {-138.70, -122.90, 0.70, 0.50},
    {-141.90, 42.90, 2.30, 1.70},       {20.90, 106.20, 1.00, 1.90},        {64.30, 0.00, -0.20, 0.00},
    {63.80, -18.40, -0.30, 0.30},       {76.70, 16.80, 0.80, -1.60},        {-115.70, 48.90, 1.20, -0.40},
    {-40.90, -59.80, -0.80, 0.80},      {14.90, 10.90, 0.40, 0.70},         {-60.80, 72.80, 0.90, 0.90},
    {79.60, 0.00, -0.10, 0.00},         {-76.90, -48.90, -0.10, 0.60},      {-8.80, -14.40, -0.10, 0.50},
    {59.30, -1.00, 0.50, -0.70},        {15.80, 23.50, -0.10, 0.00},        {2.50, -7.40, -0.80, -0.90},
    {-11.20, -25.10, -0.80, 0.50},      {14.30, -2.20, 0.90, -0.30},        {23.10, 0.00, -0.10, 0.00},
    {10.90, 7.20, 0.20, -0.30},         {-17.50, -12.60, 0.00, 0.40},       {2.00, 11.50, 0.40, -0.30},
    {-21.80, -9.70, -0.10, 0.40},       {16.90, 12.70, 0.30, -0.50},        {14.90, 0.70, 0.10, -0.60},
    {-16.80, -5.20, 0.00, 0.30},        {1.00, 3.90, 0.30, 0.20},
}};

// Newton's iteration, so that the table is made at compile time.
constexpr double root(double value) {
    double x = value > 1.0 ? value : 1.0;
    for (int i = 0; i < 60; ++i)
        x = 0.5 * (x + value / x);
    return x;
}

// The same coefficients for unnormalised functions, in tesla.
constexpr std::array<Gauss, 44> coefficients = [] {
    std::array<Gauss, 44> made{};
    std::size_t k = 0;
    for (std::size_t n = 1; n <= degree; ++n) {
        for (std::size_t m = 0; m <= n; ++m, ++k) {
            double ratio = m == 0 ? 1.0 : 2.0;  // (2 - delta) (n - m)! / (n + m)!
            for (std::size_t i = n - m + 1; i <= n + m; ++i)
                ratio /= static_cast<double>(i);
            const double s = 1.0e-9 * (m == 0 ? 1.0 : root(ratio * 1.0e20) * 1.0e-10);
            const Gauss& a = schmidt[k];
            made[k] = {s * a.g_nt, s * a.h_nt, s * a.g_nt_per_year, s * a.h_nt_per_year};
        }
    }
    return made;
}();

}  // namespace

Vector magnetic_field_itrs_t(Vector position_itrs_m, double years_since_2025) {
    const double square = dot(position_itrs_m, position_itrs_m);
    if (!(square > 1.0e12) || !(square < 1.0e20)) return {0.0, 0.0, 0.0};
    const double years = clamp(years_since_2025, -10.0, 10.0);
    const double scale = reference_radius_m / square;
    const double x = position_itrs_m.x * scale;
    const double y = position_itrs_m.y * scale;
    const double z = position_itrs_m.z * scale;
    const double rho = reference_radius_m * scale;
    constexpr std::size_t size = degree + 2;
    std::array<std::array<double, size>, size> v{};
    std::array<std::array<double, size>, size> w{};
    v[0][0] = reference_radius_m / square_root(square);
    for (std::size_t m = 0; m < size; ++m) {
        if (m > 0) {
            const double f = static_cast<double>(2 * m - 1);
            v[m][m] = f * (x * v[m - 1][m - 1] - y * w[m - 1][m - 1]);
            w[m][m] = f * (x * w[m - 1][m - 1] + y * v[m - 1][m - 1]);
        }
        for (std::size_t n = m + 1; n < size; ++n) {
            const double inverse_order = 1.0 / static_cast<double>(n - m);
            const double a = static_cast<double>(2 * n - 1) * inverse_order * z;
            const double b = n >= m + 2 ? static_cast<double>(n + m - 1) * inverse_order * rho : 0.0;
            v[n][m] = a * v[n - 1][m] - (n >= m + 2 ? b * v[n - 2][m] : 0.0);
            w[n][m] = a * w[n - 1][m] - (n >= m + 2 ? b * w[n - 2][m] : 0.0);
        }
    }
    Vector gradient = {0.0, 0.0, 0.0};
    std::size_t k = 0;
    for (std::size_t n = 1; n <= degree; ++n) {
        for (std::size_t m = 0; m <= n; ++m, ++k) {
            const double c = coefficients[k].g_nt + years * coefficients[k].g_nt_per_year;
            const double s = coefficients[k].h_nt + years * coefficients[k].h_nt_per_year;
            const double up = static_cast<double>(n - m + 1);
            if (m == 0) {
                gradient.x -= c * v[n + 1][1];
                gradient.y -= c * w[n + 1][1];
            } else {
                const double f = up * (up + 1.0);
                gradient.x += 0.5 * (-c * v[n + 1][m + 1] - s * w[n + 1][m + 1] +
                                     f * (c * v[n + 1][m - 1] + s * w[n + 1][m - 1]));
                gradient.y += 0.5 * (-c * w[n + 1][m + 1] + s * v[n + 1][m + 1] +
                                     f * (-c * w[n + 1][m - 1] + s * v[n + 1][m - 1]));
            }
            gradient.z += up * (-c * v[n + 1][m] - s * w[n + 1][m]);
        }
    }
    return -gradient;
}

}  // namespace safehold
