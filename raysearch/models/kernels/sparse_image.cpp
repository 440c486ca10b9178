// Convolution of images that are mostly zero, pooled over squares, forwards and backwards: the first layer of
// the CNN of arXiv:1908.05318. A jet has some 40 occupied cells of 10,000, and a filter of 3 x 3 sees one of
// them from 400 places at most; everywhere else its value is 0.
//
//     c[f, x, y] = sum_ij w[f, i, j] image[x + i - k / 2, y + j - k / 2]
//
// Of c come the sums of c and of c^2 over all places, which batch normalisation needs, and from each square
// of pool x pool cells the largest value of sign[f] c[f], with its place. Gradients are of the weights, not of
// the image; c is computed again for them.
//
// A place's values of all filters lie side by side, padded to FP floats by zeros, which is known when this is
// compiled. Names: images (jets, side, side), w (kernel^2, FP), sign (FP); pooled, place (jets, filters,
// squares). All float32 but place (int32) and sums (float64), C order, owned by the caller.

#include <cstdint>
#include <vector>

#include "vectors.h"

namespace {

constexpr int VECTORS = FP / LANES;
constexpr std::int32_t NOWHERE = -1;  // the place of a largest value that no occupied cell is near: 0

struct Sizes {
    std::int32_t side, kernel, filters, pool;
};

struct Cell {
    std::int32_t x, y;
    float value;
};

// What is known of one image; buffers are kept from one to the next, and hold zeros between them.
class Image {
  public:
    explicit Image(const Sizes& sizes)
        : s(sizes), c(sizes.side * sizes.side * FP), near(sizes.side * sizes.side) {}

    void convolve(const float* image, const float* w) {
        clear();
        for (std::int32_t x = 0; x < s.side; x++)
            for (std::int32_t y = 0; y < s.side; y++)
                if (const float value = image[x * s.side + y]; value != 0.0f) cells.push_back({x, y, value});
        for (const Cell& cell : cells)
            each_place(cell, [&](std::int32_t place, int tap) {
                if (!near[place]) {
                    near[place] = 1;
                    places.push_back(place);
                }
                for (int v = 0; v < VECTORS; v++) {
                    float* to = at(place) + v * LANES;
                    store(to, load(to) + cell.value * load(w + tap * FP + v * LANES));
                }
            });
    }

    // Calls use(place, tap) for each place whose filter sees the cell, tap being the weight that does.
    template <class Use>
    void each_place(const Cell& cell, Use use) const {
        const int half = s.kernel / 2;
        for (int i = 0; i < s.kernel; i++) {
            const std::int32_t x = cell.x - i + half;
            if (x < 0 || x >= s.side) continue;
            for (int j = 0; j < s.kernel; j++) {
                const std::int32_t y = cell.y - j + half;
                if (y >= 0 && y < s.side) use(x * s.side + y, i * s.kernel + j);
            }
        }
    }

    float* at(std::int32_t place) { return c.data() + static_cast<std::size_t>(place) * FP; }

    std::vector<Cell> cells;
    std::vector<std::int32_t> places;  // those that see a cell

  private:
    void clear() {
        for (const std::int32_t place : places) {
            near[place] = 0;
            for (int v = 0; v < VECTORS; v++) store(at(place) + v * LANES, splat(0.0f));
        }
        places.clear();
        cells.clear();
    }

    const Sizes& s;
    std::vector<float> c;
    std::vector<char> near;
};

// The largest value so far of each filter in each square of an image.
class Squares {
  public:
    explicit Squares(const Sizes& sizes)
        : s(sizes), across(sizes.side / sizes.pool), seen(across * across), best(seen.size() * FP),
          where(seen.size() * FP) {}

    void add(std::int32_t place, const float* c, const float* sign) {
        const std::int32_t x = place / s.side / s.pool, y = place % s.side / s.pool;
        if (x >= across || y >= across) return;  // cells at the edge that fill no square
        const std::int32_t square = x * across + y;
        if (!seen[square]++) touched.push_back(square);
        float* largest = best.data() + square * FP;
        std::int32_t* at = where.data() + square * FP;
        const bool first = seen[square] == 1;
        for (int f = 0; f < s.filters; f++)
            // the lower place of two equal ones; NaN wins, and stays
            if (first || sign[f] * c[f] > sign[f] * largest[f] || c[f] != c[f] ||
                (c[f] == largest[f] && place < at[f])) {
                largest[f] = c[f];
                at[f] = place;
            }
    }

