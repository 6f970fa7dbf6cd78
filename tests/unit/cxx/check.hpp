// SPDX-License-Identifier: MIT
/* check: what the C++ tests share: a check that ends the program and prints its line, the figures
 * of a family, and the one live block of a family. */
#ifndef TESTS_UNIT_CXX_CHECK_HPP
#define TESTS_UNIT_CXX_CHECK_HPP

#include <lmm/lmm.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);         \
            std::exit(1);                                                                          \
        }                                                                                          \
    } while (0)

inline struct lmm_stats stats_of(const char *name)
{
    struct lmm_stats stats;
    struct lmm_family *family = lmm_family_find(name);

    if (family == nullptr) {
        std::fprintf(stderr, "no family is called %s\n", name);
        std::exit(1);
    }
    CHECK(lmm_family_stats(family, &stats) == 0);
    return stats;
}

/* Whether the family has these live blocks and structs. */
inline bool lives(const char *name, std::uint64_t blocks, std::uint64_t slots)
{
    const struct lmm_stats stats = stats_of(name);

    if (stats.live_blocks == blocks && stats.live_slots == slots) {
        return true;
    }
    std::fprintf(stderr, "%s: %llu blocks, %llu structs live\n", name,
                 static_cast<unsigned long long>(stats.live_blocks),
                 static_cast<unsigned long long>(stats.live_slots));
    return false;
}

inline int copy_block(const struct lmm_block *block, void *arg)
{
    if (block->address == static_cast<struct lmm_block *>(arg)->address) {
        *static_cast<struct lmm_block *>(arg) = *block;
        return 1;
    }
    return 0;
}

/* What LMM knows of the block that starts at p. */
inline struct lmm_block block_at(const volatile void *p)
{
    struct lmm_block block = {};

    block.address = const_cast<void *>(p);
    CHECK(lmm_for_each_block(nullptr, copy_block, &block) == 1);
    return block;
}

inline bool is_aligned(const volatile void *p, std::size_t align)
{
    return reinterpret_cast<std::uintptr_t>(p) % align == 0;
}

#endif
