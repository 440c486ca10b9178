// Nearest neighbours and the sums over them of a GravNet layer, arXiv:1902.07987 section 3, forwards and
// backwards. For sensor i with its k nearest others N(i) in a learned space,
//
//     w_ij = exp(-steepness d_ij^2),   mean_i = 1/k sum_j w_ij f_j,   max_i = max_j w_ij f_j.
//
// A row of distances, its neighbours and their sums are worked out before the next row is begun, so that all
// of it stays in the first cache, and nothing of sensors x sensors or sensors x k x features exists.
// Neighbours at one distance count by rising number of the sensor, and so does the winner of the maximum.
//
// SPACE is the learned space's dimensions, FEATURES the number of features, WIDTH that number padded to whole
// registers, all known when this is compiled, REAL_BITS 32 or 64. Arrays are in C order and owned by the
// caller, who also sees that sizes fit: space (events, sensors, SPACE), features (events, sensors, FEATURES),
// sums (events, sensors, 2 FEATURES): means, then maxima.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "vectors.h"

namespace {

#if REAL_BITS == 64
typedef double real;
typedef std::int64_t bits;
#else
typedef float real;
typedef std::int32_t bits;
#endif
typedef real block __attribute__((vector_size(64), aligned(sizeof(real)), may_alias));
typedef bits whole __attribute__((vector_size(64), aligned(sizeof(bits)), may_alias));
constexpr int PER_BLOCK = 64 / sizeof(real), BLOCKS = WIDTH / PER_BLOCK;
constexpr real INFINITE = std::numeric_limits<real>::infinity();
constexpr real NOT_A_NUMBER = std::numeric_limits<real>::quiet_NaN();
constexpr int GROUPS = 128;  // of sensors, whose least distances bound the k-th least of all
constexpr int ROUGH_STEPS = REAL_BITS == 64 ? 22 : 18;

struct Sizes {
    std::int32_t events, sensors, neighbours;
    real steepness;
};

inline int padded(int n, int to) { return (n + to - 1) / to * to; }

inline int count_up_to(const real* values, int n, real most) {
    int count = 0;
    for (int j = 0; j < n; j++) count += values[j] <= most;
    return count;
}

inline real as_real(bits value) {
    real found;
    std::memcpy(&found, &value, sizeof found);
    return found;
}

inline bits as_bits(real value) {
    bits found;
    std::memcpy(&found, &value, sizeof found);
    return found;
}

// The least bound <= most with at least k values up to it, or after so many steps one a little above. Floats
// that are not negative are ordered as their bits are: halving these needs a few steps whatever the scale.
inline real bound_of(const real* values, int n, int k, real most, int steps) {
    bits low = 0, high = as_bits(most);
    for (; low < high && steps; steps--) {
        const bits middle = low + (high - low) / 2;
        if (count_up_to(values, n, as_real(middle)) >= k)
            high = middle;
        else
            low = middle + 1;
    }
    return as_real(high);
}

// One event's sensors, coordinate by coordinate, and what is found of one of them at a time.
struct Event {
    explicit Event(Sizes sizes)
        : sizes(sizes), n(sizes.sensors), wide(padded(n, GROUPS)), at(SPACE * wide), squared(wide, INFINITE),
          near(wide + LANES), near_index(wide + LANES) {}

    void place(const real* space) {
        for (int j = 0; j < n; j++)
            for (int s = 0; s < SPACE; s++) at[s * wide + j] = space[j * SPACE + s];
    }

    // Write the neighbours of sensor i, by rising number, and their squared distances; false where there are
    // not enough numbers among the distances.
    bool nearest(int i, std::int32_t* index, real* distance) {
        distances_from(i);
        const int k = sizes.neighbours;
        // k groups have a member each up to this bound, so k sensors lie within it, and few more.
        const real rough = bound_of(least, GROUPS, k, INFINITE, ROUGH_STEPS);
        const int found = collect(rough);
        if (found < k) return false;
        for (int j = found; j < padded(found, LANES); j++) near[j] = NOT_A_NUMBER;  // counts nowhere
        real last = rough;
        int below = count_below(found, last);
        if (below >= k) {
            last = bound_of(near.data(), padded(found, LANES), k, rough, REAL_BITS);
            below = count_below(found, last);
        }
        int ties = k - below, kept = 0;
        for (int j = 0; kept < k; j++) {
            const bool is_tie = near[j] == last;
            if (near[j] > last || (is_tie && ties == 0)) continue;
            ties -= is_tie;
            index[kept] = near_index[j];
            distance[kept++] = near[j];
        }
        return true;
    }

    Sizes sizes;
    int n, wide;
    std::vector<real> at, squared, near;
    std::vector<std::int32_t> near_index;
    real least[GROUPS];

