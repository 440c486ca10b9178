// Sum over a constituent's incoming edges in JEDI-net, arXiv:1908.05318 section 4, forwards and backwards:
//
//     Ebar_i = sum_j (m_j - delta_ij) f_R(receiver_i + sender_j)
//
// with f_R's first layer already split and m_j the number of constituents that node j stands for. Edges are
// columns, worked through CHUNK at a time, so that all values of a chunk stay in a core's first or second
// cache, and the backward pass computes them again. Self-edges take part with weight m_j - 1, mostly zero:
// all receivers' senders then lie alike, and only one edge in some fifty is computed in vain.
//
// Threads share blocks of jets. Gradients of weights are summed up in each block, and blocks by their order.
//
// Names: receiver, sender (nodes, hidden); w2 (second, hidden), b2, w3 (effect, second), b3; incoming (nodes,
// effect). All float32, C order, owned by the caller, who also sees that sizes fit.

#include <cstdint>
#include <memory>

#include "jet_edges.h"
#include "threads.h"

namespace {

// Gradients of this many chunks are added in single precision, and their sums in double: a batch has up to
// millions of edges, and rounding grows with the number of terms.
constexpr int CHUNKS_IN_FLOAT = 8;

struct Sizes {
    std::int32_t hidden, second, effect, is_elu;
    float alpha, scale;  // of ELU and SELU
};

struct Given {
    const Sizes* sizes;
    std::int64_t n_jets;
    const Jet* jets;
    std::int32_t threads;
    const float *receiver, *sender, *w2, *b2, *w3, *b3;

    Group all() const { return {jets, jets + n_jets, 0}; }
};

// Of the weights in double precision, one behind another: w2, b2, w3, b3.
struct Gradients {
    float *receiver, *sender;
    double* weights;
};

template <bool IS_RELU, typename T>
inline vec activate(vec x, Sizes sizes) {
    if constexpr (IS_RELU) return larger(vec{}, x);
    const vec below = smaller(vec{}, x), above = x > 0.0f ? x : vec{};
    const float factor = sizes.alpha * sizes.scale;
    if constexpr (NUMBERS<T> > 1)
        return above * sizes.scale + expm1_of_negative(below, ROUGH_POWER_OF_2, factor);
    else
        return above * sizes.scale + expm1_of_negative(below, POWER_OF_2, factor);
}

// The derivative of an activation, from its value.
template <bool IS_RELU>
inline vec slope(vec value, Sizes sizes) {
    if constexpr (IS_RELU) return value > 0.0f ? splat(1.0f) : vec{};
    // scale alpha e^x = scale alpha (e^x - 1) + scale alpha
    return value > 0.0f ? splat(sizes.scale) : value + sizes.alpha * sizes.scale;
}

template <typename T>
struct Chunk {
    explicit Chunk(Sizes s)
        : h1(s.hidden), h2(s.second), effect(s.effect), g1(s.hidden), g2(s.second), g3(s.effect) {}

    static constexpr int STEP_OF_PIECES = NUMBERS<T>;  // how many are computed together
    int columns() const { return n_pieces * LANES; }
    // Whether the next piece has no edges of this one's last receiver.
    bool ends(int k) const {
        return k + 1 == n_pieces || pieces[k + 1].receiver != pieces[k].receiver + pieces[k].receivers - 1;
    }

    int n_pieces = 0;
    Piece pieces[CHUNK / LANES];
    alignas(64) float weight[CHUNK];
    Rows<T> h1, h2, effect, g1, g2, g3;
};

template <bool IS_RELU, typename T>
inline void activate_all(Sizes sizes, int columns, const Rows<T>& x) {
    for (int r = 0; r < x.rows; r++)
        for (float *at = x.row(r), *end = at + columns; at < end; at += LANES)
            store(at, activate<IS_RELU, T>(load(at), sizes));
}

template <bool IS_RELU, typename T>
inline void back_through_activation(Sizes sizes, int columns, const Rows<T>& value, const Rows<T>& g) {
    for (int r = 0; r < g.rows; r++) {
        const float* from = value.row(r);
        for (float *at = g.row(r), *end = at + columns; at < end; at += LANES, from += LANES)
            store(at, load(at) * slope<IS_RELU>(load(from), sizes));
    }
}

// The weights of f_R's last two layers, and transposed, as the products take them.
template <typename T>
struct Layers {
    explicit Layers(const Given& given)
        : w2(given.sizes->second, given.sizes->hidden, given.w2, given.sizes->hidden, 1),
          w3(given.sizes->effect, given.sizes->second, given.w3, given.sizes->second, 1),
          w2t(given.sizes->hidden, given.sizes->second, given.w2, 1, given.sizes->hidden),
          w3t(given.sizes->second, given.sizes->effect, given.w3, 1, given.sizes->second) {}
    const Weights<T> w2, w3, w2t, w3t;
};

// f_R of the nodes that a thread has at hand.
template <bool IS_RELU, typename T>
struct Relation {
    Relation(const Given& given, const Layers<T>& layers, int most)
        : given(given),
          sizes(*given.sizes),
          layers(layers),
          receiver(sizes.hidden, most),
          sender(sizes.hidden, most) {}

