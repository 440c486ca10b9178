// Sum over a constituent's incoming edges in JEDI-net, arXiv:1908.05318 section 4, forwards and backwards:
//
//     Ebar_i = sum_j (m_j - delta_ij) f_R(receiver_i + sender_j)
//
// with f_R's first layer already split and m_j the number of constituents that node j stands for. Edges are
// worked through CHUNK at a time, one row an edge, so that all values of a chunk stay in a core's first or
// second cache, and the backward pass computes them again. Rows are padded to HP, KP and DP floats, which are
// known when this is compiled, by zeros, which stay zeros; how many are real (hidden, second, effect) is told
// at run time.
//
// Names: receiver, sender (nodes, HP); w2 (second, HP), w2t (hidden, KP), b2 (KP), w3 (effect, KP),
// w3t (second, DP), b3 (DP). All float32, C order, owned by the caller, who also sees that sizes fit.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include "vectors.h"

namespace {

constexpr int ACCUMULATORS = LANES == 16 ? 24 : 12;  // of 32 and 16 registers
constexpr int CHUNK = 48;  // edges; a multiple of every number of rows that tile() takes
// Gradients of this many chunks are added in single precision, and their sums in double: a batch has up to
// millions of edges, and rounding grows with the number of terms.
constexpr int CHUNKS_IN_FLOAT = 4;

struct Sizes {
    std::int32_t hidden, second, effect, is_elu;
    float alpha, scale;  // of ELU and SELU
};

struct Jet {
    std::int32_t nodes, copies;  // the last node stands for so many constituents
};

// c (ROWS, VECTORS) += a (ROWS, depth) b (depth, VECTORS), element (i, p) of a at a[i * A_ROW + p * A_DEPTH].
template <int ROWS, int VECTORS, int A_ROW, int A_DEPTH, int N>
inline void tile(int depth, const float* a, const float* b, float* c) {
    vec sum[ROWS][VECTORS];
#pragma GCC unroll 32
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) sum[i][v] = load(c + i * N + v * LANES);
    for (int p = 0; p < depth; p++, a += A_DEPTH, b += N) {
        vec row[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) row[v] = load(b + v * LANES);
#pragma GCC unroll 32
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) sum[i][v] += a[i * A_ROW] * row[v];
    }
#pragma GCC unroll 32
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) store(c + i * N + v * LANES, sum[i][v]);
}

template <int ROWS, int VECTORS, int A_ROW, int A_DEPTH, int N>
inline void rows(int n, int depth, const float* a, const float* b, float* c) {
    for (; n >= ROWS; n -= ROWS, a += ROWS * A_ROW, c += ROWS * N)
        tile<ROWS, VECTORS, A_ROW, A_DEPTH, N>(depth, a, b, c);
    if constexpr (ROWS > 1)
        if (n) rows<ROWS / 2, VECTORS, A_ROW, A_DEPTH, N>(n, depth, a, b, c);
}

// c (n, N) += a (n, depth) b (depth, N)
template <int A_ROW, int A_DEPTH, int N, int FROM = 0>
inline void multiply(int n, int depth, const float* a, const float* b, float* c) {
    constexpr int LEFT = (N - FROM) / LANES, VECTORS = LEFT >= 4 && LANES == 16 ? 4 : LEFT >= 2 ? 2 : LEFT;
    if constexpr (VECTORS > 0) {
        rows<std::min(12, ACCUMULATORS / VECTORS), VECTORS, A_ROW, A_DEPTH, N>(n, depth, a, b + FROM,
                                                                               c + FROM);
        multiply<A_ROW, A_DEPTH, N, FROM + VECTORS * LANES>(n, depth, a, b, c);
    }
}

template <bool IS_RELU>
inline vec activate(vec x, Sizes sizes) {
    if constexpr (IS_RELU) return x <= 0.0f ? vec{} : x;  // <=, so that NaN stays NaN
    const vec negative = expm1_of_negative(x > 0.0f ? vec{} : x) * (sizes.alpha * sizes.scale);
    return x > 0.0f ? x * sizes.scale : negative;
}

// The derivative of an activation, from its value.
template <bool IS_RELU>
inline vec slope(vec value, Sizes sizes) {
    if constexpr (IS_RELU) return value > 0.0f ? splat(1.0f) : vec{};
    // scale alpha e^x = scale alpha (e^x - 1) + scale alpha
    return value > 0.0f ? splat(sizes.scale) : value + sizes.alpha * sizes.scale;
}

template <bool IS_RELU, int SIZE>
inline void activate_all(Sizes sizes, float* x) {
    for (int at = 0; at < SIZE; at += LANES) store(x + at, activate<IS_RELU>(load(x + at), sizes));
}