  private:
    void distances_from(int i) {
        real own[SPACE];
        for (int s = 0; s < SPACE; s++) own[s] = at[s * wide + i];
        real* to = squared.data();
        const real* from = at.data();
        for (int j = 0; j < n; j++) {
            real sum = 0;
#pragma GCC unroll 16
            for (int s = 0; s < SPACE; s++) {
                const real away = from[s * wide + j] - own[s];
                sum += away * away;
            }
            to[j] = sum;
        }
        to[i] = INFINITE;  // not among its own neighbours
        std::copy_n(to, GROUPS, least);
        for (int from_group = GROUPS; from_group < wide; from_group += GROUPS)
            for (int j = 0; j < GROUPS; j++) {
                const real other = to[from_group + j];
                least[j] = other < least[j] || least[j] != least[j] ? other : least[j];
            }
    }

    // Gather the sensors up to a distance, by rising number, and count them.
    int collect(real most) {
        int found = 0, j = 0;
#if defined(__AVX512F__) && REAL_BITS == 32
        const __m512 limit = _mm512_set1_ps(most);
        const __m512i step = _mm512_set1_epi32(16);
        __m512i number = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        for (; j + 16 <= n; j += 16, number = _mm512_add_epi32(number, step)) {
            const __m512 value = _mm512_loadu_ps(squared.data() + j);
            const __mmask16 within = _mm512_cmp_ps_mask(value, limit, _CMP_LE_OQ);
            // In a register and then stored whole: storing a part of one is slow on some processors.
            _mm512_storeu_ps(near.data() + found, _mm512_maskz_compress_ps(within, value));
            _mm512_storeu_si512(near_index.data() + found, _mm512_maskz_compress_epi32(within, number));
            found += __builtin_popcount(within);
        }
#endif
        for (; j < n; j++) {
            near[found] = squared[j];
            near_index[found] = j;
            found += squared[j] <= most;  // no branch: which ones are near cannot be foreseen
        }
        return found;
    }

    int count_below(int found, real limit) const {
        int count = 0;
        for (int j = 0; j < found; j++) count += near[j] < limit;
        return count;
    }
};

// Features one row after the other, each padded by zeros.
inline void fill_rows(int n, const real* features, real* rows) {
    for (int j = 0; j < n; j++) std::copy_n(features + j * FEATURES, FEATURES, rows + j * WIDTH);
}

inline void weights_of(const real* distance, int k, real steepness, real* weight) {
#if REAL_BITS == 32
    for (int j = 0; j < k; j += LANES) store(weight + j, exp_of_negative(load(distance + j) * -steepness));
#else
    for (int j = 0; j < k; j++) weight[j] = std::exp(-steepness * distance[j]);
#endif
}

// Means and maxima over the neighbours, and which of them has each maximum.
inline void reduce(const real* rows, const std::int32_t* index, const real* weight, int k, real* sums,
                   std::int16_t* winner) {
    block sum[BLOCKS] = {}, most[BLOCKS];
    whole first[BLOCKS] = {};
    for (block& each : most) each = block{} - INFINITE;
    for (int j = 0; j < k; j++) {
        const block* row = reinterpret_cast<const block*>(rows + index[j] * WIDTH);
#pragma GCC unroll 8
        for (int b = 0; b < BLOCKS; b++) {
            const block value = weight[j] * row[b];
            sum[b] += value;
            first[b] = value > most[b] ? whole{} + j : first[b];
            most[b] = value > most[b] ? value : most[b];
        }
    }
    const real *sum_of = reinterpret_cast<real*>(sum), *most_of = reinterpret_cast<real*>(most);
    const bits* first_of = reinterpret_cast<bits*>(first);
    for (int f = 0; f < FEATURES; f++) {
        const real mean = sum_of[f] / k;
        sums[f] = mean;
        sums[FEATURES + f] = mean != mean ? mean : most_of[f];  // NaN stays NaN
        winner[f] = static_cast<std::int16_t>(first_of[f]);
    }
}

// Add one row's gradients to those of its neighbours, its own place and its neighbours' places. Distances,
// weights and g, the gradients of means and maxima, are the row's; space and g_space the event's.
inline void back(const real* rows, const std::int32_t* index, const real* weight, const std::int16_t* winner,
                 const real* g, Sizes sizes, int i, const real* space, real* g_rows, real* g_space) {
    alignas(64) real g_mean[WIDTH] = {}, g_max[WIDTH] = {};
    alignas(64) bits won[WIDTH] = {};
    for (int f = 0; f < FEATURES; f++) {
        g_mean[f] = g[f] / sizes.neighbours;
        g_max[f] = g[FEATURES + f];
        won[f] = winner[f];
    }
    const block *mean = reinterpret_cast<block*>(g_mean), *most = reinterpret_cast<block*>(g_max);
    const whole* winners = reinterpret_cast<whole*>(won);
    const real* own = space + i * SPACE;
    real g_own[SPACE] = {};
    for (int j = 0; j < sizes.neighbours; j++) {
        const block* values = reinterpret_cast<const block*>(rows + index[j] * WIDTH);
        block* to = reinterpret_cast<block*>(g_rows + index[j] * WIDTH);
        block part{};
#pragma GCC unroll 8
        for (int b = 0; b < BLOCKS; b++) {
            const block g_value = mean[b] + (winners[b] == j ? most[b] : block{});  // of w_ij f_j
            to[b] += weight[j] * g_value;
            part += values[b] * g_value;
        }
        real g_weight = 0;
        for (int lane = 0; lane < PER_BLOCK; lane++) g_weight += part[lane];
        const real g_squared = -sizes.steepness * weight[j] * g_weight;  // of d_ij^2
        const real* other = space + index[j] * SPACE;
        real* g_other = g_space + index[j] * SPACE;
        for (int s = 0; s < SPACE; s++) {
            const real change = 2 * g_squared * (other[s] - own[s]);
            g_other[s] += change;
            g_own[s] -= change;
        }
    }
    for (int s = 0; s < SPACE; s++) g_space[i * SPACE + s] += g_own[s];
}

inline void distances_to(const real* space, int i, const std::int32_t* index, int k, real* distance) {
    for (int j = 0; j < k; j++) {
        real sum = 0;
        for (int s = 0; s < SPACE; s++) {
            const real away = space[index[j] * SPACE + s] - space[i * SPACE + s];
            sum += away * away;
        }
        distance[j] = sum;
    }
}

// Without enough numbers among the distances there are no nearest: the first others stand in.
inline void stand_in(int i, int k, std::int32_t* index) {
    for (int j = 0; j < k; j++) index[j] = j + (j >= i);
}

}  // namespace