    void take(const Group& group) const {
        group.take(receiver, given.receiver);
        group.take(sender, given.sender);
    }

    void compute(Chunk<T>& c) const {
        const int columns = c.columns();
        for (int k = 0; k < c.n_pieces; k++) {
            const float* from = sender.row(0) + c.pieces[k].sender;
            float* to = c.h1.row(0) + k * LANES;
            const int step = sender.step();
            of_receivers(c.pieces[k], sizes.hidden, receiver, [=](int h, vec own) {
                store(to + h * STEP, activate<IS_RELU, T>(own + load(from + h * step), sizes));
            });
        }
        c.h1.pack_tall(columns);
        multiply(layers.w2, given.b2, columns, c.h1.tall(), c.h2.row(0));
        activate_all<IS_RELU>(sizes, columns, c.h2);
        c.h2.pack_tall(columns);
        multiply(layers.w3, given.b3, columns, c.h2.tall(), c.effect.row(0));
        activate_all<IS_RELU>(sizes, columns, c.effect);
    }

    const Given& given;
    const Sizes sizes;
    const Layers<T>& layers;
    const Nodes receiver, sender;
};

// What a thread sums effects up with.
template <bool IS_RELU, typename T>
struct Forward {
    Forward(const Given& given, const Layers<T>& layers, int most)
        : relation(given, layers, most),
          chunk(relation.sizes),
          sums(relation.sizes.effect, most),
          lanes(relation.sizes.effect * LANES) {}

    void take(const Group& group, float* incoming) {
        Chunk<T>& c = chunk;
        relation.take(group);
        sums.clear();
        for_each_chunk(group.jets, group.end, c, [&] {
            relation.compute(c);
            for (int k = 0; k < c.n_pieces; k++) {
                const vec weight = load(c.weight + k * LANES);
                const float* effect = c.effect.row(0) + k * LANES;
                add_to_receivers(c.pieces[k], c.ends(k), relation.sizes.effect, lanes.at(), sums,
                                 [=](int d) { return weight * load(effect + d * STEP); });
            }
        });
        group.give(sums, incoming);
    }

    const Relation<IS_RELU, T> relation;
    Chunk<T> chunk;
    const Nodes sums;
    const Buffer lanes;
};

template <bool IS_RELU, typename T>
void forward(const Given& given, float* incoming) {
    const int most = most_places(given.all());
    const std::vector<Group> blocks = blocks_of(given.all(), most);
    const Layers<T> layers(given);
    using Worker = Forward<IS_RELU, T>;
    const auto each = workers<Worker>(given.threads, blocks.size(), given, layers, most);
    share_out(each, blocks.size(), [&](Worker& worker, std::int64_t block) {
        for_each_group(blocks[block], most, [&](const Group& group) { worker.take(group, incoming); });
    });
}

// Gradients of the weights that many chunks add to: each of LANES in single precision for a while, then in
// double.
struct WeightSums {
    explicit WeightSums(Sizes s)
        : size(s.second * s.hidden + s.second + s.effect * s.second + s.effect),
          lanes(size * LANES),
          w2(lanes.at()),
          b2(w2 + s.second * s.hidden * LANES),
          w3(b2 + s.second * LANES),
          b3(w3 + s.effect * s.second * LANES) {}

    void settle(double* total) const {
        for (int k = 0; k < size; k++) total[k] += sum_of(load(lanes.at() + k * LANES));
        std::fill(lanes.at(), lanes.at() + size * LANES, 0.0f);
    }

