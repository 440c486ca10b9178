// The edges of jets whose constituents are all connected, in columns of LANES at a time, and the values of
// their ends.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "products.h"

namespace {

constexpr int PLACES_AT_ONCE = 160;  // of jets that are worked through together; more if one has more
constexpr std::int64_t LEAST_EDGES_OF_A_BLOCK = 4096;  // a quarter of a millisecond; a thread starts in 20 us
constexpr int MOST_BLOCKS = 32;

struct Jet {
    std::int32_t nodes, copies;  // the last node stands for so many constituents
};

// LANES edges of a jet, of which edge number i * nodes + j goes from node j to node i.
struct Piece {
    int receiver, receivers;  // the first one's node among those at hand, and how many
    int end;  // the lane where the first receiver's edges end; the next ones have `nodes` each
    int sender, nodes;
};

// How often LANES edges of a jet from number edge on count: m_j - delta_ij; zero beyond its last one.
inline void weigh(Jet jet, int edge, float* weight) {
    const int n = jet.nodes;
    for (int lane = 0, i = edge / n, j = edge % n; lane < LANES; lane++) {
        weight[lane] = i < n ? (j == n - 1 ? jet.copies : 1) - (i == j) : 0;
        if (++j == n) i++, j = 0;
    }
}

// Call work() for all edges of some jets, as soon as a chunk is full.
template <typename Chunk, typename Work>
void for_each_chunk(const Jet* jets, const Jet* end, Chunk& c, Work work) {
    const auto finish = [&] {
        for (; c.n_pieces % Chunk::STEP_OF_PIECES; c.n_pieces++) {
            c.pieces[c.n_pieces] = c.pieces[c.n_pieces - 1];
            std::fill_n(c.weight + c.columns(), LANES, 0.0f);
        }
        work();
        c.n_pieces = 0;
    };
    int first = 0;
    for (const Jet* jet = jets; jet < end; first += jet->nodes + LANES, jet++) {
        const int n = jet->nodes;
        for (int edge = 0; edge < n * n; edge += LANES) {
            const int last = std::min(edge + LANES, n * n) - 1;
            weigh(*jet, edge, c.weight + c.columns());
            c.pieces[c.n_pieces++] = {first + edge / n, last / n - edge / n + 1, n - edge % n,
                                      first + edge % n, n};
            if (c.n_pieces == CHUNK / LANES) finish();
        }
    }
    if (c.n_pieces) finish();
}

// Values (rows, width) of the nodes of the jets at hand, each jet with LANES places more.
class Nodes {
   public:
    Nodes(int rows, int width) : rows_(rows), width_(width), values_(rows * width_) {}
    float* row(int r) const { return values_.at() + r * width_; }
    int step() const { return width_; }
    void clear() const { std::fill(row(0), row(rows_), 0.0f); }

    // Take a jet's values (nodes, rows), over and over, to `at`.
    void take(const float* from, int nodes, int at) const {
        float* const to = row(0) + at;
        const int rows = rows_, step = width_;
        for (int k = 0; k < nodes; k++, from += rows)
            for (int r = 0; r < rows; r++) to[r * step + k] = from[r];
        for (int r = 0; r < rows; r++)
            for (int k = nodes; k < nodes + LANES; k++) to[r * step + k] = to[r * step + k - nodes];
    }
    // Add up what belongs to one node, and write it.
    void give(float* to, int nodes, int at) const {
        float* const from = row(0) + at;
        const int rows = rows_, step = width_;
        for (int r = 0; r < rows; r++)
            for (int k = nodes + LANES - 1; k >= nodes; k--) from[r * step + k - nodes] += from[r * step + k];
        for (int k = 0; k < nodes; k++, to += rows)
            for (int r = 0; r < rows; r++) to[r] = from[r * step + k];
    }
    int rows() const { return rows_; }

   private:
    int rows_, width_;
    Buffer values_;
};

// Jets that lie one behind another, and the number of their first node.
struct Group {
    const Jet *jets, *end;
    std::int64_t first;

