// Outputs of many children of one network: a convolution of one channel that keeps the image's
// size, an activation, and one dense output, raysearch/models/calo_regressor.py. A child is
// its parent plus a step that changes some weights.
//
//     out = bias + sum_f D_f,   D_f = sum_p d_fp a(c_f * x)_p
//
// Showers are worked through LANES at a time, one in each lane, so that no lane ever needs another and a
// filter's map lives in registers. Of such a block the parent's maps are kept (FILTERS x SIDE^2 x LANES
// floats, in the second cache). A child with a sparse step then costs its touched filters anew, and elsewhere
// one row of the parent's maps for each dense weight that changed; a child whose step changes all weights has
// all filters computed anew.
//
// Weights are one vector, in the order filters (FILTERS, KERNEL, KERNEL), their biases, dense
// (FILTERS, SIDE, SIDE), its bias. All floats are float32, in C order, and owned by the
// caller, who also sees that sizes and places fit.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "vectors.h"

namespace {

constexpr int EDGE = KERNEL / 2, WIDE = SIDE + 2 * EDGE;  // of an image with a margin of zeros
constexpr int CELLS = SIDE * SIDE, TAPS = KERNEL * KERNEL;
constexpr int TILE = SIDE % 5 == 0 ? 5 : 1;  // neighbouring cells at once
constexpr int BIASES = FILTERS * TAPS, DENSE = BIASES + FILTERS, LAST = DENSE + FILTERS * CELLS;
constexpr int WEIGHTS = LAST + 1;

enum { RELU, ELU, TANH };

struct Activation {
    std::int32_t kind;
    float alpha, scale;  // of ELU and SELU
};

template <int KIND>
inline vec activate(vec x, Activation a) {
    if constexpr (KIND == RELU) return x <= 0.0f ? vec{} : x;  // <=, so that NaN stays NaN
    if constexpr (KIND == TANH) {  // -(e - 1) / (e + 1) with e = exp(-2 |x|), and the sign of x
        const vec e = expm1_of_negative(x > 0.0f ? -2.0f * x : 2.0f * x);
        const vec size = -e / (e + 2.0f);
        return x > 0.0f ? size : -size;
    }
    const vec negative = expm1_of_negative(x > 0.0f ? vec{} : x) * (a.alpha * a.scale);
    return x > 0.0f ? x * a.scale : negative;
}

// Sum of a filter's map times its dense weights, each cell a vec of showers; the map is kept if asked for.
template <int KIND, bool KEEP>
vec filter_output(const float* image, const float* taps, float bias, const float* dense, Activation a,
                  float* map) {
    vec sum[TILE] = {};
    for (int row = 0; row < SIDE; row++) {
        vec of_row[TILE] = {};  // no sum of a whole map's cells: rounding grows with the number of terms
        for (int column = 0; column < SIDE; column += TILE) {
            vec value[TILE];
#pragma GCC unroll 5
            for (int i = 0; i < TILE; i++) value[i] = splat(bias);
#pragma GCC unroll 3
            for (int y = 0; y < KERNEL; y++)
#pragma GCC unroll 3
                for (int x = 0; x < KERNEL; x++) {
                    const float* from = image + ((row + y) * WIDE + column + x) * LANES;
#pragma GCC unroll 5
                    for (int i = 0; i < TILE; i++) value[i] += taps[y * KERNEL + x] * load(from + i * LANES);
                }
#pragma GCC unroll 5
            for (int i = 0; i < TILE; i++) {
                const int cell = row * SIDE + column + i;
                value[i] = activate<KIND>(value[i], a);
                if constexpr (KEEP) store(map + cell * LANES, value[i]);
                of_row[i] += dense[cell] * value[i];
            }
        }
        for (int i = 0; i < TILE; i++) sum[i] += of_row[i];
    }
    vec total = sum[0];
    for (int i = 1; i < TILE; i++) total += sum[i];
    return total;
}

// A block of showers, one in each lane: the images with their margin, and the parent's maps and outputs.
struct Block {
    std::vector<float> image = std::vector<float>(WIDE * WIDE * LANES), maps;
    vec by_filter[FILTERS], output;

    void take(const float* images, int n) {  // lanes beyond n see the last shower again, for nothing
        for (int row = 0; row < SIDE; row++)
            for (int column = 0; column < SIDE; column++)
                for (int lane = 0; lane < LANES; lane++)
                    image[((row + EDGE) * WIDE + column + EDGE) * LANES + lane] =
                        images[std::min(lane, n - 1) * CELLS + row * SIDE + column];
    }