    const int size;
    const Buffer lanes;
    float *const w2, *const b2, *const w3, *const b3;
};

template <typename T>
inline void add_rows(int columns, const Rows<T>& from, float* sums) {
    for (int r = 0; r < from.rows; r++) {
        vec sum = load(sums + r * LANES);
        for (const float *at = from.row(r), *end = at + columns; at < end; at += LANES) sum += load(at);
        store(sums + r * LANES, sum);
    }
}

// Give each edge its receiver's gradient, taken through the activation of its effect.
template <bool IS_RELU, typename T>
void back_to_effects(Sizes sizes, const Chunk<T>& c, const Nodes& g_incoming) {
    for (int k = 0; k < c.n_pieces; k++) {
        const vec weight = load(c.weight + k * LANES);
        const float* effect = c.effect.row(0) + k * LANES;
        float* to = c.g3.row(0) + k * LANES;
        of_receivers(c.pieces[k], sizes.effect, g_incoming, [=](int d, vec g) {
            store(to + d * STEP, g * weight * slope<IS_RELU>(load(effect + d * STEP), sizes));
        });
    }
}

// Take the gradient of edges' hidden values through their activation, and add it to both ends of each edge.
template <bool IS_RELU, typename T>
void back_to_nodes(Sizes sizes, const Chunk<T>& c, float* lanes, const Nodes& g_receiver,
                   const Nodes& g_sender) {
    for (int k = 0; k < c.n_pieces; k++) {
        const float *g1 = c.g1.row(0) + k * LANES, *h1 = c.h1.row(0) + k * LANES;
        float* to = g_sender.row(0) + c.pieces[k].sender;
        const int step = g_sender.step();
        add_to_receivers(c.pieces[k], c.ends(k), sizes.hidden, lanes, g_receiver, [=](int h) {
            const vec g = load(g1 + h * STEP) * slope<IS_RELU>(load(h1 + h * STEP), sizes);
            store(to + h * step, load(to + h * step) + g);
            return g;
        });
    }
}

// What a thread takes gradients back with.
template <bool IS_RELU, typename T>
struct Backward {
    Backward(const Given& given, const Layers<T>& layers, int most)
        : relation(given, layers, most),
          sizes(relation.sizes),
          chunk(sizes),
          g_sums(sizes.effect, most),
          g_receiver(sizes.hidden, most),
          g_sender(sizes.hidden, most),
          lanes(sizes.hidden * LANES),
          weights(sizes) {}

    void take(const Group& block, int most, const float* g_incoming, const Gradients& gradients,
              double* g_weights) {
        int chunks = 0;
        for_each_group(block, most, [&](const Group& group) {
            relation.take(group);
            group.take(g_sums, g_incoming);
            g_receiver.clear();
            g_sender.clear();
            for_each_chunk(group.jets, group.end, chunk, [&] {
                back_from_effects();
                if (++chunks % CHUNKS_IN_FLOAT == 0) weights.settle(g_weights);
            });
            group.give(g_receiver, gradients.receiver);
            group.give(g_sender, gradients.sender);
        });
        weights.settle(g_weights);
    }

    void back_from_effects() {
        Chunk<T>& c = chunk;
        const int columns = c.columns();
        relation.compute(c);
        c.h1.pack_wide(columns);
        c.h2.pack_wide(columns);
        back_to_effects<IS_RELU>(sizes, c, g_sums);
        add_rows(columns, c.g3, weights.b3);
        c.g3.pack_wide(columns);
        add_outer(columns, c.g3, c.h2, weights.w3);
        c.g3.pack_tall(columns);
        multiply(relation.layers.w3t, nullptr, columns, c.g3.tall(), c.g2.row(0));
        back_through_activation<IS_RELU>(sizes, columns, c.h2, c.g2);
        add_rows(columns, c.g2, weights.b2);
        c.g2.pack_wide(columns);
        add_outer(columns, c.g2, c.h1, weights.w2);
        c.g2.pack_tall(columns);
        multiply(relation.layers.w2t, nullptr, columns, c.g2.tall(), c.g1.row(0));
        back_to_nodes<IS_RELU>(sizes, c, lanes.at(), g_receiver, g_sender);
    }

    const Relation<IS_RELU, T> relation;
    const Sizes sizes;
    Chunk<T> chunk;
    const Nodes g_sums, g_receiver, g_sender;
    const Buffer lanes;
    const WeightSums weights;
};

template <bool IS_RELU, typename T>
void backward(const Given& given, const float* g_incoming, const Gradients& gradients) {
    const int most = most_places(given.all());
    const std::vector<Group> blocks = blocks_of(given.all(), most);
    const Layers<T> layers(given);
    using Worker = Backward<IS_RELU, T>;
    const auto each = workers<Worker>(given.threads, blocks.size(), given, layers, most);
    const std::size_t size = each[0]->weights.size;
    std::vector<double> of_blocks(size * blocks.size());
    share_out(each, blocks.size(), [&](Worker& worker, std::int64_t block) {
        worker.take(blocks[block], most, g_incoming, gradients, of_blocks.data() + block * size);
    });
    // In the blocks' order, whichever thread was first: the same bits with any number of threads.
    std::fill_n(gradients.weights, size, 0.0);
    for (std::size_t k = 0; k < of_blocks.size(); k++) gradients.weights[k % size] += of_blocks[k];
}

}  // namespace

// Without these two where the processor does not multiply what was asked for.
#if !BF16 || defined(__AVX512BF16__)
#if BF16
using Number = Pair;
#else
using Number = float;
#endif

// Both tell 0, or 1 where there was not enough memory.
extern "C" int interaction_forward(const Given* given, float* incoming) {
    const auto work = given->sizes->is_elu ? forward<false, Number> : forward<true, Number>;
    return told([&] { work(*given, incoming); });
}

extern "C" int interaction_backward(const Given* given, const float* g_incoming, const Gradients* gradients) {
    const auto work = given->sizes->is_elu ? backward<false, Number> : backward<true, Number>;
    return told([&] { work(*given, g_incoming, *gradients); });
}
#endif
