// What the kernels share: a vector of LANES floats, and exp(x) and exp(x) - 1 of one.

#pragma once

#include <cstdint>
#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int LANES = 16;
#else
constexpr int LANES = 8;
#endif
constexpr float LOG2_E = 1.44269504088896341f;
// 2^f = 1 + f (c_0 + f (c_1 + ...)) for |f| <= 1/2, Chebyshev fit
constexpr float POWER_OF_2[] = {6.9314718246e-1f, 2.4022650719e-1f, 5.5503569543e-2f,
                                9.6180569381e-3f, 1.3390866807e-3f, 1.5461447765e-4f};

// The same in four terms, to 6e-6
constexpr float ROUGH_POWER_OF_2[] = {6.9313673388e-1f, 2.4022530097e-1f, 5.5838282946e-2f, 9.6567102885e-3f};

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef std::int32_t ivec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

inline vec load(const float* from) { return *reinterpret_cast<const vec*>(from); }
inline void store(float* to, vec value) { *reinterpret_cast<vec*>(to) = value; }
inline vec splat(float value) { return vec{} + value; }

// The first n lanes of one, and the others of another.
inline vec first_lanes(vec x, int n, vec other) {
    ivec lane;
    for (int k = 0; k < LANES; k++) lane[k] = k;
    return lane < n ? x : other;
}

inline float sum_of(vec x) {
    typedef float four __attribute__((vector_size(16)));
    four part[LANES / 4];
    std::memcpy(part, &x, sizeof x);
    for (int k = 1; k < LANES / 4; k++) part[0] += part[k];
    return (part[0][0] + part[0][2]) + (part[0][1] + part[0][3]);
}

// The larger of two, the smaller of two; NaN where x is NaN.
#if defined(__AVX512F__)
inline vec larger(vec than, vec x) { return (vec)_mm512_max_ps((__m512)than, (__m512)x); }
inline vec smaller(vec than, vec x) { return (vec)_mm512_min_ps((__m512)than, (__m512)x); }
#else
inline vec larger(vec than, vec x) { return than > x ? than : x; }
inline vec smaller(vec than, vec x) { return than < x ? than : x; }
#endif

// exp(x) for x <= 0 as 2^n (1 + part): with x log2(e) = n + f, |f| <= 1/2, part is 2^f - 1. NaN stays NaN.
struct Power {
    vec whole, part;  // 2^n, times a factor, and 2^f - 1
};

template <int TERMS>
inline Power exp_parts(vec x, const float (&power_of_2)[TERMS], float factor) {
    x = larger(splat(-87.0f), x);  // below, 2^n is subnormal, with which processors are slow
    const vec shifted = x * LOG2_E + 12582912.0f;  // 1.5 * 2^23: rounds, and its last bits are n
    const vec f = x * LOG2_E - (shifted - 12582912.0f);
    vec p = splat(power_of_2[TERMS - 1]);
    for (int k = TERMS - 2; k >= 0; k--) p = p * f + power_of_2[k];
    ivec bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    std::int32_t biased;
    std::memcpy(&biased, &factor, sizeof biased);
    bits = (bits << 23) + biased;  // n added to the factor's exponent
    vec power;
    std::memcpy(&power, &bits, sizeof power);
    return {power, p * f};
}

// factor (exp(x) - 1) for x <= 0 and a factor of about 1, to 1e-7, or as well as its polynomial:
// 2^n (2^f - 1) + (2^n - 1), which does not cancel near 0 as 2^n 2^f - 1 would.
template <int TERMS>
inline vec expm1_of_negative(vec x, const float (&power_of_2)[TERMS], float factor) {
    const Power power = exp_parts(x, power_of_2, factor);
    return power.whole * power.part + (power.whole - factor);
}

inline vec expm1_of_negative(vec x) { return expm1_of_negative(x, POWER_OF_2, 1.0f); }

// exp(x) for x <= 0, to 2e-7 of its value.
inline vec exp_of_negative(vec x) {
    const Power power = exp_parts(x, POWER_OF_2, 1.0f);
    return power.whole * power.part + power.whole;
}

}  // namespace
