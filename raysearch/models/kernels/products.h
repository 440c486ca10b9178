// Products of small matrices with CHUNK columns, in single precision or of numbers rounded to bfloat16, which
// some processors multiply at twice the rate; sums are in single precision in both.
//
// T is what is multiplied at once: float, one number a lane, or Pair, two numbers a lane whose products are
// added.

#pragma once

#include <algorithm>
#include <memory>

#include "vectors.h"

namespace {

constexpr int CHUNK = 256;
// From a row to the next: an odd number of cache lines, so that rows do not share a few sets of the cache.
constexpr int STEP = CHUNK + LANES;
// Sums in 24 of 32 or in 12 and 9 of 16 registers.
constexpr int TILE_ROWS = 6, TILE_VECTORS = LANES == 16 ? 4 : 2;
constexpr int OUTER_ROWS = LANES == 16 ? 4 : 3, OUTER_COLUMNS = LANES == 16 ? 6 : 3;

template <typename T>
constexpr int NUMBERS = 1;  // in one T

inline vec add_product(vec sum, vec a, vec b) { return sum + a * b; }

template <typename T>
T together(const float* numbers) {
    return *numbers;
}

// Round two vectors to Pairs, to the nearest, even: all of the first, then all of the second; or each lane of
// the first beside its like of the second.
inline ivec one_after_another(vec first, vec second);
inline ivec side_by_side(vec first, vec second);

#ifdef __AVX512BF16__
using Pair = std::int32_t;
template <>
constexpr int NUMBERS<Pair> = 2;

inline ivec load(const Pair* from) { return *reinterpret_cast<const ivec*>(from); }
inline void store(Pair* to, ivec value) { *reinterpret_cast<ivec*>(to) = value; }
inline ivec splat(Pair value) { return ivec{} + value; }

inline vec add_product(vec sum, ivec a, ivec b) {
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

inline ivec one_after_another(vec first, vec second) {
    return (ivec)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
}

inline ivec side_by_side(vec first, vec second) {
    const ivec lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const ivec order = lane + ((lane + LANES) << 16);
    return (ivec)_mm512_permutexvar_epi16((__m512i)order, (__m512i)one_after_another(first, second));
}

template <>
Pair together<Pair>(const float* numbers) {
    return side_by_side(splat(numbers[0]), splat(numbers[1]))[0];
}
#endif

template <typename T>
constexpr int WIDE_STEP = CHUNK / NUMBERS<T> + LANES;

struct alignas(64) Line {
    float at[16];
};

// Zeros that begin at a cache line, with room for a vector that goes beyond the end.
class Buffer {
   public:
    explicit Buffer(int size) : lines_(new Line[size / 16 + 2]()) {}
    float* at() const { return lines_[0].at; }

   private:
    std::unique_ptr<Line[]> lines_;
};

// Values of a chunk (rows, CHUNK), and the same as the products take them.
template <typename T>
class Rows {
   public:
    explicit Rows(int rows) : rows(rows), numbers_(rows * STEP), tall_(0), wide_(0) {
        if constexpr (NUMBERS<T> > 1) {
            tall_ = Buffer((rows + 1) / 2 * STEP);
            wide_ = Buffer(rows * WIDE_STEP<T>);
        }
    }
    float* row(int r) const { return numbers_.at() + r * STEP; }
    // (rows / NUMBERS, CHUNK), neighbouring rows together, for multiply()
    const T* tall() const { return of(tall_); }
    // (rows, CHUNK / NUMBERS), neighbouring columns together, for add_outer()
    const T* wide() const { return of(wide_); }

    void pack_tall(int columns) {
        if constexpr (NUMBERS<T> > 1)
            for (int r = 0; r < rows; r += 2) {
                const float *first = row(r), *second = r + 1 < rows ? row(r + 1) : nullptr;
                T* to = of(tall_) + r / 2 * STEP;
                for (int e = 0; e < columns; e += LANES)
                    store(to + e, side_by_side(load(first + e), second ? load(second + e) : vec{}));
            }
    }
    void pack_wide(int columns) {
        if constexpr (NUMBERS<T> > 1)
            for (int r = 0; r < rows; r++) {
                const float* from = row(r);
                T* to = of(wide_) + r * WIDE_STEP<T>;
                for (int e = 0; e < columns; e += 2 * LANES, to += LANES)
                    store(to, one_after_another(load(from + e), load(from + e + LANES)));
            }
    }

    const int rows;

   private:
    T* of(const Buffer& packed) const {
        return reinterpret_cast<T*>(NUMBERS<T> > 1 ? packed.at() : numbers_.at());
    }
    Buffer numbers_, tall_, wide_;
};

// A matrix (rows, depth) whose element (r, p) is at from[r * row_step + p * depth_step].
template <typename T>
struct Weights {
    Weights(int rows, int numbers, const float* from, int row_step, int depth_step)
        : rows(rows), depth((numbers + NUMBERS<T> - 1) / NUMBERS<T>), at(new T[rows * depth]) {
        for (int r = 0; r < rows; r++)
            for (int p = 0; p < depth; p++) {
                float some[NUMBERS<T>] = {};
                for (int k = 0; k < NUMBERS<T> && p * NUMBERS<T> + k < numbers; k++)
                    some[k] = from[r * row_step + (p * NUMBERS<T> + k) * depth_step];
                at[r * depth + p] = together<T>(some);
            }
    }
    const int rows, depth;
    const std::unique_ptr<T[]> at;
};

template <int ROWS, int VECTORS, typename T>
inline void tile(int depth, const T* weights, const float* bias, const T* from, float* to) {
    vec sum[ROWS][VECTORS];
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) sum[i][v] = bias ? splat(bias[i]) : vec{};
    for (int p = 0; p < depth; p++, weights++, from += STEP) {
        decltype(load(from)) values[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) values[v] = load(from + v * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            const auto weight = splat(weights[i * depth]);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) sum[i][v] = add_product(sum[i][v], weight, values[v]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) store(to + i * STEP + v * LANES, sum[i][v]);
}

template <int N, typename Work>
inline void with_constant(int n, Work work) {
    if (n == N)
        work(std::integral_constant<int, N>{});
    else if constexpr (N > 1)
        with_constant<N - 1>(n, work);
}

// Call work(first, n) for parts of some rows that are as equal as can be, n a constant of at most MOST.
template <int MOST, typename Work>
inline void in_parts(int rows, Work work) {
    const int parts = (rows + MOST - 1) / MOST;
    for (int k = 0; k < parts; k++) {
        const int first = rows * k / parts;
        with_constant<MOST>(rows * (k + 1) / parts - first, [&](auto n) { work(first, n); });
    }
}

// to (a.rows, columns) = a from + bias, with no bias for nullptr
template <int VECTORS = TILE_VECTORS, typename T>
inline void multiply(const Weights<T>& a, const float* bias, int columns, const T* from, float* to) {
    constexpr int WIDTH = VECTORS * LANES;
    for (; columns >= WIDTH; columns -= WIDTH, from += WIDTH, to += WIDTH)
        in_parts<TILE_ROWS>(a.rows, [&](int first, auto n) {
            tile<n, VECTORS>(a.depth, a.at.get() + first * a.depth, bias ? bias + first : nullptr, from,
                             to + first * STEP);
        });
    if constexpr (VECTORS > 1)
        if (columns > 0) multiply<VECTORS / 2>(a, bias, columns, from, to);
}

template <int ROWS, int COLUMNS, typename T>
inline void outer_tile(int vectors, const T* a, const T* b, float* sums, int row_step) {
    vec sum[ROWS][COLUMNS];
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
        for (int j = 0; j < COLUMNS; j++) sum[i][j] = load(sums + i * row_step + j * LANES);
    for (int v = 0; v < vectors; v++, a += LANES, b += LANES) {
        decltype(load(b)) values[COLUMNS];
#pragma GCC unroll 8
        for (int j = 0; j < COLUMNS; j++) values[j] = load(b + j * WIDE_STEP<T>);
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            const auto value = load(a + i * WIDE_STEP<T>);
#pragma GCC unroll 8
            for (int j = 0; j < COLUMNS; j++) sum[i][j] = add_product(sum[i][j], value, values[j]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
        for (int j = 0; j < COLUMNS; j++) store(sums + i * row_step + j * LANES, sum[i][j]);
}

// sums (a.rows, b.rows, LANES) += a b^T, the sum over columns left to be added over LANES
template <typename T>
inline void add_outer(int columns, const Rows<T>& a, const Rows<T>& b, float* sums) {
    in_parts<OUTER_COLUMNS>(b.rows, [&](int column, auto n_columns) {
        in_parts<OUTER_ROWS>(a.rows, [&](int row, auto n_rows) {
            outer_tile<n_rows, n_columns>(columns / NUMBERS<T> / LANES, a.wide() + row * WIDE_STEP<T>,
                                          b.wide() + column * WIDE_STEP<T>,
                                          sums + (row * b.rows + column) * LANES, b.rows * LANES);
        });
    });
}

}  // namespace