    template <int KIND>
    vec all_filters(const float* weights, Activation a) const {
        vec sum = splat(weights[LAST]);
        for (int f = 0; f < FILTERS; f++)
            sum += filter_output<KIND, false>(image.data(), weights + f * TAPS, weights[BIASES + f],
                                              weights + DENSE + f * CELLS, a, nullptr);
        return sum;
    }

    template <int KIND>
    void take_parent(const float* weights, Activation a) {
        maps.resize(FILTERS * CELLS * LANES);
        output = splat(weights[LAST]);
        for (int f = 0; f < FILTERS; f++) {
            by_filter[f] =
                filter_output<KIND, true>(image.data(), weights + f * TAPS, weights[BIASES + f],
                                          weights + DENSE + f * CELLS, a, maps.data() + f * CELLS * LANES);
            output += by_filter[f];
        }
    }
};

struct Steps {
    const std::int64_t* ends;  // (child,) of each child's places and deltas
    const std::int32_t* places;
    const float* deltas;
};

template <int KIND>
vec sparse_child(const Block& block, float* weights, const float* parent, int k, const std::int32_t* places,
                 const float* deltas, Activation a) {
    bool touched[FILTERS] = {};
    for (int i = 0; i < k; i++) {
        weights[places[i]] = parent[places[i]] + deltas[i];
        if (places[i] < BIASES) touched[places[i] / TAPS] = true;
        else if (places[i] < DENSE) touched[places[i] - BIASES] = true;
    }
    vec sum = {};
    for (int i = 0; i < k; i++) {
        const int cell = places[i] - DENSE;
        if (places[i] == LAST) sum += deltas[i];
        else if (cell >= 0 && !touched[cell / CELLS])
            sum += deltas[i] * load(block.maps.data() + cell * LANES);
    }
    for (int f = 0; f < FILTERS; f++)
        if (touched[f])
            sum += filter_output<KIND, false>(block.image.data(), weights + f * TAPS, weights[BIASES + f],
                                              weights + DENSE + f * CELLS, a, nullptr) -
                   block.by_filter[f];
    for (int i = 0; i < k; i++) weights[places[i]] = parent[places[i]];  // the parent's again
    return block.output + sum;
}

// Call work(block, first shower, how many) for all showers.
template <typename Work>
void for_each_block(int n, const float* images, Work work) {
    Block block;
    for (int first = 0; first < n; first += LANES) {
        const int here = std::min(LANES, n - first);
        block.take(images + std::int64_t{first} * CELLS, here);
        work(block, first, here);
    }
}

inline void write(vec values, int n, float* to) { std::memcpy(to, &values, sizeof(float) * n); }

template <int KIND>
void sparse(int n, const float* images, const float* parent, int children, Steps steps, Activation a,
            float* out) {
    std::vector<float> weights(parent, parent + WEIGHTS);
    for_each_block(n, images, [&](Block& block, int first, int here) {
        block.take_parent<KIND>(parent, a);
        std::int64_t from = 0;
        for (int child = 0; child < children; from = steps.ends[child++]) {
            const int k = static_cast<int>(steps.ends[child] - from);
            write(sparse_child<KIND>(block, weights.data(), parent, k, steps.places + from,
                                     steps.deltas + from, a),
                  here, out + std::int64_t{child} * n + first);
        }
    });
}

template <int KIND>
void whole(int n, const float* images, int children, const float* weights, Activation a, float* out) {
    for_each_block(n, images, [&](Block& block, int first, int here) {
        for (int child = 0; child < children; child++)
            write(block.all_filters<KIND>(weights + std::int64_t{child} * WEIGHTS, a), here,
                  out + std::int64_t{child} * n + first);
    });
}

}  // namespace

// images (n, SIDE, SIDE), parent (WEIGHTS,), steps of all children one behind another; out (children, n).
extern "C" void calo_sparse(int n, const float* images, const float* parent, int children,
                            const std::int64_t* ends, const std::int32_t* places, const float* deltas,
                            const Activation* a, float* out) {
    const auto work = a->kind == RELU ? sparse<RELU> : a->kind == ELU ? sparse<ELU> : sparse<TANH>;
    work(n, images, parent, children, {ends, places, deltas}, *a, out);
}

// images (n, SIDE, SIDE), weights (children, WEIGHTS); out (children, n).
extern "C" void calo_whole(int n, const float* images, int children, const float* weights,
                           const Activation* a, float* out) {
    const auto work = a->kind == RELU ? whole<RELU> : a->kind == ELU ? whole<ELU> : whole<TANH>;
    work(n, images, children, weights, *a, out);
}
