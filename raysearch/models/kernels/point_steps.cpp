// Point mutations of many seeds in one call, raysearch/evolve/mutation.py: places of the weights that change
// and the uniform numbers of which their changes are made. The numbers are NumPy's own: its functions are
// linked in (libnpyrandom.a, which is made for that) and only the bit generator is written anew, so that a
// child's cost is that of its numbers and not of a dozen calls from Python.

#include <algorithm>
#include <cstdint>
#include <vector>

extern "C" {
struct bitgen_t {  // numpy/random/bitgen.h
    void* state;
    std::uint64_t (*next_uint64)(void*);
    std::uint32_t (*next_uint32)(void*);
    double (*next_double)(void*);
    std::uint64_t (*next_raw)(void*);
};
void random_standard_exponential_fill(bitgen_t*, std::intptr_t, double*);
void random_standard_uniform_fill_f(bitgen_t*, std::intptr_t, float*);
}

namespace {

struct Sfc64 {  // numpy/random/src/sfc64/sfc64.h
    std::uint64_t a, b, c, counter = 1;
    bool has_half = false;
    std::uint32_t half = 0;

    explicit Sfc64(std::uint64_t seed) : a(seed), b(seed), c(seed) {
        for (int i = 0; i < 12; i++) next();
    }

    std::uint64_t next() {
        const std::uint64_t given = a + b + counter++;
        a = b ^ (b >> 11);
        b = c + (c << 3);
        c = ((c << 24) | (c >> 40)) + given;
        return given;
    }

    std::uint32_t next_half() {
        has_half = !has_half;
        if (!has_half) return half;
        const std::uint64_t both = next();
        half = static_cast<std::uint32_t>(both >> 32);
        return static_cast<std::uint32_t>(both);
    }
};

std::uint64_t next_uint64(void* state) { return static_cast<Sfc64*>(state)->next(); }
std::uint32_t next_uint32(void* state) { return static_cast<Sfc64*>(state)->next_half(); }
double next_double(void* state) { return (next_uint64(state) >> 11) * (1.0 / 9007199254740992.0); }

}  // namespace

// Steps of seeds (children,) for n weights. Each takes `gaps` exponentials, times `mean` the gaps between its
// places. counts (children,): how many places each has, -1 where the gaps do not reach the end. places and
// uniforms have room for gaps * children, and hold those of one child behind another.
extern "C" void point_steps(int children, const std::uint64_t* seeds, std::int64_t n, std::int64_t gaps,
                            double mean, std::int64_t* counts, std::int64_t* places, float* uniforms) {
    std::vector<double> drawn(gaps);
    for (int child = 0; child < children; child++) {
        Sfc64 generator(seeds[child]);
        bitgen_t bits{&generator, next_uint64, next_uint32, next_double, next_uint64};
        random_standard_exponential_fill(&bits, gaps, drawn.data());
        std::int64_t place = -1, count = 0;
        for (std::int64_t i = 0; i < gaps && place < n; i++) {
            place += static_cast<std::int64_t>(std::min(drawn[i] * mean, static_cast<double>(n))) + 1;
            if (place < n) places[count++] = place;
        }
        if (place < n) {
            counts[child] = -1;
            continue;
        }
        random_standard_uniform_fill_f(&bits, count, uniforms);
        counts[child] = count;
        places += count;
        uniforms += count;
    }
}