    // Writes what is largest, 0 among it where cells of the square see nothing, and forgets all.
    void finish(const float* sign, float* pooled, std::int32_t* place) {
        const int n = across * across;
        for (const std::int32_t square : touched) {
            const bool has_zero = seen[square] < s.pool * s.pool;
            for (int f = 0; f < s.filters; f++) {
                const float value = best[square * FP + f];
                const bool is_zero = has_zero && sign[f] * value <= 0.0f;
                pooled[f * n + square] = is_zero ? 0.0f : value;
                place[f * n + square] = is_zero ? NOWHERE : where[square * FP + f];
            }
            seen[square] = 0;
        }
        touched.clear();
    }

  private:
    const Sizes& s;
    const std::int32_t across;
    std::vector<std::int32_t> seen;  // places of a square that see a cell
    std::vector<float> best;
    std::vector<std::int32_t> where, touched;
};

}  // namespace

extern "C" {

// pooled is to hold zeros and place NOWHERE. Gives the sums over all places of all images, (FP) each.
void sparse_forward(const Sizes* sizes, int jets, const float* images, const float* w, const float* sign,
                    float* pooled, std::int32_t* place, double* sum, double* sum_of_squares) {
    Image image(*sizes);
    Squares squares(*sizes);
    const int cells = sizes->side * sizes->side, across = sizes->side / sizes->pool;
    const std::size_t made = static_cast<std::size_t>(sizes->filters) * across * across;
    for (int f = 0; f < FP; f++) sum[f] = sum_of_squares[f] = 0.0;
    for (int jet = 0; jet < jets; jet++) {
        image.convolve(images + static_cast<std::size_t>(jet) * cells, w);
        vec once[VECTORS] = {}, twice[VECTORS] = {};
        for (const std::int32_t at : image.places) {
            for (int v = 0; v < VECTORS; v++) {
                const vec c = load(image.at(at) + v * LANES);
                once[v] += c;
                twice[v] += c * c;
            }
            squares.add(at, image.at(at), sign);
        }
        squares.finish(sign, pooled + jet * made, place + jet * made);
        for (int f = 0; f < FP; f++) {
            sum[f] += once[f / LANES][f % LANES];
            sum_of_squares[f] += twice[f / LANES][f % LANES];
        }
    }
}

// Of the gradients with respect to pooled, and to the two sums (FP), that of the weights (kernel^2, FP).
void sparse_backward(const Sizes* sizes, int jets, const float* images, const float* w,
                     const std::int32_t* place, const float* g_pooled, const float* g_sum,
                     const float* g_squares, double* g_w) {
    Image image(*sizes);
    const int cells = sizes->side * sizes->side, across = sizes->side / sizes->pool, n = across * across;
    const int taps = sizes->kernel * sizes->kernel;
    const std::size_t made = static_cast<std::size_t>(sizes->filters) * n;
    std::vector<float> of_jet(taps * FP);
    for (int k = 0; k < taps * FP; k++) g_w[k] = 0.0;
    for (int jet = 0; jet < jets; jet++) {
        image.convolve(images + static_cast<std::size_t>(jet) * cells, w);
        for (const std::int32_t at : image.places)
            for (int v = 0; v < VECTORS; v++) {
                float* c = image.at(at) + v * LANES;  // from here on the gradient with respect to it
                store(c, load(g_sum + v * LANES) + 2.0f * load(c) * load(g_squares + v * LANES));
            }
        for (int f = 0; f < sizes->filters; f++)
            for (int square = 0; square < n; square++) {
                const std::size_t one = jet * made + f * n + square;
                if (place[one] != NOWHERE) image.at(place[one])[f] += g_pooled[one];
            }
        for (float& value : of_jet) value = 0.0f;
        for (const Cell& cell : image.cells)
            image.each_place(cell, [&](std::int32_t at, int tap) {
                for (int v = 0; v < VECTORS; v++) {
                    float* to = of_jet.data() + tap * FP + v * LANES;
                    store(to, load(to) + cell.value * load(image.at(at) + v * LANES));
                }
            });
        for (int k = 0; k < taps * FP; k++) g_w[k] += of_jet[k];
    }
}

}  // extern "C"