template <bool IS_RELU, int SIZE>
inline void back_through_activation(Sizes sizes, const float* value, float* g) {
    for (int at = 0; at < SIZE; at += LANES)
        store(g + at, load(g + at) * slope<IS_RELU>(load(value + at), sizes));
}

struct Chunk {
    // Where edges of another receiver begin.
    int run_end(int e) const {
        const std::int32_t here = receiver[e];
        while (e < edges && receiver[e] == here) e++;
        return e;
    }

    int edges = 0;
    std::int32_t receiver[CHUNK] = {}, sender[CHUNK] = {};
    float weight[CHUNK] = {};
    alignas(64) float h1[CHUNK * HP], h2[CHUNK * KP], effect[CHUNK * DP];
    alignas(64) float g1[CHUNK * HP], g2[CHUNK * KP], g3[CHUNK * DP];
};

// Call work(chunk) for all edges that count, CHUNK at a time; rows beyond chunk.edges are old ones.
template <typename Work>
void for_each_chunk(int n_jets, const Jet* jets, Work work) {
    const auto chunk = std::make_unique<Chunk>();
    int first = 0;
    for (const Jet* jet = jets; jet < jets + n_jets; first += jet->nodes, jet++)
        for (int i = 0; i < jet->nodes; i++)
            for (int j = 0; j < jet->nodes; j++) {
                const int weight = (j == jet->nodes - 1 ? jet->copies : 1) - (i == j);
                if (!weight) continue;  // a self-edge of a node that stands for one constituent
                chunk->receiver[chunk->edges] = first + i;
                chunk->sender[chunk->edges] = first + j;
                chunk->weight[chunk->edges] = static_cast<float>(weight);
                if (++chunk->edges == CHUNK) {
                    work(*chunk);
                    chunk->edges = 0;
                }
            }
    if (chunk->edges) work(*chunk);
}

template <bool IS_RELU>
void compute(Sizes sizes, const float* receiver, const float* sender, const float* w2t, const float* b2,
             const float* w3t, const float* b3, Chunk& c) {
    for (int e = 0; e < CHUNK; e++)
        for (int v = 0; v < HP; v += LANES)
            store(c.h1 + e * HP + v, activate<IS_RELU>(load(receiver + std::int64_t{c.receiver[e]} * HP + v) +
                                                           load(sender + std::int64_t{c.sender[e]} * HP + v),
                                                       sizes));
    for (int e = 0; e < CHUNK; e++) std::memcpy(c.h2 + e * KP, b2, sizeof(float) * KP);
    multiply<HP, 1, KP>(CHUNK, sizes.hidden, c.h1, w2t, c.h2);
    activate_all<IS_RELU, CHUNK * KP>(sizes, c.h2);
    for (int e = 0; e < CHUNK; e++) std::memcpy(c.effect + e * DP, b3, sizeof(float) * DP);
    multiply<KP, 1, DP>(CHUNK, sizes.second, c.h2, w3t, c.effect);
    activate_all<IS_RELU, CHUNK * DP>(sizes, c.effect);
}

// A gradient that many chunks add to: in single precision for a while, then in double.
struct Sum {
    explicit Sum(int size) : size(size), now(new float[size]()), total(new double[size]()) {}
    void settle() {
        for (int at = 0; at < size; at++) total[at] += now[at];
        std::fill(now.get(), now.get() + size, 0.0f);
    }
    void write(float* to) {
        settle();
        for (int at = 0; at < size; at++) to[at] = static_cast<float>(total[at]);
    }
    int size;
    std::unique_ptr<float[]> now;
    std::unique_ptr<double[]> total;
};

template <int N>
inline void add_rows(int n, const float* from, float* to) {
    for (int v = 0; v < N; v += LANES) {
        vec sum = load(to + v);
        for (int e = 0; e < n; e++) sum += load(from + e * N + v);
        store(to + v, sum);
    }
}

template <bool IS_RELU>
void forward(Sizes sizes, int n_jets, const Jet* jets, const float* receiver, const float* sender,
             const float* w2t, const float* b2, const float* w3t, const float* b3, float* incoming) {
    for_each_chunk(n_jets, jets, [&](Chunk& c) {
        compute<IS_RELU>(sizes, receiver, sender, w2t, b2, w3t, b3, c);
        for (int v = 0; v < DP; v += LANES)
            for (int e = 0; e < c.edges;) {
                float* to = incoming + std::int64_t{c.receiver[e]} * DP + v;
                vec sum = load(to);
                // Edges of one receiver lie together: its sum stays in a register for all of them.
                for (const int end = c.run_end(e); e < end; e++)
                    sum += c.weight[e] * load(c.effect + e * DP + v);
                store(to, sum);
            }
    });
}

