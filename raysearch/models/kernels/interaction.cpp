// Sum over a constituent's incoming edges in JEDI-net, arXiv:1908.05318 section 4, forwards and backwards:
//
//     Ebar_i = sum_j (m_j - delta_ij) f_R(receiver_i + sender_j)
//
// with f_R's first layer already split and m_j the number of constituents that node j stands for. Edges are
// columns, worked through CHUNK at a time, so that all values of a chunk stay in a core's first or second
// cache, and the backward pass computes them again. Self-edges take part with weight m_j - 1, mostly zero:
// all receivers' senders then lie alike, and only one edge in some fifty is computed in vain.
//
// Names: receiver, sender (nodes, hidden); w2 (second, hidden), b2, w3 (effect, second), b3; incoming (nodes,
// effect). All float32, C order, owned by the caller, who also sees that sizes fit.

#include <cstdint>
#include <memory>

#include "jet_edges.h"

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
    const float *receiver, *sender, *w2, *b2, *w3, *b3;
};

// Of the weights in double precision, in the layout of the weights.
struct Gradients {
    float *receiver, *sender;
    double *w2, *b2, *w3, *b3;
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

// f_R of the nodes at hand.
template <bool IS_RELU, typename T>
struct Relation {
    explicit Relation(const Given& given)
        : given(given),
          sizes(*given.sizes),
          w2(sizes.second, sizes.hidden, given.w2, sizes.hidden, 1),
          w3(sizes.effect, sizes.second, given.w3, sizes.second, 1),
          receiver(sizes.hidden, most_places(given.jets, given.n_jets)),
          sender(sizes.hidden, most_places(given.jets, given.n_jets)) {}

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
        multiply(w2, given.b2, columns, c.h1.tall(), c.h2.row(0));
        activate_all<IS_RELU>(sizes, columns, c.h2);
        c.h2.pack_tall(columns);
        multiply(w3, given.b3, columns, c.h2.tall(), c.effect.row(0));
        activate_all<IS_RELU>(sizes, columns, c.effect);
    }

    const Given& given;
    const Sizes sizes;
    const Weights<T> w2, w3;
    const Nodes receiver, sender;
};

template <bool IS_RELU, typename T>
void forward(const Given& given, float* incoming) {
    const Relation<IS_RELU, T> relation(given);
    const Sizes sizes = relation.sizes;
    const auto c = std::make_unique<Chunk<T>>(sizes);
    const Nodes sums(sizes.effect, most_places(given.jets, given.n_jets));
    const Buffer lanes(sizes.effect * LANES);
    for_each_group(given.jets, given.n_jets, [&](const Group& group) {
        relation.take(group);
        sums.clear();
        for_each_chunk(group.jets, group.end, *c, [&] {
            relation.compute(*c);
            for (int k = 0; k < c->n_pieces; k++) {
                const vec weight = load(c->weight + k * LANES);
                const float* effect = c->effect.row(0) + k * LANES;
                add_to_receivers(c->pieces[k], c->ends(k), sizes.effect, lanes.at(), sums,
                                 [=](int d) { return weight * load(effect + d * STEP); });
            }
        });
        group.give(sums, incoming);
    });
}

// A gradient that many chunks add to: each of LANES in single precision for a while, then in double.
struct Sum {
    explicit Sum(int size) : size(size), lanes(size * LANES), total(new double[size]()) {}
    void settle() {
        for (int k = 0; k < size; k++) total[k] += sum_of(load(lanes.at() + k * LANES));
        std::fill(lanes.at(), lanes.at() + size * LANES, 0.0f);
    }
    void write(double* to) {
        settle();
        std::copy(total.get(), total.get() + size, to);
    }
    int size;
    Buffer lanes;
    std::unique_ptr<double[]> total;
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

template <bool IS_RELU, typename T>
void backward(const Given& given, const float* g_incoming, const Gradients& gradients) {
    const Relation<IS_RELU, T> relation(given);
    const Sizes sizes = relation.sizes;
    const Weights<T> w2t(sizes.hidden, sizes.second, given.w2, 1, sizes.hidden);
    const Weights<T> w3t(sizes.second, sizes.effect, given.w3, 1, sizes.second);
    const auto chunk = std::make_unique<Chunk<T>>(sizes);
    const int most = most_places(given.jets, given.n_jets);
    const Nodes g_sums(sizes.effect, most), g_receiver(sizes.hidden, most), g_sender(sizes.hidden, most);
    const Buffer lanes(sizes.hidden * LANES);
    Sum w2(sizes.second * sizes.hidden), b2(sizes.second), w3(sizes.effect * sizes.second), b3(sizes.effect);
    int chunks = 0;
    for_each_group(given.jets, given.n_jets, [&](const Group& group) {
        relation.take(group);
        group.take(g_sums, g_incoming);
        g_receiver.clear();
        g_sender.clear();
        for_each_chunk(group.jets, group.end, *chunk, [&] {
            Chunk<T>& c = *chunk;
            const int columns = c.columns();
            relation.compute(c);
            c.h1.pack_wide(columns);
            c.h2.pack_wide(columns);
            back_to_effects<IS_RELU>(sizes, c, g_sums);
            add_rows(columns, c.g3, b3.lanes.at());
            c.g3.pack_wide(columns);
            add_outer(columns, c.g3, c.h2, w3.lanes.at());
            c.g3.pack_tall(columns);
            multiply(w3t, nullptr, columns, c.g3.tall(), c.g2.row(0));
            back_through_activation<IS_RELU>(sizes, columns, c.h2, c.g2);
            add_rows(columns, c.g2, b2.lanes.at());
            c.g2.pack_wide(columns);
            add_outer(columns, c.g2, c.h1, w2.lanes.at());
            c.g2.pack_tall(columns);
            multiply(w2t, nullptr, columns, c.g2.tall(), c.g1.row(0));
            back_to_nodes<IS_RELU>(sizes, c, lanes.at(), g_receiver, g_sender);
            if (++chunks % CHUNKS_IN_FLOAT == 0)
                for (Sum* sum : {&w2, &b2, &w3, &b3}) sum->settle();
        });
        group.give(g_receiver, gradients.receiver);
        group.give(g_sender, gradients.sender);
    });
    w2.write(gradients.w2);
    b2.write(gradients.b2);
    w3.write(gradients.w3);
    b3.write(gradients.b3);
}

}  // namespace

// Without these two where the processor does not multiply what was asked for.
#if !BF16 || defined(__AVX512BF16__)
#if BF16
using Number = Pair;
#else
using Number = float;
#endif

extern "C" void interaction_forward(const Given* given, float* incoming) {
    const auto work = given->sizes->is_elu ? forward<false, Number> : forward<true, Number>;
    work(*given, incoming);
}

extern "C" void interaction_backward(const Given* given, const float* g_incoming,
                                     const Gradients* gradients) {
    const auto work = given->sizes->is_elu ? backward<false, Number> : backward<true, Number>;
    work(*given, g_incoming, *gradients);
}
#endif
