// Work that several threads share, for kernels that Python calls.
//
// Threads live as long as one call, which takes some 20 us for each: between calls there are none, so that a
// process can fork at any time (Ray and loaders do), none spins beside torch's, and no second OpenMP runtime
// meets the one that torch brings. A new thread has its maker's floating-point modes (pthread_create).

#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

namespace {

// What each thread works with, one Worker for each, and no more of them than there are items.
template <typename Worker, typename... What>
std::vector<std::unique_ptr<Worker>> workers(std::int64_t threads, std::int64_t items, const What&... what) {
    std::vector<std::unique_ptr<Worker>> made;
    do made.push_back(std::make_unique<Worker>(what...));
    while (static_cast<std::int64_t>(made.size()) < std::min(threads, items));
    return made;
}

// Call work(worker, item) for all items, each worker on a thread of its own, the first on this one. Items go
// out by rising number, each to the next thread that is free. Where no more threads can be had, those that
// there are do it all. Work must not throw: what memory it needs is its worker's.
template <typename Worker, typename Work>
void share_out(const std::vector<std::unique_ptr<Worker>>& workers, std::int64_t items, const Work& work) {
    std::atomic<std::int64_t> next{0};
    const auto take_items = [&](Worker* worker) {
        for (std::int64_t item; (item = next++) < items;) work(*worker, item);
    };
    std::vector<std::thread> others;
    try {
        for (std::size_t k = 1; k < workers.size(); k++) others.emplace_back(take_items, workers[k].get());
    } catch (const std::exception&) {
    }
    take_items(workers[0].get());
    for (std::thread& other : others) other.join();
}

// Do work for a caller that knows no exceptions: 0, or 1 where there was not enough memory.
template <typename Work>
int told(const Work& work) {
    try {
        work();
        return 0;
    } catch (const std::exception&) {
        return 1;
    }
}

}  // namespace
