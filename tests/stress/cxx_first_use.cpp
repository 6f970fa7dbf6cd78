// SPDX-License-Identifier: MIT
/* cxx_first_use: threads use the same types of lmm.hpp for the first time at the same moment: each
 * type must become one family, each line one site, and each block must be counted. */
#include <lmm/lmm.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);         \
            std::abort();                                                                          \
        }                                                                                          \
    } while (0)

enum { THREADS = 8, TYPES = 24, ROUNDS = 50 };

template <int N> struct item {
    long value[N];
};

struct shape : lmm::counted<shape> {
    virtual ~shape() = default;
};
template <int N> struct derived : shape {
    long more[N];
};

/* All threads pass the same moment, once for each type. */
class gate
{
  public:
    void pass(int round)
    {
        here_++;
        while (here_ < (round + 1) * THREADS) {
            std::this_thread::yield();
        }
    }

  private:
    std::atomic<int> here_ {0};
};

static gate start;

template <int N> static void use_type()
{
    start.pass(TYPES - N);
    for (int round = 0; round < ROUNDS; round++) {
        lmm::allocator<item<N>> allocator;
        item<N> *several = allocator.allocate(2 + std::size_t(round % 3));
        auto one = lmm::make_unique<item<N>>();
        shape *object = new derived<N>;
        delete object;
        allocator.deallocate(several, 2);
    }
}

template <int N> struct use_types {
    static void run()
    {
        use_type<N>();
        use_types<N - 1>::run();
    }
};
template <> struct use_types<0> {
    static void run()
    {
    }
};

static int count_family(struct lmm_family *family, void *arg)
{
    struct lmm_stats stats;

    CHECK(lmm_family_stats(family, &stats) == 0);
    CHECK(stats.live_blocks == 0 && stats.allocations == stats.frees);
    *static_cast<std::uint64_t *>(arg) += stats.allocations;
    return 0;
}

int main()
{
    std::vector<std::thread> threads;
    std::uint64_t allocations = 0;

    for (int i = 0; i < THREADS; i++) {
        threads.emplace_back(use_types<TYPES>::run);
    }
    for (auto &thread : threads) {
        thread.join();
    }
    lmm_for_each_family(count_family, &allocations);
    CHECK(allocations == std::uint64_t(3) * THREADS * TYPES * ROUNDS);
    return 0;
}