extern "C" void gravnet_forward(const Sizes* given, const real* space, const real* features, real* sums,
                                std::int32_t* index, std::int16_t* winner) {
    const Sizes sizes = *given;
    const int n = sizes.sensors, k = sizes.neighbours;
    std::vector<real> distance(k + LANES), weight(k + LANES), rows(n * WIDTH);
    Event here(sizes);
    for (int event = 0; event < sizes.events; event++) {
        const std::int64_t first = std::int64_t{event} * n;
        here.place(space + first * SPACE);
        fill_rows(n, features + first * FEATURES, rows.data());
        for (int i = 0; i < n; i++) {
            const std::int64_t row = first + i;
            if (!here.nearest(i, index + row * k, distance.data())) {
                stand_in(i, k, index + row * k);
                std::fill_n(winner + row * FEATURES, FEATURES, std::int16_t{0});
                std::fill_n(sums + row * 2 * FEATURES, 2 * FEATURES, NOT_A_NUMBER);
                continue;
            }
            weights_of(distance.data(), k, sizes.steepness, weight.data());
            reduce(rows.data(), index + row * k, weight.data(), k, sums + row * 2 * FEATURES,
                   winner + row * FEATURES);
        }
    }
}

// The neighbours alone, by rising number; of a sensor without enough of them the first k others.
extern "C" void gravnet_nearest(const Sizes* given, const real* space, std::int32_t* index) {
    const Sizes sizes = *given;
    const int n = sizes.sensors, k = sizes.neighbours;
    std::vector<real> distance(k + LANES);
    Event here(sizes);
    for (int event = 0; event < sizes.events; event++) {
        here.place(space + std::int64_t{event} * n * SPACE);
        for (int i = 0; i < n; i++) {
            std::int32_t* to = index + (std::int64_t{event} * n + i) * k;
            if (!here.nearest(i, to, distance.data())) stand_in(i, k, to);
        }
    }
}

// Gradients of space must be zero: those of all rows are added up.
extern "C" void gravnet_backward(const Sizes* given, const real* space, const real* features,
                                 const std::int32_t* index, const std::int16_t* winner, const real* g_sums,
                                 real* g_space, real* g_features) {
    const Sizes sizes = *given;
    const int n = sizes.sensors, k = sizes.neighbours;
    std::vector<real> distance(k + LANES), weight(k + LANES), g_rows(n * WIDTH), rows(n * WIDTH);
    for (int event = 0; event < sizes.events; event++) {
        const std::int64_t first = std::int64_t{event} * n;
        const real* here = space + first * SPACE;
        fill_rows(n, features + first * FEATURES, rows.data());
        std::fill(g_rows.begin(), g_rows.end(), real{0});
        for (int i = 0; i < n; i++) {
            const std::int64_t row = first + i;
            distances_to(here, i, index + row * k, k, distance.data());
            weights_of(distance.data(), k, sizes.steepness, weight.data());
            back(rows.data(), index + row * k, weight.data(), winner + row * FEATURES,
                 g_sums + row * 2 * FEATURES, sizes, i, here, g_rows.data(), g_space + first * SPACE);
        }
        for (int j = 0; j < n; j++)
            std::copy_n(g_rows.data() + j * WIDTH, FEATURES, g_features + (first + j) * FEATURES);
    }
}