struct Gradients {
    float *receiver, *sender, *w2, *b2, *w3, *b3;
};

// Give each edge its receiver's gradient, taken through the activation of its effect.
template <bool IS_RELU>
void back_to_effects(Sizes sizes, Chunk& c, const float* g_incoming) {
    for (int e = 0; e < CHUNK; e++)
        for (int v = 0; v < DP; v += LANES)
            store(c.g3 + e * DP + v, load(g_incoming + std::int64_t{c.receiver[e]} * DP + v) * c.weight[e]);
    back_through_activation<IS_RELU, CHUNK * DP>(sizes, c.effect, c.g3);
}

// Take the gradient of the hidden values through their activation, and add it to both ends of each edge.
template <bool IS_RELU>
void back_to_nodes(Sizes sizes, const Chunk& c, const Gradients& g) {
    for (int v = 0; v < HP; v += LANES)
        for (int e = 0; e < c.edges;) {
            float* to = g.receiver + std::int64_t{c.receiver[e]} * HP + v;
            vec sum = load(to);
            for (const int end = c.run_end(e); e < end; e++) {
                const vec g1 = load(c.g1 + e * HP + v) * slope<IS_RELU>(load(c.h1 + e * HP + v), sizes);
                float* sender = g.sender + std::int64_t{c.sender[e]} * HP + v;
                store(sender, load(sender) + g1);
                sum += g1;
            }
            store(to, sum);
        }
}

template <bool IS_RELU>
void backward(Sizes sizes, int n_jets, const Jet* jets, const float* receiver, const float* sender,
              const float* w2, const float* w2t, const float* b2, const float* w3, const float* w3t,
              const float* b3, const float* g_incoming, const Gradients& g) {
    Sum w2_sum(sizes.second * HP), b2_sum(KP), w3_sum(sizes.effect * KP), b3_sum(DP);
    int chunks = 0;
    for_each_chunk(n_jets, jets, [&](Chunk& c) {
        compute<IS_RELU>(sizes, receiver, sender, w2t, b2, w3t, b3, c);
        back_to_effects<IS_RELU>(sizes, c, g_incoming);
        add_rows<DP>(c.edges, c.g3, b3_sum.now.get());
        multiply<1, DP, KP>(sizes.effect, c.edges, c.g3, c.h2, w3_sum.now.get());
        std::fill(c.g2, c.g2 + CHUNK * KP, 0.0f);
        multiply<DP, 1, KP>(CHUNK, sizes.effect, c.g3, w3, c.g2);
        back_through_activation<IS_RELU, CHUNK * KP>(sizes, c.h2, c.g2);
        add_rows<KP>(c.edges, c.g2, b2_sum.now.get());
        multiply<1, KP, HP>(sizes.second, c.edges, c.g2, c.h1, w2_sum.now.get());
        std::fill(c.g1, c.g1 + CHUNK * HP, 0.0f);
        multiply<KP, 1, HP>(CHUNK, sizes.second, c.g2, w2, c.g1);
        back_to_nodes<IS_RELU>(sizes, c, g);
        if (++chunks % CHUNKS_IN_FLOAT == 0)
            for (Sum* sum : {&w2_sum, &b2_sum, &w3_sum, &b3_sum}) sum->settle();
    });
    w2_sum.write(g.w2);
    b2_sum.write(g.b2);
    w3_sum.write(g.w3);
    b3_sum.write(g.b3);
}

}  // namespace

// incoming (nodes, DP) must be zero.
extern "C" void interaction_forward(const Sizes* sizes, int n_jets, const Jet* jets, const float* receiver,
                                    const float* sender, const float* w2t, const float* b2, const float* w3t,
                                    const float* b3, float* incoming) {
    const auto work = sizes->is_elu ? forward<false> : forward<true>;
    work(*sizes, n_jets, jets, receiver, sender, w2t, b2, w3t, b3, incoming);
}

// Gradients of receiver and sender must be zero; those of weights are overwritten, in the layout of w2, w3.
extern "C" void interaction_backward(const Sizes* sizes, int n_jets, const Jet* jets, const float* receiver,
                                     const float* sender, const float* w2, const float* w2t, const float* b2,
                                     const float* w3, const float* w3t, const float* b3,
                                     const float* g_incoming, const Gradients* gradients) {
    const auto work = sizes->is_elu ? backward<false> : backward<true>;
    work(*sizes, n_jets, jets, receiver, sender, w2, w2t, b2, w3, w3t, b3, g_incoming, *gradients);
}