    std::int64_t edges() const {
        std::int64_t sum = 0;
        for (const Jet* jet = jets; jet < end; jet++) sum += std::int64_t{jet->nodes} * jet->nodes;
        return sum;
    }
    void take(const Nodes& nodes, const float* all) const {
        each([&](std::int64_t node, int n, int place) { nodes.take(all + node * nodes.rows(), n, place); });
    }
    void give(const Nodes& nodes, float* all) const {
        each([&](std::int64_t node, int n, int place) { nodes.give(all + node * nodes.rows(), n, place); });
    }

   private:
    template <typename Work>
    void each(Work work) const {
        std::int64_t node = first;
        int place = 0;
        for (const Jet* jet = jets; jet < end; jet++) {
            work(node, jet->nodes, place);
            node += jet->nodes;
            place += jet->nodes + LANES;
        }
    }
};

// Places that jets which are worked through together take at most.
inline int most_places(const Group& all) {
    int most = PLACES_AT_ONCE;
    for (const Jet* jet = all.jets; jet < all.end; jet++) most = std::max(most, jet->nodes + LANES);
    return most / (2 * LANES) * (2 * LANES) + 3 * LANES;  // an odd number of cache lines
}

// Call work(group) for groups of jets of together at most so many places.
template <typename Work>
void for_each_group(const Group& all, int most, Work work) {
    std::int64_t first = all.first;
    for (const Jet* jet = all.jets; jet < all.end;) {
        const Jet* begin = jet;
        int nodes = 0, places = 0;
        for (; jet < all.end && places + jet->nodes + LANES <= most; jet++) {
            nodes += jet->nodes;
            places += jet->nodes + LANES;
        }
        work(Group{begin, jet, first});
        first += nodes;
    }
}

// Cut jets into blocks of whole groups, a thread's work at a time. Blocks depend on the jets alone, so that
// what is summed up block by block has the same bits on any number of threads.
inline std::vector<Group> blocks_of(const Group& all, int most) {
    const std::int64_t enough = std::max(LEAST_EDGES_OF_A_BLOCK, all.edges() / MOST_BLOCKS);
    std::vector<Group> blocks;
    std::int64_t edges = enough;
    for_each_group(all, most, [&](const Group& group) {
        if (edges >= enough) {
            blocks.push_back(group);
            edges = 0;
        }
        blocks.back().end = group.end;
        edges += group.edges();
    });
    return blocks;
}

// Call work(row, each edge's receiver's value) for all rows.
template <typename Work>
inline void of_receivers(const Piece piece, int rows, const Nodes& nodes, Work work) {
    const float* values = nodes.row(0) + piece.receiver;
    const int step = nodes.step();
    if (piece.receivers == 1)
        for (int r = 0; r < rows; r++, values += step) work(r, splat(*values));
    else
        for (int r = 0; r < rows; r++, values += step) {
            vec x = splat(*values);
            for (int k = 1, end = piece.end; k < piece.receivers; k++, end += piece.nodes)
                x = first_lanes(x, end, splat(values[k]));
            work(r, x);
        }
}

// Add values(row) of a piece to its receivers' sums (rows, nodes), by way of lanes (rows, LANES), which hold
// what the last receiver has so far; ends: this is its last piece.
template <typename Values>
inline void add_to_receivers(const Piece piece, bool ends, int rows, float* lanes, const Nodes& sums,
                             Values values) {
    if (piece.receivers == 1 && !ends) {
        for (int r = 0; r < rows; r++, lanes += LANES) store(lanes, load(lanes) + values(r));
        return;
    }
    float* to = sums.row(0) + piece.receiver;
    const int step = sums.step(), last = piece.receivers - 1;
    for (int r = 0; r < rows; r++, lanes += LANES, to += step) {
        vec sum = load(lanes), left = values(r);
        for (int k = 0, end = piece.end; k < last; k++, end += piece.nodes) {
            to[k] += sum_of(sum + first_lanes(left, end, vec{}));
            left = first_lanes(vec{}, end, left);
            sum = vec{};
        }
        sum += left;
        if (ends) to[last] += sum_of(sum);
        store(lanes, ends ? vec{} : sum);
    }
}

}  // namespace
