// What the kernels share: a vector of LANES floats, and exp(x) and exp(x) - 1 of one.

#pragma once

#include <cstdint>
#include <cstring>

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

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef std::int32_t ivec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

inline vec load(const float* from) { return *reinterpret_cast<const vec*>(from); }
inline void store(float* to, vec value) { *reinterpret_cast<vec*>(to) = value; }
inline vec splat(float value) { return vec{} + value; }

// exp(x) for x <= 0 as 2^n (1 + part): with x log2(e) = n + f, |f| <= 1/2, part is 2^f - 1. NaN stays NaN.
struct Power {
    vec whole, part;  // 2^n and 2^f - 1
};

inline Power exp_parts(vec x) {
    x = x < -87.0f ? splat(-87.0f) : x;  // below, 2^n is subnormal, with which processors are slow
    const vec shifted = x * LOG2_E + 12582912.0f;  // 1.5 * 2^23: rounds, and its last bits are n
    const vec f = x * LOG2_E - (shifted - 12582912.0f);
    vec p = splat(POWER_OF_2[5]);
    for (int k = 4; k >= 0; k--) p = p * f + POWER_OF_2[k];
    ivec bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + (127 << 23);  // n as the exponent of a float, biased by 127
    vec power;
    std::memcpy(&power, &bits, sizeof power);
    return {power, p * f};
}

// exp(x) - 1 for x <= 0, to 1e-7: 2^n (2^f - 1) + (2^n - 1), which does not cancel near 0 as 2^n 2^f - 1 would.
inline vec expm1_of_negative(vec x) {
    const Power power = exp_parts(x);
    return power.whole * power.part + (power.whole - 1.0f);
}

// exp(x) for x <= 0, to 2e-7 of its value.
inline vec exp_of_negative(vec x) {
    const Power power = exp_parts(x);
    return power.whole * power.part + power.whole;
}

}  // namespace
